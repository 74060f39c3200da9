//! Sums over the records that two parties share: a shuffled Diffie-Hellman join with lifted ElGamal.
//!
//! A direction has an owner, whose columns are summed up, and a matcher. Where both parties lend columns, both
//! directions run one after the other over the same blinded keys.
//!
//! # What each party learns
//! Both learn the figures that are released, the sizes of both sets, and for each tested cell whether its count
//! reaches the minimum. Neither learns which of its records matched, nor the count or sum of a cell below
//! the minimum. The matcher also learns how many records match under each label: with one label and no dummy
//! rows that is the number of common records, exactly; with dummy rows it is that number plus noise
//! of the owner's. The matcher also sees how many records the owner has under each label. The owner also learns the sums that it opens, which are those of cells that reach the minimum
//! (with noise, where both sides add some), before it releases them.
//!
//! | groups | label | ciphertexts a record | the matcher learns besides |
//! |---|---|---|---|
//! | one cell, no dummy rows, [`Counts::ByMatcher`] | 1 | 1 + values | the number of common records |
//! | a column for each group and value | 1 | 1 + groups (1 + values) | the number of common records, or with dummy rows that plus noise |
//! | a label for each group (partitions) | groups | 2 + values | for each label, permuted by row and by column of the table, how many records the owner has, and how many are common plus noise |
//!
//! Labels hide little: the released figures name most of them, since they are close to the numbers that the matcher
//! sees. So count on it that the matcher knows how many records the owner has in each group, common or not, and the number
//! of common ones of every group, suppressed or not, to within the noise of the dummy rows.
//!
//! # Source
//! M. Ion, B. Kreuter, A. E. Nergiz, S. Patel, S. Saxena, K. Seth, M. Raykova, D. Shanahan, M. Yung, "On
//! Deploying Secure Computing: Private Intersection-Sum-with-Cardinality", EuroS&P 2020 (ePrint 2019/723),
//! Figure 2 \[IKNP20\], with lifted ElGamal for the additively homomorphic encryption (there section 3.3).
//! Test of a small count: encryptions of a random multiple of the difference to each value below the minimum,
//! as in I. Damgard, M. Geisler, M. Kroigard, "Homomorphic Encryption and Secure Comparison", IJACT 1(1), 2008,
//! section 3. Dummy rows: the padding of E. Case et al., "Interoperable Private Attribution", 2023 (ePrint
//! 2023/437), section 5. Group: RFC 9496. Hash to group: RFC 9380 with the suite of RFC 9497 section 4.1.
//!
//! # Flow
//! After the [`Hello`](crate::Hello)s, with lists of n and m places, dummy rows included, and C columns:
//! ```text
//! matcher                                              owner
//!         -> BlindedKeys       H(x)^a, shuffled         32 n + 1 for each 4096
//!         <- BlindedKeys       H(y)^b, shuffled         32 m + 1 for each 4096    chunks in turn
//!         <- Tags              of H(x)^(ab), sorted     about n (bits - log2 n + 1.6) / 8
//!         <- ColumnKeys        S_c = s_c G              32 C + 1
//!         <- EncryptedRecords  label, rG, rS_c + v_c G  m (32 (1 + C) + 2 where L > 1) + 5 a message
//!         -> CountTests        k for each cell          64 k a cell
//!         <- Verdicts          count >= k ?             1 byte a cell             repeated for unions of cells
//!         <- EncryptedNoise    (only with noise)        64 for each sum
//!         -> Aggregates        sums, randomized anew    64 for each sum
//!         <- Figures           what is released         9 for each figure
//! ```
//! then the other direction, and [`Finished`](crate::Finished) both ways. Where the matcher counts, MatchedCount
//! (10 bytes) stands for CountTests and Verdicts.
//!
//! # Security
//! | party | adversary | assumption | leakage to it |
//! |---|---|---|---|
//! | matcher | semi-honest | decisional Diffie-Hellman, random oracles | as above |
//! | owner | semi-honest | same | as above |
//!
//! A party that deviates can do this, and nothing here prevents it; the agreement, the number of runs and
//! the audit of inputs have to (`tests/join_malicious.rs` does each):
//!
//! | party | what it can do | what it gains |
//! |---|---|---|
//! | owner | encrypt a value outside of its range, such as a power of two of its own for each record of interest | whether those records matched, out of the sum, if the cell is opened |
//! | owner | encrypt counts other than 0 and 1, or list one key several times | a cell below the minimum passes its test and is opened to the owner: of one record, whether it matched |
//! | owner | say that a cell reaches the minimum | its sum, of however few records |
//! | owner | say that a cell does not, or release other figures than it opened | a wrong table; what the owner keeps back stays closed to the matcher, who has no key |
//! | matcher | give other sums than those agreed on to be opened, a single record's among them | any value of a record of the owner, as a figure, without knowing whose it is; tests hold what the matcher puts into them, so that a verdict tells a single record's group |
//! | matcher | say that cells reach the minimum, where it counts itself | the owner opens a sum over fewer records |
//! | either | bring made-up keys, or few | whether those are in the other list, as far as the table tells: beside k - 1 keys that are known to be common, whether one more is |
//! | matcher | leave the dummy rows out of its list | the exact number of common records, under every label |
//! | matcher | give single keys an exponent of their own, and raise the owner's list to that one too | whether these keys are in the owner's list |
//! | owner | raise single keys of the matcher to another exponent, so that they cannot match | whether they matched, out of the change of an opened figure |
//!
//! Several runs with sets or cells that differ by little reveal the difference. Channel: authentic and
//! confidential, its binding in the session. The matcher does the same work for every record whether it
//! matches or not; finding tags, decoding an opened sum and rendering a verdict take a time that depends on
//! what is opened. One exponent covers a whole list, so who takes discrete logarithms later can test keys.
//!
//! # Cost
//! For lists of n places each and C columns: 4 n multiplications by a secret scalar, 2 n hashes to the group,
//! 2 n decodings for the keys; n (1 + C) fixed-base multiplications by the owner and as many decodings by the
//! matcher for the values. Bytes a place of both lists together: 72 + 32 (1 + C). Memory: 20 bytes for each
//! place of the peer's list, 4 for each of the own, and 1 while records are added up.
//!
//! # Deviations from the paper
//! - Values of a record share one randomizer (Kurosawa, PKC 2002), and records are added up as they arrive.
//! - The tags of the matcher's keys return sorted instead of permuted, cut to the length that leaves a false
//!   match a chance of 2^-40, as in [`psi`](crate::psi).
//! - Counts are encrypted and tested instead of counted by the matcher wherever there is more than one cell.
//!
//! # Checks
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | JOIN-1 | a message holds as many values as belong there | [`Error::Count`] | `tests/join_adversary.rs` |
//! | JOIN-2 | elements are canonical and not the identity | [`Error::BadElement`] | same |
//! | JOIN-3 | labels are those of the plan | [`Error::PeerLabel`] | same |
//! | JOIN-4 | a number that the matcher counts is possible and reaches the minimum | [`Error::ImpossibleCount`], [`Error::BelowMinimum`] | same |
//! | JOIN-5 | an opened sum lies between its bounds, and is found in the agreed time | [`Error::OutOfBounds`] | same |
//! | JOIN-6 | answers to tests do not contradict each other | [`Error::ContradictoryTests`] | same |
//! | JOIN-7 | released figures keep the agreed policy | [`Error::BadRelease`] | same |
//!
//! # Examples
//! ```
//! use tidegate_mpc::join::{Cell, Counts, Lent, Plan};
//! use tidegate_mpc::testing::{CellByCell, JoinSide, Parties, Rows};
//! use tidegate_mpc::{ItemSet, Outputs, Protocol};
//!
//! // One party knows who was ill, the other what was paid to whom.
//! let (ill, paid) = (ItemSet::new(["ann", "bob", "cy"])?, ItemSet::new(["bob", "cy", "di"])?);
//! let rows = [(0, vec![250]), (0, vec![-30]), (0, vec![9000])];
//!
//! let lent = Lent { labels: 1, columns: 1, dummies: 0, minimum: 2, counts: Counts::ByMatcher };
//! let all = Cell { labels: vec![0], columns: vec![0] };
//! let disclosure = CellByCell {
//!     counts: vec![all.clone()],
//!     sums: vec![vec![(all, (-30_000, 30_000))]],
//!     counted_by_matcher: true,
//!     ..CellByCell::default()
//! };
//! let mut matcher = JoinSide { borrow: Some(disclosure.clone()), ..JoinSide::default() };
//! let mut owner = JoinSide { lend: Some(Rows { rows: &rows, disclosure }), ..JoinSide::default() };
//! let parties = Parties::new(Protocol::JoinElGamal, Outputs::Both, 0, &ill, &paid);
//! let plan = Plan { own: None, peer: Some(lent) };
//! let mut pass = |_, message| Some(message);
//! let (a, b) = parties.run_join(plan, &mut matcher, &mut owner, &mut pass, &mut |_, m| Some(m));
//! assert!(a.is_ok() && b.is_ok());
//! assert_eq!(matcher.borrow.unwrap().released, [Some(2), Some(220)]);
//! # Ok::<(), tidegate_mpc::Error>(())
//! ```

