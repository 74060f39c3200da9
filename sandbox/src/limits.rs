//! What a guest may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::error::Stop;

/// Rows of a batch, at most: so few that what the host writes is still in the cache when the guest reads it, and what the guest
/// writes when the host does.
pub const BATCH_ROWS: usize = 1 << 14;

/// Rows of a partition: fixed, so that results do not depend on the number of threads.
pub const PARTITION_ROWS: usize = 1 << 18;

/// What a guest may use, for each of its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory_bytes: usize,
    /// Units of fuel for a call, about an instruction each.
    pub fuel_per_call: u64,
    /// Units of fuel more for each row of a batch.
    pub fuel_per_row: u64,
    /// Time of the whole job by the clock: the backstop.
    pub duration: Duration,
}

impl Default for Limits {
    /// 256 MiB; 10^9 units a call, some 0.2 s; 10^4 units a row; ten minutes.
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            fuel_per_call: 1_000_000_000,
            fuel_per_row: 10_000,
            duration: Duration::from_mins(10),
        }
    }
}

/// Holds an instance to its limits, and remembers what it was refused.
#[derive(Debug)]
pub(crate) struct Guard {
    memory_bytes: usize,
    refused: Option<Stop>,
}

impl Guard {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { memory_bytes: limits.memory_bytes, refused: None }
    }

    /// Returns what the instance was refused.
    pub(crate) fn refused(&mut self) -> Option<Stop> {
        self.refused.take()
    }

    fn refuse(&mut self, stop: Stop) -> wasmtime::Error {
        let error = wasmtime::Error::msg(stop.to_string());
        self.refused = Some(stop);
        error
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = self.memory_bytes;
        if wanted <= allowed { Ok(true) } else { Err(self.refuse(Stop::Memory { wanted, allowed })) }
    }

    fn table_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = usize::try_from(crate::module::MAX_TABLE_ENTRIES).unwrap_or(usize::MAX);
        if wanted <= allowed { Ok(true) } else { Err(self.refuse(Stop::Table { wanted, allowed })) }
    }
}
