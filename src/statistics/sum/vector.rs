//! Long vectors of named cells: two words for each cell, whether a party has it and its number; with noise the number alone.

use std::fmt;

use rand::CryptoRng;
use tidegate_disclosure::NoiseRule;
use tidegate_disclosure::noise::Share;
use zeroize::Zeroizing;

use super::super::StatisticsError;
use super::super::run::PlanError;
use super::super::spending::spending;
use super::error::SumError;
use super::noise::TAIL_BITS;
use crate::agreement::{Agreement, PartyTerm};
use crate::data::{CellValues, ColumnData};
use crate::state::Spending;

/// Totals are below this in either direction.
const WIDEST: i64 = 1 << 62;

/// What a run on a vector computes.
#[derive(Clone, Debug)]
pub struct VectorPlan {
    /// How many cells there are.
    pub cells: usize,
    /// Digits behind the point.
    pub decimals: u8,
    /// How many parties there are.
    pub parties: u32,
    /// Fewest parties in a total.
    pub minimum_parties: u32,
    /// Fewest parties with a released cell; not counted with noise.
    pub minimum_contributors: u32,
    /// How many parties' noise alone reaches what is declared.
    pub minimum_honest: u32,
    range: (i64, i64),
    noise: Option<(NoiseRule, Share)>,
}

/// A party's words, wiped on drop; `Debug` prints their number alone.
pub struct VectorContribution(Zeroizing<Vec<i64>>);

impl VectorContribution {
    /// Returns the words.
    pub fn words(&self) -> &[i64] {
        &self.0
    }
}

