//! The second step of the aggregators: proofs are verified, some reports at a time.

use super::circuit::{Bound, Pending, Received, Verifying as Begun};
use super::listing::{Candidate, Standing};
use super::messages::{AcceptedReports, BatchDigest, MAX_REPORTS_AT_A_TIME, VerifierShares};
use super::release::Comparing;
use super::report::ReportId;
use super::tally::{Rejection, Tally};
use super::vector::Vector;
use crate::codec::Malformation;
use crate::error::Error;
use crate::message::{MAX_MESSAGE_BYTES, Message};
use crate::parallel;
use crate::party::PartyId;

/// Most bytes of reports that are held while they are verified.
const HELD_BYTES: usize = 1 << 27;

/// What was accepted so far.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) tally: Tally,
    pub(super) accepted: Vec<ReportId>,
    pub(super) total: Vector,
}

/// An aggregator with reports to verify, or none any more.
#[derive(Debug)]
pub struct Verifying<'a> {
    standing: Standing<'a>,
    common: Vec<Candidate>,
    done: usize,
    progress: Progress,
}

/// What an aggregator does next.
#[derive(Debug)]
pub enum Next<'a> {
    /// It sends its verifier shares of the next reports.
    Verify(Proving<'a>, VerifierShares),
    /// It is through, and tells what it accepted.
    Compare(Comparing<'a>, BatchDigest),
}

impl<'a> Verifying<'a> {
    pub(super) fn new(standing: Standing<'a>, common: Vec<Candidate>, tally: Tally) -> Self {
        let progress = Progress { tally, accepted: Vec::new(), total: standing.task.circuit().zeros() };
        Self { standing, common, done: 0, progress }
    }

    /// Counts the reports that both aggregators have.
    pub fn len(&self) -> usize {
        self.common.len()
    }

    /// Tells whether the aggregators have no report in common.
    pub fn is_empty(&self) -> bool {
        self.common.is_empty()
    }

    /// Begins to verify the next reports, on all cores.
    pub fn next(self) -> Next<'a> {
        let end = self.common.len().min(self.done + reports_at_a_time(&self.standing));
        let Some(chunk) = self.common.get(self.done..end).filter(|chunk| !chunk.is_empty()) else {
            let (comparing, digest) = Comparing::new(self.standing, self.progress);
            return Next::Compare(comparing, digest);
        };
        let begun = parallel::each(chunk.to_vec(), |candidate| begin(&self.standing, candidate));
        let (mut rejected, mut shares, mut pending) = (Vec::new(), Vec::new(), Vec::new());
        for report in begun {
            rejected.push(report.as_ref().err().copied());
            pending.push(report.map(|begun| {
                shares.extend_from_slice(&begun.share);
                begun.pending
            }));
        }
        Next::Verify(Proving { verifying: self, pending }, VerifierShares { rejected, shares })
    }
}

/// Counts the reports that are verified at a time: both aggregators reckon alike.
fn reports_at_a_time(standing: &Standing<'_>) -> usize {
    let sizes = standing.task.circuit().sizes();
    let per_message = (MAX_MESSAGE_BYTES - 3) / (1 + sizes.verifier);
    per_message.min(HELD_BYTES / sizes.held).clamp(1, MAX_REPORTS_AT_A_TIME)
}

fn begin(standing: &Standing<'_>, (id, index): Candidate) -> Result<Begun, Rejection> {
    let Standing { task, aggregator, key, verify_key, reports, .. } = standing;
    let report = reports.read(index as usize).filter(|report| report.id() == id);
    let report = report.ok_or(Rejection::Malformed)?;
    let input = report.open(task, *aggregator, key)?;
    let bound = Bound { task: task.id(), id: &id };
    let received = Received { bound, aggregator: *aggregator, public: report.public(), input: &input };
    task.circuit().verify(verify_key, received)
}

/// A report between the two steps of its verification.
type Held = Result<Box<dyn Pending>, Rejection>;

/// An aggregator that waits for the other one's verifier shares.
pub struct Proving<'a> {
    verifying: Verifying<'a>,
    pending: Vec<Held>,
}

impl std::fmt::Debug for Proving<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proving").field("len", &self.pending.len()).finish_non_exhaustive()
    }
}

