//! Blocks that move whole packets: arbiter, demultiplexer, packet FIFO.

use nitro_components::bench::{Packet, PacketSink, PacketSource, clock, edge, get, set, settle};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, all_beats, beats, packets, patience, traffic};

fn arbitrate(engine: &mut dyn Engine, beat_bytes: usize, lists: &[Vec<Packet>], traffic: Traffic) -> Outcome {
    let mut sources = Vec::new();
    for (index, list) in lists.iter().enumerate() {
        let seed = traffic.seed ^ index as u64;
        let mut source = PacketSource::new(engine, &format!("rx_{index}"), traffic.idle, seed)?;
        list.iter().for_each(|packet| source.push(packet));
        sources.push(source);
    }
    let mut sink = PacketSink::new(engine, "tx", traffic.backpressure, traffic.seed)?;
    let total: usize = lists.iter().map(Vec::len).sum();
    let total_beats = lists.iter().map(|list| all_beats(list, beat_bytes)).sum();
    let mut received: Vec<Vec<Packet>> = vec![Vec::new(); lists.len()];
    let (mut order, mut clocks) = (Vec::new(), 0);
    while order.len() < total && clocks < patience(total_beats) {
        let mut streams: Vec<_> = sources.iter_mut().map(|source| &mut source.stream).collect();
        settle(engine, &mut streams, &mut [&mut sink.stream])?;
        let from = get(engine, "source")?[0] as usize;
        edge(engine, &mut streams, &mut [&mut sink.stream])?;
        if let Some((_, packet)) = sink.pop()? {
            received[from].push(packet);
            order.push(from);
        }
        clocks += 1;
    }
    assert_eq!(&received[..], lists);
    if traffic.idle == 0.0 {
        if traffic.backpressure == 0.0 {
            assert_eq!(clocks, total_beats);
        }
        // As long as all inputs have packets they take turns.
        let fewest = lists.iter().map(Vec::len).min().unwrap_or(0) * lists.len();
        let turns: Vec<usize> = (0..fewest).map(|turn| (turn + 1) % lists.len()).collect();
        assert_eq!(&order[..fewest], &turns);
    }
    Ok(())
}

#[test]
fn an_arbiter_takes_turns_and_keeps_packets_whole() {
    for (name, beat_bytes, inputs, tuser_bits) in [("arbiter_2_64", 8, 2, 4), ("arbiter_5_16", 2, 5, 1)] {
        let block = Block::named(name);
        let lists = prop::collection::vec(packets(5 * beat_bytes, beat_bytes, tuser_bits), inputs);
        block.check(60, &(lists, traffic()), move |engine, (lists, traffic)| {
            arbitrate(engine, beat_bytes, &lists, traffic)
        });
    }
}

fn distribute(engine: &mut dyn Engine, outputs: u64, list: &[(Packet, u64)], traffic: Traffic) -> Outcome {
    let mut source = PacketSource::new(engine, "rx", traffic.idle, traffic.seed)?;
    // `select` for each beat: right for the first one of a packet, misleading for the others.
    let mut selects = Vec::new();
    for (packet, select) in list {
        source.push(packet);
        let count = beats(packet.bytes.len(), source.beat_bytes());
        selects.extend((0..count).map(|beat| if beat == 0 { *select } else { (select + 1) % 4 }));
    }
    let mut sinks = Vec::new();
    for index in 0..outputs {
        let prefix = format!("tx_{index}");
        sinks.push(PacketSink::new(engine, &prefix, traffic.backpressure, traffic.seed ^ index)?);
    }
    for _ in 0..patience(selects.len()) {
        let Some(&select) = selects.get(source.stream.sent() as usize) else { break };
        set(engine, "select", &[select])?;
        let mut streams: Vec<_> = sinks.iter_mut().map(|sink| &mut sink.stream).collect();
        clock(engine, &mut [&mut source.stream], &mut streams)?;
    }
    assert_eq!(source.stream.waiting(), 0);
    for (index, sink) in sinks.iter_mut().enumerate() {
        for (packet, _) in list.iter().filter(|(_, select)| *select == index as u64) {
            let received = sink.pop()?.map(|(_, packet)| packet);
            assert_eq!(received.as_ref(), Some(packet));
        }
        assert!(sink.pop()?.is_none());
    }
    Ok(())
}

