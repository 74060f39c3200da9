//! Numbers of untrusted code, cut to a few significant digits.

use serde::{Deserialize, Serialize};

/// Most significant digits.
pub const MAX_SIGNIFICANT: u8 = 6;

/// How many significant digits a number keeps.
///
/// A double has 52 bits behind its first digit, in which untrusted code can write what it likes without changing what
/// a reader sees. Six digits leave 20 bits, and room for one more wherever a value can be pushed over an edge.
///
/// # Examples
/// ```
/// use tidegate_disclosure::Significant;
///
/// let digits = Significant::new(3)?;
/// assert_eq!(digits.round(123.456), Some(123.0));
/// assert_eq!(digits.round(0.000_876_54), Some(0.000_877));
/// assert_eq!(digits.round(f64::NAN), None);
/// # Ok::<(), tidegate_disclosure::SignificantError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Significant(u8);

/// A number of digits that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} significant digits; there are between 1 and {MAX_SIGNIFICANT}")]
pub struct SignificantError {
    /// The digits.
    pub found: u8,
}

impl Significant {
    /// Checks the number of digits.
    ///
    /// # Errors
    /// [`SignificantError`].
    pub fn new(digits: u8) -> Result<Self, SignificantError> {
        if (1..=MAX_SIGNIFICANT).contains(&digits) {
            Ok(Self(digits))
        } else {
            Err(SignificantError { found: digits })
        }
    }

    /// Returns the double nearest to the decimal of so many digits nearest to the exact value, a tie to the even
    /// digit. Zero has no sign; what is not finite is missing. What would become infinite is cut off instead.
    pub fn round(self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        // The standard library writes exact values, and rounds them half to even, which tests hold it to.
        let behind = usize::from(self.0) - 1;
        let rounded = format!("{value:.behind$e}").parse().ok().filter(|rounded: &f64| rounded.is_finite());
        // Adding zero takes the sign from zero.
        rounded.or_else(|| self.cut(value)).map(|rounded| rounded + 0.0)
    }

    /// Cuts digits off.
    fn cut(self, value: f64) -> Option<f64> {
        let written = format!("{value:.17e}");
        let (mantissa, exponent) = written.split_once('e')?;
        let kept: String =
            mantissa.chars().take(usize::from(value < 0.0) + 1 + usize::from(self.0)).collect();
        format!("{kept}e{exponent}").parse().ok()
    }

    /// Returns how many values a rounded number can take, with one for missing.
    pub fn levels(self) -> u64 {
        // The exponents of doubles reach from -324 to 308.
        2 * 9 * 10_u64.pow(u32::from(self.0) - 1) * 633 + 2
    }
}

impl TryFrom<u8> for Significant {
    type Error = SignificantError;

    fn try_from(digits: u8) -> Result<Self, SignificantError> {
        Self::new(digits)
    }
}

impl From<Significant> for u8 {
    fn from(significant: Significant) -> Self {
        significant.0
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    /// Rounds a value above zero with integers alone: the digits and the power of ten of the last one.
    fn rounded(value: f64, digits: u32) -> (BigUint, i32) {
        let bits = value.to_bits();
        let (field, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
        let (mantissa, power) =
            if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        let scaled = |tens: i32| {
            let two = |power: i32| BigUint::from(2_u32).pow(power.max(0) as u32);
            let ten = |power: i32| BigUint::from(10_u32).pow(power.max(0) as u32);
            (BigUint::from(mantissa) * two(power) * ten(-tens), two(-power) * ten(tens))
        };
        let whole = |tens: i32| {
            let (n, d) = scaled(tens);
            n / d
        };
        let mut tens = 310;
        while whole(tens).to_string().len() < digits as usize || whole(tens) == BigUint::ZERO {
            tens -= 1;
        }
        let (numerator, denominator) = scaled(tens);
        let (quotient, rest) = (&numerator / &denominator, numerator % &denominator);
        let is_odd = quotient.bit(0);
        let twice = rest * 2_u32;
        let up = twice > denominator || (twice == denominator && is_odd);
        (quotient + u32::from(up), tens)
    }

    fn finite() -> impl Strategy<Value = f64> {
        let any_bits = any::<u64>().prop_map(f64::from_bits);
        let short =
            (-4000_i32..4000, 0_i32..9).prop_map(|(n, halvings)| f64::from(n) / f64::from(1 << halvings));
        prop_oneof![any_bits, short].prop_filter("finite", |value| value.is_finite() && *value != 0.0)
    }

    proptest! {
        #[test]
        fn rounding_is_exact_and_ties_go_to_even(value in finite(), digits in 1_u8..7) {
            let (expected, tens) = rounded(value.abs(), u32::from(digits));
            let expected: f64 = format!("{expected}e{tens}").parse().unwrap();
            let found = Significant::new(digits).unwrap().round(value).unwrap();
            if expected.is_finite() {
                prop_assert_eq!(found, expected.copysign(value));
            } else {
                prop_assert!(found.is_finite() && found.abs() <= value.abs());
            }
            // Rounded once, rounded for ever.
            prop_assert_eq!(Significant::new(digits).unwrap().round(found), Some(found));
        }
    }

    #[test]
    fn ties_and_edges() {
        let round = |digits, value| Significant::new(digits).unwrap().round(value);
        assert_eq!(
            [round(1, 2.5), round(1, 3.5), round(2, 0.125), round(2, 0.375)],
            [2.0, 4.0, 0.12, 0.38].map(Some)
        );
        assert_eq!([round(3, 9.995), round(3, 999.5)], [9.99, 1000.0].map(Some));
        assert_eq!(round(6, -0.0).map(f64::to_bits), Some(0));
        assert_eq!([round(1, f64::MAX), round(1, f64::MIN)], [1e308, -1e308].map(Some));
        assert_eq!(round(2, 5e-324), Some(5e-324));
        assert_eq!([round(6, f64::INFINITY), round(6, f64::NAN)], [None, None]);
    }

    #[test]
    fn low_bits_carry_nothing() {
        // A mean in whose low bits a record is hidden rounds like the honest one.
        let honest = 86.125_f64;
        let hidden = f64::from_bits(honest.to_bits() | 0x1234_5678);
        let digits = Significant::new(6).unwrap();
        assert!(hidden != honest && digits.round(hidden) == digits.round(honest));
    }

    #[test]
    fn digits_are_between_1_and_6() {
        assert_eq!(
            Significant::new(7).unwrap_err().to_string(),
            "7 significant digits; there are between 1 and 6"
        );
        assert!(Significant::new(0).is_err() && serde_json::from_str::<Significant>("9").is_err());
        assert_eq!(serde_json::to_string(&Significant::new(4).unwrap()).unwrap(), "4");
    }
}
