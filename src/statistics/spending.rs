//! What a run spends of a dataset's privacy budget.

use tidegate_disclosure::{Amount, NoiseRule};

use crate::agreement::{Agreement, PartyTerm};
use crate::state::Spending;

/// Says what `figures` figures with the noise of `rule` spend of the dataset of `own`, and what the agreement allows.
pub(super) fn spending(
    agreement: &Agreement,
    own: &PartyTerm,
    rule: NoiseRule,
    figures: u32,
) -> Option<Spending> {
    let budget = agreement.terms().disclosure.as_ref().and_then(|policy| policy.budget);
    let limit = budget.map(|budget| (budget.epsilon, budget.delta.map_or(Amount::ZERO, |d| d.amount())));
    Some(Spending { dataset: own.dataset.clone()?, rule, figures, limit })
}
