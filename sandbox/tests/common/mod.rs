//! Guests in text form, and tables in memory.
#![allow(dead_code, reason = "each user of this file needs a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::convert::Infallible;

use tidegate_disclosure::Policy;
use tidegate_sandbox::{Aggregated, Column, Error, Job, Limits, Module, Records, Setup, Tally, Values};
use tidegate_sandbox::{aggregate, tally};

/// A mapper of an integer, which is its cell, and a number, which is its measure.
pub(crate) const MAPPER: &str = r#"
abi = "sbx/1"
name = "sums"
version = "1"
kind = "mapper"
[[column]]
name = "group"
type = "integer"
[[column]]
name = "amount"
type = "number"
[[axis]]
name = "group"
labels = ["a", "b", "c"]
[[measure]]
name = "amount"
minimum = 0
maximum = 100
decimals = 2
squares = true
"#;

/// An aggregate of a number, which gives its count and sum.
pub(crate) const AGGREGATE: &str = r#"
abi = "sbx/1"
name = "sum"
version = "1"
kind = "aggregate"
state_bytes = 64
passes = 3
[[column]]
name = "amount"
type = "number"
[[table]]
name = "figures"
rows = ["all"]
columns = ["count", "sum"]
"#;

/// The parts of a guest in text form; each test changes the one that it is about.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) declaration: String,
    pub(crate) fields: String,
    pub(crate) memory: String,
    pub(crate) buffer: String,
    pub(crate) init: String,
    /// Body of `sbx_map`, or of `sbx_update`.
    pub(crate) body: String,
    pub(crate) state: String,
    pub(crate) merge: String,
    pub(crate) finish: String,
    is_mapper: bool,
}

impl Guest {
    pub(crate) fn mapper() -> Self {
        let body = r"
            (local $row i32) (local $groups i32) (local $amounts i32) (local $cells i32) (local $values i32)
            (local.set $groups (i32.load offset=4 (i32.load offset=8 (local.get $batch))))
            (local.set $amounts (i32.load offset=20 (i32.load offset=8 (local.get $batch))))
            (local.set $cells (i32.load offset=12 (local.get $batch)))
            (local.set $values (i32.load (i32.load offset=16 (local.get $batch))))
            (block $end (loop $next
                (br_if $end (i32.ge_u (local.get $row) (i32.load (local.get $batch))))
                (i32.store (i32.add (local.get $cells) (i32.mul (local.get $row) (i32.const 4)))
                    (i32.wrap_i64 (i64.load (i32.add (local.get $groups) (i32.mul (local.get $row) (i32.const 8))))))
                (f64.store (i32.add (local.get $values) (i32.mul (local.get $row) (i32.const 8)))
                    (f64.load (i32.add (local.get $amounts) (i32.mul (local.get $row) (i32.const 8)))))
                (local.set $row (i32.add (local.get $row) (i32.const 1)))
                (br $next)))
            (i32.const 0)";
        Self::new(MAPPER, body, true)
    }

    pub(crate) fn aggregate() -> Self {
        let body = r"
            (local $row i32) (local $amounts i32)
            (local.set $amounts (i32.load offset=4 (i32.load offset=8 (local.get $batch))))
            (block $end (loop $next
                (br_if $end (i32.ge_u (local.get $row) (i32.load (local.get $batch))))
                (f64.store (i32.const 8) (f64.add (f64.load (i32.const 8))
                    (f64.load (i32.add (local.get $amounts) (i32.mul (local.get $row) (i32.const 8))))))
                (f64.store (i32.const 0) (f64.add (f64.load (i32.const 0)) (f64.const 1)))
                (local.set $row (i32.add (local.get $row) (i32.const 1)))
                (br $next)))
            (i32.const 0)";
        Self::new(AGGREGATE, body, false)
    }

