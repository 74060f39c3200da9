//! The link as its owner sees it.

use std::fmt;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use tidegate_mpc::PartyId;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsStream;

use super::cancel::CancelToken;
use super::error::{AbortReason, LinkError};
use super::frame::{self, DataFrame};
use super::pump::{Engine, Incoming, LINGER, QUEUE_LEN, Reader, Shared, Writer};
use super::wire::{Meter, Wire, WireBytes};
use super::{Timing, tls};

/// An authenticated, confidential byte stream to one party.
///
/// Reads and writes block; what is written leaves when a frame of 64 KiB is full or on [`Write::flush`], so
/// flush before waiting for an answer. A write returns when the data is queued. A read returns `Ok(0)` only
/// after the peer has called [`Link::close`]. Errors are [`LinkError`]s inside an [`io::Error`]
/// ([`LinkError::from_io`]); after one, every call fails.
///
/// Two parties that both write more than the queues hold (about 2 MiB and what TCP buffers) before either
/// reads wait for each other until the stall limit; use [`Link::halves`] for that.
///
/// Dropping a link that was not closed aborts it with [`AbortReason::Internal`], or with the reason of its own
/// failure, and takes about a second at most. Blocks; not to be used from within an async runtime.
pub struct Link {
    reader: LinkReader,
    writer: LinkWriter,
    facts: Facts,
    tasks: Option<Tasks>,
    // Last, so that the tasks' thread outlives what waits on it.
    _engine: Arc<Engine>,
}

/// What the handshake settled.
struct Facts {
    channel_binding: [u8; 32],
    key_exchange: String,
    meter: Arc<Meter>,
}

struct Tasks {
    reader: JoinHandle<()>,
    writer: JoinHandle<Result<(), LinkError>>,
}

impl Link {
    /// Starts the tasks on an authenticated stream.
    pub(super) fn new(
        engine: Arc<Engine>,
        stream: TlsStream<Wire>,
        peer: PartyId,
        timing: Timing,
        cancel: &CancelToken,
    ) -> Result<Self, LinkError> {
        let facts = Facts::of(&stream)?;
        let handle = engine.handle()?;
        let (incoming, inbox) = mpsc::channel(QUEUE_LEN);
        let (outbox, outgoing) = mpsc::channel(QUEUE_LEN);
        let (from_peer, to_peer) = tokio::io::split(stream);
        let shared = Arc::new(Shared::new());
        let reader = Reader {
            stream: from_peer,
            queue: incoming,
            shared: Arc::clone(&shared),
            peer: peer.clone(),
            silence: timing.silence,
        };
        let writer = Writer {
            stream: to_peer,
            queue: outgoing,
            shared: Arc::clone(&shared),
            peer: peer.clone(),
            heartbeat: timing.heartbeat,
        };
        let tasks = Some(Tasks { reader: handle.spawn(reader.run()), writer: handle.spawn(writer.run()) });
        let owner = Owner { handle, shared, peer, cancel: cancel.clone(), stall: timing.stall };
        let writer = LinkWriter { owner: owner.clone(), frame: DataFrame::new(), queue: Some(outbox) };
        let reader = LinkReader { owner, current: Cursor::default(), queue: inbox, ended: false };
        Ok(Self { reader, writer, facts, tasks, _engine: engine })
    }

    /// Returns the peer's name.
    pub fn peer_name(&self) -> &PartyId {
        &self.reader.owner.peer
    }

    /// Returns 32 bytes that both sides of this connection share and no other connection does.
    ///
    /// # Source
    /// The exporter of TLS 1.3 (RFC 8446 §7.5) with a label of its own, as RFC 9266 does.
    pub fn channel_binding(&self) -> [u8; 32] {
        self.facts.channel_binding
    }

    /// Returns the name of the key exchange, such as `X25519MLKEM768`.
    pub fn key_exchange(&self) -> &str {
        &self.facts.key_exchange
    }

    /// Returns the bytes on the wire so far.
    pub fn wire(&self) -> WireBytes {
        self.facts.meter.bytes()
    }

