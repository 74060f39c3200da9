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

/// Leaves out the middle of a long text.
pub(super) fn shortened(text: &str, head: usize, tail: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let left_out = lines.len().saturating_sub(head + tail);
    if left_out < 2 {
        return text.to_owned();
    }
    let between = format!("    ... {left_out} lines ...");
    let head = lines.iter().take(head).copied().chain([between.as_str()]);
    head.chain(lines.iter().skip(lines.len() - tail).copied()).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_lose_their_middle_and_short_ones_nothing() {
        assert_eq!(shortened("a\nb\nc\nd\ne\n", 1, 2), "a\n    ... 2 lines ...\nd\ne\n");
        assert_eq!(shortened("a\nb\nc\nd\n", 1, 2), "a\nb\nc\nd\n");
    }
}
