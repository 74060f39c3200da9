//! Tables of named cells: a list of names that all parties hold gives every cell its place in a vector.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};
use tidegate_mpc::ItemSetBuilder;

use super::error::DataError;
use super::keys::{KeyColumn, KeySummary, RejectedRow};
use super::records::{ColumnData, ColumnSpec, Duplicates, Missing, RecordRules, read_records};
use super::source::TableSource;
use crate::hex::hex;

/// Longest list, in bytes.
const MAX_LIST_BYTES: u64 = 1 << 30;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 1000;

/// The names of a vector's cells, in order, found by their text; `Debug` prints their number alone.
pub struct CellList {
    names: ItemSetBuilder,
}

impl fmt::Debug for CellList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellList").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// What is wrong with a list of cells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellListFault {
    /// It is another list than was agreed on.
    #[error("has another SHA-256 than the agreement says")]
    Digest,
    /// It has another number of names.
    #[error("has {found} names, not {expected}")]
    Count {
        /// The names.
        found: usize,
        /// The names agreed on.
        expected: u64,
    },
    /// A line is no name.
    #[error("has no name of 1 to 1000 bytes of UTF-8 in line {line}")]
    Name {
        /// The line, counted from 1.
        line: usize,
    },
    /// A name stands there twice.
    #[error("has in line {line} a name of a line before")]
    Repeated {
        /// The line, counted from 1.
        line: usize,
    },
    /// It is longer than any list.
    #[error("has more than {max} bytes")]
    TooLong {
        /// The most allowed.
        max: u64,
    },
}

impl CellList {
    /// Reads a list of names, one in each line, and compares it with what was agreed on.
    ///
    /// # Errors
    /// Those of reading a file, [`DataError::CellList`].
    pub fn read(path: &Path, sha256: &str, cells: u64) -> Result<Self, DataError> {
        let failed = |error| DataError::reading(path, &error);
        if std::fs::metadata(path).map_err(failed)?.len() > MAX_LIST_BYTES {
            return Err(fault(path, CellListFault::TooLong { max: MAX_LIST_BYTES }));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        if hex(&Sha256::digest(&bytes)) != sha256 {
            return Err(fault(path, CellListFault::Digest));
        }
        Self::parse(&bytes, cells).map_err(|found| fault(path, found))
    }

    fn parse(bytes: &[u8], cells: u64) -> Result<Self, CellListFault> {
        let mut names = ItemSetBuilder::new();
        for (line, name) in (1..).zip(lines(bytes)) {
            let name = std::str::from_utf8(name).ok();
            let name = name.filter(|name| (1..=MAX_NAME_BYTES).contains(&name.len()));
            let name = name.ok_or(CellListFault::Name { line })?;
            match names.insert(&item(name)) {
                Ok(insertion) if insertion.is_new => {}
                Ok(_) => return Err(CellListFault::Repeated { line }),
                Err(_) => return Err(CellListFault::Name { line }),
            }
        }
        match names.len() {
            found if found as u64 == cells => Ok(Self { names }),
            found => Err(CellListFault::Count { found, expected: cells }),
        }
    }

    /// Counts the cells.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Tells whether there is no cell, which no valid agreement says.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the name of a cell.
    pub fn name(&self, cell: usize) -> Option<&str> {
        std::str::from_utf8(self.names.get(cell)?.get(4..)?).ok()
    }
}

/// Splits at line feeds, the last of which ends the last line.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ended = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = ended.split(|&byte| byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(move |_| !bytes.is_empty())
}

/// Writes a name as the keys of a table are written.
fn item(name: &str) -> Vec<u8> {
    let len = u32::try_from(name.len()).unwrap_or(u32::MAX);
    [&len.to_le_bytes()[..], name.as_bytes()].concat()
}

fn fault(path: &Path, fault: CellListFault) -> DataError {
    DataError::CellList { path: path.to_owned(), fault }
}

/// The numbers of a table by cell: those of rows of one cell are summed up.
#[derive(Debug)]
pub struct CellValues {
    /// The cells that have a number, in the order in which the table names them.
    pub cells: Vec<u32>,
    /// Their numbers.
    pub values: ColumnData,
    /// What is reported about the rows.
    pub summary: KeySummary,
    /// The rows left out.
    pub left_out: LeftOut,
}

/// Rows of a table that are left out, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// All rows of the table.
    pub rows: u64,
    /// The columns read.
    pub columns: Vec<String>,
    /// The rows left out, in order; their columns are counted among `columns`.
    pub rejected: Vec<RejectedRow>,
}

