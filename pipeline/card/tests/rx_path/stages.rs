//! Single blocks of the stage: ECN and checksum exhaustively, trimming, and the rate and latency of the path.

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;
use nitro_card::rx_path::{flow_latency, latency};
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random, Sink};
use nitro_model::decap::combine_ecn;
use nitro_simulator::{Engine, InterpretedEngine};

use crate::whole::{Frame, Rates, Strictness, Whole};
use crate::{noise, overlay};

fn start(config: Config, name: &str) -> InterpretedEngine {
    let entry = catalogue(config).into_iter().find(|entry| entry.name == name).unwrap();
    let mut engine = entry.interpreted().unwrap();
    bench::reset(&mut engine, 2).unwrap();
    engine
}

/// Ones' complement sum of two 16-bit words (RFC 1071).
fn sum(a: u16, b: u16) -> u16 {
    let sum = u32::from(a) + u32::from(b);
    u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}

/// Where the flat [`Bound`](nitro_card::decap::Bound) has its fields: offset and width.
const CHECKSUM: (u32, u32) = (0, 16);
const SECOND_BYTE: (u32, u32) = (16, 8);
const SET_ECN: (u32, u32) = (26, 1);

fn part(bound: u64, (offset, width): (u32, u32)) -> u64 {
    bound >> offset & ((1 << width) - 1)
}

/// All pairs of ECN fields with every header checksum there is.
#[test]
fn ecn_and_checksum_are_right_for_all_values() {
    let mut engine = start(Config::Tiny, "decap_merge");
    let input = |engine: &InterpretedEngine, name: &str| bench::input(engine, name).unwrap();
    let checksum_in = input(&engine, "rx_ip_checksum");
    let bound_out = bench::output(&engine, "tx_bound").unwrap();
    let reason_out = bench::output(&engine, "tx_reason").unwrap();
    for (port, value) in [("rx_tvalid", 1), ("token_good", 1), ("peeked_is_ip", 1)] {
        bench::set(&mut engine, port, &[value]).unwrap();
    }
    let dscp = 0xb8;
    let (mut bound, mut reason) = ([0], [0]);
    for inner in 0..4_u8 {
        for outer in 0..4_u8 {
            bench::set(&mut engine, "peeked_second_byte", &[u64::from(dscp | inner)]).unwrap();
            bench::set(&mut engine, "checked_ecn", &[u64::from(outer)]).unwrap();
            let expected = combine_ecn(inner, outer);
            for checksum in 0..=u16::MAX {
                engine.set(checksum_in, &[u64::from(checksum)]);
                engine.settle();
                engine.edge();
                engine.settle();
                engine.get(bound_out, &mut bound);
                engine.get(reason_out, &mut reason);
                let dropped = expected.err().map_or(0, |reason| u64::from(reason.code()));
                assert_eq!(reason[0], dropped, "inner {inner}, outer {outer}");
                let Ok(ecn) = expected else { continue };
                assert_eq!(part(bound[0], SET_ECN) == 1, ecn != inner, "inner {inner}, outer {outer}");
                if ecn == inner {
                    continue;
                }
                assert_eq!(part(bound[0], SECOND_BYTE), u64::from(dscp | ecn));
                // The rest of the header, such that all of it and `checksum` sum up to 0xffff.
                let word = |ecn: u8| u16::from_be_bytes([0x45, dscp | ecn]);
                let rest = sum(!checksum, !word(inner));
                let new = u16::try_from(part(bound[0], CHECKSUM)).unwrap();
                assert_eq!(sum(sum(rest, word(ecn)), new), 0xffff, "inner {inner}, outer {outer}, {checksum:#06x}");
                assert_ne!(new, 0xffff, "a header of other than zeros never has this checksum");
            }
        }
    }
}

/// The same in IPv6, where the field lies in the middle of its byte and there is no checksum.
#[test]
fn ecn_is_right_in_ipv6() {
    let mut engine = start(Config::Tiny, "decap_merge");
    for port in ["rx_tvalid", "token_good", "peeked_is_ip", "peeked_is_ipv6"] {
        bench::set(&mut engine, port, &[1]).unwrap();
    }
    for second_byte in 0..=255_u8 {
        for outer in 0..4_u8 {
            bench::set(&mut engine, "peeked_second_byte", &[u64::from(second_byte)]).unwrap();
            bench::set(&mut engine, "checked_ecn", &[u64::from(outer)]).unwrap();
            engine.settle();
            engine.edge();
            engine.settle();
            let bound = bench::get(&engine, "tx_bound").unwrap()[0];
            if let Ok(ecn) = combine_ecn(second_byte >> 4 & 3, outer) {
                assert_eq!(part(bound, SECOND_BYTE), u64::from(second_byte & 0xcf | ecn << 4));
            }
        }
    }
}

