//! Noise of a direction: which width each measure gets, and what a run spends.

use rand::CryptoRng;
use tidegate_disclosure::NoiseRule;
use tidegate_disclosure::noise::{Dummies, Scale};

use super::StatisticsError;
use super::grid::Measure;
use super::plan::Direction;
use crate::agreement::DummiesTerm;

/// Bits of the tail that a decoder's range may cut off.
const TAIL_BITS: u8 = 40;

/// The noise of every measure of a direction.
#[derive(Clone, Debug)]
pub struct Noise {
    /// What was agreed on, for each measure of each table.
    pub rule: NoiseRule,
    scales: Vec<(Measure, Scale)>,
    /// How many measures of tables a run releases, each of which spends the rule's epsilon.
    pub spends: u32,
}

impl Noise {
    /// Finds the widths: one record changes one cell, by at most the range of the measure.
    pub(super) fn new(rule: &NoiseRule, direction: &Direction) -> Result<Self, StatisticsError> {
        let measures = direction.grids.iter().flat_map(|grid| grid.measures.iter().copied());
        let scale = |measure: Measure| {
            let (low, high) = direction.range(measure);
            let sensitivity = low.unsigned_abs().max(high.unsigned_abs()).max(1);
            Ok((measure, Scale::of(rule, sensitivity)?))
        };
        let scales = measures.map(scale).collect::<Result<Vec<_>, StatisticsError>>()?;
        Ok(Self { rule: *rule, spends: u32::try_from(scales.len()).unwrap_or(u32::MAX), scales })
    }

    /// Returns the width of the noise that each side adds to a figure.
    pub fn scale(&self, measure: Measure) -> Option<&Scale> {
        self.scales.iter().find(|(other, _)| *other == measure).map(|(_, scale)| scale)
    }

    /// Bounds the noise of both sides on one figure.
    pub(super) fn bound(&self, measure: Measure) -> Option<i64> {
        i64::try_from(self.scale(measure)?.bound(TAIL_BITS).checked_mul(2)?).ok()
    }

    /// Draws the own noise of a figure, cut off where the tail is of no account.
    pub(super) fn draw<R: CryptoRng + ?Sized>(&self, measure: Measure, rng: &mut R) -> i64 {
        let Some(scale) = self.scale(measure) else { return 0 };
        let bound = i128::try_from(scale.bound(TAIL_BITS)).unwrap_or(i128::MAX);
        i64::try_from(scale.sample(rng).clamp(-bound, bound)).unwrap_or_default()
    }
}

/// Finds how many dummy rows hide a count.
pub(super) fn dummies(term: &DummiesTerm) -> Result<Dummies, StatisticsError> {
    Ok(Dummies::new(&term.epsilon, &term.delta)?)
}
