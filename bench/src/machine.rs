//! What the figures were measured on, and the version of everything that was measured.

use std::fs;
use std::process::Command;

use crate::peers::manifest_folder;

/// Lines for the head of a report: what, and which.
pub fn describe(h2load: Option<&str>) -> Vec<(String, String)> {
    let mut lines = vec![
        (
            "date".to_owned(),
            first_line(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
        ),
        ("processor".to_owned(), processor()),
        ("kernel".to_owned(), read("/proc/sys/kernel/osrelease")),
        (
            "rustc".to_owned(),
            first_line(Command::new("rustc").args(["--version"])),
        ),
        ("hikyaku".to_owned(), revision()),
    ];
    let lock = fs::read_to_string(manifest_folder().join("Cargo.lock")).unwrap_or_default();
    for package in PACKAGES {
        if let Some(version) = locked(&lock, package) {
            lines.push((package.to_owned(), version.to_owned()));
        }
    }
    let modules = manifest_folder().join("servers/grpc-go/go.mod");
    let modules = fs::read_to_string(modules).unwrap_or_default();
    if let Some(version) = required(&modules, "google.golang.org/grpc") {
        let go = first_line(Command::new("go").args(["env", "GOVERSION"]));
        lines.push(("grpc-go".to_owned(), format!("{version}, {go}")));
    }
    let python = manifest_folder().join("servers/grpcio/requirements.txt");
    for line in fs::read_to_string(python).unwrap_or_default().lines() {
        if let Some(version) = line.trim().strip_prefix("grpcio==") {
            let python = first_line(Command::new("python3").args(["--version"]));
            lines.push(("grpcio".to_owned(), format!("{version} (C-core), {python}")));
        }
    }
    if let Some(version) = h2load {
        lines.push(("h2load".to_owned(), version.to_owned()));
    }
    lines
}

/// What is looked up in the lock file: the peers, and what all stand on.
const PACKAGES: [&str; 9] = [
    "tonic",
    "connectrpc",
    "ntex-grpc",
    "pajamax",
    "h2",
    "hyper",
    "tokio",
    "rustls",
    "mimalloc",
];

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |line: &str| {
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    };
    let model = info
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(field);
    let cores = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    format!(
        "{}, {cores} cores",
        model.unwrap_or_else(|| "unknown".to_owned())
    )
}

/// The commit that was measured.
fn revision() -> String {
    let folder = manifest_folder().to_string_lossy();
    let commit =
        first_line(Command::new("git").args(["-C", &folder, "rev-parse", "--short=10", "HEAD"]));
    let mut status = Command::new("git");
    status.args([
        "-C",
        &folder,
        "status",
        "--porcelain",
        "--",
        "..",
        ":!../docs",
    ]);
    match first_line(&mut status) {
        changes if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The first line a program prints; empty if it cannot be run.
pub fn first_line(command: &mut Command) -> String {
    let text = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The version of a package in a `Cargo.lock`.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// The version of a module in a `go.mod`.
fn required<'a>(modules: &'a str, module: &str) -> Option<&'a str> {
    modules.lines().find_map(|line| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        (words.next() == Some(module)).then(|| words.next())?
    })
}

#[cfg(test)]
mod tests {
    use super::{locked, required};

    #[test]
    fn versions_are_found_in_lock_files() {
        let lock = "[[package]]\nname = \"tonic-build\"\nversion = \"1\"\n\n[[package]]\nname = \"tonic\"\nversion = \"0.14.9\"\n";
        assert_eq!(locked(lock, "tonic"), Some("0.14.9"));
        assert_eq!(locked(lock, "h2"), None);
        let modules = "module x\n\nrequire (\n\tgoogle.golang.org/grpc v1.85.0\n)\n";
        assert_eq!(required(modules, "google.golang.org/grpc"), Some("v1.85.0"));
    }
}
