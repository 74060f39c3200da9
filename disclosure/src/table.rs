//! The frame of a table of results: how many rows and columns, which margins, and which base cells a place sums.

use serde::{Deserialize, Serialize};

/// Most base cells of a table.
pub const MAX_CELLS: u32 = 4096;

/// Rows and columns of a table; a list has one column, a single figure one row and one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Frame", into = "Frame")]
pub struct Shape {
    rows: u32,
    columns: u32,
}

/// [`Shape`] in a document, not yet checked.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    rows: u32,
    columns: u32,
}

/// A table without cells, or with too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a table of {rows} rows and {columns} columns; rows times columns is between 1 and {MAX_CELLS}")]
pub struct ShapeError {
    /// The rows.
    pub rows: u32,
    /// The columns.
    pub columns: u32,
}

/// A figure of the table: a cell, or a margin where `None` means summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The row, counted from 0.
    pub row: Option<u32>,
    /// The column, counted from 0.
    pub column: Option<u32>,
}

/// Which places are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Levels {
    /// Every cell.
    pub cells: bool,
    /// The sum of every row.
    pub rows: bool,
    /// The sum of every column.
    pub columns: bool,
    /// The sum of all.
    pub total: bool,
}

impl Shape {
    /// Checks rows and columns.
    ///
    /// # Errors
    /// [`ShapeError`] without cells, and above [`MAX_CELLS`].
    pub fn new(rows: u32, columns: u32) -> Result<Self, ShapeError> {
        match rows.checked_mul(columns) {
            Some(1..=MAX_CELLS) => Ok(Self { rows, columns }),
            _ => Err(ShapeError { rows, columns }),
        }
    }

    /// Counts the rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Counts the columns.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// Counts the base cells.
    pub fn cells_len(&self) -> u32 {
        self.rows * self.columns
    }

    /// Tells whether the table has several rows and several columns.
    pub(crate) fn is_crossed(&self) -> bool {
        self.rows > 1 && self.columns > 1
    }

    /// Returns the one name of a place, since in a list the sum of a row is its cell: the cell where there is
    /// one, then the total.
    pub fn canonical(&self, place: Place) -> Place {
        let row = if self.rows == 1 { Some(0) } else { place.row };
        let column = if self.columns == 1 { Some(0) } else { place.column };
        match (row, column) {
            (None, Some(_)) if self.columns == 1 => Place::TOTAL,
            (Some(_), None) if self.rows == 1 => Place::TOTAL,
            _ => Place { row, column },
        }
    }

    /// Returns the indices (row * columns + column) of the base cells that `place` sums, in order; a place
    /// outside the table has none.
    pub fn base_cells(&self, place: Place) -> Vec<u32> {
        let within = |chosen: Option<u32>, len: u32| match chosen {
            Some(index) if index < len => index..index + 1,
            Some(_) => 0..0,
            None => 0..len,
        };
        let columns = within(place.column, self.columns);
        let rows = within(place.row, self.rows);
        rows.flat_map(|row| columns.clone().map(move |column| row * self.columns + column)).collect()
    }

    /// Returns every place once: cells by row, then sums of rows, sums of columns, the total.
    pub fn places(&self) -> Vec<Place> {
        Levels::ALL.places(*self)
    }
}

impl TryFrom<Frame> for Shape {
    type Error = ShapeError;

    fn try_from(frame: Frame) -> Result<Self, ShapeError> {
        Self::new(frame.rows, frame.columns)
    }
}

impl From<Shape> for Frame {
    fn from(shape: Shape) -> Self {
        Self { rows: shape.rows, columns: shape.columns }
    }
}

impl Place {
    /// The sum of all.
    pub const TOTAL: Self = Self { row: None, column: None };

    /// Names a cell.
    pub fn cell(row: u32, column: u32) -> Self {
        Self { row: Some(row), column: Some(column) }
    }

    /// Names the sum of a row.
    pub fn row(row: u32) -> Self {
        Self { row: Some(row), column: None }
    }

    /// Names the sum of a column.
    pub fn column(column: u32) -> Self {
        Self { row: None, column: Some(column) }
    }
}

