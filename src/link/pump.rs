//! The two tasks of a link: one takes frames off the wire, one puts them on it.
//!
//! They run on a thread of the link, so sending, heartbeats and time-outs go on while the owner computes.
//! Towards the owner each has a bounded queue. The reader waits while its queue is full and does not look at
//! the clock meanwhile: an owner who is slow to read must not make the peer look silent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_mpc::PartyId;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsStream;

use super::error::{AbortReason, LinkError};
use super::frame::{self, Frame, FrameFault};
use super::wire::Wire;

/// Frames in a queue: 1 MiB when full.
pub(super) const QUEUE_LEN: usize = 16;

/// How long a side that ends badly tries to tell the other, or to hear from it why.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The thread on which a link's tasks run.
#[derive(Debug)]
pub(super) struct Engine(Option<Runtime>);

impl Engine {
    /// Starts the thread.
    pub(super) fn start() -> Result<Self, LinkError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("link").enable_all().build();
        runtime
            .map(|runtime| Self(Some(runtime)))
            .map_err(|error| LinkError::Setup { source: Arc::new(error) })
    }

    /// Returns access to the thread.
    pub(super) fn handle(&self) -> Result<Handle, LinkError> {
        let gone = || LinkError::Setup { source: Arc::new(io::ErrorKind::NotConnected.into()) };
        self.0.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(gone)
    }

    /// Runs `task` on the caller's thread until it ends.
    pub(super) fn run<T>(&self, task: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
        self.handle()?.block_on(task)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Without waiting: a name look-up may hang in the system's resolver.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In order.
    Open,
    /// Nothing can be sent any more; the peer may still have said why.
    Broken,
    /// This side is ending it.
    Aborting(AbortReason),
}

/// What the tasks and the owner share.
#[derive(Debug)]
pub(super) struct Shared {
    failure: watch::Sender<Option<LinkError>>,
    phase: watch::Sender<Phase>,
    /// The owner has called close: the peer may end the stream after its own close frame.
    closing: AtomicBool,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            failure: watch::Sender::new(None),
            phase: watch::Sender::new(Phase::Open),
            closing: AtomicBool::new(false),
        }
    }

    /// Records why the link failed; the first cause stays.
    pub(super) fn fail(&self, error: LinkError) {
        self.failure.send_if_modified(|slot| {
            let first = slot.is_none();
            slot.get_or_insert(error);
            first
        });
    }

    /// Returns why the link failed, if it did.
    pub(super) fn failure(&self) -> Option<LinkError> {
        self.failure.borrow().clone()
    }

    /// Waits until the link fails.
    pub(super) async fn failed(&self) {
        // The sender lives as long as `self`: waiting cannot fail.
        let _ = self.failure.subscribe().wait_for(Option::is_some).await;
    }

    /// Notes that the owner closes the link.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Starts to end the link.
    pub(super) fn abort(&self, reason: AbortReason) {
        self.phase.send_replace(Phase::Aborting(reason));
    }

    /// Marks the link as unable to send, unless it is being aborted.
    fn break_off(&self) {
        self.phase.send_if_modified(|phase| {
            let open = *phase == Phase::Open;
            if open {
                *phase = Phase::Broken;
            }
            open
        });
    }

    /// Waits until the link is no longer open.
    async fn ending(&self) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase != Phase::Open).await;
    }

    /// Waits until this side aborts or the link fails, and returns the reason to give the peer, if any.
    async fn last_word(&self) -> Option<AbortReason> {
        let mut phase = self.phase.subscribe();
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| matches!(phase, Phase::Aborting(_))) => {}
            () = self.failed() => {}
        }
        match (self.failure(), *self.phase.borrow()) {
            (Some(error), _) => error.reason_for_peer(),
            (None, Phase::Aborting(reason)) => Some(reason),
            (None, _) => None,
        }
    }
}

/// What the reader hands to the owner.
pub(super) enum Incoming {
    Data(Vec<u8>),
    Close,
}

