//! The common refinement of two releases: how many units fell in each pair of their cells.

use crate::table::MAX_CELLS;

/// The code of a unit in no cell of a release.
pub const OUTSIDE: u16 = u16::MAX;

/// Most rows that are counted into one refinement; counters have 32 bits.
pub const MAX_ROWS: u64 = u32::MAX as u64;

/// Rows whose places in the table are computed at once: they and their codes stay in the first-level cache.
const CHUNK: usize = 1024;

/// Neighbouring rows that are counted with one addition where they are alike. Without it, sorted rows would wait for
/// each other: a counter cannot be read before the last write to it is done.
const RUN: u8 = 8;

/// How many units are in each pair of a cell of a new release and a cell of an earlier one.
///
/// One pass over the two columns of codes fills it; columns may come in chunks and from several threads.
///
/// # Examples
/// ```
/// use tidegate_disclosure::differencing::{OUTSIDE, Refinement};
///
/// let mut refinement = Refinement::new(2, 1)?;
/// refinement.add(&[0, 0, 1, OUTSIDE], &[0, OUTSIDE, 0, 0])?;
/// assert_eq!(refinement.block(Some(0), Some(0)), 1);
/// assert_eq!(refinement.block(None, Some(0)), 1);
/// # Ok::<(), tidegate_disclosure::differencing::RefinementError>(())
/// ```
#[derive(Clone)]
pub struct Refinement {
    new_cells: u16,
    earlier_cells: u16,
    rows: u64,
    counters: Counters,
}

/// Counters in two parts: the low bytes are few enough for the caches next to the processor.
///
/// A counter stands at new * (earlier cells + 1) + earlier, both counted from the units in no cell.
#[derive(Clone)]
struct Counters {
    low: Vec<u8>,
    /// How often each low byte overflowed.
    carries: Vec<u32>,
}

/// Why codes cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefinementError {
    /// A release has no cells or too many.
    #[error("a release of {found} cells; there are between 1 and {MAX_CELLS}")]
    Cells {
        /// The cells.
        found: u32,
    },
    /// The columns have different lengths.
    #[error("{new} codes of the new release and {earlier} of the earlier one")]
    Lengths {
        /// Codes of the new release.
        new: usize,
        /// Codes of the earlier release.
        earlier: usize,
    },
    /// A code names no cell.
    #[error("a code is above the {cells} cells of its release")]
    Code {
        /// The cells of the release.
        cells: u16,
    },
    /// There are too many rows.
    #[error("more than {MAX_ROWS} rows")]
    TooManyRows,
    /// Two refinements are of releases with different numbers of cells.
    #[error("refinements of releases with different numbers of cells")]
    Different,
}

impl Refinement {
    /// Starts the refinement of two releases with this many base cells.
    ///
    /// # Errors
    /// [`RefinementError::Cells`].
    pub fn new(new_cells: u32, earlier_cells: u32) -> Result<Self, RefinementError> {
        let (new_cells, earlier_cells) = (cells(new_cells)?, cells(earlier_cells)?);
        let len = (usize::from(new_cells) + 1) * (usize::from(earlier_cells) + 1);
        let counters = Counters { low: vec![0; len], carries: vec![0; len] };
        Ok(Self { new_cells, earlier_cells, rows: 0, counters })
    }

