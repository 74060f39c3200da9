//! Reports: one measurement each, in shares that are sealed for the two aggregators.

use std::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::circuit::{Bound, SEED_BYTES, Sizes};
use super::seal::{OVERHEAD_BYTES, ReportKey};
use super::tally::Rejection;
use super::task::{Aggregator, Task};
use crate::codec::{Malformation, Reader};
use crate::error::Error;
use crate::transcript;

/// Bytes of a report id: the nonce of VDAF.
pub const REPORT_ID_BYTES: usize = 16;

/// The id of a report, drawn by its reporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId([u8; REPORT_ID_BYTES]);

impl ReportId {
    /// Takes the bytes of an id.
    pub fn from_bytes(bytes: [u8; REPORT_ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8; REPORT_ID_BYTES] {
        &self.0
    }
}

/// A sealed report. `Debug` prints its id and its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    id: ReportId,
    public: Vec<u8>,
    sealed: [Vec<u8>; 2],
}

impl Report {
    /// Shares and seals a measurement: a bucket for a histogram, a value for each sum otherwise.
    ///
    /// # Errors
    /// [`Error::MeasurementLength`], [`Error::MeasurementRange`].
    pub fn new<R: CryptoRng + ?Sized>(task: &Task, values: &[u64], rng: &mut R) -> Result<Self, Error> {
        check(task, values)?;
        let mut id = ReportId([0; REPORT_ID_BYTES]);
        rng.fill_bytes(&mut id.0);
        let mut random = Zeroizing::new([0; 4 * SEED_BYTES]);
        rng.fill_bytes(random.as_mut());
        let bound = Bound { task: task.id(), id: &id };
        let shares = task.circuit().shard(bound, values, &random);
        let aad = bound_bytes(bound, &shares.public);
        let sealed = Aggregator::BOTH.map(|to| {
            let share = to.of_pair(&shares.input);
            task.key(to).seal(&info(to), &aad, share, rng)
        });
        Ok(Self { id, public: shares.public, sealed })
    }

    /// Returns the id.
    pub fn id(&self) -> ReportId {
        self.id
    }

    /// Returns the length of every report of a task in bytes.
    pub fn encoded_bytes(task: &Task) -> usize {
        let Sizes { public, input: [leader, helper], .. } = task.circuit().sizes();
        REPORT_ID_BYTES + public + leader + helper + 2 * OVERHEAD_BYTES
    }

    /// Encodes the report: id, public share, the leader's sealed share, the helper's.
    pub fn encode(&self) -> Vec<u8> {
        let [leader, helper] = &self.sealed;
        [&self.id.0, self.public.as_slice(), leader, helper].concat()
    }

    /// Decodes a report of a task.
    ///
    /// # Errors
    /// [`Malformation`] where the length is not that of the task's reports.
    pub fn decode(task: &Task, bytes: &[u8]) -> Result<Self, Malformation> {
        let Sizes { public, input: [leader, helper], .. } = task.circuit().sizes();
        let mut reader = Reader::new(bytes);
        let report = Self {
            id: ReportId(reader.array()?),
            public: reader.bytes(public)?.to_vec(),
            sealed: [
                reader.bytes(leader + OVERHEAD_BYTES)?.to_vec(),
                reader.bytes(helper + OVERHEAD_BYTES)?.to_vec(),
            ],
        };
        reader.finish()?;
        Ok(report)
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Opens the share for an aggregator.
    pub(super) fn open(
        &self,
        task: &Task,
        aggregator: Aggregator,
        key: &ReportKey,
    ) -> Result<Zeroizing<Vec<u8>>, Rejection> {
        let bound = bound_bytes(Bound { task: task.id(), id: &self.id }, &self.public);
        let sealed = aggregator.of_pair(&self.sealed);
        key.open(&info(aggregator), &bound, sealed).ok_or(Rejection::Undecryptable) // PRIO-4
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.public.len() + self.sealed.iter().map(Vec::len).sum::<usize>();
        f.debug_struct("Report").field("id", &self.id).field("bytes", &bytes).finish_non_exhaustive()
    }
}

/// The reports that an aggregator was given, in an order of its own.
pub trait Reports: Sync {
    /// Counts the reports.
    fn len(&self) -> usize;

    /// Tells whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the id of a report without the rest of it.
    fn id(&self, index: usize) -> ReportId;

