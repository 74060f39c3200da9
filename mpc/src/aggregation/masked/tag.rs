//! The tag by which every party checks the sum: a keyed linear hash over the integers modulo 2^61 - 1.
//!
//! The parties share a secret: coefficients a_0 .. a_255, a point b, and an offset for each seat. The tag of a vector x is
//! the sum over all words of a_i b^(k+1) x_(256 k + i), plus the offset of the seat; so the tags of the survivors add up to the
//! tag of the sum plus all their offsets. Without the offsets a total and its tag could be scaled alike.
//!
//! Who does not know the secret and changes the sum finds its tag with a chance below 2^-61 (blocks + 1), blocks being a
//! 256th of the words: below 2^-41 for 2^27 of them. There is one try, since a run fails by it.
//!
//! # Source
//! J. L. Carter, M. N. Wegman, "Universal classes of hash functions", JCSS 18(2), 1979; M. N. Wegman, J. L. Carter, "New hash
//! functions and their use in authentication and set equality", JCSS 22(3), 1981, for the one-time offset.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ring::Word;
use super::task::MAX_PARTIES;

/// The modulus, 2^61 - 1, a prime.
const MODULUS: u64 = (1 << 61) - 1;

/// An integer modulo 2^61 - 1, kept below 2^61 + 8.
#[derive(Clone, Copy, Debug, Default, Zeroize)]
pub(super) struct Field(u64);

impl Field {
    /// Bytes of an encoding.
    pub(super) const BYTES: usize = 8;

    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);

    /// Reduces 128 uniform bits; what is off is below 2^-66.
    pub(super) fn of_uniform(bytes: &[u8; 16]) -> Self {
        Self::of_magnitude(u128::from_le_bytes(*bytes))
    }

    /// Reads an encoding.
    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        Some(u64::from_le_bytes(*bytes)).filter(|value| *value < MODULUS).map(Self)
    }

    /// Encodes the number below the modulus.
    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let reduced = fold(self.0);
        let (less, below) = reduced.overflowing_sub(MODULUS);
        u64::conditional_select(&less, &reduced, Choice::from(u8::from(below))).to_le_bytes()
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self(fold(self.0 + other.0))
    }

    pub(super) fn subtract(self, other: Self) -> Self {
        Self(fold(self.0 + 2 * MODULUS - other.0))
    }

    #[inline(always)]
    fn multiply(self, other: Self) -> Self {
        let product = u128::from(self.0) * u128::from(other.0);
        // Below 2^61 and 2^62.
        Self(fold((low_bits(product) & MODULUS) + low_bits(product >> 61)))
    }

    fn power(self, mut exponent: u64) -> Self {
        let (mut base, mut product) = (self, Self::ONE);
        while exponent > 0 {
            if exponent & 1 == 1 {
                product = product.multiply(base);
            }
            base = base.multiply(base);
            exponent >>= 1;
        }
        product
    }

    fn of_magnitude(value: u128) -> Self {
        let [low, middle, high] = [0, 61, 122].map(|shift| low_bits(value >> shift) & MODULUS);
        Self(fold(low + middle + high))
    }

    /// Takes a word as the signed integer that it stands for; below 2^61 + 2^32.
    #[inline(always)]
    fn of<W: Word>(word: W) -> Self {
        if W::BYTES == 4 { Self::of_short(word.narrow()) } else { Self::of_signed(word.centred()) }
    }

    /// Takes a signed integer, in constant time.
    #[inline(always)]
    fn of_signed(value: i128) -> Self {
        let magnitude = Self::of_magnitude(value.unsigned_abs());
        let sign = low_bits((value >> 127).cast_unsigned());
        // The value where the sign is zero, what is left to twice the modulus where it is all ones.
        let negated = 2 * MODULUS - magnitude.0;
        Self(fold((magnitude.0 & !sign) | (negated & sign)))
    }

    /// Takes a signed integer of at most 32 bits, in constant time.
    #[inline(always)]
    fn of_short(value: i64) -> Self {
        Self(value.cast_unsigned().wrapping_add(MODULUS))
    }
}

/// Brings a number below 2^64 below 2^61 + 8, without changing it modulo 2^61 - 1.
#[inline(always)]
fn fold(value: u64) -> u64 {
    (value & MODULUS) + (value >> 61)
}

#[allow(clippy::cast_possible_truncation, reason = "the low bits are meant")]
#[inline(always)]
fn low_bits(value: u128) -> u64 {
    value as u64
}

/// The value of a vector's hash, masked or not.
pub(super) type Tag = Field;

/// Words that share a power of the point.
const BLOCK_LEN: usize = 256;

/// Products of two numbers below 2^61 + 2^33 that fit 128 bits together.
const LAZY_LEN: usize = 32;

/// The secret that the parties share.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct TagKey {
    coefficients: [u64; BLOCK_LEN],
    point: Field,
    offsets: [Field; MAX_PARTIES],
}

