//! The command line: flags, help and examples; what they do stands in [`crate::commands`].

mod audit;
mod sandbox;
mod sum;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::agreement::{Day, KeyTerm, OutputFor};
use crate::data::TextEncoding;
use crate::data::normalize::Rule;
use crate::identity::PublicKey;

use self::sum::SUM_HELP;

pub use self::audit::{
    AuditCommand, AuditCosignArgs, AuditListArgs, AuditOpeningArgs, AuditProveArgs, AuditVerifyArgs,
    LedgerArgs,
};
pub use self::sandbox::{InspectArgs, SandboxCommand};
pub use self::sum::SumArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    ran, but the agreement's minimum was not met and nothing is released
  2    wrong usage or input
  3    the peer, the link or the protocol failed
  4    reserved for sandboxed guests
  130  interrupted
";

/// Compute together with another organisation, without exchanging records.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find the records that two parties share; each keeps its table
    #[command(after_help = PSI_HELP)]
    Psi(Box<PsiArgs>),
    /// Compute statistics over the records that two parties share, without learning which they are
    #[command(after_help = JOIN_HELP)]
    Join(Box<JoinArgs>),
    /// Add up figures over the tables of many parties, without showing anyone's own
    #[command(after_help = SUM_HELP)]
    Sum(Box<SumArgs>),
    /// Read, prove and cosign ledgers of runs, and check figures that were opened after a sum
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Make sealed reports, of which two aggregators open the total alone
    #[command(after_help = REPORT_HELP)]
    Report(Box<ReportArgs>),
    /// Open the total of sealed reports together with the other aggregator
    #[command(after_help = AGGREGATE_HELP)]
    Aggregate(Box<AggregateArgs>),
    /// Look at algorithms in WebAssembly that ask to run on the own data
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Make and read agreements
    #[command(subcommand)]
    Agreement(AgreementCommand),
    /// Make and show the key by which other parties know this one
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make synthetic tables and run the parties that own them on this machine
    #[command(after_help = DEMO_HELP)]
    Demo(DemoArgs),
}

const PSI_HELP: &str = "\
Examples:
  Under a signed agreement; the other party does the same on its side:
    tidegate psi --agreement agreement.toml --identity health.key \\
      --input people.csv --output matched.csv

  Two people trying it out, without an agreement file:
    tidegate psi --peer-key ed25519:.. --listen 0.0.0.0:7440 \\
      --identity a.key --on id:resident-id --input a.csv --output common.csv
    tidegate psi --peer-key ed25519:.. --connect a.example:7440 \\
      --identity b.key --on id:resident-id --input b.csv --output common.csv

Normalization rules are listed by `tidegate agreement new --help`.
";

const JOIN_HELP: &str = "\
Examples:
  Under a signed agreement; the other party does the same on its side:
    tidegate join --agreement agreement.toml --identity insurer.key --input claims.csv
    tidegate join --agreement agreement.toml --identity insurer.key --input claims.csv \\
      --csv table.csv --html report.html

What an agreement on statistics holds is shown in examples/join-agreement.toml.
";

const REPORT_HELP: &str = "\
Examples:
  One report; --value is seen by whoever can list processes, so prefer a file where others use the machine:
    tidegate report --agreement ages.toml --value 42 --output me.reports

  One report for each row of a table:
    tidegate report --agreement ages.toml --input people.csv --column age \\
      --output people.reports

What an agreement on reports holds is shown in examples/report-agreement.toml.
";

const AGGREGATE_HELP: &str = "\
Examples:
  Under a signed agreement; the other aggregator does the same on its side with the same reports:
    tidegate aggregate --agreement ages.toml --identity health.key \\
      --report-key health-reports.key --input inbox/
";

const DEMO_HELP: &str = "\
Examples:
  tidegate demo
  tidegate demo sum
  tidegate demo --records 100000 --other-records 5000 --keep demo-files
";

/// A form of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, versioned.
    Json,
}

