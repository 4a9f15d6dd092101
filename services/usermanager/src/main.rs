//! The command `usermanager`: a server of users and its client.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing::level_filters::LevelFilter;

use usermanager::cli::{Call, Cli, Command};
use usermanager::failure::Failure;
use usermanager::output::Printer;
use usermanager::{client, logs, serve, tls, transfer};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If even this cannot be written, the exit code still tells.
            let _written = writeln!(io::stderr(), "{failure}");
            failure.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let level = match cli.command {
        Command::Serve(_) => LevelFilter::INFO,
        Command::Import(_) | Command::Export(_) | Command::Call(_) => LevelFilter::WARN,
    };
    logs::start(cli.log_format, level)?;
    match &cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Import(args) => transfer::import(args),
        Command::Export(args) => transfer::export(args),
        Command::Call(call) => ask(cli, call),
    }
}

fn ask(cli: &Cli, call: &Call) -> Result<(), Failure> {
    let runtime = hikyaku::server::runtime(1).map_err(|error| Failure::of("runtime", error))?;
    let mut printer = Printer::new(cli.output, io::stdout().lock());
    runtime.block_on(client::run(tls::channel(cli), call, &mut printer))
}