impl TagKey {
    /// Expands 32 secret uniform bytes.
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*secret);
        let mut draw = || {
            let mut bytes = [0; 16];
            rng.fill_bytes(&mut bytes);
            Field::of_uniform(&bytes)
        };
        Self {
            coefficients: [(); BLOCK_LEN].map(|()| draw().0),
            point: draw(),
            offsets: [(); MAX_PARTIES].map(|()| draw()),
        }
    }

    /// Returns the offset of a seat.
    pub(super) fn offset(&self, seat: u16) -> Tag {
        self.offsets.get(usize::from(seat)).copied().unwrap_or_default()
    }

    /// Hashes the words that stand from `first` on in their vector, a multiple of a block.
    pub(super) fn hash<W: Word>(&self, first: usize, words: &[W]) -> Tag {
        debug_assert!(first.is_multiple_of(BLOCK_LEN), "vectors are hashed by whole blocks");
        let block = |sum: Field, words: &[W]| sum.multiply(self.point).add(self.block(words));
        // Horner's rule takes the highest power first.
        let sum = words.chunks(BLOCK_LEN).rev().fold(Field::ZERO, block);
        sum.multiply(self.point.power((first / BLOCK_LEN) as u64 + 1))
    }

    fn block<W: Word>(&self, words: &[W]) -> Field {
        let parts = words.chunks(LAZY_LEN).zip(self.coefficients.chunks(LAZY_LEN));
        let part = |(words, coefficients): (&[W], &[u64])| {
            let products = words.iter().zip(coefficients);
            let add = |sum: u128, (word, coefficient): (&W, &u64)| {
                sum + u128::from(Field::of(*word).0) * u128::from(*coefficient)
            };
            Field::of_magnitude(products.fold(0, add))
        };
        parts.map(part).fold(Field::ZERO, Field::add)
    }
}

impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TagKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Computes the same with ordinary remainders.
    fn plain(key: &TagKey, first: usize, values: &[i128]) -> u64 {
        let modulus = i128::from(MODULUS);
        let mut power = 1i128;
        let mut sum = 0i128;
        for (place, value) in (first..).zip(values) {
            if place == first || place % BLOCK_LEN == 0 {
                let block = place / BLOCK_LEN;
                power = (0..=block).fold(1, |power, _| power * i128::from(key.point.0) % modulus);
            }
            let coefficient = i128::from(key.coefficients[place % BLOCK_LEN]) % modulus;
            sum = (sum + coefficient * power % modulus * value.rem_euclid(modulus)) % modulus;
        }
        u64::try_from(sum).unwrap()
    }

    fn found<W: Word>(key: &TagKey, first: usize, values: &[i128]) -> u64 {
        let words: Vec<W> = values.iter().map(|value| W::from_wide(*value)).collect();
        u64::from_le_bytes(key.hash(first, &words).to_bytes())
    }

    proptest! {
        #[test]
        fn tags_equal_those_by_plain_remainders(
            secret in any::<[u8; 32]>(), block in 0usize..5, short in proptest::collection::vec(any::<i32>(), 0..600),
            long in proptest::collection::vec(any::<i64>(), 0..600), wide in proptest::collection::vec(any::<i128>(), 0..600),
        ) {
            let (key, first) = (TagKey::new(&secret), block * BLOCK_LEN);
            let short: Vec<i128> = short.into_iter().map(i128::from).collect();
            let long: Vec<i128> = long.into_iter().map(i128::from).collect();
            prop_assert_eq!(found::<u32>(&key, first, &short), plain(&key, first, &short));
            prop_assert_eq!(found::<u64>(&key, first, &long), plain(&key, first, &long));
            prop_assert_eq!(found::<u128>(&key, first, &wide), plain(&key, first, &wide));
        }
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let mut key = TagKey::new(&[3; 32]);
        key.coefficients = [MODULUS + 7; BLOCK_LEN];
        for value in [i128::MIN, i128::MAX, -1, 0, i128::from(MODULUS), -i128::from(MODULUS)] {
            assert_eq!(found::<u128>(&key, 0, &[value; 600]), plain(&key, 0, &[value; 600]));
        }
        for value in [i32::MIN, i32::MAX, -1, 0, 1].map(i128::from) {
            assert_eq!(found::<u32>(&key, 256, &[value; 600]), plain(&key, 256, &[value; 600]));
        }
        for value in [i64::MIN, i64::MAX].map(i128::from) {
            assert_eq!(found::<u64>(&key, 0, &[value; 600]), plain(&key, 0, &[value; 600]));
        }
    }

    #[test]
    fn tags_of_parts_add_up_and_offsets_differ() {
        let key = TagKey::new(&[9; 32]);
        let words: Vec<u64> = (0..1000u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let whole = key.hash(0, &words);
        let parts = key.hash(0, &words[..512]).add(key.hash(512, &words[512..]));
        assert_eq!(whole.to_bytes(), parts.to_bytes());
        assert_eq!(whole.subtract(parts).to_bytes(), [0; 8]);
        assert_ne!(key.offset(0).to_bytes(), key.offset(1).to_bytes());
    }

    #[test]
    fn only_numbers_below_the_modulus_are_read() {
        assert!(Tag::from_bytes(&[0xff; 8]).is_none());
        assert!(Tag::from_bytes(&MODULUS.to_le_bytes()).is_none());
        assert_eq!(Tag::from_bytes(&[1; 8]).unwrap().to_bytes(), [1; 8]);
    }
}
