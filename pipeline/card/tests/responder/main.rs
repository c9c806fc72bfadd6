//! What the tx path answers itself: solicitations, echo requests to the gateway, and packets that are too big, against the
//! golden model, in any mixture and under back-pressure.
//!
//! What may be too big goes to addresses that no policy concerns, so it waits for nothing.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;

use nitro_card::config::Config;
use nitro_check::{guest as frames, noise, setup, whole};
use nitro_components::bench::Random;
use nitro_model::checksum::checksum;
use nitro_wire::control::{CardConfig, Eni, ip_bits};
use nitro_wire::formats::{ETHERNET, ICMP, IPV4, IPV6, IPV6_FRAGMENT, TCP, UDP, VLAN_TAG};

use whole::{Frame, Rates, Strictness, Whole};

/// Ways of these MTUs, each to an address that no policy concerns.
const SERVICES: [([u8; 4], u16); 2] = [([169, 254, 169, 253], 100), ([169, 254, 169, 254], 1500)];

/// A card whose services are behind narrow ways.
fn card() -> CardConfig {
    let mut card = setup::config();
    for mapping in &mut card.mappings {
        for (service, mtu) in SERVICES {
            if mapping.ip == std::net::IpAddr::from(service) {
                mapping.path_mtu = mtu;
            }
        }
        if mapping.ip == setup::v6(2) {
            mapping.path_mtu = 200;
        }
        if mapping.ip == setup::v4(2) {
            mapping.path_mtu = 10;
        }
    }
    let services: Vec<_> =
        card.mappings.iter().filter(|mapping| ip_bits(mapping.ip) & 0xffff == 0xa9fd).cloned().collect();
    card.mappings.extend(services.into_iter().map(|mapping| nitro_wire::control::Mapping { vni: 77, ..mapping }));
    card
}

fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

fn number(random: &mut Random, limit: u64) -> u128 {
    u128::from(random.below(limit))
}

/// A datagram's payload with its protocol; errors of ICMP among them.
fn upper(random: &mut Random, icmp: u128) -> (u128, Vec<u8>) {
    let length = pick(random, &[0, 1, 40, 90, 130, 180, 200, 560, 1480, 1500, 8990]) + random.below(12);
    let data = noise::noise(random, length);
    let ports = [("src_port", number(random, 65_536)), ("dst_port", number(random, 65_536))];
    let (protocol, mut bytes) = match random.below(6) {
        0 => (6, TCP.pack(&[ports[0], ports[1], ("data_offset", 5), ("flags", number(random, 256))]).unwrap()),
        1 | 2 => (17, UDP.pack(&[ports[0], ports[1], ("length", 8 + data.len() as u128)]).unwrap()),
        3 | 4 => {
            let kind = pick(random, &[0, 3, 4, 5, 8, 11, 12, 13, 1, 2, 127, 128, 129, 137, 138, 255]);
            (icmp, ICMP.pack(&[("icmp_type", kind), ("rest", number(random, 1 << 32))]).unwrap())
        }
        _ => (pick(random, &[47, 50, 132]), Vec::new()),
    };
    bytes.extend(data);
    (protocol, bytes)
}

/// A packet to a service of IPv4, behind an IP header of any length.
fn large4(random: &mut Random, eni: &Eni) -> Vec<u8> {
    let (protocol, upper) = upper(random, 1);
    let options = vec![1; 4 * usize::try_from(random.below(3) * random.below(6)).unwrap()];
    let own = ip_bits(eni.ips[0]) & 0xffff_ffff;
    let strange = pick(random, &[0, 0x0000_0001, 0x7f00_0001, 0xe000_0001, 0xdfff_ffff, 0x8000_0000, 0x0100_0000]);
    let source = if eni.source_dest_check || random.chance(0.5) { own } else { strange };
    let target = match random.below(3) {
        0 if eni.number == 0 => 0x0a00_0002,
        index => u128::from(u32::from_be_bytes(SERVICES[usize::try_from(index).unwrap() % 2].0)),
    };
    let mut header = IPV4
        .pack(&[
            ("version", 4),
            ("ihl", 5 + options.len() as u128 / 4),
            ("traffic_class", number(random, 256)),
            ("total_length", (20 + options.len() + upper.len()) as u128),
            ("identification", number(random, 65_536)),
            ("dont_fragment", u128::from(random.chance(0.8))),
            ("ttl", number(random, 256)),
            ("protocol", protocol),
            ("src", source),
            ("dst", target),
        ])
        .unwrap();
    header.extend(options);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [header, upper].concat()
}

