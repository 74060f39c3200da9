//! Protocols over a [`Channel`]: the only file that sees both.
//!
//! [`compare_offers`] finds out whether both sides mean to run the same, before anything that depends on data
//! is said and so before a run has to count. [`greet`] makes the session, then [`psi_ecdh`],
//! [`psi_cardinality`], [`join()`] or [`prio3`] runs the own role in it. Up to [`WINDOW`] chunks are under way at a time, so both
//! sides compute while messages travel and neither waits for the other to read. A side that waits for its
//! peer blocks its thread: inside a rayon pool, that is one of the pool's, so two sides in one process need
//! a pool each.

mod join;
mod prio;
mod psi;
pub mod sum;
mod wire;

use std::fmt;

use rand_core::CryptoRng;

pub use self::join::{Borrow, Disclosure, JoinTask, Lend, Refused, join};
pub use self::prio::{Aggregated, AggregatorTask, prio3};
pub use self::psi::{flights, psi_cardinality, psi_ecdh};
use crate::error::Error;
use crate::message::Message;
use crate::party::PartyId;
use crate::session::{Hello, Offer, Session, Terms};
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
    /// Sending encrypted records and adding up those that match.
    Adding,
    /// Opening reports and verifying their proofs.
    Verifying,
    /// Testing counts and opening sums.
    Opening,
    /// Telling the sender, where both sides learn the result, and comparing transcripts.
    Closing,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exchange => "exchange",
            Self::Matching => "matching",
            Self::Adding => "adding",
            Self::Verifying => "verifying",
            Self::Opening => "opening",
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
