//! VPC files: read or refused with a line; a card of one is the model's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = nitro_check::fuzz::vpc(bytes) {
        panic!("{error}");
    }
});
