#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxmock_fuzz::store(bytes));
