//! A fast sampler of discrete Gaussian noise, by integers alone.
//!
//! # Method
//! The target is P(x) proportional to exp(-x^2/(2 sigma^2)) on the integers, with sigma = m/16. A stride s makes
//! sigma/s lie between 16 and 32, or is 1 where sigma is below. Every magnitude is s z + y with 0 <= y < s, and
//!
//! ```text
//! (s z + y)^2 = (s z)^2 + y (2 s z + y)
//! ```
//!
//! so a sample is a z from a table of exp(-(s z)^2/(2 sigma^2)), a uniform y, a sign, and acceptance with probability
//! exp(-t), t = y (2 s z + y)/(2 sigma^2); the negative zero is refused. t is below 0.9 and mostly near 0.03, so about
//! one proposal of forty fails. This is the shape of Ducas, Durmus, Lepoint, Lyubashevsky, "Lattice Signatures and Bimodal
//! Gaussians", CRYPTO 2013, algorithm 11, with a wide table in the place of a narrow one.
//!
//! Acceptance compares 120 random bits with exp(-t). The first 64 nearly always suffice, for
//! 1 - t <= exp(-t) <= 1 - t + t^2/2; the exponential itself is computed for about one proposal of a thousand. A
//! decision that comes early is the one that all bits would give.
//!
//! # Distance from the exact distribution
//! At most 2^-100 in total variation for a sample, in ulps of 2^-120:
//! - A weight of the table is off by at most 8, and so is the whole of the weights beyond it, for z = 512 is at 16
//!   widths. The sum of the weights is at least 1 and is off by at most 2^12 + 8; scaled to a sum of 2^120 and rounded
//!   down, with what is missing given to z = 0, the probabilities are off by less than 2^14 taken together.
//! - t is off by at most 2 and exp(-t) by at most 8.
//! - At least half of the proposals are accepted, so accepted ones are off by less than 2^16.
//!
//! A test computes the distance with big integers for several widths.
//!
//! # Security
//! Time, and through the cache the place in the table, depend on the sample: who can time single samples or
//! shares the processor's caches while they are drawn learns about the noise.

use rand_core::CryptoRng;

use super::alias::{Alias, FIRST_BITS, INDEX_BITS, LEN};
use super::fixed::{ONE, POINT, divide, exp_minus, multiply};

/// Sigma is a multiple of one over this.
pub(super) const SIXTEENTHS: u64 = 16;

/// Widest sigma, in sixteenths.
pub(super) const MAX_SIXTEENTHS: u64 = 1 << 52;

/// Sixteenths of sigma that a stride of one stands for.
const SIXTEENTHS_PER_STRIDE: u64 = 16 * SIXTEENTHS;

/// What an early decision leaves aside, 2^-63: it covers the errors of t, of exp(-t) and of 64 bits for 120.
const MARGIN: u128 = 1 << 57;

/// The sampler of one width.
#[derive(Clone)]
pub(super) struct Gaussian {
    /// z.
    strata: Alias,
    /// s.
    stride: u64,
    /// 2^64 mod s.
    uneven: u64,
    /// By how much y (2 s z + y) is shifted so that it fills 120 bits ..
    shift: u32,
    /// .. and what it is then multiplied with.
    factor: u128,
}

impl Gaussian {
    /// Makes the table for sigma = `sixteenths`/16, from 1/16 to 2^48.
    pub(super) fn new(sixteenths: u64) -> Self {
        let sixteenths = sixteenths.clamp(1, MAX_SIXTEENTHS);
        let stride = (sixteenths / SIXTEENTHS_PER_STRIDE).max(1);
        let square = u128::from(sixteenths) * u128::from(sixteenths);
        // y (2 s z + y) is below 2 * 2^9 * s^2, and 1/(2 sigma^2) is 128/m^2.
        let shift = POINT - INDEX_BITS - 1 - 2 * (u64::BITS - stride.leading_zeros());
        let factor = divide(128 << (POINT - shift), square);
        let strata = Alias::new(&masses(stride, square));
        Self { strata, stride, uneven: stride.wrapping_neg() % stride, shift, factor }
    }

