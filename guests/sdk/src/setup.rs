//! What an algorithm is told before it sees a record.

use core::fmt;
use core::str;

use crate::raw::memory::Sealed;
use crate::stop::Stop;

const PARAMETER_BYTES: u32 = 8;
const COLUMN_BYTES: u32 = 12;
const TEXT_BYTES: u32 = 8;

/// Parameters, labels of categories and what the last pass left; all by place in the declaration.
pub struct Setup<'a> {
    memory: Sealed<'a>,
    /// Bits of each, an integer's or a number's.
    parameters: &'a [i64],
    columns_len: u32,
    columns: u32,
    carry: &'a [u8],
}

impl<'a> Setup<'a> {
    pub(crate) fn read(memory: Sealed<'a>, address: u32) -> Result<Self, Stop> {
        let word = |place: u32| memory.word(offset(address, place, 4)?);
        let (columns_len, columns) = (word(2)?, word(3)?);
        let parameters = memory.lend(word(1)?, word(0)?)?;
        let carry = memory.lend(word(4)?, word(5)?)?;
        Ok(Self { memory, parameters, columns_len, columns, carry })
    }

    /// Returns a parameter of type integer.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`]: there is no such parameter.
    pub fn integer(&self, parameter: usize) -> Result<i64, Stop> {
        self.parameters.get(parameter).copied().ok_or(Stop::CONTRACT)
    }

    /// Returns a parameter of type number.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`]: there is no such parameter.
    pub fn number(&self, parameter: usize) -> Result<f64, Stop> {
        self.integer(parameter).map(|bits| f64::from_le_bytes(bits.to_le_bytes()))
    }

    /// Returns a parameter of type integer that counts something.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`]: there is no such parameter. [`Stop::PARAMETER`]: it is negative or beyond 2^32 - 1.
    pub fn size(&self, parameter: usize) -> Result<u32, Stop> {
        u32::try_from(self.integer(parameter)?).map_err(|_| Stop::PARAMETER)
    }

    /// Returns how many categories a column has.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`]: there is no such column.
    pub fn labels_len(&self, column: u32) -> Result<u32, Stop> {
        self.memory.word(offset(self.column(column)?, 1, 4)?)
    }

    /// Returns the label of a category.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`]: there is no such column or category.
    pub fn label(&self, column: u32, category: u32) -> Result<&'a str, Stop> {
        if category >= self.labels_len(column)? {
            return Err(Stop::CONTRACT);
        }
        let labels = self.memory.word(offset(self.column(column)?, 2, 4)?)?;
        let text = offset(labels, category, TEXT_BYTES)?;
        let bytes = self.memory.lend(self.memory.word(text)?, self.memory.word(offset(text, 1, 4)?)?)?;
        str::from_utf8(bytes).map_err(|_| Stop::CONTRACT)
    }

    /// Returns what the last pass left; nothing in the first.
    pub fn carry(&self) -> &'a [u8] {
        self.carry
    }

    fn column(&self, column: u32) -> Result<u32, Stop> {
        if column >= self.columns_len {
            return Err(Stop::CONTRACT);
        }
        offset(self.columns, column, COLUMN_BYTES)
    }
}

impl fmt::Debug for Setup<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parameters, columns) = (self.parameters.len(), self.columns_len);
        write!(formatter, "Setup({parameters} parameters of {PARAMETER_BYTES} bytes, {columns} columns)")
    }
}

/// Returns the address of an element of an array.
pub(crate) fn offset(address: u32, place: u32, bytes: u32) -> Result<u32, Stop> {
    place.checked_mul(bytes).and_then(|offset| address.checked_add(offset)).ok_or(Stop::CONTRACT)
}
