//! The crate's errors; those that a peer caused name it.

use crate::party::PartyId;

/// What went wrong in a protocol; no text holds an item, a key or a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A party name breaks the rule of [`PartyId`].
    #[error("a party name is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', the first a letter or digit")]
    PartyName,
    /// An item of the own set stands in it twice.
    #[error("item {index} is a copy of an earlier one; a set holds each item once")]
    DuplicateItem {
        /// Index of the second copy.
        index: usize,
    },
    /// An item of the own set is too long.
    #[error("an item of {found} bytes; at most {max} are allowed")]
    ItemTooLong {
        /// Its length in bytes.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// The own set is too large.
    #[error("a set of {found} items; at most {max} are allowed")]
    SetTooLarge {
        /// Its size.
        found: usize,
        /// The most allowed.
        max: usize,
    },
}

impl Error {
    /// Returns the party that caused the error, where it was not this one.
    pub fn peer(&self) -> Option<&PartyId> {
        None
    }
}
