//! The first step, the same for both sides: keys under both parties' exponents.

use std::fmt;
use std::ops::Range;

use rand_core::{CryptoRng, Rng};
use zeroize::{Zeroize, Zeroizing};

use super::messages::BlindedKeys;
use super::{Lent, Plan};
use crate::error::Error;
use crate::group::{Element, Encoded};
use crate::items::ItemSet;
use crate::message::next_chunk_len;
use crate::parallel;
use crate::party::PartyId;
use crate::secret::SecretScalar;
use crate::session::{Protocol, Role, Session};
use crate::tags::{SortedTags, TagLayout, TagList, Tagged};
use crate::transcript::{JOIN_DECOY, JOIN_DUMMY, JOIN_TAG};

/// What stands at a place of a party's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An item of the set, by its index.
    Item(usize),
    /// A row of the direction in which this party owns the columns: its label, and whether both lists hold it.
    Dummy { index: u64, label: u32, used: bool },
    /// A row that the other direction's owner may use.
    Pool { index: u64 },
}

/// A party's list: its items and the dummy rows of both directions in random order.
pub(super) struct List<'a> {
    items: &'a ItemSet,
    session: &'a Session,
    plan: Plan,
    used: Vec<u32>,
    /// Seed of the decoys, known to this party alone.
    seed: Zeroizing<[u8; 32]>,
    order: Vec<u32>,
}

impl<'a> List<'a> {
    fn new<R: CryptoRng + ?Sized>(
        items: &'a ItemSet,
        session: &'a Session,
        plan: Plan,
        used: Vec<u32>,
        rng: &mut R,
    ) -> Result<Self, Error> {
        let len = plan.list_len(items.len() as u64);
        let len = u32::try_from(len).map_err(|_| Error::SetTooLarge { found: items.len(), max: 1 << 31 })?;
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        let mut order: Vec<u32> = (0..len).collect();
        shuffle(&mut order, rng);
        Ok(Self { items, session, plan, used, seed, order })
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn peer(&self) -> &PartyId {
        self.session.peer()
    }

    /// Counts the own dummy rows that match.
    pub(super) fn used_len(&self) -> u64 {
        self.used.iter().map(|&used| u64::from(used)).sum()
    }

    /// Returns what stands at `place`.
    pub(super) fn entry(&self, place: usize) -> Option<Entry> {
        let index = *self.order.get(place)? as usize;
        let Some(index) = index.checked_sub(self.items.len()).map(|index| index as u64) else {
            return Some(Entry::Item(index));
        };
        let Some(lent) = self.plan.own.filter(|own| index < own.dummies_len()) else {
            return Some(Entry::Pool { index: index - self.plan.own.map_or(0, |own| own.dummies_len()) });
        };
        let (label, slot) = lent.dummy(index)?;
        let used = self.used.get(label as usize).is_some_and(|&used| slot < used);
        Some(Entry::Dummy { index, label, used })
    }

    /// Hashes what stands at `place` to the group.
    fn hash(&self, place: usize) -> Option<Element> {
        let dummy = |owner: Role, index: u64| {
            let owner = [u8::from(owner == Role::Sender)];
            Element::hash(&[JOIN_DUMMY.as_bytes(), self.session.id(), &owner, &index.to_le_bytes()])
        };
        let role = self.session.role();
        Some(match self.entry(place)? {
            Entry::Item(index) => Element::hash(&[self.session.id(), self.items.get(index)?]),
            Entry::Dummy { index, used: true, .. } => dummy(role, index),
            Entry::Dummy { index, used: false, .. } => {
                Element::hash(&[JOIN_DECOY.as_bytes(), self.seed.as_ref(), &index.to_le_bytes()])
            }
            Entry::Pool { index } => dummy(role.other(), index),
        })
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        self.order.zeroize();
        self.used.zeroize();
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Shuffles in place: Fisher-Yates with unbiased draws.
pub(super) fn shuffle<R: CryptoRng + ?Sized>(order: &mut [u32], rng: &mut R) {
    for end in (1..order.len()).rev() {
        order.swap(end, below(end as u64 + 1, rng));
    }
}

/// Draws a uniform number below `bound`, which is at most 2^32.
fn below<R: Rng + ?Sized>(bound: u64, rng: &mut R) -> usize {
    let zone = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = rng.next_u64();
        if drawn < zone {
            return usize::try_from(drawn % bound).unwrap_or_default();
        }
    }
}

/// A party while keys travel in both directions.
#[derive(Debug)]
pub struct Blinding<'a> {
    list: List<'a>,
    /// k/2, where keys are multiplied by k; encoding doubles.
    half: SecretScalar,
    blinded: u64,
    peer_len: u64,
    layout: TagLayout,
    tags: TagList,
}

impl<'a> Blinding<'a> {
    /// Draws the exponent and the order of the list. `used` says for each label how many of the dummy rows
    /// match, in the direction in which this party owns the columns; it is empty where that is none.
    ///
    /// # Errors
    /// [`Error::WrongStep`], [`Error::SetChanged`], [`Error::SetTooLarge`], [`Error::Dummies`].
    pub fn start<R: CryptoRng + ?Sized>(
        items: &'a ItemSet,
        session: &'a Session,
        plan: Plan,
        used: Vec<u32>,
        rng: &mut R,
    ) -> Result<Self, Error> {
        session.expect(Protocol::JoinElGamal, session.role(), items.len())?;
        plan.check_dummies(&used)?;
        let list = List::new(items, session, plan, used, rng)?;
        let peer_len = plan.list_len(session.peer_len());
        let capacity = usize::try_from(peer_len).unwrap_or_default();
        let layout = TagLayout::between(list.len() as u64, peer_len);
        let tags = TagList::with_capacity(capacity);
        Ok(Self { list, half: SecretScalar::random(rng), blinded: 0, peer_len, layout, tags })
    }

