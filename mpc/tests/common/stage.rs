//! A sum step by step, whose messages a test may read, alter, replace or hold back on their way.
#![allow(dead_code, reason = "each user of this file needs a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use tidegate_mpc::aggregation::masked::contributor::{
    self, AwaitingConsents, AwaitingKeys, AwaitingShares, AwaitingSurvivors, AwaitingTotal,
};
use tidegate_mpc::aggregation::masked::coordinator::{
    CollectingAnswers, CollectingConsents, CollectingKeys, CollectingShares, CollectingVectors, Total,
};
use tidegate_mpc::aggregation::masked::{
    Complaint, Consents, KeyList, MaskedChunk, Opening, ShareBundle, Sum, SumTerms, Survivors, Task, Values,
};
use tidegate_mpc::testing::seeded_rng;
use tidegate_mpc::{Error, Message, PartyId};

use crate::sum::{Notary, Record, name, notaries, terms};

/// The first byte of each message.
pub(crate) mod kind {
    pub(crate) const ROUND_KEYS: u8 = 21;
    pub(crate) const KEY_LIST: u8 = 22;
    pub(crate) const SEALED_SHARES: u8 = 23;
    pub(crate) const SHARE_BUNDLE: u8 = 24;
    pub(crate) const MASKED_CHUNK: u8 = 25;
    pub(crate) const MASKED_END: u8 = 26;
    pub(crate) const SURVIVORS: u8 = 27;
    pub(crate) const CONSENT: u8 = 28;
    pub(crate) const CONSENTS: u8 = 29;
    pub(crate) const UNMASKING: u8 = 30;
    pub(crate) const TOTAL_CHUNK: u8 = 31;
    pub(crate) const TOTAL_END: u8 = 32;
}

/// Who received what it did not like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Hub,
    Party(usize),
}

/// One message: its kind, the party that sends or receives it, and how many of the kind that party had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) kind: u8,
    pub(crate) seat: usize,
    pub(crate) number: usize,
}

/// A place of the first message of a kind.
pub(crate) fn place(kind: u8, seat: usize) -> Place {
    Place { kind, seat, number: 0 }
}

/// What happens to a message on its way: `None` loses it.
pub(crate) type Tamper<'a> = &'a mut dyn FnMut(Place, Vec<u8>) -> Option<Vec<u8>>;

/// Changes the one message at `at`.
pub(crate) fn altering(
    at: Place,
    mut alter: impl FnMut(&mut Vec<u8>),
) -> impl FnMut(Place, Vec<u8>) -> Option<Vec<u8>> {
    move |place, mut bytes| {
        if place == at {
            alter(&mut bytes);
        }
        Some(bytes)
    }
}

/// Loses everything that these parties send or are sent from a kind of message on.
pub(crate) fn losing(from: u8, seats: &[usize]) -> impl FnMut(Place, Vec<u8>) -> Option<Vec<u8>> + use<> {
    let seats = seats.to_vec();
    move |place, bytes| (place.kind < from || !seats.contains(&place.seat)).then_some(bytes)
}

/// The messages between the parties and the coordinator, and what came of them.
pub(crate) struct Wire<'a> {
    tamper: Tamper<'a>,
    numbers: BTreeMap<(u8, usize), usize>,
    /// The messages as they were sent.
    pub(crate) sent: BTreeMap<Place, Vec<u8>>,
    /// What went wrong, in order.
    pub(crate) faults: Vec<(Side, Error)>,
    /// The parties that gave out shares for unmasking.
    pub(crate) answered: BTreeSet<usize>,
    /// Who blames whom to the coordinator.
    pub(crate) complaints: Vec<(PartyId, PartyId)>,
    pub(crate) openings: BTreeMap<usize, Opening>,
    pub(crate) hub: Option<Sum>,
    pub(crate) parties: BTreeMap<usize, Sum>,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(tamper: Tamper<'a>) -> Self {
        Self {
            tamper,
            numbers: BTreeMap::new(),
            sent: BTreeMap::new(),
            faults: Vec::new(),
            answered: BTreeSet::new(),
            complaints: Vec::new(),
            openings: BTreeMap::new(),
            hub: None,
            parties: BTreeMap::new(),
        }
    }

    /// Requires that this is all that went wrong.
    pub(crate) fn only_fault(&self, side: Side, error: &Error) {
        assert_eq!(self.faults, [(side, error.clone())]);
    }

    fn note<T>(&mut self, side: Side, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.faults.push((side, error))).ok()
    }

    fn pass<M: Message>(&mut self, seat: usize, message: &M, to: Side, sender: &PartyId) -> Option<M> {
        let number = self.numbers.entry((M::KIND, seat)).or_default();
        let place = Place { kind: M::KIND, seat, number: *number };
        *number += 1;
        let bytes = message.encode();
        self.sent.insert(place, bytes.clone());
        let bytes = (self.tamper)(place, bytes)?;
        self.note(to, M::decode(&bytes, sender))
    }

    /// Sends a party's message to the coordinator, which takes it; tells whether it did.
    fn up<M: Message, T>(
        &mut self,
        seat: usize,
        message: &M,
        accept: impl FnOnce(M) -> Result<T, Error>,
    ) -> Option<T> {
        let message = self.pass(seat, message, Side::Hub, &name(seat))?;
        self.note(Side::Hub, accept(message))
    }

    fn down<M: Message, T>(
        &mut self,
        stage: &Stage,
        seat: usize,
        message: &M,
        take: impl FnOnce(M) -> Result<T, Error>,
    ) -> Option<T> {
        let message = self.pass(seat, message, Side::Party(seat), &stage.task.terms().coordinator)?;
        self.note(Side::Party(seat), take(message))
    }
}

