//! Keeps the ledger of the specifications (`spec/`) true: its rows are complete, what they name is
//! there, and no section of the documents is without its rows.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

#[path = "ledger/grpc.rs"]
mod grpc;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A document, and how many rules of the level "must" its sections have for us. A section of the
/// document that is missing here has none.
struct Document {
    name: &'static str,
    file: &'static str,
    musts: &'static [(&'static str, usize)],
}

#[rustfmt::skip]
const DOCUMENTS: [Document; 3] = [
    Document {
        name: "RFC 9113",
        file: "spec/rfc9113.toml",
        musts: &[
            ("3.2", 3), ("3.3", 2), ("3.4", 7),
            ("4.1", 6), ("4.2", 5), ("4.3", 7), ("4.3.1", 4),
            ("5.1", 16), ("5.1.1", 8), ("5.1.2", 3), ("5.2.1", 3), ("5.2.2", 1), ("5.3.2", 0),
            ("5.4", 1), ("5.4.1", 1), ("5.4.2", 3), ("5.4.3", 1), ("5.5", 4),
            ("6.1", 6), ("6.2", 6), ("6.3", 3), ("6.4", 6), ("6.5", 10), ("6.5.2", 9),
            ("6.5.3", 5), ("6.6", 7), ("6.7", 5), ("6.8", 8), ("6.9", 6), ("6.9.1", 3),
            ("6.9.2", 5), ("6.9.3", 1), ("6.10", 4),
            ("7", 1),
            ("8.1", 9), ("8.1.1", 4), ("8.2", 1), ("8.2.1", 6), ("8.2.2", 5), ("8.2.3", 1),
            ("8.3", 7), ("8.3.1", 10), ("8.3.2", 1), ("8.4", 6), ("8.4.1", 4), ("8.4.2", 1),
            ("8.5", 3), ("8.6", 2), ("8.7", 2),
        ],
    },
    Document {
        name: "RFC 7541",
        file: "spec/rfc7541.toml",
        musts: &[
            ("2.2", 1), ("2.3.1", 1), ("2.3.2", 3), ("2.3.3", 2),
            ("3.1", 1), ("3.2", 3),
            ("4.1", 1), ("4.2", 6), ("4.3", 1), ("4.4", 3),
            ("5.1", 2), ("5.2", 6),
            ("6.1", 1), ("6.2.1", 1), ("6.2.2", 1), ("6.2.3", 3), ("6.3", 2),
            ("7.1.3", 1), ("7.3", 0), ("7.4", 2),
            ("A", 1), ("B", 1), ("C", 1),
        ],
    },
    Document {
        name: "gRPC",
        file: "spec/grpc.toml",
        musts: &[
            ("1", 3), ("2", 2), ("3", 3), ("4", 3), ("5", 1), ("6", 3), ("7", 3), ("8", 4),
            ("9", 0), ("10", 5), ("11", 3), ("12", 3), ("13", 2), ("14", 1), ("15", 3),
            ("16", 2), ("17", 1), ("18", 1), ("19", 2), ("20", 3), ("21", 1), ("22", 6),
            ("23", 2), ("24", 5), ("25", 4), ("26", 11), ("27", 1), ("28", 2), ("29", 2),
            ("30", 1), ("31", 1), ("32", 1), ("33", 3), ("34", 2), ("35", 1), ("36", 0),
            ("37", 4), ("38", 4), ("39", 0), ("40", 4), ("41", 3), ("42", 0), ("43", 2),
            ("44", 0), ("45", 1), ("46", 1), ("47", 3), ("48", 3), ("49", 6), ("50", 1),
            ("51", 0),
        ],
    },
];

/// One rule of a document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    section: String,
    level: Level,
    #[expect(dead_code, reason = "for the reader; reading it checks the word")]
    is_for: Side,
    rule: String,
    code: Option<String>,
    #[serde(default)]
    test: Vec<String>,
    reason: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Must,
    Should,
    May,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Client,
    Server,
    Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    rule: Vec<Row>,
    /// Only gRPC's, whose documents have no numbers.
    #[serde(default)]
    section: Vec<grpc::Section>,
    #[serde(default)]
    deviation: Vec<grpc::Deviation>,
}

impl Document {
    fn ledger(&self) -> Ledger {
        let text = fs::read_to_string(root().join(self.file)).expect("the ledger is there");
        toml::from_str(&text).unwrap_or_else(|error| {
            panic!("{}: {error}", self.file);
        })
    }

