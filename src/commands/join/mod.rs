//! `tidegate join`: statistics over the records that two parties share.
//!
//! As in `psi`, everything that can be checked is checked before the link is made, and the run, with what it
//! spends of the dataset's privacy budget, is counted before the first message that depends on data.

mod plan;
mod summary;

use tidegate_mpc::Session;
use tidegate_mpc::transport::Framed;

use super::meeting::{Met, Watch};
use super::output::{ReportFiles, check_apart, check_file, check_keys, put_rejects};
use crate::cli::JoinArgs;
use crate::data::{Records, SinkOptions, TableSink, TableSource, read_records};
use crate::error::Error;
use crate::ledger::Time;
use crate::ledger::record::Ended;
use crate::link::{CancelToken, Link};
use crate::progress::Progress;
use crate::report::{self, JoinReport, html_page};
use crate::state::Runs;
use crate::statistics::{JoinResult, OwnRecords};

use self::plan::Plan;

/// Protocol and version for TLS.
const ALPN: &[u8] = b"tidegate-join/1";

/// What a run found out.
#[derive(Debug)]
struct Found {
    result: JoinResult,
    session: Session,
    runs: Runs,
}

/// Runs the own side.
pub(super) fn run(args: &JoinArgs) -> Result<u8, Error> {
    let cancel = super::cancel_on_signals()?;
    super::with_threads(args.meeting.threads, || with_progress(args, &cancel))
}

fn with_progress(args: &JoinArgs, cancel: &CancelToken) -> Result<u8, Error> {
    let mut progress = Progress::new();
    let plan = Plan::new(args)?;
    let source = TableSource::open(&args.input, args.encoding)?;
    check_outputs(args, &source)?;
    let records = read(args, &plan, &source, &mut progress, cancel)?;
    let recorded = plan.standing.subject().start(Time::now())?;
    let ended = compute(args, &plan, &records, &mut progress, cancel);
    let ended = recorded.end(ended, Time::now())?;
    report::print(&ended.report, args.format, args.rejects.as_deref().is_some_and(TableSink::is_stdout))?;
    Ok(ended.exit_code())
}

/// Runs the protocol and writes the files asked for.
fn compute<'a>(
    args: &'a JoinArgs,
    plan: &Plan,
    records: &Records,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Ended<'a, JoinReport>, Error> {
    let met = over_link(plan, records, progress, cancel)?.part().parted(progress);
    let report = summary::report(plan, records.keyed.summary.clone(), &met, progress);
    write(args, &report)?;
    let released = report.outcome != "withheld";
    Ok(Ended { report, run: met.found.runs.used, released, table: args.csv.as_deref() })
}

fn check_outputs(args: &JoinArgs, source: &TableSource) -> Result<(), Error> {
    if let Some(rejects) = &args.rejects {
        TableSink::check(rejects, &source.sample(None)?, SinkOptions { force: args.force })?;
    }
    for file in [&args.csv, &args.json, &args.html].into_iter().flatten() {
        check_file(file, args.force)?;
    }
    let outputs = [&args.csv, &args.json, &args.html, &args.rejects];
    check_apart(
        &[&args.input, &args.agreement, &args.identity],
        &outputs,
        "two of --input, --agreement, --identity, --csv, --json, --html and --rejects",
    )
}

fn read(
    args: &JoinArgs,
    plan: &Plan,
    source: &TableSource,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Records, Error> {
    progress.begin("read", None);
    let cancelled = || cancel.is_cancelled();
    let (keys, columns) = (&plan.key_columns, &plan.columns);
    let records =
        read_records(source, keys, columns, plan.rules, &mut |rows| progress.set(rows), &cancelled)?;
    if let Some(rejects) = &args.rejects {
        put_rejects(source, &records.keyed, rejects, args.force, progress, cancel)?;
    }
    check_keys(&args.input, &records.keyed, plan.standing.max_own_records)?;
    Ok(records)
}

/// Makes the link and runs the protocol.
fn over_link(
    plan: &Plan,
    records: &Records,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Met<Found>, Error> {
    plan.standing.meet(ALPN, progress, cancel, |channel: &mut Framed<Link>, progress| {
        let terms = plan.terms(channel.get_ref().channel_binding());
        let items = &records.keyed.items;
        let (session, runs) = plan.standing.greet(&terms, items.len(), channel, || plan.spend())?;
        let own = OwnRecords { items, columns: &records.columns };
        let agreed = plan.standing.agreement.terms();
        let observer = &mut Watch { progress, cancel };
        let result = plan.join.run(agreed, own, &session, channel, observer, rand::rng)?;
        Ok(Found { result, session, runs })
    })
}

/// Writes the files asked for.
fn write(args: &JoinArgs, report: &JoinReport) -> Result<(), Error> {
    let JoinArgs { csv, json, html, force, .. } = args;
    let files =
        ReportFiles { csv: csv.as_deref(), json: json.as_deref(), html: html.as_deref(), force: *force };
    files.write(report, &report.tables, html_page)
}
