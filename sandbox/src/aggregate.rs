//! Tier C: the guest computes tables of numbers itself. What it writes is bounded, finite, of the declared shape, and otherwise
//! its own word: it may leave only after a review, or as the noisy mean over many disjoint blocks.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::batch::hand_over;
use crate::declaration::{AggregateDeclaration, Kind};
use crate::error::{Error, Step, Stop};
use crate::guest::{Guest, stop};
use crate::job::{Job, fill};
use crate::limits::BATCH_ROWS;
use crate::records::{Records, check};
use crate::usage::{Run, Usage};

/// The numbers of a guest's tables, in the order of the declaration; those that are missing are `None`.
pub type Numbers = Vec<Option<f64>>;

/// What an aggregate came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregated {
    /// Its numbers.
    pub numbers: Numbers,
    /// Passes over the data.
    pub passes: u32,
    /// What the run used.
    pub usage: Usage,
}

/// Runs an aggregate over the partitions of a dataset, which `open` lists anew for each pass.
///
/// Partitions run on the threads of the current pool, each in an instance of its own, and their states are merged in the order of
/// the partitions: the numbers are the same for any number of threads. A module that cannot merge sees all rows in one
/// instance.
///
/// # Errors
/// [`Error`].
pub fn aggregate<I, P, E>(job: &Job<'_>, mut open: impl FnMut() -> Result<I, E>) -> Result<Aggregated, Error>
where
    I: Iterator<Item = Result<P, E>> + Send,
    P: Records,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let declared = declared(job)?;
    let run = Run::start(job)?;
    let (numbers, passes) = passes(&run, declared.passes, |carried| {
        let partitions = open().map_err(|error| Error::Records(error.into()))?;
        if job.module.inspection().merges {
            merged(&run, carried, partitions)
        } else {
            in_a_row(&run, carried, partitions)
        }
    })?;
    Ok(Aggregated { numbers, passes, usage: run.usage() })
}

/// Runs an aggregate over each of many disjoint blocks by itself, on the threads of the current pool; a block in which the guest is
/// stopped has no numbers, so that what it does in one block changes nothing of the others.
///
/// # Errors
/// [`Error::Records`] and [`Error::Engine`], of the first block that has one.
pub fn aggregate_blocks<P: Records + Sync>(job: &Job<'_>, blocks: &[P]) -> Result<Vec<Numbers>, Error> {
    let declared = declared(job)?;
    let run = Run::start(job)?;
    let each = |block: &P| {
        let found = passes(&run, declared.passes, |carried| {
            let mut guest = run.instance(carried)?;
            update(job, &mut guest, block)?;
            Ok(guest)
        });
        match found {
            Ok((numbers, _)) => Ok(numbers),
            Err(Error::Stopped { .. }) => Ok(vec![None; job.setup.result.numbers_len()]),
            Err(error) => Err(error),
        }
    };
    let found: Vec<_> = blocks.par_iter().with_max_len(1).map(each).collect();
    found.into_iter().collect()
}

/// Passes over the data, each with what the one before carried over, until the guest gives numbers; also returns how many.
fn passes<'r>(
    run: &Run<'_>,
    most: u32,
    mut pass: impl FnMut(&[u8]) -> Result<Guest<'r>, Error>,
) -> Result<(Numbers, u32), Error> {
    let mut carried = Vec::new();
    for number in 1..=most {
        match finish(run.job, &mut pass(&carried)?)? {
            Outcome::Numbers(numbers) => return Ok((numbers, number)),
            Outcome::Again(carry) => carried = carry,
        }
    }
    Err(stop(Step::Finish, Stop::Passes(most)))
}

fn declared<'j>(job: &'j Job<'_>) -> Result<&'j AggregateDeclaration, Error> {
    match &job.module.declaration().kind {
        Kind::Aggregate(aggregate) => Ok(aggregate),
        Kind::Mapper(_) => Err(stop(Step::Update, Stop::Trap("it is no aggregate".to_owned()))),
    }
}

