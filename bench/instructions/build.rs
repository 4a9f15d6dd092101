//! Tells the program what it was built with: its figures depend on that.

use std::env;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rustc = Command::new(env::var("RUSTC")?).arg("--version").output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    // `rustc 1.95.0 (...)`
    let version = rustc.split(' ').nth(1).ok_or("rustc has no version")?;
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let variables = [
        ("BUILT_BY", format!("rustc {}", version.trim())),
        ("BUILT_FOR", env::var("TARGET")?),
        ("BUILT_WITH_FLAGS", flags.replace('\u{1f}', " ")),
    ];
    let mut told = String::new();
    for (name, value) in variables {
        told += &format!("cargo::rustc-env={name}={value}\n");
    }
    std::io::Write::write_all(&mut std::io::stdout(), told.as_bytes())?;
    Ok(())
}
