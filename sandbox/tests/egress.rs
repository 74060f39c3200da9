//! What leaves of a tally.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test ends where something is missing")]

mod common;

use common::{Guest, Table, policy};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tidegate_disclosure::{Levels, Mechanism, NoiseRule, Place, Policy, Reason, Verdict};
use tidegate_sandbox::{Job, Limits, Setup, Tally, release, tally, values};

fn tallied(rows: &[(i64, f64)], policy: &Policy, units: Option<Vec<u64>>) -> Tally {
    let module = Guest::mapper().module().unwrap();
    let setup = Setup::new(module.declaration(), &[], vec![None, None]).unwrap();
    let table = Table { units, ..Table::of(rows) };
    let job = Job::new(&module, setup, Limits::default());
    let (found, usage) = tally(&job, policy, table.units.is_some(), table.partitions(8)).unwrap();
    assert!(usage.fuel > rows.len() as u64 && usage.memory_bytes == 64 << 16);
    found
}

fn rows() -> Vec<(i64, f64)> {
    let amounts = [(0, 40, 20.0), (1, 2, 7.0), (2, 30, 1.0)];
    amounts
        .iter()
        .flat_map(|(group, len, first)| (0..*len).map(move |row| (*group, first + f64::from(row % 7) / 10.0)))
        .collect()
}

#[test]
fn small_cells_and_what_would_give_them_away_are_suppressed() {
    let policy = policy();
    let found = tallied(&rows(), &policy, None);
    let levels = Levels { cells: true, total: true, ..Levels::default() };
    let release = release(&found, levels, &mut StdRng::seed_from_u64(1)).unwrap();
    assert_eq!(release.verdict(Place::cell(1, 0)), Verdict::Suppressed(Reason::SmallCount));
    assert_eq!(release.suppressed_len(), 2);
    let figures = values(&found, release.figures(Place::TOTAL).unwrap());
    let sum: f64 = rows().iter().map(|row| row.1).sum();
    let squares: f64 = rows().iter().map(|row| row.1 * row.1).sum();
    assert!((figures.sums[0] - sum).abs() < 1e-9 && (figures.squares[0] - squares).abs() < 1e-9);
    assert!(figures.count == 72.0);
}

/// What follows from figures follows from rounded ones.
#[test]
fn values_are_worked_out_from_rounded_figures() {
    let policy = Policy { round_to: Some(1000), minimum_count: 10, ..Policy::with_minimum(10) };
    let rows: Vec<_> = (0..3210).map(|_| (0, 12.34)).collect();
    let found = tallied(&rows, &policy, None);
    let release = release(&found, Levels::CELLS, &mut StdRng::seed_from_u64(1)).unwrap();
    let figures = values(&found, release.figures(Place::cell(0, 0)).unwrap());
    assert!(figures.count == 3000.0);
    // 3210 times 12.34 is 39,611.40, in hundredths 3,961,140; rounded 3,961,000.
    assert!((figures.sums[0] - 39_610.0).abs() < 1e-9, "{}", figures.sums[0]);
}

/// A unit of many rows changes noisy figures by no more than one of a single row may.
#[test]
fn a_unit_is_held_to_what_the_noise_hides() {
    let rule =
        NoiseRule { mechanism: Mechanism::DiscreteLaplace, epsilon: "1".parse().unwrap(), delta: None };
    let noisy = Policy { noise: Some(rule), ..Policy::with_minimum(1) };
    let rows: Vec<_> = (0..50).map(|row| (0, if row < 40 { 100.0 } else { 10.0 })).collect();
    let units: Vec<u64> = (0..50).map(|row| if row < 40 { 7 } else { row }).collect();
    let found = tallied(&rows, &noisy, Some(units.clone()));
    assert_eq!(found.cell(0).unwrap().sums[0].total, 20_000);
    assert_eq!(found.cell(0).unwrap().sums[1].total, 10_000 * 10_000 + 10 * 1000 * 1000);
    let plain = tallied(&rows, &policy(), Some(units));
    assert_eq!(plain.cell(0).unwrap().sums[0].total, 410_000);
    let figures: Vec<_> = (0..400)
        .map(|seed| {
            let release = release(&found, Levels::CELLS, &mut StdRng::seed_from_u64(seed)).unwrap();
            release.figures(Place::cell(0, 0)).map(|figures| figures.sums[0]).unwrap_or_default()
        })
        .collect();
    let mean = figures.iter().sum::<i128>() / 400;
    assert!((mean - 20_000).abs() < 3000, "{mean}");
    // Laplace of width 10,000: half of it is beyond 6,931 on either side.
    let far = figures.iter().filter(|figure| (**figure - 20_000).abs() > 6_931).count();
    assert!((150..250).contains(&far), "{far}");
}
