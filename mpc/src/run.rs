//! Protocols over a [`Channel`]: the only file that sees both.
//!
//! [`compare_offers`] finds out whether both sides mean to run the same, before anything that depends on data
//! is said and so before a run has to count. [`greet`] makes the session, then [`psi_ecdh`] or
//! [`psi_cardinality`] runs the own role in it. Up to [`WINDOW`] chunks are under way at a time, so both
//! sides compute while messages travel and neither waits for the other to read. A side that waits for its
//! peer blocks its thread: inside a rayon pool, that is one of the pool's, so two sides in one process need
//! a pool each.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::error::Error;
use crate::items::ItemSet;
use crate::message::{CHUNK_LEN, Finished, Message};
use crate::party::PartyId;
use crate::psi::ecdh::{AwaitingMatches, Matched};
use crate::psi::{Intersection, Tags, cardinality, ecdh};
use crate::session::{Hello, Offer, Outputs, Protocol, Role, Session, Terms};
use crate::transcript::{Direction, Transcript};
use crate::transport::{Channel, ChannelError};

/// Most chunks of blinded items that wait for their answer at a time; a channel has to hold as many.
pub const WINDOW: usize = 16;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A check of the protocol failed.
    #[error(transparent)]
    Protocol(#[from] Error),
    /// The channel to the peer failed.
    #[error("the link to party {peer} failed: {cause}")]
    Channel {
        /// The party at the other end.
        peer: PartyId,
        /// What happened.
        cause: ChannelError,
    },
    /// The observer asked to stop.
    #[error("the run was cancelled")]
    Cancelled,
}

impl RunError {
    /// Returns the party that caused the error, where it was not this one.
    pub fn peer(&self) -> Option<&PartyId> {
        match self {
            Self::Protocol(error) => error.peer(),
            Self::Channel { peer, .. } => Some(peer),
            Self::Cancelled => None,
        }
    }
}

/// A part of a run, for progress and timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Blinding, evaluating and tagging items.
    Exchange,
    /// Sorting, sending and merging tags.
    Matching,
    /// Telling the sender, where both sides learn the result, and comparing transcripts.
    Closing,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exchange => "exchange",
            Self::Matching => "matching",
            Self::Closing => "closing",
        })
    }
}

/// Watches a run.
pub trait Observer {
    /// Learns that `phase` begins and how many items it will advance by.
    fn begin(&mut self, _phase: Phase, _items: u64) {}

    /// Learns that so many more items are done.
    fn advance(&mut self, _items: u64) {}

    /// Tells whether to stop; asked between chunks.
    fn cancelled(&self) -> bool {
        false
    }
}

/// An observer that does nothing.
impl Observer for () {}

/// What a run left to the own side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The result.
    Released(T),
    /// Fewer items than the agreed minimum are common, so nothing is released.
    Withheld,
    /// The own side gets no output.
    NotEntitled,
}

impl<T> From<Option<T>> for Outcome<T> {
    fn from(released: Option<T>) -> Self {
        released.map_or(Self::Withheld, Self::Released)
    }
}

/// Exchanges and compares what the two sides mean to run; says nothing about their data.
///
/// # Errors
/// [`RunError::Protocol`] where they differ, [`RunError::Channel`].
pub fn compare_offers(terms: &Terms, channel: &mut impl Channel) -> Result<(), RunError> {
    let own = Offer::new(terms);
    let other = Offer::decode(&exchange(terms, &own, channel)?, &terms.peer)?;
    Ok(own.check(&other, &terms.peer)?)
}

/// Sends a message and returns the encoding of the peer's of the same kind.
fn exchange<M: Message>(terms: &Terms, own: &M, channel: &mut impl Channel) -> Result<Vec<u8>, RunError> {
    let sent = channel.send(&own.encode()).and_then(|()| channel.flush());
    let received = sent.and_then(|()| channel.receive(M::MAX_BYTES));
    received.map_err(|cause| RunError::Channel { peer: terms.peer.clone(), cause })
}

