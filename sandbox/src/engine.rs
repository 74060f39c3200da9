//! The one place that says how guests are compiled and run. Every knob has its reason.
//!
//! | knob | setting | reason |
//! |---|---|---|
//! | compiler | Cranelift | the baseline compiler had a sandbox escape (CVE-2026-34987) |
//! | fuel | on | the limit: it counts instructions, so the same run ends at the same place on every machine |
//! | epoch | on | the backstop: a guest that is slow for its fuel ends by the clock |
//! | NaN canonicalization | on | bits of a NaN differ between machines; results are the same bits everywhere |
//! | SIMD, relaxed SIMD | off | not needed; CVE-2026-34944 was there; relaxed results differ between machines |
//! | threads, shared memory | off | a second thread is a clock, and store limits do not hold for shared memory |
//! | memory64, multi-memory, custom pages | off | not needed |
//! | tail calls, multi-value, wide arithmetic, extended constants, stack switching, branch hints | off | not needed |
//! | reference types, function references, GC, exceptions | left out of the build | not needed |
//! | bulk memory | on | compilers of today emit `memory.copy` and `memory.fill` |
//! | backtraces, address maps, unwind tables | off | nobody is told where a guest trapped |
//! | allocation | on demand, a fresh store for each partition | pooled memory was handed on with data twice (CVE-2022-39393, CVE-2026-34988) |
//! | copy-on-write images | off | 5 microseconds dearer to set up than a copy of a few kilobytes |
//! | native code | never kept | loading kept code runs whatever stands there; compiling takes some 20 ms |
//!
//! The same profile without an engine is in [`crate::module`], which looks at a module before anything is compiled.

use wasmtime::{Config, Engine, OptLevel, Strategy};

use crate::error::Error;

/// Bytes of stack of a guest.
pub const STACK_BYTES: usize = 512 << 10;

/// Makes the engine.
pub(crate) fn engine() -> Result<Engine, Error> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_tail_call(false)
        .wasm_multi_value(false)
        .wasm_wide_arithmetic(false)
        .wasm_extended_const(false)
        .wasm_stack_switching(false)
        .wasm_bulk_memory(true)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        .memory_init_cow(false);
    Engine::new(&config).map_err(Error::engine("set up its engine"))
}
