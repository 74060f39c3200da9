//! The size of the intersection and nothing else: Diffie-Hellman with one exponent and shuffled answers.
//!
//! # What each party learns
//! The receiver learns how many items are common, and the size of the sender's set; not which. The sender
//! learns the size of the receiver's set, and under [`Outputs::Both`](crate::Outputs::Both) how many items
//! are common, unless that is below the agreed minimum.
//!
//! # Source
//! E. De Cristofaro, P. Gasti, G. Tsudik, "Fast and Private Computation of Cardinality of Set Intersection
//! and Union", CANS 2012 (ePrint 2011/141), Figure 1 \[DGT12\]. Group: RFC 9496. Hash to group: RFC 9380 with
//! the suite of RFC 9497 §4.1.
//!
//! # Flow
//! After the [`Hello`](crate::Hello)s:
//! ```text
//! receiver                                          sender
//!          -> BlindedItems    A = 2a·H(x)            32 nx + 1 for each 4096
//!          <- ShuffledItems   E = s·A, sorted        32 nx + 1 for each 4096   once all A are there
//!          <- Tags            sorted                 about ny (bits - log2 ny + 1.6) / 8
//!          <- Finished        transcript             33 bytes
//!          -> Size            (only where both sides learn the result)   10 bytes
//!          -> Finished        transcript             33 bytes
//! ```
//! The receiver computes N = (1/2a)·E = s·H(x), in an order that says nothing about x, the sender s·H(y); a
//! tag is the first bits of SHA-512(label, session id, N).
//!
//! # Security
//! | party | adversary | assumption | leakage to it |
//! |---|---|---|---|
//! | receiver | semi-honest | one-more Diffie-Hellman, random oracles | ny, the number of common items |
//! | sender | semi-honest | decisional Diffie-Hellman, random oracles | nx, and the number under `Both` |
//!
//! A malicious receiver can give each item an exponent of its own and learn from the answers which item
//! matched: against such a party the protocol is no better than [`ecdh`](crate::psi::ecdh). Sizes of several
//! runs with chosen sets reveal single items; the agreement bounds the number of runs and their minimum. A
//! malicious sender can make the size wrong, and a malicious receiver can report a wrong one. Channel and
//! side channels as in [`ecdh`](crate::psi::ecdh). Recorded traffic is worse off than there: one exponent
//! covers all items of the receiver, so who takes discrete logarithms later, the sender included, can test
//! items of either side.
//!
//! # Cost
//! 5 flights (2.5 round trips), offers and greetings included. Per item of the receiver 64 bytes; 1 hash to
//! the group, 3 variable-base multiplications. Per item of the sender as in [`ecdh`](crate::psi::ecdh). The
//! sender keeps 32 bytes for each item of the receiver until all of them are there to be shuffled.
//!
//! # Deviations from the paper
//! - The answers are sorted by their encoding instead of permuted at random. Encodings of s·A are
//!   pseudo-random, and a sorted list is a function of the set alone, so no order can leak.
//! - Elements are doubled on the way as in [`ecdh`](crate::psi::ecdh), tags are cut in the same way.
//!
//! # Checks
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | CARD-1 | a chunk holds as many elements as belong there | [`Error::Count`] | `tests/psi_adversary.rs` |
//! | CARD-2 | elements are canonical and not the identity, in `Elements::multiply_doubled` | [`Error::BadElement`] | same |
//! | CARD-3 | answers rise strictly, so none is repeated | [`Error::NotSorted`] | same |
//! | CARD-4 | the number reported is possible | [`Error::ImpossibleCount`] | same |
//! | CARD-5 | it is not below the minimum | [`Error::BelowMinimum`] | same |
//!
//! # Examples
//! ```
//! use tidegate_mpc::psi::cardinality::{Receiver, Sender};
//! use tidegate_mpc::testing::{agreed_sessions, seeded_rng};
//! use tidegate_mpc::{ItemSet, Outputs, Protocol};
//!
//! let (ours, theirs) = (ItemSet::new(["alice", "bob", "carol"])?, ItemSet::new(["bob", "dave"])?);
//! let (session, other) = agreed_sessions(Protocol::PsiCardinality, Outputs::Receiver, 0, 3, 2);
//!
//! let mut receiver = Receiver::start(&ours, &session, &mut seeded_rng(1))?;
//! let mut sender = Sender::start(&theirs, &other, &mut seeded_rng(2))?;
//! while let Some(blinded) = receiver.blind_next() {
//!     sender.accept(&blinded)?;
//! }
//! while sender.tag_next() > 0 {}
//!
//! let (mut sending, mut awaiting) = (sender.close()?, receiver.close()?);
//! while let Some(shuffled) = sending.next_items() {
//!     awaiting.accept(&shuffled)?;
//! }
//! let mut awaiting = awaiting.close()?;
//! while let Some(tags) = sending.next_tags() {
//!     awaiting.accept(&tags)?;
//! }
//! assert_eq!(awaiting.close()?.release(), Some(1));
//! # Ok::<(), tidegate_mpc::Error>(())
//! ```

