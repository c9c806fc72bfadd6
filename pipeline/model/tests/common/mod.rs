//! Packets and a card for the model's tests, made byte by byte.

#![allow(dead_code)] // Each test program uses a part.
#![allow(clippy::unwrap_used)] // A test stops at the first surprise.
#![allow(clippy::cast_possible_truncation)] // Lengths of test packets are small.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_model::{Model, Outcome, Sender, checksum, wrap};
use nitro_wire::control::{CardConfig, Eni, Mapping};
use nitro_wire::counters::{Bank, MADE, RECEIVED};
use nitro_wire::policy::{Direction, EniPolicy, NaclRule, Peer, Prefix, Protocol, SecurityRule};
use nitro_wire::{DropReason, Flow, Layout, MappingKind};

pub const VNI: u32 = 4432;
pub const ENI_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 5];
pub const PEER_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 6];
pub const FAR_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 1, 0x20];
pub const GATEWAY_MAC: [u8; 6] = [0x0a, 0, 0, 0, 0, 1];
pub const UNDERLAY_MAC: [u8; 6] = [0x02, 0, 0x64, 0x40, 0, 1];
pub const NEXT_HOP_MAC: [u8; 6] = [0x02, 0, 0x64, 0x40, 0xff, 0xfe];
pub const BROADCAST: [u8; 6] = [0xff; 6];
pub const KEY_7: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
pub const KEY_8: [u8; 16] = [0x10; 16];

pub const OWN4: [u8; 4] = [10, 0, 0, 5];
pub const PEER4: [u8; 4] = [10, 0, 0, 6];
pub const FAR4: [u8; 4] = [10, 0, 1, 20];
pub const GATEWAY4: [u8; 4] = [10, 0, 0, 1];

pub fn own6() -> Ipv6Addr {
    "fd00:10::5".parse().unwrap()
}
pub fn peer6() -> Ipv6Addr {
    "fd00:10::6".parse().unwrap()
}
pub fn far6() -> Ipv6Addr {
    "fd00:10:0:1::20".parse().unwrap()
}

pub fn mapping(ip: IpAddr, mac: [u8; 6], kind: MappingKind) -> Mapping {
    Mapping {
        vni: VNI,
        route_table: 0,
        ip,
        kind,
        srd: false,
        path_mtu: 9001,
        underlay_ip: IpAddr::V4(Ipv4Addr::new(100, 64, 0, 2)),
        mac,
        token_epoch: 3,
        token: 0x0123_4567_89ab_cdef,
        groups: 0,
        version: 0,
        expiry: 0,
    }
}

/// A card with one dual-stack interface and mappings of each kind.
pub fn config() -> CardConfig {
    let v4 = |a: [u8; 4]| IpAddr::V4(a.into());
    CardConfig {
        underlay_ip: IpAddr::V4(Ipv4Addr::new(100, 64, 0, 1)),
        underlay_mac: UNDERLAY_MAC,
        next_hop_mac: NEXT_HOP_MAC,
        gateway_mac: GATEWAY_MAC,
        token_keys: vec![(7, KEY_7), (8, KEY_8)],
        hash_key: [1; 16],
        flow_key: [2; 16],
        enis: vec![Eni {
            number: 1,
            subnet: 0,
            policy: EniPolicy::open(),
            name: "web-1".into(),
            mac: ENI_MAC,
            vni: VNI,
            route_table: 0,
            source_dest_check: true,
            ips: vec![v4(OWN4), IpAddr::V6(own6())],
            subnet4: Some((Ipv4Addr::new(10, 0, 0, 0), 24)),
            subnet6: Some(("fd00:10::".parse().unwrap(), 64)),
        }],
        mappings: vec![
            mapping(v4(PEER4), PEER_MAC, MappingKind::Instance),
            mapping(v4(FAR4), FAR_MAC, MappingKind::Instance),
            mapping(IpAddr::V6(peer6()), PEER_MAC, MappingKind::Instance),
            mapping(IpAddr::V6(far6()), FAR_MAC, MappingKind::Instance),
            mapping(v4([10, 0, 0, 66]), PEER_MAC, MappingKind::Negative),
            mapping(v4([10, 0, 0, 67]), PEER_MAC, MappingKind::Drop),
        ],
        ..CardConfig::default()
    }
}

