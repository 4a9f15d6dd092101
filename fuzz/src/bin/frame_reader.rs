//! See `hikyaku_fuzz::http2::frame_reader`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku_fuzz::http2::frame_reader(data));
