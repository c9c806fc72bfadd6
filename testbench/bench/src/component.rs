//! Workloads of single components.

use nitro_card::config::Config;
use nitro_replay::plan::Offer;
use nitro_simulator::random::Random;
use nitro_simulator::{BlockEntry, Engine};

use crate::BenchError;
use crate::frames::{self, Sizes};
use crate::recording::{Frames, Recorder, Recording};
use crate::stream::{self, Beat, Load, Source, chance};

/// The components: a register stage as wide as the card's data path, a FIFO of whole packets, arithmetic, memories, and
/// the largest block of pure logic.
pub const COMPONENTS: [&str; 5] = ["spill_512", "packet_fifo_64", "siphash_2_4_384", "hash_table_168", "parser"];

/// Frames whose heads the parser is given.
const POOL: usize = 256;
const RESET_CLOCKS: usize = 4;
const IDLE_CLOCKS: usize = 64;
/// How often an input that belongs to no stream changes.
const SIDE_INPUT: f64 = 1.0 / 32.0;
/// Longest random packet in beats.
const MOST_BEATS: usize = 24;
/// Beats that wait at a source, at least.
const QUEUED: usize = 4;

/// What a component does while it is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentWorkload {
    /// Something is offered in each clock, and outputs are always ready.
    Saturated,
    /// 30 % of the beats wait, and outputs are not ready in 30 % of the clocks.
    Random,
    /// Something is offered in 1 % of the clocks.
    Load1,
}

impl ComponentWorkload {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Saturated, Self::Random, Self::Load1];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::Random => "random",
            Self::Load1 => "load_1",
        }
    }

    fn load(self) -> Load {
        match self {
            Self::Saturated => Load { idle: 0.0, backpressure: 0.0 },
            Self::Random => Load { idle: 0.3, backpressure: 0.3 },
            Self::Load1 => Load { idle: 0.99, backpressure: 0.0 },
        }
    }
}

/// The components by name, as they are in the catalogues.
#[must_use]
pub fn entries() -> Vec<BlockEntry> {
    let mut entries = nitro_components::catalogue();
    // Blocks that look at headers are the same in every configuration.
    entries.extend(nitro_card::catalogue::catalogue(Config::Tiny));
    entries.retain(|entry| COMPONENTS.contains(&entry.name));
    entries.sort_by_key(|entry| COMPONENTS.iter().position(|name| *name == entry.name));
    entries
}

/// What a source sends.
enum Content {
    /// The heads of these frames.
    Heads(Vec<Offer>),
    /// Packets of random bytes.
    Packets,
    /// Random bits.
    Bits,
}

fn content(source: &Source) -> Result<Content, BenchError> {
    let has = |name: &str| source.fields.iter().any(|(field, ..)| field == name);
    if has("window") && has("length") {
        let plan = frames::traffic(&frames::vpc()?, Sizes::Mixed, POOL, 1).steady;
        return Ok(Content::Heads(plan.offers.into_iter().flatten().collect()));
    }
    Ok(if has("tkeep") && has("tlast") { Content::Packets } else { Content::Bits })
}

/// The low `width` bits of random words.
fn bits(random: &mut Random, width: usize) -> Vec<u64> {
    let mut value: Vec<u64> = (0..width.div_ceil(64)).map(|_| random.word()).collect();
    if let (Some(last), excess @ 1..) = (value.last_mut(), width % 64) {
        *last &= (1 << excess) - 1;
    }
    value
}

/// The lowest `ones` of `width` bits.
fn ones(ones: usize, width: usize) -> Vec<u64> {
    let word = |index: usize| match ones.saturating_sub(64 * index) {
        count @ 0..64 => (1 << count) - 1,
        _ => u64::MAX,
    };
    (0..width.div_ceil(64)).map(word).collect()
}

/// The first bytes as one number of `width` bits, byte 0 the most significant, zeros behind the end.
fn window(bytes: &[u8], width: usize) -> Vec<u64> {
    let mut head: Vec<u8> = bytes.iter().copied().chain(std::iter::repeat(0)).take(width / 8).collect();
    head.reverse();
    head.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))).collect()
}

