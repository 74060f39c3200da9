//! Messages over any byte stream: a u32 length, little-endian, then the message.

use std::io::{self, Read, Write};

use super::{Channel, ChannelError, Traffic};

const LENGTH_BYTES: usize = 4;

/// A channel over `S`, which should buffer its writes.
///
/// # Examples
/// ```
/// use std::collections::VecDeque;
/// use tidegate_mpc::transport::{Channel, Framed};
///
/// let mut channel = Framed::new(VecDeque::new());
/// channel.send(b"hello")?;
/// assert_eq!(channel.receive(5)?, b"hello");
/// # Ok::<(), tidegate_mpc::transport::ChannelError>(())
/// ```
#[derive(Debug)]
pub struct Framed<S> {
    stream: S,
    traffic: Traffic,
}

impl<S: Read + Write> Framed<S> {
    /// Frames messages over `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, traffic: Traffic::default() }
    }

    /// Borrows the stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Borrows the stream to change its settings.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the stream.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Read + Write> Channel for Framed<S> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let too_long = |_| ChannelError::TooLong { found: message.len() as u64, max: u32::MAX as usize };
        let length = u32::try_from(message.len()).map_err(too_long)?;
        self.stream.write_all(&length.to_le_bytes())?;
        self.stream.write_all(message)?;
        self.traffic.count_sent(LENGTH_BYTES + message.len());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(self.stream.flush()?)
    }

    fn receive(&mut self, max_bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length).map_err(closed)?;
        let found = u32::from_le_bytes(length);
        let within = usize::try_from(found).ok().filter(|length| *length <= max_bytes);
        let length = within.ok_or(ChannelError::TooLong { found: found.into(), max: max_bytes })?;
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message).map_err(closed)?;
        self.traffic.count_received(LENGTH_BYTES + length);
        Ok(message)
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

fn closed(error: io::Error) -> ChannelError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ChannelError::Closed,
        _ => ChannelError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn receive(bytes: &[u8], max: usize) -> Result<Vec<u8>, ChannelError> {
        Framed::new(VecDeque::from(bytes.to_vec())).receive(max)
    }

    #[test]
    fn lengths_are_checked_before_anything_is_read() {
        assert!(matches!(
            receive(&[0xff; 4], 10),
            Err(ChannelError::TooLong { found: 0xffff_ffff, max: 10 })
        ));
        assert!(matches!(receive(&[2, 0, 0, 0, 1], 10), Err(ChannelError::Closed)));
        assert!(matches!(receive(&[2, 0], 10), Err(ChannelError::Closed)));
        assert_eq!(receive(&[2, 0, 0, 0, 1, 2, 9], 2).unwrap(), [1, 2]);
    }

    #[test]
    fn traffic_counts_both_ways() {
        let mut channel = Framed::new(VecDeque::new());
        channel.send(&[0; 10]).unwrap();
        channel.send(&[]).unwrap();
        channel.receive(10).unwrap();
        let expected = Traffic { sent_bytes: 18, received_bytes: 14, sent_len: 2, received_len: 1 };
        assert_eq!(channel.traffic(), expected);
    }
}
