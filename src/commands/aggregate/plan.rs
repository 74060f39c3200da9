//! What the own aggregator is about to open, checked against the agreement.

use tidegate_disclosure::noise::Scale;
use tidegate_disclosure::{Amount, NoiseRule};
use tidegate_mpc::aggregation::prio::{Aggregator, Kind, ReportKey, Task};
use tidegate_mpc::run::RunError;
use tidegate_mpc::{Outputs, Protocol, RoleChoice, Terms};

use crate::agreement::{Agreement, PartyTerm, ReportTerm, SignedAgreement};
use crate::cli::AggregateArgs;
use crate::commands::meeting::Standing;
use crate::error::Error;
use crate::identity::Identity;
use crate::ledger;
use crate::report_key;
use crate::state::Spending;
use crate::statistics::StatisticsError;

/// Bits of the tail that noise is cut off at.
const TAIL_BITS: u8 = 40;

/// A run that the agreement allows.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) standing: Standing,
    pub(super) agreed: ReportTerm,
    pub(super) task: Task,
    pub(super) key: ReportKey,
    pub(super) noise: Option<NoisePlan>,
    aggregator: Aggregator,
}

/// The noise of both aggregators.
#[derive(Debug)]
pub(super) struct NoisePlan {
    pub(super) rule: NoiseRule,
    pub(super) scale: Scale,
    spending: Option<Spending>,
}

impl Plan {
    pub(super) fn new(args: &AggregateArgs) -> Result<Self, Error> {
        let identity = Identity::load(&args.identity)?;
        let signed = SignedAgreement::load(&args.agreement)?;
        signed.require_all()?;
        let agreement = signed.agreement().clone();
        let agreed = agreement.report_terms()?.clone();
        let task = agreed.task(&agreement.hash()).map_err(RunError::from)?;
        let own = agreement.sides(&identity.public())?.own;
        let first = agreement.terms().party.first().is_some_and(|party| party.name == own.name);
        let aggregator = if first { Aggregator::Leader } else { Aggregator::Helper };
        let key = report_key::load(&args.report_key)?;
        if key.public() != *task.key(aggregator) {
            return Err(Error::Usage {
                what: "--report-key is not the key for reports that the agreement names for this party"
                    .into(),
                hint: "pass the file whose public half stands in `report.keys` of the agreement",
            });
        }
        let noise = NoisePlan::new(&agreement, own, task.kind())?;
        let standing = Standing::new(ledger::Protocol::Report, identity, agreement, &args.meeting)?;
        standing.check_budget(noise.as_ref().and_then(|noise| noise.spending.as_ref()))?;
        Ok(Self { standing, agreed, task, key, noise, aggregator })
    }

    /// Spends what the run takes of the own dataset's budget.
    pub(super) fn spend(&self) -> Result<(), Error> {
        if let Some(spending) = self.noise.as_ref().and_then(|noise| noise.spending.as_ref()) {
            self.standing.state.spend(spending)?;
        }
        Ok(())
    }

    /// Returns the terms of the session over a channel.
    pub(super) fn terms(&self, channel_binding: [u8; 32]) -> Terms {
        Terms {
            protocol: Protocol::Prio3,
            agreement: self.standing.hash,
            channel_binding,
            own: self.standing.own_name.clone(),
            peer: self.standing.peer_name.clone(),
            role: RoleChoice::Fixed(self.aggregator.role()),
            outputs: Outputs::Both,
            minimum: self.task.minimum(),
            max_peer_len: self.standing.max_peer_records,
        }
    }
}

impl NoisePlan {
    /// Finds the width: a report adds at most its greatest value to a sum, and to all sums of a vector.
    fn new(agreement: &Agreement, own: &PartyTerm, kind: Kind) -> Result<Option<Self>, Error> {
        let policy = agreement.terms().disclosure.as_ref();
        let Some(rule) = policy.and_then(|policy| policy.noise) else { return Ok(None) };
        let scale = Scale::of(&rule, kind.sum_max()).map_err(StatisticsError::from)?;
        let figures = match kind {
            Kind::SumVec { len, .. } => len,
            _ => 1,
        };
        let budget = policy.and_then(|policy| policy.budget);
        let limit = budget.map(|budget| (budget.epsilon, budget.delta.map_or(Amount::ZERO, |d| d.amount())));
        let dataset = own.dataset.clone();
        let spending = dataset.map(|dataset| Spending { dataset, rule, figures, limit });
        Ok(Some(Self { rule, scale, spending }))
    }

    /// Draws the own noise of so many sums.
    pub(super) fn draw(&self, sums: usize) -> Vec<i64> {
        let bound = self.bound();
        let one =
            || i64::try_from(self.scale.sample(&mut rand::rng()).clamp(-bound, bound)).unwrap_or_default();
        (0..sums).map(|_| one()).collect()
    }

    /// Bounds how far the noise of both may take a sum.
    pub(super) fn margin(&self) -> u64 {
        u64::try_from(self.bound().saturating_mul(2)).unwrap_or(u64::MAX)
    }

    fn bound(&self) -> i128 {
        i128::try_from(self.scale.bound(TAIL_BITS)).unwrap_or(i128::MAX)
    }
}
