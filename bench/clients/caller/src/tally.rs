//! What is counted while calls are made, and the line of JSON it becomes.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Options;

/// The counts of all tasks of the one thread.
pub(crate) struct Tally {
    /// Calls that nobody has begun.
    left: Cell<u64>,
    messages: Cell<u64>,
    failed: Cell<u64>,
    /// One for each call that was answered, in nanoseconds.
    latencies: RefCell<Vec<u64>>,
}

impl Tally {
    pub(crate) fn new(calls: u64) -> Self {
        Self {
            left: Cell::new(calls),
            messages: Cell::new(0),
            failed: Cell::new(0),
            latencies: RefCell::new(Vec::with_capacity(calls as usize)),
        }
    }

    /// Whether there is another call to make.
    pub(crate) fn take(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    pub(crate) fn note(&self, messages: u64, latency: Duration) {
        self.messages.set(self.messages.get() + messages);
        self.latencies.borrow_mut().push(latency.as_nanos() as u64);
    }

    /// Counts a call that failed; the first one says why.
    pub(crate) fn fail(&self, what: &str) {
        if self.failed.replace(self.failed.get() + 1) == 0 {
            eprintln!("a call failed: {what}");
        }
    }

    pub(crate) fn report(&self, options: &Options, wall: Duration, cpu: Duration) -> String {
        let mut latencies = self.latencies.borrow_mut();
        latencies.sort_unstable();
        let at = |share: f64| {
            let index = (latencies.len() as f64 * share) as usize;
            let nanos = latencies.get(index).or(latencies.last()).copied();
            nanos.unwrap_or(0) as f64 / 1e3
        };
        let messages = self.messages.get();
        format!(
            "{{\"scenario\":\"{}\",\"calls\":{},\"messages\":{messages},\"bytes\":{},\"failed\":{},\
             \"wall_s\":{:.6},\"cpu_s\":{:.6},\"p50_us\":{:.3},\"p99_us\":{:.3},\"p999_us\":{:.3}}}",
            options.call.name(),
            latencies.len(),
            messages * u64::from(options.size),
            self.failed.get(),
            wall.as_secs_f64(),
            cpu.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(0.999),
        )
    }
}

/// CPU time of this process so far, in user and kernel.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
