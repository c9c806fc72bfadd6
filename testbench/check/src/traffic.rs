//! Random cases: conversations of a card's interfaces, packets of real stacks, junk, and policies that are replaced meanwhile.
//!
//! Conversations of all interfaces run interleaved, in turns. Interfaces may send few packets to link-local services. The ways:
//!
//! * singly: a turn is one datagram, at either side; allowances of few connections, a connection table that overflows, and time that passes;
//! * in bursts: up to some dozens back to back at one side, so that packets of a flow meet in the waiting room; no allowances, since who
//!   gets the last place depends on the order of flows, which is open;
//! * bursts at both sides at once: in each turn, two addresses talk one way only, so that no connection is met from both sides;
//! * bursts at one side with junk in between: frames that are malformed or of nobody, and DHCP messages;
//! * with a mapping service: the cache is empty or half empty at first, mappings last some seconds, and replies come in any order. Between
//!   turns destinations move, and what the card knew of them is ended; within turns mappings are ended that the service then gives again.
//!
//! Interfaces talk to one another as well, and there, too, one way only in each turn.
//!
//! Policies and ACLs are replaced between turns, and in the middle of them. Not covered: packets of one connection at both sides at the same
//! time (the model is sequential).

use std::collections::VecDeque;

use nitro_card::config::Config;
use nitro_components::bench::Random;
use nitro_model::{decap, parse};
use nitro_wire::control::{CardConfig, Eni};
use nitro_wire::counters::Bank;
use nitro_wire::policy::{EniPolicy, TICKS_PER_SECOND, Timeouts};
use serde::Serialize;

use crate::case::{Act, Case, During, Sent, Serving, World};
use crate::file::Skeleton;
use crate::talk::Step;
use crate::whole::{Change, Difference, Frame, Rates, Strictness};
use crate::{captured, dhcp, guest, mappings, overlay, rules, talk};

/// Probability of few connections on `line`, whose table takes a quarter of a million clocks to be walked over before the first refusal of
/// a tick.
const FEW_ON_LINE: f64 = 0.05;
/// Most packets of such a case.
const FEW_PACKETS_ON_LINE: usize = 100;

/// A way to send.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Manner {
    /// Datagrams in a turn.
    pub burst: u64,
    /// Few connections are allowed for an interface.
    pub few: bool,
    /// Probability, before each turn, that time passes.
    pub pauses: f64,
    /// Frames at both sides in a turn.
    pub both: bool,
    /// Conversations after which all connections are left to end, so that the table does not overflow.
    pub talks: usize,
    /// Clocks until a query is answered, at most; none: there are no queries.
    pub query: Option<u64>,
    /// Probability of junk instead of a datagram.
    pub junk: f64,
    /// Probability of a bubble before a beat.
    pub idle: f64,
    /// Probability that an output is not ready.
    pub pressure: f64,
}

impl Manner {
    /// One datagram at a time.
    pub const SINGLY: Self = Self {
        burst: 1,
        few: true,
        pauses: 0.06,
        both: false,
        talks: usize::MAX,
        query: None,
        junk: 0.0,
        idle: 0.0,
        pressure: 0.0,
    };
    /// Up to thirty.
    pub const BURSTS: Self = Self {
        burst: 30,
        few: false,
        pauses: 0.0,
        both: false,
        talks: usize::MAX,
        query: None,
        junk: 0.0,
        idle: 0.0,
        pressure: 0.0,
    };
    /// With junk in between.
    pub const JUNK: Self = Self {
        burst: 40,
        few: false,
        pauses: 0.0,
        both: false,
        talks: usize::MAX,
        query: None,
        junk: 0.2,
        idle: 0.3,
        pressure: 0.4,
    };

