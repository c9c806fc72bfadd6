//! Random policies and conversations: the whole card against the golden model, every verdict, reason, kind, frame and counter.
//!
//! Conversations of both interfaces run interleaved, in turns. Interfaces may send few packets to link-local services. Four ways:
//!
//! * singly: a turn is one datagram, at either side; allowances of few connections, a connection table that overflows, and time that passes;
//! * in bursts: up to some dozens back to back at one side, so that packets of a flow meet in the waiting room; all connections are allowed, since who
//!   gets the last place depends on the order of flows, which is open;
//! * bursts at both sides at once: in each turn, two addresses talk one way only, so that no connection is met from both sides;
//! * bursts at one side with junk in between: frames that are malformed or of nobody, and DHCP messages.
//! * with a mapping service ([`mappings`]): the cache is empty or half empty at first, mappings last some seconds, and replies come in any order.
//!   Between turns destinations move, and what the card knew of them is ended; within turns mappings are ended that the service then gives again.
//!
//! Interfaces talk to one another as well, and there, too, one way only in each turn.
//!
//! Between turns policies and ACLs are replaced. Not covered: packets of one connection at both sides at the same time (the model is
//! sequential). A failing case is cut short before it is shown. `NITRO_POLICY_CARDS` is how
//! many random cards a test takes, for longer runs.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(dead_code, reason = "the frames are those of other tests, which use more of them")]

#[path = "../dhcp/messages.rs"]
mod dhcp;
#[path = "../tx/frames.rs"]
mod guest;
mod mappings;
#[path = "../parser/frames.rs"]
mod noise;
#[path = "../rx_path/overlay.rs"]
mod overlay;
#[path = "../tx/setup.rs"]
mod setup;
mod talk;
#[path = "../whole/mod.rs"]
mod whole;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use nitro_card::config::Config;
use nitro_components::bench::Random;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::Bank;
use nitro_wire::policy::{EniPolicy, Nacl, TICKS_PER_SECOND};

use talk::Step;

use whole::{Frame, Rates, Strictness, Whole};

/// What happens to a card.
#[derive(Clone, Debug)]
enum Act {
    /// Frames enter at one side.
    Frames(Vec<(Frame, String)>),
    /// Ticks pass.
    Ticks(u32),
    /// A destination moves, or is no more.
    Move(mappings::Move),
    /// In the next turn, after so many clocks, mappings are ended.
    Interrupt(u64, mappings::Ending),
    /// An interface gets another policy.
    Policy(u8, Box<EniPolicy>),
    /// A subnet gets another ACL.
    Nacl(u8, Option<Nacl>),
}

/// A way to send.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// Datagrams in a turn.
    burst: u64,
    /// Few connections, and time passes.
    few: bool,
    /// Frames at both sides in a turn.
    both: bool,
    /// Conversations after which all connections are left to end, so that the table does not overflow.
    talks: usize,
    /// Clocks until a query is answered, at most; none: there are no queries.
    query: Option<u64>,
    /// Probability of junk instead of a datagram.
    junk: f64,
    idle: f64,
    pressure: f64,
}

impl Manner {
    /// Packets of an interface to link-local services leave in their order: none waits for a mapping that others have.
    fn ordered(&self) -> bool {
        self.burst == 1 || self.query.is_none()
    }
}

const SINGLY: Manner =
    Manner { burst: 1, few: true, both: false, talks: usize::MAX, query: None, junk: 0.0, idle: 0.0, pressure: 0.0 };
const BURSTS: Manner =
    Manner { burst: 30, few: false, both: false, talks: usize::MAX, query: None, junk: 0.0, idle: 0.0, pressure: 0.0 };
const JUNK: Manner =
    Manner { burst: 40, few: false, both: false, talks: usize::MAX, query: None, junk: 0.2, idle: 0.3, pressure: 0.4 };

/// Ticks in which all connections end.
const LONGEST: u32 = world::LONGEST_SECONDS * TICKS_PER_SECOND + 2;

