//! The report of `sum`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AgreementLine, ProtectionLines, Report, SuppressedLines, TrafficLines, sum_text};
use crate::data::RecordSummary;
use crate::progress::PhaseTime;
use crate::statistics::{ALL_PARTIES, Released, StatisticTable, SumPlan, VectorPlan};

/// The report of `sum`, of a party or of the hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SumReport {
    /// [`REPORT_VERSION`](super::REPORT_VERSION).
    pub report_version: u32,
    /// `sum`.
    pub command: String,
    /// `released`, or `withheld` where every figure is suppressed.
    pub outcome: String,
    /// What the agreement says the result is for.
    pub purpose: String,
    /// The agreement.
    pub agreement: AgreementLine,
    /// The statistics.
    pub tables: Vec<StatisticTable>,
    /// The totals of a vector of named cells, which stands in for statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<VectorLines>,
    /// How the figures are protected.
    pub protection: Vec<ProtectionLines>,
    /// The protocol and its parameters.
    pub protocol: SumProtocolLines,
    /// The own name.
    pub own: String,
    /// Who coordinated: a party, or the hub.
    pub coordinator: String,
    /// How many parties' shares open a mask.
    pub threshold: u32,
    /// Fewest parties that a total holds.
    pub minimum_parties: u32,
    /// The parties, in the order of the agreement.
    pub parties: Vec<SumPartyLine>,
    /// What the parties signed, where they commit to their figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<SumEvidenceLines>,
    /// Who sent shares that did not fit what they had committed to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_shares: Vec<String>,
    /// What was read of the own table; nothing for the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordSummary>,
    /// What is spent of the own dataset's privacy budget, where there is noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetLine>,
    /// What each role learned, in sentences.
    pub learned: SumLearnedLines,
    /// What went over the lines.
    pub traffic: TrafficLines,
    /// Time for each phase.
    pub phases: Vec<PhaseTime>,
    /// Most memory held, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// A vector of named cells in a report; the totals themselves are too many for one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorLines {
    /// The cells.
    pub cells: u64,
    /// Those whose total is released.
    pub released: u64,
    /// Those whose total is withheld, since too few parties have them.
    pub withheld: u64,
    /// The standard deviation of the noise on each total, in the unit of the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

/// A party of a sum.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SumPartyLine {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: String,
    /// How far it came.
    #[serde(flatten)]
    pub state: SumPartyState,
    /// What it committed to, in hexadecimal digits, where that is agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<String>,
    /// Its signature over the list that holds the commitments, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What the survivors of a sum signed, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumEvidenceLines {
    /// The session.
    pub session: String,
    /// The list of survivors, with their commitments.
    pub survivors: String,
}

/// How far a party came in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SumPartyState {
    /// Its figures are in the totals.
    Survived,
    /// It never came.
    Absent,
    /// It was lost on the way.
    Vanished {
        /// The step that it did not finish.
        step: String,
    },
}

/// The protocol in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SumProtocolLines {
    /// Its name.
    pub name: String,
    /// Who is defended against.
    pub adversary: String,
    /// The group of the key agreements.
    pub group: String,
    /// Computational security in bits.
    pub computational_bits: u32,
    /// Bits of an integer of the masked vector.
    pub ring_bits: u32,
    /// Integers of the masked vector.
    pub words: u64,
    /// What makes masks of seeds.
    pub prg: String,
    /// Key exchange of the links.
    pub key_exchange: String,
}

/// A privacy budget in a report; decimals as texts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BudgetLine {
    /// The dataset.
    pub dataset: String,
    /// Epsilon spent so far, this run included.
    pub epsilon_spent: String,
    /// The most that the agreement lets it spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon_limit: Option<String>,
    /// Delta spent so far.
    pub delta_spent: String,
    /// The most that the agreement lets it spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_limit: Option<String>,
}

/// What each role of a sum learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumLearnedLines {
    /// What the coordinator's program saw.
    pub coordinator: Vec<String>,
    /// What every party's program saw.
    pub parties: Vec<String>,
}

impl SumLearnedLines {
    /// Says what programs see in a run of `plan`, more than they release.
    pub fn of(plan: &SumPlan) -> Self {
        Self::besides(match plan.noise {
            Some(_) => {
                "the totals of every cell with the noise of all parties, before the minimum was applied"
            }
            None => {
                "the exact totals of every cell, and how many parties contribute to each cell and margin, before small \
                 cells and those that give them away were suppressed"
            }
        })
    }

    /// Says the same of a vector of named cells.
    pub fn of_vector(plan: &VectorPlan) -> Self {
        Self::besides(match plan.noise() {
            Some(_) => "the total of every cell with the noise of all parties",
            None => {
                "the exact total of every cell, and how many parties have it, before cells of too few parties were \
                 withheld"
            }
        })
    }

    /// Adds what programs see in any sum.
    fn besides(figures: &str) -> Self {
        let parties = vec![figures.to_owned(), "which parties the totals hold".to_owned()];
        let mut coordinator = parties.clone();
        coordinator.push("when each party sent what, and how much".to_owned());
        coordinator.push("no party's own figures: they are masked until they are added up".to_owned());
        Self { coordinator, parties }
    }
}

