//! The report: tables that read well in a terminal and as Markdown.

use crate::results::{Metric, Results, Row, Section};
use crate::targets::Verdict;

/// What is measured, on what, and how it compares: fits on a page.
pub fn summary(results: &Results, verdicts: &[Verdict]) -> String {
    let mut text = String::from("# hikyaku beside its peers\n\n");
    for (what, value) in &results.machine {
        text.push_str(&format!("- {what}: {value}\n"));
    }
    for line in &results.method {
        text.push_str(&format!("- {line}\n"));
    }
    if !verdicts.is_empty() {
        text.push_str("\n## Targets\n\n");
        let rows = verdicts
            .iter()
            .map(|verdict| verdict.cells().to_vec())
            .collect();
        text.push_str(&grid(
            &["target", "limit", "measured", "verdict", "CI enforces"],
            rows,
        ));
    }
    let servers = |section: &&Section| !is_of_clients(section);
    text.push_str(&comparison(
        "Server CPU: microseconds, and times the floor's",
        results.sections.iter().filter(servers),
        Metric::ServerMicros,
        "floor",
    ));
    text.push_str(&comparison(
        "Server CPU: times hikyaku's",
        results.sections.iter().filter(servers),
        Metric::ServerMicros,
        "hikyaku",
    ));
    text.push_str(&comparison(
        "Client CPU: microseconds, and times hikyaku's",
        results
            .sections
            .iter()
            .filter(|section| is_of_clients(section)),
        Metric::ClientMicros,
        "hikyaku",
    ));
    text.push_str(&comparison(
        "p99: microseconds, and times hikyaku's",
        results.sections.iter().filter(servers),
        Metric::P99Micros,
        "hikyaku",
    ));
    text.push_str(&comparison(
        "Memory of the server for each idle connection or stream: KiB, and times hikyaku's",
        results.sections.iter(),
        Metric::EachKib,
        "hikyaku",
    ));
    let greeters = results
        .sections
        .iter()
        .filter(|section| section.name == "greeter");
    for section in greeters {
        text.push_str(&detail(section));
    }
    text.push_str(&list("Left out", &merged(&results.left_out)));
    text.push_str(&list("Failed", &results.failures));
    text
}

/// Every figure, scenario by scenario.
pub fn details(results: &Results) -> String {
    let mut text = String::from("# Every figure\n");
    let mut group = "";
    for section in results
        .sections
        .iter()
        .filter(|section| section.name != "greeter")
    {
        if section.group != group {
            group = &section.group;
            text.push_str(&format!("\n## {group}\n"));
        }
        text.push_str(&detail(section));
    }
    text
}

/// A row for each scenario, a column for each subject: the base's own figure, the others' ratios.
fn comparison<'a>(
    title: &str,
    sections: impl Iterator<Item = &'a Section>,
    metric: Metric,
    base: &str,
) -> String {
    let has_base = |section: &&Section| section.get(base, metric).is_some();
    let sections: Vec<&Section> = sections.filter(has_base).collect();
    let mut subjects: Vec<&str> = Vec::new();
    let rows = || sections.iter().flat_map(|section| &section.rows);
    for row in rows().filter(|row| row.subject != base && row.get(metric).is_some()) {
        if !subjects.contains(&row.subject.as_str()) {
            subjects.push(&row.subject);
        }
    }
    if sections.is_empty() || subjects.is_empty() {
        return String::new();
    }
    let mut header = vec!["scenario", base];
    header.extend(&subjects);
    let rows = sections.iter().map(|section| {
        let ours = section.get(base, metric).unwrap_or(f64::NAN);
        let mut cells = vec![section.name.clone(), figure(ours)];
        for subject in &subjects {
            let theirs = section.get(subject, metric);
            cells.push(theirs.map_or_else(|| "-".to_owned(), |theirs| ratio(theirs / ours)));
        }
        cells
    });
    format!("\n## {title}\n\n{}", grid(&header, rows.collect()))
}

/// All metrics of one scenario.
fn detail(section: &Section) -> String {
    let has = |metric: &Metric| section.rows.iter().any(|row| row.get(*metric).is_some());
    let metrics: Vec<Metric> = Metric::ALL.into_iter().filter(has).collect();
    let main = if is_of_clients(section) {
        Metric::ClientMicros
    } else {
        Metric::ServerMicros
    };
    let floor = if is_of_clients(section) {
        "generator"
    } else {
        "floor"
    };
    let bases = [floor, "hikyaku"].map(|base| section.get(base, main));
    let mut header = vec![
        if is_of_clients(section) {
            "client"
        } else {
            "server"
        }
        .to_owned(),
    ];
    for metric in &metrics {
        header.push(heading(*metric, section.unit));
        if *metric == main {
            header.extend([format!("to {floor}"), "to hikyaku".to_owned()]);
        }
    }
    let rows = section.rows.iter().map(|row| {
        let mut cells = vec![row.subject.clone()];
        for metric in &metrics {
            cells.push(row.get(*metric).map_or_else(|| "-".to_owned(), figure));
            if *metric == main {
                cells.extend(bases.map(|base| to_base(row, main, base)));
            }
        }
        cells
    });
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    format!(
        "\n### {}\n\n{}",
        section.title,
        grid(&header, rows.collect())
    )
}

