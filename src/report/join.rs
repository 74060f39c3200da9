//! The report of `join`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AgreementLine, LearnedLines, PartyLines, Report, TrafficLines, text};
use crate::data::KeySummary;
use crate::progress::PhaseTime;
use crate::statistics::StatisticTable;

/// The report of `join`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinReport {
    /// [`REPORT_VERSION`](super::REPORT_VERSION).
    pub report_version: u32,
    /// `join`.
    pub command: String,
    /// `released`, or `withheld` where every figure is suppressed.
    pub outcome: String,
    /// What the agreement says the result is for.
    pub purpose: String,
    /// The agreement.
    pub agreement: AgreementLine,
    /// The statistics.
    pub tables: Vec<StatisticTable>,
    /// How the figures are protected, for each party that owns columns.
    pub protection: Vec<ProtectionLines>,
    /// The protocol and its parameters.
    pub protocol: JoinProtocolLines,
    /// The own party and the other.
    pub parties: PartyLines,
    /// Distinct keys of the own table.
    pub own_keys: u64,
    /// Distinct keys of the other party.
    pub peer_keys: u64,
    /// What normalization did to the own table.
    pub keys: KeySummary,
    /// What went over the line.
    pub traffic: TrafficLines,
    /// What each side learned, in sentences.
    pub learned: LearnedLines,
    /// Time for each phase.
    pub phases: Vec<PhaseTime>,
    /// Most memory held, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// How the figures about one party's columns are protected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProtectionLines {
    /// Whose columns.
    pub owner: String,
    /// The rules that every released figure keeps, in sentences.
    pub rules: Vec<String>,
    /// What is suppressed, and why.
    pub suppressed: SuppressedLines,
}

/// How many cells and margins of the grids are suppressed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct SuppressedLines {
    /// Cells and margins in all.
    pub of: usize,
    /// With fewer records than the minimum.
    pub small_count: usize,
    /// That would give others away.
    pub complementary: usize,
    /// Held back by the owner: by dominance or p%, or to protect what is.
    pub held_back: usize,
    /// With records of too few parties, in a sum.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub few_contributors: usize,
    /// For reasons that together would tell a count, in a sum.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undisclosed: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The protocol in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinProtocolLines {
    /// Its name.
    pub name: String,
    /// The group.
    pub group: String,
    /// Who is defended against.
    pub adversary: String,
    /// Computational security in bits.
    pub computational_bits: u32,
    /// A false match happens with probability 2 to the minus this.
    pub statistical_bits: u32,
    /// Key exchange of the link.
    pub key_exchange: String,
}

impl Report for JoinReport {}

impl fmt::Display for JoinReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_report(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    #[test]
    fn json_reads_back_as_it_was() {
        let report = testing::report();
        let json = serde_json::to_string(&report).unwrap();
        let read: JoinReport = serde_json::from_str(&json).unwrap();
        assert_eq!(read.tables, report.tables);
        assert_eq!(format!("{read:?}"), format!("{report:?}"));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn json_keeps_the_names_of_its_fields() {
        let table = serde_json::to_value(testing::by_district()).unwrap();
        let expected = serde_json::json!({
            "row": 0, "column": null, "suppressed": false,
            "count": { "number": 12045.0, "text": "12045" },
            "value": { "number": 812.3312, "text": "812.3312", "standard_error": 4.125 },
        });
        assert_eq!(table["entries"][0], expected);
        let suppressed = serde_json::json!({ "row": 1, "column": null, "suppressed": true });
        assert_eq!(table["entries"][1], suppressed);
        assert_eq!(table["by"][0]["name"], "district");
        assert!(table["by"][0].get("edges").is_none());
    }
}
