//! Declared values without keys: each row of a table, or texts from elsewhere.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use zeroize::Zeroizing;

use super::super::error::DataError;
use super::super::normalize::Scratch;
use super::super::source::TableSource;
use super::cells::Reader;
use super::{CellFault, ColumnSpec};

/// Reads the declared columns of every row, row by row; numbers in units, groups by their place.
///
/// # Errors
/// A column does not exist or has a type that cannot hold what is declared; the first cell that is empty or not what
/// is declared ([`DataError::BadCell`]).
pub fn read_rows(
    source: &TableSource,
    columns: &[ColumnSpec],
    progress: &mut dyn FnMut(u64),
    cancel: &dyn Fn() -> bool,
) -> Result<Zeroizing<Vec<i64>>, DataError> {
    let readers: Vec<_> = columns.iter().map(|spec| Reader::new(source, spec)).collect::<Result<_, _>>()?;
    let places: Vec<_> = columns.iter().map(|spec| source.column(spec.source())).collect::<Result<_, _>>()?;
    let (mut values, mut scratch) = (Zeroizing::new(Vec::new()), Scratch::default());
    source.scan(&places, progress, cancel, &mut |first, batch| {
        let cells: Option<Vec<_>> =
            readers.iter().zip(batch.columns()).map(|(reader, column)| reader.cells(column)).collect();
        let cells = cells.ok_or_else(|| bad_cell(source.path(), first, columns, CellFault::NotANumber))?;
        for row in 0..batch.num_rows() {
            for (column, (reader, cells)) in readers.iter().zip(&cells).enumerate() {
                let value = reader.read(cells, row, &mut scratch).map_err(|refused| {
                    let spec = columns.get(column..).unwrap_or_default();
                    bad_cell(source.path(), first + row as u64, spec, reader.fault(refused))
                })?;
                values.push(value);
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// Reads texts as cells of one column.
///
/// # Errors
/// The place of the first text, counted from 0, that is empty or not what is declared.
pub fn read_texts(texts: &[&str], spec: &ColumnSpec) -> Result<Zeroizing<Vec<i64>>, (usize, CellFault)> {
    let reader = Reader::of(spec);
    let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let cells = reader.cells(&array).ok_or((0, CellFault::NotANumber))?;
    let mut scratch = Scratch::default();
    let mut read =
        |row| reader.read(&cells, row, &mut scratch).map_err(|refused| (row, reader.fault(refused)));
    Ok(Zeroizing::new((0..texts.len()).map(&mut read).collect::<Result<_, _>>()?))
}

fn bad_cell(path: &Path, row: u64, columns: &[ColumnSpec], fault: CellFault) -> DataError {
    let column = columns.first().map(|spec| spec.source().to_owned()).unwrap_or_default();
    DataError::BadCell { path: path.to_owned(), row: row + 1, column, fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TextEncoding;

    fn number() -> ColumnSpec {
        ColumnSpec::Number { source: "paid".into(), decimals: 2, min: 0, max: 1000 }
    }

    #[test]
    fn texts_are_read_as_cells_are() {
        assert_eq!(*read_texts(&["1.5", " 10 ", "0"], &number()).unwrap(), [150, 1000, 0]);
        assert!(matches!(read_texts(&["1", "10.01"], &number()), Err((1, CellFault::OutOfRange { .. }))));
        assert!(matches!(read_texts(&["1", ""], &number()), Err((1, CellFault::Empty))));
        let towns = ["Nanhu", "Xihu"].map(String::from).to_vec();
        let town = ColumnSpec::Category { source: "town".into(), categories: towns, rules: Vec::new() };
        assert_eq!(*read_texts(&["Xihu", "Nanhu"], &town).unwrap(), [1, 0]);
        assert!(matches!(read_texts(&["Xiaoshan"], &town), Err((0, CellFault::NotACategory { .. }))));
    }

    #[test]
    fn every_row_of_a_table_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bills.csv");
        std::fs::write(&path, "id,paid\n1,1.50\n1,0.07\n2,3\n").unwrap();
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        let read = |spec| read_rows(&source, &[spec], &mut |_| {}, &|| false);
        assert_eq!(*read(number()).unwrap(), [150, 7, 300]);
        let narrow = ColumnSpec::Number { source: "paid".into(), decimals: 2, min: 0, max: 200 };
        match read(narrow).unwrap_err() {
            DataError::BadCell { row: 3, column, .. } => assert_eq!(column, "paid"),
            other => panic!("{other}"),
        }
    }
}