/// Flags of `psi`.
#[derive(Debug, Args)]
pub struct PsiArgs {
    /// The agreement that both parties signed
    #[arg(long, value_name = "FILE", conflicts_with = "peer_key")]
    pub agreement: Option<PathBuf>,
    /// The own key, made by `tidegate key new`
    #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
    pub identity: PathBuf,
    /// The own table: .csv, .tsv or .parquet
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where the own rows with a common key go: .csv, .tsv or .parquet, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Learn only how many keys are common; the other party must ask for the same
    #[arg(long, conflicts_with_all = ["output", "columns"])]
    pub count_only: bool,
    /// Take part without output, where the agreement gives it to the other party alone
    #[arg(long, conflicts_with_all = ["output", "columns"])]
    pub no_output: bool,
    /// The own columns to write, in this order; all by default
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Where rows without a usable key go, with the reason
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Overwrite output files
    #[arg(long)]
    pub force: bool,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
    /// Encoding of a CSV table: utf8 or gb18030 (GBK, GB 2312)
    #[arg(long, value_name = "NAME", default_value = "utf8")]
    pub encoding: TextEncoding,
    /// How and where the parties meet
    #[command(flatten)]
    pub meeting: MeetingArgs,
    /// The short form, without an agreement file
    #[command(flatten)]
    pub short: ShortFormArgs,
}

/// A part of the demonstration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DemoPart {
    /// All parts.
    #[default]
    All,
    /// Which people are common.
    Psi,
    /// Statistics over the common people.
    Join,
    /// Figures of five branches, one of which is lost on the way.
    Sum,
}

/// Flags of `join`.
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The agreement that both parties signed
    #[arg(long, value_name = "FILE")]
    pub agreement: PathBuf,
    /// The own key, made by `tidegate key new`
    #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
    pub identity: PathBuf,
    /// The own table: .csv, .tsv or .parquet
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where the released figures go as a table, one line a figure
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Where the whole report goes in JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where the report goes as a page with plots, which needs nothing but a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where rows without a usable key go, with the reason
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Overwrite output files
    #[arg(long)]
    pub force: bool,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
    /// Encoding of a CSV table: utf8 or gb18030 (GBK, GB 2312)
    #[arg(long, value_name = "NAME", default_value = "utf8")]
    pub encoding: TextEncoding,
    /// How and where the parties meet
    #[command(flatten)]
    pub meeting: MeetingArgs,
}

/// Flags of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The agreement that both aggregators signed
    #[arg(long, value_name = "FILE")]
    pub agreement: PathBuf,
    /// The value of one report
    #[arg(long, value_name = "VALUE", required_unless_present_any = ["values", "input"], allow_hyphen_values = true)]
    pub value: Option<String>,
    /// The values of one report, one on each line of this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["value", "input"])]
    pub values: Option<PathBuf>,
    /// A table with a report in each row: .csv, .tsv or .parquet
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    pub input: Option<PathBuf>,
    /// The columns of the table that hold the values; by default those that the agreement names
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "input")]
    pub column: Vec<String>,
    /// Where the reports go; aggregators look for the ending .reports in a directory
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Overwrite the file
    #[arg(long)]
    pub force: bool,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
    /// Encoding of a CSV table: utf8 or gb18030 (GBK, GB 2312)
    #[arg(long, value_name = "NAME", default_value = "utf8")]
    pub encoding: TextEncoding,
}

/// Flags of `aggregate`.
#[derive(Debug, Args)]
pub struct AggregateArgs {
    /// The agreement that both aggregators signed
    #[arg(long, value_name = "FILE")]
    pub agreement: PathBuf,
    /// The own key, made by `tidegate key new`
    #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
    pub identity: PathBuf,
    /// The own key for reports, made by `tidegate key new --report`
    #[arg(long, value_name = "FILE", env = "TIDEGATE_REPORT_KEY")]
    pub report_key: PathBuf,
    /// The reports: a file, or a directory whose files end in .reports
    #[arg(long, value_name = "PATH")]
    pub input: PathBuf,
    /// Where the whole report goes in JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Overwrite output files
    #[arg(long)]
    pub force: bool,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
    /// How and where the aggregators meet
    #[command(flatten)]
    pub meeting: MeetingArgs,
}

