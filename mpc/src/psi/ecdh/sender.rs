//! The sender: answers blinded items, then sends the tags of its own.

use std::fmt;
use std::ops::Range;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::messages::{
    BlindedItems, EvaluatedItems, MatchBits, Matches, POSITIONS_PER_CHUNK, SenderKey, bad_element,
};
use super::tagger::{Confirmation, MatchProof, Tagger};
use crate::error::Error;
use crate::group::Element;
use crate::items::ItemSet;
use crate::message::{Message, next_chunk_len};
use crate::parallel;
use crate::psi::Intersection;
use crate::secret::SecretScalar;
use crate::session::{Outputs, Protocol, Role, Session};
use crate::tags::{SortedTags, TagLayout, TagList, TagStream, Tagged, Tags};

/// The sender while it answers and tags.
#[derive(Debug)]
pub struct Sender<'a> {
    items: &'a ItemSet,
    session: &'a Session,
    /// s, with which the own items are multiplied.
    key: SecretScalar,
    /// s/4, with which blinded items are multiplied: one factor 2 is in them, one in the encoding.
    quarter: SecretScalar,
    tagger: Tagger,
    layout: TagLayout,
    answered: u64,
    tags: TagList,
    confirmations: Vec<Confirmation>,
}

impl<'a> Sender<'a> {
    /// Draws the session's key.
    ///
    /// # Errors
    /// [`Error::WrongStep`], [`Error::SetChanged`].
    pub fn start<R: CryptoRng + ?Sized>(
        items: &'a ItemSet,
        session: &'a Session,
        rng: &mut R,
    ) -> Result<(Self, SenderKey), Error> {
        Self::with_key(items, session, SecretScalar::random(rng))
    }

    pub(crate) fn with_key(
        items: &'a ItemSet,
        session: &'a Session,
        key: SecretScalar,
    ) -> Result<(Self, SenderKey), Error> {
        session.expect(Protocol::PsiEcdh, Role::Sender, items.len())?;
        let public = SenderKey { encoded: Element::generate(&key).encode() };
        let sender = Self {
            items,
            session,
            quarter: key.halve().halve(),
            key,
            tagger: Tagger::new(session, &public),
            layout: TagLayout::of(session),
            answered: 0,
            tags: TagList::with_capacity(items.len()),
            confirmations: Vec::new(),
        };
        Ok((sender, public))
    }

    /// Answers the receiver's next items.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`].
    pub fn reply(&mut self, blinded: &BlindedItems) -> Result<EvaluatedItems, Error> {
        let peer = self.session.peer();
        blinded.expect_next(self.answered, self.session.receiver_len(), peer)?; // ECDH-1
        let evaluate = |range: Range<usize>| {
            let batch = blinded.encoded.get(range.clone()).unwrap_or_default();
            let products = batch.iter().zip(self.answered + range.start as u64..).map(|(encoded, index)| {
                // [JKX21 Mult-2HashDH] b = a^k. ECDH-2
                let element = Element::decode(encoded);
                let element = element.map_err(|cause| bad_element::<BlindedItems>(peer, index, cause))?;
                Ok(element.mul(&self.quarter))
            });
            Ok(Element::encode_doubled(&products.collect::<Result<Vec<_>, Error>>()?))
        };
        let encoded = parallel::batched(blinded.len(), evaluate)?;
        self.answered += blinded.len() as u64;
        Ok(EvaluatedItems { encoded })
    }

    /// Tags the next own items and returns how many; 0 when all have their tag.
    ///
    /// This needs no message, so the caller can put it wherever it would wait for one.
    pub fn tag_next(&mut self) -> usize {
        let first = self.tags.len();
        let len = next_chunk_len(first as u64, self.items.len() as u64);
        let tag = |range: Range<usize>| {
            let items = || range.clone().filter_map(|i| self.items.get(first + i));
            let products = items().map(|item| Element::hash(&[self.session.id(), item]).mul(&self.key));
            let products = Zeroizing::new(products.collect::<Vec<_>>());
            let evaluated = Zeroizing::new(Element::encode_doubled(&products));
            Ok::<_, Error>(items().zip(evaluated.iter()).map(|(item, n)| self.tagger.tag(item, n)).collect())
        };
        let tagged = parallel::batched(len, tag).unwrap_or_default();
        let both = self.session.outputs() == Outputs::Both;
        for (index, (material, confirmation)) in (u32::try_from(first).unwrap_or(u32::MAX)..).zip(tagged) {
            self.tags.extend([Tagged::new(self.layout.cut(material), index)]);
            self.confirmations.extend(both.then_some(confirmation));
        }
        len
    }

