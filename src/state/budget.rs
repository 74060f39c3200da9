//! What was spent of the privacy budget of a dataset, over all agreements.

use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tidegate_disclosure::{Amount, Budget, NoiseRule, Ratio};

use super::{MAX_FILE_BYTES, StateDir, StateError, create_private, lock};
use crate::hex::hex;
use crate::whole_file::{self, Existing};

/// What a run spends of a dataset's budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spending {
    /// The dataset's name.
    pub dataset: String,
    /// The noise of each figure.
    pub rule: NoiseRule,
    /// Figures that a record is part of.
    pub figures: u32,
    /// The most epsilon and delta that the agreement lets the dataset spend; none for no limit.
    pub limit: Option<(Ratio, Amount)>,
}

impl StateDir {
    /// Checks that a run may spend this, without spending it.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Busy`], [`StateError::Damaged`], [`StateError::Budget`].
    pub fn check_budget(&self, spending: &Spending) -> Result<(), StateError> {
        let _lock = self.lock_budgets()?;
        self.spent(spending).map(|_| ())
    }

    /// Spends it and returns the budget after that, which is on disk when this returns.
    ///
    /// # Errors
    /// As [`Self::check_budget`].
    pub fn spend(&self, spending: &Spending) -> Result<Budget, StateError> {
        let _lock = self.lock_budgets()?;
        let budget = self.spent(spending)?;
        let path = self.budget_file(&spending.dataset);
        let text = serde_json::to_vec(&budget).map_err(io::Error::from);
        let written = text.and_then(|text| whole_file::write(&path, &text, Existing::Replace));
        written.map_err(|source| StateError::Io { path, source })?;
        Ok(budget)
    }

    /// Returns the dataset's budget as it would be after the run.
    fn spent(&self, spending: &Spending) -> Result<Budget, StateError> {
        let path = self.budget_file(&spending.dataset);
        let damaged = || StateError::Damaged { path: path.clone() };
        let before = match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(StateError::Io { path, source }),
            Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES => return Err(damaged()),
            Ok(_) => {
                let read = std::fs::read(&path);
                let text = read.map_err(|source| StateError::Io { path: path.clone(), source })?;
                Some(serde_json::from_slice::<Budget>(&text).map_err(|_| damaged())?)
            }
        };
        let (epsilon, delta) = spending.limit.unwrap_or_else(no_limit);
        let mut budget =
            before.map_or(Budget::new(epsilon, delta), |before| before.with_limits(epsilon, delta));
        let refused = |source| StateError::Budget { dataset: spending.dataset.clone(), source };
        budget.spend_rule(&spending.rule, spending.figures).map_err(refused)?;
        Ok(budget)
    }

    fn budget_file(&self, dataset: &str) -> PathBuf {
        self.0.join("budgets").join(format!("{}.json", hex(&Sha256::digest(dataset))))
    }

    fn lock_budgets(&self) -> Result<std::fs::File, StateError> {
        let directory = self.0.join("budgets");
        create_private(&directory).map_err(|source| StateError::Io { path: directory.clone(), source })?;
        lock(&directory.join("lock"))
    }
}

/// Returns a limit that no sum of agreements reaches.
fn no_limit() -> (Ratio, Amount) {
    let most: Ratio = "999999".parse().expect("six digits before the point are allowed");
    (most, most.amount())
}

#[cfg(test)]
mod tests {
    use tidegate_disclosure::Mechanism;

    use super::*;

    fn spending(epsilon: &str, limit: &str) -> Spending {
        let rule = NoiseRule {
            mechanism: Mechanism::DiscreteLaplace,
            epsilon: epsilon.parse().unwrap(),
            delta: None,
        };
        let limit = Some((limit.parse().unwrap(), Amount::ZERO));
        Spending { dataset: "claims 2025".into(), rule, figures: 2, limit }
    }

    #[test]
    fn agreements_share_the_budget_of_a_dataset() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        state.check_budget(&spending("0.5", "3")).unwrap();
        assert_eq!(state.spend(&spending("0.5", "3")).unwrap().epsilon_left().to_string(), "2");
        assert_eq!(state.spend(&spending("0.25", "2")).unwrap().epsilon_left().to_string(), "0.5");
        let refused = state.spend(&spending("0.5", "2")).unwrap_err();
        assert!(matches!(refused, StateError::Budget { .. }), "{refused}");
        let other = Spending { dataset: "claims 2026".into(), ..spending("0.5", "1") };
        state.spend(&other).unwrap();
        assert!(matches!(state.check_budget(&spending("0.1", "1")), Err(StateError::Budget { .. })));
    }

    #[test]
    fn a_damaged_budget_is_not_taken_for_unspent() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        state.spend(&spending("0.5", "3")).unwrap();
        std::fs::write(state.budget_file("claims 2025"), "{}").unwrap();
        assert!(matches!(state.spend(&spending("0.5", "3")), Err(StateError::Damaged { .. })));
    }
}
