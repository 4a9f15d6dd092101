//! The command: reads its line, makes the load, prints the report.

use std::io::Write;
use std::process::ExitCode;

use generator::load;
use generator::options::{Options, USAGE};
use generator::report::Report;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("{what}\n`generator --help` tells what there is");
            return ExitCode::from(2);
        }
    };
    allow_sockets();
    let mut code = ExitCode::SUCCESS;
    match run(&options, |report| code = print(&report)) {
        Ok(()) => code,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, print: impl FnOnce(Report)) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let result = LocalSet::new().block_on(&runtime, load::run(options, print));
    // A read of standard input may still be waiting.
    runtime.shutdown_background();
    result
}

fn print(report: &Report) -> ExitCode {
    println!("{}", report.line());
    // Whoever asked may wait for the line before standard input ends.
    let _ = std::io::stdout().flush();
    match report.complaint() {
        None => ExitCode::SUCCESS,
        Some(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Lets us open as many sockets as the system allows; where it does not, connecting will say so.
fn allow_sockets() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
