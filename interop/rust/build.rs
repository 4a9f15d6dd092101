//! Compiles the services of the suite.

fn main() -> hikyaku_build::Result {
    hikyaku_build::Config::new()
        .include("..")
        .include("../../services/usermanager/proto")
        .files(["interop.proto", "user.proto", "hellostreamingworld.proto"])
        .compile()
}
