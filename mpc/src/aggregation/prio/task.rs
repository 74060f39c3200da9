//! Tasks: what reports hold, who adds them up, and what all of it is bound to.

use std::sync::Arc;

use super::circuit::{self, Circuit};
use super::seal::ReportPublicKey;
use crate::error::Error;
use crate::message::MAX_MESSAGE_BYTES;
use crate::session::Role;
use crate::transcript::{self, DIGEST_BYTES};

/// Least number of reports in a batch that is added up, where the agreement says nothing else.
pub const DEFAULT_MINIMUM: u64 = 100;

/// Most sums of a task.
pub const MAX_LEN: u32 = 1 << 20;

/// Most bits, over all values together, that a report proves the bounds of.
pub const MAX_BITS: u64 = 1 << 24;

/// Greatest value that a report may hold.
pub const MAX_VALUE: u64 = 1 << 61;

/// Number of the draft of VDAF whose Prio3 is spoken.
pub const VDAF_DRAFT: u8 = 18;

/// What a report holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0 or 1; the total is how many hold 1.
    Count,
    /// An integer from 0 to `max`; the total is the sum.
    Sum {
        /// The most that a report may hold.
        max: u64,
    },
    /// `len` integers from 0 to `max`; the total is the sum of each place.
    SumVec {
        /// How many integers.
        len: u32,
        /// The most that each may be.
        max: u64,
    },
    /// One of `len` buckets; the total is how many reports fall into each.
    Histogram {
        /// How many buckets.
        len: u32,
    },
}

impl Kind {
    /// Counts the values of a report: a histogram's is the number of its bucket, from 0.
    pub fn values_len(self) -> usize {
        match self {
            Self::SumVec { len, .. } => len as usize,
            _ => 1,
        }
    }

    /// Returns the most that a value of a report may be.
    pub fn value_max(self) -> u64 {
        match self {
            Self::Count => 1,
            Self::Sum { max } | Self::SumVec { max, .. } => max,
            Self::Histogram { len } => u64::from(len).saturating_sub(1),
        }
    }

    /// Counts the sums of the total.
    pub fn sums_len(self) -> usize {
        match self {
            Self::Count | Self::Sum { .. } => 1,
            Self::SumVec { len, .. } | Self::Histogram { len } => len as usize,
        }
    }

    /// Returns the most that one report adds to a sum.
    pub fn sum_max(self) -> u64 {
        match self {
            Self::Count | Self::Histogram { .. } => 1,
            Self::Sum { max } | Self::SumVec { max, .. } => max,
        }
    }

    /// Returns the most reports whose total can be decoded.
    pub(super) fn most_reports(self) -> u64 {
        match self {
            Self::Sum { max } => (1 << 62) / max.max(1),
            _ => 1 << 62,
        }
    }

    /// Returns the code and both parameters, for the task id.
    fn parameters(self) -> (u8, u64, u64) {
        match self {
            Self::Count => (1, 1, 1),
            Self::Sum { max } => (2, 1, max),
            Self::SumVec { len, max } => (3, u64::from(len), max),
            Self::Histogram { len } => (4, u64::from(len), 1),
        }
    }

    fn check(self) -> Result<(), Error> {
        let (_, len, max) = self.parameters();
        let fewest = if matches!(self, Self::Histogram { .. }) { 2 } else { 1 };
        within("length", len, fewest, u64::from(MAX_LEN))?; // PRIO-1
        within("greatest value", max, 1, MAX_VALUE)?; // PRIO-1
        let bits = len.saturating_mul(u64::from(u64::BITS - max.leading_zeros()));
        within("number of bits", bits, 1, MAX_BITS) // PRIO-1
    }
}

/// One of the two aggregators; the numbers are those of VDAF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregator {
    /// The first, whose input shares are long.
    Leader,
    /// The second, whose input shares are seeds.
    Helper,
}

impl Aggregator {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Leader, Self::Helper];

    /// Returns the other one.
    pub fn other(self) -> Self {
        match self {
            Self::Leader => Self::Helper,
            Self::Helper => Self::Leader,
        }
    }

    /// Returns the role of a session that this aggregator takes.
    pub fn role(self) -> Role {
        match self {
            Self::Leader => Role::Receiver,
            Self::Helper => Role::Sender,
        }
    }

    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Receiver => Self::Leader,
            Role::Sender => Self::Helper,
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::Leader => 0,
            Self::Helper => 1,
        }
    }

    pub(crate) fn of_pair<T>(self, [leader, helper]: &[T; 2]) -> &T {
        match self {
            Self::Leader => leader,
            Self::Helper => helper,
        }
    }
}

/// What reports are made for: every parameter is part of its id, and the id of every share and proof.
#[derive(Clone, Debug)]
pub struct Task {
    kind: Kind,
    minimum: u64,
    keys: [ReportPublicKey; 2],
    id: [u8; DIGEST_BYTES],
    circuit: Arc<dyn Circuit>,
}

