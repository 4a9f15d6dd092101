//! Every class of attack on HTTP/2 and gRPC, made against the real server over a socket with
//! default settings, while a healthy client goes on calling.

#![expect(clippy::print_stdout, reason = "a program whose output is its result")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "an attack that goes wrong fails, and no other"
)]

mod arena;
mod attack;
mod attacker;
mod families;
mod healthy;
mod hostile;
mod report;
mod target;
mod traveller;
mod trial;
mod victim;

use std::process::ExitCode;

use tokio::task::JoinSet;

use crate::attack::{Attack, Pace, Trouble};
use crate::trial::{Latency, Verdict};
use crate::victim::Cores;

mod proto {
    hikyaku::include_proto!();
}

const USAGE: &str = "\
Usage: hikyaku-attacks [--list] [--check-latency] [--markdown FILE] [NAME|NUMBER...]

Makes all attacks, or those of these names and classes of the catalogue. Prints a row for each, and
`N passed, N failed` in the end.

  --list           says which attacks there are
  --check-latency  fails an attack that makes the healthy client's p99 more than three times as long
  --markdown FILE  writes the rows as a table, too
";

/// Attacks that wait and run side by side.
const MAX_SIDE_BY_SIDE: usize = 24;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let is_victim = args.first().is_some_and(|arg| arg.starts_with("victim-"));
    let cores = match is_victim {
        true => Cores::default(),
        false => Cores::take(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match (runtime, args.first().map(String::as_str)) {
        (Err(error), _) => Err(error.into()),
        (Ok(runtime), Some("victim-server")) => runtime.block_on(target::serve()).map(|()| true),
        (Ok(runtime), _) => match Wishes::of(args) {
            Some(wishes) => runtime.block_on(run(wishes, cores)),
            None => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("error: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
struct Wishes {
    attacks: Vec<Attack>,
    latency: Latency,
    markdown: Option<String>,
    is_list: bool,
}

impl Wishes {
    /// `None` if it asks for what there is not.
    fn of(args: Vec<String>) -> Option<Self> {
        let mut wishes = Self {
            attacks: Vec::new(),
            latency: Latency::Told,
            markdown: None,
            is_list: false,
        };
        let all = families::all();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => wishes.is_list = true,
                "--check-latency" => wishes.latency = Latency::Judged,
                "--markdown" => wishes.markdown = Some(args.next()?),
                wanted => {
                    let before = wishes.attacks.len();
                    let is_wanted = |attack: &&Attack| {
                        attack.name == wanted || attack.number.to_string() == wanted
                    };
                    wishes.attacks.extend(all.iter().filter(is_wanted));
                    if wishes.attacks.len() == before {
                        eprintln!("error: there is no attack {wanted}");
                        return None;
                    }
                }
            }
        }
        if wishes.attacks.is_empty() {
            wishes.attacks = all;
        }
        Some(wishes)
    }
}

/// Makes the attacks that are wished for; whether all were held.
async fn run(wishes: Wishes, cores: Cores) -> Result<bool, Trouble> {
    if wishes.is_list {
        for attack in &wishes.attacks {
            println!("{:2}  {}", attack.number, attack.name);
        }
        return Ok(true);
    }
    println!("{}", report::head());
    let (waiting, fast): (Vec<_>, Vec<_>) = wishes
        .attacks
        .into_iter()
        .partition(|attack| attack.pace == Pace::Waits);
    let mut verdicts = Vec::new();
    for attack in fast {
        tell(
            trial::hold(attack, &cores, wishes.latency).await,
            &mut verdicts,
        );
    }
    let mut side_by_side = JoinSet::new();
    for attack in waiting {
        if side_by_side.len() >= MAX_SIDE_BY_SIDE
            && let Some(verdict) = side_by_side.join_next().await
        {
            tell(verdict?, &mut verdicts);
        }
        let (cores, latency) = (cores.clone(), wishes.latency);
        side_by_side.spawn(async move { trial::hold(attack, &cores, latency).await });
    }
    while let Some(verdict) = side_by_side.join_next().await {
        tell(verdict?, &mut verdicts);
    }
    verdicts.sort_by_key(|verdict| verdict.attack.number);
    if let Some(file) = wishes.markdown {
        std::fs::write(file, report::markdown(&verdicts))?;
    }
    let failed_count = verdicts
        .iter()
        .filter(|verdict| !verdict.faults.is_empty())
        .count();
    println!(
        "{} passed, {failed_count} failed",
        verdicts.len() - failed_count
    );
    Ok(failed_count == 0)
}

fn tell(verdict: Verdict, verdicts: &mut Vec<Verdict>) {
    println!("{}", report::row(&verdict));
    verdicts.push(verdict);
}
