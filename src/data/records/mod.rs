//! The first pass over a table whose numbers and groups enter a protocol: keys as in [`read_keys`], and beside each
//! distinct key the declared values of its rows.
//!
//! A cell is what its [`ColumnSpec`] declares or the table is refused, with the row and the column and never what
//! stands in the cell. Rows without a key are left out and not looked at further. What equal keys and empty cells
//! mean is said by [`RecordRules`]. Buffers of values are wiped at the end, though not the smaller ones that they
//! outgrew. [`read_plain_records`] takes the values of every row, where rows have no key.
//!
//! [`read_keys`]: super::read_keys

mod cells;
mod fault;
mod plain;
mod rows;

use std::fmt;

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};
use tidegate_mpc::Insertion;
use zeroize::Zeroize;

use super::error::DataError;
use super::keys::{KeyColumn, KeyedTable, first_row_of};
use super::normalize::{Rule, Scratch};
use super::pass::{Companion, Reject, RowsBefore, read_with};
use super::source::TableSource;
use cells::{Cells, Reader, Refused};
pub use fault::CellFault;
pub use plain::{PlainRecords, RecordSummary, read_plain_records};
pub use rows::{read_rows, read_texts};

/// What is declared of a column of values. Numbers are in units of the last digit behind the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnSpec {
    /// Numbers: text, integers, decimals, or floats that stand for one decimal each.
    Number {
        /// The column's name in the table.
        source: String,
        /// Digits behind the point.
        decimals: u8,
        /// The least number allowed.
        min: i64,
        /// The greatest number allowed.
        max: i64,
    },
    /// Categories: text or integers.
    Category {
        /// The column's name in the table.
        source: String,
        /// The categories, at most 2^16, in the form that the rules give.
        categories: Vec<String>,
        /// The rules that are applied to a cell before it is compared.
        rules: Vec<Rule>,
    },
    /// Numbers cut into bins.
    Bins {
        /// The column's name in the table.
        source: String,
        /// Digits behind the point.
        decimals: u8,
        /// The borders, ascending, at most 2^16: a bin begins with one and ends before the next, which the last
        /// bin takes in.
        edges: Vec<i64>,
    },
}

impl ColumnSpec {
    /// Returns the column's name in the table.
    pub fn source(&self) -> &str {
        let (Self::Number { source, .. } | Self::Category { source, .. } | Self::Bins { source, .. }) = self;
        source
    }
}

/// What happens to rows with equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// The table is refused.
    Refuse,
    /// Their numbers are summed up; their groups must be the same.
    Sum,
    /// The first of them stands for all.
    First,
}

/// What happens to rows with an empty cell in a declared column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The table is refused.
    Refuse,
    /// They are left out, listed with the rows without a key.
    Drop,
}

/// How records are made of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRules {
    /// What happens to rows with equal keys.
    pub duplicates: Duplicates,
    /// What happens to rows with an empty cell.
    pub missing: Missing,
}

/// The records of a table: distinct keys, and the values of each.
#[derive(Debug)]
pub struct Records {
    /// The keys, and which row has which. Rows left out for an empty cell are among the rejected ones.
    pub keyed: KeyedTable,
    /// The values in the order of the columns asked for, each as long as the items and in their order.
    pub columns: Vec<ColumnData>,
}

/// The values of one column, one for each item; wiped on drop, and `Debug` prints their number alone.
pub enum ColumnData {
    /// Numbers in units of the last digit behind the point.
    Numbers(Vec<i64>),
    /// Groups, counted from 0 in the order in which they are declared.
    Groups(Vec<u16>),
}

