//! Exact decimal numbers: an integer of units and how many digits stand behind the point, never a float.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most digits behind the point.
pub const MAX_DECIMALS: u8 = 18;

/// A decimal number as a document gives it, with one text for each number of digits.
///
/// # Examples
/// ```
/// use tidegate::decimal::Decimal;
///
/// let price: Decimal = "-12.50".parse()?;
/// assert_eq!((price.to_string().as_str(), price.units(3), price.units(1)), ("-12.50", Some(-12_500), None));
/// # Ok::<(), tidegate::decimal::NotADecimal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: i64,
    decimals: u8,
}

/// Why a text is not the decimal number that is wanted; never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotADecimal {
    /// It is no number, or written with an exponent, separators or signs that are not taken.
    #[error("a number reads -12.50: digits, a point and digits behind it where needed, nothing else")]
    Form,
    /// It has more digits behind the point than are allowed.
    #[error("a number has at most {max} digits behind the point here")]
    TooManyDecimals {
        /// The most allowed.
        max: u8,
    },
    /// It does not fit into 64 bits.
    #[error("a number is below 2^63 in units of its last digit")]
    TooLarge,
}

impl Decimal {
    /// Returns the number in units of the last of `decimals` digits behind the point.
    ///
    /// `None` where the number has more digits than that or the units do not fit into 64 bits.
    pub fn units(self, decimals: u8) -> Option<i64> {
        let missing = decimals.checked_sub(self.decimals)?;
        10i64.checked_pow(missing.into())?.checked_mul(self.units)
    }

    /// Returns how many digits stand behind the point.
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// Tells whether the number is below zero.
    pub fn is_negative(self) -> bool {
        self.units < 0
    }

    /// Compares the numbers: `1` and `1.0` are no different here, though they are in `==`.
    pub fn compare(self, other: Self) -> Ordering {
        let decimals = self.decimals.max(other.decimals);
        // At most 2^63 times 10^18, which is below 2^127.
        let wide = |number: Self| i128::from(number.units) * 10i128.pow((decimals - number.decimals).into());
        wide(self).cmp(&wide(other))
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let decimals = u8::try_from(digits).ok().filter(|&decimals| decimals <= MAX_DECIMALS);
        let decimals = decimals.ok_or(NotADecimal::TooManyDecimals { max: MAX_DECIMALS })?;
        let number = Self { units: parse_units(text, decimals)?, decimals };
        // Cells may be written in more ways than what is signed.
        if number.to_string() == text { Ok(number) } else { Err(NotADecimal::Form) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_of(self.units, self.decimals))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads a number in units of the last of `decimals` digits behind the point.
///
/// Taken are digits with a point between them or none, behind a minus (U+002D or U+2212) or no sign. Zeros in
/// front, and behind the last digit wanted, change nothing.
///
/// # Errors
/// [`NotADecimal`], with [`NotADecimal::TooManyDecimals`] where a digit other than zero would be lost.
pub fn parse_units(text: &str, decimals: u8) -> Result<i64, NotADecimal> {
    let unsigned = text.strip_prefix(['-', '\u{2212}']);
    let (whole, fraction) = split_digits(unsigned.unwrap_or(text)).ok_or(NotADecimal::Form)?;
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(decimals).checked_sub(fraction.len());
    let missing = missing.ok_or(NotADecimal::TooManyDecimals { max: decimals })?;
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing));
    // Counted downwards, since there is one negative number more.
    let negated =
        digits.map(|d| d - b'0').try_fold(0i64, |sum, d| sum.checked_mul(10)?.checked_sub(d.into()));
    let units = if unsigned.is_some() { negated } else { negated.and_then(i64::checked_neg) };
    units.ok_or(NotADecimal::TooLarge)
}

/// Splits a text into the digits before and behind the point.
fn split_digits(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits(whole) && is_digits(fraction)).then_some((whole, fraction))
}

/// Writes a number given in units of the last of `decimals` digits behind the point.
pub fn text_of(units: i64, decimals: u8) -> String {
    wide_text_of(units.into(), decimals)
}

/// As [`text_of`], for sums.
pub fn wide_text_of(units: i128, decimals: u8) -> String {
    let (sign, decimals) = (if units < 0 { "-" } else { "" }, usize::from(decimals));
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_read_exactly_or_not_at_all() {
        let good = [
            ("-12.50", 2, -1250),
            ("\u{2212}12.5", 2, -1250),
            ("007", 0, 7),
            ("35.000", 0, 35),
            ("0.000000001", 9, 1),
            ("-0", 3, 0),
            ("-9223372036854775808", 0, i64::MIN),
        ];
        for (text, decimals, units) in good {
            assert_eq!(parse_units(text, decimals), Ok(units), "{text}");
        }
        let forms =
            ["", "-", ".5", "5.", "1.2.3", "+5", "1,000", "1e3", "NaN", "inf", " 1", "--1", "１", "0x1"];
        for text in forms {
            assert_eq!(parse_units(text, 2), Err(NotADecimal::Form), "{text}");
        }
        assert_eq!(parse_units("1.005", 2), Err(NotADecimal::TooManyDecimals { max: 2 }));
        assert_eq!(parse_units("9223372036854775808", 0), Err(NotADecimal::TooLarge));
        assert_eq!(parse_units("9223372036854775807", 1), Err(NotADecimal::TooLarge));
    }

    #[test]
    fn documents_have_one_text() {
        for text in ["0", "-1", "500000", "0.000000001", "12.50", "-0.5"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        for text in ["007", "-0", "-0.0", "\u{2212}1", "1.", " 1"] {
            assert_eq!(text.parse::<Decimal>(), Err(NotADecimal::Form), "{text}");
        }
        assert!(matches!(
            "0.0000000000000000001".parse::<Decimal>(),
            Err(NotADecimal::TooManyDecimals { .. })
        ));
        assert_eq!(serde_json::to_string(&"1.5".parse::<Decimal>().unwrap()).unwrap(), "\"1.5\"");
        assert!(serde_json::from_str::<Decimal>("1.5").is_err());
    }

    #[test]
    fn numbers_compare_by_value() {
        let compare = |a: &str, b: &str| a.parse::<Decimal>().unwrap().compare(b.parse().unwrap());
        assert_eq!(compare("0.999999999999999999", "1"), Ordering::Less);
        assert_eq!(compare("-9223372036854775808", "-9.223372036854775807"), Ordering::Less);
        assert_eq!(compare("10", "9.5"), Ordering::Greater);
        assert_eq!(compare("1.0", "1"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(units in any::<i64>(), decimals in 0..=MAX_DECIMALS) {
            let text = text_of(units, decimals);
            prop_assert_eq!(parse_units(&text, decimals), Ok(units));
            let number: Decimal = text.parse().unwrap();
            prop_assert_eq!((number.units(decimals), number.to_string()), (Some(units), text));
        }
    }
}
