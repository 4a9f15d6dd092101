//! A server under test: its process, its port and the CPU time it has used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::Result;
use crate::cores::pinned;

/// A running server, killed when dropped.
pub struct Server {
    name: String,
    child: Child,
    port: u16,
}

impl Server {
    /// Starts the program and waits until it says where it listens.
    ///
    /// # Errors
    /// The program does not start, or ends before it listens.
    pub fn start(name: &str, program: &Path, core: Option<usize>) -> Result<Self> {
        let mut command = pinned(program, core);
        if name != "floor" {
            command.arg("--listen");
        }
        let mut child = command
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {}: {error}", program.display()))?;
        let stdout = child.stdout.take().ok_or("no pipe to the server")?;
        let mut server = Self {
            name: name.to_owned(),
            child,
            port: 0,
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line
            .trim()
            .strip_prefix("listening on ")
            .and_then(|at| at.rsplit_once(':'));
        let Some((_, port)) = port else {
            return Err(format!("{name} printed {line:?} instead of its address").into());
        };
        server.port = port.parse()?;
        Ok(server)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// CPU time the process has used so far, in user and kernel.
    ///
    /// # Errors
    /// The process is gone.
    pub fn cpu_time(&self) -> Result<Duration> {
        let process = format!("/proc/{}", self.child.id());
        match run_time(&process)? {
            Duration::ZERO => tick_time(&process),
            exact => Ok(exact),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The threads' time on a core in nanoseconds; zero where the kernel does not count it.
fn run_time(process: &str) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("{process}/task"))? {
        let counts = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let first = counts.split_whitespace().next();
        nanos += first
            .and_then(|nanos| nanos.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// `utime` plus `stime` of `stat`, in ticks of 10 ms (`USER_HZ` is 100 on Linux).
fn tick_time(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("{process}/stat"))?;
    // The name of the program may hold spaces; the fields are counted after it.
    let (_, fields) = stat.rsplit_once(')').ok_or("stat without a name")?;
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>);
    Ok(Duration::from_millis(
        10 * ticks.sum::<std::result::Result<u64, _>>()?,
    ))
}
