//! Where addresses become references: the only part with `unsafe`.
#![allow(
    unsafe_code,
    reason = "the host hands over addresses; memory.rs checks them before they become slices"
)]

#[cfg(all(target_arch = "wasm32", not(feature = "std")))]
mod heap;
pub(crate) mod memory;
#[cfg(target_arch = "wasm32")]
pub(crate) mod slot;
