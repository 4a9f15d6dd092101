//! The command line.

use std::path::PathBuf;

use generator::scenario::Scenario;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: floor-server --listen HOST:PORT [OPTIONS]

Answers every request with canned bytes, as it decodes nothing. What it is asked has to be what it
was told.

Options:
  --listen HOST:PORT    where to listen; the port may be 0
  --threads N           1: a runtime without other threads (default); else N workers
  --cert FILE --key FILE  speaks TLS with this certificate and key (PEM)
  --scenario NAME       what it will be asked, by the names of the generator (default hello);
                        echo-raw echoes bytes without HTTP
  --size BYTES          bytes in the body of a message (default 0)
  --messages K          messages of a streaming call (default 1)
  --help                prints this
";

/// What the server is told.
pub struct Options {
    pub listen: String,
    pub threads: usize,
    /// Files of the certificate and its key, if TLS is spoken.
    pub identity: Option<(PathBuf, PathBuf)>,
    pub scenario: Scenario,
    pub size: usize,
    pub messages: u64,
}

impl Options {
    /// Reads the arguments; `None` if they ask for help.
    ///
    /// # Errors
    /// Says which argument is wrong and why.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut listen, mut cert, mut key) = (None, None, None);
        let mut options = Self {
            listen: String::new(),
            threads: 1,
            identity: None,
            scenario: Scenario::Hello,
            size: 0,
            messages: 1,
        };
        while let Some(flag) = args.next() {
            if flag == "--help" {
                return Ok(None);
            }
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number = |max: u64| {
                let number = value
                    .parse()
                    .ok()
                    .filter(|number| (0..=max).contains(number));
                number.ok_or_else(|| format!("{flag} {value}: not a number from 0 to {max}"))
            };
            match flag.as_str() {
                "--listen" => listen = Some(value),
                "--threads" => options.threads = number(1024)?.max(1) as usize,
                "--cert" => cert = Some(value.into()),
                "--key" => key = Some(value.into()),
                "--scenario" => options.scenario = Scenario::named(&value)?,
                "--size" => options.size = number(64 << 20)? as usize,
                "--messages" => options.messages = number(1_000_000_000)?.max(1),
                _ => return Err(format!("unknown argument {flag:?}")),
            }
        }
        options.listen = listen.ok_or("--listen is needed")?;
        options.identity = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => return Err("--cert and --key go together".to_owned()),
        };
        Ok(Some(options))
    }
}
