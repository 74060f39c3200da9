//! Flags, help and examples of `sandbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ReportFormat;

const INSPECT_HELP: &str = "\
Example:
  tidegate sandbox inspect income-by-age.wasm

Nothing of the module is compiled or run. Exit codes: 0 it may run, 2 it is refused.
";

/// Verbs of `sandbox`.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Show what a module is, what it reads and what it gives
    #[command(after_help = INSPECT_HELP)]
    Inspect(InspectArgs),
}

/// Flags of `sandbox inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The WebAssembly module
    #[arg(value_name = "MODULE")]
    pub module: PathBuf,
    /// Form of the report on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
}
