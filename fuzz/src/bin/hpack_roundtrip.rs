//! See `hikyaku_fuzz::http2::hpack_roundtrip`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku_fuzz::http2::hpack_roundtrip(data));
