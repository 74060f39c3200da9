//! Two parties under an agreement: what each stands on, and the link between them while a protocol runs.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tidegate_mpc::run::{Observer, Phase, compare_offers, greet};
use tidegate_mpc::transport::{Channel, Framed, Traffic};
use tidegate_mpc::{PartyId, Session, Terms};

use crate::agreement::{Agreement, Day, PartyTerm};
use crate::cli::MeetingArgs;
use crate::error::Error;
use crate::identity::{Identity, PublicKey};
use crate::ledger::record::Subject;
use crate::ledger::{Protocol, Time};
use crate::link::{
    CancelToken, Endpoint, Link, LinkConfig, LinkError, LinkNotice, Timing, WireBytes, establish,
};
use crate::progress::Progress;
use crate::state::{Runs, Spending, StateDir};

/// How long a slow machine of one core may compute on each key of either side without a message in between.
const KEY_MICROSECONDS: u64 = 500;

/// How long a finished run waits for its link to close.
const PARTING: Duration = Duration::from_secs(5);

/// What a party stands on before it meets the other.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) identity: Identity,
    pub(super) agreement: Agreement,
    pub(super) hash: [u8; 32],
    pub(super) own_name: PartyId,
    pub(super) peer_name: PartyId,
    pub(super) peer_key: PublicKey,
    pub(super) max_own_records: u64,
    pub(super) max_peer_records: u64,
    pub(super) state: StateDir,
    protocol: Protocol,
    endpoint: Endpoint,
    timing: Timing,
}

impl Standing {
    /// Checks that the agreement may be run now, by the owner of `identity`.
    pub(super) fn new(
        protocol: Protocol,
        identity: Identity,
        agreement: Agreement,
        args: &MeetingArgs,
    ) -> Result<Self, Error> {
        let (state, hash) = (StateDir::find(args.state_dir.as_deref())?, agreement.hash());
        let subject = Subject { identity: &identity, agreement: &agreement, state: &state, protocol };
        subject.checked(check_runnable(&agreement, &state), Time::now())?;
        let sides = agreement.sides(&identity.public())?;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(Self {
            endpoint: choose_endpoint(args, &agreement, sides.own, sides.peer)?,
            timing: Timing { establish: seconds(args.wait), stall: seconds(args.stall), ..Timing::default() },
            max_own_records: sides.own.max_records,
            max_peer_records: sides.peer.max_records,
            peer_key: sides.peer.key,
            own_name: sides.own_name.clone(),
            peer_name: sides.peer_name.clone(),
            state,
            protocol,
            hash,
            identity,
            agreement,
        })
    }

    /// Returns the run as the ledger names it.
    pub(super) fn subject(&self) -> Subject<'_> {
        let Self { identity, agreement, state, protocol, .. } = self;
        Subject { identity, agreement, state, protocol: *protocol }
    }

    /// Checks that the dataset's privacy budget suffices, where something is spent of it.
    pub(super) fn check_budget(&self, spending: Option<&Spending>) -> Result<(), Error> {
        let checked = spending.map_or(Ok(()), |spending| self.state.check_budget(spending).map(drop));
        self.subject().checked(checked.map_err(Error::from), Time::now())
    }

    /// Compares what both sides mean to run, counts the run, and whatever else it costs, and agrees on the session.
    pub(super) fn greet(
        &self,
        terms: &Terms,
        keys: usize,
        channel: &mut Framed<Link>,
        count_more: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(Session, Runs), Error> {
        compare_offers(terms, channel)?;
        // The wait for the peer may have lasted past the last day.
        self.agreement.check_date(Day::today())?;
        // Counted before the greeting, which says how many keys there are.
        let runs = self.state.count_run(&self.hash, self.agreement.terms().max_runs)?;
        count_more()?;
        let session = greet(terms, keys, channel, &mut rand::rng())?;
        let keys = session.receiver_len() + session.sender_len();
        channel.get_mut().extend_stall(Duration::from_micros(KEY_MICROSECONDS * keys));
        Ok((session, runs))
    }

    /// Makes the link and runs a protocol over it; on an error the peer is told what kind it is.
    pub(super) fn meet<T>(
        &self,
        alpn: &'static [u8],
        progress: &mut Progress,
        cancel: &CancelToken,
        run: impl FnOnce(&mut Framed<Link>, &mut Progress) -> Result<T, Error>,
    ) -> Result<Met<T>, Error> {
        progress.begin("connect", None);
        let config = LinkConfig {
            identity: &self.identity,
            peer_name: self.peer_name.clone(),
            peer_key: self.peer_key,
            alpn,
            timing: self.timing,
        };
        let notice = &mut |notice: LinkNotice| progress.note(&notice.to_string());
        let link = establish(&self.endpoint, &config, cancel, notice)?;
        let mut channel = Framed::new(link);
        let ran = run(&mut channel, progress);
        let traffic = channel.traffic();
        let link = channel.into_inner();
        match ran {
            Ok(found) => {
                let key_exchange = link.key_exchange().to_owned();
                Ok(Met { found, key_exchange, traffic, link })
            }
            Err(error) => {
                link.abort(error.reason_for_peer());
                Err(error)
            }
        }
    }
}

