//! What the tests share.

use nitro_agreement::Batch;
use nitro_components::bench::{BenchError, Packet, reset};
use nitro_components::catalogue;
use nitro_netlist::Netlist;
use nitro_simulator::{Engine, InterpretedEngine};
use proptest::prelude::*;

/// A component of the catalogue, elaborated.
pub struct Block(Netlist);

impl Block {
    pub fn named(name: &str) -> Self {
        let entry = catalogue().into_iter().find(|entry| entry.name == name);
        let entry = entry.unwrap_or_else(|| panic!("the catalogue has no {name}"));
        Self(entry.netlist().unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    /// A fresh engine, as it powers up.
    pub fn powered_up(&self) -> InterpretedEngine {
        InterpretedEngine::new(&self.0)
    }

    /// A fresh engine, out of reset.
    pub fn engine(&self) -> InterpretedEngine {
        let mut engine = self.powered_up();
        reset(&mut engine, 2).unwrap();
        engine
    }

    /// Tries a property on random cases, side by side, and shrinks what fails. Each case has the block to itself, out of
    /// reset.
    pub fn check<S: Strategy>(
        &self,
        cases: u32,
        strategy: &S,
        test: impl Fn(&mut dyn Engine, S::Value) -> Outcome + 'static,
    ) where
        S::Value: Clone + 'static,
    {
        let batch = Batch::prepared(&self.0, |engine| reset(engine, 2)).unwrap();
        if let Err(error) = batch.check(cases, strategy, test) {
            panic!("{error}");
        }
    }
}

/// Assertions panic, which counts as a failure too.
pub type Outcome = Result<(), BenchError>;

/// Idle clocks, backpressure, seed.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    pub idle: f64,
    pub backpressure: f64,
    pub seed: u64,
}

pub fn traffic() -> impl Strategy<Value = Traffic> {
    let rate = || prop::sample::select(vec![0.0, 0.1, 0.5, 0.9]);
    (rate(), rate(), any::<u64>()).prop_map(|(idle, backpressure, seed)| Traffic { idle, backpressure, seed })
}

/// Packets of up to `longest` bytes, many of them about a whole number of beats.
pub fn packet(longest: usize, beat_bytes: usize, tuser_bits: u32) -> impl Strategy<Value = Packet> {
    let beats = longest / beat_bytes;
    let near = (0..=beats, 0..3_usize).prop_map(move |(beats, more)| (beats * beat_bytes + more).saturating_sub(1));
    let length = prop_oneof![near, 1..=longest].prop_map(move |length| length.clamp(1, longest));
    (length, any::<u64>(), any::<u8>()).prop_map(move |(length, tuser, first)| Packet {
        bytes: (0..length).map(|index| first.wrapping_add((index as u8).wrapping_mul(13))).collect(),
        tuser: tuser & ((1 << tuser_bits) - 1),
    })
}

/// Some such packets.
pub fn packets(longest: usize, beat_bytes: usize, tuser_bits: u32) -> impl Strategy<Value = Vec<Packet>> {
    prop::collection::vec(packet(longest, beat_bytes, tuser_bits), 1..24)
}

/// Beats that a packet of so many bytes takes.
pub fn beats(bytes: usize, beat_bytes: usize) -> usize {
    bytes.div_ceil(beat_bytes)
}

/// The sum of some packets' beats.
pub fn all_beats(packets: &[Packet], beat_bytes: usize) -> usize {
    packets.iter().map(|packet| beats(packet.bytes.len(), beat_bytes)).sum()
}

/// Clocks that are enough for anything to happen in so many items.
pub fn patience(items: usize) -> usize {
    200 + 200 * items
}
