//! `tidegate aggregate`: one of the two aggregators of sealed reports.
//!
//! As in the other verbs, everything that can be checked is checked before the link is made. The ids of the reports are on
//! disk before anything about their total leaves this machine.

mod plan;
mod summary;

use tidegate_mpc::Session;
use tidegate_mpc::aggregation::prio::{Candidates, Noise, ReportId};
use tidegate_mpc::run::{Aggregated, AggregatorTask, Outcome, Refused, RunError, prio3};
use tidegate_mpc::transport::Framed;

use super::meeting::{Met, Watch};
use super::output::{check_apart, check_file, write_file};
use crate::cli::AggregateArgs;
use crate::error::Error;
use crate::ledger::Time;
use crate::ledger::record::Ended;
use crate::link::{CancelToken, Link};
use crate::progress::Progress;
use crate::report::{self, AggregateReport};
use crate::reports::ReportFiles;
use crate::state::Runs;

use self::plan::Plan;
pub(super) use self::summary::vdaf_name;

/// Protocol and version for TLS.
const ALPN: &[u8] = b"tidegate-aggregate/1";

/// What a run found out.
#[derive(Debug)]
struct Found {
    aggregated: Aggregated,
    session: Session,
    runs: Runs,
}

/// Runs the own side.
pub(super) fn run(args: &AggregateArgs) -> Result<u8, Error> {
    let cancel = super::cancel_on_signals()?;
    super::with_threads(args.meeting.threads, || with_progress(args, &cancel))
}

fn with_progress(args: &AggregateArgs, cancel: &CancelToken) -> Result<u8, Error> {
    let mut progress = Progress::new();
    let plan = Plan::new(args)?;
    check_outputs(args)?;
    progress.begin("read", None);
    let files = ReportFiles::open(&args.input, &plan.task, plan.standing.max_own_records)?;
    let recorded = plan.standing.subject().start(Time::now())?;
    let ended = recorded.end(open_total(args, &plan, &files, &mut progress, cancel), Time::now())?;
    report::print(&ended.report, args.format, false)?;
    Ok(ended.exit_code())
}

/// Runs the protocol and writes the file asked for.
fn open_total(
    args: &AggregateArgs,
    plan: &Plan,
    files: &ReportFiles,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Ended<'static, AggregateReport>, Error> {
    let met = over_link(plan, files, progress, cancel)?.part().parted(progress);
    let report = summary::report(plan, files, &met, progress);
    if let Some(json) = &args.json {
        write_file(json, report::to_json(&report).as_bytes(), args.force)?;
    }
    let released = matches!(met.found.aggregated.outcome, Outcome::Released(_));
    Ok(Ended { report, run: met.found.runs.used, released, table: None })
}

fn check_outputs(args: &AggregateArgs) -> Result<(), Error> {
    if let Some(json) = &args.json {
        check_file(json, args.force)?;
    }
    check_apart(
        &[&args.input, &args.agreement, &args.identity, &args.report_key],
        &[&args.json],
        "--json and one of --input, --agreement, --identity and --report-key",
    )
}

/// Makes the link and runs the protocol.
fn over_link(
    plan: &Plan,
    files: &ReportFiles,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Met<Found>, Error> {
    let standing = &plan.standing;
    let seen = standing.state.seen_reports(plan.task.id())?;
    let candidates = Candidates::gather(files, &seen).map_err(RunError::from)?;
    let own = plan.noise.as_ref().map(|noise| (noise.draw(plan.task.kind().sums_len()), noise.margin()));
    let noise = own.as_ref().map(|(own, margin)| Noise { own, margin: *margin });
    standing.meet(ALPN, progress, cancel, |channel: &mut Framed<Link>, progress| {
        let terms = plan.terms(channel.get_ref().channel_binding());
        let (session, runs) = standing.greet(&terms, candidates.len(), channel, || plan.spend())?;
        let own = AggregatorTask { task: &plan.task, key: &plan.key, reports: files, noise };
        let mut refused = None;
        let mut remember = |ids: &[ReportId]| {
            remember(plan, files, ids).map_err(|error| {
                refused = Some(error);
                Refused
            })
        };
        let observer = &mut Watch { progress, cancel };
        let ran = prio3(own, candidates, &mut remember, &session, channel, observer);
        match (ran, refused) {
            (Ok(aggregated), _) => Ok(Found { aggregated, session, runs }),
            (Err(_), Some(refused)) => Err(refused),
            (Err(error), None) => Err(error.into()),
        }
    })
}

/// Makes sure that every report was read, and that none can count again.
fn remember(plan: &Plan, files: &ReportFiles, ids: &[ReportId]) -> Result<(), Error> {
    files.check_read()?;
    Ok(plan.standing.state.remember_reports(plan.task.id(), ids)?)
}
