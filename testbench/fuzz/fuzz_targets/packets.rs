//! A card and its packets: the card is the model's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = nitro_check::fuzz::packets(bytes) {
        panic!("{error}");
    }
});
