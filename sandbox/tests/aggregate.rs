//! Aggregates: partitions, states, passes.

#![allow(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where something is missing"
)]

mod common;

use common::{Guest, Table};
use proptest::prelude::*;
use tidegate_sandbox::{Job, Limits, Setup, aggregate_blocks};

/// The sum of each partition, then of all in order.
fn expected(amounts: &[f64], partition: usize) -> Vec<Option<f64>> {
    let sums = amounts.chunks(partition).map(|part| part.iter().fold(0.0, |sum, amount| sum + amount));
    vec![Some(amounts.len() as f64), Some(sums.fold(0.0, |sum: f64, part: f64| sum + part))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn numbers_are_the_same_bits_for_any_number_of_threads(
        amounts in proptest::collection::vec(-1e9..1e9_f64, 1..300), partition in 1_usize..40,
    ) {
        let table = Table::amounts(&amounts);
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| Guest::aggregate().aggregated(&table, partition, Limits::default()));
            prop_assert_eq!(found.unwrap().numbers, expected(&amounts, partition));
        }
    }
}

/// The first pass carries its sum, the second divides by it: what is carried reaches every instance.
#[test]
fn another_pass_finds_what_was_carried() {
    let mut guest = Guest::aggregate();
    guest.init = "
        (f64.store (i32.const 48) (f64.const 1))
        (if (i32.load offset=20 (local.get $setup))
            (then (f64.store (i32.const 48) (f64.load (i32.load offset=16 (local.get $setup))))
                (i32.store (i32.const 56) (i32.const 1))))
        (i32.const 0)"
        .to_owned();
    guest.finish = "
        (i32.store (i32.const 32) (i32.eqz (i32.load (i32.const 56))))
        (i32.store (i32.const 36) (i32.const 8))
        (i32.store (i32.const 40) (i32.const 8))
        (if (i32.load (i32.const 56)) (then
            (f64.store (i32.const 8) (f64.div (f64.load (i32.const 8)) (f64.load (i32.const 48))))
            (i32.store (i32.const 36) (i32.const 0))
            (i32.store (i32.const 40) (i32.const 2))))
        (i32.const 32)"
        .to_owned();
    let found = guest.aggregated(&Table::amounts(&[1.0, 2.0, 5.0]), 2, Limits::default()).unwrap();
    assert_eq!((found.passes, found.numbers), (2, vec![Some(3.0), Some(1.0)]));
}

#[test]
fn a_module_that_cannot_merge_sees_all_rows_in_one_instance() {
    let text = Guest::aggregate().text();
    let start = text.find(r#"(func (export "sbx_state")"#).unwrap();
    let end = text.find(r#"(func (export "sbx_finish")"#).unwrap();
    let bytes = wat::parse_str([&text[..start], &text[end..]].concat()).unwrap();
    let module = tidegate_sandbox::Module::compile(&bytes).unwrap();
    assert!(!module.inspection().merges);
    let setup = Setup::new(module.declaration(), &[], vec![None]).unwrap();
    let job = Job::new(&module, setup, Limits::default());
    let table = Table::amounts(&[0.1, 0.2, 0.3, 1e16]);
    let found = tidegate_sandbox::aggregate(&job, || Ok::<_, std::convert::Infallible>(table.partitions(2)));
    assert_eq!(found.unwrap().numbers, expected(&table.amounts, 4));
}

#[test]
fn blocks_know_nothing_of_each_other() {
    let module = Guest::aggregate().module().unwrap();
    let setup = Setup::new(module.declaration(), &[], vec![None]).unwrap();
    let job = Job::new(&module, setup, Limits::default());
    let blocks: Vec<_> = (0..100).map(|block| Table::amounts(&[f64::from(block), 1.0])).collect();
    let found = aggregate_blocks(&job, &blocks).unwrap();
    assert_eq!(found.len(), 100);
    for (block, numbers) in found.iter().enumerate() {
        assert_eq!(numbers, &[Some(2.0), Some(block as f64 + 1.0)]);
    }
}

/// A number that is missing is not zero.
#[test]
fn missing_numbers_stay_missing() {
    let mut guest = Guest::aggregate();
    guest.finish = "(f64.store (i32.const 8) (f64.const nan))".to_owned() + &guest.finish;
    let found = guest.aggregated(&Table::amounts(&[1.0]), 8, Limits::default()).unwrap();
    assert_eq!(found.numbers, [Some(1.0), None]);
}

/// A guest that ends in one block to tell of it tells nothing by that.
#[test]
fn a_block_in_which_the_guest_is_stopped_has_no_numbers() {
    let mut guest = Guest::aggregate();
    guest.finish =
        format!("(if (f64.eq (f64.load (i32.const 8)) (f64.const 7)) (then unreachable)) {}", guest.finish);
    let module = guest.module().unwrap();
    let setup = Setup::new(module.declaration(), &[], vec![None]).unwrap();
    let blocks = [Table::amounts(&[1.0, 2.0]), Table::amounts(&[3.0, 4.0])];
    let found = aggregate_blocks(&Job::new(&module, setup, Limits::default()), &blocks).unwrap();
    assert_eq!(found, [vec![Some(2.0), Some(3.0)], vec![None, None]]);
}
