//! What a mapper makes of figures that are released: nothing can leave by it that has not left already.

use tidegate_disclosure::{Place, Release, Shape};

use crate::aggregate::{Numbers, Outcome, outcome};
use crate::error::{Error, Step, Stop};
use crate::guest::{Guest, stop};
use crate::job::{Job, fill};
use crate::layout::{Region, Regions, Words};
use crate::usage::Run;

/// Figures of a place, as people read them: `None` where it is suppressed.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedFrom {
    /// Units.
    pub count: f64,
    /// For each measure the sum of its values.
    pub sums: Vec<f64>,
    /// For each measure the sum of its squares; 0 where it has none.
    pub squares: Vec<f64>,
}

/// Runs `sbx_derive` on released figures, in an instance that has seen no record.
///
/// `figures` says what is released of a place, as [`values`](crate::values) works it out.
///
/// # Errors
/// [`Error::Stopped`].
pub fn derive(
    job: &Job<'_>,
    release: &Release,
    figures: impl Fn(Place) -> Option<DerivedFrom>,
) -> Result<Numbers, Error> {
    let run = Run::start(job)?;
    let places = places(release.shape());
    let squares: Vec<bool> = job.squares();
    let mut regions = Regions::after(job.layout.bytes);
    let header = regions.take(64 + 8 * squares.len());
    let arrays: Vec<Region> = (0..=2 * squares.len()).map(|_| regions.take(8 * places.len())).collect();
    let mut guest = run.instance_with(&[], regions.bytes())?;
    let found: Vec<_> = places.iter().map(|place| figures(*place)).collect();
    let array = |guest: &mut Guest<'_>, region: &Region, value: &dyn Fn(&DerivedFrom) -> f64| {
        let numbers = found.iter().map(|figures| figures.as_ref().map_or(f64::NAN, value));
        let bytes: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
        fill(guest.region(*region), &bytes);
    };
    let (counts, rest) = arrays.split_first().unwrap_or((&header, &[]));
    array(&mut guest, counts, &|figures| figures.count);
    for (measure, pair) in rest.chunks(2).enumerate() {
        let [sums, roots] = pair else { continue };
        array(&mut guest, sums, &|figures| figures.sums.get(measure).copied().unwrap_or(f64::NAN));
        array(&mut guest, roots, &|figures| figures.squares.get(measure).copied().unwrap_or(f64::NAN));
    }
    let block = block(&guest, release, header, counts, rest, &squares);
    fill(guest.region(header), &block);
    let address = guest.ask(Step::Derive, guest.address(header).cast_signed())?;
    match outcome(job, &guest, address).map_err(|cause| stop(Step::Derive, cause))? {
        Outcome::Numbers(numbers) => Ok(numbers),
        Outcome::Again(_) => Err(stop(Step::Derive, Stop::Outcome(1))),
    }
}

/// Lists places as the contract does: all totals, also those that are the same as others.
fn places(shape: Shape) -> Vec<Place> {
    let (rows, columns) = (shape.rows(), shape.columns());
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| Place::cell(row, column)));
    let totals = (0..rows).map(Place::row).chain((0..columns).map(Place::column)).chain([Place::TOTAL]);
    cells.chain(totals).map(|place| shape.canonical(place)).collect()
}

/// Writes the header of the figures.
fn block(
    guest: &Guest<'_>,
    release: &Release,
    header: Region,
    counts: &Region,
    rest: &[Region],
    squares: &[bool],
) -> Vec<u8> {
    let shape = release.shape();
    let measures = u32::try_from(squares.len()).unwrap_or(u32::MAX);
    let lists = guest.address(header).saturating_add(64);
    let mut words = Words::default();
    words.put(shape.rows()).put(shape.columns()).put(measures);
    words.put(guest.address(*counts)).put(lists).put(lists.saturating_add(measures.saturating_mul(4)));
    words.0.resize(64, 0);
    rest.iter().step_by(2).for_each(|sums| {
        words.put(guest.address(*sums));
    });
    rest.iter().skip(1).step_by(2).zip(squares).for_each(|(roots, has)| {
        words.put(if *has { guest.address(*roots) } else { 0 });
    });
    words.0
}

impl Job<'_> {
    /// Tells of each measure whether it has squares.
    fn squares(&self) -> Vec<bool> {
        match &self.module.declaration().kind {
            crate::declaration::Kind::Mapper(mapper) => {
                mapper.measures.iter().map(|measure| measure.squares).collect()
            }
            crate::declaration::Kind::Aggregate(_) => Vec::new(),
        }
    }
}
