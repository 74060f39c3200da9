//! Parties: the organisations that take part, by name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Error;

/// The name of a party: 1 to 64 characters of `a-z`, `0-9`, `-`, `_` and `.`, the first a letter or digit.
///
/// # Examples
/// ```
/// use tidegate_mpc::PartyId;
///
/// assert_eq!("health.zj".parse::<PartyId>()?.as_str(), "health.zj");
/// assert!("Health ZJ".parse::<PartyId>().is_err());
/// # Ok::<(), tidegate_mpc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(Arc<str>);

impl PartyId {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PartyId {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if name.len() <= Self::MAX_BYTES && starts_well && name.chars().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(Error::PartyName)
        }
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "0", "health-zj.gov_1", &"x".repeat(64)] {
            assert_eq!(good.parse::<PartyId>().unwrap().to_string(), good);
        }
        for bad in ["", "-a", ".", "A", "a b", "é", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<PartyId>().is_err(), "{bad:?}");
        }
    }
}
