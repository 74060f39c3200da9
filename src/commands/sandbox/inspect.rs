//! `tidegate sandbox inspect`: what a module is, before anything of it is compiled.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use tidegate_sandbox::{Inspection, MAX_MODULE_BYTES};

use crate::cli::InspectArgs;
use crate::error::{Error, exit};
use crate::report::{self, ModuleReport};

/// Shows what a module is and asks for.
pub(super) fn run(args: &InspectArgs) -> Result<u8, Error> {
    let bytes = read(&args.module)?;
    let found = Inspection::of(&bytes);
    let found = found.map_err(|error| Error::Module { path: args.module.clone(), error })?;
    report::print(&ModuleReport::new(&found), args.format, false)?;
    Ok(exit::DONE)
}

/// Reads a module, and of one that is too large no more than shows it.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let limit = MAX_MODULE_BYTES as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|source| Error::Io { action: format!("read {path:?}"), source })?;
    Ok(bytes)
}
