//! The privacy budget of a dataset: what releases with noise have spent of it, by sequential composition.

use serde::{Deserialize, Serialize};

use crate::ratio::{Amount, Ratio};
use crate::rules::NoiseRule;

/// The limits of a dataset and what was spent; never more than the limits.
///
/// Sequential composition: releases of (e1, d1) and (e2, d2) together are (e1 + e2, d1 + d2) private (Dwork and Roth,
/// "The Algorithmic Foundations of Differential Privacy", theorem 3.16). Sums are exact decimals.
///
/// # Examples
/// ```
/// use tidegate_disclosure::Budget;
///
/// let mut budget = Budget::new("1".parse()?, "0.000001".parse()?);
/// budget.spend(&"0.6".parse()?, None)?;
/// let refused = budget.spend(&"0.5".parse()?, None).unwrap_err();
/// assert_eq!(refused.to_string(), "epsilon 0.5 is asked for, 0.6 of 1 is spent");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Account", into = "Account")]
pub struct Budget {
    account: Account,
}

/// The fields of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    epsilon_limit: Amount,
    delta_limit: Amount,
    epsilon_spent: Amount,
    delta_spent: Amount,
}

/// Why a release may not spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// Epsilon would pass its limit.
    #[error("epsilon {asked} is asked for, {spent} of {limit} is spent")]
    Epsilon {
        /// Spent before.
        spent: Amount,
        /// Asked for now.
        asked: Amount,
        /// The limit.
        limit: Amount,
    },
    /// Delta would pass its limit.
    #[error("delta {asked} is asked for, {spent} of {limit} is spent")]
    Delta {
        /// Spent before.
        spent: Amount,
        /// Asked for now.
        asked: Amount,
        /// The limit.
        limit: Amount,
    },
}

impl Budget {
    /// Makes a budget of which nothing is spent; a delta of zero allows pure mechanisms alone.
    pub fn new(epsilon: Ratio, delta: Amount) -> Self {
        let epsilon_limit = epsilon.amount();
        let account = Account {
            epsilon_limit,
            delta_limit: delta,
            epsilon_spent: Amount::ZERO,
            delta_spent: Amount::ZERO,
        };
        Self { account }
    }

    /// Changes the limits; what is spent stays, though it may be more than is allowed now.
    pub fn with_limits(self, epsilon: Ratio, delta: Amount) -> Self {
        let account = Account { epsilon_limit: epsilon.amount(), delta_limit: delta, ..self.account };
        Self { account }
    }

    /// Spends, or leaves the budget as it is.
    ///
    /// # Errors
    /// [`BudgetError::Epsilon`], [`BudgetError::Delta`].
    pub fn spend(&mut self, epsilon: &Ratio, delta: Option<&Ratio>) -> Result<(), BudgetError> {
        let delta = delta.map_or(Amount::ZERO, Ratio::amount);
        let next = self.account.after(epsilon.amount(), delta);
        next.check(self.account)?;
        self.account = next;
        Ok(())
    }

    /// Spends what a release takes under `rule` when one unit is part of at most `figures` noisy figures: figures
    /// of disjoint cells count as one (parallel composition), a count and a sum of the same cell as two.
    ///
    /// # Errors
    /// As [`Self::spend`]; the budget is as it was then.
    pub fn spend_rule(&mut self, rule: &NoiseRule, figures: u32) -> Result<(), BudgetError> {
        let delta = rule.delta.map_or(Amount::ZERO, |delta| delta.amount());
        let next = (0..figures).fold(self.account, |account, _| account.after(rule.epsilon.amount(), delta));
        next.check(self.account)?;
        self.account = next;
        Ok(())
    }

    /// Returns the epsilon spent.
    pub fn epsilon_spent(&self) -> Amount {
        self.account.epsilon_spent
    }

    /// Returns the delta spent.
    pub fn delta_spent(&self) -> Amount {
        self.account.delta_spent
    }

    /// Returns the epsilon left.
    pub fn epsilon_left(&self) -> Amount {
        self.account.epsilon_limit.minus(self.account.epsilon_spent)
    }

    /// Returns the delta left.
    pub fn delta_left(&self) -> Amount {
        self.account.delta_limit.minus(self.account.delta_spent)
    }
}

impl Account {
    fn after(self, epsilon: Amount, delta: Amount) -> Self {
        let epsilon_spent = self.epsilon_spent.plus(epsilon);
        Self { epsilon_spent, delta_spent: self.delta_spent.plus(delta), ..self }
    }

    /// Checks the limits; `before` is the account from which this one came.
    fn check(self, before: Self) -> Result<(), BudgetError> {
        if self.epsilon_spent > self.epsilon_limit {
            let (spent, limit) = (before.epsilon_spent, self.epsilon_limit);
            return Err(BudgetError::Epsilon { spent, asked: self.epsilon_spent.minus(spent), limit });
        }
        if self.delta_spent > self.delta_limit {
            let (spent, limit) = (before.delta_spent, self.delta_limit);
            return Err(BudgetError::Delta { spent, asked: self.delta_spent.minus(spent), limit });
        }
        Ok(())
    }
}

impl TryFrom<Account> for Budget {
    type Error = BudgetError;

    fn try_from(account: Account) -> Result<Self, BudgetError> {
        account.check(account)?;
        Ok(Self { account })
    }
}

impl From<Budget> for Account {
    fn from(budget: Budget) -> Self {
        budget.account
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Mechanism;

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    #[test]
    fn sums_are_exact_to_the_limit() {
        let mut budget = Budget::new(ratio("1"), Amount::ZERO);
        for _ in 0..10 {
            budget.spend(&ratio("0.1"), None).unwrap();
        }
        assert_eq!((budget.epsilon_left(), budget.epsilon_spent()), (Amount::ZERO, ratio("1").amount()));
        assert!(budget.spend(&ratio("0.000000000001"), None).is_err());
    }

    #[test]
    fn a_refused_release_spends_nothing() {
        let mut budget = Budget::new(ratio("1"), "0.001".parse().unwrap());
        budget.spend(&ratio("0.5"), Some(&ratio("0.0009"))).unwrap();
        let before = budget;
        let refused = budget.spend(&ratio("0.1"), Some(&ratio("0.0002"))).unwrap_err();
        assert_eq!(refused.to_string(), "delta 0.0002 is asked for, 0.0009 of 0.001 is spent");
        let rule = NoiseRule { mechanism: Mechanism::DiscreteLaplace, epsilon: ratio("0.2"), delta: None };
        assert!(budget.spend_rule(&rule, 3).is_err());
        assert_eq!(budget, before);
        budget.spend_rule(&rule, 2).unwrap();
        assert_eq!(budget.epsilon_left().to_string(), "0.1");
    }

    #[test]
    fn a_document_that_overspent_is_refused() {
        let mut budget = Budget::new(ratio("2"), Amount::ZERO);
        budget.spend(&ratio("1.5"), None).unwrap();
        let text = serde_json::to_string(&budget).unwrap();
        assert_eq!(serde_json::from_str::<Budget>(&text).unwrap(), budget);
        assert!(serde_json::from_str::<Budget>(&text.replace("1.5", "2.5")).is_err());
    }
}