impl<'a> Proving<'a> {
    /// Decides about the proofs, on all cores.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of shares than belongs here; [`Error::Malformed`] for what is none.
    pub fn accept(self, message: VerifierShares) -> Result<(Settling<'a>, AcceptedReports), Error> {
        let Self { verifying, pending } = self;
        let standing = &verifying.standing;
        let peer = standing.session.peer();
        let share_bytes = standing.task.circuit().sizes().verifier;
        let shares = split(&message, pending.len(), share_bytes, peer)?;
        let outcomes: Vec<Option<Outcome>> =
            parallel::each(pending.into_iter().zip(shares).collect(), |(held, share)| finish(held, share));
        let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
        let outcomes = outcomes.ok_or_else(|| malformed(peer))?; // PRIO-7
        let accepted = outcomes.iter().map(Result::is_ok).collect();
        Ok((Settling { verifying, outcomes }, AcceptedReports { accepted }))
    }
}

/// What an aggregator holds a report for: its output share, or why it has none.
type Outcome = Result<Vector, Rejection>;

fn malformed(peer: &PartyId) -> Error {
    let cause = Malformation::Field { field: "shares" };
    Error::Malformed { peer: peer.clone(), message: VerifierShares::NAME, cause }
}

/// Returns for each report the other aggregator's share, or why it has none.
fn split<'m>(
    message: &'m VerifierShares,
    expected: usize,
    share_bytes: usize,
    peer: &PartyId,
) -> Result<Vec<Result<&'m [u8], Rejection>>, Error> {
    let count = |found, expected| {
        Err(Error::Count { peer: peer.clone(), message: VerifierShares::NAME, found, expected })
    };
    if message.rejected.len() != expected {
        return count(message.rejected.len(), expected); // PRIO-7
    }
    let present = message.rejected.iter().filter(|rejected| rejected.is_none()).count();
    let mut shares = message.shares.chunks_exact(share_bytes);
    if shares.len() != present || !shares.remainder().is_empty() {
        return count(message.shares.len().div_ceil(share_bytes), present); // PRIO-7
    }
    let share = |rejected: &Option<Rejection>| match rejected {
        Some(reason) => Err(*reason),
        None => shares.next().ok_or(Rejection::Malformed),
    };
    Ok(message.rejected.iter().map(share).collect())
}

/// Decides about a report; `None` where the other aggregator's share is no encoding of one.
fn finish(held: Held, share: Result<&[u8], Rejection>) -> Option<Outcome> {
    match (held, share) {
        (Err(reason), _) | (_, Err(reason)) => Some(Err(reason)),
        (Ok(pending), Ok(share)) => pending.finish(share),
    }
}

/// An aggregator that waits to hear which reports the other one accepts.
pub struct Settling<'a> {
    verifying: Verifying<'a>,
    outcomes: Vec<Outcome>,
}

impl std::fmt::Debug for Settling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settling").field("len", &self.outcomes.len()).finish_non_exhaustive()
    }
}

impl<'a> Settling<'a> {
    /// Adds the reports up that both aggregators accept.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of reports than belongs here.
    pub fn accept(self, message: &AcceptedReports) -> Result<Verifying<'a>, Error> {
        let Self { mut verifying, outcomes } = self;
        let (found, expected) = (message.accepted.len(), outcomes.len());
        if found != expected {
            let peer = verifying.standing.session.peer().clone();
            return Err(Error::Count { peer, message: AcceptedReports::NAME, found, expected }); // PRIO-7
        }
        let chunk = verifying.common.get(verifying.done..).unwrap_or_default();
        for ((outcome, &other), (id, _)) in outcomes.into_iter().zip(&message.accepted).zip(chunk) {
            settle(&mut verifying.progress, *id, outcome, other);
        }
        verifying.done += expected;
        Ok(verifying)
    }
}

fn settle(progress: &mut Progress, id: ReportId, outcome: Outcome, other: bool) {
    match outcome {
        Ok(output) if other => {
            progress.total.add(&output);
            progress.accepted.push(id);
            progress.tally.accepted += 1;
        }
        Ok(_) => progress.tally.reject(Rejection::Unproven, 1),
        Err(reason) => progress.tally.reject(reason, 1),
    }
}
