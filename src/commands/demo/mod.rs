//! `tidegate demo`: parties on this machine, from making their keys to checking the results.

mod join;
mod parties;
mod psi;
mod show;
mod sum;
mod tap;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::{DemoArgs, DemoPart};
use crate::error::{Error, exit};
use crate::synthetic::{Population, TableKind, people_in, write_table};

/// Below this number of common people the demonstration's agreements release nothing.
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

/// A table and the true number of each of its rows.
struct Table {
    name: &'static str,
    ids: Vec<Option<String>>,
}

/// Writes a table of each kind; the people of the second overlap the first's by the wanted share of the smaller.
fn write_tables(
    dir: &Path,
    args: &DemoArgs,
    kinds: [(&'static str, TableKind); 2],
) -> Result<[Table; 2], Error> {
    let (records, other) = (u64::from(args.records), u64::from(other_records(args)));
    let population = Population::new(args.seed);
    let [(first_name, first_kind), (second_name, second_kind)] = kinds;
    let people = people_in(population, first_kind, records);
    let smaller = people.min(people_in(population, second_kind, other));
    let start = people - smaller * u64::from(args.common) / 100;
    let table = |name: &'static str, kind, first, rows| {
        let failed = |source| Error::Io { action: format!("write {name}"), source };
        let ids = write_table(&dir.join(name), population, kind, first, rows).map_err(failed)?;
        Ok::<_, Error>(Table { name, ids })
    };
    Ok([table(first_name, first_kind, 0, records)?, table(second_name, second_kind, start, other)?])
}

fn other_records(args: &DemoArgs) -> u32 {
    args.other_records.unwrap_or(args.records)
}

fn read(dir: &Path, name: &str) -> Result<String, Error> {
    let failed = |source| Error::Io { action: format!("read {name}"), source };
    std::fs::read_to_string(dir.join(name)).map_err(failed)
}

fn wrong<T>(what: &str) -> Result<T, Error> {
    Err(Error::Demo { what: what.to_owned() })
}

/// Runs the demonstration.
pub(super) fn run(args: &DemoArgs) -> Result<u8, Error> {
    // A signal reaches the parties too; this process stays to remove what is not kept.
    let _cancel = super::cancel_on_signals()?;
    let place = Place::new(args.keep.as_deref())?;
    let mut released = true;
    let is_asked = |part| args.show == part || args.show == DemoPart::All;
    if is_asked(DemoPart::Psi) {
        released &= psi::show(place.path(), args)?;
    }
    if is_asked(DemoPart::Join) {
        released &= join::show(place.path(), args)?;
    }
    if is_asked(DemoPart::Sum) {
        released &= sum::show(place.path(), args)?;
    }
    if let Place::Kept(path) = &place {
        show::line(&format!("Tables, keys, agreements and results are in {}", path.display()))?;
    }
    Ok(if released { exit::DONE } else { exit::POLICY })
}
