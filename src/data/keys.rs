//! The first pass over a table: from rows to the item set that enters a protocol.
//!
//! A key is composed of one or more columns. Its item, which both parties must build the same, is for each
//! column in the order of the agreement: the length of the normalized cell in bytes as u32, little endian,
//! then the normalized cell in UTF-8. So (`ab`, `c`) and (`a`, `bc`) differ. Cells of Parquet columns that
//! are no text are first written as text: integers in decimal, dates as YYYY-MM-DD.
//!
//! Rows with equal keys share an item; rows with a cell that cannot be normalized have none and are listed
//! with the column and the reason. Buffers of this module that held key text are wiped at the end, though not
//! the smaller ones that they outgrew; those of the arrow
//! and parquet crates are freed as they are.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use tidegate_mpc::{Insertion, ItemSet, ItemSetBuilder, MAX_ITEM_BYTES};
use zeroize::Zeroize;

use super::error::DataError;
use super::normalize::{Normalizer, RejectReason, Rule, Scratch};
use super::pass::{Companion, KeysAlone, Reject, RowsBefore, read_with};
use super::source::TableSource;

/// Most rows of a table with keys.
pub const MAX_ROWS: u64 = (1 << 32) - 2;

/// Mark of a rejected row in a [`RowMap`].
const REJECTED: u32 = u32::MAX;

/// One column of a composite key and how its cells are normalized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyColumn {
    /// The column's name in this party's table.
    pub name: String,
    /// The rules, in the order of application; none keeps the exact text.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// What the first pass over a table leaves: the items, and which row has which.
#[derive(Debug)]
pub struct KeyedTable {
    /// The distinct keys.
    pub items: ItemSet,
    /// The item of every row.
    pub rows: RowMap,
    /// The names of the columns read: those of the key in its order, then those of values, where any are read.
    pub columns: Vec<String>,
    /// The rows without an item, in order.
    pub rejected: Vec<RejectedRow>,
    /// What is reported about all of it.
    pub summary: KeySummary,
}

/// The item of every row of a table; four bytes a row.
#[derive(Clone, PartialEq, Eq)]
pub struct RowMap(Vec<u32>);

impl RowMap {
    /// Counts the rows.
    pub fn row_count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Returns the index of the item of `row`, counted from 0; `None` when the row was rejected.
    pub fn item_of(&self, row: u64) -> Option<u32> {
        let item = self.0.get(usize::try_from(row).ok()?).copied();
        item.filter(|&item| item != REJECTED)
    }

    /// Returns the first row with the item, counted from 0.
    pub(super) fn first_row_of(&self, item: u32) -> Option<u64> {
        first_row_of(&self.0, item)
    }
}

impl fmt::Debug for RowMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowMap").field("row_count", &self.row_count()).finish_non_exhaustive()
    }
}

/// A row that has no item: it has no key, or a cell is empty where rows with empty cells are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The row, counted from 0.
    pub row: u64,
    /// The first column that failed, counted from 0 in the order of [`KeyedTable::columns`].
    pub column: u16,
    /// Why it failed.
    pub reason: RejectReason,
}

/// What is reported about the keys of a table; counts alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    /// Rows of the table.
    pub rows: u64,
    /// Rows with an item.
    pub keyed_rows: u64,
    /// Distinct keys.
    pub distinct_keys: u64,
    /// Rows whose key an earlier row has.
    pub duplicate_rows: u64,
    /// Rows without an item, by column and reason.
    pub rejected: Vec<RejectCount>,
}

/// How many rows were rejected for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectCount {
    /// The first column that failed.
    pub column: String,
    /// Why it failed.
    pub reason: RejectReason,
    /// Rows to which it happened.
    pub rows: u64,
}