fn junk(random: &mut Random, card: &CardConfig, bank: Bank) -> Frame {
    match bank {
        Bank::Tx if random.chance(0.3) => {
            let eni = &card.enis[usize::from(random.chance(0.5))];
            Frame::tx(eni.number, dhcp::frame(random, card, eni))
        }
        Bank::Tx => {
            let (port, bytes) = guest::frame(random, card);
            Frame::tx(port, bytes)
        }
        Bank::Rx => {
            let keyed = CardConfig { token_keys: vec![card.token_keys[0]; 2], ..card.clone() };
            let (bytes, error) = overlay::frame(random, &keyed, 100);
            Frame::rx(bytes, error)
        }
    }
}

/// Another policy or ACL.
fn replacement(random: &mut Random, manner: &Manner) -> Act {
    let number = u8::from(random.chance(0.5));
    if random.chance(0.5) {
        Act::Policy(number, Box::new(world::policy(random, manner.few, manner.ordered())))
    } else {
        Act::Nacl(number, random.chance(0.6).then(|| world::nacl(random)))
    }
}

/// The acts of so many datagrams.
fn acts(random: &mut Random, card: &CardConfig, manner: &Manner, datagrams: usize) -> Vec<Act> {
    let mut talks: Vec<VecDeque<Step>> = Vec::new();
    let (mut acts, mut sent, mut begun) = (Vec::new(), 0, 0);
    while sent < datagrams {
        if begun >= manner.talks {
            acts.push(Act::Ticks(LONGEST));
            begun = talks.len();
        }
        while talks.len() < 5 {
            let talk = talk::conversation(random, card);
            // Between two interfaces each side has a connection.
            begun += if talk.first().is_some_and(|step| step.crosses().is_some()) { 2 } else { 1 };
            talks.push(talk.into());
        }
        if manner.few && random.chance(0.06) {
            acts.push(Act::Ticks(1 + u32::try_from(random.below(50)).unwrap()));
        }
        if manner.query.is_some() {
            if random.chance(0.1) {
                acts.push(Act::Move(mappings::Move::random(random, card)));
            }
            if random.chance(0.2) {
                acts.push(Act::Interrupt(random.below(400), mappings::Ending::random(random, card)));
            }
        }
        if random.chance(0.02) {
            acts.push(replacement(random, manner));
        }
        let bank = if random.chance(0.5) { Bank::Tx } else { Bank::Rx };
        // The side at which two addresses talk in this turn.
        let salt = random.bits();
        let drawn = |step: &Step| (step.pair() ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0;
        let may_go = |step: &Step| match (step.crosses(), manner.both) {
            (Some(upwards), both) => (both || bank == Bank::Tx) && upwards == drawn(step),
            (None, true) => (step.bank() == Bank::Tx) == drawn(step),
            (None, false) => step.bank() == bank,
        };
        let most = 1 + random.below(manner.burst);
        // An error may overtake what makes the connection that it is about, or be overtaken by it, so they are not sent in one turn.
        let (mut frames, mut pairs, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        while (frames.len() as u64) < most {
            if random.chance(manner.junk) {
                frames.push((junk(random, card, bank), "junk".to_owned()));
                continue;
            }
            let goes = |talk: &VecDeque<Step>| talk.front().is_some_and(may_go);
            let ready: Vec<usize> = (0..talks.len()).filter(|&talk| goes(&talks[talk])).collect();
            if ready.is_empty() {
                break;
            }
            let talk = world::pick(random, &ready);
            let apart = |step: &Step| step.is_error() && pairs.contains(&step.pair()) || errors.contains(&step.pair());
            if talks[talk].front().is_some_and(apart) {
                break;
            }
            let step = talks[talk].pop_front().unwrap();
            pairs.push(step.pair());
            if step.is_error() {
                errors.push(step.pair());
            }
            frames.push((step.frame(card), format!("{step:?}")));
        }
        sent += frames.len();
        if !frames.is_empty() {
            acts.push(Act::Frames(frames));
        }
        talks.retain(|talk| !talk.is_empty());
    }
    acts
}

/// Runs the acts on a new card.
fn run(config: Config, card: &CardConfig, acts: &[Act], manner: &Manner) -> Result<BTreeMap<String, u32>, String> {
    let rates = Rates { idle: manner.idle, pressure: manner.pressure, seed: 3 };
    let (card, known) = mappings::split(card, manner.query.is_some());
    let mut whole = Whole::new(config, &card, rates);
    if let Some(clocks) = manner.query {
        whole = whole.with_service(known.service(), clocks);
    }
    let strictness = if manner.burst == 1 { Strictness::Full } else { Strictness::RoomMayBeFull };
    for (number, act) in acts.iter().enumerate() {
        match act {
            Act::Ticks(ticks) => whole.pass_ticks(*ticks),
            Act::Move(change) => change.happen(&known, &mut whole).map_err(|error| error.to_string())?,
            Act::Interrupt(clocks, ending) => whole.interrupt(*clocks, &ending.writes()),
            Act::Policy(eni, policy) => {
                whole
                    .driver(|driver| {
                        driver.install_limits(*eni, policy)?;
                        driver.replace_rules(&[(*eni, policy)])
                    })
                    .map_err(|error| error.to_string())?;
                whole.model.replace_policy(*eni, (**policy).clone());
            }
            Act::Nacl(subnet, nacl) => {
                whole
                    .driver(|driver| driver.replace_nacl(*subnet, nacl.as_ref()))
                    .map_err(|error| error.to_string())?;
                whole.model.replace_nacl(*subnet, nacl.clone());
            }
            Act::Frames(frames) => {
                let frames: Vec<Frame> = frames.iter().map(|(frame, _)| frame.clone()).collect();
                whole.turn(&frames, strictness).map_err(|error| format!("act {number}: {error}"))?;
            }
        }
    }
    whole.finish()?;
    Ok(whole.shown)
}

/// Fewer acts and frames that still fail; gives up after some tries.
fn shrink(config: Config, card: &CardConfig, mut acts: Vec<Act>, manner: &Manner) -> Vec<Act> {
    let mut tries = 120;
    let fails = |acts: &[Act], tries: &mut u32| {
        *tries = tries.saturating_sub(1);
        *tries > 0 && run(config, card, acts, manner).is_err()
    };
    let mut size = acts.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < acts.len() {
            let mut fewer = acts.clone();
            fewer.drain(start..(start + size).min(acts.len()));
            if fails(&fewer, &mut tries) { acts = fewer } else { start += size }
        }
        size /= 2;
    }
    for act in 0..acts.len() {
        let mut frame = 0;
        loop {
            let mut fewer = acts.clone();
            match &mut fewer[act] {
                Act::Frames(frames) if frame < frames.len() && frames.len() > 1 => frames.remove(frame),
                _ => break,
            };
            if fails(&fewer, &mut tries) { acts = fewer } else { frame += 1 }
        }
    }
    acts
}

fn story(acts: &[Act]) -> String {
    let mut story = String::new();
    for act in acts {
        match act {
            Act::Ticks(ticks) => writeln!(story, "{ticks} ticks"),
            Act::Move(change) => writeln!(story, "{change:?}"),
            Act::Interrupt(clocks, ending) => writeln!(story, "after {clocks} clocks: {ending:?}"),
            Act::Policy(eni, policy) => writeln!(story, "interface {eni}: {policy:?}"),
            Act::Nacl(subnet, nacl) => writeln!(story, "subnet {subnet}: {nacl:?}"),
            Act::Frames(frames) => {
                let names: Vec<_> = frames.iter().map(|(_, name)| name.as_str()).collect();
                writeln!(story, "turn:\n  {}", names.join("\n  "))
            }
        }
        .unwrap();
    }
    story
}

/// Random cards, each with its own policies and conversations.
fn check(config: Config, manner: &Manner, cards: u64, datagrams: usize, expected: &[&str]) {
    let mut shown: BTreeMap<String, u32> = BTreeMap::new();
    let cards = std::env::var("NITRO_POLICY_CARDS").map_or(cards, |number| number.parse().unwrap());
    for seed in 0..cards {
        let mut random = Random::new(seed + 100);
        let card = world::card(&mut random, manner.few, manner.ordered());
        let acts = acts(&mut random, &card, manner, datagrams);
        match run(config, &card, &acts, manner) {
            Ok(counts) => counts.into_iter().for_each(|(name, count)| *shown.entry(name).or_default() += count),
            Err(error) => {
                let few = shrink(config, &card, acts, manner);
                let last = run(config, &card, &few, manner).err();
                panic!(
                    "{config}, seed {seed}, {manner:?}: {error}\ncut short: {last:?}\n{}\nstrict: {}, {:#?}\n{:#?}",
                    story(&few),
                    card.strict_tcp,
                    card.enis.iter().map(|eni| &eni.policy).collect::<Vec<_>>(),
                    card.subnets
                );
            }
        }
    }
    let missing: Vec<_> = expected.iter().filter(|name| !shown.contains_key(**name)).collect();
    assert!(missing.is_empty(), "{config}, {manner:?}: {shown:?} lacks {missing:?}");
    println!("{config}, {manner:?}: {shown:?}");
}

/// What must come up wherever policies are met.
const POLICY: [&str; 14] = [
    "Pass",
    "linklocal_allowance_exceeded",
    "security_group",
    "nacl",
    "strict_tcp",
    "Tx new",
    "Rx established",
    "Tx established",
    "Rx untracked",
    "Tx untracked",
    "Local Pass",
    "Local new",
    "Local established",
    "Local security_group",
];

#[test]
fn single_datagrams_on_a_tiny_card() {
    let expected =
        [&POLICY[..], &["conntrack_allowance_exceeded", "Tx related", "Rx related", "Local related"]].concat();
    check(Config::Tiny, &SINGLY, 12, 150, &expected);
}

#[test]
fn single_datagrams_and_a_table_that_overflows() {
    check(Config::Tiny, &Manner { few: false, ..SINGLY }, 6, 150, &["Pass", "conntrack_full", "Tx established"]);
}

#[test]
fn bursts_on_a_tiny_card() {
    check(Config::Tiny, &Manner { burst: 6, talks: 9, ..BURSTS }, 8, 150, &POLICY);
}

#[test]
fn bursts_on_a_line_card() {
    check(Config::Line, &BURSTS, 4, 200, &POLICY);
}

#[test]
fn bursts_at_both_sides_of_a_line_card() {
    check(Config::Line, &Manner { both: true, idle: 0.1, pressure: 0.1, ..BURSTS }, 4, 200, &POLICY);
}

#[test]
fn bursts_with_junk_on_a_line_card() {
    check(Config::Line, &JUNK, 3, 200, &["Pass", "security_group", "fragment_without_first", "OFFER", "ACK"]);
}

#[test]
fn bursts_with_junk_on_an_edge_card() {
    check(
        Config::Edge,
        &Manner { burst: 15, ..JUNK },
        3,
        150,
        &["Pass", "security_group", "fragment_without_first", "OFFER", "ACK"],
    );
}

/// What must come up wherever a mapping service is asked.
const QUERIES: [&str; 6] = ["Pass", "security_group", "nacl", "no_mapping", "Tx established", "Rx established"];

#[test]
fn single_datagrams_and_a_mapping_service() {
    check(Config::Tiny, &Manner { query: Some(200), ..SINGLY }, 10, 150, &QUERIES);
}

#[test]
fn bursts_and_a_mapping_service_on_a_tiny_card() {
    let manner = Manner { burst: 6, talks: 9, query: Some(700), ..BURSTS };
    check(Config::Tiny, &manner, 8, 150, &QUERIES);
}

#[test]
fn bursts_and_a_mapping_service_on_a_line_card() {
    check(Config::Line, &Manner { query: Some(1500), idle: 0.1, pressure: 0.1, ..BURSTS }, 4, 200, &QUERIES);
}

#[test]
fn bursts_at_both_sides_and_a_mapping_service() {
    check(Config::Line, &Manner { both: true, query: Some(300), ..BURSTS }, 3, 200, &QUERIES);
}

#[test]
fn junk_and_a_mapping_service_on_an_edge_card() {
    check(
        Config::Edge,
        &Manner { burst: 15, query: Some(100), ..JUNK },
        3,
        150,
        &["Pass", "security_group", "fragment_without_first"],
    );
}
