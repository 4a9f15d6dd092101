//! See `hikyaku_fuzz::http2::connection_ops`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku_fuzz::http2::connection_ops(data));
