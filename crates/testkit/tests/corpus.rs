//! Replays what the fuzzer has found, and what it starts from: no file may fail its target. Two ends
//! are driven by chance, too, in seeds that can be repeated.
//!
//! The targets are the fuzzer's own files, so that nothing but a stable compiler is needed here. Those
//! of `crates/hikyaku` and `crates/build` are replayed there.

#![allow(
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    reason = "a target fails by a panic"
)]

use std::fs;
use std::path::Path;

use hikyaku_testkit::Random;
use hikyaku_testkit::random::for_each_seed;

#[path = "../../../fuzz/src/http2/mod.rs"]
mod http2;

/// A target of the fuzzer.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 7] = [
    ("frame_reader", http2::frame_reader),
    ("hpack_decode", http2::hpack_decode),
    ("hpack_roundtrip", http2::hpack_roundtrip),
    ("huffman", http2::huffman),
    ("server_bytes", http2::server_bytes),
    ("client_bytes", http2::client_bytes),
    ("connection_ops", http2::connection_ops),
];

/// Opens, bodies, resets, windows, shutdowns and cuts in any order, the bytes in any pieces: one
/// stream ends once, nothing is left, windows are whole.
#[test]
fn any_sequence_of_operations_keeps_both_ends_in_step() {
    for_each_seed(0..200, |seed| {
        let mut random = Random::new(seed);
        let len = random.below(2000);
        let choices: Vec<u8> = (0..len).map(|_| random.number().to_le_bytes()[0]).collect();
        http2::connection_ops(&choices);
    });
}

#[test]
fn no_file_of_the_corpus_fails_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let files = fs::read_dir(corpus.join(name)).expect("every target has files");
        let paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        assert!(!paths.is_empty(), "{name} has no file");
        for path in paths {
            // Shown if the target fails.
            eprintln!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}
