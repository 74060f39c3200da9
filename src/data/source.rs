//! A table that is opened once and read several times.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::csv::{CsvBatches, RecordReader};
use super::error::{AvailableColumns, DataError};
use super::format::{TableFormat, TextEncoding};
use super::gb18030::Gb18030Reader;
use super::parquet::ParquetTable;

/// Most rows of one record batch.
pub const BATCH_ROWS: usize = 8192;

/// Most columns of a table.
pub const MAX_COLUMNS: usize = 1 << 14;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 1 << 16;

/// A table in a file, open for as many passes as are needed.
///
/// The file is opened once: what another process puts in its place later is never read. Columns of a CSV
/// file are text, exactly as written; columns of a Parquet file have the types of the file.
pub struct TableSource {
    path: Arc<Path>,
    file: Arc<File>,
    opened_as: Fingerprint,
    schema: SchemaRef,
    content: Content,
}

enum Content {
    Delimited { delimiter: u8, encoding: TextEncoding },
    Parquet(ParquetTable),
}

/// What a pass does with a batch and the number of its first row.
pub(super) type TakeBatch<'a> = dyn FnMut(u64, &RecordBatch) -> Result<(), DataError> + 'a;

/// What changes when somebody writes to an open file.
struct Fingerprint {
    bytes: u64,
    modified: (i64, i64),
    /// When the file or its names changed; unlike the time of modification, nobody can set it back.
    changed: (i64, i64),
    names: u64,
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            names: metadata.nlink(),
        }
    }

    /// Tells whether the content is the same: the file may lose its name meanwhile, which is no change of it.
    fn has_same_content(&self, later: &Self) -> bool {
        let times = self.changed == later.changed || self.names != later.names;
        times && (self.bytes, self.modified) == (later.bytes, later.modified)
    }
}

impl TableSource {
    /// Opens a table and reads its header; `encoding` matters for CSV alone.
    ///
    /// # Errors
    /// The file cannot be opened or is no regular file, its format is unknown or broken, its columns have no
    /// or equal names, or it has no rows; see [`DataError`].
    pub fn open(path: &Path, encoding: TextEncoding) -> Result<Self, DataError> {
        check_kind(path)?;
        let format = TableFormat::of(path)?;
        let file = Arc::new(File::open(path).map_err(|error| DataError::reading(path, &error))?);
        let metadata = file.metadata().map_err(|error| DataError::reading(path, &error))?;
        // Another file may have taken the place since its kind was looked at.
        if !metadata.is_file() {
            return Err(DataError::Changed { path: path.to_owned() });
        }
        let path: Arc<Path> = path.into();
        let (schema, content) = match format.delimiter() {
            Some(delimiter) => {
                let schema = read_header(open_records(&file, &path, delimiter, encoding)?, &path)?;
                (schema, Content::Delimited { delimiter, encoding })
            }
            None => {
                let table = ParquetTable::open(&file, &path)?;
                (table.schema(), Content::Parquet(table))
            }
        };
        check_names(&schema, &path)?;
        Ok(Self { path, file, opened_as: Fingerprint::of(&metadata), schema, content })
    }

