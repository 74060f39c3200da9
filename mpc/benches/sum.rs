//! Masked sums: the time of one party, and of the coordinator, over a whole run.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench ends where something is missing")]

#[path = "../tests/common/sum.rs"]
mod sum;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sum::{Clock, Losses, Step, run_timed, terms};
use tidegate_mpc::Suite;
use tidegate_mpc::aggregation::masked::{Task, Values};
use tidegate_mpc::testing::fill_masks;

/// Parties, words, and how many vanish before they send their vectors.
const CASES: [(usize, usize, usize); 9] = [
    (10, 100_000, 0),
    (10, 1_000_000, 0),
    (10, 1_000_000, 2),
    (50, 100_000, 0),
    (100, 100_000, 0),
    (10, 10_000_000, 2),
    (50, 1_000_000, 0),
    (100, 1_000_000, 0),
    (100, 100_000, 10),
];

/// Returns the time that this thread computed: other work on the machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn whole_runs(criterion: &mut Criterion) {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut group = criterion.benchmark_group("sum");
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(1));
    for (parties, len, lost) in CASES {
        let task = Task::new(terms(parties, len, (-(1 << 20), 1 << 20))).unwrap();
        let vector: Vec<i64> = (0..len as i64).map(|i| i % 1_000_003 - 500_000).collect();
        let losses: Losses = (1..=lost).map(|seat| (seat, Step::Vector)).collect();
        group.throughput(Throughput::Elements(len as u64));
        for (who, time) in [
            ("party", (|clock| clock.party) as fn(&Clock) -> Duration),
            ("coordinator", |clock| clock.coordinator),
        ] {
            let id = BenchmarkId::new(format!("{who}/{parties} parties, {lost} lost"), len);
            group.bench_with_input(id, &task, |bencher, task| {
                bencher.iter_custom(|rounds| {
                    (0..rounds)
                        .map(|round| {
                            one.install(|| {
                                let mut clock = Clock::new(processor_time);
                                run_timed(task, |_| Values::Narrow(&vector), &losses, round, &mut clock)
                                    .unwrap();
                                time(&clock)
                            })
                        })
                        .sum()
                });
            });
        }
    }
    group.finish();
}

/// Masks by themselves, and what memory allows: a copy reads and writes every byte once.
fn masks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("masks");
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    for len in [1usize << 14, 1 << 23, 80_000_000] {
        let (mut out, source) = (vec![0; len], vec![1; len]);
        group.throughput(Throughput::Bytes(len as u64));
        for suite in Suite::ALL {
            group.bench_function(BenchmarkId::new(suite.name(), len), |bencher| {
                bencher.iter(|| fill_masks(suite, &[7; 32], black_box(&mut out)));
            });
        }
        group.bench_function(BenchmarkId::new("copy", len), |bencher| {
            bencher.iter(|| black_box(&mut out).copy_from_slice(black_box(&source)));
        });
    }
    group.finish();
}

criterion_group!(benches, masks, whole_runs);
criterion_main!(benches);
