//! `tidegate psi`: the records that two parties share.
//!
//! The own flags, agreement, state directory, table and output places are checked before the link is made; the run is counted
//! before the first message that depends on data; output is written after the protocol has ended, so a disk
//! that fills up then costs a run.

mod plan;
mod run;
mod summary;

use std::path::Path;

use crate::cli::PsiArgs;
use crate::data::{
    CopyPlan, DataError, KeyedTable, SinkOptions, TableSink, TableSource, copy_rows, read_keys, write_rejects,
};
use crate::error::{Error, exit};
use crate::link::CancelToken;
use crate::progress::Progress;
use crate::report;
use crate::whole_file::directory_of;

use self::plan::Plan;
use self::run::{Finding, Found, Parting};

/// Runs the own side.
pub(super) fn run(args: &PsiArgs) -> Result<u8, Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.map_or(0, usize::from));
    let pool = pool.build().map_err(|error| Error::Io {
        action: "start the threads".into(),
        source: std::io::Error::other(error),
    })?;
    let cancel = super::cancel_on_signals()?;
    pool.install(|| with_progress(args, &cancel))
}

fn with_progress(args: &PsiArgs, cancel: &CancelToken) -> Result<u8, Error> {
    let mut progress = Progress::new();
    let plan = Plan::new(args, &progress)?;
    let source = TableSource::open(&args.input, args.encoding)?;
    check_outputs(args, &source)?;
    let keyed = read(args, &plan, &source, &mut progress, cancel)?;
    let found = run::over_link(args, &plan, &keyed, &mut progress, cancel)?;
    let found = found.part();
    let written = write(args, &source, &keyed, &found, &mut progress, cancel);
    let found = found.parted(&progress);
    let rows_written = written?;
    let summary = summary::report(&plan, keyed.summary, &found, rows_written, &mut progress);
    let aside = [&args.output, &args.rejects].into_iter().flatten().any(|path| TableSink::is_stdout(path));
    report::print(&summary, args.format, aside)?;
    Ok(if matches!(found.finding, Finding::Withheld) { exit::POLICY } else { exit::DONE })
}

/// Checks what could fail after the run, when it has counted already.
fn check_outputs(args: &PsiArgs, source: &TableSource) -> Result<(), Error> {
    let options = SinkOptions { force: args.force };
    if let Some(output) = &args.output {
        TableSink::check(output, &source.sample(args.columns.as_deref())?, options)?;
    }
    if let Some(rejects) = &args.rejects {
        TableSink::check(rejects, &source.sample(None)?, options)?;
    }
    let outputs_collide = matches!((&args.output, &args.rejects), (Some(a), Some(b)) if same_place(a, b));
    let mut outputs = [&args.output, &args.rejects].into_iter().flatten();
    if outputs_collide || outputs.any(|output| same_place(output, &args.input)) {
        let what = "--input, --output and --rejects name the same file".to_owned();
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

fn read(
    args: &PsiArgs,
    plan: &Plan,
    source: &TableSource,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<KeyedTable, Error> {
    progress.begin("read", None);
    let cancelled = || cancel.is_cancelled();
    let keyed = read_keys(source, &plan.key_columns, &mut |rows| progress.set(rows), &cancelled)?;
    if let Some(rejects) = &args.rejects {
        let options = SinkOptions { force: args.force };
        match write_rejects(source, &keyed, rejects, options, &mut |rows| progress.set(rows), &cancelled) {
            // Whoever read the rejects has seen enough; the run goes on.
            Ok(_) | Err(DataError::BrokenPipe { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (path, found) = (args.input.clone(), keyed.items.len() as u64);
    if found == 0 {
        return Err(Error::NoKeys { path, rows: keyed.rows.row_count() });
    }
    if found > plan.max_own_records {
        return Err(Error::TooManyRecords { path, found, max: plan.max_own_records });
    }
    Ok(keyed)
}

/// Writes the own rows with a common key, where there is anything to write.
fn write(
    args: &PsiArgs,
    source: &TableSource,
    keyed: &KeyedTable,
    found: &Found<Parting>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Option<u64>, Error> {
    let (Finding::Intersection(intersection), Some(output)) = (&found.finding, &args.output) else {
        return Ok(None);
    };
    let rows = keyed.rows.row_count();
    progress.begin("write", Some(rows));
    let matched = intersection.to_bitmap(keyed.items.len());
    let keep = |row| keyed.rows.item_of(row).is_some_and(|item| matched.get(item as usize) == Some(&true));
    let sink = SinkOptions { force: args.force };
    let plan = CopyPlan { columns: args.columns.as_deref(), rows, keep: &keep, sink };
    let cancelled = || cancel.is_cancelled();
    let written = copy_rows(source, output, &plan, &mut |rows| progress.set(rows), &cancelled)?;
    Ok(Some(written))
}
