//! The disclosure policy of an agreement: what a statistic must satisfy before it leaves.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{AgreementError, MAX_EXACT, require};
use crate::decimal::Decimal;

/// Largest epsilon; beyond it noise protects nobody.
const MAX_EPSILON: &str = "100";

/// Largest delta, which bounds the chance that a record is not protected at all.
const MAX_DELTA: &str = "0.01";

/// The disclosure policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosureTerm {
    /// The fewest records on which a released cell rests.
    pub minimum_count: u64,
    /// The p% rule: how closely, in percent, the second largest contributor may estimate the largest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_percent: Option<u32>,
    /// Released counts and sums are multiples of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_to: Option<u64>,
    /// The dominance rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dominance: Option<DominanceTerm>,
    /// Noise on every released figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseTerm>,
    /// What all runs on one dataset may spend together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetTerm>,
}

/// The dominance rule: no cell of which the largest contributors make up more than a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DominanceTerm {
    /// How many of the largest contributors are looked at.
    pub largest: u32,
    /// The most that they may make up of the total, in percent.
    pub percent: u32,
}

/// Differentially private noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseTerm {
    /// The distribution.
    pub mechanism: Mechanism,
    /// The loss of privacy of one run.
    pub epsilon: Decimal,
    /// The chance of a greater loss; none for pure differential privacy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Decimal>,
}

/// A distribution of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Discrete Laplace.
    DiscreteLaplace,
    /// Discrete Gaussian, which needs a delta.
    DiscreteGaussian,
}

/// The loss of privacy that all runs on one dataset may sum up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetTerm {
    /// The most of all epsilons.
    pub epsilon: Decimal,
    /// The most of all deltas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Decimal>,
}

impl DisclosureTerm {
    /// Tells whether a rule looks at single contributions, which must not be negative then.
    pub fn bounds_contributions(&self) -> bool {
        self.dominance.is_some() || self.p_percent.is_some()
    }

    pub(super) fn check(&self) -> Result<(), AgreementError> {
        let exact = 1..MAX_EXACT;
        require(
            exact.contains(&self.minimum_count),
            "disclosure.minimum_count",
            "is at least 1, below 2^53",
        )?;
        let percent = self.p_percent.is_none_or(is_percent);
        require(percent, "disclosure.p_percent", "is between 1 and 100")?;
        let base = self.round_to.is_none_or(|base| (2..MAX_EXACT).contains(&base));
        require(base, "disclosure.round_to", "is at least 2, below 2^53")?;
        if let Some(DominanceTerm { largest, percent }) = self.dominance {
            require((1..=5).contains(&largest), "disclosure.dominance.largest", "is between 1 and 5")?;
            require(is_percent(percent), "disclosure.dominance.percent", "is between 1 and 100")?;
        }
        self.check_noise()
    }

    fn check_noise(&self) -> Result<(), AgreementError> {
        if let Some(noise) = self.noise {
            check_epsilon(noise.epsilon, "disclosure.noise.epsilon")?;
            check_delta(noise.delta, "disclosure.noise.delta")?;
            let complete = noise.mechanism == Mechanism::DiscreteLaplace || noise.delta.is_some();
            require(complete, "disclosure.noise.delta", "is required by discrete-gaussian")?;
        }
        let Some(budget) = self.budget else { return Ok(()) };
        check_epsilon(budget.epsilon, "disclosure.budget.epsilon")?;
        check_delta(budget.delta, "disclosure.budget.delta")?;
        let Some(noise) = self.noise else {
            return require(false, "disclosure.budget", "limits noise, of which there is none");
        };
        let epsilon = noise.epsilon.compare(budget.epsilon) != Ordering::Greater;
        require(epsilon, "disclosure.budget.epsilon", "is at least that of the noise, or no run could be")?;
        let delta = noise
            .delta
            .is_none_or(|delta| budget.delta.is_some_and(|most| delta.compare(most) != Ordering::Greater));
        require(delta, "disclosure.budget.delta", "is at least that of the noise, or no run could be")
    }
}

fn is_percent(percent: u32) -> bool {
    (1..=100).contains(&percent)
}

pub(super) fn check_epsilon(epsilon: Decimal, name: &'static str) -> Result<(), AgreementError> {
    require(is_within(epsilon, MAX_EPSILON), name, "is above 0 and at most 100")
}

pub(super) fn check_delta(delta: Option<Decimal>, name: &'static str) -> Result<(), AgreementError> {
    let bounded = delta.is_none_or(|delta| is_within(delta, MAX_DELTA));
    require(bounded, name, "is above 0 and at most 0.01")
}

/// Tells whether a number is above zero and at most `most`.
fn is_within(number: Decimal, most: &str) -> bool {
    let bound = |text: &str| text.parse().expect("bounds are numbers");
    number.compare(bound("0")) == Ordering::Greater && number.compare(bound(most)) != Ordering::Greater
}