/// The next beats of a source: one item, or a packet.
fn next(source: &Source, content: &Content, random: &mut Random) -> Vec<Beat> {
    match content {
        Content::Heads(offers) => {
            let offer = &offers[random.below(offers.len())];
            let field = |(name, _, width): &(String, usize, usize)| match name.as_str() {
                "window" => window(&offer.bytes, *width),
                "length" => vec![offer.bytes.len() as u64],
                "has_payload" => vec![1],
                "serial" => bits(random, *width),
                _ => vec![0; width.div_ceil(64)],
            };
            vec![source.fields.iter().map(field).collect()]
        }
        Content::Packets => {
            let beats = 1 + random.below(MOST_BEATS);
            let user = random.word();
            let beat = |number: usize| {
                let last = number + 1 == beats;
                let field = |(name, _, width): &(String, usize, usize)| match name.as_str() {
                    "tlast" => vec![u64::from(last)],
                    "tkeep" if last => ones(1 + random.below(*width), *width),
                    "tkeep" => ones(*width, *width),
                    "tuser" => bits(&mut Random::new(user), *width),
                    _ => bits(random, *width),
                };
                source.fields.iter().map(field).collect()
            };
            (0..beats).map(beat).collect()
        }
        Content::Bits => vec![source.fields.iter().map(|(.., width)| bits(random, *width)).collect()],
    }
}

/// Records a workload of a component, from power-up: reset, then `clocks` clocks of random traffic that keeps to the rules of
/// streams. Keys are constant; other inputs that belong to no stream change at random now and then.
///
/// # Errors
/// If the component cannot be elaborated.
pub fn record(
    entry: &BlockEntry,
    workload: ComponentWorkload,
    clocks: usize,
    seed: u64,
) -> Result<Recording, BenchError> {
    let mut random = Random::new(seed);
    let mut engine = Recorder::new(entry.interpreted()?);
    let mut sources = Vec::new();
    for source in stream::sources(&engine) {
        let content = content(&source)?;
        sources.push((source, content));
    }
    let ready = stream::ready_inputs(&engine);
    let (mut keys, mut side, mut reset) = (Vec::new(), Vec::new(), None);
    for (index, port) in engine.inputs().iter().enumerate() {
        if port.name == "reset" {
            reset = Some(index);
        } else if port.name.trim_end_matches(char::is_numeric).ends_with("key") && !port.name.contains("entry") {
            keys.push((index, port.width));
        } else if !ready.contains(&index) && !sources.iter().any(|(source, _)| source.owns(index)) {
            side.push((index, port.width));
        }
    }
    for (index, width) in keys {
        let key = bits(&mut random, width);
        engine.set(index, &key);
    }
    for (clocks, value) in [(RESET_CLOCKS, 1), (IDLE_CLOCKS, 0)] {
        if let Some(reset) = reset {
            engine.set(reset, &[value]);
        }
        for _ in 0..clocks {
            engine.settle();
            engine.edge();
        }
    }
    engine.end_lead();

    let load = workload.load();
    for _ in 0..clocks {
        for (source, content) in &mut sources {
            while source.queue.len() < QUEUED {
                let beats = next(source, content, &mut random);
                source.queue.extend(beats);
            }
            source.drive(&mut engine, chance(&mut random, load.idle));
        }
        for &port in &ready {
            engine.set(port, &[u64::from(!chance(&mut random, load.backpressure))]);
        }
        for &(port, width) in &side {
            if chance(&mut random, SIDE_INPUT) {
                let value = bits(&mut random, width);
                engine.set(port, &value);
            } else if width == 1 {
                engine.set(port, &[0]);
            }
        }
        engine.settle();
        for (source, _) in &mut sources {
            source.take(&engine);
        }
        engine.edge();
    }
    match engine.fault() {
        Some(fault) => Err(fault.clone().into()),
        None => Ok(engine.finish(Frames::default())),
    }
}
