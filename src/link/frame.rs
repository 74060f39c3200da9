//! Frames: what travels inside TLS.
//!
//! A frame is its type (one byte), the length of its payload (four bytes, big-endian) and the payload:
//!
//! | type | frame | payload |
//! |---|---|---|
//! | 0 | hello | 1 to 255 bytes: the sender's protocol id; the first frame each way |
//! | 1 | data | 1 to 65531 bytes |
//! | 2 | heartbeat | none |
//! | 3 | abort | one byte: an [`AbortReason`]; nothing follows |
//! | 4 | close | none; no data follows |
//!
//! The length is checked before anything is allocated.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tidegate_mpc::PartyId;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::error::{AbortReason, LinkError};

/// Bytes in front of the payload.
pub(super) const HEADER_BYTES: usize = 5;

/// Longest payload: with its header, a frame fills four TLS records exactly.
pub(super) const MAX_PAYLOAD_BYTES: usize = 65_536 - HEADER_BYTES;

const HELLO: u8 = 0;
const DATA: u8 = 1;
const HEARTBEAT: u8 = 2;
const ABORT: u8 = 3;
const CLOSE: u8 = 4;

/// A frame that was received.
pub(super) enum Frame {
    Hello(Vec<u8>),
    Data(Vec<u8>),
    Heartbeat,
    Abort(AbortReason),
    Close,
}

impl Frame {
    /// Returns the type on the wire.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Data(_) => DATA,
            Self::Heartbeat => HEARTBEAT,
            Self::Abort(_) => ABORT,
            Self::Close => CLOSE,
        }
    }
}

/// Why no frame could be read.
pub(super) enum FrameFault {
    /// The stream ended or broke.
    Cut(Option<io::Error>),
    /// Nothing came for this long.
    Silent(Duration),
    /// Unknown type.
    Type(u8),
    /// A length outside the type's limits.
    Length { frame: u8, found: u32, min: u32, max: u32 },
    /// Unknown abort reason.
    Reason(u8),
}

impl FrameFault {
    /// Turns the fault into the error that blames `peer`.
    pub(super) fn blame(self, peer: &PartyId) -> LinkError {
        let peer = peer.clone();
        match self {
            Self::Cut(Some(error)) => broken(peer, error),
            Self::Cut(None) => LinkError::PeerLost { peer, source: None },
            Self::Silent(silence) => LinkError::PeerSilent { peer, silence },
            Self::Type(found) => LinkError::PeerFrameType { peer, found },
            Self::Length { frame, found, min, max } => {
                LinkError::PeerFrameLength { peer, frame, found, min, max }
            }
            Self::Reason(found) => LinkError::PeerAbortReason { peer, found },
        }
    }
}

/// Tells a corrupted stream from a lost one.
pub(super) fn broken(peer: PartyId, error: io::Error) -> LinkError {
    // The TLS library's word for an end without its good-bye says nothing to a user.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return LinkError::PeerLost { peer, source: None };
    }
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(_)) | None => {
            LinkError::PeerLost { peer, source: Some(Arc::new(error)) }
        }
        Some(_) => LinkError::PeerCorrupt { peer, source: Arc::new(error) },
    }
}

/// Reads one frame; `silence` is how long it may take until the next byte comes.
pub(super) async fn read_frame<R>(stream: &mut R, silence: Duration) -> Result<Frame, FrameFault>
where
    R: AsyncRead + Unpin,
{
    let mut header = [0; HEADER_BYTES];
    fill(stream, &mut header, silence).await?;
    let [code, length @ ..] = header;
    let mut payload = vec![0; allowed_length(code, u32::from_be_bytes(length))?];
    fill(stream, &mut payload, silence).await?;
    match (code, payload.as_slice()) {
        (HELLO, _) => Ok(Frame::Hello(payload)),
        (DATA, _) => Ok(Frame::Data(payload)),
        (ABORT, [reason]) => {
            AbortReason::from_code(*reason).map(Frame::Abort).ok_or(FrameFault::Reason(*reason))
        }
        (CLOSE, _) => Ok(Frame::Close),
        (_, _) => Ok(Frame::Heartbeat),
    }
}

/// Returns the length if a frame of this type may have it.
fn allowed_length(frame: u8, found: u32) -> Result<usize, FrameFault> {
    let allowed = limits(frame).ok_or(FrameFault::Type(frame))?;
    if allowed.contains(&found) {
        Ok(found as usize)
    } else {
        Err(FrameFault::Length { frame, found, min: *allowed.start(), max: *allowed.end() })
    }
}

/// Returns the payload lengths that a type may have.
fn limits(frame: u8) -> Option<RangeInclusive<u32>> {
    match frame {
        HELLO => Some(1..=255),
        DATA => Some(1..=65_531),
        HEARTBEAT | CLOSE => Some(0..=0),
        ABORT => Some(1..=1),
        _ => None,
    }
}

