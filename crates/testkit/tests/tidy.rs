//! Style that a machine can check.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file wants to be split at, and lines it must not reach.
const WANTED_LINE_COUNT: usize = 600;
const MAX_LINE_COUNT: usize = 700;

/// Names that say nothing of what is in the file.
const BANNED: [&str; 5] = ["utils", "helpers", "common", "types", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Every file under these folders that people write, with its path below the root.
fn sources() -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    for folder in ["crates", "services", "attacks"] {
        walk(&root().join(folder), &mut files);
    }
    let files = files.into_iter().map(|path| (below_root(&path), path));
    let files: Vec<_> = files.filter(|(name, _)| !is_generated(name)).collect();
    assert!(
        files.len() > 50,
        "the sources are somewhere else: {files:?}"
    );
    files
}

fn below_root(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

fn is_generated(name: &str) -> bool {
    ["/generated/", "/golden/", "/target/"]
        .iter()
        .any(|part| name.contains(part))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text of a file, unless a machine wrote it.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    (!text.starts_with("// @generated")).then_some(text)
}

/// Fails with all that was found.
#[track_caller]
fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn files_are_short() {
    let mut too_long = Vec::new();
    for (name, path) in sources() {
        let line_count = read(&path).map_or(0, |text| text.lines().count());
        if line_count > WANTED_LINE_COUNT {
            eprintln!("{name} has {line_count} lines and wants to be split");
        }
        if line_count > MAX_LINE_COUNT {
            too_long.push(format!("{name}: {line_count} lines"));
        }
    }
    none(&too_long, "a file has at most 700 lines");
}

#[test]
fn nothing_is_left_to_do() {
    // Put together here, so that this file does not find itself.
    let marks = ["TO", "FIX", "XX"].map(|half| match half {
        "TO" => "TODO".to_owned(),
        "FIX" => format!("{half}ME"),
        _ => format!("{half}X"),
    });
    let mut found = Vec::new();
    for (name, path) in sources() {
        if name.ends_with("testkit/tests/tidy.rs") {
            continue;
        }
        for (line, text) in (1..).zip(read(&path).unwrap_or_default().lines()) {
            if marks.iter().any(|mark| has_word(text, mark)) {
                found.push(format!("{name}:{line}: {}", text.trim()));
            }
        }
    }
    none(&found, "what is missing stands in the README");
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|part| part == word)
}

#[test]
fn the_libraries_are_safe() {
    let mut found = Vec::new();
    for (name, path) in sources() {
        if !name.starts_with("crates/http2/src") && !name.starts_with("crates/hikyaku/src") {
            continue;
        }
        for (line, text) in (1..).zip(read(&path).unwrap_or_default().lines()) {
            let code = text.split("//").next().unwrap_or_default();
            if has_word(code, "unsafe") {
                found.push(format!("{name}:{line}: {}", text.trim()));
            }
        }
    }
    none(&found, "no unsafe code");
    for library in ["crates/http2/src/lib.rs", "crates/hikyaku/src/lib.rs"] {
        let text = fs::read_to_string(root().join(library)).unwrap();
        assert!(
            text.contains("#![forbid(unsafe_code)]"),
            "{library} forbids unsafe code"
        );
    }
}

#[test]
fn names_of_files_say_what_is_in_them() {
    let mut found = Vec::new();
    for (name, _) in sources() {
        let stem = name.trim_end_matches(".rs");
        if stem.split('/').any(|part| BANNED.contains(&part)) {
            found.push(name);
        }
    }
    none(&found, "a file is called after what is in it");
}

#[test]
fn every_source_says_what_it_is_for() {
    let mut found = Vec::new();
    for (name, path) in sources() {
        let Some(text) = read(&path) else { continue };
        if !text.starts_with("//") {
            found.push(name);
        }
    }
    none(&found, "a file begins by saying what it is for");
}

#[test]
fn the_documents_name_files_that_exist() {
    let mut found = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let Ok(text) = fs::read_to_string(root().join(document)) else {
            continue;
        };
        for named in text.split('`').skip(1).step_by(2) {
            let is_path = named.contains('/')
                && !named.starts_with(['/', '.', '-', '<'])
                && !named.contains([' ', ':', '*', '{', '<', '(', '$', '='])
                && (named.ends_with('/')
                    || named
                        .rsplit('/')
                        .next()
                        .is_some_and(|file| file.contains('.')));
            let is_ours = [
                "crates/",
                "services/",
                "conformance/",
                "interop/",
                "bench/",
                "fuzz/",
                "spec/",
                "attacks/",
            ]
            .iter()
            .any(|folder| named.starts_with(folder));
            if is_path && is_ours && !root().join(named).exists() {
                found.push(format!("{document}: {named}"));
            }
        }
    }
    none(&found, "a path in a document is a path in the tree");
}

#[test]
fn the_documents_exist() {
    for document in ["README.md", "CHANGELOG.md"] {
        assert!(root().join(document).exists(), "{document} is missing");
    }
}
