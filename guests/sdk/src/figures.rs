//! Released figures, from which a mapper derives others.

use core::fmt;

use crate::batch::MAX_MEASURES;
use crate::raw::memory::Sealed;
use crate::setup::offset;
use crate::stop::Stop;

/// A place of a table whose rows and columns are the first and the second axis; an axis that is not declared has
/// length 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A cell, by row and column.
    Cell(u32, u32),
    /// The total of a row.
    Row(u32),
    /// The total of a column.
    Column(u32),
    /// The total of all.
    All,
}

/// Counts and sums that passed disclosure control. Where one is suppressed there is none.
pub struct Figures<'a> {
    rows: u32,
    columns: u32,
    counts: &'a [f64],
    sums: [&'a [f64]; MAX_MEASURES],
    squares: [&'a [f64]; MAX_MEASURES],
}

impl<'a> Figures<'a> {
    pub(crate) fn read(memory: &Sealed<'a>, address: u32) -> Result<Self, Stop> {
        let word = |place: u32| memory.word(offset(address, place, 4)?);
        let (rows, columns, measures_len) = (word(0)?, word(1)?, word(2)?);
        let places = u64::from(rows) * u64::from(columns) + u64::from(rows) + u64::from(columns) + 1;
        let places = u32::try_from(places).map_err(|_| Stop::CONTRACT)?;
        let lists = |list: u32| -> Result<_, Stop> {
            let mut slices: [&[f64]; MAX_MEASURES] = [&[]; MAX_MEASURES];
            for measure in 0..measures_len {
                let slice = slices.get_mut(measure as usize).ok_or(Stop::CONTRACT)?;
                *slice = match memory.word(offset(list, measure, 4)?)? {
                    0 => &[],
                    address => memory.lend(address, places)?,
                };
            }
            Ok(slices)
        };
        let (sums, squares) = (lists(word(4)?)?, lists(word(5)?)?);
        Ok(Self { rows, columns, counts: memory.lend(word(3)?, places)?, sums, squares })
    }

    /// Returns the number of rows: the length of the first axis.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Returns the number of columns: the length of the second axis.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// Returns how many units a place has.
    pub fn count(&self, place: Place) -> Option<f64> {
        self.at(self.counts, place)
    }

    /// Returns the sum of a measure in a place.
    pub fn sum(&self, measure: usize, place: Place) -> Option<f64> {
        self.at(self.sums.get(measure)?, place)
    }

    /// Returns the sum of the squares of a measure in a place, where they were declared.
    pub fn squares(&self, measure: usize, place: Place) -> Option<f64> {
        self.at(self.squares.get(measure)?, place)
    }

    fn at(&self, values: &[f64], place: Place) -> Option<f64> {
        values.get(self.index(place)?).copied().filter(|value| !value.is_nan())
    }

    fn index(&self, place: Place) -> Option<usize> {
        let (rows, columns) = (self.rows as usize, self.columns as usize);
        let within = |place: u32, len: u32| if place < len { Some(place as usize) } else { None };
        match place {
            Place::Cell(row, column) => {
                Some(within(row, self.rows)? * columns + within(column, self.columns)?)
            }
            Place::Row(row) => Some(rows * columns + within(row, self.rows)?),
            Place::Column(column) => Some(rows * columns + rows + within(column, self.columns)?),
            Place::All => Some(rows * columns + rows + columns),
        }
    }
}

impl fmt::Debug for Figures<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Figures({} rows, {} columns)", self.rows, self.columns)
    }
}
