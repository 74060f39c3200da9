//! The parts of an agreement on statistics over the records that two parties share.
//!
//! Such an agreement has the protocol `join-elgamal`, gives output to both parties, and has four parts more than one
//! on an intersection: `[join]` how the records meet, `[[column]]` what may be used, `[[statistic]]` what may be
//! computed, `[disclosure]` what a result must satisfy. `examples/join-agreement.toml` shows all of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_disclosure::Ratio;

use super::columns::{self, ColumnTerm, MAX_COLUMN_TERMS, MAX_GROUPS};
use super::disclosure::DisclosureTerm;
use super::grids::{Grid, grids};
use super::{AgreementError, LINE, Terms, field, is_line, require, require_of};
use crate::data::{Duplicates, Missing};

/// Most statistics of an agreement.
pub const MAX_STATISTICS: usize = 64;

/// How the records meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinTerm {
    /// How it is hidden which record is of which group.
    pub groups: GroupHiding,
    /// What happens to rows with equal keys.
    pub duplicates: Duplicates,
    /// What happens to rows with an empty cell.
    pub missing: Missing,
    /// Made-up records that hide from the other side how many there are; required for partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dummies: Option<DummiesTerm>,
}

/// How it is hidden from the other side which record is of which group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupHiding {
    /// An encrypted figure for every group with each record.
    Columns,
    /// One list of records for every group, filled up with dummies.
    Partitions,
}

/// How many made-up records are added, by differential privacy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DummiesTerm {
    /// The loss of privacy of the number that the other side sees.
    pub epsilon: Ratio,
    /// The chance of a greater loss.
    pub delta: Ratio,
}

/// A statistic that may be computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatisticTerm {
    /// Its name.
    pub name: String,
    /// What is computed.
    pub kind: StatisticKind,
    /// Whose columns it uses; required where it uses none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// The number column, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The group columns, at most two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Whether the margins are released too.
    #[serde(default = "yes")]
    pub totals: bool,
}

fn yes() -> bool {
    true
}

/// What is computed of the records of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatisticKind {
    /// How many there are.
    Count,
    /// The sum of a number.
    Sum,
    /// The mean of a number.
    Mean,
    /// The variance of a number.
    Variance,
    /// The standard deviation of a number.
    StandardDeviation,
    /// How many there are in each bin.
    Histogram,
    /// How many there are in each pair of groups.
    Crosstab,
}

impl StatisticKind {
    /// Tells whether a statistic of this kind is one of a number column.
    pub fn takes_number(self) -> bool {
        matches!(self, Self::Sum | Self::Mean | Self::Variance | Self::StandardDeviation)
    }
}

/// The parts of a valid agreement that concern statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinTerms<'a> {
    /// How the records meet.
    pub join: &'a JoinTerm,
    /// What may be used.
    pub columns: &'a [ColumnTerm],
    /// What may be computed.
    pub statistics: &'a [StatisticTerm],
    /// What a result must satisfy.
    pub disclosure: &'a DisclosureTerm,
}

impl Terms {
    /// Returns the name of the party whose columns a statistic uses; `None` under
    /// `sum-masked`, where every party has them.
    pub fn owner_of<'a>(&'a self, statistic: &'a StatisticTerm) -> Option<&'a str> {
        let first = statistic.of.iter().chain(&statistic.by).next();
        first.map_or(statistic.party.as_deref(), |name| self.column_named(name)?.party())
    }

    /// Finds a column by its name in the agreement.
    pub fn column_named(&self, name: &str) -> Option<&ColumnTerm> {
        self.column.get(self.column_place(name)?)
    }

    /// Finds the place of a column in [`Terms::column`].
    pub fn column_place(&self, name: &str) -> Option<usize> {
        self.column.iter().position(|column| column.name() == name)
    }

    pub(super) fn has_party(&self, name: &str) -> bool {
        self.party.iter().any(|party| party.name == name)
    }
}

/// Checks that nothing of this is in an agreement on an intersection.
pub(super) fn check_absent(terms: &Terms) -> Result<(), AgreementError> {
    const RULE: &str = "belongs to the protocols `join-elgamal` and `sum-masked` alone";
    require(terms.join.is_none(), "join", RULE)?;
    require(terms.column.is_empty(), "column", RULE)?;
    require(terms.statistic.is_empty(), "statistic", RULE)?;
    require(terms.disclosure.is_none(), "disclosure", RULE)?;
    require(terms.party.iter().all(|party| party.dataset.is_none()), "party.dataset", RULE)
}

