//! Where a table is written: all of it or nothing.
//!
//! A file appears under its name when it is complete: it is written beside its place, readable by its owner
//! alone, flushed to the disk and renamed. The standard output (`-`) and existing pipes and devices are
//! written directly. The format is told by the ending of the name; pipes and devices whose name tells none get CSV.
//!
//! CSV is written in UTF-8 with every cell as it is. A cell that begins with `=`, `+`, `-` or `@` is not
//! altered, since the table is data and must come back as it went out; a spreadsheet program may take such a
//! cell for a formula, so import columns of unknown origin as text there.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::csv::{Writer as CsvWriter, WriterBuilder};
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use super::error::DataError;
use super::format::TableFormat;
use crate::whole_file::{Existing, directory_of, put_in_place, temporary_in};

/// A Parquet row group ends when it holds this many bytes or rows.
const ROW_GROUP_BYTES: usize = 1 << 26;
const ROW_GROUP_ROWS: usize = 1 << 20;

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkOptions {
    /// Whether an existing file is replaced.
    pub force: bool,
}

/// A table that is being written; dropped before [`TableSink::finish`], it leaves no file.
pub struct TableSink {
    path: PathBuf,
    writer: Writer,
    failure: Failure,
    destination: Destination,
}

enum Writer {
    Csv(Box<CsvWriter<Output>>),
    Parquet(Box<ArrowWriter<Output>>),
}

/// What is left to do when everything is written.
enum Destination {
    Direct,
    Rename { file: NamedTempFile, existing: Existing },
}

impl TableSink {
    /// Tells whether `path` stands for the standard output: `-`, or a name of the pipe or device behind it.
    pub fn is_stdout(path: &Path) -> bool {
        let same_stream = || {
            let (named, stdout) = (std::fs::metadata(path).ok()?, rustix::fs::fstat(io::stdout()).ok()?);
            let stream =
                named.file_type().is_fifo() || path.starts_with("/dev/fd") || path.starts_with("/dev/std");
            Some(stream && (named.dev(), named.ino()) == (stdout.st_dev, stdout.st_ino))
        };
        path == Path::new("-") || path == Path::new("/dev/stdout") || same_stream().unwrap_or(false)
    }

    /// Checks that a table like `sample` can be written to `path`, without leaving anything there.
    ///
    /// # Errors
    /// As [`TableSink::create`] and [`TableSink::write`].
    pub fn check(path: &Path, sample: &RecordBatch, options: SinkOptions) -> Result<(), DataError> {
        let target = Target::of(path, options)?;
        let format = target.format(path)?;
        check_types(path, &sample.schema(), format)?;
        if let Target::File { directory } = target {
            temporary_in(&directory).map_err(|error| DataError::writing(&directory, error.kind()))?;
        }
        let output = Output::new(io::sink());
        let failure = output.failure.clone();
        let written = Writer::new(output, &sample.schema(), format).and_then(|mut writer| {
            writer.write(sample)?;
            writer.finish()
        });
        written.map_err(|_| write_error(path, &failure))
    }

    /// Starts a table with the columns of `schema`.
    ///
    /// # Errors
    /// The file exists and `force` is not set, its directory does not exist or may not be written, the name
    /// tells no format, or the format cannot hold a column; see [`DataError`].
    pub fn create(path: &Path, schema: &SchemaRef, options: SinkOptions) -> Result<Self, DataError> {
        let target = Target::of(path, options)?;
        let format = target.format(path)?;
        check_types(path, schema, format)?;
        let (output, destination) = target.open(path, options)?;
        let failure = output.failure.clone();
        let writer = Writer::new(output, schema, format);
        let writer = writer.map_err(|_| write_error(path, &failure))?;
        let mut sink = Self { path: path.to_owned(), writer, failure, destination };
        // The header stands even when no row follows.
        sink.write(&RecordBatch::new_empty(schema.clone()))?;
        Ok(sink)
    }