/// How and where the parties meet, the same for every protocol.
#[derive(Debug, Args)]
pub struct MeetingArgs {
    /// Threads to compute with; all cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Wait here for the other party, instead of where the agreement says
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "connect")]
    pub listen: Option<String>,
    /// Connect there to the other party, instead of where the agreement says
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// How long to wait for the other party to appear, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    pub wait: u32,
    /// How long the other party may be connected without making progress, in seconds; half a millisecond for
    /// each key is added once the sizes are known. A silent connection is given up after 30 seconds at most
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = clap::value_parser!(u32).range(1..))]
    pub stall: u32,
    /// Where runs are counted; by default TIDEGATE_STATE, XDG_STATE_HOME/tidegate or ~/.local/state/tidegate
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// The flags that stand for an agreement.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Short form (instead of --agreement; both sides say the same, but `me` pairs with `peer`)"
)]
pub struct ShortFormArgs {
    /// The other party's public key, as its `tidegate key show` prints it
    #[arg(long, value_name = "KEY")]
    pub peer_key: Option<PublicKey>,
    /// A key column and its rules; several make a composite key
    #[arg(long, value_name = "NAME[=COLUMN][:RULE,..]", requires = "peer_key", conflicts_with = "agreement", value_parser = parse_on)]
    pub on: Vec<OnColumn>,
    /// Who gets output
    #[arg(
        long,
        value_name = "WHO",
        default_value = "both",
        requires = "peer_key",
        conflicts_with = "agreement"
    )]
    pub output_for: OutputFor,
    /// Below this number of common keys nothing is released
    #[arg(long, value_name = "N", default_value = "0", requires = "peer_key", conflicts_with = "agreement")]
    pub minimum: u64,
    /// Most distinct keys that either side may bring
    #[arg(
        long,
        value_name = "N",
        default_value = "1000000",
        requires = "peer_key",
        conflicts_with = "agreement"
    )]
    pub max_records: u64,
}

/// A key column as `--on` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnColumn {
    /// The column's name in the agreement, and its rules.
    pub term: KeyTerm,
    /// Its name in the own table.
    pub column: String,
}

fn parse_on(text: &str) -> Result<OnColumn, String> {
    let (names, rules) = text.rsplit_once(':').unwrap_or((text, ""));
    let (name, column) = names.split_once('=').unwrap_or((names, names));
    if name.is_empty() || column.is_empty() {
        return Err("write NAME, NAME:RULE,.. or NAME=COLUMN:RULE,..".into());
    }
    let rules = rules.split(',').filter(|rule| !rule.is_empty()).map(str::parse::<Rule>);
    let rules = rules.collect::<Result<_, _>>().map_err(|unknown| unknown.to_string())?;
    Ok(OnColumn { term: KeyTerm { name: name.into(), rules }, column: column.into() })
}

/// Verbs on agreements.
#[derive(Debug, Subcommand)]
pub enum AgreementCommand {
    /// Write a new agreement, for both parties to sign
    #[command(after_help = new_help())]
    New(Box<AgreementNewArgs>),
    /// Add the own signature to an agreement
    Sign {
        /// The agreement
        file: PathBuf,
        /// The own key
        #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
        identity: PathBuf,
    },
    /// Check that an agreement is signed by all, has not expired and has runs left
    Check {
        /// The agreement
        file: PathBuf,
        /// Where runs are counted; by default TIDEGATE_STATE, XDG_STATE_HOME/tidegate or ~/.local/state/tidegate
        #[arg(long, value_name = "DIR")]
        state_dir: Option<PathBuf>,
    },
    /// Show an agreement, its hash and who signed
    Show {
        /// The agreement
        file: PathBuf,
        /// Form of the output
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: ReportFormat,
    },
}

const NEW_EXAMPLE: &str = "\
Example:
  tidegate agreement new agreement.toml --id settlement-2026 \\
    --purpose 'medical bills across provinces' \\
    --party health,ed25519:..,health.example:7440 \\
    --party credit,ed25519:.. --on id:resident-id \\
    --output-to health --minimum 10 --max-runs 4 --max-records 2000000 \\
    --expires 2027-06-30
";

/// The example and the list of rules.
fn new_help() -> String {
    let rules = Rule::ALL.iter().map(|rule| format!("  {:16} {}\n", rule.name(), rule.description()));
    format!("{NEW_EXAMPLE}\nNormalization rules, applied in the order given:\n{}", rules.collect::<String>())
}

