//! Grouped count, mean and variance over ten million rows: a guest's cells and values, added up by the host.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench ends where something is missing")]

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidegate_disclosure::Policy;
use tidegate_sandbox::{Column, Job, Limits, Module, PARTITION_ROWS, Records, Setup, Values, tally};

const ROWS: usize = 10_000_000;
const GROUPS: u32 = 1000;

const DECLARATION: &str = r#"
abi = "sbx/1"
name = "sums"
version = "1"
kind = "mapper"
[[column]]
name = "group"
type = "category"
[[column]]
name = "amount"
type = "number"
[[axis]]
name = "group"
of = "group"
[[measure]]
name = "amount"
minimum = 0
maximum = 1000
decimals = 2
squares = true
"#;

/// Hands the group on as the cell, and the square root of the amount as the value.
const BODY: &str = r"
    (local $row i32) (local $end i32) (local $group i32) (local $amount i32) (local $cell i32) (local $value i32)
    (local.set $group (i32.load offset=4 (i32.load offset=8 (local.get $batch))))
    (local.set $amount (i32.load offset=20 (i32.load offset=8 (local.get $batch))))
    (local.set $cell (i32.load offset=12 (local.get $batch)))
    (local.set $value (i32.load (i32.load offset=16 (local.get $batch))))
    (local.set $end (i32.add (local.get $group) (i32.mul (i32.load (local.get $batch)) (i32.const 4))))
    (loop $next
        (i32.store (local.get $cell) (i32.load (local.get $group)))
        (f64.store (local.get $value) (f64.sqrt (f64.load (local.get $amount))))
        (local.set $group (i32.add (local.get $group) (i32.const 4)))
        (local.set $cell (i32.add (local.get $cell) (i32.const 4)))
        (local.set $amount (i32.add (local.get $amount) (i32.const 8)))
        (local.set $value (i32.add (local.get $value) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $group) (local.get $end))))
    (i32.const 0)";

struct Table {
    groups: Vec<u32>,
    amounts: Vec<f64>,
}

struct Part<'a>(&'a [u32], &'a [f64]);

impl Records for Part<'_> {
    fn rows(&self) -> usize {
        self.0.len()
    }

    fn column(&self, index: usize) -> Option<Column<'_>> {
        let values = if index == 0 { Values::Category(self.0) } else { Values::Number(self.1) };
        Some(Column { values, validity: None })
    }

    fn units(&self) -> Option<&[u64]> {
        None
    }
}

impl Table {
    fn new() -> Self {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let groups = (0..ROWS).map(|_| u32::try_from(next() % u64::from(GROUPS)).unwrap()).collect();
        Self { groups, amounts: (0..ROWS).map(|_| (next() % 1_000_000) as f64).collect() }
    }

    fn parts(&self) -> impl Iterator<Item = Result<Part<'_>, Infallible>> + Send {
        let parts = self.groups.chunks(PARTITION_ROWS).zip(self.amounts.chunks(PARTITION_ROWS));
        parts.map(|(groups, amounts)| Ok(Part(groups, amounts)))
    }
}

fn module() -> Module {
    let escaped: String = DECLARATION.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module (@custom "tidegate:algorithm" "{escaped}") (memory (export "memory") 64 64)
        (func (export "sbx_buffer") (param i32) (result i32) (i32.const 65536))
        (func (export "sbx_init") (param i32) (result i32) (i32.const 0))
        (func (export "sbx_map") (param $batch i32) (result i32) {BODY}))"#
    );
    Module::compile(&wat::parse_str(text).unwrap()).unwrap()
}

fn grouped(criterion: &mut Criterion) {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let table = Table::new();
    let module = module();
    let labels = (0..GROUPS).map(|group| group.to_string()).collect();
    let setup = Setup::new(module.declaration(), &[], vec![Some(labels), None]).unwrap();
    let job = Job::new(&module, setup, Limits::default());
    let mut group = criterion.benchmark_group("grouped");
    group.sample_size(10).throughput(Throughput::Elements(ROWS as u64));
    let threshold = Policy::with_minimum(10);
    for (name, policy) in
        [("threshold", threshold.clone()), ("p-percent", Policy { p_percent: Some(10), ..threshold })]
    {
        group.bench_function(format!("mapper/{name}"), |bencher| {
            bencher.iter(|| one.install(|| tally(&job, &policy, false, black_box(&table).parts()).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, grouped);
criterion_main!(benches);
