//! Variances and means against big integers.

use num_bigint::BigInt;
use tidegate_mpc::testing::seeded_rng;

use super::{agree, statistic};
use crate::agreement::Agreement;
use crate::data::ColumnData;
use crate::statistics::{PlanError, StatisticsError, SumPlan};

/// Mean, variance and deviation of one column between these bounds, in hundredths.
fn agreement(most: u64, min: &str, max: &str) -> Agreement {
    let column = format!(
        "[[column]]\nkind = \"number\"\nname = \"v\"\ndecimals = 2\nmin = \"{min}\"\nmax = \"{max}\"\n"
    );
    let kinds = ["mean", "variance", "sum"].map(|kind| statistic(kind, Some("v"), &[], ""));
    agree(4, most, "", &(column + &kinds.concat()), "minimum_count = 2")
}

/// Tells whether `value` is the float nearest to numerator / denominator, by integers alone.
fn is_nearest(value: f64, numerator: &BigInt, denominator: &BigInt) -> bool {
    // |candidate - n/d| in units of 2^-1074 / d.
    let off = |candidate: f64| {
        let difference = scaled(candidate) * denominator - (numerator << 1074u32);
        difference.magnitude().clone()
    };
    off(value) <= off(value.next_up()) && off(value) <= off(value.next_down())
}

/// Returns a float times 2^1074, which is an integer.
fn scaled(value: f64) -> BigInt {
    let bits = value.to_bits();
    let exponent = bits >> 52 & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = match exponent {
        0 => BigInt::from(fraction),
        exponent => BigInt::from(fraction | 1 << 52) << (exponent - 1),
    };
    if value < 0.0 { -magnitude } else { magnitude }
}

/// Checks mean and variance of four parties' values, given in hundredths.
fn check(agreement: &Agreement, values: &[Vec<i64>]) {
    let plan = SumPlan::new(agreement).unwrap();
    let mut totals = vec![0i128; plan.len()];
    for own in values {
        let columns = [ColumnData::Numbers(own.clone())];
        let words = plan.contribution(&columns, own.len(), &mut seeded_rng(1));
        totals.iter_mut().zip(words.words()).for_each(|(total, word)| *total += word);
    }
    let result = plan.release(agreement.terms(), &totals, 4).unwrap();
    let number = |table: usize| result.tables[table].entries[0].value.as_ref().unwrap().number;

    let (n, sum, squares) = values
        .iter()
        .flatten()
        .fold((BigInt::ZERO, BigInt::ZERO, BigInt::ZERO), |(n, sum, squares), &value| {
            (n + 1, sum + value, squares + BigInt::from(value) * value)
        });
    let spread = &n * squares - &sum * &sum;
    assert!(is_nearest(number(0), &sum, &(&n * 100)), "mean {}", number(0));
    assert!(is_nearest(number(1), &spread, &(&n * (&n - 1) * 10_000)), "variance {}", number(1));
    assert!(is_nearest(number(2), &sum, &BigInt::from(100)), "sum {}", number(2));
    let text: String = result.tables[2].entries[0].value.as_ref().unwrap().text.replace('.', "");
    assert_eq!(text.trim_start_matches('0').parse::<BigInt>().unwrap_or_default(), sum);
}

/// Makes numbers that look random, from `low` on and below `low + width`.
fn numbers(len: usize, low: i64, width: u64, seed: u64) -> Vec<i64> {
    let mut state = seed;
    let next = |_| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + i64::try_from((mixed ^ mixed >> 31) % width).unwrap()
    };
    (0..len).map(next).collect()
}

#[test]
fn variances_of_a_million_rows_are_exact_to_the_last_bit() {
    // Far from zero and close together, where sums of squares cancel; then as wide as they may be.
    let close = agreement(250_000, "9000000000.00", "9000000010.00");
    check(&close, &[1, 2, 3, 4].map(|seed| numbers(250_000, 900_000_000_000, 1000, seed)));
    let wide = agreement(250_000, "-2000000000.00", "2000000000.00");
    check(&wide, &[5, 6, 7, 8].map(|seed| numbers(250_000, -200_000_000_000, 400_000_000_000, seed)));
    let skewed = agreement(250_000, "0.00", "4000000000.00");
    check(&skewed, &[9, 10, 11, 12].map(|seed| numbers(250_000, 0, 7, seed)));
}

#[test]
fn small_tables_are_exact_too() {
    for seed in 0..200 {
        let agreement = agreement(10, "-200000000000.00", "200000000000.00");
        let len = usize::try_from(seed % 7 + 1).unwrap();
        check(
            &agreement,
            &[1, 2, 3, 4]
                .map(|party| numbers(len, -20_000_000_000_000, 40_000_000_000_000, 8 * seed + party)),
        );
    }
}

#[test]
fn a_few_equal_values_have_no_variance() {
    let agreement = agreement(10, "0", "1.00");
    check(&agreement, &[vec![7, 7], vec![7], vec![7], vec![7]]);
}

#[test]
fn totals_that_are_not_exact_are_refused_before_a_run() {
    let planned = |most, max: &str| SumPlan::new(&agreement(most, "0", max));
    assert!(planned(1 << 20, "900000000.00").is_ok());
    // Above 2^96; and below that, but 2^32 times as much is above 2^127.
    for (most, max) in [(1 << 20, "9000000000.00"), (1 << 10, "90000000000000.00"), (1 << 30, "80000000.00")]
    {
        match planned(most, max) {
            Err(PlanError::Statistics(StatisticsError::TotalTooWide { column, most: found })) => {
                assert_eq!((column.as_str(), found), ("v", 4 * most));
            }
            found => panic!("{found:?}"),
        }
    }
}
