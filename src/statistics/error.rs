//! Why agreed statistics cannot be computed.

use tidegate_disclosure::noise::NoiseError;

/// A limit of the protocol that an agreement goes beyond, found before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// The minimum count is too large to be tested.
    #[error("counts can be tested against a minimum of up to {max}, not {found}")]
    Minimum {
        /// The minimum agreed on.
        found: u64,
        /// The most possible.
        max: u64,
    },
    /// A table has too many cells.
    #[error("a table has more than {max} cells")]
    TooManyCells {
        /// The most possible.
        max: u32,
    },
    /// A record would carry too many encrypted figures.
    #[error("each record would carry {found} encrypted figures; at most {max} fit")]
    TooManyColumns {
        /// How many there would be.
        found: u32,
        /// The most possible.
        max: u32,
    },
    /// A sum could not be decoded.
    #[error("the sum of `{column}` over up to {most} records goes beyond 2^44 units of its last digit")]
    SumTooWide {
        /// The column; empty for counts.
        column: String,
        /// Most records that the parties can share.
        most: u64,
    },
    /// A total and what is computed of it leave the integers in which they are exact.
    #[error("`{column}` is too wide for exact totals over up to {most} records")]
    TotalTooWide {
        /// The column.
        column: String,
        /// Most records of all parties.
        most: u64,
    },
    /// The totals would be more than a run can carry.
    #[error("{found} totals would be computed; at most {max} are possible")]
    TooManyTotals {
        /// How many there would be.
        found: usize,
        /// The most possible.
        max: usize,
    },
    /// Testing all counts would take too long.
    #[error("testing all counts takes {found} ciphertexts; at most {max} are possible")]
    TooManyTests {
        /// Cells and margins times the minimum count.
        found: u64,
        /// The most possible.
        max: u64,
    },
    /// Decoding all sums would take too long.
    #[error("decoding {sums} sums of that width would take hours")]
    TooMuchWork {
        /// How many there are.
        sums: usize,
    },
    /// Made-up records would outnumber what a run can carry.
    #[error("up to {found} made-up records would be added; at most {max} are possible")]
    TooManyDummies {
        /// How many there would be.
        found: u64,
        /// The most possible.
        max: u64,
    },
    /// There is no noise for the agreed parameters.
    #[error("{0}")]
    Noise(#[from] NoiseError),
}

impl StatisticsError {
    /// Says what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Minimum { .. } => "agree on a smaller `disclosure.minimum_count`",
            Self::TooManyTests { .. } => "agree on fewer cells or a smaller `disclosure.minimum_count`",
            Self::TooManyCells { .. } => "agree on fewer categories or bins",
            Self::TooManyColumns { .. } => {
                "agree on `groups = \"partitions\"`, or on fewer groups and columns"
            }
            Self::TooManyTotals { .. } => "agree on fewer groups and columns",
            Self::TotalTooWide { .. } | Self::SumTooWide { .. } | Self::TooMuchWork { .. } => {
                "agree on fewer `decimals`, a narrower range, or a smaller `max_records`"
            }
            Self::TooManyDummies { .. } => {
                "agree on a larger `join.dummies.epsilon` or `join.dummies.delta`, or on fewer groups"
            }
            Self::Noise(_) => "agree on a larger epsilon or delta, or on a narrower range",
        }
    }
}
