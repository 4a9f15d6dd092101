//! The system's allocator, which counts what each thread asks it for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::NAME_LEN;

/// What a thread has allocated since [`start`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Allocations with room for a name, those that grew to it included.
    pub(crate) large: usize,
    /// All allocations.
    all: usize,
}

const NOTHING: Counted = Counted { large: 0, all: 0 };

thread_local! {
    static COUNTED: Cell<Counted> = const { Cell::new(NOTHING) };
}

/// Counts from here on.
pub(crate) fn start() {
    COUNTED.set(NOTHING);
}

/// What has been counted.
pub(crate) fn counted() -> Counted {
    COUNTED.get()
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        count(len);
        // SAFETY: as above.
        unsafe { System.realloc(start, layout, len) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(start, layout) }
    }
}

fn count(len: usize) {
    // A thread that ends allocates, too, when its counter has gone.
    let _ = COUNTED.try_with(|cell| {
        let mut counted = cell.get();
        counted.all += 1;
        counted.large += usize::from(len >= NAME_LEN);
        cell.set(counted);
    });
}
