//! What the demonstration shows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use crate::error::Error;

/// Rows of a table that are shown.
const SHOWN_ROWS: usize = 4;

/// Writes a line to standard output.
pub(super) fn line(text: &str) -> Result<(), Error> {
    let failed = |source| Error::Io { action: "write to standard output".into(), source };
    writeln!(io::stdout(), "{text}").map_err(failed)
}

/// Shows the beginning of a table.
pub(super) fn table(dir: &Path, name: &str) -> Result<(), Error> {
    let failed = |source| Error::Io { action: format!("read {name}"), source };
    let file = BufReader::new(File::open(dir.join(name)).map_err(failed)?);
    line(&format!("  {name}"))?;
    for row in file.lines().take(1 + SHOWN_ROWS) {
        line(&format!("    {}", row.map_err(failed)?))?;
    }
    line("    ...\n")
}

/// Indents every line.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
