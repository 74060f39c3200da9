//! The `tidegate` program: private computations between organisations, from the command line.

use std::process::ExitCode;

use clap::Parser;
use tidegate::cli::Cli;
use tidegate::{commands, error};

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let code = error.exit_code();
            if code != error::exit::DONE {
                #[expect(clippy::print_stderr, reason = "errors belong on standard error")]
                {
                    eprintln!("{}", error.message());
                }
            }
            ExitCode::from(code)
        }
    }
}
