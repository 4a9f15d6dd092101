//! The system's allocator, which knows what is allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an allocator adds to each allocation, and what it rounds that up by, at most on average. Bytes.
const OVERHEAD_LEN: usize = 16;

static LIVE_LEN: AtomicUsize = AtomicUsize::new(0);

/// Bytes that are allocated, by all threads, with what that costs the allocator.
pub(crate) fn live_len() -> usize {
    LIVE_LEN.load(Ordering::SeqCst)
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        add(len);
        remove(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(start, layout, len) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(start, layout) }
    }
}

fn add(len: usize) {
    LIVE_LEN.fetch_add(len + OVERHEAD_LEN, Ordering::SeqCst);
}

fn remove(len: usize) {
    LIVE_LEN.fetch_sub(len + OVERHEAD_LEN, Ordering::SeqCst);
}
