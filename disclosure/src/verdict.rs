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
    /// It is the whole of its group, in a sensitive class.
    ClassDisclosure,
    /// A model has too many parameters for its units.
    DegreesOfFreedom,
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

impl Reason {
    /// Returns the name of the rule, which never changes: what receipts and ledgers write.
    pub fn rule(self) -> &'static str {
        match self {
            Self::SmallCount => "threshold",
            Self::Dominance => "nk",
            Self::PPercent => "p-percent",
            Self::FewContributors => "contributors",
            Self::ClassDisclosure => "class-disclosure",
            Self::DegreesOfFreedom => "degrees-of-freedom",
            Self::Differencing => "differencing",
            Self::Complementary => "complementary",
            Self::Withheld => "withheld",
            Self::NotAsked => "not-asked",
            Self::Undisclosed => "undisclosed",
        }
    }
}

impl Verdict {
    /// Tells whether the figures leave.
    pub fn is_released(self) -> bool {
        self == Self::Released
    }
}