    /// Adds to the time of one wait for the peer's data ([`Timing::stall`]), once it is known how much work the
    /// peer has to do between two messages.
    ///
    /// [`Timing::stall`]: super::Timing::stall
    pub fn extend_stall(&mut self, extra: Duration) {
        for owner in [&mut self.reader.owner, &mut self.writer.owner] {
            owner.stall = owner.stall.saturating_add(extra);
        }
    }

    /// Returns both directions, for one thread each.
    pub fn halves(&mut self) -> (&mut LinkReader, &mut LinkWriter) {
        (&mut self.reader, &mut self.writer)
    }

    /// Ends the link; the peer is told `reason`. Takes about a second at most.
    pub fn abort(mut self, reason: AbortReason) {
        self.break_off(reason);
    }

    /// Sends what is left, waits until the peer has closed too, so that nothing in flight is lost, and returns
    /// the bytes of the whole link.
    ///
    /// # Errors
    /// As for writing, and [`LinkError::PeerOutOfStep`] if the peer sent data that was not read. On an error the
    /// link is aborted.
    pub fn close(mut self) -> Result<WireBytes, LinkError> {
        self.reader.owner.shared.close();
        self.writer.send_close()?;
        self.reader.expect_close()?;
        self.finish()?;
        Ok(self.wire())
    }

    /// Waits for the tasks, after both sides have sent their close frames.
    fn finish(&mut self) -> Result<(), LinkError> {
        let owner = self.reader.owner.clone();
        // Without a queue the writer ends when all is written.
        self.writer.queue = None;
        let Some(mut tasks) = self.tasks.take() else { return Ok(()) };
        let written = async { (&mut tasks.writer).await.unwrap_or_else(|_| Err(owner.lost())) };
        match owner.wait(written) {
            Ok(written) => written.and_then(|()| owner.shared.failure().map_or(Ok(()), Err))?,
            Err(error) => {
                self.tasks = Some(tasks);
                return Err(error);
            }
        }
        // The peer's end of the stream shows that it has everything; if it does not come, this side has done
        // what it can.
        let _ = owner.handle.block_on(async { timeout(LINGER, &mut tasks.reader).await });
        Ok(())
    }

    /// Tells the peer the reason, or that of a failure before, if there is a way.
    fn break_off(&mut self, reason: AbortReason) {
        let Some(mut tasks) = self.tasks.take() else { return };
        let owner = &self.reader.owner;
        owner.shared.abort(reason);
        let both = async { tokio::join!(&mut tasks.writer, &mut tasks.reader) };
        let _ = owner.handle.block_on(async { timeout(LINGER, both).await });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.break_off(AbortReason::Internal);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { key_exchange, meter, .. } = &self.facts;
        f.debug_struct("Link")
            .field("peer", &self.peer_name().as_str())
            .field("key_exchange", key_exchange)
            .field("wire", &meter.bytes())
            .finish_non_exhaustive()
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Facts {
    fn of(stream: &TlsStream<Wire>) -> Result<Self, LinkError> {
        let (wire, connection) = stream.get_ref();
        let set_up = |error| LinkError::Setup { source: Arc::new(io::Error::other(error)) };
        let exported = match stream {
            TlsStream::Client(s) => {
                s.get_ref().1.export_keying_material([0; 32], tls::CHANNEL_BINDING_LABEL, None)
            }
            TlsStream::Server(s) => {
                s.get_ref().1.export_keying_material([0; 32], tls::CHANNEL_BINDING_LABEL, None)
            }
        };
        let group = connection.negotiated_key_exchange_group();
        let key_exchange = group.map_or_else(String::new, |group| format!("{:?}", group.name()));
        Ok(Self { channel_binding: exported.map_err(set_up)?, key_exchange, meter: wire.meter() })
    }
}

/// What every blocking call needs.
#[derive(Clone)]
struct Owner {
    handle: Handle,
    shared: Arc<Shared>,
    peer: PartyId,
    cancel: CancelToken,
    stall: Duration,
}

impl Owner {
    /// Waits for `event`, the user or the stall limit.
    fn wait<T>(&self, event: impl Future<Output = T>) -> Result<T, LinkError> {
        let outcome = self.handle.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(LinkError::Cancelled),
                happened = event => Ok(happened),
                () = sleep(self.stall) => Err(LinkError::PeerStalled { peer: self.peer.clone(), stall: self.stall }),
            }
        });
        outcome.inspect_err(|error| self.shared.fail(error.clone()))
    }

    /// Fails if the user has cancelled or the link has failed.
    fn check(&self) -> Result<(), LinkError> {
        if self.cancel.is_cancelled() {
            self.shared.fail(LinkError::Cancelled);
        }
        self.shared.failure().map_or(Ok(()), Err)
    }

    /// Returns why the link failed.
    fn lost(&self) -> LinkError {
        let unknown = || LinkError::PeerLost { peer: self.peer.clone(), source: None };
        self.shared.failure().unwrap_or_else(unknown)
    }
}

