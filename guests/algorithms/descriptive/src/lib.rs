//! Descriptive statistics of a number by category.
//!
//! # What it assumes
//! A row counts where it has both a category and a number. Numbers beyond `low` and `high` count as these: choose
//! them from what is known of the quantity, never from the data. A number is rounded to a millionth of the range before it is
//! added, so a mean is off by less than half of that.
//!
//! # What it gives
//! For each category and for all: count, mean, variance (of a sample: divided by n - 1) and standard deviation. A figure is
//! missing where what it is made of was suppressed or is too little; a variance also where rounding of the released sums
//! made it negative.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use tidegate_guest::math::square_root;
use tidegate_guest::{
    mapper, Batch, Derive, Figures, Mapper, Output, Place, Range, Setup, Stop, MISSING, NO_CELL,
};

/// How far below zero a variance may come out on the scale of the range, by rounding of the machine alone.
const ROUNDING: f64 = 1e-9;

/// The statistics, of values in a range.
#[derive(Debug)]
pub struct Descriptive {
    range: Range,
}

impl Mapper for Descriptive {
    const MEASURES: usize = 1;

    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        Ok(Self { range: Range::of(setup, 0)? })
    }

    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
        let (cells, [scaled]) = output.parts();
        let rows = batch.categories(0)?.iter().zip(batch.numbers(1)?.iter());
        for ((group, value), (cell, scaled)) in rows.zip(cells.iter_mut().zip(scaled)) {
            *cell = value.and(group).unwrap_or(NO_CELL);
            *scaled = self.range.scale(value.unwrap_or_default());
        }
        Ok(())
    }
}

impl Derive for Descriptive {
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop> {
        let places = (0..figures.rows()).map(|row| Place::Cell(row, 0)).chain([Place::All]);
        Ok(places.flat_map(|place| self.describe(figures, place)).collect())
    }
}

impl Descriptive {
    /// Returns count, mean, variance and standard deviation.
    fn describe(&self, figures: &Figures<'_>, place: Place) -> [f64; 4] {
        let count = figures.count(place).unwrap_or(MISSING);
        let sum = figures.sum(0, place).unwrap_or(MISSING);
        let squares = figures.squares(0, place).unwrap_or(MISSING);
        let mean = if count > 0.0 { sum / count } else { MISSING };
        let variance = if count > 1.0 { (squares - sum * mean) / (count - 1.0) } else { MISSING };
        let variance = if variance < -ROUNDING { MISSING } else { self.unscale_variance(variance) };
        [count, self.range.unscale(mean), variance, square_root(variance)]
    }

    fn unscale_variance(&self, variance: f64) -> f64 {
        let positive = if variance < 0.0 { 0.0 } else { variance };
        positive * self.range.width() * self.range.width()
    }
}

mapper!(Descriptive, derive);

#[cfg(test)]
mod tests {
    use tidegate_guest::native::{Column, Cut, Data, Error, Measure, Parameter, Tabulated};

    use super::*;

    const DECLARED: Measure = Measure { minimum: 0.0, maximum: 1.0, decimals: 6, squares: true };

    fn data(groups: &[&[f64]], low: f64, high: f64) -> Data {
        let labels = (0..groups.len()).map(|group| group.to_string()).collect();
        let each = |(group, values): (u32, &&[f64])| {
            values.iter().map(|&value| (Some(group), Some(value))).collect::<Vec<_>>()
        };
        let (mut values, mut numbers): (Vec<_>, Vec<_>) = (0..).zip(groups).flat_map(each).unzip();
        // Rows that do not count.
        values.extend([None, Some(0)]);
        numbers.extend([Some(low), None]);
        let columns = vec![Column::Categories { labels, values }, Column::Numbers(numbers)];
        Data::new(columns, vec![Parameter::Number(low), Parameter::Number(high)]).unwrap()
    }

    fn figures(data: &Data, groups: u32, cut: Cut) -> Tabulated {
        data.map::<Descriptive>(cut).unwrap().tabulate(groups, 1, &[DECLARED])
    }