/// Parties, their vectors and their dice.
pub(crate) struct Stage {
    pub(crate) task: Task,
    pub(crate) inputs: Vec<Vec<i128>>,
    pub(crate) notaries: Vec<Notary>,
    /// What each party keeps on disk of the sessions it answered.
    pub(crate) records: RefCell<Vec<Record>>,
    pub(crate) seed: u64,
    /// What each party draws at each of its three steps, in place of the seed.
    pub(crate) drawn: Vec<[Vec<u8>; 3]>,
}

/// Dice whose throws are known beforehand, and no more than those.
struct Drawn(std::collections::VecDeque<u8>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().for_each(|byte| *byte = self.0.pop_front().expect("no more is drawn than is known"));
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

type States<S> = BTreeMap<usize, S>;
type Bundles = Vec<(PartyId, ShareBundle)>;

impl Stage {
    /// Four parties of which three are enough, with vectors of five words.
    pub(crate) fn four(seed: u64) -> Self {
        Self::new(four_terms(), seed)
    }

    /// The parties of these terms, with vectors of small numbers.
    pub(crate) fn new(terms: SumTerms, seed: u64) -> Self {
        let task = Task::new(terms).unwrap();
        let (parties, len) = (task.terms().parties.len(), task.terms().len);
        let value = |seat, at| i128::try_from((seat * 31 + at * 7) % 19).unwrap() - 9;
        let inputs = (0..parties).map(|seat| (0..len).map(|at| value(seat, at)).collect()).collect();
        let records = RefCell::new((0..parties).map(|_| Record::default()).collect());
        Self { task, inputs, notaries: notaries(parties), records, seed, drawn: Vec::new() }
    }

    pub(crate) fn hub(&self) -> PartyId {
        self.task.terms().coordinator.clone()
    }

    /// The dice of a party for one of its three draws.
    pub(crate) fn rng(&self, seat: usize, step: usize) -> Box<dyn CryptoRng> {
        match self.drawn.get(seat) {
            Some(drawn) => Box::new(Drawn(drawn[step].clone().into())),
            None => Box::new(seeded_rng((self.seed * 1000 + seat as u64) * 3 + step as u64)),
        }
    }

    fn own(&self, seat: usize) -> &Notary {
        &self.notaries[seat]
    }

    /// The sum of the vectors of those whom a total names as survivors.
    pub(crate) fn plain(&self, sum: &Sum) -> Vec<i128> {
        use tidegate_mpc::aggregation::masked::Standing::Survived;
        let mut plain = vec![0; self.task.terms().len];
        let standings = sum.standings().iter().zip(&self.inputs);
        for (_, input) in standings.filter(|((_, standing), _)| *standing == Survived) {
            plain.iter_mut().zip(input).for_each(|(plain, value)| *plain += value);
        }
        plain
    }

    /// Runs the whole sum, and requires that whoever takes a total takes the right one. The coordinator cannot tell
    /// by itself: what it holds counts as taken once a party has confirmed it.
    pub(crate) fn play<'a>(&self, tamper: Tamper<'a>) -> Wire<'a> {
        let mut wire = Wire::new(tamper);
        let _ = self.steps(&mut wire);
        let confirmed = wire.hub.iter().filter(|_| !wire.parties.is_empty());
        for sum in wire.parties.values().chain(confirmed) {
            assert_eq!(sum.values(), self.plain(sum), "a wrong sum is taken");
        }
        wire
    }

    fn steps(&self, wire: &mut Wire<'_>) -> Option<()> {
        let (collecting, list, states) = self.keys(wire)?;
        let (collecting, bundles, states) = self.deal(wire, collecting, &list, states)?;
        let (collecting, survivors, states) = self.mask(wire, collecting, &bundles, states)?;
        let (collecting, consents, states) = self.confirm(wire, collecting, &survivors, states)?;
        let (total, states) = self.answer(wire, collecting, &consents, states)?;
        self.total(wire, total, states);
        Some(())
    }

    pub(crate) fn keys(
        &self,
        wire: &mut Wire<'_>,
    ) -> Option<(CollectingShares<'_>, KeyList, States<AwaitingKeys<'_>>)> {
        let mut collecting = CollectingKeys::new(&self.task);
        let mut states = States::new();
        for seat in 0..self.inputs.len() {
            let rng = &mut self.rng(seat, 0);
            let (state, keys) = contributor::start(&self.task, &name(seat), self.own(seat), rng).unwrap();
            let hub = self.notaries.last().unwrap();
            if wire.up(seat, &keys, |keys| collecting.accept(&name(seat), keys, hub)).is_some() {
                states.insert(seat, state);
            }
        }
        let (collecting, list) = wire.note(Side::Hub, collecting.close())?;
        Some((collecting, list, states))
    }

    pub(crate) fn deal<'t>(
        &'t self,
        wire: &mut Wire<'_>,
        mut collecting: CollectingShares<'t>,
        list: &KeyList,
        before: States<AwaitingKeys<'t>>,
    ) -> Option<(CollectingVectors<'t>, Bundles, States<AwaitingShares<'t>>)> {
        let mut states = States::new();
        for (seat, state) in before {
            let deal = |list: KeyList| state.deal(&list, self.own(seat), &mut self.rng(seat, 1));
            let Some((state, shares)) = wire.down(self, seat, list, deal) else { continue };
            if wire.up(seat, &shares, |shares| collecting.accept(&name(seat), shares)).is_some() {
                states.insert(seat, state);
            }
        }
        let (collecting, bundles) = wire.note(Side::Hub, collecting.close())?;
        Some((collecting, bundles, states))
    }

    pub(crate) fn mask<'t>(
        &'t self,
        wire: &mut Wire<'_>,
        mut collecting: CollectingVectors<'t>,
        bundles: &[(PartyId, ShareBundle)],
        before: States<AwaitingShares<'t>>,
    ) -> Option<(CollectingConsents<'t>, Survivors, States<AwaitingSurvivors<'t>>)> {
        let mut states = States::new();
        for ((seat, state), (_, bundle)) in before.into_iter().zip(bundles) {
            if let Some(state) = self.upload(wire, &mut collecting, seat, bundle, state) {
                states.insert(seat, state);
            }
        }
        wire.complaints = collecting.complaints().to_vec();
        let (collecting, survivors) = wire.note(Side::Hub, collecting.close())?;
        Some((collecting, survivors, states))
    }

    fn upload<'t>(
        &'t self,
        wire: &mut Wire<'_>,
        collecting: &mut CollectingVectors<'t>,
        seat: usize,
        bundle: &ShareBundle,
        state: AwaitingShares<'t>,
    ) -> Option<AwaitingSurvivors<'t>> {
        let input = self.task.admit(Values::Wide(&self.inputs[seat])).unwrap();
        let mask = |bundle: ShareBundle| state.mask(&bundle, input, &mut self.rng(seat, 2));
        let Some(mut masking) = wire.down(self, seat, bundle, mask) else {
            let about = |(_, error): &(Side, Error)| Complaint::about(&self.task, error);
            let fault = wire.faults.last().filter(|(side, _)| *side == Side::Party(seat));
            let complaint = fault.and_then(about)?;
            wire.up(seat, &complaint, |complaint| collecting.complain(&name(seat), complaint));
            return None;
        };
        let mut upload = collecting.upload(&name(seat)).unwrap();
        while let Some(chunk) = masking.next_chunk() {
            wire.up(seat, &chunk, |chunk: MaskedChunk| upload.accept(chunk))?;
        }
        let (state, end, opening) = masking.finish().unwrap();
        wire.openings.extend(opening.map(|opening| (seat, opening)));
        wire.up(seat, &end, |end| collecting.accept(upload.finish(end)?))?;
        Some(state)
    }

    pub(crate) fn confirm<'t>(
        &'t self,
        wire: &mut Wire<'_>,
        mut collecting: CollectingConsents<'t>,
        survivors: &Survivors,
        before: States<AwaitingSurvivors<'t>>,
    ) -> Option<(CollectingAnswers<'t>, Consents, States<AwaitingConsents<'t>>)> {
        let (mut states, hub) = (States::new(), self.notaries.last().unwrap());
        for (seat, state) in before {
            let confirm = |survivors: Survivors| state.confirm(&survivors, self.own(seat));
            let Some((state, consent)) = wire.down(self, seat, survivors, confirm) else { continue };
            if wire.up(seat, &consent, |consent| collecting.accept(&name(seat), consent, hub)).is_some() {
                states.insert(seat, state);
            }
        }
        let (collecting, consents) = wire.note(Side::Hub, collecting.close())?;
        Some((collecting, consents, states))
    }

    pub(crate) fn answer<'t>(
        &'t self,
        wire: &mut Wire<'_>,
        mut collecting: CollectingAnswers<'t>,
        consents: &Consents,
        before: States<AwaitingConsents<'t>>,
    ) -> Option<(Total, States<AwaitingTotal<'t>>)> {
        let mut states = States::new();
        for (seat, state) in before {
            let record = &mut self.records.borrow_mut()[seat];
            let answer = |consents: Consents| state.answer(&consents, self.own(seat), record);
            let Some((state, unmasking)) = wire.down(self, seat, consents, answer) else { continue };
            wire.answered.insert(seat);
            wire.up(seat, &unmasking, |unmasking| collecting.accept(&name(seat), unmasking));
            states.insert(seat, state);
        }
        let total = wire.note(Side::Hub, collecting.close())?;
        Some((total, states))
    }

    pub(crate) fn total(&self, wire: &mut Wire<'_>, total: Total, states: States<AwaitingTotal<'_>>) {
        for (seat, mut state) in states {
            let took = total
                .chunks()
                .try_for_each(|chunk| wire.down(self, seat, &chunk, |chunk| state.accept(chunk)));
            let sum = took.and_then(|()| wire.down(self, seat, &total.end(), |end| state.close(end)));
            wire.parties.extend(sum.map(|sum| (seat, sum)));
        }
        wire.hub = Some(total.into_sum());
    }
}

