//! Random frames from the underlay: overlay packets of every kind for one card, and ones with faults of every kind.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_components::bench::Random;
use nitro_model::checksum::checksum;
use nitro_model::wrap::{Sender, wrap};
use nitro_wire::control::{CardConfig, Eni, ip_bits};
use nitro_wire::policy::EniPolicy;
use nitro_wire::{DropReason, Layout};

use crate::noise;
use crate::talk::sender;

/// Epochs of the card's two keys.
pub const EPOCHS: [u8; 2] = [7, 8];

fn key(first: u8) -> [u8; 16] {
    std::array::from_fn(|index| first + u8::try_from(index).unwrap())
}

/// A card with two ENIs in two VPCs that use the same addresses, and an underlay of one family.
pub fn card(ipv6: bool) -> CardConfig {
    let eni = |number: u8, vni: u32, last: u8| Eni {
        number,
        subnet: number,
        policy: EniPolicy::open(),
        name: format!("eni-{number}"),
        mac: [0x0a, 0x10, 0, 0, 0, last],
        vni,
        route_table: 0,
        source_dest_check: true,
        ips: vec![
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)),
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
            IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, u16::from(last))),
        ],
        subnet4: Some((Ipv4Addr::new(10, 0, 0, 0), 24)),
        subnet6: Some((Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0), 64)),
    };
    let underlay_ip = if ipv6 {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))
    } else {
        IpAddr::V4(Ipv4Addr::new(100, 64, 0, 1))
    };
    CardConfig {
        underlay_ip,
        underlay_mac: [0x02, 0, 0x64, 0x40, 0, 1],
        next_hop_mac: [0x02, 0, 0x64, 0x40, 0xff, 0xfe],
        gateway_mac: [0x0a, 0, 0, 0, 0, 1],
        token_keys: vec![(EPOCHS[0], key(0)), (EPOCHS[1], key(0x10))],
        hash_key: key(0x40),
        flow_key: key(0x60),
        enis: vec![eni(0, 4432, 6), eni(1, 4433, 7)],
        mappings: Vec::new(),
        ..CardConfig::default()
    }
}

fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

/// Sources out of the ENIs' subnets and in them, and the services that no policy concerns, with a neighbour of theirs.
const SOURCES4: [[u8; 4]; 8] = [
    [10, 0, 1, 20],
    [10, 0, 7, 20],
    [192, 0, 2, 7],
    [10, 0, 0, 20],
    [10, 0, 0, 2],
    [169, 254, 169, 252],
    [169, 254, 169, 253],
    [169, 254, 169, 254],
];
/// The same in IPv6, where only the resolver in the subnet is such a service.
const SOURCES6: [u128; 4] = [
    0xfd00_0010_0000_0000_0000_0000_0000_0120,
    0xfd00_0010_0000_0000_0000_0000_0000_0002,
    0xfd00_0010_0000_0007_0000_0000_0000_0020,
    0x2001_0db8_0000_0000_0000_0000_0000_0001,
];

