//! Agreements beyond what the protocol can compute: refused before anything is sent, each for its own reason.

use super::{PAID, PARTITIONS, PLAIN, agree, statistic};
use crate::agreement::Agreement;
use crate::statistics::{Direction, StatisticsError};

fn refused(agreement: &Agreement) -> StatisticsError {
    let planned = Direction::new(agreement.terms(), agreement.join_terms().unwrap(), "ann");
    let error = planned.err().unwrap();
    assert!(error.hint().starts_with("agree on "), "{error}");
    error
}

fn town(groups: usize) -> String {
    let groups: Vec<_> = (0..groups).map(|group| format!("g{group}")).collect();
    format!("[[column]]\nkind = \"category\"\nparty = \"ann\"\nname = \"town\"\ncategories = {groups:?}\n")
}

fn count_all() -> String {
    statistic("count", None, &[], "party = \"ann\"")
}

#[test]
fn a_minimum_above_a_thousand_cannot_be_tested() {
    let plan = |minimum: u64| agree(50, PLAIN, &count_all(), &format!("minimum_count = {minimum}"));
    let at = plan(1000);
    assert!(Direction::new(at.terms(), at.join_terms().unwrap(), "ann").unwrap().is_some());
    assert_eq!(refused(&plan(1001)), StatisticsError::Minimum { found: 1001, max: 1000 });
}

#[test]
fn who_owns_nothing_has_no_direction_whatever_the_minimum() {
    let agreement = agree(50, PLAIN, &count_all(), "minimum_count = 1001");
    let planned = Direction::new(agreement.terms(), agreement.join_terms().unwrap(), "ben");
    assert!(planned.unwrap().is_none());
}

#[test]
fn a_record_carries_2047_figures_at_most() {
    let by_town = |groups| town(groups) + PAID + &statistic("sum", Some("paid"), &["town"], "");
    let agreement = agree(50, PLAIN, &by_town(1024), "minimum_count = 2");
    assert_eq!(refused(&agreement), StatisticsError::TooManyColumns { found: 2048, max: 2047 });
    let fits = agree(50, PLAIN, &by_town(1023), "minimum_count = 2");
    let direction = Direction::new(fits.terms(), fits.join_terms().unwrap(), "ann").unwrap().unwrap();
    assert_eq!(direction.lent.columns, 2046);
    let partitions = agree(50, PARTITIONS, &by_town(1024), "minimum_count = 2");
    let direction =
        Direction::new(partitions.terms(), partitions.join_terms().unwrap(), "ann").unwrap().unwrap();
    assert_eq!((direction.lent.columns, direction.lent.labels), (2, 1024));
}

#[test]
fn a_sum_fits_into_the_range_that_is_decoded() {
    let sum = |decimals: u8| {
        PAID.replace("decimals = 0", &format!("decimals = {decimals}"))
            + &statistic("sum", Some("paid"), &[], "")
    };
    // A million records of up to 100 with 5 digits are 10^13 units, below 2^44; 6 digits are not.
    let fits = agree(1_000_000, PLAIN, &sum(5), "minimum_count = 2");
    assert!(Direction::new(fits.terms(), fits.join_terms().unwrap(), "ann").is_ok());
    let wide = agree(1_000_000, PLAIN, &sum(6), "minimum_count = 2");
    assert_eq!(refused(&wide), StatisticsError::SumTooWide { column: "paid".into(), most: 1_000_000 });
    // 2^53 units of 2^30 records do not fit 64 bits either.
    let paid = PAID.replace("max = \"100\"", "max = \"9007199254740991\"")
        + &statistic("sum", Some("paid"), &[], "");
    let wide = agree(1 << 30, PLAIN, &paid, "minimum_count = 2");
    assert_eq!(refused(&wide), StatisticsError::SumTooWide { column: "paid".into(), most: 1 << 30 });
}

#[test]
fn squares_are_rounded_to_the_nearest_unit() {
    let paid = PAID.replace("max = \"100\"", "max = \"1000000\"");
    let parts = paid + &statistic("variance", Some("paid"), &[], "");
    let agreement = agree(1000, PLAIN, &parts, "minimum_count = 1");
    let planned = Direction::new(agreement.terms(), agreement.join_terms().unwrap(), "ann").unwrap();
    let number = planned.unwrap().numbers[0];
    let unit = 1i128 << number.square_shift;
    assert!(unit > 1 && number.middle == 500_000);
    for value in (0..=1_000_000).step_by(7919) {
        let exact = i128::from(value - number.middle).pow(2);
        let off = exact - number.square(value) * unit;
        assert!(2 * off.abs() <= unit, "{value} is off by {off} of {unit}");
    }
}

#[test]
fn many_wide_sums_take_too_long_to_decode_where_no_count_narrows_them() {
    let parts = town(1000)
        + &PAID.replace("decimals = 0", "decimals = 5")
        + &statistic("sum", Some("paid"), &["town"], "totals = false");
    let join = PARTITIONS.replace("partitions", "columns");
    let noise = "noise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }";
    let plan = |more: &str| agree(1_000_000, &join, &parts, &format!("minimum_count = 2\n{more}"));
    assert_eq!(refused(&plan(noise)), StatisticsError::TooMuchWork { sums: 2002 });
    let counted = plan("");
    assert!(Direction::new(counted.terms(), counted.join_terms().unwrap(), "ann").is_ok());
}

#[test]
fn made_up_records_are_bounded() {
    let dear = PARTITIONS.replace("epsilon = \"1\"", "epsilon = \"0.0001\"");
    let parts = town(1000) + &statistic("count", None, &["town"], "");
    match refused(&agree(50, &dear, &parts, "minimum_count = 2")) {
        StatisticsError::TooManyDummies { found, max } => assert!(found > max, "{found}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn noise_without_a_scale_is_refused() {
    let join = PARTITIONS.replace("partitions", "columns");
    let noise = "minimum_count = 2\nnoise = { mechanism = \"discrete-gaussian\", epsilon = \"0.000000000001\", delta = \"0.01\" }";
    let error =
        refused(&agree(50, &join, &(PAID.to_owned() + &statistic("sum", Some("paid"), &[], "")), noise));
    assert!(matches!(error, StatisticsError::Noise(_)), "{error:?}");
}
