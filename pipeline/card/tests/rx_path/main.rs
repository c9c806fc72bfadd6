//! The rx path against the golden model: every verdict, every delivered byte.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../tx/acls.rs"]
mod acls;
#[path = "../parser/frames.rs"]
mod noise;
mod overlay;
#[path = "../tx/setup.rs"]
#[allow(dead_code, reason = "the tx path's tests use more of it")]
mod setup;
mod stages;

use std::collections::BTreeMap;

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random, Sink};
use nitro_model::model::{Model, Verdict};
use nitro_simulator::InterpretedEngine;
use nitro_wire::DropReason;
use nitro_wire::control::CardConfig;

/// Settings and tables, as the control port would write them.
fn configure(engine: &mut InterpretedEngine, card: &CardConfig, config: Config) {
    let rows = |log2: usize| u32::try_from(log2).unwrap();
    let dimensions = config.dimensions();
    setup::program(engine, card, rows(dimensions.local_rows_log2), rows(dimensions.mapping_rows_log2));
}

/// What the run showed.
#[derive(Debug, Default)]
struct Shown {
    reasons: BTreeMap<u8, u32>,
    clocks: u64,
    delivered: u32,
}

/// The path of a configuration.
fn engine(config: Config) -> InterpretedEngine {
    let entry = catalogue(config).into_iter().find(|entry| entry.name == "rx_path").unwrap();
    entry.interpreted().unwrap()
}

/// Offers the frames and compares everything with the model.
fn check(config: Config, card: &CardConfig, frames: &[(Vec<u8>, bool)], idle: f64, pressure: f64, seed: u64) -> Shown {
    check_on(engine(config), config, card, frames, (idle, pressure, seed))
}

/// The same on a path that has a past, which it shall forget in reset.
fn check_on(
    mut engine: InterpretedEngine,
    config: Config,
    card: &CardConfig,
    frames: &[(Vec<u8>, bool)],
    (idle, pressure, seed): (f64, f64, u64),
) -> Shown {
    configure(&mut engine, card, config);
    let mut source = PacketSource::new(&engine, "rx", idle, seed).unwrap();
    let mut sink = PacketSink::new(&engine, "tx", pressure, seed + 1).unwrap();
    let fields = ["serial", "verdict", "reason", "eni", "has_eni", "length"];
    let mut events = Sink::new(&engine, "event", &fields, 0.0, 0).unwrap();
    let mut received = Sink::new(&engine, "received", &["tdata"], 0.0, 0).unwrap();
    let mut model = Model::new(card.clone());
    let outcomes: Vec<_> = frames.iter().map(|(frame, error)| model.rx(frame, *error)).collect();
    for (frame, error) in frames {
        source.push(&Packet { bytes: frame.clone(), tuser: u64::from(*error) });
    }
    let mut shown = Shown::default();
    let beats: usize = frames.iter().map(|(frame, _)| frame.len().div_ceil(source.beat_bytes()) + 8).sum();
    let limit = 10 * beats as u64 + 500;
    let (mut disposed, mut entered, mut delivered) = (0, 0, Vec::new());
    while disposed < frames.len() || shown.clocks < 40 {
        bench::clock(&mut engine, &mut [&mut source.stream], &mut [&mut sink.stream, &mut events, &mut received])
            .unwrap();
        shown.clocks += 1;
        assert!(shown.clocks < limit, "{disposed} of {} frames after {limit} clocks", frames.len());
        while let Some((_, item)) = received.pop() {
            assert_eq!(item[0][0], frames[entered].0.len() as u64, "frame {entered}");
            entered += 1;
        }
        while let Some((_, item)) = events.pop() {
            let outcome = &outcomes[disposed];
            let reason = outcome.verdict.reason().map_or(0, DropReason::code);
            let expected = [
                disposed as u64 & 0xffff,
                u64::from(outcome.verdict.code().code()),
                u64::from(reason),
                u64::from(outcome.eni.unwrap_or(0)),
                u64::from(outcome.eni.is_some()),
                frames[disposed].0.len() as u64,
            ];
            let found: Vec<u64> = item.iter().map(|field| field[0]).collect();
            let name = |code: u64| DropReason::from_code(u8::try_from(code).unwrap()).map_or("none", DropReason::name);
            assert_eq!(
                found,
                expected,
                "frame {disposed}: {:02x?} expected {}, found {}",
                frames[disposed].0,
                name(u64::from(reason)),
                name(found[2])
            );
            *shown.reasons.entry(reason).or_default() += 1;
            disposed += 1;
        }
        while let Some((_, packet)) = sink.pop().unwrap() {
            delivered.push(packet);
        }
    }
    for _ in 0..20_000 {
        bench::clock(&mut engine, &mut [], &mut [&mut sink.stream]).unwrap();
        while let Some((_, packet)) = sink.pop().unwrap() {
            delivered.push(packet);
        }
        if delivered.len() >= usize::try_from(shown.reasons.get(&0).copied().unwrap_or(0)).unwrap() {
            break;
        }
    }
    let expected: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome.verdict {
            Verdict::Deliver { eni, frame } => Some(Packet { bytes: frame, tuser: u64::from(eni) }),
            _ => None,
        })
        .collect();
    assert_eq!(delivered.len(), expected.len());
    for (number, (found, expected)) in delivered.iter().zip(&expected).enumerate() {
        assert!(found == expected, "delivered frame {number}\nfound    {found:02x?}\nexpected {expected:02x?}");
    }
    shown.delivered = u32::try_from(expected.len()).unwrap();
    shown
}

