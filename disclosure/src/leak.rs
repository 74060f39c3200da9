//! How much a release can tell at most, whoever computed it.

use crate::rules::round;

/// Digits behind the point of a logarithm.
const POINT: u32 = 32;

/// Returns an upper bound of the bits that a release of `figures` figures tells when each takes one of `levels` values:
/// figures * log2(levels) + 1, rounded up.
///
/// Levels are counted after rounding, and being suppressed or missing is one of them. The one bit is whether
/// there is a release at all. The bound holds for hostile code too, which may choose every level of every figure
/// as it likes; nothing but fewer figures, coarser rounding and fewer runs makes it smaller. For several kinds of figures
/// bounds add up, less the bits for the one release.
///
/// The logarithm is an integer number of 2^-32, rounded up, and exact for powers of two; so the bound is at most
/// figures/2^32 bits, and one for rounding, above the formula, and the same on every machine.
///
/// # Examples
/// ```
/// use tidegate_disclosure::leak_bits;
///
/// // Forty cells of counts up to 1000, rounded to 5: 201 multiples, or suppressed.
/// assert_eq!(leak_bits(40, 202), 308);
/// assert_eq!(leak_bits(8, 1 << 53), 425);
/// ```
pub fn leak_bits(figures: u64, levels: u64) -> u64 {
    let bits = (u128::from(figures) * log2_upper(levels)).div_ceil(1 << POINT);
    u64::try_from(bits).unwrap_or(u64::MAX).saturating_add(1)
}

/// Returns the number of levels of a figure between `low` and `high` that is rounded to multiples of `base`, with one for
/// being suppressed.
///
/// # Examples
/// ```
/// assert_eq!(tidegate_disclosure::rounded_levels(0, 1000, Some(5)), 202);
/// // 0, 10 and 20: ties go to the even multiple at both ends.
/// assert_eq!(tidegate_disclosure::rounded_levels(5, 15, Some(10)), 4);
/// ```
pub fn rounded_levels(low: i128, high: i128, base: Option<u64>) -> u64 {
    let step = base.map_or(1, i128::from).max(1);
    // From the multiple to which the lowest is rounded to that of the highest, and one more for suppressed.
    let span = round(high, base).saturating_sub(round(low, base)) / step;
    u64::try_from(span.max(0).saturating_add(2)).unwrap_or(u64::MAX)
}

/// Returns the logarithm of base 2 in units of 2^-32, rounded up: the whole part by the length of the number, each digit
/// behind the point by squaring (Knuth, "The Art of Computer Programming", vol. 1, §1.2.2, exercise 25).
fn log2_upper(value: u64) -> u128 {
    let whole = value.max(1).ilog2();
    if value.is_power_of_two() || value == 0 {
        return u128::from(whole) << POINT;
    }
    // The number between 1 and 2, of 63 digits behind the point, always rounded up.
    let mut mantissa = u128::from(value) << (63 - whole);
    let mut digits = 0_u128;
    for _ in 0..POINT {
        mantissa = (mantissa * mantissa).div_ceil(1 << 63);
        digits <<= 1;
        if mantissa >= 2 << 63 {
            mantissa = mantissa.div_ceil(2);
            digits |= 1;
        }
    }
    (u128::from(whole) << POINT) + digits + 1
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for power in 0..64 {
            assert_eq!(leak_bits(1000, 1 << power), 1000 * power + 1);
        }
        assert_eq!((leak_bits(0, 9), leak_bits(9, 0), leak_bits(9, 1)), (1, 1, 1));
        assert_eq!(leak_bits(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn levels_hold_every_rounded_value() {
        for (low, high, base) in
            [(0_i128, 1000_i128, 5_u64), (-7, 8, 5), (3, 3, 10), (0, 12, 5), (-23, 31, 7)]
        {
            let values: std::collections::BTreeSet<_> =
                (low..=high).map(|value| crate::round(value, Some(base))).collect();
            assert!(rounded_levels(low, high, Some(base)) > values.len() as u64, "{low} to {high} by {base}");
        }
        assert_eq!(rounded_levels(0, 9, None), 11);
        assert_eq!(rounded_levels(i128::MIN, i128::MAX, None), u64::MAX);
        assert_eq!(rounded_levels(5, 0, None), 2);
    }

    proptest! {
        #[test]
        fn bounds_hold_and_are_close(figures in 1_u32..60, levels in prop_oneof![2_u64..5000, 2_u64..]) {
            // The exact number of bits: of levels^figures - 1.
            let values: BigUint = BigUint::from(levels).pow(figures) - 1_u32;
            let found = leak_bits(u64::from(figures), levels);
            prop_assert!((values.bits() + 1..=values.bits() + 2).contains(&found), "{}", found);
        }
    }
}
