//! `tidegate demo`: two parties on this machine, from making their keys to checking the result.

mod parties;
mod show;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::DemoArgs;
use crate::error::{Error, exit};
use crate::report::PsiReport;
use crate::synthetic::{Population, TableKind, people_in, write_table};

use self::parties::run_both;

/// Below this number of common people the demonstration's agreement releases nothing.
const MINIMUM: u64 = 10;

/// The directory of a demonstration: kept where the user named it, removed otherwise.
enum Place {
    Kept(PathBuf),
    Removed(TempDir),
}

impl Place {
    fn new(keep: Option<&Path>) -> Result<Self, Error> {
        let failed = |action: String| move |source| Error::Io { action, source };
        match keep {
            Some(path) => {
                let action = format!("make the directory {path:?}");
                std::fs::create_dir(path).map_err(failed(action))?;
                Ok(Self::Kept(path.to_owned()))
            }
            None => tempfile::tempdir().map(Self::Removed).map_err(failed("make a directory".into())),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Removed(dir) => dir.path(),
        }
    }
}

/// The two tables and the truth about them.
struct Tables {
    insurance: Vec<Option<String>>,
    credit: HashSet<String>,
}

impl Tables {
    /// Writes both tables; the people of the second overlap the first's by the wanted share of the smaller.
    fn write(dir: &Path, args: &DemoArgs) -> Result<Self, Error> {
        let (records, other) = (u64::from(args.records), u64::from(other_records(args)));
        let population = Population::new(args.seed);
        let insured = people_in(population, TableKind::Insurance, records);
        let smaller = insured.min(people_in(population, TableKind::Credit, other));
        let first = insured - smaller * u64::from(args.common) / 100;
        let table = |name: &str, kind, first, rows| {
            let failed = |source| Error::Io { action: format!("write {name}"), source };
            write_table(&dir.join(name), population, kind, first, rows).map_err(failed)
        };
        let insurance = table("insurance.csv", TableKind::Insurance, 0, records)?;
        let credit = table("credit.csv", TableKind::Credit, first, other)?;
        Ok(Self { insurance, credit: credit.into_iter().flatten().collect() })
    }

    /// Computes by a plain join which rows of the insurance are the answer.
    fn expected_rows(&self) -> Vec<usize> {
        let common = |id: &Option<String>| id.as_ref().is_some_and(|id| self.credit.contains(id));
        (0..).zip(&self.insurance).filter(|(_, id)| common(id)).map(|(row, _)| row).collect()
    }

    fn expected_keys(&self) -> u64 {
        let common = self.insurance.iter().flatten().filter(|id| self.credit.contains(*id));
        common.collect::<HashSet<_>>().len() as u64
    }
}

fn other_records(args: &DemoArgs) -> u32 {
    args.other_records.unwrap_or(args.records)
}

/// Runs the demonstration.
pub(super) fn run(args: &DemoArgs) -> Result<u8, Error> {
    // A signal reaches the parties too; this process stays to remove what is not kept.
    let _cancel = super::cancel_on_signals()?;
    let place = Place::new(args.keep.as_deref())?;
    let dir = place.path();
    let tables = Tables::write(dir, args)?;
    show::tables(dir)?;
    let (insurance, credit) = run_both(dir, args)?;
    check(dir, args, &tables, &insurance)?;
    show::result(dir, args, &insurance, &credit)?;
    if let Place::Kept(path) = &place {
        show::line(&format!("Tables, keys, agreement and result are in {}", path.display()))?;
    }
    Ok(if insurance.outcome == "withheld" { exit::POLICY } else { exit::DONE })
}

/// Compares the result with the plain join.
fn check(dir: &Path, args: &DemoArgs, tables: &Tables, report: &PsiReport) -> Result<(), Error> {
    let wrong = |what: &str| Err(Error::Demo { what: what.to_owned() });
    let expected = tables.expected_keys();
    if expected < MINIMUM {
        return if report.outcome == "withheld" {
            Ok(())
        } else {
            wrong("a result below the minimum was released")
        };
    }
    if report.sizes.common_keys != Some(expected) {
        return wrong(&format!("a plain join finds {expected} common people"));
    }
    if args.count_only {
        return Ok(());
    }
    let read = |name: &str| {
        let failed = |source| Error::Io { action: format!("read {name}"), source };
        std::fs::read_to_string(dir.join(name)).map_err(failed)
    };
    let (table, matched) = (read("insurance.csv")?, read("matched.csv")?);
    let rows: Vec<_> = table.lines().skip(1).collect();
    let expected = tables.expected_rows().into_iter().filter_map(|row| rows.get(row).copied());
    if matched.lines().skip(1).eq(expected) { Ok(()) } else { wrong("a plain join finds other rows") }
}