    /// Returns the path under which the table was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the columns with their types.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Returns the names of the columns in the order of the file.
    pub fn column_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.schema.fields().iter().map(|field| field.name().as_str())
    }

    /// Finds a column by its exact name.
    ///
    /// # Errors
    /// [`DataError::NoColumn`].
    pub fn column(&self, name: &str) -> Result<usize, DataError> {
        self.column_names().position(|column| column == name).ok_or_else(|| DataError::NoColumn {
            path: self.path.to_path_buf(),
            name: name.to_owned(),
            available: AvailableColumns::new(self.column_names(), name),
        })
    }

    /// Finds columns by name, in the order given; none given means all.
    ///
    /// # Errors
    /// [`DataError::NoColumn`]; [`DataError::RepeatedColumn`].
    pub fn select(&self, names: Option<&[String]>) -> Result<Vec<usize>, DataError> {
        let Some(names) = names else { return Ok((0..self.schema.fields().len()).collect()) };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let column = self.column(name)?;
            if columns.contains(&column) {
                return Err(DataError::RepeatedColumn { name: name.clone() });
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// Reads the table from its first row as batches of at most [`BATCH_ROWS`] rows; `columns` are the
    /// places of the columns wanted, in the order wanted, all of them when `None`.
    ///
    /// # Errors
    /// The file cannot be read. The iterator ends with the first error; see [`DataError`].
    ///
    /// # Panics
    /// When a place is not one of the table's columns.
    pub fn batches(&self, columns: Option<&[usize]>) -> Result<Batches, DataError> {
        let columns = columns.map_or_else(|| (0..self.schema.fields().len()).collect(), <[usize]>::to_vec);
        let schema = Arc::new(self.schema.project(&columns).expect("columns are of this table"));
        match &self.content {
            Content::Delimited { delimiter, encoding } => {
                let mut records = open_records(&self.file, &self.path, *delimiter, *encoding)?;
                records.read()?;
                let width = self.schema.fields().len();
                Ok(Batches(Box::new(CsvBatches::new(records, schema, columns, width))))
            }
            Content::Parquet(table) => Ok(Batches(table.batches(&self.file, &columns)?)),
        }
    }

    /// Hands each batch of the columns to `take` with the number of its first row; returns the number of rows.
    ///
    /// After each batch `progress` is told the number of rows so far and `cancel` is asked.
    ///
    /// # Errors
    /// Those of reading and of `take`; the file changes meanwhile; the caller cancelled.
    pub(super) fn scan(
        &self,
        columns: &[usize],
        progress: &mut dyn FnMut(u64),
        cancel: &dyn Fn() -> bool,
        take: &mut TakeBatch<'_>,
    ) -> Result<u64, DataError> {
        let mut rows = 0;
        for batch in self.batches(Some(columns))? {
            let batch = batch.map_err(|error| self.explain(error))?;
            take(rows, &batch)?;
            rows += batch.num_rows() as u64;
            progress(rows);
            if cancel() {
                return Err(DataError::Cancelled);
            }
        }
        self.verify_unchanged()?;
        Ok(rows)
    }

    /// Returns the first rows of the columns, all of them when `names` is `None`.
    ///
    /// # Errors
    /// [`DataError::NoColumn`], [`DataError::RepeatedColumn`], and those of reading.
    pub fn sample(&self, names: Option<&[String]>) -> Result<RecordBatch, DataError> {
        let columns = self.select(names)?;
        let first = self.batches(Some(&columns))?.next();
        first.unwrap_or_else(|| Err(DataError::EmptyTable { path: self.path.to_path_buf() }))
    }

    /// Checks that nobody has written to the file since it was opened.
    ///
    /// # Errors
    /// [`DataError::Changed`].
    pub fn verify_unchanged(&self) -> Result<(), DataError> {
        let metadata = self.file.metadata().map_err(|error| DataError::reading(&self.path, &error))?;
        if self.opened_as.has_same_content(&Fingerprint::of(&metadata)) {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    /// Prefers the cause of an error in the middle of a pass: somebody writes to the file.
    fn explain(&self, error: DataError) -> DataError {
        self.verify_unchanged().err().unwrap_or(error)
    }

    pub(super) fn changed(&self) -> DataError {
        DataError::Changed { path: self.path.to_path_buf() }
    }
}

impl fmt::Debug for TableSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSource").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The batches of one pass over a table, see [`TableSource::batches`].
pub struct Batches(Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + Send>);

impl Iterator for Batches {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").finish_non_exhaustive()
    }
}

/// Refuses what is no regular file before it is opened, since opening a pipe would wait for its writer.
fn check_kind(path: &Path) -> Result<(), DataError> {
    let metadata = std::fs::metadata(path).map_err(|error| DataError::reading(path, &error))?;
    let kind = metadata.file_type();
    let found = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a pipe",
        _ => "a device or socket",
    };
    Err(DataError::NotAFile { path: path.to_owned(), found })
}

fn open_records(
    file: &Arc<File>,
    path: &Arc<Path>,
    delimiter: u8,
    encoding: TextEncoding,
) -> Result<RecordReader<Box<dyn BufRead + Send>>, DataError> {
    let bytes = BufReader::with_capacity(BUFFER_BYTES, Cursor { file: file.clone(), position: 0 });
    let text: Box<dyn BufRead + Send> = match encoding {
        TextEncoding::Utf8 => Box::new(bytes),
        TextEncoding::Gb18030 => Box::new(Gb18030Reader::new(bytes)),
    };
    RecordReader::new(text, delimiter, encoding, path.clone())
}

/// Reads the header and looks whether a row follows.
fn read_header(mut records: RecordReader<impl BufRead>, path: &Path) -> Result<SchemaRef, DataError> {
    let path = path.to_owned();
    if !records.read()? {
        return Err(DataError::NoHeader { path });
    }
    let found = records.cells_len();
    if found > MAX_COLUMNS {
        return Err(DataError::TooManyColumns { path, found, max: MAX_COLUMNS });
    }
    let fields = (0..found).map(|i| Ok(Field::new(records.cell(i)?, DataType::Utf8, false)));
    let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>, DataError>>()?));
    // A broken first row is reported by the first pass, which knows its number.
    if matches!(records.read(), Ok(false)) {
        return Err(DataError::EmptyTable { path });
    }
    Ok(schema)
}

