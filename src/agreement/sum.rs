//! The parts of an agreement on sums over the tables of many parties.
//!
//! Such an agreement has the protocol `sum-masked`, 2 to 100 parties and gives output to all of them. Every party has
//! the same columns, every row of its table is a record, and there is no key. `[sum]` says who coordinates, how many
//! parties it takes and how masks are made; what may be used and computed, and what a result must satisfy, is said as
//! in an agreement on common records. `examples/sum-agreement.toml` shows all of it. A `[vector]` of named cells may
//! stand in for columns and statistics.

use serde::{Deserialize, Serialize};
use tidegate_disclosure::Mechanism;

use super::disclosure::DisclosureTerm;
use super::grids::grids;
use super::statistics::{check_figures, check_grids, check_sources};
use super::{Agreement, AgreementError, ColumnTerm, PartyTerm, StatisticTerm, Terms, field, require};
use crate::data::Missing;
use crate::identity::PublicKey;

/// Fewest parties, and fewest contributors to a cell, unless the agreement says otherwise.
const FEWEST: u32 = 3;

/// How figures are summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumTerm {
    /// The party that coordinates; none where a hub does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<String>,
    /// How many parties' shares open a mask; by default more than two thirds of them, and more than half by one where a
    /// party coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u32>,
    /// Fewest parties whose figures a total holds; by default the threshold, and at least 3 without noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_parties: Option<u32>,
    /// Fewest parties with records in a released cell; by default 3, and with noise 1, since it is not counted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_contributors: Option<u32>,
    /// How many parties' noise alone reaches what the policy declares; by default one less than `minimum_parties`, and at
    /// least 1, so that one party may take its own noise off a total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_honest: Option<u32>,
    /// How masks are made of seeds.
    #[serde(default)]
    pub prg: Prg,
    /// What happens to rows with an empty cell.
    pub missing: Missing,
    /// Whether every party commits to its figures, for an audit later.
    #[serde(default)]
    pub commitments: bool,
}

/// A generator that makes masks of seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Prg {
    /// AES with 128-bit keys in counter mode.
    #[default]
    #[serde(rename = "aes128-ctr")]
    Aes128Ctr,
    /// AES with 256-bit keys in counter mode.
    #[serde(rename = "aes256-ctr")]
    Aes256Ctr,
    /// ChaCha20.
    #[serde(rename = "chacha20")]
    ChaCha20,
}

impl Prg {
    /// Returns the name in an agreement.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Ctr => "aes128-ctr",
            Self::Aes256Ctr => "aes256-ctr",
            Self::ChaCha20 => "chacha20",
        }
    }
}

/// The parts of a valid agreement that concern a sum, with every default filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumTerms<'a> {
    /// How figures are summed up, as it is written.
    pub sum: &'a SumTerm,
    /// The parties, in order.
    pub parties: &'a [PartyTerm],
    /// What may be used.
    pub columns: &'a [ColumnTerm],
    /// What may be computed.
    pub statistics: &'a [StatisticTerm],
    /// What a result must satisfy.
    pub disclosure: &'a DisclosureTerm,
    /// Who coordinates.
    pub coordinator: Coordinator<'a>,
    /// How many parties' shares open a mask.
    pub threshold: u32,
    /// Fewest parties whose figures a total holds.
    pub minimum_parties: u32,
    /// Fewest parties with records in a released cell.
    pub minimum_contributors: u32,
    /// How many parties' noise alone reaches what is declared.
    pub minimum_honest: u32,
}

/// Who coordinates a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinator<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its public key.
    pub key: &'a PublicKey,
    /// Where it listens.
    pub endpoint: &'a str,
    /// Its place among the parties; none where it is the hub.
    pub place: Option<usize>,
}

impl Agreement {
    /// Returns the parts of an agreement on a sum.
    ///
    /// # Errors
    /// [`AgreementError::NotASum`].
    pub fn sum_terms(&self) -> Result<SumTerms<'_>, AgreementError> {
        let terms = self.terms();
        let (Some(sum), Some(disclosure)) = (&terms.sum, &terms.disclosure) else {
            return Err(AgreementError::NotASum);
        };
        SumTerms::new(terms, sum, disclosure)
    }
}

impl<'a> SumTerms<'a> {
    /// Fills in what is not said.
    fn new(
        terms: &'a Terms,
        sum: &'a SumTerm,
        disclosure: &'a DisclosureTerm,
    ) -> Result<Self, AgreementError> {
        let parties = u32::try_from(terms.party.len()).unwrap_or(u32::MAX);
        let is_noisy = disclosure.noise.is_some();
        let coordinator = coordinator(terms, sum)?;
        let own = u32::from(coordinator.place.is_some());
        let majority = (parties + own) / 2 + 1;
        let usual = (parties.saturating_mul(2) / 3 + 1).max(majority).min(parties);
        let threshold = sum.threshold.unwrap_or(usual);
        let fewest = if is_noisy { threshold } else { threshold.max(FEWEST) };
        let minimum_parties = sum.minimum_parties.unwrap_or(fewest);
        Ok(Self {
            sum,
            parties: &terms.party,
            columns: &terms.column,
            statistics: &terms.statistic,
            disclosure,
            coordinator,
            threshold,
            minimum_parties,
            minimum_contributors: sum.minimum_contributors.unwrap_or(if is_noisy { 1 } else { FEWEST }),
            minimum_honest: sum.minimum_honest.unwrap_or(minimum_parties.saturating_sub(1).max(1)),
        })
    }

    /// Returns the most rows that one party may bring.
    pub fn most_records(&self) -> u64 {
        self.parties.iter().map(|party| party.max_records).max().unwrap_or_default()
    }

