//! What the demonstration shows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use super::{MINIMUM, other_records};
use crate::cli::DemoArgs;
use crate::error::Error;
use crate::report::{PsiReport, grouped};

/// Rows of a table that are shown.
const SHOWN_ROWS: usize = 4;

/// Shows the beginning of both tables.
pub(super) fn tables(dir: &Path) -> Result<(), Error> {
    line("Two organisations, each with a table of its own (all people are made up):")?;
    table(dir, "insurance.csv")?;
    table(dir, "credit.csv")?;
    line(
        "Each makes a key, both sign one agreement, and each runs `tidegate psi` in a process of its own ...\n",
    )
}

/// Shows the result and what everybody learned.
pub(super) fn result(
    dir: &Path,
    args: &DemoArgs,
    insurance: &PsiReport,
    credit: &PsiReport,
) -> Result<(), Error> {
    if insurance.sizes.rows_written.is_some() {
        line("The insurance now has:")?;
        table(dir, "matched.csv")?;
    }
    line("Its report:")?;
    line(&indented(&insurance.to_string()))?;
    line("The credit bureau's report:")?;
    line(&indented(&credit.to_string()))?;
    let (records, other) = (grouped(args.records.into()), grouped(other_records(args).into()));
    let found = match insurance.sizes.common_keys {
        Some(_) => "gives the same".to_owned(),
        None => format!("finds fewer than {MINIMUM} common people, so nothing may be released"),
    };
    line(&format!("Checked: a plain join of the {records} and {other} rows {found}."))
}

/// Writes a line to standard output.
pub(super) fn line(text: &str) -> Result<(), Error> {
    let failed = |source| Error::Io { action: "write to standard output".into(), source };
    writeln!(io::stdout(), "{text}").map_err(failed)
}

fn table(dir: &Path, name: &str) -> Result<(), Error> {
    let failed = |source| Error::Io { action: format!("read {name}"), source };
    let file = BufReader::new(File::open(dir.join(name)).map_err(failed)?);
    line(&format!("  {name}"))?;
    for row in file.lines().take(1 + SHOWN_ROWS) {
        line(&format!("    {}", row.map_err(failed)?))?;
    }
    line("    ...\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
