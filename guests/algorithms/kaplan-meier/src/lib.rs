//! Survival by the estimator of Kaplan and Meier.
//!
//! # What it assumes
//! A row counts where it has both a time and an outcome. Time is cut into intervals of equal width that hold their upper end:
//! what falls into one counts as if it had happened at that end. So times that are multiples of the width are exact, and
//! others are rounded up to one. Who is censored at the time of an event was still at risk of it. Whoever is observed
//! beyond the last interval counts as censored at its end, and negative times count as the first interval. Censoring has to be
//! independent of the risk.
//!
//! # What it gives
//! For each interval: its upper end, how many were at risk, how many had the event, survival beyond it, and the standard
//! error of that by Greenwood's formula (M. Greenwood, "The Natural Duration of Cancer", 1926). From the first interval on of
//! which what is needed was suppressed, figures are missing; intervals have to be wide enough for that not to happen.
//!
//! # Source
//! E. L. Kaplan, P. Meier, "Nonparametric Estimation from Incomplete Observations", JASA 53, 1958.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use tidegate_guest::math::{cut, square_root};
use tidegate_guest::{mapper, Batch, Derive, Figures, Mapper, Output, Place, Setup, Stop, MISSING, NO_CELL};

/// Outcomes, in the order of the declaration.
const OUTCOMES: u32 = 2;
const CENSORED: u32 = 0;
const EVENT: u32 = 1;

/// Leaves of a whole number what is cut to the one before it.
const BELOW_ONE: f64 = 1.0 - 1e-9;

/// Intervals of time.
#[derive(Debug)]
pub struct KaplanMeier {
    intervals: u32,
    width: f64,
}

impl Mapper for KaplanMeier {
    const MEASURES: usize = 0;

    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        let (intervals, width) = (setup.size(0)?, setup.number(1)?);
        if intervals > 0 && width > 0.0 && width < f64::INFINITY {
            Ok(Self { intervals, width })
        } else {
            Err(Stop::PARAMETER)
        }
    }

    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
        let (cells, []) = output.parts();
        let rows = batch.numbers(0)?.iter().zip(batch.booleans(1)?.iter());
        for ((time, event), cell) in rows.zip(cells) {
            *cell = time.zip(event).map_or(NO_CELL, |(time, event)| self.cell(time, event));
        }
        Ok(())
    }
}

impl KaplanMeier {
    fn cell(&self, time: f64, event: bool) -> u32 {
        // An interval holds its upper end, and what dividing makes a little more of it.
        let interval = cut(time / self.width * BELOW_ONE);
        if interval >= self.intervals {
            return (self.intervals - 1) * OUTCOMES + CENSORED;
        }
        interval * OUTCOMES + if event { EVENT } else { CENSORED }
    }
}

impl Derive for KaplanMeier {
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop> {
        let mut curve = Curve { at_risk: figures.count(Place::All), survival: Some(1.0), hazard: Some(0.0) };
        let intervals = (0..self.intervals).flat_map(|interval| {
            let events = figures.count(Place::Cell(interval, EVENT));
            let at_risk = curve.at_risk;
            curve.pass(events, left(figures, interval));
            let time = f64::from(interval + 1) * self.width;
            let figures = [at_risk, events, curve.survival, curve.standard_error()];
            core::iter::once(time).chain(figures.map(|figure| figure.unwrap_or(MISSING)))
        });
        Ok(intervals.collect())
    }
}

/// Returns how many left observation in an interval.
fn left(figures: &Figures<'_>, interval: u32) -> Option<f64> {
    let cells = || {
        let censored = figures.count(Place::Cell(interval, CENSORED))?;
        Some(censored + figures.count(Place::Cell(interval, EVENT))?)
    };
    figures.count(Place::Row(interval)).or_else(cells)
}

/// What is known after some intervals.
struct Curve {
    at_risk: Option<f64>,
    survival: Option<f64>,
    /// The sum of Greenwood's formula: events / (at risk * those who go on).
    hazard: Option<f64>,
}

impl Curve {
    fn pass(&mut self, events: Option<f64>, left: Option<f64>) {
        let at_risk = self.at_risk.filter(|&at_risk| at_risk > 0.0);
        let known = at_risk.zip(events).filter(|(at_risk, events)| events <= at_risk);
        let step = |(at_risk, events): (f64, f64)| {
            Some((
                self.survival? * (1.0 - events / at_risk),
                self.hazard? + events / (at_risk * (at_risk - events)),
            ))
        };
        let (survival, hazard) = known.and_then(step).unzip();
        self.survival = survival;
        // Where nobody goes on, the formula divides by zero.
        self.hazard = hazard.filter(|hazard| *hazard < f64::INFINITY);
        self.at_risk = self.at_risk.zip(left).map(|(at_risk, left)| at_risk - left);
    }

    fn standard_error(&self) -> Option<f64> {
        Some(self.survival? * square_root(self.hazard?))
    }
}

mapper!(KaplanMeier, derive);

#[cfg(test)]
mod tests {
    use tidegate_guest::native::{Column, Cut, Data, Error, Parameter, Tabulated};

    use super::*;

