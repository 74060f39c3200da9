//! Channels: how messages of a protocol reach the other side.

mod framed;
mod memory;

use std::io;

pub use framed::Framed;
pub use memory::{MemoryChannel, memory_pair};

/// A channel to the one other party of a session: whole messages, in order.
///
/// Sending may return before the message has left, so that computing overlaps sending; it must not wait for
/// the peer to send something first as long as fewer than [`WINDOW`](crate::run::WINDOW) messages are under
/// way.
pub trait Channel {
    /// Hands over a message.
    ///
    /// # Errors
    /// [`ChannelError`] where the channel is broken.
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError>;

    /// Makes sure that everything handed over is on its way.
    ///
    /// # Errors
    /// [`ChannelError`] where the channel is broken.
    fn flush(&mut self) -> Result<(), ChannelError>;

    /// Waits for the next message, of at most `max_bytes`.
    ///
    /// # Errors
    /// [`ChannelError::TooLong`], before anything is allocated; [`ChannelError::Closed`] at the end of the
    /// stream; [`ChannelError::Io`].
    fn receive(&mut self, max_bytes: usize) -> Result<Vec<u8>, ChannelError>;

    /// Returns what passed so far.
    fn traffic(&self) -> Traffic;
}

/// What passed over a channel, with its framing but without what lies below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Messages sent.
    pub sent_len: u64,
    /// Messages received.
    pub received_len: u64,
}

impl Traffic {
    fn count_sent(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
        self.sent_len += 1;
    }

    fn count_received(&mut self, bytes: usize) {
        self.received_bytes += bytes as u64;
        self.received_len += 1;
    }
}

/// Why a channel failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The other side closed it before the protocol was through.
    #[error("the channel was closed before the protocol ended")]
    Closed,
    /// The other side announces a message that is longer than any that belongs here.
    #[error("a message of {found} bytes was announced; at most {max} belong here")]
    TooLong {
        /// Length announced.
        found: u64,
        /// The most allowed.
        max: usize,
    },
    /// The stream below failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}