/// Checks all parts of an agreement on statistics.
pub(super) fn check(terms: &Terms) -> Result<(), AgreementError> {
    const REQUIRED: &str = "is required by the protocol `join-elgamal`";
    require(terms.output.len() == terms.party.len(), "output", "names both parties under `join-elgamal`")?;
    let minimum = "is 0 under `join-elgamal`, where `disclosure.minimum_count` rules";
    require(terms.minimum_intersection == 0, "minimum_intersection", minimum)?;
    let join = terms.join.as_ref().ok_or_else(|| field("join", REQUIRED))?;
    let policy = terms.disclosure.as_ref().ok_or_else(|| field("disclosure", REQUIRED))?;
    policy.check()?;
    check_dummies(join, policy)?;
    check_figures(terms, policy)?;
    check_sources(terms.column.iter().map(|column| (column, (column.party(), column.source()))))?;
    check_contributions(terms, policy)?;
    for party in &terms.party {
        let grids = grids(terms, Some(&party.name));
        check_grids(terms, &grids)?;
        let lists = join.groups == GroupHiding::Columns || grids.len() <= 1;
        let rule = "is one combination for each party under `groups = \"partitions\"`";
        require(lists, "statistic.by", rule)?;
    }
    Ok(())
}

/// Checks columns and statistics by themselves and against the policy.
pub(super) fn check_figures(terms: &Terms, policy: &DisclosureTerm) -> Result<(), AgreementError> {
    require(terms.column.len() <= MAX_COLUMN_TERMS, "column", "is given at most 64 times")?;
    let count = (1..=MAX_STATISTICS).contains(&terms.statistic.len());
    require(count, "statistic", "is given 1 to 64 times in an agreement on statistics")?;
    check_datasets(terms, policy)?;
    columns::check(terms)?;
    check_statistics(terms)?;
    check_use(terms)?;
    check_quotients(terms, policy)
}

fn check_dummies(join: &JoinTerm, policy: &DisclosureTerm) -> Result<(), AgreementError> {
    let hides = join.dummies.is_some();
    let partitions = hides || join.groups == GroupHiding::Columns;
    require(partitions, "join.dummies", "is required by `groups = \"partitions\"`")?;
    // Without dummy rows the other side counts the common records exactly, whatever noise a figure carries.
    require(hides || policy.noise.is_none(), "join.dummies", "is required by `disclosure.noise`")?;
    let Some(dummies) = &join.dummies else { return Ok(()) };
    let delta = dummies.delta.numerator().saturating_mul(100) <= dummies.delta.denominator();
    require(delta, "join.dummies.delta", "is at most 0.01")
}

/// Checks the names of datasets, which noise needs.
pub(super) fn check_datasets(terms: &Terms, policy: &DisclosureTerm) -> Result<(), AgreementError> {
    let names = || terms.party.iter().map(|party| party.dataset.as_deref());
    require(names().flatten().all(is_line), "party.dataset", LINE)?;
    let complete = policy.noise.is_none() || names().all(|name| name.is_some());
    require(complete, "party.dataset", "is required of every party by `disclosure.noise`")
}

fn check_statistics(terms: &Terms) -> Result<(), AgreementError> {
    let mut names = BTreeSet::new();
    for statistic in &terms.statistic {
        statistic.check(terms)?;
        require_of(names.insert(&statistic.name), "statistic.name", &statistic.name, "is given once")?;
    }
    Ok(())
}

impl StatisticTerm {
    fn check(&self, terms: &Terms) -> Result<(), AgreementError> {
        let rule = |holds, field, rule| require_of(holds, field, &self.name, rule);
        rule(is_line(&self.name), "statistic.name", LINE)?;
        self.check_of(terms)?;
        self.check_by(terms)?;
        if terms.sum.is_some() {
            return rule(self.party.is_none(), "statistic.party", "is absent under `sum-masked`");
        }
        let party = "is required where no column says whose records are counted";
        let owner = terms.owner_of(self);
        rule(owner.is_some_and(|owner| terms.has_party(owner)), "statistic.party", party)?;
        let mut owners = self.columns().filter_map(|name| terms.column_named(name)).map(ColumnTerm::party);
        rule(owners.all(|party| party == owner), "statistic.by", "names columns of one party")?;
        let same = self.party.is_none() || self.party.as_deref() == owner;
        rule(same, "statistic.party", "is the owner of the columns")
    }

    fn check_of(&self, terms: &Terms) -> Result<(), AgreementError> {
        let rule = |holds, rule| require_of(holds, "statistic.of", &self.name, rule);
        let Some(of) = &self.of else {
            return rule(!self.kind.takes_number(), "is required by a statistic of this kind");
        };
        rule(self.kind.takes_number(), "is absent from a count, histogram or crosstab")?;
        let is_number = matches!(terms.column_named(of), Some(ColumnTerm::Number { .. }));
        rule(is_number, "names a column of numbers")
    }

