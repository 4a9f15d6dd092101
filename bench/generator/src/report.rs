//! The line that a run prints.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::scenario::Scenario;
use crate::tally::Tally;

/// What a run came to.
pub struct Report {
    pub scenario: Scenario,
    pub tally: Tally,
    pub wall: Duration,
    pub cpu: Duration,
}

impl Report {
    /// The line of JSON.
    pub fn line(&self) -> String {
        let tally = &self.tally;
        format!(
            "{{\"scenario\":\"{}\",\"calls\":{},\"messages\":{},\"bytes\":{},\"failed\":{},\
             \"wall_s\":{:.6},\"cpu_s\":{:.6},\"p50_us\":{:.3},\"p99_us\":{:.3},\"p999_us\":{:.3}}}",
            self.scenario.name(),
            tally.succeeded + tally.failed,
            tally.messages,
            tally.bytes,
            tally.failed,
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64(),
            tally.quantile_us(0.5),
            tally.quantile_us(0.99),
            tally.quantile_us(0.999),
        )
    }

    /// Why calls failed, if some did.
    pub fn complaint(&self) -> Option<String> {
        let Tally {
            succeeded,
            failed,
            first_fault,
            ..
        } = &self.tally;
        let fault = first_fault.as_ref()?;
        let calls = succeeded + failed;
        Some(format!(
            "{failed} of {calls} calls failed; the first because {fault}"
        ))
    }
}

/// Measures the time from its making on.
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_time(),
        }
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.wall
    }

    /// What has passed since, with these counts.
    pub fn report(&self, scenario: Scenario, tally: Tally) -> Report {
        Report {
            scenario,
            tally,
            wall: self.wall.elapsed(),
            cpu: cpu_time() - self.cpu,
        }
    }
}

/// User and system time of all threads.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::scenario::Call;

    #[test]
    fn a_line_has_what_was_counted_and_the_first_fault_is_told() {
        let mut tally = Tally::default();
        let call = Call::new(Scenario::Down, 100, 20);
        tally.on_success(&call);
        tally.on_failure(Fault::Reset { code: 7 }, 2);
        tally.on_failure(Fault::Closed, 1);
        let now = Instant::now();
        tally.on_answer(now, now + Duration::from_micros(250));
        let report = Report {
            scenario: Scenario::Down,
            tally,
            wall: Duration::from_millis(1500),
            cpu: Duration::from_micros(70),
        };
        let line = report.line();
        let start = "{\"scenario\":\"down\",\"calls\":4,\"messages\":20,\"bytes\":2000,\"failed\":3,\
                     \"wall_s\":1.500000,\"cpu_s\":0.000070,\"p50_us\":250.";
        assert!(line.starts_with(start), "{line}");
        let complaint = report.complaint().unwrap();
        let want = "3 of 4 calls failed; the first because the server reset the stream with code 7";
        assert_eq!(complaint, want);
    }
}
