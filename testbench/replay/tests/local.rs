//! Captures of two guests of one card: what they say to each other takes both paths and leaves the card at neither end of the
//! underlay.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nitro_card::config::Config;
use nitro_replay::capture::{self, CapturedFrame};
use nitro_replay::output;
use nitro_replay::plan::Timing;
use nitro_replay::report::{Fate, FrameVerdict, Outcome, OutputFrame, Path as Way};
use nitro_replay::runner::Disturbance;
use nitro_replay::session::{EngineKind, Options, replay};
use nitro_vpc::Vpc;
use nitro_wire::{DropReason, Flow};

const WEB: ([u8; 6], [u8; 4]) = ([0x0a, 0x10, 0, 0, 0, 5], [10, 0, 0, 5]);
const NEIGHBOUR: ([u8; 6], [u8; 4]) = ([0x0a, 0x10, 0, 0, 0, 0x20], [10, 0, 0, 20]);
const SYN: u8 = 2;
const ACK: u8 = 16;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn vpc() -> Vpc {
    Vpc::read(&vectors().join("vpc/local.toml")).unwrap()
}

fn run(vpc: &Vpc, frames: &[CapturedFrame], config: Config, engine: EngineKind, disturbance: Disturbance) -> Outcome {
    let options =
        Options { config, engine, timing: Timing::Dense, disturbance, reply_after: 20, from: None, trace: None };
    replay(vpc, frames, &options, &mut |_| ()).unwrap_or_else(|error| panic!("{config}: {error}"))
}

fn without_clocks(verdicts: &[FrameVerdict]) -> Vec<FrameVerdict> {
    verdicts.iter().cloned().map(|verdict| FrameVerdict { clock_in: None, latency_clocks: None, ..verdict }).collect()
}

fn bytes(outputs: &[OutputFrame]) -> Vec<(Option<u8>, &[u8])> {
    outputs.iter().map(|output| (output.eni, output.bytes.as_slice())).collect()
}

fn same(name: &str, a: &Outcome, b: &Outcome) {
    assert_eq!(without_clocks(&a.verdicts), without_clocks(&b.verdicts), "{name}");
    assert_eq!((bytes(&a.net), bytes(&a.guest)), (bytes(&b.net), bytes(&b.guest)), "{name}");
    assert_eq!(a.counters, b.counters, "{name}");
}

/// Frames that went from guest to guest.
fn crossed(outcome: &Outcome) -> usize {
    let local = |verdict: &&FrameVerdict| (verdict.path, verdict.verdict) == (Way::Tx, Fate::Deliver);
    outcome.verdicts.iter().filter(local).count()
}

/// Pings, resolution, large and fragmented datagrams between real hosts, whose neighbour is now a guest of the card. Captures in
/// which new flows follow each other are left out: the order of their packets is open.
#[test]
fn captures_agree_with_the_model() {
    let rough = Disturbance { idle: 0.3, backpressure: 0.4, seed: 7 };
    let mut local = 0;
    for name in ["arp-nd", "ping", "ping6", "ping-fragmented", "jumbo"] {
        let frames = capture::read(&vectors().join(format!("captures/{name}.pcap"))).unwrap();
        for query_on_miss in [true, false] {
            let mut vpc = vpc();
            vpc.card.query_on_miss = query_on_miss;
            let model = run(&vpc, &frames, Config::Line, EngineKind::Model, Disturbance::default());
            for disturbance in [Disturbance::default(), rough] {
                for config in [Config::Line, Config::Edge] {
                    let card = run(&vpc, &frames, config, EngineKind::Interpreted, disturbance);
                    same(&format!("{name} on {config}"), &card, &model);
                }
            }
            local += crossed(&model);
        }
    }
    assert!(local > 40, "{local} frames went from guest to guest");
}

fn frame(from: ([u8; 6], [u8; 4]), to: ([u8; 6], [u8; 4]), protocol: u8, upper: &[u8]) -> CapturedFrame {
    let mut ip = vec![0x45, 0];
    ip.extend((20 + u16::try_from(upper.len()).unwrap()).to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    ip.extend(from.1);
    ip.extend(to.1);
    let sum = nitro_model::checksum::checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    CapturedFrame { time: Duration::ZERO, bytes: [&to.0[..], &from.0, &[8, 0], &ip, upper].concat() }
}

fn tcp(from: ([u8; 6], [u8; 4]), to: ([u8; 6], [u8; 4]), flags: u8, payload: usize) -> CapturedFrame {
    let mut ports = [40_000_u16, 443];
    if from == NEIGHBOUR {
        ports.reverse();
    }
    let mut bytes = ports.map(u16::to_be_bytes).concat();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0, 99, 0, 0, 0, 0]);
    bytes.resize(bytes.len() + payload, 0x5a);
    frame(from, to, 6, &bytes)
}

fn udp(from: ([u8; 6], [u8; 4]), to: ([u8; 6], [u8; 4])) -> CapturedFrame {
    frame(from, to, 17, &[0, 7, 0, 7, 0, 12, 0, 0, 1, 2, 3, 4])
}

