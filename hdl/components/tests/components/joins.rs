//! Join: each record disposes of its frame.

use nitro_components::bench::{Packet, PacketSink, PacketSource, Source, edge, get, set, settle};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, all_beats, packet, patience, traffic};

/// What a record says of its frame.
#[derive(Clone, Debug)]
struct Record {
    frame: Option<Packet>,
    discard: bool,
}

fn record() -> impl Strategy<Value = Record> {
    (prop::option::weighted(0.8, packet(40, 8, 4)), prop::bool::weighted(0.3))
        .prop_map(|(frame, discard)| Record { frame, discard })
}

fn join(engine: &mut dyn Engine, list: &[Record], traffic: Traffic) -> Outcome {
    let mut records = Source::new(engine, "records", &["kind", "flag", "number"], traffic.idle, traffic.seed)?;
    let mut frames = PacketSource::new(engine, "payload", traffic.idle, traffic.seed ^ 1)?;
    let mut sink = PacketSink::new(engine, "tx", traffic.backpressure, traffic.seed ^ 2)?;
    for (number, record) in list.iter().enumerate() {
        records.push(vec![vec![0], vec![1], vec![number as u64]]);
        record.frame.iter().for_each(|frame| frames.push(frame));
    }
    let all: Vec<_> = list.iter().filter_map(|record| record.frame.clone()).collect();
    let bare = list.iter().filter(|record| record.frame.is_none()).count();
    let (mut received, mut done, mut clocks) = (Vec::new(), 0, 0);
    while done < list.len() && clocks < patience(list.len() + all_beats(&all, 8)) {
        // The parent's part; for records that are not there it does not matter.
        let present = list.get(done);
        set(engine, "has_payload", &[u64::from(present.is_some_and(|record| record.frame.is_some()))])?;
        set(engine, "discard", &[u64::from(present.is_some_and(|record| record.discard))])?;
        settle(engine, &mut [&mut records, &mut frames.stream], &mut [&mut sink.stream])?;
        let finished = get(engine, "done")? == [1];
        if get(engine, "tx_tvalid")? == [1] || finished {
            assert_eq!(get(engine, "record_number")?, [done as u64]);
            assert_eq!(get(engine, "first")? == [1], !sink.inside_packet() && !inside(&frames, list, done));
        }
        edge(engine, &mut [&mut records, &mut frames.stream], &mut [&mut sink.stream])?;
        done += usize::from(finished);
        assert_eq!(records.sent() as usize, done);
        received.extend(sink.pop()?.map(|(_, packet)| packet));
        clocks += 1;
    }
    let kept = list.iter().filter(|record| !record.discard).filter_map(|record| record.frame.clone());
    assert_eq!(received, kept.collect::<Vec<_>>());
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 {
        assert_eq!(clocks, bare + all_beats(&all, 8));
    }
    Ok(())
}

/// Whether the frame of record `done` has begun.
fn inside(frames: &PacketSource, list: &[Record], done: usize) -> bool {
    let before: Vec<_> = list[..done].iter().filter_map(|record| record.frame.clone()).collect();
    frames.stream.sent() as usize > all_beats(&before, 8)
}

#[test]
fn every_record_disposes_of_its_frame() {
    let block = Block::named("join_64");
    let list = prop::collection::vec(record(), 1..40);
    block.check(100, &(list, traffic()), move |engine, (list, traffic)| join(engine, &list, traffic));
}
