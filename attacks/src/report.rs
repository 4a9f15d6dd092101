//! Verdicts as rows, for people and as a markdown table.

use std::fmt::Write as _;
use std::time::Duration;

use crate::healthy::Phase;
use crate::trial::Verdict;

const TITLES: [&str; 9] = [
    "no",
    "attack",
    "verdict",
    "MiB",
    "CPU",
    "handlers",
    "healthy",
    "p99 before -> during",
    "what the victim did",
];

const WIDTHS: [usize; 8] = [2, 36, 7, 6, 14, 8, 9, 30];

/// The titles of the rows.
pub(crate) fn head() -> String {
    line(&TITLES.map(str::to_owned))
}

/// One attack, and a line for each of its faults.
pub(crate) fn row(verdict: &Verdict) -> String {
    let mut text = line(&cells(verdict));
    for fault in &verdict.faults {
        let _ = write!(text, "\n   FAULT: {fault}");
    }
    text
}

/// All attacks as a table.
pub(crate) fn markdown(verdicts: &[Verdict]) -> String {
    let mut text = format!(
        "| {} |\n|{}\n",
        TITLES.join(" | "),
        "---|".repeat(TITLES.len())
    );
    for verdict in verdicts {
        let mut cells = cells(verdict);
        if let Some(last) = cells.last_mut() {
            for fault in &verdict.faults {
                let _ = write!(last, "; FAULT: {fault}");
            }
        }
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn line(cells: &[String; 9]) -> String {
    let mut text = String::new();
    for (place, cell) in cells.iter().enumerate() {
        let width = WIDTHS.get(place).copied().unwrap_or_default();
        let _ = write!(text, "{cell:<width$}  ");
    }
    text.truncate(text.trim_end().len());
    text
}

fn cells(verdict: &Verdict) -> [String; 9] {
    let calls = &verdict.calls;
    let p99 = match verdict.p99_ratio() {
        Some(ratio) => format!(
            "{} -> {} ({ratio:.1}x)",
            millis(calls.p99(Phase::Before)),
            millis(calls.p99(Phase::During))
        ),
        None => "-".to_owned(),
    };
    let is_held = verdict.faults.is_empty();
    [
        verdict.attack.number.to_string(),
        verdict.attack.name.to_owned(),
        if is_held { "held" } else { "FAILED" }.to_owned(),
        format!("{:.1}", verdict.growth as f64 / 1024.0),
        cpu(verdict),
        verdict.handler_peak.to_string(),
        format!("{} / {}", calls.made, calls.lost.len()),
        p99,
        verdict.words.clone(),
    ]
}

/// A share of next to no time says nothing.
fn cpu(verdict: &Verdict) -> String {
    let seconds = verdict.cpu.as_secs_f64();
    match verdict.took >= Duration::from_millis(100) {
        true => format!("{seconds:.2} s = {:.0}%", verdict.cpu_share() * 100.0),
        false => format!("{seconds:.2} s"),
    }
}

fn millis(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| {
        format!("{:.2} ms", time.as_secs_f64() * 1000.0)
    })
}
