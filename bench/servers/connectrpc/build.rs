//! Generates connectrpc's code for the services, without protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use buffa_codegen::{BytesRepr, CodeGenConfig};
use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../../proto");
    let files = ["helloworld.proto", "bench.proto"];
    let descriptors = protox::compile(files, ["../../proto"])?;
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let set = folder.join("descriptors.bin");
    fs::write(&set, descriptors.encode_to_vec())?;
    let mut config = CodeGenConfig::default();
    let body = (".bench.Blob.body".to_owned(), BytesRepr::Bytes);
    config.bytes_fields.push(body);
    connectrpc_build::Config::new()
        .buffa_config(config)
        .generate_json(false)
        .descriptor_set(set)
        .files(&files)
        .include_file("services.rs")
        .compile()?;
    Ok(())
}
