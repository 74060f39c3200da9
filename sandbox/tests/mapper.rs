//! Mappers against the plain computation.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the oracle's numbers are small; a test ends where something is missing"
)]

mod common;

use common::{Guest, Table};
use proptest::prelude::*;
use tidegate_disclosure::{Cell, Sum};
use tidegate_sandbox::Limits;

/// What the host should come to: cells of the declaration in `common`, by hand.
fn expected(rows: &[(i64, f64, u64)]) -> (Vec<Cell>, u64, u64) {
    let mut units: std::collections::BTreeMap<u64, (Vec<i64>, i128, i128)> =
        std::collections::BTreeMap::new();
    let mut left_out = 0;
    for (group, amount, unit) in rows {
        if !(0..3).contains(group) || amount.is_nan() {
            left_out += 1;
            continue;
        }
        let cents = (amount.clamp(0.0, 100.0) * 100.0).round_ties_even() as i128;
        let entry = units.entry(*unit).or_default();
        entry.0.push(*group);
        entry.1 += cents;
        entry.2 += cents * cents;
    }
    let conflicting = units.values().filter(|(cells, ..)| cells.iter().any(|cell| *cell != cells[0])).count();
    let cell = |index: i64| {
        let here = || units.values().filter(move |(cells, ..)| cells.iter().all(|cell| *cell == index));
        let sum = |values: Vec<i128>| {
            let mut largest: Vec<u64> = values.iter().map(|value| u64::try_from(*value).unwrap()).collect();
            largest.sort_unstable_by(|a, b| b.cmp(a));
            largest.truncate(2);
            Sum { total: values.iter().sum(), largest }
        };
        let sums = vec![sum(here().map(|unit| unit.1).collect()), sum(here().map(|unit| unit.2).collect())];
        Cell { count: here().count() as u64, sums }
    };
    ((0..3).map(cell).collect(), left_out, conflicting as u64)
}

fn amount() -> impl Strategy<Value = f64> {
    prop_oneof![10 => -1.0..7.0, 1 => prop_oneof![Just(1e300), Just(-0.0), Just(0.125), Just(-1e300)]]
}

/// What the guest of the property test makes of an amount: no number below zero, and an infinite one far above.
fn mapped(amount: f64) -> f64 {
    amount.sqrt() * (amount * amount)
}

fn mapping() -> Guest {
    let mut guest = Guest::mapper();
    let load = "(f64.load (i32.add (local.get $amounts) (i32.mul (local.get $row) (i32.const 8))))";
    guest.body =
        guest.body.replacen(load, &format!("(f64.mul (f64.sqrt {load}) (f64.mul {load} {load}))"), 1);
    guest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_host_adds_up_what_the_guest_says(
        rows in proptest::collection::vec((-1_i64..5, amount(), 0_u64..40), 0..200),
        partition in 1_usize..20, threads in 1_usize..5, by_unit: bool,
    ) {
        let mut table = Table::of(&rows.iter().map(|(group, amount, _)| (*group, *amount)).collect::<Vec<_>>());
        let distinct: Vec<_> = if by_unit {
            table.units = Some(rows.iter().map(|row| row.2).collect());
            rows
        } else {
            (0..).zip(rows).map(|(unit, row)| (row.0, row.1, unit)).collect()
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| mapping().tally(&table, 8 * partition, Limits::default())).unwrap();
        let said: Vec<_> = distinct.iter().map(|row| (row.0, mapped(row.1), row.2)).collect();
        let (cells, left_out, conflicting) = expected(&said);
        prop_assert_eq!((0..3).map(|cell| found.cell(cell).unwrap()).collect::<Vec<_>>(), cells);
        prop_assert_eq!((found.left_out(), found.conflicting()), (left_out, conflicting));
    }
}

/// Batches have 16,384 rows at most.
#[test]
fn rows_of_many_batches_are_all_seen() {
    let rows: Vec<_> = (0..50_001).map(|row| (row % 3, (row % 100) as f64)).collect();
    let found = Guest::mapper().tally(&Table::of(&rows), 32_768, Limits::default()).unwrap();
    let (cells, ..) = expected(&(0..).zip(&rows).map(|(unit, row)| (row.0, row.1, unit)).collect::<Vec<_>>());
    assert_eq!((0..3).map(|cell| found.cell(cell).unwrap()).collect::<Vec<_>>(), cells);
    assert_eq!(found.units(), 50_001);
}

/// What stands where no value is does not reach a guest.
#[test]
fn missing_values_are_handed_over_as_zero() {
    let mut table = Table::of(&[(0, 7.0), (0, 9.0), (0, 11.0)]);
    table.validity = Some(vec![0b101]);
    let found = Guest::mapper().tally(&table, 8, Limits::default()).unwrap();
    assert_eq!(found.cell(0).unwrap().sums[0].total, 700 + 1100);
}
