//! The `tidegate` program: private computations between organisations, from the command line.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;
use tidegate::cli::Cli;
use tidegate::{commands, error};

fn main() -> ExitCode {
    panic::set_hook(Box::new(report_panic));
    match commands::run(Cli::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let code = error.exit_code();
            if code != error::exit::DONE {
                complain(&error.message());
            }
            ExitCode::from(code)
        }
    }
}

/// Says where a panic happened and not with what words: they might quote a record.
fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(String::new, |location| format!(" at {location}"));
    complain(&format!("error: internal error{place}\nhint: this is a defect of tidegate; please report it"));
}

/// Writes to standard error, if somebody still reads it.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