/// A well-formed datagram in an Ethernet frame to an address of the ENI, of any ECN field, with or without a tag.
fn inner(random: &mut Random, eni: &Eni, longest: u64) -> Vec<u8> {
    let mut frame = vec![0x0a, 0x10, 0, 0, 0, 9, 0x0a, 0, 0, 0, 0, 1];
    if random.chance(0.3) {
        frame.extend([0x81, 0x00, 0x20, 0x7b]);
    }
    let spread = random.below(longest);
    let payload_bytes = random.below(spread);
    let payload = noise::noise(random, payload_bytes);
    let udp_bytes = u16::try_from(8 + payload.len()).unwrap();
    let any = u16::try_from(random.below(65_536)).unwrap();
    let port = pick(random, &[80, 80, 53, 443, any]).to_be_bytes();
    let mut udp = [[0x30, 0x39].as_slice(), &port, &udp_bytes.to_be_bytes(), &[0, 0]].concat();
    udp.extend(payload);
    let traffic_class = u8::try_from(random.below(256)).unwrap();
    // Mostly what passes as UDP, at times what is no more than a number to the parser.
    let protocol = pick(random, &[17, 17, 17, 17, 47, 132]);
    let source4 = pick(random, &SOURCES4);
    let source6 = pick(random, &SOURCES6).to_be_bytes();
    match pick(random, &eni.ips) {
        IpAddr::V4(ip) => {
            frame.extend([0x08, 0x00]);
            let mut header = vec![0x45, traffic_class];
            header.extend((20 + udp_bytes).to_be_bytes());
            // The identification makes every value of the checksum possible.
            header.extend(u16::try_from(random.below(65_536)).unwrap().to_be_bytes());
            // A later fragment now and then.
            header.extend(pick(random, &[[0x40, 0], [0x40, 0], [0x40, 0], [0x40, 0], [0, 3]]));
            header.extend([64, protocol, 0, 0]);
            header.extend(source4);
            header.extend(ip.octets());
            let sum = checksum(&header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend(header);
        }
        IpAddr::V6(ip) => {
            frame.extend([0x86, 0xdd]);
            let flow = [0x60 | traffic_class >> 4, traffic_class << 4 | 0x5, 0x12, 0x34];
            frame.extend([flow.as_slice(), &udp_bytes.to_be_bytes(), &[protocol, 64]].concat());
            frame.extend(source6);
            frame.extend(ip.octets());
        }
    }
    frame.extend(udp);
    if random.chance(0.1) {
        let padding = random.below(20);
        frame.extend(noise::noise(random, padding));
    }
    frame
}

/// Recomputes the checksum of the outer IPv4 header, if there is one.
fn repair(frame: &mut [u8]) {
    if frame.len() >= 34 && frame[12..14] == [8, 0] {
        frame[24..26].fill(0);
        let sum = checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Sets the outer ECN field.
fn set_outer_ecn(frame: &mut [u8], ecn: u8) {
    if frame[12..14] == [8, 0] {
        frame[15] = frame[15] & !3 | ecn;
        repair(frame);
    } else {
        frame[15] = frame[15] & !0x30 | ecn << 4;
    }
}

/// A frame for the underlay port, and its error flag.
pub fn frame(random: &mut Random, config: &CardConfig, longest: u64) -> (Vec<u8>, bool) {
    let eni = config.enis[usize::try_from(random.below(config.enis.len() as u64)).unwrap()].clone();
    let content = match random.below(10) {
        0 => noise::frame(random),
        1 => noise::sound(random),
        _ => inner(random, &eni, longest),
    };
    let (epoch, token_key) = pick(random, &config.token_keys);
    let layout = if random.chance(0.8) { Layout::Token } else { pick(random, &Layout::ALL) };
    let mut sender = Sender {
        underlay_ip: ip_bits(config.underlay_ip) ^ 2,
        underlay_mac: config.next_hop_mac,
        card_ip: ip_bits(config.underlay_ip),
        card_mac: config.underlay_mac,
        vni: eni.vni,
        token_epoch: epoch,
        token_key,
        flow_key: config.flow_key,
        source_eni: 3,
        layout,
    };
    match random.below(25) {
        0 => sender.vni ^= 1 << random.below(24),
        1 => sender.card_ip ^= 1 << random.below(8),
        2 => sender.card_mac[5] ^= 1,
        3 => sender.token_epoch ^= 1 << random.below(8),
        4 => sender.token_key[0] ^= 1,
        _ => {}
    }
    let mut frame = wrap(&sender, &content).unwrap();
    if random.chance(0.5) {
        set_outer_ecn(&mut frame, pick(random, &[0, 1, 2, 3]));
    }
    if random.chance(0.3) {
        damage(random, &mut frame);
    }
    let plain = random.chance(0.04);
    (if plain { noise::frame(random) } else { frame }, random.chance(0.03))
}

/// A frame that is delivered.
pub fn sound(random: &mut Random, config: &CardConfig, longest: u64) -> Vec<u8> {
    let eni = &config.enis[0];
    wrap(&sender(config, eni), &inner(random, eni, longest)).unwrap()
}

/// One fault, anywhere in the headers or at the end.
fn damage(random: &mut Random, frame: &mut Vec<u8>) {
    match random.below(5) {
        0 => {
            let bytes = 1 + random.below(40);
            let tail = noise::noise(random, bytes);
            frame.extend(tail);
        }
        1 => {
            let kept = 1 + random.below(frame.len() as u64 + 1);
            frame.truncate(usize::try_from(kept).unwrap());
        }
        2 => {
            let longest = frame.len().min(160) as u64;
            let place = usize::try_from(random.below(longest)).unwrap();
            frame[place] ^= 1 << random.below(8);
        }
        3 => {
            // A fault that the outer checksum does not show.
            let longest = frame.len().min(110) as u64;
            let place = usize::try_from(random.below(longest)).unwrap();
            frame[place] ^= 1 << random.below(8);
            repair(frame);
        }
        _ => {
            // The Geneve header and the options' first words.
            let start = if frame[12..14] == [8, 0] { 42 } else { 62 };
            let place = start + usize::try_from(random.below(16)).unwrap();
            if let Some(byte) = frame.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// Reasons that the random frames of a long run must have met, or the test would show less than it seems to.
pub const EXPECTED: &[DropReason] = &[
    DropReason::StreamError,
    DropReason::Truncated,
    DropReason::BadIpChecksum,
    DropReason::BadIpTotalLength,
    DropReason::NotForThisCard,
    DropReason::NotOverlay,
    DropReason::BadGeneve,
    DropReason::BadToken,
    DropReason::BadEcn,
    DropReason::SrdNoFlow,
    DropReason::BadEndpoint,
    DropReason::NoSuchEni,
    DropReason::NoBroadcast,
    DropReason::Nacl,
];