impl Levels {
    /// Cells and all margins.
    pub const ALL: Self = Self { cells: true, rows: true, columns: true, total: true };

    /// Cells alone.
    pub const CELLS: Self = Self { cells: true, rows: false, columns: false, total: false };

    /// Returns the places asked for, each once by its canonical name: cells row by row, then sums of rows, sums of
    /// columns, the total.
    pub fn places(&self, shape: Shape) -> Vec<Place> {
        let (rows, columns) = (0..shape.rows, 0..shape.columns);
        let row = |r| columns.clone().map(move |c| Place::cell(r, c));
        let cells = rows.clone().flat_map(row);
        let asked = cells.filter(|_| self.cells);
        let asked = asked.chain(rows.map(Place::row).filter(|_| self.rows));
        let asked = asked.chain(columns.clone().map(Place::column).filter(|_| self.columns));
        let asked = asked.chain([Place::TOTAL].into_iter().filter(|_| self.total));
        let mut places: Vec<Place> = asked.map(|place| shape.canonical(place)).collect();
        places.sort_by_key(rank);
        places.dedup();
        places
    }
}

/// Orders cells before sums of rows, these before sums of columns, and the total last.
fn rank(place: &Place) -> (u8, Option<u32>, Option<u32>) {
    let level = match (place.row, place.column) {
        (Some(_), Some(_)) => 0,
        (Some(_), None) => 1,
        (None, Some(_)) => 2,
        (None, None) => 3,
    };
    (level, place.row, place.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_between_1_and_4096_cells() {
        assert!(Shape::new(64, 64).is_ok() && Shape::new(4096, 1).is_ok());
        for (rows, columns) in [(0, 1), (1, 0), (4097, 1), (64, 65), (u32::MAX, u32::MAX)] {
            assert_eq!(Shape::new(rows, columns), Err(ShapeError { rows, columns }));
        }
        assert!(serde_json::from_str::<Shape>(r#"{"rows":0,"columns":3}"#).is_err());
    }

    #[test]
    fn places_come_in_one_order() {
        let shape = Shape::new(2, 2).unwrap();
        let cells = [Place::cell(0, 0), Place::cell(0, 1), Place::cell(1, 0), Place::cell(1, 1)];
        let margins = [Place::row(0), Place::row(1), Place::column(0), Place::column(1), Place::TOTAL];
        assert_eq!(shape.places(), [&cells[..], &margins].concat());
        let levels = Levels { columns: true, total: true, ..Levels::default() };
        assert_eq!(levels.places(shape), margins[2..]);
    }

    #[test]
    fn a_list_has_one_name_for_each_figure() {
        let list = Shape::new(3, 1).unwrap();
        assert_eq!(list.canonical(Place::row(2)), Place::cell(2, 0));
        assert_eq!(list.canonical(Place::column(0)), Place::TOTAL);
        assert_eq!(list.places().len(), 4);
        let across = Shape::new(1, 3).unwrap();
        assert_eq!(across.canonical(Place::column(2)), Place::cell(0, 2));
        assert_eq!(across.canonical(Place::row(0)), Place::TOTAL);
        let single = Shape::new(1, 1).unwrap();
        assert_eq!(single.canonical(Place::TOTAL), Place::cell(0, 0));
        assert_eq!(single.places(), [Place::cell(0, 0)]);
        let rows = Levels { rows: true, ..Levels::default() };
        assert_eq!(rows.places(list), Levels::CELLS.places(list));
    }

    #[test]
    fn a_place_knows_its_base_cells() {
        let shape = Shape::new(2, 3).unwrap();
        assert_eq!(shape.base_cells(Place::cell(1, 2)), [5]);
        assert_eq!(shape.base_cells(Place::row(1)), [3, 4, 5]);
        assert_eq!(shape.base_cells(Place::column(1)), [1, 4]);
        assert_eq!(shape.base_cells(Place::TOTAL), [0, 1, 2, 3, 4, 5]);
        assert!(shape.base_cells(Place::cell(2, 0)).is_empty());
    }
}
