// What `hikyaku-build` makes of the .proto files in `proto/examples`. A program of your own has a
// build script, and `hikyaku::include_proto!()` here.
include!("generated.rs");
