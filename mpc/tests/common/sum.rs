//! Sums in memory: parties with identity keys, and a coordinator that loses whom a test says.
#![allow(dead_code, reason = "each user of this file needs a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use tidegate_mpc::aggregation::masked::contributor::{self, AwaitingTotal};
use tidegate_mpc::aggregation::masked::coordinator::CollectingKeys;
use tidegate_mpc::aggregation::masked::{
    AnswerOnce, Answered, Identities, Opening, Sum, SumTerms, Task, Values,
};
use tidegate_mpc::testing::seeded_rng;
use tidegate_mpc::{Error, PartyId, Suite};

/// A party's key, and everyone's public keys.
pub(crate) struct Notary {
    own: SigningKey,
    all: Arc<BTreeMap<PartyId, VerifyingKey>>,
}

impl Identities for Notary {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.own.sign(message).to_bytes()
    }

    fn verify(&self, party: &PartyId, message: &[u8], signature: &[u8; 64]) -> bool {
        self.all
            .get(party)
            .is_some_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }
}

/// Names the party of a seat.
pub(crate) fn name(seat: usize) -> PartyId {
    format!("party-{seat:03}").parse().unwrap()
}

/// Makes the keys of so many parties, and of the hub behind them.
pub(crate) fn notaries(parties: usize) -> Vec<Notary> {
    let keys: Vec<_> =
        (0..=parties).map(|seat| SigningKey::from_bytes(&[u8::try_from(seat + 1).unwrap(); 32])).collect();
    let names = (0..parties).map(name).chain(["hub".parse().unwrap()]);
    let all = Arc::new(names.zip(&keys).map(|(name, key)| (name, key.verifying_key())).collect());
    keys.into_iter().map(|own| Notary { own, all: Arc::clone(&all) }).collect()
}

/// Makes terms with a neutral hub and two thirds as the threshold.
pub(crate) fn terms(parties: usize, len: usize, bounds: (i128, i128)) -> SumTerms {
    let threshold = (2 * parties / 3 + 1).min(parties).max(2);
    SumTerms {
        agreement: [7; 32],
        parties: (0..parties).map(name).collect(),
        coordinator: "hub".parse().unwrap(),
        threshold,
        minimum: threshold,
        len,
        bounds,
        suite: Suite::Aes128Ctr,
        noisy: parties < 3 || threshold < 3,
        commitments: false,
    }
}

/// The step that a vanishing party does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Keys,
    Shares,
    Vector,
    /// It sends a part of its vector.
    WholeVector,
    Consent,
    Answer,
    Total,
}

impl Step {
    pub(crate) const ALL: [Self; 7] =
        [Self::Keys, Self::Shares, Self::Vector, Self::WholeVector, Self::Consent, Self::Answer, Self::Total];
}

/// Who vanishes when.
pub(crate) type Losses = BTreeMap<usize, Step>;

/// Sessions that were answered, as a disk would keep them.
#[derive(Default)]
pub(crate) struct Record(pub(crate) BTreeSet<[u8; 32]>);

impl AnswerOnce for Record {
    fn keep(&mut self, _: &Opening) -> Result<(), Answered> {
        Ok(())
    }

    fn note(&mut self, session: &[u8; 32]) -> Result<(), Answered> {
        if self.0.insert(*session) { Ok(()) } else { Err(Answered) }
    }
}

/// What the coordinator and each party that stayed to the end hold for the total.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) coordinator: Sum,
    pub(crate) parties: BTreeMap<usize, Sum>,
}

/// Runs a sum.
pub(crate) fn run(task: &Task, inputs: &[Vec<i128>], losses: &Losses, seed: u64) -> Result<Ended, Error> {
    run_timed(task, |seat| Values::Wide(&inputs[seat]), losses, seed, &mut Clock::new(|| Duration::ZERO))
}

/// The time that the first party and the coordinator spent, by the clock that a bench brings.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) now: fn() -> Duration,
    pub(crate) party: Duration,
    pub(crate) coordinator: Duration,
}

impl Clock {
    pub(crate) fn new(now: fn() -> Duration) -> Self {
        Self { now, party: Duration::ZERO, coordinator: Duration::ZERO }
    }

    fn party<T>(&mut self, seat: usize, work: impl FnOnce() -> T) -> T {
        let start = (self.now)();
        let done = work();
        if seat == 0 {
            self.party += (self.now)() - start;
        }
        done
    }

    fn hub<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = (self.now)();
        let done = work();
        self.coordinator += (self.now)() - start;
        done
    }
}

