//! What becomes of a place, and why.

use serde::{Deserialize, Serialize};

/// Whether a place is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its figures leave.
    Released,
    /// Nothing of it leaves but this reason.
    Suppressed(Reason),
}

/// Why a place is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Fewer units than the minimum.
    SmallCount,
    /// The largest contributors make too much of a sum.
    Dominance,
    /// A contributor could estimate another's part too closely.
    PPercent,
    /// Too few owners of data have units in it.
    FewContributors,
    /// With an earlier release of the dataset it would tell about fewer units than the minimum.
    Differencing,
    /// It would give away another suppressed place.
    Complementary,
    /// Whoever computed it held it back.
    Withheld,
    /// It was not asked for.
    NotAsked,
    /// The reasons together would give away a count, so none of them is told.
    Undisclosed,
}

impl Verdict {
    /// Tells whether the figures leave.
    pub fn is_released(self) -> bool {
        self == Self::Released
    }
}