use std::fmt;
use std::ops::Range;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::group::{Element, Encoded};
use crate::items::ItemSet;
use crate::message::{Elements, Message, ReleasedCount, kind, next_chunk_len};
use crate::parallel;
use crate::secret::SecretScalar;
use crate::session::{Protocol, Role, Session};
use crate::tags::{SortedTags, TagLayout, TagList, TagMerger, TagStream, Tagged, Tags};
use crate::transcript::CARDINALITY_TAG;

/// The receiver's next items under its exponent.
pub type BlindedItems = Elements<{ kind::BLINDED_ITEMS }>;

/// The sender's answers, in an order that says nothing about the items.
pub type ShuffledItems = Elements<{ kind::SHUFFLED_ITEMS }>;

/// What the receiver lets the sender know, where both sides learn the result.
pub type Size = ReleasedCount<{ kind::SIZE }>;

impl Size {
    /// Returns the number of common items; `None` where it is too small to be released.
    ///
    /// # Errors
    /// [`Error::ImpossibleCount`], [`Error::BelowMinimum`].
    pub fn check(&self, session: &Session) -> Result<Option<u64>, Error> {
        let max = session.receiver_len().min(session.sender_len());
        self.check_between(session.minimum(), max, session.peer()) // CARD-4, CARD-5
    }
}

/// Tags an own item by its evaluation.
fn tag(session: &Session, layout: TagLayout, evaluated: &Encoded, index: usize) -> Tagged {
    Tagged::of(CARDINALITY_TAG, session, layout, evaluated, index)
}

/// Multiplies hashed items by `scalar` and encodes the double of each product.
fn multiply_items(
    items: &ItemSet,
    session: &Session,
    scalar: &SecretScalar,
    range: Range<usize>,
) -> Vec<Encoded> {
    let items = range.filter_map(|i| items.get(i));
    let products = items.map(|item| Element::hash(&[session.id(), item]).mul(scalar));
    Element::encode_doubled(&Zeroizing::new(products.collect::<Vec<_>>()))
}

/// The receiver while it blinds items.
#[derive(Debug)]
pub struct Receiver<'a> {
    items: &'a ItemSet,
    session: &'a Session,
    /// a, where items are multiplied by 2a.
    exponent: SecretScalar,
    blinded: u64,
}

impl<'a> Receiver<'a> {
    /// Draws the exponent.
    ///
    /// # Errors
    /// [`Error::WrongStep`], [`Error::SetChanged`].
    pub fn start<R: CryptoRng + ?Sized>(
        items: &'a ItemSet,
        session: &'a Session,
        rng: &mut R,
    ) -> Result<Self, Error> {
        session.expect(Protocol::PsiCardinality, Role::Receiver, items.len())?;
        Ok(Self { items, session, exponent: SecretScalar::random(rng), blinded: 0 })
    }

    /// Blinds the next items, `None` after the last.
    pub fn blind_next(&mut self) -> Option<BlindedItems> {
        let first = usize::try_from(self.blinded).ok()?;
        let len = next_chunk_len(self.blinded, self.items.len() as u64);
        let blind = |range: Range<usize>| {
            let range = first + range.start..first + range.end;
            // [DGT12 Fig. 1] a_i = H(c_i)^R
            Ok::<_, Error>(multiply_items(self.items, self.session, &self.exponent, range))
        };
        let encoded = parallel::batched(len, blind).ok().filter(|encoded| !encoded.is_empty())?;
        self.blinded += len as u64;
        Some(BlindedItems { encoded })
    }

    /// Goes on to the answers once every item is blinded.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<AwaitingItems<'a>, Error> {
        match self.items.len() as u64 - self.blinded {
            0 => Ok(AwaitingItems {
                session: self.session,
                // Encoding doubles: 2 · 1/(4a) = 1/(2a).
                inverse: self.exponent.invert().halve().halve(),
                layout: TagLayout::of(self.session),
                last: [0; 32],
                tags: TagList::with_capacity(self.items.len()),
            }),
            missing => Err(Error::Unfinished { missing }),
        }
    }
}

/// The receiver while it reads the shuffled answers.
pub struct AwaitingItems<'a> {
    session: &'a Session,
    inverse: SecretScalar,
    layout: TagLayout,
    last: Encoded,
    tags: TagList,
}

impl<'a> AwaitingItems<'a> {
    /// Reads the next answers.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::NotSorted`], [`Error::BadElement`].
    pub fn accept(&mut self, shuffled: &ShuffledItems) -> Result<(), Error> {
        let (first, peer) = (self.tags.len(), self.session.peer());
        shuffled.expect_next(first as u64, self.session.receiver_len(), peer)?; // CARD-1
        for encoded in &shuffled.encoded {
            if *encoded <= self.last {
                return Err(Error::NotSorted { peer: peer.clone(), message: ShuffledItems::NAME }); // CARD-3
            }
            self.last = *encoded;
        }
        // [DGT12 Fig. 1] b_i = a_i'^(1/R)
        let evaluated = Zeroizing::new(shuffled.multiply_doubled(first as u64, &self.inverse, peer)?);
        let tags = evaluated.iter().zip(first..).map(|(n, index)| tag(self.session, self.layout, n, index));
        self.tags.extend(tags);
        Ok(())
    }

