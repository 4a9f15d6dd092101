//! What a person reads when something is wrong: where, what, and what was expected.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use hikyaku_build::Config;

/// A .proto that is wrong, and the text for it. `DIR` is the folder it is in.
const WRONG: [(&str, &str, &str); 9] = [
    (
        "unknown_type",
        "syntax = \"proto3\";\nmessage A {\n\tUsr user = 1;\n}\n",
        "DIR/unknown_type.proto:3:2: name 'Usr' is not defined
  |
3 |  Usr user = 1;
  |  ^^^ found here",
    ),
    (
        "two_errors",
        "syntax = \"proto3\";\nmessage A {\n  B b = 1;\n  C c = 2;\n}\n",
        "DIR/two_errors.proto:3:3: name 'B' is not defined
  |
3 |   B b = 1;
  |   ^ found here

DIR/two_errors.proto:4:3: name 'C' is not defined
  |
4 |   C c = 2;
  |   ^ found here",
    ),
    (
        "semicolon",
        "syntax = \"proto3\"\nmessage A {}\n",
        "DIR/semicolon.proto:2:1: expected ';', but found 'message'
  |
2 | message A {}
  | ^^^^^^^ found here",
    ),
    (
        "unfinished",
        "syntax = \"proto3\";\nmessage A {\n\n",
        "DIR/unfinished.proto:2:12: expected a message field, oneof, reserved range, enum, \
         message, option or '}', but reached end of file
  |
2 | message A {
  |            ^",
    ),
    (
        "missing_import",
        "syntax = \"proto3\";\nimport \"nowhere.proto\";\n",
        "DIR/missing_import.proto:2:1: import 'nowhere.proto' not found
  |
2 | import \"nowhere.proto\";
  | ^^^^^^^^^^^^^^^^^^^^^^^ imported here
  searched in:
    DIR
  help: Config::include(folder) adds a folder to search in",
    ),
    (
        "syntax",
        "syntax = \"proto4\";\n",
        "DIR/syntax.proto:1:10: unknown syntax 'proto4'
  |
1 | syntax = \"proto4\";
  |          ^^^^^^^^ defined here
  help: possible values are 'proto2' and 'proto3'",
    ),
    (
        "edition",
        "// Modern.\nedition = \"2023\";\n",
        "DIR/edition.proto:2:1: expected `syntax = \"proto2\"` or `syntax = \"proto3\"`, but \
         found edition \"2023\"
  |
2 | edition = \"2023\";
  | ^^^^^^^ editions are not compiled from source
  help: editions are read from a descriptor set that protoc or buf made:
    protoc --include_imports --include_source_info --descriptor_set_out=set.bin DIR/edition.proto
    buf build --as-file-descriptor-set -o set.bin
  then: hikyaku_build::Config::new().descriptor_set(\"set.bin\").compile()",
    ),
    (
        "same_method",
        "syntax = \"proto3\";\npackage p;\nmessage M {}\n\
         service S { rpc GetA(M) returns (M); rpc Get_A(M) returns (M); }\n",
        "service p.S: rpc GetA and rpc Get_A both become the Rust method `get_a`; \
         rename one of the two",
    ),
    (
        "same_type",
        "syntax = \"proto3\";\nmessage SClient {}\nservice S { rpc Get(SClient) returns (SClient); }\n",
        "service S would generate the Rust type `SClient`, which message SClient has already; \
         rename one of the two, or turn the part that is not needed off \
         (server, client, blocking)",
    ),
];

#[test]
fn a_wrong_proto_is_explained() {
    for (name, proto, want) in WRONG {
        let folder = folder(name);
        let file = folder.join(format!("{name}.proto"));
        fs::write(&file, proto).unwrap();
        let error = Config::new()
            .file(&file)
            .out_dir(&folder)
            .compile()
            .unwrap_err();
        let have = error.to_string().replace(&*folder.to_string_lossy(), "DIR");
        assert_eq!(have, want, "{name}");
        assert_eq!(format!("{error:?}"), error.to_string(), "{name}");
    }
}

#[test]
fn a_file_that_is_no_text_is_explained() {
    let folder = folder("no_text");
    let file = folder.join("no_text.proto");
    fs::write(&file, b"syntax = \"proto3\";\n// caf\xe9\n").unwrap();
    let error = Config::new()
        .file(&file)
        .out_dir(&folder)
        .compile()
        .unwrap_err()
        .to_string();
    assert!(error.contains("no_text.proto:2:7: "), "{error}");
    assert!(error.contains("not valid utf-8"), "{error}");
}

#[test]
fn a_missing_file_says_where_it_was_looked_for() {
    let config = Config::new()
        .include("some/protos")
        .file("user.proto")
        .out_dir("unused");
    let want = "user.proto: file not found
  searched in:
    some/protos
  help: Config::include(folder) adds a folder to search in";
    assert_eq!(config.compile().unwrap_err().to_string(), want);
}

#[test]
fn an_option_that_cannot_be_says_what_could() {
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protos/editions.binpb");
    let good = || {
        Config::new()
            .descriptor_set(&set)
            .out_dir(folder("options"))
    };
    let table = [
        (
            Config::new().out_dir("unused"),
            "at least one .proto or descriptor set",
        ),
        (
            good().include_file("a/b"),
            "option include_file: expected a file name",
        ),
        (
            good().runtime_path("1"),
            "option runtime_path: expected a path",
        ),
        (
            Config::new().descriptor_set("no.bin").out_dir("unused"),
            "cannot read no.bin: ",
        ),
        (
            Config::new().descriptor_set(file!()).out_dir("unused"),
            "cannot read",
        ),
    ];
    for (config, want) in table {
        let shown = format!("{config:?}");
        let error = config.compile().unwrap_err().to_string();
        assert!(error.contains(want), "{shown}: {error}");
    }
}

#[test]
fn a_descriptor_set_that_is_none_is_explained() {
    let folder = folder("no_set");
    let table: [(&[u8], &str); 2] = [
        (b"", "no files in it; expected a FileDescriptorSet"),
        (b"\xff\xff", "failed to decode"),
    ];
    for (bytes, want) in table {
        let file = folder.join("set.bin");
        fs::write(&file, bytes).unwrap();
        let error = Config::new()
            .descriptor_set(&file)
            .out_dir(&folder)
            .compile()
            .unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
}

#[test]
fn types_named_by_a_keyword_are_refused() {
    let folder = folder("keyword");
    for name in ["Self", "struct"] {
        let file = folder.join("keyword.proto");
        let proto = format!("syntax = \"proto3\";\nmessage A {{ message {name} {{}} }}\n");
        fs::write(&file, proto).unwrap();
        let error = Config::new()
            .file(&file)
            .out_dir(&folder)
            .compile()
            .unwrap_err()
            .to_string();
        let want = format!("keyword.proto: type {name} has the name of a Rust keyword; rename it");
        assert_eq!(error, want);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("errors")
        .join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}
