//! The whole path: frames in, packets, answers and events out, as the model says.

use std::collections::BTreeMap;

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random, Sink};
use nitro_model::{Model, Verdict};
use nitro_netlist::Netlist;
use nitro_simulator::InterpretedEngine;
use nitro_wire::control::CardConfig;

use crate::acls::with_acls;
use crate::frames;
use crate::setup::{config, program};

/// Fields of an event.
pub const EVENT: [&str; 6] = ["serial", "verdict", "reason", "eni", "has_eni", "length"];

/// The path of a configuration.
pub fn netlist(config: Config) -> Netlist {
    let entry = catalogue(config).into_iter().find(|entry| entry.name == "tx_path").unwrap();
    entry.netlist().unwrap_or_else(|error| panic!("{error}"))
}

/// The path, programmed.
pub fn engine(netlist: &Netlist, configuration: Config) -> InterpretedEngine {
    let mut engine = InterpretedEngine::new(netlist);
    let dimensions = configuration.dimensions();
    let rows = |log2: usize| u32::try_from(log2).unwrap();
    program(&mut engine, &config(), rows(dimensions.local_rows_log2), rows(dimensions.mapping_rows_log2));
    engine
}

struct Traffic {
    seed: u64,
    frames: usize,
    idle: f64,
    backpressure: f64,
}

/// Sends random frames and compares all that comes out; how often each verdict and reason came.
fn check(netlist: &Netlist, configuration: Config, traffic: &Traffic) -> BTreeMap<String, u32> {
    let card = with_acls(config(), traffic.seed);
    check_programmed(&mut InterpretedEngine::new(netlist), configuration, &card, traffic)
}

/// The same with an engine of some past, programmed with `card`; the frames are still those of [`config`]'s ENIs.
fn check_programmed(
    engine: &mut InterpretedEngine,
    configuration: Config,
    card: &CardConfig,
    traffic: &Traffic,
) -> BTreeMap<String, u32> {
    let dimensions = configuration.dimensions();
    let rows = |log2: usize| u32::try_from(log2).unwrap();
    program(engine, card, rows(dimensions.local_rows_log2), rows(dimensions.mapping_rows_log2));
    let senders = config();
    let mut model = Model::new(card.clone());
    let mut random = Random::new(traffic.seed);
    let mut source = PacketSource::new(engine, "rx", traffic.idle, traffic.seed).unwrap();
    let mut tx = PacketSink::new(engine, "tx", traffic.backpressure, traffic.seed + 1).unwrap();
    let mut reply = PacketSink::new(engine, "reply", traffic.backpressure, traffic.seed + 2).unwrap();
    let mut event = Sink::new(engine, "event", &EVENT, 0.0, 0).unwrap();
    let mut received = Sink::new(engine, "received", &["tdata"], 0.0, 0).unwrap();
    let mut counted_made = Sink::new(engine, "made", &["tdata"], 0.0, 0).unwrap();

    let mut expected = Vec::new();
    let (mut forwarded, mut replied, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..traffic.frames {
        let (port, bytes) = frames::frame(&mut random, &senders);
        let outcome = model.tx(port, &bytes, false);
        source.push(&Packet { bytes: bytes.clone(), tuser: port.into() });
        match &outcome.verdict {
            Verdict::Forward(frame) => forwarded.push(Packet { bytes: frame.clone(), tuser: 0 }),
            Verdict::Reply { eni, frame } => replied.push(Packet { bytes: frame.clone(), tuser: (*eni).into() }),
            Verdict::Bounce { eni, frame, .. } => {
                made.push(frame.len());
                replied.push(Packet { bytes: frame.clone(), tuser: (*eni).into() });
            }
            _ => {}
        }
        expected.push((port, bytes, outcome));
    }

    let (mut before, mut silence) = (0, 0);
    let mut disposed = 0;
    let mut counted = BTreeMap::new();
    let (mut forwarded, mut replied) = (forwarded.into_iter(), replied.into_iter());
    while disposed < expected.len() || tx.inside_packet() || forwarded.len() + replied.len() > 0 {
        bench::clock(
            engine,
            &mut [&mut source.stream],
            &mut [&mut tx.stream, &mut reply.stream, &mut event, &mut received, &mut counted_made],
        )
        .unwrap();
        let progress = source.stream.sent() + disposed as u64 + tx.stream.waiting() as u64;
        silence = if progress == before { silence + 1 } else { 0 };
        before = progress;
        assert!(silence < 20_000, "{disposed} of {} frames are disposed of, then nothing", expected.len());
        while let Some((_, item)) = event.pop() {
            let (port, bytes, outcome) = &expected[disposed];
            let reason = outcome.verdict.reason().map_or(0, |reason| reason.code());
            let wanted = [
                disposed as u64 & 0xffff,
                outcome.verdict.code().code().into(),
                reason.into(),
                u64::from(*port),
                u64::from(outcome.eni.is_some()),
                bytes.len().min(16_383) as u64,
            ];
            let found: Vec<u64> = item.iter().map(|value| value[0]).collect();
            assert_eq!(found, wanted, "{EVENT:?} of frame {disposed}, port {port}, {:02x?}, {outcome:?}", head(bytes));
            let name = outcome
                .verdict
                .reason()
                .map_or_else(|| format!("{:?}", outcome.verdict.code()), |reason| reason.name().to_owned());
            *counted.entry(name).or_default() += 1;
            if outcome.verdict.code() == nitro_wire::Verdict::Reply {
                *counted.entry(format!("reply to {}", kind(bytes))).or_default() += 1;
                let length = outcome.verdict.frame().unwrap().len();
                *counted.entry(format!("reply of {length} bytes")).or_default() += 1;
            }
            disposed += 1;
        }
        while let Some((clock, packet)) = tx.pop().unwrap() {
            same(clock, &packet, &forwarded.next().unwrap());
        }
        while let Some((clock, packet)) = reply.pop().unwrap() {
            same(clock, &packet, &replied.next().unwrap());
        }
    }
    assert_eq!(received.waiting(), expected.len());
    for length in made {
        let (_, found) = counted_made.pop().unwrap();
        assert_eq!(found[0], [length as u64]);
        *counted.entry("made".to_owned()).or_default() += 1;
    }
    assert_eq!(counted_made.waiting(), 0);
    counted
}

/// What kind of question a frame asks that got an answer.
fn kind(bytes: &[u8]) -> &'static str {
    let start = if bytes[12..14] == [0x81, 0] { 18 } else { 14 };
    match (&bytes[start - 2..start], bytes[start + 9], bytes.get(start + 40)) {
        ([8, 0], 1, _) => "an echo request over IPv4",
        ([0x86, 0xdd], _, Some(128)) => "an echo request over IPv6",
        _ => "a solicitation",
    }
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(160)]
}