mod blinding;
mod matcher;
pub(crate) mod messages;
mod owner;
#[cfg(test)]
mod tests;

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
    /// The matcher, in the clear: it knows how many records match. There is but one cell, and no dummy row.
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
        let Self { labels, columns, dummies, minimum, counts } = *self;
        // Where the matcher counts there is one cell, and dummy rows would stand in its count.
        let (fewest, most_labels, most_dummies) = match counts {
            Counts::ByMatcher => (0, 1, 0),
            Counts::Encrypted => (1, MAX_LABELS, u32::MAX),
        };
        let possible = (1..=most_labels).contains(&labels)
            && (fewest..=MAX_COLUMNS).contains(&columns)
            && dummies <= most_dummies
            && (1..=MAX_MINIMUM).contains(&minimum);
        if possible { Ok(()) } else { Err(Error::Plan { labels, columns, dummies, minimum }) }
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

/// What is known of a sum once the records that it is over are counted: how much each adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The index, among the sums opened, of the one that counts these records.
    pub by: usize,
    /// The least that a record adds.
    pub low: i64,
    /// The most.
    pub high: i64,
}

/// Most group operations that the owner spends on opening the sums of a direction: some minutes.
pub const MAX_OPENING_STEPS: u128 = 1 << 28;

/// Counts the group operations that opening sums takes whose ranges are as wide as `spans`; `None` where one is wider
/// than [`MAX_SPAN`].
pub fn opening_steps(spans: &[u64]) -> Option<u128> {
    let decodable = spans.iter().all(|&span| span <= MAX_SPAN);
    decodable.then(|| dlog::steps(spans.iter().copied().map(u128::from).sum(), spans.len()))
}
