//! Prepend, strip and overlay against the same on vectors of bytes.

use nitro_components::bench::{BenchError, Packet, PacketSink, PacketSource, Random, clock, set};
use nitro_components::catalogue::HEADER_LENGTHS;
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, all_beats, beats, packet, patience, traffic};

/// A packet and what its side inputs say.
#[derive(Clone, Debug)]
struct Case {
    packet: Packet,
    layout: u64,
    seed: u64,
}

fn cases(beat_bytes: usize, tuser_bits: u32, layouts: u64) -> impl Strategy<Value = Vec<Case>> {
    let case = (packet(200, beat_bytes, tuser_bits), 0..layouts, any::<u64>())
        .prop_map(|(packet, layout, seed)| Case { packet, layout, seed });
    prop::collection::vec(case, 1..20)
}

/// Bytes as words of a number whose most significant byte is the first.
fn big_endian(bytes: &[u8]) -> Vec<u64> {
    bytes.rchunks(8).map(|bytes| bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))).collect()
}

fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.bits() as u8).collect()
}

/// Runs packets through a block; `sides` sets the side inputs for a case, or to nonsense if the case's first beat is
/// not offered.
fn run(
    engine: &mut dyn Engine,
    list: &[Case],
    traffic: Traffic,
    whole_packet: bool,
    sides: impl Fn(&mut dyn Engine, Option<&Case>, u64) -> Outcome,
    expected: &[Packet],
) -> Result<usize, BenchError> {
    let mut source = PacketSource::new(engine, "rx", traffic.idle, traffic.seed)?;
    let mut sink = PacketSink::new(engine, "tx", traffic.backpressure, traffic.seed ^ 1)?;
    let mut owners = Vec::new();
    for (index, case) in list.iter().enumerate() {
        source.push(&case.packet);
        let count = beats(case.packet.bytes.len(), source.beat_bytes());
        owners.extend((0..count).map(|beat| (beat == 0 || whole_packet).then_some(index)));
    }
    let mut noise = Random::new(traffic.seed ^ 2);
    let mut received = Vec::new();
    let (mut clocks, limit) = (0, patience(3 * owners.len() + 20 * list.len()));
    while (source.stream.waiting() > 0 || received.len() < expected.len()) && clocks < limit {
        let owner = owners.get(source.stream.sent() as usize).copied().flatten();
        sides(engine, owner.map(|index| &list[index]), noise.bits())?;
        clock(engine, &mut [&mut source.stream], &mut [&mut sink.stream])?;
        received.extend(sink.pop()?.map(|(_, packet)| packet));
        clocks += 1;
    }
    assert_eq!(received, expected);
    assert!(!sink.inside_packet());
    Ok(clocks)
}

fn prepend(engine: &mut dyn Engine, beat_bytes: usize, lengths: &[usize], list: &[Case], traffic: Traffic) -> Outcome {
    let header = |case: &Case| random_bytes(case.seed, 90);
    let length = |case: &Case| lengths.get(case.layout as usize).copied().unwrap_or(0);
    let expected: Vec<_> = list
        .iter()
        .map(|case| {
            let mut bytes = header(case)[..length(case)].to_vec();
            bytes.extend(&case.packet.bytes);
            Packet { bytes, tuser: case.packet.tuser }
        })
        .collect();
    let sides = |engine: &mut dyn Engine, case: Option<&Case>, noise: u64| {
        let (layout, header) = match case {
            Some(case) => (case.layout, header(case)),
            None => (noise % 4, random_bytes(noise, 90)),
        };
        set(engine, "layout", &[layout])?;
        set(engine, "header", &big_endian(&header))?;
        Ok(())
    };
    let clocks = run(engine, list, traffic, false, sides, &expected)?;
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 {
        assert_eq!(clocks, all_beats(&expected, beat_bytes));
    }
    Ok(())
}

