//! What the owner of a direction knows besides the plan: its records, its order of the groups, its largest values.

use std::cmp::Reverse;
use std::fmt;

use rand::CryptoRng;
use rand::seq::SliceRandom;
use tidegate_disclosure::Place;
use zeroize::Zeroizing;

use super::grid::GridPlan;
use super::plan::Direction;
use super::records::LentRecords;
use crate::data::ColumnData;

/// For each grid and measure the largest values of each base cell, descending.
type Largest = Zeroizing<Vec<Vec<Vec<Vec<u64>>>>>;

/// The owner's side of a direction, before the run; what it holds of values is wiped on drop, and `Debug` prints none.
pub(super) struct Owned<'a> {
    pub(super) records: LentRecords<'a>,
    /// The new number of each row and column of the grid, where groups are partitions.
    order: Option<[Vec<u32>; 2]>,
    largest: Largest,
}

impl fmt::Debug for Owned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").field("records", &self.records).finish_non_exhaustive()
    }
}

impl<'a> Owned<'a> {
    /// Orders the groups at random and finds the largest of `items` records; `columns` by place in the agreement.
    pub(super) fn new(
        direction: &'a Direction,
        columns: Vec<Option<&'a ColumnData>>,
        items: usize,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let partitioned = direction.grids.first().filter(|_| direction.has_partitions());
        let order =
            partitioned.map(|grid| [grid.shape.rows(), grid.shape.columns()].map(|len| shuffled(len, rng)));
        let labels = match (partitioned, &order) {
            (Some(grid), Some(order)) => labels(grid, order),
            _ => Vec::new(),
        };
        let records = LentRecords::new(direction, columns, labels);
        let largest = direction.grids.iter().map(|grid| largest(direction, grid, &records, items)).collect();
        Self { records, order, largest: Zeroizing::new(largest) }
    }

    /// Returns where a place of the table stands in the protocol.
    pub(super) fn hidden(&self, place: Place) -> Place {
        let Some([rows, columns]) = &self.order else { return place };
        let renamed =
            |index: Option<u32>, order: &[u32]| index.map(|i| order.get(i as usize).copied().unwrap_or(i));
        Place { row: renamed(place.row, rows), column: renamed(place.column, columns) }
    }

    /// Returns the largest values of a measure over some base cells, at least those that rules look at.
    pub(super) fn largest(&self, grid: usize, measure: usize, base_cells: &[u32]) -> Vec<u64> {
        let cells = self.largest.get(grid).and_then(|measures| measures.get(measure));
        let cells = base_cells.iter().filter_map(|&cell| cells?.get(cell as usize));
        let mut largest: Vec<u64> = cells.flatten().copied().collect();
        largest.sort_unstable_by_key(|&value| Reverse(value));
        largest
    }
}

fn shuffled(len: u32, mut rng: &mut dyn CryptoRng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..len).collect();
    order.shuffle(&mut rng);
    order
}

/// Returns the label of every base cell.
fn labels(grid: &GridPlan, [rows, columns]: &[Vec<u32>; 2]) -> Vec<u32> {
    let width = grid.shape.columns();
    rows.iter().flat_map(|row| columns.iter().map(move |column| row * width + column)).collect()
}

/// Finds the largest contributions to every measure; that of a count is 1.
fn largest(
    direction: &Direction,
    grid: &GridPlan,
    records: &LentRecords<'_>,
    items: usize,
) -> Vec<Vec<Vec<u64>>> {
    let kept = direction.policy.largest_len() as usize;
    let mut largest = vec![vec![vec![0; kept]; grid.cell_count()]; grid.measures.len()];
    if kept == 0 {
        return largest;
    }
    for item in 0..items {
        let cell = records.base_cell(grid, item) as usize;
        for (measure, cells) in grid.measures.iter().zip(&mut largest) {
            if let Some(kept) = cells.get_mut(cell) {
                insert(kept, records.measure(*measure, item).unsigned_abs());
            }
        }
    }
    largest
}

/// Inserts a value into a descending list of fixed length.
fn insert(kept: &mut [u64], mut value: u64) {
    for other in kept {
        if value > *other {
            std::mem::swap(other, &mut value);
        }
    }
}