/// One line a packet, of the path and the interface of its sender, with what became of it at last.
#[test]
fn verdicts_are_those_of_the_end() {
    let gateway = ([0x0a, 0, 0, 0, 0, 1], Ipv4Addr::new(10, 0, 0, 1).octets());
    let echo = frame(WEB, gateway, 1, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]);
    let frames = [
        tcp(WEB, NEIGHBOUR, SYN, 0),
        tcp(NEIGHBOUR, WEB, SYN | ACK, 0),
        tcp(WEB, NEIGHBOUR, ACK, 100),
        tcp(WEB, NEIGHBOUR, ACK, 9000),
        tcp(WEB, NEIGHBOUR, ACK, 8900),
        echo,
        tcp(WEB, NEIGHBOUR, ACK, 6),
        udp(WEB, NEIGHBOUR),
        udp(NEIGHBOUR, WEB),
        tcp(NEIGHBOUR, WEB, ACK, 1400),
    ];
    let (web, neighbour) = ("web-1", "neighbour");
    let refused = Some(DropReason::SecurityGroup);
    let wanted = [
        (web, Fate::Deliver, None, Flow::New),
        (neighbour, Fate::Deliver, None, Flow::Established),
        (web, Fate::Deliver, None, Flow::Established),
        (web, Fate::Drop, Some(DropReason::TooBig), Flow::Established),
        (web, Fate::Deliver, None, Flow::Established),
        (web, Fate::Reply, None, Flow::None),
        (web, Fate::Deliver, None, Flow::Established),
        // The sender's rules admit it, the receiver's do not.
        (web, Fate::Drop, refused, Flow::New),
        (neighbour, Fate::Drop, refused, Flow::New),
        (neighbour, Fate::Deliver, None, Flow::Established),
    ];
    let vpc = vpc();
    let model = run(&vpc, &frames, Config::Line, EngineKind::Model, Disturbance::default());
    for config in [Config::Line, Config::Edge, Config::Tiny] {
        for backpressure in [0.0, 0.6] {
            let disturbance = Disturbance { backpressure, ..Disturbance::default() };
            let card = run(&vpc, &frames, config, EngineKind::Interpreted, disturbance);
            let verdicts = &card.verdicts;
            let lines: Vec<_> = verdicts
                .iter()
                .map(|line| (line.eni.as_deref().unwrap(), line.verdict, line.reason, line.flow))
                .collect();
            assert_eq!(lines, wanted, "{config}");
            assert!(verdicts.iter().all(|line| line.path == Way::Tx && line.latency_clocks.is_some()), "{config}");
            assert!(card.net.is_empty(), "{config}");
            // The message about what is too big is made while frames behind it are on the longer way.
            let sorted = |outcome: &Outcome| {
                let mut frames: Vec<_> = outcome.guest.iter().map(|frame| (frame.eni, frame.bytes.clone())).collect();
                frames.sort();
                frames
            };
            assert_eq!(without_clocks(verdicts), without_clocks(&model.verdicts), "{config}");
            assert_eq!((sorted(&card), &card.counters), (sorted(&model), &model.counters), "{config}");
            let counter = |name: &str| card.counters[name];
            assert_eq!(counter("tx_passed_packets"), 7, "{config}");
            assert_eq!([counter("rx_received_packets"), counter("rx_passed_packets")], [7, 6], "{config}");
            assert_eq!([counter("rx_security_group_packets"), counter("tx_made_packets")], [1, 1], "{config}");
        }
    }
    let clear = run(&vpc, &frames, Config::Line, EngineKind::Interpreted, Disturbance::default());
    let summary = clear.summary("line", "interpreted");
    assert_eq!((summary.delivered, summary.forwarded, summary.replied, summary.dropped), (6, 0, 1, 3));
    assert_eq!(clear.verdicts[6].latency_clocks, Some(100), "a known flow");
    assert_eq!(summary.deliver_latency_clocks, None);
    assert_eq!(summary.local_latency_clocks.map(|(least, _)| least), Some(100));
    assert!(summary.table().contains("guest to guest"));
}

/// `guest.pcapng` has what guests got from each other, in order, with the MACs of the last hop.
#[test]
fn the_guests_file_has_what_guests_got() {
    let frames = [tcp(WEB, NEIGHBOUR, SYN, 0), tcp(NEIGHBOUR, WEB, SYN | ACK, 5), tcp(WEB, NEIGHBOUR, ACK, 300)];
    let outcome = run(&vpc(), &frames, Config::Line, EngineKind::Interpreted, Disturbance::default());
    let folder = tempfile::tempdir().unwrap();
    output::write(folder.path(), &outcome, 250).unwrap();
    let guest: Vec<_> =
        capture::read(&folder.path().join("guest.pcapng")).unwrap().into_iter().map(|frame| frame.bytes).collect();
    assert_eq!(guest, frames.map(|frame| frame.bytes), "in one subnet the MACs are those of the guests already");
    assert!(capture::read(&folder.path().join("net.pcapng")).is_ok_and(|frames| frames.is_empty()));
    let lines = std::fs::read_to_string(folder.path().join("verdicts.jsonl")).unwrap();
    let expected = r#"{"packet":0,"path":"tx","eni":"web-1","verdict":"deliver","reason":null,"flow":"new","#;
    assert!(lines.starts_with(expected), "{lines}");
}
