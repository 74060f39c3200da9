//! Tables in and out: normalizing, reading keys, copying rows.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tidegate::data::normalize::{Normalizer, Rule, Scratch};
use tidegate::data::{
    ColumnSpec, CopyPlan, Duplicates, KeyColumn, Missing, RecordRules, SinkOptions, TableSource,
    TextEncoding, copy_rows, read_keys, read_records,
};
use tidegate::synthetic::{Population, TableKind, districts, write_table};

const ROWS: u64 = 1 << 16;

struct Fixture {
    dir: TempDir,
    csv: PathBuf,
    parquet: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (csv, parquet) = (dir.path().join("table.csv"), dir.path().join("table.parquet"));
        write_table(&csv, Population::new(1), TableKind::Insurance, 0, ROWS).expect("a table");
        copy(&open(&csv), &parquet, &|_| true);
        Self { dir, csv, parquet }
    }
}

fn open(path: &std::path::Path) -> TableSource {
    TableSource::open(path, TextEncoding::Utf8).expect("the table can be read")
}

fn copy(source: &TableSource, path: &std::path::Path, keep: &dyn Fn(u64) -> bool) -> u64 {
    let plan = CopyPlan { columns: None, rows: ROWS, keep, sink: SinkOptions { force: true } };
    copy_rows(source, path, &plan, &mut |_| (), &|| false).expect("the table can be copied")
}

fn normalizing(criterion: &mut Criterion) {
    let population = Population::new(1);
    let ids: Vec<_> = (0..1 << 10).map(|index| population.person(index).id).collect();
    let mut group = criterion.benchmark_group("normalize");
    group.throughput(Throughput::Elements(ids.len() as u64));
    for rule in [Rule::ResidentId, Rule::Nfkc, Rule::Trim] {
        let normalizer = Normalizer::new(&[rule]);
        let mut scratch = Scratch::default();
        group.bench_function(format!("{rule}/2^10"), |bencher| {
            bencher.iter(|| {
                for id in &ids {
                    black_box(normalizer.normalize(black_box(id), &mut scratch)).expect("valid numbers");
                }
            });
        });
    }
    group.finish();
}

fn tables(criterion: &mut Criterion) {
    let fixture = Fixture::new();
    let mut group = criterion.benchmark_group("tables");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    let column = [KeyColumn { name: TableKind::Insurance.id_column().into(), rules: vec![Rule::ResidentId] }];
    for (name, path) in [("read-keys-csv/2^16", &fixture.csv), ("read-keys-parquet/2^16", &fixture.parquet)] {
        let source = open(path);
        group.bench_function(name, |bencher| {
            bencher.iter(|| read_keys(&source, &column, &mut |_| (), &|| false).expect("keys"));
        });
    }
    for (name, path, out) in [
        ("copy-half-csv/2^16", &fixture.csv, "out.csv"),
        ("copy-half-parquet/2^16", &fixture.parquet, "out.parquet"),
    ] {
        let (source, out) = (open(path), fixture.dir.path().join(out));
        group.bench_function(name, |bencher| {
            bencher.iter(|| copy(&source, &out, &|row| row.is_multiple_of(2)));
        });
    }
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let csv = dir.path().join("claims.csv");
    write_table(&csv, Population::new(1), TableKind::Claims, 0, ROWS).expect("a table");
    let source = open(&csv);
    let key = [KeyColumn { name: TableKind::Claims.id_column().into(), rules: vec![Rule::ResidentId] }];
    let paid = ColumnSpec::Number { source: "paid".into(), decimals: 2, min: 0, max: 50_000_000 };
    let categories = districts().map(str::to_owned).collect();
    let district = ColumnSpec::Category { source: "district".into(), categories, rules: vec![Rule::Trim] };
    let age = ColumnSpec::Bins { source: "age".into(), decimals: 0, edges: vec![0, 18, 35, 60, 120] };
    let rules = RecordRules { duplicates: Duplicates::Sum, missing: Missing::Refuse };
    let mut group = criterion.benchmark_group("records");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    let (two, three) = ([paid.clone(), district.clone()], [paid, district, age]);
    for (name, columns) in [("none/2^16", &[][..]), ("two/2^16", &two), ("three/2^16", &three)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                read_records(&source, &key, columns, rules, &mut |_| (), &|| false).expect("records")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, normalizing, tables, records);
criterion_main!(benches);
