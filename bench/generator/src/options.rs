//! The command line.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use crate::scenario::Scenario;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: generator --address HOST:PORT --scenario S [OPTIONS]

Makes load for a server of helloworld.Greeter and bench.Bench, on one thread, checks every reply and
prints one line of JSON:

  {\"scenario\",\"calls\",\"messages\",\"bytes\",\"failed\",\"wall_s\",\"cpu_s\",\"p50_us\",\"p99_us\",\"p999_us\"}

  calls     that ended, well or not
  messages  of the calls that ended well: what streams one way or is echoed, counted once
  bytes     of application data in these messages, one way
  failed    calls that ended badly: not the reply that was expected, or not grpc-status 0
  wall_s    from the first start to the last end, once all connections are open
  cpu_s     user and system time of this program in that time
  p50_us    of the answers, half took at most so long; a ping-pong's answer is one message, every
            other's a whole call

Scenarios:
  hello      unary helloworld.Greeter/SayHello
  echo       unary bench.Bench/Echo of --size bytes
  down, up   --messages of --size bytes in one direction per call (bench.Bench/Down, Up)
  both       --messages of --size bytes each way at once per call (bench.Bench/Both)
  ping-pong  --messages of --size bytes each way per call, one at a time (bench.Bench/Both)
  wait       unary bench.Bench/Wait of --size bytes
  burn       unary bench.Bench/Burn of --size bytes
  record     unary bench.Bench/Record of 50 logs
  connect    a new connection with one SayHello for every call; --connections at a time
  echo-raw   --size bytes there and back on a plain or TLS connection, without HTTP
  idle-connections  opens --connections, prints the line, keeps them until standard input ends
  idle-streams      opens --streams calls of Both on each, without a message, in the same way

Options:
  --address HOST:PORT  where the server listens
  --scenario S         what to do, see above
  --connections C      connections (default 1)
  --streams M          calls at a time on each, if the server allows so many (default 1)
  --calls N            calls in all; without it as many as there is time for
  --seconds T          starts no call later than this; may be a fraction
  --size BYTES         bytes in the body of a message (default 0)
  --messages K         messages of a streaming call (default 1)
  --rate R             starts R calls a second in all, at set times, and counts latency from these
                       times even if no stream was free; looks at the clock all the time, so that
                       cpu_s says nothing. Without it a call starts as soon as a stream is free.
  --ca FILE            speaks TLS and trusts these certificates (PEM)
  --server-name NAME   name or address that the certificate is for (default: HOST)
  --timeout T          ends with a failure if nothing succeeds for so many seconds (default 30)
  --help               prints this

Exit code: 0 if all calls succeeded, 1 if one failed (a sentence on standard error says why),
2 if the command line is wrong.
";

/// What one run does.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub address: String,
    pub scenario: Scenario,
    pub connections: usize,
    pub streams: usize,
    /// Calls in all, if there is a limit.
    pub calls: Option<u64>,
    pub seconds: Option<f64>,
    /// Bytes of a message's body.
    pub size: usize,
    /// Messages of a streaming call.
    pub messages: u64,
    /// Calls a second, if they start at set times.
    pub rate: Option<f64>,
    pub ca: Option<PathBuf>,
    pub server_name: Option<String>,
    /// Seconds.
    pub timeout: u64,
}

