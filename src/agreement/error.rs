//! What can be wrong with an agreement.

use std::io;
use std::path::PathBuf;

use super::Day;

/// What is wrong with an agreement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgreementError {
    /// The file cannot be read.
    #[error("cannot read agreement {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write agreement {path:?}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a file already.
    #[error("{path:?} exists")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than any agreement.
    #[error("{path:?} has more than {max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most allowed.
        max: u64,
    },
    /// The file is not TOML, or not with these fields.
    #[error("{path:?} is no agreement: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        message: String,
    },
    /// The document has another version.
    #[error("the agreement has version {found}; this program knows {expected}")]
    Version {
        /// The version found.
        found: u32,
        /// The version known.
        expected: u32,
    },
    /// A field breaks its rule.
    #[error("`{name}` of an agreement {rule}")]
    Field {
        /// The field.
        name: &'static str,
        /// What holds for it.
        rule: &'static str,
    },
    /// A field of an entry of a list breaks its rule.
    #[error("`{name}` of `{entry}` in an agreement {rule}")]
    Entry {
        /// The field.
        name: &'static str,
        /// The name of the entry.
        entry: String,
        /// What holds for it.
        rule: &'static str,
    },
    /// Something is wrong with an agreement on a sum.
    #[error(transparent)]
    OfASum(Box<Self>),
    /// The agreement is not on an intersection.
    #[error("the agreement is on statistics (`join-elgamal`), not on an intersection")]
    NotAnIntersection,
    /// The agreement is not on statistics.
    #[error("the agreement is on an intersection, not on statistics")]
    NotStatistics,
    /// The agreement is on a sum.
    #[error("the agreement is on a sum over the tables of all parties (`sum-masked`)")]
    OnASum,
    /// The agreement is not on a sum.
    #[error("the agreement is not on a sum over the tables of all parties (`sum-masked`)")]
    NotASum,
    /// The agreement is on a vector of named cells.
    #[error("the agreement is on a vector of named cells, not on statistics")]
    OnAVector,
    /// The agreement is not on a vector of named cells.
    #[error("the agreement is not on a vector of named cells")]
    NotAVector,
    /// The agreement is on reports.
    #[error("the agreement is on reports (`prio3`)")]
    OnReports,
    /// The agreement is not on reports.
    #[error("the agreement is not on reports")]
    NotReports,
    /// Parties have not signed.
    #[error("the agreement is not signed by {}", parties.join(" and "))]
    Unsigned {
        /// Their names.
        parties: Vec<String>,
    },
    /// A signature is not that of its party over these terms.
    #[error("the signature of `{party}` does not fit these terms")]
    BadSignature {
        /// The party.
        party: String,
    },
    /// A party signed twice.
    #[error("`{party}` has signed already")]
    SignedAlready {
        /// The party.
        party: String,
    },
    /// A file holds two signatures of one party.
    #[error("the file holds more than one signature of `{party}`")]
    SignedTwice {
        /// The party.
        party: String,
    },
    /// Somebody signed who is no party.
    #[error("`{name}` signed, but is no party of the agreement")]
    Stranger {
        /// The name in the signature.
        name: String,
    },
    /// The agreement has expired.
    #[error("the agreement expired on {expires}")]
    Expired {
        /// Its last day.
        expires: Day,
    },
    /// The own key is not that of a party.
    #[error("the key {key} belongs to no party of the agreement")]
    NotAParty {
        /// The own public key.
        key: String,
    },
}

impl AgreementError {
    /// Says what the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::OfASum(error) => match **error {
                Self::Syntax { .. } | Self::Field { .. } | Self::Entry { .. } => SUM_EXAMPLE,
                _ => return error.hint(),
            },
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "make one with `tidegate agreement new`, or check the path"
            }
            Self::Write { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "make the directory first, or check the path"
            }
            Self::OnASum => "run `tidegate sum` under it",
            Self::NotASum => "agree on `sum-masked`, or run the command that its `protocol` is for",
            Self::OnAVector => "pass the list of its cells",
            Self::NotAVector => "leave the list of cells out, or agree on a `[vector]`",
            Self::Field { name, .. } if is_of_sum(name) => SUM_EXAMPLE,
            Self::Entry { name: "party.sources", .. } => SUM_EXAMPLE,
            Self::Entry { .. } => JOIN_EXAMPLE,
            Self::Field { name, .. } if is_of_join(name) => JOIN_EXAMPLE,
            Self::NotAnIntersection => "run `tidegate join` under it, or agree on `psi-ecdh`",
            Self::NotStatistics => "run `tidegate psi` under it, or agree on `join-elgamal`",
            Self::OnReports => "run `tidegate aggregate` under it",
            Self::NotReports => "pass an agreement with the protocol `prio3`",
            Self::Field { name, .. } if name.starts_with("report") => {
                "compare it with examples/report-agreement.toml"
            }
            Self::Field { .. } => "see the example in `tidegate agreement new --help`",
            Self::SignedAlready { .. } => {
                "there is nothing left to do; `tidegate agreement show` lists who signed"
            }
            Self::Stranger { .. } | Self::SignedTwice { .. } => "remove that [[signature]] table",
            Self::Exists { .. } => "choose another name, or pass --force to overwrite it",
            Self::Syntax { .. } => "compare it with what `tidegate agreement new` writes",
            Self::Version { .. } => "use the version of tidegate that wrote it",
            Self::Unsigned { .. } => "each party runs `tidegate agreement sign` on the same file",
            Self::BadSignature { .. } => {
                "the terms were changed after signing: remove the [[signature]] tables, agree, and sign anew"
            }
            Self::Expired { .. } => "agree on a new date and sign anew",
            Self::NotAParty { .. } => "pass the key whose public half stands in the agreement",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

const JOIN_EXAMPLE: &str = "compare it with examples/join-agreement.toml";

const SUM_EXAMPLE: &str = "compare it with examples/sum-agreement.toml";

/// Tells whether a field stands in agreements on sums alone.
fn is_of_sum(name: &str) -> bool {
    let part = name.split_once('.').map_or(name, |(part, _)| part);
    ["sum", "hub", "vector"].contains(&part)
}

/// Tells whether a field stands in agreements on statistics alone.
fn is_of_join(name: &str) -> bool {
    let part = name.split_once('.').map_or(name, |(part, _)| part);
    ["join", "column", "statistic", "disclosure"].contains(&part) || name == "party.dataset"
}
