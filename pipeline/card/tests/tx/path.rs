//! The whole path: frames in, packets, answers and events out, as the model says.

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random, Sink};
use nitro_model::{Model, Verdict};
use nitro_netlist::Netlist;
use nitro_simulator::InterpretedEngine;
use nitro_wire::counters;

use crate::frames;
use crate::setup::{config, program};

const EVENT: [&str; 6] = ["serial", "verdict", "reason", "eni", "has_eni", "length"];

/// The path of a configuration.
fn netlist(config: Config) -> Netlist {
    let entry = catalogue(config).into_iter().find(|entry| entry.name == "tx_path").unwrap();
    entry.netlist().unwrap_or_else(|error| panic!("{error}"))
}

fn engine(netlist: &Netlist, configuration: Config) -> InterpretedEngine {
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
fn check(netlist: &Netlist, configuration: Config, traffic: &Traffic) -> Vec<(String, u32)> {
    let mut engine = engine(netlist, configuration);
    let card = config();
    let mut model = Model::new(card.clone());
    let mut random = Random::new(traffic.seed);
    let mut source = PacketSource::new(&engine, "rx", traffic.idle, traffic.seed).unwrap();
    let mut tx = PacketSink::new(&engine, "tx", traffic.backpressure, traffic.seed + 1).unwrap();
    let mut reply = PacketSink::new(&engine, "reply", traffic.backpressure, traffic.seed + 2).unwrap();
    let mut event = Sink::new(&engine, "event", &EVENT, 0.0, 0).unwrap();
    let mut received = Sink::new(&engine, "received", &["tdata"], 0.0, 0).unwrap();
    tx.stream.check_independence(false);
    reply.stream.check_independence(false);

    let mut expected = Vec::new();
    let (mut forwarded, mut replied) = (Vec::new(), Vec::new());
    for _ in 0..traffic.frames {
        let (port, bytes) = frames::frame(&mut random, &card);
        let outcome = model.tx(port, &bytes, false);
        source.push(&Packet { bytes: bytes.clone(), tuser: port.into() });
        match &outcome.verdict {
            Verdict::Forward(frame) => forwarded.push(Packet { bytes: frame.clone(), tuser: 0 }),
            Verdict::Reply { eni, frame } => replied.push(Packet { bytes: frame.clone(), tuser: (*eni).into() }),
            _ => {}
        }
        expected.push((port, bytes, outcome));
    }

    let mut clocks = 0;
    let mut disposed = 0;
    let mut counted = std::collections::BTreeMap::new();
    let (mut forwarded, mut replied) = (forwarded.into_iter(), replied.into_iter());
    while disposed < expected.len() || tx.inside_packet() || forwarded.len() + replied.len() > 0 {
        bench::clock(
            &mut engine,
            &mut [&mut source.stream],
            &mut [&mut tx.stream, &mut reply.stream, &mut event, &mut received],
        )
        .unwrap();
        clocks += 1;
        assert!(clocks < 400 * (traffic.frames + 100), "{disposed} frames are disposed of, then nothing");
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
    let _ = counters::Bank::Tx;
    counted.into_iter().collect()
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

fn cross(configuration: Config, frames: usize) {
    let netlist = netlist(configuration);
    for (number, (idle, backpressure)) in
        [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.3), (0.0, 0.9), (0.9, 0.1)].into_iter().enumerate()
    {
        let traffic = Traffic { seed: 10 * number as u64, frames, idle, backpressure };
        let counted = check(&netlist, configuration, &traffic);
        println!("{configuration} idle {idle} backpressure {backpressure}: {counted:?}");
    }
}

#[test]
fn narrow_path_is_the_models() {
    cross(Config::Tiny, 60);
}

#[test]
fn wide_path_is_the_models() {
    cross(Config::Line, 200);
}
