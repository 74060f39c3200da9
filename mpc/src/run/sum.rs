//! Masked sums over channels: a party's whole run, and what the coordinator does on one of its links.
//!
//! A coordinator has a channel to each party and takes the steps of [`masked::coordinator`] on all of them, each step
//! in as many threads as its caller likes; [`receive`], [`receive_vector`] and [`send_total`] are what happens on one of them.
//!
//! [`masked::coordinator`]: crate::aggregation::masked::coordinator

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use super::{Observer, Phase, RunError};
use crate::aggregation::masked::contributor::{self, AwaitingConsents, AwaitingShares, AwaitingTotal};
use crate::aggregation::masked::coordinator::{Delivered, Total, Upload};
use crate::aggregation::masked::{
    Admitted, AnswerOnce, Complaint, Identities, MaskedChunk, MaskedEnd, Opening, ShareBundle, Sum, Task,
    TotalEnd,
};
use crate::error::Error;
use crate::message::{Finished, Message, kind};
use crate::party::PartyId;
use crate::transport::{Channel, ChannelError};

/// A party's channel to the coordinator.
struct Line<'a, C, O> {
    coordinator: &'a PartyId,
    channel: &'a mut C,
    observer: &'a mut O,
}

impl<C: Channel, O: Observer> Line<'_, C, O> {
    fn send<M: Message>(&mut self, message: &M) -> Result<(), RunError> {
        send(message, self.channel, self.coordinator)
    }

    fn receive<M: Message>(&mut self) -> Result<M, RunError> {
        receive(self.channel, self.coordinator)
    }

    /// Counts bytes of a vector, and stops where the observer says so.
    fn advance(&mut self, bytes: usize) -> Result<(), RunError> {
        self.observer.advance(bytes as u64);
        if self.observer.cancelled() { Err(RunError::Cancelled) } else { Ok(()) }
    }
}

fn broken(peer: &PartyId) -> impl Fn(ChannelError) -> RunError {
    |cause| RunError::Channel { peer: peer.clone(), cause }
}

/// Sends a message at once.
///
/// # Errors
/// [`RunError::Channel`].
pub fn send<M: Message>(message: &M, channel: &mut impl Channel, peer: &PartyId) -> Result<(), RunError> {
    channel.send(&message.encode()).and_then(|()| channel.flush()).map_err(broken(peer))
}

/// Receives a message of a kind.
///
/// # Errors
/// [`RunError::Channel`], [`RunError::Protocol`].
pub fn receive<M: Message>(channel: &mut impl Channel, peer: &PartyId) -> Result<M, RunError> {
    let bytes = channel.receive(M::MAX_BYTES).map_err(broken(peer))?;
    Ok(M::decode(&bytes, peer)?)
}

/// A party whose vector is all that is missing: everything so far was independent of it.
#[derive(Debug)]
pub struct Ready<'t> {
    task: &'t Task,
    shares: AwaitingShares<'t>,
    bundle: ShareBundle,
}

/// What a party's run ends with.
#[derive(Debug)]
pub struct Contributed {
    /// The total.
    pub sum: Sum,
    /// What opens the commitment to the own vector, where one is agreed on.
    pub opening: Option<Opening>,
}

/// Exchanges keys and shares with the others, by way of the coordinator at the other end.
///
/// # Errors
/// [`RunError`].
pub fn prepare<'t, R: CryptoRng + ?Sized>(
    task: &'t Task,
    own: &PartyId,
    identities: &dyn Identities,
    channel: &mut impl Channel,
    observer: &mut impl Observer,
    rng: &mut R,
) -> Result<Ready<'t>, RunError> {
    let mut line = Line { coordinator: &task.terms().coordinator, channel, observer };
    line.observer.begin(Phase::Exchange, 0);
    let (state, keys) = contributor::start(task, own, identities, rng)?;
    line.send(&keys)?;
    let (shares, sealed) = state.deal(&line.receive()?, identities, rng)?;
    line.send(&sealed)?;
    line.advance(0)?;
    Ok(Ready { task, shares, bundle: line.receive()? })
}

