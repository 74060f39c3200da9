//! The one instance of an algorithm that a module holds.

use core::cell::{Cell, UnsafeCell};
use core::fmt;

/// Place for what the functions that a module exports work on.
pub struct Slot<T> {
    busy: Cell<bool>,
    held: UnsafeCell<T>,
}

// SAFETY: a guest has no threads, as its module has neither shared memory nor imports.
unsafe impl<T> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// Makes the place.
    pub const fn new(held: T) -> Self {
        Self { busy: Cell::new(false), held: UnsafeCell::new(held) }
    }

    /// Calls a function on what is held, unless such a call is under way.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.busy.replace(true) {
            return None;
        }
        // SAFETY: the only reference, as no other call is under way. What the host writes into the buffer, it writes
        // between calls, and the buffer's address has left the module, so no read of it is taken for known.
        let result = call(unsafe { &mut *self.held.get() });
        self.busy.set(false);
        Some(result)
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Slot")
    }
}
