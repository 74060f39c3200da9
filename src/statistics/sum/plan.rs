//! What a sum computes, worked out of the agreement alike by every party and by the hub.

use tidegate_disclosure::Policy;

use super::super::StatisticsError;
use super::super::grid::{GridPlan, Measure, NumberPlan, Subject, number_places};
use super::super::run::PlanError;
use super::super::spending::spending;
use super::noise::SumNoise;
use crate::agreement::{Agreement, AgreementError, ColumnTerm, PartyTerm, SumTerms, Terms, grids};
use crate::data::ColumnSpec;
use crate::state::Spending;

/// Most totals of a run.
const MAX_WORDS: usize = 10_000_000;

/// Totals are below this, as disclosure control takes them.
const WIDEST: i128 = 1 << 96;

/// Whose the figures of a sum are.
pub const ALL_PARTIES: &str = "all parties";

/// Everything that a run computes.
#[derive(Clone, Debug)]
pub struct SumPlan {
    /// The tables that are computed, each with all statistics that are margins of it.
    pub grids: Vec<GridPlan>,
    /// The number columns used, by place in the agreement, in rising order.
    pub numbers: Vec<NumberPlan>,
    /// Noise on the figures, where some is agreed on.
    pub noise: Option<SumNoise>,
    /// What every release satisfies.
    pub policy: Policy,
    /// Most rows of one party.
    pub most: u64,
    /// How many parties there are.
    pub parties: u32,
    /// Fewest parties in a total.
    pub minimum_parties: u32,
    /// Fewest parties with records in a released place; not counted with noise.
    pub minimum_contributors: u32,
    len: usize,
}

impl SumPlan {
    /// Works out what a run computes.
    ///
    /// # Errors
    /// [`PlanError`]: the agreement is on something else, or its totals would not be exact.
    pub fn new(agreement: &Agreement) -> Result<Self, PlanError> {
        let (terms, sum) = (agreement.terms(), agreement.sum_terms()?);
        if terms.vector.is_some() {
            return Err(AgreementError::OnAVector.into());
        }
        Ok(Self::of(terms, &sum)?)
    }

    fn of(terms: &Terms, sum: &SumTerms<'_>) -> Result<Self, StatisticsError> {
        let planned = grids(terms, None).into_iter().map(|grid| GridPlan::new(terms, grid));
        let grids: Vec<_> = planned.collect::<Result<_, _>>()?;
        let number = |place: usize| NumberPlan::exact(place, terms.column.get(place)?);
        let numbers: Vec<_> = number_places(&grids).into_iter().filter_map(number).collect();
        let rule = sum.disclosure.noise.as_ref();
        let noise = rule.map(|rule| SumNoise::new(rule, sum.minimum_honest, &grids, &numbers)).transpose()?;
        let mut plan = Self {
            grids,
            numbers,
            noise,
            policy: sum.disclosure.policy(),
            most: sum.most_records(),
            parties: u32::try_from(sum.parties.len()).unwrap_or(u32::MAX),
            minimum_parties: sum.minimum_parties,
            minimum_contributors: sum.minimum_contributors,
            len: 0,
        };
        plan.lay_out()?;
        plan.check(terms)?;
        Ok(plan)
    }

    /// Gives every grid its place in the vector.
    fn lay_out(&mut self) -> Result<(), StatisticsError> {
        let mut len = 0;
        for index in 0..self.grids.len() {
            let words = self.grids.get(index).map_or(0, |grid| self.words_of(grid));
            if let Some(grid) = self.grids.get_mut(index) {
                grid.first = u32::try_from(len).unwrap_or(u32::MAX);
            }
            len += words;
        }
        self.len = len;
        match len {
            0..=MAX_WORDS => Ok(()),
            found => Err(StatisticsError::TooManyTotals { found, max: MAX_WORDS }),
        }
    }

    /// Checks that totals, and what is computed of them, stay exact.
    fn check(&self, terms: &Terms) -> Result<(), StatisticsError> {
        let most = self.most.saturating_mul(self.parties.into());
        for measure in self.grids.iter().flat_map(|grid| &grid.measures) {
            let name =
                || measure.column().and_then(|place| terms.column.get(place)).map_or("", ColumnTerm::name);
            let (low, high) = self.bounds_of(*measure);
            let total = low.unsigned_abs().max(high.unsigned_abs()).checked_mul(self.parties.into());
            let fits = total.is_some_and(|total| total <= WIDEST.unsigned_abs());
            // A variance takes n (sum of squares) - (sum of distances)^2, neither above n times the greatest sum of squares.
            let spread =
                i128::from(most).checked_mul(high).and_then(|spread| spread.checked_mul(self.parties.into()));
            let is_exact = !matches!(measure, Measure::Squares(_)) || spread.is_some();
            if !(fits && is_exact) {
                return Err(StatisticsError::TotalTooWide { column: name().to_owned(), most });
            }
        }
        Ok(())
    }

    /// Says which columns the table of `party` must have, in the order of the agreement.
    pub fn column_specs(&self, terms: &Terms, party: &PartyTerm) -> Vec<ColumnSpec> {
        let source = |column: &ColumnTerm| party.source_of(column.name(), column.source()).to_owned();
        terms.column.iter().map(|column| column.spec_from(source(column))).collect()
    }

    /// Counts the words of the vector.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there is nothing to compute, which no valid agreement says.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns what any word of one party's contribution lies between, its noise included.
    pub fn bounds(&self) -> (i128, i128) {
        let measures = self.grids.iter().flat_map(|grid| &grid.measures);
        let bounds = measures.map(|measure| self.bounds_of(*measure));
        bounds.fold((0, 1), |(low, high), (lower, higher)| (low.min(lower), high.max(higher)))
    }

    /// Returns what a party's figure of one cell lies between, its noise included.
    pub(super) fn bounds_of(&self, measure: Measure) -> (i128, i128) {
        let (low, high) = measure.range(&self.numbers);
        let noise = self.noise.as_ref().map_or(0, |noise| noise.bound(measure));
        let most = i128::from(self.most);
        let (low, high) = (low.min(0).saturating_mul(most), high.max(0).saturating_mul(most));
        (low.saturating_sub(noise), high.saturating_add(noise))
    }

    /// Counts the words that say whether a party has records in a place of the grid.
    pub(super) fn flags_of(&self, grid: &GridPlan) -> usize {
        if self.noise.is_some() { 0 } else { grid.places().len() }
    }

    fn words_of(&self, grid: &GridPlan) -> usize {
        self.flags_of(grid) + grid.cell_count() * grid.measures.len()
    }

    /// Returns what its tables are about.
    pub fn subject(&self) -> Subject<'_> {
        Subject { owner: ALL_PARTIES, grids: &self.grids, numbers: &self.numbers }
    }

    /// Says what a run spends of the privacy budget of the own dataset.
    pub fn spending(&self, agreement: &Agreement, own: &PartyTerm) -> Option<Spending> {
        let noise = self.noise.as_ref()?;
        spending(agreement, own, noise.rule, noise.spends)
    }
}
