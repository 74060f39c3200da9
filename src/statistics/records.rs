//! The owner's records as the protocol takes them: a label and a row of integers each.

use std::fmt;

use tidegate_mpc::join::Records;

use super::grid::{GridPlan, Measure};
use super::plan::Direction;
use crate::data::ColumnData;

/// A table's columns, ready to be lent; `Debug` prints their lengths alone.
pub struct LentRecords<'a> {
    direction: &'a Direction,
    /// The column of each place in the agreement, where it is the owner's.
    columns: Vec<Option<&'a ColumnData>>,
    /// The label of every base cell, where groups are partitions.
    labels: Vec<u32>,
}

impl fmt::Debug for LentRecords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LentRecords").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl<'a> LentRecords<'a> {
    /// Takes the owner's columns by their places in the agreement; `labels` names every base cell anew.
    pub fn new(direction: &'a Direction, columns: Vec<Option<&'a ColumnData>>, labels: Vec<u32>) -> Self {
        Self { direction, columns, labels }
    }

    /// Returns the base cell of a record in a grid.
    pub fn base_cell(&self, grid: &GridPlan, item: usize) -> u32 {
        grid.base_cell(|place| match self.columns.get(place) {
            Some(Some(ColumnData::Groups(groups))) => groups.get(item).copied().map_or(0, u32::from),
            _ => 0,
        })
    }

    /// Returns the number of a record in a column.
    pub fn number(&self, place: usize, item: usize) -> i64 {
        match self.columns.get(place) {
            Some(Some(ColumnData::Numbers(numbers))) => numbers.get(item).copied().unwrap_or_default(),
            _ => 0,
        }
    }

    /// Returns what a record adds to a measure.
    pub fn measure(&self, measure: Measure, item: usize) -> i64 {
        let Some(place) = measure.column() else { return 1 };
        let value = self.number(place, item);
        let measured = self.direction.number(place).map_or(0, |number| number.measured(measure, value));
        i64::try_from(measured).unwrap_or(i64::MAX)
    }
}

impl Records for LentRecords<'_> {
    fn label(&self, item: usize) -> u32 {
        let Some(grid) = self.direction.grids.first().filter(|_| self.direction.has_partitions()) else {
            return 0;
        };
        let cell = self.base_cell(grid, item) as usize;
        // Out of every range where there is none, which the protocol refuses.
        self.labels.get(cell).copied().unwrap_or(u32::MAX)
    }

    fn values(&self, item: usize, values: &mut [i64]) {
        values.fill(0);
        let skipped = self.direction.skipped();
        for grid in &self.direction.grids {
            let cell = if self.direction.has_partitions() { 0 } else { self.base_cell(grid, item) };
            let measures = grid.measures.iter().skip(skipped);
            let first = grid.first as usize + cell as usize * measures.len();
            let places = values.iter_mut().skip(first);
            places.zip(measures).for_each(|(value, &measure)| *value = self.measure(measure, item));
        }
    }
}
