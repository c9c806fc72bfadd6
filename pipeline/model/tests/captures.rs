//! Real stacks' traffic through a card whose interface may only speak first, or only be spoken to: undisturbed, and with
//! losses, repetitions and reordering. What belongs to a conversation is found out here anew, by a list of who has spoken to
//! whom.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use common::*;
use nitro_model::{Model, Parsed, Verdict, parse};
use nitro_wire::Flow::{Established, New, Related, Untracked};
use nitro_wire::control::CardConfig;
use nitro_wire::policy::Direction::{self, *};
use nitro_wire::{DropReason, MappingKind};
use pcap_file::pcap::PcapReader;

type Frame = (Duration, Vec<u8>);

fn captures() -> BTreeMap<String, Vec<Frame>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/captures");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let captures: BTreeMap<_, _> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .map(|path| {
            let mut reader = PcapReader::new(std::fs::File::open(&path).unwrap()).unwrap();
            let mut frames = Vec::new();
            while let Some(packet) = reader.next_packet() {
                let packet = packet.unwrap();
                frames.push((packet.timestamp, packet.data.into_owned()));
            }
            (path.file_stem().unwrap().to_string_lossy().into_owned(), frames)
        })
        .collect();
    assert!(captures.len() >= 9);
    captures
}

/// Numbers that are as good as random for choosing frames (Steele and others, SplitMix64).
struct Choices(u64);

impl Choices {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % limit
    }
}

