//! Noise of a sum: which share of it each party adds to each measure, and what a run spends.

use rand::CryptoRng;
use tidegate_disclosure::NoiseRule;
use tidegate_disclosure::noise::Share;
use zeroize::Zeroizing;

use super::super::StatisticsError;
use super::super::grid::{GridPlan, Measure, NumberPlan};

/// Bits of the tail that is cut off.
pub(super) const TAIL_BITS: u8 = 40;

/// The share of a party in the noise of every measure.
#[derive(Clone, Debug)]
pub struct SumNoise {
    /// What was agreed on, for each measure of each table.
    pub rule: NoiseRule,
    /// How many parties' shares alone reach it.
    pub honest: u32,
    /// How many measures of tables a run releases, each of which spends the rule's epsilon.
    pub spends: u32,
    shares: Vec<(Measure, Share)>,
}

impl SumNoise {
    /// Finds the shares: one record changes one cell, by at most the range of the measure.
    pub(super) fn new(
        rule: &NoiseRule,
        honest: u32,
        grids: &[GridPlan],
        numbers: &[NumberPlan],
    ) -> Result<Self, StatisticsError> {
        let measures = || grids.iter().flat_map(|grid| grid.measures.iter().copied());
        let mut shares: Vec<(Measure, Share)> = Vec::new();
        for measure in measures() {
            if shares.iter().all(|(other, _)| *other != measure) {
                let (low, high) = measure.range(numbers);
                let sensitivity = low.unsigned_abs().max(high.unsigned_abs()).max(1);
                let sensitivity = u64::try_from(sensitivity).unwrap_or(u64::MAX);
                shares.push((measure, Share::new(rule, sensitivity, honest)?));
            }
        }
        let spends = u32::try_from(measures().count()).unwrap_or(u32::MAX);
        Ok(Self { rule: *rule, honest, spends, shares })
    }

    fn share(&self, measure: Measure) -> Option<&Share> {
        self.shares.iter().find(|(other, _)| *other == measure).map(|(_, share)| share)
    }

    /// Bounds one party's noise on a figure.
    pub(super) fn bound(&self, measure: Measure) -> i128 {
        let bound = self.share(measure).map_or(0, |share| share.bound(TAIL_BITS));
        i128::try_from(bound).unwrap_or(i128::MAX)
    }

    /// Returns the standard deviation of the noise of so many parties on a figure.
    pub fn standard_deviation(&self, measure: Measure, parties: u32) -> f64 {
        self.share(measure).map_or(0.0, |share| share.standard_deviation(parties))
    }

    /// Adds the own noise to the measures of a grid's cells, cut off at the bound.
    pub(super) fn add<R: CryptoRng + ?Sized>(&self, grid: &GridPlan, cells: &mut [i128], rng: &mut R) {
        let width = grid.measures.len();
        for (index, &measure) in grid.measures.iter().enumerate() {
            let (Some(share), bound) = (self.share(measure), self.bound(measure)) else { continue };
            let mut noise = Zeroizing::new(vec![0; grid.cell_count()]);
            share.fill(rng, &mut noise);
            let figures = cells.iter_mut().skip(index).step_by(width);
            figures.zip(noise.iter()).for_each(|(figure, noise)| *figure += noise.clamp(&-bound, &bound));
        }
    }
}
