//! `protoc-gen-hikyaku` as protoc and buf see it: a request in, a response out.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use buffa::Message as _;
use buffa_codegen::generated::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use buffa_codegen::generated::descriptor::FileDescriptorSet;
use hikyaku_build::plugin;

#[test]
fn the_response_has_one_file_with_everything() {
    let response = answer(&request("", &["editions.proto"]));
    assert_eq!(response.error, None);
    let names: Vec<&str> = response
        .file
        .iter()
        .filter_map(|file| file.name.as_deref())
        .collect();
    assert_eq!(names, ["hikyaku.rs"]);
    let want = fs::read_to_string(here("tests/golden/editions.rs")).unwrap();
    let content = response.file[0].content.as_deref().unwrap();
    assert_eq!(
        content.replace("__hikyaku", "__editions"),
        want,
        "as in a build.rs"
    );
}

#[test]
fn the_response_says_what_the_plugin_can_do() {
    let response = answer(&request("", &["editions.proto"]));
    assert_eq!(
        response.supported_features,
        Some(3),
        "proto3 optional, editions"
    );
    assert_eq!(response.minimum_edition, Some(998), "proto2");
    assert_eq!(response.maximum_edition, Some(1001), "2024");
}

#[test]
fn parameters_are_the_options_of_a_build_script() {
    let table = [
        ("", "pub struct SettingsClient", true),
        ("client=false", "pub struct SettingsClient", false),
        ("server=false", "pub trait Settings", false),
        ("blocking=false", "pub struct SettingsBlockingClient", false),
        (
            "json=true,text=true",
            "impl ::hikyaku::buffa::text::TextFormat for Setting",
            true,
        ),
        ("text=true,text=false", "TextFormat", false),
        ("json", "#[serde(crate = \"::hikyaku::serde\")]", true),
        (" views=true , ", "pub struct SettingView", true),
        ("view_requests=.", "::hikyaku::View<", true),
        ("view_requests=.", "pub struct SettingOwnedView", true),
        ("runtime_path=crate::rpc", "crate::rpc::Status", true),
        (
            "extern_path=.google.protobuf=::my::types",
            "::my::types::Timestamp",
            true,
        ),
        ("file=settings.rs", "mod __settings", true),
    ];
    for (parameter, text, present) in table {
        let response = answer(&request(parameter, &["editions.proto"]));
        assert_eq!(response.error, None, "{parameter}");
        let content = response.file[0].content.as_deref().unwrap();
        assert_eq!(content.contains(text), present, "{parameter}: {text}");
    }
}

#[test]
fn a_wrong_parameter_is_an_error_in_the_response() {
    let table = [
        (
            "jsn=true",
            "expected one of server, client, blocking, json, text, views, view_requests, ",
        ),
        (
            "view_requests=.settings.Setings",
            "option view_requests: expected a package, service or method of the compiled files",
        ),
        (
            "json=yes",
            "option json: expected true or false, but found \"yes\"",
        ),
        (
            "extern_path=.a",
            "option extern_path: expected extern_path=.package=::rust::path",
        ),
        ("file=../up", "option include_file: expected a file name"),
    ];
    for (parameter, want) in table {
        let response = answer(&request(parameter, &["editions.proto"]));
        let error = response.error.unwrap_or_default();
        assert!(error.contains(want), "{parameter}: {error}");
        assert!(response.file.is_empty(), "{parameter}");
    }
}

#[test]
fn a_type_from_a_file_that_is_not_generated_is_an_error() {
    let mut request = request("", &["editions.proto"]);
    for file in &mut request.proto_file {
        if file.name.as_deref() == Some("google/protobuf/timestamp.proto") {
            file.package = Some("elsewhere".into());
        } else {
            file.message_type[0].field[5].type_name = Some(".elsewhere.Timestamp".into());
        }
    }
    let error = answer(&request).error.unwrap_or_default();
    let want = "editions.proto: Setting.at uses elsewhere.Timestamp, which is not generated";
    assert!(error.starts_with(want), "{error}");
}

#[test]
fn what_is_no_request_fails() {
    assert!(plugin::run(b"\xff").is_err());
}

#[test]
fn the_program_speaks_over_its_standard_streams() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protoc-gen-hikyaku"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = request("", &["editions.proto"]).encode_to_vec();
    program.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, plugin::run(&bytes).unwrap());
}

#[test]
fn the_program_explains_itself() {
    for (argument, want) in [
        ("--version", env!("CARGO_PKG_VERSION")),
        ("--help", "buf.gen.yaml"),
    ] {
        let program = env!("CARGO_BIN_EXE_protoc-gen-hikyaku");
        let output = Command::new(program).arg(argument).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.contains(want),
            "{argument}: {text}"
        );
    }
}

/// What protoc would send for the files of the checked-in descriptor set.
fn request(parameter: &str, files: &[&str]) -> CodeGeneratorRequest {
    let bytes = fs::read(here("tests/protos/editions.binpb")).unwrap();
    CodeGeneratorRequest {
        parameter: Some(parameter.into()),
        file_to_generate: files.iter().map(|file| (*file).to_owned()).collect(),
        proto_file: FileDescriptorSet::decode_from_slice(&bytes).unwrap().file,
        ..Default::default()
    }
}

fn answer(request: &CodeGeneratorRequest) -> CodeGeneratorResponse {
    let response = plugin::run(&request.encode_to_vec()).unwrap();
    CodeGeneratorResponse::decode_from_slice(&response).unwrap()
}

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
