//! The rules of gRPC: their sections, what others do, and the tables that are made of them.

use std::env;
use std::fmt::Write;
use std::fs;

use serde::Deserialize;

use super::{DOCUMENTS, Document, Row, Sources, none, root};

/// A part of gRPC's specification, under a number of our own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    number: String,
    name: String,
    source: String,
}

/// What other implementations have been found to do, and the tests that we do not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviation {
    number: String,
    what: String,
    #[serde(default)]
    test: Vec<String>,
    reason: Option<String>,
}

/// Where the tables are.
const README: &str = "conformance/README.md";

fn document() -> &'static Document {
    let mut documents = DOCUMENTS.iter();
    let grpc = documents.find(|document| document.name == "gRPC");
    grpc.expect("it is a document")
}

/// Tests as links, each once; then what has no test, and why.
fn proofs<'a>(
    tests: impl Iterator<Item = &'a String>,
    reasons: impl Iterator<Item = String>,
) -> String {
    let mut proofs: Vec<String> = Vec::new();
    for test in tests {
        let test = test.split('#').next().unwrap_or_default();
        let (path, name) = test.rsplit_once("::").expect("path::test");
        let link = format!("[`{name}`](../{path})");
        if !proofs.contains(&link) {
            proofs.push(link);
        }
    }
    proofs.extend(reasons.map(|reason| format!("**no test**: {reason}")));
    proofs.join("<br>")
}

fn table_of_rules(sections: &[Section], rows: &[Row]) -> String {
    let mut table = String::from("| | rule | document | tests |\n|---|---|---|---|\n");
    for section in sections {
        let rows = || rows.iter().filter(|row| row.section == section.number);
        let tests = rows().flat_map(|row| &row.test);
        let untested = |row: &Row| Some(format!("{} {}", row.rule, row.reason.as_ref()?));
        let proofs = proofs(tests, rows().filter_map(untested));
        let Section {
            number,
            name,
            source,
        } = section;
        let _ = writeln!(table, "| {number} | {name} | {source} | {proofs} |");
    }
    table
}

fn table_of_deviations(deviations: &[Deviation]) -> String {
    let mut table = String::from("| | elsewhere | tests that we do not |\n|---|---|---|\n");
    for deviation in deviations {
        let Deviation {
            number,
            what,
            test,
            reason,
        } = deviation;
        let proofs = proofs(test.iter(), reason.iter().cloned());
        let _ = writeln!(table, "| {number} | {what} | {proofs} |");
    }
    table
}

/// The text with what stands between the marks of this name replaced.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = text.split_once(&begin).expect("the table has its mark");
    let (_, behind) = rest.split_once(&end).expect("the table has its end");
    format!("{before}{begin}\n{table}\n{end}{behind}")
}

#[test]
fn the_readme_lists_every_rule_of_grpc_with_its_tests() {
    let ledger = document().ledger();
    let path = root().join(README);
    let readme = fs::read_to_string(&path).expect("the README is there");
    let rules = table_of_rules(&ledger.section, &ledger.rule);
    let want = replaced(&readme, "rules of gRPC", &rules);
    let deviations = table_of_deviations(&ledger.deviation);
    let want = replaced(&want, "deviations", &deviations);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(path, want).expect("the README can be written");
    }
    let lines = want.lines().zip(readme.lines());
    let found: Vec<_> = lines
        .filter(|(want, got)| want != got)
        .map(|(want, got)| format!("{got}\n  must be {want}"))
        .collect();
    none(
        &found,
        "the README has what the ledger says; UPDATE_GOLDEN=1 writes it",
    );
    assert_eq!(want, readme, "UPDATE_GOLDEN=1 writes it");
}

#[test]
fn the_sections_of_grpc_are_those_of_its_rules_in_their_order() {
    let numbers: Vec<_> = document().musts.iter().map(|(number, _)| *number).collect();
    let sections = document().ledger().section;
    let of_sections: Vec<_> = sections.iter().map(|section| &*section.number).collect();
    assert_eq!(of_sections, numbers);
    let counted: Vec<_> = (1..=numbers.len())
        .map(|number| number.to_string())
        .collect();
    assert_eq!(numbers, counted);
}

#[test]
fn every_deviation_of_others_has_tests_that_exist_or_a_reason() {
    let mut found = Vec::new();
    let mut sources = Sources::default();
    for (number, deviation) in (1..).zip(document().ledger().deviation) {
        if deviation.number != format!("{number}") || !deviation.what.ends_with('.') {
            found.push(format!(
                "{deviation:?} is not number {number}, or no sentence"
            ));
        }
        if deviation.test.is_empty() != deviation.reason.is_some() {
            found.push(format!(
                "{deviation:?} has no tests, or a reason beside them"
            ));
        }
        for test in &deviation.test {
            if let Some(fault) = sources.fault_of_test(test) {
                found.push(format!("{test} {fault}"));
            }
        }
    }
    none(&found, "what others do is tested here");
}

#[test]
fn every_test_on_the_wire_is_for_a_rule() {
    let folder = "crates/hikyaku/tests/calls/wire";
    let rules = document().rows();
    let mut found = Vec::new();
    let mut test_count = 0;
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_string_lossy();
        for behind in text.split("#[test]\nfn ").skip(1) {
            let (name, _) = behind.split_once('(').unwrap();
            let test = format!("{folder}/{file}::{name}");
            test_count += 1;
            if !rules.iter().any(|row| row.test.contains(&test)) {
                found.push(test);
            }
        }
    }
    assert!(test_count > 30, "there are {test_count} tests");
    none(&found, "a test on the wire is for a rule of the ledger");
}
