//! CSV records and their conversion to record batches.
//!
//! Cells are read as text, exactly as written: leading zeros and spaces stay, an empty cell is the empty
//! text. Quoting follows RFC 4180 with the usual licence (a quote inside an unquoted cell stands for itself,
//! lines end with LF, CR LF or CR, blank lines are skipped). The splitter is this module's own and not
//! arrow-csv's, because messages must name row, line and number of cells and never show a cell, and because
//! a hostile file must not make one record grow without bound; on well-formed tables a property test holds
//! it to arrow-csv's answer.

use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::SchemaRef;
use zeroize::Zeroize;

use super::error::DataError;
use super::format::TextEncoding;
use super::source::{BATCH_ROWS, MAX_COLUMNS};

/// Longest record, in bytes of UTF-8, delimiters and line ends included.
pub const MAX_ROW_BYTES: usize = 1 << 24;

/// A batch ends early when its cells hold this many bytes.
const BATCH_BYTES: usize = 1 << 23;

/// UTF-8 byte order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where the splitter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a record; line ends are skipped.
    Record,
    /// Before a cell.
    Cell,
    /// In a cell without quotes, or behind the closing quote.
    Bare,
    /// Between quotes.
    Quoted,
    /// Behind a quote that closes the cell unless another one follows.
    Quote,
}

/// Reads a stream of UTF-8 bytes as records of cells.
pub(super) struct RecordReader<R> {
    input: R,
    path: Arc<Path>,
    encoding: TextEncoding,
    splitter: Splitter,
}

impl<R: BufRead> RecordReader<R> {
    /// Starts before the first record; skips a byte order mark.
    pub(super) fn new(
        input: R,
        delimiter: u8,
        encoding: TextEncoding,
        path: Arc<Path>,
    ) -> Result<Self, DataError> {
        let mut reader = Self { input, path, encoding, splitter: Splitter::new(delimiter) };
        let starts_with_bom = reader.input.fill_buf().map(|buffer| buffer.starts_with(BOM));
        if starts_with_bom.map_err(|error| reader.failed(&error))? {
            reader.input.consume(BOM.len());
        }
        Ok(reader)
    }

    /// Reads the next record; false at the end of the table.
    pub(super) fn read(&mut self) -> Result<bool, DataError> {
        self.splitter.start_record();
        loop {
            let (used, is_whole) = match self.input.fill_buf() {
                Ok([]) => return self.finish(),
                Ok(buffer) => self.splitter.feed(buffer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(&error)),
            };
            self.input.consume(used);
            if self.splitter.record_bytes > MAX_ROW_BYTES {
                return Err(self.too_long());
            }
            if is_whole {
                return self.check_text().map(|()| true);
            }
        }
    }

    /// Counts the cells of the current record.
    pub(super) fn cells_len(&self) -> usize {
        self.splitter.cells_len
    }

    /// Returns the line on which the current record begins, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.splitter.record_line
    }

    /// Returns the current record's cell at `column`.
    pub(super) fn cell(&self, column: usize) -> Result<&str, DataError> {
        std::str::from_utf8(self.splitter.cell(column)).map_err(|_| self.bad_text(self.line()))
    }

    /// Ends the last record when no line end follows it.
    fn finish(&mut self) -> Result<bool, DataError> {
        match self.splitter.state {
            State::Record => return Ok(false),
            State::Quoted => return Err(self.unclosed()),
            State::Cell | State::Bare | State::Quote => self.splitter.push_cell(),
        }
        self.check_text().map(|()| true)
    }

    /// Checks cells that nobody may ask for, so that every pass over a file ends the same way.
    fn check_text(&self) -> Result<(), DataError> {
        if self.splitter.is_stray {
            return Err(DataError::StrayText { path: self.path.to_path_buf(), line: self.line() });
        }
        let whole = std::str::from_utf8(&self.splitter.cells);
        whole.map(|_| ()).map_err(|_| self.bad_text(self.line()))
    }

    fn bad_text(&self, line: u64) -> DataError {
        DataError::BadText { path: self.path.to_path_buf(), line, encoding: self.encoding }
    }

    fn too_long(&self) -> DataError {
        DataError::RowTooLong { path: self.path.to_path_buf(), line: self.line(), max: MAX_ROW_BYTES }
    }

    fn unclosed(&self) -> DataError {
        DataError::UnclosedQuote { path: self.path.to_path_buf(), line: self.line() }
    }

    /// Types an error of the input; a decoder reports malformed text as invalid data.
    fn failed(&self, error: &io::Error) -> DataError {
        match (error.kind(), self.splitter.state) {
            (io::ErrorKind::InvalidData, State::Record) => self.bad_text(self.splitter.next_line),
            (io::ErrorKind::InvalidData, _) => self.bad_text(self.line()),
            _ => DataError::reading(&self.path, error),
        }
    }
}

