//! Tier B: the guest says to which cell a record belongs, and the host does the rest.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{ParallelBridge, ParallelIterator};
use tidegate_disclosure::Policy;

use crate::batch::hand_over;
use crate::declaration::Kind;
use crate::egress::shape;
use crate::error::{Error, Step, Stop};
use crate::guest::stop;
use crate::job::Job;
use crate::limits::BATCH_ROWS;
use crate::records::{Records, RecordsError, check};
use crate::tally::{Fixed, NO_CELL, Scheme, Tally};
use crate::usage::{Run, Usage};

/// Runs a mapper over the partitions of a dataset, on the threads of the current pool, and adds up what `policy` needs; `by_unit`
/// where partitions name units.
///
/// # Errors
/// [`Error`]: of the partition that comes first, whatever the number of threads.
pub fn tally<P, E>(
    job: &Job<'_>,
    policy: &Policy,
    by_unit: bool,
    partitions: impl Iterator<Item = Result<P, E>> + Send,
) -> Result<(Tally, Usage), Error>
where
    P: Records,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let Kind::Mapper(mapper) = &job.module.declaration().kind else {
        return Err(stop(Step::Map, Stop::Trap("it is no mapper".to_owned())));
    };
    let shape = shape(&job.setup.result).map_err(|error| Error::Records(error.into()))?;
    let empty = || Tally::new(Scheme::new(shape, &mapper.measures, policy), by_unit);
    let run = Run::start(job)?;
    let failed = AtomicUsize::new(usize::MAX);
    let step = |tally, (index, partition): (usize, Result<P, E>)| {
        if index > failed.load(Ordering::Relaxed) {
            return Ok(tally);
        }
        let partition = partition.map_err(|error| Error::Records(error.into()));
        partition.and_then(|records| map(&run, &records, by_unit, tally)).map_err(|error| {
            failed.fetch_min(index, Ordering::Relaxed);
            (index, error)
        })
    };
    let folded = partitions
        .enumerate()
        .par_bridge()
        .fold(|| Ok(empty()), |tally: Numbered<Tally>, next| tally.and_then(|tally| step(tally, next)));
    let reduced = folded.reduce(|| Ok(empty()), merged);
    reduced.map(|tally| (tally.finish(), run.usage())).map_err(|(_, error)| error)
}

type Numbered<T> = Result<T, (usize, Error)>;

fn merged(a: Numbered<Tally>, b: Numbered<Tally>) -> Numbered<Tally> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok(a.merge(b)),
        (Err(a), Err(b)) => Err(if a.0 <= b.0 { a } else { b }),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Runs a partition in an instance of its own.
fn map(run: &Run<'_>, records: &impl Records, by_unit: bool, mut tally: Tally) -> Result<Tally, Error> {
    let job = run.job;
    check(records, job).map_err(|error| Error::Records(error.into()))?;
    if records.units().is_some() != by_unit {
        return Err(Error::Records(RecordsError::Units.into()));
    }
    let mut guest = run.instance(&[])?;
    let batch = guest.address(job.layout.batch);
    let mut cells = Vec::new();
    let mut fixed = Fixed::default();
    for start in (0..records.rows()).step_by(BATCH_ROWS) {
        let rows = (records.rows() - start).min(BATCH_ROWS);
        hand_over(job, &mut guest, records, start, rows);
        guest.region(job.layout.cells).fill(0xff);
        job.layout.values.iter().for_each(|region| guest.region(*region).fill(0));
        guest.take(Step::Map, batch, rows)?;
        cells.clear();
        let found = bytemuck::try_cast_slice(guest.region(job.layout.cells)).unwrap_or_default();
        cells.extend_from_slice(found.get(..rows).unwrap_or_default());
        cells.resize(rows, NO_CELL);
        let buffer = guest.buffer();
        let values: Vec<&[f64]> =
            job.layout.values.iter().map(|region| numbers(buffer, *region, rows)).collect();
        let units = records.units().and_then(|units| units.get(start..start + rows));
        tally.add(&mut cells, &values, units, &mut fixed);
    }
    Ok(tally)
}

fn numbers(buffer: &[u8], region: crate::layout::Region, rows: usize) -> &[f64] {
    let bytes = buffer.get(region.offset as usize..).and_then(|rest| rest.get(..8 * rows));
    bytemuck::try_cast_slice(bytes.unwrap_or_default()).unwrap_or_default()
}