/// Reads the key columns of a table and normalizes them, on the threads of the current rayon pool.
///
/// `progress` is told the number of rows so far; `cancel` is asked once a batch.
///
/// # Errors
/// A column does not exist or cannot serve as a key; the file cannot be read, is broken or changes
/// meanwhile; there are too many rows; the caller cancelled. See [`DataError`].
pub fn read_keys(
    source: &TableSource,
    columns: &[KeyColumn],
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<KeyedTable, DataError> {
    read_with(source, columns, &mut KeysAlone, progress, cancel)
}

/// Where the key columns stand and how each is normalized.
pub(super) struct KeyPlan {
    pub(super) places: Vec<usize>,
    pub(super) normalizers: Vec<Normalizer>,
}

impl KeyPlan {
    pub(super) fn new(source: &TableSource, columns: &[KeyColumn]) -> Result<Self, DataError> {
        if columns.is_empty() {
            return Err(DataError::NoKeyColumn);
        }
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let places = source.select(Some(&names))?;
        let schema = source.schema();
        for field in places.iter().filter_map(|&place| schema.fields().get(place)) {
            if !is_key_type(field.data_type()) {
                let found = field.data_type().to_string();
                return Err(DataError::KeyType { name: field.name().clone(), found });
            }
        }
        let normalizers = columns.iter().map(|column| Normalizer::new(&column.rules)).collect();
        Ok(Self { places, normalizers })
    }

    pub(super) fn cells(&self, batch: &RecordBatch) -> Option<Vec<TextCells>> {
        batch.columns().iter().take(self.places.len()).map(TextCells::new).collect()
    }
}

/// Types of which every value has one text.
fn is_key_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Date32 => true,
        DataType::Dictionary(_, values) => is_key_type(values),
        other => other.is_integer(),
    }
}

/// One column of a batch as text.
pub(super) enum TextCells {
    Short(StringArray),
    Long(LargeStringArray),
    View(StringViewArray),
}

impl TextCells {
    /// Takes text as it is and writes anything else as text.
    pub(super) fn new(array: &ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => Self::Short(array.as_string().clone()),
            DataType::Utf8View => Self::View(array.as_string_view().clone()),
            _ => Self::Long(cast(array, &DataType::LargeUtf8).ok()?.as_string().clone()),
        })
    }

    /// Returns a cell; `None` for null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Short(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Long(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// The items of some rows one behind the other; wiped on drop.
#[derive(Default)]
pub(super) struct KeyChunk {
    bytes: Vec<u8>,
    /// For each row, where its item ends or why it has none.
    rows: Vec<Result<usize, Reject>>,
    scratch: Scratch,
}

impl KeyChunk {
    /// Takes rows, and lets `read` take the same of those that have a key.
    pub(super) fn fill(
        &mut self,
        normalizers: &[Normalizer],
        cells: &[TextCells],
        rows: std::ops::Range<usize>,
        mut read: impl FnMut(usize) -> Result<(), Reject>,
    ) {
        self.bytes.clear();
        self.rows.clear();
        let later = |(column, reason): Reject| (column.saturating_add(width(normalizers)), reason);
        for row in rows {
            let start = self.bytes.len();
            let item = self.append(normalizers, cells, row).and_then(|()| read(row).map_err(later));
            if item.is_err() {
                self.bytes.truncate(start);
            }
            self.rows.push(item.map(|()| self.bytes.len()));
        }
    }

