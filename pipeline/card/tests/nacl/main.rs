//! The stage `nacl` by itself: every prefix against every difference, and random rules and packets under changing rules.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod rules;
mod stage;

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;
use nitro_components::bench;
use nitro_simulator::{Engine, InterpretedEngine};

/// A block of a configuration, out of power-up.
fn block(config: Config, name: &str) -> InterpretedEngine {
    let entry = catalogue(config).into_iter().find(|entry| entry.name == name).unwrap();
    entry.interpreted().unwrap_or_else(|error| panic!("{error}"))
}

fn set(engine: &mut dyn Engine, name: &str, value: u128) {
    let word = |value: u128| u64::try_from(value & u128::from(u64::MAX)).unwrap();
    bench::set(engine, name, &[word(value), word(value >> 64)]).unwrap();
}

fn get(engine: &dyn Engine, name: &str) -> u64 {
    bench::get(engine, name).unwrap()[0]
}

fn clock(engine: &mut dyn Engine) {
    engine.settle();
    engine.edge();
}

/// Whether a comparator with one rule of this prefix length takes an address that differs from the rule's by `difference`.
fn fits(engine: &mut dyn Engine, difference: u128) -> bool {
    set(engine, "question_address", 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978 ^ difference);
    for _ in 0..3 {
        clock(engine);
    }
    engine.settle();
    get(engine, "hit") == 1
}

/// A prefix is exactly as long as it says, whatever the length: the bit before its end counts, the bit behind it does not.
#[test]
fn prefixes_of_all_lengths() {
    let mut engine = block(Config::Tiny, "nacl_compare");
    for name in ["write_enable", "write_row_valid", "write_row_any_protocol", "take", "first"] {
        set(&mut engine, name, 1);
    }
    set(&mut engine, "write_row_high", 65_535);
    set(&mut engine, "write_row_address", 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978);
    for prefix in 0..=255_u32 {
        set(&mut engine, "write_row_prefix", prefix.into());
        clock(&mut engine);
        assert!(fits(&mut engine, 0), "/{prefix}");
        for bit in 0..128 {
            assert_eq!(fits(&mut engine, 1 << (127 - bit)), bit >= prefix, "/{prefix}, bit {bit}");
        }
        let behind = u128::MAX.checked_shr(prefix).unwrap_or(0);
        assert!(fits(&mut engine, behind), "/{prefix}, everything behind it");
    }
}
