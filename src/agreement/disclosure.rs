//! The disclosure policy of an agreement: what a statistic must satisfy before it leaves.

use serde::{Deserialize, Serialize};
use tidegate_disclosure::{Dominance, NoiseRule, Policy, PolicyError, Ratio};

use super::{AgreementError, field, require};

/// The disclosure policy, and what runs may spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosureTerm {
    /// The fewest records on which a released cell rests.
    pub minimum_count: u64,
    /// The p% rule: how closely, in percent, the second largest contributor may estimate the largest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_percent: Option<u32>,
    /// Released counts are multiples of this, and sums of this many units of the last digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_to: Option<u64>,
    /// The dominance rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dominance: Option<Dominance>,
    /// Noise on every count and sum; its epsilon is that of one measure of one table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseRule>,
    /// What all runs on one dataset may spend together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetTerm>,
}

/// The loss of privacy that all runs on one dataset may sum up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetTerm {
    /// The most of all epsilons.
    pub epsilon: Ratio,
    /// The most of all deltas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Ratio>,
}

impl DisclosureTerm {
    /// Returns the rules that every release satisfies.
    pub fn policy(&self) -> Policy {
        Policy {
            dominance: self.dominance,
            p_percent: self.p_percent,
            round_to: self.round_to,
            noise: self.noise,
            ..Policy::with_minimum(self.minimum_count)
        }
    }

    /// Tells whether a rule looks at single contributions, which must not be negative then.
    pub fn bounds_contributions(&self) -> bool {
        self.dominance.is_some() || self.p_percent.is_some()
    }

    pub(super) fn check(&self) -> Result<(), AgreementError> {
        self.policy().check().map_err(|error| match error {
            PolicyError::Field { name, rule } => field(full_name(name), rule),
            _ => field("disclosure", "holds a rule that this program does not know"),
        })?;
        // Otherwise a released count could be rounded to nothing.
        let base = self.round_to.is_none_or(|base| base <= self.minimum_count);
        require(base, "disclosure.round_to", "is at most `minimum_count`")?;
        let limits_something = self.budget.is_none() || self.noise.is_some();
        require(limits_something, "disclosure.budget", "limits noise, of which there is none")
    }
}

/// Names a field of the policy as it stands in an agreement.
fn full_name(name: &str) -> &'static str {
    match name {
        "minimum_count" => "disclosure.minimum_count",
        "p_percent" => "disclosure.p_percent",
        "round_to" => "disclosure.round_to",
        "dominance.largest" => "disclosure.dominance.largest",
        "dominance.percent" => "disclosure.dominance.percent",
        "noise.epsilon" => "disclosure.noise.epsilon",
        "noise.delta" => "disclosure.noise.delta",
        _ => "disclosure.noise",
    }
}
