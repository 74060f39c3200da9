//! The last step of the aggregators: they compare what they accepted, and open the total.

use super::listing::Standing;
use super::messages::{AggregateShare, BatchDigest, SHARE_BYTES_PER_MESSAGE};
use super::report::ReportId;
use super::tally::Tally;
use super::task::Kind;
use super::vector::Vector;
use super::verifying::Progress;
use crate::codec::Malformation;
use crate::error::Error;
use crate::message::Message;
use crate::transcript;

/// Noise that an aggregator adds to the total before anybody sees it.
#[derive(Clone, Copy)]
pub struct Noise<'a> {
    /// The own noise, one number for each sum.
    pub own: &'a [i64],
    /// How far the noise of both aggregators together may take a sum out of its bounds.
    pub margin: u64,
}

impl std::fmt::Debug for Noise<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Noise").field("margin", &self.margin).finish_non_exhaustive()
    }
}

/// An aggregator that waits to hear what the other one accepted.
#[derive(Debug)]
pub struct Comparing<'a> {
    standing: Standing<'a>,
    progress: Progress,
    digest: BatchDigest,
}

impl<'a> Comparing<'a> {
    pub(super) fn new(standing: Standing<'a>, progress: Progress) -> (Self, BatchDigest) {
        let mut hash = transcript::labelled(transcript::PRIO_BATCH);
        transcript::put(&mut hash, standing.task.id());
        progress.accepted.iter().for_each(|id| transcript::put(&mut hash, id.as_bytes()));
        let len = progress.accepted.len() as u64;
        let digest = BatchDigest { len, digest: transcript::digest(hash) };
        (Self { standing, progress, digest: digest.clone() }, digest)
    }

    /// Compares the two batches.
    ///
    /// # Errors
    /// [`Error::BatchDiffers`].
    pub fn accept(self, message: &BatchDigest) -> Result<Batch<'a>, Error> {
        if *message != self.digest {
            return Err(Error::BatchDiffers { peer: self.standing.session.peer().clone() }); // PRIO-8
        }
        Ok(Batch { standing: self.standing, progress: self.progress })
    }
}

/// The reports that both aggregators accepted; nothing about what they hold has left either of them.
#[derive(Debug)]
pub struct Batch<'a> {
    standing: Standing<'a>,
    progress: Progress,
}

impl<'a> Batch<'a> {
    /// Returns what became of all reports.
    pub fn tally(&self) -> Tally {
        self.progress.tally
    }

    /// Returns the ids of the accepted reports, sorted.
    pub fn ids(&self) -> &[ReportId] {
        &self.progress.accepted
    }

    /// Tells whether there are enough reports for a release.
    pub fn reaches_minimum(&self) -> bool {
        self.ids().len() as u64 >= self.standing.task.minimum()
    }

    /// Begins to open the total. The ids have to be remembered before anything of it is sent, since a report that
    /// counts in two batches is not hidden in either.
    ///
    /// # Errors
    /// [`Error::BatchTooSmall`], [`Error::NoiseLength`].
    pub fn release(self, noise: Option<Noise<'_>>) -> Result<Releasing<'a>, Error> {
        let Self { standing, progress: Progress { mut total, accepted, .. } } = self;
        let (found, minimum) = (accepted.len() as u64, standing.task.minimum());
        if found < minimum {
            return Err(Error::BatchTooSmall { found, minimum }); // PRIO-9
        }
        let expected = standing.task.kind().sums_len();
        if let Some(Noise { own, .. }) = noise {
            if own.len() != expected {
                return Err(Error::NoiseLength { found: own.len(), expected });
            }
            total.add_integers(own);
        }
        let own = total.encode();
        let margin = noise.map(|noise| noise.margin);
        Ok(Releasing { standing, reports: found, margin, total, own, sent: 0, received: Vec::new() })
    }
}

/// An aggregator that sends its share of the total, and waits for the other one's.
pub struct Releasing<'a> {
    standing: Standing<'a>,
    reports: u64,
    margin: Option<u64>,
    total: Vector,
    own: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
}

