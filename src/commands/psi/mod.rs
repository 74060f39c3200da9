//! `tidegate psi`: the records that two parties share.
//!
//! The own flags, agreement, state directory, table and output places are checked before the link is made; the run is counted
//! before the first message that depends on data; output is written after the protocol has ended, so a disk
//! that fills up then costs a run.

mod plan;
mod run;
mod summary;

use crate::cli::PsiArgs;
use crate::commands::meeting::{Met, Parting};
use crate::commands::output::{check_apart, check_keys, put_rejects};
use crate::data::{CopyPlan, KeyedTable, SinkOptions, TableSink, TableSource, copy_rows, read_keys};
use crate::error::Error;
use crate::ledger::Time;
use crate::ledger::record::Ended;
use crate::link::{AbortReason, CancelToken};
use crate::progress::Progress;
use crate::report::{self, PsiReport};

use self::plan::Plan;
use self::run::{Finding, Found};

/// Runs the own side.
pub(super) fn run(args: &PsiArgs) -> Result<u8, Error> {
    let cancel = super::cancel_on_signals()?;
    super::with_threads(args.meeting.threads, || with_progress(args, &cancel))
        .map_err(|error| explained(args, error))
}

/// What to do where the short forms differ.
const SHORT_FORM_HINT: &str = "with --peer-key both sides must give the same --on, --minimum and --max-records, and \
    --output-for both, or me against peer";

/// What to do where one side asks for the number alone.
const COUNT_HINT: &str = "both sides pass --count-only, or neither does, and run the same version";

/// Says which flags make the two sides differ.
fn explained(args: &PsiArgs, error: Error) -> Error {
    let hint = match error.mismatch() {
        Some(AbortReason::AgreementMismatch) if args.short.peer_key.is_some() => SHORT_FORM_HINT,
        Some(AbortReason::ProtocolMismatch) => COUNT_HINT,
        _ => return error,
    };
    Error::Hinted { error: Box::new(error), hint }
}

fn with_progress(args: &PsiArgs, cancel: &CancelToken) -> Result<u8, Error> {
    let mut progress = Progress::new();
    let plan = Plan::new(args, &progress)?;
    let source = TableSource::open(&args.input, args.encoding)?;
    check_outputs(args, &source)?;
    let keyed = read(args, &plan, &source, &mut progress, cancel)?;
    let recorded = plan.standing.subject().start(Time::now())?;
    let ended = find(args, &plan, &source, &keyed, &mut progress, cancel);
    let ended = recorded.end(ended, Time::now())?;
    let aside = [&args.output, &args.rejects].into_iter().flatten().any(|path| TableSink::is_stdout(path));
    report::print(&ended.report, args.format, aside)?;
    Ok(ended.exit_code())
}

/// Runs the protocol and writes the output.
fn find<'a>(
    args: &'a PsiArgs,
    plan: &Plan,
    source: &TableSource,
    keyed: &KeyedTable,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Ended<'a, PsiReport>, Error> {
    let found = run::over_link(plan, keyed, progress, cancel)?.part();
    let written = write(args, source, keyed, &found, progress, cancel);
    let found = found.parted(progress);
    let rows_written = written?;
    let report = summary::report(plan, keyed.summary.clone(), &found, rows_written, progress);
    let table = args.output.as_deref().filter(|_| rows_written.is_some());
    let released = !matches!(found.found.finding, Finding::Withheld);
    Ok(Ended { report, run: found.found.runs.used, released, table })
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
    let flags = "two of --input, --agreement, --identity, --output and --rejects";
    let inputs = [Some(&args.input), Some(&args.identity), args.agreement.as_ref()];
    let inputs: Vec<&std::path::Path> = inputs.into_iter().flatten().map(|path| path.as_path()).collect();
    check_apart(&inputs, &[&args.output, &args.rejects], flags)
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
        put_rejects(source, &keyed, rejects, args.force, progress, cancel)?;
    }
    check_keys(&args.input, &keyed, plan.standing.max_own_records)?;
    Ok(keyed)
}

/// Writes the own rows with a common key, where there is anything to write.
fn write(
    args: &PsiArgs,
    source: &TableSource,
    keyed: &KeyedTable,
    found: &Met<Found, Parting>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Option<u64>, Error> {
    let (Finding::Intersection(intersection), Some(output)) = (&found.found.finding, &args.output) else {
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
