//! The ledger: what was agreed, run, refused and released, in a log to which its owner can only append.
//!
//! Every entry is a leaf of a Merkle tree whose head the owner signs after each append. A released table's receipt proves
//! that its entry is in the tree; a proof of consistency shows that nothing before was altered or taken out; and partners
//! who cosign heads, each remembering the last one, notice an owner who shows different logs to different people.
//! Entries hold digests and names: never a record, a value, a count of records, or time and work spent on a run, all of
//! which would be a channel out of the data.
//!
//! # Source
//! Tree: RFC 6962 §2.1, proofs verified as in RFC 9162 §2.1.3 and §2.1.4. Files: C2SP tlog-tiles, tlog-checkpoint,
//! signed-note and tlog-cosignature (`cosignature/v1`), so that other programs for such logs read this one.
//!
//! # Layout
//! ```text
//! ledger/FINGERPRINT/      in the state directory, FINGERPRINT being that of the owner's key
//!   checkpoint             origin, size, root; signed by the owner, cosigned by partners
//!   cosigned               the last checkpoint with cosignatures, once the log has grown beyond it
//!   tile/entries/000.p/3   256 entries, or fewer: each with its length in two bytes
//!   tile/0/000.p/3         256 hashes of entries, or fewer; tile/1/.. holds the roots of full tiles of tile/0/.., and so on
//!   lock
//! ```
//! An append writes entries and tiles under new names and then replaces the checkpoint, which alone says how long the log
//! is. What a cut append has left is removed by the next one.
//!
//! # Security
//! | against | what is there |
//! |---|---|
//! | whoever alters files, without the owner's key | every byte of entries, tiles and checkpoint is checked by `audit verify` |
//! | the owner, who rewrites or shortens the log | consistency with an older checkpoint; partners' cosignatures |
//! | the owner, who shows two logs | a partner cosigns one of them; who asks for its cosignature sees only that one |
//!
//! Not protected: an entry that the owner's program never wrote; and a digest confirms a guess, so a released table with few
//! possible contents can be recognized by whoever reads the log. Signatures are over the texts as the format has them,
//! without a domain of this program. They cannot be taken for anything else that an identity signs
//! ([`crate::identity`]): the texts begin with `tidegate-ledger/` or `cosignature/v1`.
//!
//! # Deviations
//! Partial tiles of earlier sizes are removed once a longer one is in place, where tlog-tiles keeps them until the tile is
//! full: the longer one begins with the same bytes, and a directory has no clients in the middle of fetching.
//! The code is this project's own: the crates `tlog_tiles` and `signed_note` (0.2, BSD-3-Clause) need a second generation of
//! the curve, hash and URL crates, some forty more, and have no store; `ct-merkle` has the tree without tiles and notes.

mod append;
mod checkpoint;
mod entry;
mod error;
mod note;
mod proof;
mod receipt;
pub(crate) mod record;
mod store;
mod tile;
mod tree;
mod witness;

pub use self::checkpoint::{Checkpoint, SignedCheckpoint, cosigner_name, origin_of};
pub use self::entry::{Dataset, Digest, Entry, Kind, Protocol, Reason, Time};
pub use self::error::LedgerError;
pub use self::proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use self::receipt::Receipt;
pub(crate) use self::receipt::read_limited;
pub use self::store::{Ledger, Verified};
pub use self::tile::Tiles;
pub use self::tree::{Hash, Nodes, leaf_hash, root};
pub use self::witness::Witness;
