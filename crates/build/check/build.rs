//! Compiles the protos of hikyaku-build's tests once for each set of options.

use std::path::{Path, PathBuf};

use hikyaku_build::Config;

fn main() -> hikyaku_build::Result {
    everything().compile()?;
    everything()
        .include_file("text")
        .text(true)
        .bytes(".")
        .compile()?;
    everything()
        .include_file("views")
        .views(true)
        .text(true)
        .compile()?;
    everything()
        .include_file("view_requests")
        .view_requests(".")
        .json(true)
        .compile()?;
    everything().include_file("json").json(true).compile()?;
    everything()
        .include_file("servers")
        .client(false)
        .blocking(false)
        .compile()?;
    let messages = everything().include_file("messages");
    messages
        .server(false)
        .client(false)
        .blocking(false)
        .compile()
}

/// All protos of the golden tests; what they import comes along.
fn everything() -> Config {
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
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/protos");
    let files = names.map(|name| -> PathBuf { protos.join(name).with_extension("proto") });
    Config::new()
        .files(files)
        .descriptor_set(protos.join("editions.binpb"))
}