    fn run(groups: &[&[f64]], low: f64, high: f64) -> Vec<f64> {
        let data = data(groups, low, high);
        let figures = figures(&data, groups.len().try_into().unwrap(), Cut::whole());
        data.derive::<Descriptive>(&figures).unwrap()
    }

    #[track_caller]
    fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= tolerance, "{found} is not near {expected}");
        }
    }

    /// A. J. Dobson, "An Introduction to Statistical Modelling", 1983: weights of dried plants; means and deviations as R's
    /// `PlantGrowth` has them.
    const PLANT_GROWTH: [&[f64]; 3] = [
        &[4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14],
        &[4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69],
        &[6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26],
    ];

    #[test]
    fn dried_plants() {
        let found = run(&PLANT_GROWTH, 0.0, 10.0);
        let expected =
            [[5.032, 0.583_091_4], [4.661, 0.793_675_7], [5.526, 0.442_573_3], [5.073, 0.701_191_8]];
        for (found, [mean, deviation]) in found.chunks(4).zip(expected) {
            assert_near(&found[1..], &[mean, deviation * deviation, deviation], 1e-6);
        }
        assert_eq!([found[0], found[4], found[8], found[12]], [10.0, 10.0, 10.0, 30.0]);
    }

    /// NIST StRD, univariate summary statistics, NumAcc2: 1.2, then 1.1 and 1.3 five hundred times in turn; mean 1.2,
    /// standard deviation 0.1.
    #[test]
    fn numerical_accuracy() {
        let mut values = vec![1.2];
        values.extend([1.1, 1.3].repeat(500));
        assert_near(&run(&[&values], 1.0, 2.0), &[1001.0, 1.2, 0.01, 0.1, 1001.0, 1.2, 0.01, 0.1], 1e-12);
    }

    #[test]
    fn values_beyond_count_as_bounds() {
        let expected = [2.0, 5.0, 50.0, 50f64.sqrt()];
        assert_near(&run(&[&[-3.0, 1e9]], 0.0, 10.0), &[expected, expected].concat(), 1e-12);
    }

    #[test]
    fn too_little_and_suppressed_is_missing() {
        let groups: [&[f64]; 3] = [&[], &[4.0], &[2.0, 2.0, 2.0]];
        let data = data(&groups, 0.0, 10.0);
        let mut figures = figures(&data, 3, Cut::whole());
        let found = data.derive::<Descriptive>(&figures).unwrap();
        assert!(found[0] == 0.0 && found[1..4].iter().all(|figure| figure.is_nan()));
        assert!(found[4..6] == [1.0, 4.0] && found[6..8].iter().all(|figure| figure.is_nan()));
        assert_near(&found[8..12], &[3.0, 2.0, 0.0, 0.0], 1e-7);
        figures.suppress(2);
        let found = data.derive::<Descriptive>(&figures).unwrap();
        assert!(found[8..12].iter().all(|figure| figure.is_nan()));
        assert_eq!(found[12], 4.0);
    }

    #[test]
    fn a_variance_below_what_rounding_explains_is_missing() {
        let data = data(&[&[5.0, 5.0, 5.0]], 0.0, 10.0);
        let mut figures = figures(&data, 1, Cut::whole());
        figures.counts[0] = 2.0;
        let found = data.derive::<Descriptive>(&figures).unwrap();
        assert!(found[2].is_nan() && found[3].is_nan());
    }

    #[test]
    fn as_many_measures_are_declared() {
        let declared = include_str!("../algorithm.toml").matches("[[measure]]").count();
        assert_eq!(declared, Descriptive::MEASURES);
    }

    #[test]
    fn no_cut_changes_a_bit() {
        let data = data(&PLANT_GROWTH, 0.0, 10.0);
        let whole = figures(&data, 3, Cut::whole());
        for cut in [Cut::new(1, 1), Cut::new(7, 3), Cut::new(16, 16)] {
            assert_eq!(figures(&data, 3, cut), whole);
        }
    }

    #[test]
    fn a_range_without_width_is_refused() {
        let stopped = data(&PLANT_GROWTH, 1.0, 1.0).map::<Descriptive>(Cut::whole());
        assert_eq!(stopped.unwrap_err(), Error::Stopped(Stop::PARAMETER));
    }
}