/// Takes frames off the wire.
pub(super) struct Reader {
    pub(super) stream: ReadHalf<TlsStream<Wire>>,
    pub(super) queue: mpsc::Sender<Incoming>,
    pub(super) shared: Arc<Shared>,
    pub(super) peer: PartyId,
    pub(super) silence: Duration,
}

impl Reader {
    /// Reads until the link ends, one way or another.
    pub(super) async fn run(mut self) {
        if let Err(error) = self.pump().await {
            self.shared.fail(error);
        }
        drop(self.queue);
        // While this side says why it fails, bytes of the peer left unread would make TCP discard that.
        let mut scrap = [0; 1024];
        while matches!(self.stream.read(&mut scrap).await, Ok(count) if count > 0) {}
    }

    async fn pump(&mut self) -> Result<(), LinkError> {
        let mut closed = false;
        loop {
            let frame = match frame::read_frame(&mut self.stream, self.silence).await {
                Ok(frame) => frame,
                Err(FrameFault::Cut(_)) if closed && self.shared.closing.load(Ordering::Relaxed) => {
                    return Ok(());
                }
                Err(fault) => return Err(fault.blame(&self.peer)),
            };
            match frame {
                Frame::Heartbeat => {}
                Frame::Data(data) if !closed => self.deliver(Incoming::Data(data)).await,
                Frame::Close if !closed => {
                    closed = true;
                    self.deliver(Incoming::Close).await;
                }
                Frame::Abort(reason) => {
                    return Err(LinkError::PeerAborted { peer: self.peer.clone(), reason });
                }
                frame @ (Frame::Hello(_) | Frame::Data(_) | Frame::Close) => {
                    return Err(LinkError::PeerFrameType { peer: self.peer.clone(), found: frame.code() });
                }
            }
        }
    }

    /// Waits for room in the queue; once the link is ending, what comes is dropped instead, so that the abort
    /// behind it is found.
    async fn deliver(&mut self, incoming: Incoming) {
        tokio::select! {
            biased;
            () = self.shared.ending() => {}
            _ = self.queue.send(incoming) => {}
        }
    }
}

/// Puts frames on the wire.
pub(super) struct Writer {
    pub(super) stream: WriteHalf<TlsStream<Wire>>,
    /// Encoded frames; closed by the owner when nothing follows.
    pub(super) queue: mpsc::Receiver<Vec<u8>>,
    pub(super) shared: Arc<Shared>,
    pub(super) peer: PartyId,
    pub(super) heartbeat: Duration,
}

impl Writer {
    /// Writes until the owner ends the link or the connection breaks; fails if something was not written.
    pub(super) async fn run(mut self) -> Result<(), LinkError> {
        let Err(error) = self.pump().await else { return Ok(()) };
        let lost = frame::broken(self.peer.clone(), error);
        // The reader may find the peer's reason in what has already arrived.
        self.shared.break_off();
        sleep(LINGER).await;
        self.shared.fail(lost.clone());
        Err(lost)
    }

    async fn pump(&mut self) -> io::Result<()> {
        loop {
            let next = tokio::select! {
                biased;
                reason = self.shared.last_word() => return self.write_last(reason).await,
                next = timeout(self.heartbeat, self.queue.recv()) => next,
            };
            match next {
                Ok(Some(frame)) => self.write(&frame).await?,
                Ok(None) => {
                    // Both sides have sent their close frame: what happens to the good-bye of TLS is no matter.
                    let _ = self.stream.shutdown().await;
                    return Ok(());
                }
                Err(_) => self.write(&frame::heartbeat()).await?,
            }
        }
    }

    /// Writes a frame, and sends what TLS holds back unless more follows at once.
    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame).await?;
        if self.queue.is_empty() { self.stream.flush().await } else { Ok(()) }
    }

    async fn write_last(&mut self, reason: Option<AbortReason>) -> io::Result<()> {
        if let Some(reason) = reason {
            self.stream.write_all(&frame::abort(reason)).await?;
        }
        self.stream.shutdown().await
    }
}
