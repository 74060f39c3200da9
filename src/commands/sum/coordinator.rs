//! The coordinator's side: a link to every other party, each step on all of them at once.
//!
//! A party whose link fails, or that breaks the protocol, is lost at that step, and the run goes on without it. The
//! coordinator's own figures, if it has some, take the same way as everybody's, without a link.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tidegate_mpc::aggregation::masked::contributor::{self, AwaitingKeys, AwaitingShares, AwaitingSurvivors};
use tidegate_mpc::aggregation::masked::coordinator::{
    CollectingAnswers, CollectingKeys, CollectingShares, CollectingVectors, Total,
};
use tidegate_mpc::aggregation::masked::{
    Admitted, Consent, Consents, KeyList, Opening, RoundKeys, SealedShares, ShareBundle, Unmasking, Values,
};
use tidegate_mpc::run::sum::{Arrived, receive, receive_vector, send, send_total};
use tidegate_mpc::run::{RunError, compare_offers};
use tidegate_mpc::transport::{Channel, Framed, Traffic};
use tidegate_mpc::{Message, PartyId};

use super::notary::Answers;
use super::plan::{Counted, Plan, protocol};
use super::summary::VECTOR_STEP;
use super::{ALPN, Found, Loss};
use crate::error::Error;
use crate::link::{CancelToken, GatherConfig, Link, LinkError, LinkNotice, WireBytes, gather};
use crate::progress::Progress;

/// Bytes of vectors that may be under way at a time, beside one whatever its size.
const UPLOAD_BYTES: usize = 1 << 27;

/// How often progress is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Gathers the parties and adds up their figures, with `words` of the own table where this is a party.
pub(super) fn run(
    plan: &Plan,
    words: Option<Values<'_>>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Found, Error> {
    let mut floor = Floor::open(plan, progress, cancel)?;
    let ran = Run { plan, own: words, floor: &mut floor }.steps();
    let Ended { total, opening, counted, rejected_shares } = match ran {
        Ok(ended) => ended,
        Err(error) => {
            floor.abort(&error);
            return Err(error);
        }
    };
    let losses = std::mem::take(&mut floor.losses);
    let (key_exchange, traffic, wire) = floor.close();
    let sum = total.into_sum();
    Ok(Found { sum, opening, counted, losses, rejected_shares, key_exchange, traffic, wire })
}

/// The links to those who are still there.
struct Floor<'a> {
    progress: &'a mut Progress,
    cancel: &'a CancelToken,
    channels: BTreeMap<PartyId, Framed<Link>>,
    losses: Vec<Loss>,
    key_exchanges: Vec<String>,
}

impl<'a> Floor<'a> {
    /// Waits for the parties and compares with each what is to be run.
    fn open(plan: &'a Plan, progress: &'a mut Progress, cancel: &'a CancelToken) -> Result<Self, Error> {
        progress.begin("connect", None);
        let others = plan.parties.iter().filter(|(name, _)| *name != plan.own_name);
        let guests: Vec<_> = others.cloned().collect();
        let config = GatherConfig {
            identity: &plan.notary.identity,
            guests: &guests,
            alpn: ALPN,
            timing: plan.timing,
        };
        let notice = &mut |notice: LinkNotice| progress.note(&notice.to_string());
        let links = gather(&plan.address, &config, cancel, notice)?;
        for (absent, _) in guests.iter().filter(|(name, _)| !links.contains_key(name)) {
            progress.note(&format!("party {absent} has not come; going on without it"));
        }
        let mut key_exchanges: Vec<_> = links.values().map(|link| link.key_exchange().to_owned()).collect();
        key_exchanges.sort_unstable();
        key_exchanges.dedup();
        let channels = links.into_iter().map(|(party, link)| (party, Framed::new(link))).collect();
        Ok(Self { progress, cancel, channels, losses: Vec::new(), key_exchanges })
    }

