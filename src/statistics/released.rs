//! From opened sums to a checked table, and over the line to the other side's.

use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;

use tidegate_disclosure::{
    Cell, CheckError, Deviations, Entry, Figures, Levels, NoisyCell, Pattern, Place, Reason, Release, Sum,
    Verdict, check,
};

use super::grid::{GridPlan, Measure};
use super::owned::Owned;
use super::plan::Direction;

/// A released table with the numbers of what is suppressed in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Released {
    /// The table, the same on both sides.
    pub release: Release,
    /// Places whose count is below the minimum.
    pub small: usize,
    /// Places that would give others away.
    pub complementary: usize,
    /// Places that the owner held back, for the values in them.
    pub held_back: usize,
    /// Places with records of too few parties; of a sum alone.
    pub few_contributors: usize,
    /// Places whose reasons are not told, since together they would tell a count; of a sum alone.
    pub undisclosed: usize,
}

/// Takes the measures of one place off the opened sums; the count is apart where the matcher counts.
pub(super) fn take(
    direction: &Direction,
    grid: &GridPlan,
    count: Option<u64>,
    sums: &mut impl Iterator<Item = i64>,
) -> Vec<i64> {
    let count = count.filter(|_| direction.skipped() > 0).and_then(|count| i64::try_from(count).ok());
    count.into_iter().chain(sums.take(grid.measures.len() - direction.skipped())).collect()
}

/// Checks what the owner opened, `opened` by the place in the protocol; returns the table, and the figures that
/// go to the other side.
pub(super) fn own_table(
    direction: &Direction,
    grid: &GridPlan,
    pattern: Option<&Pattern>,
    opened: &BTreeMap<Place, Vec<i64>>,
    owned: &Owned<'_>,
) -> Result<(Released, Vec<Option<i64>>), CheckError> {
    let values = |place: Place| {
        let hidden = grid.shape.canonical(owned.hidden(place));
        opened.get(&hidden).map(|values| &values[..])
    };
    let Some(pattern) = pattern else {
        let cells = Levels::CELLS.places(grid.shape);
        let cells: Vec<_> = cells.into_iter().filter_map(values).collect();
        let figures = cells.iter().copied().flatten().copied().map(Some).collect();
        return Ok((noisy_table(direction, grid, cells.into_iter())?, figures));
    };
    let grid_index = direction.grids.iter().position(|other| other == grid).unwrap_or_default();
    let entry = |place: Place| {
        let base_cells = grid.shape.base_cells(place);
        let largest = |measure| owned.largest(grid_index, measure, &base_cells);
        let reason = match pattern.verdict(owned.hidden(place)) {
            Verdict::Suppressed(reason) => reason,
            Verdict::Released => Reason::Withheld,
        };
        match values(place) {
            Some(values) => Entry::Known(cell(grid, values, largest)),
            None => Entry::Bounded(reason, (1..grid.measures.len()).map(largest).collect()),
        }
    };
    let entries: Vec<_> = grid.places().into_iter().map(entry).collect();
    let checked = check(grid.shape, grid.levels, &entries, &direction.policy)?;
    // The other side learns no reasons, so the own table tells none either.
    let entries = checked.iter().map(|(_, _, figures)| figures.map(|f| (f.count, f.sums.clone())));
    let release = Release::received(grid.shape, grid.levels, entries.collect(), &direction.policy)?;
    let figures = figures(grid, &release);
    Ok((Released::new(release, Some(pattern)), figures))
}

fn cell(grid: &GridPlan, values: &[i64], largest: impl Fn(usize) -> Vec<u64>) -> Cell {
    let (count, sums) = values.split_first().unwrap_or((&0, &[]));
    let measures = grid.measures.iter().enumerate().skip(1).zip(sums);
    let sums = measures.map(|((index, _), &total)| Sum { total: total.into(), largest: largest(index) });
    Cell { count: u64::try_from(*count).unwrap_or_default(), sums: sums.collect() }
}

