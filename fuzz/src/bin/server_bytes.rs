//! See `hikyaku_fuzz::http2::server_bytes`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku_fuzz::http2::server_bytes(data));
