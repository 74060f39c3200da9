//! What the disclosure policy keeps back, and that it is nowhere in what a run leaves.

use tidegate_mpc::testing::seeded_rng;

use super::{
    JOB, PAID, PARTITIONS, PLAIN, Side, TOWN, agree, counts, keys, released, run, statistic, table, values,
};
use crate::statistics::owned::Owned;
use crate::statistics::{JoinResult, StatisticTable};

/// Ann's people by town, as often as said, each with 10 paid.
fn by_town(north: usize, south: usize) -> String {
    table("paid,town", [vec!["10,N".to_owned(); north], vec!["10,S".to_owned(); south]].concat())
}

/// Everything that a program could print or write of a result.
fn shown(result: &JoinResult) -> String {
    format!("{result:?} {result:#?} {}", serde_json::to_string(&result.tables).unwrap())
}

#[test]
fn counts_one_below_at_and_one_above_the_minimum() {
    let parts = PAID.to_owned() + TOWN + &statistic("sum", Some("paid"), &["town"], "totals = false");
    for join in [PLAIN, PARTITIONS] {
        let agreement = agree(50, join, &parts, "minimum_count = 5");
        // The total is known from any other table, so one town would follow from the other.
        for (north, shown) in [(4, ["*", "*"]), (5, ["50", "90"]), (6, ["60", "90"])] {
            let tables = released(&agreement, [&by_town(north, 9), &keys(0..20)]);
            assert_eq!(values(&tables[0]), shown, "{north} of 5");
        }
    }
}

#[test]
fn one_small_cell_takes_another_with_it_where_totals_are_released() {
    let parts = PAID.to_owned() + TOWN + &statistic("sum", Some("paid"), &["town"], "");
    let agreement = agree(50, PLAIN, &parts, "minimum_count = 5");
    let [ann, ben] = run(&agreement, [&by_town(4, 9), &keys(0..20)], 1);
    assert_eq!(counts(&ann.tables[0]), ["*", "*", "13"]);
    for table in [&ann.own[0], &ben.peer[0]] {
        assert_eq!((table.small, table.complementary, table.held_back), (1, 1, 0));
    }
}

#[test]
fn below_the_minimum_everywhere_nothing_is_opened() {
    let cross = statistic("crosstab", None, &["town", "job"], "");
    let mean = statistic("mean", Some("paid"), &["town", "job"], "");
    let parts = [PAID, TOWN, JOB].concat() + &cross + &mean;
    let ann = table("paid,town,job", ["1,N,J", "2,S,K", "3,S,L"].map(str::to_owned));
    for join in [PLAIN, PARTITIONS] {
        let agreement = agree(50, join, &parts, "minimum_count = 4");
        let [own, other] = run(&agreement, [&ann, &keys(0..9)], 5);
        for result in [&own, &other] {
            assert!(result.tables.iter().flat_map(|table| &table.entries).all(|entry| entry.suppressed));
            let released = result.own.iter().chain(&result.peer).flat_map(|table| table.release.iter());
            assert!(released.map(|(_, _, figures)| figures).all(|figures| figures.is_none()));
        }
        assert_eq!((own.own[0].small, other.peer[0].small), (12, 12));
    }
}

#[test]
fn suppressed_figures_are_nowhere_in_a_result() {
    // Each sum is told from all else by its digits.
    let paid = PAID.replace("max = \"100\"", "max = \"99999\"");
    let ann = table("paid,town", ["7001,N", "918,N", "9001,S", "8118,S", "7011,S"].map(str::to_owned));
    let sums = |totals: &str| paid.clone() + TOWN + &statistic("sum", Some("paid"), &["town"], totals);
    for join in [PLAIN, PARTITIONS] {
        for parts in [sums("totals = false"), sums("")] {
            let agreement = agree(50, join, &parts, "minimum_count = 3");
            for result in run(&agreement, [&ann, &keys(0..5)], 9) {
                let text = shown(&result);
                assert!(["7919", "24130"].iter().all(|figure| !text.contains(figure)), "{text}");
                assert!(text.contains("32049"), "{text}");
            }
        }
    }
}

