//! What a run computes, worked out of the agreement alike on both sides: grids, measures, columns, bounds.

use tidegate_disclosure::Policy;
use tidegate_disclosure::noise::Dummies;
use tidegate_mpc::join::{
    Cell, Counts, Lent, MAX_COLUMNS, MAX_MINIMUM, MAX_OPENING_STEPS, MAX_SPAN, opening_steps,
};

use super::StatisticsError;
use super::grid::{GridPlan, Measure, NumberPlan, Subject, number_places};
use super::noise::Noise;
use crate::agreement::{ColumnTerm, GroupHiding, JoinTerms, Terms, grids};

/// Range of a sum of squares, in which they are rounded to a unit that fits.
const SQUARES_SPAN: i128 = 1 << 43;

/// Most tests of counts in one round, each a ciphertext of 64 bytes.
const MOST_TESTS: u64 = 1 << 17;

/// Most made-up records of a direction, each of which costs as much as a record.
const MOST_DUMMIES: u64 = 1 << 24;

/// A direction of a run: the columns of one party, and what is computed of them.
#[derive(Clone, Debug)]
pub struct Direction {
    /// The owner's name.
    pub owner: String,
    /// The tables that are computed, each with all statistics that are margins of it.
    pub grids: Vec<GridPlan>,
    /// How it is hidden which record is of which group.
    pub hiding: GroupHiding,
    /// What the protocol has to know.
    pub lent: Lent,
    /// The number columns used, by place in the agreement, in rising order.
    pub numbers: Vec<NumberPlan>,
    /// Noise on the figures, where some is agreed on.
    pub noise: Option<Noise>,
    /// Most records that the parties can share.
    pub most: u64,
    /// What every release satisfies.
    pub policy: Policy,
    /// How many dummy rows of a label match, where there are some.
    pub dummies: Option<Dummies>,
}

impl Direction {
    /// Works out what is computed of the columns of `owner`; `None` where no statistic is of its columns.
    ///
    /// # Errors
    /// [`StatisticsError`] where the protocol cannot compute it.
    pub fn new(terms: &Terms, join: JoinTerms<'_>, owner: &str) -> Result<Option<Self>, StatisticsError> {
        let most = terms.party.iter().map(|party| party.max_records).min().unwrap_or_default();
        let planned = grids(terms, Some(owner));
        if planned.is_empty() {
            return Ok(None);
        }
        let minimum = join.disclosure.minimum_count;
        if minimum > MAX_MINIMUM {
            return Err(StatisticsError::Minimum { found: minimum, max: MAX_MINIMUM });
        }
        let mut grids: Vec<_> =
            planned.into_iter().map(|grid| GridPlan::new(terms, grid)).collect::<Result<_, _>>()?;
        let hiding = join.join.groups;
        let noise = join.disclosure.noise.as_ref();
        let dummies = join.join.dummies.as_ref();
        let dummies = dummies.map(super::noise::dummies).transpose()?;
        let single = matches!(&grids[..], [grid] if grid.cell_count() == 1) && dummies.is_none();
        let mut columns = 0;
        for grid in &mut grids {
            grid.first = columns;
            let measures = grid.measures.len() - usize::from(single);
            let cells = if hiding == GroupHiding::Columns { grid.cell_count() } else { 1 };
            columns = columns.saturating_add(u32::try_from(measures * cells).unwrap_or(u32::MAX));
        }
        if columns > MAX_COLUMNS {
            return Err(StatisticsError::TooManyColumns { found: columns, max: MAX_COLUMNS });
        }
        let labels = match (hiding, &grids[..]) {
            (GroupHiding::Partitions, [grid]) => u32::try_from(grid.cell_count()).unwrap_or(u32::MAX),
            _ => 1,
        };
        let lent = Lent {
            labels,
            columns,
            dummies: dummies.as_ref().map_or(Ok(0), |dummies| dummies_of(dummies, labels))?,
            minimum,
            counts: if single { Counts::ByMatcher } else { Counts::Encrypted },
        };
        let number = |place: usize| NumberPlan::rounded(place, terms.column.get(place)?, most, SQUARES_SPAN);
        let numbers = number_places(&grids).into_iter().filter_map(number).collect();
        let policy = join.disclosure.policy();
        let owner = owner.to_owned();
        let mut direction = Self { owner, grids, hiding, lent, numbers, noise: None, most, policy, dummies };
        direction.noise = noise.map(|noise| Noise::new(noise, &direction)).transpose()?;
        direction.check(terms)?;
        Ok(Some(direction))
    }

