//! Compiles `proto/` into the output folder.

fn main() -> hikyaku_build::Result {
    hikyaku_build::Config::new()
        .files(["proto/user.proto", "proto/hellostreamingworld.proto"])
        .blocking(false)
        .json(true)
        .text(true)
        .compile()
}
