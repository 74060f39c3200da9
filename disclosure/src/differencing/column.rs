//! The column of codes that is kept of a release, as bytes.
//!
//! ```text
//! magic "TGCC" | version u8 | cells u16 | rows u32 | codes | SHA-256 of all before
//! ```
//! Numbers are little-endian. A code is written as the cell counted from 1, with 0 for no cell, in as many bits as the
//! number of cells takes; codes fill bytes from the lowest bit on, and the bits behind the last one are zero. So there
//! is one encoding of a column, and 10^7 rows of 100 cells take 8.75 MB.

use sha2::{Digest, Sha256};

use super::refinement::{MAX_ROWS, check_codes};
use crate::table::MAX_CELLS;

const MAGIC: [u8; 4] = *b"TGCC";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 11;
const DIGEST_BYTES: usize = 32;

/// The cell of every unit of a dataset in one release.
///
/// # Examples
/// ```
/// use tidegate_disclosure::differencing::{CodeColumn, OUTSIDE};
///
/// let column = CodeColumn::new(3, vec![0, 2, OUTSIDE])?;
/// assert_eq!(CodeColumn::decode(&column.encode(), 1000)?, column);
/// # Ok::<(), tidegate_disclosure::differencing::ColumnError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CodeColumn {
    cells: u16,
    codes: Vec<u16>,
}

/// Why bytes are no column of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// The bytes begin as no column does.
    #[error("not a column of codes")]
    NotAColumn,
    /// A version that this program does not know.
    #[error("version {found} of a column of codes; this program reads version {VERSION}")]
    Version {
        /// The version.
        found: u8,
    },
    /// A release has no cells or too many.
    #[error("a column of {found} cells; there are between 1 and {MAX_CELLS}")]
    Cells {
        /// The cells.
        found: u32,
    },
    /// There are too many rows.
    #[error("a column of {found} rows; at most {max} are allowed")]
    Rows {
        /// The rows.
        found: u64,
        /// The most allowed.
        max: u64,
    },
    /// There are more or fewer bytes than the header says.
    #[error("a column of {found} bytes; its header says {expected}")]
    Length {
        /// The bytes.
        found: usize,
        /// What the header says.
        expected: usize,
    },
    /// The bytes are not the ones that were written.
    #[error("a column of codes does not have the digest at its end")]
    Digest,
    /// A code names no cell, or bits behind the last one are set.
    #[error("a column of codes holds a code above its {cells} cells")]
    Code {
        /// The cells.
        cells: u16,
    },
}

impl CodeColumn {
    /// Makes the column of a release of `cells` base cells; [`OUTSIDE`](super::OUTSIDE) is the code of a unit in none.
    ///
    /// # Errors
    /// [`ColumnError::Cells`], [`ColumnError::Rows`], [`ColumnError::Code`].
    pub fn new(cells: u32, codes: Vec<u16>) -> Result<Self, ColumnError> {
        let narrow = u16::try_from(cells).ok().filter(|_| (1..=MAX_CELLS).contains(&cells));
        let cells = narrow.ok_or(ColumnError::Cells { found: cells })?;
        let found = codes.len() as u64;
        if found > MAX_ROWS {
            return Err(ColumnError::Rows { found, max: MAX_ROWS });
        }
        check_codes(&codes, cells).map_err(|_| ColumnError::Code { cells })?;
        Ok(Self { cells, codes })
    }

    /// Counts the base cells of the release.
    pub fn cells(&self) -> u32 {
        u32::from(self.cells)
    }

    /// Returns the code of every row.
    pub fn codes(&self) -> &[u16] {
        &self.codes
    }

    /// Writes the column.
    pub fn encode(&self) -> Vec<u8> {
        let width = width(self.cells);
        let mut bytes = Vec::with_capacity(bytes_of(self.codes.len(), width));
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(self.cells.to_le_bytes());
        bytes.extend(u32::try_from(self.codes.len()).unwrap_or(u32::MAX).to_le_bytes());
        let (mut buffer, mut held) = (0_u64, 0);
        for code in &self.codes {
            buffer |= u64::from(code.wrapping_add(1)) << held;
            held += width;
            while held >= 8 {
                bytes.extend(buffer.to_le_bytes().first());
                buffer >>= 8;
                held -= 8;
            }
        }
        bytes.extend(buffer.to_le_bytes().first().filter(|_| held > 0));
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    /// Reads a column of at most `max_rows` rows; memory is reserved once the length is known to be right.
    ///
    /// # Errors
    /// [`ColumnError`].
    pub fn decode(bytes: &[u8], max_rows: u64) -> Result<Self, ColumnError> {
        let header = Header::read(bytes)?;
        let (cells, rows) = (header.cells, u64::from(header.rows));
        if rows > max_rows {
            return Err(ColumnError::Rows { found: rows, max: max_rows });
        }
        let (width, rows) = (width(cells), header.rows as usize);
        let expected = bytes_of(rows, width);
        let length = ColumnError::Length { found: bytes.len(), expected };
        let whole = bytes.split_last_chunk::<DIGEST_BYTES>().filter(|_| bytes.len() == expected);
        let (signed, digest) = whole.ok_or(length)?;
        if Sha256::digest(signed).as_slice() != digest {
            return Err(ColumnError::Digest);
        }
        let packed = signed.get(HEADER_BYTES..).unwrap_or_default();
        let (codes, is_clear) = unpack(packed, width, rows);
        if !is_clear {
            return Err(ColumnError::Code { cells });
        }
        Self::new(u32::from(cells), codes)
    }
}

impl std::fmt::Debug for CodeColumn {
    /// Shows sizes alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CodeColumn({} cells, {} rows)", self.cells, self.codes.len())
    }
}