impl fmt::Debug for VectorContribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VectorContribution").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl VectorPlan {
    /// Works out what a run computes.
    ///
    /// # Errors
    /// [`PlanError`]: the agreement is on something else, or its totals would not be exact.
    pub fn new(agreement: &Agreement) -> Result<Self, PlanError> {
        let (sum, vector) = (agreement.sum_terms()?, agreement.vector()?);
        let range = vector.range();
        let share = |rule: &NoiseRule| {
            let sensitivity = range.0.unsigned_abs().max(range.1.unsigned_abs());
            Ok::<_, StatisticsError>((*rule, Share::new(rule, sensitivity, sum.minimum_honest)?))
        };
        let plan = Self {
            cells: usize::try_from(vector.cells).unwrap_or(usize::MAX),
            decimals: vector.decimals,
            parties: u32::try_from(sum.parties.len()).unwrap_or(u32::MAX),
            minimum_parties: sum.minimum_parties,
            minimum_contributors: sum.minimum_contributors,
            minimum_honest: sum.minimum_honest,
            range,
            noise: sum.disclosure.noise.as_ref().map(share).transpose()?,
        };
        let (low, high) = plan.bounds();
        let fits = |bound: i64| {
            bound.checked_mul(plan.parties.into()).is_some_and(|sum| (-WIDEST..=WIDEST).contains(&sum))
        };
        if !(fits(low) && fits(high)) {
            let most = plan.parties.into();
            return Err(StatisticsError::TotalTooWide { column: vector.value.clone(), most }.into());
        }
        Ok(plan)
    }

    /// Counts the words: with noise one for each cell, otherwise first all that say who has a cell, then all numbers.
    pub fn len(&self) -> usize {
        if self.noise.is_some() { self.cells } else { 2 * self.cells }
    }

    /// Tells whether there is nothing to compute, which no valid agreement says.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what any word of one party lies between, its noise included.
    pub fn bounds(&self) -> (i64, i64) {
        let noise = self.bound();
        let flag = i64::from(self.noise.is_none());
        (self.range.0.min(0).saturating_sub(noise), self.range.1.max(flag).saturating_add(noise))
    }

    fn bound(&self) -> i64 {
        let bound = self.noise.as_ref().map_or(0, |(_, share)| share.bound(TAIL_BITS));
        i64::try_from(bound).unwrap_or(i64::MAX)
    }

    /// Places the own numbers, and adds the own noise to every cell; `rng` is asked where there is noise.
    pub fn contribution<R: CryptoRng + ?Sized>(&self, own: &CellValues, rng: &mut R) -> VectorContribution {
        let mut words = Zeroizing::new(vec![0; self.len()]);
        let (flags, values) = words.split_at_mut(self.len() - self.cells);
        if let Some((_, share)) = &self.noise {
            share.fill_i64(rng, values);
            let bound = self.bound();
            values.iter_mut().for_each(|value| *value = (*value).clamp(-bound, bound));
        }
        let numbers = match &own.values {
            ColumnData::Numbers(numbers) => &numbers[..],
            ColumnData::Groups(_) => &[],
        };
        for (&cell, &number) in own.cells.iter().zip(numbers) {
            // A party that lists a zero adds nothing to the others' figures, so it does not hide them.
            flags.get_mut(cell as usize).into_iter().for_each(|flag| *flag = i64::from(number != 0));
            values.get_mut(cell as usize).into_iter().for_each(|value| *value += number);
        }
        VectorContribution(words)
    }

    /// Checks totals of `survivors` parties, and returns the released ones: nothing where too few parties
    /// have a number other than 0 in a cell.
    ///
    /// # Errors
    /// [`SumError`]; no variant holds a figure.
    pub fn release(&self, totals: &[i64], survivors: u32) -> Result<Vec<Option<i64>>, SumError> {
        if totals.len() != self.len() {
            return Err(SumError::Length { found: totals.len(), expected: self.len() }); // SUM-1
        }
        if !(self.minimum_parties..=self.parties).contains(&survivors) {
            let (min, max) = (self.minimum_parties, self.parties);
            return Err(SumError::Survivors { found: survivors, min, max }); // SUM-2
        }
        let (flags, values) = totals.split_at_checked(totals.len() - self.cells).unwrap_or_default();
        let released = values.iter().enumerate().map(|(cell, &value)| {
            let contributors = match self.noise {
                Some(_) => survivors,
                None => self.contributors(flags, cell, survivors)?,
            };
            if !self.fits(value, contributors) {
                let rule = "is within the bounds of those who have the cell";
                return Err(SumError::Inconsistent { word: flags.len() + cell, rule }); // SUM-3
            }
            Ok((contributors >= self.minimum_contributors).then_some(value))
        });
        released.collect()
    }

    fn contributors(&self, flags: &[i64], cell: usize, survivors: u32) -> Result<u32, SumError> {
        let found = flags.get(cell).and_then(|&flag| u32::try_from(flag).ok());
        let rule = "counts contributors among the parties in the totals";
        found.filter(|found| *found <= survivors).ok_or(SumError::Inconsistent { word: cell, rule }) // SUM-3
    }

    /// Tells whether so many parties can bring a total.
    fn fits(&self, total: i64, contributors: u32) -> bool {
        let (low, high) = match self.noise {
            Some(_) => self.bounds(),
            None => self.range,
        };
        let times = |bound: i64| i128::from(bound) * i128::from(contributors);
        (times(low)..=times(high)).contains(&total.into())
    }

    /// Returns the rule of the noise, where some is agreed on.
    pub fn noise(&self) -> Option<&NoiseRule> {
        self.noise.as_ref().map(|(rule, _)| rule)
    }

    /// Returns the standard deviation of the noise on a total of so many parties, in units; none without noise.
    pub fn standard_deviation(&self, survivors: u32) -> Option<f64> {
        self.noise.as_ref().map(|(_, share)| share.standard_deviation(survivors))
    }

    /// Says what a run spends of the privacy budget of the own dataset: a record is part of one cell.
    pub fn spending(&self, agreement: &Agreement, own: &PartyTerm) -> Option<Spending> {
        let (rule, _) = self.noise.as_ref()?;
        spending(agreement, own, *rule, 1)
    }
}
