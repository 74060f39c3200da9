//! The part of an agreement on reports: what each holds, who opens the total, and how many it takes.
//!
//! Such an agreement has the protocol `prio3`. Its two parties are the aggregators, the first of them the leader; it has no
//! key and no columns. Reporters are no parties: they need the signed agreement and nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_mpc::aggregation::prio::{DEFAULT_MINIMUM, Kind, ReportPublicKey, Task};

use super::columns::{MAX_GROUPS, MAX_NUMBER_DECIMALS};
use super::disclosure::DisclosureTerm;
use super::{AgreementError, LINE, MAX_EXACT, Terms, field, is_line, require};
use crate::data::ColumnSpec;
use crate::data::normalize::{Normalizer, Rule, Scratch};
use crate::decimal::{Decimal, text_of};
use crate::report_key::PublicReportKey;

/// What reports are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportTerm {
    /// The keys for reports of the parties, in their order.
    pub keys: Vec<PublicReportKey>,
    /// Fewer reports than these are not added up.
    #[serde(default = "default_minimum")]
    pub minimum_batch: u64,
    /// What a report holds.
    pub measure: MeasureTerm,
}

fn default_minimum() -> u64 {
    DEFAULT_MINIMUM
}

/// What a report holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MeasureTerm {
    /// 0 or 1.
    Count,
    /// A number from 0 on.
    Sum {
        /// Digits behind the point.
        decimals: u8,
        /// The greatest number.
        max: Decimal,
    },
    /// Several numbers from 0 on.
    SumVec {
        /// How many.
        length: u32,
        /// Their names; in a table, those of the columns.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        names: Vec<String>,
        /// Digits behind the point.
        decimals: u8,
        /// The greatest number.
        max: Decimal,
    },
    /// One of some categories.
    Histogram {
        /// The categories, in the form that the rules give.
        categories: Vec<String>,
        /// The normalization rules, in order; none for the exact text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<Rule>,
    },
    /// A number that falls into one of some bins.
    Bins {
        /// Digits behind the point.
        decimals: u8,
        /// The borders, ascending: each bin begins with one and ends before the next, which the last bin takes in.
        edges: Vec<Decimal>,
    },
}

impl MeasureTerm {
    /// Returns the kind of task; bounds were checked.
    fn kind(&self) -> Kind {
        let units = |number: &Decimal, decimals: &u8| {
            number.units(*decimals).and_then(|units| u64::try_from(units).ok()).unwrap_or_default()
        };
        let len = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        match self {
            Self::Count => Kind::Count,
            Self::Sum { decimals, max } => Kind::Sum { max: units(max, decimals) },
            Self::SumVec { length, decimals, max, .. } => {
                Kind::SumVec { len: *length, max: units(max, decimals) }
            }
            Self::Histogram { categories, .. } => Kind::Histogram { len: len(categories.len()) },
            Self::Bins { edges, .. } => Kind::Histogram { len: len(edges.len().saturating_sub(1)) },
        }
    }

    /// Counts the digits behind the point of a sum.
    fn decimals(&self) -> u8 {
        match self {
            Self::Sum { decimals, .. } | Self::SumVec { decimals, .. } => *decimals,
            Self::Count | Self::Histogram { .. } | Self::Bins { .. } => 0,
        }
    }

    /// Writes a sum.
    pub fn text_of(&self, sum: i128) -> String {
        i64::try_from(sum).map_or_else(|_| sum.to_string(), |units| text_of(units, self.decimals()))
    }

    /// Names the sums of the total.
    pub fn labels(&self) -> Vec<String> {
        match self {
            Self::Count => vec!["count".into()],
            Self::Sum { .. } => vec!["sum".into()],
            Self::SumVec { length, names, .. } if names.is_empty() => {
                (1..=*length).map(|place| place.to_string()).collect()
            }
            Self::SumVec { names, .. } => names.clone(),
            Self::Histogram { categories, .. } => categories.clone(),
            Self::Bins { edges, .. } => {
                let last = edges.len().saturating_sub(2);
                let bins = edges.iter().zip(edges.iter().skip(1)).enumerate();
                let close = |place| if place == last { ']' } else { ')' };
                bins.map(|(place, (from, to))| format!("[{from}, {to}{}", close(place))).collect()
            }
        }
    }

