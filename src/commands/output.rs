//! What commands that read tables have in common: rows left out, and the places where results go, checked before a run has
//! to count.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::data::{DataError, KeyedTable, SinkOptions, TableSink, TableSource, write_rejects};
use crate::error::Error;
use crate::link::CancelToken;
use crate::progress::Progress;
use crate::report::{tables_csv, to_json};
use crate::statistics::StatisticTable;
use crate::whole_file::{self, Existing, directory_of};

/// Checks that no two of the files that a command reads and writes are one; `flags` names outputs and table.
pub(super) fn check_apart(
    inputs: &[&Path],
    outputs: &[&Option<PathBuf>],
    flags: &'static str,
) -> Result<(), Error> {
    let outputs: Vec<&PathBuf> = outputs.iter().filter_map(|output| output.as_ref()).collect();
    let mut pairs =
        outputs.iter().enumerate().flat_map(|(i, a)| outputs.iter().skip(i + 1).map(move |b| (a, b)));
    let is_read = |output: &&PathBuf| inputs.iter().any(|input| same_place(output, input));
    if pairs.any(|(a, b)| same_place(a, b)) || outputs.iter().any(is_read) {
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

/// Checks that a file can be written, which replaces nothing but a regular file.
pub(super) fn check_file(path: &Path, force: bool) -> Result<(), Error> {
    let not_a_file = |found| DataError::NotAFile { path: path.to_owned(), found };
    let (own, directory) = (path.to_owned(), directory_of(path).to_owned());
    if TableSink::is_stdout(path) {
        return Err(not_a_file("standard output").into());
    }
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(not_a_file("a directory").into());
    }
    match path.metadata() {
        Ok(found) if found.is_dir() => return Err(not_a_file("a directory").into()),
        Ok(found) if !found.is_file() => return Err(not_a_file("a device or socket").into()),
        Ok(_) if !force => return Err(DataError::Exists { path: own }.into()),
        Err(_) if path.is_symlink() => return Err(not_a_file("a broken link").into()),
        _ if !directory.is_dir() => return Err(DataError::NoDirectory { path: directory }.into()),
        _ => {}
    }
    let probe = whole_file::temporary_in(&directory);
    probe.map(drop).map_err(|error| DataError::writing(&directory, error.kind()).into())
}

/// Writes a whole file.
pub(super) fn write_file(path: &Path, content: &[u8], force: bool) -> Result<(), Error> {
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let written = whole_file::write(path, content, existing);
    written.map_err(|error| DataError::writing(path, error.kind()).into())
}

/// As [`write_file`], of content that is made while it is written.
pub(super) fn write_file_with(
    path: &Path,
    force: bool,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let written = whole_file::write_with(path, existing, content);
    written.map_err(|error| DataError::writing(path, error.kind()).into())
}

/// Where a report with tables goes besides standard output.
pub(super) struct ReportFiles<'a> {
    pub(super) csv: Option<&'a Path>,
    pub(super) json: Option<&'a Path>,
    pub(super) html: Option<&'a Path>,
    pub(super) force: bool,
}

impl ReportFiles<'_> {
    /// Writes those asked for.
    pub(super) fn write<R: Serialize>(
        &self,
        report: &R,
        tables: &[StatisticTable],
        page: impl FnOnce(&R) -> String,
    ) -> Result<(), Error> {
        if let Some(csv) = self.csv {
            write_file(csv, &tables_csv(tables), self.force)?;
        }
        if let Some(json) = self.json {
            write_file(json, to_json(report).as_bytes(), self.force)?;
        }
        if let Some(html) = self.html {
            write_file(html, page(report).as_bytes(), self.force)?;
        }
        Ok(())
    }
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
