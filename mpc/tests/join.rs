//! Joins against the plain computation: sums, counts, groups, dummies, noise, both directions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::collections::HashMap;

use proptest::prelude::*;
use tidegate_mpc::join::{Cell, Counts, Lent, Plan};
use tidegate_mpc::testing::{CellByCell, JoinSide, Parties, Rows};
use tidegate_mpc::{ItemSet, Outputs, Protocol};

type Row = (u32, Vec<i64>);

const BOUNDS: (i64, i64) = (-1_000_000, 1_000_000);

fn untouched() -> impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send {
    |_, message| Some(message)
}

fn set(keys: &[u32]) -> ItemSet {
    ItemSet::new(keys.iter().map(|key| key.to_le_bytes())).unwrap()
}

/// Runs a join in which the sender alone lends its rows.
fn one_way(
    ours: &[u32],
    theirs: &[u32],
    rows: &[Row],
    lent: Lent,
    disclosure: &CellByCell,
    used: Vec<u32>,
) -> (CellByCell, CellByCell) {
    let (receiver_items, sender_items) = (set(ours), set(theirs));
    let parties = Parties::new(Protocol::JoinElGamal, Outputs::Both, 0, &receiver_items, &sender_items);
    let plan = Plan { own: None, peer: Some(lent) };
    let mut receiver = JoinSide { borrow: Some(disclosure.clone()), ..JoinSide::default() };
    let lend = Some(Rows { rows, disclosure: disclosure.clone() });
    let mut sender = JoinSide { lend, used, ..JoinSide::default() };
    let (a, b) = parties.run_join(plan, &mut receiver, &mut sender, &mut untouched(), &mut untouched());
    a.unwrap();
    b.unwrap();
    (receiver.borrow.unwrap(), sender.lend.unwrap().disclosure)
}

fn cell(labels: &[u32], columns: &[u32]) -> Cell {
    Cell { labels: labels.to_vec(), columns: columns.to_vec() }
}

/// The values of the rows whose key both sides have, by label.
fn common(ours: &[u32], theirs: &[u32], rows: &[Row]) -> HashMap<u32, Vec<Vec<i64>>> {
    let mut by_label: HashMap<u32, Vec<Vec<i64>>> = HashMap::new();
    for (key, (label, values)) in theirs.iter().zip(rows) {
        if ours.contains(key) {
            by_label.entry(*label).or_default().push(values.clone());
        }
    }
    by_label
}

#[test]
fn the_sum_of_one_column_is_that_of_the_plain_join() {
    let theirs: Vec<u32> = (50..150).collect();
    let rows: Vec<Row> = theirs.iter().map(|&key| (0, vec![i64::from(key) - 90])).collect();
    let lent = Lent { labels: 1, columns: 1, dummies: 0, minimum: 10, counts: Counts::ByMatcher };
    let disclosure = CellByCell {
        counts: vec![cell(&[0], &[0])],
        sums: vec![vec![(cell(&[0], &[0]), BOUNDS)]],
        counted_by_matcher: true,
        ..CellByCell::default()
    };
    let ours: Vec<u32> = (0..100).collect();
    let (matcher, owner) = one_way(&ours, &theirs, &rows, lent, &disclosure, Vec::new());
    let sum = (50..100).map(|key| key - 90).sum();
    assert_eq!(matcher.released, [Some(50), Some(sum)]);
    assert_eq!(owner.released, matcher.released);

    let few: Vec<u32> = (141..160).collect();
    let (matcher, owner) = one_way(&few, &theirs, &rows, lent, &disclosure, Vec::new());
    assert_eq!(matcher.released, [None, None]);
    assert_eq!((owner.released, owner.opened), (vec![None, None], vec![]));
}