pub fn ethernet(dst: [u8; 6], src: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = dst.to_vec();
    frame.extend(src);
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

pub fn tagged(dst: [u8; 6], src: [u8; 6], tci: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut rest = tci.to_be_bytes().to_vec();
    rest.extend(kind.to_be_bytes());
    rest.extend(payload);
    ethernet(dst, src, 0x8100, &rest)
}

/// Writes the checksum of an IPv4 header that starts at `start`.
pub fn fix_ipv4_checksum(packet: &mut [u8], start: usize) {
    let length = 4 * usize::from(packet[start] & 0xf);
    let header = &mut packet[start..start + length];
    header[10..12].fill(0);
    let sum = checksum::checksum(header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// An IPv4 datagram; `flags_and_offset` as on the wire.
pub fn ipv4(src: [u8; 4], dst: [u8; 4], protocol: u8, flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0x12, 0x34]);
    packet.extend(flags_and_offset.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(src);
    packet.extend(dst);
    packet.extend(payload);
    fix_ipv4_checksum(&mut packet, 0);
    packet
}

/// Puts options behind an IPv4 header.
pub fn with_options(mut packet: Vec<u8>, options: &[u8]) -> Vec<u8> {
    assert!(options.len().is_multiple_of(4));
    packet.splice(20..20, options.iter().copied());
    packet[0] += (options.len() / 4) as u8;
    let total = packet.len() as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    fix_ipv4_checksum(&mut packet, 0);
    packet
}

pub fn ipv6(src: Ipv6Addr, dst: Ipv6Addr, next_header: u8, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next_header, hop_limit]);
    packet.extend(src.octets());
    packet.extend(dst.octets());
    packet.extend(payload);
    packet
}

/// An extension header of `units` times 8 bytes.
pub fn extension(next_header: u8, units: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![next_header, units - 1];
    header.resize(8 * usize::from(units), 1);
    header.extend(payload);
    header
}

pub fn fragment_header(next_header: u8, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![next_header, 0];
    header.extend((offset << 3 | u16::from(more)).to_be_bytes());
    header.extend(0xdead_beef_u32.to_be_bytes());
    header.extend(payload);
    header
}

pub fn tcp(data: &[u8]) -> Vec<u8> {
    let mut segment = vec![0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0];
    segment.extend(data);
    segment
}

pub fn udp(data: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0x04, 0xd2, 0x00, 0x35];
    datagram.extend((8 + data.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(data);
    datagram
}

pub fn icmp(kind: u8, code: u8, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(rest);
    message.extend(data);
    message
}

/// An ICMPv6 message of this body (type and code first, checksum 0) in an IPv6 datagram, the checksum right.
pub fn icmpv6(src: Ipv6Addr, dst: Ipv6Addr, hop_limit: u8, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body[2..4].fill(0);
    let sum = !checksum::icmpv6_sum(src.to_bits(), dst.to_bits(), &body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv6(src, dst, 58, hop_limit, &body)
}

pub fn solicitation(target: Ipv6Addr, options: &[u8]) -> Vec<u8> {
    let mut body = vec![135, 0, 0, 0, 0, 0, 0, 0];
    body.extend(target.octets());
    body.extend(options);
    body
}

pub fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let low = target.to_bits() & 0xff_ffff;
    Ipv6Addr::from_bits(0xff02_0000_0000_0000_0000_0001_ff00_0000 | low)
}

pub fn arp(operation: u16, sender_mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4];
    packet.extend(operation.to_be_bytes());
    packet.extend(sender_mac);
    packet.extend(sender);
    packet.extend([0; 6]);
    packet.extend(target);
    packet
}

/// A guest's IPv4 frame to the gateway's MAC.
pub fn guest4(packet: &[u8]) -> Vec<u8> {
    ethernet(GATEWAY_MAC, ENI_MAC, 0x0800, packet)
}

/// A guest's IPv6 frame to the gateway's MAC.
pub fn guest6(packet: &[u8]) -> Vec<u8> {
    ethernet(GATEWAY_MAC, ENI_MAC, 0x86dd, packet)
}

/// A TCP segment of these ports and flags.
pub fn segment(source: u16, destination: u16, flags: u8, data: &[u8]) -> Vec<u8> {
    let mut segment = tcp(data);
    segment[..2].copy_from_slice(&source.to_be_bytes());
    segment[2..4].copy_from_slice(&destination.to_be_bytes());
    segment[13] = flags;
    segment
}

