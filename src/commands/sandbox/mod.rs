//! `tidegate sandbox`: algorithms in WebAssembly that ask to run on the own data.

mod inspect;

use crate::cli::SandboxCommand;
use crate::error::Error;

/// Runs a verb of `sandbox`.
pub(super) fn run(verb: &SandboxCommand) -> Result<u8, Error> {
    match verb {
        SandboxCommand::Inspect(args) => inspect::run(args),
    }
}
