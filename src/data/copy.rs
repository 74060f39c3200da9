//! The second pass over a table: chosen rows and columns are copied to a sink, in the order of the rows.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cells::LeftOut;
use super::error::DataError;
use super::keys::{KeyedTable, RejectedRow};
use super::records::PlainRecords;
use super::sink::{SinkOptions, TableSink};
use super::source::{TableSource, TakeBatch};

/// What of a table is copied, and how it is written.
pub struct CopyPlan<'a> {
    /// The columns by name, in the order wanted; all of them when `None`.
    pub columns: Option<&'a [String]>,
    /// Rows that the first pass counted.
    pub rows: u64,
    /// Tells whether to copy a row, counted from 0.
    pub keep: &'a dyn Fn(u64) -> bool,
    /// How the copy is written.
    pub sink: SinkOptions,
}

impl std::fmt::Debug for CopyPlan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyPlan").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Copies chosen rows and columns to `path`; returns the number of rows copied.
///
/// `progress` is told the number of rows read so far; `cancel` is asked once a batch. No file is left
/// at `path` when the copy fails or is cancelled; a pipe or device has received what was written so far.
///
/// # Errors
/// A column does not exist; the table cannot be read or is not what it was in the first pass; the sink
/// cannot be made or written; the caller cancelled. See [`DataError`].
pub fn copy_rows(
    source: &TableSource,
    path: &Path,
    plan: &CopyPlan<'_>,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<u64, DataError> {
    let columns = source.select(plan.columns)?;
    let schema = Arc::new(source.schema().project(&columns).expect("columns are of this table"));
    let mut sink = TableSink::create(path, &schema, plan.sink)?;
    let mut copied = 0;
    let mut pass = Pass { source, rows: plan.rows, progress, cancel };
    pass.run(&columns, &mut |first, batch| {
        let chosen = choose(batch, first, plan.keep);
        copied += chosen.num_rows() as u64;
        if chosen.num_rows() == 0 { Ok(()) } else { sink.write(&chosen) }
    })?;
    sink.finish()?;
    Ok(copied)
}