    /// Sorts the tags once everything is answered and tagged.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<SendingTags<'a>, Error> {
        let untagged = self.items.len() - self.tags.len();
        let missing = self.session.receiver_len() - self.answered + untagged as u64;
        if missing > 0 {
            return Err(Error::Unfinished { missing });
        }
        let stream = TagStream::new(self.layout, SortedTags::sort(self.tags));
        Ok(SendingTags { session: self.session, stream, confirmations: self.confirmations })
    }
}

/// The sender while it sends its tags.
pub struct SendingTags<'a> {
    session: &'a Session,
    stream: TagStream,
    confirmations: Vec<Confirmation>,
}

impl<'a> SendingTags<'a> {
    /// Returns the next tags, `None` after the last.
    pub fn next_chunk(&mut self) -> Option<Tags> {
        self.stream.next_chunk()
    }

    /// Goes on to wait for the matches, where both sides learn them.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<AwaitingMatches<'a>, Error> {
        let tags = self.stream.close()?;
        Ok(AwaitingMatches { session: self.session, tags, confirmations: self.confirmations })
    }
}

impl fmt::Debug for SendingTags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendingTags").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// The sender while it waits for what the receiver lets it know.
pub struct AwaitingMatches<'a> {
    session: &'a Session,
    tags: SortedTags,
    confirmations: Vec<Confirmation>,
}

impl<'a> AwaitingMatches<'a> {
    /// Takes the receiver's verdict; `None` where too few items matched and nothing is released.
    ///
    /// # Errors
    /// [`Error::ImpossibleCount`], [`Error::BelowMinimum`].
    pub fn accept(self, matches: Matches) -> Result<Option<AwaitingMatchBits<'a>>, Error> {
        if !matches.released {
            return Ok(None);
        }
        let (peer, found) = (self.session.peer(), matches.count);
        let max = self.session.receiver_len().min(self.session.sender_len());
        if found > max {
            return Err(Error::ImpossibleCount { peer: peer.clone(), found, max }); // ECDH-5
        }
        let minimum = self.session.minimum();
        if found < minimum {
            return Err(Error::BelowMinimum { peer: peer.clone(), found, minimum }); // ECDH-6
        }
        let proof = MatchProof::new(self.session);
        Ok(Some(AwaitingMatchBits { state: self, matches, read: 0, matched: Vec::new(), proof }))
    }
}

impl fmt::Debug for AwaitingMatches<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingMatches").field("tags", &self.tags).finish_non_exhaustive()
    }
}

/// The sender while it reads which of its tags matched.
pub struct AwaitingMatchBits<'a> {
    state: AwaitingMatches<'a>,
    matches: Matches,
    /// Positions read.
    read: usize,
    matched: Vec<u32>,
    proof: MatchProof,
}

impl AwaitingMatchBits<'_> {
    /// Counts the messages still to come.
    pub fn missing(&self) -> usize {
        (self.state.confirmations.len() - self.read).div_ceil(POSITIONS_PER_CHUNK)
    }

    /// Reads the verdict over the next tags.
    ///
    /// # Errors
    /// [`Error::Count`] unless there is one bit for each tag, and zeros behind them.
    pub fn accept(&mut self, chunk: &MatchBits) -> Result<(), Error> {
        let len = (self.state.confirmations.len() - self.read).min(POSITIONS_PER_CHUNK);
        let set = |i: &usize| chunk.bits.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1);
        let slack = (len..chunk.bits.len() * 8).any(|i| set(&i));
        if len == 0 || slack || chunk.bits.len() != len.div_ceil(8) {
            let (peer, message) = (self.state.session.peer().clone(), MatchBits::NAME);
            return Err(Error::Count { peer, message, found: chunk.bits.len() * 8, expected: len }); // ECDH-7
        }
        for position in (0..len).filter(set).map(|i| self.read + i) {
            let index = self.state.tags.item_at(position).expect("there are as many tags as items");
            self.matched.push(index);
            if let Some(confirmation) = self.state.confirmations.get(index as usize) {
                self.proof.add(confirmation);
            }
        }
        self.read += len;
        Ok(())
    }

    /// Checks the proof and returns the matched items.
    ///
    /// # Errors
    /// [`Error::Unfinished`]; [`Error::UnprovenMatches`] where the receiver claims an item that it does not
    /// hold, or another number than it announced.
    pub fn close(self) -> Result<Intersection, Error> {
        let missing = self.state.confirmations.len() - self.read;
        if missing > 0 {
            return Err(Error::Unfinished { missing: missing as u64 });
        }
        let session = self.state.session;
        let proven = bool::from(self.proof.digest().ct_eq(&self.matches.proof));
        if !proven || self.matched.len() as u64 != self.matches.count {
            return Err(Error::UnprovenMatches { peer: session.peer().clone() }); // ECDH-8
        }
        Ok(Intersection::new(self.matched))
    }
}

impl fmt::Debug for AwaitingMatchBits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingMatchBits").field("read", &self.read).finish_non_exhaustive()
    }
}