/// Exchanges greetings and agrees on the session.
///
/// # Errors
/// [`RunError::Protocol`] where the two sides' terms differ, [`RunError::Channel`].
pub fn greet<R: CryptoRng + ?Sized>(
    terms: &Terms,
    set_len: usize,
    channel: &mut impl Channel,
    rng: &mut R,
) -> Result<Session, RunError> {
    let own = Hello::new(terms, set_len, rng);
    let hello = Hello::decode(&exchange(terms, &own, channel)?, &terms.peer)?;
    Ok(Session::agree(terms, &own, &hello)?)
}

/// Runs the own role of [`ecdh`].
///
/// # Errors
/// Every variant of [`RunError`].
pub fn psi_ecdh<R: CryptoRng + ?Sized>(
    items: &ItemSet,
    session: &Session,
    channel: &mut impl Channel,
    observer: &mut impl Observer,
    rng: &mut R,
) -> Result<Outcome<Intersection>, RunError> {
    let mut wire = Wire { session, channel, observer, transcript: Transcript::new() };
    match session.role() {
        Role::Receiver => ecdh_receive(items, &mut wire, rng),
        Role::Sender => ecdh_send(items, &mut wire, rng),
    }
}

/// Runs the own role of [`cardinality`].
///
/// # Errors
/// Every variant of [`RunError`].
pub fn psi_cardinality<R: CryptoRng + ?Sized>(
    items: &ItemSet,
    session: &Session,
    channel: &mut impl Channel,
    observer: &mut impl Observer,
    rng: &mut R,
) -> Result<Outcome<u64>, RunError> {
    let mut wire = Wire { session, channel, observer, transcript: Transcript::new() };
    match session.role() {
        Role::Receiver => cardinality_receive(items, &mut wire, rng),
        Role::Sender => cardinality_send(items, &mut wire, rng),
    }
}

fn ecdh_receive<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    items: &ItemSet,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Outcome<Intersection>, RunError> {
    let session = wire.session;
    wire.begin(Phase::Exchange, 2 * items.len() as u64);
    let mut receiver = ecdh::Receiver::start(items, session, &wire.receive()?, rng)?;
    let mut waiting = 0;
    loop {
        let blinded = receiver.blind_next();
        if let Some(blinded) = &blinded {
            wire.send_now(blinded)?;
            wire.advance(blinded.len())?;
            waiting += 1;
        }
        if waiting == WINDOW || (blinded.is_none() && waiting > 0) {
            let answer = wire.receive()?;
            receiver.accept(&answer)?;
            wire.advance(answer.len())?;
            waiting -= 1;
        }
        if blinded.is_none() && waiting == 0 {
            break;
        }
    }
    wire.begin(Phase::Matching, session.sender_len());
    let mut awaiting = receiver.close()?;
    wire.receive_tags(|tags| awaiting.accept(tags))?;
    let matched = awaiting.close()?;
    wire.begin(Phase::Closing, 0);
    wire.receive_finished()?;
    if session.outputs() == Outputs::Both {
        send_matches(&matched, wire)?;
    }
    wire.send_finished()?;
    Ok(matched.release().into())
}

fn send_matches<C: Channel, O: Observer>(
    matched: &Matched<'_>,
    wire: &mut Wire<'_, C, O>,
) -> Result<(), RunError> {
    wire.send(&matched.verdict())?;
    matched.match_bits().try_for_each(|bits| wire.send(&bits))
}

fn ecdh_send<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    items: &ItemSet,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Outcome<Intersection>, RunError> {
    let session = wire.session;
    wire.begin(Phase::Exchange, session.receiver_len() + session.sender_len());
    let (mut sender, key) = ecdh::Sender::start(items, session, rng)?;
    wire.send_now(&key)?;
    for tagging in Pace::new(session) {
        let blinded = wire.receive()?;
        wire.send_now(&sender.reply(&blinded)?)?;
        wire.advance(blinded.len())?;
        for _ in 0..tagging {
            wire.advance(sender.tag_next())?;
        }
    }
    while wire.tagged(sender.tag_next())? {}
    wire.begin(Phase::Matching, session.sender_len());
    let mut sending = sender.close()?;
    wire.send_tags(|| sending.next_chunk())?;
    wire.begin(Phase::Closing, 0);
    wire.send_finished()?;
    let outcome = match session.outputs() {
        Outputs::Receiver => Outcome::NotEntitled,
        Outputs::Both => receive_matches(sending.close()?, wire)?.into(),
    };
    wire.receive_finished()?;
    Ok(outcome)
}

