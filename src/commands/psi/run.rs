//! The protocol over the link.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tidegate_mpc::psi::Intersection;
use tidegate_mpc::run::{Observer, Outcome, Phase, compare_offers, greet, psi_cardinality, psi_ecdh};
use tidegate_mpc::transport::{Channel, Framed, Traffic};
use tidegate_mpc::{ItemSet, Protocol, Session};

use super::plan::Plan;
use super::summary::direction_note;
use crate::agreement::Day;
use crate::cli::PsiArgs;
use crate::data::KeyedTable;
use crate::error::Error;
use crate::link::{CancelToken, Link, LinkConfig, LinkError, Timing, WireBytes, establish};
use crate::progress::Progress;
use crate::state::Runs;

/// Protocol and version for TLS.
const ALPN: &[u8] = b"tidegate-psi/1";

/// How long a slow machine of one core may compute on each key of either side without a message in between.
const KEY_MICROSECONDS: u64 = 500;

/// What a run found out, `L` being the open link or, once the parties have parted, what went over it.
#[derive(Debug)]
pub(super) struct Found<L = Link> {
    pub(super) finding: Finding,
    pub(super) session: Session,
    pub(super) runs: Runs,
    pub(super) key_exchange: String,
    pub(super) traffic: Traffic,
    pub(super) link: L,
}

/// The result for the own side.
#[derive(Debug)]
pub(super) enum Finding {
    Intersection(Intersection),
    Count(u64),
    Withheld,
    NotEntitled,
}

impl Finding {
    fn of<T>(outcome: Outcome<T>, released: impl FnOnce(T) -> Self) -> Self {
        match outcome {
            Outcome::Released(result) => released(result),
            Outcome::Withheld => Self::Withheld,
            Outcome::NotEntitled => Self::NotEntitled,
        }
    }
}

/// Makes the link and runs the protocol; on an error the peer is told what kind it is.
pub(super) fn over_link(
    args: &PsiArgs,
    plan: &Plan,
    keyed: &KeyedTable,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Found, Error> {
    progress.begin("connect", None);
    let config = LinkConfig {
        identity: &plan.identity,
        peer_name: plan.peer_name.clone(),
        peer_key: plan.peer_key,
        alpn: ALPN,
        timing: timing(args),
    };
    let link = establish(&plan.endpoint, &config, cancel, &mut |notice| progress.note(&notice.to_string()))?;
    let mut channel = Framed::new(link);
    let ran = run(plan, &keyed.items, &mut channel, progress, cancel);
    let traffic = channel.traffic();
    let link = channel.into_inner();
    match ran {
        Ok((finding, session, runs)) => {
            let key_exchange = link.key_exchange().to_owned();
            Ok(Found { finding, session, runs, key_exchange, traffic, link })
        }
        Err(error) => {
            link.abort(error.reason_for_peer());
            Err(error)
        }
    }
}

fn timing(args: &PsiArgs) -> Timing {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    Timing { establish: seconds(args.wait), stall: seconds(args.stall), ..Timing::default() }
}

/// How long a finished run waits for its link to close.
const PARTING: Duration = Duration::from_secs(5);

/// A link that is being closed.
#[derive(Debug)]
pub(super) struct Parting {
    before: WireBytes,
    closed: Receiver<Result<WireBytes, LinkError>>,
}

impl<L> Found<L> {
    fn map_link<M>(self, change: impl FnOnce(L) -> M) -> Found<M> {
        let Self { finding, session, runs, key_exchange, traffic, link } = self;
        Found { finding, session, runs, key_exchange, traffic, link: change(link) }
    }
}

impl Found {
    /// Begins to close the link, in a thread of its own: the peer must not learn from the time of the closing
    /// how long the output takes to write, nor hold it up.
    pub(super) fn part(self) -> Found<Parting> {
        self.map_link(|link| {
            let (sender, closed) = channel();
            let before = link.wire();
            // Nobody listens any more if closing took too long.
            std::thread::spawn(move || drop(sender.send(link.close())));
            Parting { before, closed }
        })
    }
}

impl Found<Parting> {
    /// Waits for the link to close. The own result is confirmed by now, so a failure costs nothing but a note.
    pub(super) fn parted(self, progress: &Progress) -> Found<WireBytes> {
        self.map_link(|Parting { before, closed }| {
            let note = |cause: &str| {
                progress.note(&format!(
                    "note: the run is complete, but the link did not close in order: {cause}"
                ));
                before
            };
            match closed.recv_timeout(PARTING) {
                Ok(closed) => closed.unwrap_or_else(|error| note(&error.to_string())),
                Err(_) => note("the peer takes too long"),
            }
        })
    }
}

fn run(
    plan: &Plan,
    items: &ItemSet,
    channel: &mut Framed<Link>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<(Finding, Session, Runs), Error> {
    let rng = &mut rand::rng();
    let terms = plan.terms(channel.get_ref().channel_binding());
    compare_offers(&terms, channel)?;
    // The wait for the peer may have lasted past the last day.
    plan.agreement.check_date(Day::today())?;
    // Counted before the greeting, which says how many keys there are.
    let runs = plan.state.count_run(&plan.hash, plan.agreement.terms().max_runs)?;
    let session = greet(&terms, items.len(), channel, rng)?;
    if let Some(note) = direction_note(&session) {
        progress.note(&format!("note: {note}"));
    }
    let keys = session.receiver_len() + session.sender_len();
    channel.get_mut().extend_stall(Duration::from_micros(KEY_MICROSECONDS * keys));
    let mut observer = Watch { progress, cancel };
    let finding = match session.protocol() {
        Protocol::PsiCardinality => {
            Finding::of(psi_cardinality(items, &session, channel, &mut observer, rng)?, Finding::Count)
        }
        _ => Finding::of(psi_ecdh(items, &session, channel, &mut observer, rng)?, Finding::Intersection),
    };
    Ok((finding, session, runs))
}

/// Shows progress and passes cancellation on.
struct Watch<'a> {
    progress: &'a mut Progress,
    cancel: &'a CancelToken,
}

impl Observer for Watch<'_> {
    fn begin(&mut self, phase: Phase, items: u64) {
        self.progress.begin(phase.to_string(), Some(items));
    }

    fn advance(&mut self, items: u64) {
        self.progress.advance(items);
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
