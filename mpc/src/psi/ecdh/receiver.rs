//! The receiver: blinds its items, turns the answers into tags and merges them with the sender's.

use std::fmt;
use std::ops::Range;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::messages::{
    BlindedItems, EvaluatedItems, MatchBits, Matches, POSITIONS_PER_CHUNK, SenderKey, bad_element,
};
use super::tagger::{Confirmation, MatchProof, Tagger};
use crate::error::Error;
use crate::group::{Element, Encoded, FixedBase};
use crate::items::ItemSet;
use crate::message::next_chunk_len;
use crate::parallel;
use crate::psi::Intersection;
use crate::secret::BlindSeed;
use crate::session::{Outputs, Protocol, Role, Session};
use crate::tags::{Match, SortedTags, TagLayout, TagList, TagMerger, Tagged, Tags};

/// The receiver while it blinds items and takes answers.
#[derive(Debug)]
pub struct Receiver<'a> {
    items: &'a ItemSet,
    session: &'a Session,
    /// Multiples of K.
    key: FixedBase,
    blinds: BlindSeed,
    tagger: Tagger,
    layout: TagLayout,
    blinded: u64,
    tags: TagList,
    confirmations: Vec<Confirmation>,
}

impl<'a> Receiver<'a> {
    /// Takes the sender's key and draws the seed of the blinds.
    ///
    /// # Errors
    /// [`Error::WrongStep`], [`Error::SetChanged`], [`Error::BadElement`].
    pub fn start<R: CryptoRng + ?Sized>(
        items: &'a ItemSet,
        session: &'a Session,
        key: &SenderKey,
        rng: &mut R,
    ) -> Result<Self, Error> {
        session.expect(Protocol::PsiEcdh, Role::Receiver, items.len())?;
        Ok(Self {
            items,
            session,
            key: FixedBase::new(&key.element(session.peer())?), // ECDH-3
            blinds: BlindSeed::random(rng),
            tagger: Tagger::new(session, key),
            layout: TagLayout::of(session),
            blinded: 0,
            tags: TagList::with_capacity(items.len()),
            confirmations: Vec::new(),
        })
    }

    /// Blinds the next items, `None` after the last.
    pub fn blind_next(&mut self) -> Option<BlindedItems> {
        let first = self.blinded;
        let len = next_chunk_len(first, self.items.len() as u64);
        let blind = |range: Range<usize>| {
            let start = first + range.start as u64;
            let items = (start..).take(range.len()).filter_map(|i| self.items.get(usize::try_from(i).ok()?));
            // [JKX21 Mult-2HashDH] a = H(x)·g^r
            let blinded = items.zip(self.blinds.blinds(start)).map(|(item, blind)| {
                Element::hash(&[self.session.id(), item]).add(&Element::generate(&blind))
            });
            Ok::<_, Error>(Element::encode_doubled(&blinded.collect::<Vec<_>>()))
        };
        let encoded = parallel::batched(len, blind).ok().filter(|encoded| !encoded.is_empty())?;
        self.blinded += len as u64;
        Some(BlindedItems { encoded })
    }

    /// Takes the answer to the oldest blinded items that have none yet.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`].
    pub fn accept(&mut self, answer: &EvaluatedItems) -> Result<(), Error> {
        let first = self.tags.len();
        answer.expect_next(first as u64, self.blinded, self.session.peer())?; // ECDH-1
        let unblind = |range: Range<usize>| {
            let evaluated =
                self.unblind(first, answer.encoded.get(range.clone()).unwrap_or_default(), range.start)?;
            let items = range.filter_map(|i| self.items.get(first + i));
            Ok(items.zip(evaluated.iter()).map(|(item, n)| self.tagger.tag(item, n)).collect())
        };
        let tagged = parallel::batched(answer.len(), unblind)?;
        let both = self.session.outputs() == Outputs::Both;
        for (index, (material, confirmation)) in (u32::try_from(first).unwrap_or(u32::MAX)..).zip(tagged) {
            self.tags.extend([Tagged::new(self.layout.cut(material), index)]);
            self.confirmations.extend(both.then_some(confirmation));
        }
        Ok(())
    }

