//! Where addresses become references: the only part with `unsafe`.
// The host hands over addresses; memory.rs checks them before they become slices.
#![allow(unsafe_code)]

#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
compile_error!("a guest has one thread: build without atomics");

#[cfg(all(target_arch = "wasm32", not(feature = "std")))]
mod heap;
pub(crate) mod memory;
#[cfg(target_arch = "wasm32")]
pub(crate) mod slot;
