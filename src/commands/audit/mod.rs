//! `tidegate audit`: ledgers of runs, and what was opened after a sum.

mod cosign;
mod list;
mod opening;
mod prove;
mod verify;

use std::path::Path;

use serde::Serialize;

use crate::cli::{AuditCommand, LedgerArgs};
use crate::data::DataError;
use crate::error::Error;
use crate::identity::{Identity, PublicKey};
use crate::ledger::{Ledger, SignedCheckpoint, read_limited};
use crate::state::StateDir;

/// Runs a verb.
pub(super) fn run(verb: &AuditCommand) -> Result<u8, Error> {
    match verb {
        AuditCommand::List(args) => list::run(args),
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Prove(args) => prove::run(args),
        AuditCommand::Cosign(args) => cosign::run(args),
        AuditCommand::Opening(args) => opening::run(args),
    }
}

/// A checkpoint in a report.
#[derive(Debug, Serialize)]
struct HeadLines {
    origin: String,
    key: String,
    entries: u64,
    root: String,
}

impl HeadLines {
    fn new(checkpoint: &SignedCheckpoint, owner: &PublicKey) -> Result<Self, Error> {
        let head = checkpoint.verify(owner)?;
        let root = crate::hex::hex(&head.root);
        Ok(Self { origin: head.origin.clone(), key: owner.to_string(), entries: head.size, root })
    }
}

/// Returns the key of the ledger's owner.
fn owner_of(args: &LedgerArgs) -> Result<PublicKey, Error> {
    match (&args.key, &args.identity) {
        (Some(key), _) => Ok(*key),
        (None, Some(identity)) => Ok(Identity::load(identity)?.public()),
        (None, None) => Err(Error::Usage {
            what: "nothing says whose ledger this is".into(),
            hint: "pass the owner's public key with --key, or the own key file with --identity",
        }),
    }
}

/// Finds the ledger and its owner's key.
fn find(args: &LedgerArgs) -> Result<(Ledger, PublicKey), Error> {
    let owner = owner_of(args)?;
    let ledger = match &args.ledger {
        Some(directory) => Ledger::at(directory),
        None => Ledger::of(&StateDir::find(args.state_dir.as_deref())?, &owner),
    };
    Ok((ledger, owner))
}

/// Reads a small file that a flag names.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    match path.metadata() {
        Err(error) => Err(DataError::reading(path, &error).into()),
        Ok(_) => Ok(read_limited(path)?),
    }
}
