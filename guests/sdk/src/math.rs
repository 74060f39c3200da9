//! Functions that give the same bits in a guest and natively: only operations that IEEE 754 rounds exactly, in one order.

use core::f64::consts::{LOG2_E, SQRT_2};

/// Bits of an `f64` behind the point.
const FRACTION_BITS: u32 = 52;
/// What stands for the exponent 0.
const BIAS: i64 = 1023;
/// ln(2) cut to 32 bits, so that its products with exponents are exact, and the rest of it.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Beyond these, e^x is infinite or zero.
const LARGEST_EXPONENT: f64 = 709.782_712_893_384;
const SMALLEST_EXPONENT: f64 = -745.133_219_101_941_1;
/// 1/13! .. 1/2!, of the series of e^x on [-ln(2)/2, ln(2)/2]: the next term is below 2^-57 of the sum.
const EXP_SERIES: [f64; 12] = [
    1.0 / 6227020800.0,
    1.0 / 479001600.0,
    1.0 / 39916800.0,
    1.0 / 3628800.0,
    1.0 / 362880.0,
    1.0 / 40320.0,
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
];
/// 1/23 .. 1/3, of the series of the inverse hyperbolic tangent on [0, 3 - 2 sqrt(2)]: the next term is below 2^-58 of it.
const LN_SERIES: [f64; 11] = [
    1.0 / 23.0,
    1.0 / 21.0,
    1.0 / 19.0,
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
];

/// Returns the magnitude.
pub fn magnitude(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & (u64::MAX >> 1))
}

/// Cuts what stands behind the point; 0 below 0, 2^32 - 1 beyond it.
#[inline]
// That is what it does, and it saturates.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn cut(value: f64) -> u32 {
    value as u32
}

/// Returns the square root, correctly rounded; not a number below 0.
pub fn square_root(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() || value == f64::INFINITY {
        return value;
    }
    if value < 0.0 {
        return f64::NAN;
    }
    let (fraction, exponent) = take_apart(value);
    // fraction * 2^exponent with an even exponent, and 54 or 55 bits of the root before the point.
    let odd = exponent & 1 != 0;
    let radicand = u128::from(fraction) << (if odd { 57 } else { 56 });
    let exponent = (if odd { exponent - 1 } else { exponent } - 56) / 2;
    let (root, exact) = whole_root(radicand);
    // The last bit stands for all that was cut, so that rounding sees it.
    compose(root << 1 | u64::from(!exact), exponent - 1)
}

