//! Which core serves and which one makes the load.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The cores the two sides are pinned to; `None` where they share what there is.
#[derive(Clone, Copy)]
pub struct Cores {
    pub server: Option<usize>,
    pub load: Option<usize>,
}

impl Cores {
    /// Takes the first two cores this process may use, if there are two and `taskset` is installed.
    pub fn detect() -> Self {
        let allowed = allowed();
        match allowed[..] {
            [server, load, ..] if has_taskset() => Self {
                server: Some(server),
                load: Some(load),
            },
            _ => Self {
                server: None,
                load: None,
            },
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.server, self.load) {
            (Some(server), Some(load)) => write!(f, "servers on core {server}, load on {load}"),
            _ => write!(f, "not pinned (needs two cores and taskset): expect noise"),
        }
    }
}

/// A command that runs `program` on `core`.
pub fn pinned(program: &Path, core: Option<usize>) -> Command {
    match core {
        None => Command::new(program),
        Some(core) => {
            let mut command = Command::new("taskset");
            command.arg("-c").arg(core.to_string()).arg(program);
            command
        }
    }
}

fn has_taskset() -> bool {
    let mut command = Command::new("taskset");
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The cores of `Cpus_allowed_list`, which looks like `0-3,8`.
fn allowed() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let mut cores = Vec::new();
    for range in list.unwrap_or_default().trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            cores.extend(first..=last);
        }
    }
    cores
}