    /// Samples one value; its magnitude is below 2^54.
    #[inline]
    pub(super) fn sample<R: CryptoRng>(&self, rng: &mut R) -> i64 {
        loop {
            if let Some(value) = self.propose(rng) {
                return value;
            }
        }
    }

    #[inline]
    fn propose<R: CryptoRng>(&self, rng: &mut R) -> Option<i64> {
        let word = rng.next_u64();
        let index = usize::try_from(word % LEN as u64).ok()?;
        let stratum = u64::from(self.strata.draw(index, word >> (u64::BITS - FIRST_BITS), rng)?);
        let is_negative = word >> INDEX_BITS & 1 == 1;
        let offset = self.offset(rng);
        if !self.accepts(stratum, offset, rng) {
            return None;
        }
        let magnitude = i64::try_from(stratum * self.stride + offset).ok()?;
        match (is_negative, magnitude) {
            (true, 0) => None,
            (true, magnitude) => Some(-magnitude),
            (false, magnitude) => Some(magnitude),
        }
    }

    /// Samples y uniformly below the stride.
    ///
    /// # Source
    /// D. Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29(1), 2019.
    #[inline]
    fn offset<R: CryptoRng>(&self, rng: &mut R) -> u64 {
        if self.stride == 1 {
            return 0;
        }
        loop {
            let product = u128::from(rng.next_u64()) * u128::from(self.stride);
            if product & u128::from(u64::MAX) >= u128::from(self.uneven) {
                return u64::try_from(product >> u64::BITS).unwrap_or(0);
            }
        }
    }

    /// Samples true with probability exp(-t).
    #[inline]
    fn accepts<R: CryptoRng>(&self, stratum: u64, offset: u64, rng: &mut R) -> bool {
        if offset == 0 {
            return true;
        }
        let exponent = self.exponent(stratum, offset);
        let coarse = u128::from(rng.next_u64()) << (POINT - u64::BITS);
        early(exponent, coarse).unwrap_or_else(|| late(exponent, coarse, rng))
    }

    /// Returns t, at most two ulps too small.
    #[inline]
    fn exponent(&self, stratum: u64, offset: u64) -> u128 {
        let product = u128::from(offset) * u128::from(2 * self.stride * stratum + offset);
        multiply(product << self.shift, self.factor)
    }
}

/// Decides by the first 64 bits alone, where they suffice for every value of the others.
#[inline]
fn early(exponent: u128, coarse: u128) -> Option<bool> {
    let linear = ONE.saturating_sub(exponent);
    if coarse + MARGIN <= linear {
        return Some(true);
    }
    let square = multiply(exponent, exponent) / 2;
    (coarse >= linear + square + MARGIN).then_some(false)
}

/// Decides by all 120 bits.
#[cold]
fn late<R: CryptoRng>(exponent: u128, coarse: u128, rng: &mut R) -> bool {
    let fine = u128::from(rng.next_u64() >> (2 * u64::BITS - POINT));
    coarse | fine < exp_minus(exponent)
}

/// Returns the probabilities of z in units of 2^-120: those of exp(-(s z)^2/(2 sigma^2)) for the strata from 0 on.
fn masses(stride: u64, square: u128) -> [u128; LEN] {
    let mut masses = [0; LEN];
    for (stratum, mass) in (0_u64..).zip(&mut masses) {
        let edge = u128::from(stratum * stride);
        *mass = exp_minus(divide(128 * edge * edge, square));
    }
    let all = masses.iter().sum();
    for mass in &mut masses {
        *mass = divide(*mass, all);
    }
    let missing = ONE - masses.iter().sum::<u128>();
    if let Some(first) = masses.first_mut() {
        *first += missing;
    }
    masses
}

#[cfg(test)]
#[path = "gaussian_tests.rs"]
mod tests;
