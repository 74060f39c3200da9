//! Columns of a batch, in the layout of Apache Arrow.

use core::fmt;

/// Which rows have a value: a bit a row, lowest bit first; all where there are no bits.
#[derive(Clone, Copy)]
pub(crate) struct Validity<'a>(pub(crate) Option<&'a [u8]>);

impl Validity<'_> {
    #[inline]
    fn holds(self, row: usize) -> bool {
        self.0.map_or(true, |bits| bit(bits, row))
    }
}

#[inline]
fn bit(bits: &[u8], row: usize) -> bool {
    bits.get(row / 8).map_or(false, |byte| byte >> (row % 8) & 1 == 1)
}

/// A column of numbers: `i64` of type integer, `f64` of number, `i32` days since 1970-01-01 of date, `u32` places
/// of labels of category.
#[derive(Clone, Copy)]
pub struct Column<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) validity: Validity<'a>,
}

impl<'a, T: Copy> Column<'a, T> {
    /// Returns a value a row; zero where one is missing.
    #[inline]
    pub fn values(&self) -> &'a [T] {
        self.values
    }

    /// Tells whether no value is missing.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.validity.0.is_none()
    }

    /// Returns the value of a row, if it has one.
    #[inline]
    pub fn get(&self, row: usize) -> Option<T> {
        self.values.get(row).copied().filter(|_| self.validity.holds(row))
    }

    /// Goes through the rows: a value each, or none.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Option<T>> + 'a {
        let validity = self.validity;
        let values = self.values.iter().enumerate();
        values.map(move |(row, &value)| if validity.holds(row) { Some(value) } else { None })
    }
}

impl<T> fmt::Debug for Column<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Column({} rows)", self.values.len())
    }
}

/// A column of type boolean.
#[derive(Clone, Copy)]
pub struct Booleans<'a> {
    pub(crate) bits: &'a [u8],
    pub(crate) validity: Validity<'a>,
    pub(crate) rows: usize,
}

impl<'a> Booleans<'a> {
    /// Returns the value of a row, if it has one.
    #[inline]
    pub fn get(&self, row: usize) -> Option<bool> {
        if row < self.rows && self.validity.holds(row) {
            Some(bit(self.bits, row))
        } else {
            None
        }
    }

    /// Goes through the rows: a value each, or none.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Option<bool>> + 'a {
        let column = *self;
        (0..self.rows).map(move |row| column.get(row))
    }
}

impl fmt::Debug for Booleans<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Booleans({} rows)", self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_are_none() {
        let validity = Validity(Some(&[0b0000_0101, 0b1]));
        let column = Column { values: &[1, 2, 3, 4, 5, 6, 7, 8, 9], validity };
        let present = [Some(1), None, Some(3), None, None, None, None, None, Some(9)];
        assert!(column.iter().eq(present));
        assert!((0..9).map(|row| column.get(row)).eq(present));
        assert_eq!(column.get(9), None);
        assert!(!column.is_complete());
    }

    #[test]
    fn booleans_are_bits() {
        let column =
            Booleans { bits: &[0b110, 0b11], validity: Validity(Some(&[0b1111_1011, 0b1])), rows: 10 };
        let mut expected = [Some(false); 10];
        (expected[1], expected[8]) = (Some(true), Some(true));
        (expected[2], expected[9]) = (None, None);
        assert!(column.iter().eq(expected));
        assert_eq!((column.get(8), column.get(10)), (Some(true), None));
    }

    #[test]
    fn a_complete_column_has_every_value() {
        let column = Column { values: &[0.5, 1.5], validity: Validity(None) };
        assert!(column.is_complete());
        assert!(column.iter().eq([Some(0.5), Some(1.5)]));
    }
}
