//! Flags, help and examples of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ReportFormat;
use crate::identity::PublicKey;

const VERIFY_HELP: &str = "\
Examples:
  The own ledger, against what a partner kept of it last year:
    tidegate audit verify --identity health.key --since checkpoint-2025

  A partner's, of which there is a copy in a directory:
    tidegate audit verify --ledger credit-ledger/ --key ed25519:.. --cosigned-by ed25519:..

  A receipt, without any ledger:
    tidegate audit verify --receipt release.receipt --key ed25519:..

Exit codes: 0 it holds, 1 it does not, 2 it could not be looked at.
";

const PROVE_HELP: &str = "\
Example:
  tidegate audit prove 17 --identity health.key --output release.receipt
";

const COSIGN_HELP: &str = "\
Examples:
  Into the ledger itself, where both can reach it:
    tidegate audit cosign --ledger /shared/credit-ledger --key ed25519:.. --identity health.key

  Into a file, to be sent back to the ledger's owner, who passes it to `audit prove --checkpoint`:
    tidegate audit cosign --ledger copy/ --key ed25519:.. --identity health.key --output cosigned

Exit codes: 0 cosigned, 1 the ledger does not hold or is not the one cosigned before, 2 it could not be looked at.
";

const OPENING_HELP: &str = "\
Example:
  With the report of another party or of the hub, and what the party in question kept (`sum --opening`):
    tidegate audit opening --report sums.json --opening north.opening.json

Exit codes: 0 the figures are those committed to, 1 they are not, 2 the files do not fit each other.
";

/// Verbs of `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify a ledger and show its entries
    List(AuditListArgs),
    /// Check every byte of a ledger, or a receipt, against its owner's signature
    #[command(after_help = VERIFY_HELP)]
    Verify(AuditVerifyArgs),
    /// Write a receipt of an entry, which verifies without the ledger
    #[command(after_help = PROVE_HELP)]
    Prove(AuditProveArgs),
    /// Verify a partner's ledger and cosign it, if it continues what was cosigned before
    #[command(after_help = COSIGN_HELP)]
    Cosign(AuditCosignArgs),
    /// Check that figures which a party opened are those it committed to in a sum
    #[command(after_help = OPENING_HELP)]
    Opening(AuditOpeningArgs),
}

/// Which ledger, and whose.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// The ledger's directory; by default the one of the key's owner in the state directory
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,
    /// The public key of the ledger's owner, as its `tidegate key show` prints it; by default that of --identity
    #[arg(long, value_name = "KEY", required_unless_present = "identity")]
    pub key: Option<PublicKey>,
    /// The own key
    #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// Where ledgers are kept; by default TIDEGATE_STATE, XDG_STATE_HOME/tidegate or ~/.local/state/tidegate
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
}

/// Flags of `audit list`.
#[derive(Debug, Args)]
pub struct AuditListArgs {
    /// Which ledger, and whose
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// Flags of `audit verify`.
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// Which ledger, and whose
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// An earlier checkpoint, which the ledger must continue
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// A partner's public key that must have cosigned the ledger, or the receipt's checkpoint; may be repeated
    #[arg(long, value_name = "KEY")]
    pub cosigned_by: Vec<PublicKey>,
    /// A receipt to verify instead of a ledger
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ledger", "since"])]
    pub receipt: Option<PathBuf>,
}

/// Flags of `audit prove`.
#[derive(Debug, Args)]
pub struct AuditProveArgs {
    /// The entry's place, as `audit list` shows it
    pub entry: u64,
    /// Which ledger, and whose
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// A checkpoint to prove it under, such as one that a partner cosigned; by default the current one
    #[arg(long, value_name = "FILE", conflicts_with = "cosigned_by")]
    pub checkpoint: Option<PathBuf>,
    /// Prove it under the last checkpoint of the ledger that this partner cosigned
    #[arg(long, value_name = "KEY")]
    pub cosigned_by: Option<PublicKey>,
    /// Where the receipt goes; standard output by default
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long)]
    pub force: bool,
}

/// Flags of `audit cosign`.
#[derive(Debug, Args)]
pub struct AuditCosignArgs {
    /// The ledger's directory
    #[arg(long, value_name = "DIR")]
    pub ledger: PathBuf,
    /// The public key of the ledger's owner, as its `tidegate key show` prints it
    #[arg(long, value_name = "KEY")]
    pub key: PublicKey,
    /// The own key, which cosigns
    #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
    pub identity: PathBuf,
    /// Where it is remembered what was cosigned; by default TIDEGATE_STATE, XDG_STATE_HOME/tidegate or ~/.local/state/tidegate
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where the cosigned checkpoint goes, instead of into the ledger
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long)]
    pub force: bool,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
}

/// Flags of `audit opening`.
#[derive(Debug, Args)]
pub struct AuditOpeningArgs {
    /// The report of the run, as `sum --json` wrote it for someone else than the party in question
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// The opening that the party kept, as `sum --opening` wrote it
    #[arg(long, value_name = "FILE")]
    pub opening: PathBuf,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
}
