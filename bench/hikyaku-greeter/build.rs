//! Generates the code of the greeter.

fn main() -> hikyaku_build::Result {
    hikyaku_build::compile(["../proto/helloworld.proto"])
}
