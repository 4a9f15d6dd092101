//! A server under test: its process, its port, the CPU time and the memory it has used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::Result;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Lines of complaints that are kept.
const MAX_COMPLAINTS: usize = 3;

/// A running server, killed when dropped.
pub struct Server {
    name: String,
    child: Child,
    address: String,
    /// The first lines it complained in.
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts the program and waits until it says where it listens.
    ///
    /// # Errors
    /// The program does not start, ends before it listens, or takes too long.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {:?}: {error}", command.get_program()))?;
        let stdout = child.stdout.take().ok_or("no pipe to the server")?;
        let mut server = Self {
            name: name.to_owned(),
            child,
            address: String::new(),
            complaints: Arc::default(),
        };
        server.listen_to_complaints();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Whoever waited may have given up.
            let _ = sender.send(read.map(|_| line));
        });
        let line = receiver
            .recv_timeout(START_LIMIT)
            .map_err(|_| format!("{name} did not listen within {START_LIMIT:?}"))??;
        if line.is_empty() {
            // What it said last is on its way here.
            server.child.wait()?;
            thread::sleep(Duration::from_millis(100));
            return Err(format!("{name} ended: {}", server.complaints()).into());
        }
        match line.trim().strip_prefix("listening on ") {
            Some(address) => address.clone_into(&mut server.address),
            None => return Err(format!("{name} printed {line:?} instead of its address").into()),
        }
        Ok(server)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has complained of so far.
    pub fn complaints(&self) -> String {
        self.complaints
            .lock()
            .map(|lines| lines.join(" / "))
            .unwrap_or_default()
    }

    fn listen_to_complaints(&mut self) {
        let complaints = Arc::clone(&self.complaints);
        let stderr = self.child.stderr.take();
        thread::spawn(move || {
            // Its pipe must never be full, whatever it says.
            for line in stderr
                .into_iter()
                .flat_map(|pipe| BufReader::new(pipe).lines())
            {
                if let (Ok(line), Ok(mut lines)) = (line, complaints.lock())
                    && lines.len() < MAX_COMPLAINTS
                {
                    lines.push(line);
                }
            }
        });
    }

    /// CPU time the process has used so far, in user and kernel, by threads that have ended, too.
    ///
    /// # Errors
    /// The process is gone.
    pub fn cpu_time(&self) -> Result<Duration> {
        let ended = |what| format!("{} has ended: {what}", self.name);
        let id = Pid::from_raw(self.child.id().cast_signed());
        let clock = clock_getcpuclockid(id).map_err(ended)?;
        Ok(clock.now().map_err(ended)?.into())
    }

    /// What the process holds now, in bytes.
    ///
    /// # Errors
    /// The process is gone.
    pub fn resident_len(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most it has held, in bytes.
    ///
    /// # Errors
    /// The process is gone.
    pub fn peak_len(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// A line of `/proc/PID/status`, which counts in KiB.
    fn memory(&self, field: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kib.ok_or_else(|| format!("{} has ended", self.name))? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
