//! What is released, and totals that no tables can have.

use tidegate_mpc::testing::seeded_rng;

use super::{PAID, TOWN, agree, counts, run, statistic, totals, values};
use crate::agreement::Agreement;
use crate::statistics::sum::SumError;
use crate::statistics::{Measure, SumPlan};

/// Mean and deviation by town, and the paid in all.
fn agreement(minimum: u64) -> Agreement {
    let statistics = [
        statistic("mean", Some("paid"), &["town"], ""),
        statistic("variance", Some("paid"), &["town"], "totals = false"),
        statistic("count", None, &[], ""),
    ];
    let parts = format!("{PAID}{TOWN}{}", statistics.concat());
    agree(4, 1000, "minimum_contributors = 3", &parts, &format!("minimum_count = {minimum}"))
}

/// A table of towns with what was paid there.
fn table(rows: &[(&str, i64)]) -> String {
    let rows = rows.iter().map(|(town, paid)| format!("{town},{paid}\n"));
    std::iter::once("town,paid\n".to_owned()).chain(rows).collect()
}

#[test]
fn tables_are_those_of_all_rows_together() {
    let all = table(&[("N", 10), ("N", 20), ("S", 30), ("W", 5)]);
    let result = run(&agreement(2), &[Some(&all), Some(&all), Some(&all), None], 1);
    assert_eq!(counts(&result.tables[0]), ["6", "3", "3", "12"]);
    assert_eq!(values(&result.tables[0]), ["15.00", "30.00", "5.00", "16.25"]);
    assert_eq!(values(&result.tables[1]), ["30.00", "0.00", "0.00"]);
    assert_eq!(counts(&result.tables[2]), ["12"]);
    assert_eq!(result.tables[0].owner, "all parties");
}

#[test]
fn what_two_parties_alone_contribute_is_suppressed_and_what_would_tell_it() {
    let north = table(&[("N", 10), ("N", 10), ("N", 10), ("S", 1), ("S", 2), ("W", 3), ("W", 3), ("W", 3)]);
    let other = table(&[("S", 1), ("S", 2), ("W", 3), ("W", 3)]);
    let result = run(&agreement(2), &[Some(&north), Some(&north), Some(&other), Some(&other)], 1);
    assert_eq!(counts(&result.tables[0]), ["*", "*", "10", "24"]);
    let released = &result.released[0];
    assert_eq!((released.few_contributors, released.complementary, released.small), (1, 1, 0));
}

#[test]
fn small_and_empty_cells_are_suppressed() {
    let own = table(&[("N", 10), ("N", 10), ("S", 1)]);
    let result = run(&agreement(5), &[Some(&own), Some(&own), Some(&own), None], 1);
    assert_eq!(
        counts(&result.tables[0]),
        ["6", "*", "*", "9"].map(|text| if text == "6" { "*" } else { text })
    );
    assert_eq!(result.released[0].release.suppressed_len(), 3);
}

/// Totals of four equal tables, changed, as far as they are refused.
fn refused(change: impl Fn(&mut Vec<i128>, &SumPlan)) -> SumError {
    let agreement = agreement(2);
    let all = table(&[("N", 10), ("N", 20), ("S", 30), ("W", 5)]);
    let mut totals = totals(&agreement, &[Some(&all[..]); 4], &mut seeded_rng(1));
    let plan = SumPlan::new(&agreement).unwrap();
    assert!(plan.release(agreement.terms(), &totals, 4).is_ok());
    change(&mut totals, &plan);
    plan.release(agreement.terms(), &totals, 4).unwrap_err()
}

fn word_of(error: &SumError) -> usize {
    match error {
        SumError::Inconsistent { word, .. } => *word,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sum_1_there_is_a_total_for_every_word() {
    let error = refused(|totals, _| totals.truncate(3));
    assert_eq!(error, SumError::Length { found: 3, expected: 4 + 3 * 3 });
    assert!(matches!(refused(|totals, _| totals.push(0)), SumError::Length { found: 14, .. }));
}

#[test]
fn sum_2_the_totals_hold_enough_parties() {
    let agreement = agreement(2);
    let plan = SumPlan::new(&agreement).unwrap();
    let totals = vec![0; plan.len()];
    for found in [0, 2, 5] {
        let error = plan.release(agreement.terms(), &totals, found).unwrap_err();
        assert_eq!(error, SumError::Survivors { found, min: 3, max: 4 });
    }
}

#[test]
fn sum_3_every_total_is_one_that_tables_can_have() {
    // Four words of contributors, then count, sum and squares of each town.
    let plan = SumPlan::new(&agreement(2)).unwrap();
    assert_eq!(plan.grids[0].measures, [Measure::Count, Measure::Sum(0), Measure::Squares(0)]);
    let with = |word: usize, value: i128| word_of(&refused(move |totals, _| totals[word] = value));
    assert_eq!([with(4, -1), with(4, 4001), with(4, i128::MIN)], [4; 3]);
    assert_eq!([with(5, -1), with(5, 801), with(5, i128::MAX), with(8, 1_000_000)], [5, 5, 5, 8]);
    assert_eq!([with(6, -1), with(6, 8 * 2500 + 1)], [6; 2]);
    // Eight records whose distances from 50 sum up to -280 have squares of 9800 or more.
    assert_eq!(with(6, 9799), 6);
    assert_eq!([with(0, 5), with(0, 0), with(0, -1), with(1, i128::MAX)], [0, 0, 0, 1]);
    assert_eq!([with(3, 3), with(3, 5)], [3; 2]);
    assert_eq!(word_of(&refused(|totals, _| totals[4..7].fill(0))), 0);
}

#[test]
fn sum_4_tables_of_the_same_records_agree() {
    let sex = "[[column]]\nkind = \"category\"\nname = \"sex\"\ncategories = [\"f\", \"m\"]\n";
    let statistics =
        [statistic("sum", Some("paid"), &["town"], ""), statistic("sum", Some("paid"), &["sex"], "")];
    let parts = format!("{PAID}{TOWN}{sex}{}", statistics.concat());
    let agreement = agree(4, 1000, "", &parts, "minimum_count = 2");
    let own = "town,sex,paid\nN,f,3\nN,f,4\nS,m,4\nS,m,5\n";
    let totals = totals(&agreement, &[Some(own); 4], &mut seeded_rng(1));
    let plan = SumPlan::new(&agreement).unwrap();
    plan.release(agreement.terms(), &totals, 4).unwrap();
    let with = |word: usize, by: i128| {
        let mut totals = totals.clone();
        totals[word] += by;
        plan.release(agreement.terms(), &totals, 4).unwrap_err()
    };
    // Four and three contributors, three times and twice count and sum.
    assert_eq!(with(4, 1), SumError::Disagreement { what: "the number of records" });
    assert_eq!(with(10 + 3 + 1, -1), SumError::Disagreement { what: "the sum of a column" });
}

#[test]
fn errors_and_contributions_show_no_figure() {
    let agreement = agreement(2);
    let plan = SumPlan::new(&agreement).unwrap();
    let own = super::read(&agreement, &plan, 0, &table(&[("N", 97), ("S", 98)]));
    let words = plan.contribution(&own.columns, own.len, &mut seeded_rng(1));
    let shown = format!("{words:?} {own:?}");
    assert!(!shown.contains("97") && !shown.contains("98"), "{shown}");
    let error = refused(|totals, _| totals[5] = 77_777_777);
    assert!(!format!("{error} {error:?}").contains("7777"));
}
