//! Split: heads and payload of good frames, heads alone of bad ones.

use nitro_components::bench::{Packet, PacketSink, PacketSource, Sink, Source, clock};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, all_beats, beats, packet, patience, traffic};

const HEAD: &[&str] = &["reason", "has_payload", "length", "tuser", "serial", "window"];

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

fn split(engine: &mut dyn Engine, shape: Shape, list: &[Packet], traffic: Traffic) -> Outcome {
    let mut source = PacketSource::new(engine, "rx", traffic.idle, traffic.seed)?;
    let mut heads = Sink::new(engine, "head", HEAD, traffic.backpressure, traffic.seed ^ 1)?;
    let mut payload = PacketSink::new(engine, "payload", traffic.backpressure, traffic.seed ^ 2)?;
    list.iter().for_each(|packet| source.push(packet));
    let good: Vec<_> = list.iter().filter(|packet| shape.reason(packet) == 0).cloned().collect();
    let (mut found_heads, mut found) = (Vec::new(), Vec::new());
    let total = all_beats(list, shape.beat_bytes);
    let mut clocks = 0;
    while (found_heads.len() < list.len() || found.len() < good.len()) && clocks < patience(total) {
        clock(engine, &mut [&mut source.stream], &mut [&mut heads, &mut payload.stream])?;
        found_heads.extend(heads.pop().map(|(_, head)| head));
        found.extend(payload.pop()?.map(|(_, packet)| packet));
        clocks += 1;
    }
    let expected = list.iter().enumerate().map(|(serial, packet)| shape.head(packet, serial as u64));
    assert_eq!(found_heads, expected.collect::<Vec<_>>());
    assert_eq!(found, good);
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 {
        // All beats arrive without a pause; the last frame's payload leaves after it is complete.
        let last = list.last().map_or(0, |packet| beats(packet.bytes.len(), shape.beat_bytes));
        assert!(clocks <= total + last + 2 + all_beats(list, shape.beat_bytes) / 2);
        assert!(source.stream.sent() as usize == total);
    }
    Ok(())
}

#[test]
fn frames_are_split_and_bad_ones_leave_a_head_only() {
    for shape in SHAPES {
        let block = Block::named(shape.name);
        let packet = packet(shape.max_bytes + 3 * shape.beat_bytes, shape.beat_bytes, shape.tuser_bits);
        let list = prop::collection::vec(packet, 1..24);
        block.check(60, &(list, traffic()), move |engine, (list, traffic)| split(engine, shape, &list, traffic));
    }
}

#[test]
fn short_frames_pass_at_one_beat_a_clock() {
    for shape in SHAPES {
        let mut engine = Block::named(shape.name).engine();
        let mut source = PacketSource::new(&engine, "rx", 0.0, 1).unwrap();
        let mut heads = Sink::new(&engine, "head", HEAD, 0.0, 2).unwrap();
        let mut payload = PacketSink::new(&engine, "payload", 0.0, 3).unwrap();
        // One beat where a beat holds a whole frame, else as many as the shortest good one takes.
        let length = shape.beat_bytes.max(MIN_BYTES);
        let count = 100;
        for number in 0..count {
            source.push(&Packet { bytes: vec![number; length], tuser: 0 });
        }
        let total = usize::from(count) * beats(length, shape.beat_bytes);
        for _ in 0..total {
            clock(&mut engine, &mut [&mut source.stream], &mut [&mut heads, &mut payload.stream]).unwrap();
        }
        assert_eq!(source.stream.waiting(), 0, "{} pushes back", shape.name);
        for _ in 0..3 {
            clock(&mut engine, &mut [], &mut [&mut heads, &mut payload.stream]).unwrap();
        }
        assert!(heads.waiting() >= usize::from(count), "{}", shape.name);
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
        let mut heads = Sink::new(&engine, "head", &["reason", "has_payload", "length"], 0.0, 2).unwrap();
        let mut payload = PacketSink::new(&engine, "payload", 0.0, 3).unwrap();
        for (index, &keep) in keeps.iter().enumerate() {
            source.push(beat(u64::from(index + 1 == keeps.len()), keep));
        }
        // A good frame behind it is not affected.
        source.push(beat(0, 0xff));
        source.push(beat(1, 0xff));
        for _ in 0..20 {
            clock(&mut engine, &mut [&mut source], &mut [&mut heads, &mut payload.stream]).unwrap();
        }
        let found = heads.pop().map(|(_, head)| head);
        assert_eq!(found, Some(vec![vec![reason], vec![u64::from(reason == 0)], vec![length]]), "{keeps:x?}");
        assert_eq!(heads.pop().map(|(_, head)| head), Some(vec![vec![0], vec![1], vec![16]]), "{keeps:x?}");
        for _ in 0..if reason == 0 { 2 } else { 1 } {
            assert_eq!(payload.pop().unwrap().map(|(_, packet)| packet.bytes.len()), Some(16), "{keeps:x?}");
        }
        assert!(payload.pop().unwrap().is_none());
    }
}

#[test]
fn a_very_long_frame_is_cut_off_and_its_length_saturates() {
    let mut engine = Block::named("split_64").engine();
    let mut source = PacketSource::new(&engine, "rx", 0.0, 1).unwrap();
    let mut heads = Sink::new(&engine, "head", &["reason", "has_payload", "length"], 0.0, 2).unwrap();
    let mut payload = PacketSink::new(&engine, "payload", 0.0, 3).unwrap();
    for length in [16_383, 16_384, 40_000, 60] {
        source.push(&Packet { bytes: vec![0x55; length], tuser: 0 });
    }
    while source.stream.waiting() > 0 {
        clock(&mut engine, &mut [&mut source.stream], &mut [&mut heads, &mut payload.stream]).unwrap();
    }
    for _ in 0..20 {
        clock(&mut engine, &mut [], &mut [&mut heads, &mut payload.stream]).unwrap();
    }
    for (reason, length) in [(2, 16_383), (2, 16_383), (2, 16_383), (0, 60)] {
        let head = vec![vec![reason], vec![u64::from(reason == 0)], vec![length]];
        assert_eq!(heads.pop().map(|(_, head)| head), Some(head));
    }
    assert_eq!(payload.pop().unwrap().map(|(_, packet)| packet.bytes.len()), Some(60));
}
