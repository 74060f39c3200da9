//! The backstop: a thread that counts the engine's epoch up, so that instances end by the clock.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the only file with a clock and a thread"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::Engine;

use crate::error::Error;

/// Time between two counts.
const TICK: Duration = Duration::from_millis(10);

/// Counts the epoch of an engine while it lives.
#[derive(Debug)]
pub(crate) struct Ticker {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: &Engine) -> Result<Self, Error> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (weak, seen) = (engine.weak(), Arc::clone(&stopped));
        let count = move || {
            while !seen.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("tidegate-clock".to_owned()).spawn(count);
        let failed =
            |source: std::io::Error| Error::Engine { what: "start its clock", source: source.into() };
        Ok(Self { stopped, thread: Some(thread.map_err(failed)?) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has nothing to say: it only counts.
            let _ = thread.join();
        }
    }
}

/// The one ticker of an engine, while any run of it goes on: two would count twice as fast.
#[derive(Debug, Default)]
pub(crate) struct Tickers(Mutex<Weak<Ticker>>);

impl Tickers {
    fn get(&self, engine: &Engine) -> Result<Arc<Ticker>, Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticker) = known.upgrade() {
            return Ok(ticker);
        }
        let ticker = Arc::new(Ticker::start(engine)?);
        *known = Arc::downgrade(&ticker);
        Ok(ticker)
    }
}

/// The time of a run.
#[derive(Debug)]
pub(crate) struct Clock {
    /// `None` where it is further away than the clock can say.
    deadline: Option<Instant>,
    _ticker: Arc<Ticker>,
}

impl Clock {
    /// Starts to count; instances end when `duration` is over.
    pub(crate) fn start(engine: &Engine, tickers: &Tickers, duration: Duration) -> Result<Self, Error> {
        Ok(Self { deadline: Instant::now().checked_add(duration), _ticker: tickers.get(engine)? })
    }

    /// Returns how many counts are left, at least one; nothing where the time is over.
    pub(crate) fn ticks_left(&self) -> Option<u64> {
        let Some(deadline) = self.deadline else { return Some(1 << 60) };
        let left = deadline.checked_duration_since(Instant::now())?;
        Some(u64::try_from(left.as_millis() / TICK.as_millis()).unwrap_or(1 << 60).saturating_add(1))
    }
}
