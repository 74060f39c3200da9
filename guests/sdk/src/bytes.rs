//! States and carries as bytes, little-endian.

use alloc::vec::Vec;

use crate::stop::Stop;

/// Writes numbers one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an integer.
    pub fn integer(&mut self, value: u64) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Writes a number.
    pub fn number(&mut self, value: f64) -> &mut Self {
        self.integer(value.to_bits())
    }

    /// Writes numbers, without their count.
    pub fn numbers(&mut self, values: &[f64]) -> &mut Self {
        values.iter().for_each(|&value| {
            self.number(value);
        });
        self
    }

    /// Returns what was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads numbers in the order in which they were written.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Reads an integer.
    ///
    /// # Errors
    /// [`Stop::STATE`], here and below: too little is left.
    pub fn integer(&mut self) -> Result<u64, Stop> {
        let mut value = [0; 8];
        let (front, rest) = if self.bytes.len() < 8 { (&[][..], self.bytes) } else { self.bytes.split_at(8) };
        if front.is_empty() {
            return Err(Stop::STATE);
        }
        value.copy_from_slice(front);
        self.bytes = rest;
        Ok(u64::from_le_bytes(value))
    }

    /// Reads a number.
    ///
    /// # Errors
    /// As [`Reader::integer`].
    pub fn number(&mut self) -> Result<f64, Stop> {
        self.integer().map(f64::from_bits)
    }

    /// Reads as many numbers as there are places.
    ///
    /// # Errors
    /// As [`Reader::integer`].
    pub fn numbers<const LEN: usize>(&mut self) -> Result<[f64; LEN], Stop> {
        let mut values = [0.0; LEN];
        for value in &mut values {
            *value = self.number()?;
        }
        Ok(values)
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`Stop::STATE`]: something is left.
    pub fn end(self) -> Result<(), Stop> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Stop::STATE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut writer = Writer::new();
        writer.integer(u64::MAX).numbers(&[0.1, -0.0]).number(f64::MAX);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.integer(), Ok(u64::MAX));
        assert_eq!(reader.numbers::<2>().unwrap().map(f64::to_bits), [0.1, -0.0].map(f64::to_bits));
        assert_eq!(reader.number(), Ok(f64::MAX));
        assert_eq!(reader.number(), Err(Stop::STATE));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_state_that_is_cut_or_too_long_is_refused() {
        assert_eq!(Reader::new(&[0; 7]).integer(), Err(Stop::STATE));
        assert_eq!(Reader::new(&[0; 15]).numbers::<2>(), Err(Stop::STATE));
        assert_eq!(Reader::new(&[0]).end(), Err(Stop::STATE));
    }
}
