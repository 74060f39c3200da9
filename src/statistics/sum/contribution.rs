//! A party's own vector: its table, added up.

use std::fmt;
use std::ops::Range;

use rand::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::super::grid::{GridPlan, Measure, NumberPlan};
use super::plan::SumPlan;
use crate::data::ColumnData;

/// Fewest rows that one thread adds up.
const PART_ROWS: usize = 1 << 14;

/// The words of a party, wiped on drop; `Debug` prints their number alone.
pub struct Contribution(Zeroizing<Vec<i128>>);

impl Contribution {
    /// Returns the words.
    pub fn words(&self) -> &[i128] {
        &self.0
    }
}

impl fmt::Debug for Contribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contribution").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl SumPlan {
    /// Adds up the own records, `rows` of them, on the threads of the current rayon pool, and adds the own noise.
    ///
    /// `columns` are those of [`Self::column_specs`], in their order, and `rows` at most the party's `max_records`: the
    /// caller refuses longer tables, whose words could leave [`Self::bounds`]. The same records give the same words whatever
    /// the number of threads; `rng` is asked where there is noise.
    pub fn contribution<R: CryptoRng + ?Sized>(
        &self,
        columns: &[ColumnData],
        rows: usize,
        rng: &mut R,
    ) -> Contribution {
        let table = Table { plan: self, columns };
        let tallies: Vec<_> = parts(rows, self.len()).into_par_iter().map(|part| table.tally(part)).collect();
        let mut words = Zeroizing::new(vec![0; self.len()]);
        for tally in &tallies {
            words.iter_mut().zip(tally.iter()).for_each(|(word, more)| *word += more);
        }
        for grid in &self.grids {
            self.flag(grid, &mut words);
            if let Some(noise) = &self.noise {
                noise.add(grid, cells_mut(self, grid, &mut words), rng);
            }
        }
        Contribution(words)
    }

    /// Says of every place of a grid whether it has records, where that is counted.
    fn flag(&self, grid: &GridPlan, words: &mut [i128]) {
        let (first, flags) = (grid.first as usize, self.flags_of(grid));
        let Some((flagged, cells)) = words.get_mut(first..).and_then(|rest| rest.split_at_mut_checked(flags))
        else {
            return;
        };
        let count = |cell: u32| cells.get(cell as usize * grid.measures.len()).copied().unwrap_or_default();
        for (flag, place) in flagged.iter_mut().zip(grid.places()) {
            *flag = i128::from(grid.shape.base_cells(place).into_iter().any(|cell| count(cell) > 0));
        }
    }
}

/// Returns the words of a grid's cells.
fn cells_mut<'a>(plan: &SumPlan, grid: &GridPlan, words: &'a mut [i128]) -> &'a mut [i128] {
    let first = grid.first as usize + plan.flags_of(grid);
    let len = grid.cell_count() * grid.measures.len();
    words.get_mut(first..first + len).unwrap_or_default()
}

/// Cuts rows into parts, one for each thread, none so short that adding up the words takes longer than the rows.
fn parts(rows: usize, words: usize) -> Vec<Range<usize>> {
    let len = rows.div_ceil(rayon::current_num_threads()).max(PART_ROWS).max(words);
    (0..rows).step_by(len).map(|start| start..rows.min(start + len)).collect()
}

/// The own records.
struct Table<'a> {
    plan: &'a SumPlan,
    /// By place in the agreement.
    columns: &'a [ColumnData],
}

/// How a measure is taken of a record.
type Taken<'a> = (Measure, Option<(&'a NumberPlan, &'a [i64])>);

impl<'a> Table<'a> {
    fn tally(&self, rows: Range<usize>) -> Zeroizing<Vec<i128>> {
        let mut words = Zeroizing::new(vec![0; self.plan.len()]);
        for grid in &self.plan.grids {
            let taken: Vec<_> = grid.measures.iter().map(|measure| self.taken(*measure)).collect();
            let cells = cells_mut(self.plan, grid, &mut words);
            for row in rows.clone() {
                let start = grid.base_cell(|place| self.group(place, row)) as usize * taken.len();
                let figures = cells.get_mut(start..).unwrap_or_default();
                figures.iter_mut().zip(&taken).for_each(|(figure, taken)| *figure += measured(taken, row));
            }
        }
        words
    }

    fn taken(&self, measure: Measure) -> Taken<'a> {
        let number = measure.column().and_then(|place| {
            let number = self.plan.numbers.iter().find(|number| number.place == place)?;
            match self.columns.get(place)? {
                ColumnData::Numbers(values) => Some((number, &values[..])),
                ColumnData::Groups(_) => None,
            }
        });
        (measure, number)
    }

    fn group(&self, place: usize, row: usize) -> u32 {
        match self.columns.get(place) {
            Some(ColumnData::Groups(groups)) => groups.get(row).copied().map_or(0, u32::from),
            _ => 0,
        }
    }
}

fn measured((measure, number): &Taken<'_>, row: usize) -> i128 {
    match number {
        Some((number, values)) => values.get(row).map_or(0, |value| number.measured(*measure, *value)),
        None => i128::from(*measure == Measure::Count),
    }
}