    /// Says how a column is read that holds values of reports.
    pub fn spec(&self, source: &str) -> ColumnSpec {
        let source = source.to_owned();
        let number = |decimals: u8, max: Option<i64>| ColumnSpec::Number {
            source: source.clone(),
            decimals,
            min: 0,
            max: max.unwrap_or_default(),
        };
        match self {
            Self::Count => number(0, Some(1)),
            Self::Sum { decimals, max } | Self::SumVec { decimals, max, .. } => {
                number(*decimals, max.units(*decimals))
            }
            Self::Histogram { categories, rules } => {
                ColumnSpec::Category { source, categories: categories.clone(), rules: rules.clone() }
            }
            Self::Bins { decimals, edges } => {
                let units = |edge: &Decimal| edge.units(*decimals).unwrap_or_default();
                let edges = edges.iter().map(units).collect();
                ColumnSpec::Bins { source, decimals: *decimals, edges }
            }
        }
    }

    fn check(&self) -> Result<(), AgreementError> {
        match self {
            Self::Count => Ok(()),
            Self::Sum { decimals, max } => check_number(*decimals, max),
            Self::SumVec { length, names, decimals, max } => {
                let distinct: BTreeSet<_> = names.iter().collect();
                require(names.iter().all(|name| is_line(name)), "report.measure.names", LINE)?;
                require(distinct.len() == names.len(), "report.measure.names", "names each number once")?;
                let fit = names.is_empty() || names.len() == *length as usize;
                require(fit, "report.measure.names", "has as many entries as `length` says, or none")?;
                check_number(*decimals, max)
            }
            Self::Histogram { categories, rules } => check_categories(categories, rules),
            Self::Bins { decimals, edges } => check_edges(*decimals, edges),
        }
    }
}

fn is_exact(number: &Decimal, decimals: u8) -> bool {
    number.units(decimals).is_some_and(|units| units.unsigned_abs() < MAX_EXACT)
}

const EXACT: &str = "has no more digits than `decimals` says, and is below 2^53 in units of the last";

fn check_decimals(decimals: u8) -> Result<(), AgreementError> {
    require(decimals <= MAX_NUMBER_DECIMALS, "report.measure.decimals", "is at most 9")
}

fn check_number(decimals: u8, max: &Decimal) -> Result<(), AgreementError> {
    check_decimals(decimals)?;
    require(is_exact(max, decimals), "report.measure.max", EXACT)?;
    let positive = max.units(decimals).is_some_and(|units| units > 0);
    require(positive, "report.measure.max", "is above 0")
}

fn check_categories(categories: &[String], rules: &[Rule]) -> Result<(), AgreementError> {
    let of = |holds, rule| require(holds, "report.measure.categories", rule);
    of((2..=MAX_GROUPS).contains(&categories.len()), "has 2 to 4096 entries")?;
    of(categories.iter().all(|category| is_line(category)), "are lines of 1 to 1000 bytes")?;
    let distinct: BTreeSet<_> = categories.iter().collect();
    of(distinct.len() == categories.len(), "names each category once")?;
    require(rules.len() <= 16, "report.measure.rules", "has at most 16 rules")?;
    let (normalizer, mut scratch) = (Normalizer::new(rules), Scratch::default());
    let normal = categories.iter().all(|it| normalizer.normalize(it, &mut scratch) == Ok(it));
    of(normal, "are in the form that `rules` give")
}

fn check_edges(decimals: u8, edges: &[Decimal]) -> Result<(), AgreementError> {
    check_decimals(decimals)?;
    let of = |holds, rule| require(holds, "report.measure.edges", rule);
    of((3..=MAX_GROUPS + 1).contains(&edges.len()), "has 3 to 4097 entries")?;
    of(edges.iter().all(|edge| is_exact(edge, decimals)), EXACT)?;
    let ascend = edges.iter().zip(edges.iter().skip(1)).all(|(a, b)| a.compare(*b).is_lt());
    of(ascend, "ascend, no two of them equal")
}