/// Returns a fraction of 53 bits and an exponent, for a positive number.
fn take_apart(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let stored = (bits >> FRACTION_BITS) & 0x7ff;
    let low = bits & ((1 << FRACTION_BITS) - 1);
    if stored != 0 {
        return (low | 1 << FRACTION_BITS, signed(stored) - BIAS - i64::from(FRACTION_BITS));
    }
    let shift = low.leading_zeros() - (63 - FRACTION_BITS);
    (low << shift, 1 - BIAS - i64::from(FRACTION_BITS) - i64::from(shift))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Returns `fraction * 2^exponent`, rounded to nearest, for results that are not below the smallest normal number.
fn compose(fraction: u64, exponent: i64) -> f64 {
    // This is the rounding.
    #[allow(clippy::cast_precision_loss)]
    let rounded = fraction as f64;
    rounded * power_of_two(exponent)
}

/// Returns 2^exponent, for exponents of normal numbers.
fn power_of_two(exponent: i64) -> f64 {
    let stored = u64::try_from(exponent + BIAS).unwrap_or(0).min(0x7ff);
    f64::from_bits(stored << FRACTION_BITS)
}

/// Returns the whole part of a root, and whether nothing is left, for values below 2^112.
fn whole_root(value: u128) -> (u64, bool) {
    let (mut rest, mut root) = (value, 0u128);
    let mut bit = 1u128 << 110;
    while bit != 0 {
        if rest >= root + bit {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    (u64::try_from(root).unwrap_or(u64::MAX), rest == 0)
}

/// Returns e^value, within 2 units in the last place.
pub fn exponential(value: f64) -> f64 {
    if value.is_nan() {
        return value;
    }
    if value > LARGEST_EXPONENT {
        return f64::INFINITY;
    }
    if value < SMALLEST_EXPONENT {
        return 0.0;
    }
    let scale = nearest(value * LOG2_E);
    // Whole and below 1100.
    #[allow(clippy::cast_possible_truncation)]
    let power = scale as i64;
    let rest = (value - scale * LN_2_HIGH) - scale * LN_2_LOW;
    let series = EXP_SERIES.iter().fold(0.0, |sum, term| sum * rest + term);
    let sum = 1.0 + (rest + rest * rest * series);
    // In two steps, as 2^power alone may be beyond the normal numbers.
    sum * power_of_two(power / 2) * power_of_two(power - power / 2)
}

/// Returns the nearest whole number, for magnitudes below 2^51.
fn nearest(value: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    (value + SHIFT) - SHIFT
}

/// Returns the natural logarithm, within 2 units in the last place; not a number below 0.
pub fn logarithm(value: f64) -> f64 {
    if value.is_nan() || value == f64::INFINITY {
        return value;
    }
    if value <= 0.0 {
        return if value == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    let (fraction, exponent) = take_apart(value);
    let mut power = exponent + i64::from(FRACTION_BITS);
    let mut scaled = compose(fraction, -i64::from(FRACTION_BITS));
    if scaled > SQRT_2 {
        scaled *= 0.5;
        power += 1;
    }
    // ln(m) = 2 atanh((m - 1) / (m + 1)), and 2 s = f - s f with f = m - 1.
    let above = scaled - 1.0;
    let ratio = above / (1.0 + scaled);
    let square = ratio * ratio;
    let series = square * LN_SERIES.iter().fold(0.0, |sum, term| sum * square + term);
    // Below 1100.
    #[allow(clippy::cast_precision_loss)]
    let power = power as f64;
    // above - ratio * (above - 2 series), as in atanh(s) = s + s series.
    power * LN_2_HIGH + (above - (ratio * (above - 2.0 * series) - power * LN_2_LOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through numbers of all sizes, from a seed.
    fn positive(len: u32) -> impl Iterator<Item = f64> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        (0..len).map(move |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f64::from_bits(state % (0x7ff << 52))
        })
    }

    fn units_apart(left: f64, right: f64) -> u64 {
        left.to_bits().abs_diff(right.to_bits())
    }

    #[test]
    fn roots_are_those_of_the_processor() {
        let given = [0.0, 1.0, 2.0, 4.0, 0.25, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1.0 - f64::EPSILON / 2.0];
        for value in positive(20_000).chain(given).chain((1..2000).map(f64::from)) {
            assert_eq!(square_root(value).to_bits(), value.sqrt().to_bits(), "of {value:e}");
        }
        assert!(square_root(-1.0).is_nan());
        assert_eq!(square_root(f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn exponentials_are_near_those_of_the_library() {
        for step in -7_080_000..7_090_000 {
            if step % 7 == 0 {
                let value = f64::from(step) / 10_000.0;
                assert!(units_apart(exponential(value), value.exp()) <= 2, "of {value}");
            }
        }
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!(exponential(710.0), f64::INFINITY);
        assert_eq!(exponential(-746.0), 0.0);
        assert!(exponential(-744.0) > 0.0);
    }

    #[test]
    fn logarithms_are_near_those_of_the_library() {
        let near_one = (1..4000).map(|step| 0.5 + f64::from(step) / 2000.0);
        for value in positive(50_000).chain(near_one).chain([5e-324, f64::MIN_POSITIVE, f64::MAX]) {
            assert!(units_apart(logarithm(value), value.ln()) <= 2, "of {value:e}");
        }
        assert_eq!(logarithm(1.0), 0.0);
        assert_eq!(logarithm(0.0), f64::NEG_INFINITY);
        assert!(logarithm(-1.0).is_nan());
    }

    #[test]
    fn cutting_saturates() {
        assert_eq!([cut(-3.0), cut(0.99), cut(7.0), cut(1e30)], [0, 0, 7, u32::MAX]);
    }
}
