//! What became of the reports of a batch.

use std::fmt;

/// Why a report does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It was counted before, or stands in the batch twice.
    Replayed,
    /// The other aggregator does not have it.
    Unmatched,
    /// A share of it cannot be opened: sealed under another key, for another task, or altered.
    Undecryptable,
    /// A share of it is none of this task.
    Malformed,
    /// Its proof fails: what it holds lies outside of the bounds, or its shares do not fit each other.
    Unproven,
}

impl Rejection {
    /// All of them, in the order in which they are found.
    pub const ALL: [Self; 5] =
        [Self::Replayed, Self::Unmatched, Self::Undecryptable, Self::Malformed, Self::Unproven];

    /// Returns the name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Unmatched => "unmatched",
            Self::Undecryptable => "undecryptable",
            Self::Malformed => "malformed",
            Self::Unproven => "unproven",
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Replayed => 0,
            Self::Unmatched => 1,
            Self::Undecryptable => 2,
            Self::Malformed => 3,
            Self::Unproven => 4,
        }
    }

    /// The byte in place of a verifier share; 0 stands for a share.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Replayed => 1,
            Self::Unmatched => 2,
            Self::Undecryptable => 3,
            Self::Malformed => 4,
            Self::Unproven => 5,
        }
    }

    /// Returns the reason that an aggregator may give while proofs are verified.
    pub(super) fn of_code(code: u8) -> Option<Self> {
        [Self::Undecryptable, Self::Malformed, Self::Unproven].into_iter().find(|it| it.code() == code)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many reports were accepted, and how many not, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(super) accepted: u64,
    rejected: [u64; Rejection::ALL.len()],
}

impl Tally {
    /// Counts the reports that were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Counts the reports that were rejected for a reason.
    pub fn rejected(&self, reason: Rejection) -> u64 {
        self.rejected.get(reason.place()).copied().unwrap_or_default()
    }

    /// Counts all reports.
    pub fn total(&self) -> u64 {
        self.accepted + self.rejected.iter().sum::<u64>()
    }

    pub(super) fn reject(&mut self, reason: Rejection, reports: u64) {
        if let Some(count) = self.rejected.get_mut(reason.place()) {
            *count += reports;
        }
    }
}
