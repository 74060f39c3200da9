//! What a run used: for the data's owner alone, as all of it can be made to depend on the data.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::clock::Clock;
use crate::error::{Error, Step};
use crate::guest::Guest;
use crate::job::{Job, fill};
use crate::module::Module;

/// What a run used.
///
/// # Security
/// A guest can choose all of it by the records that it sees: none of it is for whoever asked for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Units of fuel, in all instances.
    pub fuel: u64,
    /// Most bytes of memory of an instance.
    pub memory_bytes: usize,
}

/// A run of a job: its clock, and what it has used.
pub(crate) struct Run<'j> {
    pub(crate) job: &'j Job<'j>,
    pub(crate) clock: Clock,
    fuel: AtomicU64,
    memory_bytes: AtomicUsize,
}

impl<'j> Run<'j> {
    /// Starts the clock.
    pub(crate) fn start(job: &'j Job<'j>) -> Result<Self, Error> {
        let Module { compiled, tickers, .. } = job.module;
        let clock = Clock::start(compiled.engine(), tickers, job.limits.duration)?;
        Ok(Self { job, clock, fuel: AtomicU64::new(0), memory_bytes: AtomicUsize::new(0) })
    }

    /// Makes an instance that is set up for records, with what the last pass carried over.
    pub(crate) fn instance(&'j self, carried: &[u8]) -> Result<Guest<'j>, Error> {
        self.instance_with(carried, self.job.layout.bytes)
    }

    /// Makes such an instance with a buffer of `bytes` bytes.
    pub(crate) fn instance_with(&'j self, carried: &[u8], bytes: u64) -> Result<Guest<'j>, Error> {
        let (layout, setup) = (&self.job.layout, &self.job.setup);
        let mut guest = Guest::new(self, bytes)?;
        let carried_len = u32::try_from(carried.len()).unwrap_or(u32::MAX);
        let block = layout.setup_block(guest.base(), setup, carried_len);
        fill(guest.region(layout.setup), &block);
        fill(guest.region(layout.carry), carried);
        guest.take(Step::Init, guest.address(layout.setup), 0)?;
        Ok(guest)
    }

    /// Counts what a call used.
    pub(crate) fn count(&self, fuel: u64, memory_bytes: usize) {
        self.fuel.fetch_add(fuel, Ordering::Relaxed);
        self.memory_bytes.fetch_max(memory_bytes, Ordering::Relaxed);
    }

    /// Returns what was used.
    pub(crate) fn usage(&self) -> Usage {
        let (fuel, memory_bytes) = (&self.fuel, &self.memory_bytes);
        Usage { fuel: fuel.load(Ordering::Relaxed), memory_bytes: memory_bytes.load(Ordering::Relaxed) }
    }
}
