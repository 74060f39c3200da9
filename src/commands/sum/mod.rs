//! `tidegate sum`: figures over the tables of many parties, added up without showing anyone's own.
//!
//! The coordinator, a party or a hub, listens; all others connect to it. Everything that can be checked is checked before
//! that, and the run, with what it spends of the dataset's privacy budget, is counted before the own figures leave, masked.

mod coordinator;
mod notary;
mod opening;
mod party;
mod plan;
mod summary;

use tidegate_mpc::aggregation::masked::{Opening, Sum};
use tidegate_mpc::transport::Traffic;

use super::output::{check_apart, check_file, write_file};
use crate::cli::SumArgs;
use crate::data::{
    DataError, PlainRecords, SinkOptions, TableSink, TableSource, read_plain_records, write_plain_rejects,
};
use crate::error::{Error, exit};
use crate::link::{CancelToken, WireBytes};
use crate::progress::Progress;
use crate::report::{self, SumReport, sum_page, tables_csv};
use crate::statistics::Contribution;

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
    opening: Option<Opening>,
    counted: Counted,
    /// Those whom the coordinator lost on the way; a party learns it of the sum alone.
    losses: Vec<Loss>,
    /// Parties whose shares were refused.
    rejected_shares: Vec<String>,
    key_exchange: String,
    traffic: Traffic,
    wire: WireBytes,
}

/// The own table: what was read of it, and what it adds up to.
#[derive(Debug)]
struct Own {
    records: PlainRecords,
    words: Contribution,
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
    let own = source.map(|source| read(args, &plan, &source, &mut progress, cancel)).transpose()?;
    let words = own.as_ref().map(|own| own.words.words());
    let found = if plan.is_coordinator {
        coordinator::run(&plan, words, &mut progress, cancel)?
    } else {
        party::run(&plan, words.unwrap_or_default(), &mut progress, cancel)?
    };
    let report = summary::report(&plan, own.as_ref(), &found, &mut progress)?;
    // First of all, since nothing else can make it again.
    if let (Some(path), Some(opening), Some(own)) = (&args.opening, &found.opening, &own) {
        opening::write(path, &plan, opening, own.words.words(), args.force)?;
    }
    write(args, &report)?;
    report::print(&report, args.format, args.rejects.as_deref().is_some_and(TableSink::is_stdout))?;
    Ok(if report.outcome == "withheld" { exit::POLICY } else { exit::DONE })
}

fn check_outputs(args: &SumArgs, source: Option<&TableSource>) -> Result<(), Error> {
    if let (Some(rejects), Some(source)) = (&args.rejects, source) {
        TableSink::check(rejects, &source.sample(None)?, SinkOptions { force: args.force })?;
    }
    for file in [&args.csv, &args.json, &args.html, &args.opening].into_iter().flatten() {
        check_file(file, args.force)?;
    }
    let mut inputs = vec![args.agreement.as_path(), args.identity.as_path()];
    inputs.extend(args.input.as_deref());
    check_apart(
        &inputs,
        &[&args.csv, &args.json, &args.html, &args.rejects, &args.opening],
        "two of --input, --agreement, --identity, --csv, --json, --html, --rejects and --opening",
    )
}

fn read(
    args: &SumArgs,
    plan: &Plan,
    source: &TableSource,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Own, Error> {
    progress.begin("read", None);
    let cancelled = || cancel.is_cancelled();
    let mut set = |rows| progress.set(rows);
    let records = read_plain_records(source, &plan.columns, plan.missing, &mut set, &cancelled)?;
    if let Some(rejects) = &args.rejects {
        let options = SinkOptions { force: args.force };
        match write_plain_rejects(source, &records, rejects, options, &mut set, &cancelled) {
            // Whoever read the rejects has seen enough; the run goes on.
            Ok(_) | Err(DataError::BrokenPipe { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (found, max) = (records.len as u64, plan.max_records);
    if found > max {
        let path = args.input.clone().unwrap_or_default();
        return Err(Error::TooManyRows { path, found, max });
    }
    progress.begin("add up", None);
    let words = plan.sum.contribution(&records.columns, records.len, &mut rand::rng());
    Ok(Own { records, words })
}

/// Writes the files asked for.
fn write(args: &SumArgs, report: &SumReport) -> Result<(), Error> {
    if let Some(csv) = &args.csv {
        write_file(csv, &tables_csv(&report.tables), args.force)?;
    }
    if let Some(json) = &args.json {
        let text =
            serde_json::to_string_pretty(report).expect("reports are strings, numbers, lists and objects");
        write_file(json, text.as_bytes(), args.force)?;
    }
    if let Some(html) = &args.html {
        write_file(html, sum_page(report).as_bytes(), args.force)?;
    }
    Ok(())
}