#[test]
fn what_an_owner_knows_of_its_records_is_not_printed() {
    let paid = PAID.replace("max = \"100\"", "max = \"99999\"");
    let parts = paid + TOWN + &statistic("sum", Some("paid"), &["town"], "");
    let agreement = agree(50, PARTITIONS, &parts, "minimum_count = 3\np_percent = 10");
    let ann = table("paid,town", ["70011,N", "91823,S"].map(str::to_owned));
    let side = Side::new(&agreement, 0, &ann).unwrap();
    let (direction, records) = (side.plan.own.as_ref().unwrap(), &side.records);
    let columns = records.columns.iter().map(Some).collect();
    let owned = Owned::new(direction, columns, records.keyed.items.len(), &mut seeded_rng(1));
    assert_eq!(owned.largest(0, 1, &[0, 1]), [91823, 70011, 0, 0]);
    let text = format!("{owned:?} {owned:#?} {records:?}");
    assert!(text.contains("len: 2") && !text.contains("70011") && !text.contains("91823"), "{text}");
    assert!(!text.contains("order") && !text.contains("labels"), "{text}");
}

/// Ann's people of three jobs; one of the first makes nearly all of its sum.
fn dominated() -> String {
    let small = |job: &str| vec![format!("10,{job}"); 5];
    let first = vec!["90,J".to_owned(), "2,J".to_owned(), "1,J".to_owned(), "1,J".to_owned()];
    table("paid,job", [first, small("K"), small("L")].concat())
}

fn sums_by_job(disclosure: &str, totals: &str) -> StatisticTable {
    let parts = PAID.to_owned() + JOB + &statistic("sum", Some("paid"), &["job"], totals);
    let agreement = agree(50, PLAIN, &parts, disclosure);
    released(&agreement, [&dominated(), &keys(0..14)]).remove(0)
}

#[test]
fn a_dominated_cell_is_withheld_and_does_not_follow_from_the_margins() {
    let plain = sums_by_job("minimum_count = 3", "");
    assert_eq!(values(&plain), ["94", "50", "50", "194"]);
    let dominance = "minimum_count = 3\ndominance = { largest = 1, percent = 75 }";
    let p_percent = "minimum_count = 3\np_percent = 20";
    for rule in [dominance, p_percent] {
        let table = sums_by_job(rule, "totals = false");
        let without_totals = values(&table);
        assert_eq!(without_totals.iter().filter(|value| **value == "*").count(), 2, "{without_totals:?}");
        let table = sums_by_job(rule, "");
        let hidden = table.entries.iter().filter(|entry| entry.suppressed).count();
        assert!(table.entries[0].suppressed && hidden >= 2, "{:?}", values(&table));
    }
}

#[test]
fn what_the_owner_holds_back_is_told_apart_and_shown_to_nobody() {
    let parts = PAID.to_owned() + JOB + &statistic("sum", Some("paid"), &["job"], "totals = false");
    let agreement = agree(50, PLAIN, &parts, "minimum_count = 3\ndominance = { largest = 1, percent = 75 }");
    for result in run(&agreement, [&dominated(), &keys(0..14)], 2) {
        let table = result.own.iter().chain(&result.peer).next().unwrap();
        assert_eq!((table.small, table.complementary, table.held_back), (0, 0, 2));
        assert!(!shown(&result).contains("[94]"), "{}", shown(&result));
    }
}

#[test]
fn contributors_outside_of_the_intersection_do_not_hide_a_dominated_cell() {
    // Of the records in job J the matcher shares the largest and three more.
    let parts = PAID.to_owned() + JOB + &statistic("sum", Some("paid"), &["job"], "totals = false");
    let rule = "minimum_count = 3\ndominance = { largest = 1, percent = 75 }";
    let agreement = agree(50, PLAIN, &parts, rule);
    let more = dominated() + &(20..30).map(|key| format!("{key},95,J\n")).collect::<String>();
    let tables = released(&agreement, [&more, &keys(0..14)]);
    assert_eq!(values(&tables[0]), ["*", "*", "50"]);
}

#[test]
fn released_figures_are_rounded_on_both_sides() {
    let parts = PAID.to_owned() + TOWN + &statistic("sum", Some("paid"), &["town"], "");
    let agreement = agree(50, PLAIN, &parts, "minimum_count = 4\nround_to = 4");
    let tables = released(&agreement, [&by_town(5, 7), &keys(0..20)]);
    assert_eq!(counts(&tables[0]), ["4", "8", "12"]);
    // 50 and 70 are halfway between multiples, of which the even one is taken.
    assert_eq!(values(&tables[0]), ["48", "72", "120"]);
}
