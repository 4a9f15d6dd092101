//! Counts the instructions of a call on each way through the framework, and compares them with what
//! is recorded.
//!
//! ```text
//! main -> measure: valgrind -> this program again, as `run NAME CALLS` -> scenario
//!      -> record:  record.toml
//! ```

#![expect(clippy::print_stdout, reason = "a program that says what it found")]

mod clock;
mod measure;
mod record;
mod verdict;

use std::path::Path;
use std::process::ExitCode;

use hikyaku_instructions::scenario::{SCENARIOS, Scenario, Unit};
use measure::Failure;
use record::Record;
use verdict::Verdict;

const USAGE: &str = "\
usage: hikyaku-instructions [--update] [NAME...]

Counts the instructions of each scenario whose name contains a NAME, of all without one, and compares
them with record.toml. Ends with 1 if one has grown by more than 3%.

  --update   writes what was measured into record.toml";

fn main() -> ExitCode {
    start().unwrap_or_else(|failure| {
        println!("{failure}");
        ExitCode::FAILURE
    })
}

fn start() -> Result<ExitCode, Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match *words {
        ["run", name, call_count] => {
            let scenario = Scenario::named(name).ok_or("no such scenario")?;
            let [_, max_count] = scenario.call_counts;
            scenario.play(max_count, call_count.parse()?);
            Ok(ExitCode::SUCCESS)
        }
        ["--update", ref names @ ..] if are_names(names) => update(&chosen(names)?),
        ref names if are_names(names) => check(&chosen(names)?),
        _ => Err(USAGE.into()),
    }
}

fn are_names(words: &[&str]) -> bool {
    words.iter().all(|word| !word.starts_with('-'))
}

/// The scenarios of these names, or all.
fn chosen(names: &[&str]) -> Result<Vec<&'static Scenario>, String> {
    let is_chosen = |scenario: &&Scenario| {
        names.is_empty() || names.iter().any(|name| scenario.name.contains(name))
    };
    let scenarios: Vec<_> = SCENARIOS.iter().filter(is_chosen).collect();
    match scenarios.is_empty() {
        true => Err(format!("no scenario has such a name\n\n{USAGE}")),
        false => Ok(scenarios),
    }
}

/// Writes down what is measured; what is not stays, unless there is no such scenario any more.
fn update(scenarios: &[&Scenario]) -> Result<ExitCode, Failure> {
    let mut record = Record::read(&path())?.unwrap_or_default();
    let made_with = measure::made_with()?;
    if scenarios.len() < SCENARIOS.len() && record.made_with != made_with {
        return Err("the record was made with something else: update all of it".into());
    }
    let measured = measure::all(scenarios)?;
    record
        .figures
        .retain(|name, _| Scenario::named(name).is_some());
    record.figures.extend(measured);
    record.made_with = made_with;
    record.write(&path())?;
    println!("record.toml has been rewritten: look at its diff");
    Ok(ExitCode::SUCCESS)
}

fn check(scenarios: &[&Scenario]) -> Result<ExitCode, Failure> {
    let record = Record::read(&path())?.ok_or("there is no record.toml: --update makes one")?;
    let made_with = measure::made_with()?;
    for difference in record.differences(&made_with) {
        println!("NOTE: {difference}: figures may differ for that alone");
    }
    if !record.is_for(&made_with) {
        return Err("the record is of another target, whose instructions are others".into());
    }
    let measured = measure::all(scenarios)?;
    println!(
        "{:<24}{:<10}{:>12}{:>12}{:>9}",
        "scenario", "per", "recorded", "measured", "change"
    );
    let (mut passed_count, mut failed_count) = (0, 0);
    for scenario in scenarios {
        let recorded = record.figures.get(scenario.name).copied();
        let measured = measured.get(scenario.name).copied().unwrap_or_default();
        let verdict = Verdict::of(recorded, measured);
        match verdict.is_failure() {
            true => failed_count += 1,
            false => passed_count += 1,
        }
        let per = match scenario.unit {
            Unit::Call => "call",
            Unit::Message => "message",
        };
        let (name, recorded) = (scenario.name, recorded.unwrap_or_default());
        println!("{name:<24}{per:<10}{recorded:>12.1}{measured:>12.1}{verdict}");
    }
    let gone = record.figures.keys();
    for name in gone.filter(|name| Scenario::named(name).is_none()) {
        println!("{name} is in the record and no scenario: --update takes it out");
        failed_count += 1;
    }
    if failed_count > 0 {
        println!("\nIf that is meant, say why in the commit, and change the record with");
        println!("  cargo run --profile instructions -p hikyaku-instructions -- --update");
    }
    println!(
        "The profiles: callgrind_annotate {}",
        measure::profiles()?.display()
    );
    println!("{passed_count} passed, {failed_count} failed");
    Ok(ExitCode::from(u8::from(failed_count > 0)))
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("record.toml")
}