impl ReportTerm {
    /// Makes the task of the agreement with this hash.
    ///
    /// # Errors
    /// What makes the task impossible; of a checked agreement nothing does.
    pub fn task(&self, agreement: &[u8; 32]) -> Result<Task, tidegate_mpc::Error> {
        let keys: Option<[ReportPublicKey; 2]> = match &self.keys[..] {
            [leader, helper] => Some([leader.key().clone(), helper.key().clone()]),
            _ => None,
        };
        let keys = keys.ok_or(tidegate_mpc::Error::ReportKey)?;
        Task::new(self.measure.kind(), self.minimum_batch, agreement, keys)
    }
}

/// Checks an agreement on reports.
pub(super) fn check(terms: &Terms) -> Result<(), AgreementError> {
    let missing = || field("report", "is required by `prio3`");
    let report = terms.report.as_ref().ok_or_else(missing)?;
    require(terms.key.is_empty(), "key", "is absent under `prio3`")?;
    require(terms.column.is_empty(), "column", "is absent under `prio3`")?;
    require(terms.statistic.is_empty(), "statistic", "is absent under `prio3`")?;
    require(terms.join.is_none(), "join", "is absent under `prio3`")?;
    require(terms.output.len() == 2, "output", "names both parties under `prio3`")?;
    let minimum = "is 0 under `prio3`, where `report.minimum_batch` stands for it";
    require(terms.minimum_intersection == 0, "minimum_intersection", minimum)?;
    let columns = terms.party.iter().all(|party| party.columns.is_none());
    require(columns, "party.columns", "is absent under `prio3`")?;
    let distinct = matches!(&report.keys[..], [leader, helper] if leader != helper);
    require(distinct, "report.keys", "holds a key for each of the two parties, and no key twice")?;
    require(report.minimum_batch < MAX_EXACT, "report.minimum_batch", "is below 2^53")?;
    let is_noisy = terms.disclosure.as_ref().is_some_and(|policy| policy.noise.is_some());
    let fewest = if is_noisy { 2 } else { 3 };
    let rule =
        "is at least 3, or 2 with `disclosure.noise`: of two, each reporter would know the other's value";
    require(report.minimum_batch >= fewest, "report.minimum_batch", rule)?;
    report.measure.check()?;
    let possible = report.task(&[0; 32]).is_ok();
    require(
        possible,
        "report.measure",
        "is one that a report can prove: at most 2^20 numbers and 2^24 bits",
    )?;
    terms.disclosure.as_ref().map_or(Ok(()), |policy| check_policy(terms, policy))
}

/// Refuses rules that cannot be kept: both aggregators see the whole total.
fn check_policy(terms: &Terms, policy: &DisclosureTerm) -> Result<(), AgreementError> {
    policy.check()?;
    let none = policy.p_percent.is_none() && policy.dominance.is_none() && policy.round_to.is_none();
    require(none, "disclosure", "holds nothing but noise and its budget under `prio3`")?;
    require(policy.minimum_count == 1, "disclosure.minimum_count", "is 1 under `prio3`")?;
    let named = terms.party.iter().all(|party| party.dataset.as_deref().is_some_and(is_line));
    require(
        policy.noise.is_none() || named,
        "party.dataset",
        "is required of both parties by `disclosure.noise`",
    )
}

