//! Noise: the same on both sides, as wide as announced, and looked at by the minimum.

use super::{PARTITIONS, TOWN, agree, counts, keys, run, statistic, table};
use crate::agreement::Agreement;
use crate::decimal::text_of;
use crate::statistics::{Direction, Measure};

const LAPLACE: &str = "noise = { mechanism = \"discrete-laplace\", epsilon = \"0.5\" }";
const GAUSSIAN: &str = "noise = { mechanism = \"discrete-gaussian\", epsilon = \"0.5\", delta = \"0.01\" }";

fn agreement(minimum: u64, noise: &str) -> Agreement {
    let join = PARTITIONS.replace("partitions", "columns");
    let parts = TOWN.to_owned() + &statistic("count", None, &["town"], "totals = false");
    agree(40, &join, &parts, &format!("minimum_count = {minimum}\n{noise}"))
}

fn people() -> String {
    table("town", (0..30).map(|i| if i < 20 { "N".to_owned() } else { "S".to_owned() }))
}

#[test]
fn noise_is_as_wide_as_announced() {
    for noise in [LAPLACE, GAUSSIAN] {
        let agreement = agreement(1, noise);
        let (ann, ben) = (people(), keys(0..30));
        let mut errors = Vec::new();
        let mut announced = 0.0;
        for seed in 0..40 {
            let [own, _] = run(&agreement, [&ann, &ben], seed);
            let count = own.tables[0].entries[0].count.clone();
            // A count of 20 below 1 is many widths away.
            let count = count.unwrap();
            errors.push(count.number - 20.0);
            announced = count.standard_error.unwrap();
        }
        let spread = (errors.iter().map(|error| error * error).sum::<f64>() / 40.0).sqrt();
        assert!((0.6..1.5).contains(&(spread / announced)), "{noise}: {spread}, announced {announced}");
    }
}

#[test]
fn the_minimum_looks_at_the_noisy_count() {
    let agreement = agreement(20, LAPLACE);
    let (ann, ben) = (people(), keys(0..30));
    let mut shown = 0;
    for seed in 0..12 {
        let [own, other] = run(&agreement, [&ann, &ben], seed);
        let entry = &own.tables[0].entries[0];
        assert!(entry.count.as_ref().is_none_or(|count| count.number >= 20.0));
        assert_eq!(counts(&own.tables[0]), counts(&other.tables[0]));
        let small = own.tables[0].entries.iter().filter(|entry| entry.suppressed).count();
        assert_eq!((own.own[0].small, other.peer[0].small), (small, small));
        shown += usize::from(!entry.suppressed);
    }
    assert!((1..12).contains(&shown), "a count at the minimum is released at times: {shown} of 12");
}

#[test]
fn suppressed_noisy_figures_are_nowhere_in_a_result() {
    let agreement = agreement(1000, LAPLACE);
    let (ann, ben) = (people(), keys(0..30));
    let [own, other] = run(&agreement, [&ann, &ben], 1);
    for result in [own, other] {
        let text = format!("{result:?}");
        let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
        // A cell of 20, and one of 10: neither they nor what is near them.
        let near: Vec<_> =
            digits.filter(|word| (5..40).contains(&word.parse::<u64>().unwrap_or(0))).collect();
        assert!(near.is_empty(), "{near:?}: {text}");
        assert!(result.tables[0].entries.iter().all(|entry| entry.suppressed));
    }
}

#[test]
fn sums_carry_noise_for_their_whole_range_and_say_so() {
    let paid = super::PAID.replace("decimals = 0\nmin = \"0\"", "decimals = 1\nmin = \"-200\"");
    let join = PARTITIONS.replace("partitions", "columns");
    let parts = paid + &statistic("sum", Some("paid"), &[], "");
    let agreement = agree(40, &join, &parts, &format!("minimum_count = 1\n{LAPLACE}"));
    let terms = agreement.terms();
    let direction = Direction::new(terms, agreement.join_terms().unwrap(), "ann").unwrap().unwrap();
    let noise = direction.noise.as_ref().unwrap();
    assert_eq!(noise.spends, 2, "a count and a sum");
    // The range is 2000 units one way; Laplace noise of one side deviates by the root of two times b.
    let deviation = noise.scale(Measure::Sum(0)).unwrap().standard_deviation();
    assert!((deviation - 2f64.sqrt() * 4000.0).abs() < 1.0, "{deviation}");
    let ann = table("paid", (0..30).map(|i| text_of(i * 10, 1)));
    let [own, _] = run(&agreement, [&ann, &keys(0..30)], 3);
    let error = own.tables[0].entries[0].value.as_ref().unwrap().standard_error.unwrap();
    assert!((error - 800.0).abs() < 0.1, "of both sides, in whole numbers: {error}");
}
