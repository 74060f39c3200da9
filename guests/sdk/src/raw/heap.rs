//! An allocator for short lives: memory is handed out upwards, and only what was handed out last is taken back.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;
use core::ptr;

const PAGE_BYTES: usize = 1 << 16;

/// What is free: from `next` to `end`.
struct Heap {
    next: Cell<usize>,
    end: Cell<usize>,
}

#[global_allocator]
static HEAP: Heap = Heap { next: Cell::new(0), end: Cell::new(0) };

// SAFETY: a guest has no threads, as its module has neither shared memory nor imports.
unsafe impl Sync for Heap {}

impl Heap {
    /// Makes memory up to `end` the module's own.
    fn reach(&self, end: usize) -> Option<()> {
        if end <= self.end.get() {
            return Some(());
        }
        let pages = (end - self.end.get() - 1) / PAGE_BYTES + 1;
        if wasm32::memory_grow(0, pages) == usize::MAX {
            return None;
        }
        self.end.set(wasm32::memory_size(0).checked_mul(PAGE_BYTES)?);
        Some(())
    }

    fn take(&self, layout: Layout) -> Option<usize> {
        if self.end.get() == 0 {
            let end = wasm32::memory_size(0).checked_mul(PAGE_BYTES)?;
            self.end.set(end);
            self.next.set(end);
        }
        let start = self.next.get().checked_add(layout.align() - 1)? & !(layout.align() - 1);
        let next = start.checked_add(layout.size())?;
        self.reach(next)?;
        self.next.set(next);
        Some(start)
    }
}

// SAFETY: `take` hands out memory that the module has and that no earlier call handed out, unless it was given back;
// nothing here panics.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout).map_or(ptr::null_mut(), |start| start as *mut u8)
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if start as usize + layout.size() == self.next.get() {
            self.next.set(start as usize);
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if start as usize + layout.size() == self.next.get() {
            let next = (start as usize).checked_add(bytes);
            if let Some(next) = next.filter(|&next| self.reach(next).is_some()) {
                self.next.set(next);
                return start;
            }
            return ptr::null_mut();
        }
        // SAFETY: the caller says that `bytes` with this alignment is a layout.
        let wider = Layout::from_size_align_unchecked(bytes, layout.align());
        let moved = self.alloc(wider);
        if !moved.is_null() {
            ptr::copy_nonoverlapping(start, moved, layout.size().min(bytes));
        }
        moved
    }
}

/// Ends the run; nobody would read a message.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}