/// Checks that an agreement is in force and has a run left that can be counted.
pub(super) fn check_runnable(agreement: &Agreement, state: &StateDir) -> Result<(), Error> {
    agreement.check_date(Day::today())?;
    state.prepare_run(&agreement.hash(), agreement.terms().max_runs)?;
    Ok(())
}

fn choose_endpoint(
    args: &MeetingArgs,
    agreement: &Agreement,
    own: &PartyTerm,
    peer: &PartyTerm,
) -> Result<Endpoint, Error> {
    let agreed = if agreement.listens(own) {
        own.endpoint.clone().map(Endpoint::Listen)
    } else {
        peer.endpoint.clone().map(Endpoint::Connect)
    };
    let given = args.listen.clone().map(Endpoint::Listen);
    let given = given.or_else(|| args.connect.clone().map(Endpoint::Connect));
    given.or(agreed).ok_or_else(|| Error::Usage {
        what: "nothing says where the parties meet".into(),
        hint: "one side passes --listen HOST:PORT, the other --connect HOST:PORT",
    })
}

/// What a run found out, `L` being the open link or, once the parties have parted, what went over it.
#[derive(Debug)]
pub(super) struct Met<T, L = Link> {
    pub(super) found: T,
    pub(super) key_exchange: String,
    pub(super) traffic: Traffic,
    pub(super) link: L,
}

/// A link that is being closed.
#[derive(Debug)]
pub(super) struct Parting {
    before: WireBytes,
    closed: Receiver<Result<WireBytes, LinkError>>,
}

impl<T, L> Met<T, L> {
    fn map_link<M>(self, change: impl FnOnce(L) -> M) -> Met<T, M> {
        let Self { found, key_exchange, traffic, link } = self;
        Met { found, key_exchange, traffic, link: change(link) }
    }
}

impl<T> Met<T> {
    /// Begins to close the link, in a thread of its own: the peer must not learn from the time of the closing
    /// how long the output takes to write, nor hold it up.
    pub(super) fn part(self) -> Met<T, Parting> {
        self.map_link(|link| {
            let (sender, closed) = channel();
            let before = link.wire();
            // Nobody listens any more if closing took too long.
            std::thread::spawn(move || drop(sender.send(link.close())));
            Parting { before, closed }
        })
    }
}

impl<T> Met<T, Parting> {
    /// Waits for the link to close. The own result is confirmed by now, so a failure costs nothing but a note.
    pub(super) fn parted(self, progress: &Progress) -> Met<T, WireBytes> {
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

/// Shows progress and passes cancellation on.
pub(super) struct Watch<'a> {
    pub(super) progress: &'a mut Progress,
    pub(super) cancel: &'a CancelToken,
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
