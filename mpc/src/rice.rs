//! Rice coding of non-negative integers: the quotient by 2^k in unary, the remainder in k bits.
//!
//! # Source
//! R. F. Rice, "Some practical universal noiseless coding techniques", JPL 79-22, 1979. Of gaps between
//! sorted uniform values it is within 0.04 bits of the entropy when 2^k is about the mean gap.

/// Largest k: remainders and the bits that wait for a full byte fit 128 bits together.
pub(crate) const MAX_REMAINDER_BITS: u32 = 112;

/// Why bytes are not a Rice code of the expected length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadCode {
    #[error("the code ends too early")]
    Truncated,
    #[error("a quotient exceeds the largest possible one")]
    Quotient,
    #[error("the padding holds more than zeros")]
    Padding,
}

/// Encodes `values` with remainders of `k` bits, most significant bit first, padded with zero bits.
pub(crate) fn encode(values: impl IntoIterator<Item = u128>, k: u32) -> Vec<u8> {
    debug_assert!(k <= MAX_REMAINDER_BITS);
    let mut writer = BitWriter::default();
    for value in values {
        writer.unary(value >> k);
        writer.bits(value & low_mask(k), k);
    }
    writer.finish()
}

/// Decodes exactly `count` values, of which no quotient exceeds `max_quotient`.
pub(crate) fn decode(bytes: &[u8], count: usize, k: u32, max_quotient: u128) -> Result<Vec<u128>, BadCode> {
    // BOUND: every value takes at least k + 1 bits, so a count that the bytes cannot hold allocates nothing.
    if (bytes.len() as u128) * 8 < (count as u128) * u128::from(k + 1) {
        return Err(BadCode::Truncated);
    }
    let mut reader = BitReader { bytes, position: 0 };
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let quotient = reader.unary(max_quotient)?;
        values.push((quotient << k) | reader.bits(k)?);
    }
    reader.finish()?;
    Ok(values)
}

fn low_mask(bits: u32) -> u128 {
    (1u128 << bits) - 1
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, right-aligned.
    pending: u128,
    pending_len: u32,
}

impl BitWriter {
    fn bits(&mut self, value: u128, len: u32) {
        self.pending = (self.pending << len) | value;
        self.pending_len += len;
        while self.pending_len >= 8 {
            self.pending_len -= 8;
            let [.., byte] = (self.pending >> self.pending_len).to_be_bytes();
            self.bytes.push(byte);
        }
        self.pending &= low_mask(self.pending_len);
    }

    fn unary(&mut self, mut ones: u128) {
        while ones >= 64 {
            self.bits(low_mask(64), 64);
            ones -= 64;
        }
        let ones = u32::try_from(ones).expect("fewer than 64 ones are left");
        self.bits(low_mask(ones) << 1, ones + 1);
    }

    fn finish(mut self) -> Vec<u8> {
        let padding = self.pending_len.wrapping_neg() % 8;
        self.bits(0, padding);
        self.bytes
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    position: u64,
}

impl BitReader<'_> {
    /// The byte at the position and how many of its bits were read already.
    fn current(&self) -> Result<(u8, u32), BadCode> {
        let index = usize::try_from(self.position / 8).map_err(|_| BadCode::Truncated)?;
        let used = u32::try_from(self.position % 8).unwrap_or_default();
        Ok((*self.bytes.get(index).ok_or(BadCode::Truncated)?, used))
    }

    fn bits(&mut self, len: u32) -> Result<u128, BadCode> {
        let (mut value, mut wanted) = (0u128, len);
        while wanted > 0 {
            let (byte, used) = self.current()?;
            let take = wanted.min(8 - used);
            let taken = (byte << used) >> (8 - take);
            value = (value << take) | u128::from(taken);
            self.position += u64::from(take);
            wanted -= take;
        }
        Ok(value)
    }

    fn unary(&mut self, max: u128) -> Result<u128, BadCode> {
        let mut ones = 0;
        loop {
            let (byte, used) = self.current()?;
            let run = (byte << used).leading_ones().min(8 - used);
            ones += u128::from(run);
            if ones > max {
                return Err(BadCode::Quotient);
            }
            self.position += u64::from(run);
            if run < 8 - used {
                self.position += 1;
                return Ok(ones);
            }
        }
    }

    /// Checks that only the zero bits that fill the last byte are left, so that each code has one form.
    fn finish(mut self) -> Result<(), BadCode> {
        match u32::try_from(self.bytes.len() as u64 * 8 - self.position) {
            Ok(left) if left < 8 && self.bits(left)? == 0 => Ok(()),
            _ => Err(BadCode::Padding),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_code() {
        // 5 = quotient 2, remainder 1 at k = 1: 110 1; then 0: 0 0; padded.
        assert_eq!(encode([5, 0], 1), [0b1101_0000]);
        assert_eq!(decode(&[0b1101_0000], 2, 1, 2), Ok(vec![5, 0]));
    }

    #[test]
    fn wrong_codes_are_told_apart() {
        assert_eq!(decode(&[0b1101_0000], 5, 1, 2), Err(BadCode::Truncated));
        assert_eq!(decode(&[0b1111_1111], 1, 1, 100), Err(BadCode::Truncated));
        assert_eq!(decode(&[0b1101_0000], 2, 1, 1), Err(BadCode::Quotient));
        assert_eq!(decode(&[0b1101_0001], 2, 1, 2), Err(BadCode::Padding));
        assert_eq!(decode(&[0b1101_0000, 0], 2, 1, 2), Err(BadCode::Padding));
    }

    proptest! {
        #[test]
        fn values_come_back(values in prop::collection::vec(0u128..1 << 70, 0..200), k in 60u32..=MAX_REMAINDER_BITS) {
            let code = encode(values.iter().copied(), k);
            prop_assert_eq!(decode(&code, values.len(), k, 1 << 10), Ok(values));
        }

        #[test]
        fn any_bytes_decode_or_fail_and_what_decodes_is_canonical(
            bytes in prop::collection::vec(any::<u8>(), 0..64), count in 0usize..40, k in 0u32..30,
        ) {
            if let Ok(values) = decode(&bytes, count, k, 1000) {
                prop_assert_eq!(encode(values, k), bytes);
            }
        }
    }
}