/// Splits bytes, which may come in pieces, into the cells of one record after the other.
struct Splitter {
    delimiter: u8,
    state: State,
    /// Cells of the current record, one behind the other.
    cells: Vec<u8>,
    /// End in `cells` of each of the first [`MAX_COLUMNS`] cells.
    ends: Vec<usize>,
    cells_len: usize,
    /// Whether text follows the closing quote of a cell of the record.
    is_stray: bool,
    record_bytes: usize,
    /// Line of the next byte, and of the current record's first one.
    next_line: u64,
    record_line: u64,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        let (cells, ends) = (Vec::new(), Vec::new());
        let state = State::Record;
        Self {
            delimiter,
            state,
            cells,
            ends,
            cells_len: 0,
            is_stray: false,
            record_bytes: 0,
            next_line: 1,
            record_line: 1,
        }
    }

    fn start_record(&mut self) {
        self.state = State::Record;
        self.cells.clear();
        self.ends.clear();
        self.cells_len = 0;
        self.is_stray = false;
        self.record_bytes = 0;
    }

    fn cell(&self, column: usize) -> &[u8] {
        let end = self.ends.get(column).copied().unwrap_or_default();
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.cells.get(start.unwrap_or_default()..end).unwrap_or_default()
    }

    /// Takes bytes up to the end of the record; returns how many, and whether the record is whole.
    fn feed(&mut self, buffer: &[u8]) -> (usize, bool) {
        let mut used = 0;
        while let Some(rest @ [next, ..]) = buffer.get(used..) {
            let (step, is_whole) = self.step(*next, rest);
            used += step;
            if is_whole {
                return (used, true);
            }
        }
        (used, false)
    }

    fn step(&mut self, next: u8, rest: &[u8]) -> (usize, bool) {
        if self.state == State::Record {
            return (self.skip_line_end(next), false);
        }
        let (step, is_whole) = match self.state {
            State::Record | State::Cell => (self.start_cell(next), false),
            State::Bare => self.take_bare(rest),
            State::Quoted => (self.take_quoted(rest), false),
            State::Quote => self.after_quote(next),
        };
        self.record_bytes += step;
        (step, is_whole)
    }

    fn skip_line_end(&mut self, next: u8) -> usize {
        if !matches!(next, b'\n' | b'\r') {
            self.state = State::Cell;
            self.record_line = self.next_line;
            return 0;
        }
        self.next_line += u64::from(next == b'\n');
        1
    }

    fn start_cell(&mut self, next: u8) -> usize {
        let is_quoted = next == b'"';
        self.state = if is_quoted { State::Quoted } else { State::Bare };
        usize::from(is_quoted)
    }

    fn take_bare(&mut self, rest: &[u8]) -> (usize, bool) {
        let end = rest.iter().position(|&b| b == self.delimiter || b == b'\n' || b == b'\r');
        let (text, rest) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
        self.cells.extend_from_slice(text);
        match rest.first() {
            Some(&stop) => (text.len() + 1, self.end_cell(stop)),
            None => (text.len(), false),
        }
    }

    fn take_quoted(&mut self, rest: &[u8]) -> usize {
        let end = rest.iter().position(|&b| b == b'"');
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.cells.extend_from_slice(text);
        self.next_line += text.iter().filter(|&&b| b == b'\n').count() as u64;
        if end.is_some() {
            self.state = State::Quote;
        }
        text.len() + usize::from(end.is_some())
    }

    fn after_quote(&mut self, next: u8) -> (usize, bool) {
        if next == b'"' {
            self.cells.push(b'"');
            self.state = State::Quoted;
            return (1, false);
        }
        if next == self.delimiter || matches!(next, b'\n' | b'\r') {
            return (1, self.end_cell(next));
        }
        self.is_stray = true;
        self.state = State::Bare;
        (0, false)
    }

    /// Ends a cell at a delimiter or line end; tells whether the record ends with it.
    fn end_cell(&mut self, stop: u8) -> bool {
        self.push_cell();
        self.next_line += u64::from(stop == b'\n');
        let is_whole = stop != self.delimiter;
        self.state = if is_whole { State::Record } else { State::Cell };
        is_whole
    }

    fn push_cell(&mut self) {
        if self.ends.len() < MAX_COLUMNS {
            self.ends.push(self.cells.len());
        }
        self.cells_len += 1;
    }
}