    fn data(observed: &[(f64, bool)], intervals: i64, width: f64) -> Data {
        let times = observed.iter().map(|&(time, _)| Some(time)).chain([None, Some(1.0)]).collect();
        let events = observed.iter().map(|&(_, event)| Some(event)).chain([Some(true), None]).collect();
        let parameters = vec![Parameter::Integer(intervals), Parameter::Number(width)];
        Data::new(vec![Column::Numbers(times), Column::Booleans(events)], parameters).unwrap()
    }

    fn figures(data: &Data, intervals: u32, cut: Cut) -> Tabulated {
        data.map::<KaplanMeier>(cut).unwrap().tabulate(intervals, OUTCOMES, &[])
    }

    /// E. J. Freireich et al., "The Effect of 6-Mercaptopurine on the Duration of Steroid-induced Remissions in Acute
    /// Leukemia", Blood 21, 1963: weeks of remission under the drug.
    fn remission() -> Vec<(f64, bool)> {
        let events = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0];
        let censored = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        events.map(|time| (time, true)).into_iter().chain(censored.map(|time| (time, false))).collect()
    }

    /// Week, at risk, survival and standard error, as R's `survfit` (D. G. Kleinbaum, M. Klein, "Survival Analysis", 3rd
    /// edition, 2012, has the same).
    const EXPECTED: [(usize, f64, f64, f64); 7] = [
        (6, 21.0, 0.857, 0.0764),
        (7, 17.0, 0.807, 0.0869),
        (10, 15.0, 0.753, 0.0963),
        (13, 12.0, 0.690, 0.1068),
        (16, 11.0, 0.627, 0.1141),
        (22, 7.0, 0.538, 0.1282),
        (23, 6.0, 0.448, 0.1346),
    ];

    #[test]
    fn remission_of_leukemia() {
        let data = data(&remission(), 35, 1.0);
        let found = data.derive::<KaplanMeier>(&figures(&data, 35, Cut::whole())).unwrap();
        let week = |week: usize| &found[(week - 1) * 5..week * 5];
        for (time, at_risk, survival, error) in EXPECTED {
            let found = week(time);
            assert_eq!(found[..2], [time as f64, at_risk]);
            assert!(
                (found[3] - survival).abs() < 5.1e-4 && (found[4] - error).abs() < 5.1e-5,
                "week {time}: {found:?}"
            );
        }
        assert_eq!(week(1), [1.0, 21.0, 0.0, 1.0, 0.0]);
        assert_eq!(week(35)[3..], week(23)[3..]);
    }

    #[test]
    fn times_are_rounded_up_and_cut_at_the_end() {
        let data = data(
            &[(0.0, true), (-1.0, true), (2.0, true), (2.1, false), (4.0, true), (4.1, true), (1e300, true)],
            2,
            2.0,
        );
        assert_eq!(figures(&data, 2, Cut::whole()).counts[..4], [0.0, 3.0, 3.0, 1.0]);
    }

    #[test]
    fn ends_of_intervals_that_are_no_binary_fractions_are_within() {
        let data = data(&[(0.3, true), (0.7, true), (1.1, true), (2.3, true)], 30, 0.1);
        let counts = figures(&data, 30, Cut::whole()).counts;
        assert!([2, 6, 10, 22].iter().all(|interval| counts[2 * interval + 1] == 1.0));
    }

    #[test]
    fn figures_end_where_they_are_suppressed() {
        let data = data(&remission(), 35, 1.0);
        let mut figures = figures(&data, 35, Cut::whole());
        // The events of week 10.
        figures.suppress(19);
        let found = data.derive::<KaplanMeier>(&figures).unwrap();
        assert!((found[8 * 5 + 3] - 0.807).abs() < 5.1e-4);
        assert!(found[9 * 5 + 2..10 * 5].iter().all(|figure| figure.is_nan()));
        assert!(found[34 * 5 + 3].is_nan());
        // That of all who left in week 10 stands, so the number at risk goes on.
        assert_eq!(found[12 * 5 + 1], 12.0);
    }

    #[test]
    fn when_nobody_is_left_there_is_no_error() {
        let data = data(&[(1.0, false), (2.0, true)], 3, 1.0);
        let found = data.derive::<KaplanMeier>(&figures(&data, 3, Cut::whole())).unwrap();
        assert_eq!(found[5..9], [2.0, 1.0, 1.0, 0.0]);
        assert!(found[9].is_nan() && found[13].is_nan());
        assert_eq!(found[11], 0.0);
    }

    #[test]
    fn as_many_measures_are_declared() {
        let declared = include_str!("../algorithm.toml").matches("[[measure]]").count();
        assert_eq!(declared, KaplanMeier::MEASURES);
    }

    #[test]
    fn no_cut_changes_a_bit() {
        let data = data(&remission(), 35, 1.0);
        let whole = figures(&data, 35, Cut::whole());
        assert!([(1, 1), (5, 2), (8, 8)].iter().all(|&(rows, batch)| figures(
            &data,
            35,
            Cut::new(rows, batch)
        ) == whole));
    }

    #[test]
    fn parameters_that_make_no_intervals_are_refused() {
        for (intervals, width) in [(0, 1.0), (5, 0.0), (5, f64::NAN), (5, f64::INFINITY)] {
            let stopped = data(&remission(), intervals, width).map::<KaplanMeier>(Cut::whole());
            assert_eq!(stopped.unwrap_err(), Error::Stopped(Stop::PARAMETER));
        }
    }
}
