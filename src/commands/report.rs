//! `tidegate report`: sealed reports, one of its own or one for each row of a table.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use tidegate_mpc::aggregation::prio::{Report as Sealed, Task};
use zeroize::Zeroizing;

use super::output::{check_apart, check_file};
use crate::agreement::{Day, MeasureTerm, SignedAgreement};
use crate::cli::ReportArgs;
use crate::data::{DataError, TableSource, read_rows, read_texts};
use crate::error::{Error, exit};
use crate::hex::hex;
use crate::link::CancelToken;
use crate::progress::Progress;
use crate::report::{self, REPORT_VERSION, Report, grouped};
use crate::reports::ReportWriter;

/// Longest file of values, in bytes.
const MAX_VALUES_BYTES: u64 = 1 << 26;

/// Reports that are sealed at a time.
const CHUNK_REPORTS: usize = 1024;

#[derive(Serialize)]
struct Written {
    report_version: u32,
    command: &'static str,
    reports: u64,
    task: String,
    vdaf: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.reports == 1 { "" } else { "s" };
        writeln!(f, "Sealed: {} report{plural} of {}", grouped(self.reports), self.vdaf)?;
        writeln!(f, "Task: {}", self.task)
    }
}

impl Report for Written {}

/// Makes the reports.
pub(super) fn run(args: &ReportArgs) -> Result<u8, Error> {
    let cancel = super::cancel_on_signals()?;
    let signed = SignedAgreement::load(&args.agreement)?;
    signed.require_all()?;
    let agreement = signed.agreement();
    agreement.check_date(Day::today())?;
    let agreed = agreement.report_terms()?;
    let task = agreed.task(&agreement.hash()).map_err(tidegate_mpc::run::RunError::from)?;
    check_file(&args.output, args.force)?;
    let inputs = [Some(&args.agreement), args.values.as_ref(), args.input.as_ref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().map(|path| path.as_path()).collect();
    check_apart(
        &inputs,
        &[&Some(args.output.clone())],
        "two of --agreement, --values, --input and --output",
    )?;
    let mut progress = Progress::new();
    let values = values(args, &agreed.measure, &mut progress, &cancel)?;
    let reports = seal(args, &task, &values, &mut progress, &cancel)?;
    progress.end();
    let vdaf = super::aggregate::vdaf_name(task.kind());
    let task = hex(task.id());
    let written = Written { report_version: REPORT_VERSION, command: "report", reports, task, vdaf };
    report::print(&written, args.format, false)?;
    Ok(exit::DONE)
}

/// Returns the values of all reports, one report after the other.
fn values(
    args: &ReportArgs,
    measure: &MeasureTerm,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Zeroizing<Vec<i64>>, Error> {
    progress.begin("read", None);
    if let Some(input) = &args.input {
        let source = TableSource::open(input, args.encoding)?;
        let specs: Vec<_> = columns(args, measure)?.iter().map(|name| measure.spec(name)).collect();
        let cancelled = || cancel.is_cancelled();
        return Ok(read_rows(&source, &specs, &mut |rows| progress.set(rows), &cancelled)?);
    }
    let text = match (&args.value, &args.values) {
        (_, Some(file)) => read_values(file)?,
        (value, None) => Zeroizing::new(value.clone().unwrap_or_default()),
    };
    let lines: Vec<&str> = text.lines().collect();
    let expected = values_len(measure);
    if lines.len() != expected {
        return Err(Error::Usage {
            what: format!("{} values are given; a report under this agreement has {expected}", lines.len()),
            hint: "write each value on a line of a file, and pass it with --values",
        });
    }
    let read = read_texts(&lines, &measure.spec("value"));
    read.map_err(|(place, fault)| Error::Value { number: place + 1, fault })
}

fn values_len(measure: &MeasureTerm) -> usize {
    match measure {
        MeasureTerm::SumVec { length, .. } => *length as usize,
        _ => 1,
    }
}

fn columns(args: &ReportArgs, measure: &MeasureTerm) -> Result<Vec<String>, Error> {
    let agreed = match measure {
        MeasureTerm::SumVec { names, .. } => names.clone(),
        _ => Vec::new(),
    };
    let columns = if args.column.is_empty() { agreed } else { args.column.clone() };
    let expected = values_len(measure);
    if columns.len() == expected {
        return Ok(columns);
    }
    Err(Error::Usage {
        what: format!(
            "{} columns are named; a report under this agreement has {expected} values",
            columns.len()
        ),
        hint: "name the columns that hold the values with --column NAME,..",
    })
}

fn read_values(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |error: io::Error| Error::from(DataError::reading(path, &error));
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_VALUES_BYTES {
        let found = if metadata.is_file() { "too long" } else { "no regular file" };
        return Err(Error::Usage {
            what: format!("{path:?} is {found} for a file of values"),
            hint: "write one value on each line",
        });
    }
    let mut text = Zeroizing::new(String::new());
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_VALUES_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Seals on all cores, and returns how many reports were written.
fn seal(
    args: &ReportArgs,
    task: &Task,
    values: &[i64],
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<u64, Error> {
    let width = task.kind().values_len();
    let reports = (values.len() / width) as u64;
    progress.begin("seal", Some(reports));
    let mut writer = ReportWriter::new(&args.output, task)?;
    for chunk in values.chunks(width * CHUNK_REPORTS) {
        let sealed: Result<Vec<_>, _> = chunk.par_chunks(width).map(|values| one(task, values)).collect();
        let sealed = sealed.map_err(tidegate_mpc::run::RunError::from)?;
        sealed.iter().try_for_each(|report| writer.add(report))?;
        progress.advance(sealed.len() as u64);
        if cancel.is_cancelled() {
            return Err(DataError::Cancelled.into());
        }
    }
    writer.finish(args.force)?;
    Ok(reports)
}

fn one(task: &Task, values: &[i64]) -> Result<Sealed, tidegate_mpc::Error> {
    // None is below zero: the declared bounds begin there.
    let values: Zeroizing<Vec<u64>> =
        Zeroizing::new(values.iter().map(|value| value.unsigned_abs()).collect());
    Sealed::new(task, &values, &mut rand::rng())
}
