//! Generates hikyaku's code for the services.

fn main() -> hikyaku_build::Result {
    hikyaku_build::Config::new()
        .files(["../../proto/helloworld.proto", "../../proto/bench.proto"])
        .server(false)
        .blocking(false)
        .bytes(".bench.Blob.body")
        .compile()
}
