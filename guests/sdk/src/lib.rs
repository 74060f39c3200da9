//! What an algorithm needs to run in the data sandbox of Tidegate: the contract `sbx/1` (`sandbox/ABI.md`) as traits, safe
//! views of what the host hands over, and macros that export the rest.
//!
//! # An algorithm
//! `algorithm.toml` beside `Cargo.toml` declares what it reads and gives; the code maps rows:
//! ```
//! use tidegate_guest::{Batch, Mapper, Output, Setup, Stop, mapper};
//!
//! /// Incomes by age band: `width` is the first parameter, `age` and `income` are the columns.
//! struct IncomeByAge {
//!     width: i64,
//! }
//!
//! impl Mapper for IncomeByAge {
//!     const MEASURES: usize = 1;
//!
//!     fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
//!         Ok(Self { width: setup.integer(0)? })
//!     }
//!
//!     fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
//!         let rows = batch.integers(0)?.iter().zip(batch.numbers(1)?.iter());
//!         for (row, (age, income)) in rows.enumerate() {
//!             if let (Some(age), Some(income)) = (age, income) {
//!                 output.put(row, u32::try_from(age / self.width).unwrap_or(u32::MAX), [income]);
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! mapper!(IncomeByAge);
//! ```
//! A mapper is the kind to write wherever it serves: the host counts and adds, so its results pass disclosure control without
//! a review of the code. [`Derive`] turns what was released into other figures; an [`Aggregate`] does the adding itself.
//!
//! # Building
//! For `wasm32-unknown-unknown`, as a `cdylib`, with `#![cfg_attr(target_arch = "wasm32", no_std)]`. Then this crate brings an
//! allocator that hands memory out and takes back only what was handed out last, and a panic ends the run without a
//! message. With feature `std` it brings neither, and the algorithm may use std; Rust before 1.68 needs it. Link with a
//! maximum of memory: `-C link-arg=--max-memory=67108864`.
//!
//! # Testing
//! Feature `native` has a runner that lays rows out and calls an algorithm as the host does, for tests and as the
//! reference for the host's own.
//!
//! # Numbers
//! The functions of [`math`] give the same bits on every machine, in a guest and natively. Those of std may not.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
#[cfg(all(test, not(feature = "std")))]
extern crate std;

mod algorithm;
mod batch;
mod bytes;
mod column;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
// For the macros of this crate alone.
#[allow(missing_docs, missing_debug_implementations)]
pub mod export;
mod figures;
// It stands between the algorithm and its host, and where there is neither nobody uses it.
#[cfg_attr(not(any(target_arch = "wasm32", feature = "native")), allow(dead_code))]
mod instance;
mod macros;
pub mod math;
#[cfg(feature = "native")]
pub mod native;
mod range;
mod raw;
mod setup;
mod stop;

pub use algorithm::{Aggregate, Derive, Mapper, Merge, Outcome, MISSING};
pub use batch::{Batch, Output, MAX_MEASURES, NO_CELL};
pub use bytes::{Reader, Writer};
pub use column::{Booleans, Column};
pub use figures::{Figures, Place};
pub use range::Range;
pub use setup::Setup;
pub use stop::Stop;