    /// A random one for a card.
    #[must_use]
    pub fn random(random: &mut Random, config: Config) -> Self {
        // A table that overflows is for single packets, since the order of flows decides who gets a place.
        let (burst, talks) = match config {
            Config::Tiny => (6, 9),
            Config::Edge => (20, 400),
            Config::Line => (30, usize::MAX),
        };
        let (idle, pressure) = rules::pick(random, &[(0.0, 0.0), (0.0, 0.0), (0.1, 0.1), (0.3, 0.4), (0.0, 0.6)]);
        let few = random.chance(if config == Config::Line { FEW_ON_LINE } else { 0.5 });
        let manner = match random.below(8) {
            0 | 1 => Self { few, ..Self::SINGLY },
            2 => Self { few: false, pauses: 0.0, ..Self::SINGLY },
            3 | 4 => Self { burst, talks, ..Self::BURSTS },
            5 => Self { burst, talks, both: true, ..Self::BURSTS },
            _ => Self { burst, talks, ..Self::JUNK },
        };
        let query = random.chance(0.35).then(|| rules::pick(random, &[20, 100, 300, 1500]));
        Self { idle, pressure, query, ..manner }
    }

    /// Packets of an interface to link-local services leave in their order: none waits for a mapping that others have.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.burst == 1 || self.query.is_none()
    }

    /// What the bench can insist on.
    #[must_use]
    pub fn strictness(&self) -> Strictness {
        if self.burst == 1 { Strictness::Full } else { Strictness::RoomMayBeFull }
    }
}

/// Policies and ACLs that may take the place of others.
pub type Replacements<'a> = &'a mut dyn FnMut(&mut Random) -> Option<Change>;

fn junk(random: &mut Random, card: &CardConfig, bank: Bank) -> Sent {
    if random.chance(0.5)
        && let Some((frame, note)) = captured::frame(random, card)
        && frame.bank == bank
    {
        return Sent { note, frame };
    }
    let frame = match bank {
        Bank::Tx if random.chance(0.3) => {
            let eni = &card.enis[usize::try_from(random.below(card.enis.len() as u64)).unwrap_or(0)];
            Frame::tx(eni.number, dhcp::frame(random, card, eni))
        }
        Bank::Tx => {
            let (port, bytes) = guest::frame(random, card);
            Frame::tx(port, bytes)
        }
        Bank::Rx => {
            let keys = [card.token_keys.as_slice(), &card.token_keys].concat();
            let keyed = CardConfig { token_keys: keys, ..card.clone() };
            let (bytes, error) = overlay::frame(random, &keyed, 100);
            Frame::rx(bytes, error)
        }
    };
    Sent { note: "junk".to_owned(), frame }
}

/// All timeouts of an interface, in ticks.
fn timeouts(eni: &Eni) -> [u32; 6] {
    let Timeouts { tcp_established, tcp_transient, udp, udp_stream, icmp, other } = eni.policy.timeouts;
    [tcp_established, tcp_transient, udp, udp_stream, icmp, other].map(|seconds| seconds * TICKS_PER_SECOND)
}

/// The longest timeout of any interface, in ticks, and some.
fn life(card: &CardConfig) -> u32 {
    let longest = card.enis.iter().flat_map(timeouts).max().unwrap_or(0);
    longest.max(rules::LONGEST_SECONDS * TICKS_PER_SECOND) + 2
}

/// Time that passes: any, or about one of the timeouts.
fn pause(random: &mut Random, card: &CardConfig) -> Act {
    let any = 1 + u32::try_from(random.below(50)).unwrap_or(0);
    let eni = usize::try_from(random.below(card.enis.len() as u64)).unwrap_or(0);
    match card.enis.get(eni).filter(|_| random.chance(0.4)) {
        Some(eni) => Act::Ticks(rules::pick(random, &timeouts(eni)) + u32::try_from(random.below(4)).unwrap_or(0)),
        None => Act::Ticks(any),
    }
}

