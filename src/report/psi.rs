//! The report of `psi`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AgreementLine, LearnedLines, PartyLines, Report, TrafficLines, grouped, rows, write_cost};
use crate::data::KeySummary;
use crate::progress::PhaseTime;

/// The report of `psi`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PsiReport {
    /// [`REPORT_VERSION`](super::REPORT_VERSION).
    pub report_version: u32,
    /// `psi`.
    pub command: String,
    /// `released`, `withheld` or `no-output`.
    pub outcome: String,
    /// The agreement.
    pub agreement: AgreementLine,
    /// The protocol and its parameters.
    pub protocol: ProtocolLines,
    /// The own party and the other.
    pub parties: PartyLines,
    /// Sizes.
    pub sizes: SizeLines,
    /// What normalization did to the own table.
    pub keys: KeySummary,
    /// What went over the line.
    pub traffic: TrafficLines,
    /// What each side learned, in sentences.
    pub learned: LearnedLines,
    /// Advice about this run.
    pub notes: Vec<String>,
    /// Time for each phase.
    pub phases: Vec<PhaseTime>,
    /// Most memory held, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// The protocol in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProtocolLines {
    /// Its name.
    pub name: String,
    /// The own role.
    pub role: String,
    /// The group.
    pub group: String,
    /// Who is defended against.
    pub adversary: String,
    /// Computational security in bits.
    pub computational_bits: u32,
    /// A false match happens with probability 2 to the minus this.
    pub statistical_bits: u32,
    /// Length of a tag in bits.
    pub tag_bits: u32,
    /// Key exchange of the link.
    pub key_exchange: String,
    /// Below this number of common keys nothing is released.
    pub minimum_intersection: u64,
}

/// The sizes in a report; nothing where the own side may not know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SizeLines {
    /// Distinct keys of the own table.
    pub own_keys: u64,
    /// Distinct keys of the other party.
    pub peer_keys: u64,
    /// Common keys.
    pub common_keys: Option<u64>,
    /// Own rows written.
    pub rows_written: Option<u64>,
}

impl Report for PsiReport {}

impl fmt::Display for PsiReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_result(f)?;
        self.write_keys(f)?;
        self.write_protocol(f)?;
        writeln!(f, "Learned")?;
        let (own, peer) = (&self.parties.own, &self.parties.peer);
        for (name, lines) in [(own, &self.learned.own), (peer, &self.learned.peer)] {
            lines.iter().try_for_each(|line| writeln!(f, "  {name}: {line}"))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "Note: {note}"))?;
        write_cost(f, &self.traffic, &self.phases, self.peak_memory_bytes)
    }
}

impl PsiReport {
    fn write_result(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = &self.sizes;
        match (self.outcome.as_str(), sizes.common_keys) {
            ("withheld", _) => {
                writeln!(f, "Withheld: fewer than {} keys are common", self.protocol.minimum_intersection)?;
            }
            (_, Some(common)) => writeln!(f, "Common keys: {}", grouped(common))?,
            _ => writeln!(f, "Done; the agreement gives the output to {} alone", self.parties.peer)?,
        }
        if let Some(rows) = sizes.rows_written {
            writeln!(f, "Rows written: {}", grouped(rows))?;
        }
        let AgreementLine { id, hash, runs } = &self.agreement;
        let short = hash.get(..16).unwrap_or(hash);
        writeln!(f, "Agreement: {id} ({short}), run {} of {}", runs.used, runs.max)
    }

    fn write_keys(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = &self.keys;
        writeln!(f, "Keys")?;
        writeln!(
            f,
            "  own: {} distinct in {}; {} with a key of a row before",
            grouped(keys.distinct_keys),
            rows(keys.rows),
            rows(keys.duplicate_rows)
        )?;
        for reject in &keys.rejected {
            writeln!(
                f,
                "  own: {} without a usable key: {}: {}",
                rows(reject.rows),
                reject.column,
                reject.reason
            )?;
        }
        writeln!(f, "  {}: {} distinct", self.parties.peer, grouped(self.sizes.peer_keys))
    }

    fn write_protocol(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = &self.protocol;
        writeln!(f, "Protocol: {} as {}, {}", protocol.name, protocol.role, protocol.adversary)?;
        writeln!(
            f,
            "  {}, {} bits; tags of {} bits, false match at most 2^-{}; link by {}",
            protocol.group,
            protocol.computational_bits,
            protocol.tag_bits,
            protocol.statistical_bits,
            protocol.key_exchange
        )
    }
}
