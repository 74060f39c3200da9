//! Noise of all parties on the totals.

use tidegate_mpc::testing::seeded_rng;

use super::{PAID, TOWN, agree, run, statistic, totals};
use crate::agreement::Agreement;
use crate::statistics::sum::SumError;
use crate::statistics::{Measure, SumPlan};

const NOISE: &str =
    "[disclosure.noise]\nmechanism = \"discrete-gaussian\"\nepsilon = \"2\"\ndelta = \"0.00001\"\n";

fn agreement(parties: usize, minimum: u64) -> Agreement {
    let statistics =
        [statistic("sum", Some("paid"), &["town"], ""), statistic("mean", Some("paid"), &[], "")];
    let parts = format!("{PAID}{TOWN}{}", statistics.concat());
    agree(parties, 2000, "", &parts, &format!("minimum_count = {minimum}\n{NOISE}"))
}

fn table(rows: usize) -> String {
    let row = |row: usize| format!("{},{}\n", ["N", "S", "W"][row % 3], row % 101);
    std::iter::once("town,paid\n".to_owned()).chain((0..rows).map(row)).collect()
}

#[test]
fn noisy_totals_are_near_the_true_ones_and_say_how_near() {
    let agreement = agreement(5, 20);
    let plan = SumPlan::new(&agreement).unwrap();
    assert_eq!(plan.len(), 3 * 2, "contributors are not counted");
    let own = table(600);
    let result = run(&agreement, &[Some(&own), Some(&own), Some(&own), None, Some(&own)], 3);
    for entry in &result.tables[0].entries {
        let (count, value) = (entry.count.as_ref().unwrap(), entry.value.as_ref().unwrap());
        let cells = if entry.row.is_none() { 3.0 } else { 1.0 };
        let rows = (800.0 * cells - count.number).abs();
        assert!(rows < 8.0 * count.standard_error.unwrap() && count.standard_error.unwrap() < 10.0);
        assert!(value.standard_error.unwrap() > 50.0 && value.standard_error.unwrap() < 1000.0);
    }
    let (first, again) = (run(&agreement, &[Some(&own[..]); 5], 3), run(&agreement, &[Some(&own[..]); 5], 4));
    assert_ne!(first.tables, again.tables);
}

#[test]
fn more_survivors_than_must_be_honest_add_more_noise_than_declared() {
    let noise = SumPlan::new(&agreement(5, 20)).unwrap().noise.unwrap();
    // Four parties are in a total at least, three of which reach what is declared.
    assert_eq!((noise.honest, noise.spends), (3, 2));
    let of = |parties| noise.standard_deviation(Measure::Sum(0), parties);
    let declared = tidegate_disclosure::noise::Scale::of(&noise.rule, 100).unwrap().standard_deviation();
    assert!(of(3) >= declared * 0.999 && of(3) < declared * 1.01 && of(5) > declared * 1.28);
}

#[test]
fn small_noisy_cells_are_suppressed() {
    let agreement = agreement(3, 1000);
    let own = table(30);
    let result = run(&agreement, &[Some(&own[..]); 3], 5);
    assert!(result.tables.iter().flat_map(|table| &table.entries).all(|entry| entry.suppressed));
    assert_eq!(result.released[0].small, 4);
}

#[test]
fn two_parties_may_sum_with_noise() {
    let own = table(300);
    let result = run(&agreement(2, 20), &[Some(&own), Some(&own)], 6);
    assert!(result.tables[0].entries.iter().any(|entry| !entry.suppressed));
}

#[test]
fn noisy_totals_beyond_all_bounds_are_refused() {
    let agreement = agreement(3, 20);
    let plan = SumPlan::new(&agreement).unwrap();
    let mut sums = totals(&agreement, &[Some(&table(30)[..]); 3], &mut seeded_rng(1));
    sums[3] = 3 * plan.bounds().1 + 1;
    let refused = plan.release(agreement.terms(), &sums, 3).unwrap_err();
    assert!(matches!(refused, SumError::Inconsistent { word: 3, .. }));
    sums[3] = -3;
    plan.release(agreement.terms(), &sums, 3).unwrap();
}

#[test]
fn a_run_spends_the_budget_of_the_own_dataset() {
    let agreement = agreement(3, 20);
    let spending =
        SumPlan::new(&agreement).unwrap().spending(&agreement, &agreement.terms().party[1]).unwrap();
    assert_eq!((spending.dataset.as_str(), spending.figures, spending.limit), ("d", 2, None));
}
