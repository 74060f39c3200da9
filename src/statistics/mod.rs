//! Statistics of several parties' tables: from the agreement to the protocol, and from what the protocol opens to tables
//! that may leave. Those over the records that two parties share are made of [`Direction`]s, those over all records of
//! many parties of a [`SumPlan`]; grids, measures and tables are the same.

mod error;
mod grid;
mod noise;
mod opening;
mod owned;
mod plan;
mod rational;
mod records;
mod released;
mod run;
mod spending;
mod sum;
mod table;

pub use error::StatisticsError;
pub use grid::{GridPlan, Measure, NumberPlan, Subject};
pub use noise::Noise;
pub use plan::Direction;
pub use records::LentRecords;
pub use released::Released;
pub use run::{JoinPlan, JoinResult, OwnRecords, PlanError};
pub use sum::{
    ALL_PARTIES, Contribution, SumError, SumNoise, SumPlan, SumResult, VectorContribution, VectorPlan,
};
pub use table::{Axis, Number, StatisticTable, TableEntry, tables};

#[cfg(test)]
mod tests;
