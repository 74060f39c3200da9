//! What commands that read keys have in common: rows without a key, and places where results go, checked before a run
//! has to count.

use std::path::{Path, PathBuf};

use crate::data::{DataError, KeyedTable, SinkOptions, TableSink, TableSource, write_rejects};
use crate::error::Error;
use crate::link::CancelToken;
use crate::progress::Progress;
use crate::whole_file::{self, Existing, directory_of};

/// Checks that no two of the files that a command reads and writes are one; `flags` names them.
pub(super) fn check_apart(
    input: &Path,
    outputs: &[&Option<PathBuf>],
    flags: &'static str,
) -> Result<(), Error> {
    let outputs: Vec<&PathBuf> = outputs.iter().filter_map(|output| output.as_ref()).collect();
    let mut pairs =
        outputs.iter().enumerate().flat_map(|(i, a)| outputs.iter().skip(i + 1).map(move |b| (a, b)));
    if pairs.any(|(a, b)| same_place(a, b)) || outputs.iter().any(|output| same_place(output, input)) {
        let what = format!("{flags} name the same file");
        return Err(Error::Usage { what, hint: "give each a name of its own" });
    }
    Ok(())
}

/// Tells whether two paths name one file, which need not exist.
fn same_place(a: &Path, b: &Path) -> bool {
    let full = |path: &Path| {
        let directory = directory_of(path).canonicalize().ok()?;
        path.canonicalize().ok().or_else(|| Some(directory.join(path.file_name()?)))
    };
    let both_stdout = TableSink::is_stdout(a) && TableSink::is_stdout(b);
    a == b || both_stdout || matches!((full(a), full(b)), (Some(a), Some(b)) if a == b)
}

/// Checks that a file can be written.
pub(super) fn check_file(path: &Path, force: bool) -> Result<(), Error> {
    if !force && path.symlink_metadata().is_ok() {
        return Err(DataError::Exists { path: path.to_owned() }.into());
    }
    let probe = whole_file::temporary_in(directory_of(path));
    probe.map(drop).map_err(|source| Error::Io { action: format!("write {path:?}"), source })
}

/// Writes a whole file.
pub(super) fn write_file(path: &Path, content: &[u8], force: bool) -> Result<(), Error> {
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let written = whole_file::write(path, content, existing);
    written.map_err(|error| Error::Io { action: format!("write {path:?}"), source: error.kind().into() })
}

/// Writes the rows without a key.
pub(super) fn put_rejects(
    source: &TableSource,
    keyed: &KeyedTable,
    rejects: &Path,
    force: bool,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<(), Error> {
    let (options, cancelled) = (SinkOptions { force }, || cancel.is_cancelled());
    match write_rejects(source, keyed, rejects, options, &mut |rows| progress.set(rows), &cancelled) {
        // Whoever read the rejects has seen enough; the run goes on.
        Ok(_) | Err(DataError::BrokenPipe { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Checks that a table has keys, and no more than the agreement allows.
pub(super) fn check_keys(input: &Path, keyed: &KeyedTable, max: u64) -> Result<(), Error> {
    let (path, found) = (input.to_owned(), keyed.items.len() as u64);
    match found {
        0 => Err(Error::NoKeys { path, rows: keyed.rows.row_count() }),
        _ if found > max => Err(Error::TooManyRecords { path, found, max }),
        _ => Ok(()),
    }
}