    /// Reads a report; `None` where it cannot be read, which counts as malformed.
    fn read(&self, index: usize) -> Option<Report>;
}

impl Reports for Vec<Report> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn id(&self, index: usize) -> ReportId {
        self.get(index).map_or(ReportId([0; REPORT_ID_BYTES]), Report::id)
    }

    fn read(&self, index: usize) -> Option<Report> {
        self.get(index).cloned()
    }
}

fn check(task: &Task, values: &[u64]) -> Result<(), Error> {
    let (expected, max) = (task.kind().values_len(), task.kind().value_max());
    if values.len() != expected {
        return Err(Error::MeasurementLength { found: values.len(), expected }); // PRIO-3
    }
    match values.iter().position(|&value| value > max) {
        Some(index) => Err(Error::MeasurementRange { index, max }), // PRIO-3
        None => Ok(()),
    }
}

fn info(aggregator: Aggregator) -> Vec<u8> {
    [transcript::PRIO_INPUT_SHARE.as_bytes(), &[aggregator.number()]].concat()
}

/// What is authenticated beside a share: both lengths are fixed, so it has one reading.
fn bound_bytes(bound: Bound<'_>, public: &[u8]) -> Vec<u8> {
    [bound.task, bound.id.as_bytes(), public].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::prio::Kind;
    use crate::testing::seeded_rng;

    fn task(kind: Kind) -> Task {
        let keys = [1, 2].map(|seed| ReportKey::random(&mut seeded_rng(seed)).public());
        Task::new(kind, 2, &[7; 32], keys).unwrap()
    }

    const KINDS: [(Kind, &[u64]); 4] = [
        (Kind::Count, &[1]),
        (Kind::Sum { max: 9 }, &[9]),
        (Kind::SumVec { len: 3, max: 5 }, &[0, 5, 3]),
        (Kind::Histogram { len: 4 }, &[3]),
    ];

    #[test]
    fn reports_come_back_from_their_encoding_and_no_other_bytes_do() {
        for (kind, values) in KINDS {
            let task = task(kind);
            let report = Report::new(&task, values, &mut seeded_rng(5)).unwrap();
            let mut bytes = report.encode();
            assert_eq!(bytes.len(), Report::encoded_bytes(&task));
            assert_eq!(Report::decode(&task, &bytes).as_ref(), Ok(&report));
            for short in 0..bytes.len() {
                assert_eq!(Report::decode(&task, &bytes[..short]), Err(Malformation::Truncated));
            }
            bytes.push(0);
            assert_eq!(Report::decode(&task, &bytes), Err(Malformation::Trailing { extra: 1 }));
        }
    }

    #[test]
    fn prio_3_measurements_lie_within_their_bounds() {
        for (kind, values) in KINDS {
            let task = task(kind);
            let made = |values: &[u64]| Report::new(&task, values, &mut seeded_rng(5)).unwrap_err();
            let (expected, max) = (values.len(), kind.value_max());
            assert_eq!(made(&[]), Error::MeasurementLength { found: 0, expected });
            let longer = [values, &[0]].concat();
            assert_eq!(made(&longer), Error::MeasurementLength { found: expected + 1, expected });
            let index = expected - 1;
            let mut beyond = values.to_vec();
            beyond[index] = max + 1;
            assert_eq!(made(&beyond), Error::MeasurementRange { index, max });
            beyond[index] = u64::MAX;
            assert_eq!(made(&beyond), Error::MeasurementRange { index, max });
        }
    }

    #[test]
    fn prio_4_every_byte_of_a_report_is_authenticated() {
        let key = ReportKey::random(&mut seeded_rng(1));
        let task = task(Kind::Histogram { len: 4 });
        let report = Report::new(&task, &[1], &mut seeded_rng(5)).unwrap();
        assert!(report.open(&task, Aggregator::Leader, &key).is_ok());
        let bytes = report.encode();
        let helpers = SEED_BYTES * 2 + OVERHEAD_BYTES;
        for place in 0..bytes.len() - helpers {
            let mut altered = bytes.clone();
            altered[place] ^= 1;
            let altered = Report::decode(&task, &altered).unwrap();
            let opened = altered.open(&task, Aggregator::Leader, &key);
            assert_eq!(opened.unwrap_err(), Rejection::Undecryptable, "byte {place}");
        }
    }
}