#[test]
fn a_demultiplexer_sends_packets_where_they_belong() {
    for (name, beat_bytes, outputs, tuser_bits) in [("demux_2_64", 8, 2, 4), ("demux_3_16", 2, 3, 1)] {
        let block = Block::named(name);
        let list = packets(5 * beat_bytes, beat_bytes, tuser_bits)
            .prop_flat_map(|list| list.into_iter().map(|packet| (Just(packet), 0..4_u64)).collect::<Vec<_>>());
        block.check(60, &(list, traffic()), move |engine, (list, traffic)| distribute(engine, outputs, &list, traffic));
    }
}

fn store(engine: &mut dyn Engine, ring: usize, list: &[(Packet, bool)], traffic: Traffic) -> Outcome {
    let mut source = PacketSource::new(engine, "rx", traffic.idle, traffic.seed)?;
    let mut sink = PacketSink::new(engine, "tx", traffic.backpressure, traffic.seed ^ 1)?;
    let mut ends = Vec::new();
    for (packet, flag) in list {
        source.push(packet);
        let count = beats(packet.bytes.len(), source.beat_bytes());
        ends.extend((1..=count).map(|beat| *flag && beat == count));
    }
    // What leaves, and whether each packet was reported dropped.
    let (mut received, mut dropped) = (Vec::new(), Vec::<bool>::new());
    let mut left = patience(ends.len());
    while (source.stream.waiting() > 0 || dropped.iter().filter(|drop| !**drop).count() > received.len()) && left > 0 {
        left -= 1;
        let flag = ends.get(source.stream.sent() as usize).copied().unwrap_or(false);
        set(engine, "drop_packet", &[u64::from(flag)])?;
        settle(engine, &mut [&mut source.stream], &mut [&mut sink.stream])?;
        assert_eq!(get(engine, "rx_tready")?, [1], "the FIFO pushes back");
        let last = source.stream.offered().is_some_and(|item| item[1] == [1]);
        let drop = get(engine, "dropped")? == [1];
        assert!(last || !drop, "dropped pulses within a packet");
        if last {
            dropped.push(drop);
        }
        edge(engine, &mut [&mut source.stream], &mut [&mut sink.stream])?;
        received.extend(sink.pop()?.map(|(_, packet)| packet));
    }
    let kept = list.iter().zip(&dropped).filter(|(_, drop)| !**drop).map(|((packet, _), _)| packet.clone());
    assert_eq!(received, kept.collect::<Vec<_>>());
    // Two packets that each take half of the ring find room, if the first one can leave.
    let all_fit = list.iter().all(|(packet, _)| 2 * beats(packet.bytes.len(), source.beat_bytes()) <= ring);
    for ((packet, flag), drop) in list.iter().zip(&dropped) {
        let too_long = beats(packet.bytes.len(), source.beat_bytes()) > ring;
        assert!(*drop || !(*flag || too_long), "a packet passed that must not");
        assert!(!*drop || *flag || !all_fit || traffic.backpressure > 0.0, "a packet was dropped that fits");
    }
    Ok(())
}

#[test]
fn a_packet_fifo_drops_whole_packets() {
    for (name, beat_bytes, ring, tuser_bits) in [("packet_fifo_16", 2, 4, 1), ("packet_fifo_64", 8, 16, 4)] {
        let block = Block::named(name);
        let longest = prop::sample::select(vec![ring / 2, ring, ring + 3]);
        let list =
            longest.prop_flat_map(move |beats| packets(beats * beat_bytes, beat_bytes, tuser_bits)).prop_flat_map(
                |list| list.into_iter().map(|packet| (Just(packet), prop::bool::weighted(0.2))).collect::<Vec<_>>(),
            );
        block.check(100, &(list, traffic()), move |engine, (list, traffic)| store(engine, ring, &list, traffic));
    }
}