#[test]
fn headers_are_prepended() {
    for (name, beat_bytes, tuser_bits, lengths) in [
        ("prepend_64", 8, 4, &HEADER_LENGTHS[..]),
        ("prepend_128", 16, 1, &HEADER_LENGTHS[..3]),
        ("prepend_512", 64, 4, &HEADER_LENGTHS[..]),
    ] {
        let block = Block::named(name);
        block.check(50, &(cases(beat_bytes, tuser_bits, 4), traffic()), move |engine, (list, traffic)| {
            prepend(engine, beat_bytes, lengths, &list, traffic)
        });
    }
}

fn strip(engine: &mut dyn Engine, beat_bytes: usize, lengths: &[usize], list: &[Case], traffic: Traffic) -> Outcome {
    let length = |case: &Case| lengths.get(case.layout as usize).copied().unwrap_or(0);
    let expected: Vec<_> = list
        .iter()
        .filter(|case| case.packet.bytes.len() > length(case))
        .map(|case| Packet { bytes: case.packet.bytes[length(case)..].to_vec(), tuser: case.packet.tuser })
        .collect();
    let sides = |engine: &mut dyn Engine, case: Option<&Case>, noise: u64| {
        set(engine, "layout", &[case.map_or(noise % 16, |case| case.layout)])?;
        Ok(())
    };
    let clocks = run(engine, list, traffic, false, sides, &expected)?;
    let incoming: usize = list.iter().map(|case| beats(case.packet.bytes.len(), beat_bytes)).sum();
    // If every packet has a beat to skip, a packet's tail leaves meanwhile.
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 && list.iter().all(|case| length(case) >= beat_bytes) {
        assert!(clocks <= incoming + 1, "{clocks} clocks for {incoming} beats");
    }
    Ok(())
}

#[test]
fn headers_are_stripped() {
    let eight: &[usize] = &[70, 90, 94, 114, 86, 106, 110, 130];
    for (name, beat_bytes, tuser_bits, lengths, layouts) in [
        ("strip_64", 8, 4, &HEADER_LENGTHS[..], 5),
        ("strip_128", 16, 1, eight, 9),
        ("strip_512", 64, 4, &HEADER_LENGTHS[..], 5),
    ] {
        let block = Block::named(name);
        block.check(60, &(cases(beat_bytes, tuser_bits, layouts), traffic()), move |engine, (list, traffic)| {
            strip(engine, beat_bytes, lengths, &list, traffic)
        });
    }
}

fn overlay(engine: &mut dyn Engine, beat_bytes: usize, width: usize, list: &[Case], traffic: Traffic) -> Outcome {
    let data = |case: &Case| random_bytes(case.seed, width);
    let mask = |case: &Case| random_bytes(case.seed ^ 99, width).iter().map(|byte| byte % 2 == 1).collect::<Vec<_>>();
    let expected: Vec<_> = list
        .iter()
        .map(|case| {
            let mut bytes = case.packet.bytes.clone();
            for ((byte, new), _) in bytes.iter_mut().zip(data(case)).zip(mask(case)).filter(|(_, masked)| *masked) {
                *byte = new;
            }
            Packet { bytes, tuser: case.packet.tuser }
        })
        .collect();
    let sides = |engine: &mut dyn Engine, case: Option<&Case>, noise: u64| {
        let (data, mask) =
            case.map_or((random_bytes(noise, width), vec![true; width]), |case| (data(case), mask(case)));
        let mask = mask.iter().fold(0_u64, |number, &bit| number << 1 | u64::from(bit));
        set(engine, "data", &big_endian(&data))?;
        set(engine, "mask", &[mask])?;
        Ok(())
    };
    let clocks = run(engine, list, traffic, true, sides, &expected)?;
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 {
        assert_eq!(clocks, all_beats(&expected, beat_bytes));
    }
    Ok(())
}

#[test]
fn bytes_are_overlaid() {
    for (name, beat_bytes, tuser_bits, width) in
        [("overlay_64", 8, 4, 14), ("overlay_128", 16, 1, 40), ("overlay_512", 64, 4, 14)]
    {
        let block = Block::named(name);
        block.check(50, &(cases(beat_bytes, tuser_bits, 1), traffic()), move |engine, (list, traffic)| {
            overlay(engine, beat_bytes, width, &list, traffic)
        });
    }
}