/// Flags of `agreement new`.
#[derive(Debug, Args)]
pub struct AgreementNewArgs {
    /// The file to write
    pub file: PathBuf,
    /// Name of the agreement between its parties
    #[arg(long)]
    pub id: String,
    /// What the result is for
    #[arg(long)]
    pub purpose: String,
    /// A party, twice: its name, its public key, and for the one that listens its address
    #[arg(long = "party", value_name = "NAME,KEY[,HOST:PORT]", value_parser = parse_party, required = true)]
    pub parties: Vec<NewParty>,
    /// Names of a party's key columns, where they differ from those of the key
    #[arg(long, value_name = "PARTY=COLUMN,..", value_parser = parse_columns)]
    pub columns: Vec<PartyColumns>,
    /// A key column and its rules; several make a composite key
    #[arg(long, value_name = "NAME[:RULE,..]", value_parser = parse_on, required = true)]
    pub on: Vec<OnColumn>,
    /// A party that gets output; may be given twice
    #[arg(long, value_name = "PARTY", required = true)]
    pub output_to: Vec<String>,
    /// psi-ecdh, or psi-cardinality where nobody may learn more than the number
    #[arg(long, default_value = "psi-ecdh")]
    pub protocol: String,
    /// Below this number of common keys nothing is released
    #[arg(long, value_name = "N", default_value = "10")]
    pub minimum: u64,
    /// How often it may be run
    #[arg(long, value_name = "N", default_value = "1")]
    pub max_runs: u32,
    /// Last day on which it may be run, by UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub expires: Day,
    /// Most distinct keys that each party may bring; a party that brings every possible number learns the
    /// other's whole table, so take the size of the larger table
    #[arg(long, value_name = "N")]
    pub max_records: u64,
    /// Overwrite the file
    #[arg(long)]
    pub force: bool,
}

/// A party as `--party` gives it.
#[derive(Clone, Debug)]
pub struct NewParty {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: PublicKey,
    /// Where it listens.
    pub endpoint: Option<String>,
}

fn parse_party(text: &str) -> Result<NewParty, String> {
    let mut parts = text.splitn(3, ',');
    let (Some(name), Some(key)) = (parts.next(), parts.next()) else {
        return Err("write NAME,KEY or NAME,KEY,HOST:PORT".into());
    };
    let key = key.parse().map_err(|error: crate::identity::IdentityError| error.to_string())?;
    Ok(NewParty { name: name.into(), key, endpoint: parts.next().map(Into::into) })
}

/// The key columns of a party as `--columns` gives them.
#[derive(Clone, Debug)]
pub struct PartyColumns {
    /// The party's name.
    pub party: String,
    /// The columns in its table.
    pub columns: Vec<String>,
}

fn parse_columns(text: &str) -> Result<PartyColumns, String> {
    let (party, columns) = text.split_once('=').ok_or("write PARTY=COLUMN,..")?;
    Ok(PartyColumns { party: party.into(), columns: columns.split(',').map(Into::into).collect() })
}

/// Verbs on keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a new key file, which only its owner can read
    New {
        /// The file to write; never overwritten
        file: PathBuf,
        /// Make a key under which reports are sealed, instead of one that parties know each other by
        #[arg(long)]
        report: bool,
    },
    /// Print the public key of a key file
    Show {
        /// The key file
        file: PathBuf,
        /// The file holds a key for reports
        #[arg(long)]
        report: bool,
    },
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which part to show
    #[arg(value_name = "PART", default_value = "all")]
    pub show: DemoPart,
    /// Rows of the first table of each part, of a medical insurance
    #[arg(long, value_name = "N", default_value = "20000", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub records: u32,
    /// Rows of the second table, of a credit bureau or an employment office; as many as the first by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub other_records: Option<u32>,
    /// How many of the people of the smaller table stand in both, in per cent
    #[arg(long, value_name = "PERCENT", default_value = "30", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub common: u8,
    /// Seed of the synthetic tables
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Learn only how many people are common, not which
    #[arg(long)]
    pub count_only: bool,
    /// Threads of each party
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Keep tables, keys, agreement and results in this new directory
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn key_columns_are_parsed() {
        let on = parse_on("id=证件号:trim,resident-id").unwrap();
        assert_eq!((on.term.name.as_str(), on.column.as_str()), ("id", "证件号"));
        assert_eq!(on.term.rules, [Rule::Trim, Rule::ResidentId]);
        assert_eq!(parse_on("id").unwrap().term.rules, []);
        assert!(parse_on("id:unknown").is_err());
        assert!(parse_on(":trim").is_err());
    }
}
