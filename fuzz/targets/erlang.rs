#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kilonova_cluster::fuzzing::erlang(bytes));
