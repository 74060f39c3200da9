//! Set intersections over a channel.

use rand_core::CryptoRng;

use super::wire::Wire;
use super::{Observer, Outcome, Phase, RunError, WINDOW};
use crate::items::ItemSet;
use crate::message::CHUNK_LEN;
use crate::psi::ecdh::{AwaitingMatches, Matched};
use crate::psi::{Intersection, cardinality, ecdh};
use crate::session::{Outputs, Protocol, Role, Session};
use crate::transport::Channel;

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
    let mut wire = Wire::new(session, channel, observer);
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
    let mut wire = Wire::new(session, channel, observer);
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
    wire.receive_tags(session.sender_len(), |tags| awaiting.accept(tags))?;
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
    wire.receive_tags(session.sender_len(), |tags| awaiting.accept(tags))?;
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

/// Counts the dependent flights of messages of a set intersection, offers and greetings included; a round trip is two.
///
/// Up to [`WINDOW`] chunks of a receiver in [`ecdh`] travel in one flight; each further window waits for the
/// answers to the one before.
pub fn flights(session: &Session) -> u64 {
    match session.protocol() {
        Protocol::PsiEcdh => {
            let windows = session.receiver_len().div_ceil((WINDOW * CHUNK_LEN) as u64);
            6 + 2 * windows.saturating_sub(1)
        }
        _ => 5,
    }
}
