//! Rows that the host hands over, and where a mapper writes what becomes of them.

use core::array;
use core::fmt;

use crate::column::{Booleans, Column, Validity};
use crate::raw::memory::{Memory, Plain, Sealed, MAX_WRITTEN};
use crate::setup::offset;
use crate::stop::Stop;

const COLUMN_BYTES: u32 = 16;

const BOOLEAN: u32 = 0;
const INTEGER: u32 = 1;
const NUMBER: u32 = 2;
const DATE: u32 = 3;
const CATEGORY: u32 = 4;

/// Most measures of a mapper.
pub const MAX_MEASURES: usize = MAX_WRITTEN - 1;

/// The cell of a row that belongs to none.
pub const NO_CELL: u32 = u32::MAX;

/// Some rows, at most 65,536; columns by place in the declaration.
pub struct Batch<'a> {
    memory: Sealed<'a>,
    rows: u32,
    columns_len: u32,
    columns: u32,
}

impl<'a> Batch<'a> {
    /// Reads a batch of which nothing is written to.
    pub(crate) fn read(memory: Memory<'a>, address: u32) -> Result<Self, Stop> {
        let rows = memory.word(address)?;
        let columns_len = memory.word(offset(address, 1, 4)?)?;
        let columns = memory.word(offset(address, 2, 4)?)?;
        Ok(Self { memory: memory.seal(), rows, columns_len, columns })
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Returns a column of type integer.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`], here and below: the column has another type, there is no such column, or it is not where it
    /// should be.
    pub fn integers(&self, column: u32) -> Result<Column<'a, i64>, Stop> {
        self.column(column, INTEGER)
    }

    /// Returns a column of type number.
    ///
    /// # Errors
    /// As [`Batch::integers`].
    pub fn numbers(&self, column: u32) -> Result<Column<'a, f64>, Stop> {
        self.column(column, NUMBER)
    }

    /// Returns a column of type date: days since 1970-01-01.
    ///
    /// # Errors
    /// As [`Batch::integers`].
    pub fn dates(&self, column: u32) -> Result<Column<'a, i32>, Stop> {
        self.column(column, DATE)
    }

    /// Returns a column of type category: places of labels ([`Setup::label`](crate::Setup::label)).
    ///
    /// # Errors
    /// As [`Batch::integers`].
    pub fn categories(&self, column: u32) -> Result<Column<'a, u32>, Stop> {
        self.column(column, CATEGORY)
    }

    /// Returns a column of type boolean.
    ///
    /// # Errors
    /// As [`Batch::integers`].
    pub fn booleans(&self, column: u32) -> Result<Booleans<'a>, Stop> {
        let (values, validity) = self.describe(column, BOOLEAN)?;
        Ok(Booleans { bits: self.memory.lend(values, self.bits_bytes())?, validity, rows: self.rows() })
    }

    fn column<T: Plain>(&self, column: u32, kind: u32) -> Result<Column<'a, T>, Stop> {
        let (values, validity) = self.describe(column, kind)?;
        Ok(Column { values: self.memory.lend(values, self.rows)?, validity })
    }

    /// Returns the address of a column's values, and which there are.
    fn describe(&self, column: u32, kind: u32) -> Result<(u32, Validity<'a>), Stop> {
        if column >= self.columns_len {
            return Err(Stop::CONTRACT);
        }
        let address = offset(self.columns, column, COLUMN_BYTES)?;
        let word = |place: u32| self.memory.word(offset(address, place, 4)?);
        if word(0)? != kind {
            return Err(Stop::CONTRACT);
        }
        let validity = match word(2)? {
            0 => None,
            bits => Some(self.memory.lend(bits, self.bits_bytes())?),
        };
        Ok((word(1)?, Validity(validity)))
    }

    fn bits_bytes(&self) -> u32 {
        self.rows / 8 + u32::from(self.rows % 8 != 0)
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Batch({} rows, {} columns)", self.rows, self.columns_len)
    }
}

/// Where a mapper writes: to which cell each row belongs, and a number for each measure. Before, no row belongs to a cell, and
/// every number is zero.
pub struct Output<'a> {
    cells: &'a mut [u32],
    measures: [&'a mut [f64]; MAX_MEASURES],
}

impl<'a> Output<'a> {
    /// Reads a batch, and sets apart where its rows are mapped to.
    pub(crate) fn read(
        mut memory: Memory<'a>,
        address: u32,
        measures_len: usize,
    ) -> Result<(Batch<'a>, Self), Stop> {
        let rows = memory.word(address)?;
        let (cells, values) = (memory.word(offset(address, 3, 4)?)?, memory.word(offset(address, 4, 4)?)?);
        let mut measures: [&mut [f64]; MAX_MEASURES] = array::from_fn(|_| &mut [][..]);
        for (measure, place) in measures.iter_mut().take(measures_len).zip(0..) {
            *measure = memory.lend_mut(memory.word(offset(values, place, 4)?)?, rows)?;
        }
        let cells = memory.lend_mut(cells, rows)?;
        Ok((Batch::read(memory, address)?, Self { cells, measures }))
    }

    /// Puts a row into a cell: `row * columns + column` over the axes.
    #[inline]
    pub fn put<const MEASURES: usize>(&mut self, row: usize, cell: u32, values: [f64; MEASURES]) {
        self.cells.get_mut(row).into_iter().for_each(|place| *place = cell);
        for (measure, value) in self.measures.iter_mut().zip(values) {
            measure.get_mut(row).into_iter().for_each(|place| *place = value);
        }
    }

    /// Lends the cells and the first few measures, to be written to in a loop of one's own: a place a row in each.
    pub fn parts<const MEASURES: usize>(&mut self) -> (&mut [u32], [&mut [f64]; MEASURES]) {
        let mut measures = self.measures.iter_mut();
        let measures =
            array::from_fn(|_| measures.next().map_or_else(Default::default, |slice| &mut **slice));
        (&mut *self.cells, measures)
    }
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Output({} rows)", self.cells.len())
    }
}