/// Refuses the part in agreements on something else.
pub(super) fn check_absent(terms: &Terms) -> Result<(), AgreementError> {
    require(terms.report.is_none(), "report", "is absent but under `prio3`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::Agreement;
    use crate::identity::Identity;
    use tidegate_mpc::aggregation::prio::ReportKey;
    use tidegate_mpc::testing::seeded_rng;

    fn document(measure: &str) -> String {
        let identity = |seed| Identity::generate(&mut seeded_rng(seed)).public().to_string();
        let key = |seed| PublicReportKey::from(ReportKey::random(&mut seeded_rng(seed)).public()).to_string();
        format!(
            "version = 1\nid = \"ages\"\npurpose = \"ages\"\nprotocol = \"prio3\"\noutput = [\"a\", \"b\"]\n\
             minimum_intersection = 0\nmax_runs = 9\n\n[[party]]\nname = \"a\"\nkey = \"{}\"\nmax_records = 1000\n\n\
             [[party]]\nname = \"b\"\nkey = \"{}\"\nmax_records = 1000\n\n[report]\nkeys = [\"{}\", \"{}\"]\n\
             minimum_batch = 100\n\n[report.measure]\n{measure}\n",
            identity(1),
            identity(2),
            key(3),
            key(4),
        )
    }

    fn agreement(text: &str) -> Result<Agreement, AgreementError> {
        Agreement::new(toml::from_str(text).unwrap())
    }

    const MEASURES: [(&str, Kind); 5] = [
        ("kind = \"count\"", Kind::Count),
        ("kind = \"sum\"\ndecimals = 2\nmax = \"99.99\"", Kind::Sum { max: 9999 }),
        ("kind = \"sum-vec\"\nlength = 3\ndecimals = 0\nmax = \"7\"", Kind::SumVec { len: 3, max: 7 }),
        ("kind = \"histogram\"\ncategories = [\"x\", \"y\"]", Kind::Histogram { len: 2 }),
        (
            "kind = \"bins\"\ndecimals = 0\nedges = [\"0\", \"18\", \"65\", \"130\"]",
            Kind::Histogram { len: 3 },
        ),
    ];

    #[test]
    fn measures_become_tasks_and_documents_again() {
        for (measure, kind) in MEASURES {
            let agreed = agreement(&document(measure)).unwrap();
            let report = agreed.report_terms().unwrap();
            assert_eq!(report.task(&agreed.hash()).unwrap().kind(), kind);
            assert_eq!(report.measure.labels().len(), kind.sums_len());
            let again: Terms = toml::from_str(&crate::agreement::to_toml(&agreed)).unwrap();
            assert_eq!(&again, agreed.terms());
        }
    }

    #[test]
    fn the_example_is_one() {
        let agreed = agreement(include_str!("../../examples/report-agreement.toml")).unwrap();
        let report = agreed.report_terms().unwrap();
        assert_eq!(report.measure.labels(), ["[0, 18)", "[18, 40)", "[40, 65)", "[65, 130]"]);
        assert!(report.task(&agreed.hash()).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let refused = |text: &str| match agreement(text) {
            Err(AgreementError::Field { name, .. }) => name,
            other => panic!("expected a field to be refused, found {other:?}"),
        };
        let count = document("kind = \"count\"");
        assert_eq!(
            refused(&count.replace("minimum_batch = 100", "minimum_batch = 1")),
            "report.minimum_batch"
        );
        assert_eq!(
            refused(&count.replace("minimum_intersection = 0", "minimum_intersection = 5")),
            "minimum_intersection"
        );
        assert_eq!(refused(&count.replace("[\"a\", \"b\"]", "[\"a\"]")), "output");
        assert_eq!(refused(&count.replace("prio3", "psi-ecdh")), "key");
        let keyed = count.replace("max_runs = 9", "max_runs = 9\nkey = [{ name = \"id\", rules = [] }]");
        assert_eq!(refused(&keyed), "key");
        assert_eq!(refused(&keyed.replace("prio3", "psi-ecdh")), "report");
        let policy = |rules: &str| format!("{count}\n[disclosure]\n{rules}");
        assert_eq!(refused(&policy("minimum_count = 10")), "disclosure.minimum_count");
        assert_eq!(refused(&policy("minimum_count = 1\np_percent = 10")), "disclosure");
        let noise = "minimum_count = 1\nnoise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }";
        assert_eq!(refused(&policy(noise)), "party.dataset");
        for (measure, field) in [
            ("kind = \"sum\"\ndecimals = 2\nmax = \"0\"", "report.measure.max"),
            ("kind = \"sum\"\ndecimals = 2\nmax = \"1.234\"", "report.measure.max"),
            ("kind = \"sum-vec\"\nlength = 0\ndecimals = 0\nmax = \"1\"", "report.measure"),
            (
                "kind = \"sum-vec\"\nlength = 2\nnames = [\"x\"]\ndecimals = 0\nmax = \"1\"",
                "report.measure.names",
            ),
            ("kind = \"histogram\"\ncategories = [\"x\"]", "report.measure.categories"),
            ("kind = \"histogram\"\ncategories = [\"x\", \"x\"]", "report.measure.categories"),
            ("kind = \"bins\"\ndecimals = 0\nedges = [\"0\", \"5\", \"5\"]", "report.measure.edges"),
        ] {
            assert_eq!(refused(&document(measure)), field, "{measure}");
        }
    }
}
