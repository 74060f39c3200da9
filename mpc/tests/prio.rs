//! Totals of reports against plain totals, over a channel, and what does not count.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use proptest::prelude::*;
use rand_core::Rng;
use tidegate_mpc::aggregation::prio::{Kind, Rejection, Report, SeenReports, Tally, Task};
use tidegate_mpc::run::{Aggregated, Outcome, RunError};
use tidegate_mpc::testing::{
    AggregatorSide, report_keys, report_task, run_prio3, sealed_reports, seeded_rng,
};

fn pass(_: usize, message: Vec<u8>) -> Option<Vec<u8>> {
    Some(message)
}

fn run(task: &Task, leader: &mut AggregatorSide, helper: &mut AggregatorSide) -> [Aggregated; 2] {
    run_prio3(task, leader, helper, &mut pass, &mut pass).map(Result::unwrap)
}

fn plain(kind: Kind, measurements: &[Vec<u64>]) -> Vec<i128> {
    let mut sums = vec![0; kind.sums_len()];
    for values in measurements {
        match kind {
            Kind::Histogram { .. } => sums[usize::try_from(values[0]).unwrap()] += 1,
            _ => sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += i128::from(value)),
        }
    }
    sums
}

fn rejected(tally: &Tally) -> Vec<(Rejection, u64)> {
    let all = Rejection::ALL.map(|reason| (reason, tally.rejected(reason)));
    all.into_iter().filter(|(_, reports)| *reports > 0).collect()
}

fn measurements(kind: Kind, reports: usize, seed: u64) -> Vec<Vec<u64>> {
    let mut rng = seeded_rng(seed);
    let bound = kind.value_max().saturating_add(1);
    let mut measurement = || (0..kind.values_len()).map(|_| rng.next_u64() % bound).collect();
    (0..reports).map(|_| measurement()).collect()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Count),
        (1u64..1 << 40).prop_map(|max| Kind::Sum { max }),
        (1u32..40, 1u64..1 << 33).prop_map(|(len, max)| Kind::SumVec { len, max }),
        (2u32..120).prop_map(|len| Kind::Histogram { len }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn totals_are_the_plain_ones(kind in kinds(), reports in 2usize..30, seed in any::<u64>()) {
        let task = report_task(kind, 2);
        let plain_text = measurements(kind, reports, seed);
        let sealed = sealed_reports(&task, &plain_text, seed);
        let mut other_order = sealed.clone();
        other_order.reverse();
        let [mut leader, mut helper] = [&sealed, &other_order].map(|reports| AggregatorSide::new(reports));
        for aggregated in run(&task, &mut leader, &mut helper) {
            prop_assert_eq!(aggregated.outcome, Outcome::Released(plain(kind, &plain_text)));
            prop_assert_eq!(aggregated.tally.accepted(), reports as u64);
            prop_assert_eq!(aggregated.tally.total(), reports as u64);
        }
        prop_assert_eq!(leader.remembered, helper.remembered);
    }
}

#[test]
fn greatest_values_and_many_reports_add_up() {
    let kind = Kind::Sum { max: 1 << 50 };
    let task = report_task(kind, 100);
    let reports = sealed_reports(&task, &vec![vec![1 << 50]; 2100], 1);
    let [mut leader, mut helper] = [(); 2].map(|()| AggregatorSide::new(&reports));
    for aggregated in run(&task, &mut leader, &mut helper) {
        assert_eq!(aggregated.outcome, Outcome::Released(vec![2100 << 50]));
    }
}

/// Several messages for each step: of ids, of verifier shares, of the total.
#[test]
fn long_vectors_take_several_messages() {
    let kind = Kind::SumVec { len: 9000, max: 3 };
    let task = report_task(kind, 2);
    let plain_text = measurements(kind, 3, 5);
    let reports = sealed_reports(&task, &plain_text, 1);
    let [mut leader, mut helper] = [(); 2].map(|()| AggregatorSide::new(&reports));
    for aggregated in run(&task, &mut leader, &mut helper) {
        assert_eq!(aggregated.outcome, Outcome::Released(plain(kind, &plain_text)));
    }
}

