//! From totals to tables that may leave. Totals come from others: what no tables of the parties can add up to is refused.

use std::collections::BTreeMap;

use tidegate_disclosure::{
    Cell, Contributors, Deviations, Entry, NoisyCell, Place, Release, Sum, check_contributed,
};

use super::super::grid::{GridPlan, Measure};
use super::super::released::Released;
use super::super::table::{StatisticTable, tables};
use super::error::SumError;
use super::plan::SumPlan;
use crate::agreement::Terms;

/// What a run released.
#[derive(Clone, Debug)]
pub struct SumResult {
    /// All statistics, in the order of the agreement.
    pub tables: Vec<StatisticTable>,
    /// The grids, in order.
    pub released: Vec<Released>,
}

/// The totals of one grid.
#[derive(Clone, Copy)]
struct Totals<'a> {
    plan: &'a SumPlan,
    grid: &'a GridPlan,
    /// How many parties are in them.
    survivors: u32,
    /// Contributors of every place asked for; none with noise.
    flags: &'a [i128],
    /// The measures of every cell.
    cells: &'a [i128],
}

impl SumPlan {
    /// Checks totals of `survivors` parties, applies the policy and makes the tables.
    ///
    /// # Errors
    /// [`SumError`]; no variant holds a figure.
    pub fn release(&self, terms: &Terms, totals: &[i128], survivors: u32) -> Result<SumResult, SumError> {
        if totals.len() != self.len() {
            return Err(SumError::Length { found: totals.len(), expected: self.len() }); // SUM-1
        }
        if !(self.minimum_parties..=self.parties).contains(&survivors) {
            let (min, max) = (self.minimum_parties, self.parties);
            return Err(SumError::Survivors { found: survivors, min, max }); // SUM-2
        }
        let grids: Vec<_> = self.grids.iter().map(|grid| Totals::of(self, grid, totals, survivors)).collect();
        grids.iter().try_for_each(Totals::check)?;
        if self.noise.is_none() {
            check_agreement(&grids)?;
        }
        let released = grids.iter().map(Totals::released).collect::<Result<Vec<_>, _>>()?;
        Ok(SumResult { tables: tables(terms, self.subject(), &released), released })
    }
}

impl<'a> Totals<'a> {
    fn of(plan: &'a SumPlan, grid: &'a GridPlan, totals: &'a [i128], survivors: u32) -> Self {
        let rest = totals.get(grid.first as usize..).unwrap_or_default();
        let (flags, rest) = rest.split_at_checked(plan.flags_of(grid)).unwrap_or_default();
        let cells = rest.get(..grid.cell_count() * grid.measures.len()).unwrap_or_default();
        Self { plan, grid, survivors, flags, cells }
    }

    /// Checks every figure by itself, and contributors against counts.
    fn check(&self) -> Result<(), SumError> {
        let width = self.grid.measures.len();
        let start = self.grid.first as usize + self.flags.len();
        for (index, figures) in self.cells.chunks(width).enumerate() {
            let failed =
                |(measure, rule)| SumError::Inconsistent { word: start + index * width + measure, rule };
            self.check_bounds(figures).map_err(failed)?;
            if self.plan.noise.is_none() {
                self.check_cell(figures).map_err(failed)?;
            }
        }
        match self.plan.noise {
            Some(_) => Ok(()),
            None => self.check_flags(),
        }
    }

    /// Checks that no figure is beyond what so many parties can bring.
    fn check_bounds(&self, figures: &[i128]) -> Result<(), (usize, &'static str)> {
        let parties = i128::from(self.survivors);
        let is_within = |(measure, figure): (&Measure, &i128)| {
            let (low, high) = self.plan.bounds_of(*measure);
            (low.saturating_mul(parties)..=high.saturating_mul(parties)).contains(figure)
        };
        match self.grid.measures.iter().zip(figures).position(|found| !is_within(found)) {
            Some(measure) => Err((measure, "is within the bounds of all parties together")), // SUM-3
            None => Ok(()),
        }
    }

    /// Checks the figures of a cell against its count.
    fn check_cell(&self, figures: &[i128]) -> Result<(), (usize, &'static str)> {
        let count = figures.first().copied().unwrap_or_default();
        for (index, (measure, &figure)) in self.grid.measures.iter().zip(figures).enumerate() {
            let (low, high) = measure.range(&self.plan.numbers);
            if !(low.saturating_mul(count)..=high.saturating_mul(count)).contains(&figure) && index > 0 {
                return Err((index, "is within the bounds of so many records")); // SUM-3
            }
            if matches!(measure, Measure::Squares(_)) && !self.is_spread(figures, *measure, figure) {
                return Err((index, "is at least what the sum of the column asks for")); // SUM-3
            }
        }
        Ok(())
    }

