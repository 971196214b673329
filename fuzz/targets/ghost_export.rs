#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kilonova::fuzzing::ghost_export(bytes));
