//! Compiles the services that the suites call.

fn main() -> hikyaku_build::Result {
    hikyaku_build::Config::new()
        .include("proto")
        .include("official/proto")
        .file("proto/connectrpc/conformance/v1/service.proto")
        .file("proto/connectrpc/conformance/v1/runner.proto")
        .file("official/proto/test.proto")
        .blocking(false)
        .json(true)
        .compile()
}
