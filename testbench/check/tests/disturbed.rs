//! Conversations of real TCP stacks with losses, repetitions, reordering and pauses: connections of the card are the model's, packet by packet.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;

use nitro_card::config::Config;
use nitro_check::whole::{Frame, Strictness};
use nitro_check::{Act, Cached, Case, Sent, Tally, World, check};
use nitro_components::bench::Random;
use nitro_replay::capture::{self, CapturedFrame};
use nitro_replay::plan::{Planner, Timing};
use nitro_replay::report::Path as Way;
use nitro_vpc::Vpc;

/// Frames of a capture that are used: beginning, transfer and end of several connections.
const FRAMES: usize = 120;
/// Ways to disturb a capture.
const SEEDS: u64 = 6;

/// A tenth of the frames lost, a tenth twice, and all up to three places off.
fn disturbed(frames: &[CapturedFrame], random: &mut Random) -> Vec<CapturedFrame> {
    let mut placed = Vec::new();
    for (place, frame) in (0_u64..).zip(frames) {
        let copies = match random.below(10) {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        placed.extend((0..copies).map(|_| (place + random.below(4), frame.clone())));
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, frame)| frame).collect()
}

/// Each frame by itself, and pauses of any length up to some minutes.
fn case(name: &str, strict_tcp: bool, seed: u64) -> Case {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let text = std::fs::read_to_string(vectors.join(format!("vpc/strict/{name}.toml"))).unwrap();
    let lines = text.lines().map(|line| if line.starts_with("strict_tcp") { "" } else { line });
    let lines: Vec<&str> = lines.collect();
    let text = lines.join("\n").replacen("[card]", &format!("[card]\nstrict_tcp = {strict_tcp}"), 1);
    let vpc = Vpc::parse(&text, Path::new(name)).unwrap();
    let mut random = Random::new(seed);
    let mut frames = capture::read(&vectors.join(format!("captures/{name}.pcap"))).unwrap();
    frames.truncate(FRAMES);
    let plan = Planner::new(&vpc, None).plan(&disturbed(&frames, &mut random), Timing::Dense, usize::MAX);
    let known = plan.whole_config().mappings.into_iter();
    let cached = known.map(|known| Cached { vni: known.vni, ip: known.ip, path_mtu: None, drop: false }).collect();
    let mut acts = Vec::new();
    for (number, offer) in plan.offers.iter().enumerate() {
        let Some(offer) = offer else { continue };
        let frame = match offer.path {
            Way::Tx => Frame::tx(offer.eni.unwrap(), offer.bytes.clone()),
            _ => Frame::rx(offer.bytes.clone(), false),
        };
        acts.push(Act::Turn { frames: vec![Sent { note: format!("frame {number}"), frame }], during: None });
        if random.chance(0.05) {
            acts.push(Act::Ticks(1 + u32::try_from(random.below(3000)).unwrap()));
        }
    }
    let description = format!("{name}, seed {seed}, strict_tcp {strict_tcp}");
    let world = World::File { vpc: text, cached };
    Case { world, strictness: Strictness::Full, acts, ..Case::empty(Config::Tiny, description) }
}

fn run(strict_tcp: bool) -> Tally {
    let mut tally = Tally::default();
    for name in ["http-short", "tcp-bulk", "jumbo"] {
        for seed in 0..SEEDS {
            let case = case(name, strict_tcp, seed);
            tally.add(&check(&case).unwrap_or_else(|error| panic!("{}: {error}", case.description)));
        }
    }
    tally
}

#[test]
fn a_card_that_accepts_connections_in_their_middle() {
    let tally = run(false);
    for kind in ["Tx new", "Tx established", "Rx established", "security_group"] {
        assert!(tally.shown.contains_key(kind), "{kind}: {tally:?}");
    }
}

#[test]
fn a_card_that_wants_to_see_their_beginning() {
    let tally = run(true);
    for kind in ["Tx new", "Rx established", "strict_tcp"] {
        assert!(tally.shown.contains_key(kind), "{kind}: {tally:?}");
    }
}
