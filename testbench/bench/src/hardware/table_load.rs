//! Insertions into a cuckoo table by itself, up to 99 % of its places: how many find no room.

use nitro_components::bench::{self, Sink, Source};
use nitro_components::cuckoo::Cuckoo;
use nitro_simulator::random::Random;
use nitro_simulator::{BlockEntry, InterpretedEngine};
use rust_hdl::prelude::Bits;

use super::SECTION;
use crate::BenchError;
use crate::report::Finding;

/// A table of 4 · `2^A` places and 8 slots.
type Table<const A: usize> = Cuckoo<Bits<8>, Bits<8>, 64, A, 3, 128>;

/// Loads at which the failures since the one before are reported, in percent.
const LOADS: [u64; 12] = [50, 70, 80, 85, 90, 92, 94, 95, 96, 97, 98, 99];
/// Insertions in a row without any success after which a load is given up.
const GIVE_UP: u64 = 3_000;
/// Clocks from one insertion to the next: as fast as the card makes them, and at leisure.
const SPACINGS: [u64; 2] = [14, 64];

fn table(rows_log2: usize) -> (BlockEntry, u64) {
    match rows_log2 {
        ..=8 => (BlockEntry::of("cuckoo", Table::<8>::default), 4 << 8),
        _ => (BlockEntry::of("cuckoo", Table::<13>::default), 4 << 13),
    }
}

/// Fills one table at one pace.
fn fill(rows_log2: usize, spacing: u64) -> Result<Vec<Finding>, BenchError> {
    let (entry, places) = table(rows_log2);
    let mut engine = InterpretedEngine::new(&entry.netlist()?);
    bench::reset(&mut engine, 2)?;
    bench::set(&mut engine, "hash_key", &[0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908])?;
    // All that finds room is entered.
    bench::set(&mut engine, "decide_put", &[1])?;
    engine_ready(&mut engine)?;
    let mut source = Source::new(&engine, "op", &["walk", "key", "context"], 0.0, 1)?;
    let mut found = Sink::new(&engine, "found", &["moved", "room"], 0.0, 1)?;
    let mut random = Random::new(1);
    let (mut held, mut findings) = (0, Vec::new());
    let name = format!("cuckoo, 4 x {}, one in {spacing} clocks", places / 4);
    for load in LOADS {
        let (mut tried, mut failed, mut in_a_row) = (0, 0, 0);
        while held < places * load / 100 && in_a_row < GIVE_UP {
            source.push(vec![vec![0], vec![random.word()], vec![0]]);
            tried += 1;
            for _ in 0..spacing {
                bench::clock(&mut engine, &mut [&mut source], &mut [&mut found])?;
            }
            for (_, item) in std::iter::from_fn(|| found.pop()).filter(|(_, item)| item[0] == [0]) {
                let room = item[1][0];
                held += room;
                failed += 1 - room;
                in_a_row = if room == 1 { 0 } else { in_a_row + 1 };
            }
        }
        let reached = 100.0 * held as f64 / places as f64;
        let quantity = format!("failed up to {load} % load");
        let note = format!("of {tried} insertions; {reached:.1} % reached");
        findings.push(Finding::new(SECTION, "table", &name, &quantity, "insertions", vec![failed as f64]).note(&note));
        if in_a_row >= GIVE_UP {
            break;
        }
    }
    Ok(findings)
}

fn engine_ready(engine: &mut InterpretedEngine) -> Result<(), BenchError> {
    use nitro_simulator::Engine;
    loop {
        engine.settle();
        if bench::get(engine, "ready")? == [1] {
            return Ok(());
        }
        engine.edge();
    }
}

/// A table of four ways of `2^rows_log2` rows (8 or 13), at both paces.
///
/// # Errors
/// If it cannot be elaborated.
pub fn measure(rows_log2: usize, progress: &mut dyn FnMut(&str)) -> Result<Vec<Finding>, BenchError> {
    let mut findings = Vec::new();
    for spacing in SPACINGS {
        progress(&format!("cuckoo table, one insertion in {spacing} clocks"));
        findings.extend(fill(rows_log2, spacing)?);
    }
    Ok(findings)
}
