//! Exact weights for tests: fixed point with 320 bits behind the point, by big integers.

use num_bigint::BigUint;

/// Bits behind the point.
pub(super) const POINT: u32 = 320;

/// Bits that the exponential keeps beyond them.
const GUARD: u32 = 64;

/// Returns exp(-`numerator`/`denominator`), within 2^-310.
///
/// It takes the plain series at the exponent over 2^16, and squares: nothing in common with the code under test.
pub(super) fn exp_minus(numerator: &BigUint, denominator: &BigUint) -> BigUint {
    const SQUARINGS: u32 = 16;
    if *numerator > denominator * 1000_u32 {
        return BigUint::ZERO;
    }
    let point = POINT + GUARD;
    let one = BigUint::from(1_u8) << point;
    let exponent = (numerator << (point - SQUARINGS)) / denominator;
    let (mut term, mut even, mut odd) = (one.clone(), BigUint::ZERO, BigUint::ZERO);
    for index in 1_u32.. {
        if term == BigUint::ZERO {
            break;
        }
        let sum = if index % 2 == 1 { &mut even } else { &mut odd };
        *sum += &term;
        term = ((term * &exponent) >> point) / index;
    }
    let root = even - odd;
    (0..SQUARINGS).fold(root, |power, _| (&power * &power) >> point) >> GUARD
}

/// Returns exp(-x^2/(2 sigma^2)) with sigma = `sixteenths`/16.
pub(super) fn weight(x: u64, sixteenths: u64) -> BigUint {
    exp_minus(&(BigUint::from(x) * x * 128_u8), &(BigUint::from(sixteenths) * sixteenths))
}

/// Returns the probabilities of 0 to `most` and with them, since both signs are alike, of all of -`most` to `most`.
pub(super) fn gaussian(sixteenths: u64, most: u64) -> Vec<BigUint> {
    let weights: Vec<_> = (0..=most).map(|x| weight(x, sixteenths)).collect();
    let positive: BigUint = weights.iter().skip(1).sum();
    let all = &weights[0] + positive * 2_u8;
    weights.iter().map(|weight| (weight << POINT) / &all).collect()
}

/// Returns `value`, which has [`POINT`] bits behind the point, as a floating-point number.
pub(super) fn float(value: &BigUint) -> f64 {
    let bits = value.bits();
    let shift = bits.saturating_sub(64);
    let top = u64::try_from(value >> shift).unwrap();
    let exponent = i32::try_from(shift).unwrap() - i32::try_from(POINT).unwrap();
    top as f64 * 2.0_f64.powi(exponent)
}

#[test]
fn exponentials_agree_with_floating_point() {
    for (numerator, denominator) in [(0_u32, 1_u32), (1, 3), (1, 1), (7, 2), (100, 1), (200, 3)] {
        let found = float(&exp_minus(&numerator.into(), &denominator.into()));
        let exact = (-f64::from(numerator) / f64::from(denominator)).exp();
        assert!((found / exact - 1.0).abs() < 1e-13, "exp(-{numerator}/{denominator}): {found}");
    }
}