/// A tenth of the frames lost, a twentieth twice, and all up to four places off; times in order again.
fn disturbed(frames: &[Frame], seed: u64) -> Vec<Frame> {
    let mut choices = Choices(seed);
    let mut placed = Vec::new();
    for (place, (_, bytes)) in (0_u64..).zip(frames) {
        let copies = match choices.below(20) {
            0 | 1 => 0,
            2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            placed.push((place + choices.below(5), bytes.clone()));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    let last = frames.len().saturating_sub(1);
    let time = |place: u64| frames[usize::try_from(place).unwrap().min(last)].0;
    placed.into_iter().map(|(place, bytes)| (time(place), bytes)).collect()
}

/// Two hosts, two ports, a protocol: from who spoke first.
type Speech = (u128, u128, u16, u16, u8);

/// Who has spoken.
#[derive(Default)]
struct Heard {
    speeches: HashSet<Speech>,
    /// Datagrams whose first fragment was seen: whether it passed.
    datagrams: HashMap<(u128, u128, u8, u32), bool>,
}

fn is_request(parsed: &Parsed) -> bool {
    parsed.is_icmp && parsed.icmp_type == if parsed.is_ipv6 { 128 } else { 8 }
}

fn is_reply(parsed: &Parsed) -> bool {
    parsed.is_icmp && parsed.icmp_type == if parsed.is_ipv6 { 129 } else { 0 }
}

impl Heard {
    /// A packet of the side that may speak first went through.
    fn hear(&mut self, parsed: &Parsed) {
        if parsed.is_icmp && !is_request(parsed) {
            return;
        }
        let ports = if parsed.is_icmp { (parsed.icmp_identifier, 0) } else { (parsed.src_port, parsed.dst_port) };
        self.speeches.insert((parsed.src_ip, parsed.dst_ip, ports.0, ports.1, parsed.protocol));
    }

    /// What becomes of a packet of the other side.
    fn answers(&mut self, parsed: &Parsed) -> Result<nitro_wire::Flow, DropReason> {
        let datagram = (parsed.src_ip, parsed.dst_ip, parsed.protocol, parsed.fragment_id);
        if parsed.fragment_offset != 0 {
            return match self.datagrams.get(&datagram) {
                Some(true) => Ok(Established),
                Some(false) => Err(DropReason::SecurityGroup),
                None => Err(DropReason::FragmentWithoutFirst),
            };
        }
        let (speech, kind) = if parsed.quoted_valid {
            let ports = (parsed.quoted_src_port, parsed.quoted_dst_port);
            ((parsed.quoted_src_ip, parsed.quoted_dst_ip, ports.0, ports.1, parsed.quoted_protocol), Related)
        } else if is_reply(parsed) {
            ((parsed.dst_ip, parsed.src_ip, parsed.icmp_identifier, 0, parsed.protocol), Established)
        } else {
            ((parsed.dst_ip, parsed.src_ip, parsed.dst_port, parsed.src_port, parsed.protocol), Established)
        };
        let known = self.speeches.contains(&speech) && !is_request(parsed);
        if parsed.more_fragments {
            self.datagrams.insert(datagram, known);
        }
        known.then_some(kind).ok_or(DropReason::SecurityGroup)
    }
}

/// A card, and the MAC whose frames come from its guest.
struct Side {
    config: CardConfig,
    mac: [u8; 6],
    /// Who speaks first.
    first: Direction,
}

/// The guest that the captures were made at.
fn guest() -> Side {
    let mut config = client();
    for (ip, mac) in [("10.0.0.20", PEER_MAC), ("fd00:10::20", PEER_MAC)] {
        config.mappings.push(mapping(ip.parse().unwrap(), mac, MappingKind::Instance));
    }
    Side { config, mac: ENI_MAC, first: Egress }
}

/// The peer in the other subnet, whose frames the captures show behind the gateway's MAC.
fn peer() -> Side {
    let mut config = server();
    (config.enis[0].mac, config.gateway_mac) = (GATEWAY_MAC, PEER_MAC);
    config.enis[0].ips = vec![FAR4.into(), far6().into()];
    config.enis[0].subnet4 = Some(("10.0.1.0".parse().unwrap(), 24));
    config.enis[0].subnet6 = Some(("fd00:10:0:1::".parse().unwrap(), 64));
    config.mappings = vec![
        mapping(OWN4.into(), ENI_MAC, MappingKind::Instance),
        mapping(own6().into(), ENI_MAC, MappingKind::Instance),
    ];
    Side { config, mac: GATEWAY_MAC, first: Ingress }
}

/// How many packets of the second speaker passed, by kind, and how many were refused.
fn replay(name: &str, side: &Side, frames: &[Frame]) -> BTreeMap<String, u32> {
    let mut model = Model::new(side.config.clone());
    let mut heard = Heard::default();
    let mut seen = BTreeMap::new();
    let start = frames[0].0;
    for (index, (time, bytes)) in frames.iter().enumerate() {
        assert!(*time - start < Duration::from_secs(25), "{name}: no connection times out");
        model.set_tick(u64::try_from((*time - start).as_millis() * 16 / 1000).unwrap());
        let direction = match (bytes[6..12] == side.mac, bytes[..6] == side.mac) {
            (true, _) => Egress,
            (_, true) => Ingress,
            _ => continue,
        };
        let outcome = match direction {
            Egress => model.tx(1, bytes, false),
            Ingress => model.rx(&wrapped(bytes), false),
        };
        let parsed = parse(bytes);
        let reason = outcome.verdict.reason();
        let elsewhere = matches!(outcome.verdict, Verdict::Reply { .. })
            || reason.is_some_and(|reason| {
                use nitro_wire::Stage::*;
                !matches!(reason.stage(), Conntrack | SecurityGroup)
            });
        if elsewhere {
            continue;
        }
        if direction == side.first {
            if parsed.fragment_offset == 0 {
                assert_eq!(reason, None, "{name} {index}");
                assert!(matches!(outcome.flow, New | Established | Untracked), "{name} {index}");
                heard.hear(&parsed);
            }
        } else {
            let found = reason.map_or(Ok(outcome.flow), Err);
            assert_eq!(found, heard.answers(&parsed), "{name}, frame {index} {direction:?}: {parsed:?}");
            *seen.entry(found.map_or_else(|reason| reason.to_string(), |flow| flow.name().to_owned())).or_default() +=
                1;
        }
    }
    adds_up(&model);
    seen
}

#[test]
fn undisturbed() {
    let captures = captures();
    let count =
        |side: &Side, name: &str, kind: &str| replay(name, side, &captures[name]).get(kind).copied().unwrap_or(0);
    let (guest, peer) = (guest(), peer());
    for (name, least) in [("tcp-bulk", 50), ("http-short", 40), ("dns", 5), ("ping", 5), ("ping6", 5), ("jumbo", 15)] {
        let seen = count(&guest, name, "established");
        assert!(seen >= least, "{name}: {seen} answers reached the guest");
    }
    for name in ["tcp-bulk", "http-short", "dns"] {
        assert!(count(&peer, name, "established") >= 5, "{name}: the peer answers");
        assert_eq!(count(&peer, name, "security_group") + count(&guest, name, "security_group"), 0, "{name}");
    }
    assert!(count(&guest, "traceroute", "related") > 0, "the routers' answers reach the guest");
    assert!(count(&guest, "ping-fragmented", "established") > 4);
    assert!(count(&guest, "ping", "security_group") >= 2, "the neighbour's pings do not");
    for (name, frames) in &captures {
        for side in [&guest, &peer] {
            replay(name, side, frames);
        }
    }
}

#[test]
fn with_losses_and_reordering() {
    let mut sum: BTreeMap<String, u32> = BTreeMap::new();
    for (name, frames) in &captures() {
        for seed in 0..20 {
            for side in [guest(), peer()] {
                for (kind, count) in replay(name, &side, &disturbed(frames, seed)) {
                    *sum.entry(kind).or_default() += count;
                }
            }
        }
    }
    for kind in ["established", "related", "security_group", "fragment_without_first"] {
        assert!(sum.get(kind).is_some_and(|count| *count > 20), "{sum:?}");
    }
}