    fn new(declaration: &str, body: &str, is_mapper: bool) -> Self {
        Self {
            declaration: declaration.to_owned(),
            fields: String::new(),
            memory: r#"(memory (export "memory") 64 64)"#.to_owned(),
            buffer: "(i32.const 65536)".to_owned(),
            init: "(i32.const 0)".to_owned(),
            body: body.to_owned(),
            // Address 16 holds where the state stands, and how long it is.
            state: "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 16)) (i32.const 16)"
                .to_owned(),
            merge: "(f64.store (i32.const 0) (f64.add (f64.load (i32.const 0)) (f64.load (local.get $at))))
                (f64.store (i32.const 8) (f64.add (f64.load (i32.const 8)) (f64.load offset=8 (local.get $at))))
                (i32.const 0)"
                .to_owned(),
            // Address 32 holds the outcome.
            finish: "(i32.store (i32.const 32) (i32.const 0)) (i32.store (i32.const 36) (i32.const 0))
                (i32.store (i32.const 40) (i32.const 2)) (i32.const 32)"
                .to_owned(),
            is_mapper,
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { declaration, fields, memory, buffer, init, body, state, merge, finish, .. } = self;
        let escaped: String = declaration.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let functions = if self.is_mapper {
            format!(r#"(func (export "sbx_map") (param $batch i32) (result i32) {body})"#)
        } else {
            format!(
                r#"(func (export "sbx_update") (param $batch i32) (result i32) {body})
                (func (export "sbx_state") (result i32) {state})
                (func (export "sbx_merge") (param $at i32) (param $len i32) (result i32) {merge})
                (func (export "sbx_finish") (result i32) {finish})"#
            )
        };
        format!(
            r#"(module (@custom "tidegate:algorithm" "{escaped}") {fields} {memory}
            (func (export "sbx_buffer") (param $bytes i32) (result i32) {buffer})
            (func (export "sbx_init") (param $setup i32) (result i32) {init})
            {functions})"#
        )
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn module(&self) -> Result<Module, Error> {
        Module::compile(&self.bytes())
    }

    /// Runs it over partitions of one table.
    pub(crate) fn tally(&self, table: &Table, partition_rows: usize, limits: Limits) -> Result<Tally, Error> {
        let module = self.module()?;
        let setup = Setup::new(module.declaration(), &[], vec![None, None]).unwrap();
        tally(
            &Job::new(&module, setup, limits),
            &policy(),
            table.units.is_some(),
            table.partitions(partition_rows),
        )
        .map(|(tally, _)| tally)
    }

    /// Runs it over partitions of one table.
    pub(crate) fn aggregated(
        &self,
        table: &Table,
        partition_rows: usize,
        limits: Limits,
    ) -> Result<Aggregated, Error> {
        let module = self.module()?;
        let setup = Setup::new(module.declaration(), &[], vec![None]).unwrap();
        let job = Job::new(&module, setup, limits);
        aggregate(&job, || Ok::<_, Infallible>(table.partitions(partition_rows)))
    }
}

/// A policy that looks at the two largest contributions.
pub(crate) fn policy() -> Policy {
    Policy { p_percent: Some(10), ..Policy::with_minimum(3) }
}

/// Limits that a test reaches soon.
pub(crate) fn small() -> Limits {
    Limits { memory_bytes: 8 << 20, fuel_per_call: 100_000, fuel_per_row: 1_000, ..Limits::default() }
}

/// Rows of a group and an amount; of both columns, or of the amount alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) groups: Option<Vec<i64>>,
    pub(crate) amounts: Vec<f64>,
    pub(crate) validity: Option<Vec<u8>>,
    pub(crate) units: Option<Vec<u64>>,
}

impl Table {
    pub(crate) fn of(rows: &[(i64, f64)]) -> Self {
        let (groups, amounts) = rows.iter().copied().unzip();
        Self { groups: Some(groups), amounts, ..Self::default() }
    }

    pub(crate) fn amounts(amounts: &[f64]) -> Self {
        Self { amounts: amounts.to_vec(), ..Self::default() }
    }

    pub(crate) fn partitions(&self, rows: usize) -> impl Iterator<Item = Result<Self, Infallible>> + Send {
        let part = |start: usize| {
            let end = (start + rows).min(self.amounts.len());
            Ok(Self {
                groups: self.groups.as_ref().map(|groups| groups[start..end].to_vec()),
                amounts: self.amounts[start..end].to_vec(),
                validity: self.validity.as_ref().map(|bits| bits[start / 8..end.div_ceil(8)].to_vec()),
                units: self.units.as_ref().map(|units| units[start..end].to_vec()),
            })
        };
        (0..self.amounts.len()).step_by(rows).map(part).collect::<Vec<_>>().into_iter()
    }
}

impl Records for Table {
    fn rows(&self) -> usize {
        self.amounts.len()
    }

    fn column(&self, index: usize) -> Option<Column<'_>> {
        let amounts = Column { values: Values::Number(&self.amounts), validity: self.validity.as_deref() };
        match (&self.groups, index) {
            (Some(groups), 0) => Some(Column { values: Values::Integer(groups), validity: None }),
            (Some(_), 1) | (None, 0) => Some(amounts),
            _ => None,
        }
    }

    fn units(&self) -> Option<&[u64]> {
        self.units.as_deref()
    }
}
