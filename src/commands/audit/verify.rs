//! `tidegate audit verify`: whether a ledger, or a receipt, is what its owner signed and partners cosigned.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::list::Line;
use super::{HeadLines, find, owner_of, read};
use crate::cli::AuditVerifyArgs;
use crate::error::{Error, exit};
use crate::identity::PublicKey;
use crate::ledger::{LedgerError, Receipt, SignedCheckpoint};
use crate::report::{self, REPORT_VERSION, Report};

#[derive(Debug, Serialize)]
struct VerifyReport {
    report_version: u32,
    command: &'static str,
    outcome: &'static str,
    ledger: HeadLines,
    /// The entry of a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Line>,
    /// Entries of the earlier checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<u64>,
    cosigned: Vec<CosignedLine>,
}

/// A cosignature in a report.
#[derive(Debug, Serialize)]
pub(super) struct CosignedLine {
    pub(super) key: String,
    pub(super) time: String,
    /// Entries that it covers.
    pub(super) entries: u64,
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(line) => writeln!(f, "Holds: the receipt's entry is in the ledger\n{line}")?,
            None => writeln!(f, "Holds: every byte of the ledger is what its owner signed")?,
        }
        writeln!(f, "Ledger: {}", self.ledger.origin)?;
        writeln!(f, "Entries: {}", self.ledger.entries)?;
        writeln!(f, "Root: {}", self.ledger.root)?;
        if let Some(entries) = self.continues {
            writeln!(f, "Continues: the earlier checkpoint of {entries} entries")?;
        }
        self.cosigned.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for CosignedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigned: the first {} entries by {} at {}", self.entries, self.key, self.time)
    }
}

impl CosignedLine {
    /// Reads the cosignature of a key on a checkpoint.
    pub(super) fn new(
        checkpoint: &SignedCheckpoint,
        owner: &PublicKey,
        key: &PublicKey,
    ) -> Result<Self, Error> {
        let entries = checkpoint.verify(owner)?.size;
        let time = checkpoint.cosigned_at(key)?.ok_or(LedgerError::NotCosigned { key: *key })?;
        Ok(Self { key: key.to_string(), time: time.to_string(), entries })
    }
}

impl Report for VerifyReport {}

/// Verifies what the flags name.
pub(super) fn run(args: &AuditVerifyArgs) -> Result<u8, Error> {
    let report = match &args.receipt {
        Some(receipt) => of_receipt(args, receipt)?,
        None => of_ledger(args)?,
    };
    report::print(&report, args.ledger.format, false)?;
    Ok(exit::DONE)
}

fn of_receipt(args: &AuditVerifyArgs, path: &Path) -> Result<VerifyReport, Error> {
    let owner = owner_of(&args.ledger)?;
    let receipt = Receipt::parse(&read(path)?)?;
    let checkpoint = receipt.verify(&owner)?;
    let cosigned = args.cosigned_by.iter().map(|key| CosignedLine::new(&checkpoint, &owner, key));
    let cosigned = cosigned.collect::<Result<_, _>>()?;
    let entry = Line { index: receipt.index(), entry: receipt.entry().clone() };
    Ok(verified(HeadLines::new(&checkpoint, &owner)?, Some(entry), None, cosigned))
}

fn of_ledger(args: &AuditVerifyArgs) -> Result<VerifyReport, Error> {
    let (ledger, owner) = find(&args.ledger)?;
    let whole = ledger.verify(&owner)?;
    let mut continues = None;
    if let Some(since) = &args.since {
        let since = SignedCheckpoint::parse(&read(since)?)?;
        let since = since.verify(&owner)?;
        whole.continues(since)?;
        continues = Some(since.size);
    }
    let cosigned = args.cosigned_by.iter().map(|key| {
        let checkpoint = ledger.cosigned_checkpoint(key)?;
        whole.continues(checkpoint.verify(&owner)?)?;
        CosignedLine::new(&checkpoint, &owner, key)
    });
    let cosigned = cosigned.collect::<Result<_, Error>>()?;
    Ok(verified(HeadLines::new(&whole.checkpoint, &owner)?, None, continues, cosigned))
}

fn verified(
    ledger: HeadLines,
    entry: Option<Line>,
    continues: Option<u64>,
    cosigned: Vec<CosignedLine>,
) -> VerifyReport {
    let (command, outcome) = ("audit verify", "holds");
    VerifyReport { report_version: REPORT_VERSION, command, outcome, ledger, entry, continues, cosigned }
}
