//! What is in the tables: which cells and margins, in which order, and what leaves none of them.

use super::{
    JOB, PAID, PARTITIONS, PLAIN, Side, TOWN, agree, counts, keys, released, run, statistic, table, values,
};
use crate::data::{CellFault, DataError};
use crate::statistics::Axis;

/// Ann's people by town and job, as often as said, each with 10 paid.
fn people(cells: &[(&str, &str, usize)]) -> String {
    let rows = cells.iter().flat_map(|(town, job, count)| vec![format!("10,{town},{job}"); *count]);
    table("paid,town,job", rows)
}

const EVEN: [(&str, &str, usize); 6] =
    [("N", "J", 2), ("N", "K", 3), ("N", "L", 4), ("S", "J", 5), ("S", "K", 6), ("S", "L", 7)];

fn parts(statistics: &[String]) -> String {
    [TOWN, JOB].concat() + &statistics.concat()
}

#[test]
fn rows_and_columns_are_those_that_the_statistic_names_first_and_second() {
    let town_first = statistic("crosstab", None, &["town", "job"], "");
    let job_first = statistic("crosstab", None, &["job", "town"], "totals = false");
    for join in [PLAIN, PARTITIONS] {
        let agreement =
            agree(50, join, &parts(&[town_first.clone(), job_first.clone()]), "minimum_count = 2");
        let tables = released(&agreement, [&people(&EVEN), &keys(0..27)]);
        assert_eq!(counts(&tables[0]), ["2", "3", "4", "9", "5", "6", "7", "18", "7", "9", "11", "27"]);
        assert_eq!(counts(&tables[1]), ["2", "5", "3", "6", "4", "7"]);
        let axes =
            |table: usize| tables[table].by.iter().map(|axis: &Axis| axis.name.as_str()).collect::<Vec<_>>();
        assert_eq!((axes(0), axes(1)), (vec!["town", "job"], vec!["job", "town"]));
        let last = tables[0].entries.last().unwrap();
        assert_eq!((last.row, last.column), (None, None));
    }
}

#[test]
fn margins_of_a_larger_grid_are_tables_too() {
    let statistics = [
        statistic("crosstab", None, &["town", "job"], "totals = false"),
        statistic("count", None, &["job"], ""),
        statistic("count", None, &["town"], "totals = false"),
    ];
    let agreement = agree(50, PLAIN, &parts(&statistics), "minimum_count = 2");
    let tables = released(&agreement, [&people(&EVEN), &keys(0..27)]);
    assert_eq!(counts(&tables[1]), ["7", "9", "11", "27"]);
    assert_eq!(counts(&tables[2]), ["9", "18"]);
}

#[test]
fn columns_partitions_and_made_up_records_release_the_same() {
    let statistics =
        [statistic("mean", Some("paid"), &["town"], ""), statistic("variance", Some("paid"), &["town"], "")];
    let parts = [PAID, TOWN].concat() + &statistics.concat();
    let dummies = PARTITIONS.replace("partitions", "columns");
    let ann = table("paid,town", (0..20).map(|i| format!("{},{}", i * 5, ["N", "S"][i % 2])));
    let found = [PLAIN, PARTITIONS, &dummies]
        .map(|join| released(&agree(50, join, &parts, "minimum_count = 3"), [&ann, &keys(4..30)]));
    assert_eq!(values(&found[0][0]), ["55.00", "60.00", "57.50"]);
    assert_eq!((&found[0], &found[0]), (&found[1], &found[2]));
}

#[test]
fn records_in_both_tables_alone_count() {
    let agreement =
        agree(50, PLAIN, &(TOWN.to_owned() + &statistic("count", None, &["town"], "")), "minimum_count = 1");
    let ann = table("town", ["N", "S", "S", "N"].map(str::to_owned));
    assert_eq!(counts(&released(&agreement, [&ann, &keys([1, 3, 9])])[0]), ["1", "1", "2"]);
    // No common record at all.
    assert_eq!(counts(&released(&agreement, [&ann, &keys(7..9)])[0]), ["*", "*", "*"]);
}

#[test]
fn a_party_without_columns_of_its_own_takes_part() {
    let by_town = statistic("count", None, &["town"], "totals = false");
    let agreement = agree(50, PLAIN, &(TOWN.to_owned() + &by_town), "minimum_count = 1");
    let ann = table("town", ["N", "S"].map(str::to_owned));
    let [own, other] = run(&agreement, [&ann, &keys(0..2)], 3);
    assert_eq!((own.own.len(), own.peer.len(), other.own.len(), other.peer.len()), (1, 0, 0, 1));
    assert_eq!(own.tables, other.tables);
}

#[test]
fn a_single_group_and_no_group_are_counted_by_the_matcher() {
    let town = TOWN.replace("\"N\", \"S\"", "\"N\"");
    let one = town + &statistic("mean", Some("paid"), &["town"], "") + PAID;
    let none = PAID.to_owned() + &statistic("mean", Some("paid"), &[], "");
    let ann = table("paid,town", ["7,N", "8,N", "100,N"].map(str::to_owned));
    for (parts, shown) in [(one, vec!["7.50", "7.50"]), (none, vec!["7.50"])] {
        let agreement = agree(50, PLAIN, &parts, "minimum_count = 2");
        let tables = released(&agreement, [&ann, &keys(0..2)]);
        assert_eq!(values(&tables[0]), shown);
        let tables = released(&agreement, [&ann, &keys(1..2)]);
        assert!(values(&tables[0]).iter().all(|value| *value == "*"));
    }
}

