//! Grids: which combinations of groups a party's statistics need, each cut into cells once.
//!
//! Statistics by `district`, by `district` and `age band`, and by nothing at all are margins of one grid, whose cells
//! are the pairs of a district and an age band. Different grids of a party share no column of its table:
//! tables that do could be subtracted from each other.

use std::collections::BTreeSet;

use super::{StatisticTerm, Terms};

/// A combination of group columns of one party, or of a sum, and the statistics that are margins of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Places in [`Terms::column`] of its group columns, ascending; none for a single cell.
    pub by: Vec<usize>,
    /// Places in [`Terms::statistic`] of the statistics, ascending.
    pub statistics: Vec<usize>,
}

impl Grid {
    /// Counts the cells.
    pub fn cell_count(&self, terms: &Terms) -> usize {
        let columns = self.by.iter().filter_map(|&place| terms.column.get(place));
        columns.filter_map(|column| column.group_count()).fold(1, usize::saturating_mul)
    }
}

/// Returns the grids of a party's statistics, or of those that are nobody's own, in the order of their columns: combinations that are part of a larger
/// one are merged into it. A statistic without groups goes to the first.
pub fn grids(terms: &Terms, party: Option<&str>) -> Vec<Grid> {
    let own = terms.statistic.iter().enumerate().filter(|(_, statistic)| terms.owner_of(statistic) == party);
    let needs: Vec<_> = own.map(|(place, statistic)| (place, group_places(terms, statistic))).collect();
    let mut grids: Vec<Grid> = largest(needs.iter().map(|(_, by)| by)).map(Grid::of).collect();
    for (place, by) in &needs {
        if let Some(grid) = grids.iter_mut().find(|grid| by.iter().all(|column| grid.by.contains(column))) {
            grid.statistics.push(*place);
        }
    }
    grids
}

impl Grid {
    fn of(by: &BTreeSet<usize>) -> Self {
        Self { by: by.iter().copied().collect(), statistics: Vec::new() }
    }
}

fn group_places(terms: &Terms, statistic: &StatisticTerm) -> BTreeSet<usize> {
    statistic.by.iter().filter_map(|name| terms.column_place(name)).collect()
}

/// Keeps the sets that are no part of another one, each once and in order.
fn largest<'a>(sets: impl Iterator<Item = &'a BTreeSet<usize>>) -> impl Iterator<Item = &'a BTreeSet<usize>> {
    let sets: BTreeSet<_> = sets.collect();
    let all = sets.clone();
    sets.into_iter().filter(move |set| !all.iter().any(|other| other != set && other.is_superset(set)))
}