    fn check_by(&self, terms: &Terms) -> Result<(), AgreementError> {
        let rule = |holds, rule| require_of(holds, "statistic.by", &self.name, rule);
        let named: Vec<_> = self.by.iter().map(|name| terms.column_named(name)).collect();
        let has_groups = |column: &Option<&ColumnTerm>| column.is_some_and(|c| c.group_count().is_some());
        rule(named.iter().all(has_groups), "names columns of categories or bins")?;
        let distinct: BTreeSet<_> = self.by.iter().collect();
        rule(distinct.len() == self.by.len(), "names each column once")?;
        match self.kind {
            StatisticKind::Histogram => {
                rule(matches!(named[..], [Some(ColumnTerm::Bins { .. })]), "names one column of bins")
            }
            StatisticKind::Crosstab => rule(named.len() == 2, "names two columns in a crosstab"),
            _ => rule(named.len() <= 2, "names at most two columns"),
        }
    }

    fn columns(&self) -> impl Iterator<Item = &String> {
        self.of.iter().chain(&self.by)
    }
}

/// Refuses columns that no statistic uses: nothing is brought without a purpose.
fn check_use(terms: &Terms) -> Result<(), AgreementError> {
    let used: BTreeSet<_> = terms.statistic.iter().flat_map(StatisticTerm::columns).collect();
    let mut names = terms.column.iter().map(ColumnTerm::name);
    match names.find(|&name| !used.iter().any(|used| *used == name)) {
        Some(unused) => require_of(false, "column", unused, "is used by a statistic"),
        None => Ok(()),
    }
}

/// Rules on the largest contributions mean nothing where contributions may be negative.
fn check_contributions(terms: &Terms, policy: &DisclosureTerm) -> Result<(), AgreementError> {
    let is_negative =
        |column: &&ColumnTerm| matches!(column, ColumnTerm::Number { min, .. } if min.is_negative());
    match terms.column.iter().find(is_negative) {
        Some(column) if policy.bounds_contributions() => {
            let rule = "is at least 0 under `disclosure.dominance` and `disclosure.p_percent`";
            require_of(false, "column.min", column.name(), rule)
        }
        _ => Ok(()),
    }
}

/// Refuses means of rounded figures, and variances of rounded and noisy ones: ratios and differences of these would be far
/// from the truth, and nobody could tell how far.
fn check_quotients(terms: &Terms, policy: &DisclosureTerm) -> Result<(), AgreementError> {
    let (rounds, is_noisy) = (policy.round_to.is_some(), policy.noise.is_some());
    let is_refused = |statistic: &&StatisticTerm| match statistic.kind {
        StatisticKind::Mean => rounds,
        StatisticKind::Variance | StatisticKind::StandardDeviation => rounds || is_noisy,
        _ => false,
    };
    let Some(statistic) = terms.statistic.iter().find(is_refused) else { return Ok(()) };
    let rule = match rounds {
        true => "is count, sum, histogram or crosstab under `disclosure.round_to`",
        false => "is no variance or standard deviation under `disclosure.noise`",
    };
    require_of(false, "statistic.kind", &statistic.name, rule)
}

/// Refuses to group by one column of a table in two ways: the tables could be subtracted from each other. `sources` are
/// the columns, each with what tells its place in a table.
pub(super) fn check_sources<'a, S: Ord>(
    sources: impl Iterator<Item = (&'a ColumnTerm, S)>,
) -> Result<(), AgreementError> {
    let mut taken = BTreeSet::new();
    for (column, source) in sources.filter(|(column, _)| column.group_count().is_some()) {
        let rule = "is grouped by in one way alone, or tables could be subtracted from each other";
        require_of(taken.insert(source), "column.source", column.name(), rule)?;
    }
    Ok(())
}

/// Checks that grids over the same records share no column, and have no more cells than a table can.
pub(super) fn check_grids(terms: &Terms, grids: &[Grid]) -> Result<(), AgreementError> {
    let mut taken = BTreeSet::new();
    for &place in grids.iter().flat_map(|grid| &grid.by) {
        let name = terms.column.get(place).map_or("", ColumnTerm::name);
        let rule = "is in one combination of columns alone, or tables could be subtracted from each other";
        require_of(taken.insert(place), "statistic.by", name, rule)?;
    }
    let cells = grids.iter().all(|grid| grid.cell_count(terms) <= MAX_GROUPS);
    require(cells, "statistic.by", "makes at most 4096 cells of its groups")
}