    /// Takes a step with every party at once, each in a thread; loses those with whom it fails. `done` counts for the
    /// progress line.
    fn each<T: Send>(
        &mut self,
        step: &'static str,
        done: &AtomicU64,
        work: impl Fn(&PartyId, &mut Framed<Link>) -> Result<T, RunError> + Sync,
    ) -> Result<Vec<(PartyId, T)>, Error> {
        let work = &work;
        let (progress, channels) = (&mut *self.progress, &mut self.channels);
        let results: Vec<_> = thread::scope(|scope| {
            let start = |(party, channel): (&PartyId, _)| {
                let name = party.clone();
                (party.clone(), scope.spawn(move || work(&name, channel)))
            };
            let threads: Vec<_> = channels.iter_mut().map(start).collect();
            while threads.iter().any(|(_, thread)| !thread.is_finished()) {
                progress.set(done.load(Ordering::Relaxed));
                thread::sleep(GLANCE);
            }
            threads.into_iter().map(|(party, thread)| (party, thread.join())).collect()
        });
        let mut kept = Vec::new();
        for (party, result) in results {
            match result {
                Ok(Ok(value)) => kept.push((party, value)),
                Ok(Err(error)) => self.lose(&party, step, error)?,
                Err(_) => self.lose(&party, step, RunError::Cancelled)?,
            }
        }
        Ok(kept)
    }

    /// Goes on without a party.
    fn lose(&mut self, party: &PartyId, step: &'static str, error: RunError) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(LinkError::Cancelled.into());
        }
        let error = Error::from(error);
        self.progress.note(&format!("lost party {party} at its {step}: {error}"));
        self.losses.push(Loss { party: party.to_string(), step });
        if let Some(channel) = self.channels.remove(party) {
            let reason = error.reason_for_peer();
            // Telling it takes up to a second, for which the others need not wait.
            thread::spawn(move || channel.into_inner().abort(reason));
        }
        Ok(())
    }

    /// Loses the parties whose messages did not pass.
    fn settle(
        &mut self,
        step: &'static str,
        checked: impl IntoIterator<Item = (PartyId, Result<(), tidegate_mpc::Error>)>,
    ) -> Result<(), Error> {
        for (party, result) in checked {
            if let Err(error) = result {
                self.lose(&party, step, error.into())?;
            }
        }
        Ok(())
    }

    /// Tells everybody that the run has failed.
    fn abort(&mut self, error: &Error) {
        let reason = error.reason_for_peer();
        thread::scope(|scope| {
            for channel in std::mem::take(&mut self.channels).into_values() {
                scope.spawn(move || channel.into_inner().abort(reason));
            }
        });
    }

    /// Closes all links and returns what went over them.
    fn close(self) -> (String, Traffic, WireBytes) {
        let mut traffic = Traffic::default();
        let mut links = Vec::new();
        for (party, channel) in self.channels {
            let part = channel.traffic();
            traffic.sent_len += part.sent_len;
            traffic.received_len += part.received_len;
            traffic.sent_bytes += part.sent_bytes;
            traffic.received_bytes += part.received_bytes;
            links.push((party, channel.into_inner()));
        }
        let close = |(party, link): (PartyId, Link)| {
            let before = link.wire();
            (party, before, link.close())
        };
        let closed: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = links.into_iter().map(|link| scope.spawn(move || close(link))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let mut wire = WireBytes::default();
        for (party, before, closed) in closed {
            let bytes = closed.unwrap_or_else(|error| {
                let note = format!(
                    "note: the run is complete, but the link to {party} did not close in order: {error}"
                );
                self.progress.note(&note);
                before
            });
            wire.sent += bytes.sent;
            wire.received += bytes.received;
        }
        (self.key_exchanges.join(", "), traffic, wire)
    }
}

/// What the steps end with.
struct Ended {
    total: Total,
    opening: Option<Opening>,
    counted: Counted,
    rejected_shares: Vec<String>,
}

/// A run as the coordinator takes it.
struct Run<'a, 'f> {
    plan: &'a Plan,
    /// The own figures, where this is a party too.
    own: Option<Values<'a>>,
    floor: &'f mut Floor<'a>,
}

/// Nothing to count.
static NOTHING: AtomicU64 = AtomicU64::new(0);