/// Writes the rows without a key to `path`; returns their number.
///
/// Before the table's own columns stand `reject_row` (counted from 1 behind the header), `reject_column`
/// and `reject_reason`; a `_` is added to each while the table has a column of that name.
///
/// # Errors
/// As [`copy_rows`].
pub fn write_rejects(
    source: &TableSource,
    keyed: &KeyedTable,
    path: &Path,
    options: SinkOptions,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<u64, DataError> {
    let pass = Pass { source, rows: keyed.rows.row_count(), progress, cancel };
    write_left_out(pass, &keyed.columns, &keyed.rejected, path, options)
}

/// As [`write_rejects`], of a table whose rows have no key.
///
/// # Errors
/// As [`write_rejects`].
pub fn write_plain_rejects(
    source: &TableSource,
    records: &PlainRecords,
    path: &Path,
    options: SinkOptions,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<u64, DataError> {
    let pass = Pass { source, rows: records.summary.rows, progress, cancel };
    write_left_out(pass, &records.names, &records.rejected, path, options)
}

/// As [`write_rejects`], of a table whose rows name cells.
///
/// # Errors
/// As [`write_rejects`].
pub fn write_cell_rejects(
    source: &TableSource,
    left_out: &LeftOut,
    path: &Path,
    options: SinkOptions,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<u64, DataError> {
    let pass = Pass { source, rows: left_out.rows, progress, cancel };
    write_left_out(pass, &left_out.columns, &left_out.rejected, path, options)
}

/// Writes the rows that were left out; `names` are the columns by which their reasons are counted.
fn write_left_out(
    mut pass: Pass<'_>,
    names: &[String],
    rejected: &[RejectedRow],
    path: &Path,
    options: SinkOptions,
) -> Result<u64, DataError> {
    let schema = reject_schema(pass.source);
    let mut sink = TableSink::create(path, &schema, options)?;
    let mut rest = rejected;
    pass.run(&pass.source.select(None)?, &mut |first, batch| {
        let end = first + batch.num_rows() as u64;
        let (rejects, later) = rest.split_at(rest.partition_point(|reject| reject.row < end));
        rest = later;
        if rejects.is_empty() {
            return Ok(());
        }
        let is_left_out = |row| rejects.binary_search_by_key(&row, |reject| reject.row).is_ok();
        let chosen = choose(batch, first, &is_left_out);
        sink.write(&with_reasons(&schema, rejects, names, &chosen))
    })?;
    sink.finish()?;
    Ok(rejected.len() as u64)
}

/// One pass over a table that must be what it was before.
struct Pass<'a> {
    source: &'a TableSource,
    rows: u64,
    progress: &'a mut dyn FnMut(u64),
    cancel: &'a dyn Fn() -> bool,
}

impl Pass<'_> {
    /// Hands over each batch with the number of its first row.
    fn run(&mut self, columns: &[usize], take: &mut TakeBatch<'_>) -> Result<(), DataError> {
        let rows = self.source.scan(columns, self.progress, self.cancel, take)?;
        if rows == self.rows { Ok(()) } else { Err(self.source.changed()) }
    }
}

fn choose(batch: &RecordBatch, first: u64, keep: &dyn Fn(u64) -> bool) -> RecordBatch {
    let rows = first..first + batch.num_rows() as u64;
    let mask = BooleanArray::from(rows.map(keep).collect::<Vec<_>>());
    filter_record_batch(batch, &mask).expect("the mask is as long as the batch")
}

fn reject_schema(source: &TableSource) -> SchemaRef {
    let table = source.schema();
    let free = |name: &str| {
        let mut name = name.to_owned();
        while table.index_of(&name).is_ok() {
            name.push('_');
        }
        name
    };
    let mut fields = vec![
        Arc::new(Field::new(free("reject_row"), DataType::UInt64, false)),
        Arc::new(Field::new(free("reject_column"), DataType::Utf8, false)),
        Arc::new(Field::new(free("reject_reason"), DataType::Utf8, false)),
    ];
    fields.extend(table.fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

fn with_reasons(
    schema: &SchemaRef,
    rejects: &[RejectedRow],
    columns: &[String],
    rows: &RecordBatch,
) -> RecordBatch {
    let name = |column: u16| columns.get(usize::from(column)).map(String::as_str).unwrap_or_default();
    let numbers = UInt64Array::from_iter_values(rejects.iter().map(|reject| reject.row + 1));
    let names = StringArray::from_iter_values(rejects.iter().map(|reject| name(reject.column)));
    let reasons = StringArray::from_iter_values(rejects.iter().map(|reject| reject.reason.name()));
    let mut cells: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(names), Arc::new(reasons)];
    cells.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(schema.clone(), cells).expect("the columns follow the schema")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::data::normalize::Rule;
    use crate::data::{KeyColumn, TextEncoding, read_keys};

    struct Case {
        directory: tempfile::TempDir,
        source: TableSource,
    }

    impl Case {
        fn new(name: &str, text: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            Self { source: TableSource::open(&path, TextEncoding::Utf8).unwrap(), directory }
        }

        fn out(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn copy(
            &self,
            out: &str,
            rows: u64,
            columns: Option<&[String]>,
            keep: &dyn Fn(u64) -> bool,
        ) -> Result<u64, DataError> {
            let plan = CopyPlan { columns, rows, keep, sink: SinkOptions::default() };
            copy_rows(&self.source, &self.out(out), &plan, &mut |_| {}, &|| false)
        }

        fn keyed(&self, rules: &[Rule]) -> KeyedTable {
            let columns = [KeyColumn { name: "id".into(), rules: rules.to_vec() }];
            read_keys(&self.source, &columns, &mut |_| {}, &|| false).unwrap()
        }
    }

    #[test]
    fn chosen_rows_and_columns_keep_their_order_and_text() {
        let case = Case::new("t.csv", "id,a,b\n1,007,\n2,x,\"y,z\"\n3,u,v\n");
        let columns = ["b".to_owned(), "id".to_owned()];
        assert_eq!(case.copy("o.csv", 3, Some(&columns), &|row| row != 2), Ok(2));
        assert_eq!(std::fs::read_to_string(case.out("o.csv")).unwrap(), "b,id\n,1\n\"y,z\",2\n");
        assert_eq!(case.copy("none.csv", 3, None, &|_| false), Ok(0));
        assert_eq!(std::fs::read_to_string(case.out("none.csv")).unwrap(), "id,a,b\n");
    }

    #[test]
    fn whole_tables_come_back_byte_for_byte() {
        let text: String = (0..20_000).map(|i| format!("{i:06},\"a,{i}\", ,\n")).collect();
        let text = format!("id,q,s,e\n{text}");
        let case = Case::new("t.csv", &text);
        assert_eq!(case.copy("o.csv", 20_000, None, &|_| true), Ok(20_000));
        assert_eq!(std::fs::read_to_string(case.out("o.csv")).unwrap(), text);
    }

    #[test]
    fn parquet_and_csv_convert() {
        let case = Case::new("t.csv", "id,a\n007,\n8,x\n");
        case.copy("o.parquet", 2, None, &|_| true).unwrap();
        let source = TableSource::open(&case.out("o.parquet"), TextEncoding::Utf8).unwrap();
        let plan = CopyPlan { columns: None, rows: 2, keep: &|_| true, sink: SinkOptions::default() };
        copy_rows(&source, &case.out("back.csv"), &plan, &mut |_| {}, &|| false).unwrap();
        assert_eq!(std::fs::read_to_string(case.out("back.csv")).unwrap(), "id,a\n007,\n8,x\n");
    }

    #[test]
    fn a_failed_copy_leaves_nothing() {
        let case = Case::new("t.csv", "id,a\n1,2\n3\n");
        assert!(matches!(case.copy("o.csv", 2, None, &|_| true), Err(DataError::Ragged { row: 2, .. })));
        let case = Case::new("t.csv", "id\n1\n");
        assert!(matches!(case.copy("o.csv", 2, None, &|_| true), Err(DataError::Changed { .. })));
        let cancelled = copy_rows(
            &case.source,
            &case.out("o.csv"),
            &CopyPlan { columns: None, rows: 1, keep: &|_| true, sink: SinkOptions::default() },
            &mut |_| {},
            &|| true,
        );
        assert_eq!(cancelled, Err(DataError::Cancelled));
        assert_eq!(std::fs::read_dir(case.directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_changes_is_blamed_before_its_text() {
        let case = Case::new("t.csv", "id,a\n1,2\n");
        std::fs::write(case.out("t.csv"), "id,a\n1,2\n3\n").unwrap();
        assert!(matches!(case.copy("o.csv", 1, None, &|_| true), Err(DataError::Changed { .. })));
    }

    #[test]
    fn rejects_have_their_reasons() {
        let good = "11010519491231002X\n".repeat(8200);
        let case = Case::new("t.csv", &format!("id\nbad\n{good}11010519491231002Y\n110105194912310021\n"));
        let keyed = case.keyed(&[Rule::ResidentId]);
        let out = case.out("r.csv");
        let written =
            write_rejects(&case.source, &keyed, &out, SinkOptions::default(), &mut |_| {}, &|| false);
        assert_eq!(written, Ok(3));
        let expected = "reject_row,reject_column,reject_reason,id\n1,id,not-a-resident-id,bad\n\
            8202,id,not-a-resident-id,11010519491231002Y\n8203,id,bad-check-digit,110105194912310021\n";
        assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);
    }

    #[test]
    fn rejects_of_rejects_have_other_names() {
        let case = Case::new("t.csv", "reject_row,reject_row_,id\n5,6,x\n");
        let names: Vec<_> = reject_schema(&case.source).fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names[..3], ["reject_row__", "reject_column", "reject_reason"]);
        let keyed = case.keyed(&[]);
        let out = case.out("r.csv");
        write_rejects(&case.source, &keyed, &out, SinkOptions::default(), &mut |_| {}, &|| false).unwrap();
        assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 1);
    }
}
