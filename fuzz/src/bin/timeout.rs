//! See `hikyaku::fuzzing::timeout`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku::fuzzing::timeout(data));