    /// Appends rows, which have the columns given to [`TableSink::create`].
    ///
    /// # Errors
    /// [`DataError::DiskFull`], [`DataError::BrokenPipe`], [`DataError::Write`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        self.writer.write(batch).map_err(|_| write_error(&self.path, &self.failure))
    }

    /// Writes what is left and puts the file in its place.
    ///
    /// # Errors
    /// As [`TableSink::write`]; [`DataError::Exists`] when another process made the file meanwhile.
    pub fn finish(self) -> Result<(), DataError> {
        let Self { path, writer, failure, destination } = self;
        writer.finish().map_err(|_| write_error(&path, &failure))?;
        match destination {
            Destination::Direct => Ok(()),
            Destination::Rename { file, existing } => {
                let placed = put_in_place(file, &path, existing);
                placed.map_err(|error| DataError::writing(&path, error.kind()))
            }
        }
    }
}

impl fmt::Debug for TableSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSink").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writer {
    fn new(output: Output, schema: &SchemaRef, format: TableFormat) -> Result<Self, ParquetError> {
        if let Some(delimiter) = format.delimiter() {
            let writer = WriterBuilder::new().with_delimiter(delimiter).build(output);
            return Ok(Self::Csv(Box::new(writer)));
        }
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(output, schema.clone(), Some(properties))?;
        Ok(Self::Parquet(Box::new(writer)))
    }

    /// Writes a batch; the CSV writer flushes its output with each.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        match self {
            Self::Csv(writer) => Ok(writer.write(batch)?),
            Self::Parquet(writer) => {
                writer.write(batch)?;
                if writer.in_progress_size() > ROW_GROUP_BYTES { writer.flush() } else { Ok(()) }
            }
        }
    }

    fn finish(self) -> Result<(), ParquetError> {
        match self {
            Self::Csv(_) => Ok(()),
            Self::Parquet(writer) => writer.close().map(|_| ()),
        }
    }
}

/// What a path stands for.
enum Target {
    Stdout,
    /// An existing pipe or device.
    Stream,
    /// A file to be made in a directory, or to be replaced.
    File {
        directory: PathBuf,
    },
}

impl Target {
    fn of(path: &Path, options: SinkOptions) -> Result<Self, DataError> {
        if TableSink::is_stdout(path) {
            return Ok(Self::Stdout);
        }
        let kind = match std::fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::new_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Self::new_file(path),
            Err(error) => return Err(DataError::writing(path, error.kind())),
        };
        match kind {
            _ if kind.is_file() && options.force => Self::new_file(path),
            _ if kind.is_file() => Err(DataError::Exists { path: path.to_owned() }),
            _ if kind.is_fifo() || kind.is_char_device() => Ok(Self::Stream),
            _ if kind.is_dir() => Err(DataError::NotAFile { path: path.to_owned(), found: "a directory" }),
            _ => Err(DataError::NotAFile { path: path.to_owned(), found: "a device or socket" }),
        }
    }

    fn format(&self, path: &Path) -> Result<TableFormat, DataError> {
        match self {
            Self::File { .. } => TableFormat::of(path),
            Self::Stdout | Self::Stream => Ok(TableFormat::of(path).unwrap_or(TableFormat::Csv)),
        }
    }

    fn new_file(path: &Path) -> Result<Self, DataError> {
        // Nothing was found behind it: a link that leads nowhere would be in the way of the file later.
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) && !path.exists() {
            return Err(DataError::NotAFile { path: path.to_owned(), found: "a broken link" });
        }
        let directory = directory_of(path).to_owned();
        if directory.is_dir() {
            Ok(Self::File { directory })
        } else {
            Err(DataError::NoDirectory { path: directory })
        }
    }

    fn open(self, path: &Path, options: SinkOptions) -> Result<(Output, Destination), DataError> {
        let failed = |error: io::Error| DataError::writing(path, error.kind());
        match self {
            Self::Stdout => Ok((Output::new(io::stdout()), Destination::Direct)),
            Self::Stream => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok((Output::new(file), Destination::Direct))
            }
            Self::File { directory } => {
                let file = temporary_in(&directory).map_err(failed)?;
                let output = Output::new(file.as_file().try_clone().map_err(failed)?);
                let existing = if options.force { Existing::Replace } else { Existing::Keep };
                Ok((output, Destination::Rename { file, existing }))
            }
        }
    }
}