/// The acts of so many datagrams.
#[must_use]
pub fn acts(
    random: &mut Random,
    card: &CardConfig,
    manner: &Manner,
    datagrams: usize,
    replacement: Replacements<'_>,
) -> Vec<Act> {
    let life = life(card);
    let mut talks: Vec<VecDeque<Step>> = Vec::new();
    let (mut acts, mut sent, mut begun) = (Vec::new(), 0, 0);
    while sent < datagrams {
        if begun >= manner.talks {
            acts.push(Act::Ticks(life));
            begun = talks.len();
        }
        while talks.len() < 5 {
            let talk = talk::conversation(random, card);
            // Between two interfaces each side has a connection.
            begun += if talk.first().is_some_and(|step| step.crosses().is_some()) { 2 } else { 1 };
            talks.push(talk.into());
        }
        if random.chance(manner.pauses) {
            acts.push(pause(random, card));
        }
        if let (Some(_), Some(template)) = (manner.query, card.mappings.first()) {
            if random.chance(0.1) {
                acts.push(Act::Move(mappings::Move::random(random, card, template)));
            }
            if random.chance(0.2) {
                let (clock, ending) = (random.below(400), mappings::Ending::random(random, card));
                acts.push(Act::Interrupt { clock, ending });
            }
        }
        if random.chance(0.02) {
            acts.extend(replacement(random).map(Act::Change));
        }
        let bank = if random.chance(0.5) { Bank::Tx } else { Bank::Rx };
        let frames = turn(random, card, manner, bank, &mut talks);
        sent += frames.len();
        if !frames.is_empty() {
            let during = (manner.burst > 1 && random.chance(0.04)).then(|| random.below(40 + 20 * frames.len() as u64));
            let during = during.and_then(|clock| Some(During { clock, change: replacement(random)? }));
            acts.push(Act::Turn { frames, during });
        }
        talks.retain(|talk| !talk.is_empty());
    }
    acts
}

/// The frames of a turn.
fn turn(
    random: &mut Random,
    card: &CardConfig,
    manner: &Manner,
    bank: Bank,
    talks: &mut [VecDeque<Step>],
) -> Vec<Sent> {
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
    let (mut frames, mut pairs, mut errors): (Vec<Sent>, Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new(), Vec::new());
    while (frames.len() as u64) < most {
        if random.chance(manner.junk) {
            let sent = junk(random, card, bank);
            if frames.is_empty() || !carries_error(card, &sent.frame) {
                frames.push(sent);
            }
            continue;
        }
        let goes = |talk: &VecDeque<Step>| talk.front().is_some_and(may_go);
        let ready: Vec<usize> = (0..talks.len()).filter(|&talk| goes(&talks[talk])).collect();
        if ready.is_empty() {
            break;
        }
        let talk = rules::pick(random, &ready);
        let apart = |step: &Step| step.is_error() && pairs.contains(&step.pair()) || errors.contains(&step.pair());
        if talks[talk].front().is_some_and(apart) {
            break;
        }
        let Some(step) = talks[talk].pop_front() else { break };
        pairs.push(step.pair());
        if step.is_error() {
            errors.push(step.pair());
        }
        frames.push(Sent { note: step.to_string(), frame: step.frame(card) });
    }
    frames
}

/// The frame, or what it carries, is an ICMP error.
fn carries_error(card: &CardConfig, frame: &Frame) -> bool {
    let parsed = parse(&frame.bytes);
    match frame.bank {
        Bank::Tx => parsed.quoted_valid,
        Bank::Rx => {
            let overlay = decap::check(card, &parsed, &frame.bytes);
            overlay.is_ok_and(|overlay| parse(overlay.inner).quoted_valid)
        }
    }
}

/// The acts of so many datagrams on a card of [`rules::card`].
#[must_use]
pub fn acts_on_tables(random: &mut Random, card: &CardConfig, manner: &Manner, datagrams: usize) -> Vec<Act> {
    let mut replacement = |random: &mut Random| Some(any_replacement(random, manner));
    let mut acts = acts(random, card, manner, datagrams, &mut replacement);
    for act in &mut acts {
        // These policies have limits of their own, which are not replaced in the middle of a turn.
        if let Act::Turn { during, .. } = act {
            during.take_if(|during| matches!(during.change, Change::Policy { .. }));
        }
    }
    acts
}

