//! Handing records over: each column is copied once, straight to where the guest reads it.

use crate::declaration::ColumnType;
use crate::guest::Guest;
use crate::job::{Job, fill};
use crate::layout::value_bits;
use crate::records::{Column, Records};

/// Writes `rows` rows of a partition from `first` on, a multiple of eight, and the header of their batch.
pub(crate) fn hand_over(
    job: &Job<'_>,
    guest: &mut Guest<'_>,
    records: &impl Records,
    first: usize,
    rows: usize,
) {
    let mut null_lens = Vec::with_capacity(job.layout.columns.len());
    for (index, regions) in job.layout.columns.iter().enumerate() {
        let Some(column) = records.column(index) else { continue };
        fill(guest.region(regions.values), column.values.bytes(first, rows));
        if regions.column_type == ColumnType::Boolean {
            clear_tail(guest.region(regions.values), rows);
        }
        null_lens.push(match validity(&column, first, rows) {
            Some(bits) => {
                let null_len = clear_missing(guest.region(regions.values), bits, rows, regions.column_type);
                fill(guest.region(regions.validity), bits);
                clear_tail(guest.region(regions.validity), rows);
                null_len
            }
            None => 0,
        });
    }
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    let header = job.layout.batch_header(guest.base(), rows, &null_lens);
    fill(guest.region(job.layout.batch), &header);
}

/// Clears the bits behind the last row: they are those of rows that are not handed over.
fn clear_tail(bits: &mut [u8], rows: usize) {
    if !rows.is_multiple_of(8) {
        bits.get_mut(rows / 8).into_iter().for_each(|byte| *byte &= (1 << (rows % 8)) - 1);
    }
}

/// Returns the bits of these rows, where a value is missing among them.
fn validity<'a>(column: &Column<'a>, first: usize, rows: usize) -> Option<&'a [u8]> {
    let bits = column.validity?.get(first / 8..(first + rows).div_ceil(8))?;
    missing(bits, rows).next().is_some().then_some(bits)
}

/// Lists the rows without a value.
fn missing(bits: &[u8], rows: usize) -> impl Iterator<Item = usize> {
    let in_byte = |(index, byte): (usize, &u8)| {
        let byte = *byte;
        (0..8).filter(move |bit| byte >> bit & 1 == 0).map(move |bit| 8 * index + bit)
    };
    let holes = bits.iter().enumerate().filter(|(_, byte)| **byte != 0xff);
    holes.flat_map(in_byte).filter(move |row| *row < rows)
}

/// Puts zeros where no value is, and counts them.
fn clear_missing(values: &mut [u8], bits: &[u8], rows: usize, column_type: ColumnType) -> u32 {
    let mut null_len = 0;
    let bytes = value_bits(column_type) / 8;
    for row in missing(bits, rows) {
        null_len += 1;
        if column_type == ColumnType::Boolean {
            values.get_mut(row / 8).into_iter().for_each(|byte| *byte &= !(1 << (row % 8)));
        } else if let Some(value) = values.get_mut(row * bytes..(row + 1) * bytes) {
            value.fill(0);
        }
    }
    null_len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_are_zeros() {
        let mut values = [0xff; 40];
        assert_eq!(clear_missing(&mut values, &[0b1111_1010], 5, ColumnType::Integer), 2);
        let zeros: Vec<_> = values.chunks(8).map(|value| value == [0; 8]).collect();
        assert_eq!(zeros, [true, false, true, false, false]);
        let mut bits = [0xff, 0xff];
        assert_eq!(clear_missing(&mut bits, &[0b1111_1111, 0b0000_0010], 10, ColumnType::Boolean), 1);
        assert_eq!(bits, [0xff, 0b1111_1110]);
    }

    #[test]
    fn bits_of_rows_that_are_not_handed_over_are_cleared() {
        let mut bits = [0xff, 0xff];
        clear_tail(&mut bits, 11);
        assert_eq!(bits, [0xff, 0b111]);
        clear_tail(&mut bits, 8);
        assert_eq!(bits, [0xff, 0b111]);
    }

    #[test]
    fn a_batch_without_missing_values_has_no_validity() {
        let column = |validity| Column { values: crate::records::Values::Boolean(&[0; 4]), validity };
        assert_eq!(validity(&column(Some(&[0xff, 0x0f, 0x00, 0xff])), 0, 12), None);
        assert_eq!(validity(&column(Some(&[0xff, 0x0f, 0x00, 0xff])), 8, 13), Some(&[0x0f, 0x00][..]));
        assert_eq!(validity(&column(None), 0, 12), None);
    }
}
