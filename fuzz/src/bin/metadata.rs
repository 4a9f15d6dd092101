//! See `hikyaku::fuzzing::metadata`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku::fuzzing::metadata(data));
