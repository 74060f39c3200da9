//! Two ends of a channel in one process.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Channel, ChannelError, Traffic};

/// One end of a channel made by [`memory_pair`].
#[derive(Debug)]
pub struct MemoryChannel {
    to: Sender<Vec<u8>>,
    from: Receiver<Vec<u8>>,
    traffic: Traffic,
}

/// Makes the two ends of an unbounded channel; each may go to a thread of its own.
pub fn memory_pair() -> (MemoryChannel, MemoryChannel) {
    let ((to_b, from_a), (to_a, from_b)) = (channel(), channel());
    let end = |to, from| MemoryChannel { to, from, traffic: Traffic::default() };
    (end(to_b, from_b), end(to_a, from_a))
}

impl Channel for MemoryChannel {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.to.send(message.to_vec()).map_err(|_| ChannelError::Closed)?;
        self.traffic.count_sent(message.len());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    fn receive(&mut self, max_bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let message = self.from.recv().map_err(|_| ChannelError::Closed)?;
        if message.len() > max_bytes {
            return Err(ChannelError::TooLong { found: message.len() as u64, max: max_bytes });
        }
        self.traffic.count_received(message.len());
        Ok(message)
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}
