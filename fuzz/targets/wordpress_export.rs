#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kilonova::fuzzing::wordpress_export(bytes));