/// Refuses lists and structs in CSV, which has no agreed form for them.
fn check_types(path: &Path, schema: &Schema, format: TableFormat) -> Result<(), DataError> {
    let nested = schema.fields().iter().find(|field| field.data_type().is_nested());
    match nested {
        Some(field) if format != TableFormat::Parquet => Err(DataError::OutputType {
            path: path.to_owned(),
            name: field.name().clone(),
            found: field.data_type().to_string(),
        }),
        _ => Ok(()),
    }
}

/// The kind of the first error of an output, which the writers of the crates turn into text.
type Failure = Arc<OnceLock<io::ErrorKind>>;

fn write_error(path: &Path, failure: &Failure) -> DataError {
    DataError::writing(path, failure.get().copied().unwrap_or(io::ErrorKind::InvalidData))
}

/// An output that remembers the kind of its first error.
struct Output {
    inner: Box<dyn Write + Send>,
    failure: Failure,
}

impl Output {
    fn new(inner: impl Write + Send + 'static) -> Self {
        Self { inner: Box::new(inner), failure: Failure::default() }
    }

    fn watch<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Some(kind) =
            result.as_ref().err().map(io::Error::kind).filter(|&k| k != io::ErrorKind::Interrupted)
        {
            self.failure.get_or_init(|| kind);
        }
        result
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.watch(flushed)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use arrow::array::{ArrayRef, Int32Array, ListArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::data::{TableSource, TextEncoding};

    const KEEP: SinkOptions = SinkOptions { force: false };
    const FORCE: SinkOptions = SinkOptions { force: true };

    fn batch(cells: &[&str]) -> RecordBatch {
        let column: ArrayRef = Arc::new(StringArray::from(cells.to_vec()));
        let numbers: ArrayRef =
            Arc::new(Int32Array::from_iter(cells.iter().map(|c| (!c.is_empty()).then_some(7))));
        RecordBatch::try_from_iter_with_nullable([("text", column, true), ("n", numbers, true)]).unwrap()
    }

    fn write(path: &Path, cells: &[&str], options: SinkOptions) -> Result<(), DataError> {
        let batch = batch(cells);
        let mut sink = TableSink::create(path, &batch.schema(), options)?;
        sink.write(&batch)?;
        sink.finish()
    }

    fn names(directory: &Path) -> Vec<String> {
        std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn csv_keeps_every_cell() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        write(&path, &["007", " =1+1", "a,\"b\"\nc", "", "张"], KEEP).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "text,n\n007,7\n =1+1,7\n\"a,\"\"b\"\"\nc\",7\n,\n张,7\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let path = directory.path().join("t.tsv");
        write(&path, &["a,b", "a\tb"], KEEP).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text\tn\na,b\t7\n\"a\tb\"\t7\n");
    }