fn check_names(schema: &Schema, path: &Path) -> Result<(), DataError> {
    let mut places = std::collections::HashMap::new();
    for (column, field) in (1..).zip(schema.fields()) {
        if field.name().is_empty() {
            return Err(DataError::EmptyColumnName { path: path.to_owned(), column });
        }
        if let Some(first) = places.insert(field.name(), column) {
            return Err(DataError::DuplicateColumn { path: path.to_owned(), first, second: column });
        }
    }
    Ok(())
}

/// Reads a shared file from its start without moving the position that others may use.
struct Cursor {
    file: Arc<File>,
    position: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use arrow::array::AsArray;

    use super::*;

    fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        (directory, path)
    }

    fn open(name: &str, content: &[u8]) -> Result<TableSource, DataError> {
        let (_directory, path) = file(name, content);
        TableSource::open(&path, TextEncoding::Utf8)
    }

    #[test]
    fn several_passes_read_the_same_from_one_file() {
        let (_directory, path) = file("t.csv", "id,姓名\n007,张三\n008,李四\n".as_bytes());
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(source.column_names().collect::<Vec<_>>(), ["id", "姓名"]);
        let mut interleaved = source.batches(Some(&[1])).unwrap();
        for _ in 0..2 {
            let batch = source.batches(None).unwrap().next().unwrap().unwrap();
            assert_eq!(batch.column(0).as_string::<i32>().value(1), "008");
        }
        assert_eq!(interleaved.next().unwrap().unwrap().column(0).as_string::<i32>().value(0), "张三");
        assert!(interleaved.next().is_none());
        source.verify_unchanged().unwrap();
    }

    #[test]
    fn tabs_and_gb18030_are_read() {
        let content: Vec<u8> = [encoding_rs::GB18030.encode("姓名\t住址\n𠮷三\t北京,朝阳\n").0].concat();
        let (_directory, path) = file("t.tsv", &content);
        let source = TableSource::open(&path, TextEncoding::Gb18030).unwrap();
        let batch = source.batches(None).unwrap().next().unwrap().unwrap();
        assert_eq!(batch.schema().field(1).name(), "住址");
        assert_eq!(batch.column(0).as_string::<i32>().value(0), "𠮷三");
        assert_eq!(batch.column(1).as_string::<i32>().value(0), "北京,朝阳");
        let error = TableSource::open(&path, TextEncoding::Utf8).unwrap_err();
        assert!(error.hint().unwrap().contains("--encoding gb18030"), "{error}");
    }

    #[test]
    fn bad_headers_are_refused() {
        let error = |content: &str| open("t.csv", content.as_bytes()).unwrap_err();
        assert!(matches!(error(""), DataError::NoHeader { .. }));
        assert!(matches!(error("\u{feff}\n\n"), DataError::NoHeader { .. }));
        assert!(matches!(error("a,b\n\n"), DataError::EmptyTable { .. }));
        assert!(matches!(error("a,\n1,2\n"), DataError::EmptyColumnName { column: 2, .. }));
        assert!(matches!(error("a,b,a\n1,2,3\n"), DataError::DuplicateColumn { first: 1, second: 3, .. }));
        let wide = format!("a{}\n", ",".repeat(MAX_COLUMNS));
        assert!(matches!(error(&wide), DataError::TooManyColumns { found, .. } if found == MAX_COLUMNS + 1));
    }

    #[test]
    fn only_regular_files_are_opened() {
        let error = |path: &str| TableSource::open(Path::new(path), TextEncoding::Utf8).unwrap_err();
        assert!(matches!(error("/nonexistent/t.csv"), DataError::NotFound { .. }));
        assert!(matches!(error("/tmp"), DataError::NotAFile { found: "a directory", .. }));
        assert!(matches!(error("/dev/null"), DataError::NotAFile { .. }));
        assert!(matches!(open("t.xlsx", b"a\n1\n").unwrap_err(), DataError::UnknownFormat { .. }));
    }

    #[test]
    fn changes_are_noticed() {
        let (_directory, path) = file("t.csv", b"a\n1\n");
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"2\n").unwrap();
        assert!(matches!(source.verify_unchanged(), Err(DataError::Changed { .. })));
    }

    #[test]
    fn setting_the_time_of_modification_back_hides_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "a\n2\n").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(matches!(source.verify_unchanged(), Err(DataError::Changed { .. })));
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        std::fs::remove_file(&path).unwrap();
        source.verify_unchanged().unwrap();
    }

    #[test]
    fn columns_are_found_by_name() {
        let source = open("t.csv", b"a,b\n1,2\n").unwrap();
        let select =
            |names: &[&str]| source.select(Some(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()));
        assert_eq!(select(&["b", "a"]), Ok(vec![1, 0]));
        assert!(select(&["A"]).unwrap_err().to_string().ends_with("the closest is `a`"));
        assert!(matches!(select(&["a", "a"]), Err(DataError::RepeatedColumn { .. })));
    }
}
