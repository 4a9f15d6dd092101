//! Compiles the services that are attacked, as a user would.

fn main() -> hikyaku_build::Result {
    hikyaku_build::compile(["proto/target.proto", "proto/client.proto"])
}
