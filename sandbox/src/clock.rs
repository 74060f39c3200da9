//! The backstop: a thread that counts the engine's epoch up, so that instances end by the clock.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the only file with a clock and a thread"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// Time between two counts.
const TICK: Duration = Duration::from_millis(10);

/// Counts while it lives.
#[derive(Debug)]
pub(crate) struct Clock {
    deadline: Instant,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    /// Starts to count; instances end when `duration` is over.
    pub(crate) fn start(engine: &Engine, duration: Duration) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let (weak, seen) = (engine.weak(), Arc::clone(&stopped));
        let count = move || {
            while !seen.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        let deadline = Instant::now().checked_add(duration).unwrap_or_else(Instant::now);
        Self { deadline, stopped, thread: Some(std::thread::spawn(count)) }
    }

    /// Returns how many counts are left, at least one.
    pub(crate) fn ticks_left(&self) -> u64 {
        let left = self.deadline.saturating_duration_since(Instant::now());
        u64::try_from(left.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has nothing to say: it only counts.
            let _ = thread.join();
        }
    }
}