fn random_frames(card: &CardConfig, count: usize, longest: u64, seed: u64) -> Vec<(Vec<u8>, bool)> {
    let mut random = Random::new(seed);
    (0..count).map(|_| overlay::frame(&mut random, card, longest)).collect()
}

#[test]
fn random_frames_agree_with_the_model() {
    for config in [Config::Tiny, Config::Line] {
        let mut reasons: BTreeMap<u8, u32> = BTreeMap::new();
        for (seed, (ipv6, idle, pressure)) in
            [(false, 0.0, 0.0), (true, 0.0, 0.0), (false, 0.4, 0.4), (true, 0.1, 0.7)].into_iter().enumerate()
        {
            let card = acls::with_acls(overlay::card(ipv6), seed as u64);
            let frames = random_frames(&card, 400, 300, seed as u64 + 1);
            let shown = check(config, &card, &frames, idle, pressure, seed as u64);
            for (reason, count) in shown.reasons {
                *reasons.entry(reason).or_default() += count;
            }
        }
        let missing: Vec<_> = overlay::EXPECTED.iter().filter(|reason| !reasons.contains_key(&reason.code())).collect();
        assert!(missing.is_empty(), "{config}: the frames met {reasons:?}, not {missing:?}");
        assert!(reasons[&0] > 300, "{config}: only {} frames were delivered", reasons[&0]);
    }
}

#[test]
fn long_frames_agree_with_the_model() {
    for config in [Config::Tiny, Config::Line] {
        let card = overlay::card(false);
        let frames = random_frames(&card, 30, 9200, 77);
        let longest = frames.iter().map(|(frame, _)| frame.len()).max().unwrap();
        assert!(longest > 5000, "the longest frame has only {longest} bytes");
        check(config, &card, &frames, 0.0, 0.2, 5);
    }
}

#[test]
fn reset_in_the_middle_of_everything_forgets_everything() {
    for config in [Config::Tiny, Config::Line] {
        for clocks in [3, 50, 200, 1000] {
            let card = overlay::card(false);
            let mut engine = engine(config);
            configure(&mut engine, &card, config);
            let mut source = PacketSource::new(&engine, "rx", 0.0, 1).unwrap();
            let mut sink = PacketSink::new(&engine, "tx", 0.5, 1).unwrap();
            for (bytes, error) in random_frames(&card, 100, 300, clocks) {
                source.push(&Packet { bytes, tuser: u64::from(error) });
            }
            for _ in 0..clocks {
                bench::clock(&mut engine, &mut [&mut source.stream], &mut [&mut sink.stream]).unwrap();
            }
            check_on(engine, config, &card, &random_frames(&card, 50, 300, 7), (0.1, 0.1, 2));
        }
    }
}
