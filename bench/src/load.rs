//! The load: a program that makes calls, what it is asked to do, and whether every one was answered.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::Result;
use crate::cores::pinned;
use crate::scenario::Scenario;

/// The longest a run may take before it is given up.
const RUN_LIMIT: Duration = Duration::from_secs(90);
/// `HelloRequest { name: "world" }` behind its prefix.
const REQUEST: &[u8] = b"\0\0\0\0\x07\x0a\x05world";
/// Bytes of `HelloReply { message: "Hello world!" }` and its prefix.
const REPLY_LEN: u64 = 19;

/// What a run brought; the line of JSON that generator and clients print.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    pub calls: u64,
    #[serde(default)]
    pub failed: u64,
    pub wall_s: f64,
    /// CPU time of the load's own process; h2load does not tell it.
    pub cpu_s: Option<f64>,
    pub p50_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub p999_us: Option<f64>,
}

/// One load to be made.
pub struct Run<'a> {
    pub scenario: &'a Scenario,
    pub address: &'a str,
    pub calls: u64,
    /// Calls per second, if they are not to wait for one another.
    pub rate: Option<f64>,
    /// The authority of the server's certificate, if it speaks TLS.
    pub authority: Option<&'a Path>,
}

/// A program that makes calls.
#[derive(Clone)]
pub struct Load {
    pub program: PathBuf,
    pub core: Option<usize>,
}

impl Load {
    /// Makes the calls and waits for the report.
    ///
    /// # Errors
    /// The program fails or takes too long, or a call was not answered.
    pub fn run(&self, run: &Run<'_>) -> Result<Report> {
        let child = self
            .command(run)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.map_err(|error| format!("{}: {error}", self.program.display()))?;
        let output = finish(child)?;
        let report: Report = serde_json::from_str(output.trim())
            .map_err(|error| format!("not a report: {error}: {output:?}"))?;
        if report.failed > 0 || report.calls == 0 {
            return Err(format!("{} of {} calls failed", report.failed, run.calls).into());
        }
        Ok(report)
    }

    /// Starts a load that lasts until what is returned is dropped.
    ///
    /// # Errors
    /// The program does not start.
    pub fn start(&self, run: &Run<'_>) -> Result<Background> {
        let child = self.command(run).stdin(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{}: {error}", self.program.display()))?;
        let stdin = child.stdin.take();
        Ok(Background { child, stdin })
    }

    fn command(&self, run: &Run<'_>) -> Command {
        let scenario = run.scenario;
        let mut command = pinned(&self.program, self.core);
        command.args(["--address", run.address, "--scenario", scenario.call]);
        command
            .arg("--connections")
            .arg(scenario.connections.to_string());
        command.arg("--streams").arg(scenario.streams.to_string());
        command.arg("--calls").arg(run.calls.to_string());
        if let Some(size) = scenario.size {
            command.arg("--size").arg(size.to_string());
        }
        if let Some(messages) = scenario.messages {
            command.arg("--messages").arg(messages.to_string());
        }
        if let Some(rate) = run.rate {
            command.arg("--rate").arg(format!("{rate:.0}"));
        }
        if let Some(authority) = run.authority {
            command.arg("--ca").arg(authority);
        }
        command.stdout(Stdio::piped());
        command
    }
}

/// A load that goes on beside others; it ends when this is dropped.
pub struct Background {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Background {
    /// Waits for the line that says that everything is open.
    ///
    /// # Errors
    /// The load ended, took too long, or could not open all.
    pub fn ready(&mut self) -> Result<Report> {
        let stdout = self.child.stdout.take().ok_or("the load was asked twice")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Whoever waited may have given up.
            let _ = sender.send(read.map(|_| line));
        });
        let line = receiver
            .recv_timeout(RUN_LIMIT)
            .map_err(|_| "the load opens nothing")??;
        if line.is_empty() {
            return Err("the load ended before all was open; it said above why".into());
        }
        let report = serde_json::from_str(line.trim());
        let report: Report = report.map_err(|error| format!("not a report: {error}: {line:?}"))?;
        match report.failed {
            0 => Ok(report),
            failed => Err(format!("{failed} could not be opened").into()),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a program, at most [`RUN_LIMIT`], and returns what it printed.
fn finish(mut child: Child) -> Result<String> {
    let (sender, receiver) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map(|mut pipe| pipe.read_to_string(&mut text));
        // Whoever waited may have given up.
        let _ = sender.send(read.transpose().map(|_| text));
    });
    let errors = thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.map(|mut pipe| pipe.read_to_string(&mut text));
        text
    });
    let output = receiver.recv_timeout(RUN_LIMIT);
    if output.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let text = output.map_err(|_| format!("the load took over {RUN_LIMIT:?}"))??;
    if status.success() {
        return Ok(text);
    }
    let errors = errors.join().unwrap_or_default();
    Err(format!("the load failed: {status}: {}", errors.trim()).into())
}

/// The second generator, which is not ours.
pub struct H2load {
    core: Option<usize>,
    request: PathBuf,
    pub version: String,
}

impl H2load {
    /// Finds h2load and writes the request it will send.
    ///
    /// # Errors
    /// h2load is not installed, or the request cannot be written.
    pub fn find(core: Option<usize>) -> Result<Self> {
        let output = Command::new("h2load")
            .arg("--version")
            .stderr(Stdio::null())
            .output();
        let Ok(output) = output else {
            return Err("h2load is not installed (Debian: apt-get install nghttp2-client)".into());
        };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let name = format!("hikyaku-bench-{}.request", std::process::id());
        let request = std::env::temp_dir().join(name);
        fs::write(&request, REQUEST)?;
        Ok(Self {
            core,
            request,
            version,
        })
    }

    /// Makes the calls.
    ///
    /// # Errors
    /// h2load fails, or one call was not answered with the greeting.
    pub fn run(&self, run: &Run<'_>) -> Result<Report> {
        let started = Instant::now();
        let child = pinned(Path::new("h2load"), self.core)
            .args(["-n", &run.calls.to_string()])
            .args(["-c", &run.scenario.connections.to_string()])
            .args(["-m", &run.scenario.streams.to_string()])
            .arg("-d")
            .arg(&self.request)
            .args(["-H", "te: trailers", "-H", "content-type: application/grpc"])
            .arg(format!(
                "http://{}/helloworld.Greeter/SayHello",
                run.address
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let report = finish(child)?;
        let wall_s = started.elapsed().as_secs_f64();
        check_answers(&report, run.calls)?;
        let rate = report
            .lines()
            .find_map(|line| line.strip_prefix("finished in "));
        let rate = rate.and_then(|line| line.split(", ").nth(1)?.strip_suffix(" req/s"));
        let rate = rate.and_then(|rate| rate.parse::<f64>().ok());
        Ok(Report {
            calls: run.calls,
            failed: 0,
            wall_s: rate.map_or(wall_s, |rate| run.calls as f64 / rate),
            cpu_s: None,
            p50_us: None,
            p99_us: None,
            p999_us: None,
        })
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