    /// Counts the keys that are still to come from the peer.
    pub fn missing(&self) -> u64 {
        self.peer_len - self.tags.len() as u64
    }

    /// Blinds the next keys, `None` after the last.
    pub fn blind_next(&mut self) -> Option<BlindedKeys> {
        let first = usize::try_from(self.blinded).ok()?;
        let len = next_chunk_len(self.blinded, self.list.len() as u64);
        let blind = |range: Range<usize>| {
            let places = first + range.start..first + range.end;
            // [IKNP20 Fig. 2, rounds 1 and 2] H(x)^k
            let products = places.filter_map(|place| Some(self.list.hash(place)?.mul(&self.half)));
            Ok::<_, Error>(Element::encode_doubled(&Zeroizing::new(products.collect::<Vec<_>>())))
        };
        let encoded = parallel::batched(len, blind).ok().filter(|encoded| !encoded.is_empty())?;
        self.blinded += len as u64;
        Some(BlindedKeys { encoded })
    }

    /// Raises the peer's next keys to the own exponent and keeps their tags.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`].
    pub fn accept(&mut self, keys: &BlindedKeys) -> Result<(), Error> {
        let (session, peer) = (self.list.session, self.list.session.peer());
        let first = self.tags.len();
        keys.expect_next(first as u64, self.peer_len, peer)?; // JOIN-1
        // [IKNP20 Fig. 2, rounds 2 and 3] H(x)^(k k')
        let both = Zeroizing::new(keys.multiply_doubled(first as u64, &self.half, peer)?);
        let layout = self.layout;
        let tag = |(place, encoded): (usize, &Encoded)| Tagged::of(JOIN_TAG, session, layout, encoded, place);
        self.tags.extend((first..).zip(both.iter()).map(tag));
        Ok(())
    }

    /// Sorts the tags of the peer's keys once all keys have travelled.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<Blinded<'a>, Error> {
        let unsent = self.list.len() as u64 - self.blinded;
        match self.missing() + unsent {
            0 => Ok(Blinded { list: self.list, peer_len: self.peer_len, tags: SortedTags::sort(self.tags) }),
            missing => Err(Error::Unfinished { missing }),
        }
    }
}

/// A party that knows the peer's keys under both exponents, in the order in which the peer sent them.
#[derive(Debug)]
pub struct Blinded<'a> {
    pub(super) list: List<'a>,
    pub(super) peer_len: u64,
    pub(super) tags: SortedTags,
}

impl Blinded<'_> {
    /// Counts the places of the own list.
    pub fn own_len(&self) -> u64 {
        self.list.len() as u64
    }

    /// Counts the places of the peer's list.
    pub fn peer_len(&self) -> u64 {
        self.peer_len
    }

    pub(super) fn session(&self) -> &Session {
        self.list.session
    }

    /// Returns the most records that the two sides can have in common.
    pub(super) fn most_matches(&self) -> u64 {
        (self.list.items.len() as u64).min(self.session().peer_len())
    }

    /// How the own keys' tags are laid out, which the peer sends.
    pub(super) fn own_layout(&self) -> TagLayout {
        TagLayout::between(self.peer_len, self.list.len() as u64)
    }

    /// How the peer's keys' tags are laid out, which this party sends.
    pub(super) fn peer_layout(&self) -> TagLayout {
        TagLayout::between(self.list.len() as u64, self.peer_len)
    }

    pub(super) fn own(&self) -> Result<Lent, Error> {
        self.list.plan.own.ok_or(self.wrong_step())
    }

    pub(super) fn peer(&self) -> Result<Lent, Error> {
        self.list.plan.peer.ok_or(self.wrong_step())
    }

    fn wrong_step(&self) -> Error {
        Error::WrongStep { protocol: self.session().protocol(), role: self.session().role() }
    }
}
