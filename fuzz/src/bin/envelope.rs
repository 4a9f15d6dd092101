//! See `hikyaku::fuzzing::envelope`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hikyaku::fuzzing::envelope(data));