/// Terms of four parties of which three are enough, with vectors of five words.
pub(crate) fn four_terms() -> SumTerms {
    SumTerms { threshold: 3, minimum: 3, noisy: false, ..terms(4, 5, (-9, 9)) }
}

/// Passes every message on as it is.
pub(crate) fn honest(_: Place, bytes: Vec<u8>) -> Option<Vec<u8>> {
    Some(bytes)
}

/// A message that is a list of entries of one size behind its u16 length.
pub(crate) struct Listed {
    head: Vec<u8>,
    pub(crate) entries: Vec<Vec<u8>>,
    tail: Vec<u8>,
}

/// Where the list stands in a message, and how long its entries are.
#[derive(Clone, Copy)]
pub(crate) struct Layout(pub(crate) usize, pub(crate) usize);

pub(crate) const KEY_LIST: Layout = Layout(1, 162);
pub(crate) const SEALED_SHARES: Layout = Layout(129, 176);
pub(crate) const SHARE_BUNDLE: Layout = Layout(1, 242);
pub(crate) const DEALERS: Layout = Layout(1, 2);
pub(crate) const CONSENTS: Layout = Layout(1, 66);
pub(crate) const SEEDS: Layout = Layout(1, 32);

/// The survivors of a list that names so many dealers.
pub(crate) const fn survivors_of(dealers: usize) -> Layout {
    Layout(3 + 2 * dealers, 74)
}

impl Listed {
    pub(crate) fn read(message: &[u8], Layout(at, size): Layout) -> Self {
        let (head, rest) = message.split_at(at);
        let len = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
        let (entries, tail) = rest[2..].split_at(len * size);
        let entries = entries.chunks(size).map(<[u8]>::to_vec).collect();
        Self { head: head.to_vec(), entries, tail: tail.to_vec() }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let len = u16::try_from(self.entries.len()).unwrap().to_le_bytes();
        [&self.head, &len[..], &self.entries.concat(), &self.tail].concat()
    }
}

/// Changes the entries of a list in a message.
pub(crate) fn relist(message: &mut Vec<u8>, layout: Layout, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut listed = Listed::read(message, layout);
    change(&mut listed.entries);
    *message = listed.write();
}
