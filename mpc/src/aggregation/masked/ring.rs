//! The integers modulo 2^32, 2^64 or 2^128, in which masked vectors are added.
//!
//! A sum of n values between -B and B comes back exactly where n B is below half of the modulus, so the ring is the
//! smallest that holds it. There is no prime field: masks are uniform words as they come off the stream.

use std::fmt;

use super::tag::{Tag, TagKey};
use crate::parallel;

/// A ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// The integers modulo 2^32.
    Bits32,
    /// The integers modulo 2^64.
    Bits64,
    /// The integers modulo 2^128.
    Bits128,
}

impl Ring {
    /// Returns the smallest ring that holds the sum of `parties` values from `low` to `high`; none where even
    /// 2^128 is too small.
    pub fn holding(parties: usize, low: i128, high: i128) -> Option<Self> {
        let largest = low.unsigned_abs().max(high.unsigned_abs());
        let sum = largest.checked_mul(parties as u128)?;
        [Self::Bits32, Self::Bits64, Self::Bits128].into_iter().find(|ring| sum >> (ring.bits() - 1) == 0)
    }

    /// Returns the width of a word in bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Bits32 => 32,
            Self::Bits64 => 64,
            Self::Bits128 => 128,
        }
    }

    /// Returns the width of a word in bytes.
    pub fn word_bytes(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
            Self::Bits128 => 16,
        }
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "integers modulo 2^{}", self.bits())
    }
}

/// A word of a ring; bytes are little-endian.
pub(super) trait Word: Copy + Default + Send + Sync + fmt::Debug {
    const BYTES: usize;

    fn read(bytes: &[u8]) -> Self;
    fn write(self, bytes: &mut [u8]);
    fn add(self, other: Self) -> Self;
    fn subtract(self, other: Self) -> Self;
    fn from_narrow(value: i64) -> Self;
    fn from_wide(value: i128) -> Self;
    /// Returns the value between minus half of the modulus and half of it.
    fn centred(self) -> i128;
    /// Returns it in 64 bits, where it fits them.
    fn narrow(self) -> i64;
}

macro_rules! word {
    ($unsigned:ty, $signed:ty) => {
        impl Word for $unsigned {
            const BYTES: usize = size_of::<Self>();

            #[inline(always)]
            fn read(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(0, |bytes| Self::from_le_bytes(*bytes))
            }

            #[inline(always)]
            fn write(self, bytes: &mut [u8]) {
                if let Some(place) = bytes.first_chunk_mut() {
                    *place = self.to_le_bytes();
                }
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "reduced into the ring"
            )]
            fn from_narrow(value: i64) -> Self {
                value as Self
            }

            #[inline(always)]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "reduced into the ring"
            )]
            fn from_wide(value: i128) -> Self {
                value as Self
            }

            #[inline(always)]
            fn centred(self) -> i128 {
                i128::from(self.cast_signed())
            }

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation, reason = "asked for where it fits")]
            fn narrow(self) -> i64 {
                self.cast_signed() as i64
            }
        }
    };
}

word!(u32, i32);
word!(u64, i64);
word!(u128, i128);

/// Runs `$body` with `$W` for the word of a ring.
macro_rules! with_word {
    ($ring:expr, $W:ident => $body:expr) => {
        match $ring {
            Ring::Bits32 => {
                type $W = u32;
                $body
            }
            Ring::Bits64 => {
                type $W = u64;
                $body
            }
            Ring::Bits128 => {
                type $W = u128;
                $body
            }
        }
    };
}
pub(super) use with_word;

/// Bytes of words that are worked on at a time: with as many of masks, they stay in the first cache.
pub(super) const TILE_BYTES: usize = 1 << 14;

/// A vector over a ring, as little-endian bytes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) ring: Ring,
    pub(super) bytes: Vec<u8>,
}

impl Words {
    pub(super) fn zeros(ring: Ring, len: usize) -> Self {
        Self { ring, bytes: vec![0; len * ring.word_bytes()] }
    }

