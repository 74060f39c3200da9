//! Ranges that parameters declare.

use crate::setup::Setup;
use crate::stop::Stop;

/// A range to which values are scaled: what lies beyond it counts as its bound.
///
/// Measures with the bounds 0 and 1 serve data of any magnitude so, and their contributions are never negative, which
/// rules on the largest contributors need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    width: f64,
}

impl Range {
    /// Takes the bounds; nothing unless both and their distance are finite and the low one is lower.
    pub fn new(low: f64, high: f64) -> Option<Self> {
        let width = high - low;
        let sound = low.is_finite() && width.is_finite() && width > 0.0;
        if sound {
            Some(Self { low, width })
        } else {
            None
        }
    }

    /// Reads the bounds: a parameter of type number, and the one after it.
    ///
    /// # Errors
    /// [`Stop::CONTRACT`]: there are no such parameters. [`Stop::PARAMETER`]: they are not a range.
    pub fn of(setup: &Setup<'_>, low: usize) -> Result<Self, Stop> {
        Self::new(setup.number(low)?, setup.number(low + 1)?).ok_or(Stop::PARAMETER)
    }

    /// Returns the lower bound.
    pub fn low(self) -> f64 {
        self.low
    }

    /// Returns the distance of the bounds.
    pub fn width(self) -> f64 {
        self.width
    }

    /// Returns where in the range a value lies: 0 at or below the lower bound, 1 at or above the upper.
    #[inline]
    pub fn scale(self, value: f64) -> f64 {
        let scaled = (value - self.low) / self.width;
        if scaled > 1.0 {
            1.0
        } else if scaled > 0.0 {
            scaled
        } else {
            0.0
        }
    }

    /// Returns the value at a place in the range.
    pub fn unscale(self, scaled: f64) -> f64 {
        self.low + scaled * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_count_as_bounds() {
        let range = Range::new(-10.0, 30.0).unwrap();
        assert_eq!(
            [-1e300, -10.0, 0.0, 30.0, 1e300].map(|value| range.scale(value)),
            [0.0, 0.0, 0.25, 1.0, 1.0]
        );
        assert_eq!([0.0, 0.25, 1.0].map(|place| range.unscale(place)), [-10.0, 0.0, 30.0]);
        assert_eq!((range.low(), range.width()), (-10.0, 40.0));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let infinite = f64::INFINITY;
        let bounds = [
            (1.0, 1.0),
            (2.0, 1.0),
            (0.0, f64::NAN),
            (0.0, infinite),
            (-infinite, 0.0),
            (f64::MIN, f64::MAX),
        ];
        assert!(bounds.iter().all(|&(low, high)| Range::new(low, high).is_none()));
    }
}
