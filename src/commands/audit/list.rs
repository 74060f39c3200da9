//! `tidegate audit list`: the entries of a ledger, once it is verified.

use std::fmt;

use serde::Serialize;

use super::{HeadLines, find};
use crate::cli::AuditListArgs;
use crate::error::{Error, exit};
use crate::ledger::Entry;
use crate::report::{self, REPORT_VERSION, Report};

/// Digits of digests in the text.
const SHOWN_DIGITS: usize = 16;

#[derive(Debug, Serialize)]
struct ListReport {
    report_version: u32,
    command: &'static str,
    ledger: HeadLines,
    entries: Vec<Line>,
}

/// An entry with its place.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) index: u64,
    #[serde(flatten)]
    pub(super) entry: Entry,
}

impl fmt::Display for ListReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.ledger.entries == 1 { "y" } else { "ies" };
        writeln!(f, "Ledger: {}, {} entr{plural}", self.ledger.origin, self.ledger.entries)?;
        self.entries.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Report for ListReport {}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.entry;
        write!(f, "{:>5}  {}  {:<14}", self.index, entry.time, entry.kind.name())?;
        let digest = |digest: &Option<crate::ledger::Digest>| {
            digest.map(|digest| digest.to_string().chars().take(SHOWN_DIGITS).collect::<String>())
        };
        let dataset = entry.dataset.as_ref().map(|dataset| dataset.name.clone());
        let parties = (!entry.parties.is_empty()).then(|| entry.parties.join(", "));
        let fields = [
            ("", entry.protocol.map(word)),
            ("reason", entry.reason.map(word)),
            ("started at", entry.started.map(|started| started.to_string())),
            ("run", entry.run.map(|run| run.to_string())),
            ("agreement", digest(&entry.agreement)),
            ("grant", digest(&entry.grant)),
            ("parties", parties),
            ("dataset", dataset),
            ("table", digest(&entry.table)),
            ("report", digest(&entry.report)),
            ("cosigned", entry.log.clone()),
            ("checkpoint", digest(&entry.checkpoint)),
            ("for", entry.purpose.clone()),
        ];
        let set = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let texts: Vec<_> =
            set.map(|(name, value)| format!("{name} {value}").trim_start().to_owned()).collect();
        write!(f, "  {}", texts.join("; "))
    }
}

/// Returns the name of a protocol or reason, as entries have it.
fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Verifies the ledger and shows its entries.
pub(super) fn run(args: &AuditListArgs) -> Result<u8, Error> {
    let (ledger, owner) = find(&args.ledger)?;
    // Whoever reads slowly keeps no run from its ledger.
    let (checkpoint, entries) = ledger.verify(&owner)?.into_parts();
    let head = HeadLines::new(&checkpoint, &owner)?;
    let entries = (0..).zip(entries).map(|(index, entry)| Line { index, entry }).collect();
    let report = ListReport { report_version: REPORT_VERSION, command: "audit list", ledger: head, entries };
    report::print(&report, args.ledger.format, false)?;
    Ok(exit::DONE)
}
