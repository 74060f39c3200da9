//! What the host does with what a mapper says of rows: bounds, exact sums, totals.

use std::vec::Vec;

use super::layout::Written;
use crate::batch::NO_CELL;

/// Three times 2^51.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// How a measure was declared.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Values below count as this.
    pub minimum: f64,
    /// Values above count as this.
    pub maximum: f64,
    /// Values are rounded to so many decimals, at most 9.
    pub decimals: u32,
    /// Whether squares are added too.
    pub squares: bool,
}

/// What a mapper said of all rows, as it said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// A cell a row.
    pub cells: Vec<u32>,
    /// For each measure a number a row.
    pub measures: Vec<Vec<f64>>,
}

impl Mapped {
    pub(super) fn none(measures_len: usize) -> Self {
        Self { cells: Vec::new(), measures: std::iter::repeat(Vec::new()).take(measures_len).collect() }
    }

    pub(super) fn append(&mut self, written: &Written) {
        self.cells.extend_from_slice(&written.cells);
        for (measure, values) in self.measures.iter_mut().zip(&written.measures) {
            measure.extend_from_slice(values);
        }
    }

    /// Counts rows and adds measures over a table of so many rows and columns, with its totals.
    pub fn tabulate(&self, rows: u32, columns: u32, measures: &[Measure]) -> Tabulated {
        let shape = Shape { rows, columns };
        let cells: Vec<_> = (0..self.cells.len()).map(|row| self.cell(row, shape)).collect();
        let counts = shape.total(&cells, |_| 1);
        let mut tabulated =
            Tabulated { rows, columns, counts: numbers(&counts, 1.0), sums: vec![], squares: vec![] };
        for (measure, values) in measures.iter().zip(&self.measures) {
            let scale = 10f64.powi(i32::try_from(measure.decimals).unwrap_or(0));
            let units = |row: usize| measure.units(values.get(row).copied().unwrap_or(0.0), scale);
            tabulated.sums.push(numbers(&shape.total(&cells, units), scale));
            let squares = || numbers(&shape.total(&cells, |row| units(row) * units(row)), scale * scale);
            tabulated.squares.push(if measure.squares { Some(squares()) } else { None });
        }
        tabulated
    }

    /// Returns the cell of a row, unless it has none or a number that is none.
    fn cell(&self, row: usize, shape: Shape) -> Option<usize> {
        let cell = self.cells.get(row).copied().filter(|&cell| cell != NO_CELL)?;
        let numbers =
            self.measures.iter().all(|values| values.get(row).map_or(false, |value| !value.is_nan()));
        Some(cell as usize).filter(|&cell| numbers && cell < shape.cells_len())
    }
}

impl Measure {
    /// Returns a value within its range, in units of its last decimal.
    fn units(&self, value: f64, scale: f64) -> i128 {
        // Doubles from 2^52 on are integers: adding one rounds half to even, as the host does.
        let rounded = (value.max(self.minimum).min(self.maximum) * scale + ROUNDING) - ROUNDING;
        // Whole, and far from the bounds of 128 bits.
        #[allow(clippy::cast_possible_truncation)]
        let units = rounded as i128;
        units
    }
}

fn numbers(units: &[i128], scale: f64) -> Vec<f64> {
    units.iter().map(|&units| units as f64 / scale).collect()
}

#[derive(Clone, Copy)]
struct Shape {
    rows: u32,
    columns: u32,
}

impl Shape {
    fn cells_len(self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// Adds in every place: cells, rows, columns, all.
    fn total(self, cells: &[Option<usize>], units: impl Fn(usize) -> i128) -> Vec<i128> {
        let (rows, columns) = (self.rows as usize, self.columns as usize);
        let mut places = vec![0; self.cells_len() + rows + columns + 1];
        for (row, cell) in cells.iter().enumerate() {
            let cell = match *cell {
                Some(cell) => cell,
                None => continue,
            };
            let units = units(row);
            let margins =
                [rows * columns + cell / columns, rows * columns + rows + cell % columns, places.len() - 1];
            for place in std::iter::once(cell).chain(margins) {
                places.get_mut(place).into_iter().for_each(|sum| *sum += units);
            }
        }
        places
    }
}

/// Figures as they are released: for each place a number, not a number where it is suppressed. Places are the cells, then the
/// total of each row, of each column, and of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Tabulated {
    /// Length of the first axis.
    pub rows: u32,
    /// Length of the second axis.
    pub columns: u32,
    /// How many units each place has.
    pub counts: Vec<f64>,
    /// For each measure its sum in each place.
    pub sums: Vec<Vec<f64>>,
    /// For each measure the sum of its squares in each place, where they were declared.
    pub squares: Vec<Option<Vec<f64>>>,
}

impl Tabulated {
    /// Suppresses a place.
    pub fn suppress(&mut self, place: usize) {
        let lists =
            [&mut self.counts].into_iter().chain(&mut self.sums).chain(self.squares.iter_mut().flatten());
        lists.filter_map(|list| list.get_mut(place)).for_each(|value| *value = f64::NAN);
    }
}