    /// Takes the blinds off a batch that starts at `offset` in the chunk of item `first`.
    fn unblind(
        &self,
        first: usize,
        batch: &[Encoded],
        offset: usize,
    ) -> Result<Zeroizing<Vec<Encoded>>, Error> {
        let start = (first + offset) as u64;
        // [JKX21 Mult-2HashDH] H(x)^k = b·z^-r
        let differences =
            (start..).zip(batch).zip(self.blinds.blinds(start)).map(|((index, encoded), blind)| {
                let element = Element::decode(encoded); // ECDH-2
                let bad = |cause| bad_element::<EvaluatedItems>(self.session.peer(), index, cause);
                Ok(element.map_err(bad)?.sub(&self.key.mul(&blind)))
            });
        // The identity is tagged like any other result: to refuse it would tell a sender that takes s·H(x)
        // off its answer whether x is the item.
        let evaluated =
            Element::encode_doubled(&Zeroizing::new(differences.collect::<Result<Vec<_>, Error>>()?));
        Ok(Zeroizing::new(evaluated))
    }

    /// Sorts the own tags once every item has its answer.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<AwaitingTags<'a>, Error> {
        match self.items.len() - self.tags.len() {
            0 => Ok(AwaitingTags {
                session: self.session,
                merger: TagMerger::new(self.layout, SortedTags::sort(self.tags)),
                confirmations: self.confirmations,
            }),
            missing => Err(Error::Unfinished { missing: missing as u64 }),
        }
    }
}

/// The receiver while it reads the sender's tags.
pub struct AwaitingTags<'a> {
    session: &'a Session,
    merger: TagMerger,
    confirmations: Vec<Confirmation>,
}

impl<'a> AwaitingTags<'a> {
    /// Reads the next tags.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Malformed`], [`Error::TagRange`].
    pub fn accept(&mut self, tags: &Tags) -> Result<(), Error> {
        self.merger.accept(tags, self.session.peer())
    }

    /// Ends the matching.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<Matched<'a>, Error> {
        let matches = self.merger.close()?;
        Ok(Matched { session: self.session, matches, confirmations: self.confirmations })
    }
}

impl fmt::Debug for AwaitingTags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingTags").field("merger", &self.merger).finish_non_exhaustive()
    }
}

/// The receiver with the result, before it is released to anybody.
pub struct Matched<'a> {
    session: &'a Session,
    /// In the sender's order.
    matches: Vec<Match>,
    confirmations: Vec<Confirmation>,
}

impl Matched<'_> {
    fn released(&self) -> bool {
        self.matches.len() as u64 >= self.session.minimum()
    }

    /// Makes the verdict for the sender, where both sides learn the result.
    pub fn verdict(&self) -> Matches {
        if !self.released() {
            return Matches { released: false, count: 0, proof: [0; 32] };
        }
        let mut proof = MatchProof::new(self.session);
        let confirmations = self.matches.iter().filter_map(|m| self.confirmations.get(m.index as usize));
        confirmations.for_each(|confirmation| proof.add(confirmation));
        Matches { released: true, count: self.matches.len() as u64, proof: proof.digest() }
    }

    /// Makes the messages that tell the sender which of its tags matched; none where nothing is released.
    pub fn match_bits(&self) -> impl Iterator<Item = MatchBits> {
        let total = usize::try_from(self.session.sender_len()).unwrap_or(usize::MAX);
        let total = if self.released() { total } else { 0 };
        (0..total).step_by(POSITIONS_PER_CHUNK).map(move |start| {
            let len = (total - start).min(POSITIONS_PER_CHUNK);
            let mut bits = vec![0u8; len.div_ceil(8)];
            let first = self.matches.partition_point(|m| (m.position as usize) < start);
            let here = self.matches.iter().skip(first).map(|m| m.position as usize - start);
            for offset in here.take_while(|offset| *offset < len) {
                if let Some(byte) = bits.get_mut(offset / 8) {
                    *byte |= 1 << (offset % 8);
                }
            }
            MatchBits { bits }
        })
    }

    /// Returns the intersection, or `None` where it is smaller than the agreed minimum.
    pub fn release(self) -> Option<Intersection> {
        let released = self.released();
        released.then(|| Intersection::new(self.matches.into_iter().map(|m| m.index).collect()))
    }
}

impl fmt::Debug for Matched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Matched(..)")
    }
}
