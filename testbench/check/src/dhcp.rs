//! Random DHCP messages of clients: sound ones of all kinds, and such as are wrong in one place or another.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::IpAddr;

use nitro_components::bench::Random;
use nitro_model::checksum::checksum;
use nitro_wire::control::{CardConfig, Eni, ip_bits, mac_bits};
use nitro_wire::formats::{BOOTP, ETHERNET, IPV4, UDP, VLAN_TAG};

/// Options before their end: number and value.
type Options = Vec<(u8, Vec<u8>)>;

fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

fn byte(random: &mut Random) -> u8 {
    random.bits().to_le_bytes()[0]
}

fn noise(random: &mut Random, count: u64) -> Vec<u8> {
    (0..count).map(|_| byte(random)).collect()
}

fn low32(ip: IpAddr) -> u32 {
    u32::try_from(ip_bits(ip) & 0xffff_ffff).unwrap()
}

/// A client's addresses as its request has them: source, destination, `ciaddr`, option 50, option 54.
struct Ends {
    src: u32,
    dst: u32,
    client: u32,
    requested: Option<u32>,
    server: Option<u32>,
}

/// Where a client may be in its life (RFC 2131, section 4.3.2), and where it may not.
fn ends(random: &mut Random, own: u32, gateway: u32) -> Ends {
    let all = Ends { src: 0, dst: u32::MAX, client: 0, requested: None, server: None };
    let wanted = if random.chance(0.75) { own } else { own ^ 3 };
    match random.below(7) {
        0 => all,
        1 | 2 => {
            let server = if random.chance(0.8) { gateway } else { gateway + 2 };
            Ends { requested: Some(wanted), server: Some(server), ..all }
        }
        3 => Ends { requested: Some(wanted), ..all },
        4 => Ends { src: own, dst: gateway, client: wanted, ..all },
        5 => Ends { src: own, client: wanted, ..all },
        _ => {
            let mut any = |limit: &[u32]| pick(random, limit);
            let (src, dst) = (any(&[0, own, own ^ 3]), any(&[u32::MAX, gateway, gateway + 1, own | 0xff]));
            let client = any(&[0, own, own ^ 3, u32::MAX, 1]);
            Ends { src, dst, client, requested: Some(wanted), server: None }
        }
    }
}

fn options(random: &mut Random, number: u8, ends: &Ends) -> Options {
    let mut options: Options = vec![(53, vec![number])];
    options.extend(ends.requested.map(|ip| (50, ip.to_be_bytes().to_vec())));
    options.extend(ends.server.map(|ip| (54, ip.to_be_bytes().to_vec())));
    if random.chance(0.6) {
        let length = pick(random, &[0, 1, 7, 7, 7, 13, 14, 15, 19, 19, 64, 254, 255]);
        options.push((61, noise(random, length)));
    }
    for (number, longest) in [(55, 20), (57, 2), (12, 30), (60, 40), (51, 4), (82, 60), (52, 1), (0, 0), (255, 0)] {
        let chance = match number {
            55 => 0.8,
            52 => 0.1,
            255 => 0.02,
            _ => 0.3,
        };
        if random.chance(chance) {
            let count = random.below(longest + 1);
            options.push((number, noise(random, count)));
        }
    }
    if random.chance(0.1) {
        // The same once more, at times with a length that it must not have.
        let number = pick(random, &[53, 50, 54, 61, 55]);
        let length = if random.chance(0.5) { if number == 53 { 1 } else { 4 } } else { random.below(6) };
        options.push((number, noise(random, length)));
    }
    if random.chance(0.03) {
        options.retain(|(number, _)| *number != 53);
    }
    for last in (1..options.len()).rev() {
        options.swap(last, usize::try_from(random.below(last as u64 + 1)).unwrap());
    }
    options
}