/// The receiving direction of a [`Link`].
pub struct LinkReader {
    owner: Owner,
    current: Cursor<Vec<u8>>,
    queue: mpsc::Receiver<Incoming>,
    ended: bool,
}

impl LinkReader {
    /// Returns the next data, or `None` after the peer's close.
    fn next(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        if self.ended {
            return Ok(None);
        }
        if self.owner.cancel.is_cancelled() {
            self.owner.check()?;
        }
        let incoming = match self.queue.try_recv() {
            Ok(incoming) => Some(incoming),
            Err(_) => self.owner.wait(self.queue.recv())?,
        };
        match incoming {
            Some(Incoming::Data(data)) => Ok(Some(data)),
            Some(Incoming::Close) => {
                self.ended = true;
                Ok(None)
            }
            None => Err(self.owner.lost()),
        }
    }

    /// Waits for the peer's close; data before it is an error.
    fn expect_close(&mut self) -> Result<(), LinkError> {
        let rest = self.current.fill_buf().map_or(0, <[u8]>::len);
        let unread = if rest > 0 { rest } else { self.next()?.map_or(0, |data| data.len()) };
        if unread == 0 {
            return Ok(());
        }
        let error = LinkError::PeerOutOfStep { peer: self.owner.peer.clone(), unread };
        self.owner.shared.fail(error.clone());
        Err(error)
    }
}

impl Read for LinkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.next()? {
                Some(data) => self.current = Cursor::new(data),
                None => return Ok(0),
            }
        }
    }
}

impl fmt::Debug for LinkReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkReader").field("peer", &self.owner.peer.as_str()).finish_non_exhaustive()
    }
}

/// The sending direction of a [`Link`].
pub struct LinkWriter {
    owner: Owner,
    frame: DataFrame,
    /// Gone once the link is being closed.
    queue: Option<mpsc::Sender<Vec<u8>>>,
}

impl LinkWriter {
    /// Queues an encoded frame, waiting for room.
    fn push(&mut self, frame: Vec<u8>) -> Result<(), LinkError> {
        let owner = &self.owner;
        owner.check()?;
        let Some(queue) = &self.queue else { return Err(owner.lost()) };
        let frame = match queue.try_send(frame) {
            Ok(()) => return Ok(()),
            Err(refused) => refused.into_inner(),
        };
        let sent = owner.wait(async {
            tokio::select! {
                biased;
                () = owner.shared.failed() => false,
                sent = queue.send(frame) => sent.is_ok(),
            }
        })?;
        if sent { Ok(()) } else { Err(owner.lost()) }
    }

    /// Queues what has been written so far.
    fn send_frame(&mut self) -> Result<(), LinkError> {
        if self.frame.payload_bytes() == 0 {
            return self.owner.check();
        }
        let frame = self.frame.take();
        self.push(frame)
    }

    /// Queues the rest and the close frame.
    fn send_close(&mut self) -> Result<(), LinkError> {
        self.send_frame()?;
        self.push(frame::close())
    }
}

impl Write for LinkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frame.is_full() {
            self.send_frame()?;
        }
        Ok(self.frame.append(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.send_frame()?)
    }
}

impl fmt::Debug for LinkWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkWriter").field("peer", &self.owner.peer.as_str()).finish_non_exhaustive()
    }
}
