//! Random frames as guests send them, most of them sound, many of them not allowed.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::IpAddr;

use nitro_components::bench::Random;
use nitro_model::checksum::{checksum, icmpv6_sum};
use nitro_wire::control::{CardConfig, Eni, ip_bits, mac_bits};
use nitro_wire::formats::{
    ARP, ETHERNET, ICMP, IPV4, IPV6, IPV6_FRAGMENT, ND_LINK_LAYER_OPTION, ND_SOLICITATION, TCP, UDP, VLAN_TAG,
};

use crate::noise;
use crate::setup::{GATEWAY_MAC, v4, v6};

fn index(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count as u64)).unwrap()
}

fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[index(random, values.len())]
}

fn below(random: &mut Random, limit: u64) -> u128 {
    u128::from(random.below(limit))
}

fn wide(random: &mut Random) -> u128 {
    u128::from(random.bits()) << 64 | u128::from(random.bits())
}

/// Length of a payload: short, about a beat, about an MTU, or jumbo.
fn payload_bytes(random: &mut Random) -> u64 {
    match random.below(20) {
        0..=9 => random.below(40),
        10..=14 => random.below(260),
        15..=17 => 520 + random.below(120),
        18 => 1400 + random.below(120),
        _ => 8900 + random.below(130),
    }
}

fn payload(random: &mut Random) -> Vec<u8> {
    let count = payload_bytes(random);
    noise::noise(random, count)
}

/// What goes into an IP datagram: protocol and bytes.
fn upper(random: &mut Random, icmp_protocol: u128) -> (u128, Vec<u8>) {
    let data = payload(random);
    let ports = [("src_port", below(random, 65_536)), ("dst_port", below(random, 65_536))];
    let (protocol, mut bytes) = match random.below(8) {
        0..=2 => (6, TCP.pack(&[ports[0], ports[1], ("data_offset", 5), ("flags", below(random, 256))]).unwrap()),
        3..=5 => (17, UDP.pack(&[ports[0], ports[1], ("length", 8 + data.len() as u128)]).unwrap()),
        6 => {
            let echo = if icmp_protocol == 1 { [0, 8] } else { [128, 129] };
            let rest = below(random, 1 << 32);
            (icmp_protocol, ICMP.pack(&[("icmp_type", pick(random, &echo)), ("rest", rest)]).unwrap())
        }
        _ => (pick(random, &[47, 50, 132]), Vec::new()),
    };
    bytes.extend(data);
    (protocol, bytes)
}

fn low32(ip: IpAddr) -> u128 {
    ip_bits(ip) & 0xffff_ffff
}

/// The ENI's addresses of a family, 32 bits of an IPv4 one; some other if it has none.
fn own(eni: &Eni, is_ipv4: bool) -> Vec<u128> {
    let mut own: Vec<u128> = eni.ips.iter().filter(|ip| ip.is_ipv4() == is_ipv4).map(|ip| ip_bits(*ip)).collect();
    if is_ipv4 {
        own.iter_mut().for_each(|ip| *ip &= 0xffff_ffff);
    }
    if own.is_empty() { vec![ip_bits(v6(99))] } else { own }
}

/// The address of a mapping of this VPC and family; at times of any.
fn mapped(random: &mut Random, config: &CardConfig, vni: u32, is_ipv4: bool) -> u128 {
    let any = random.chance(0.05);
    let known: Vec<u128> = config
        .mappings
        .iter()
        .filter(|mapping| any || (mapping.vni == vni && mapping.ip.is_ipv4() == is_ipv4))
        .map(|mapping| ip_bits(mapping.ip))
        .collect();
    if known.is_empty() { wide(random) } else { pick(random, &known) }
}

fn ipv4(random: &mut Random, config: &CardConfig, eni: &Eni) -> Vec<u8> {
    let own = own(eni, true);
    let src = if random.chance(0.9) { pick(random, &own) } else { below(random, 1 << 32) };
    let mapped = mapped(random, config, eni.vni, true) & 0xffff_ffff;
    let dst = match random.below(20) {
        0 => pick(random, &[0xffff_ffff, 0xe000_0001, 0x0a00_00ff, 0x0a00_001f, 0x0a00_0001, 0xefff_ffff]),
        1 => below(random, 1 << 32),
        2 => pick(random, &own),
        _ => mapped,
    };
    let (protocol, upper) = upper(random, 1);
    let fragment = random.chance(0.1);
    let (more, offset) = if fragment { (below(random, 2), pick(random, &[0, 0, 3, 185])) } else { (0, 0) };
    let mut bytes = IPV4
        .pack(&[
            ("version", 4),
            ("ihl", 5),
            ("traffic_class", below(random, 256)),
            ("total_length", 20 + upper.len() as u128),
            ("identification", below(random, 65_536)),
            ("dont_fragment", below(random, 2)),
            ("more_fragments", more),
            ("fragment_offset", offset),
            ("ttl", below(random, 256)),
            ("protocol", protocol),
            ("src", src),
            ("dst", dst),
        ])
        .unwrap();
    let sum = checksum(&bytes);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(upper);
    bytes
}

