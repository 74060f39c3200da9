//! The loop of the first pass: keys, and whatever else is wanted of the same rows; or rows without keys.
//!
//! A batch is cut into chunks, which the threads of the current rayon pool work on; what they made is then taken in
//! the order of the rows, so that results and errors do not depend on the threads.

use arrow::array::{ArrayRef, RecordBatch};
use rayon::prelude::*;
use tidegate_mpc::Insertion;

use super::error::{DataError, ParquetFault};
use super::keys::{KeyBuilder, KeyChunk, KeyColumn, KeyPlan, KeyedTable, MAX_ROWS, RejectedRow};
use super::normalize::RejectReason;
use super::source::{BATCH_ROWS, TableSource};

/// Rows that one thread works on at once.
const CHUNK_ROWS: usize = 1024;

/// What a pass takes of each row besides its key.
pub(super) trait Companion: Sync {
    /// What it looks at of a batch.
    type Cells: Sync;
    /// What one thread takes of a chunk of rows.
    type Chunk: Default + Send;

    /// Names its columns; they may be those of the key, and one of them may be named twice.
    fn columns(&self) -> Vec<String>;

    /// Takes its columns of a batch, in its order; `None` where they are not of the types of the schema.
    fn cells(&self, columns: &[&ArrayRef]) -> Option<Self::Cells>;

    /// Empties a chunk that served before.
    fn clear(&self, chunk: &mut Self::Chunk);

    /// Takes a row that has a key; the error leaves the row without an item, and counts columns by its own order.
    fn read(&self, cells: &Self::Cells, row: usize, chunk: &mut Self::Chunk) -> Result<(), Reject>;

    /// Keeps the next row that was taken, which has got an item.
    fn keep(
        &mut self,
        chunk: &mut Self::Chunk,
        item: Insertion,
        before: RowsBefore<'_>,
    ) -> Result<(), DataError>;
}

/// The rows before one.
#[derive(Clone, Copy)]
pub(super) struct RowsBefore<'a> {
    /// How many there are.
    pub(super) len: u64,
    /// Their items, where rows have keys.
    pub(super) items: &'a [u32],
}

impl RowsBefore<'_> {
    /// Returns the number of the row behind them, counted from 1.
    pub(super) fn next(&self) -> u64 {
        self.len + 1
    }
}

/// The column and the reason why a row has no item.
pub(super) type Reject = (u16, RejectReason);

/// A pass that takes nothing besides the keys.
pub(super) struct KeysAlone;

impl Companion for KeysAlone {
    type Cells = ();
    type Chunk = ();

    fn columns(&self) -> Vec<String> {
        Vec::new()
    }

    fn cells(&self, _: &[&ArrayRef]) -> Option<()> {
        Some(())
    }

    fn clear(&self, (): &mut ()) {}

    fn read(&self, (): &(), _: usize, (): &mut ()) -> Result<(), Reject> {
        Ok(())
    }

    fn keep(&mut self, (): &mut (), _: Insertion, _: RowsBefore<'_>) -> Result<(), DataError> {
        Ok(())
    }
}

