//! Generates tonic's code for the greeter, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../proto/helloworld.proto");
    let descriptors = protox::compile(["helloworld.proto"], ["../proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .compile_fds(descriptors)?;
    Ok(())
}
