//! The victim as a child process: started, measured from outside, ended.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::attack::Trouble;

/// Clock ticks of `/proc/PID/stat` in a second: the same on every Linux that runs Rust.
const TICKS_PER_SECOND: u64 = 100;

/// A child process that is attacked. Ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Victim {
    addr: SocketAddr,
    pid: u32,
    child: Mutex<Child>,
}

impl Victim {
    /// Starts this program as a server and waits until it listens.
    pub(crate) fn start_server(cores: &Cores) -> Result<Self, Trouble> {
        let program = std::env::current_exe()?;
        let mut command = match &cores.victim {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", core]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("victim-server");
        Self::listening(start(command)?)
    }

    fn listening((child, line): (Child, String)) -> Result<Self, Trouble> {
        let addr = line
            .strip_prefix("listening on ")
            .ok_or("the victim does not say where it listens")?
            .parse()?;
        Ok(Self {
            addr,
            pid: child.id(),
            child: Mutex::new(child),
        })
    }

    /// The same on any core, with so many descriptors at most.
    pub(crate) fn start_starved_server(max_descriptors: u32) -> Result<Self, Trouble> {
        let program = std::env::current_exe()?;
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {max_descriptors}; exec \"$0\" victim-server");
        command.arg("-c").arg(script).arg(program);
        Self::listening(start(command)?)
    }

    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(child.try_wait(), Ok(None))
    }

    /// Resident memory now. KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory since [`Victim::forget_peak`]. KiB.
    pub(crate) fn resident_peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Starts the peak over.
    pub(crate) fn forget_peak(&self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.pid), "5");
    }

    /// CPU time used so far, by all threads, in the kernel, too.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The name of the program stands in parentheses, and may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    /// Sockets it has open, its listener among them.
    pub(crate) fn socket_count(&self) -> usize {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else {
            return 0;
        };
        entries
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .filter(|link| link.to_string_lossy().starts_with("socket:"))
            .count()
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Starts a program; returns its first line.
fn start(mut command: Command) -> Result<(Child, String), Trouble> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the victim has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok((child, line.trim_end().to_owned()))
}

/// Which core the victim has, so that it shares it with nobody here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cores {
    victim: Option<String>,
}

impl Cores {
    /// Takes the first two cores that this process may use: one for victims, the other for all that
    /// happens here. Must be called before there are threads. With one core, or without `taskset`,
    /// nobody is kept anywhere.
    pub(crate) fn take() -> Self {
        let Some((victim, own)) = allowed_cores().and_then(|cores| match cores[..] {
            [first, second, ..] => Some((first.to_string(), second.to_string())),
            _ => None,
        }) else {
            return Self::default();
        };
        let pid = std::process::id().to_string();
        match pin(&own, &pid) {
            Ok(()) => Self {
                victim: Some(victim),
            },
            Err(_) => Self::default(),
        }
    }
}

fn pin(core: &str, pid: &str) -> io::Result<()> {
    let status = Command::new("taskset")
        .args(["-p", "-c", core, pid])
        .stdout(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other("taskset failed")),
    }
}

/// The cores of `Cpus_allowed_list`, which reads `0-3,8`.
fn allowed_cores() -> Option<Vec<u32>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cores = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(cores)
}
