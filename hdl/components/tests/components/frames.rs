//! Split: heads of all frames, and good frames in whatever order they are asked for.

use nitro_components::bench::{BenchError, Item, Packet, PacketSink, PacketSource, Random, Sink, Source, clock};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, all_beats, beats, packet, patience, traffic};

const HEAD: &[&str] =
    &["reason", "has_payload", "length", "tuser", "serial", "window", "chain_first", "chain_last", "chain_cells"];
const CHAIN: &[&str] = &["first", "last", "cells"];
const FETCH: &[&str] = &["chain_first", "chain_last", "chain_cells", "length"];

/// Both ends of a split: frames go in, heads come out, and what is known of a frame takes it out again.
struct Ends {
    source: PacketSource,
    heads: Sink,
    fetch: Source,
    discard: Source,
    payload: PacketSink,
}

impl Ends {
    fn new(engine: &dyn Engine, traffic: Traffic) -> Result<Self, BenchError> {
        Ok(Self {
            source: PacketSource::new(engine, "rx", traffic.idle, traffic.seed)?,
            heads: Sink::new(engine, "head", HEAD, traffic.backpressure, traffic.seed ^ 1)?,
            fetch: Source::new(engine, "fetch", FETCH, traffic.idle, traffic.seed ^ 3)?,
            discard: Source::new(engine, "discard", CHAIN, traffic.idle, traffic.seed ^ 4)?,
            payload: PacketSink::new(engine, "payload", traffic.backpressure, traffic.seed ^ 2)?,
        })
    }

    fn clock(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        let sources = &mut [&mut self.source.stream, &mut self.fetch, &mut self.discard];
        clock(engine, sources, &mut [&mut self.heads, &mut self.payload.stream])
    }

    /// The next head without its chain; the frame, if it is good, is fetched.
    fn head(&mut self) -> Option<Item> {
        let mut head = self.heads.pop()?.1;
        let mut chain = head.split_off(6);
        if head[1] == [1] {
            chain.push(head[2].clone());
            self.fetch.push(chain);
        }
        Some(head)
    }
}

/// Lets the memory be made.
fn made(engine: &mut dyn Engine) {
    for _ in 0..64 {
        clock(engine, &mut [], &mut []).unwrap();
    }
}

/// A block of the catalogue and its parameters.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    beat_bytes: usize,
    tuser_bits: u32,
    window_bytes: usize,
    max_bytes: usize,
    error_flag: bool,
}

const MIN_BYTES: usize = 14;

const SHAPES: [Shape; 3] = [
    Shape { name: "split_64", beat_bytes: 8, tuser_bits: 1, window_bytes: 24, max_bytes: 100, error_flag: true },
    Shape { name: "split_128", beat_bytes: 16, tuser_bits: 4, window_bytes: 32, max_bytes: 200, error_flag: false },
    Shape { name: "split_512", beat_bytes: 64, tuser_bits: 4, window_bytes: 192, max_bytes: 500, error_flag: true },
];

impl Shape {
    fn reason(&self, packet: &Packet) -> u64 {
        match packet.bytes.len() {
            _ if self.error_flag && packet.tuser & 1 == 1 => 1,
            length if length > self.max_bytes => 2,
            length if length < MIN_BYTES => 3,
            _ => 0,
        }
    }

