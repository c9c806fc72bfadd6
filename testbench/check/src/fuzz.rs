//! What fuzzers do with bytes: read them as a capture, as a VPC file, or as a card and its packets. The targets of `testbench/fuzz` call
//! these and nothing else, and so does the test that runs their corpus (`vectors/fuzz`).

use std::path::Path;
use std::sync::OnceLock;

use nitro_card::config::Config;
use nitro_components::bench::Random;
use nitro_model::wrap;
use nitro_replay::capture;
use nitro_replay::plan::Timing;
use nitro_replay::runner::Disturbance;
use nitro_replay::session::{EngineKind, Options, replay};
use nitro_vpc::Vpc;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::Bank;

use crate::case::{Act, Cached, Case, Sent, Serving, World, check, play};
use crate::file::Skeleton;
use crate::talk::{self, sender};
use crate::whole::{Difference, Frame, Rates, Strictness, Whole};

/// The VPC file that captures are replayed with.
const VPC: &str = include_str!("../../../vectors/vpc/default.toml");
/// The configuration of cards that get fuzzed packets: the smallest takes least time.
const CONFIG: Config = Config::Tiny;
/// Datagrams for the card of a fuzzed VPC file.
const DATAGRAMS: usize = 4;
/// Different cards for fuzzed packets.
const CARDS: u64 = 16;
/// Packets of a case, at most.
const PACKETS: usize = 24;

/// What went wrong with an input.
#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    /// The card is not the model's.
    #[error(transparent)]
    Difference(#[from] Difference),
    /// Frames of a capture came to no end in the model.
    #[error("{received} frames were received by the model, {accounted} are accounted for")]
    Conservation {
        /// Counters `received`.
        received: u64,
        /// All other counters.
        accounted: u64,
    },
    /// An error names a line that the file does not have.
    #[error("the error is in line {line} of {lines}")]
    Line {
        /// The line.
        line: usize,
        /// Lines of the file.
        lines: usize,
    },
}

/// A capture: is read or refused, and what is read is replayed on the model, whose books must balance.
///
/// # Errors
/// If they do not.
pub fn capture(bytes: &[u8]) -> Result<(), FuzzError> {
    static NETWORK: OnceLock<Option<Vpc>> = OnceLock::new();
    let Some(vpc) = NETWORK.get_or_init(|| Vpc::parse(VPC, Path::new("default.toml")).ok()) else { return Ok(()) };
    let Ok(frames) = capture::parse(bytes, Path::new("input")) else { return Ok(()) };
    let options = Options {
        config: CONFIG,
        engine: EngineKind::Model,
        timing: Timing::Dense,
        disturbance: Disturbance::default(),
        reply_after: 20,
        from: None,
        trace: None,
    };
    let Ok(outcome) = replay(vpc, &frames, &options, &mut |_| ()) else { return Ok(()) };
    let count = |received: bool| -> u64 {
        let packets = outcome.counters.iter().filter(|(name, _)| name.ends_with("_packets"));
        let counted = packets.filter(|(name, _)| !name.contains("_made_") && name.contains("_received_") == received);
        counted.map(|(_, count)| count).sum()
    };
    match (count(true), count(false)) {
        (received, accounted) if received == accounted => Ok(()),
        (received, accounted) => Err(FuzzError::Conservation { received, accounted }),
    }
}

/// A VPC file: is read or refused with a line of it. A card that it describes is the model's, if it fits.
///
/// # Errors
/// If it is not.
pub fn vpc(bytes: &[u8]) -> Result<(), FuzzError> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    let vpc = match Vpc::parse(text, Path::new("input")) {
        Ok(vpc) => vpc,
        Err(error) => {
            let lines = 1 + text.matches('\n').count();
            return if (1..=lines).contains(&error.line) {
                Ok(())
            } else {
                Err(FuzzError::Line { line: error.line, lines })
            };
        }
    };
    let cached = vpc.mappings.iter().filter_map(|mapping| match mapping.key {
        nitro_vpc::MappingKey::Address(ip) => {
            Some(Cached { vni: vpc.vpcs[mapping.vpc].vni, ip, path_mtu: None, drop: false })
        }
        nitro_vpc::MappingKey::Prefix(_) => None,
    });
    let world = World::File { vpc: text.to_owned(), cached: cached.collect() };
    let card = world.card()?;
    if card.enis.is_empty() {
        return Ok(());
    }
    let mut random = Random::new(1);
    let steps: Vec<_> =
        std::iter::repeat_with(|| talk::conversation(&mut random, &card)).take(DATAGRAMS).flatten().collect();
    let frames = steps.iter().take(DATAGRAMS).map(|step| step.frame(&card));
    // Nothing comes out of its service but that there is nothing.
    let service = vpc.card.query_on_miss.then(|| Serving { most_clocks: 10, known: Vec::new(), silent: Vec::new() });
    refuse(check(&Case { service, ..singly(world, frames) }))
}