    /// Adds a vector of the same length.
    pub(super) fn add(&mut self, other: &[u8]) {
        fn tile<W: Word>(own: &mut [u8], other: &[u8]) {
            for (own, other) in own.chunks_exact_mut(W::BYTES).zip(other.chunks_exact(W::BYTES)) {
                W::read(own).add(W::read(other)).write(own);
            }
        }
        let ring = self.ring;
        parallel::chunked(&mut self.bytes, TILE_BYTES, |index, own| {
            let other = other.get(index * TILE_BYTES..).unwrap_or_default();
            with_word!(ring, W => tile::<W>(own, other));
        });
    }

    /// Hashes the vector.
    pub(super) fn hash(&self, key: &TagKey) -> Tag {
        let tiles = parallel::mapped(&self.bytes, TILE_BYTES, |index, tile| {
            with_word!(self.ring, W => {
                let words: Vec<W> = tile.chunks_exact(W::BYTES).map(W::read).collect();
                key.hash(index * TILE_BYTES / W::BYTES, &words)
            })
        });
        tiles.into_iter().fold(Tag::default(), Tag::add)
    }

    /// Returns the values, each between minus half of the modulus and half of it.
    pub(super) fn centred(&self) -> Vec<i128> {
        with_word!(self.ring, W => self.bytes.chunks_exact(W::BYTES).map(|word| W::read(word).centred()).collect())
    }

    /// Returns the same in 64 bits each; none where one does not fit them.
    pub(super) fn narrow(&self) -> Option<Vec<i64>> {
        let narrow = |value: i128| i64::try_from(value).ok();
        with_word!(self.ring, W => {
            self.bytes.chunks_exact(W::BYTES).map(|word| narrow(W::read(word).centred())).collect()
        })
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("ring", &self.ring).field("bytes", &self.bytes.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_ring_holds_the_sum() {
        assert_eq!(Ring::holding(2, -(1 << 30) + 1, (1 << 30) - 1), Some(Ring::Bits32));
        assert_eq!(Ring::holding(2, 0, 1 << 30), Some(Ring::Bits64));
        assert_eq!(Ring::holding(4, -(1 << 61), 0), Some(Ring::Bits128));
        assert_eq!(Ring::holding(3, i128::MIN, 0), None);
        assert_eq!(Ring::holding(1, 0, i128::MAX), Some(Ring::Bits128));
    }

    #[test]
    fn words_wrap_and_come_back_centred() {
        fn check<W: Word>(values: [i128; 4]) {
            for value in values {
                assert_eq!(W::from_wide(value).centred(), value);
                let mut bytes = [0; 16];
                W::from_wide(value).write(&mut bytes);
                assert_eq!(W::read(&bytes).centred(), value);
                let other = W::from_wide(77);
                assert_eq!(W::from_wide(value).subtract(other).add(other).centred(), value);
            }
        }
        check::<u32>([0, -1, i32::MAX.into(), i32::MIN.into()]);
        check::<u64>([0, -1, i64::MAX.into(), i64::MIN.into()]);
        check::<u128>([0, -1, i128::MAX, i128::MIN]);
        assert_eq!(u32::from_narrow(-5).centred(), -5);
    }

    #[test]
    fn vectors_add_word_by_word_across_tiles() {
        for ring in [Ring::Bits32, Ring::Bits64, Ring::Bits128] {
            let len = 3 * TILE_BYTES / ring.word_bytes() + 5;
            let mut sum = Words::zeros(ring, len);
            let mut other = Words::zeros(ring, len);
            other.bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = u8::try_from(i % 251).unwrap());
            (0..3).for_each(|_| sum.add(&other.bytes));
            let modulus_mask = if ring.bits() == 128 { u128::MAX } else { (1 << ring.bits()) - 1 };
            for (sum, one) in sum.centred().iter().zip(other.centred()) {
                assert_eq!(*sum as u128 & modulus_mask, (one as u128).wrapping_mul(3) & modulus_mask);
            }
            let narrow = sum.narrow().map(|narrow| narrow.into_iter().map(i128::from).collect());
            assert_eq!(narrow, (ring != Ring::Bits128).then(|| sum.centred()));
        }
    }
}