/// Another policy or ACL for one of two interfaces or subnets, as tables can have them.
fn any_replacement(random: &mut Random, manner: &Manner) -> Change {
    let number = u8::from(random.chance(0.5));
    if random.chance(0.5) {
        Change::Policy { eni: number, policy: Box::new(rules::policy(random, manner.few, manner.ordered())) }
    } else {
        Change::Nacl { subnet: number, nacl: random.chance(0.6).then(|| rules::nacl(random)) }
    }
}

/// The card with a service that knows what the card knew, and itself nothing at first, or a third; or as it is.
#[must_use]
pub fn asking(mut card: CardConfig, query: Option<u64>) -> (CardConfig, Option<Serving>) {
    let Some(most_clocks) = query else { return (card, None) };
    let known = mappings::told(&card);
    card.query_on_miss = true;
    card.mappings = if card.strict_tcp { known.iter().step_by(3).cloned().collect() } else { Vec::new() };
    (card, Some(Serving { most_clocks, known, silent: Vec::new() }))
}

/// A policy or ACL of another file for this card; limits and timeouts stay.
fn replacement_of(random: &mut Random, card: &CardConfig, other: &CardConfig) -> Option<Change> {
    if random.chance(0.5) {
        let index = usize::try_from(random.below(card.enis.len() as u64)).ok()?;
        let (eni, new) = (card.enis.get(index)?, other.enis.get(index)?);
        let policy =
            EniPolicy { egress: new.policy.egress.clone(), ingress: new.policy.ingress.clone(), ..eni.policy.clone() };
        Some(Change::Policy { eni: eni.number, policy: Box::new(policy) })
    } else {
        let subnet = u8::try_from(random.below(card.subnets.len() as u64)).ok()?;
        Some(Change::Nacl { subnet, nacl: other.subnets.get(usize::from(subnet))?.clone() })
    }
}

/// Of so many random cards one has tables that no VPC file can say: short timeouts, prefixes whose address has more bits, and so on.
const TABLES_OF: u64 = 5;

/// A random case of so many packets on a card of a random VPC file, or at times of random tables; the same one from the same seed.
///
/// # Errors
/// If the VPC file is none, which is a mistake here.
pub fn random_case(config: Config, seed: u64, packets: usize) -> Result<Case, Difference> {
    let mut random = Random::new(seed);
    let manner = Manner::random(&mut random, config);
    let most = if config == Config::Line && manner.few { FEW_PACKETS_ON_LINE } else { packets };
    let packets = packets.min(most);
    let case = |world, service, acts, independence| Case {
        description: format!("seed {seed:#x}: {manner:?}"),
        config: config.name().to_owned(),
        world,
        service,
        strictness: manner.strictness(),
        rates: Rates { idle: manner.idle, pressure: manner.pressure, seed },
        independence,
        acts,
    };
    if random.below(TABLES_OF) == 0 {
        let card = rules::card(&mut random, manner.few, manner.ordered());
        let acts = acts_on_tables(&mut random, &card, &manner, packets);
        let (card, service) = asking(card, manner.query);
        return Ok(case(World::Card(Box::new(card)), service, acts, random.chance(0.1)));
    }
    let skeleton = Skeleton::new(&mut random, config, manner.few, manner.query.is_some());
    let world =
        |random: &mut Random| World::File { vpc: skeleton.with_policies(random), cached: skeleton.cached.clone() };
    let first = world(&mut random);
    let card = first.card()?;
    let others = [world(&mut random).card()?, world(&mut random).card()?];
    let mut replacement = |random: &mut Random| {
        let other = usize::from(random.chance(0.5));
        replacement_of(random, &card, &others[other])
    };
    let acts = acts(&mut random, &card, &manner, packets, &mut replacement);
    let service =
        manner.query.map(|most_clocks| Serving { most_clocks, known: mappings::told(&card), silent: Vec::new() });
    let first = match first {
        World::File { vpc, cached } if service.is_some() => {
            // Some cards know nothing at first, some a third.
            let cached = if card.strict_tcp { cached.into_iter().step_by(3).collect() } else { Vec::new() };
            World::File { vpc, cached }
        }
        first => first,
    };
    Ok(case(first, service, acts, random.chance(0.1)))
}
