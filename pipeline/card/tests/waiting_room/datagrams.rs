//! The datagrams by themselves: how long they are remembered, to the tick.

use nitro_agreement::Batch;
use nitro_components::bench::{BenchError, get, reset, set};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::case::{LIFE, REMEMBERED};

const MASK: u64 = 0xff_ffff;

fn clock(engine: &mut dyn Engine) {
    engine.settle();
    engine.edge();
}

/// Is this datagram remembered at this tick, and with which tag?
fn look(engine: &mut dyn Engine, identification: u64, tick: u64) -> Result<Option<u64>, BenchError> {
    set(engine, "now", &[tick & MASK])?;
    set(engine, "datagram_identification", &[identification])?;
    engine.settle();
    let known = get(engine, "known")?[0] == 1;
    Ok(known.then_some(get(engine, "remembered_tag")?[0]))
}

/// A first fragment comes.
fn enter(engine: &mut dyn Engine, identification: u64, tag: u64, tick: u64) -> Result<(), BenchError> {
    look(engine, identification, tick)?;
    set(engine, "entered_tag", &[tag])?;
    set(engine, "enter", &[1])?;
    clock(engine);
    set(engine, "enter", &[0])
}

fn lives(engine: &mut dyn Engine, start: u64) -> Result<(), BenchError> {
    enter(engine, 1, 10, start)?;
    enter(engine, 2, 20, start + 7)?;
    assert_eq!(look(engine, 1, start + LIFE - 1)?, Some(10));
    // Renewed in its last tick.
    enter(engine, 1, 11, start + LIFE - 1)?;
    assert_eq!(look(engine, 1, start + LIFE)?, Some(11));
    assert_eq!(look(engine, 2, start + 7 + LIFE - 1)?, Some(20));
    assert_eq!(look(engine, 2, start + 7 + LIFE)?, None);
    clock(engine);
    assert_eq!(look(engine, 1, start + LIFE - 1 + LIFE - 1)?, Some(11));
    assert_eq!(look(engine, 1, start + LIFE - 1 + LIFE)?, None);
    clock(engine);
    // What has ended stays away when ticks come round again.
    assert_eq!(look(engine, 1, start + (1 << 24) + LIFE)?, None);
    assert_eq!(look(engine, 2, start + (1 << 24) + 8)?, None);
    // The table is as empty as it was. A renewed entry is the youngest.
    let now = start + (1 << 24);
    for number in 0..REMEMBERED as u64 {
        enter(engine, 100 + number, number, now)?;
    }
    enter(engine, 100, 50, now)?;
    enter(engine, 200, 60, now)?;
    assert_eq!(look(engine, 101, now)?, None);
    assert_eq!(look(engine, 100, now)?, Some(50));
    assert_eq!(look(engine, 200, now)?, Some(60));
    for number in 2..REMEMBERED as u64 {
        assert_eq!(look(engine, 100 + number, now)?, Some(number));
    }
    Ok(())
}

#[test]
fn datagrams_are_remembered_to_the_tick() {
    let batch = Batch::prepared(&crate::netlist("waiting_room_fragments"), |engine| reset(engine, 2)).unwrap();
    let start = prop_oneof![0_u64..1000, MASK - 2 * LIFE..=MASK, 0..=MASK];
    let result = batch.check(64, &start, |engine, start| lives(engine, start));
    if let Err(error) = result {
        panic!("{error}");
    }
}
