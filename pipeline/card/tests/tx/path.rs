//! The tx path in a card of which only the guests' side is driven: frames in, packets, answers and events out, as the model says.

use std::collections::BTreeMap;

use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random};
use nitro_simulator::InterpretedEngine;
use nitro_wire::registers;

use crate::acls::with_acls;
use crate::frames;
use crate::setup::{LIFE, config, short_lived};
use crate::whole::{self, Frame, Rates, Strictness, Whole};

/// Frames that are sent back to back: no more than the card can track connections.
pub const fn burst(config: Config) -> usize {
    match config {
        Config::Tiny => 14,
        Config::Edge | Config::Line => 500,
    }
}

/// Sends random frames of the ENIs of [`config`] and compares all that comes out.
fn send(whole: &mut Whole, config_of: Config, frames: usize, seed: u64) {
    let (senders, mut random) = (config(), Random::new(seed));
    let sent: Vec<Frame> = std::iter::repeat_with(|| frames::frame(&mut random, &senders))
        .map(|(port, bytes)| Frame::tx(port, bytes))
        .take(frames)
        .collect();
    for burst in sent.chunks(burst(config_of)) {
        whole.turn(burst, Strictness::RoomMayBeFull).unwrap_or_else(|error| panic!("{config_of}: {error}"));
        whole.pass_ticks(LIFE).unwrap();
    }
    whole.finish().unwrap_or_else(|error| panic!("{config_of}: {error}"));
}

/// All kinds of traffic, and what came of it in sum.
fn cross(configuration: Config, frames: usize) {
    let mut counted = BTreeMap::<String, u32>::new();
    let rates = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.3), (0.0, 0.9), (0.9, 0.1)];
    for (seed, (idle, pressure)) in (0..).step_by(10).zip(rates) {
        let card = short_lived(with_acls(config(), seed));
        let mut whole = Whole::new(configuration, &card, Rates { idle, pressure, seed });
        send(&mut whole, configuration, frames, seed);
        for (name, count) in whole.shown {
            *counted.entry(name).or_default() += count;
        }
    }
    // The frames must be worth something: each of the path's own verdicts comes up.
    for name in [
        "Pass",
        "Reply",
        "answer of 60 bytes",
        "answer of 86 bytes",
        "answer of 90 bytes",
        "answer of 118 bytes",
        "answer of 122 bytes",
        "spoofed_mac",
        "spoofed_ip",
        "no_broadcast",
        "no_such_eni",
        "arp_unanswered",
        "nd_unanswered",
        "bad_arp",
        "bad_nd",
        "cache_miss",
        "no_mapping",
        "mapping_drop",
        "nacl",
        "too_big",
        "oversize",
        "truncated",
    ] {
        assert!(counted.get(name).is_some_and(|count| *count > 0), "{configuration}: no {name}: {counted:?}");
    }
}

#[test]
fn narrow_path_is_the_models() {
    cross(Config::Tiny, 300);
}

#[test]
fn wide_path_is_the_models() {
    cross(Config::Line, 800);
}

/// Runs some clocks in which nothing is taken at the outputs; the beats that have been taken at `guest_rx`.
fn stall(engine: &mut InterpretedEngine, source: &mut PacketSource, clocks: usize) -> u64 {
    let mut tx = PacketSink::new(engine, "net_tx", 1.0, 0).unwrap();
    let mut reply = PacketSink::new(engine, "guest_tx", 1.0, 0).unwrap();
    for _ in 0..clocks {
        bench::clock(engine, &mut [&mut source.stream], &mut [&mut tx.stream, &mut reply.stream]).unwrap();
    }
    source.stream.sent()
}

#[test]
fn disabled_it_takes_nothing() {
    let mut whole = Whole::new(Config::Tiny, &config(), Rates { idle: 0.0, pressure: 0.0, seed: 0 });
    let enable = |whole: &mut Whole, value| {
        use nitro_driver::RegisterPort as _;
        whole.driver(|driver| driver.port().write(registers::CONTROL.offset, value)).unwrap();
    };
    let mut source = PacketSource::new(&whole.engine, "guest_rx", 0.0, 0).unwrap();
    source.push(&Packet { bytes: vec![1; 100], tuser: 0 });
    enable(&mut whole, 0);
    assert_eq!(stall(&mut whole.engine, &mut source, 100), 0);
    bench::set(&mut whole.engine, "guest_rx_tvalid", &[0]).unwrap();
    enable(&mut whole, registers::CONTROL.field("enable").unwrap().put(1));
    assert_eq!(stall(&mut whole.engine, &mut source, 100), 13);
}

#[test]
fn reset_in_the_middle_of_everything_forgets_everything() {
    let (card, mut random) = (config(), Random::new(3));
    let mut whole = Whole::new(Config::Tiny, &card, Rates { idle: 0.0, pressure: 0.0, seed: 0 });
    let mut source = PacketSource::new(&whole.engine, "guest_rx", 0.0, 0).unwrap();
    for _ in 0..200 {
        let (port, bytes) = frames::frame(&mut random, &card);
        source.push(&Packet { bytes, tuser: port.into() });
    }
    // Until the path is full behind its blocked outputs, in the middle of a frame.
    assert!(stall(&mut whole.engine, &mut source, 5000) > 1000);
    // An ENI that was there before is not there any more, the tables are empty.
    let mut emptied = short_lived(card);
    emptied.enis.truncate(1);
    emptied.mappings.truncate(8);
    let rates = Rates { idle: 0.1, pressure: 0.1, seed: 4 };
    let mut whole = Whole::on(whole.engine, Config::Tiny, &emptied, rates);
    send(&mut whole, Config::Tiny, 100, 4);
    assert!(whole.count("no_such_eni") > 20, "{:?}", whole.shown);
}

/// The connection table is cleared by reset too: what was known is new again.
#[test]
fn reset_forgets_connections() {
    let card = config();
    let rates = Rates { idle: 0.0, pressure: 0.0, seed: 0 };
    let mut whole = Whole::new(Config::Tiny, &card, rates);
    let frame = [Frame::tx(0, crate::timing::known(64).bytes)];
    for _ in 0..2 {
        whole.turn(&frame, Strictness::Full).unwrap();
        assert_eq!((whole.count("Tx new"), whole.count("Tx established")), (1, 0));
        whole.turn(&frame, Strictness::Full).unwrap();
        assert_eq!((whole.count("Tx new"), whole.count("Tx established")), (1, 1));
        whole = whole::Whole::on(whole.engine, Config::Tiny, &card, rates);
    }
}
