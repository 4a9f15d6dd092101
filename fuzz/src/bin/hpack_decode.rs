//! See `hikyaku_fuzz::http2::hpack_decode`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku_fuzz::http2::hpack_decode(data));
