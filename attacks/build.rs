//! Compiles the service that is attacked, as a user would.

fn main() -> hikyaku_build::Result {
    hikyaku_build::compile(["proto/target.proto"])
}
