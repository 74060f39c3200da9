//! The tag by which every party checks the sum: a polynomial over the integers modulo 2^61 - 1, at two points that
//! only the parties know, under a pad that they know likewise.
//!
//! The tag of a vector x at a point a is b plus the sum of a^(j+1) x_j, so the tags of n parties add up to n b and the
//! polynomial of the sum. The coordinator sees total and tag; the pad b serves one session, so they say nothing of
//! a (without it, a would be a root of a polynomial that the coordinator knows).
//! Whoever changes the sum without knowing the points passes with a chance of d/2^61 at each of them, the
//! polynomial of the change having at most d roots: below 2^-74 for two points and 10^7 words.
//!
//! # Source
//! J. L. Carter, M. N. Wegman, "Universal classes of hash functions", 1979; the polynomial form is folklore (for
//! example D. J. Bernstein, "Polynomial evaluation and message authentication", 2007).

use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroize;

use super::ring::Word;

/// The modulus, 2^61 - 1, a prime.
const MODULUS: u64 = (1 << 61) - 1;

/// An integer modulo 2^61 - 1, kept below 2^61 + 8.
#[derive(Clone, Copy, Debug, Default, Zeroize)]
pub(super) struct Field(u64);

impl Field {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);

    /// Reduces 128 uniform bits; what is off is below 2^-66.
    pub(super) fn of_uniform(bytes: [u8; 16]) -> Self {
        Self::of_magnitude(u128::from_le_bytes(bytes))
    }

    /// Reads an encoding.
    pub(super) fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        Some(u64::from_le_bytes(bytes)).filter(|value| *value < MODULUS).map(Self)
    }

    /// Encodes the number below the modulus.
    pub(super) fn to_bytes(self) -> [u8; 8] {
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

/// The values of one vector's polynomial at both points.
#[derive(Clone, Copy, Debug, Default, Zeroize)]
pub(super) struct Tag(pub(super) [Field; 2]);

impl Tag {
    /// Bytes of an encoded tag.
    pub(super) const BYTES: usize = 16;

    pub(super) fn of_uniform(bytes: &[u8; 32]) -> Self {
        let (first, second) = bytes.split_at(16);
        let field = |half: &[u8]| Field::of_uniform(half.try_into().expect("half of 32 bytes"));
        Self([field(first), field(second)])
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (first, second) = bytes.split_at(8);
        let field = |half: &[u8]| Field::from_bytes(half.try_into().expect("half of 16 bytes"));
        Some(Self([field(first)?, field(second)?]))
    }

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let [first, second] = self.0.map(Field::to_bytes);
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(first.iter().chain(&second)).for_each(|(place, byte)| *place = *byte);
        bytes
    }

    pub(super) fn add(self, other: Self) -> Self {
        self.with(other, Field::add)
    }

    pub(super) fn subtract(self, other: Self) -> Self {
        self.with(other, Field::subtract)
    }

    fn with(self, other: Self, work: fn(Field, Field) -> Field) -> Self {
        let ([a, b], [c, d]) = (self.0, other.0);
        Self([work(a, c), work(b, d)])
    }
}

/// How many words are taken together, so that multiplications do not wait for each other.
const LANES: usize = 4;

/// The two points, with their powers that a vector is tagged by, and the pad.
#[derive(Zeroize, zeroize::ZeroizeOnDrop)]
pub(super) struct Points {
    points: [Field; 2],
    pad: Tag,
    /// The powers 0 to 3 of each.
    low: [[Field; LANES]; 2],
    fourth: [Field; 2],
}

impl Points {
    /// Takes the points and the pad from secret uniform bytes.
    pub(super) fn new([points, pad]: &[[u8; 32]; 2]) -> Self {
        let (Tag(points), pad) = (Tag::of_uniform(points), Tag::of_uniform(pad));
        let low = points.map(|point| [0, 1, 2, 3].map(|exponent| point.power(exponent)));
        Self { points, pad, low, fourth: points.map(|point| point.power(4)) }
    }

    /// Returns the pad of a sum of so many vectors.
    pub(super) fn pad(&self, vectors_len: usize) -> Tag {
        Tag(self.pad.0.map(|pad| pad.multiply(Field(vectors_len as u64))))
    }

