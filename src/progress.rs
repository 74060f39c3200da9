//! Progress of long work: a line on standard error where that is a terminal, and times for the report.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Wall-clock and processor time of one phase of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PhaseTime {
    /// What was done.
    pub phase: String,
    /// Seconds by the clock.
    pub wall_seconds: f64,
    /// Seconds of all processors together.
    pub cpu_seconds: f64,
}

/// Shows what goes on and keeps the times.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    current: Option<Current>,
    times: Vec<PhaseTime>,
}

#[derive(Debug)]
struct Current {
    phase: String,
    wall: Instant,
    cpu: Duration,
}

impl Progress {
    /// Starts without a phase.
    pub fn new() -> Self {
        let visible = std::io::stderr().is_terminal();
        let target =
            if visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        Self { bar: ProgressBar::with_draw_target(None, target), current: None, times: Vec::new() }
    }

    /// Ends the phase before and begins another of `total` items, or of an unknown number.
    pub fn begin(&mut self, phase: impl Into<String>, total: Option<u64>) {
        self.end();
        let phase = phase.into();
        let known = "{msg:12} [{bar:30}] {human_pos}/{human_len} {eta}";
        let unknown = "{msg:12} {spinner} {human_pos} {elapsed}";
        let template = if total.is_some_and(|total| total > 0) { known } else { unknown };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.reset();
        self.bar.set_length(total.unwrap_or(0));
        self.bar.set_message(phase.clone());
        self.current = Some(Current { phase, wall: Instant::now(), cpu: cpu_time() });
    }

    /// Moves on by `items`.
    pub fn advance(&mut self, items: u64) {
        self.bar.inc(items);
    }

    /// Moves to the item `position`.
    pub fn set(&mut self, position: u64) {
        self.bar.set_position(position);
    }

    /// Prints a line to standard error, without tearing the bar.
    pub fn note(&self, line: &str) {
        // Nobody to tell when standard error is closed.
        self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
    }

    /// Ends the phase.
    pub fn end(&mut self) {
        if let Some(Current { phase, wall, cpu }) = self.current.take() {
            self.times.push(PhaseTime {
                phase,
                wall_seconds: wall.elapsed().as_secs_f64(),
                cpu_seconds: cpu_time().saturating_sub(cpu).as_secs_f64(),
            });
        }
        self.bar.finish_and_clear();
    }

    /// Ends the last phase and returns the times of all.
    pub fn times(&mut self) -> Vec<PhaseTime> {
        self.end();
        std::mem::take(&mut self.times)
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// Processor time of the process, over all threads.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the most memory that the process has held so far, in bytes, where the system tells.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