/// As [`read_keys`](super::read_keys), and lets `companion` take what it wants of the same rows.
pub(super) fn read_with<C: Companion>(
    source: &TableSource,
    columns: &[KeyColumn],
    companion: &mut C,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<KeyedTable, DataError> {
    let plan = KeyPlan::new(source, columns)?;
    let layout = Layout::new(source, &plan.places, &companion.columns())?;
    let mut keys = KeyBuilder::default();
    let mut chunks: Vec<(KeyChunk, C::Chunk)> =
        (0..BATCH_ROWS.div_ceil(CHUNK_ROWS)).map(|_| Default::default()).collect();
    source.scan(&layout.places, progress, cancel, &mut |_, batch| {
        let cells = plan.cells(batch).zip(companion.cells(&layout.companion_columns(batch)));
        let (cells, extra) = cells.ok_or_else(|| unreadable(source))?;
        let taker = &*companion;
        chunks.par_iter_mut().enumerate().for_each(|(i, (chunk, taken))| {
            let rows = i * CHUNK_ROWS..batch.num_rows().min((i + 1) * CHUNK_ROWS);
            taker.clear(taken);
            chunk.fill(&plan.normalizers, &cells, rows, |row| taker.read(&extra, row, taken));
        });
        keys.take(&mut chunks, companion, source)
    })?;
    let names = columns.iter().map(|column| column.name.clone()).chain(companion.columns());
    Ok(keys.finish(names.collect()))
}

/// What a pass over rows without keys leaves.
#[derive(Debug, Default)]
pub(super) struct PlainRows {
    /// Rows of the table.
    pub(super) len: u64,
    /// Rows that were taken.
    pub(super) kept: u32,
    /// The others, in order.
    pub(super) rejected: Vec<RejectedRow>,
}

/// Lets `companion` take every row, on the threads of the current rayon pool; each row is an item of its own.
pub(super) fn read_rows<C: Companion>(
    source: &TableSource,
    companion: &mut C,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<PlainRows, DataError> {
    let layout = Layout::new(source, &[], &companion.columns())?;
    // A batch without columns would not tell its rows.
    let places = if layout.places.is_empty() { vec![0] } else { layout.places.clone() };
    let mut chunks: Vec<(RowChunk, C::Chunk)> =
        (0..BATCH_ROWS.div_ceil(CHUNK_ROWS)).map(|_| Default::default()).collect();
    let mut plain = PlainRows::default();
    source.scan(&places, progress, cancel, &mut |_, batch| {
        let cells = companion.cells(&layout.companion_columns(batch)).ok_or_else(|| unreadable(source))?;
        let taker = &*companion;
        chunks.par_iter_mut().enumerate().for_each(|(i, (chunk, taken))| {
            let rows = i * CHUNK_ROWS..batch.num_rows().min((i + 1) * CHUNK_ROWS);
            taker.clear(taken);
            chunk.0.clear();
            chunk.0.extend(rows.map(|row| taker.read(&cells, row, taken)));
        });
        chunks.iter_mut().try_for_each(|(chunk, taken)| plain.take(chunk, taken, companion, source))
    })?;
    Ok(plain)
}

/// Which rows of a chunk were taken.
#[derive(Default)]
struct RowChunk(Vec<Result<(), Reject>>);

impl PlainRows {
    fn take<C: Companion>(
        &mut self,
        chunk: &RowChunk,
        taken: &mut C::Chunk,
        companion: &mut C,
        source: &TableSource,
    ) -> Result<(), DataError> {
        for row in &chunk.0 {
            match *row {
                Ok(()) if self.len >= MAX_ROWS => {
                    return Err(DataError::TooManyRows { path: source.path().to_owned(), max: MAX_ROWS });
                }
                Ok(()) => {
                    let item = Insertion { index: self.kept, is_new: true };
                    companion.keep(taken, item, RowsBefore { len: self.len, items: &[] })?;
                    self.kept += 1;
                }
                Err((column, reason)) => self.rejected.push(RejectedRow { row: self.len, column, reason }),
            }
            self.len += 1;
        }
        Ok(())
    }
}

/// Which columns of the table are read, each once: those of the key, then those of the companion.
struct Layout {
    places: Vec<usize>,
    /// For each column of the companion, which of `places` it is.
    companion: Vec<usize>,
}

impl Layout {
    fn new(source: &TableSource, keys: &[usize], companion: &[String]) -> Result<Self, DataError> {
        let mut layout = Self { places: keys.to_vec(), companion: Vec::new() };
        for name in companion {
            let place = source.column(name)?;
            let known = layout.places.iter().position(|known| *known == place);
            layout.companion.push(known.unwrap_or(layout.places.len()));
            if known.is_none() {
                layout.places.push(place);
            }
        }
        Ok(layout)
    }

    fn companion_columns<'a>(&self, batch: &'a RecordBatch) -> Vec<&'a ArrayRef> {
        self.companion.iter().map(|&column| batch.column(column)).collect()
    }
}

fn unreadable(source: &TableSource) -> DataError {
    DataError::BadParquet { path: source.path().to_owned(), fault: ParquetFault::Damaged }
}
