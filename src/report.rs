//! Reports: what a command did and what everybody learned, for people or as versioned JSON.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::cli::ReportFormat;
use crate::data::KeySummary;
use crate::error::Error;
use crate::progress::PhaseTime;
use crate::state::Runs;

/// Version of the JSON form.
pub const REPORT_VERSION: u32 = 1;

/// A result that can be shown.
pub trait Report: Serialize + fmt::Display {}

/// Writes a report to standard output, or to standard error where `aside` says that the former holds data.
///
/// # Errors
/// [`Error::Io`].
pub fn print(report: &impl Report, format: ReportFormat, aside: bool) -> Result<(), Error> {
    let text = match format {
        ReportFormat::Text => report.to_string(),
        ReportFormat::Json => {
            serde_json::to_string_pretty(report).expect("reports are strings, numbers, lists and objects")
                + "\n"
        }
    };
    let written = if aside {
        io::stderr().write_all(text.as_bytes())
    } else {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
    written.map_err(|source| Error::Io { action: "write the report".into(), source })
}

/// The report of `psi`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PsiReport {
    /// [`REPORT_VERSION`].
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

/// The agreement in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgreementLine {
    /// Its id.
    pub id: String,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
    /// Its runs, this one included.
    pub runs: Runs,
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

/// The parties in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartyLines {
    /// The own name.
    pub own: String,
    /// The other party's name.
    pub peer: String,
    /// The other party's key.
    pub peer_key: String,
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

/// The traffic in a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrafficLines {
    /// Bytes sent over TCP, with TLS and framing.
    pub wire_sent_bytes: u64,
    /// Bytes received over TCP.
    pub wire_received_bytes: u64,
    /// Messages of the protocol sent.
    pub messages_sent: u64,
    /// Messages of the protocol received.
    pub messages_received: u64,
    /// Dependent flights of messages; a round trip is two.
    pub flights: u64,
}

/// What each side learned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LearnedLines {
    /// What the own side learned.
    pub own: Vec<String>,
    /// What the other side learned.
    pub peer: Vec<String>,
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
        self.write_cost(f)
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

    fn write_cost(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traffic = &self.traffic;
        writeln!(
            f,
            "Line: {} bytes sent, {} received, {} flights",
            grouped(traffic.wire_sent_bytes),
            grouped(traffic.wire_received_bytes),
            traffic.flights
        )?;
        let mut line = String::from("Time:");
        for PhaseTime { phase, wall_seconds, cpu_seconds } in &self.phases {
            write!(line, " {phase} {wall_seconds:.2} s ({cpu_seconds:.2} s CPU),")?;
        }
        writeln!(f, "{}", line.trim_end_matches(','))?;
        match self.peak_memory_bytes {
            Some(bytes) => writeln!(f, "Memory: {} MiB at most", bytes >> 20),
            None => Ok(()),
        }
    }
}

fn rows(number: u64) -> String {
    if number == 1 { "1 row".into() } else { format!("{} rows", grouped(number)) }
}

/// Returns a number with a comma between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_048_576, "1,048,576")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}