fn to_base(row: &Row, metric: Metric, base: Option<f64>) -> String {
    let ratios = row
        .get(metric)
        .zip(base)
        .map(|(ours, base)| ratio(ours / base));
    ratios.unwrap_or_else(|| "-".to_owned())
}

fn is_of_clients(section: &Section) -> bool {
    section.name.starts_with("client-")
}

fn heading(metric: Metric, unit: &str) -> String {
    match metric {
        Metric::ServerMicros => format!("server us/{unit}"),
        Metric::ClientMicros => format!("client us/{unit}"),
        Metric::Rate => format!("{unit}s/s"),
        Metric::Offered => format!("offered {unit}s/s"),
        Metric::MibPerSecond => "MiB/s".to_owned(),
        Metric::P50Micros => "p50 us".to_owned(),
        Metric::P99Micros => "p99 us".to_owned(),
        Metric::P999Micros => "p99.9 us".to_owned(),
        Metric::PeakMib => "peak MiB".to_owned(),
        Metric::EachKib => "KiB each".to_owned(),
        Metric::BuildSeconds => "build s".to_owned(),
        Metric::Crates => "crates".to_owned(),
        Metric::SizeKib => "stripped KiB".to_owned(),
    }
}

/// Three digits that mean something.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 1e4 => format!("{:.0} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// How many times.
pub fn ratio(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}x"),
        value if value >= 10.0 => format!("{value:.1}x"),
        value => format!("{value:.2}x"),
    }
}

/// A table of Markdown whose columns stand straight in a terminal, figures to the right.
fn grid(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(header.get(column).map_or(0, |name| name.len()))
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = line(header.iter().copied(), &widths);
    let rules = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 => "-".repeat(*width),
            _ => "-".repeat(width.saturating_sub(1)) + ":",
        });
    let rules: Vec<String> = rules.collect();
    text.push_str(&line(rules.iter().map(String::as_str), &widths));
    for row in &rows {
        text.push_str(&line(row.iter().map(String::as_str), &widths));
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut text = String::from("|");
    for (column, (cell, width)) in cells.zip(widths).enumerate() {
        match column {
            0 => text.push_str(&format!(" {cell:<width$} |")),
            _ => text.push_str(&format!(" {cell:>width$} |")),
        }
    }
    text + "\n"
}

fn list(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines
        .iter()
        .map(|line| format!("- {}\n", line.replace('\n', " ")))
        .collect();
    format!("\n## {title}\n\n{lines}")
}

/// One line for each subject and reason: `SUBJECT at SCENARIO` is what was left out.
fn merged(left_out: &[(String, String)]) -> Vec<String> {
    let mut lines: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for (what, why) in left_out {
        let (subject, scenario) = what.split_once(" at ").unwrap_or((what, ""));
        match lines
            .iter_mut()
            .find(|line| (line.0, line.1) == (subject, why))
        {
            Some((_, _, scenarios)) => scenarios.push(scenario),
            None => lines.push((subject, why, vec![scenario])),
        }
    }
    let told = lines
        .iter()
        .map(|(subject, why, scenarios)| match scenarios[..] {
            [""] => format!("{subject}: {why}"),
            [..] if scenarios.len() > 4 => {
                format!("{subject} in {} scenarios: {why}", scenarios.len())
            }
            [..] => format!("{subject} at {}: {why}", scenarios.join(", ")),
        });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::{figure, grid, ratio};

    #[test]
    fn figures_have_three_digits() {
        let table = [
            (0.0123, "0.012"),
            (0.456, "0.46"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.0, "1234"),
            (123_456.0, "123 k"),
            (1_234_567.0, "1.23 M"),
        ];
        for (value, want) in table {
            assert_eq!(figure(value), want);
        }
        assert_eq!([1.234, 12.34, 123.4].map(ratio), ["1.23x", "12.3x", "123x"]);
    }

    #[test]
    fn columns_stand_straight() {
        let rows = vec![vec!["a".to_owned(), "10".to_owned()]];
        assert_eq!(
            grid(&["name", "n"], rows),
            "| name |  n |\n| ---- | -: |\n| a    | 10 |\n"
        );
    }
}
