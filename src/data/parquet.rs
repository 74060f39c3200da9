//! Parquet files as record batches.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::{Arc, Once};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;

use super::error::{DataError, ParquetFault};
use super::source::{BATCH_ROWS, MAX_COLUMNS};

/// The metadata of a Parquet file, read once for all passes.
pub(super) struct ParquetTable {
    path: Arc<Path>,
    metadata: ArrowReaderMetadata,
}

type BoxedBatches = Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + Send>;

impl ParquetTable {
    /// Reads and checks the metadata.
    pub(super) fn open(file: &File, path: &Arc<Path>) -> Result<Self, DataError> {
        let bad = |fault| DataError::BadParquet { path: path.to_path_buf(), fault };
        check_marks(file, path)?;
        let load = || ArrowReaderMetadata::load(file, ArrowReaderOptions::new());
        let metadata = guarded(load).and_then(|loaded| loaded.map_err(fault_of)).map_err(bad)?;
        check_extent(file, path, &metadata)?;
        let found = metadata.schema().fields().len();
        match found {
            0 => Err(DataError::NoHeader { path: path.to_path_buf() }),
            1..=MAX_COLUMNS => Ok(Self { path: path.clone(), metadata }),
            _ => Err(DataError::TooManyColumns { path: path.to_path_buf(), found, max: MAX_COLUMNS }),
        }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.metadata.schema().clone()
    }

    /// Reads the chosen columns, in the order chosen.
    pub(super) fn batches(&self, file: &File, columns: &[usize]) -> Result<BoxedBatches, DataError> {
        let file = file.try_clone().map_err(|error| DataError::reading(&self.path, &error))?;
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let path = self.path.clone();
        let bad = move |fault| DataError::BadParquet { path: path.to_path_buf(), fault };
        let built = guarded(|| builder.build()).and_then(|built| built.map_err(fault_of));
        let mut batches = built.map_err(&bad)?;
        let order = ranks(columns);
        let mut is_done = false;
        Ok(Box::new(std::iter::from_fn(move || {
            let next = if is_done { None } else { next_batch(&mut batches, &order).transpose() };
            is_done = !matches!(next, Some(Ok(_)));
            next.map(|batch| batch.map_err(&bad))
        })))
    }
}

fn next_batch(
    batches: &mut impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    order: &[usize],
) -> Result<Option<RecordBatch>, ParquetFault> {
    let Some(batch) = guarded(|| batches.next())? else { return Ok(None) };
    let batch = batch.ok().filter(|batch| batch.num_rows() <= BATCH_ROWS).ok_or(ParquetFault::Damaged)?;
    batch.project(order).map(Some).map_err(|_| ParquetFault::Damaged)
}

/// Place of each column among the chosen ones in the order of the file, in which the reader returns them.
fn ranks(columns: &[usize]) -> Vec<usize> {
    columns.iter().map(|column| columns.iter().filter(|&other| other < column).count()).collect()
}

/// Turns a panic of the decoders into a fault: on damaged files some of them assert what only an honest
/// writer guarantees (arrow-buffer's bit iterator and parquet's dictionary decoder were seen to, in 60.1).
///
/// The panic's message may quote the file, so it is not printed.
fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, ParquetFault> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                previous(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode)).map_err(|_| ParquetFault::Damaged);
    GUARDED.set(outer);
    decoded
}

