//! Tables whose rows have no key: every row that can be used is a record.

use serde::{Deserialize, Serialize};

use super::super::error::DataError;
use super::super::keys::{RejectCount, RejectedRow, count_rejects};
use super::super::pass::{Companion, read_rows};
use super::super::source::TableSource;
use super::{ColumnData, ColumnSpec, Duplicates, Missing, RecordRules, Values};

/// The records of a table without keys: every row that can be used is one.
#[derive(Debug)]
pub struct PlainRecords {
    /// The values in the order of the columns asked for, each as long as there are records and in their order.
    pub columns: Vec<ColumnData>,
    /// The names of these columns in the table.
    pub names: Vec<String>,
    /// How many records there are.
    pub len: usize,
    /// The rows left out for an empty cell, in order; their columns are counted in the order asked for.
    pub rejected: Vec<RejectedRow>,
    /// What is reported about all of it.
    pub summary: RecordSummary,
}

/// What is reported about the rows of a table without keys; counts alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSummary {
    /// Rows of the table.
    pub rows: u64,
    /// Rows that are records.
    pub records: u64,
    /// Rows left out, by column and reason.
    pub rejected: Vec<RejectCount>,
}

/// Reads declared columns of a table whose rows are records by themselves, on the threads of the current rayon pool.
///
/// One column of the table may serve several times, as number and bins; without any column the rows are counted.
/// `progress` is told the number of rows so far; `cancel` is asked once a batch.
///
/// # Errors
/// As [`read_records`](super::read_records), but for those about keys.
pub fn read_plain_records(
    source: &TableSource,
    columns: &[ColumnSpec],
    missing: Missing,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<PlainRecords, DataError> {
    // No row meets another one, so what equal keys mean is never asked.
    let mut values = Values::new(source, columns, RecordRules { duplicates: Duplicates::First, missing })?;
    let rows = read_rows(source, &mut values, progress, cancel)?;
    let names = values.columns();
    let rejected = count_rejects(&rows.rejected, &names);
    let summary = RecordSummary { rows: rows.len, records: rows.kept.into(), rejected };
    Ok(PlainRecords {
        columns: values.data,
        names,
        len: rows.kept as usize,
        rejected: rows.rejected,
        summary,
    })
}