impl Task {
    /// Makes the task of an agreement.
    ///
    /// `minimum`: fewer reports than that are not added up. `agreement`: the hash of what both aggregators signed.
    /// `keys`: the leader's, then the helper's.
    ///
    /// # Errors
    /// [`Error::ReportTask`] for what is not possible, a minimum of 1 among it; [`Error::ReportKey`] where both keys
    /// are the same.
    pub fn new(
        kind: Kind,
        minimum: u64,
        agreement: &[u8; DIGEST_BYTES],
        keys: [ReportPublicKey; 2],
    ) -> Result<Self, Error> {
        kind.check()?;
        within("minimum batch", minimum, 2, kind.most_reports())?; // PRIO-1
        let [leader, helper] = &keys;
        if leader == helper {
            return Err(Error::ReportKey); // PRIO-2
        }
        let circuit = circuit::of(kind)?;
        // A verifier share has to fit into a message.
        let share = circuit.sizes().verifier as u64;
        within("verifier share", share, 1, (MAX_MESSAGE_BYTES - 16) as u64)?; // PRIO-1
        let id = task_id(kind, minimum, agreement, &keys, circuit.as_ref());
        Ok(Self { kind, minimum, keys, id, circuit })
    }

    /// Returns what a report holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the least number of reports that are added up.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// Returns the id: a hash over everything that both aggregators and every reporter have to agree on.
    pub fn id(&self) -> &[u8; DIGEST_BYTES] {
        &self.id
    }

    /// Returns the key under which shares for an aggregator are sealed.
    pub fn key(&self, aggregator: Aggregator) -> &ReportPublicKey {
        aggregator.of_pair(&self.keys)
    }

    pub(super) fn circuit(&self) -> &dyn Circuit {
        self.circuit.as_ref()
    }
}

fn within(parameter: &'static str, found: u64, min: u64, max: u64) -> Result<(), Error> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    Err(Error::ReportTask { parameter, found, min, max })
}

// Prio3 does not bind the parameters of its circuit by itself. [VDAF-18 §9.6]
fn task_id(
    kind: Kind,
    minimum: u64,
    agreement: &[u8; DIGEST_BYTES],
    keys: &[ReportPublicKey; 2],
    circuit: &dyn Circuit,
) -> [u8; DIGEST_BYTES] {
    let mut hash = transcript::labelled(transcript::PRIO_TASK);
    let (code, len, max) = kind.parameters();
    transcript::put(&mut hash, &[VDAF_DRAFT, code, circuit::PROOFS, circuit.field_bytes()]);
    for number in [len, max, circuit.chunk_len() as u64, minimum] {
        transcript::put(&mut hash, &number.to_le_bytes());
    }
    transcript::put(&mut hash, agreement);
    keys.iter().for_each(|key| transcript::put(&mut hash, key.as_bytes()));
    transcript::digest(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::prio::ReportKey;
    use crate::testing::seeded_rng;

    fn keys() -> [ReportPublicKey; 2] {
        [1, 2].map(|seed| ReportKey::random(&mut seeded_rng(seed)).public())
    }

    fn task(kind: Kind, minimum: u64) -> Result<Task, Error> {
        Task::new(kind, minimum, &[3; 32], keys())
    }

    #[test]
    fn prio_1_only_possible_tasks_are_made() {
        let parameter = |kind, minimum| match task(kind, minimum) {
            Err(Error::ReportTask { parameter, .. }) => parameter,
            other => panic!("expected an impossible task, found {other:?}"),
        };
        assert_eq!(parameter(Kind::Count, 1), "minimum batch");
        assert_eq!(parameter(Kind::Count, 0), "minimum batch");
        assert_eq!(parameter(Kind::Sum { max: 0 }, 2), "greatest value");
        assert_eq!(parameter(Kind::Sum { max: MAX_VALUE + 1 }, 2), "greatest value");
        assert_eq!(parameter(Kind::Sum { max: MAX_VALUE }, 3), "minimum batch");
        assert_eq!(parameter(Kind::SumVec { len: 0, max: 1 }, 2), "length");
        assert_eq!(parameter(Kind::Histogram { len: 1 }, 2), "length");
        assert_eq!(parameter(Kind::Histogram { len: MAX_LEN + 1 }, 2), "length");
        assert_eq!(parameter(Kind::SumVec { len: 1 << 20, max: 1 << 16 }, 2), "number of bits");
        for kind in [
            Kind::Count,
            Kind::Sum { max: MAX_VALUE },
            Kind::SumVec { len: 100_000, max: (1 << 32) - 1 },
            Kind::SumVec { len: 1 << 20, max: (1 << 16) - 1 },
            Kind::Histogram { len: MAX_LEN },
        ] {
            assert!(task(kind, 2).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn prio_2_two_aggregators_have_two_keys() {
        let [key, _] = keys();
        let twice = Task::new(Kind::Count, 2, &[3; 32], [key.clone(), key]);
        assert_eq!(twice.unwrap_err(), Error::ReportKey);
    }

    #[test]
    fn every_parameter_is_in_the_id() {
        let [leader, helper] = keys();
        let made = |kind, minimum, agreement: u8, keys| {
            *Task::new(kind, minimum, &[agreement; 32], keys).unwrap().id()
        };
        let ids = [
            made(Kind::Count, 2, 3, keys()),
            made(Kind::Sum { max: 1 }, 2, 3, keys()),
            made(Kind::Sum { max: 2 }, 2, 3, keys()),
            made(Kind::SumVec { len: 1, max: 1 }, 2, 3, keys()),
            made(Kind::SumVec { len: 2, max: 1 }, 2, 3, keys()),
            made(Kind::Histogram { len: 2 }, 2, 3, keys()),
            made(Kind::Count, 3, 3, keys()),
            made(Kind::Count, 2, 4, keys()),
            made(Kind::Count, 2, 3, [helper, leader]),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "task {index}");
        }
    }
}