impl Options {
    /// Reads the arguments; `None` if they ask for help.
    ///
    /// # Errors
    /// Says which argument is wrong and what is allowed.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut address, mut scenario) = (None, None);
        let mut options = Self {
            address: String::new(),
            scenario: Scenario::Hello,
            connections: 1,
            streams: 1,
            calls: None,
            seconds: None,
            size: 0,
            messages: 1,
            rate: None,
            ca: None,
            server_name: None,
            timeout: 30,
        };
        while let Some(arg) = args.next() {
            if matches!(arg.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            let mut text = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--address" => address = Some(text()?),
                "--scenario" => scenario = Some(Scenario::named(&text()?)?),
                "--connections" => options.connections = number(&arg, &text()?, 1..=20_000)?,
                "--streams" => options.streams = number(&arg, &text()?, 1..=1_000_000)?,
                "--calls" => options.calls = Some(number(&arg, &text()?, 1..=1_000_000_000)?),
                "--seconds" => options.seconds = Some(number(&arg, &text()?, 0.001..=86_400.0)?),
                "--size" => options.size = number(&arg, &text()?, 0..=64 << 20)?,
                "--messages" => options.messages = number(&arg, &text()?, 1..=1_000_000_000)?,
                "--rate" => options.rate = Some(number(&arg, &text()?, 0.001..=1e8)?),
                "--ca" => options.ca = Some(text()?.into()),
                "--server-name" => options.server_name = Some(text()?),
                "--timeout" => options.timeout = number(&arg, &text()?, 1..=86_400)?,
                other => return Err(format!("unknown argument {other:?}; see --help")),
            }
        }
        options.address = address.ok_or("--address HOST:PORT is needed")?;
        options.scenario = scenario.ok_or("--scenario is needed; see --help")?;
        options.check()?;
        Ok(Some(options))
    }

    /// Arguments that do not go together.
    fn check(&self) -> Result<(), String> {
        let name = self.scenario.name();
        let is_idle = matches!(
            self.scenario,
            Scenario::IdleConnections | Scenario::IdleStreams
        );
        if self.calls.is_none() && self.seconds.is_none() && !is_idle {
            return Err("--calls or --seconds is needed".to_owned());
        }
        if self.rate.is_some()
            && (is_idle || matches!(self.scenario, Scenario::Connect | Scenario::EchoRaw))
        {
            return Err(format!(
                "--rate: {name} has no calls that could start at set times"
            ));
        }
        if self.streams > 1 && matches!(self.scenario, Scenario::Connect | Scenario::EchoRaw) {
            return Err(format!(
                "--streams: {name} has one call at a time on a connection"
            ));
        }
        Ok(())
    }
}

fn number<T: FromStr + PartialOrd + Display>(
    name: &str,
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!(
            "{name} {text}: not a number from {} to {}",
            range.start(),
            range.end()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_line_is_read_as_it_is_meant() {
        let line = "--address h:1 --scenario echo --connections 50 --streams 20 --calls 1000 \
                    --size 16384 --rate 2.5 --seconds 0.5 --ca f";
        let options = parse(line).unwrap().unwrap();
        assert_eq!(
            (options.address.as_str(), options.scenario),
            ("h:1", Scenario::Echo)
        );
        assert_eq!(
            (options.connections, options.streams, options.size),
            (50, 20, 16384)
        );
        assert_eq!(
            (options.calls, options.rate, options.seconds),
            (Some(1000), Some(2.5), Some(0.5))
        );
        assert_eq!(parse("--scenario hello --help"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let rows = [
            (
                "--scenario hello --calls 1",
                "--address HOST:PORT is needed",
            ),
            ("--address h:1 --calls 1", "--scenario is needed"),
            ("--address h:1 --scenario helo", "there are hello, echo"),
            (
                "--address h:1 --scenario hello",
                "--calls or --seconds is needed",
            ),
            (
                "--address h:1 --scenario hello --calls 0",
                "--calls 0: not a number from 1 to",
            ),
            (
                "--address h:1 --scenario hello --calls",
                "--calls needs a value",
            ),
            (
                "--address h:1 --scenario hello --call 1",
                "unknown argument \"--call\"",
            ),
            (
                "--address h:1 --scenario hello --calls 1 --rate x",
                "--rate x: not a number from",
            ),
            (
                "--address h:1 --scenario idle-streams --rate 1",
                "no calls that could start",
            ),
            (
                "--address h:1 --scenario connect --calls 1 --streams 2",
                "one call at a time",
            ),
        ];
        for (line, want) in rows {
            let what = parse(line).unwrap_err();
            assert!(what.contains(want), "{line}: {what}");
        }
    }
}
