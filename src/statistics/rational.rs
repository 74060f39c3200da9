//! Quotients of integers as the nearest floats, rounded once.

/// Bits of a float's significand.
const PRECISION: u32 = 53;

/// Bits that a numerator is shifted up by, before it is divided: more than all divisors together have.
const SHIFT: i32 = 256;

/// An integer of 384 bits, the lowest limb first: a numerator of 128 bits, shifted up by [`SHIFT`].
type Limbs = [u64; 6];

/// Returns the float nearest to `numerator` over the product of `divisors`, ties to even; zero where a divisor is.
///
/// The divisors, up to four, are positive. Their product is below 2^256, so the quotient of the shifted numerator
/// has more than 54 bits unless the product exceeds 2^202; what is behind them says only that it is not exact.
pub(super) fn quotient(numerator: i128, divisors: &[u64]) -> f64 {
    let magnitude = numerator.unsigned_abs();
    if magnitude == 0 || divisors.contains(&0) {
        return 0.0;
    }
    let mut limbs = shifted_up(magnitude);
    // Dividing by one after the other gives the same as dividing by the product.
    let is_inexact =
        divisors.iter().fold(false, |is_inexact, &divisor| divide(&mut limbs, divisor) | is_inexact);
    let value = nearest(&limbs, is_inexact);
    if numerator < 0 { -value } else { value }
}

fn shifted_up(magnitude: u128) -> Limbs {
    let [low, high] = halves(magnitude);
    [0, 0, 0, 0, low, high]
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant, and the upper one fits")]
fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// Divides in place; tells whether something remains.
fn divide(limbs: &mut Limbs, divisor: u64) -> bool {
    let mut rest = 0u128;
    for limb in limbs.iter_mut().rev() {
        let part = rest << 64 | u128::from(*limb);
        [*limb, _] = halves(part / u128::from(divisor));
        rest = part % u128::from(divisor);
    }
    rest != 0
}

/// Returns the float nearest to an integer over 2^[`SHIFT`], to which less than one is to be added if `is_inexact`.
fn nearest(limbs: &Limbs, is_inexact: bool) -> f64 {
    let bits = limbs.iter().rev().skip_while(|limb| **limb == 0);
    let len = bits.clone().count();
    let Some(first) = bits.clone().next() else { return 0.0 };
    // The highest 128 bits from the first that is set, and whether any below is.
    let mut following = bits.skip(1);
    let mut limb = || following.next().copied().unwrap_or_default();
    let (second, third) = (limb(), limb());
    let shift = first.leading_zeros();
    let top = u128::from(*first) << 64 | u128::from(second);
    let top = top << shift | u128::from(third).checked_shr(64 - shift).unwrap_or_default();
    let is_inexact = is_inexact || third << shift != 0 || following.any(|limb| *limb != 0);
    let exponent = i32::try_from(64 * len).unwrap_or_default() - SHIFT - 128 - shift.cast_signed();
    scaled(rounded(top, is_inexact), exponent + 75)
}

/// Rounds an integer whose highest bit is set to its highest 53 bits, the others cut off, ties to even.
fn rounded(top: u128, is_inexact: bool) -> u64 {
    let cut = u128::BITS - PRECISION;
    let (kept, rest) = (top >> cut, top & ((1 << cut) - 1));
    let half = 1u128 << (cut - 1);
    let is_up = rest > half || rest == half && (is_inexact || kept & 1 == 1);
    halves(kept + u128::from(is_up))[0]
}

/// Multiplies an integer of up to 53 bits and one carry by a power of two; exact, since all are normal floats.
#[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
fn scaled(significand: u64, exponent: i32) -> f64 {
    significand as f64 * 2f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotients_of_floats_are_those_of_the_machine() {
        // Both are exact floats, so one division rounds once, too.
        for (numerator, divisor) in
            [(1, 3), (2, 3), (10, 4), (7, 1), (1 << 53, 3), ((1 << 53) - 1, 10), (5, 1 << 40)]
        {
            assert_eq!(quotient(numerator, &[divisor]), numerator as f64 / divisor as f64);
            assert_eq!(quotient(-numerator, &[divisor]), -(numerator as f64) / divisor as f64);
        }
        assert_eq!((quotient(0, &[7]), quotient(5, &[0]), quotient(5, &[])), (0.0, 0.0, 5.0));
    }

    #[test]
    fn ties_go_to_even_unless_something_remains() {
        let tie = (1i128 << 54) + 2;
        assert_eq!(quotient(tie, &[1]), tie as f64);
        assert_eq!(quotient((1i128 << 53) + 1, &[1]), 9_007_199_254_740_992.0);
        assert_eq!(quotient(((1i128 << 53) + 1) * 3 + 1, &[3]), 9_007_199_254_740_994.0);
        assert_eq!(quotient((1i128 << 54) - 1, &[1]), 18_014_398_509_481_984.0);
        assert_eq!(quotient(i128::MAX, &[1]), 2f64.powi(127));
        assert_eq!(quotient(i128::MIN, &[1 << 63, 1 << 63]), -2.0);
        assert_eq!(quotient(1, &[u64::MAX, u64::MAX, 1 << 53]), 2f64.powi(-181));
    }

    proptest! {
        #[test]
        fn one_division_is_that_of_the_machine(numerator in 1..1i128 << 53, divisor in 1..1u64 << 53) {
            prop_assert_eq!(quotient(numerator, &[divisor]), numerator as f64 / divisor as f64);
        }

        #[test]
        fn common_factors_change_nothing(numerator in -(1i128 << 60)..1i128 << 60, a in 1..1u64 << 30, b in 1..1u64 << 30, c in 1..1u64 << 60) {
            let product = a * b;
            prop_assert_eq!(quotient(numerator, &[a, b, c]), quotient(numerator, &[c, product]));
            prop_assert_eq!(quotient(numerator * i128::from(c), &[c, a]), quotient(numerator, &[a]));
        }
    }
}
