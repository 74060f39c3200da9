//! Steps of the join, in memory, a chunk of keys or a message of records at a time.
//!
//! `cargo bench -p tidegate-mpc --bench join` measures; with `-- --test` each runs once. All randomness is
//! seeded; threads are those of the common rayon pool (`RAYON_NUM_THREADS`).
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench ends where something is missing")]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use tidegate_mpc::join::{
    AwaitingTags, Blinding, Cell, Counts, Lending, Lent, Matcher, Matching, Plan, Records, ReturningTags,
};
use tidegate_mpc::testing::{agreed_sessions, seeded_rng};
use tidegate_mpc::{CHUNK_LEN, ItemSet, Outputs, Protocol, Session};

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn group<'a>(criterion: &'a mut Criterion, elements: usize) -> Group<'a> {
    let mut group = criterion.benchmark_group("join");
    group.throughput(Throughput::Elements(elements as u64)).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

/// Records that hold their number in every column.
struct Numbers;

impl Records for Numbers {
    fn label(&self, _: usize) -> u32 {
        0
    }

    fn values(&self, item: usize, values: &mut [i64]) {
        values.fill(i64::try_from(item).unwrap());
    }
}

fn set(start: usize, len: usize) -> ItemSet {
    ItemSet::new((start..start + len).map(|i| format!("3301{i:014}"))).unwrap()
}

fn lent(columns: u32) -> Lent {
    Lent { labels: 1, columns, dummies: 0, minimum: 10, counts: Counts::Encrypted }
}

/// The two parties' sets and sessions: the second lends columns.
struct Pair {
    items: [ItemSet; 2],
    sessions: [Session; 2],
}

impl Pair {
    fn new(len: usize) -> Self {
        let (a, b) = agreed_sessions(Protocol::JoinElGamal, Outputs::Both, 0, len, len);
        Self { items: [set(0, len), set(len / 2, len)], sessions: [a, b] }
    }

    fn start(&self, side: usize, columns: u32) -> Blinding<'_> {
        let lent = Some(lent(columns));
        let plans = [Plan { own: None, peer: lent }, Plan { own: lent, peer: None }];
        let seed = side as u64;
        let rng = &mut seeded_rng(seed);
        Blinding::start(&self.items[side], &self.sessions[side], plans[side], Vec::new(), rng).unwrap()
    }

    /// Brings both sides to the point where records are encrypted.
    fn lend(&self, columns: u32) -> (Lending<'_>, Matching<'_>) {
        let (mut a, mut b) = (self.start(0, columns), self.start(1, columns));
        while let (Some(ours), Some(theirs)) = (a.blind_next(), b.blind_next()) {
            a.accept(&theirs).unwrap();
            b.accept(&ours).unwrap();
        }
        let mut awaiting = AwaitingTags::start(a.close().unwrap()).unwrap();
        let mut returning = ReturningTags::start(b.close().unwrap()).unwrap();
        while let Some(tags) = returning.next_tags() {
            awaiting.accept(&tags).unwrap();
        }
        let lending = returning.close(&mut seeded_rng(3)).unwrap();
        let matching = awaiting.close(&lending.keys()).unwrap();
        (lending, matching)
    }

    fn matcher(&self, columns: u32) -> Matcher<'_> {
        let (mut lending, mut matching) = self.lend(columns);
        while let Some(records) = lending.next_records(&Numbers).unwrap() {
            matching.accept(&records).unwrap();
        }
        matching.close().unwrap()
    }
}

fn keys(criterion: &mut Criterion) {
    let len = CHUNK_LEN;
    let pair = Pair::new(len);
    let blinded = pair.start(0, 1).blind_next().unwrap();
    let mut benches = group(criterion, len);
    benches.bench_function(format!("blind/{len}"), |b| {
        b.iter_batched(|| pair.start(0, 1), |mut side| side.blind_next(), BatchSize::PerIteration);
    });
    benches.bench_function(format!("raise-and-tag/{len}"), |b| {
        b.iter_batched(|| pair.start(1, 1), |mut side| side.accept(&blinded), BatchSize::PerIteration);
    });
    benches.finish();
}

fn records(criterion: &mut Criterion) {
    for columns in [1, 2, 32] {
        let len = CHUNK_LEN / (1 + columns as usize);
        let pair = Pair::new(len);
        let message = pair.lend(columns).0.next_records(&Numbers).unwrap().unwrap();
        let mut benches = group(criterion, len);
        benches.bench_function(format!("encrypt-{columns}-columns/{len}"), |b| {
            let lending = || pair.lend(columns).0;
            b.iter_batched(lending, |mut l| l.next_records(&Numbers), BatchSize::PerIteration);
        });
        benches.bench_function(format!("add-{columns}-columns/{len}"), |b| {
            b.iter_batched(|| pair.lend(columns).1, |mut m| m.accept(&message), BatchSize::PerIteration);
        });
        benches.finish();
    }
}

fn tests(criterion: &mut Criterion) {
    let pair = Pair::new(64);
    let matcher = pair.matcher(1);
    let mut benches = group(criterion, 10);
    let cells = [Cell { labels: vec![0], columns: vec![0] }];
    benches
        .bench_function("test-a-count-against-10", |b| b.iter(|| matcher.tests(&cells, &mut seeded_rng(9))));
    benches.finish();
}

criterion_group!(benches, keys, records, tests);
criterion_main!(benches);