    fn check(&self) -> Result<(), AgreementError> {
        let parties = u32::try_from(self.parties.len()).unwrap_or(u32::MAX);
        let is_noisy = self.disclosure.noise.is_some();
        let alone =
            "is given for 3 parties or more without `disclosure.noise`: each of two would learn the other's";
        require(is_noisy || parties >= FEWEST, "party", alone)?;
        // Of fewer, a coordinator could have two groups sign two lists of survivors, itself both where it is a party.
        let own = u32::from(self.coordinator.place.is_some());
        let threshold = (2..=parties).contains(&self.threshold) && 2 * self.threshold > parties + own;
        let rule = "is more than half of the number of parties, one more where a party coordinates, and at most all of them";
        require(threshold, "sum.threshold", rule)?;
        let minimum = (self.threshold..=parties).contains(&self.minimum_parties);
        let rule = "is at least `threshold`, and at most the number of parties";
        require(minimum, "sum.minimum_parties", rule)?;
        let fewest = is_noisy || self.minimum_parties >= FEWEST;
        require(fewest, "sum.minimum_parties", "is at least 3 without `disclosure.noise`")?;
        self.check_contributors(parties, is_noisy)
    }

    fn check_contributors(&self, parties: u32, is_noisy: bool) -> Result<(), AgreementError> {
        const FIELD: &str = "sum.minimum_contributors";
        let found = self.minimum_contributors;
        if is_noisy {
            require(
                found == 1,
                FIELD,
                "is 1 or absent with `disclosure.noise`, since contributors are not counted",
            )?;
        } else {
            let rule = "is at least 2 without `disclosure.noise`, and at most the number of parties";
            require((2..=parties).contains(&found), FIELD, rule)?;
        }
        let honest = (1..=self.minimum_parties).contains(&self.minimum_honest);
        require(honest, "sum.minimum_honest", "is at least 1, and at most `minimum_parties`")?;
        let is_used = is_noisy || self.sum.minimum_honest.is_none();
        require(is_used, "sum.minimum_honest", "is about `disclosure.noise`, of which there is none")
    }
}

/// Finds who coordinates: the hub, or the party that is named.
fn coordinator<'a>(terms: &'a Terms, sum: &'a SumTerm) -> Result<Coordinator<'a>, AgreementError> {
    if let Some(hub) = &terms.hub {
        require(sum.coordinator.is_none(), "sum.coordinator", "is absent where there is a `[hub]`")?;
        return Ok(Coordinator { name: &hub.name, key: &hub.key, endpoint: &hub.endpoint, place: None });
    }
    let named = sum.coordinator.as_deref();
    let named = named.ok_or_else(|| field("sum.coordinator", "is required where there is no `[hub]`"))?;
    let place = terms.party.iter().position(|party| party.name == named);
    let party = place.and_then(|place| terms.party.get(place));
    let party = party.ok_or_else(|| field("sum.coordinator", "is a party of the agreement"))?;
    let endpoint = party.endpoint.as_deref();
    let endpoint = endpoint.ok_or_else(|| field("party.endpoint", "is required of the coordinator"))?;
    Ok(Coordinator { name: &party.name, key: &party.key, endpoint, place })
}

/// Checks that nothing of this is in an agreement of another kind.
pub(super) fn check_absent(terms: &Terms) -> Result<(), AgreementError> {
    const RULE: &str = "belongs to the protocol `sum-masked` alone";
    require(terms.sum.is_none(), "sum", RULE)?;
    require(terms.hub.is_none(), "hub", RULE)?;
    require(terms.vector.is_none(), "vector", RULE)?;
    require(terms.party.iter().all(|party| party.sources.is_empty()), "party.sources", RULE)
}

/// Checks all parts of an agreement on a sum but its parties.
pub(super) fn check(terms: &Terms) -> Result<(), AgreementError> {
    const REQUIRED: &str = "is required by the protocol `sum-masked`";
    require(terms.key.is_empty(), "key", "is absent under `sum-masked`, where every row is a record")?;
    require(terms.join.is_none(), "join", "belongs to the protocol `join-elgamal` alone")?;
    require(terms.output.len() == terms.party.len(), "output", "names every party under `sum-masked`")?;
    let minimum = "is 0 under `sum-masked`, where `disclosure.minimum_count` rules";
    require(terms.minimum_intersection == 0, "minimum_intersection", minimum)?;
    let sum = terms.sum.as_ref().ok_or_else(|| field("sum", REQUIRED))?;
    let policy = terms.disclosure.as_ref().ok_or_else(|| field("disclosure", REQUIRED))?;
    policy.check()?;
    check_policy(policy)?;
    SumTerms::new(terms, sum, policy)?.check()?;
    if let Some(vector) = &terms.vector {
        return super::vector::check(terms, vector, policy);
    }
    check_figures(terms, policy)?;
    for party in &terms.party {
        let source = |column: &'_ ColumnTerm| party.source_of(column.name(), column.source()).to_owned();
        check_sources(terms.column.iter().map(|column| (column, source(column))))?;
    }
    check_grids(terms, &grids(terms, None))
}

/// Refuses rules that the totals of many tables cannot keep.
fn check_policy(policy: &DisclosureTerm) -> Result<(), AgreementError> {
    const CONTRIBUTIONS: &str = "is absent under `sum-masked`: totals do not tell the largest contributions";
    require(policy.dominance.is_none(), "disclosure.dominance", CONTRIBUTIONS)?;
    require(policy.p_percent.is_none(), "disclosure.p_percent", CONTRIBUTIONS)?;
    let adds_up = policy.noise.is_none_or(|noise| noise.mechanism == Mechanism::DiscreteGaussian);
    let rule =
        "is `discrete-gaussian` under `sum-masked`: shares of discrete Laplace noise do not add up to it";
    require(adds_up, "disclosure.noise.mechanism", rule)
}
