//! The first step of the aggregators: which reports both have.

use super::circuit::VerifyKey;
use super::messages::{IDS_PER_MESSAGE, ReportIds};
use super::replay::SeenReports;
use super::report::{ReportId, Reports};
use super::seal::ReportKey;
use super::tally::{Rejection, Tally};
use super::task::{Aggregator, Task};
use super::verifying::Verifying;
use crate::error::Error;
use crate::items::MAX_SET_LEN;
use crate::message::Message;
use crate::parallel;
use crate::session::{Protocol, Session};

/// A report that may be counted: its id, and where it stands.
pub(super) type Candidate = (ReportId, u32);

/// The reports that an aggregator may count: none that was counted before, and none twice.
#[derive(Debug)]
pub struct Candidates {
    sorted: Vec<Candidate>,
    tally: Tally,
}

impl Candidates {
    /// Sorts the reports out; of several with one id the first stays.
    ///
    /// # Errors
    /// [`Error::SetTooLarge`].
    pub fn gather(reports: &dyn Reports, seen: &SeenReports) -> Result<Self, Error> {
        let all = reports.len();
        let number = u32::try_from(all).ok().filter(|_| all <= MAX_SET_LEN);
        let number = number.ok_or(Error::SetTooLarge { found: all, max: MAX_SET_LEN })?;
        let mut sorted: Vec<Candidate> =
            (0..number).map(|index| (reports.id(index as usize), index)).collect();
        parallel::sort(&mut sorted);
        sorted.dedup_by_key(|(id, _)| *id);
        sorted.retain(|(id, _)| !seen.contains(id)); // PRIO-5
        let mut tally = Tally::default();
        tally.reject(Rejection::Replayed, (all - sorted.len()) as u64);
        Ok(Self { sorted, tally })
    }

    /// Counts the reports, which is the size that the session is agreed on.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

/// What an aggregator stands on throughout a run.
pub(super) struct Standing<'a> {
    pub(super) task: &'a Task,
    pub(super) aggregator: Aggregator,
    pub(super) key: &'a ReportKey,
    pub(super) verify_key: VerifyKey,
    pub(super) reports: &'a dyn Reports,
    pub(super) session: &'a Session,
}

impl std::fmt::Debug for Standing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing").field("aggregator", &self.aggregator).finish_non_exhaustive()
    }
}

/// An aggregator that tells the other one which reports it has, and learns which that one has.
#[derive(Debug)]
pub struct Listing<'a> {
    standing: Standing<'a>,
    candidates: Candidates,
    sent: usize,
    received: u64,
    last: Option<ReportId>,
    /// Own candidates below this place are through.
    place: usize,
    common: Vec<Candidate>,
}

impl<'a> Listing<'a> {
    /// Starts the aggregator that the session's role says.
    ///
    /// # Errors
    /// [`Error::WrongStep`], [`Error::SetChanged`] where the session is another; [`Error::ReportKey`] where `key` is
    /// not the one of the task; [`Error::TooManyReports`].
    pub fn start(
        task: &'a Task,
        key: &'a ReportKey,
        reports: &'a dyn Reports,
        candidates: Candidates,
        session: &'a Session,
    ) -> Result<Self, Error> {
        session.expect(Protocol::Prio3, session.role(), candidates.len())?;
        let aggregator = Aggregator::of(session.role());
        if key.public() != *task.key(aggregator) {
            return Err(Error::ReportKey); // PRIO-2
        }
        let (found, max) = (session.receiver_len().min(session.sender_len()), task.kind().most_reports());
        if found > max {
            return Err(Error::TooManyReports { found, max });
        }
        let verify_key = key.verify_key(task.key(aggregator.other()), task.id());
        let standing = Standing { task, aggregator, key, verify_key, reports, session };
        Ok(Self { standing, candidates, sent: 0, received: 0, last: None, place: 0, common: Vec::new() })
    }

    /// Makes the next message; `None` after the last.
    pub fn next_ids(&mut self) -> Option<ReportIds> {
        let rest = self.candidates.sorted.get(self.sent..)?;
        let ids: Vec<_> = rest.iter().take(IDS_PER_MESSAGE).map(|(id, _)| *id).collect();
        self.sent += ids.len();
        (!ids.is_empty()).then_some(ReportIds { ids })
    }

    /// Counts the ids of the other aggregator that are still missing.
    pub fn missing(&self) -> u64 {
        self.standing.session.peer_len() - self.received
    }

    /// Takes the next ids of the other aggregator.
    ///
    /// # Errors
    /// [`Error::Count`] for another number than belongs here; [`Error::NotSorted`].
    pub fn accept(&mut self, message: &ReportIds) -> Result<(), Error> {
        let peer = || self.standing.session.peer().clone();
        let expected = usize::try_from(self.missing()).map_or(IDS_PER_MESSAGE, |it| it.min(IDS_PER_MESSAGE));
        let found = message.len();
        if found != expected || found == 0 {
            return Err(Error::Count { peer: peer(), message: ReportIds::NAME, found, expected }); // PRIO-7
        }
        for &id in &message.ids {
            if self.last.is_some_and(|last| last >= id) {
                return Err(Error::NotSorted { peer: peer(), message: ReportIds::NAME }); // PRIO-7
            }
            self.last = Some(id);
            self.find(id);
        }
        self.received += found as u64;
        Ok(())
    }

    fn find(&mut self, id: ReportId) {
        let rest = self.candidates.sorted.get(self.place..).unwrap_or_default();
        let before = rest.iter().take_while(|(own, _)| *own < id).count();
        self.place += before;
        if let Some(found) = rest.get(before).filter(|(own, _)| *own == id) {
            self.common.push(*found);
            self.place += 1;
        }
    }

    /// Ends the step.
    ///
    /// # Errors
    /// [`Error::Unfinished`] before all ids are through.
    pub fn close(self) -> Result<Verifying<'a>, Error> {
        let unsent = (self.candidates.len() - self.sent) as u64;
        match self.missing() + unsent {
            0 => {}
            missing => return Err(Error::Unfinished { missing }),
        }
        let mut tally = self.candidates.tally;
        tally.reject(Rejection::Unmatched, (self.candidates.len() - self.common.len()) as u64);
        Ok(Verifying::new(self.standing, self.common, tally))
    }
}