#[test]
fn equal_keys_are_refused_summed_or_the_first_taken() {
    let parts = PAID.to_owned() + TOWN + &statistic("sum", Some("paid"), &["town"], "totals = false");
    let ann = "id,paid,town\n0,10,N\n1,20,S\n0,5,N\n";
    let join = |duplicates: &str| {
        PLAIN.replace("duplicates = \"refuse\"", &format!("duplicates = \"{duplicates}\""))
    };
    for (duplicates, sums) in [("sum", ["15", "20"]), ("first", ["10", "20"])] {
        let agreement = agree(50, &join(duplicates), &parts, "minimum_count = 1");
        assert_eq!(values(&released(&agreement, [ann, &keys(0..2)])[0]), sums);
    }
    let strict = Side::new(&agree(50, PLAIN, &parts, "minimum_count = 1"), 0, ann);
    assert!(matches!(strict.err(), Some(DataError::EqualKeys { first: 1, second: 3, .. })));
    let unlike =
        Side::new(&agree(50, &join("sum"), &parts, "minimum_count = 1"), 0, &ann.replace("0,5,N", "0,5,S"));
    assert!(matches!(unlike.err(), Some(DataError::UnlikeGroups { first: 1, second: 3, .. })));
    let wide =
        Side::new(&agree(50, &join("sum"), &parts, "minimum_count = 1"), 0, &ann.replace("0,5,N", "0,91,N"));
    assert!(matches!(wide.err(), Some(DataError::BadSum { row: 1, .. })));
}

#[test]
fn rows_with_an_empty_cell_are_refused_or_left_out() {
    let parts = PAID.to_owned() + TOWN + &statistic("sum", Some("paid"), &["town"], "totals = false");
    let ann = "id,paid,town\n0,10,N\n1,,S\n2,30,S\n";
    let drop = PLAIN.replace("missing = \"refuse\"", "missing = \"drop\"");
    let agreement = agree(50, &drop, &parts, "minimum_count = 1");
    assert_eq!(values(&released(&agreement, [ann, &keys(0..3)])[0]), ["10", "30"]);
    let refused = Side::new(&agree(50, PLAIN, &parts, "minimum_count = 1"), 0, ann).err();
    assert!(matches!(refused, Some(DataError::BadCell { row: 2, fault: CellFault::Empty, .. })));
}

#[test]
fn signed_sums_and_decimals_are_exact() {
    let paid = PAID.replace("decimals = 0\nmin = \"0\"", "decimals = 3\nmin = \"-100\"");
    let parts = paid + &statistic("sum", Some("paid"), &[], "") + &statistic("mean", Some("paid"), &[], "");
    let ann = table("paid", ["-99.999", "0.001", "-0.003"].map(str::to_owned));
    let tables = released(&agree(50, PLAIN, &parts, "minimum_count = 1"), [&ann, &keys(0..3)]);
    assert_eq!((values(&tables[0]), values(&tables[1])), (vec!["-100.001"], vec!["-33.33367"]));
}

#[test]
fn the_variance_of_one_record_is_no_number() {
    let parts = PAID.to_owned() + &statistic("variance", Some("paid"), &[], "");
    let agreement = agree(50, PLAIN, &parts, "minimum_count = 1");
    let ann = table("paid", ["3", "4"].map(str::to_owned));
    assert_eq!(values(&released(&agreement, [&ann, &keys(0..1)])[0]), ["-"]);
    assert_eq!(values(&released(&agreement, [&ann, &keys(0..2)])[0]), ["0.50"]);
}

#[test]
fn a_mean_has_the_error_of_its_sample_where_the_variance_is_released() {
    let mean = statistic("mean", Some("paid"), &[], "");
    let ann = table("paid", ["1", "2", "3", "6"].map(str::to_owned));
    let error = |statistics: &str| {
        let agreement = agree(50, PLAIN, &(PAID.to_owned() + &mean + statistics), "minimum_count = 1");
        released(&agreement, [&ann, &keys(0..4)])[0].entries[0].value.clone().unwrap().standard_error
    };
    assert_eq!(error(""), None);
    // Variance 14/3 of four.
    let found = error(&statistic("variance", Some("paid"), &[], "")).unwrap();
    assert!((found - (14.0f64 / 12.0).sqrt()).abs() < 1e-12, "{found}");
}

#[test]
fn wide_ranges_round_squares_within_the_bound_that_is_documented() {
    let paid = PAID.replace("max = \"100\"", "max = \"1000000\"");
    let parts = paid + &statistic("variance", Some("paid"), &[], "");
    let most = 1000;
    let agreement = agree(most, PLAIN, &parts, "minimum_count = 1");
    let rows: Vec<i64> = (0..40).map(|i| (i * 7919 * 7919 + 13) % 1_000_001).collect();
    let ann = table("paid", rows.iter().map(i64::to_string));
    let side = Side::new(&agreement, 0, &ann).unwrap();
    let shift = side.plan.own.as_ref().unwrap().numbers[0].square_shift;
    assert!(shift > 0, "squares of this range are rounded");
    let found = released(&agreement, [&ann, &keys(0..40)])[0].entries[0].value.clone().unwrap().number;
    let mean = rows.iter().sum::<i64>() as f64 / 40.0;
    let exact = rows.iter().map(|&value| (value as f64 - mean).powi(2)).sum::<f64>() / 39.0;
    // Each square is off by half a unit at most.
    let bound = (1u64 << shift) as f64 / 2.0 * 40.0 / 39.0;
    assert!((found - exact).abs() <= bound && bound < exact / 100.0, "{found} {exact} {bound}");
}
