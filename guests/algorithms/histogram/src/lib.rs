//! A histogram of equal bins, and quantiles.
//!
//! # What it assumes
//! Bins have the edges that `low`, `high` and `bins` say, never edges from the data, and hold their lower edge. Values beyond
//! the range fall into the outermost bins. A quantile is interpolated in its bin as if values were spread evenly there, so it is
//! off by less than the width of a bin, and by more only in the outermost.
//!
//! # What it gives
//! For each bin its edges and its share of all; quantiles. Where bins are suppressed, a quantile is given as long as the bins
//! from one end up to its own are not, and those from the other end need the total.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use tidegate_guest::math::cut;
use tidegate_guest::{
    mapper, Batch, Derive, Figures, Mapper, Output, Place, Range, Setup, Stop, MISSING, NO_CELL,
};

/// Shares below the quantiles, in the order of the declaration.
const QUANTILES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// Equal bins of a range.
#[derive(Debug)]
pub struct Histogram {
    bins: u32,
    range: Range,
}

impl Mapper for Histogram {
    const MEASURES: usize = 0;

    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        let bins = setup.size(0)?;
        if bins == 0 {
            return Err(Stop::PARAMETER);
        }
        Ok(Self { bins, range: Range::of(setup, 1)? })
    }

    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
        let (cells, []) = output.parts();
        for (value, cell) in batch.numbers(0)?.iter().zip(cells) {
            *cell = value.map_or(NO_CELL, |value| self.bin(value));
        }
        Ok(())
    }
}

impl Derive for Histogram {
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop> {
        let counts: Vec<_> = (0..self.bins).map(|bin| figures.count(Place::Cell(bin, 0))).collect();
        let total = figures.count(Place::All).or_else(|| counts.iter().copied().sum());
        let total = total.filter(|&total| total > 0.0);
        let share = |count: Option<f64>| count.zip(total).map_or(MISSING, |(count, total)| count / total);
        let bins = (0u32..).zip(&counts);
        let bins =
            bins.flat_map(|(bin, &count)| [self.edge(bin.into()), self.edge((bin + 1).into()), share(count)]);
        let quantile =
            |share| total.and_then(|total| self.quantile(&counts, total, share)).unwrap_or(MISSING);
        Ok(bins.chain(QUANTILES.map(quantile)).collect())
    }
}

impl Histogram {
    fn bin(&self, value: f64) -> u32 {
        cut(self.range.scale(value) * f64::from(self.bins)).min(self.bins - 1)
    }

    /// Returns the value at so many bins from the lower end.
    fn edge(&self, bins: f64) -> f64 {
        self.range.unscale(bins / f64::from(self.bins))
    }

    /// Returns the value below which a share of all lies.
    fn quantile(&self, counts: &[Option<f64>], total: f64, share: f64) -> Option<f64> {
        let from_below = bins_up_to(counts.iter(), share * total);
        let from_above = || bins_up_to(counts.iter().rev(), (1.0 - share) * total);
        let bins = from_below.or_else(|| from_above().map(|bins| f64::from(self.bins) - bins))?;
        Some(self.edge(bins))
    }
}

/// Returns how many bins hold so much; nothing where one of them is suppressed, or all hold less.
fn bins_up_to<'a>(counts: impl Iterator<Item = &'a Option<f64>>, amount: f64) -> Option<f64> {
    let mut below = 0.0;
    for (bin, &count) in (0u32..).zip(counts) {
        let count = count?;
        if count > 0.0 && below + count >= amount {
            return Some(f64::from(bin) + (amount - below) / count);
        }
        below += count;
    }
    None
}

mapper!(Histogram, derive);

#[cfg(test)]
mod tests {
    use tidegate_guest::native::{Column, Cut, Data, Error, Parameter, Tabulated};

    use super::*;

    fn data(values: impl IntoIterator<Item = f64>, bins: i64, low: f64, high: f64) -> Data {
        let values = values.into_iter().map(Some).chain([None]).collect();
        let parameters = vec![Parameter::Integer(bins), Parameter::Number(low), Parameter::Number(high)];
        Data::new(vec![Column::Numbers(values)], parameters).unwrap()
    }