/// Runs a sum and takes the time.
#[allow(clippy::too_many_lines, reason = "the steps of the protocol, one after the other")]
pub(crate) fn run_timed<'a>(
    task: &Task,
    inputs: impl Fn(usize) -> Values<'a>,
    losses: &Losses,
    seed: u64,
    clock: &mut Clock,
) -> Result<Ended, Error> {
    let parties = task.terms().parties.len();
    let notaries = notaries(parties);
    let hub = &notaries[parties];
    let mut rngs: Vec<_> = (0..parties).map(|seat| seeded_rng(seed * 1000 + seat as u64)).collect();
    let takes = |seat: usize, step: Step| losses.get(&seat).is_none_or(|lost| step < *lost);

    let mut keys = CollectingKeys::new(task);
    let mut waiting = BTreeMap::new();
    for seat in 0..parties {
        let rng = &mut rngs[seat];
        let (state, message) =
            clock.party(seat, || contributor::start(task, &name(seat), &notaries[seat], rng))?;
        if takes(seat, Step::Keys) {
            clock.hub(|| keys.accept(&name(seat), message, hub))?;
            waiting.insert(seat, state);
        }
    }
    let (mut shares, list) = clock.hub(|| keys.close())?;
    let mut dealt = BTreeMap::new();
    for (seat, state) in waiting {
        let rng = &mut rngs[seat];
        let (state, message) = clock.party(seat, || state.deal(&list, &notaries[seat], rng))?;
        if takes(seat, Step::Shares) {
            clock.hub(|| shares.accept(&name(seat), message))?;
            dealt.insert(seat, state);
        }
    }
    let (mut vectors, bundles) = clock.hub(|| shares.close())?;
    let mut sent = BTreeMap::new();
    for ((seat, state), (_, bundle)) in dealt.into_iter().zip(bundles) {
        if !takes(seat, Step::Vector) {
            continue;
        }
        let rng = &mut rngs[seat];
        let masking = clock.party(seat, || state.mask(&bundle, task.admit(inputs(seat))?, rng));
        let mut masking = masking?;
        let mut upload = vectors.upload(&name(seat))?;
        while let Some(chunk) = clock.party(seat, || masking.next_chunk()) {
            clock.hub(|| upload.accept(chunk))?;
        }
        let (state, end, _) = clock.party(seat, || masking.finish())?;
        if takes(seat, Step::WholeVector) {
            clock.hub(|| upload.finish(end).and_then(|delivered| vectors.accept(delivered)))?;
            sent.insert(seat, state);
        }
    }
    let (mut consents, survivors) = clock.hub(|| vectors.close())?;
    let mut confirmed = BTreeMap::new();
    for (seat, state) in sent {
        let (state, message) = clock.party(seat, || state.confirm(&survivors, &notaries[seat]))?;
        if takes(seat, Step::Consent) {
            clock.hub(|| consents.accept(&name(seat), message, hub))?;
            confirmed.insert(seat, state);
        }
    }
    let (mut answers, signed) = clock.hub(|| consents.close())?;
    let mut answered: BTreeMap<usize, AwaitingTotal<'_>> = BTreeMap::new();
    for (seat, state) in confirmed {
        let answer = || state.answer(&signed, &notaries[seat], &mut Record::default());
        let (state, message) = clock.party(seat, answer)?;
        if takes(seat, Step::Answer) {
            clock.hub(|| answers.accept(&name(seat), message))?;
            answered.insert(seat, state);
        }
    }
    let total = clock.hub(|| answers.close())?;
    let mut ended = BTreeMap::new();
    for (seat, mut state) in answered.into_iter().filter(|(seat, _)| takes(*seat, Step::Total)) {
        for chunk in total.chunks() {
            clock.party(seat, || state.accept(chunk))?;
        }
        ended.insert(seat, clock.party(seat, || state.close(total.end()))?);
    }
    Ok(Ended { coordinator: total.into_sum(), parties: ended })
}

/// Adds up the vectors of those who survive.
pub(crate) fn plain(inputs: &[Vec<i128>], losses: &Losses) -> Vec<i128> {
    let survive = |seat: &usize| losses.get(seat).is_none_or(|lost| *lost > Step::WholeVector);
    let mut sum = vec![0i128; inputs[0].len()];
    for seat in (0..inputs.len()).filter(survive) {
        sum.iter_mut().zip(&inputs[seat]).for_each(|(sum, value)| *sum += value);
    }
    sum
}