impl ColumnData {
    /// Counts the values.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Groups(groups) => groups.len(),
        }
    }

    /// Tells whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn new(spec: &ColumnSpec) -> Self {
        match spec {
            ColumnSpec::Number { .. } => Self::Numbers(Vec::new()),
            ColumnSpec::Category { .. } | ColumnSpec::Bins { .. } => Self::Groups(Vec::new()),
        }
    }

    fn push(&mut self, value: i64) {
        match self {
            Self::Numbers(numbers) => numbers.push(value),
            Self::Groups(groups) => groups.push(group(value)),
        }
    }

    /// Adds a number to that of an item, or compares a group with it.
    fn add(&mut self, item: u32, value: i64) -> Result<(), Unlike> {
        match self {
            Self::Numbers(numbers) => {
                let sum = numbers.get_mut(item as usize).expect("an item that is not new has a number");
                *sum = sum.checked_add(value).ok_or(Unlike::TooLarge)?;
                Ok(())
            }
            Self::Groups(groups) if groups.get(item as usize) == Some(&group(value)) => Ok(()),
            Self::Groups(_) => Err(Unlike::Group),
        }
    }
}

/// Why two rows with the same key make no record.
enum Unlike {
    Group,
    TooLarge,
}

fn group(value: i64) -> u16 {
    u16::try_from(value).expect("readers count groups in 16 bits")
}

impl Drop for ColumnData {
    fn drop(&mut self) {
        match self {
            Self::Numbers(numbers) => numbers.zeroize(),
            Self::Groups(groups) => groups.zeroize(),
        }
    }
}

impl fmt::Debug for ColumnData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Numbers(_) => "Numbers",
            Self::Groups(_) => "Groups",
        };
        f.debug_struct(name).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Reads keys and declared columns of a table, on the threads of the current rayon pool.
///
/// One column of the table may serve several times, as key, number and bins. `progress` is told the number of rows
/// so far; `cancel` is asked once a batch.
///
/// # Errors
/// Those of [`read_keys`](super::read_keys); a column does not exist or has a type that cannot hold what is
/// declared ([`DataError::ValueType`]); the first row that breaks a declaration or a rule ([`DataError::BadCell`],
/// [`DataError::EqualKeys`], [`DataError::UnlikeGroups`]); a sum that leaves the bounds ([`DataError::BadSum`]).
pub fn read_records(
    source: &TableSource,
    keys: &[KeyColumn],
    columns: &[ColumnSpec],
    rules: RecordRules,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<Records, DataError> {
    let mut values = Values::new(source, columns, rules)?;
    let keyed = read_with(source, keys, &mut values, progress, cancel)?;
    values.check_sums(&keyed)?;
    Ok(Records { keyed, columns: values.data })
}

/// What is taken besides the keys.
struct Values<'a> {
    source: &'a TableSource,
    specs: &'a [ColumnSpec],
    readers: Vec<Reader>,
    rules: RecordRules,
    data: Vec<ColumnData>,
}

/// The values of some rows, row by row; wiped on drop.
#[derive(Default)]
struct ValueChunk {
    values: Vec<i64>,
    /// How many rows were kept already.
    kept: usize,
    /// The first row that cannot be used, its column and the reason; rows behind it are not read.
    fault: Option<(usize, usize, CellFault)>,
    /// How many rows were read.
    rows: usize,
    scratch: Scratch,
}

impl Drop for ValueChunk {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl Companion for Values<'_> {
    type Cells = Vec<Cells>;
    type Chunk = ValueChunk;

    fn columns(&self) -> Vec<String> {
        self.specs.iter().map(|spec| spec.source().to_owned()).collect()
    }

    fn cells(&self, columns: &[&ArrayRef]) -> Option<Vec<Cells>> {
        self.readers.iter().zip(columns).map(|(reader, column)| reader.cells(column)).collect()
    }

    fn clear(&self, chunk: &mut ValueChunk) {
        chunk.values.clear();
        (chunk.kept, chunk.rows, chunk.fault) = (0, 0, None);
    }

    fn read(&self, cells: &Vec<Cells>, row: usize, chunk: &mut ValueChunk) -> Result<(), Reject> {
        if chunk.fault.is_some() {
            return Ok(());
        }
        let start = chunk.values.len();
        for (column, (reader, cells)) in self.readers.iter().zip(cells).enumerate() {
            match reader.read(cells, row, &mut chunk.scratch) {
                Ok(value) => chunk.values.push(value),
                Err(Refused::Missing(reason)) if self.rules.missing == Missing::Drop => {
                    chunk.values.truncate(start);
                    return Err((u16::try_from(column).unwrap_or(u16::MAX), reason));
                }
                Err(refused) => {
                    chunk.fault = Some((chunk.rows, column, reader.fault(refused)));
                    return Ok(());
                }
            }
        }
        chunk.rows += 1;
        Ok(())
    }

