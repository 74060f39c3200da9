//! Why totals make no tables.

use tidegate_disclosure::CheckError;

/// What is wrong with totals; never a figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SumError {
    /// There are more or fewer totals than words.
    #[error("{found} totals for {expected} words")]
    Length {
        /// The totals.
        found: usize,
        /// The words of the plan.
        expected: usize,
    },
    /// Too few parties are in the totals, or more than there are.
    #[error("the totals hold {found} parties; between {min} and {max} are allowed")]
    Survivors {
        /// The parties.
        found: u32,
        /// The fewest allowed.
        min: u32,
        /// All of them.
        max: u32,
    },
    /// A total is none that the tables of the parties can have.
    #[error("total {word} {rule}")]
    Inconsistent {
        /// Its place in the vector.
        word: usize,
        /// What holds for it.
        rule: &'static str,
    },
    /// Two tables of the same records have another number of them, or another sum.
    #[error("two tables of the same records do not agree on {what}")]
    Disagreement {
        /// What they disagree on.
        what: &'static str,
    },
    /// The checker refuses them.
    #[error(transparent)]
    Check(#[from] CheckError),
}