fn same(clock: u64, found: &Packet, wanted: &Packet) {
    let same = found.bytes.len() == wanted.bytes.len() && found == wanted;
    assert!(
        same,
        "clock {clock}: found {} bytes, port {}, {:02x?}\nwanted {} bytes, port {}, {:02x?}",
        found.bytes.len(),
        found.tuser,
        head(&found.bytes),
        wanted.bytes.len(),
        wanted.tuser,
        head(&wanted.bytes)
    );
}

/// All kinds of traffic, and what came of it in sum.
fn cross(configuration: Config, frames: usize) {
    let netlist = netlist(configuration);
    let mut counted = BTreeMap::<String, u32>::new();
    let rates = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.3), (0.0, 0.9), (0.9, 0.1)];
    for (seed, (idle, backpressure)) in (0..).step_by(10).zip(rates) {
        for (name, count) in check(&netlist, configuration, &Traffic { seed, frames, idle, backpressure }) {
            *counted.entry(name).or_default() += count;
        }
    }
    // The frames must be worth something: each of the path's own verdicts comes up.
    for name in [
        "Pass",
        "Reply",
        "reply of 60 bytes",
        "reply of 86 bytes",
        "reply of 90 bytes",
        "reply of 118 bytes",
        "reply of 122 bytes",
        "reply to an echo request over IPv4",
        "reply to an echo request over IPv6",
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
        "made",
        "oversize",
        "truncated",
    ] {
        assert!(counted.get(name).is_some_and(|count| *count > 0), "{configuration}: no {name}");
    }
}

#[test]
fn narrow_path_is_the_models() {
    cross(Config::Tiny, 300);
}

#[test]
fn wide_path_is_the_models() {
    cross(Config::Line, 1000);
}

/// Runs some clocks in which nothing is taken at `tx`; the beats that have been taken at `rx`.
fn stall(engine: &mut InterpretedEngine, source: &mut PacketSource, clocks: usize) -> u64 {
    let mut tx = PacketSink::new(engine, "tx", 1.0, 0).unwrap();
    let mut reply = PacketSink::new(engine, "reply", 1.0, 0).unwrap();
    for _ in 0..clocks {
        bench::clock(engine, &mut [&mut source.stream], &mut [&mut tx.stream, &mut reply.stream]).unwrap();
    }
    source.stream.sent()
}

#[test]
fn disabled_it_takes_nothing() {
    let mut engine = engine(&netlist(Config::Tiny), Config::Tiny);
    let mut source = PacketSource::new(&engine, "rx", 0.0, 0).unwrap();
    source.push(&Packet { bytes: vec![1; 100], tuser: 0 });
    bench::set(&mut engine, "enable", &[0]).unwrap();
    assert_eq!(stall(&mut engine, &mut source, 100), 0);
    bench::set(&mut engine, "enable", &[1]).unwrap();
    assert_eq!(stall(&mut engine, &mut source, 100), 13);
}

#[test]
fn reset_in_the_middle_of_everything_forgets_everything() {
    let netlist = netlist(Config::Tiny);
    let mut engine = engine(&netlist, Config::Tiny);
    let (card, mut random) = (config(), Random::new(3));
    let mut source = PacketSource::new(&engine, "rx", 0.0, 0).unwrap();
    for _ in 0..200 {
        let (port, bytes) = frames::frame(&mut random, &card);
        source.push(&Packet { bytes, tuser: port.into() });
    }
    // Until the path is full behind its blocked outputs, in the middle of a frame.
    assert!(stall(&mut engine, &mut source, 5000) > 1000);
    bench::reset(&mut engine, 1).unwrap();
    // An ENI that was there before is not there any more, the tables are empty.
    let mut emptied = card.clone();
    emptied.enis.truncate(1);
    emptied.mappings.truncate(8);
    let traffic = Traffic { seed: 4, frames: 100, idle: 0.1, backpressure: 0.1 };
    let counted = check_programmed(&mut engine, Config::Tiny, &emptied, &traffic);
    assert!(counted["no_such_eni"] > 20, "{counted:?}");
}