    #[test]
    fn parquet_keeps_types_and_nulls() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        write(&path, &["007", ""], KEEP).unwrap();
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        let read = source.batches(None).unwrap().next().unwrap().unwrap();
        assert_eq!(read, batch(&["007", ""]));
        assert_eq!(read.column(1).logical_null_count(), 1);
    }

    #[test]
    fn nothing_is_left_before_finish() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["t.csv", "t.parquet"] {
            let path = directory.path().join(name);
            let batch = batch(&["x"]);
            let mut sink = TableSink::create(&path, &batch.schema(), KEEP).unwrap();
            sink.write(&batch).unwrap();
            assert!(!path.exists());
            drop(sink);
            TableSink::check(&path, &batch, KEEP).unwrap();
            assert_eq!(names(directory.path()), [""; 0]);
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_early() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let error = TableSink::check(&path, &batch(&["x"]), KEEP).unwrap_err();
        assert_eq!(error, DataError::NotAFile { path, found: "a broken link" });
    }

    #[test]
    fn timestamps_with_a_zone_can_be_written_as_text() {
        let times = TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([("t", Arc::new(times) as ArrayRef)]).unwrap();
        let path = std::path::PathBuf::from("t.csv");
        TableSink::check(&path, &batch, KEEP).unwrap();
    }

    #[test]
    fn columns_that_the_format_cannot_hold_are_found_early() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        let batch = RecordBatch::try_from_iter([("l", Arc::new(lists) as ArrayRef)]).unwrap();
        let check = |path: &str| TableSink::check(Path::new(path), &batch, KEEP);
        assert!(matches!(check("t.csv"), Err(DataError::OutputType { .. })));
        check("t.parquet").unwrap();
    }

    #[test]
    fn existing_files_need_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        write(&path, &["old"], KEEP).unwrap();
        let exists = DataError::Exists { path: path.clone() };
        assert_eq!(write(&path, &["new"], KEEP), Err(exists.clone()));
        assert_eq!(TableSink::check(&path, &batch(&["x"]), KEEP), Err(exists.clone()));
        assert!(exists.hint().unwrap().contains("--force"));
        write(&path, &["new"], FORCE).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text,n\nnew,7\n");
        assert_eq!(names(directory.path()), ["t.csv"]);
    }

    #[test]
    fn a_file_made_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        let sink = TableSink::create(&path, &batch(&[]).schema(), KEEP).unwrap();
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(sink.finish(), Err(DataError::Exists { path: path.clone() }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(names(directory.path()), ["t.csv"]);
    }

    #[test]
    fn places_that_cannot_be_written_are_named() {
        let check = |path: &str| TableSink::check(Path::new(path), &batch(&["x"]), KEEP).unwrap_err();
        assert_eq!(check("/nonexistent/t.csv"), DataError::NoDirectory { path: "/nonexistent".into() });
        assert!(matches!(check("/dev/null/t.csv"), DataError::NoDirectory { .. }));
        assert!(matches!(check("/tmp"), DataError::NotAFile { .. }));
        assert!(matches!(check("t.xlsx"), DataError::UnknownFormat { .. }));
        assert!(matches!(check("/proc/t.csv"), DataError::Denied { .. } | DataError::Write { .. }));
    }

    #[test]
    fn a_full_device_and_a_closed_pipe_are_told_apart() {
        let full = Path::new("/dev/full");
        assert_eq!(write(full, &["x"], KEEP), Err(DataError::DiskFull { path: full.into() }));
        write(Path::new("/dev/null"), &["x"], KEEP).unwrap();
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for format in [TableFormat::Csv, TableFormat::Parquet] {
            let output = Output::new(Closed);
            let failure = output.failure.clone();
            let batch = batch(&["x"]);
            let result = Writer::new(output, &batch.schema(), format).and_then(|mut writer| {
                writer.write(&batch)?;
                writer.finish()
            });
            assert!(result.is_err());
            let error = write_error(Path::new("-"), &failure);
            assert_eq!(error, DataError::BrokenPipe { path: "-".into() });
        }
    }

    #[test]
    fn lists_are_refused_in_csv() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        let batch = RecordBatch::try_from_iter([("l", Arc::new(lists) as ArrayRef)]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let create = |name| TableSink::create(&directory.path().join(name), &batch.schema(), KEEP);
        assert!(matches!(create("t.csv"), Err(DataError::OutputType { .. })));
        create("t.parquet").unwrap();
    }
}
