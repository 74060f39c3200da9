//! One verb a file: each opens its inputs, calls one library and reports.

mod aggregate;
mod agreement;
mod audit;
mod demo;
mod join;
mod key;
mod meeting;
mod output;
mod psi;
mod report;
mod sandbox;
mod sum;

use std::sync::Arc;

use crate::cli::Command;
use crate::error::{Error, exit};
use crate::link::CancelToken;

/// Runs a command and returns its exit code.
///
/// # Errors
/// [`Error`], which knows its own exit code.
pub fn run(command: Command) -> Result<u8, Error> {
    match command {
        Command::Psi(args) => psi::run(&args),
        Command::Join(args) => join::run(&args),
        Command::Sum(args) => sum::run(&args),
        Command::Audit(verb) => audit::run(&verb),
        Command::Report(args) => report::run(&args),
        Command::Aggregate(args) => aggregate::run(&args),
        Command::Sandbox(verb) => sandbox::run(&verb),
        Command::Agreement(verb) => agreement::run(verb),
        Command::Key(verb) => key::run(&verb),
        Command::Demo(args) => demo::run(&args),
    }
}

/// Computes with so many threads, by default one for each core.
fn with_threads<T: Send>(
    threads: Option<u16>,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from));
    let pool = pool.build().map_err(|error| Error::Io {
        action: "start the threads".into(),
        source: std::io::Error::other(error),
    })?;
    pool.install(work)
}

/// Cancels on the first signal and ends the process on the second.
fn cancel_on_signals() -> Result<CancelToken, Error> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::flag::{register, register_conditional_shutdown};
    let cancel = CancelToken::new();
    let failed = |source| Error::Io { action: "watch for signals".into(), source };
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, i32::from(exit::INTERRUPTED), cancel.flag()).map_err(failed)?;
        register(signal, cancel.flag()).map_err(failed)?;
    }
    // A file that grows over the limit of the process is an error of writing then, and no sudden death.
    register(SIGXFSZ, Arc::default()).map_err(failed)?;
    Ok(cancel)
}