impl<'t> Ready<'t> {
    /// Sends the own vector, masked, and takes part until the total is here.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn contribute<R: CryptoRng + ?Sized>(
        self,
        input: Admitted<'_>,
        identities: &dyn Identities,
        once: &mut dyn AnswerOnce,
        channel: &mut impl Channel,
        observer: &mut impl Observer,
        rng: &mut R,
    ) -> Result<Contributed, RunError> {
        let mut line = Line { coordinator: &self.task.terms().coordinator, channel, observer };
        let (state, opening) = self.send_vector(input, &mut line, identities, once, rng)?;
        line.observer.begin(Phase::Opening, 0);
        let (state, unmasking) = state.answer(&line.receive()?, identities, once)?;
        line.send(&unmasking)?;
        let sum = receive_total(state, &mut line)?;
        line.observer.begin(Phase::Closing, 0);
        line.send(&Finished { digest: sum.digest() })?;
        Ok(Contributed { sum, opening })
    }

    /// Sends the vector, and the signature over the list of those who did so.
    fn send_vector<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
        self,
        input: Admitted<'_>,
        line: &mut Line<'_, C, O>,
        identities: &dyn Identities,
        once: &mut dyn AnswerOnce,
        rng: &mut R,
    ) -> Result<(AwaitingConsents<'t>, Option<Opening>), RunError> {
        let task = self.task;
        let masking = self.shares.mask(&self.bundle, input, rng);
        if let Some(complaint) = masking.as_ref().err().and_then(|error| Complaint::about(task, error)) {
            line.send(&complaint)?;
        }
        let mut masking = masking?;
        if let Some(opening) = masking.opening() {
            once.keep(opening).map_err(|_| Error::NotKept)?;
        }
        line.observer.begin(Phase::Adding, task.vector_bytes() as u64);
        while let Some(chunk) = masking.next_chunk() {
            line.channel.send(&chunk.encode()).map_err(broken(line.coordinator))?;
            line.advance(chunk.bytes_len())?;
        }
        let (state, end, opening) = masking.finish()?;
        line.send(&end)?;
        line.observer.begin(Phase::Matching, 0);
        let (state, consent) = state.confirm(&line.receive()?, identities)?;
        line.send(&consent)?;
        Ok((state, opening))
    }
}

fn receive_total<C: Channel, O: Observer>(
    mut state: AwaitingTotal<'_>,
    line: &mut Line<'_, C, O>,
) -> Result<Sum, RunError> {
    while state.missing_bytes() > 0 {
        state.accept(line.receive()?)?;
        line.advance(0)?;
    }
    let end: TotalEnd = line.receive()?;
    Ok(state.close(end)?)
}

/// What came where a vector belongs.
#[derive(Debug)]
pub enum Arrived {
    /// The vector.
    Vector(Delivered),
    /// The party withdraws.
    Complaint(Complaint),
}

/// Receives a party's vector; `advance` learns of the bytes as they come.
///
/// # Errors
/// [`RunError::Channel`], [`RunError::Protocol`].
pub fn receive_vector(
    mut upload: Upload,
    channel: &mut impl Channel,
    peer: &PartyId,
    advance: &dyn Fn(u64),
) -> Result<Arrived, RunError> {
    let mut is_first = true;
    while upload.missing_bytes() > 0 {
        let bytes = channel.receive(MaskedChunk::MAX_BYTES).map_err(broken(peer))?;
        if is_first && bytes.first() == Some(&kind::COMPLAINT) {
            return Ok(Arrived::Complaint(Complaint::decode(&bytes, peer)?));
        }
        is_first = false;
        let chunk = MaskedChunk::decode(&bytes, peer)?;
        advance(chunk.bytes_len() as u64);
        upload.accept(chunk)?;
    }
    let end: MaskedEnd = receive(channel, peer)?;
    Ok(Arrived::Vector(upload.finish(end)?))
}

/// Sends the total to a party and waits for its receipt.
///
/// # Errors
/// [`RunError::Channel`], [`RunError::Protocol`].
pub fn send_total(total: &Total, channel: &mut impl Channel, peer: &PartyId) -> Result<(), RunError> {
    for chunk in total.chunks() {
        channel.send(&chunk.encode()).map_err(broken(peer))?;
    }
    send(&total.end(), channel, peer)?;
    let receipt: Finished = receive(channel, peer)?;
    if bool::from(receipt.digest.ct_eq(&total.sum().digest())) {
        Ok(())
    } else {
        Err(Error::Transcript { peer: peer.clone() }.into()) // MASK-19
    }
}