/// What stands before the codes.
struct Header {
    cells: u16,
    rows: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, ColumnError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(ColumnError::NotAColumn)?;
        let short = ColumnError::Length { found: bytes.len(), expected: HEADER_BYTES + DIGEST_BYTES };
        let (&version, rest) = rest.split_first().ok_or(short)?;
        if version != VERSION {
            return Err(ColumnError::Version { found: version });
        }
        let (cells, rest) = rest.split_first_chunk().ok_or(short)?;
        let (rows, _) = rest.split_first_chunk().ok_or(short)?;
        let cells = u16::from_le_bytes(*cells);
        if !(1..=MAX_CELLS).contains(&u32::from(cells)) {
            return Err(ColumnError::Cells { found: u32::from(cells) });
        }
        Ok(Self { cells, rows: u32::from_le_bytes(*rows) })
    }
}

/// Counts the bits of a code.
fn width(cells: u16) -> u32 {
    u16::BITS - cells.leading_zeros()
}

/// Counts the bytes of a column.
fn bytes_of(rows: usize, width: u32) -> usize {
    HEADER_BYTES + (rows * width as usize).div_ceil(8) + DIGEST_BYTES
}

/// Reads `rows` codes, and tells whether the bits behind them are clear.
fn unpack(packed: &[u8], width: u32, rows: usize) -> (Vec<u16>, bool) {
    let mut codes = Vec::with_capacity(rows);
    let (mut buffer, mut held) = (0_u32, 0);
    let mask = (1_u32 << width) - 1;
    for &byte in packed {
        buffer |= u32::from(byte) << held;
        held += 8;
        while held >= width && codes.len() < rows {
            let code = u16::try_from(buffer & mask).unwrap_or(0);
            codes.push(code.wrapping_sub(1));
            buffer >>= width;
            held -= width;
        }
    }
    (codes, buffer == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::differencing::OUTSIDE;

    fn column() -> impl Strategy<Value = CodeColumn> {
        prop_oneof![1_u16..5, 1_u16..4097].prop_flat_map(|cells| {
            let code = prop_oneof![5 => 0..cells, 1 => Just(OUTSIDE)];
            let codes = proptest::collection::vec(code, 0..300);
            codes.prop_map(move |codes| CodeColumn::new(cells.into(), codes).unwrap())
        })
    }

    /// Puts the right digest behind altered bytes.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len() - DIGEST_BYTES);
        let digest = Sha256::digest(&bytes);
        [&bytes[..], &digest].concat()
    }

    proptest! {
        #[test]
        fn a_column_is_read_as_it_was_written(column in column()) {
            let bytes = column.encode();
            prop_assert_eq!(bytes.len(), bytes_of(column.codes().len(), width(column.cells)));
            prop_assert_eq!(CodeColumn::decode(&bytes, 300).unwrap(), column);
        }

        #[test]
        fn any_altered_byte_is_found(column in column(), at in any::<prop::sample::Index>(), by in 1_u8..) {
            let mut bytes = column.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert!(CodeColumn::decode(&bytes, 300).is_err());
        }

        #[test]
        fn what_is_read_under_a_right_digest_has_one_encoding(
            column in column(), at in any::<prop::sample::Index>(), by in 1_u8..,
        ) {
            let mut bytes = column.encode();
            let at = at.index(bytes.len() - DIGEST_BYTES);
            bytes[at] ^= by;
            let bytes = sealed(bytes);
            if let Ok(read) = CodeColumn::decode(&bytes, 300) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }

        #[test]
        fn no_bytes_are_too_bad(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = CodeColumn::decode(&bytes, u64::MAX);
            let _ = CodeColumn::decode(&[&MAGIC[..], &[VERSION], &bytes].concat(), u64::MAX);
        }
    }

    #[test]
    fn each_fault_is_named() {
        let bytes = CodeColumn::new(2, vec![0, 1, OUTSIDE]).unwrap().encode();
        let altered = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            CodeColumn::decode(&sealed(bytes), 10).unwrap_err()
        };
        assert_eq!(altered(0, b'X'), ColumnError::NotAColumn);
        assert_eq!(altered(4, 2), ColumnError::Version { found: 2 });
        assert_eq!(altered(5, 0), ColumnError::Cells { found: 0 });
        assert_eq!(altered(6, 0x20), ColumnError::Cells { found: 0x2002 });
        assert_eq!(altered(10, 0xff), ColumnError::Rows { found: 0xff00_0003, max: 10 });
        assert_eq!(altered(7, 9), ColumnError::Length { found: 44, expected: 46 });
        assert_eq!(altered(11, 0b11_1001), ColumnError::Code { cells: 2 });
        assert_eq!(altered(11, 0b100_1001), ColumnError::Code { cells: 2 });
        assert_eq!(CodeColumn::decode(&bytes, 2), Err(ColumnError::Rows { found: 3, max: 2 }));
        assert_eq!(
            CodeColumn::decode(&bytes[..7], 10).unwrap_err().to_string(),
            "a column of 7 bytes; its header says 43"
        );
        let mut bytes = bytes;
        bytes[11] ^= 1;
        assert_eq!(CodeColumn::decode(&bytes, 10), Err(ColumnError::Digest));
        assert_eq!(CodeColumn::new(2, vec![2]), Err(ColumnError::Code { cells: 2 }));
    }
}
