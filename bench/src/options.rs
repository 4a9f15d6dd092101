//! The command line.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::peers::{CLIENTS, SERVERS};
use crate::scenario::Scenario;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: cargo run --release -- [OPTIONS]

Builds hikyaku, its peers and the floor, drives them side by side and writes a table to stdout and
to results/latest.md, the figures to results/latest.json and a chart to results/latest.svg.

Options:
  --scenarios LIST  those whose names start with one of these (default: all)
  --servers LIST    servers to measure (default: all that can be built)
  --clients LIST    clients to measure (default: all that can be built)
  --rounds N        measured runs of each server in each scenario (default 3)
  --seconds T       how long a run lasts, about (default 1)
  --calls N         calls of a run at most (default 2000000)
  --quick           few scenarios; floor, hikyaku and tonic only; short runs
  --check           compare with targets.toml; exit with 1 if a limit for CI is broken
  --build           measure also build time, crates and size of a greeter
  --record          copy table and chart into docs/
  --list            print the names of servers, clients and scenarios
  --help            print this
";

/// What one run of the bench does.
pub struct Options {
    pub scenarios: Vec<Scenario>,
    pub servers: Vec<String>,
    pub clients: Vec<String>,
    pub rounds: usize,
    /// How long a run is to last.
    pub time: Duration,
    /// The most calls of one run.
    pub max_calls: u64,
    pub check: bool,
    pub build: bool,
    pub record: bool,
}

/// What the command line asks for.
pub enum Request {
    Help,
    List,
    Run(Options),
}

impl Request {
    /// Reads the arguments.
    ///
    /// # Errors
    /// Says which argument is wrong and why.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut scenarios, mut servers, mut clients) = (None, None, None);
        let (mut rounds, mut seconds, mut max_calls) = (None, None, 2_000_000);
        let (mut quick, mut check, mut build, mut record) = (false, false, false, false);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--list" => return Ok(Self::List),
                "--scenarios" => scenarios = Some(list(&arg, args.next())?),
                "--servers" => servers = Some(names(&arg, args.next(), &SERVERS)?),
                "--clients" => clients = Some(names(&arg, args.next(), &CLIENTS)?),
                "--rounds" => rounds = Some(number(&arg, args.next(), 1..=1000)?),
                "--seconds" => seconds = Some(positive(&arg, args.next())?),
                "--calls" => max_calls = number(&arg, args.next(), 1..=1_000_000_000)?,
                "--quick" => quick = true,
                "--check" => check = true,
                "--build" => build = true,
                "--record" => record = true,
                other => return Err(format!("unknown argument {other:?}")),
            }
        }
        let ours = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect();
        let few = |all: &[&str], few: &[&str]| if quick { ours(few) } else { ours(all) };
        let default_scenarios = if quick {
            Scenario::quick()
        } else {
            Scenario::all()
        };
        Ok(Self::Run(Options {
            scenarios: match scenarios {
                Some(prefixes) => starting(&prefixes)?,
                None => default_scenarios,
            },
            servers: servers.unwrap_or_else(|| few(&SERVERS, &["floor", "hikyaku", "tonic"])),
            clients: clients.unwrap_or_else(|| few(&CLIENTS, &["hikyaku", "tonic"])),
            rounds: rounds.unwrap_or(3) as usize,
            time: Duration::from_secs_f64(seconds.unwrap_or(if quick { 0.4 } else { 1.0 })),
            max_calls,
            check,
            build,
            record,
        }))
    }
}

fn list(name: &str, value: Option<String>) -> Result<Vec<String>, String> {
    let value = value.ok_or_else(|| format!("{name} needs a list"))?;
    Ok(value.split(',').map(str::to_owned).collect())
}

fn names(name: &str, value: Option<String>, known: &[&str]) -> Result<Vec<String>, String> {
    let names = list(name, value)?;
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!(
            "{name}: {unknown:?} is none of {}",
            known.join(", ")
        )),
        None => Ok(names),
    }
}

/// The scenarios whose names start with one of the prefixes.
fn starting(prefixes: &[String]) -> Result<Vec<Scenario>, String> {
    let mut all = Scenario::all();
    for prefix in prefixes {
        if !all.iter().any(|scenario| scenario.name.starts_with(prefix)) {
            return Err(format!(
                "--scenarios: no name starts with {prefix:?}; see --list"
            ));
        }
    }
    all.retain(|scenario| {
        prefixes
            .iter()
            .any(|prefix| scenario.name.starts_with(prefix))
    });
    Ok(all)
}

fn number(name: &str, value: Option<String>, range: RangeInclusive<u64>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number"))?;
    let number = value.parse().ok().filter(|number| range.contains(number));
    let (first, last) = (range.start(), range.end());
    number.ok_or_else(|| format!("{name} {value}: not a number from {first} to {last}"))
}

fn positive(name: &str, value: Option<String>) -> Result<f64, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number"))?;
    let number: Option<f64> = value.parse().ok();
    let number = number.filter(|number| (0.01..=3600.0).contains(number));
    number.ok_or_else(|| format!("{name} {value}: not a number from 0.01 to 3600"))
}