/// A UDP datagram of these ports.
pub fn datagram(source: u16, destination: u16, data: &[u8]) -> Vec<u8> {
    let mut datagram = udp(data);
    datagram[..2].copy_from_slice(&source.to_be_bytes());
    datagram[2..4].copy_from_slice(&destination.to_be_bytes());
    datagram
}

/// An echo request or reply (`kind`) over IPv4.
pub fn echo4(src: [u8; 4], dst: [u8; 4], kind: u8, identifier: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    let mut message = icmp(kind, 0, [high, low, 0, 1], b"abcdefgh");
    let sum = checksum::checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(src, dst, 1, 0, &message)
}

/// An echo request or reply (`kind`) over IPv6.
pub fn echo6(src: Ipv6Addr, dst: Ipv6Addr, kind: u8, identifier: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    icmpv6(src, dst, 64, &icmp(kind, 0, [high, low, 0, 1], b"abcdefgh"))
}

pub fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: address.parse().unwrap(), length: length.parse().unwrap() }
}

/// A security group rule for a prefix.
pub fn rule(protocol: Protocol, peer: &str) -> SecurityRule {
    SecurityRule { protocol, peer: Peer::Prefix(prefix(peer)) }
}

/// A security group rule for a group.
pub fn group_rule(protocol: Protocol, group: u8) -> SecurityRule {
    SecurityRule { protocol, peer: Peer::Group(group) }
}

pub fn nacl_rule(allow: bool, protocol: Protocol, outside: &str) -> NaclRule {
    NaclRule { allow, protocol, prefix: prefix(outside) }
}

/// [`config`] with these rules, egress and ingress.
pub fn with_rules(egress: Vec<SecurityRule>, ingress: Vec<SecurityRule>) -> CardConfig {
    let mut config = config();
    config.enis[0].policy = EniPolicy { egress, ingress, ..EniPolicy::closed() };
    config
}

/// Rules for everything of both families.
pub fn everything() -> Vec<SecurityRule> {
    EniPolicy::open().egress
}

/// [`config`], its interface may send everything and receive nothing but what belongs to it.
pub fn client() -> CardConfig {
    with_rules(everything(), Vec::new())
}

/// [`config`], its interface may receive everything and send nothing but what belongs to it.
pub fn server() -> CardConfig {
    with_rules(Vec::new(), everything())
}

fn framed(dst: [u8; 6], src: [u8; 6], packet: &[u8]) -> Vec<u8> {
    ethernet(dst, src, if packet[0] >> 4 == 6 { 0x86dd } else { 0x0800 }, packet)
}

/// A guest's IP packet.
pub fn send(model: &mut Model, packet: &[u8]) -> Outcome {
    model.tx(1, &framed(GATEWAY_MAC, ENI_MAC, packet), false)
}

/// The underlay frame that brings an inner frame to the card of [`config`].
pub fn wrapped(inner: &[u8]) -> Vec<u8> {
    let sender = Sender {
        underlay_ip: 0xffff_6440_0002,
        underlay_mac: NEXT_HOP_MAC,
        card_ip: 0xffff_6440_0001,
        card_mac: UNDERLAY_MAC,
        vni: VNI,
        token_epoch: 7,
        token_key: KEY_7,
        flow_key: [9; 16],
        source_eni: 4,
        layout: Layout::Token,
    };
    wrap(&sender, inner).unwrap()
}

/// An IP packet from the network for the guest.
pub fn receive(model: &mut Model, packet: &[u8]) -> Outcome {
    model.rx(&wrapped(&framed(ENI_MAC, GATEWAY_MAC, packet)), false)
}

/// A packet in a direction.
pub fn go(model: &mut Model, direction: Direction, packet: &[u8]) -> Outcome {
    match direction {
        Direction::Egress => send(model, packet),
        Direction::Ingress => receive(model, packet),
    }
}

/// What became of a packet, and its kind.
pub fn fate(outcome: &Outcome) -> (Option<DropReason>, Flow) {
    (outcome.verdict.reason(), outcome.flow)
}

/// received = passed + replied + drops, in packets and bytes, on both paths.
pub fn adds_up(model: &Model) {
    for bank in Bank::ALL {
        let received = model.counters().get(bank, RECEIVED);
        let others = (0..RECEIVED).filter(|index| *index != MADE).map(|index| model.counters().get(bank, index));
        let sum = others.fold((0, 0), |sum, count| (sum.0 + count.packets, sum.1 + count.bytes));
        assert_eq!(sum, (received.packets, received.bytes));
    }
}
