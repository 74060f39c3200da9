//! Masked sums against the plain sum: every size, ring, suite and pattern of losses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/sum.rs"]
mod sum;

use proptest::prelude::*;
use sum::{Losses, Step, plain, run, terms};
use tidegate_mpc::aggregation::masked::{Ring, Task};
use tidegate_mpc::{Error, Suite};

fn inputs(parties: usize, len: usize, bounds: (i128, i128), seed: u64) -> Vec<Vec<i128>> {
    let span = bounds.1.abs_diff(bounds.0);
    let mut state = u128::from(seed) | 1;
    let mut next = move || {
        state =
            state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x5851_f42d_4c95_7f2d);
        (state >> 64) ^ (state << 64)
    };
    let value = move || bounds.0.wrapping_add_unsigned(next() % (span + 1));
    let mut value = value;
    (0..parties).map(|_| (0..len).map(|_| value()).collect()).collect()
}

#[test]
fn the_total_is_the_plain_sum_for_every_size_ring_and_suite() {
    for (parties, len) in [(2, 1), (3, 17), (5, 4097), (10, 70_000), (50, 33)] {
        for (bounds, ring) in [
            ((-1000, 100_000), Ring::Bits32),
            ((-(1 << 50), 1 << 40), Ring::Bits64),
            ((0, 1 << 110), Ring::Bits128),
        ] {
            for suite in Suite::ALL {
                let mut terms = terms(parties, len, bounds);
                terms.suite = suite;
                let task = Task::new(terms).unwrap();
                assert_eq!(task.ring(), ring);
                let inputs = inputs(parties, len, bounds, parties as u64);
                let ended = run(&task, &inputs, &Losses::new(), 1).unwrap();
                assert_eq!(ended.coordinator.values(), plain(&inputs, &Losses::new()));
                assert_eq!(ended.parties.len(), parties);
                assert!(ended.parties.values().all(|sum| sum.values() == ended.coordinator.values()));
            }
        }
    }
}

/// What the step that fails first needs.
fn expected(task: &Task, losses: &Losses) -> Result<(), Error> {
    let parties = task.terms().parties.len();
    let left = |step: Step| parties - losses.values().filter(|lost| **lost <= step).count();
    let (quorum, threshold) = (task.terms().minimum.max(task.terms().threshold), task.terms().threshold);
    for (step, needed, name) in [
        (Step::Keys, quorum, "came"),
        (Step::Shares, quorum, "dealt shares"),
        (Step::WholeVector, quorum, "survived"),
        (Step::Consent, threshold, "confirmed the survivors"),
        (Step::Answer, threshold, "gave out their shares"),
    ] {
        let found = left(step);
        if found < needed {
            return Err(Error::TooFewParties { found, needed, step: name });
        }
    }
    Ok(())
}

fn check(task: &Task, losses: &Losses, seed: u64) {
    let terms = task.terms();
    let inputs = inputs(terms.parties.len(), terms.len, terms.bounds, seed);
    match (run(task, &inputs, losses, seed), expected(task, losses)) {
        (Ok(ended), Ok(())) => {
            assert_eq!(ended.coordinator.values(), plain(&inputs, losses), "{losses:?}");
            assert_eq!(ended.parties.len(), terms.parties.len() - losses.len());
            assert!(ended.parties.values().all(|sum| sum.values() == ended.coordinator.values()));
        }
        (Err(found), Err(expected)) => assert_eq!(found, expected, "{losses:?}"),
        (found, expected) => panic!("{losses:?}: {found:?} where {expected:?} belongs"),
    }
}

#[test]
fn every_pattern_of_losses_of_four_parties_gives_the_sum_or_says_who_is_missing() {
    let mut four = terms(4, 5, (-9, 9));
    (four.threshold, four.minimum) = (3, 3);
    let task = Task::new(four).unwrap();
    let choices = Step::ALL.len() + 1;
    for pattern in 0..choices.pow(4) {
        let chosen = (0..4).map(|seat| (seat, pattern / choices.pow(seat as u32) % choices));
        let losses = chosen.filter_map(|(seat, choice)| Some((seat, *Step::ALL.get(choice)?))).collect();
        check(&task, &losses, 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn random_losses_of_many_parties(
        parties in prop::sample::select(vec![5usize, 10, 50]),
        lost in proptest::collection::vec((0usize..50, 0usize..7), 0..12),
        seed in 0u64..1000,
    ) {
        let task = Task::new(terms(parties, 40, (-(1 << 40), 1 << 40))).unwrap();
        let losses: Losses = lost.into_iter().map(|(seat, step)| (seat % parties, Step::ALL[step])).collect();
        check(&task, &losses, seed);
    }
}