    /// The head's fields.
    fn head(&self, packet: &Packet, serial: u64) -> Vec<Vec<u64>> {
        let reason = self.reason(packet);
        let mut window = packet.bytes.clone();
        window.resize(self.window_bytes, 0);
        let words = window.rchunks(8).map(|bytes| bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        let numbers = [reason, u64::from(reason == 0), packet.bytes.len() as u64, packet.tuser, serial];
        numbers.into_iter().map(|number| vec![number]).chain([words.collect()]).collect()
    }
}

/// What is done with good frames.
#[derive(Clone, Copy, Debug)]
struct Order {
    /// As many good frames may wait before one of them is taken out.
    waiting: usize,
    /// The seed of which one, and of what becomes of it.
    seed: u64,
    /// Probability that it is discarded.
    discard: f64,
}

fn order() -> impl Strategy<Value = Order> {
    let discard = prop::sample::select(vec![0.0, 0.3, 1.0]);
    (0..6_usize, any::<u64>(), discard).prop_map(|(waiting, seed, discard)| Order { waiting, seed, discard })
}

fn split(engine: &mut dyn Engine, shape: Shape, list: &[Packet], traffic: Traffic, order: Order) -> Outcome {
    let mut ends = Ends::new(engine, traffic)?;
    let mut random = Random::new(order.seed);
    list.iter().for_each(|packet| ends.source.push(packet));
    let total = all_beats(list, shape.beat_bytes);
    let (mut heads, mut found, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    // Good frames that wait, and where they are.
    let mut waiting: Vec<(Packet, Item)> = Vec::new();
    let (mut gone, mut clocks, mut last_head) = (0, 0, 0);
    let good = list.iter().filter(|packet| shape.reason(packet) == 0).count();
    while (heads.len() < list.len() || found.len() + gone < good) && clocks < patience(total) + 400 * list.len() {
        ends.clock(engine)?;
        if let Some((_, mut head)) = ends.heads.pop() {
            let chain = head.split_off(6);
            let packet = &list[heads.len()];
            if head[1] == [1] {
                waiting.push((packet.clone(), chain));
            }
            heads.push(head);
            last_head = clocks;
        }
        // No head for long: the memory is full, or all have arrived.
        let due = waiting.len() > order.waiting || clocks - last_head > 300;
        if due && !waiting.is_empty() {
            let (packet, mut chain) = waiting.swap_remove(random.below(waiting.len() as u64) as usize);
            if random.chance(order.discard) {
                ends.discard.push(chain);
                gone += 1;
            } else {
                // The whole frame, or the beats that have its first bytes.
                let whole = packet.bytes.len();
                let bytes = if random.chance(0.3) { 1 + random.below(whole as u64) as usize } else { whole };
                chain.push(vec![bytes as u64]);
                ends.fetch.push(chain);
                let mut part = packet;
                part.bytes.truncate(bytes.next_multiple_of(shape.beat_bytes));
                expected.push(part);
            }
        }
        found.extend(ends.payload.pop()?.map(|(_, packet)| packet));
        clocks += 1;
    }
    let all_heads = list.iter().enumerate().map(|(serial, packet)| shape.head(packet, serial as u64));
    assert_eq!(heads, all_heads.collect::<Vec<_>>());
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn frames_are_split_and_leave_in_any_order() {
    for shape in SHAPES {
        let block = Block::named(shape.name);
        let packet = packet(shape.max_bytes + 3 * shape.beat_bytes, shape.beat_bytes, shape.tuser_bits);
        let list = prop::collection::vec(packet, 1..40);
        block.check(60, &(list, traffic(), order()), move |engine, (list, traffic, order)| {
            split(engine, shape, &list, traffic, order)
        });
    }
}

#[test]
fn short_frames_pass_at_one_beat_a_clock() {
    for shape in SHAPES {
        let mut engine = Block::named(shape.name).engine();
        made(&mut engine);
        let mut ends = Ends::new(&engine, Traffic { idle: 0.0, backpressure: 0.0, seed: 1 }).unwrap();
        // One beat where a beat holds a whole frame, else as many as the shortest good one takes.
        let length = shape.beat_bytes.max(MIN_BYTES);
        let count = 100;
        for number in 0..count {
            ends.source.push(&Packet { bytes: vec![number; length], tuser: 0 });
        }
        let total = usize::from(count) * beats(length, shape.beat_bytes);
        let (mut heads, mut frames) = (0, 0);
        for clock in 0..total + 8 {
            ends.clock(&mut engine).unwrap();
            if clock + 1 == total {
                assert_eq!(ends.source.stream.waiting(), 0, "{} pushes back", shape.name);
            }
            heads += u8::from(ends.head().is_some());
            frames += u8::from(ends.payload.pop().unwrap().is_some());
        }
        assert_eq!((heads, frames), (count, count), "{}", shape.name);
    }
}

#[test]
fn malformed_byte_enables_are_a_stream_error() {
    let block = Block::named("split_64");
    let beat = |last: u64, keep: u64| vec![vec![0], vec![last], vec![keep], vec![0x1111_1111_1111_1111]];
    // Frames by their byte enables, and the reason and length of their heads.
    let cases: [(&[u64], u64, u64); 7] = [
        (&[0xff, 0xff], 0, 16),
        (&[0xff, 0x00], 1, 16),
        (&[0xff, 0x02], 1, 16),
        (&[0xff, 0xfd], 1, 16),
        (&[0x7f, 0xff], 1, 16),
        (&[0x00, 0xff, 0x7f], 1, 23),
        (&[0x05], 1, 8),
    ];
    for (keeps, reason, length) in cases {
        let mut engine = block.engine();
        let mut source = Source::new(&engine, "rx", &["tuser", "tlast", "tkeep", "tdata"], 0.0, 1).unwrap();
        made(&mut engine);
        let mut ends = Ends::new(&engine, Traffic { idle: 0.0, backpressure: 0.0, seed: 1 }).unwrap();
        for (index, &keep) in keeps.iter().enumerate() {
            source.push(beat(u64::from(index + 1 == keeps.len()), keep));
        }
        // A good frame behind it is not affected.
        source.push(beat(0, 0xff));
        source.push(beat(1, 0xff));
        let mut found = Vec::new();
        for _ in 0..20 {
            let sources = &mut [&mut source, &mut ends.fetch];
            clock(&mut engine, sources, &mut [&mut ends.heads, &mut ends.payload.stream]).unwrap();
            found.extend(ends.head());
        }
        let found: Vec<_> = found.iter().map(|head| head[..3].to_vec()).collect();
        let first = vec![vec![reason], vec![u64::from(reason == 0)], vec![length]];
        assert_eq!(found, [first, vec![vec![0], vec![1], vec![16]]], "{keeps:x?}");
        for _ in 0..if reason == 0 { 2 } else { 1 } {
            assert_eq!(ends.payload.pop().unwrap().map(|(_, packet)| packet.bytes.len()), Some(16), "{keeps:x?}");
        }
        assert!(ends.payload.pop().unwrap().is_none());
    }
}

#[test]
fn a_very_long_frame_is_cut_off_and_its_length_saturates() {
    let mut engine = Block::named("split_64").engine();
    made(&mut engine);
    let mut ends = Ends::new(&engine, Traffic { idle: 0.0, backpressure: 0.0, seed: 1 }).unwrap();
    for length in [16_383, 16_384, 40_000, 60] {
        ends.source.push(&Packet { bytes: vec![0x55; length], tuser: 0 });
    }
    let (mut heads, mut after) = (Vec::new(), 0);
    while after < 20 {
        ends.clock(&mut engine).unwrap();
        heads.extend(ends.head().map(|head| head[..3].to_vec()));
        after += u32::from(ends.source.stream.waiting() == 0);
    }
    let expected = [(2, 16_383), (2, 16_383), (2, 16_383), (0, 60)];
    assert_eq!(heads, expected.map(|(reason, length)| vec![vec![reason], vec![u64::from(reason == 0)], vec![length]]));
    assert_eq!(ends.payload.pop().unwrap().map(|(_, packet)| packet.bytes.len()), Some(60));
}