fn receive_matches<C: Channel, O: Observer>(
    awaiting: AwaitingMatches<'_>,
    wire: &mut Wire<'_, C, O>,
) -> Result<Option<Intersection>, RunError> {
    let Some(mut reading) = awaiting.accept(wire.receive()?)? else {
        return Ok(None);
    };
    while reading.missing() > 0 {
        reading.accept(&wire.receive()?)?;
    }
    Ok(Some(reading.close()?))
}

fn cardinality_receive<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    items: &ItemSet,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Outcome<u64>, RunError> {
    let session = wire.session;
    wire.begin(Phase::Exchange, 2 * items.len() as u64);
    let mut receiver = cardinality::Receiver::start(items, session, rng)?;
    while let Some(blinded) = receiver.blind_next() {
        wire.send_now(&blinded)?;
        wire.advance(blinded.len())?;
    }
    let mut awaiting = receiver.close()?;
    let mut left = items.len();
    while left > 0 {
        let shuffled = wire.receive()?;
        awaiting.accept(&shuffled)?;
        left -= shuffled.len();
        wire.advance(shuffled.len())?;
    }
    wire.begin(Phase::Matching, session.sender_len());
    let mut awaiting = awaiting.close()?;
    wire.receive_tags(|tags| awaiting.accept(tags))?;
    let counted = awaiting.close()?;
    wire.begin(Phase::Closing, 0);
    wire.receive_finished()?;
    if session.outputs() == Outputs::Both {
        wire.send(&counted.size())?;
    }
    wire.send_finished()?;
    Ok(counted.release().into())
}

fn cardinality_send<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    items: &ItemSet,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Outcome<u64>, RunError> {
    let session = wire.session;
    wire.begin(Phase::Exchange, session.receiver_len() + session.sender_len());
    let mut sender = cardinality::Sender::start(items, session, rng)?;
    for tagging in Pace::new(session) {
        let blinded = wire.receive()?;
        sender.accept(&blinded)?;
        wire.advance(blinded.len())?;
        for _ in 0..tagging {
            wire.advance(sender.tag_next())?;
        }
    }
    while wire.tagged(sender.tag_next())? {}
    let mut sending = sender.close()?;
    while let Some(shuffled) = sending.next_items() {
        wire.send(&shuffled)?;
    }
    wire.begin(Phase::Matching, session.sender_len());
    wire.send_tags(|| sending.next_tags())?;
    wire.begin(Phase::Closing, 0);
    wire.send_finished()?;
    let outcome = match session.outputs() {
        Outputs::Receiver => Outcome::NotEntitled,
        Outputs::Both => wire.receive::<cardinality::Size>()?.check(session)?.into(),
    };
    wire.receive_finished()?;
    Ok(outcome)
}

/// Spreads the sender's own chunks evenly over the receiver's, so that neither side ever waits long.
struct Pace {
    chunks: u64,
    own_chunks: u64,
    done: u64,
}

impl Pace {
    fn new(session: &Session) -> Self {
        let chunks = |len: u64| len.div_ceil(CHUNK_LEN as u64);
        Self { chunks: chunks(session.receiver_len()), own_chunks: chunks(session.sender_len()), done: 0 }
    }
}

/// Own chunks to tag after each answer.
impl Iterator for Pace {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let due = |done: u64| u128::from(done) * u128::from(self.own_chunks) / u128::from(self.chunks);
        let next = self.done + 1;
        if next > self.chunks {
            return None;
        }
        let tagging = due(next) - due(self.done);
        self.done = next;
        u64::try_from(tagging).ok()
    }
}

