//! Exact decimals: what budgets and noise are measured in, without a floating-point number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most digits behind the point.
const DECIMALS: usize = 12;

/// Most digits before the point.
const WHOLE_DIGITS: usize = 6;

/// 10^[`DECIMALS`], the denominator in which amounts are kept.
pub(crate) const UNIT: u64 = 1_000_000_000_000;

/// A decimal below 10^6 with at most 12 digits behind the point, zero included.
///
/// In text and documents it is a string without sign and exponent, such as `"0.5"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount {
    /// The amount in units of 10^-12.
    units: u64,
}

/// A decimal greater than zero and otherwise like [`Amount`].
///
/// # Examples
/// ```
/// use tidegate_disclosure::Ratio;
///
/// let half: Ratio = "0.50".parse()?;
/// assert_eq!((half.numerator(), half.denominator(), half.to_string().as_str()), (5, 10, "0.5"));
/// assert!("0".parse::<Ratio>().is_err() && "1e-9".parse::<Ratio>().is_err());
/// # Ok::<(), tidegate_disclosure::NotADecimal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio(Amount);

/// A text that is no decimal of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a decimal reads like 0.5: greater than zero, up to 6 digits before the point and 12 behind it")]
pub struct NotADecimal;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { units: 0 };

    /// Returns the sum.
    pub fn plus(self, other: Self) -> Self {
        // Both are below 10^18, so that sums of many stay far from overflow; saturation only ever refuses.
        Self { units: self.units.saturating_add(other.units) }
    }

    /// Returns the difference, or zero where `other` is greater.
    pub fn minus(self, other: Self) -> Self {
        Self { units: self.units.saturating_sub(other.units) }
    }
}

impl Ratio {
    /// Returns the numerator of the shortest decimal fraction.
    pub fn numerator(&self) -> u64 {
        self.0.units / (UNIT / self.denominator())
    }

    /// Returns the denominator of the shortest decimal fraction, a power of ten.
    pub fn denominator(&self) -> u64 {
        let mut denominator = UNIT;
        let mut units = self.0.units;
        while denominator > 1 && units.is_multiple_of(10) {
            (denominator, units) = (denominator / 10, units / 10);
        }
        denominator
    }

    /// Returns the same decimal as an amount.
    pub fn amount(&self) -> Amount {
        self.0
    }

    /// Returns an equal part, rounded down, or nothing where that is zero.
    pub(crate) fn divided(self, parts: u64) -> Option<Self> {
        let units = self.0.units.checked_div(parts).filter(|&units| units > 0)?;
        Some(Self(Amount { units }))
    }

    /// Returns it in units of 10^-12.
    pub(crate) fn units(&self) -> u64 {
        self.0.units
    }
}

impl FromStr for Amount {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
        let is_plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let leads = whole.len() > 1 && whole.starts_with('0');
        if !is_plain(whole) || leads || whole.len() > WHOLE_DIGITS {
            return Err(NotADecimal);
        }
        if fraction.is_some_and(|f| !is_plain(f) || f.len() > DECIMALS) {
            return Err(NotADecimal);
        }
        let digits = format!("{whole}{:0<DECIMALS$}", fraction.unwrap_or(""));
        digits.parse().map(|units| Self { units }).map_err(|_| NotADecimal)
    }
}

impl FromStr for Ratio {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let amount: Amount = text.parse()?;
        if amount == Amount::ZERO { Err(NotADecimal) } else { Ok(Self(amount)) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.units / UNIT, self.units % UNIT);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{rest:0DECIMALS$}").trim_end_matches('0'))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Amount {
    type Error = NotADecimal;

    fn try_from(text: String) -> Result<Self, NotADecimal> {
        text.parse()
    }
}

impl TryFrom<String> for Ratio {
    type Error = NotADecimal;

    fn try_from(text: String) -> Result<Self, NotADecimal> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        for text in ["0.5", "1", "12.25", "0.000000000001", "999999.999999999999"] {
            let ratio: Ratio = text.parse().unwrap();
            assert_eq!(ratio.to_string(), text);
            let value = u128::from(ratio.numerator()) * u128::from(UNIT / ratio.denominator());
            assert_eq!(value, u128::from(ratio.units()), "{text}");
        }
        let delta: Ratio = "0.000000001".parse().unwrap();
        assert_eq!((delta.numerator(), delta.denominator()), (1, 1_000_000_000));
    }

    #[test]
    fn other_texts_are_no_decimals() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", " 1", "01", "1.0000000000000", "1000000", "一"]
        {
            assert_eq!(text.parse::<Amount>(), Err(NotADecimal), "{text:?}");
        }
        assert_eq!("0.000".parse::<Ratio>(), Err(NotADecimal));
        assert_eq!("0.000".parse::<Amount>(), Ok(Amount::ZERO));
    }

    #[test]
    fn documents_hold_strings() {
        let ratio: Ratio = serde_json::from_str("\"0.10\"").unwrap();
        assert_eq!(serde_json::to_string(&ratio).unwrap(), "\"0.1\"");
        assert!(serde_json::from_str::<Ratio>("0.1").is_err());
    }
}
