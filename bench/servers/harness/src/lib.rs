//! What the servers under test have in common and no framework is measured by: their command line,
//! their limits, and the CPU that a handler burns.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Bytes of the longest message that a server takes.
pub const MAX_MESSAGE_LEN: usize = 16 * 1024 * 1024;

/// Calls that a client may have open on one connection.
pub const MAX_STREAMS: u32 = 20_000;

/// Bytes that a client may send ahead on one stream, for servers that do not find out themselves.
pub const STREAM_WINDOW_LEN: u32 = 8 * 1024 * 1024;

/// Bytes that a client may send ahead on one connection.
pub const CONNECTION_WINDOW_LEN: u32 = 16 * 1024 * 1024;

/// How long `bench.Bench/Wait` waits.
pub const WAIT: Duration = Duration::from_millis(1);

/// CPU time of its thread that `bench.Bench/Burn` burns.
const BURN: Duration = Duration::from_micros(200);

/// What a server is told.
#[derive(Debug)]
pub struct Setup {
    /// Where to listen. The port may be 0.
    pub listen: SocketAddr,
    /// Threads to serve with. 1 is a runtime without other threads than the main one.
    pub threads: usize,
    /// Speak TLS.
    pub tls: Option<Tls>,
}

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and those it depends on.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Setup {
    /// Reads the command line of the program.
    ///
    /// Ends the program if it is wrong, and after printing `scenarios` if it is `--scenarios`:
    /// the scenarios that this server can be measured in.
    #[must_use]
    pub fn from_args(scenarios: &str) -> Self {
        let mut args = std::env::args();
        let program = args.next().unwrap_or_default();
        let args: Vec<String> = args.collect();
        if args == ["--scenarios"] {
            println!("{scenarios}");
            process::exit(0);
        }
        Self::parse(args.into_iter()).unwrap_or_else(|what| {
            eprintln!(
                "{what}\nusage: {program} --listen ADDR [--threads N] [--cert FILE --key FILE]"
            );
            eprintln!("       {program} --scenarios");
            process::exit(2)
        })
    }

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut listen, mut threads, mut cert, mut key) = (None, 1, None, None);
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("{flag} wants a value"))?;
            let wrong = || format!("{flag} cannot be {value:?}");
            match flag.as_str() {
                "--listen" => listen = Some(value.parse().map_err(|_| wrong())?),
                "--threads" => match value.parse() {
                    Ok(count) if count > 0 => threads = count,
                    _ => return Err(wrong()),
                },
                "--cert" => cert = Some(value.into()),
                "--key" => key = Some(value.into()),
                _ => return Err(format!("unknown flag {flag}")),
            }
        }
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(Tls { cert, key }),
            (None, None) => None,
            _ => return Err("--cert and --key go together".to_owned()),
        };
        Ok(Self {
            listen: listen.ok_or("--listen is missing")?,
            threads,
            tls,
        })
    }
}

/// Says that connections are taken now.
pub fn announce(addr: SocketAddr) {
    println!("listening on {addr}");
}

/// Keeps the thread busy until it has used 200 microseconds of CPU, however often it is interrupted.
pub fn burn() {
    let end = thread_time() + BURN;
    while thread_time() < end {
        std::hint::spin_loop();
    }
}

/// CPU time this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // Neither is ever negative.
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Setup, String> {
        Setup::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_wrong_command_line_is_named() {
        for (line, want) in [
            ("", "--listen is missing"),
            ("--listen", "--listen wants a value"),
            ("--listen here", "--listen cannot be \"here\""),
            (
                "--listen 127.0.0.1:0 --threads 0",
                "--threads cannot be \"0\"",
            ),
            (
                "--listen 127.0.0.1:0 --cert a",
                "--cert and --key go together",
            ),
            ("--port 1", "unknown flag --port"),
        ] {
            assert_eq!(parse(line).err().as_deref(), Some(want), "{line}");
        }
    }

    #[test]
    fn tls_and_threads_are_read() {
        let setup = parse("--listen 127.0.0.1:0 --threads 2 --cert a --key b").unwrap();
        assert_eq!(setup.threads, 2);
        assert!(setup.tls.is_some());
    }

    #[test]
    fn burning_uses_the_time_of_the_thread() {
        let before = thread_time();
        burn();
        assert!(thread_time() - before >= BURN);
    }
}