    /// Tags the words that stand from `first` on in their vector, but for the pad.
    pub(super) fn tag<W: Word>(&self, first: usize, words: &[W]) -> Tag {
        let value = |word: W| {
            let centred = word.centred();
            if W::BYTES == 4 {
                Field::of_short(low_bits(centred.cast_unsigned()).cast_signed())
            } else {
                Field::of_signed(centred)
            }
        };
        let (groups, rest) = words.as_chunks::<LANES>();
        let mut sums = [[Field::ZERO; LANES]; 2];
        let mut step = |group: [W; LANES]| {
            let group = group.map(value);
            for (sums, fourth) in sums.iter_mut().zip(self.fourth) {
                for (sum, value) in sums.iter_mut().zip(group) {
                    *sum = sum.multiply(fourth).add(value);
                }
            }
        };
        // Horner's rule takes the highest power first.
        let mut last = [W::default(); LANES];
        last.iter_mut().zip(rest).for_each(|(place, word)| *place = *word);
        step(last);
        groups.iter().rev().for_each(|group| step(*group));
        let mut values = sums.iter().zip(&self.low).zip(self.points).map(|((sums, low), point)| {
            let sum = sums.iter().zip(low).fold(Field::ZERO, |sum, (a, b)| sum.add(a.multiply(*b)));
            sum.multiply(point.power(first as u64 + 1))
        });
        Tag([(); 2].map(|()| values.next().unwrap_or_default()))
    }
}

impl std::fmt::Debug for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Points(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Computes the same with ordinary remainders.
    fn plain(secret: &[u8; 32], first: usize, values: &[i128]) -> [u64; 2] {
        let modulus = i128::from(MODULUS);
        [0, 16].map(|start| {
            let point =
                u128::from_le_bytes(secret[start..start + 16].try_into().unwrap()) % (modulus as u128);
            let mut power = 1i128;
            (0..=first).for_each(|_| power = power * point as i128 % modulus);
            let mut sum = 0i128;
            for value in values {
                sum = (sum + power * value.rem_euclid(modulus)) % modulus;
                power = power * point as i128 % modulus;
            }
            u64::try_from(sum).unwrap()
        })
    }

    fn found<W: Word>(secret: &[u8; 32], first: usize, values: &[i128]) -> [u64; 2] {
        let words: Vec<W> = values.iter().map(|value| W::from_wide(*value)).collect();
        Points::new(&[*secret, [0; 32]])
            .tag(first, &words)
            .0
            .map(|field| u64::from_le_bytes(field.to_bytes()))
    }

    proptest! {
        #[test]
        fn tags_equal_those_by_plain_remainders(
            secret in any::<[u8; 32]>(), first in 0usize..9, short in proptest::collection::vec(any::<i32>(), 0..23),
            long in proptest::collection::vec(any::<i64>(), 0..23), wide in proptest::collection::vec(any::<i128>(), 0..23),
        ) {
            let short: Vec<i128> = short.into_iter().map(i128::from).collect();
            let long: Vec<i128> = long.into_iter().map(i128::from).collect();
            prop_assert_eq!(found::<u32>(&secret, first, &short), plain(&secret, first, &short));
            prop_assert_eq!(found::<u64>(&secret, first, &long), plain(&secret, first, &long));
            prop_assert_eq!(found::<u128>(&secret, first, &wide), plain(&secret, first, &wide));
        }
    }

    #[test]
    fn the_extremes_are_reduced() {
        for secret in [[0xff; 32], [0; 32], [1; 32]] {
            let extremes = [i128::MIN, i128::MAX, -1, 0, i128::from(MODULUS), -i128::from(MODULUS)];
            assert_eq!(found::<u128>(&secret, 0, &extremes), plain(&secret, 0, &extremes));
            let extremes = [i32::MIN.into(), i32::MAX.into(), -1, 0, 1];
            assert_eq!(found::<u32>(&secret, 3, &extremes), plain(&secret, 3, &extremes));
        }
    }

    #[test]
    fn tags_of_parts_add_up() {
        let points = Points::new(&[[9; 32]; 2]);
        let words: Vec<u64> = (0..100u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let whole = points.tag(0, &words);
        let parts = points.tag(0, &words[..37]).add(points.tag(37, &words[37..]));
        assert_eq!(whole.to_bytes(), parts.to_bytes());
        assert_eq!(whole.subtract(parts).to_bytes(), [0; 16]);
    }

    #[test]
    fn pads_add_up() {
        let points = Points::new(&[[9; 32], [0xfe; 32]]);
        let three = points.pad(1).add(points.pad(1)).add(points.pad(1));
        assert_eq!(points.pad(3).to_bytes(), three.to_bytes());
        assert_ne!(points.pad(1).to_bytes(), [0; 16]);
    }

    #[test]
    fn only_numbers_below_the_modulus_are_read() {
        assert!(Tag::from_bytes(&[0xff; 16]).is_none());
        let mut modulus = [0; 16];
        modulus[..8].copy_from_slice(&MODULUS.to_le_bytes());
        assert!(Tag::from_bytes(&modulus).is_none());
        assert!(Tag::from_bytes(&[1; 16]).is_some());
    }
}
