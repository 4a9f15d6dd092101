//! A clock that does not run but steps.
//!
//! Under valgrind a second holds a fiftieth of the work, and never quite the same: a connection that
//! gives way after so many microseconds, or a window that grows with the speed of the path, would be
//! measured at a pace that no server has. So this program brings its own `clock_gettime`, which the
//! linker prefers to the C library's.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod stepping {
    use std::sync::atomic::{AtomicI64, Ordering};

    /// How much later it is at each look, in nanoseconds. A connection looks about four times for a
    /// read and its answers, which take it about as long as four steps.
    const STEP: i64 = 10_000;

    const NANOS_PER_SECOND: i64 = 1_000_000_000;

    /// Nanoseconds; not zero, as a monotonic clock need not be able to go below that.
    static NOW: AtomicI64 = AtomicI64::new(1_000 * NANOS_PER_SECOND);

    /// `struct timespec`.
    #[repr(C)]
    struct Time {
        seconds: i64,
        nanos: i64,
    }

    /// As in POSIX, but that all clocks are the same one.
    #[unsafe(no_mangle)]
    extern "C" fn clock_gettime(_clock: i32, time: *mut Time) -> i32 {
        let now = NOW.fetch_add(STEP, Ordering::Relaxed);
        let now = Time {
            seconds: now / NANOS_PER_SECOND,
            nanos: now % NANOS_PER_SECOND,
        };
        // SAFETY: POSIX has the caller pass a place for a time.
        unsafe { time.write(now) };
        0
    }
}