impl Drop for Splitter {
    fn drop(&mut self) {
        self.cells.zeroize();
    }
}

/// The rows behind the header as record batches of chosen columns.
pub(super) struct CsvBatches<R> {
    records: RecordReader<R>,
    schema: SchemaRef,
    /// Place of each of the schema's columns in the file.
    columns: Vec<usize>,
    /// Columns in the file.
    width: usize,
    builders: Vec<StringBuilder>,
    rows: u64,
    is_done: bool,
}

impl<R: BufRead> CsvBatches<R> {
    /// Continues behind the header, which `records` has read.
    pub(super) fn new(
        records: RecordReader<R>,
        schema: SchemaRef,
        columns: Vec<usize>,
        width: usize,
    ) -> Self {
        let builders = columns.iter().map(|_| StringBuilder::new()).collect();
        Self { records, schema, columns, width, builders, rows: 0, is_done: false }
    }

    fn read_batch(&mut self) -> Result<Option<RecordBatch>, DataError> {
        let max_rows = batch_rows(self.width);
        let (mut rows, mut bytes) = (0, 0);
        while rows < max_rows && bytes < BATCH_BYTES && self.records.read()? {
            bytes += self.append_row()?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        Ok(Some(batch.expect("the builders follow the schema")))
    }

    fn append_row(&mut self) -> Result<usize, DataError> {
        self.rows += 1;
        if self.records.cells_len() != self.width {
            return Err(self.ragged());
        }
        let mut bytes = 0;
        for (builder, &column) in self.builders.iter_mut().zip(&self.columns) {
            let cell = self.records.cell(column)?;
            builder.append_value(cell);
            bytes += cell.len();
        }
        Ok(bytes)
    }

    fn ragged(&self) -> DataError {
        DataError::Ragged {
            path: self.records.path.to_path_buf(),
            row: self.rows,
            line: self.records.line(),
            found: self.records.cells_len(),
            expected: self.width,
        }
    }
}

/// Rows of a batch: fewer in a wide table, so that the offsets alone do not fill the memory.
fn batch_rows(width: usize) -> usize {
    ((1 << 20) / width.max(1)).clamp(64, BATCH_ROWS)
}

impl<R: BufRead> Iterator for CsvBatches<R> {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let batch = self.read_batch().transpose();
        self.is_done = !matches!(batch, Some(Ok(_)));
        batch
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    fn reader(bytes: &[u8], chunk: usize) -> RecordReader<BufReader<&[u8]>> {
        let input = BufReader::with_capacity(chunk, bytes);
        RecordReader::new(input, b',', TextEncoding::Utf8, Path::new("t.csv").into()).unwrap()
    }

    fn records(bytes: &[u8], chunk: usize) -> Result<Vec<Vec<String>>, DataError> {
        let mut reader = reader(bytes, chunk);
        let mut all = Vec::new();
        while reader.read()? {
            all.push((0..reader.cells_len()).map(|i| reader.cell(i).unwrap().to_owned()).collect());
        }
        Ok(all)
    }

    #[test]
    fn quoting_follows_the_rfc() {
        let text = b"a,\"b,\"\"c\"\"\nd\",\r\n\r\n007, x ,\"\"\rp\"q,\"r\",\"\"\"\"";
        let expected = [["a", "b,\"c\"\nd", ""], ["007", " x ", ""], ["p\"q", "r", "\""]];
        for chunk in [4, 5, 7, 100] {
            assert_eq!(records(text, chunk).unwrap(), expected, "{chunk}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(records(b"\xef\xbb\xbf\"a\"\n\xef\xbb\xbfb", 64).unwrap(), [["a"], ["\u{feff}b"]]);
    }

    #[test]
    fn lines_are_counted_through_quotes_and_blanks() {
        let mut reader = reader(b"a\n\n\"x\ny\"\r\nb\n", 4);
        let mut lines = Vec::new();
        while reader.read().unwrap() {
            lines.push(reader.line());
        }
        assert_eq!(lines, [1, 3, 5]);
    }