fn ipv6(random: &mut Random, config: &CardConfig, eni: &Eni) -> Vec<u8> {
    let own = own(eni, false);
    let src = match random.below(10) {
        0 => wide(random),
        _ => pick(random, &own),
    };
    let mapped = mapped(random, config, eni.vni, false);
    let dst = match random.below(20) {
        0 => wide(random),
        1 => 0xff02 << 112 | 1,
        2 => ip_bits(v6(1)),
        3 => pick(random, &own),
        _ => mapped,
    };
    let (mut next, mut payload) = upper(random, 58);
    if random.chance(0.1) {
        let offset = pick(random, &[0, 0, 5]);
        let mut header = IPV6_FRAGMENT
            .pack(&[("next_header", next), ("fragment_offset", offset), ("more_fragments", below(random, 2))])
            .unwrap();
        header.extend(payload);
        (next, payload) = (44, header);
    }
    let mut bytes = IPV6
        .pack(&[
            ("version", 6),
            ("traffic_class", below(random, 256)),
            ("flow_label", below(random, 1 << 20)),
            ("payload_length", payload.len() as u128),
            ("next_header", next),
            ("hop_limit", below(random, 256)),
            ("src", src),
            ("dst", dst),
        ])
        .unwrap();
    bytes.extend(payload);
    bytes
}

/// An ARP frame of an interface, mostly a request.
pub fn arp(random: &mut Random, mac: u128, eni: &Eni) -> Vec<u8> {
    let own = own(eni, true);
    let sender_mac = if random.chance(0.95) { mac } else { below(random, 1 << 48) };
    let sender_ip = match random.below(10) {
        0 => 0,
        1 => below(random, 1 << 32),
        _ => pick(random, &own),
    };
    let target = match random.below(8) {
        0 => low32(v4(1)),
        1 => low32(v4(17)),
        2 => sender_ip,
        3 => pick(random, &own),
        4 => below(random, 1 << 32),
        _ => low32(v4(20 + u8::try_from(random.below(9)).unwrap())),
    };
    ARP.pack(&[
        ("hardware_type", if random.chance(0.95) { 1 } else { 6 }),
        ("protocol_type", 0x0800),
        ("hardware_length", 6),
        ("protocol_length", 4),
        ("operation", pick(random, &[1, 1, 1, 1, 1, 1, 2, 3])),
        ("sender_mac", sender_mac),
        ("sender_ip", sender_ip),
        ("target_mac", below(random, 1 << 48)),
        ("target_ip", target),
    ])
    .unwrap()
}

/// The gateway's link-local address.
fn gateway_link_local() -> u128 {
    0xfe80 << 112 | 0x080000fffe000001 | u128::from(GATEWAY_MAC[0] ^ 2 ^ 8) << 56
}

