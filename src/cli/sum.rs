//! Flags, help and examples of `sum`.

use std::path::PathBuf;

use clap::Args;

use super::{MeetingArgs, ReportFormat};
use crate::data::TextEncoding;

pub(super) const SUM_HELP: &str = "\
Examples:
  Under a signed agreement; every party does the same, and so does the coordinator, in any order:
    tidegate sum --agreement agreement.toml --identity hospital.key --input visits.csv
    tidegate sum --agreement agreement.toml --identity hospital.key --input visits.csv \\
      --csv table.csv --html report.html

  A hub that coordinates without data of its own:
    tidegate sum --agreement agreement.toml --identity hub.key

  Totals of named cells, where the agreement has a [vector]; every party brings the same list:
    tidegate sum --agreement agreement.toml --identity hospital.key --input counts.csv \\
      --cells cells.txt --output totals.csv

What an agreement on sums holds is shown in examples/sum-agreement.toml.
";

/// Flags of `sum`.
#[derive(Debug, Args)]
pub struct SumArgs {
    /// The agreement that all parties signed
    #[arg(long, value_name = "FILE")]
    pub agreement: PathBuf,
    /// The own key, made by `tidegate key new`
    #[arg(long, value_name = "FILE", env = "TIDEGATE_IDENTITY")]
    pub identity: PathBuf,
    /// The own table: .csv, .tsv or .parquet; a hub has none
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The list of the cells' names, one a line, under an agreement on a vector of named cells
    #[arg(long, value_name = "FILE")]
    pub cells: Option<PathBuf>,
    /// Where the totals of named cells go, as CSV with a line for each cell; empty where withheld
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the released figures go as a table, one line a figure
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Where the whole report goes in JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where the report goes as a page with plots, which needs nothing but a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where rows with an empty cell go, with the reason
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Where the own figures go with what opens the commitment to them, for an audit; secret
    #[arg(long, value_name = "FILE")]
    pub opening: Option<PathBuf>,
    /// Overwrite output files
    #[arg(long)]
    pub force: bool,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
    /// Encoding of a CSV table: utf8 or gb18030 (GBK, GB 2312)
    #[arg(long, value_name = "NAME", default_value = "utf8")]
    pub encoding: TextEncoding,
    /// How and where the parties meet; the coordinator listens, all others connect to it
    #[command(flatten)]
    pub meeting: MeetingArgs,
}