/// A case that does not fit the card says nothing.
fn refuse<T>(result: Result<T, Difference>) -> Result<(), FuzzError> {
    match result {
        Err(difference) if !difference.is_no_case() => Err(difference.into()),
        _ => Ok(()),
    }
}

fn singly(world: World, frames: impl Iterator<Item = Frame>) -> Case {
    let turn = |frame: Frame| Act::Turn { frames: vec![Sent { note: String::new(), frame }], during: None };
    let acts = frames.take(PACKETS).map(turn).collect();
    Case { world, strictness: Strictness::Full, rates: Rates::default(), acts, ..Case::empty(CONFIG, "fuzzed".into()) }
}

/// A world that packets are sent to, what it makes of a card, and that card: programming it takes longer than all else.
struct Place {
    world: World,
    card: CardConfig,
    programmed: Whole,
}

fn places() -> &'static [Place] {
    static PLACES: OnceLock<Vec<Place>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let place = |seed| {
            let mut random = Random::new(seed);
            let skeleton = Skeleton::new(&mut random, CONFIG, false, false);
            let vpc = skeleton.with_policies(&mut random);
            let world = World::File { vpc, cached: skeleton.cached };
            let card = world.card().ok()?;
            let programmed = Whole::new(CONFIG, &card, Rates::default());
            Some(Place { world, card, programmed })
        };
        (0..CARDS).filter_map(place).collect()
    })
}

/// Takes the first bytes away, as many as there are.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count.min(bytes.len()));
    *bytes = rest;
    taken
}

/// The case that bytes stand for, and its card. The first one chooses the card; then for each packet: what it is, its length (16 bits, big-endian), its bytes.
///
/// What it is: bit 0 set: from the underlay; bit 1 set: as it is, else with the addresses of an interface and, from the underlay, wrapped
/// for it; bits 2 to 4: the interface.
fn packets_case(bytes: &[u8]) -> Option<(Case, &'static Place)> {
    let (first, mut rest) = bytes.split_first()?;
    let places = places();
    let place = places.get(usize::from(*first) % places.len().max(1))?;
    let Place { world, card, .. } = place;
    let mut frames = Vec::new();
    while let [what, high, low, ..] = *rest {
        rest = &rest[3..];
        let mut frame = take(&mut rest, usize::from(u16::from_be_bytes([high, low]) & 0x7ff)).to_vec();
        let eni = &card.enis[usize::from(what >> 2 & 7) % card.enis.len()];
        let bank = if what & 1 == 0 { Bank::Tx } else { Bank::Rx };
        let plain = what & 2 != 0;
        if !plain && frame.len() >= 12 {
            let at = if bank == Bank::Tx { 6 } else { 0 };
            frame[at..at + 6].copy_from_slice(&eni.mac);
            crate::noise::mend(&mut frame);
        }
        if frame.is_empty() {
            continue;
        }
        frames.push(match bank {
            Bank::Tx => Frame::tx(eni.number, frame),
            Bank::Rx if plain => Frame::rx(frame, false),
            Bank::Rx => Frame::rx(wrap(&sender(card, eni), &frame).ok()?, false),
        });
    }
    Some((singly(world.clone(), frames.into_iter()), place))
}

/// A card and its packets: the card is the model's.
///
/// # Errors
/// If it is not.
pub fn packets(bytes: &[u8]) -> Result<(), FuzzError> {
    packets_case(bytes).map_or(Ok(()), |(case, place)| refuse(play(&case, place.programmed.clone())))
}

/// Bytes of which [`packets`] makes these frames, for the beginnings of a corpus.
#[must_use]
pub fn packets_bytes(card: u8, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = vec![card];
    for frame in frames {
        let length = u16::try_from(frame.bytes.len().min(0x7ff)).unwrap_or(0x7ff);
        let what = 2 | u8::from(frame.bank == Bank::Rx) | (frame.tuser & 7) << 2;
        bytes.push(what);
        bytes.extend(length.to_be_bytes());
        bytes.extend(&frame.bytes[..usize::from(length)]);
    }
    bytes
}
