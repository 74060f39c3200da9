//! `tidegate audit prove`: a receipt of an entry.

use std::fmt;

use serde::Serialize;

use super::{find, read};
use crate::cli::{AuditProveArgs, ReportFormat};
use crate::commands::output::{check_file, write_file};
use crate::error::{Error, exit};
use crate::ledger::{Receipt, SignedCheckpoint};
use crate::report::{self, REPORT_VERSION, Report};

/// A receipt on standard output: the same bytes as in a file.
#[derive(Serialize)]
struct Shown(Receipt);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_json())
    }
}

impl Report for Shown {}

#[derive(Serialize)]
struct Written {
    report_version: u32,
    command: &'static str,
    entry: u64,
    entries: u64,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Receipt: entry {} under the checkpoint of {} entries", self.entry, self.entries)
    }
}

impl Report for Written {}

/// Verifies the ledger and writes the receipt.
pub(super) fn run(args: &AuditProveArgs) -> Result<u8, Error> {
    if let Some(output) = &args.output {
        check_file(output, args.force)?;
    }
    let (ledger, owner) = find(&args.ledger)?;
    let verified = ledger.verify(&owner)?;
    let checkpoint = match (&args.checkpoint, &args.cosigned_by) {
        (Some(path), _) => SignedCheckpoint::parse(&read(path)?)?,
        (None, Some(key)) => ledger.cosigned_checkpoint(key)?,
        (None, None) => verified.checkpoint.clone(),
    };
    let entries = checkpoint.verify(&owner)?.size;
    let receipt = Receipt::new(&verified, &checkpoint, args.entry)?;
    // Whoever reads slowly keeps no run from its ledger.
    drop(verified);
    let Some(output) = &args.output else {
        report::print(&Shown(receipt), ReportFormat::Text, false)?;
        return Ok(exit::DONE);
    };
    write_file(output, receipt.to_json().as_bytes(), args.force)?;
    let (command, entry) = ("audit prove", args.entry);
    let written = Written { report_version: REPORT_VERSION, command, entry, entries };
    report::print(&written, args.ledger.format, false)?;
    Ok(exit::DONE)
}