/// Packets of all lengths against all places to end them.
fn check_trim(config: Config, idle: f64, pressure: f64) {
    let mut engine = start(config, "decap_trim");
    let mut random = Random::new(3);
    let mut source = PacketSource::new(&engine, "rx", idle, 1).unwrap();
    let mut sink = PacketSink::new(&engine, "tx", pressure, 2).unwrap();
    let beat_bytes = source.beat_bytes() as u64;
    let mut lengths = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..500 {
        let count = 1 + random.below(5 * beat_bytes);
        let packet = Packet { bytes: noise::noise(&mut random, count), tuser: random.below(256) };
        let length = 1 + random.below(5 * beat_bytes);
        lengths.push((length, packet.bytes.len().div_ceil(source.beat_bytes())));
        source.push(&packet);
        let kept = packet.bytes.len().min(usize::try_from(length).unwrap());
        expected.push(Packet { bytes: packet.bytes[..kept].to_vec(), ..packet });
    }
    let (mut packet, mut beats, mut found) = (0, 0, Vec::new());
    while found.len() < expected.len() {
        let length = lengths.get(packet).map_or(0, |(length, _)| *length);
        bench::set(&mut engine, "length", &[length]).unwrap();
        bench::settle(&mut engine, &mut [&mut source.stream], &mut [&mut sink.stream]).unwrap();
        let before = source.stream.sent();
        bench::edge(&mut engine, &mut [&mut source.stream], &mut [&mut sink.stream]).unwrap();
        beats += source.stream.sent() - before;
        if packet < lengths.len() && beats == lengths[packet].1 as u64 {
            (packet, beats) = (packet + 1, 0);
        }
        while let Some((_, packet)) = sink.pop().unwrap() {
            assert_eq!(packet, expected[found.len()], "packet {}", found.len());
            found.push(packet);
        }
    }
}

#[test]
fn packets_end_where_they_shall() {
    for config in [Config::Tiny, Config::Line] {
        check_trim(config, 0.0, 0.0);
        check_trim(config, 0.4, 0.4);
    }
}

/// What a burst of frames took, in clocks from the first beat that was offered.
struct Burst {
    /// Until the last beat was taken.
    taken: u64,
    /// Until the last event.
    disposed: u64,
    /// Until the first beat that left.
    first_out: Option<u64>,
}

/// Frames back to back, with no backpressure, at a card that knows the connections of `before`.
fn burst(config: Config, before: &[Vec<u8>], frames: &[Vec<u8>]) -> Burst {
    let mut whole = Whole::new(config, &overlay::card(false), Rates { idle: 0.0, pressure: 0.0, seed: 1 });
    for frame in before {
        whole.turn(&[Frame::rx(frame.clone(), false)], Strictness::Full).unwrap();
    }
    let mut engine = whole.engine;
    let mut source = PacketSource::new(&engine, "net_rx", 0.0, 1).unwrap();
    let mut sink = PacketSink::new(&engine, "guest_tx", 0.0, 1).unwrap();
    let mut event = Sink::new(&engine, "rx_event", &["reason"], 0.0, 1).unwrap();
    frames.iter().for_each(|frame| source.push(&Packet { bytes: frame.clone(), tuser: 0 }));
    let mut burst = Burst { taken: 0, disposed: 0, first_out: None };
    let (mut events, mut clocks, mut rest) = (0, 0, 10);
    while rest > 0 {
        bench::clock(&mut engine, &mut [&mut source.stream], &mut [&mut sink.stream, &mut event]).unwrap();
        clocks += 1;
        if burst.taken == 0 && source.stream.waiting() == 0 {
            burst.taken = clocks;
        }
        while event.pop().is_some() {
            events += 1;
            burst.disposed = clocks;
        }
        while let Some((clock, _)) = sink.stream.pop() {
            burst.first_out.get_or_insert(clock);
        }
        rest -= u64::from(events == frames.len());
        assert!(clocks < 100_000, "{events} of {} frames", frames.len());
    }
    burst
}

/// Clocks of the path besides its flow: split, queue, waiting room, event register.
const AROUND: u64 = 4;

/// One frame per clock if each is one beat, whatever becomes of it.
#[test]
fn one_beat_frames_go_one_per_clock() {
    let mut random = Random::new(1);
    let frames: Vec<_> = (0..600).map(|_| noise::sound(&mut random)).filter(|frame| frame.len() <= 64).collect();
    assert!(frames.len() > 100);
    let burst = burst(Config::Line, &[], &frames);
    assert_eq!(burst.taken, frames.len() as u64);
    assert_eq!(burst.disposed, burst.taken + flow_latency(0) as u64 + AROUND);
}

/// An overlay frame that is delivered, in so many beats of 64 bytes.
fn delivered(random: &mut Random, beats: usize) -> Vec<u8> {
    let card = overlay::card(false);
    let longest = 64 * beats as u64 + 20;
    let whole = |frame: &Vec<u8>| frame.len().div_ceil(64) == beats;
    std::iter::repeat_with(|| overlay::sound(random, &card, longest)).find(whole).unwrap()
}

/// Overlay frames of known connections and every length come in without a pause.
#[test]
fn overlay_frames_never_wait() {
    for (config, beat_bytes) in [(Config::Line, 64), (Config::Tiny, 8)] {
        // The memory of the smallest card holds two frames of the greatest of these lengths: one comes while the other leaves.
        for beats in [2, 4, 6, 24, 120] {
            let frame = delivered(&mut Random::new(9), beats);
            let frames = vec![frame.clone(); 500 / (beats + 3)];
            let taken: u64 = frames.iter().map(|frame| frame.len().div_ceil(beat_bytes) as u64).sum();
            assert_eq!(burst(config, &[frame], &frames).taken, taken, "{config}, {beats} beats of 64 bytes");
        }
    }
}

/// First beat in to first beat out, for an overlay frame of two beats and a known connection.
#[test]
fn the_latency_is_as_stated() {
    let frame = delivered(&mut Random::new(9), 2);
    let burst = burst(Config::Line, std::slice::from_ref(&frame), std::slice::from_ref(&frame));
    assert_eq!(burst.first_out, Some(1 + latency(0) as u64));
}