impl std::fmt::Debug for Releasing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Releasing").field("reports", &self.reports).finish_non_exhaustive()
    }
}

impl Releasing<'_> {
    /// Makes the next message; `None` after the last.
    pub fn next_share(&mut self) -> Option<AggregateShare> {
        let rest = self.own.get(self.sent..)?;
        let bytes = rest.get(..rest.len().min(SHARE_BYTES_PER_MESSAGE))?.to_vec();
        self.sent += bytes.len();
        (!bytes.is_empty()).then_some(AggregateShare { bytes })
    }

    /// Counts the bytes of the other share that are still missing.
    pub fn missing(&self) -> usize {
        self.own.len() - self.received.len()
    }

    /// Takes the next bytes of the other share.
    ///
    /// # Errors
    /// [`Error::Count`] for another number than belongs here.
    pub fn accept(&mut self, message: &AggregateShare) -> Result<(), Error> {
        let (found, expected) = (message.bytes.len(), self.missing().min(SHARE_BYTES_PER_MESSAGE));
        if found != expected || found == 0 {
            let peer = self.standing.session.peer().clone();
            return Err(Error::Count { peer, message: AggregateShare::NAME, found, expected }); // PRIO-7
        }
        self.received.extend_from_slice(&message.bytes);
        Ok(())
    }

    /// Adds both shares up to the total.
    ///
    /// # Errors
    /// [`Error::Unfinished`]; [`Error::Malformed`] where the other share is none; [`Error::OutOfBounds`] where the
    /// total is not possible.
    pub fn close(mut self) -> Result<Vec<i128>, Error> {
        match self.missing() + (self.own.len() - self.sent) {
            0 => {}
            missing => return Err(Error::Unfinished { missing: missing as u64 }),
        }
        let peer = || self.standing.session.peer().clone();
        let other = self.total.decode_alike(&self.received).ok_or_else(|| {
            let cause = Malformation::Field { field: "bytes" };
            Error::Malformed { peer: peer(), message: AggregateShare::NAME, cause } // PRIO-7
        })?;
        self.total.add(&other);
        let sums = self.total.centred();
        if !possible(self.standing.task.kind(), self.reports, self.margin, &sums) {
            return Err(Error::OutOfBounds { peer: peer() }); // PRIO-10
        }
        Ok(sums)
    }
}

/// Tells whether so many reports can have these sums, of which noise may have moved each by the margin.
fn possible(kind: Kind, reports: u64, margin: Option<u64>, sums: &[i128]) -> bool {
    let most = i128::from(reports) * i128::from(kind.sum_max());
    let margin_of = i128::from(margin.unwrap_or(0));
    let within = sums.iter().all(|sum| (-margin_of..=most + margin_of).contains(sum));
    let adds_up = match (kind, margin) {
        (Kind::Histogram { .. }, None) => sums.iter().sum::<i128>() == i128::from(reports),
        _ => true,
    };
    within && adds_up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prio_10_only_possible_totals_are() {
        let sum = Kind::Sum { max: 5 };
        for (sums, margin, expected) in [
            ([0], None, true),
            ([50], None, true),
            ([51], None, false),
            ([-1], None, false),
            ([-3], Some(3), true),
            ([-4], Some(3), false),
            ([53], Some(3), true),
            ([54], Some(3), false),
            ([i128::MAX], Some(u64::MAX), false),
        ] {
            assert_eq!(possible(sum, 10, margin, &sums), expected, "{sums:?} {margin:?}");
        }
        let histogram = Kind::Histogram { len: 2 };
        assert!(possible(histogram, 10, None, &[4, 6]));
        assert!(!possible(histogram, 10, None, &[4, 5]));
        assert!(possible(histogram, 10, Some(1), &[4, 5]));
    }
}