#[test]
fn prio_5_a_report_counts_once() {
    let task = report_task(Kind::Count, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 5], 1);
    let twice = [&reports[..], &reports[..2]].concat();
    let [mut leader, mut helper] = [(); 2].map(|()| AggregatorSide::new(&twice));
    for aggregated in run(&task, &mut leader, &mut helper) {
        assert_eq!(aggregated.outcome, Outcome::Released(vec![5]));
        assert_eq!(rejected(&aggregated.tally), [(Rejection::Replayed, 2)]);
    }
    // The next batch has three of them again, and two new ones.
    let fresh = sealed_reports(&task, &vec![vec![1]; 2], 2);
    let next = [&reports[..3], &fresh].concat();
    let mut seen = SeenReports::default();
    seen.add(&leader.remembered);
    let with = |seen: SeenReports| AggregatorSide { seen, ..AggregatorSide::new(&next) };
    let (mut leader, mut helper) = (with(seen.clone()), with(seen.clone()));
    for aggregated in run(&task, &mut leader, &mut helper) {
        assert_eq!(aggregated.outcome, Outcome::Released(vec![2]));
        assert_eq!(rejected(&aggregated.tally), [(Rejection::Replayed, 3)]);
    }
    // One side that remembers is enough.
    let (mut leader, mut helper) = (with(SeenReports::default()), with(seen));
    let [leading, helping] = run(&task, &mut leader, &mut helper);
    assert_eq!(leading.outcome, Outcome::Released(vec![2]));
    assert_eq!(rejected(&leading.tally), [(Rejection::Unmatched, 3)]);
    assert_eq!(rejected(&helping.tally), [(Rejection::Replayed, 3)]);
}

#[test]
fn only_reports_that_both_have_count() {
    let task = report_task(Kind::Sum { max: 100 }, 2);
    let reports = sealed_reports(&task, &(0..10).map(|value| vec![value]).collect::<Vec<_>>(), 1);
    let (mut leader, mut helper) = (AggregatorSide::new(&reports[..8]), AggregatorSide::new(&reports[3..]));
    let [leading, helping] = run(&task, &mut leader, &mut helper);
    assert_eq!(leading.outcome, Outcome::Released(vec![3 + 4 + 5 + 6 + 7]));
    assert_eq!(helping.outcome, leading.outcome);
    assert_eq!(rejected(&leading.tally), [(Rejection::Unmatched, 3)]);
    assert_eq!(rejected(&helping.tally), [(Rejection::Unmatched, 2)]);
}

#[test]
fn prio_9_too_small_a_batch_is_withheld() {
    let task = report_task(Kind::Count, 4);
    for (reports, expected) in [(0, None), (3, None), (4, Some(4))] {
        let reports = sealed_reports(&task, &vec![vec![1]; reports], 1);
        let [mut leader, mut helper] = [(); 2].map(|()| AggregatorSide::new(&reports));
        for aggregated in run(&task, &mut leader, &mut helper) {
            let outcome = expected.map_or(Outcome::Withheld, |sum| Outcome::Released(vec![sum]));
            assert_eq!(aggregated.outcome, outcome);
        }
        assert_eq!(leader.remembered.len(), expected.map_or(0, |_| reports.len()));
    }
}

#[test]
fn noise_of_both_is_in_the_total() {
    let task = report_task(Kind::Histogram { len: 3 }, 2);
    let reports = sealed_reports(&task, &[0, 0, 2].map(|bucket| vec![bucket]), 1);
    let with =
        |noise: [i64; 3]| AggregatorSide { noise: Some((noise.into(), 20)), ..AggregatorSide::new(&reports) };
    let (mut leader, mut helper) = (with([5, -9, 0]), with([-1, -2, 10]));
    for aggregated in run(&task, &mut leader, &mut helper) {
        assert_eq!(aggregated.outcome, Outcome::Released(vec![6, -11, 11]));
    }
}

#[test]
fn a_run_of_reports_from_another_task_rejects_all() {
    let (task, other) = (report_task(Kind::Count, 2), report_task(Kind::Count, 3));
    let reports = sealed_reports(&other, &vec![vec![1]; 4], 1);
    let [mut leader, mut helper] = [(); 2].map(|()| AggregatorSide::new(&reports));
    for aggregated in run(&task, &mut leader, &mut helper) {
        assert_eq!(aggregated.outcome, Outcome::Withheld);
        assert_eq!(rejected(&aggregated.tally), [(Rejection::Undecryptable, 4)]);
    }
}

#[test]
fn a_closed_channel_ends_the_run() {
    let task = report_task(Kind::Count, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 3], 1);
    for last in 0..7 {
        let [mut leader, mut helper] = [(); 2].map(|()| AggregatorSide::new(&reports));
        let mut close = |number, message| (number != last).then_some(message);
        let [leading, _] = run_prio3(&task, &mut leader, &mut helper, &mut close, &mut pass);
        let closed = matches!(leading, Err(RunError::Channel { .. }));
        // Hello, ReportIds, VerifierShares, AcceptedReports, BatchDigest, AggregateShare, Finished.
        assert!(closed, "message {last}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let task = report_task(Kind::Sum { max: 1 << 40 }, 2);
    let report = Report::new(&task, &[0x1234_5678], &mut seeded_rng(1)).unwrap();
    let [key, _] = report_keys();
    assert_eq!(format!("{key:?}"), "ReportKey(..)");
    let shown = format!("{report:?}");
    let sealed = report.encode();
    assert!(!shown.contains(&format!("{}, {}, {}", sealed[40], sealed[41], sealed[42])), "{shown}");
    assert!(!format!("{task:?}").contains(&format!("{:?}", key.to_bytes())));
}