    /// Tells whether n (sum of squares) is at least (sum of distances)^2.
    fn is_spread(&self, figures: &[i128], squares: Measure, total: i128) -> bool {
        let find = |wanted| self.grid.measures.iter().position(|measure| *measure == wanted);
        let number = squares.column().and_then(|place| self.plan.subject().number(place));
        let sum = squares.column().and_then(|place| figures.get(find(Measure::Sum(place))?).copied());
        let count = figures.first().copied().unwrap_or_default();
        let Some((number, sum)) = number.zip(sum) else { return false };
        let distances = sum.checked_sub(count.saturating_mul(number.middle.into()));
        let square = distances.and_then(|distances| distances.checked_mul(distances));
        square.zip(total.checked_mul(count)).is_some_and(|(square, spread)| square <= spread)
    }

    /// Checks contributors against counts, and those of a margin against those of its cells.
    fn check_flags(&self) -> Result<(), SumError> {
        let places = self.grid.places();
        let by_place: BTreeMap<Place, i128> =
            places.iter().copied().zip(self.flags.iter().copied()).collect();
        for (index, (&place, &found)) in places.iter().zip(self.flags).enumerate() {
            let base = self.grid.shape.base_cells(place);
            let counts: Vec<_> = base.iter().map(|&cell| self.figure(cell, 0)).collect();
            let count: i128 = counts.iter().sum();
            let most = count.min(self.survivors.into());
            let parts =
                base.iter().map(|&cell| by_place.get(&self.grid.shape.canonical(self.place_of(cell))));
            let parts: Option<Vec<_>> = parts.map(Option::<&i128>::copied).collect();
            let (least, parts) = parts.map_or((0, most), |parts| {
                (parts.iter().copied().max().unwrap_or_default(), parts.iter().sum())
            });
            let is_possible = (least.max(i128::from(count > 0))..=most.min(parts)).contains(&found);
            if !is_possible {
                let word = self.grid.first as usize + index;
                return Err(SumError::Inconsistent {
                    word,
                    rule: "counts contributors that the counts allow",
                }); // SUM-3
            }
        }
        Ok(())
    }

    fn place_of(&self, cell: u32) -> Place {
        Place::cell(cell / self.grid.shape.columns(), cell % self.grid.shape.columns())
    }

    fn figure(&self, cell: u32, measure: usize) -> i128 {
        self.cells.get(cell as usize * self.grid.measures.len() + measure).copied().unwrap_or_default()
    }

    /// Adds up a measure over all cells.
    fn whole(&self, measure: usize) -> i128 {
        self.cells.iter().skip(measure).step_by(self.grid.measures.len()).sum()
    }

    fn released(&self) -> Result<Released, SumError> {
        if let Some(noise) = &self.plan.noise {
            let deviation = |measure: &Measure| noise.standard_deviation(*measure, self.survivors);
            return self.noisy(self.grid.measures.iter().map(deviation).collect());
        }
        let entries: Vec<_> = self.grid.places().into_iter().map(|place| self.entry(place)).collect();
        let of_places: Vec<_> =
            self.flags.iter().map(|&flag| u32::try_from(flag).unwrap_or_default()).collect();
        let contributors = Contributors { minimum: self.plan.minimum_contributors, of_places: &of_places };
        let (shape, levels) = (self.grid.shape, self.grid.levels);
        let release = check_contributed(shape, levels, &entries, contributors, &self.plan.policy)?;
        Ok(Released::of_sum(release))
    }

    fn entry(&self, place: Place) -> Entry {
        let base = self.grid.shape.base_cells(place);
        let total = |measure| base.iter().map(|&cell| self.figure(cell, measure)).sum::<i128>();
        let sums =
            (1..self.grid.measures.len()).map(|measure| Sum { total: total(measure), largest: Vec::new() });
        Entry::Known(Cell { count: u64::try_from(total(0)).unwrap_or_default(), sums: sums.collect() })
    }

    fn noisy(&self, deviations: Vec<f64>) -> Result<Released, SumError> {
        let cell = |figures: &[i128]| {
            let (count, sums) = figures.split_first().unwrap_or((&0, &[]));
            NoisyCell { count: *count, sums: sums.to_vec() }
        };
        let cells: Vec<_> = self.cells.chunks(self.grid.measures.len()).map(cell).collect();
        let mut deviations = deviations.into_iter();
        let deviations =
            Deviations { count: deviations.next().unwrap_or_default(), sums: deviations.collect() };
        let (shape, levels) = (self.grid.shape, self.grid.levels);
        Ok(Released::of_sum(Release::noisy(shape, levels, &cells, &deviations, &self.plan.policy)?))
    }
}

/// Checks that grids, each of which holds every record, agree on what they have in common.
fn check_agreement(grids: &[Totals<'_>]) -> Result<(), SumError> {
    let mut known: BTreeMap<Measure, i128> = BTreeMap::new();
    for totals in grids {
        for (index, &measure) in totals.grid.measures.iter().enumerate() {
            let whole = totals.whole(index);
            if *known.entry(measure).or_insert(whole) != whole {
                let what =
                    if measure == Measure::Count { "the number of records" } else { "the sum of a column" };
                return Err(SumError::Disagreement { what }); // SUM-4
            }
        }
    }
    Ok(())
}
