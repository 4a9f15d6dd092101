//! Measures hikyaku beside its peers and beside the floor of the machine: CPU per call of servers
//! and clients, rates, latencies and memory, in turns, on one machine.
//!
//! `cargo run --release` builds everything, starts each server on a core of its own and drives it
//! from another. What counts is the ratio within one run; see the README.

mod certificates;
mod chart;
mod cores;
mod footprint;
mod load;
mod machine;
mod measure;
mod options;
mod peers;
mod record;
mod results;
mod scenario;
mod server;
mod table;
mod targets;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::certificates::Certificates;
use crate::cores::Cores;
use crate::load::H2load;
use crate::measure::Bench;
use crate::options::{Options, Request, USAGE};
use crate::peers::{CLIENTS, Programs, SERVERS, manifest_folder};
use crate::results::Results;
use crate::scenario::{Kind, Scenario};
use crate::targets::Targets;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = match Request::parse(std::env::args().skip(1)) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Request::List) => {
            println!(
                "servers: {}\nclients: {}",
                SERVERS.join(" "),
                CLIENTS.join(" ")
            );
            for scenario in Scenario::all() {
                println!("{}", scenario.title());
            }
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("{what}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything that was asked for; false if something failed or a target was missed.
fn run(options: &Options) -> Result<bool> {
    let targets = Targets::read()?;
    let cores = Cores::detect();
    let max_files = raise_open_files();
    let certificates = Certificates::make()?;
    let h2load = H2load::find(cores.load);
    let programs = Programs::build(&packages(options))?;
    let mut results = Results {
        machine: machine::describe(h2load.as_ref().ok().map(|h2load| h2load.version.as_str())),
        method: method(options, cores),
        left_out: programs.left_out.clone(),
        ..Results::default()
    };
    let mut bench = Bench {
        options,
        programs,
        certificates: &certificates,
        cores,
        h2load: h2load.as_ref().ok(),
        max_files,
    };
    for (index, scenario) in options.scenarios.iter().enumerate() {
        if let (Kind::H2load, Err(why)) = (scenario.kind, &h2load) {
            results
                .left_out
                .push((scenario.name.clone(), why.to_string()));
            continue;
        }
        eprintln!(
            "{}/{} {}",
            index + 1,
            options.scenarios.len(),
            scenario.title()
        );
        bench.measure(scenario, &mut results);
    }
    if options.build {
        footprint::measure(&mut results);
    }
    let verdicts = targets.judge(&results);
    let (summary, details) = (
        table::summary(&results, &verdicts),
        table::details(&results),
    );
    println!("{details}\n{summary}");
    write(&results, &format!("{summary}\n{details}"))?;
    if options.record {
        record::record(&summary, &details, &chart::draw(&results))?;
    }
    let held = !options.check || targets::hold(&verdicts);
    Ok(held && results.failures.is_empty())
}

/// What has to be built.
fn packages(options: &Options) -> Vec<String> {
    let kinds = |kind| {
        options
            .scenarios
            .iter()
            .any(|scenario| (scenario.kind == Kind::Client) == kind)
    };
    let mut packages = vec!["floor-server".to_owned(), "generator".to_owned()];
    if kinds(false) {
        packages.extend(options.servers.iter().map(|name| format!("{name}-server")));
    }
    if kinds(true) {
        packages.extend(options.clients.iter().map(|name| format!("{name}-client")));
    }
    packages.retain(|package| package != "generator-client");
    packages.sort();
    packages.dedup();
    packages
}

/// Says how it was measured, for the head of the report.
fn method(options: &Options, cores: Cores) -> Vec<String> {
    let (rounds, seconds) = (options.rounds, options.time.as_secs_f64());
    vec![
        format!(
            "{cores}; servers take turns, {rounds} rounds of about {seconds} s after a warm-up"
        ),
        "CPU time, rates and memory are those of the best run, latencies those of the middle one"
            .to_owned(),
        "all in Rust: fat LTO, one codegen unit, panic = abort, mimalloc, TCP_NODELAY, one thread \
         where nothing else is said; the settings of each peer are in its source"
            .to_owned(),
    ]
}

/// Lets this process, and those it starts, open as many files as the machine permits.
fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it is refused, fewer connections are measured.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Writes `results/latest.{md,json,svg}`.
fn write(results: &Results, text: &str) -> Result<()> {
    let folder = manifest_folder().join("results");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("latest.md"), text)?;
    let json = serde_json::to_string_pretty(&results.to_json())?;
    fs::write(folder.join("latest.json"), json + "\n")?;
    fs::write(folder.join("latest.svg"), chart::draw(results))?;
    eprintln!("written: {}/latest.{{md,json,svg}}", folder.display());
    Ok(())
}