    /// Sorts the own tags once all answers are there.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<AwaitingTags<'a>, Error> {
        match self.session.receiver_len() - self.tags.len() as u64 {
            0 => {
                let merger = TagMerger::new(self.layout, SortedTags::sort(self.tags));
                Ok(AwaitingTags { session: self.session, merger })
            }
            missing => Err(Error::Unfinished { missing }),
        }
    }
}

impl fmt::Debug for AwaitingItems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingItems").field("read", &self.tags.len()).finish_non_exhaustive()
    }
}

/// The receiver while it reads the sender's tags.
#[derive(Debug)]
pub struct AwaitingTags<'a> {
    session: &'a Session,
    merger: TagMerger,
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
    pub fn close(self) -> Result<Counted<'a>, Error> {
        Ok(Counted { session: self.session, count: self.merger.close()?.len() as u64 })
    }
}

/// The receiver with the result, before it is released to anybody.
pub struct Counted<'a> {
    session: &'a Session,
    count: u64,
}

impl Counted<'_> {
    /// Makes the message for the sender, where both sides learn the result.
    pub fn size(&self) -> Size {
        Size::of(self.count, self.session.minimum())
    }

    /// Returns the number of common items, or `None` where it is smaller than the agreed minimum.
    pub fn release(self) -> Option<u64> {
        (self.count >= self.session.minimum()).then_some(self.count)
    }
}

impl fmt::Debug for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted(..)")
    }
}

/// The sender while it evaluates and tags.
#[derive(Debug)]
pub struct Sender<'a> {
    items: &'a ItemSet,
    session: &'a Session,
    /// s/2; encoding doubles.
    half: SecretScalar,
    layout: TagLayout,
    answers: Vec<Encoded>,
    tags: TagList,
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
    ) -> Result<Self, Error> {
        session.expect(Protocol::PsiCardinality, Role::Sender, items.len())?;
        Ok(Self {
            items,
            session,
            half: SecretScalar::random(rng),
            layout: TagLayout::of(session),
            answers: Vec::new(),
            tags: TagList::with_capacity(items.len()),
        })
    }

    /// Evaluates the receiver's next items and keeps the answers.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`].
    pub fn accept(&mut self, blinded: &BlindedItems) -> Result<(), Error> {
        let (first, peer) = (self.answers.len() as u64, self.session.peer());
        blinded.expect_next(first, self.session.receiver_len(), peer)?; // CARD-1
        // [DGT12 Fig. 1] a_i' = a_i^R'
        self.answers.extend(blinded.multiply_doubled(first, &self.half, peer)?);
        Ok(())
    }

    /// Tags the next own items and returns how many; 0 when all have their tag.
    pub fn tag_next(&mut self) -> usize {
        let first = self.tags.len();
        let len = next_chunk_len(first as u64, self.items.len() as u64);
        let tag_batch = |range: Range<usize>| {
            let range = first + range.start..first + range.end;
            let evaluated =
                Zeroizing::new(multiply_items(self.items, self.session, &self.half, range.clone()));
            let tags = evaluated.iter().zip(range).map(|(n, index)| tag(self.session, self.layout, n, index));
            Ok::<_, Error>(tags.collect())
        };
        self.tags.extend(parallel::batched(len, tag_batch).unwrap_or_default());
        len
    }

    /// Shuffles the answers and sorts the tags once all are there.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(mut self) -> Result<SendingResults, Error> {
        let unanswered = self.session.receiver_len() - self.answers.len() as u64;
        let missing = unanswered + (self.items.len() - self.tags.len()) as u64;
        if missing > 0 {
            return Err(Error::Unfinished { missing });
        }
        parallel::sort(&mut self.answers);
        let tags = TagStream::new(self.layout, SortedTags::sort(self.tags));
        Ok(SendingResults { answers: self.answers, sent: 0, tags })
    }
}

/// The sender while it sends shuffled answers and tags.
pub struct SendingResults {
    answers: Vec<Encoded>,
    sent: usize,
    tags: TagStream,
}

impl SendingResults {
    /// Returns the next answers, `None` after the last.
    pub fn next_items(&mut self) -> Option<ShuffledItems> {
        let len = next_chunk_len(self.sent as u64, self.answers.len() as u64);
        let chunk = self.answers.get(self.sent..self.sent + len).filter(|chunk| !chunk.is_empty())?;
        self.sent += len;
        Some(ShuffledItems { encoded: chunk.to_vec() })
    }

    /// Returns the next tags, `None` after the last.
    pub fn next_tags(&mut self) -> Option<Tags> {
        self.tags.next_chunk()
    }
}

impl fmt::Debug for SendingResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendingResults").field("sent", &self.sent).finish_non_exhaustive()
    }
}