/// A message as UDP carries it.
fn body(random: &mut Random, mac: [u8; 6], number: u8, ends: &Ends) -> Vec<u8> {
    let odd = |random: &mut Random, usual: u128| {
        if random.chance(0.99) { usual } else { u128::from(random.below(256)) }
    };
    let hardware = [&mac[..], &[0; 10]].concat();
    let hardware = u128::from_be_bytes(hardware.try_into().unwrap());
    let fields = [
        ("operation", odd(random, 1)),
        ("hardware_type", odd(random, 1)),
        ("hardware_length", odd(random, 6)),
        ("hops", odd(random, 0)),
        ("transaction", u128::from(random.bits() >> 32)),
        ("seconds", u128::from(random.below(100))),
        ("flags", if random.chance(0.3) { 0x8000 } else { odd(random, 0) }),
        ("client_ip", ends.client.into()),
        ("your_ip", odd(random, 0)),
        ("server_ip", odd(random, 0)),
        ("relay_ip", if random.chance(0.98) { 0 } else { 1 << random.below(32) }),
        ("hardware", if random.chance(0.9) { hardware } else { random.bits().into() }),
    ];
    let mut body = BOOTP.pack(&fields).unwrap();
    let fill = if random.chance(0.8) { vec![0; 192] } else { noise(random, 192) };
    body.extend(fill);
    body.extend([0x63, 0x82, 0x53, 0x63]);
    let options = options(random, number, ends);
    for (number, value) in &options {
        body.push(*number);
        if ![0, 255].contains(number) {
            body.push(u8::try_from(value.len()).unwrap());
            body.extend(value);
        }
    }
    if random.chance(0.97) {
        body.push(255);
    }
    match random.below(30) {
        // As BOOTP demands, or as some client has it.
        0..=14 => body.resize(body.len().max(300), 0),
        15..=17 => body.resize(body.len().max(548), 0),
        // The longest ones.
        18 => body.resize(1472, 0),
        19 => body.resize(1473, 0),
        20 => {
            let behind = random.below(60);
            body.extend(noise(random, behind));
        }
        // Cut off, at times within the fixed fields.
        21 => body.truncate(body.len() - usize::try_from(random.below(30)).unwrap()),
        22 => body.truncate(usize::try_from(random.below(260)).unwrap()),
        // Something is different.
        23 => {
            let at = usize::try_from(random.below(body.len() as u64)).unwrap();
            body[at] ^= 1 << random.below(8);
        }
        24 => {
            let at = (236 + usize::try_from(random.below(60)).unwrap()).min(body.len() - 1);
            body[at] = byte(random);
        }
        _ => {}
    }
    body
}

/// A message of an interface, or something that is nearly one.
pub fn frame(random: &mut Random, card: &CardConfig, eni: &Eni) -> Vec<u8> {
    let own = eni.ips.iter().find(|ip| ip.is_ipv4()).map_or(0x0a00_0005, |ip| low32(*ip));
    let gateway = eni.subnet4.map_or(0x0a00_0001, |(base, _)| base.to_bits() + 1);
    let number = match random.below(10) {
        0..=3 => 1,
        4..=8 => 3,
        _ => pick(random, &[0, 2, 4, 5, 6, 7, 8, 9, 255]),
    };
    let ends = ends(random, own, gateway);
    let body = body(random, eni.mac, number, &ends);
    let mut udp_length = 8 + body.len();
    if random.chance(0.03) {
        udp_length -= usize::try_from(random.below(body.len().min(100) as u64 + 1)).unwrap();
    }
    let port = |random: &mut Random, usual| if random.chance(0.98) { usual } else { usual ^ 1 };
    let udp = UDP
        .pack(&[
            ("src_port", port(random, 68)),
            ("dst_port", port(random, 67)),
            ("length", udp_length as u128),
            ("checksum", u128::from(random.below(65_536))),
        ])
        .unwrap();
    let words = if random.chance(0.02) { 1 } else { 0 };
    let mut header = IPV4
        .pack(&[
            ("version", 4),
            ("ihl", 5 + words),
            ("traffic_class", 0x10),
            ("total_length", 20 + 4 * words + (8 + body.len()) as u128),
            ("identification", u128::from(random.below(65_536))),
            ("dont_fragment", u128::from(random.chance(0.2))),
            ("ttl", 128),
            ("protocol", 17),
            ("src", ends.src.into()),
            ("dst", ends.dst.into()),
        ])
        .unwrap();
    header.extend(vec![1; 4 * usize::try_from(words).unwrap()]);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());

    let to_all = if random.chance(0.95) { ends.dst == u32::MAX } else { random.chance(0.5) };
    let dst = if to_all { 0xffff_ffff_ffff } else { mac_bits(card.gateway_mac) };
    let tagged = random.chance(0.3);
    let outer = if tagged { 0x8100 } else { 0x0800 };
    let mut frame =
        ETHERNET.pack(&[("dst", dst.into()), ("src", mac_bits(eni.mac).into()), ("ethertype", outer)]).unwrap();
    if tagged {
        let tag = [("tci", u128::from(random.below(65_536))), ("ethertype", 0x0800)];
        frame.extend(VLAN_TAG.pack(&tag).unwrap());
    }
    frame.extend(header);
    frame.extend(udp);
    frame.extend(body);
    match random.below(40) {
        0..=3 => {
            let padding = random.below(80);
            frame.extend(noise(random, padding));
        }
        4 => frame.resize(frame.len() + 2000, 0xa5),
        _ => {}
    }
    frame
}
