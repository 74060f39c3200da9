//! Axes: from figures to places on a drawing, with ticks at round numbers.

use crate::report::grouped_text;

/// About how many intervals an axis has.
const INTERVALS: f64 = 5.0;

/// Most ticks of an axis, whatever the figures are.
const MAX_TICKS: u32 = 20;

/// Part of a step up to which a value has no tick beyond it.
const SMALL: f64 = 0.25;

/// A linear axis from one round number to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    /// Where the low end and the high end are drawn.
    places: (f64, f64),
}

impl Scale {
    /// Makes an axis that shows zero and all values that are finite.
    pub(super) fn with_zero(values: impl Iterator<Item = f64>, places: (f64, f64)) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((0f64, 0f64), |(low, high), value| (low.min(value), high.max(value)));
        let step = round_step((high - low) / INTERVALS);
        let high = if low < 0.0 { end(high, step) } else { end(high, step).max(step) };
        Self { low: -end(-low, step), high, step, places }
    }

    /// Returns the place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// Returns the round numbers of the axis.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { low, high, step, .. } = *self;
        // Counted from the low end, so that no error adds up, and zero is zero.
        let tick = move |index: u32| ((low / step - 1e-9).ceil() + f64::from(index)) * step;
        (0..MAX_TICKS).map(tick).take_while(move |tick| *tick <= high + step * 1e-6)
    }

    /// Writes a tick in the unit of the axis.
    pub(super) fn label(&self, tick: f64) -> String {
        let (unit, _) = self.unit();
        let decimals = (0..12).find(|&digits| is_whole(self.step / unit * 10f64.powi(digits)));
        let decimals = usize::try_from(decimals.unwrap_or(12)).unwrap_or_default();
        let text = format!("{:.decimals$}", tick / unit);
        grouped_text(if tick == 0.0 { "0" } else { &text })
    }

    /// Names the unit of the ticks, where that is not one.
    pub(super) fn unit_name(&self) -> Option<&'static str> {
        self.unit().1
    }

    fn unit(&self) -> (f64, Option<&'static str>) {
        match self.low.abs().max(self.high.abs()) {
            most if most >= 2e12 => (1e12, Some("trillions")),
            most if most >= 2e9 => (1e9, Some("billions")),
            most if most >= 2e6 => (1e6, Some("millions")),
            _ => (1.0, None),
        }
    }
}

/// Returns where an axis ends that shows a value: at a round number, but little beyond zero where the value is.
fn end(value: f64, step: f64) -> f64 {
    if value < step * SMALL { value } else { (value / step - 1e-9).ceil() * step }
}

/// Returns the least of 1, 2, 5, 10, .. times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    if least <= f64::MIN_POSITIVE {
        return 1.0 / INTERVALS;
    }
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn is_whole(number: f64) -> bool {
    (number - number.round()).abs() < 1e-6 * number.abs().max(1.0) && number.abs() >= 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        let scale = Scale::with_zero(values.iter().copied(), (0.0, 100.0));
        scale.ticks().map(|tick| scale.label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        assert_eq!(labels(&[0.0, 1234.0]), ["0", "500", "1,000", "1,500"]);
        assert_eq!(labels(&[10.0]), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(&[-3.0, 7.0]), ["-4", "-2", "0", "2", "4", "6", "8"]);
        assert_eq!(labels(&[-0.1, 7.0]), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(&[-0.3, -0.2]), ["-0.3", "-0.2", "-0.1", "0"]);
        assert_eq!(labels(&[0.3, f64::NAN, f64::INFINITY]), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(&[]), ["0", "0.2"]);
    }

    #[test]
    fn large_numbers_are_in_millions() {
        let scale = Scale::with_zero([4.2e7].into_iter(), (0.0, 1.0));
        assert_eq!(scale.unit_name(), Some("millions"));
        assert_eq!(
            scale.ticks().map(|tick| scale.label(tick)).collect::<Vec<_>>(),
            ["0", "10", "20", "30", "40", "50"]
        );
        assert_eq!(Scale::with_zero([1e6].into_iter(), (0.0, 1.0)).unit_name(), None);
    }

    #[test]
    fn places_are_linear_and_may_run_backwards() {
        let scale = Scale::with_zero([-5.0, 5.0].into_iter(), (100.0, 0.0));
        let ends: Vec<_> = scale.ticks().collect();
        assert_eq!(scale.at(ends[0]), 100.0);
        assert_eq!(scale.at(*ends.last().unwrap()), 0.0);
        assert!((scale.at(0.0) - 50.0).abs() < 1e-9);
        assert_eq!(scale.at(1e9), 0.0);
    }

    #[test]
    fn extreme_values_make_few_ticks() {
        for values in [[1e-300, 2e-300], [1e18, -1e18], [f64::MIN_POSITIVE, 0.0], [4.9, 5.0000001]] {
            let scale = Scale::with_zero(values.into_iter(), (0.0, 1.0));
            assert!((2..=12).contains(&scale.ticks().count()), "{values:?}");
        }
    }
}
