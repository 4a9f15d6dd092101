//! A plugin of protoc and buf that generates Rust for hikyaku.

use std::env;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    match answer() {
        Ok(bytes) => match io::stdout().write_all(&bytes) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot write to standard output: {error}")),
        },
        Err(what) => fail(&what),
    }
}

/// The bytes for standard output.
fn answer() -> Result<Vec<u8>, String> {
    match env::args().nth(1).as_deref() {
        Some("--version" | "-V") => {
            return Ok(format!("protoc-gen-hikyaku {}\n", env!("CARGO_PKG_VERSION")).into());
        }
        Some("--help" | "-h") => return Ok(help().into()),
        Some(other) => return Err(format!("unknown argument {other:?}\n\n{}", help())),
        // Somebody wants to know what this is.
        None if io::stdin().is_terminal() => return Ok(help().into()),
        None => {}
    }
    let mut request = Vec::new();
    io::stdin()
        .read_to_end(&mut request)
        .map_err(|error| format!("cannot read the request from standard input: {error}"))?;
    hikyaku_build::plugin::run(&request).map_err(|error| error.to_string())
}

fn help() -> String {
    format!(
        "protoc-gen-hikyaku {version}: generates Rust for hikyaku, run by protoc or buf.\n\n\
         With protoc:\n  \
         protoc --hikyaku_out=src/proto --hikyaku_opt=text=true -I proto proto/user.proto\n\n\
         With buf, in buf.gen.yaml:\n  \
         plugins:\n    - local: protoc-gen-hikyaku\n      out: src/proto\n      strategy: all\n\n\
         Parameters: {parameters}\n\
         A build.rs needs neither: see the crate hikyaku-build.\n",
        version = env!("CARGO_PKG_VERSION"),
        parameters = hikyaku_build::plugin::PARAMETERS,
    )
}

fn fail(what: &str) -> ExitCode {
    // Nothing is left to tell it to if this fails too.
    let _ = writeln!(io::stderr(), "protoc-gen-hikyaku: {what}");
    ExitCode::FAILURE
}
