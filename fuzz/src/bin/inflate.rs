//! See `hikyaku::fuzzing::inflate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku::fuzzing::inflate(data));