impl ProtectionLines {
    /// Says how the figures of a sum are protected, and what is suppressed in them.
    pub fn of_sum(plan: &SumPlan, released: &[Released]) -> Self {
        let mut suppressed = SuppressedLines::default();
        for table in released {
            suppressed.of += table.release.iter().count();
            suppressed.small_count += table.small;
            suppressed.complementary += table.complementary;
            suppressed.few_contributors += table.few_contributors;
            suppressed.undisclosed += table.undisclosed;
        }
        Self { owner: plan.subject().owner.to_owned(), rules: rules_of(plan), suppressed }
    }
}

impl ProtectionLines {
    /// Says how the totals of a vector are protected, and how many are withheld.
    pub fn of_vector(plan: &VectorPlan, vector: &VectorLines) -> Self {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let suppressed = SuppressedLines {
            of: number(vector.cells),
            few_contributors: number(vector.withheld),
            ..SuppressedLines::default()
        };
        let cells = match plan.noise() {
            Some(rule) => {
                let delta = rule.delta.map(|delta| format!(", delta {delta}")).unwrap_or_default();
                format!(
                    "discrete Gaussian noise of all parties on every total, as much as declared if {} of them add \
                     theirs: epsilon {}{delta}",
                    plan.minimum_honest, rule.epsilon
                )
            }
            None => format!(
                "no cell with numbers other than 0 of fewer than {} parties",
                plan.minimum_contributors
            ),
        };
        let parties = fewest_parties(plan.minimum_parties, plan.parties);
        Self { owner: ALL_PARTIES.to_owned(), rules: vec![cells, parties], suppressed }
    }
}

fn fewest_parties(minimum: u32, parties: u32) -> String {
    format!("no total of fewer than {minimum} of {parties} parties")
}

fn rules_of(plan: &SumPlan) -> Vec<String> {
    let minimum = plan.policy.minimum_count;
    let mut rules = match &plan.noise {
        Some(noise) => {
            let delta = noise.rule.delta.map(|delta| format!(", delta {delta}")).unwrap_or_default();
            vec![
                format!(
                    "discrete Gaussian noise of all parties on every count and sum, as much as declared if {} of them \
                     add theirs: epsilon {}{delta} for each of {} measures",
                    noise.honest, noise.rule.epsilon, noise.spends
                ),
                format!("no cell with a noisy count below {minimum}"),
            ]
        }
        None => vec![
            format!("no cell with fewer than {minimum} records"),
            format!("no cell with records of fewer than {} parties", plan.minimum_contributors),
            "no cell from which such a cell could be computed".to_owned(),
        ],
    };
    if let Some(base) = plan.policy.round_to {
        rules.push(format!("counts, and sums in units of their last digit, rounded to multiples of {base}"));
    }
    rules.push(fewest_parties(plan.minimum_parties, plan.parties));
    rules
}

impl Report for SumReport {}

impl fmt::Display for SumReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sum_text::write_report(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::Agreement;
    use crate::report::testing;

    const EXAMPLE: &str = include_str!("../../examples/sum-agreement.toml");

    #[test]
    fn json_reads_back_as_it_was() {
        let report = testing::sum_report();
        let json = serde_json::to_string(&report).unwrap();
        let read: SumReport = serde_json::from_str(&json).unwrap();
        assert_eq!(format!("{read:?}"), format!("{report:?}"));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn json_keeps_the_names_of_its_fields() {
        let report = serde_json::to_value(testing::sum_report()).unwrap();
        let vanished = serde_json::json!({
            "name": "river", "key": "ed25519:river", "state": "vanished", "step": "masked figures",
        });
        assert_eq!(report["parties"][2], vanished);
        assert_eq!(
            (&report["parties"][0]["state"], &report["parties"][0]["commitment"]),
            (&"survived".into(), &"00ff".into())
        );
        assert_eq!(
            (&report["protocol"]["ring_bits"], &report["protocol"]["words"]),
            (&64.into(), &89.into())
        );
        assert_eq!(report["protection"][0]["suppressed"]["few_contributors"], 1);
        assert!(report["protection"][0]["suppressed"].get("undisclosed").is_none());
    }

    #[test]
    fn protection_and_what_was_learned_follow_from_the_plan() {
        let plan =
            |text: &str| SumPlan::new(&Agreement::new(toml::from_str(text).unwrap()).unwrap()).unwrap();
        let exact = plan(EXAMPLE);
        let lines = ProtectionLines::of_sum(&exact, &[]);
        let expected = [
            "no cell with fewer than 10 records",
            "no cell with records of fewer than 3 parties",
            "no cell from which such a cell could be computed",
            "no total of fewer than 4 of 5 parties",
        ];
        assert_eq!(
            (lines.owner.as_str(), &lines.rules[..]),
            ("all parties", &expected.map(str::to_owned)[..])
        );
        assert!(SumLearnedLines::of(&exact).parties[0].contains("exact totals"));
        let noise =
            "\n[disclosure.noise]\nmechanism = \"discrete-gaussian\"\nepsilon = \"1\"\ndelta = \"0.00001\"\n";
        let text = EXAMPLE.replace("\nmax_records", "\ndataset = \"d\"\nmax_records");
        let text =
            text.replace("minimum_contributors = 3", "").replace("standard-deviation\"\nof", "sum\"\nof");
        let noisy = plan(&(text + noise));
        let rules = ProtectionLines::of_sum(&noisy, &[]).rules;
        assert!(
            rules[0].contains("if 3 of them") && rules[0].ends_with("for each of 3 measures"),
            "{rules:?}"
        );
        assert!(SumLearnedLines::of(&noisy).parties[0].contains("with the noise"));
    }
}