/// The channel with everything that each message passes on its way.
struct Wire<'a, C, O> {
    session: &'a Session,
    channel: &'a mut C,
    observer: &'a mut O,
    transcript: Transcript,
}

impl<C: Channel, O: Observer> Wire<'_, C, O> {
    fn begin(&mut self, phase: Phase, items: u64) {
        self.observer.begin(phase, items);
    }

    fn advance(&mut self, items: usize) -> Result<(), RunError> {
        self.observer.advance(items as u64);
        if self.observer.cancelled() { Err(RunError::Cancelled) } else { Ok(()) }
    }

    /// Advances by a chunk of own tags and tells whether there was one.
    fn tagged(&mut self, items: usize) -> Result<bool, RunError> {
        self.advance(items)?;
        Ok(items > 0)
    }

    fn broken(&self, cause: ChannelError) -> RunError {
        RunError::Channel { peer: self.session.peer().clone(), cause }
    }

    fn outgoing(&self) -> Direction {
        match self.session.role() {
            Role::Receiver => Direction::ToSender,
            Role::Sender => Direction::ToReceiver,
        }
    }

    fn incoming(&self) -> Direction {
        match self.session.role() {
            Role::Receiver => Direction::ToReceiver,
            Role::Sender => Direction::ToSender,
        }
    }

    fn send<M: Message>(&mut self, message: &M) -> Result<(), RunError> {
        let bytes = message.encode();
        self.transcript.absorb(self.outgoing(), &bytes);
        self.channel.send(&bytes).map_err(|cause| self.broken(cause))
    }

    fn send_now<M: Message>(&mut self, message: &M) -> Result<(), RunError> {
        self.send(message)?;
        self.channel.flush().map_err(|cause| self.broken(cause))
    }

    fn receive<M: Message>(&mut self) -> Result<M, RunError> {
        let bytes = self.receive_bytes(M::MAX_BYTES)?;
        self.transcript.absorb(self.incoming(), &bytes);
        Ok(M::decode(&bytes, self.session.peer())?)
    }

    fn receive_bytes(&mut self, max: usize) -> Result<Vec<u8>, RunError> {
        self.channel.receive(max).map_err(|cause| self.broken(cause))
    }

    fn send_tags(&mut self, mut next: impl FnMut() -> Option<Tags>) -> Result<(), RunError> {
        while let Some(tags) = next() {
            self.send(&tags)?;
            self.advance(tags.len())?;
        }
        Ok(())
    }

    fn receive_tags(&mut self, mut accept: impl FnMut(&Tags) -> Result<(), Error>) -> Result<(), RunError> {
        let mut left = self.session.sender_len();
        while left > 0 {
            let tags = self.receive()?;
            accept(&tags)?;
            left -= tags.len() as u64;
            self.advance(tags.len())?;
        }
        Ok(())
    }

    /// Ends the own part with the digest of everything that was sent and received before.
    fn send_finished(&mut self) -> Result<(), RunError> {
        self.send_now(&Finished { digest: self.transcript.digest(self.session.id()) })
    }

    fn receive_finished(&mut self) -> Result<(), RunError> {
        let expected = self.transcript.digest(self.session.id());
        let finished: Finished = self.receive()?;
        if bool::from(finished.digest.ct_eq(&expected)) {
            Ok(())
        } else {
            Err(Error::Transcript { peer: self.session.peer().clone() }.into())
        }
    }
}

/// Counts the dependent flights of messages of a run, offers and greetings included; a round trip is two.
///
/// Up to [`WINDOW`] chunks of a receiver in [`ecdh`] travel in one flight; each further window waits for the
/// answers to the one before.
pub fn flights(session: &Session) -> u64 {
    match session.protocol() {
        Protocol::PsiEcdh => {
            let windows = session.receiver_len().div_ceil((WINDOW * CHUNK_LEN) as u64);
            6 + 2 * windows.saturating_sub(1)
        }
        Protocol::PsiCardinality | Protocol::JoinElGamal => 5,
    }
}
