//! The messages and services of `proto/`, as `build.rs` compiled them.

hikyaku::include_proto!();
