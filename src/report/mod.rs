//! Reports: what a command did and what everybody learned, for people or as versioned JSON.

mod aggregate;
mod csv;
mod figures;
mod html;
mod join;
mod layout;
mod module;
mod psi;
mod sum;
mod sum_text;
#[cfg(test)]
mod testing;
mod text;

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::cli::ReportFormat;
use crate::error::Error;
use crate::progress::PhaseTime;
use crate::state::Runs;

pub use self::aggregate::{AggregateProtocolLines, AggregateReport, RejectedLine, SumLine};
pub use self::csv::{tables_csv, write_cells};
pub use self::html::{html_page, sum_page};
pub use self::join::{JoinProtocolLines, JoinReport, ProtectionLines, SuppressedLines};
pub use self::module::{ModuleAxis, ModuleColumn, ModuleMeasure, ModuleParameter, ModuleReport, ModuleTable};
pub use self::psi::{ProtocolLines, PsiReport, SizeLines};
pub use self::sum::{
    BudgetLine, SumEvidenceLines, SumLearnedLines, SumPartyLine, SumPartyState, SumProtocolLines, SumReport,
    VectorLines,
};

/// Version of the JSON form.
pub const REPORT_VERSION: u32 = 1;

/// A result that can be shown.
pub trait Report: Serialize + fmt::Display {}

/// Returns the JSON form, as files have it.
pub(crate) fn to_json(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).expect("reports are strings, numbers, lists and objects")
}

/// Writes a report to standard output, or to standard error where `aside` says that the former holds data.
///
/// # Errors
/// [`Error::Io`].
pub fn print(report: &impl Report, format: ReportFormat, aside: bool) -> Result<(), Error> {
    let text = match format {
        ReportFormat::Text => report.to_string(),
        ReportFormat::Json => to_json(report) + "\n",
    };
    let written = if aside {
        io::stderr().write_all(text.as_bytes())
    } else {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
    written.map_err(|source| Error::Io { action: "write the report".into(), source })
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
    /// Dependent flights of messages, where their number is fixed; a round trip is two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flights: Option<u64>,
}

/// What each side learned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LearnedLines {
    /// What the own side learned.
    pub own: Vec<String>,
    /// What the other side learned.
    pub peer: Vec<String>,
}

/// Writes what a run cost.
fn write_cost(
    f: &mut fmt::Formatter<'_>,
    traffic: &TrafficLines,
    phases: &[PhaseTime],
    peak_memory_bytes: Option<u64>,
) -> fmt::Result {
    let (sent, received) = (grouped(traffic.wire_sent_bytes), grouped(traffic.wire_received_bytes));
    write!(f, "Line: {sent} bytes sent, {received} received")?;
    match traffic.flights {
        Some(flights) => writeln!(f, ", {flights} flights")?,
        None => writeln!(f)?,
    }
    let mut line = String::from("Time:");
    for PhaseTime { phase, wall_seconds, cpu_seconds } in phases {
        write!(line, " {phase} {wall_seconds:.2} s ({cpu_seconds:.2} s CPU),")?;
    }
    writeln!(f, "{}", line.trim_end_matches(','))?;
    match peak_memory_bytes {
        Some(bytes) => writeln!(f, "Memory: {} MiB at most", bytes >> 20),
        None => Ok(()),
    }
}

fn rows(number: u64) -> String {
    if number == 1 { "1 row".into() } else { format!("{} rows", grouped(number)) }
}

/// Returns a number with a comma between thousands.
pub fn grouped(number: u64) -> String {
    grouped_text(&number.to_string())
}

/// Puts a comma between the thousands of a decimal number.
fn grouped_text(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let first = number.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let mut out = String::new();
    for (index, digit) in number.char_indices() {
        if index > first && index < whole && (whole - index).is_multiple_of(3) {
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

    #[test]
    fn thousands_of_decimal_texts_are_grouped() {
        let cases = [
            ("-999.1234", "-999.1234"),
            ("-1000", "-1,000"),
            ("-123456.7890", "-123,456.7890"),
            ("1234567.5", "1,234,567.5"),
            ("-0.00", "-0.00"),
        ];
        for (number, text) in cases {
            assert_eq!(grouped_text(number), text);
        }
    }
}
