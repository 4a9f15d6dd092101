//! Generates pajamax's code for the services, without protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../../proto");
    let files = ["helloworld.proto", "bench.proto"];
    let mut descriptors = protox::compile(files, ["../../proto"])?;
    // pajamax would generate unary methods for those that stream.
    for service in descriptors
        .file
        .iter_mut()
        .flat_map(|file| &mut file.service)
    {
        service
            .method
            .retain(|method| !method.client_streaming() && !method.server_streaming());
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let set = folder.join("descriptors.bin");
    fs::write(&set, descriptors.encode_to_vec())?;
    prost_build::Config::new()
        .service_generator(Box::new(pajamax_build::PajamaxGen::Local))
        .file_descriptor_set_path(set)
        .skip_protoc_run()
        .compile_protos(&files, &[""])?;
    Ok(())
}