thread_local! {
    /// Whether a panic of this thread is caught, and so nobody's business.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

fn fault_of(error: ParquetError) -> ParquetFault {
    match error {
        ParquetError::NYI(_) => ParquetFault::Unsupported,
        _ => ParquetFault::Damaged,
    }
}

/// Checks the four bytes at both ends of the file.
fn check_marks(file: &File, path: &Path) -> Result<(), DataError> {
    let read = |at| {
        let mut mark = [0; 4];
        file.read_exact_at(&mut mark, at).map(|()| mark).ok()
    };
    let bytes = file.metadata().map_err(|error| DataError::reading(path, &error))?.len();
    let fault = match (read(0), read(bytes.saturating_sub(4))) {
        (Some([b'P', b'A', b'R', b'1']), Some([b'P', b'A', b'R', b'1'])) if bytes > 8 => return Ok(()),
        (_, Some([b'P', b'A', b'R', b'E'])) => ParquetFault::Encrypted,
        (Some([b'P', b'A', b'R', b'1']), _) => ParquetFault::Truncated,
        _ => ParquetFault::NotParquet,
    };
    Err(DataError::BadParquet { path: path.to_owned(), fault })
}

/// Checks that every column chunk lies inside the file, since the reader allocates what the metadata says,
/// and that there are rows.
fn check_extent(file: &File, path: &Path, metadata: &ArrowReaderMetadata) -> Result<(), DataError> {
    let file_bytes = file.metadata().map_err(|error| DataError::reading(path, &error))?.len();
    let groups = metadata.metadata().row_groups();
    let fits = groups
        .iter()
        .flat_map(|group| group.columns())
        .all(|chunk| chunk_end(chunk).is_some_and(|end| end <= file_bytes));
    let rows =
        groups.iter().try_fold(0i64, |sum, group| sum.checked_add(group.num_rows()).filter(|&n| n >= 0));
    match rows {
        Some(1..) if fits => Ok(()),
        Some(0) => Err(DataError::EmptyTable { path: path.to_owned() }),
        _ => Err(DataError::BadParquet { path: path.to_owned(), fault: ParquetFault::Damaged }),
    }
}

/// Returns where a chunk ends, unless it begins before the file or has a negative length.
fn chunk_end(chunk: &ColumnChunkMetaData) -> Option<u64> {
    let data = u64::try_from(chunk.data_page_offset()).ok()?;
    let dictionary = chunk.dictionary_page_offset().map_or(Ok(data), u64::try_from).ok()?;
    data.min(dictionary).checked_add(u64::try_from(chunk.compressed_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
    use parquet::arrow::ArrowWriter;
    use proptest::prelude::*;

    use super::*;
    use crate::data::{TableSource, TextEncoding};

    fn sample(rows: usize) -> Vec<u8> {
        let ids = StringArray::from_iter_values((0..rows).map(|i| format!("{i:07}")));
        let numbers = Int64Array::from_iter((0..rows).map(|i| (i % 3 != 0).then_some(i as i64)));
        let columns: [(&str, ArrayRef); 2] = [("id", Arc::new(ids)), ("n", Arc::new(numbers))];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, a)| (n, a, true))).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn open(bytes: &[u8]) -> Result<TableSource, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        std::fs::write(&path, bytes).unwrap();
        TableSource::open(&path, TextEncoding::Utf8)
    }

    fn fault(bytes: &[u8]) -> ParquetFault {
        match open(bytes).unwrap_err() {
            DataError::BadParquet { fault, .. } => fault,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let source = open(&sample(10_000)).unwrap();
        let all: Vec<_> = source.batches(Some(&[1, 0])).unwrap().map(Result::unwrap).collect();
        assert_eq!(all.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [8192, 1808]);
        assert_eq!(all[1].schema().field(0).name(), "n");
        assert!(all[1].column(0).is_null(1));
        assert_eq!(all[1].column(1).as_string::<i32>().value(1), "0008193");
        assert_eq!(ranks(&[5, 2, 9]), [1, 0, 2]);
    }

    #[test]
    fn each_fault_is_told_apart() {
        let good = sample(100);
        assert_eq!(fault(b""), ParquetFault::NotParquet);
        assert_eq!(fault(b"id,n\n1,2\n"), ParquetFault::NotParquet);
        assert_eq!(fault(&good[..good.len() / 2]), ParquetFault::Truncated);
        assert_eq!(fault(b"PAR1"), ParquetFault::Truncated);
        assert_eq!(fault(&[&good[..good.len() - 1], b"E"].concat()), ParquetFault::Encrypted);
        assert_eq!(fault(b"PAR1\xff\xff\xff\x7fPAR1"), ParquetFault::Damaged);
        let mut damaged = good.clone();
        damaged[4..40].fill(0xff);
        let first = open(&damaged).unwrap().batches(None).unwrap().next().unwrap();
        assert!(matches!(first, Err(DataError::BadParquet { fault: ParquetFault::Damaged, .. })));
        assert!(matches!(open(&sample(0)), Err(DataError::EmptyTable { .. })));
    }

    proptest! {
        /// Damage ends in an error or in other rows, never in a panic that gets out.
        #[test]
        fn damage_is_survived(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let mut bytes = sample(50);
            for (place, value) in places {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Ok(source) = open(&bytes) {
                let _ = source.batches(None).map(Iterator::count);
            }
        }
    }
}