/// Reads a table of cells, one in each row.
///
/// # Errors
/// As [`read_records`] with [`Duplicates::Sum`]; [`DataError::UnknownCell`] for a name that is not in the list.
pub fn read_cells(
    source: &TableSource,
    list: &CellList,
    cell: KeyColumn,
    value: ColumnSpec,
    missing: Missing,
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<CellValues, DataError> {
    let rules = RecordRules { duplicates: Duplicates::Sum, missing };
    let mut records = read_records(source, std::slice::from_ref(&cell), &[value], rules, progress, cancel)?;
    let keyed = records.keyed;
    let place = |index: u32| {
        let found = keyed.items.get(index as usize).and_then(|name| list.names.find(name));
        found.ok_or_else(|| {
            let row = keyed.rows.first_row_of(index).unwrap_or_default() + 1;
            DataError::UnknownCell { path: source.path().into(), row, column: cell.name.clone() }
        })
    };
    let len = u32::try_from(keyed.items.len()).unwrap_or(u32::MAX);
    let cells = (0..len).map(place).collect::<Result<_, _>>()?;
    let values = records.columns.pop().unwrap_or(ColumnData::Numbers(Vec::new()));
    let left_out = LeftOut { rows: keyed.summary.rows, columns: keyed.columns, rejected: keyed.rejected };
    Ok(CellValues { cells, values, summary: keyed.summary, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::normalize::Rule;
    use crate::data::testing::csv;

    fn list(text: &str, cells: u64) -> Result<CellList, CellListFault> {
        CellList::parse(text.as_bytes(), cells)
    }

    #[test]
    fn a_list_has_a_name_in_every_line() {
        let found = list("a\n北\r\nc\n", 3).unwrap();
        assert_eq!([0, 1, 2, 3].map(|cell| found.name(cell)), [Some("a"), Some("北"), Some("c"), None]);
        assert_eq!(list("a\nb", 2).unwrap().len(), 2);
        let refused = |text: &str, cells| list(text, cells).unwrap_err();
        assert_eq!(refused("", 1), CellListFault::Count { found: 0, expected: 1 });
        assert_eq!(refused("a\nb\n", 3), CellListFault::Count { found: 2, expected: 3 });
        assert_eq!(refused("a\n\nb\n", 3), CellListFault::Name { line: 2 });
        let long = "x".repeat(1001);
        assert_eq!(refused(&long, 1), CellListFault::Name { line: 1 });
        assert_eq!(refused("a\nb\na\n", 3), CellListFault::Repeated { line: 3 });
        assert_eq!(CellList::parse(b"\xff\n", 1).unwrap_err(), CellListFault::Name { line: 1 });
    }

    #[test]
    fn another_list_than_agreed_on_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cells.txt");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-4, of "abc".
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(CellList::read(&path, digest, 1).unwrap().len(), 1);
        std::fs::write(&path, "abd").unwrap();
        let refused = CellList::read(&path, digest, 1).unwrap_err();
        assert!(matches!(refused, DataError::CellList { fault: CellListFault::Digest, .. }));
        let absent = CellList::read(&directory.path().join("none"), digest, 1);
        assert!(matches!(absent, Err(DataError::NotFound { .. })));
    }

    #[test]
    fn rows_are_aligned_by_the_list_and_summed_up() {
        let list = list("a\nb\nc\n", 3).unwrap();
        let cell = KeyColumn { name: "k".into(), rules: vec![Rule::Trim] };
        let value = ColumnSpec::Number { source: "v".into(), decimals: 1, min: -50, max: 50 };
        let read = |text: &str| {
            let (cell, value) = (cell.clone(), value.clone());
            read_cells(&csv(text), &list, cell, value, Missing::Refuse, &mut |_| {}, &|| false)
        };
        let found = read("v,k\n1.5,c\n2, a\n-1,c\n").unwrap();
        assert_eq!(found.cells, [2, 0]);
        assert!(matches!(&found.values, ColumnData::Numbers(numbers) if numbers[..] == [5, 20]));
        let unknown = read("v,k\n1,c\n2,d\n").unwrap_err();
        assert!(matches!(&unknown, DataError::UnknownCell { row: 2, column, .. } if column == "k"));
        assert!(matches!(read("v,k\n5,c\n1,c\n"), Err(DataError::BadSum { row: 1, .. })));
    }
}
