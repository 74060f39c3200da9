//! Statistics over the records that two parties share.

mod blinding;
mod matcher;
pub(crate) mod messages;
mod owner;

pub use blinding::{Blinded, Blinding};
pub use matcher::{AwaitingTags, Matcher, Matching};
pub use messages::{
    Aggregates, BlindedKeys, Ciphertexts, ColumnKeys, CountTests, EncryptedNoise, EncryptedRecords, Figures,
    MatchedCount, Verdicts,
};
pub use owner::{Lending, Owner, ReturningTags};

use crate::dlog;
use crate::error::Error;

pub use crate::dlog::MAX_SPAN;

/// Most labels of a direction.
pub const MAX_LABELS: u32 = 1 << 14;

/// Most columns of a direction: a record has to fit into a message.
pub const MAX_COLUMNS: u32 = 2047;

/// Greatest minimum: a test takes as many ciphertexts.
pub const MAX_MINIMUM: u64 = 1000;

/// The columns that a party lends, as both sides know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lent {
    /// Labels by which the matcher adds up; 1 where it adds up all.
    pub labels: u32,
    /// Encrypted values of a record.
    pub columns: u32,
    /// Dummy rows for each label.
    pub dummies: u32,
    /// Smallest count of a cell that is opened, 1 to [`MAX_MINIMUM`].
    pub minimum: u64,
    /// Who counts.
    pub counts: Counts,
}

/// Who counts the common records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// The matcher, in the clear: it knows how many records match, and there is but one cell.
    ByMatcher,
    /// Columns of the owner that hold 1 for the records of a cell; tested against the minimum unopened.
    Encrypted,
}

impl Lent {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Plan`].
    pub fn check(&self) -> Result<(), Error> {
        let Self { labels, columns, minimum, .. } = *self;
        let fewest = if self.counts == Counts::ByMatcher { 0 } else { 1 };
        let possible = (1..=MAX_LABELS).contains(&labels)
            && (fewest..=MAX_COLUMNS).contains(&columns)
            && (1..=MAX_MINIMUM).contains(&minimum);
        if possible { Ok(()) } else { Err(Error::Plan { labels, columns, minimum }) }
    }

    /// Counts the dummy rows of all labels.
    pub fn dummies_len(&self) -> u64 {
        u64::from(self.labels) * u64::from(self.dummies)
    }

    /// Counts the ciphertexts that test a cell.
    pub(crate) fn tests_per_cell(&self) -> usize {
        usize::try_from(self.minimum).unwrap_or(usize::MAX)
    }

    /// Returns label and number within the label of the dummy row at `index`.
    fn dummy(&self, index: u64) -> Option<(u32, u32)> {
        let dummies = u64::from(self.dummies);
        let (label, slot) = (index.checked_div(dummies)?, index.checked_rem(dummies)?);
        Some((u32::try_from(label).ok()?, u32::try_from(slot).ok()?))
    }
}

/// What a run computes: the columns that either party lends, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The columns of this party.
    pub own: Option<Lent>,
    /// The columns of the other party.
    pub peer: Option<Lent>,
}

impl Plan {
    fn directions(&self) -> impl Iterator<Item = Lent> {
        self.own.into_iter().chain(self.peer)
    }

    /// Counts the places of a list of `items`: those and the dummy rows of both directions.
    pub fn list_len(&self, items: u64) -> u64 {
        self.directions().fold(items, |len, lent| len + lent.dummies_len())
    }

    fn check_dummies(&self, used: &[u32]) -> Result<(), Error> {
        self.directions().try_for_each(|lent| lent.check())?;
        let (expected, most) = match self.own {
            Some(own) if own.dummies > 0 => (own.labels, own.dummies),
            _ => (0, 0),
        };
        if used.len() == expected as usize && used.iter().all(|&used| used <= most) {
            return Ok(());
        }
        Err(Error::Dummies { found: used.len(), expected, most })
    }
}

/// The values of a party's records, by the index of the item.
pub trait Records: Sync {
    /// Returns the label of a record.
    fn label(&self, item: usize) -> u32;

    /// Fills in the values of a record, one for each column; all were 0 or another record's before.
    fn values(&self, item: usize, values: &mut [i64]);
}

/// A sum that may be tested and opened: over all records with one of these labels, and over all these columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The labels.
    pub labels: Vec<u32>,
    /// The columns.
    pub columns: Vec<u32>,
}

/// Counts the group operations that opening `cells` sums takes, each in a range of `span`; `None` where the
/// range is wider than [`MAX_SPAN`].
pub fn opening_steps(span: u64, cells: usize) -> Option<u128> {
    (span <= MAX_SPAN).then(|| dlog::steps(span, cells))
}