    fn keep(
        &mut self,
        chunk: &mut ValueChunk,
        item: Insertion,
        before: RowsBefore<'_>,
    ) -> Result<(), DataError> {
        if let Some((row, column, fault)) = chunk.fault
            && row == chunk.kept
        {
            return Err(self.bad_cell(before, column, fault));
        }
        let start = chunk.kept * self.readers.len();
        chunk.kept += 1;
        let values = chunk.values.iter().skip(start);
        if item.is_new {
            self.data.iter_mut().zip(values).for_each(|(data, value)| data.push(*value));
            return Ok(());
        }
        match self.rules.duplicates {
            Duplicates::First => Ok(()),
            Duplicates::Refuse => Err(self.equal_keys(before, item.index)),
            Duplicates::Sum => self.sum(values.copied(), item.index, before),
        }
    }
}

impl<'a> Values<'a> {
    fn new(source: &'a TableSource, specs: &'a [ColumnSpec], rules: RecordRules) -> Result<Self, DataError> {
        let readers = specs.iter().map(|spec| Reader::new(source, spec)).collect::<Result<_, _>>()?;
        let data = specs.iter().map(ColumnData::new).collect();
        Ok(Self { source, specs, readers, rules, data })
    }

    fn sum(
        &mut self,
        values: impl Iterator<Item = i64>,
        item: u32,
        before: RowsBefore<'_>,
    ) -> Result<(), DataError> {
        let mut columns = self.data.iter_mut().zip(values).enumerate();
        let unlike = columns.find_map(|(column, (data, value))| Some((column, data.add(item, value).err()?)));
        match unlike {
            None => Ok(()),
            Some((column, Unlike::TooLarge)) => Err(self.bad_sum(first_row_of(before.items, item), column)),
            Some((column, Unlike::Group)) => {
                let (first, second) = (number(first_row_of(before.items, item)), before.next());
                let column = self.name(column);
                Err(DataError::UnlikeGroups { path: self.path(), first, second, column })
            }
        }
    }

    /// Checks the bounds when all is summed up, so that they do not depend on the order of the rows.
    fn check_sums(&self, keyed: &KeyedTable) -> Result<(), DataError> {
        for (column, (spec, data)) in self.specs.iter().zip(&self.data).enumerate() {
            let (ColumnSpec::Number { min, max, .. }, ColumnData::Numbers(sums)) = (spec, data) else {
                continue;
            };
            if let Some(outside) = sums.iter().position(|sum| !(min..=max).contains(&sum)) {
                let item = u32::try_from(outside).ok();
                return Err(self.bad_sum(item.and_then(|item| keyed.rows.first_row_of(item)), column));
            }
        }
        Ok(())
    }

    fn equal_keys(&self, before: RowsBefore<'_>, item: u32) -> DataError {
        let (first, second) = (number(first_row_of(before.items, item)), before.next());
        DataError::EqualKeys { path: self.path(), first, second }
    }

    fn bad_cell(&self, before: RowsBefore<'_>, column: usize, fault: CellFault) -> DataError {
        DataError::BadCell { path: self.path(), row: before.next(), column: self.name(column), fault }
    }

    fn bad_sum(&self, row: Option<u64>, column: usize) -> DataError {
        let fault = self.readers.get(column).map_or(CellFault::NotANumber, Reader::undeclared);
        DataError::BadSum { path: self.path(), row: number(row), column: self.name(column), fault }
    }

    fn path(&self) -> std::path::PathBuf {
        self.source.path().to_owned()
    }

    fn name(&self, column: usize) -> String {
        self.specs.get(column).map(|spec| spec.source().to_owned()).unwrap_or_default()
    }
}

/// Returns the number of a row that is counted from 0.
fn number(row: Option<u64>) -> u64 {
    row.expect("an item has a row") + 1
}

#[cfg(test)]
mod tests;
