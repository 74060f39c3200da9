//! `tidegate audit cosign`: a partner as a witness of a ledger.

use std::fmt;

use serde::Serialize;

use super::HeadLines;
use super::verify::CosignedLine;
use crate::cli::AuditCosignArgs;
use crate::commands::output::{check_file, write_file};
use crate::error::{Error, exit};
use crate::identity::Identity;
use crate::ledger::{Ledger, Time, Witness};
use crate::report::{self, REPORT_VERSION, Report};
use crate::state::StateDir;

#[derive(Serialize)]
struct CosignReport {
    report_version: u32,
    command: &'static str,
    ledger: HeadLines,
    cosigned: CosignedLine,
}

impl fmt::Display for CosignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.cosigned)?;
        writeln!(f, "Ledger: {}", self.ledger.origin)?;
        writeln!(f, "Root: {}", self.ledger.root)
    }
}

impl Report for CosignReport {}

/// Cosigns the ledger.
pub(super) fn run(args: &AuditCosignArgs) -> Result<u8, Error> {
    let identity = Identity::load(&args.identity)?;
    if identity.public() == args.key {
        let what = "the ledger's owner has signed it already".to_owned();
        return Err(Error::Usage { what, hint: "have a partner cosign it, with the partner's --identity" });
    }
    if let Some(output) = &args.output {
        check_file(output, args.force)?;
    }
    let state = StateDir::find(args.state_dir.as_deref())?;
    let ledger = Ledger::at(&args.ledger);
    let signed = Witness::new(&identity, &state).cosign(&ledger, &args.key, Time::now())?;
    match &args.output {
        Some(output) => write_file(output, signed.to_string().as_bytes(), args.force)?,
        None => ledger.put_cosigned(&signed)?,
    }
    let head = HeadLines::new(&signed, &args.key)?;
    let cosigned = CosignedLine::new(&signed, &args.key, &identity.public())?;
    let command = "audit cosign";
    let report = CosignReport { report_version: REPORT_VERSION, command, ledger: head, cosigned };
    report::print(&report, args.format, false)?;
    Ok(exit::DONE)
}
