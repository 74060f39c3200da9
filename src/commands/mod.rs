//! One verb a file: each opens its inputs, calls one library and reports.

mod agreement;
mod demo;
mod key;
mod psi;

use crate::cli::Command;
use crate::error::Error;

/// Runs a command and returns its exit code.
///
/// # Errors
/// [`Error`], which knows its own exit code.
pub fn run(command: Command) -> Result<u8, Error> {
    match command {
        Command::Psi(args) => psi::run(&args),
        Command::Agreement(verb) => agreement::run(verb),
        Command::Key(verb) => key::run(&verb),
        Command::Demo(args) => demo::run(&args),
    }
}