/// Fills `buffer`, waiting at most `silence` for each next byte.
async fn fill<R>(stream: &mut R, buffer: &mut [u8], silence: Duration) -> Result<(), FrameFault>
where
    R: AsyncRead + Unpin,
{
    let mut rest = buffer;
    while !rest.is_empty() {
        let read = tokio::time::timeout(silence, stream.read(rest)).await;
        let count = read.map_err(|_| FrameFault::Silent(silence))?.map_err(|e| FrameFault::Cut(Some(e)))?;
        if count == 0 {
            return Err(FrameFault::Cut(None));
        }
        rest = rest.get_mut(count..).unwrap_or_default();
    }
    Ok(())
}

/// Encodes a hello frame; ids are constants of at most 255 bytes.
pub(super) fn hello(id: &[u8]) -> Vec<u8> {
    let id = id.get(..255).unwrap_or(id);
    encode(HELLO, id)
}

/// Encodes a heartbeat frame.
pub(super) fn heartbeat() -> Vec<u8> {
    encode(HEARTBEAT, &[])
}

/// Encodes an abort frame.
pub(super) fn abort(reason: AbortReason) -> Vec<u8> {
    encode(ABORT, &[reason.code()])
}

/// Encodes a close frame.
pub(super) fn close() -> Vec<u8> {
    encode(CLOSE, &[])
}

fn encode(code: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(code, payload.len()).to_vec();
    frame.extend_from_slice(payload);
    frame
}

fn header(code: u8, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
    let [a, b, c, d] = length.to_be_bytes();
    [code, a, b, c, d]
}

/// A data frame that is being filled; the header stands in front from the beginning, so nothing is copied.
pub(super) struct DataFrame(Vec<u8>);

impl DataFrame {
    /// Makes a frame without payload.
    pub(super) fn new() -> Self {
        Self(vec![0; HEADER_BYTES])
    }

    /// Appends as much of `bytes` as fits and returns how much that was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> usize {
        let room = MAX_PAYLOAD_BYTES - self.payload_bytes();
        let fitting = bytes.get(..room).unwrap_or(bytes);
        self.0.extend_from_slice(fitting);
        fitting.len()
    }

    /// Returns the length of the payload so far.
    pub(super) fn payload_bytes(&self) -> usize {
        self.0.len() - HEADER_BYTES
    }

    /// Tells whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.payload_bytes() == MAX_PAYLOAD_BYTES
    }

    /// Returns the encoded frame and leaves an empty one.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let head = header(DATA, self.payload_bytes());
        let mut frame = std::mem::replace(self, Self::new()).0;
        frame.iter_mut().zip(head).for_each(|(place, byte)| *place = byte);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn read(bytes: &[u8]) -> Result<Frame, FrameFault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { read_frame(&mut { bytes }, PATIENCE).await })
    }

    #[test]
    fn frames_survive_the_wire() {
        assert!(matches!(read(&hello(b"tidegate-psi/1")), Ok(Frame::Hello(id)) if id == b"tidegate-psi/1"));
        assert!(matches!(read(&heartbeat()), Ok(Frame::Heartbeat)));
        assert!(matches!(read(&close()), Ok(Frame::Close)));
        for reason in AbortReason::ALL {
            assert!(matches!(read(&abort(reason)), Ok(Frame::Abort(found)) if found == reason));
        }
    }

    #[test]
    fn data_frames_fill_up_and_start_again() {
        let mut frame = DataFrame::new();
        assert_eq!(frame.append(&[7; 100_000]), MAX_PAYLOAD_BYTES);
        assert!(frame.is_full());
        assert_eq!(frame.append(&[7]), 0);
        let encoded = frame.take();
        assert_eq!(encoded.len(), 65_536);
        assert!(matches!(read(&encoded), Ok(Frame::Data(data)) if data == [7; MAX_PAYLOAD_BYTES]));
        assert_eq!(frame.payload_bytes(), 0);
        assert_eq!(frame.append(b"next"), 4);
        assert!(matches!(read(&frame.take()), Ok(Frame::Data(data)) if data == b"next"));
    }

    #[test]
    fn every_type_has_hard_limits() {
        for (frame, found) in
            [(0, 0), (0, 256), (1, 0), (1, 65_532), (1, u32::MAX), (2, 1), (3, 0), (3, 2), (4, 1)]
        {
            let mut bytes = vec![frame];
            bytes.extend(found.to_be_bytes());
            let fault = read(&bytes).err().unwrap();
            assert!(
                matches!(fault, FrameFault::Length { frame: f, found: n, .. } if (f, n) == (frame, found))
            );
        }
        assert!(matches!(read(&[5, 0, 0, 0, 0]), Err(FrameFault::Type(5))));
        assert!(matches!(read(&[3, 0, 0, 0, 1, 99]), Err(FrameFault::Reason(99))));
    }

    #[test]
    fn a_cut_frame_is_never_an_end() {
        let whole = hello(b"abc");
        for end in 0..whole.len() {
            assert!(matches!(read(&whole[..end]), Err(FrameFault::Cut(None))), "{end}");
        }
    }
}