    /// Counts rows: each with the cell of its unit in the new release and in the earlier one, or [`OUTSIDE`].
    ///
    /// # Errors
    /// [`RefinementError::Lengths`], [`RefinementError::Code`], [`RefinementError::TooManyRows`]; some of the rows may
    /// have been counted then.
    pub fn add(&mut self, new: &[u16], earlier: &[u16]) -> Result<(), RefinementError> {
        if new.len() != earlier.len() {
            return Err(RefinementError::Lengths { new: new.len(), earlier: earlier.len() });
        }
        self.grow(new.len() as u64)?;
        let mut places = [0; CHUNK];
        for (new, earlier) in new.chunks(CHUNK).zip(earlier.chunks(CHUNK)) {
            self.find(new, earlier, &mut places)?;
            self.counters.count(places.get(..new.len()).unwrap_or_default());
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    ///
    /// # Errors
    /// [`RefinementError::Different`], [`RefinementError::TooManyRows`].
    pub fn merge(&mut self, other: &Self) -> Result<(), RefinementError> {
        if (self.new_cells, self.earlier_cells) != (other.new_cells, other.earlier_cells) {
            return Err(RefinementError::Different);
        }
        self.grow(other.rows)?;
        self.counters.merge(&other.counters);
        Ok(())
    }

    /// Counts the rows that were added.
    pub fn rows_len(&self) -> u64 {
        self.rows
    }

    /// Counts the base cells of the new release.
    pub fn new_cells(&self) -> u32 {
        u32::from(self.new_cells)
    }

    /// Counts the base cells of the earlier release.
    pub fn earlier_cells(&self) -> u32 {
        u32::from(self.earlier_cells)
    }

    /// Counts the units in a cell of the new release and a cell of the earlier one; `None` is in no cell. A pair
    /// outside the releases has none.
    pub fn block(&self, new: Option<u32>, earlier: Option<u32>) -> u64 {
        let slot = |cell: Option<u32>, cells: u16| match cell {
            None => Some(0),
            Some(cell) => u16::try_from(cell).ok().filter(|&c| c < cells).map(|c| usize::from(c) + 1),
        };
        let (new, earlier) = (slot(new, self.new_cells), slot(earlier, self.earlier_cells));
        new.zip(earlier).map_or(0, |(new, earlier)| self.counters.get(new * self.stride() + earlier))
    }

    /// Lists the pairs with units in them, as cells counted from 1 with 0 for no cell.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let (len, stride) = (self.counters.low.len(), self.stride());
        let all = (0..len).map(move |index| (index / stride, index % stride, self.counters.get(index)));
        all.filter(|&(_, _, count)| count > 0)
    }

    fn stride(&self) -> usize {
        usize::from(self.earlier_cells) + 1
    }

    fn grow(&mut self, rows: u64) -> Result<(), RefinementError> {
        let all = self.rows.saturating_add(rows);
        if all > MAX_ROWS {
            return Err(RefinementError::TooManyRows);
        }
        self.rows = all;
        Ok(())
    }

    /// Finds where at most [`CHUNK`] rows count, and checks their codes in passing: as counted from the units in no cell,
    /// whose code is the one below 0, none is above the cells.
    fn find(&self, new: &[u16], earlier: &[u16], places: &mut [u32; CHUNK]) -> Result<(), RefinementError> {
        let stride = u32::from(self.earlier_cells) + 1;
        let (mut most_new, mut most_earlier) = (0, 0);
        for ((place, new), earlier) in places.iter_mut().zip(new).zip(earlier) {
            let (new, earlier) = (new.wrapping_add(1), earlier.wrapping_add(1));
            (most_new, most_earlier) = (new.max(most_new), earlier.max(most_earlier));
            *place = u32::from(new).wrapping_mul(stride).wrapping_add(u32::from(earlier));
        }
        check_most(most_new, self.new_cells)?;
        check_most(most_earlier, self.earlier_cells)
    }
}

impl Counters {
    fn count(&mut self, places: &[u32]) {
        let (runs, rest) = places.as_chunks::<{ RUN as usize }>();
        for run in runs {
            let [first, ..] = *run;
            if run.iter().fold(0, |unlike, place| unlike | (place ^ first)) == 0 {
                self.bump(first, RUN);
            } else {
                run.iter().for_each(|&place| self.bump(place, 1));
            }
        }
        rest.iter().for_each(|&place| self.bump(place, 1));
    }

    #[inline]
    fn bump(&mut self, place: u32, by: u8) {
        if let Some(low) = self.low.get_mut(place as usize) {
            let (sum, is_over) = low.overflowing_add(by);
            *low = sum;
            if is_over {
                self.carry(place as usize, 1);
            }
        }
    }

    /// The carries of all counters are at most the rows, so none of them overflows.
    #[cold]
    fn carry(&mut self, index: usize, carries: u32) {
        self.carries.get_mut(index).into_iter().for_each(|at| *at = at.saturating_add(carries));
    }

    fn merge(&mut self, other: &Self) {
        for (index, (&more, &carries)) in other.low.iter().zip(&other.carries).enumerate() {
            let Some(low) = self.low.get_mut(index) else { continue };
            let (sum, is_over) = low.overflowing_add(more);
            *low = sum;
            self.carry(index, carries + u32::from(is_over));
        }
    }

    fn get(&self, index: usize) -> u64 {
        let low = self.low.get(index).copied().unwrap_or(0);
        u64::from(self.carries.get(index).copied().unwrap_or(0)) << 8 | u64::from(low)
    }
}

impl std::fmt::Debug for Refinement {
    /// Shows sizes alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { new_cells, earlier_cells, rows, .. } = self;
        write!(f, "Refinement({new_cells} by {earlier_cells} cells, {rows} rows)")
    }
}

