//! What it takes to build a greeter, and what is built: time from scratch, crates, size.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;
use crate::peers::{is_there, manifest_folder};
use crate::results::{Metric, Results, Row, Section};

/// The greeters in `greeters/`, as their frameworks' own documentation writes them; the second is
/// without protoc, as the first is.
const GREETERS: [&str; 3] = ["hikyaku", "tonic", "tonic-protoc"];

/// Builds each greeter from scratch with Cargo's own release profile, one after the other.
pub fn measure(results: &mut Results) {
    let mut rows = Vec::new();
    for greeter in GREETERS {
        if greeter.ends_with("-protoc") && !is_there("protoc", "--version") {
            let why = "protoc is not installed (Debian: apt-get install protobuf-compiler)";
            results
                .left_out
                .push((format!("greeters/{greeter}"), why.to_owned()));
            continue;
        }
        eprintln!("building greeters/{greeter} from scratch");
        match footprint(greeter) {
            Ok(row) => rows.push(row),
            Err(what) => results.failures.push(format!("greeters/{greeter}: {what}")),
        }
    }
    results.sections.push(Section {
        name: "greeter".to_owned(),
        group: "building".to_owned(),
        title:
            "a greeter, server and client: release build from scratch with Cargo's own profile, \
                crates (build scripts' too), size"
                .to_owned(),
        unit: "call",
        rows,
    });
}

fn footprint(greeter: &str) -> Result<Row> {
    let manifest = manifest_folder()
        .join("greeters")
        .join(greeter)
        .join("Cargo.toml");
    let target = target(greeter)?;
    cargo(&["fetch"], &manifest, &target)?;
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let started = Instant::now();
    cargo(
        &["build", "--release", "--locked", "--offline"],
        &manifest,
        &target,
    )?;
    let seconds = started.elapsed().as_secs_f64();
    let crates = cargo(
        &["tree", "--prefix=none", "--edges=normal,build"],
        &manifest,
        &target,
    )?;
    let size = stripped_len(&target.join("release").join(format!("{greeter}-greeter")));
    let mut row = Row::new(greeter);
    row.push(Metric::BuildSeconds, seconds);
    row.push(Metric::Crates, count(&crates) as f64);
    row.push(Metric::SizeKib, size? as f64 / 1024.0);
    fs::remove_dir_all(&target)?;
    Ok(row)
}

/// A target folder of its own, beside ours.
fn target(greeter: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or("this program has no folder")?;
    Ok(folder.with_file_name(format!("greeter-{greeter}")))
}

fn cargo(arguments: &[&str], manifest: &Path, target: &Path) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).arg("--manifest-path").arg(manifest);
    // What is set for other builds must not speed up or slow down these.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PROFILE_") {
            command.env_remove(name);
        }
    }
    command
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .stderr(Stdio::piped());
    let output = command.output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = errors.lines().rev().take(5).collect();
        return Err(format!("cargo {arguments:?}: {}", last.join(" / ")).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Crates in the output of `cargo tree`, where each may stand many times.
fn count(tree: &str) -> usize {
    let names = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    let mut names: Vec<&str> = names.filter(|line| !line.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// The length of a program without its symbols.
fn stripped_len(program: &Path) -> Result<u64> {
    if !is_there("strip", "--version") {
        return Err("strip is not installed (Debian: apt-get install binutils)".into());
    }
    let stripped = program.with_extension("stripped");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(program)
        .status()?;
    if !status.success() {
        return Err(format!("strip: {status}").into());
    }
    Ok(fs::metadata(stripped)?.len())
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_crate_counts_once() {
        let tree =
            "a v1.0.0\nb v1.0.0\nc v1.0.0 (*)\nb v1.0.0 (*)\nc v1.0.0\n\n[build-dependencies]";
        assert_eq!(count(&tree.replace("\n\n[build-dependencies]", "")), 3);
    }
}