/// Makes a table of cells that carry noise already.
fn noisy_table<'a>(
    direction: &Direction,
    grid: &GridPlan,
    cells: impl Iterator<Item = &'a [i64]>,
) -> Result<Released, CheckError> {
    let cell = |values: &[i64]| {
        let (count, sums) = values.split_first().unwrap_or((&0, &[]));
        NoisyCell { count: (*count).into(), sums: sums.iter().map(|&sum| sum.into()).collect() }
    };
    let cells: Vec<_> = cells.map(cell).collect();
    // Each side adds noise of its own.
    let deviation = |measure: &Measure| {
        let scale = direction.noise.as_ref().and_then(|noise| noise.scale(*measure));
        scale.map_or(0.0, |scale| SQRT_2 * scale.standard_deviation())
    };
    let mut deviations = grid.measures.iter().map(deviation);
    let deviations = Deviations { count: deviations.next().unwrap_or_default(), sums: deviations.collect() };
    let release = Release::noisy(grid.shape, grid.levels, &cells, &deviations, &direction.policy)?;
    Ok(Released::new(release, None))
}

/// Lists the figures of every place, nothing for those of a suppressed one.
fn figures(grid: &GridPlan, release: &Release) -> Vec<Option<i64>> {
    let narrow = |value: i128| i64::try_from(value).ok();
    let places = release.iter().flat_map(|(_, _, figures): (_, _, Option<&Figures>)| match figures {
        Some(f) => [i128::from(f.count)].into_iter().chain(f.sums.clone()).map(narrow).collect(),
        None => vec![None; grid.measures.len()],
    });
    places.collect()
}

/// Reads the figures of a table that came from the owner.
pub(super) fn received_table(
    direction: &Direction,
    grid: &GridPlan,
    pattern: Option<&Pattern>,
    figures: &[Option<i64>],
) -> Result<Released, CheckError> {
    let places = figures.chunks(grid.measures.len());
    if direction.noise.is_some() {
        let cells: Option<Vec<Vec<i64>>> = places.map(|place| place.iter().copied().collect()).collect();
        let cells = cells.ok_or(CheckError::Entry { index: 0 })?;
        return noisy_table(direction, grid, cells.iter().map(|cell| &cell[..]));
    }
    let entry = |(index, place): (usize, &[Option<i64>])| {
        let values: Vec<i64> = place.iter().flatten().copied().collect();
        match values.split_first() {
            None => Ok(None),
            Some((count, sums)) if values.len() == grid.measures.len() => {
                let count = u64::try_from(*count).map_err(|_| CheckError::Entry { index })?;
                Ok(Some((count, sums.iter().map(|&sum| sum.into()).collect())))
            }
            Some(_) => Err(CheckError::Entry { index }),
        }
    };
    let entries = places.enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
    let release = Release::received(grid.shape, grid.levels, entries, &direction.policy)?;
    Ok(Released::new(release, pattern))
}

impl Released {
    fn new(release: Release, pattern: Option<&Pattern>) -> Self {
        let suppressed = release.suppressed_len();
        let by = |reason| {
            let places = release.iter().map(|(place, ..)| place);
            let because = Verdict::Suppressed(reason);
            pattern.map_or(0, |pattern| places.filter(|&place| pattern.verdict(place) == because).count())
        };
        let complementary = by(Reason::Complementary);
        // Of noisy figures only the minimum suppresses.
        let small = if pattern.is_some() { by(Reason::SmallCount) } else { suppressed };
        let held_back = suppressed.saturating_sub(small + complementary);
        Self { release, small, complementary, held_back, few_contributors: 0, undisclosed: 0 }
    }

    /// Takes the table of a sum, whose totals every program checks by itself.
    pub(super) fn of_sum(release: Release) -> Self {
        let by = |reason| release.suppressed().get(&reason).copied().unwrap_or_default();
        Self {
            small: by(Reason::SmallCount),
            complementary: by(Reason::Complementary),
            held_back: 0,
            few_contributors: by(Reason::FewContributors),
            undisclosed: by(Reason::Undisclosed),
            release,
        }
    }
}
