//! Codes that the library leaves to applications.

#![allow(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use hikyaku::Code;
use hikyaku_http2::ErrorCode;

/// Codes that only an application gives, in the spellings of the code and of its constructor
/// (statuscodes.md, "codes the library does not generate").
const LEFT_TO_APPLICATIONS: [(Code, &str, &str); 7] = [
    (
        Code::InvalidArgument,
        "InvalidArgument",
        "invalid_argument(",
    ),
    (Code::NotFound, "NotFound", "not_found("),
    (Code::AlreadyExists, "AlreadyExists", "already_exists("),
    (
        Code::FailedPrecondition,
        "FailedPrecondition",
        "failed_precondition(",
    ),
    (Code::Aborted, "Aborted", "aborted("),
    (Code::OutOfRange, "OutOfRange", "out_of_range("),
    (Code::DataLoss, "DataLoss", "data_loss("),
];

/// Where the codes and their constructors are defined, what only the fuzzer runs, and services, which are
/// applications: one whose messages carry numbers of their own, one that has to say NOT_FOUND
/// (health-checking.md).
const EXEMPT: [&str; 5] = [
    "call/code.rs",
    "call/status.rs",
    "fuzzing.rs",
    "health/service.rs",
    "reflection/service.rs",
];

#[test]
fn no_answer_of_http_becomes_a_code_that_is_left_to_applications() {
    for (code, ..) in LEFT_TO_APPLICATIONS {
        assert!((0..=u16::MAX).all(|status| Code::from_http_status(status) != code));
        let resets = (0..=255).map(ErrorCode::from_number);
        assert!(
            resets
                .into_iter()
                .all(|reset| Code::from_http2(reset) != code)
        );
    }
}

#[test]
fn the_library_never_makes_a_code_that_is_left_to_applications() {
    let mut files = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    files.retain(|path| !EXEMPT.iter().any(|end| path.ends_with(end)));
    assert!(
        files.len() > 40,
        "the sources are somewhere else: {files:?}"
    );
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let is_bad = |name: &str, of: &str| line.contains(&format!("{of}::{name}"));
            for (_, name, constructor) in LEFT_TO_APPLICATIONS {
                if is_bad(name, "Code")
                    || is_bad(constructor, "Status")
                    || is_bad(constructor, "Self")
                {
                    found.push(format!("{}: {line}", path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The sources below a folder, but for tests and what is generated.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_ours = !["tests", "tests.rs", "generated"]
            .iter()
            .any(|end| path.ends_with(end));
        if path.is_dir() && is_ours {
            walk(&path, files);
        } else if is_ours && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