    fn figures(data: &Data, bins: u32, cut: Cut) -> Tabulated {
        data.map::<Histogram>(cut).unwrap().tabulate(bins, 1, &[])
    }

    fn is_near(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn bins_hold_their_lower_edges_and_the_outermost_what_is_beyond() {
        let data = data([-5.0, 0.0, 2.4, 2.5, 9.9, 10.0, 99.0], 4, 0.0, 10.0);
        let figures = figures(&data, 4, Cut::whole());
        assert_eq!(figures.counts[..4], [3.0, 1.0, 0.0, 3.0]);
        let found = data.derive::<Histogram>(&figures).unwrap();
        let bins = [0.0, 2.5, 3.0 / 7.0, 2.5, 5.0, 1.0 / 7.0, 5.0, 7.5, 0.0, 7.5, 10.0, 3.0 / 7.0];
        assert!(is_near(&found[..12], &bins));
    }

    /// Of 1 to 1000 spread evenly, the quantile of p lies at 1000 p, to half of a unit.
    #[test]
    fn quantiles_of_an_even_spread() {
        let data = data((0..1000).map(|value| f64::from(value) + 0.5), 20, 0.0, 1000.0);
        let found = data.derive::<Histogram>(&figures(&data, 20, Cut::whole())).unwrap();
        assert!(is_near(&found[60..], &[50.0, 100.0, 250.0, 500.0, 750.0, 900.0, 950.0]));
    }

    /// The textbook's formula for grouped data, edge + (n/2 - below) / in the bin * width, by hand: 20 + (25 - 21) / 16 * 10 = 22.5.
    #[test]
    fn the_median_of_grouped_data() {
        let counts = [(5.0, 8), (15.0, 13), (25.0, 16), (35.0, 9), (45.0, 4)];
        let data = data(counts.iter().flat_map(|&(value, count)| [value].repeat(count)), 5, 0.0, 50.0);
        let found = data.derive::<Histogram>(&figures(&data, 5, Cut::whole())).unwrap();
        assert!((found[18] - 22.5).abs() < 1e-9);
    }

    #[test]
    fn quantiles_stand_outside_of_what_is_suppressed() {
        let data = data((0..1000).map(|value| f64::from(value) + 0.5), 10, 0.0, 1000.0);
        let mut figures = figures(&data, 10, Cut::whole());
        figures.suppress(4);
        figures.suppress(5);
        let found = data.derive::<Histogram>(&figures).unwrap();
        assert!(found[14].is_nan() && found[33].is_nan());
        assert!(is_near(&found[30..33], &[50.0, 100.0, 250.0]));
        assert!(is_near(&found[34..], &[750.0, 900.0, 950.0]));
        figures.suppress(figures.counts.len() - 1);
        assert!(data.derive::<Histogram>(&figures).unwrap()[30..].iter().all(|quantile| quantile.is_nan()));
    }

    #[test]
    fn nothing_has_no_quantiles() {
        let data = data([], 3, 0.0, 1.0);
        let found = data.derive::<Histogram>(&figures(&data, 3, Cut::whole())).unwrap();
        assert!(found[9..].iter().all(|quantile| quantile.is_nan()));
    }

    #[test]
    fn as_many_measures_are_declared() {
        let declared = include_str!("../algorithm.toml").matches("[[measure]]").count();
        assert_eq!(declared, Histogram::MEASURES);
    }

    #[test]
    fn no_cut_changes_a_bit() {
        let data = data((0..500).map(|value| f64::from(value * value % 331)), 13, 0.0, 331.0);
        let whole = figures(&data, 13, Cut::whole());
        assert!([(1, 1), (64, 7), (100, 100)].iter().all(|&(rows, batch)| figures(
            &data,
            13,
            Cut::new(rows, batch)
        ) == whole));
    }

    #[test]
    fn parameters_that_make_no_bins_are_refused() {
        for (bins, low) in [(0, 0.0), (-1, 0.0), (3, 1.0)] {
            let stopped = data([], bins, low, 1.0).map::<Histogram>(Cut::whole());
            assert_eq!(stopped.unwrap_err(), Error::Stopped(Stop::PARAMETER));
        }
    }
}
