//! Helpers for the tests of patterns and releases.

use proptest::prelude::*;

use crate::table::{Levels, Place, Shape};

/// Adds up the counts of a place.
pub(crate) fn count_of(shape: Shape, counts: &[u64], place: Place) -> u64 {
    shape.base_cells(place).iter().map(|&cell| counts[cell as usize]).sum()
}

/// Makes levels that ask for something.
pub(crate) fn levels() -> impl Strategy<Value = Levels> {
    let any = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    any.prop_map(|(cells, rows, columns, total)| Levels {
        cells: cells || !(rows || columns || total),
        rows,
        columns,
        total,
    })
}

/// Makes a shape and a count for each of its cells, many of them small.
pub(crate) fn shape_and_counts() -> impl Strategy<Value = (Shape, Vec<u64>)> {
    (1_u32..6, 1_u32..6).prop_flat_map(|(rows, columns)| {
        let shape = Shape::new(rows, columns).unwrap();
        let count = prop_oneof![0_u64..4, 0_u64..12, 0_u64..60];
        (Just(shape), proptest::collection::vec(count, shape.cells_len() as usize))
    })
}

/// Lists all tables of `len` counts with this total.
pub(crate) fn tables(len: usize, total: u64) -> Vec<Vec<u64>> {
    if len == 1 {
        return vec![vec![total]];
    }
    let with = |first: u64| {
        let rest = tables(len - 1, total - first);
        rest.into_iter().map(move |table| [&[first][..], &table].concat())
    };
    (0..=total).flat_map(with).collect()
}
