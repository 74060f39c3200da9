//! Fixed point with 120 bits behind the point: quotients and exponentials with a bound on their error, by integers
//! alone and thus the same on every machine.
//!
//! An ulp is 2^-120. Everything here rounds down, and the errors below are those of that rounding.

/// Bits behind the point.
pub(super) const POINT: u32 = 120;

/// The number one.
pub(super) const ONE: u128 = 1 << POINT;

/// ln 2, less than an ulp too small.
const LN_2: u128 = 0x00b1_7217_f7d1_cf79_abc9_e3b3_9803_f2f6;

/// Terms of the exponential series: ln(2)^33/33! is below 2^-139.
const TERMS: u128 = 32;

/// Returns the product, less than an ulp too small; both factors are below 2^124.
pub(super) fn multiply(left: u128, right: u128) -> u128 {
    const HALF: u32 = POINT / 2;
    const LOW: u128 = (1 << HALF) - 1;
    // What is at most 64 bits long is masked to 64, so that a product is one instruction.
    let (left_high, left_low) = (left >> HALF & u128::from(u64::MAX), left & LOW);
    let (right_high, right_low) = (right >> HALF & u128::from(u64::MAX), right & LOW);
    let middle = left_high * right_low + left_low * right_high + ((left_low * right_low) >> HALF);
    left_high * right_high + (middle >> HALF)
}

/// Returns the ratio of two integers, less than an ulp too small; the denominator is from 1 to 2^127.
///
/// A ratio of 2^7 or more gives the largest number.
pub(super) fn divide(numerator: u128, denominator: u128) -> u128 {
    let (mut quotient, mut rest) = (numerator / denominator, numerator % denominator);
    if quotient >> (u128::BITS - 1 - POINT) > 0 {
        return u128::MAX;
    }
    for _ in 0..POINT {
        let digit = u128::from(2 * rest >= denominator);
        (quotient, rest) = (2 * quotient + digit, 2 * rest - digit * denominator);
    }
    quotient
}

/// Returns exp(-`exponent`), within 6 ulps.
///
/// The exponent is k ln 2 plus a rest r below ln 2. For r the series runs from its last term to its first, v becoming
/// 1 - r v/j; a step adds at most two ulps and takes the error before it times r/j, so that 4 ulps are left. The error of
/// ln 2 moves r by k ulps at most, and halving k times makes less than one of them.
pub(super) fn exp_minus(exponent: u128) -> u128 {
    let rest = exponent % LN_2;
    let series = (1..=TERMS).rev().fold(ONE, |sum, term| ONE - multiply(rest, sum) / term);
    u32::try_from(exponent / LN_2).ok().and_then(|halvings| series.checked_shr(halvings)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use rand_core::Rng;

    use super::*;
    use crate::noise::oracle;
    use crate::noise::testing::seeded;

    #[test]
    fn products_are_rounded_down_exactly() {
        let mut rng = seeded(40);
        for _ in 0..1000 {
            let [left, right] =
                [(); 2].map(|()| (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) >> 4);
            let right = right >> 4;
            let exact = (BigUint::from(left) * right) >> POINT;
            assert_eq!(BigUint::from(multiply(left, right)), exact, "{left} {right}");
        }
        let largest = (1 << 124) - 1;
        assert_eq!(multiply(largest, ONE), largest);
    }

    #[test]
    fn ratios_are_rounded_down_exactly() {
        for (numerator, denominator) in
            [(0, 1), (1, 3), (7, 7), (127, 1), (1 << 120, (1 << 127) - 1), ((1 << 126) + 5, 1 << 120)]
        {
            let exact = (BigUint::from(numerator) << POINT) / denominator;
            assert_eq!(BigUint::from(divide(numerator, denominator)), exact, "{numerator}/{denominator}");
        }
        assert_eq!(divide(128, 1), u128::MAX);
        assert_eq!(divide(u128::MAX, 1), u128::MAX);
    }

    #[test]
    fn exponentials_are_within_six_ulps() {
        let mut rng = seeded(41);
        let random = (0..300).map(|_| (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) >> 1);
        let small = (0..120).map(|shift| (ONE << 6) >> shift);
        let edges = [0, 1, LN_2 - 1, LN_2, LN_2 + 1, 2 * LN_2, ONE];
        for exponent in random.map(|bits| bits >> (bits & 15)).chain(small).chain(edges) {
            let exact =
                oracle::exp_minus(&BigUint::from(exponent), &BigUint::from(ONE)) >> (oracle::POINT - POINT);
            let found = BigUint::from(exp_minus(exponent));
            let distance = if found > exact { found - exact } else { exact - found };
            assert!(distance <= BigUint::from(6_u8), "{exponent}: {distance}");
        }
        assert_eq!(exp_minus(u128::MAX), 0);
    }
}
