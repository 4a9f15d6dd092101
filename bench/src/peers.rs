//! Who is measured, how each is built and started, and what it cannot do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::certificates::Certificates;
use crate::cores::pinned;
use crate::machine::first_line;
use crate::scenario::{Kind, Scenario, Transport};

/// All servers, in the order of the tables.
pub const SERVERS: [&str; 8] = [
    "floor",
    "hikyaku",
    "tonic",
    "connectrpc",
    "ntex",
    "pajamax",
    "grpc-go",
    "grpcio",
];
/// All clients, in the order of the tables; the generator is what they are compared with.
pub const CLIENTS: [&str; 3] = ["generator", "hikyaku", "tonic"];

/// The programs that were built, and why others were not.
#[derive(Default)]
pub struct Programs {
    /// By package: `floor-server`, `tonic-client`, `generator`.
    found: BTreeMap<String, PathBuf>,
    /// By package: the scenarios a server says it can be measured in.
    abilities: BTreeMap<String, String>,
    pub left_out: Vec<(String, String)>,
}

impl Programs {
    /// Builds what was asked for.
    ///
    /// # Errors
    /// Our own folder cannot be found. What cannot be built is in `left_out`.
    pub fn build(packages: &[String]) -> Result<Self> {
        let mut programs = Self::default();
        let own = std::env::current_exe()?;
        let folder = own.parent().ok_or("this program has no folder")?;
        let release = folder.with_file_name("release");
        let cargo: Vec<&String> = packages.iter().filter(|name| made_by_cargo(name)).collect();
        // All at once is faster; one at a time says who is at fault.
        if cargo_build(&release, &cargo).is_ok() {
            for package in cargo {
                programs
                    .found
                    .insert(package.clone(), release.join(package));
            }
        } else {
            for package in cargo {
                let built = cargo_build(&release, &[package]).map(|()| release.join(package));
                programs.add(package, built);
            }
        }
        for package in packages.iter().filter(|name| !made_by_cargo(name)) {
            eprintln!("building {package}");
            let built = match package.as_str() {
                "grpcio-server" => python(&release),
                _ => go(package, &release),
            };
            programs.add(package, built);
        }
        Ok(programs)
    }

    fn add(&mut self, package: &str, built: Result<PathBuf>) {
        match built {
            Ok(path) => {
                self.found.insert(package.to_owned(), path);
            }
            Err(why) => self.left_out.push((package.to_owned(), why.to_string())),
        }
    }

    /// The program of a package that could be built.
    pub fn get(&self, package: &str) -> Option<&Path> {
        self.found.get(package).map(PathBuf::as_path)
    }

    /// Why a server has no place in a scenario; `None` if it has.
    pub fn cannot(&mut self, server: &str, scenario: &Scenario) -> Option<&'static str> {
        let package = format!("{server}-server");
        let program = self.found.get(&package)?;
        let can = self
            .abilities
            .entry(package)
            .or_insert_with(|| match server {
                "floor" => FLOOR.to_owned(),
                _ => first_line(Command::new(program).arg("--scenarios")),
            });
        let can = |ability: &str| can.split_whitespace().any(|known| known == ability);
        let floor = server == "floor";
        match scenario.kind {
            _ if scenario.transport == Transport::Tls && !can("tls") => Some("no TLS"),
            Kind::Neighbour if floor => Some("it runs no handlers"),
            Kind::Neighbour if !can("burn") => Some("no such method"),
            Kind::IdleConnections | Kind::IdleStreams if floor => Some("it keeps no state"),
            Kind::IdleStreams if !can("both") => Some("unary only"),
            Kind::IdleConnections if server == "pajamax" => Some("it opens two files for each"),
            Kind::IdleStreams if server == "grpcio" => {
                Some("it cancels some of so many open calls")
            }
            Kind::IdleConnections | Kind::IdleStreams => None,
            _ if scenario.call == "connect" || can(scenario.call) => None,
            _ if floor => Some("it awaits nothing"),
            _ if scenario.messages.is_some() => Some("unary only"),
            _ => Some("no such method"),
        }
    }

    /// How a server is started for a scenario.
    ///
    /// # Errors
    /// It could not be built.
    pub fn server(
        &self,
        name: &str,
        scenario: &Scenario,
        core: Option<usize>,
        certificates: &Certificates,
    ) -> Result<Command> {
        let package = format!("{name}-server");
        let program = self
            .get(&package)
            .ok_or_else(|| format!("{package} was not built"))?;
        let core = core.filter(|_| scenario.threads.is_none());
        let mut command = pinned(program, core);
        command.args(["--listen", "127.0.0.1:0"]);
        command
            .arg("--threads")
            .arg(scenario.threads.unwrap_or(1).to_string());
        if scenario.transport == Transport::Tls {
            command.arg("--cert").arg(certificates.certificate());
            command.arg("--key").arg(certificates.key());
        }
        if name == "floor" {
            // It decodes nothing, so it must be told what to answer.
            command.args(["--scenario", scenario.call]);
            command
                .arg("--size")
                .arg(scenario.size.unwrap_or(0).to_string());
            command
                .arg("--messages")
                .arg(scenario.messages.unwrap_or(1).to_string());
        }
        Ok(command)
    }
}

/// What the floor can be asked; it tells nobody, as it is no framework.
const FLOOR: &str = "hello echo down up both ping-pong burn record connect tls";

/// The folder of this workspace.
pub fn manifest_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn made_by_cargo(package: &str) -> bool {
    !package.starts_with("grpc")
}

fn cargo_build(release: &Path, packages: &[&String]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // ntex-grpc asks for a newer Rust than it needs.
    command.args(["build", "--release", "--ignore-rust-version"]);
    command.arg("--manifest-path");
    command.arg(manifest_folder().join("Cargo.toml"));
    if let Some(target) = release.parent() {
        command.arg("--target-dir").arg(target);
    }
    for package in packages {
        // The version, as others have crates of these names, too.
        command.arg("--package").arg(format!("{package}@0.0.0"));
    }
    succeed(&mut command, "cargo build")
}

/// Builds a Go peer, whose folder is `servers/grpc-go`.
fn go(package: &str, release: &Path) -> Result<PathBuf> {
    if !is_there("go", "version") {
        return Err("Go is not installed".into());
    }
    let name = package.trim_end_matches("-server");
    let folder = manifest_folder().join("servers").join(name);
    let program = release.join(package);
    let mut command = Command::new("go");
    command
        .args(["build", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(folder);
    succeed(&mut command, "go build")?;
    Ok(program)
}

/// Makes a program of the Python peer and of what it needs.
fn python(release: &Path) -> Result<PathBuf> {
    if !is_there("python3", "--version") {
        return Err("Python is not installed".into());
    }
    let mut command = Command::new(manifest_folder().join("servers/grpcio/setup"));
    succeed(command.arg(release), "servers/grpcio/setup")?;
    Ok(release.join("grpcio-server"))
}

/// Whether a program can be run.
pub fn is_there(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command whose output is for whoever watches.
fn succeed(command: &mut Command, what: &str) -> Result<()> {
    // The table is all that belongs on stdout.
    let output = command.stdout(Stdio::null()).status();
    match output.map_err(|error| format!("{what}: {error}"))? {
        status if status.success() => Ok(()),
        status => Err(format!("{what}: {status}").into()),
    }
}
