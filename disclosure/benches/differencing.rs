//! Differencing against an earlier release: what counting costs for a row, and looking at what was counted.
//!
//! `cargo bench -p tidegate-disclosure --bench differencing` measures; with `-- --test` each runs once. All codes are
//! seeded.
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench ends where something is missing")]

use std::time::Duration;

use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand_core::{Rng, SeedableRng};
use tidegate_disclosure::differencing::{Earlier, Refinement, ReleasedPlaces};
use tidegate_disclosure::{Cell, Contributors, Entry, Levels, Policy, Shape, check_differenced};

/// Rows of the dataset.
const ROWS: usize = 10_000_000;

/// Cells of the new release.
const NEW: u16 = 1000;

/// Cells of the earlier one.
const EARLIER: u16 = 100;

fn random(cells: u16, seed: u64) -> Vec<u16> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..ROWS).map(|_| u16::try_from(rng.next_u32() % u32::from(cells)).unwrap()).collect()
}

fn sorted(mut codes: Vec<u16>) -> Vec<u16> {
    codes.sort_unstable();
    codes
}

fn differencing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("differencing");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(ROWS as u64));
    let (new, earlier) = (random(NEW, 1), random(EARLIER, 2));
    let cases = [
        ("random", new.clone(), earlier.clone()),
        ("same", new.clone(), new.iter().map(|code| code % EARLIER).collect()),
        ("sorted", sorted(new), sorted(earlier)),
    ];
    for (name, new, earlier) in cases {
        group.bench_function(format!("count/{name}/{ROWS}"), |bencher| {
            bencher.iter(|| {
                let mut refinement = Refinement::new(NEW.into(), EARLIER.into()).unwrap();
                refinement.add(&new, &earlier).unwrap();
                refinement.block(Some(0), Some(0))
            });
        });
    }
    group.finish();
}

/// Checks a list of [`NEW`] cells, all released, beside the same list before some units moved.
fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("differencing");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3));
    let (shape, policy) = (Shape::new(NEW.into(), 1).unwrap(), Policy::with_minimum(10));
    let released = shape.places();
    for moved in [0, 1, 5] {
        let mut refinement = Refinement::new(NEW.into(), NEW.into()).unwrap();
        let mut counts = vec![0_u64; usize::from(NEW)];
        for cell in 0..NEW {
            for (now, units) in [(cell, 100), ((cell + 7) % NEW, moved)] {
                refinement.add(&vec![now; units], &vec![cell; units]).unwrap();
                counts[usize::from(now)] += units as u64;
            }
        }
        let held = ReleasedPlaces { shape, released: released.clone() };
        let earlier = [Earlier::new(&held, &refinement).unwrap()];
        counts.push(counts.iter().sum());
        let entry = |&count: &u64| Entry::Known(Cell { count, sums: vec![] });
        let entries: Vec<_> = counts.iter().map(entry).collect();
        group.bench_function(format!("check/moved-{moved}/{NEW}"), |bencher| {
            bencher.iter(|| {
                check_differenced(shape, Levels::ALL, &entries, Contributors::NONE, &earlier, &policy)
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, differencing, check);
criterion_main!(benches);
