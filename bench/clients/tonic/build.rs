//! Generates tonic's code for the services, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../proto");
    let descriptors = protox::compile(["helloworld.proto", "bench.proto"], ["../../proto"])?;
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".bench.Blob.body")
        .compile_fds(descriptors)?;
    Ok(())
}
