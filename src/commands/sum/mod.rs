//! `tidegate sum`: figures over the tables of many parties, added up without showing anyone's own.
//!
//! The coordinator, a party or a hub, listens; all others connect to it. Everything that can be checked is checked before
//! that, and the run, with what it spends of the dataset's privacy budget, is counted before the own figures leave, masked.

mod coordinator;
mod figures;
mod notary;
mod opening;
mod party;
mod plan;
mod summary;

use std::path::PathBuf;

use tidegate_mpc::aggregation::masked::{Sum, Values};
use tidegate_mpc::transport::Traffic;

use super::output::{ReportFiles, check_apart, check_file, write_file_with};
use crate::cli::SumArgs;
use crate::data::{CellList, SinkOptions, TableSink, TableSource};
use crate::error::Error;
use crate::ledger::Time;
use crate::ledger::record::Ended;
use crate::link::{CancelToken, WireBytes};
use crate::progress::Progress;
use crate::report::{self, SumReport, sum_page};

pub(super) use self::notary::DOMAIN;
pub(super) use self::opening::KeptOpening;

use self::figures::{Own, Reading, Released};
use self::plan::{Counted, Plan};

/// Protocol and version for TLS.
const ALPN: &[u8] = b"tidegate-sum/1";

/// A party that was lost, and at which step.
#[derive(Clone, Debug)]
struct Loss {
    party: String,
    step: &'static str,
}

/// What a run ended with.
#[derive(Debug)]
struct Found {
    sum: Sum,
    counted: Counted,
    /// Those whom the coordinator lost on the way; a party learns it of the sum alone.
    losses: Vec<Loss>,
    /// Parties whose shares were refused.
    rejected_shares: Vec<String>,
    key_exchange: String,
    traffic: Traffic,
    wire: WireBytes,
}

/// Runs the own side.
pub(super) fn run(args: &SumArgs) -> Result<u8, Error> {
    let cancel = super::cancel_on_signals()?;
    super::with_threads(args.meeting.threads, || with_progress(args, &cancel))
}

fn with_progress(args: &SumArgs, cancel: &CancelToken) -> Result<u8, Error> {
    let mut progress = Progress::new();
    let plan = Plan::new(args)?;
    let source = args.input.as_ref().map(|input| TableSource::open(input, args.encoding)).transpose()?;
    check_outputs(args, source.as_ref())?;
    let cells = cells(args, &plan)?;
    let reading =
        |source| Reading { args, plan: &plan, source, cells: cells.as_ref(), cancel }.run(&mut progress);
    let own = source.as_ref().map(reading).transpose()?;
    let recorded = plan.subject().start(Time::now())?;
    let ended = add_up(args, &plan, own, cells.as_ref(), &mut progress, cancel);
    let ended = recorded.end(ended, Time::now())?;
    report::print(&ended.report, args.format, args.rejects.as_deref().is_some_and(TableSink::is_stdout))?;
    Ok(ended.exit_code())
}

/// Runs the protocol and writes the files asked for.
fn add_up<'a>(
    args: &'a SumArgs,
    plan: &Plan,
    own: Option<Own>,
    cells: Option<&CellList>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Ended<'a, SumReport>, Error> {
    let words = own.as_ref().map(Own::values);
    let found = match words {
        _ if plan.is_coordinator => coordinator::run(plan, words, progress, cancel)?,
        Some(words) => party::run(plan, words, progress, cancel)?,
        None => party::run(plan, Values::Wide(&[]), progress, cancel)?,
    };
    // The own words end here, before the totals take as much room again.
    let summary = own.map(|own| own.summary);
    let released = plan.figures.release(&plan.agreement, &found.sum)?;
    write_cells(args, cells, &released)?;
    let report = summary::report(plan, summary.as_ref(), &found, released, progress);
    write(args, &report)?;
    let released = report.outcome != "withheld";
    let table = args.output.as_deref().or(args.csv.as_deref());
    Ok(Ended { report, run: found.counted.runs.used, released, table })
}

/// Reads the list of the cells, where one is given.
fn cells(args: &SumArgs, plan: &Plan) -> Result<Option<CellList>, Error> {
    let Some(path) = &args.cells else { return Ok(None) };
    let vector = plan.agreement.vector()?;
    Ok(Some(CellList::read(path, &vector.cells_sha256, vector.cells)?))
}

fn check_outputs(args: &SumArgs, source: Option<&TableSource>) -> Result<(), Error> {
    if let (Some(rejects), Some(source)) = (&args.rejects, source) {
        TableSink::check(rejects, &source.sample(None)?, SinkOptions { force: args.force })?;
    }
    let SumArgs { output, csv, json, html, opening, rejects, .. } = args;
    for file in [output, csv, json, html, opening].into_iter().flatten() {
        check_file(file, args.force)?;
    }
    let mut inputs = vec![args.agreement.as_path(), args.identity.as_path()];
    inputs.extend(args.input.iter().chain(&args.cells).map(PathBuf::as_path));
    check_apart(
        &inputs,
        &[output, csv, json, html, rejects, opening],
        "two of --input, --agreement, --identity, --cells, --output, --csv, --json, --html, --rejects and --opening",
    )
}

/// Writes the totals of named cells, where there are some.
fn write_cells(args: &SumArgs, cells: Option<&CellList>, released: &Released<'_>) -> Result<(), Error> {
    let (Some(path), Some(cells), Released::Vector(plan, totals)) = (&args.output, cells, released) else {
        return Ok(());
    };
    let names = (0..cells.len()).map_while(|cell| cells.name(cell));
    write_file_with(path, args.force, |file| report::write_cells(file, names, totals, plan.decimals))
}

/// Writes the files asked for.
fn write(args: &SumArgs, report: &SumReport) -> Result<(), Error> {
    let SumArgs { csv, json, html, force, .. } = args;
    let files =
        ReportFiles { csv: csv.as_deref(), json: json.as_deref(), html: html.as_deref(), force: *force };
    files.write(report, &report.tables, sum_page)
}
