//! Reports per second: made, opened, and verified by either aggregator, on one core.
//!
//! `cargo bench -p tidegate-mpc --bench prio` measures; with `-- --test` each runs once. All randomness is seeded; all runs
//! in a rayon pool of one thread.
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a bench ends where something is missing")]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use tidegate_mpc::aggregation::prio::{
    Aggregator, Candidates, Kind, Listing, Next, Report, ReportKey, SeenReports, Task, VerifierShares,
    Verifying,
};
use tidegate_mpc::testing::{agreed_sessions, report_keys, report_task, sealed_reports, seeded_rng};
use tidegate_mpc::{Outputs, Protocol, Session};

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// Reports of a bench: fewer than are verified at a time.
const REPORTS: usize = 500;

const KINDS: [(&str, Kind, usize); 4] = [
    ("count", Kind::Count, REPORTS),
    ("sum-32-bits", Kind::Sum { max: u32::MAX as u64 }, REPORTS),
    ("histogram-100", Kind::Histogram { len: 100 }, REPORTS),
    ("sum-vec-1000x16-bits", Kind::SumVec { len: 1000, max: u16::MAX as u64 }, 4),
];

struct Setting {
    task: Task,
    keys: [ReportKey; 2],
    reports: Vec<Report>,
    sessions: [Session; 2],
}

impl Setting {
    fn new(kind: Kind, reports: usize) -> Self {
        let task = report_task(kind, 2);
        let values = vec![kind.value_max(); kind.values_len()];
        let sealed = sealed_reports(&task, &vec![values; reports], 1);
        let (leader, helper) = agreed_sessions(Protocol::Prio3, Outputs::Both, 2, reports, reports);
        Self { task, keys: report_keys(), reports: sealed, sessions: [leader, helper] }
    }

    fn side(&self, aggregator: Aggregator) -> (&ReportKey, &Session) {
        let ([leader, helper], [leading, helping]) = (&self.keys, &self.sessions);
        match aggregator {
            Aggregator::Leader => (leader, leading),
            Aggregator::Helper => (helper, helping),
        }
    }

    /// An aggregator that knows what both have.
    fn listed(&self, aggregator: Aggregator) -> Verifying<'_> {
        let [mut own, mut other] = [aggregator, aggregator.other()].map(|it| {
            let (key, session) = self.side(it);
            let candidates = Candidates::gather(&self.reports, &SeenReports::default()).unwrap();
            Listing::start(&self.task, key, &self.reports, candidates, session).unwrap()
        });
        while own.next_ids().is_some() {}
        while own.missing() > 0 {
            own.accept(&other.next_ids().unwrap()).unwrap();
        }
        own.close().unwrap()
    }

    fn shares(&self, aggregator: Aggregator) -> VerifierShares {
        match self.listed(aggregator).next() {
            Next::Verify(_, shares) => shares,
            Next::Compare(..) => panic!("there are reports"),
        }
    }
}

fn group<'a>(criterion: &'a mut Criterion, name: &str, elements: usize) -> Group<'a> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(elements as u64)).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2));
    group
}

/// The common pool has one thread in every bench.
fn on_one_core() {
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
}

fn make(criterion: &mut Criterion) {
    for (name, kind, _) in KINDS {
        let task = report_task(kind, 2);
        let values = vec![kind.value_max(); kind.values_len()];
        let mut rng = seeded_rng(1);
        let mut benches = group(criterion, "prio3/report", 1);
        benches.bench_function(name, |b| b.iter(|| Report::new(&task, &values, &mut rng).unwrap()));
        benches.finish();
    }
}

/// Opening and verifying: all that an aggregator does for a report.
fn verify(criterion: &mut Criterion) {
    on_one_core();
    for (name, kind, reports) in KINDS {
        let setting = Setting::new(kind, reports);
        for (role, aggregator) in [("leader", Aggregator::Leader), ("helper", Aggregator::Helper)] {
            let other = setting.shares(aggregator.other());
            let mut benches = group(criterion, &format!("prio3/{role}"), reports);
            benches.bench_function(name, |b| {
                b.iter_batched(
                    || (setting.listed(aggregator), other.clone()),
                    |(listed, other)| match listed.next() {
                        Next::Verify(proving, _) => proving.accept(other).unwrap(),
                        Next::Compare(..) => panic!("there are reports"),
                    },
                    BatchSize::PerIteration,
                );
            });
            benches.finish();
        }
    }
}

criterion_group!(benches, make, verify);
criterion_main!(benches);