    fn append(&mut self, rules: &[Normalizer], cells: &[TextCells], row: usize) -> Result<(), Reject> {
        let start = self.bytes.len();
        for (column, (rules, cells)) in (0..).zip(rules.iter().zip(cells)) {
            let cell = cells.get(row).ok_or((column, RejectReason::Null))?;
            let text = rules.normalize(cell, &mut self.scratch).map_err(|reason| (column, reason))?;
            let text_bytes = u32::try_from(text.len()).map_err(|_| (column, RejectReason::TooLong))?;
            self.bytes.extend_from_slice(&text_bytes.to_le_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
            if self.bytes.len() - start > MAX_ITEM_BYTES {
                return Err((column, RejectReason::TooLong));
            }
        }
        Ok(())
    }
}

/// Counts the columns of the key, of which a table has at most 2^14.
fn width(normalizers: &[Normalizer]) -> u16 {
    u16::try_from(normalizers.len()).unwrap_or(u16::MAX)
}

impl Drop for KeyChunk {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Collects the chunks in the order of the rows.
#[derive(Default)]
pub(super) struct KeyBuilder {
    items: ItemSetBuilder,
    rows: Vec<u32>,
    rejected: Vec<RejectedRow>,
}

impl KeyBuilder {
    fn row_count(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn take<C: Companion>(
        &mut self,
        chunks: &mut [(KeyChunk, C::Chunk)],
        companion: &mut C,
        source: &TableSource,
    ) -> Result<(), DataError> {
        for (chunk, taken) in chunks {
            if self.row_count() + chunk.rows.len() as u64 > MAX_ROWS {
                return Err(DataError::TooManyRows { path: source.path().to_owned(), max: MAX_ROWS });
            }
            self.take_chunk(chunk, |item, before| companion.keep(taken, item, before))?;
        }
        Ok(())
    }

    fn take_chunk(
        &mut self,
        chunk: &KeyChunk,
        mut keep: impl FnMut(Insertion, RowsBefore<'_>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut start = 0;
        for &row in &chunk.rows {
            let item = match row {
                Ok(end) => {
                    let item = chunk.bytes.get(start..end).unwrap_or_default();
                    start = end;
                    let insertion = self.items.insert(item).map_err(DataError::Keys)?;
                    keep(insertion, RowsBefore { len: self.row_count(), items: &self.rows })?;
                    insertion.index
                }
                Err((column, reason)) => {
                    self.rejected.push(RejectedRow { row: self.row_count(), column, reason });
                    REJECTED
                }
            };
            self.rows.push(item);
        }
        Ok(())
    }

    pub(super) fn finish(mut self, columns: Vec<String>) -> KeyedTable {
        self.rows.shrink_to_fit();
        let items = self.items.finish();
        let rows = self.rows.len() as u64;
        let keyed_rows = rows - self.rejected.len() as u64;
        let distinct_keys = items.len() as u64;
        let rejected = count_rejects(&self.rejected, &columns);
        let duplicate_rows = keyed_rows - distinct_keys;
        let summary = KeySummary { rows, keyed_rows, distinct_keys, duplicate_rows, rejected };
        KeyedTable { items, rows: RowMap(self.rows), columns, rejected: self.rejected, summary }
    }
}

/// Finds the first row with the item.
pub(super) fn first_row_of(rows: &[u32], item: u32) -> Option<u64> {
    rows.iter().position(|&other| other == item).map(|row| row as u64)
}

pub(super) fn count_rejects(rejected: &[RejectedRow], columns: &[String]) -> Vec<RejectCount> {
    let mut counts = BTreeMap::new();
    for reject in rejected {
        *counts.entry((reject.column, reject.reason)).or_insert(0u64) += 1;
    }
    let name = |column: u16| columns.get(usize::from(column)).cloned().unwrap_or_default();
    let rows = counts.into_iter();
    rows.map(|((column, reason), rows)| RejectCount { column: name(column), reason, rows }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array, UInt64Array,
    };
    use arrow::datatypes::Int8Type;
    use proptest::prelude::*;

    use super::*;
    use crate::data::testing::{csv, parquet};

    fn key(name: &str, rules: &[Rule]) -> KeyColumn {
        KeyColumn { name: name.into(), rules: rules.to_vec() }
    }

    fn keys(source: &TableSource, columns: &[KeyColumn]) -> Result<KeyedTable, DataError> {
        read_keys(source, columns, &mut |_| {}, &|| false)
    }

    fn item(cells: &[&str]) -> Vec<u8> {
        let parts =
            cells.iter().flat_map(|c| [u32::try_from(c.len()).unwrap().to_le_bytes().to_vec(), (*c).into()]);
        parts.flatten().collect()
    }

    fn items(table: &KeyedTable) -> Vec<Vec<u8>> {
        (0..table.items.len()).map(|i| table.items.get(i).unwrap().to_vec()).collect()
    }

    #[test]
    fn composite_keys_are_built_in_the_order_named() {
        let source =
            csv("name,x,id\n张三,1, 11010519491231002x\n李 四,2,bad\n张三,3,11010519491231002X\n,4,1\n");
        let plan = [key("id", &[Rule::ResidentId]), key("name", &[Rule::Trim])];
        let table = keys(&source, &plan).unwrap();
        assert_eq!(items(&table), [item(&["11010519491231002X", "张三"])]);
        let rows: Vec<_> = (0..5).map(|row| table.rows.item_of(row)).collect();
        assert_eq!(rows, [Some(0), None, Some(0), None, None]);
        let reason = RejectReason::NotAResidentId;
        assert_eq!(
            table.rejected.iter().map(|r| (r.row, r.column, r.reason)).collect::<Vec<_>>(),
            [(1, 0, reason), (3, 0, reason)]
        );
        let rejected = vec![RejectCount { column: "id".into(), reason, rows: 2 }];
        let expected = KeySummary { rows: 4, keyed_rows: 2, distinct_keys: 1, duplicate_rows: 1, rejected };
        assert_eq!(table.summary, expected);
    }

    #[test]
    fn cell_borders_count() {
        let table = keys(&csv("a,b\nab,c\na,bc\n"), &[key("a", &[]), key("b", &[])]).unwrap();
        assert_eq!(items(&table), [item(&["ab", "c"]), item(&["a", "bc"])]);
    }

    #[test]
    fn long_composite_keys_are_rejected() {
        let source = csv(&format!("a,b\n{0},{0}\n{0},x\n", "y".repeat(MAX_ITEM_BYTES - 9)));
        let table = keys(&source, &[key("a", &[]), key("b", &[])]).unwrap();
        assert_eq!(table.rejected, [RejectedRow { row: 0, column: 1, reason: RejectReason::TooLong }]);
        assert_eq!(table.rows.item_of(1), Some(0));
    }

    #[test]
    fn parquet_types_become_text() {
        let text = |values: [&str; 2]| StringArray::from(values.to_vec());
        let dictionary: DictionaryArray<Int8Type> = ["p", "q"].into_iter().collect();
        let columns: [(ArrayRef, [&str; 2]); 7] = [
            (Arc::new(text(["a", "b"])), ["a", "b"]),
            (
                Arc::new(StringViewArray::from(vec!["longer than twelve bytes", "b"])),
                ["longer than twelve bytes", "b"],
            ),
            (Arc::new(LargeStringArray::from(vec!["a", "b"])), ["a", "b"]),
            (Arc::new(dictionary), ["p", "q"]),
            (Arc::new(Int32Array::from(vec![-7, 42])), ["-7", "42"]),
            (Arc::new(UInt64Array::from(vec![0, u64::MAX])), ["0", "18446744073709551615"]),
            (Arc::new(Date32Array::from(vec![0, 19_782])), ["1970-01-01", "2024-02-29"]),
        ];
        for (array, expected) in columns {
            let table = keys(&parquet(vec![("k", array)]), &[key("k", &[])]).unwrap();
            assert_eq!(items(&table), expected.map(|cell| item(&[cell])));
        }
    }

    #[test]
    fn nulls_are_rejected_and_other_types_refused() {
        let batch = parquet(vec![("k", Arc::new(Int32Array::from(vec![None, Some(1)])) as ArrayRef)]);
        let table = keys(&batch, &[key("k", &[])]).unwrap();
        assert_eq!(table.rejected, [RejectedRow { row: 0, column: 0, reason: RejectReason::Null }]);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        let decimals: ArrayRef = Arc::new(Decimal128Array::from(vec![1]));
        for array in [floats, decimals] {
            let error = keys(&parquet(vec![("k", array)]), &[key("k", &[])]).unwrap_err();
            assert!(matches!(error, DataError::KeyType { .. }) && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn columns_must_exist_once() {
        let source = csv("a,b\n1,2\n");
        assert_eq!(keys(&source, &[]).unwrap_err(), DataError::NoKeyColumn);
        assert!(matches!(keys(&source, &[key("c", &[])]), Err(DataError::NoColumn { .. })));
        let twice = keys(&source, &[key("a", &[]), key("a", &[])]);
        assert!(matches!(twice, Err(DataError::RepeatedColumn { .. })));
    }

    #[test]
    fn progress_and_cancel_work_by_the_batch() {
        let source = csv(&format!("a\n{}", "x\n".repeat(20_000)));
        let mut seen = Vec::new();
        read_keys(&source, &[key("a", &[])], &mut |rows| seen.push(rows), &|| false).unwrap();
        assert_eq!(seen, [8192, 16384, 20_000]);
        let cancelled = read_keys(&source, &[key("a", &[])], &mut |_| {}, &|| true);
        assert_eq!(cancelled.unwrap_err(), DataError::Cancelled);
    }

    #[test]
    fn no_key_is_printed() {
        let table = keys(&csv("a\nsecret-value\n"), &[key("a", &[])]).unwrap();
        let needle = format!("{:?}", b"secret-value").replace(['[', ']'], "");
        let text = format!("{table:?}");
        assert!(!text.contains("secret") && !text.contains(&needle), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn rows_find_their_own_key(cells in prop::collection::vec(0..3000u32, 1..20_000)) {
            let text: String = cells.iter().map(|c| format!("{c}\n")).collect();
            let table = keys(&csv(&format!("k\n{text}")), &[key("k", &[])]).unwrap();
            for (row, cell) in (0..).zip(&cells) {
                let index = table.rows.item_of(row).unwrap() as usize;
                prop_assert_eq!(table.items.get(index), Some(&item(&[&cell.to_string()])[..]));
            }
            let distinct: std::collections::HashSet<_> = cells.iter().collect();
            prop_assert_eq!(table.items.len(), distinct.len());
            prop_assert_eq!(table.rows.row_count(), cells.len() as u64);
        }
    }
}