    fn rows(&self) -> Vec<Row> {
        self.ledger().rule
    }

    /// The place of a section in the document.
    fn order(&self, section: &str) -> Option<usize> {
        self.musts.iter().position(|(known, _)| *known == section)
    }
}

fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.unwrap().parent().unwrap().to_owned()
}

/// Fails with all that was found.
#[track_caller]
fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn every_row_has_a_test_or_a_reason() {
    let mut found = Vec::new();
    for document in &DOCUMENTS {
        for row in document.rows() {
            let is_tested = row.code.is_some() && !row.test.is_empty() && row.reason.is_none();
            let is_excused = row.code.is_none() && row.test.is_empty() && row.reason.is_some();
            let texts = [Some(&row.rule), row.reason.as_ref()];
            let is_said = texts
                .into_iter()
                .flatten()
                .all(|text| text.len() > 10 && text.ends_with('.') && !text.contains('\n'));
            if !is_said || !(is_tested || is_excused) {
                found.push(format!("{} {row:?}", document.name));
            }
        }
    }
    none(
        &found,
        "a row has code and tests, or a reason, and a sentence",
    );
}

#[test]
fn no_rule_stands_twice() {
    let mut found = Vec::new();
    for document in &DOCUMENTS {
        let mut seen = BTreeSet::new();
        for row in document.rows() {
            if !seen.insert(row.rule.to_lowercase()) {
                found.push(format!("{} §{}: {}", document.name, row.section, row.rule));
            }
        }
    }
    none(&found, "a rule has one row");
}

#[test]
fn every_section_has_its_rows_in_order() {
    let mut found = Vec::new();
    for document in &DOCUMENTS {
        let rows = document.rows();
        let mut last = 0;
        for row in &rows {
            match document.order(&row.section) {
                Some(place) if place >= last => last = place,
                Some(_) => found.push(format!("{} §{} is late", document.name, row.section)),
                None => found.push(format!("{} has no §{}", document.name, row.section)),
            }
        }
        for (section, want) in document.musts {
            let of_section = || rows.iter().filter(|row| row.section == *section);
            let count = of_section().filter(|row| row.level == Level::Must).count();
            if count != *want || of_section().count() == 0 {
                let name = document.name;
                found.push(format!("{name} §{section}: {count} musts, not {want}"));
            }
        }
    }
    none(&found, "every section has all its rules");
}

/// A source that a row names: its lines, read once.
#[derive(Default)]
struct Sources(HashMap<String, Option<Vec<String>>>);

impl Sources {
    fn lines(&mut self, path: &str) -> Option<&[String]> {
        let read = || {
            let text = fs::read_to_string(root().join(path)).ok()?;
            Some(text.lines().map(str::to_owned).collect())
        };
        self.0
            .entry(path.to_owned())
            .or_insert_with(read)
            .as_deref()
    }

    /// What is wrong with `path::function`, if anything.
    fn fault_of_code(&mut self, named: &str) -> Option<&'static str> {
        let Some((path, function)) = named.rsplit_once("::") else {
            return Some("is not path::function");
        };
        let Some(lines) = self.lines(path) else {
            return Some("names no file");
        };
        line_of(lines, function)
            .is_none()
            .then_some("names no function")
    }

    /// What is wrong with `path::test` or `path::test#case`, if anything.
    fn fault_of_test(&mut self, named: &str) -> Option<&'static str> {
        let (named, case) = match named.split_once('#') {
            Some((named, case)) => (named, Some(case)),
            None => (named, None),
        };
        if let Some(fault) = self.fault_of_code(named) {
            return Some(fault);
        }
        let (path, function) = named.rsplit_once("::")?;
        let lines = self.lines(path)?;
        let start = line_of(lines, function)?;
        let above = lines[..start].iter().rev().map(|line| line.trim());
        let mut attributes = above.take_while(|line| line.starts_with(['#', '/']));
        if !attributes.any(|line| line == "#[test]" || line.starts_with("#[tokio::test")) {
            return Some("is no test");
        }
        let has_case = |case: &str| {
            let literal = format!("\"{case}\"");
            body(lines, start)
                .iter()
                .any(|line| line.contains(&literal))
        };
        (!case.is_none_or(has_case)).then_some("has no such case")
    }
}

