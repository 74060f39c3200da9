//! Calendar days.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar, by UTC; its text is `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(Date);

/// A text that names no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day reads YYYY-MM-DD")]
pub struct NotADay;

impl Day {
    /// Returns the present day by the system's clock.
    pub fn today() -> Self {
        Self(Timestamp::now().to_zoned(TimeZone::UTC).date())
    }

    /// Returns the day after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1.day()))
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let day: Date = text.parse().map_err(|_| NotADay)?;
        // The parser takes more forms than the one that is signed.
        if day.to_string() == text { Ok(Self(day)) } else { Err(NotADay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_one_text() {
        let day: Day = "2027-02-28".parse().unwrap();
        assert_eq!((day.to_string().as_str(), day.next().to_string().as_str()), ("2027-02-28", "2027-03-01"));
        for wrong in ["2027-02-29", "20270228", "2027-02-28T00:00:00", "+002027-02-28", ""] {
            assert_eq!(wrong.parse::<Day>(), Err(NotADay), "{wrong}");
        }
    }
}