fn cells(found: u32) -> Result<u16, RefinementError> {
    let allowed = u16::try_from(found).ok().filter(|_| (1..=MAX_CELLS).contains(&found));
    allowed.ok_or(RefinementError::Cells { found })
}

/// Checks that every code names a cell or none.
pub(super) fn check_codes(codes: &[u16], cells: u16) -> Result<(), RefinementError> {
    check_most(codes.iter().fold(0, |most, code| code.wrapping_add(1).max(most)), cells)
}

fn check_most(most: u16, cells: u16) -> Result<(), RefinementError> {
    if most > cells { Err(RefinementError::Code { cells }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Makes two columns of codes with runs in them.
    fn columns() -> impl Strategy<Value = (u16, u16, Vec<(u16, u16)>)> {
        (1_u16..40, 1_u16..40).prop_flat_map(|(new, earlier)| {
            let code = |cells: u16| prop_oneof![4 => 0..cells, 1 => Just(OUTSIDE)];
            let runs = proptest::collection::vec((code(new), code(earlier), 1_usize..600), 0..20);
            let rows = runs.prop_map(|runs| {
                runs.into_iter().flat_map(|(n, e, len)| std::iter::repeat_n((n, e), len)).collect()
            });
            (Just(new), Just(earlier), rows)
        })
    }

    fn refined(new: u16, earlier: u16, rows: &[(u16, u16)]) -> Refinement {
        let mut refinement = Refinement::new(new.into(), earlier.into()).unwrap();
        let (codes, earlier): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
        refinement.add(&codes, &earlier).unwrap();
        refinement
    }

    proptest! {
        #[test]
        fn blocks_are_the_rows_of_each_pair((new, earlier, rows) in columns(), cut in 0_usize..5000) {
            let mut expected = BTreeMap::new();
            rows.iter().for_each(|row| *expected.entry(*row).or_insert(0) += 1);
            let (left, right) = rows.split_at(cut.min(rows.len()));
            let mut merged = refined(new, earlier, left);
            merged.merge(&refined(new, earlier, right)).unwrap();
            for refinement in [refined(new, earlier, &rows), merged] {
                prop_assert_eq!(refinement.rows_len(), rows.len() as u64);
                prop_assert_eq!(refinement.blocks().map(|(_, _, count)| count).sum::<u64>(), rows.len() as u64);
                for n in (0..new).chain([OUTSIDE]) {
                    for e in (0..earlier).chain([OUTSIDE]) {
                        let named = |code: u16| (code != OUTSIDE).then_some(u32::from(code));
                        let found = refinement.block(named(n), named(e));
                        prop_assert_eq!(found, expected.get(&(n, e)).copied().unwrap_or(0));
                    }
                }
            }
        }
    }

    #[test]
    fn codes_of_no_cell_and_bad_sizes_are_refused() {
        for cells in [0, MAX_CELLS + 1, u32::MAX] {
            assert_eq!(Refinement::new(cells, 1).unwrap_err(), RefinementError::Cells { found: cells });
            assert_eq!(Refinement::new(1, cells).unwrap_err(), RefinementError::Cells { found: cells });
        }
        let mut refinement = Refinement::new(3, MAX_CELLS).unwrap();
        assert_eq!(refinement.add(&[3], &[0]), Err(RefinementError::Code { cells: 3 }));
        assert_eq!(refinement.add(&[0], &[4096]), Err(RefinementError::Code { cells: 4096 }));
        assert_eq!(refinement.add(&[0, 0], &[0]), Err(RefinementError::Lengths { new: 2, earlier: 1 }));
        refinement.add(&[2, OUTSIDE], &[4095, OUTSIDE]).unwrap();
        assert_eq!(refinement.block(Some(3), None) + refinement.block(None, Some(4096)), 0);
        let other = Refinement::new(2, 3).unwrap();
        assert_eq!(refinement.merge(&other), Err(RefinementError::Different));
    }

    #[test]
    fn more_rows_than_a_counter_holds_are_refused() {
        let mut refinement = Refinement::new(1, 1).unwrap();
        refinement.rows = MAX_ROWS;
        assert_eq!(refinement.add(&[0], &[0]), Err(RefinementError::TooManyRows));
        assert_eq!(refinement.clone().merge(&refinement), Err(RefinementError::TooManyRows));
    }
}