/// The line in which a function of this name begins.
fn line_of(lines: &[String], function: &str) -> Option<usize> {
    let head = format!("fn {function}");
    lines.iter().position(|line| {
        line.split_once(&head).is_some_and(|(before, behind)| {
            let is_word = before.is_empty() || before.ends_with([' ', '(']);
            is_word && behind.starts_with(['(', '<'])
        })
    })
}

/// The lines of the function that begins here: up to the brace below its first letter.
fn body(lines: &[String], start: usize) -> &[String] {
    let first = &lines[start];
    let indent_len = first.len() - first.trim_start().len();
    let end = format!("{}}}", &first[..indent_len]);
    let len = lines[start..].iter().position(|line| *line == end);
    &lines[start..start + len.unwrap_or(0)]
}

#[test]
fn the_code_and_the_tests_of_every_row_exist() {
    let mut found = Vec::new();
    let mut sources = Sources::default();
    for document in &DOCUMENTS {
        for row in document.rows() {
            let place = format!("{} §{}", document.name, row.section);
            let code = row.code.iter().map(|code| (code, false));
            for (named, is_test) in code.chain(row.test.iter().map(|test| (test, true))) {
                let fault = match is_test {
                    true => sources.fault_of_test(named),
                    false => sources.fault_of_code(named),
                };
                if let Some(fault) = fault {
                    found.push(format!("{place}: {named} {fault}"));
                }
            }
        }
    }
    none(&found, "what the ledger names is in the tree");
}

#[test]
fn the_ledger_is_checked_for_what_it_says() {
    let here = "crates/testkit/tests/ledger.rs";
    let mut sources = Sources::default();
    let name = "the_ledger_is_checked_for_what_it_says";
    #[rustfmt::skip]
    let table = [
        (format!("{here}::{name}"), None),
        (format!("{here}::{name}#a case of this table"), None),
        (format!("{here}::{name}#a case {}", "of no table"), Some("has no such case")),
        (format!("{here}::line_of"), Some("is no test")),
        (format!("{here}::line"), Some("names no function")),
        (format!("{here}x::line_of"), Some("names no file")),
        ("a case of this table".to_owned(), Some("is not path::function")),
    ];
    for (named, want) in table {
        assert_eq!(sources.fault_of_test(&named), want, "{named}");
    }
}

/// Every section that a text names behind the name of the document: `RFC 9113 §5.1, §5.1.1`.
fn tags<'a>(text: &'a str, document: &str) -> Vec<&'a str> {
    let mark = format!("{document} §");
    let mut sections = Vec::new();
    for behind in text.split(&mark).skip(1) {
        let mut rest = behind;
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            let (section, behind) = rest.split_at(end.unwrap_or(rest.len()));
            sections.push(section.trim_end_matches('.'));
            let next = [", §", " and §"]
                .iter()
                .find_map(|joint| behind.strip_prefix(joint));
            match next {
                Some(next) => rest = next,
                None => break,
            }
        }
    }
    sections
}

#[test]
fn a_tag_may_name_several_sections() {
    let text = "(RFC 9113 §5.1, §5.1.1). See RFC 9113 §4.3 and §6.10, RFC 7541 §2.3.1.";
    assert_eq!(tags(text, "RFC 9113"), ["5.1", "5.1.1", "4.3", "6.10"]);
    assert_eq!(tags(text, "RFC 7541"), ["2.3.1"]);
}

#[test]
fn sections_named_in_the_code_are_in_the_ledger() {
    let mut found = Vec::new();
    let mut tag_count = 0;
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for document in &DOCUMENTS {
            for section in tags(&text, document.name) {
                tag_count += 1;
                let below = format!("{section}.");
                let is_known = document
                    .musts
                    .iter()
                    .any(|(known, _)| *known == section || known.starts_with(&below));
                if !is_known {
                    found.push(format!("{}: {} §{section}", path.display(), document.name));
                }
            }
        }
    }
    assert!(tag_count > 100, "the code names {tag_count} sections");
    none(&found, "a section that is named is in the ledger");
}

/// Every source of the protocol's crates.
fn sources() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = [
        "crates/http2",
        "crates/hikyaku",
        "crates/testkit",
        "fuzz/src",
    ]
    .iter()
    .map(|folder| root().join(folder))
    .collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}
