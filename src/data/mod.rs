//! Tables in and out: CSV and Parquet as Arrow record batches, keys normalized, results copied.

mod copy;
mod csv;
mod error;
mod format;
mod gb18030;
mod keys;
pub mod normalize;
mod parquet;
mod sink;
mod source;

pub use copy::{CopyPlan, copy_rows, write_rejects};
pub use csv::MAX_ROW_BYTES;
pub use error::{AvailableColumns, DataError, ParquetFault};
pub use format::{TableFormat, TextEncoding, UnknownEncoding};
pub use keys::{KeyColumn, KeySummary, KeyedTable, MAX_ROWS, RejectCount, RejectedRow, RowMap, read_keys};
pub use sink::{SinkOptions, TableSink};
pub use source::{BATCH_ROWS, Batches, MAX_COLUMNS, TableSource};
