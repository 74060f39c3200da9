//! One guest for each attack on the host, with the exact error.

#![allow(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where something is missing"
)]

mod common;

use std::time::Duration;

use common::{Guest, Table, small};
use tidegate_sandbox::{Digest, Error, Limits, Module, Refusal, Setup, Step, Stop};

fn refusal(guest: &Guest) -> String {
    guest.module().unwrap_err().to_string()
}

fn table() -> Table {
    Table::of(&[(0, 1.0), (1, 2.0), (2, 3.0)])
}

fn stopped(guest: &Guest) -> (Step, Stop) {
    match guest.tally(&table(), 8, small()).unwrap_err() {
        Error::Stopped { step, cause } => (step, cause),
        other => panic!("{other}"),
    }
}

fn stopped_aggregate(guest: &Guest) -> (Step, Stop) {
    match guest.aggregated(&Table::amounts(&[1.0, 2.0]), 8, small()).unwrap_err() {
        Error::Stopped { step, cause } => (step, cause),
        other => panic!("{other}"),
    }
}

#[test]
fn any_import_is_refused_by_name() {
    for (import, message) in [
        (r#"(import "env" "log" (func))"#, "imports `log` from `env`"),
        (
            r#"(import "wasi_snapshot_preview1" "clock_time_get" (func))"#,
            "imports `clock_time_get` from `wasi_snapshot_preview1`",
        ),
        (r#"(import "env" "t" (table 1 funcref))"#, "imports `t` from `env`"),
        (r#"(import "env" "g" (global i32))"#, "imports `g` from `env`"),
    ] {
        let mut guest = Guest::mapper();
        guest.fields = import.to_owned();
        assert_eq!(refusal(&guest), format!("the module is refused: it {message}; a guest imports nothing"));
    }
}

#[test]
fn a_start_function_is_refused() {
    let mut guest = Guest::mapper();
    guest.fields = "(func $start) (start $start)".to_owned();
    assert_eq!(refusal(&guest), "the module is refused: it has a start function");
}

#[test]
fn features_outside_of_the_profile_are_refused() {
    let cases = [
        ("(func (result v128) (v128.const i64x2 0 0))", "SIMD"),
        ("(func (param v128))", "SIMD"),
        ("(func $f (return_call $f))", "tail calls"),
        ("(func (result i32 i32) (i32.const 1) (i32.const 2))", "multi-value"),
        ("(func (param externref))", "reference types"),
        ("(global (mut i64) (i64.add (i64.const 1) (i64.const 2)))", "constant expression"),
        ("(tag)", "exceptions"),
        ("(type (struct (field i32)))", "gc"),
        ("(func (drop (i32.atomic.load (i32.const 0))))", "threads"),
        (
            "(func (param i64 i64 i64 i64) (drop (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))) (drop))",
            "wide",
        ),
    ];
    for (field, what) in cases {
        let mut guest = Guest::mapper();
        guest.fields = field.to_owned();
        let message = refusal(&guest);
        let is_named =
            message.starts_with("the module is refused: it is not valid under the sandbox's profile: ");
        assert!(is_named, "{what}: {message}");
    }
}

#[test]
fn memories_beyond_the_profile_are_refused() {
    let none = "the module is refused: it has no memory with a maximum of at most 4096 pages";
    for (memory, message) in [
        (r#"(memory (export "memory") 64)"#, none),
        (r#"(memory (export "memory") 64 4097)"#, none),
        (
            r#"(memory (export "memory") 1 1) (memory 1 1)"#,
            "the module is refused: it has 2 memories, of 1 allowed",
        ),
        (r#"(memory 64 64)"#, "the module is refused: it does not export `memory`"),
        (
            r#"(memory 64 64) (func (export "memory"))"#,
            "the module is refused: its export `memory` is not a memory",
        ),
    ] {
        let mut guest = Guest::mapper();
        guest.memory = memory.to_owned();
        assert_eq!(refusal(&guest), message);
    }
    for memory in [r#"(memory (export "memory") i64 64 64)"#, r#"(memory (export "memory") 64 64 shared)"#] {
        let mut guest = Guest::mapper();
        guest.memory = memory.to_owned();
        assert!(refusal(&guest).contains("not valid under the sandbox's profile"), "{}", refusal(&guest));
    }
}

#[test]
fn modules_that_are_too_large_are_refused() {
    let too_many = |found: u64, what: &str, allowed: u64| {
        format!("the module is refused: it has {found} {what}, of {allowed} allowed")
    };
    let mut guest = Guest::mapper();
    guest.fields = format!(r#"(data "{}")"#, "a".repeat(5 << 20));
    assert!(refusal(&guest).ends_with("bytes, of 4194304 allowed"));
    guest.fields = "(func)".repeat(20_001);
    assert_eq!(refusal(&guest), too_many(20_004, "functions", 20_000));
    guest.fields = format!("(func {})", "(drop (i32.const 1))".repeat(100_000));
    assert!(refusal(&guest).ends_with("bytes in a function, of 262144 allowed"));
    guest.fields = format!("(func (local {}))", "i32 ".repeat(10_001));
    assert_eq!(refusal(&guest), too_many(10_001, "locals in a function", 10_000));
    guest.fields = "(table 10001 funcref)".to_owned();
    assert_eq!(refusal(&guest), too_many(10_001, "table entries", 10_000));
    guest.fields = "(table 1 funcref) (table 1 funcref)".to_owned();
    assert_eq!(refusal(&guest), too_many(2, "tables", 1));
}

#[test]
fn what_is_no_module_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"MZ", b"(module)", &[0; 64]] {
        assert!(
            matches!(
                Module::compile(bytes),
                Err(Error::Module(Refusal::Invalid(_) | Refusal::Declarations { .. }))
            ),
            "{bytes:?}"
        );
    }
    let component = wat::parse_str("(component)").unwrap();
    assert_eq!(
        Module::compile(&component).unwrap_err().to_string(),
        "the module is refused: it is a component, and not a core module"
    );
    let bytes = Guest::mapper().bytes();
    // Without its last section, which holds names, it is a module still.
    let whole = (0..bytes.len()).filter(|len| Module::compile(&bytes[..*len]).is_ok()).count();
    assert!(whole <= 1, "{whole} cuts are modules");
}

#[test]
fn exports_are_held_to_the_contract() {
    let text = Guest::mapper().text();
    let with = |from: &str, to: &str| {
        Module::compile(&wat::parse_str(text.replacen(from, to, 1)).unwrap()).unwrap_err()
    };
    assert!(matches!(with("sbx_map", "map"), Error::Module(Refusal::NoExport("sbx_map"))));
    assert!(matches!(
        with(r#"(export "sbx_init") (param $setup i32)"#, r#"(export "sbx_init") (param $setup i64)"#),
        Error::Module(Refusal::ExportType { name: "sbx_init", .. })
    ));
    let mut guest = Guest::mapper();
    guest.fields = r#"(func (export "sbx_finish") (result i32) (i32.const 0))"#.to_owned();
    assert_eq!(
        refusal(&guest),
        "the module is refused: it exports `sbx_finish`, which is not for a module of kind mapper"
    );
    guest.fields = r#"(func (export "sbx_derive") (param i32) (result i32) (i32.const 0))"#.to_owned();
    assert!(refusal(&guest).contains("it declares tables and does not export `sbx_derive`, or the reverse"));
    let half = Guest::aggregate().text().replacen("sbx_merge", "merge", 1);
    let error = Module::compile(&wat::parse_str(half).unwrap()).unwrap_err();
    assert!(matches!(error, Error::Module(Refusal::HalfPair("sbx_state", "sbx_merge"))));
}

#[test]
fn declarations_are_one_and_valid() {
    let text = Guest::mapper().text();
    let twice = text.replacen("(module", r#"(module (@custom "tidegate:algorithm" "x")"#, 1);
    let none = text.replacen("tidegate:algorithm", "other", 1);
    for (text, found) in [(twice, 2), (none, 0)] {
        let error = Module::compile(&wat::parse_str(text).unwrap()).unwrap_err();
        assert!(matches!(error, Error::Module(Refusal::Declarations { found: n }) if n == found));
    }
    let mut guest = Guest::mapper();
    guest.declaration = "abi = \"sbx/2\"".to_owned();
    assert!(matches!(guest.module().unwrap_err(), Error::Declaration(_)));
}

/// The approved digest is that of the bytes that are compiled.
#[test]
fn a_module_that_was_changed_after_its_approval_is_refused() {
    let bytes = Guest::mapper().bytes();
    let approved = Digest::of(&bytes);
    assert!(Module::approved(&bytes, &approved).is_ok());
    let mut guest = Guest::mapper();
    guest.body = guest.body.replacen("i32.const 1", "i32.const 2", 1);
    let error = Module::approved(&guest.bytes(), &approved).unwrap_err();
    assert!(matches!(error, Error::Module(Refusal::Digest { approved: digest, .. }) if digest == approved));
}

type Change = fn(&mut Guest);

const SPIN: &str = "(loop $spin (br $spin)) (i32.const 0)";

#[test]
fn spinning_ends_with_the_fuel_wherever_it_happens() {
    let change: [(Change, Step); 3] = [
        (|guest| guest.buffer = SPIN.to_owned(), Step::Buffer),
        (|guest| guest.init = SPIN.to_owned(), Step::Init),
        (|guest| guest.body = SPIN.to_owned(), Step::Map),
    ];
    for (change, step) in change {
        let mut guest = Guest::mapper();
        change(&mut guest);
        assert_eq!(stopped(&guest), (step, Stop::Fuel));
    }
    let change: [(Change, Step); 4] = [
        (|guest| guest.body = SPIN.to_owned(), Step::Update),
        (|guest| guest.state = SPIN.to_owned(), Step::State),
        (|guest| guest.merge = SPIN.to_owned(), Step::Merge),
        (|guest| guest.finish = SPIN.to_owned(), Step::Finish),
    ];
    for (change, step) in change {
        let mut guest = Guest::aggregate();
        change(&mut guest);
        assert_eq!(stopped_aggregate(&guest), (step, Stop::Fuel));
    }
}

#[test]
fn what_the_fuel_would_allow_ends_by_the_clock() {
    let mut guest = Guest::mapper();
    guest.init = SPIN.to_owned();
    let limits = Limits { fuel_per_call: u64::MAX, duration: Duration::from_millis(50), ..small() };
    let error = guest.tally(&table(), 8, limits).unwrap_err();
    assert!(matches!(error, Error::Stopped { step: Step::Init, cause: Stop::Time }), "{error}");
}

#[test]
fn memory_and_tables_do_not_grow_beyond_their_limits() {
    let mut guest = Guest::mapper();
    guest.memory = r#"(memory (export "memory") 64 4096)"#.to_owned();
    guest.init = "(drop (memory.grow (i32.const 4000))) (i32.const 0)".to_owned();
    let (wanted, allowed) = (4064 << 16, 8 << 20);
    assert_eq!(stopped(&guest), (Step::Init, Stop::Memory { wanted, allowed }));
    guest.memory = r#"(memory (export "memory") 4096 4096)"#.to_owned();
    assert_eq!(stopped(&guest), (Step::Instantiate, Stop::Memory { wanted: 4096 << 16, allowed }));
    // Beyond its own maximum it may ask, and is told no.
    guest.memory = r#"(memory (export "memory") 64 64)"#.to_owned();
    guest.init = "(i32.ne (memory.grow (i32.const 1)) (i32.const -1))".to_owned();
    assert!(guest.tally(&table(), 8, small()).is_ok());
}

#[test]
fn recursion_ends_with_the_stack() {
    let mut guest = Guest::mapper();
    guest.fields =
        "(func $deep (param i64 i64 i64) (call $deep (local.get 0) (local.get 1) (local.get 2)))".to_owned();
    guest.init = "(call $deep (i64.const 1) (i64.const 2) (i64.const 3)) (i32.const 0)".to_owned();
    let limits = Limits { fuel_per_call: 1_000_000_000, ..small() };
    let error = guest.tally(&table(), 8, limits).unwrap_err();
    assert!(matches!(error, Error::Stopped { step: Step::Init, cause: Stop::Stack }), "{error}");
}

#[test]
fn traps_say_which() {
    for (body, trap) in [
        ("(unreachable)", "wasm trap: wasm `unreachable` instruction executed"),
        ("(i32.div_s (i32.const 1) (i32.const 0))", "wasm trap: integer divide by zero"),
        ("(i32.load (i32.const -4))", "wasm trap: out of bounds memory access"),
        ("(i32.trunc_f64_s (f64.const nan))", "wasm trap: invalid conversion to integer"),
    ] {
        let mut guest = Guest::mapper();
        guest.init = body.to_owned();
        assert_eq!(stopped(&guest), (Step::Init, Stop::Trap(trap.to_owned())));
    }
    let mut guest = Guest::mapper();
    guest.body = "(i32.const -7)".to_owned();
    assert_eq!(stopped(&guest), (Step::Map, Stop::Status(-7)));
    guest.fields = r#"(data (i32.const 4194300) "beyond")"#.to_owned();
    let (step, cause) = stopped(&guest);
    assert!(step == Step::Instantiate && matches!(cause, Stop::Trap(_)));
}

#[test]
fn buffers_outside_of_the_memory_are_refused() {
    // None, not aligned, at the end, beyond it, and so that address and length overflow 32 bits.
    for address in [0, 1, 65_537, 64 * 65_536 - 64, 64 * 65_536, -64] {
        let mut guest = Guest::mapper();
        guest.buffer = format!("(i32.const {address})");
        let (step, cause) = stopped(&guest);
        assert_eq!(step, Step::Buffer);
        assert!(
            matches!(cause, Stop::Outside { what: "buffer", memory: 4_194_304, .. }),
            "{address}: {cause}"
        );
    }
}

/// What a guest writes over the host's own regions reaches nobody: the host writes all of them before each call.
#[test]
fn a_guest_that_writes_over_the_buffer_harms_itself_alone() {
    let mut guest = Guest::mapper();
    guest.body = "(memory.fill (i32.const 0) (i32.const 0xff) (i32.const 4194304)) (i32.const 0)".to_owned();
    let limits = Limits { fuel_per_call: 10_000_000, ..small() };
    let found = guest.tally(&table(), 8, limits).unwrap();
    assert_eq!((found.units(), found.left_out()), (0, 3));
    // Filling memory costs fuel by the byte.
    assert_eq!(stopped(&guest), (Step::Map, Stop::Fuel));
}

#[test]
fn cells_beyond_the_declared_ones_count_as_none() {
    for cell in [3, 4096, 65_536, -2] {
        let mut guest = Guest::mapper();
        guest.body = guest.body.replacen(
            "(i32.wrap_i64 (i64.load",
            &format!("(i32.add (i32.const {cell}) (i32.wrap_i64 (i64.load"),
            1,
        );
        guest.body = guest.body.replacen(
            "(i32.const 8))))))\n                (f64.store",
            "(i32.const 8)))))))\n                (f64.store",
            1,
        );
        let found = guest.tally(&Table::of(&[(0, 1.0), (0, 2.0)]), 8, small()).unwrap();
        assert_eq!((found.units(), found.left_out()), (0, 2), "{cell}");
    }
}

#[test]
fn a_guest_keeps_nothing_from_one_partition_to_the_next() {
    let mut guest = Guest::mapper();
    // Counts its calls in its own memory, and says so by a status: it never comes to two.
    guest.body = "(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
        (i32.gt_u (i32.load (i32.const 64)) (i32.const 1))"
        .to_owned();
    let rows: Vec<_> = (0..64).map(|_| (0, 1.0)).collect();
    assert_eq!(guest.tally(&Table::of(&rows), 8, small()).unwrap().left_out(), 64);
}

/// Each of these lies about where its state stands or how long it is.
#[test]
fn states_outside_of_the_memory_or_too_long_are_refused() {
    let lie = |at: i64, len: i64| {
        format!(
            "(i32.store (i32.const 16) (i32.const {at})) (i32.store (i32.const 20) (i32.const {len})) (i32.const 16)"
        )
    };
    let cases = [
        ("(i32.const 0)".to_owned(), Stop::GaveUp),
        (lie(0, 65), Stop::Length { what: "state", found: 65, allowed: 64 }),
        (lie(0, -1), Stop::Length { what: "state", found: 0xffff_ffff, allowed: 64 }),
        (lie(4_194_300, 64), Stop::Outside { what: "state", address: 4_194_300, len: 64, memory: 4_194_304 }),
        (lie(-8, 16), Stop::Outside { what: "state", address: 0xffff_fff8, len: 16, memory: 4_194_304 }),
        (
            "(i32.const 4194302)".to_owned(),
            Stop::Outside { what: "state", address: 4_194_302, len: 8, memory: 4_194_304 },
        ),
        ("(i32.const 18)".to_owned(), Stop::Alignment { what: "state", address: 18, alignment: 4 }),
        (
            "(i32.const -1)".to_owned(),
            Stop::Outside { what: "state", address: 0xffff_ffff, len: 8, memory: 4_194_304 },
        ),
    ];
    for (state, cause) in cases {
        let mut guest = Guest::aggregate();
        guest.state = state;
        assert_eq!(stopped_aggregate(&guest), (Step::State, cause));
    }
}

#[test]
fn outcomes_that_break_the_contract_are_refused() {
    let outcome = |kind: i64, at: i64, len: i64| {
        format!(
            "(i32.store (i32.const 32) (i32.const {kind})) (i32.store (i32.const 36) (i32.const {at}))
             (i32.store (i32.const 40) (i32.const {len})) (i32.const 32)"
        )
    };
    let cases = [
        (outcome(0, 0, 1), Stop::Length { what: "result", found: 1, allowed: 2 }),
        (outcome(0, 0, -1), Stop::Length { what: "result", found: 0xffff_ffff, allowed: 2 }),
        (outcome(0, 4, 2), Stop::Alignment { what: "result", address: 4, alignment: 8 }),
        (
            outcome(0, -8, 2),
            Stop::Outside { what: "result", address: 0xffff_fff8, len: 16, memory: 4_194_304 },
        ),
        (outcome(1, 0, 65), Stop::Length { what: "carry", found: 65, allowed: 64 }),
        (outcome(2, 0, 2), Stop::Outcome(2)),
        (outcome(1, 0, 8), Stop::Passes(3)),
        (format!("(f64.store (i32.const 8) (f64.const inf)) {}", outcome(0, 0, 2)), Stop::Infinite(1)),
        (
            "(i32.const -4)".to_owned(),
            Stop::Outside { what: "outcome", address: 0xffff_fffc, len: 12, memory: 4_194_304 },
        ),
    ];
    for (finish, cause) in cases {
        let mut guest = Guest::aggregate();
        guest.finish = finish;
        assert_eq!(stopped_aggregate(&guest), (Step::Finish, cause));
    }
}

/// Bits of a NaN are a way out of a sandbox: they are the same whatever a guest computes.
#[test]
fn bits_of_a_nan_tell_nothing() {
    let mut guest = Guest::aggregate();
    guest.finish = "(f64.store (i32.const 8) (f64.reinterpret_i64 (i64.const 0x7ff80000deadbeef)))"
        .to_owned()
        + &guest.finish;
    let found = guest.aggregated(&Table::amounts(&[1.0]), 8, small()).unwrap();
    assert_eq!(found.numbers, [Some(1.0), None]);
}

#[test]
fn undeclared_columns_are_never_handed_over() {
    let module = Guest::aggregate().module().unwrap();
    let setup = Setup::new(module.declaration(), &[], vec![None, None]);
    assert_eq!(setup.unwrap_err().to_string(), "the algorithm reads 1 columns, and 2 are given");
    // A table with more columns gives the declared ones alone; one of another type gives none.
    let error = Guest::aggregate().aggregated(&Table::of(&[(0, 1.0)]), 8, small()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the records could not be read: column `amount` is of type integer, not number"
    );
}

/// Whatever the number of threads, the error is that of the first partition that has one.
#[test]
fn the_first_error_is_the_one_that_is_told() {
    let mut guest = Guest::mapper();
    // The status is the first group of the batch.
    guest.body =
        "(i32.wrap_i64 (i64.load (i32.load offset=4 (i32.load offset=8 (local.get $batch)))))".to_owned();
    let rows: Vec<_> = (0..800).map(|row| (if row < 160 { 0 } else { row / 8 }, 0.0)).collect();
    for threads in 1..5 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let error = pool.install(|| guest.tally(&Table::of(&rows), 8, small())).unwrap_err();
        assert!(matches!(error, Error::Stopped { step: Step::Map, cause: Stop::Status(20) }), "{error}");
    }
}

/// What the contract promises to a guest is seen to before it is handed over.
#[test]
fn records_that_break_the_contract_are_refused() {
    let mut table = table();
    table.amounts[1] = f64::INFINITY;
    let error = Guest::mapper().tally(&table, 8, small()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the records could not be read: column `amount` has a number that is not finite"
    );
    table.validity = Some(vec![0b101]);
    assert!(Guest::mapper().tally(&table, 8, small()).is_ok());
}
