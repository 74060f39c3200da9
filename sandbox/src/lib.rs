//! The data sandbox: an algorithm in WebAssembly runs where the data lies, and only a checked result comes out.

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
