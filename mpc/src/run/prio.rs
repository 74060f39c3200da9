//! Totals of many reports over a channel.

use super::join::Refused;
use super::wire::Wire;
use super::{Observer, Outcome, Phase, RunError};
use crate::aggregation::prio::{
    Batch, Candidates, Listing, Next, Noise, ReportId, ReportKey, Reports, Tally, Task, Verifying,
};
use crate::session::{Role, Session};
use crate::transport::Channel;

/// What an aggregator brings to a run.
#[derive(Clone, Copy)]
pub struct AggregatorTask<'a> {
    /// What is added up.
    pub task: &'a Task,
    /// The own key.
    pub key: &'a ReportKey,
    /// The reports.
    pub reports: &'a dyn Reports,
    /// The own noise, where some is agreed on.
    pub noise: Option<Noise<'a>>,
}

impl std::fmt::Debug for AggregatorTask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AggregatorTask").field("task", self.task).finish_non_exhaustive()
    }
}

/// What an aggregator knows after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregated {
    /// The sums, or that there were too few reports.
    pub outcome: Outcome<Vec<i128>>,
    /// What became of the reports.
    pub tally: Tally,
}

/// Runs the own aggregator of [`crate::aggregation::prio`]; the session is agreed on the number of `candidates`.
///
/// `remember` gets the ids of the reports before anything of their total leaves; what it refuses is not released.
///
/// # Errors
/// Every variant of [`RunError`]; [`RunError::Cancelled`] where `remember` refuses.
pub fn prio3(
    own: AggregatorTask<'_>,
    candidates: Candidates,
    remember: &mut dyn FnMut(&[ReportId]) -> Result<(), Refused>,
    session: &Session,
    channel: &mut impl Channel,
    observer: &mut impl Observer,
) -> Result<Aggregated, RunError> {
    let mut wire = Wire::new(session, channel, observer);
    let listing = Listing::start(own.task, own.key, own.reports, candidates, session)?;
    let batch = verify(list(listing, &mut wire)?, &mut wire)?;
    let tally = batch.tally();
    wire.begin(Phase::Opening, 0);
    let outcome = match batch.reaches_minimum() {
        false => Outcome::Withheld,
        true => {
            remember(batch.ids()).map_err(|Refused| RunError::Cancelled)?;
            Outcome::Released(open(batch, own.noise, &mut wire)?)
        }
    };
    close(&mut wire)?;
    Ok(Aggregated { outcome, tally })
}

fn list<'a, C: Channel, O: Observer>(
    mut listing: Listing<'a>,
    wire: &mut Wire<'_, C, O>,
) -> Result<Verifying<'a>, RunError> {
    wire.begin(Phase::Exchange, listing.missing());
    loop {
        let ids = listing.next_ids();
        if let Some(ids) = &ids {
            wire.send_now(ids)?;
        }
        if listing.missing() > 0 {
            let ids = wire.receive()?;
            listing.accept(&ids)?;
            wire.advance(ids.len())?;
        } else if ids.is_none() {
            return Ok(listing.close()?);
        }
    }
}

fn verify<'a, C: Channel, O: Observer>(
    mut verifying: Verifying<'a>,
    wire: &mut Wire<'_, C, O>,
) -> Result<Batch<'a>, RunError> {
    wire.begin(Phase::Verifying, verifying.len() as u64);
    loop {
        match verifying.next() {
            Next::Compare(comparing, digest) => {
                wire.send_now(&digest)?;
                return Ok(comparing.accept(&wire.receive()?)?);
            }
            Next::Verify(proving, shares) => {
                wire.send_now(&shares)?;
                let reports = shares.len();
                let (settling, accepted) = proving.accept(wire.receive()?)?;
                wire.send_now(&accepted)?;
                verifying = settling.accept(&wire.receive()?)?;
                wire.advance(reports)?;
            }
        }
    }
}

fn open<C: Channel, O: Observer>(
    batch: Batch<'_>,
    noise: Option<Noise<'_>>,
    wire: &mut Wire<'_, C, O>,
) -> Result<Vec<i128>, RunError> {
    let mut releasing = batch.release(noise)?;
    loop {
        let share = releasing.next_share();
        if let Some(share) = &share {
            wire.send_now(share)?;
        }
        if releasing.missing() > 0 {
            releasing.accept(&wire.receive()?)?;
        } else if share.is_none() {
            return Ok(releasing.close()?);
        }
    }
}

fn close<C: Channel, O: Observer>(wire: &mut Wire<'_, C, O>) -> Result<(), RunError> {
    wire.begin(Phase::Closing, 0);
    match wire.session.role() {
        Role::Sender => {
            wire.send_finished()?;
            wire.receive_finished()
        }
        Role::Receiver => {
            wire.receive_finished()?;
            wire.send_finished()
        }
    }
}
