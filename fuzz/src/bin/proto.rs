//! See `hikyaku_fuzz::schema::proto`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku_fuzz::schema::proto(data));
