//! The modules that ship, against the same algorithms compiled natively: the same bits, for any partitions and threads.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where something is missing; it reads the modules"
)]

use std::convert::Infallible;
use std::path::Path;

use tidegate_disclosure::{Figures, Levels, Place, Policy};
use tidegate_guest::native::{self, Cut, Data, Measure, Parameter};
use tidegate_guest::{Derive, Merge};
use tidegate_sandbox::declaration::Kind;
use tidegate_sandbox::{
    Column, Digest, Job, Limits, Module, Records, Setup, Tally, Values, aggregate, derive, release, shape,
    tally, values,
};

/// Columns as the sandbox takes them.
#[derive(Clone)]
enum Buffer {
    Boolean(Vec<u8>),
    Number(Vec<f64>),
    Category(Vec<u32>),
}

struct Frame {
    rows: usize,
    columns: Vec<(Buffer, Vec<u8>)>,
}

fn bits(values: impl Iterator<Item = bool>) -> Vec<u8> {
    let values: Vec<_> = values.collect();
    values.chunks(8).map(|byte| byte.iter().rev().fold(0, |bits, bit| bits << 1 | u8::from(*bit))).collect()
}

impl Frame {
    fn new(columns: &[native::Column], rows: std::ops::Range<usize>) -> Self {
        let column = |column: &native::Column| match column {
            native::Column::Booleans(values) => {
                let values = &values[rows.clone()];
                (
                    Buffer::Boolean(bits(values.iter().map(|value| value.unwrap_or(true)))),
                    bits(values.iter().map(Option::is_some)),
                )
            }
            native::Column::Numbers(values) => {
                let values = &values[rows.clone()];
                (
                    Buffer::Number(values.iter().map(|value| value.unwrap_or(-7.0)).collect()),
                    bits(values.iter().map(Option::is_some)),
                )
            }
            native::Column::Categories { values, .. } => {
                let values = &values[rows.clone()];
                (
                    Buffer::Category(values.iter().map(|value| value.unwrap_or(1)).collect()),
                    bits(values.iter().map(Option::is_some)),
                )
            }
            _ => panic!("no algorithm reads it"),
        };
        Self { rows: rows.len(), columns: columns.iter().map(column).collect() }
    }
}

impl Records for Frame {
    fn rows(&self) -> usize {
        self.rows
    }

    fn column(&self, index: usize) -> Option<Column<'_>> {
        let (buffer, validity) = self.columns.get(index)?;
        let values = match buffer {
            Buffer::Boolean(bits) => Values::Boolean(bits),
            Buffer::Number(values) => Values::Number(values),
            Buffer::Category(values) => Values::Category(values),
        };
        Some(Column { values, validity: Some(validity) })
    }

    fn units(&self) -> Option<&[u64]> {
        None
    }
}

/// A shipped module over generated data.
struct Case {
    module: Module,
    columns: Vec<native::Column>,
    parameters: Vec<(&'static str, f64)>,
    rows: usize,
}

const ROWS: usize = 40_000;

impl Case {
    fn new(name: &str, columns: Vec<native::Column>, parameters: &[(&'static str, f64)]) -> Self {
        Self { module: module(name), columns, parameters: parameters.to_vec(), rows: ROWS }
    }

    fn setup(&self) -> Setup {
        let labels = self.columns.iter().map(|column| match column {
            native::Column::Categories { labels, .. } => Some(labels.clone()),
            _ => None,
        });
        Setup::new(self.module.declaration(), &self.parameters, labels.collect()).unwrap()
    }

    fn job(&self) -> Job<'_> {
        Job::new(&self.module, self.setup(), Limits::default())
    }

    fn data(&self) -> Data {
        let setup = self.setup();
        let parameters = setup.parameters().iter().map(|value| match value {
            tidegate_sandbox::Value::Integer(value) => Parameter::Integer(*value),
            tidegate_sandbox::Value::Number(value) => Parameter::Number(*value),
        });
        Data::new(self.columns.clone(), parameters.collect()).unwrap()
    }

    fn frames(&self, rows: usize) -> impl Iterator<Item = Result<Frame, Infallible>> + Send {
        let all = self.rows;
        let frames =
            (0..all).step_by(rows).map(|start| Ok(Frame::new(&self.columns, start..(start + rows).min(all))));
        frames.collect::<Vec<_>>().into_iter()
    }
}

fn module(name: &str) -> Module {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/algorithms/wasm");
    let bytes = std::fs::read(folder.join(name).with_extension("wasm")).unwrap();
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let line = format!("{}  {name}.wasm", Digest::of(&bytes));
    assert!(sums.lines().any(|other| other == line), "{line}");
    Module::compile(&bytes).unwrap()
}

/// A generator of its own, so that every run is the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64
    }

    /// Numbers from `low` to `high`, of which one in 20 is missing.
    fn numbers(&mut self, low: f64, high: f64) -> native::Column {
        let number = |_| (self.next() > 0.05).then(|| low + (high - low) * self.next());
        native::Column::Numbers((0..ROWS).map(number).collect())
    }

    fn booleans(&mut self) -> native::Column {
        let bit = |_| (self.next() > 0.05).then(|| self.next() > 0.4);
        native::Column::Booleans((0..ROWS).map(bit).collect())
    }

