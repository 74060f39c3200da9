//! Tables in and out: CSV and Parquet as Arrow record batches, keys normalized, results copied.
//!
//! A table is opened once and read twice, so that it need not fit in memory:
//! ```text
//! TableSource --read_keys--> KeyedTable { items -> protocol, rows: which row has which item }
//!      |                                        |
//!      +------------copy_rows(keep)<------------+--------> TableSink: complete under its name, or absent
//! ```
//! Statistics need more of the first pass than keys: [`read_records`] takes the declared columns of the same rows,
//! typed and checked; [`read_plain_records`] does so where rows have no key, and
//! [`read_cells`] where they name the cells of a vector.
//!
//! A file is hostile until checked: rows, columns and cells are bounded, a damaged file ends in a
//! [`DataError`] that names the place, and no message shows what stands in a cell. The limits do not reach
//! into the parquet crate: a page or a batch of long cells takes the memory that the file asks for.

mod cells;
mod copy;
mod csv;
mod error;
mod format;
mod gb18030;
mod keys;
pub mod normalize;
mod parquet;
mod pass;
mod records;
mod sink;
mod source;
#[cfg(test)]
mod testing;

pub use cells::{CellList, CellListFault, CellValues, LeftOut, read_cells};
pub use copy::{CopyPlan, copy_rows, write_cell_rejects, write_plain_rejects, write_rejects};
pub use csv::MAX_ROW_BYTES;
pub use error::{AvailableColumns, DataError, ParquetFault};
pub use format::{TableFormat, TextEncoding, UnknownEncoding};
pub use keys::{KeyColumn, KeySummary, KeyedTable, MAX_ROWS, RejectCount, RejectedRow, RowMap, read_keys};
pub use records::{
    CellFault, ColumnData, ColumnSpec, Duplicates, Missing, PlainRecords, RecordRules, RecordSummary,
    Records, read_plain_records, read_records, read_rows, read_texts,
};
pub use sink::{SinkOptions, TableSink};
pub use source::{BATCH_ROWS, Batches, MAX_COLUMNS, TableSource};
