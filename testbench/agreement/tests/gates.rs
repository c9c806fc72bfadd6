//! The gates that Yosys makes of components. Of every block: `nitro check --gates`, which takes longer than a test may.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use nitro_agreement::{Budget, EngineKind, agree};

/// Registers, memories of every kind, streams, and a block that all of it is in.
const BLOCKS: [&str; 9] = [
    "register",
    "rom",
    "ram_old",
    "ram_new",
    "ram_byte_enable",
    "fifo_16",
    "arbiter_2_64",
    "strip_64",
    "hash_table_48",
];

#[test]
fn gates_do_what_the_block_does() {
    let catalogue = nitro_components::catalogue();
    for name in BLOCKS {
        let entry = catalogue.iter().find(|entry| entry.name == name).unwrap();
        let clocks = agree(entry, &[EngineKind::Interpreted, EngineKind::Gates], Budget::default());
        assert!(clocks.as_ref().is_ok_and(|clocks| *clocks > 500), "{name}: {clocks:?}");
    }
}
