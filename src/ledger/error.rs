//! What can be wrong with a ledger, a checkpoint or a receipt.

use std::io;
use std::path::PathBuf;

use crate::identity::PublicKey;
use crate::state::StateError;

/// Why a ledger cannot be used, or does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The state directory, or the lock of the ledger.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file cannot be read or written.
    #[error("cannot use {path:?} of the ledger: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no ledger.
    #[error("there is no ledger in {path:?}")]
    Absent {
        /// The directory.
        path: PathBuf,
    },
    /// A file is missing or is not what the checkpoint needs there.
    #[error("{path:?} of the ledger {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A text is no checkpoint.
    #[error("this is no checkpoint of a ledger: {what}")]
    NotACheckpoint {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A text is no receipt.
    #[error("this is no receipt of a ledger, or an altered one")]
    NotAReceipt,
    /// A checkpoint is that of another log.
    #[error("the checkpoint is of the ledger `{found}`, and not of that of the key, `{expected}`")]
    OtherOwner {
        /// The origin in it.
        found: String,
        /// The origin that belongs to the key.
        expected: String,
    },
    /// A checkpoint does not carry the signature that it needs.
    #[error("the checkpoint does not carry the signature of {key}")]
    NotSigned {
        /// Who should have signed.
        key: PublicKey,
    },
    /// A checkpoint does not carry the cosignature that is asked for.
    #[error("no checkpoint of the ledger carries the cosignature of {key}")]
    NotCosigned {
        /// Who should have cosigned.
        key: PublicKey,
    },
    /// A signature by the right key is wrong.
    #[error("the signature of {key} does not fit the checkpoint")]
    BadSignature {
        /// Who is said to have signed.
        key: PublicKey,
    },
    /// Hashes do not add up to the root that was signed.
    #[error("the ledger's tiles do not add up to the root of its checkpoint")]
    Root,
    /// An entry is not what was signed, or no entry at all.
    #[error("entry {index} of the ledger {what}")]
    Entry {
        /// Its place, counted from 0.
        index: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An entry that was to be written breaks the rules of entries.
    #[error("an entry cannot be written: {what}")]
    BadEntry {
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is no such entry.
    #[error("there is no entry {index}; the checkpoint covers {size}, counted from 0")]
    NoEntry {
        /// The place asked for.
        index: u64,
        /// Entries of the checkpoint.
        size: u64,
    },
    /// A proof does not lead to the root.
    #[error("the proof does not lead to the root of the checkpoint")]
    Proof,
    /// A log is shorter than it was.
    #[error("the ledger has {found} entries and had {before} before")]
    Shrunk {
        /// Entries now.
        found: u64,
        /// Entries then.
        before: u64,
    },
    /// Two checkpoints of one owner are of different logs.
    #[error(
        "split view: the ledger with {found} entries does not continue the one of {before} entries that was seen before"
    )]
    SplitView {
        /// Entries now.
        found: u64,
        /// Entries then.
        before: u64,
    },
}

impl LedgerError {
    /// Says what the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::State(error) => return error.hint(),
            Self::Io { .. } => "pass a directory that you can use, with --ledger or --state-dir",
            Self::Absent { .. } => {
                "pass a ledger's directory with --ledger; the own one begins with the first run"
            }
            Self::NotACheckpoint { .. } => "pass the file `checkpoint` of a ledger, as its owner wrote it",
            Self::NotAReceipt => "pass what `tidegate audit prove` wrote",
            Self::OtherOwner { .. } => "give the key of the ledger's owner with --key",
            Self::NotCosigned { .. } => {
                "have the owner of that key run `tidegate audit cosign` on the ledger"
            }
            Self::NoEntry { .. } => "see the entries with `tidegate audit list`",
            Self::BadEntry { .. } => "shorten the texts of the agreement",
            Self::Shrunk { .. } => {
                "get a newer copy; if its owner has none, the ledger was cut: keep both checkpoints"
            }
            Self::SplitView { .. } => {
                "keep both checkpoints: with the owner's signatures they show that the ledger was rewritten"
            }
            Self::Damaged { .. }
            | Self::NotSigned { .. }
            | Self::BadSignature { .. }
            | Self::Root
            | Self::Entry { .. }
            | Self::Proof => {
                "it was altered or is incomplete: get a whole copy from its owner, or restore a backup"
            }
        };
        Some(hint.to_owned())
    }

    /// Tells whether this speaks against the ledger, where other errors say that it could not be looked at.
    pub fn is_evidence(&self) -> bool {
        !matches!(
            self,
            Self::State(_)
                | Self::Io { .. }
                | Self::Absent { .. }
                | Self::NotACheckpoint { .. }
                | Self::NoEntry { .. }
                | Self::BadEntry { .. }
        )
    }
}
