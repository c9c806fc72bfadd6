//! The DHCP server: random messages against the golden model, singly, in bursts, among other frames, and more than it can take.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod block;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use nitro_card::config::Config;
use nitro_check::{dhcp as messages, guest, setup, whole};
use nitro_components::bench::Random;
use nitro_wire::control::CardConfig;

use whole::{Frame, Rates, Strictness, Whole};

/// Cards whose interfaces differ in what the server can tell them; the others are as in other tests.
fn card(number: u64) -> CardConfig {
    let mut card = setup::short_lived(setup::config());
    match number % 4 {
        // Another prefix, and the first address of IPv4 behind one of IPv6.
        1 => {
            card.enis[0].ips.rotate_left(2);
            card.enis[0].subnet4 = Some((Ipv4Addr::new(10, 0, 0, 0), 13));
            card.enis[1].ips.insert(0, IpAddr::from([10, 0, 0, 30]));
            card.enis[1].source_dest_check = true;
        }
        2 => card.enis[1].ips = vec![setup::v6(9)],
        3 => card.enis[1].subnet4 = None,
        _ => {}
    }
    card
}

fn message(random: &mut Random, card: &CardConfig) -> Frame {
    let eni = &card.enis[usize::from(random.chance(0.4))];
    Frame::tx(eni.number, messages::frame(random, card, eni))
}

/// Turns of so many frames, of which some are DHCP messages.
fn check(config: Config, turns: usize, burst: u64, dhcp: f64, seed: u64, rates: Rates) -> BTreeMap<String, u32> {
    let card = card(seed);
    let mut random = Random::new(seed + 1000);
    let mut whole = Whole::new(config, &card, rates);
    let strictness = if burst == 1 { Strictness::Full } else { Strictness::RoomMayBeFull };
    for turn in 0..turns {
        let count = 1 + random.below(burst);
        let mut frames = Vec::new();
        while (frames.len() as u64) < count {
            frames.push(if random.chance(dhcp) {
                message(&mut random, &card)
            } else {
                let (port, bytes) = guest::frame(&mut random, &setup::config());
                Frame::tx(port, bytes)
            });
        }
        whole.turn(&frames, strictness).unwrap_or_else(|error| panic!("{config}, seed {seed}, turn {turn}: {error}"));
        whole.pass_ticks(setup::LIFE).unwrap();
    }
    whole.finish().unwrap_or_else(|error| panic!("{config}, seed {seed}: {error}"));
    whole.shown
}

/// All of these came up.
fn expect(config: Config, shown: &BTreeMap<String, u32>, names: &[&str]) {
    println!("{config}: {shown:?}");
    for name in names {
        assert!(shown.contains_key(*name), "{config}: no {name}: {shown:?}");
    }
}

fn sum(runs: impl IntoIterator<Item = BTreeMap<String, u32>>) -> BTreeMap<String, u32> {
    let mut shown = BTreeMap::new();
    for (name, count) in runs.into_iter().flatten() {
        *shown.entry(name).or_default() += count;
    }
    shown
}

const ANSWERS: [&str; 6] = ["OFFER", "ACK", "NAK", "no_broadcast", "answer of 342 bytes", "answer of 346 bytes"];

#[test]
fn each_message_by_itself() {
    let still = Rates { idle: 0.0, pressure: 0.0, seed: 1 };
    let shown = sum((0..4).map(|seed| check(Config::Tiny, 120, 1, 1.0, seed, still)));
    expect(Config::Tiny, &shown, &ANSWERS);
    let disturbed = Rates { idle: 0.3, pressure: 0.6, seed: 2 };
    let shown = sum((4..8).map(|seed| check(Config::Line, 120, 1, 1.0, seed, disturbed)));
    expect(Config::Line, &shown, &ANSWERS);
}

#[test]
fn among_other_frames() {
    for (config, burst) in [(Config::Tiny, 12), (Config::Edge, 30), (Config::Line, 60)] {
        let rates = [(0.0, 0.0), (0.3, 0.3), (0.0, 0.8), (0.8, 0.0)];
        let shown = sum((0..)
            .zip(rates)
            .map(|(seed, (idle, pressure))| check(config, 12, burst, 0.15, seed, Rates { idle, pressure, seed })));
        expect(config, &shown, &["OFFER", "ACK", "no_broadcast", "answer of 60 bytes", "Pass"]);
    }
}

#[test]
fn more_than_it_can_take() {
    for config in [Config::Tiny, Config::Line] {
        let still = Rates { idle: 0.0, pressure: 0.0, seed: 1 };
        let shown = sum((0..2).map(|seed| check(config, 3, 60, 0.9, seed, still)));
        expect(config, &shown, &["OFFER", "ACK", "new_flow_queue_full"]);
    }
}
