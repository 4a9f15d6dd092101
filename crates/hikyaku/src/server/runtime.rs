//! A tokio runtime of a given width.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime with `threads` worker threads, for programs that have none yet. One thread gives
/// tokio's single-threaded runtime, the cheapest per call; 0 takes one thread a core.
///
/// # Errors
/// The operating system refuses threads or the event queue.
///
/// # Example
/// ```
/// let answer = hikyaku::server::runtime(1)?.block_on(async { 42 });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}