/// Gives all rows of a partition to an instance.
fn update(job: &Job<'_>, guest: &mut Guest<'_>, records: &impl Records) -> Result<(), Error> {
    check(records, job).map_err(|error| Error::Records(error.into()))?;
    let batch = guest.address(job.layout.batch);
    for start in (0..records.rows()).step_by(BATCH_ROWS) {
        let rows = (records.rows() - start).min(BATCH_ROWS);
        hand_over(job, guest, records, start, rows);
        guest.take(Step::Update, batch, rows)?;
    }
    Ok(())
}

fn in_a_row<'j, P, E>(
    run: &'j Run<'j>,
    carried: &[u8],
    partitions: impl Iterator<Item = Result<P, E>>,
) -> Result<Guest<'j>, Error>
where
    P: Records,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut guest = run.instance(carried)?;
    for partition in partitions {
        update(run.job, &mut guest, &partition.map_err(|error| Error::Records(error.into()))?)?;
    }
    Ok(guest)
}

/// Runs partitions side by side, and merges their states in order into one more instance.
fn merged<'j, P, E>(
    run: &'j Run<'j>,
    carried: &[u8],
    partitions: impl Iterator<Item = Result<P, E>> + Send,
) -> Result<Guest<'j>, Error>
where
    P: Records,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let (mut partitions, mut last) = (partitions, run.instance(carried)?);
    // So many at a time that every thread has work: states of later partitions do not pile up behind a slow one.
    let window = 2 * rayon::current_num_threads();
    loop {
        let next: Vec<_> = partitions.by_ref().take(window).collect();
        if next.is_empty() {
            return Ok(last);
        }
        let states: Vec<_> = next
            .into_par_iter()
            .map(|partition| {
                let partition = partition.map_err(|error| Error::Records(error.into()))?;
                state(run, carried, &partition)
            })
            .collect();
        for state in states {
            merge(run.job, &mut last, &state?)?;
        }
    }
}

/// Merges a state.
fn merge(job: &Job<'_>, last: &mut Guest<'_>, state: &[u8]) -> Result<(), Error> {
    fill(last.region(job.layout.state), state);
    last.merge(last.address(job.layout.state), u32::try_from(state.len()).unwrap_or(u32::MAX))
}

/// Runs a partition in an instance of its own, and returns its state.
fn state(run: &Run<'_>, carried: &[u8], records: &impl Records) -> Result<Vec<u8>, Error> {
    let job = run.job;
    let mut guest = run.instance(carried)?;
    update(job, &mut guest, records)?;
    let address = guest.ask(Step::State, ())?;
    let allowed = job.layout.state.bytes;
    let read = |guest: &Guest<'_>| {
        let [at, len] = guest.words("state", address)?;
        bounded("state", len, allowed)?;
        guest.at("state", at, len.into(), 1).map(<[u8]>::to_vec)
    };
    read(&guest).map_err(|cause| stop(Step::State, cause))
}

fn bounded(what: &'static str, found: u32, allowed: u32) -> Result<(), Stop> {
    if found <= allowed {
        Ok(())
    } else {
        Err(Stop::Length { what, found: found.into(), allowed: allowed.into() })
    }
}

/// What a guest ends with.
pub(crate) enum Outcome {
    Numbers(Numbers),
    Again(Vec<u8>),
}

/// Asks for the outcome.
fn finish(job: &Job<'_>, guest: &mut Guest<'_>) -> Result<Outcome, Error> {
    let address = guest.ask(Step::Finish, ())?;
    outcome(job, guest, address).map_err(|cause| stop(Step::Finish, cause))
}

/// Reads the outcome that stands at an address.
pub(crate) fn outcome(job: &Job<'_>, guest: &Guest<'_>, address: u32) -> Result<Outcome, Stop> {
    let [kind, at, len] = guest.words("outcome", address)?;
    match kind {
        0 => guest.numbers(at, len, job.setup.result.numbers_len()).map(Outcome::Numbers),
        1 if !job.module.is_mapper() => {
            bounded("carry", len, job.layout.carry.bytes)?;
            guest.at("carry", at, len.into(), 1).map(|bytes| Outcome::Again(bytes.to_vec()))
        }
        kind => Err(Stop::Outcome(kind)),
    }
}
