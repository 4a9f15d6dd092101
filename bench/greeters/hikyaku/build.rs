fn main() -> hikyaku_build::Result {
    hikyaku_build::compile(["../../proto/helloworld.proto"])
}