    fn categories(&mut self, labels: &[&str]) -> native::Column {
        let len = labels.len() as f64;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below the number of labels"
        )]
        let place = |_| (self.next() > 0.05).then(|| (self.next() * len) as u32);
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        native::Column::Categories { labels, values: (0..ROWS).map(place).collect() }
    }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn same(found: &[Option<f64>], expected: &[f64]) {
    let bits = |value: f64| if value.is_nan() { None } else { Some(value.to_bits()) };
    let found: Vec<_> = found.iter().map(|value| value.and_then(bits)).collect();
    assert_eq!(found, expected.iter().map(|value| bits(*value)).collect::<Vec<_>>(), "{expected:?}");
    assert!(expected.iter().any(|value| value.is_finite()), "something is found");
}

/// Returns a tally's figures as they are, for what is derived from them.
fn figures(tally: &Tally, place: Place) -> tidegate_sandbox::DerivedFrom {
    let cell = tally.place(place).unwrap();
    let sums = cell.sums.iter().map(|sum| sum.total).collect();
    values(tally, &Figures { count: cell.count, sums, deviations: None })
}

fn check_mapper<M: Derive>(case: &Case) {
    let (job, data) = (case.job(), case.data());
    let Kind::Mapper(mapper) = &case.module.declaration().kind else { panic!("a mapper") };
    let measures: Vec<_> = mapper
        .measures
        .iter()
        .map(|measure| Measure {
            minimum: measure.minimum,
            maximum: measure.maximum,
            decimals: measure.decimals,
            squares: measure.squares,
        })
        .collect();
    let shape = shape(case.setup().result()).unwrap();
    let tabulated = data.map::<M>(Cut::whole()).unwrap().tabulate(shape.rows(), shape.columns(), &measures);
    let expected = data.derive::<M>(&tabulated).unwrap();
    let policy = Policy::with_minimum(1);
    for (partition, threads) in [(ROWS, 1), (16_392, 2), (1_000, 3)] {
        let (found, _) =
            pool(threads).install(|| tally(&job, &policy, false, case.frames(partition))).unwrap();
        let cells = 0..shape.cells_len() as usize;
        let counts: Vec<_> = cells.map(|cell| found.cell(cell).unwrap().count as f64).collect();
        assert_eq!(counts, tabulated.counts[..counts.len()]);
        let released = release(&found, Levels::ALL, &mut rand::rng()).unwrap();
        let derived = derive(&job, &released, |place| Some(figures(&found, place)));
        same(&derived.unwrap(), &expected);
    }
}

fn check_aggregate<A: Merge>(case: &Case) {
    let (job, data) = (case.job(), case.data());
    for partition in [ROWS, 16_392, 1_000] {
        let expected = data.aggregate_merged::<A>(Cut::new(partition, 1 << 14), 25).unwrap();
        for threads in [1, 3] {
            let found =
                pool(threads).install(|| aggregate(&job, || Ok::<_, Infallible>(case.frames(partition))));
            same(&found.unwrap().numbers, &expected);
        }
    }
}

#[test]
fn descriptive() {
    let mut numbers = Numbers(1);
    let columns =
        vec![numbers.categories(&["north", "south", "östlich", "西"]), numbers.numbers(-20.0, 120.0)];
    check_mapper::<descriptive::Descriptive>(&Case::new(
        "descriptive",
        columns,
        &[("low", 0.0), ("high", 100.0)],
    ));
}

#[test]
fn histogram() {
    let columns = vec![Numbers(2).numbers(0.0, 12.0)];
    let parameters = [("bins", 30.0), ("low", 1.0), ("high", 10.0)];
    check_mapper::<histogram::Histogram>(&Case::new("histogram", columns, &parameters));
}

#[test]
fn cross_tabulation() {
    let mut numbers = Numbers(3);
    let columns = vec![numbers.categories(&["a", "b", "c"]), numbers.categories(&["x", "y"])];
    check_mapper::<cross_tabulation::CrossTabulation>(&Case::new("cross-tabulation", columns, &[]));
}

#[test]
fn kaplan_meier() {
    let mut numbers = Numbers(4);
    let columns = vec![numbers.numbers(0.0, 90.0), numbers.booleans()];
    check_mapper::<kaplan_meier::KaplanMeier>(&Case::new("kaplan-meier", columns, &[("width", 1.5)]));
}

const RANGES: [(&str, f64); 10] = [
    ("outcome_low", 0.0),
    ("outcome_high", 50.0),
    ("first_low", 0.0),
    ("first_high", 1.0),
    ("second_low", -5.0),
    ("second_high", 5.0),
    ("third_low", 0.0),
    ("third_high", 1000.0),
    ("fourth_low", 0.0),
    ("fourth_high", 1.0),
];

fn covariates(numbers: &mut Numbers) -> Vec<native::Column> {
    vec![
        numbers.numbers(0.0, 1.0),
        numbers.numbers(-6.0, 5.0),
        numbers.numbers(0.0, 1000.0),
        numbers.numbers(0.0, 1.0),
    ]
}

#[test]
fn linear_regression() {
    let mut numbers = Numbers(5);
    let columns = [vec![numbers.numbers(0.0, 50.0)], covariates(&mut numbers)].concat();
    for len in [2.0, 4.0] {
        let parameters = [&[("covariates", len)][..], &RANGES].concat();
        check_mapper::<linear_regression::LinearRegression>(&Case::new(
            "linear-regression",
            columns.clone(),
            &parameters,
        ));
    }
}

#[test]
fn logistic_regression() {
    let mut numbers = Numbers(6);
    let columns = [vec![numbers.booleans()], covariates(&mut numbers)].concat();
    let parameters = [&[("covariates", 3.0)][..], &RANGES[2..]].concat();
    check_aggregate::<logistic_regression::LogisticRegression>(&Case::new(
        "logistic-regression",
        columns,
        &parameters,
    ));
}
