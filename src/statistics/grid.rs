//! Tables of cells and what is measured of them: what every protocol that sums up over cells has in common.

use std::collections::BTreeSet;

use tidegate_disclosure::{Levels, MAX_CELLS, Place, Shape};

use super::StatisticsError;
use crate::agreement::{ColumnTerm, Grid, StatisticKind, StatisticTerm, Terms};
use crate::data::ColumnSpec;

/// What tables are about: the grids and numbers of a plan, and whose they are.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Whose columns they are.
    pub owner: &'a str,
    /// The grids.
    pub grids: &'a [GridPlan],
    /// The number columns used.
    pub numbers: &'a [NumberPlan],
}

impl<'a> Subject<'a> {
    /// Returns the plan of a number column.
    pub fn number(&self, place: usize) -> Option<&'a NumberPlan> {
        self.numbers.iter().find(|number| number.place == place)
    }
}

/// A table of cells, all measured alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridPlan {
    /// Places in the agreement of its group columns: none, the rows', or those of rows and columns.
    pub by: Vec<usize>,
    /// Places in the agreement of its statistics.
    pub statistics: Vec<usize>,
    /// Rows and columns.
    pub shape: Shape,
    /// Which cells and margins are asked for.
    pub levels: Levels,
    /// What is measured of every cell, the count first.
    pub measures: Vec<Measure>,
    /// Where its figures begin among those that the protocol sums up.
    pub(super) first: u32,
}

/// What is measured of the records of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// How many there are.
    Count,
    /// The sum of a number column, by its place in the agreement.
    Sum(usize),
    /// The sum of squared distances from the middle of its range, in units.
    Squares(usize),
}

/// A number column, with everything in units of its last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberPlan {
    /// Its place in the agreement.
    pub place: usize,
    /// Digits behind the point.
    pub decimals: u8,
    /// The least value.
    pub min: i64,
    /// The greatest value.
    pub max: i64,
    /// The middle, from which distances are taken.
    pub middle: i64,
    /// Squares are rounded to multiples of two to this power.
    pub square_shift: u32,
}

impl NumberPlan {
    /// Plans a column whose squares are summed up exactly; `None` where it is none of numbers.
    pub(super) fn exact(place: usize, column: &ColumnTerm) -> Option<Self> {
        let ColumnSpec::Number { decimals, min, max, .. } = column.spec() else { return None };
        Some(Self { place, decimals, min, max, middle: min.midpoint(max), square_shift: 0 })
    }

    /// Plans a column whose squares are rounded so that the sum of `most` of them is at most `span`.
    pub(super) fn rounded(place: usize, column: &ColumnTerm, most: u64, span: i128) -> Option<Self> {
        let mut number = Self::exact(place, column)?;
        while number.most_square().saturating_mul(most.into()) > span {
            number.square_shift += 1;
        }
        Some(number)
    }

    /// Returns the square of the distance of `value` from the middle, rounded to the unit.
    pub fn square(&self, value: i64) -> i128 {
        let distance = i128::from(value) - i128::from(self.middle);
        let half = (1i128 << self.square_shift) >> 1;
        (distance * distance + half) >> self.square_shift
    }

    /// Returns the square of the greatest distance from the middle.
    pub fn most_square(&self) -> i128 {
        self.square(self.min).max(self.square(self.max))
    }

    /// Returns what a measure of one record lies between.
    pub fn range(&self, measure: Measure) -> (i128, i128) {
        match measure {
            Measure::Count => (0, 1),
            Measure::Sum(_) => (self.min.into(), self.max.into()),
            Measure::Squares(_) => (0, self.most_square()),
        }
    }

    /// Returns what a record with this value adds to a measure.
    pub fn measured(&self, measure: Measure, value: i64) -> i128 {
        match measure {
            Measure::Count => 1,
            Measure::Sum(_) => value.into(),
            Measure::Squares(_) => self.square(value),
        }
    }
}

impl Measure {
    /// Returns what it is of one record, by the plans of its numbers.
    pub fn range(self, numbers: &[NumberPlan]) -> (i128, i128) {
        let number = numbers.iter().find(|number| Some(number.place) == self.column());
        number.map_or((0, 1), |number| number.range(self))
    }

    /// Returns the place of the number column measured, where it is one.
    pub fn column(self) -> Option<usize> {
        match self {
            Self::Count => None,
            Self::Sum(place) | Self::Squares(place) => Some(place),
        }
    }
}

impl GridPlan {
    pub(super) fn new(terms: &Terms, grid: Grid) -> Result<Self, StatisticsError> {
        let groups = |n: usize| {
            let column = grid.by.get(n).and_then(|&place| terms.column.get(place));
            let count = column.and_then(ColumnTerm::group_count).unwrap_or(1);
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let shape =
            Shape::new(groups(0), groups(1)).map_err(|_| StatisticsError::TooManyCells { max: MAX_CELLS })?;
        let statistics = grid.statistics.iter().filter_map(|&place| terms.statistic.get(place));
        // The total of one table follows from any other, so every pattern has to hold with it.
        let mut levels = Levels { cells: false, rows: false, columns: false, total: true };
        let mut measures = BTreeSet::from([Measure::Count]);
        for statistic in statistics {
            measures.extend(measures_of(terms, statistic));
            add_levels(&mut levels, terms, &grid, statistic);
        }
        let measures = measures.into_iter().collect();
        Ok(Self { by: grid.by, statistics: grid.statistics, shape, levels, measures, first: 0 })
    }

    /// Returns the base cell of a record, whose group in each column `group` says.
    pub fn base_cell(&self, group: impl Fn(usize) -> u32) -> u32 {
        match self.by[..] {
            [] => 0,
            [rows] => group(rows),
            [rows, columns, ..] => group(rows) * self.shape.columns() + group(columns),
        }
    }

    /// Counts the base cells.
    pub fn cell_count(&self) -> usize {
        self.shape.cells_len() as usize
    }

    /// Returns the cells and margins that are asked for, in order.
    pub fn places(&self) -> Vec<Place> {
        self.levels.places(self.shape)
    }
}

/// Lists the number columns that grids measure, in rising order.
pub(super) fn number_places(grids: &[GridPlan]) -> BTreeSet<usize> {
    grids.iter().flat_map(|grid| grid.measures.iter().filter_map(|m| m.column())).collect()
}

fn measures_of(terms: &Terms, statistic: &StatisticTerm) -> Vec<Measure> {
    let Some(place) = statistic.of.as_ref().and_then(|of| terms.column_place(of)) else { return Vec::new() };
    match statistic.kind {
        StatisticKind::Sum | StatisticKind::Mean => vec![Measure::Sum(place)],
        _ => vec![Measure::Sum(place), Measure::Squares(place)],
    }
}

/// Asks for the level of the grid that a statistic shows, and its margins.
fn add_levels(levels: &mut Levels, terms: &Terms, grid: &Grid, statistic: &StatisticTerm) {
    let names = |place: &usize| {
        terms.column.get(*place).is_some_and(|c| statistic.by.iter().any(|by| by == c.name()))
    };
    let [rows, columns] = [0, 1].map(|n| grid.by.get(n).is_some_and(names));
    levels.cells |= rows && columns;
    levels.rows |= rows && (!columns || statistic.totals);
    levels.columns |= columns && (!rows || statistic.totals);
}
