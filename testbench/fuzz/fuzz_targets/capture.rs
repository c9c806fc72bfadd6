//! Captures: read or refused, never a panic; what is read is replayed on the model.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = nitro_check::fuzz::capture(bytes) {
        panic!("{error}");
    }
});
