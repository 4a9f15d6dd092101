//! Replays what the fuzzer has found of `.proto` input, and what it starts from: each file is
//! compiled or refused, and none panics.
//!
//! The target is the fuzzer's own file, so that nothing but a stable compiler is needed here.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a target fails by a panic"
)]

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/schema.rs"]
mod schema;

#[test]
fn no_file_of_the_corpus_fails_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/corpus/proto");
    let files = fs::read_dir(corpus).expect("the target has files");
    let paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(!paths.is_empty(), "the corpus is empty");
    for path in paths {
        // Shown if the target fails.
        eprintln!("{}", path.display());
        schema::proto(&fs::read(&path).unwrap());
    }
}
