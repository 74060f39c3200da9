//! Lays out what the host hands over: `sandbox/ABI.md`, byte for byte.

use std::ops::Range;
use std::vec::Vec;

use super::tabulate::Tabulated;
use super::{Column, Error, Parameter};
use crate::raw::memory::Buffer;

/// Alignment of every array, as Apache Arrow recommends.
const ALIGNMENT: usize = 64;

/// Bytes for the buffer, whose addresses are good where the buffer begins.
pub(super) struct Message {
    bytes: Vec<u8>,
    /// Address of the first byte.
    start: u32,
    /// Address of what the guest is told of.
    root: u32,
    /// Where a mapper writes: cells, then measures, from the first byte on.
    outputs: Vec<Range<usize>>,
}

/// What a mapper wrote about a batch.
pub(super) struct Written {
    pub(super) cells: Vec<u32>,
    pub(super) measures: Vec<Vec<f64>>,
}

impl Message {
    pub(super) fn bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut message = Self::empty();
        message.root = message.append(bytes.iter().copied())?;
        Ok(message)
    }

    pub(super) fn setup(parameters: &[Parameter], columns: &[Column], carry: &[u8]) -> Result<Self, Error> {
        let mut message = Self::empty();
        let parameters_at = message.append(parameters.iter().flat_map(parameter_bytes))?;
        let described = columns.iter().map(|column| message.column_setup(column));
        let described = described.collect::<Result<Vec<_>, Error>>()?.concat();
        let columns_at = message.append_words(&described)?;
        let carry_at = if carry.is_empty() { 0 } else { message.append(carry.iter().copied())? };
        let (parameters_len, columns_len) = (size(parameters.len())?, size(columns.len())?);
        let root = [parameters_len, parameters_at, columns_len, columns_at, carry_at, size(carry.len())?];
        message.root = message.append_words(&root)?;
        Ok(message)
    }

    fn column_setup(&mut self, column: &Column) -> Result<[u32; 3], Error> {
        let labels = match column {
            Column::Categories { labels, .. } if !labels.is_empty() => labels,
            _ => return Ok([kind(column), 0, 0]),
        };
        let mut texts = Vec::new();
        for label in labels {
            texts.extend([self.append(label.bytes())?, size(label.len())?]);
        }
        Ok([kind(column), size(labels.len())?, self.append_words(&texts)?])
    }

    pub(super) fn batch(
        columns: &[Column],
        rows: Range<usize>,
        measures: Option<usize>,
    ) -> Result<Self, Error> {
        let mut message = Self::empty();
        let described = columns.iter().map(|column| message.column(column, rows.clone()));
        let described = described.collect::<Result<Vec<_>, Error>>()?.concat();
        let columns_at = message.append_words(&described)?;
        let (cells, values) = match measures {
            Some(measures_len) => message.append_outputs(rows.len(), measures_len)?,
            None => (0, 0),
        };
        message.root =
            message.append_words(&[size(rows.len())?, size(columns.len())?, columns_at, cells, values])?;
        Ok(message)
    }

    fn append_outputs(&mut self, rows: usize, measures_len: usize) -> Result<(u32, u32), Error> {
        let cells = self.append(std::iter::repeat(u8::MAX).take(rows * 4))?;
        self.note(rows * 4);
        let mut measures = Vec::new();
        for _ in 0..measures_len {
            measures.push(self.append(std::iter::repeat(0).take(rows * 8))?);
            self.note(rows * 8);
        }
        Ok((cells, self.append_words(&measures)?))
    }

    fn note(&mut self, bytes: usize) {
        self.outputs.push(self.bytes.len() - bytes..self.bytes.len());
    }

    fn column(&mut self, column: &Column, rows: Range<usize>) -> Result<[u32; 4], Error> {
        let (values, (validity, null_len)) = match column {
            Column::Booleans(values) => {
                let values = part(values, rows);
                (bits(values, |value| *value == Some(true)), missing(values))
            }
            Column::Integers(values) => written(part(values, rows), i64::to_le_bytes),
            Column::Numbers(values) => written(part(values, rows), f64::to_le_bytes),
            Column::Dates(values) => written(part(values, rows), i32::to_le_bytes),
            Column::Categories { values, .. } => written(part(values, rows), u32::to_le_bytes),
        };
        let values_at = self.append(values)?;
        // There is room for them either way, so that batches of equal length are equally long.
        let bits_at = self.append(validity)?;
        let validity_at = if null_len == 0 { 0 } else { bits_at };
        Ok([kind(column), values_at, validity_at, size(null_len)?])
    }

    pub(super) fn figures(figures: &Tabulated) -> Result<Self, Error> {
        let mut message = Self::empty();
        let counts = message.append_numbers(&figures.counts)?;
        let sums = figures.sums.iter().map(|sums| message.append_numbers(sums));
        let sums = sums.collect::<Result<Vec<_>, Error>>()?;
        let squares = figures.squares.iter().map(|squares| match squares {
            Some(squares) => message.append_numbers(squares),
            None => Ok(0),
        });
        let squares = squares.collect::<Result<Vec<_>, Error>>()?;
        let (sums_at, squares_at) = (message.append_words(&sums)?, message.append_words(&squares)?);
        let measures_len = size(sums.len())?;
        let root = [figures.rows, figures.columns, measures_len, counts, sums_at, squares_at];
        message.root = message.append_words(&root)?;
        Ok(message)
    }

    fn empty() -> Self {
        let start = Buffer::none().address();
        Self { bytes: Vec::new(), start, root: start, outputs: Vec::new() }
    }

    pub(super) fn len(&self) -> u32 {
        size(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// Writes all of it, and returns the address of what the guest is told of.
    pub(super) fn write(&self, buffer: &mut Buffer) -> Result<u32, Error> {
        let place = buffer.bytes_mut().get_mut(..self.bytes.len()).ok_or(Error::TooLarge)?;
        place.copy_from_slice(&self.bytes);
        Ok(self.root)
    }

    /// Reads what a mapper wrote.
    pub(super) fn outputs(&self, bytes: &[u8]) -> Result<Written, Error> {
        let mut found = self.outputs.iter().map(|place| bytes.get(place.clone()).ok_or(Error::TooLarge));
        let cells = found.next().unwrap_or(Ok(&[]))?;
        let measures = found.map(|measure| Ok(values(measure?, f64::from_le_bytes)));
        Ok(Written {
            cells: values(cells, u32::from_le_bytes),
            measures: measures.collect::<Result<_, Error>>()?,
        })
    }

    fn append(&mut self, bytes: impl IntoIterator<Item = u8>) -> Result<u32, Error> {
        let aligned = (self.bytes.len() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        self.bytes.resize(aligned, 0);
        let address = size(aligned)?.checked_add(self.start).ok_or(Error::TooLarge)?;
        self.bytes.extend(bytes);
        Ok(address)
    }

    fn append_words(&mut self, words: &[u32]) -> Result<u32, Error> {
        self.append(words.iter().flat_map(|word| word.to_le_bytes()))
    }

    fn append_numbers(&mut self, numbers: &[f64]) -> Result<u32, Error> {
        self.append(numbers.iter().flat_map(|number| number.to_le_bytes()))
    }
}

fn size(len: usize) -> Result<u32, Error> {
    u32::try_from(len).map_err(|_| Error::TooLarge)
}

fn kind(column: &Column) -> u32 {
    match column {
        Column::Booleans(_) => 0,
        Column::Integers(_) => 1,
        Column::Numbers(_) => 2,
        Column::Dates(_) => 3,
        Column::Categories { .. } => 4,
    }
}

fn parameter_bytes(parameter: &Parameter) -> [u8; 8] {
    match parameter {
        Parameter::Integer(value) => value.to_le_bytes(),
        Parameter::Number(value) => value.to_le_bytes(),
    }
}

fn part<T>(values: &[T], rows: Range<usize>) -> &[T] {
    values.get(rows).unwrap_or(&[])
}

/// Returns values as bytes, zero where one is missing, and which are missing.
fn written<T: Copy + Default, const BYTES: usize>(
    values: &[Option<T>],
    bytes: impl Fn(T) -> [u8; BYTES],
) -> (Vec<u8>, (Vec<u8>, usize)) {
    let written = values.iter().flat_map(|value| bytes(value.unwrap_or_default())).collect();
    (written, missing(values))
}

/// Returns the bits of validity and how many values are missing.
fn missing<T>(values: &[Option<T>]) -> (Vec<u8>, usize) {
    (bits(values, Option::is_some), values.iter().filter(|value| value.is_none()).count())
}

fn bits<T>(values: &[Option<T>], set: impl Fn(&Option<T>) -> bool) -> Vec<u8> {
    let byte = |values: &[Option<T>]| {
        values.iter().enumerate().fold(0, |byte, (place, value)| byte | u8::from(set(value)) << place)
    };
    values.chunks(8).map(byte).collect()
}

fn values<T, const BYTES: usize>(bytes: &[u8], value: impl Fn([u8; BYTES]) -> T) -> Vec<T> {
    bytes.chunks_exact(BYTES).filter_map(|chunk| chunk.try_into().ok()).map(value).collect()
}
