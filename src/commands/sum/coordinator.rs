//! The coordinator's side: a link to every other party, each step on all of them at once.
//!
//! A party whose link fails, or that breaks the protocol, is lost at that step, and the run goes on without it. The
//! coordinator's own figures, if it has some, take the same way as everybody's, without a link.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tidegate_mpc::aggregation::masked::contributor::{
    self, AwaitingConsents, AwaitingKeys, AwaitingShares, AwaitingSurvivors, AwaitingTotal,
};
use tidegate_mpc::aggregation::masked::coordinator::{
    CollectingAnswers, CollectingKeys, CollectingShares, CollectingVectors, Total, Upload,
};
use tidegate_mpc::aggregation::masked::{
    Admitted, AnswerOnce, Consent, Consents, KeyList, RoundKeys, SealedShares, ShareBundle, Unmasking, Values,
};
use tidegate_mpc::run::sum::{Arrived, receive, receive_vector, send, send_total};
use tidegate_mpc::run::{RunError, compare_offers};
use tidegate_mpc::transport::{Channel, Framed, Traffic};
use tidegate_mpc::{Message, PartyId};

use super::notary::Keeper;
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
    let Ended { total, counted, rejected_shares } = match ran {
        Ok(ended) => ended,
        Err(error) => {
            floor.abort(&error);
            return Err(error);
        }
    };
    let losses = std::mem::take(&mut floor.losses);
    let (key_exchange, traffic, wire) = floor.close();
    let sum = total.into_sum();
    Ok(Found { sum, counted, losses, rejected_shares, key_exchange, traffic, wire })
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
        let patient = |(party, mut link): (PartyId, Link)| {
            link.extend_stall(plan.upload_time());
            (party, Framed::new(link))
        };
        let channels = links.into_iter().map(patient).collect();
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
        self.each_with(step, done, work, &mut || {})
    }

    /// As [`Self::each`]; `tend` is called meanwhile, on the thread of the caller.
    fn each_with<T: Send>(
        &mut self,
        step: &'static str,
        done: &AtomicU64,
        work: impl Fn(&PartyId, &mut Framed<Link>) -> Result<T, RunError> + Sync,
        tend: &mut dyn FnMut(),
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
                tend();
                thread::sleep(GLANCE);
            }
            tend();
            threads.into_iter().map(|(party, thread)| (party, thread.join())).collect()
        });
        let mut kept = Vec::new();
        for (party, result) in results {
            match result {
                Ok(Ok(value)) => kept.push((party, value)),
                Ok(Err(error)) => self.lose(&party, step, error)?,
                Err(panic) => std::panic::resume_unwind(panic),
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

/// The figures of a hub.
const NONE: Values<'static> = Values::Narrow(&[]);

/// Nothing to count.
static NOTHING: AtomicU64 = AtomicU64::new(0);

impl<'a> Run<'a, '_> {
    fn steps(mut self) -> Result<Ended, Error> {
        let plan = self.plan;
        let own = self.own.map(|words| plan.task.admit(words)).transpose().map_err(protocol)?;
        let (shares, list, local) = self.keys()?;
        let (mut vectors, bundles, local) = self.shares(shares, &list, local)?;
        let counted = plan.count_run()?;
        let local = self.vectors(&mut vectors, &bundles, local.zip(own))?;
        let blamed = |(_, against): &(PartyId, PartyId)| against.to_string();
        let mut rejected_shares: Vec<String> = vectors.complaints().iter().map(blamed).collect();
        let (answers, signed, local) = self.consents(vectors, local)?;
        let total = self.answers(answers, &signed, &mut rejected_shares)?;
        self.receipts(&total, local)?;
        rejected_shares.sort_unstable();
        rejected_shares.dedup();
        Ok(Ended { total, counted, rejected_shares })
    }

    /// Sends to every party, takes its answer, and loses those whose answer does not pass.
    fn collect<M: Message + Send>(
        &mut self,
        step: &'static str,
        ask: impl Fn(&PartyId, &mut Framed<Link>) -> Result<(), RunError> + Sync,
        mut accept: impl FnMut(&PartyId, M) -> Result<(), tidegate_mpc::Error>,
    ) -> Result<(), Error> {
        let answers = self.floor.each(step, &NOTHING, |party, channel| {
            ask(party, channel)?;
            receive(channel, party)
        })?;
        for (party, answer) in answers {
            if let Err(error) = accept(&party, answer) {
                self.floor.lose(&party, step, error.into())?;
            }
        }
        Ok(())
    }

    /// Compares what is to be run, and collects keys.
    fn keys(&mut self) -> Result<(CollectingShares<'a>, KeyList, Option<AwaitingKeys<'a>>), Error> {
        let plan = self.plan;
        self.floor.progress.begin("exchange", None);
        let mut keys = CollectingKeys::new(&plan.task);
        let rng = &mut rand::rng();
        let begin = |_| contributor::start(&plan.task, &plan.own_name, &plan.notary, rng);
        let local = self.own.map(begin).transpose().map_err(protocol)?;
        let local = match local {
            Some((state, message)) => {
                keys.accept(&plan.own_name, message, &plan.notary).map_err(protocol)?;
                Some(state)
            }
            None => None,
        };
        let compare = |party: &PartyId, channel: &mut Framed<Link>| {
            compare_offers(&plan.terms(party, channel.get_ref().channel_binding()), channel)
        };
        self.collect("keys", compare, |party, message: RoundKeys| keys.accept(party, message, &plan.notary))?;
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
        let ask = |party: &PartyId, channel: &mut Framed<Link>| send(list, channel, party);
        self.collect("shares", ask, |party, message: SealedShares| shares.accept(party, message))?;
        let (vectors, bundles) = shares.close().map_err(protocol)?;
        Ok((vectors, bundles.into_iter().collect(), local))
    }

    /// Hands out the shares and adds up the masked vectors, so many at a time as fit.
    fn vectors(
        &mut self,
        vectors: &mut CollectingVectors<'a>,
        bundles: &Bundles,
        local: Option<(AwaitingShares<'a>, Admitted<'_>)>,
    ) -> Result<Option<AwaitingSurvivors<'a>>, Error> {
        let vector_bytes = self.plan.task.vector_bytes();
        let uploads = self.floor.channels.len() as u64;
        self.floor.progress.begin("adding", Some(uploads * vector_bytes as u64));
        let local =
            local.map(|(state, input)| self.own_vector(state, input, bundles, vectors)).transpose()?;
        let waiting = self.uploads(vectors)?;
        let (done, gate) = (AtomicU64::new(0), Gate::new((UPLOAD_BYTES / vector_bytes.max(1)).max(1)));
        let (arrive, arrived) = channel();
        let mut refused = Vec::new();
        // Added up here, on the threads that the user allows; each keeps its turn until then.
        let mut add = || {
            for (party, arrived, turn) in arrived.try_iter() {
                let result = match arrived {
                    Arrived::Vector(delivered) => vectors.accept(delivered),
                    Arrived::Complaint(complaint) => vectors.complain(&party, complaint),
                };
                refused.extend(result.err().map(|error| (party, error)));
                drop(turn);
            }
        };
        let work = |party: &PartyId, channel: &mut Framed<Link>| {
            let upload = waiting.get(party).and_then(|upload| lock(upload).take());
            let (Some(bundle), Some(upload)) = (bundles.get(party), upload) else {
                return Err(RunError::Cancelled);
            };
            send(bundle, channel, party)?;
            let turn = gate.enter();
            let advance = |bytes| {
                done.fetch_add(bytes, Ordering::Relaxed);
            };
            let vector = receive_vector(upload, channel, party, &advance)?;
            // The receiving end lives as long as this step.
            let _ = arrive.send((party.clone(), vector, turn));
            Ok(())
        };
        self.floor.each_with(VECTOR_STEP, &done, work, &mut add)?;
        for (party, error) in refused {
            self.floor.lose(&party, VECTOR_STEP, error.into())?;
        }
        self.withdraw(vectors.complaints());
        Ok(local)
    }

    /// Makes ready to receive a vector of everybody.
    fn uploads(
        &self,
        vectors: &CollectingVectors<'a>,
    ) -> Result<BTreeMap<PartyId, Mutex<Option<Upload>>>, Error> {
        let parties = self.floor.channels.keys();
        let upload = |party: &PartyId| Ok((party.clone(), Mutex::new(Some(vectors.upload(party)?))));
        parties.map(upload).collect::<Result<_, tidegate_mpc::Error>>().map_err(protocol)
    }

    /// Lets those go who complained.
    fn withdraw(&mut self, complaints: &[(PartyId, PartyId)]) {
        for (party, against) in complaints {
            let note = format!("party {party} withdraws: it refuses its share from {against}");
            self.floor.progress.note(&note);
            if let Some(channel) = self.floor.channels.remove(party) {
                self.floor.losses.push(Loss { party: party.to_string(), step: VECTOR_STEP });
                thread::spawn(move || drop(channel));
            }
        }
    }

    /// Masks the own vector and adds it.
    fn own_vector(
        &self,
        state: AwaitingShares<'a>,
        input: Admitted<'_>,
        bundles: &Bundles,
        vectors: &mut CollectingVectors<'a>,
    ) -> Result<AwaitingSurvivors<'a>, Error> {
        let own = &self.plan.own_name;
        let nothing = || tidegate_mpc::Error::OutOfTurn { peer: own.clone(), message: ShareBundle::NAME };
        let bundle = bundles.get(own).ok_or_else(|| protocol(nothing()))?;
        let mut masking = state.mask(bundle, input, &mut rand::rng()).map_err(protocol)?;
        let mut keeper = Keeper::new(self.plan, self.own.unwrap_or(NONE));
        if let Some(opening) = masking.opening()
            && keeper.keep(opening).is_err()
        {
            return Err(keeper.cause(protocol(tidegate_mpc::Error::NotKept)));
        }
        let mut upload = vectors.upload(own).map_err(protocol)?;
        while let Some(chunk) = masking.next_chunk() {
            upload.accept(chunk).map_err(protocol)?;
        }
        let (state, end, _) = masking.finish().map_err(protocol)?;
        let delivered = upload.finish(end).map_err(protocol)?;
        vectors.accept(delivered).map_err(protocol)?;
        Ok(state)
    }

    /// Has the survivors confirm each other; the own answer is in.
    fn consents(
        &mut self,
        vectors: CollectingVectors<'a>,
        local: Option<AwaitingSurvivors<'a>>,
    ) -> Result<(CollectingAnswers<'a>, Consents, Option<AwaitingTotal<'a>>), Error> {
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
        let ask = |party: &PartyId, channel: &mut Framed<Link>| send(&survivors, channel, party);
        let accept = |party: &PartyId, message: Consent| consents.accept(party, message, &plan.notary);
        self.collect("consent", ask, accept)?;
        let (mut answers, signed) = consents.close().map_err(protocol)?;
        let local = local.map(|state| self.own_answer(state, &signed, &mut answers)).transpose()?;
        Ok((answers, signed, local))
    }

    /// Gives out the own shares.
    fn own_answer(
        &self,
        state: AwaitingConsents<'a>,
        signed: &Consents,
        answers: &mut CollectingAnswers<'a>,
    ) -> Result<AwaitingTotal<'a>, Error> {
        let plan = self.plan;
        let mut keeper = Keeper::new(plan, self.own.unwrap_or(NONE));
        let (state, answer) = match state.answer(signed, &plan.notary, &mut keeper) {
            Ok(answered) => answered,
            Err(error) => return Err(keeper.cause(protocol(error))),
        };
        answers.accept(&plan.own_name, answer).map_err(protocol)?;
        Ok(state)
    }

    /// Collects the shares that take the masks off.
    fn answers(
        &mut self,
        mut answers: CollectingAnswers<'a>,
        signed: &Consents,
        rejected_shares: &mut Vec<String>,
    ) -> Result<Total, Error> {
        let ask = |party: &PartyId, channel: &mut Framed<Link>| send(signed, channel, party);
        self.collect("unmasking", ask, |party, message: Unmasking| {
            let result = answers.accept(party, message);
            if matches!(result, Err(tidegate_mpc::Error::BadShare { .. })) {
                rejected_shares.push(party.to_string());
            }
            result
        })?;
        answers.close().map_err(protocol)
    }

    /// Sends the total to all survivors. A total counts once a party has found its tag right: this one, where it is a party,
    /// or any other.
    fn receipts(&mut self, total: &Total, local: Option<AwaitingTotal<'a>>) -> Result<(), Error> {
        self.floor.progress.begin("total", None);
        let is_checked = local.is_some();
        if let Some(mut state) = local {
            total.chunks().try_for_each(|chunk| state.accept(chunk)).map_err(protocol)?;
            state.close(total.end()).map_err(protocol)?;
        }
        let send = |party: &PartyId, channel: &mut Framed<Link>| send_total(total, channel, party);
        let receipts = self.floor.each("receipt of the total", &NOTHING, send)?;
        if receipts.is_empty() && !is_checked {
            let (found, needed, step) = (0, 1, "confirmed the total");
            return Err(protocol(tidegate_mpc::Error::TooFewParties { found, needed, step }));
        }
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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
        let free = lock(&self.free);
        let mut free = self.left.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

/// A place behind a [`Gate`].
struct Turn<'a>(&'a Gate);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.left.notify_one();
    }
}
