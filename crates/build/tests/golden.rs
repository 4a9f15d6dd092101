//! The generated code of small protos, compared with checked-in files.
//!
//! `UPDATE_GOLDEN=1 cargo test -p hikyaku-build` rewrites them; the difference is then a matter for
//! review. That the code compiles is what the crate in `check` is for.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a step that fails is a test that fails"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use hikyaku_build::Config;

#[test]
fn generated_code_is_what_is_checked_in() {
    let names = [
        "helloworld",
        "unnamed",
        "keywords",
        "nested",
        "imports",
        "wellknown",
        "proto2",
        "comments",
    ];
    for name in names {
        let config = Config::new().file(here(&format!("tests/protos/{name}.proto")));
        check(
            &generated(config, name),
            &here(&format!("tests/golden/{name}.rs")),
        );
    }
}

#[test]
fn options_change_what_they_say() {
    let table = [
        (
            "messages",
            Config::new().server(false).client(false).blocking(false),
        ),
        (
            "view_requests",
            Config::new()
                .blocking(false)
                .view_requests(".UserManager.GetUser")
                .view_requests(".UserManager.CountAlreadyUsers"),
        ),
        (
            "everything",
            Config::new().json(true).text(true).views(true),
        ),
    ];
    for (name, config) in table {
        let config = config.file(here("tests/protos/unnamed.proto"));
        check(
            &generated(config, name),
            &here(&format!("tests/golden/{name}.rs")),
        );
    }
}

#[test]
fn an_edition_comes_in_as_a_descriptor_set() {
    let config = Config::new().descriptor_set(here("tests/protos/editions.binpb"));
    check(
        &generated(config, "editions"),
        &here("tests/golden/editions.rs"),
    );
}

/// hikyaku serves reflection with code of ours that is checked in there.
#[test]
fn reflection_in_hikyaku_is_up_to_date() {
    for version in ["v1", "v1alpha"] {
        let config = Config::new()
            .include(here("../hikyaku/proto"))
            .file(here(&format!(
                "../hikyaku/proto/grpc/reflection/{version}/reflection.proto"
            )))
            .runtime_path("crate")
            .blocking(false);
        let golden = here(&format!("../hikyaku/src/reflection/generated/{version}.rs"));
        check(&generated(config, version), &golden);
    }
}

/// So is health.
#[test]
fn health_in_hikyaku_is_up_to_date() {
    let proto = here("../hikyaku/proto");
    let config = Config::new()
        .include(&proto)
        .file(proto.join("grpc/health/v1/health.proto"))
        .runtime_path("crate");
    let golden = here("../hikyaku/src/health/generated/v1.rs");
    check(&generated(config, "v1"), &golden);
}

/// The messages of rich errors, too.
#[test]
fn error_details_in_hikyaku_are_up_to_date() {
    let proto = here("../hikyaku/proto");
    let files = ["status", "error_details"];
    let config = Config::new()
        .include(&proto)
        .files(files.map(|name| proto.join(format!("google/rpc/{name}.proto"))))
        .runtime_path("crate");
    let golden = here("../hikyaku/src/error_details/generated/google_rpc.rs");
    check(&generated(config, "google_rpc"), &golden);
}

/// The examples of hikyaku have no build script to generate their code.
#[test]
fn the_examples_of_hikyaku_are_up_to_date() {
    let proto = here("../hikyaku/proto/examples");
    let config = Config::new()
        .include(&proto)
        .files(["helloworld", "numbers"].map(|name| proto.join(format!("{name}.proto"))));
    let golden = here("../hikyaku/examples/proto/generated.rs");
    check(&generated(config, "examples"), &golden);
}

#[test]
fn two_runs_give_the_same_bytes() {
    let config = || {
        Config::new()
            .files(
                ["imports", "wellknown", "proto2"]
                    .map(|name| here(&format!("tests/protos/{name}.proto"))),
            )
            .json(true)
            .views(true)
    };
    assert_eq!(
        generated(config(), "first_run"),
        generated(config(), "first_run")
    );
}

/// The one file that `config` generates.
fn generated(config: Config, name: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    config
        .include_file(name)
        .out_dir(&folder)
        .compile()
        .unwrap();
    fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap()
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with the file at `golden`, or writes it when asked to.
fn check(have: &str, golden: &Path) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(golden, have).unwrap();
        return;
    }
    let want = fs::read_to_string(golden).unwrap_or_default();
    assert!(
        have == want,
        "{} is not what is generated now; UPDATE_GOLDEN=1 rewrites it\n{}",
        golden.display(),
        difference(&want, have)
    );
}

/// The lines between the common beginning and the common end, `-` as checked in, `+` as generated.
fn difference(want: &str, have: &str) -> String {
    let (want, have): (Vec<&str>, Vec<&str>) = (want.lines().collect(), have.lines().collect());
    let start = want
        .iter()
        .zip(&have)
        .take_while(|(one, other)| one == other)
        .count();
    let rest = want[start..].iter().rev().zip(have[start..].iter().rev());
    let same_end = rest.take_while(|(one, other)| one == other).count();
    let lines = |mark: char, lines: &[&str]| -> String {
        let changed = lines[start..lines.len() - same_end].iter().take(20);
        changed.map(|line| format!("{mark} {line}\n")).collect()
    };
    format!(
        "from line {}\n{}{}",
        start + 1,
        lines('-', &want),
        lines('+', &have)
    )
}