    /// Checks that every sum can be opened.
    fn check(&self, terms: &Terms) -> Result<(), StatisticsError> {
        let places: usize = self.grids.iter().map(|grid| grid.places().len()).sum();
        let tests = self.lent.minimum.saturating_mul(places as u64);
        if self.noise.is_none() && tests > MOST_TESTS {
            return Err(StatisticsError::TooManyTests { found: tests, max: MOST_TESTS });
        }
        let mut spans = Vec::new();
        for grid in &self.grids {
            for measure in &grid.measures {
                let column = || {
                    measure.column().and_then(|place| terms.column.get(place)).map_or("", ColumnTerm::name)
                };
                let span = self.wide_bounds(*measure).map(|(low, high)| high.abs_diff(low));
                let span = span.filter(|&span| span <= MAX_SPAN);
                let too_wide =
                    || StatisticsError::SumTooWide { column: column().to_owned(), most: self.most };
                let span = span.ok_or_else(too_wide)?;
                spans.extend(self.spans(grid, *measure, span));
            }
        }
        match opening_steps(&spans) {
            Some(steps) if steps <= MAX_OPENING_STEPS => Ok(()),
            _ => Err(StatisticsError::TooMuchWork { sums: spans.len() }),
        }
    }

    /// Returns the widths in which the sums of a measure are looked for. Of counted cells they sum up to that of the total,
    /// on each level.
    fn spans(&self, grid: &GridPlan, measure: Measure, span: u64) -> Vec<u64> {
        let sums = grid.places().len();
        if measure == Measure::Count || self.noise.is_some() || self.skipped() > 0 {
            return vec![span; sums];
        }
        let levels = sums.min(4);
        std::iter::repeat_n(span, levels).chain(std::iter::repeat_n(0, sums - levels)).collect()
    }

    /// Returns what the sum of a measure lies between, noise included.
    pub fn bounds(&self, measure: Measure) -> (i64, i64) {
        self.wide_bounds(measure).unwrap_or_default()
    }

    fn wide_bounds(&self, measure: Measure) -> Option<(i64, i64)> {
        let (low, high) = self.range(measure);
        let most = i64::try_from(self.most).ok()?;
        let noise = self.noise.as_ref().map_or(Some(0), |noise| noise.bound(measure))?;
        let low = low.min(0).checked_mul(most)?.checked_sub(noise)?;
        Some((low, high.max(0).checked_mul(most)?.checked_add(noise)?))
    }

    /// Returns what a measure of one record lies between.
    pub fn range(&self, measure: Measure) -> (i64, i64) {
        let (low, high) = measure.range(&self.numbers);
        // Numbers of an agreement are below 2^53, and squares are rounded to fit; others are too wide for any bound.
        (i64::try_from(low).unwrap_or(i64::MIN), i64::try_from(high).unwrap_or(i64::MAX))
    }

    /// Returns the plan of a number column.
    pub fn number(&self, place: usize) -> Option<&NumberPlan> {
        self.numbers.iter().find(|number| number.place == place)
    }

    /// Returns what its tables are about.
    pub fn subject(&self) -> Subject<'_> {
        Subject { owner: &self.owner, grids: &self.grids, numbers: &self.numbers }
    }

    /// Tells whether records are told apart by labels: one for each base cell of the only grid.
    pub fn has_partitions(&self) -> bool {
        self.hiding == GroupHiding::Partitions && self.lent.labels > 1
    }

    /// Counts the measures that the protocol does not sum up: the count, where the matcher counts.
    pub fn skipped(&self) -> usize {
        usize::from(self.lent.counts == Counts::ByMatcher)
    }

    /// Counts the figures that the owner releases of a grid: all measures of every place asked for or, with noise, of
    /// every cell.
    pub fn figures_of(&self, grid: &GridPlan) -> usize {
        let places = if self.noise.is_some() { grid.cell_count() } else { grid.places().len() };
        places * grid.measures.len()
    }

    /// Counts the figures of all grids.
    pub fn figures_len(&self) -> usize {
        self.grids.iter().map(|grid| self.figures_of(grid)).sum()
    }

    /// Returns the sum of the protocol that measures these base cells of a grid.
    pub fn cell(&self, grid: &GridPlan, base_cells: &[u32], measure: usize) -> Cell {
        let counted = self.skipped();
        let measure = u32::try_from(measure.saturating_sub(counted)).unwrap_or_default();
        if self.has_partitions() {
            return Cell { labels: base_cells.to_vec(), columns: vec![grid.first + measure] };
        }
        let measures = u32::try_from(grid.measures.len() - counted).unwrap_or_default();
        let column = |&cell: &u32| grid.first + cell * measures + measure;
        Cell { labels: vec![0], columns: base_cells.iter().map(column).collect() }
    }
}

/// Returns how many made-up records each label gets.
fn dummies_of(dummies: &Dummies, labels: u32) -> Result<u32, StatisticsError> {
    let found = dummies.most().saturating_mul(labels.into());
    let too_many = StatisticsError::TooManyDummies { found, max: MOST_DUMMIES };
    u32::try_from(dummies.most()).ok().filter(|_| found <= MOST_DUMMIES).ok_or(too_many)
}