fn solicitation(random: &mut Random, mac: u128, eni: &Eni) -> Vec<u8> {
    let own = own(eni, false);
    let source = match random.below(8) {
        0 => 0,
        1 => 0xfe80 << 112 | below(random, 1 << 60),
        2 => wide(random),
        _ => pick(random, &own),
    };
    let router = random.chance(0.25);
    let target = match random.below(8) {
        0 => ip_bits(v6(1)),
        1 => gateway_link_local(),
        2 => pick(random, &own),
        3 => wide(random),
        _ => ip_bits(v6(20 + u16::try_from(random.below(9)).unwrap())),
    };
    let (mut message, destination) = if router {
        (ICMP.pack(&[("icmp_type", 133)]).unwrap(), 0xff02 << 112 | 2)
    } else {
        let group = 0xff02 << 112 | 0x1_ff00_0000 | target & 0xff_ffff;
        let destination = if random.chance(0.8) { group } else { target };
        (ND_SOLICITATION.pack(&[("icmp_type", 135), ("target", target)]).unwrap(), destination)
    };
    if source != 0 || random.chance(0.1) {
        let option = [("option_type", 1), ("length", pick(random, &[1, 1, 1, 1, 1, 0, 9])), ("mac", mac)];
        message.extend(ND_LINK_LAYER_OPTION.pack(&option).unwrap());
    }
    let sum = !icmpv6_sum(source, destination, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    if random.chance(0.05) {
        message[2] ^= 1;
    }
    let mut bytes = IPV6
        .pack(&[
            ("version", 6),
            ("payload_length", message.len() as u128),
            ("next_header", 58),
            ("hop_limit", if random.chance(0.95) { 255 } else { 64 }),
            ("src", source),
            ("dst", destination),
        ])
        .unwrap();
    bytes.extend(message);
    bytes
}

/// An echo request to the gateway of an ENI's subnet; some that are none, or not quite.
pub fn echo(random: &mut Random, eni: &Eni, is_ipv4: bool) -> Vec<u8> {
    let count = payload_bytes(random);
    let data = noise::noise(random, count);
    let kind = match (random.below(8), is_ipv4) {
        (0, true) => 0,
        (0, false) => 129,
        (_, true) => 8,
        (_, false) => 128,
    };
    let code = u128::from(random.chance(0.05));
    let checksum_field = pick(random, &[0, 0xffff, 0x0800, 0x8000, 0xf7ff, 0x7fff, 0x1234, 0xfeff]);
    let mut message = ICMP
        .pack(&[("icmp_type", kind), ("code", code), ("checksum", checksum_field), ("rest", below(random, 1 << 32))])
        .unwrap();
    message.extend(data);
    let own = own(eni, is_ipv4);
    let source = pick(random, &own);
    let hops = if random.chance(0.2) { 64 } else { below(random, 256) };
    if !is_ipv4 {
        let target = if random.chance(0.1) { ip_bits(v6(2)) } else { ip_bits(v6(1)) };
        let fields = [
            ("version", 6),
            ("traffic_class", below(random, 256)),
            ("payload_length", message.len() as u128),
            ("next_header", 58),
            ("hop_limit", hops),
            ("src", source),
            ("dst", target),
        ];
        return [IPV6.pack(&fields).unwrap(), message].concat();
    }
    let base = eni.subnet4.map_or(0, |(base, _)| u128::from(base.to_bits()));
    let options =
        if random.chance(0.1) { vec![1; 4 * usize::try_from(1 + random.below(10)).unwrap()] } else { Vec::new() };
    let fields = [
        ("version", 4),
        ("ihl", 5 + options.len() as u128 / 4),
        ("traffic_class", below(random, 256)),
        ("total_length", (20 + options.len() + message.len()) as u128),
        ("identification", below(random, 65_536)),
        ("dont_fragment", below(random, 2)),
        ("more_fragments", u128::from(random.chance(0.05))),
        ("ttl", hops),
        ("protocol", 1),
        ("src", source & 0xffff_ffff),
        ("dst", base + if random.chance(0.1) { 2 } else { 1 }),
    ];
    let mut header = [IPV4.pack(&fields).unwrap(), options].concat();
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [header, message].concat()
}

/// A frame and the port it comes from.
pub fn frame(random: &mut Random, config: &CardConfig) -> (u8, Vec<u8>) {
    let eni = &config.enis[index(random, config.enis.len())];
    let number = if random.chance(0.97) { eni.number } else { pick(random, &[2, 3, 16, 255]) };
    let mac = u128::from(mac_bits(eni.mac));
    let (ethertype, payload) = match random.below(23) {
        0..=7 => (0x0800, ipv4(random, config, eni)),
        8..=11 => (0x86dd, ipv6(random, config, eni)),
        12..=14 => (0x0806, arp(random, mac, eni)),
        15..=17 => (0x86dd, solicitation(random, mac, eni)),
        18 => {
            // Of anything the parser knows, but with the ENI's MAC.
            let mut frame = noise::frame(random);
            if frame.len() >= 12 {
                frame[6..12].copy_from_slice(&eni.mac);
            }
            return (number, frame);
        }
        19 | 20 => (0x0800, echo(random, eni, true)),
        21 => (0x86dd, echo(random, eni, false)),
        _ => {
            let mut frame = noise::noise(random, 1);
            let count = pick(random, &[0, 5, 12, 13, 17, 9214, 9215, 9216, 9300, 12_000]);
            frame.extend(noise::noise(random, count));
            return (number, frame);
        }
    };
    let tagged = random.chance(0.25);
    let dst = if random.chance(0.05) { 1 << 40 } else { mac_bits(GATEWAY_MAC).into() };
    let src = if random.chance(0.97) { mac } else { mac ^ 1 << random.below(48) };
    let outer = if tagged { 0x8100 } else { ethertype };
    let mut frame = ETHERNET.pack(&[("dst", dst), ("src", src), ("ethertype", outer)]).unwrap();
    if tagged {
        frame.extend(VLAN_TAG.pack(&[("tci", below(random, 65_536)), ("ethertype", ethertype)]).unwrap());
    }
    frame.extend(payload);
    if frame.len() < 60 && random.chance(0.5) {
        frame.resize(60, 0);
    }
    if random.chance(0.05) {
        let place = index(random, frame.len().min(100));
        frame[place] ^= 1 << random.below(8);
    }
    (number, frame)
}