impl<'a> Run<'a, '_> {
    fn steps(mut self) -> Result<Ended, Error> {
        let plan = self.plan;
        let own = self.own.map(|words| plan.task.admit(words)).transpose().map_err(protocol)?;
        let (shares, list, local) = self.keys()?;
        let (mut vectors, bundles, local) = self.shares(shares, &list, local)?;
        let counted = plan.count_run()?;
        let (local, opening) = self.vectors(&mut vectors, bundles, local.zip(own))?;
        let blamed = |(_, against): &(PartyId, PartyId)| against.to_string();
        let mut rejected_shares: Vec<String> = vectors.complaints().iter().map(blamed).collect();
        let answers = self.consents(vectors, local)?;
        let total = self.answers(answers, &mut rejected_shares)?;
        self.floor.progress.begin("total", None);
        self.floor
            .each("receipt of the total", &NOTHING, |party, channel| send_total(&total, channel, party))?;
        rejected_shares.sort_unstable();
        rejected_shares.dedup();
        Ok(Ended { total, opening, counted, rejected_shares })
    }

    /// Compares what is to be run, and collects keys.
    fn keys(&mut self) -> Result<(CollectingShares<'a>, KeyList, Option<AwaitingKeys<'a>>), Error> {
        let plan = self.plan;
        self.floor.progress.begin("exchange", None);
        let mut keys = CollectingKeys::new(&plan.task);
        let local = match self.own {
            Some(_) => {
                let (state, message) =
                    contributor::start(&plan.task, &plan.own_name, &plan.notary, &mut rand::rng())
                        .map_err(protocol)?;
                keys.accept(&plan.own_name, message, &plan.notary).map_err(protocol)?;
                Some(state)
            }
            None => None,
        };
        let received: Vec<(PartyId, RoundKeys)> = self.floor.each("keys", &NOTHING, |party, channel| {
            compare_offers(&plan.terms(party, channel.get_ref().channel_binding()), channel)?;
            receive(channel, party)
        })?;
        let checked: Vec<_> = received
            .into_iter()
            .map(|(party, message)| {
                let checked = keys.accept(&party, message, &plan.notary);
                (party, checked)
            })
            .collect();
        self.floor.settle("keys", checked)?;
        let (shares, list) = keys.close().map_err(protocol)?;
        Ok((shares, list, local))
    }

    /// Hands out the keys and collects sealed shares.
    fn shares(
        &mut self,
        mut shares: CollectingShares<'a>,
        list: &KeyList,
        local: Option<AwaitingKeys<'a>>,
    ) -> Result<(CollectingVectors<'a>, Bundles, Option<AwaitingShares<'a>>), Error> {
        let plan = self.plan;
        let dealt = local.map(|state| state.deal(list, &plan.notary, &mut rand::rng())).transpose();
        let local = match dealt.map_err(protocol)? {
            Some((state, message)) => {
                shares.accept(&plan.own_name, message).map_err(protocol)?;
                Some(state)
            }
            None => None,
        };
        let received: Vec<(PartyId, SealedShares)> =
            self.floor.each("shares", &NOTHING, |party, channel| {
                send(list, channel, party)?;
                receive(channel, party)
            })?;
        let checked: Vec<_> = received
            .into_iter()
            .map(|(party, message)| {
                let checked = shares.accept(&party, message);
                (party, checked)
            })
            .collect();
        self.floor.settle("shares", checked)?;
        let (vectors, bundles) = shares.close().map_err(protocol)?;
        Ok((vectors, bundles.into_iter().collect(), local))
    }

    /// Hands out the shares and adds up the masked vectors, some at a time.
    fn vectors(
        &mut self,
        vectors: &mut CollectingVectors<'a>,
        bundles: Bundles,
        local: Option<(AwaitingShares<'a>, Admitted<'_>)>,
    ) -> Result<(Option<AwaitingSurvivors<'a>>, Option<Opening>), Error> {
        let plan = self.plan;
        let vector_bytes = plan.task.vector_bytes();
        let uploads = self.floor.channels.len() as u64;
        self.floor.progress.begin("adding", Some(uploads * vector_bytes as u64));
        let local =
            local.map(|(state, input)| self.own_vector(state, input, &bundles, vectors)).transpose()?;
        let (done, gate) = (AtomicU64::new(0), Gate::new((UPLOAD_BYTES / vector_bytes.max(1)).max(1)));
        let shared = Mutex::new(vectors);
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        self.floor.each(VECTOR_STEP, &done, |party, channel| {
            let Some(bundle) = bundles.get(party) else { return Err(RunError::Cancelled) };
            send(bundle, channel, party)?;
            let _turn = gate.enter();
            let upload = lock().upload(party)?;
            let advance = |bytes| {
                done.fetch_add(bytes, Ordering::Relaxed);
            };
            match receive_vector(upload, channel, party, &advance)? {
                Arrived::Vector(delivered) => Ok(lock().accept(delivered)?),
                Arrived::Complaint(complaint) => Ok(lock().complain(party, complaint)?),
            }
        })?;
        let vectors = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (party, against) in vectors.complaints().to_vec() {
            self.floor
                .progress
                .note(&format!("party {party} withdraws: it refuses its share from {against}"));
            if let Some(channel) = self.floor.channels.remove(&party) {
                self.floor.losses.push(Loss { party: party.to_string(), step: VECTOR_STEP });
                thread::spawn(move || drop(channel));
            }
        }
        Ok(match local {
            Some((state, opening)) => (Some(state), opening),
            None => (None, None),
        })
    }

    /// Masks the own vector and adds it.
    fn own_vector(
        &self,
        state: AwaitingShares<'a>,
        input: Admitted<'_>,
        bundles: &Bundles,
        vectors: &mut CollectingVectors<'a>,
    ) -> Result<(AwaitingSurvivors<'a>, Option<Opening>), Error> {
        let own = &self.plan.own_name;
        let nothing = || tidegate_mpc::Error::OutOfTurn { peer: own.clone(), message: ShareBundle::NAME };
        let bundle = bundles.get(own).ok_or_else(|| protocol(nothing()))?;
        let mut masking = state.mask(bundle, input, &mut rand::rng()).map_err(protocol)?;
        let mut upload = vectors.upload(own).map_err(protocol)?;
        while let Some(chunk) = masking.next_chunk() {
            upload.accept(chunk).map_err(protocol)?;
        }
        let (state, end, opening) = masking.finish().map_err(protocol)?;
        let delivered = upload.finish(end).map_err(protocol)?;
        vectors.accept(delivered).map_err(protocol)?;
        Ok((state, opening))
    }

    /// Has the survivors confirm each other, and gives them all signatures; the own answer is in.
    fn consents(
        &mut self,
        vectors: CollectingVectors<'a>,
        local: Option<AwaitingSurvivors<'a>>,
    ) -> Result<(CollectingAnswers<'a>, Consents), Error> {
        let plan = self.plan;
        self.floor.progress.begin("opening", None);
        let (mut consents, survivors) = vectors.close().map_err(protocol)?;
        let confirmed = local.map(|state| state.confirm(&survivors, &plan.notary)).transpose();
        let local = match confirmed.map_err(protocol)? {
            Some((state, message)) => {
                consents.accept(&plan.own_name, message, &plan.notary).map_err(protocol)?;
                Some(state)
            }
            None => None,
        };
        let received: Vec<(PartyId, Consent)> = self.floor.each("consent", &NOTHING, |party, channel| {
            send(&survivors, channel, party)?;
            receive(channel, party)
        })?;
        let checked: Vec<_> = received
            .into_iter()
            .map(|(party, message)| {
                let checked = consents.accept(&party, message, &plan.notary);
                (party, checked)
            })
            .collect();
        self.floor.settle("consent", checked)?;
        let (mut answers, signed) = consents.close().map_err(protocol)?;
        if let Some(state) = local {
            let mut noted = Answers(&plan.state);
            let (_, answer) = state.answer(&signed, &plan.notary, &mut noted).map_err(protocol)?;
            answers.accept(&plan.own_name, answer).map_err(protocol)?;
        }
        Ok((answers, signed))
    }

    /// Collects the shares that take the masks off.
    fn answers(
        &mut self,
        (mut answers, signed): (CollectingAnswers<'a>, Consents),
        rejected_shares: &mut Vec<String>,
    ) -> Result<Total, Error> {
        let received: Vec<(PartyId, Unmasking)> =
            self.floor.each("unmasking", &NOTHING, |party, channel| {
                send(&signed, channel, party)?;
                receive(channel, party)
            })?;
        let mut checked = Vec::new();
        for (party, message) in received {
            let result = answers.accept(&party, message);
            if matches!(result, Err(tidegate_mpc::Error::BadShare { .. })) {
                rejected_shares.push(party.to_string());
            }
            checked.push((party, result));
        }
        self.floor.settle("unmasking", checked)?;
        answers.close().map_err(protocol)
    }
}

/// The shares for each party.
type Bundles = BTreeMap<PartyId, ShareBundle>;

/// Lets so many in at a time.
struct Gate {
    free: Mutex<usize>,
    left: Condvar,
}

impl Gate {
    fn new(free: usize) -> Self {
        Self { free: Mutex::new(free), left: Condvar::new() }
    }

    /// Waits for a place; it is free again when the turn is dropped.
    fn enter(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.left.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

/// A place behind a [`Gate`].
struct Turn<'a>(&'a Gate);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}
