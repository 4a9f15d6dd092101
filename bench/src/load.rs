//! The load: h2load, what it is asked to do, and whether every call was answered.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::cores::pinned;

/// `HelloRequest { name: "world" }` behind its prefix.
const REQUEST: &[u8] = b"\0\0\0\0\x07\x0a\x05world";
/// Bytes of `HelloReply { message: "Hello world!" }` and its prefix.
const REPLY_LEN: u64 = 19;
/// Calls that warm a server up are a tenth of those that are measured.
const WARM_UP: u64 = 10;

/// How many calls, over how many connections, how many at a time on each.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub connections: u64,
    pub streams: u64,
    pub calls: u64,
}

impl Scenario {
    /// 1 x 100 and 50 x 20, and 1 x 1 if asked for.
    pub fn all(calls: u64, one_by_one: bool) -> Vec<Self> {
        let mut all = vec![
            Self {
                connections: 1,
                streams: 100,
                calls,
            },
            Self {
                connections: 50,
                streams: 20,
                calls,
            },
        ];
        if one_by_one {
            all.push(Self {
                connections: 1,
                streams: 1,
                calls: calls / 10,
            });
        }
        all
    }

    /// The same load, shorter.
    pub fn warm_up(self) -> Self {
        Self {
            calls: self.calls / WARM_UP,
            ..self
        }
    }

    /// Whether `--check` looks at it: at 1 x 1 the kernel's share hides the servers.
    pub fn is_checked(self) -> bool {
        self.streams > 1
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.connections, self.streams)
    }
}

/// The load generator.
pub struct H2load {
    core: Option<usize>,
    request: PathBuf,
}

impl H2load {
    /// Finds h2load and writes the request it will send.
    ///
    /// # Errors
    /// h2load is not installed, or the request cannot be written.
    pub fn find(core: Option<usize>) -> Result<Self> {
        let mut version = Command::new("h2load");
        version
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !version.status().is_ok_and(|status| status.success()) {
            return Err(
                "h2load is not installed; on Debian: apt-get install nghttp2-client".into(),
            );
        }
        let name = format!("hikyaku-bench-{}.request", std::process::id());
        let request = std::env::temp_dir().join(name);
        fs::write(&request, REQUEST)?;
        Ok(Self { core, request })
    }

    /// Drives one server and returns the calls it answered per second.
    ///
    /// # Errors
    /// h2load fails, or one call was not answered with the greeting.
    pub fn run(&self, scenario: &Scenario, port: u16) -> Result<f64> {
        let output = pinned(Path::new("h2load"), self.core)
            .args(["-n", &scenario.calls.to_string()])
            .args(["-c", &scenario.connections.to_string()])
            .args(["-m", &scenario.streams.to_string()])
            .arg("-d")
            .arg(&self.request)
            .args(["-H", "te: trailers", "-H", "content-type: application/grpc"])
            .arg(format!(
                "http://127.0.0.1:{port}/helloworld.Greeter/SayHello"
            ))
            .output()?;
        let report = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("h2load: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        check_answers(&report, scenario.calls)?;
        let rate = report.lines().find(|line| line.starts_with("finished in "));
        let rate = rate.and_then(|line| {
            line.split(", ")
                .nth(1)?
                .strip_suffix(" req/s")?
                .parse()
                .ok()
        });
        Ok(rate.ok_or_else(|| format!("h2load told no rate:\n{report}"))?)
    }
}

impl Drop for H2load {
    fn drop(&mut self) {
        // A left-over file in the temporary folder harms nobody.
        let _ = fs::remove_file(&self.request);
    }
}

/// Every call succeeded and brought a whole reply. h2load knows nothing of `grpc-status`, but a
/// call that failed has no message.
fn check_answers(report: &str, calls: u64) -> Result<()> {
    let succeeded = number_before(report, "requests: ", " succeeded");
    let bytes = number_before(report, "traffic: ", ") data");
    if succeeded == Some(calls) && bytes == Some(calls * REPLY_LEN) {
        return Ok(());
    }
    Err(format!("not every one of {calls} calls was answered with the greeting:\n{report}").into())
}

/// The number just before `unit`, on the line that starts with `start`.
fn number_before(report: &str, start: &str, unit: &str) -> Option<u64> {
    let line = report.lines().find(|line| line.starts_with(start))?;
    let (before, _) = line.split_once(unit)?;
    before
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}
