//! Upper bounds of logarithms and roots in fixed point: the same on every machine, and never too small.

/// Bits behind the point.
pub(super) const POINT: u32 = 32;

/// ln 2 = 0x0.b17217f7d1.., rounded up.
pub(super) const LN_2: u128 = 0xb172_17f8;

/// Bits behind the point of the mantissa while it is squared.
const MANTISSA: u32 = 62;

/// Returns an upper bound of ln(numerator/denominator) in units of 2^-32, within 2^-26 of it; a ratio of at
/// most one gives zero, and the denominator is at least 1.
///
/// The binary logarithm comes digit by digit from squaring the mantissa (Knuth, TAOCP 1.2.2 exercise 25); every step
/// rounds up, so the result is a bound.
pub(super) fn ln_upper(numerator: u64, denominator: u64) -> u128 {
    if numerator <= denominator {
        return 0;
    }
    let (numerator, denominator) = (u128::from(numerator), u128::from(denominator));
    let whole = (numerator / denominator).ilog2();
    let mut mantissa = (numerator << MANTISSA).div_ceil(denominator << whole);
    let mut binary = u128::from(whole);
    for _ in 0..POINT {
        mantissa = (mantissa * mantissa).div_ceil(1 << MANTISSA);
        let carries = mantissa >= 2 << MANTISSA;
        if carries {
            mantissa = mantissa.div_ceil(2);
        }
        binary = 2 * binary + u128::from(carries);
    }
    ((binary + 1) * LN_2).div_ceil(1 << POINT)
}

/// Returns an upper bound of the square root of `value`, both in units of 2^-32.
pub(super) fn root_upper(value: u128) -> u128 {
    (value << POINT).isqrt() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_bounded_closely_from_above() {
        let unit = 2.0_f64.powi(-32);
        let delta =
            [(1_000_000_000_000, 1), (3, 2), (2, 1), (1 << 40, 1), (1_000_001, 1_000_000), (u64::MAX, 7)];
        for (numerator, denominator) in delta {
            let exact = (numerator as f64 / denominator as f64).ln();
            let bound = ln_upper(numerator, denominator) as f64 * unit;
            assert!(
                bound >= exact && bound - exact < 2.0_f64.powi(-26),
                "{numerator}/{denominator}: {bound}"
            );
        }
        assert_eq!(ln_upper(1, 2), 0);
    }

    #[test]
    fn roots_are_bounded_closely_from_above() {
        for value in [1_u128, 2 << 32, 55 << 32, 7] {
            let (root, above) = (root_upper(value), root_upper(value) - 1);
            assert!(root * root > value << 32 && above * above <= value << 32, "{value}");
        }
    }
}
