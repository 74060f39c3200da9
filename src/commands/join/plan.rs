//! What the own side is about to compute, checked against the agreement.

use tidegate_mpc::{Outputs, Protocol, Role, RoleChoice, Terms};

use crate::agreement::SignedAgreement;
use crate::cli::JoinArgs;
use crate::commands::meeting::Standing;
use crate::data::{ColumnSpec, KeyColumn, RecordRules};
use crate::error::Error;
use crate::identity::Identity;
use crate::ledger;
use crate::state::Spending;
use crate::statistics::JoinPlan;

/// A run that the agreement allows.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) standing: Standing,
    pub(super) join: JoinPlan,
    pub(super) key_columns: Vec<KeyColumn>,
    pub(super) columns: Vec<ColumnSpec>,
    pub(super) rules: RecordRules,
    role: Role,
    spending: Option<Spending>,
}

impl Plan {
    pub(super) fn new(args: &JoinArgs) -> Result<Self, Error> {
        let identity = Identity::load(&args.identity)?;
        let signed = SignedAgreement::load(&args.agreement)?;
        signed.require_all()?;
        let agreement = signed.agreement().clone();
        let terms = agreement.terms();
        let sides = agreement.sides(&identity.public())?;
        let join = JoinPlan::new(&agreement, sides.own, sides.peer)?;
        let keys = agreement.columns_of(sides.own).into_iter().zip(&terms.key);
        let key_columns = keys.map(|(name, key)| KeyColumn { name, rules: key.rules.clone() }).collect();
        let columns = join.column_specs(terms);
        let agreed = agreement.join_terms()?.join;
        let rules = RecordRules { duplicates: agreed.duplicates, missing: agreed.missing };
        let first = terms.party.first().is_some_and(|party| party.name == sides.own.name);
        let role = if first { Role::Sender } else { Role::Receiver };
        let spending = join.spending(&agreement, sides.own);
        let standing = Standing::new(ledger::Protocol::Join, identity, agreement.clone(), &args.meeting)?;
        standing.check_budget(spending.as_ref())?;
        Ok(Self { standing, join, key_columns, columns, rules, role, spending })
    }

    /// Spends what the run takes of the own dataset's budget.
    pub(super) fn spend(&self) -> Result<(), Error> {
        if let Some(spending) = &self.spending {
            self.standing.state.spend(spending)?;
        }
        Ok(())
    }

    /// Returns the terms of the session over a channel.
    pub(super) fn terms(&self, channel_binding: [u8; 32]) -> Terms {
        Terms {
            protocol: Protocol::JoinElGamal,
            agreement: self.standing.hash,
            channel_binding,
            own: self.standing.own_name.clone(),
            peer: self.standing.peer_name.clone(),
            role: RoleChoice::Fixed(self.role),
            outputs: Outputs::Both,
            minimum: 0,
            max_peer_len: self.standing.max_peer_records,
        }
    }
}
