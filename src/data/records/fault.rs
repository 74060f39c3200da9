//! Why a cell of a declared column cannot be used.

use crate::decimal::text_of;

/// Why a cell cannot be used; never holds what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellFault {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is no number that can be read.
    #[error("is not a number")]
    NotANumber,
    /// It has more digits behind the point than are declared.
    #[error("has more than {max} digits behind the point")]
    TooManyDecimals {
        /// The most allowed.
        max: u8,
    },
    /// It is a float too large to tell numbers with the declared digits apart.
    #[error("is a floating-point number too large to be exact to {decimals} digits behind the point")]
    Inexact {
        /// The digits declared.
        decimals: u8,
    },
    /// It is outside of the declared bounds.
    #[error("is not between {} and {}", text_of(*.min, *.decimals), text_of(*.max, *.decimals))]
    OutOfRange {
        /// The least allowed, in units of the last digit.
        min: i64,
        /// The most allowed, in units of the last digit.
        max: i64,
        /// Digits behind the point.
        decimals: u8,
    },
    /// It is none of the declared categories.
    #[error("is none of the {count} categories")]
    NotACategory {
        /// How many there are.
        count: usize,
    },
}

impl CellFault {
    /// Says what the user can do about it.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Empty => "fill the cell, or agree on `missing = \"drop\"`, which leaves such rows out",
            Self::NotANumber => "a number reads -12.50: no separators, no exponent, no unit",
            Self::TooManyDecimals { .. } => "round the column, or agree on more `decimals`",
            Self::Inexact { .. } => "write the column as text or decimals",
            Self::OutOfRange { .. } => "correct the table, or agree on other bounds",
            Self::NotACategory { .. } => "correct the table, or agree on more categories or on rules",
        }
    }
}
