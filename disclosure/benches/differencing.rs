//! Counting the common refinement of a new release with an earlier one: what a row costs.
//!
//! `cargo bench -p tidegate-disclosure --bench differencing` measures; with `-- --test` each runs once. All codes are
//! seeded.
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a bench ends where something is missing")]

use std::time::Duration;

use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand_core::{Rng, SeedableRng};
use tidegate_disclosure::differencing::Refinement;

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

criterion_group!(benches, differencing);
criterion_main!(benches);