/// A DHCP message to all that gets no answer, as it has no options; or something that is nearly one.
fn dhcp(random: &mut Random, eni: &Eni) -> Vec<u8> {
    let length = random.below(300);
    let data = noise::noise(random, length);
    let port = |random: &mut Random, usual: u128| if random.chance(0.9) { usual } else { number(random, 65_536) };
    let ports = [("src_port", port(random, 68)), ("dst_port", port(random, 67))];
    let udp = UDP.pack(&[ports[0], ports[1], ("length", 8 + data.len() as u128)]).unwrap();
    let fields = [
        ("version", 4),
        ("ihl", 5),
        ("total_length", (28 + data.len()) as u128),
        ("ttl", 64),
        ("more_fragments", u128::from(random.chance(0.1))),
        ("protocol", if random.chance(0.9) { 17 } else { 132 }),
        ("src", if random.chance(0.8) { 0 } else { ip_bits(eni.ips[0]) & 0xffff_ffff }),
        ("dst", if random.chance(0.9) { 0xffff_ffff } else { 0x0a00_00ff }),
    ];
    let mut header = IPV4.pack(&fields).unwrap();
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [header, udp, data].concat()
}

/// A packet of IPv6 to a service, or a fragment of a datagram to a neighbour behind a narrow way.
fn large6(random: &mut Random) -> Vec<u8> {
    let (mut next, mut upper) = upper(random, 58);
    let in_fragments = random.chance(0.4);
    if in_fragments || random.chance(0.2) {
        let fragment = [
            ("next_header", next),
            ("fragment_offset", if in_fragments { pick(random, &[0, 0, 64, 200]) } else { 0 }),
            ("more_fragments", u128::from(in_fragments && random.chance(0.7))),
            ("identification", number(random, 3)),
        ];
        let header = IPV6_FRAGMENT.pack(&fragment).unwrap();
        (next, upper) = (44, [header, upper].concat());
    }
    let target = if in_fragments { 21 } else { 2 };
    let fields = [
        ("version", 6),
        ("traffic_class", number(random, 256)),
        ("payload_length", upper.len() as u128),
        ("next_header", next),
        ("hop_limit", number(random, 256)),
        ("src", ip_bits(setup::v6(5))),
        ("dst", ip_bits(setup::v6(target))),
    ];
    [IPV6.pack(&fields).unwrap(), upper].concat()
}

/// A frame that the path may answer, and the port it comes from.
fn frame(random: &mut Random, card: &CardConfig) -> (u8, Vec<u8>) {
    let eni = &card.enis[usize::from(random.chance(0.4))];
    let v6 = eni.subnet6.is_some() && random.chance(0.5);
    let (ethertype, packet) = match random.below(5) {
        4 => (0x0800, dhcp(random, eni)),
        0 => (0x0806, frames::arp(random, nitro_wire::control::mac_bits(eni.mac).into(), eni)),
        1 if v6 => (0x86dd, frames::echo(random, eni, false)),
        1 => (0x0800, frames::echo(random, eni, true)),
        _ if v6 => (0x86dd, large6(random)),
        _ => (0x0800, large4(random, eni)),
    };
    let tagged = random.chance(0.3);
    let outer = if tagged { 0x8100 } else { ethertype };
    let macs =
        [("dst", nitro_wire::control::mac_bits(card.gateway_mac)), ("src", nitro_wire::control::mac_bits(eni.mac))];
    let macs = macs.map(|(name, value)| (name, u128::from(value)));
    let mut frame = ETHERNET.pack(&[macs[0], macs[1], ("ethertype", outer)]).unwrap();
    if tagged {
        frame.extend(VLAN_TAG.pack(&[("tci", number(random, 65_536)), ("ethertype", ethertype)]).unwrap());
    }
    frame.extend(packet);
    if frame.len() < 60 && random.chance(0.5) {
        frame.resize(60, 0xa5);
    }
    (eni.number, frame)
}

/// Frames whose answers, and whose order, are compared as a whole.
const TURN: usize = 50;

fn check(config: Config, count: usize, rates: Rates) -> BTreeMap<String, u32> {
    let card = setup::short_lived(card());
    let mut whole = Whole::new(config, &card, rates);
    let mut random = Random::new(rates.seed);
    for _ in 0..count.div_ceil(TURN) {
        let frames: Vec<_> = std::iter::repeat_with(|| frame(&mut random, &card))
            .map(|(port, bytes)| Frame::tx(port, bytes))
            .take(TURN)
            .collect();
        whole.turn(&frames, Strictness::RoomMayBeFull).unwrap_or_else(|error| panic!("{config}: {error}"));
        whole.pass_ticks(setup::LIFE).unwrap();
    }
    whole.finish().unwrap_or_else(|error| panic!("{config}: {error}"));
    whole.shown
}

fn cross(config: Config, count: usize) {
    let mut counted = BTreeMap::<String, u32>::new();
    for (seed, (idle, pressure)) in (0..).step_by(10).zip([(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.9)]) {
        for (name, count) in check(config, count, Rates { idle, pressure, seed }) {
            *counted.entry(name).or_default() += count;
        }
    }
    println!("{config}: {counted:?}");
    for name in ["Reply", "Pass", "too_big", "no_broadcast", "spoofed_ip"] {
        assert!(counted.get(name).is_some_and(|count| *count > 3), "{config}: no {name}: {counted:?}");
    }
}

#[test]
fn narrow_path_answers_as_the_model() {
    cross(Config::Tiny, 150);
}

#[test]
fn wide_path_answers_as_the_model() {
    cross(Config::Line, 500);
}
