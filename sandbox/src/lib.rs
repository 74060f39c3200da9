//! The data sandbox: an algorithm in WebAssembly runs where the data lies, and only a checked result comes out.
//!
//! A module ([`Module`]) imports nothing: it sees the columns that its declaration names, and what it writes into its own memory
//! is all that it can do. The contract stands in `sandbox/ABI.md`. This crate opens no file and takes no decision about who may
//! run what: it is handed bytes, tables in memory and a policy.
//!
//! | tier | the guest | what leaves | what a hostile guest can bring about |
//! |---|---|---|---|
//! | B, [`tally()`] and [`release`] | says for each record to which cell it belongs, and bounded values | counts and sums by the host, after disclosure control | each record in another cell, with another value in the declared range; it sees many records at a time, so a record can also change what it says of others |
//! | B, [`derive()`] | computes numbers from figures that are released | those | nothing: it has seen no record |
//! | C, [`aggregate()`] | computes numbers | after a review, rounded | anything that it read, in their digits |
//! | C, [`aggregate_blocks`] | computes numbers over each of many disjoint blocks | their noisy mean | what differential privacy allows one unit |
//!
//! # What disclosure control over a mapper's cells does not say
//! The rules count units and compare their values as the mapper gives them. A mapper keeps its memory from row to row of a partition, so a
//! hostile one can spell one record in the cells of all others: every count is large, and noise as wide as one unit is narrow
//! against that. Until mappers are held to one row at a time, the rules protect against an honest algorithm's small cells, and
//! whoever approves a module answers for its being a function of the row; its source is short.
//!
//! Results are the same bits for any number of threads: the host adds integers, states are merged in the order of the
//! partitions, and an error is that of the first partition that has one. Fuel ends a run at the same instruction on every
//! machine; only the clock, which is the backstop, does not.
//!
//! # Security
//! The engine is one wall. A process of its own around it, without network and files, is the second, and the caller's to build.
//! [`Usage`] and [`Error`] can be made to depend on single records: they are for the data's owner alone.
//!
//! # Examples
//! ```
//! use std::convert::Infallible;
//!
//! use tidegate_disclosure::{Levels, Place, Policy};
//! use tidegate_sandbox::{Column, Job, Limits, Module, Records, Setup, Values, release, tally, values};
//!
//! struct Visits;
//!
//! impl Records for Visits {
//!     fn rows(&self) -> usize {
//!         6
//!     }
//!
//!     fn column(&self, index: usize) -> Option<Column<'_>> {
//!         let values = match index {
//!             0 => Values::Category(&[0, 1, 0, 0, 1, 0]),
//!             _ => Values::Number(&[70.0, 20.0, 80.0, 90.0, 40.0, 1000.0]),
//!         };
//!         Some(Column { values, validity: None })
//!     }
//!
//!     fn units(&self) -> Option<&[u64]> {
//!         None
//!     }
//! }
//!
//! let module = Module::compile(include_bytes!("../../guests/algorithms/wasm/mean.wasm"))?;
//! let towns = vec!["north".to_owned(), "south".to_owned()];
//! let setup = Setup::new(module.declaration(), &[], vec![Some(towns), None])?;
//! let job = Job::new(&module, setup, Limits::default());
//! let policy = Policy::with_minimum(3);
//! let (found, _) = tally(&job, &policy, false, [Ok::<_, Infallible>(Visits)].into_iter())?;
//! let released = release(&found, Levels::CELLS, &mut rand::rng())?;
//! let north = released.figures(Place::cell(0, 0)).map(|figures| values(&found, figures)).unwrap();
//! // The module says that a value is at most 100, and the host holds every record to that.
//! assert_eq!((north.count, north.sums), (4.0, vec![340.0]));
//! assert!(released.figures(Place::cell(1, 0)).is_none(), "two are too few");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod batch;
mod clock;
pub mod declaration;
mod derive;
mod digest;
mod egress;
mod engine;
mod error;
mod guest;
mod job;
mod layout;
mod limits;
mod mapper;
mod module;
mod records;
mod setup;
mod tally;
mod usage;

pub use aggregate::{Aggregated, Numbers, aggregate, aggregate_blocks};
pub use derive::{DerivedFrom, derive};
pub use digest::Digest;
pub use egress::{EgressError, noisy_figures, release, shape, values};
pub use engine::STACK_BYTES;
pub use error::{Error, Step, Stop};
pub use job::Job;
pub use limits::{BATCH_ROWS, Limits, PARTITION_ROWS};
pub use mapper::tally;
pub use module::{
    Inspection, MAX_BODY_BYTES, MAX_FUNCTIONS, MAX_MODULE_BYTES, MAX_TABLE_ENTRIES, Module, Refusal,
};
pub use records::{Column, Records, RecordsError, Values};
pub use setup::{MAX_CELLS, ResultShape, Setup, SetupError, TableShape, Value};
pub use tally::{Scale, Tally};
pub use usage::Usage;
