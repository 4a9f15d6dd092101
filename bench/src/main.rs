//! Measures what a unary call costs each server: CPU time of the server per call, under the same
//! load, in turns, on one machine.
//!
//! `cargo run --release` builds the servers, starts each on a core of its own and drives them with
//! h2load from another. What counts is the ratio within one run; see the README.

mod cores;
mod load;
mod options;
mod server;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::cores::Cores;
use crate::load::{H2load, Scenario};
use crate::options::{Options, USAGE};
use crate::server::Server;
use crate::table::{Sample, Table};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
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

/// Runs every scenario; false if a ratio asked for with `--check` was missed.
fn run(options: &Options) -> Result<bool> {
    let cores = Cores::detect();
    let h2load = H2load::find(cores.load)?;
    let programs = build(&options.servers)?;
    println!("{cores}");
    let mut servers = Vec::new();
    for (name, path) in options.servers.iter().zip(&programs) {
        servers.push(Server::start(name, path, cores.server)?);
    }
    let mut passed = true;
    for scenario in Scenario::all(options.calls, options.one_by_one) {
        let table = measure(&scenario, &servers, &h2load, options.rounds)?;
        println!("\n{table}");
        if let (Some(want), true) = (options.check, scenario.is_checked()) {
            passed &= check(&table, want);
        }
    }
    Ok(passed)
}

/// Drives the servers in turns, one warm-up and then `rounds` measured runs each.
fn measure(
    scenario: &Scenario,
    servers: &[Server],
    h2load: &H2load,
    rounds: usize,
) -> Result<Table> {
    for server in servers {
        h2load.run(&scenario.warm_up(), server.port())?;
    }
    let mut table = Table::new(scenario, servers.iter().map(Server::name));
    for _ in 0..rounds {
        for server in servers {
            let before = server.cpu_time()?;
            let calls_per_second = h2load
                .run(scenario, server.port())
                .map_err(|what| format!("{} at {scenario}: {what}", server.name()))?;
            let spent = server.cpu_time()?.saturating_sub(before);
            let micros = spent.as_secs_f64() * 1e6 / scenario.calls as f64;
            table.push(
                server.name(),
                Sample {
                    micros,
                    calls_per_second,
                },
            );
        }
    }
    Ok(table)
}

/// Says whether tonic's cheapest run cost at least `want` times ours.
fn check(table: &Table, want: f64) -> bool {
    let (Some(ours), Some(tonic)) = (table.min_micros("hikyaku"), table.min_micros("tonic")) else {
        println!("check: needs both hikyaku and tonic");
        return false;
    };
    let ratio = tonic / ours;
    let verdict = if ratio >= want { "ok" } else { "FAILED" };
    println!("check: {verdict}: tonic / hikyaku = {ratio:.2}, wanted at least {want:.2}");
    ratio >= want
}

/// Builds the servers and returns their programs, which Cargo puts beside our own.
fn build(servers: &[String]) -> Result<Vec<PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let packages: Vec<String> = servers.iter().map(|name| package(name)).collect();
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--manifest-path"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    for package in &packages {
        command.args(["--package", package]);
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or("this program has no folder")?;
    // Our own folder is TARGET/PROFILE; the servers belong beside us.
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    if !command.status()?.success() {
        return Err("the servers could not be built".into());
    }
    let release = folder.with_file_name("release");
    Ok(packages
        .iter()
        .map(|package| release.join(package))
        .collect())
}

/// The package, and the program, that serves under this name.
fn package(server: &str) -> String {
    match server {
        "floor" => "floor".to_owned(),
        other => format!("{other}-server"),
    }
}
