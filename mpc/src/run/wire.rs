//! The channel with what every message passes on its way: encoding, transcript, blame, progress.

use subtle::ConstantTimeEq;

use super::{Observer, Phase, RunError};
use crate::error::Error;
use crate::message::{Finished, Message};
use crate::session::{Role, Session};
use crate::tags::Tags;
use crate::transcript::{Direction, Transcript};
use crate::transport::{Channel, ChannelError};

/// The channel with everything that each message passes on its way.
pub(super) struct Wire<'a, C, O> {
    pub(super) session: &'a Session,
    channel: &'a mut C,
    observer: &'a mut O,
    transcript: Transcript,
}

impl<'a, C: Channel, O: Observer> Wire<'a, C, O> {
    pub(super) fn new(session: &'a Session, channel: &'a mut C, observer: &'a mut O) -> Self {
        Self { session, channel, observer, transcript: Transcript::new() }
    }

    pub(super) fn begin(&mut self, phase: Phase, items: u64) {
        self.observer.begin(phase, items);
    }

    pub(super) fn advance(&mut self, items: usize) -> Result<(), RunError> {
        self.observer.advance(items as u64);
        if self.observer.cancelled() { Err(RunError::Cancelled) } else { Ok(()) }
    }

    /// Advances by a chunk of own tags and tells whether there was one.
    pub(super) fn tagged(&mut self, items: usize) -> Result<bool, RunError> {
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

    pub(super) fn send<M: Message>(&mut self, message: &M) -> Result<(), RunError> {
        let bytes = message.encode();
        self.transcript.absorb(self.outgoing(), &bytes);
        self.channel.send(&bytes).map_err(|cause| self.broken(cause))
    }

    pub(super) fn send_now<M: Message>(&mut self, message: &M) -> Result<(), RunError> {
        self.send(message)?;
        self.channel.flush().map_err(|cause| self.broken(cause))
    }

    pub(super) fn receive<M: Message>(&mut self) -> Result<M, RunError> {
        let bytes = self.receive_bytes(M::MAX_BYTES)?;
        self.transcript.absorb(self.incoming(), &bytes);
        Ok(M::decode(&bytes, self.session.peer())?)
    }

    /// Receives so many messages of a kind.
    pub(super) fn receive_all<M: Message>(&mut self, messages: usize) -> Result<Vec<M>, RunError> {
        (0..messages).map(|_| self.receive()).collect()
    }

    fn receive_bytes(&mut self, max: usize) -> Result<Vec<u8>, RunError> {
        self.channel.receive(max).map_err(|cause| self.broken(cause))
    }

    pub(super) fn send_tags(&mut self, mut next: impl FnMut() -> Option<Tags>) -> Result<(), RunError> {
        while let Some(tags) = next() {
            self.send(&tags)?;
            self.advance(tags.len())?;
        }
        Ok(())
    }

    /// Receives `left` tags.
    pub(super) fn receive_tags(
        &mut self,
        mut left: u64,
        mut accept: impl FnMut(&Tags) -> Result<(), Error>,
    ) -> Result<(), RunError> {
        while left > 0 {
            let tags = self.receive()?;
            accept(&tags)?;
            left -= tags.len() as u64;
            self.advance(tags.len())?;
        }
        Ok(())
    }

    /// Ends the own part with the digest of everything that was sent and received before.
    pub(super) fn send_finished(&mut self) -> Result<(), RunError> {
        self.send_now(&Finished { digest: self.transcript.digest(self.session.id()) })
    }

    pub(super) fn receive_finished(&mut self) -> Result<(), RunError> {
        let expected = self.transcript.digest(self.session.id());
        let finished: Finished = self.receive()?;
        if bool::from(finished.digest.ct_eq(&expected)) {
            Ok(())
        } else {
            Err(Error::Transcript { peer: self.session.peer().clone() }.into())
        }
    }
}