    #[test]
    fn broken_text_names_the_line() {
        let bad = |text: &[u8]| records(text, 64).unwrap_err();
        let at = |line| DataError::BadText { path: "t.csv".into(), line, encoding: TextEncoding::Utf8 };
        assert_eq!(bad(b"a,b\nc,\xff\n"), at(2));
        let mut split = reader(b"\xe5\xbc,\xa0\n", 64);
        assert!(split.read().unwrap(), "valid as a whole");
        assert_eq!(split.cell(0).unwrap_err(), at(1));
        let stray = DataError::StrayText { path: "t.csv".into(), line: 2 };
        assert_eq!(bad(b"a,b\n\"10\"2,3\n"), stray);
        assert_eq!(bad(b"a,b\n1,\"q\"tail"), stray);
        assert_eq!(bad(b"a\n\"b\n"), DataError::UnclosedQuote { path: "t.csv".into(), line: 2 });
    }

    #[test]
    fn endless_rows_are_refused() {
        let endless: [(&[u8], &[u8]); 3] = [(b"a\n\"", b"x"), (b"a\n", b","), (b"a\n", b"y")];
        for (start, repeated) in endless {
            let text = [start, &repeated.repeat(MAX_ROW_BYTES + (1 << 17))].concat();
            let error = records(&text, 1 << 16).unwrap_err();
            assert_eq!(error, DataError::RowTooLong { path: "t.csv".into(), line: 2, max: MAX_ROW_BYTES });
        }
        assert_eq!(records(&b"\n".repeat(MAX_ROW_BYTES * 2), 1 << 16), Ok(vec![]));
    }

    fn batches<'a>(text: &'a [u8], width: usize, columns: &[usize]) -> CsvBatches<BufReader<&'a [u8]>> {
        let fields = columns.iter().map(|i| Field::new(format!("c{i}"), DataType::Utf8, false));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        CsvBatches::new(reader(text, 64), schema, columns.to_vec(), width)
    }

    #[test]
    fn columns_are_chosen_and_rows_counted() {
        let text: String = (0..10_000).map(|i| format!("{i:05},x,{i}\n")).collect();
        let all: Vec<_> = batches(text.as_bytes(), 3, &[2, 0]).map(Result::unwrap).collect();
        assert_eq!(all.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [8192, 1808]);
        assert_eq!(all[1].column(0).as_string::<i32>().value(1), "8193");
        assert_eq!(all[1].column(1).as_string::<i32>().value(1), "08193");
    }

    #[test]
    fn ragged_rows_end_the_table() {
        let mut all = batches(b"a,b\n\"x\ny\",c\nd\n", 2, &[0]);
        let expected = DataError::Ragged { path: "t.csv".into(), row: 3, line: 4, found: 1, expected: 2 };
        assert_eq!(all.next().unwrap().unwrap_err(), expected);
        assert!(all.next().is_none());
        let long = batches(&b",".repeat(MAX_COLUMNS + 10), 2, &[0]).next().unwrap().unwrap_err();
        assert!(matches!(long, DataError::Ragged { found, .. } if found == MAX_COLUMNS + 11));
    }

    #[test]
    fn wide_and_heavy_tables_come_in_smaller_batches() {
        assert_eq!((batch_rows(1), batch_rows(1 << 14)), (BATCH_ROWS, 64));
        let text = format!("{}\n", "x".repeat(1 << 20)).repeat(20);
        let rows: Vec<_> = batches(text.as_bytes(), 1, &[0]).map(|b| b.unwrap().num_rows()).collect();
        assert_eq!(rows, [8, 8, 4]);
    }

    proptest! {
        /// arrow-csv is the oracle for tables of the right width.
        #[test]
        fn agrees_with_arrow_csv(text in "([a0,\"\n\r ]|é){0,60}", chunk in 4..20usize) {
            let Ok(mine) = records(text.as_bytes(), chunk) else { return Ok(()) };
            let width = mine.first().map_or(1, Vec::len);
            let fields = (0..width).map(|i| Field::new(i.to_string(), DataType::Utf8, true));
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let oracle = arrow::csv::ReaderBuilder::new(schema).build(text.as_bytes()).unwrap();
            match oracle.collect::<Result<Vec<_>, _>>() {
                Err(_) => prop_assert!(mine.iter().any(|r| r.len() != width)),
                Ok(batches) => {
                    let rows: Vec<Vec<String>> = batches.iter().flat_map(|b| (0..b.num_rows()).map(|r| {
                        b.columns().iter().map(|c| c.as_string::<i32>()).map(|c| {
                            if c.is_null(r) { String::new() } else { c.value(r).to_owned() }
                        }).collect()
                    })).collect();
                    prop_assert_eq!(mine, rows);
                },
            }
        }

        #[test]
        fn any_bytes_end_in_records_or_an_error(bytes in any::<Vec<u8>>(), chunk in 4..20usize) {
            let _ = records(&bytes, chunk);
        }
    }
}
