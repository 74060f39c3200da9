//! Statistics over the records that two parties share: from the agreement to the protocol, and from what the
//! protocol opens to tables that may leave.

mod error;
mod noise;
mod opening;
mod owned;
mod plan;
mod records;
mod released;
mod run;
mod table;

pub use error::StatisticsError;
pub use noise::Noise;
pub use plan::{Direction, GridPlan, Measure, NumberPlan};
pub use records::LentRecords;
pub use released::Released;
pub use run::{JoinPlan, JoinResult, OwnRecords, PlanError};
pub use table::{Axis, Number, StatisticTable, TableEntry, tables};

#[cfg(test)]
mod tests;
