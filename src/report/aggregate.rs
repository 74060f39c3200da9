//! The report of `aggregate`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    AgreementLine, LearnedLines, PartyLines, Report, TrafficLines, grouped, grouped_text, write_cost,
};
use crate::progress::PhaseTime;

/// The report of `aggregate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AggregateReport {
    /// [`REPORT_VERSION`](super::REPORT_VERSION).
    pub report_version: u32,
    /// `aggregate`.
    pub command: String,
    /// `released`, or `withheld` where too few reports were accepted.
    pub outcome: String,
    /// What the agreement says the result is for.
    pub purpose: String,
    /// The agreement.
    pub agreement: AgreementLine,
    /// The total; nothing where it is withheld.
    pub sums: Vec<SumLine>,
    /// How many reports it is of.
    pub accepted: u64,
    /// How many were rejected, by reason.
    pub rejected: Vec<RejectedLine>,
    /// Why files of the directory were passed over.
    pub skipped_files: Vec<String>,
    /// How the total is protected, in sentences.
    pub protection: Vec<String>,
    /// The protocol and its parameters.
    pub protocol: AggregateProtocolLines,
    /// The own party and the other.
    pub parties: PartyLines,
    /// What went over the line.
    pub traffic: TrafficLines,
    /// What each side learned, in sentences.
    pub learned: LearnedLines,
    /// Time for each phase.
    pub phases: Vec<PhaseTime>,
    /// Most memory held, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// A sum of the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumLine {
    /// Its name.
    pub label: String,
    /// The sum as a decimal number.
    pub sum: String,
}

/// How many reports were rejected for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedLine {
    /// `replayed`, `unmatched`, `undecryptable`, `malformed` or `unproven`.
    pub reason: String,
    /// How many.
    pub reports: u64,
}

/// The protocol in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AggregateProtocolLines {
    /// Its name.
    pub name: String,
    /// The VDAF and the draft that says what it is.
    pub vdaf: String,
    /// How shares are sealed.
    pub sealing: String,
    /// Who is defended against.
    pub adversary: String,
    /// The id of the task, in hexadecimal digits.
    pub task: String,
    /// Fewer reports are not added up.
    pub minimum_batch: u64,
    /// Key exchange of the link.
    pub key_exchange: String,
}

impl Report for AggregateReport {}

impl fmt::Display for AggregateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_total(f)?;
        self.write_protocol(f)?;
        writeln!(f, "Protected")?;
        self.protection.iter().try_for_each(|rule| writeln!(f, "  {rule}"))?;
        writeln!(f, "Learned")?;
        let (own, peer) = (&self.parties.own, &self.parties.peer);
        for (name, lines) in [(own, &self.learned.own), (peer, &self.learned.peer)] {
            lines.iter().try_for_each(|line| writeln!(f, "  {name}: {line}"))?;
        }
        write_cost(f, &self.traffic, &self.phases, self.peak_memory_bytes)
    }
}

impl AggregateReport {
    fn write_total(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, minimum) = (grouped(self.accepted), grouped(self.protocol.minimum_batch));
        if self.outcome == "withheld" {
            writeln!(f, "Withheld: {accepted} reports were accepted; below {minimum} nothing is released")?;
        } else {
            writeln!(f, "Total of {accepted} reports")?;
        }
        let width =
            self.sums.iter().map(|line| unicode_width::UnicodeWidthStr::width(line.label.as_str())).max();
        for SumLine { label, sum } in &self.sums {
            let used = unicode_width::UnicodeWidthStr::width(label.as_str());
            let space = " ".repeat(width.unwrap_or_default() - used);
            writeln!(f, "  {label}{space}  {}", grouped_text(sum))?;
        }
        let rejected: Vec<_> = self.rejected.iter().filter(|line| line.reports > 0).collect();
        if !rejected.is_empty() {
            writeln!(f, "Rejected")?;
            rejected.iter().try_for_each(|it| writeln!(f, "  {}: {}", it.reason, grouped(it.reports)))?;
        }
        self.skipped_files.iter().try_for_each(|why| writeln!(f, "Passed over: {why}"))
    }

    fn write_protocol(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AgreementLine { id, hash, runs } = &self.agreement;
        let short = hash.get(..16).unwrap_or(hash);
        writeln!(f, "Purpose: {}", self.purpose)?;
        writeln!(f, "Agreement: {id} ({short}), run {} of {}", runs.used, runs.max)?;
        let protocol = &self.protocol;
        writeln!(f, "Protocol: {} ({})", protocol.name, protocol.vdaf)?;
        writeln!(f, "  sealed with {}", protocol.sealing)?;
        writeln!(f, "  adversary: {}", protocol.adversary)?;
        writeln!(f, "  link: TLS 1.3, {}", protocol.key_exchange)
    }
}
