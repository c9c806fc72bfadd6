//! Random frames of every kind that the parser knows, sound ones and ones with faults of every kind.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use nitro_components::bench::Random;
use nitro_model::checksum::{checksum, icmpv6_sum};
use nitro_wire::formats::{
    ARP, ETHERNET, ICMP, IPV4, IPV6, IPV6_EXTENSION, IPV6_FRAGMENT, ND_SOLICITATION, TCP, UDP, VLAN_TAG,
};

/// One of the values.
fn pick(random: &mut Random, values: &[u128]) -> u128 {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

/// A number of up to 128 bits, below `limit`.
fn below(random: &mut Random, limit: u64) -> u128 {
    u128::from(random.below(limit))
}

fn wide(random: &mut Random) -> u128 {
    u128::from(random.bits()) << 64 | u128::from(random.bits())
}

fn length(bytes: &[u8]) -> u128 {
    bytes.len() as u128
}

/// That many random bytes.
pub fn noise(random: &mut Random, count: u64) -> Vec<u8> {
    (0..count).map(|_| u8::try_from(random.below(256)).unwrap()).collect()
}

fn tcp(random: &mut Random) -> Vec<u8> {
    let options = if random.chance(0.5) { random.below(11) } else { 0 };
    let mut bytes = TCP
        .pack(&[
            ("src_port", below(random, 65_536)),
            ("dst_port", below(random, 65_536)),
            ("sequence", below(random, 1 << 32)),
            ("data_offset", u128::from(5 + options)),
            ("flags", below(random, 256)),
            ("window", below(random, 65_536)),
        ])
        .unwrap();
    bytes.extend(noise(random, 4 * options));
    bytes
}

fn udp(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    UDP.pack(&[
        ("src_port", below(random, 65_536)),
        ("dst_port", below(random, 65_536)),
        ("length", 8 + length(payload)),
        ("checksum", below(random, 65_536)),
    ])
    .unwrap()
}

fn icmp(random: &mut Random, types: &[u128]) -> Vec<u8> {
    let icmp_type = if random.chance(0.9) { pick(random, types) } else { below(random, 256) };
    let rest = below(random, 1 << 32);
    ICMP.pack(&[("icmp_type", icmp_type), ("code", below(random, 4)), ("checksum", 7), ("rest", rest)]).unwrap()
}

/// The upper layer of a packet of a family: protocol, bytes.
fn upper(random: &mut Random, is_ipv4: bool, depth: u32) -> (u128, Vec<u8>) {
    let payload_bytes = random.below(40);
    let payload = noise(random, payload_bytes);
    let (protocol, mut bytes) = match random.below(8) {
        0 | 1 => (6, tcp(random)),
        2 | 3 => (17, udp(random, &payload)),
        4..=6 => {
            let (protocol, echo, errors): (u128, &[u128], &[u128]) =
                if is_ipv4 { (1, &[0, 8], &[3, 4, 5, 11, 12]) } else { (58, &[128, 129], &[1, 2, 3, 4]) };
            if random.chance(0.4) || depth > 0 {
                (protocol, icmp(random, echo))
            } else {
                let mut bytes = icmp(random, errors);
                let family = if random.chance(0.95) { is_ipv4 } else { !is_ipv4 };
                let mut quote = if family { ipv4(random, depth + 1) } else { ipv6(random, depth + 1) };
                if random.chance(0.4) {
                    quote.truncate(usize::try_from(random.below(80)).unwrap());
                }
                bytes.extend(quote);
                return (protocol, bytes);
            }
        }
        _ => (pick(random, &[1, 58, 47, 50, 51, 59, 132, 255]), Vec::new()),
    };
    bytes.extend(payload);
    (protocol, bytes)
}

/// An IPv4 datagram.
fn ipv4(random: &mut Random, depth: u32) -> Vec<u8> {
    let (protocol, payload) = upper(random, true, depth);
    let options = if random.chance(0.3) { random.below(11) } else { 0 };
    let fragment = random.chance(0.15);
    let fragment_offset = if fragment { pick(random, &[0, 0, 1, 2, 3, 4, 185, 8191]) } else { 0 };
    let mut header = IPV4
        .pack(&[
            ("version", 4),
            ("ihl", u128::from(5 + options)),
            ("traffic_class", below(random, 256)),
            ("total_length", 20 + u128::from(4 * options) + length(&payload)),
            ("identification", below(random, 65_536)),
            ("dont_fragment", below(random, 2)),
            ("more_fragments", if fragment { below(random, 2) } else { 0 }),
            ("fragment_offset", fragment_offset),
            ("ttl", below(random, 256)),
            ("protocol", protocol),
            ("src", below(random, 1 << 32)),
            ("dst", below(random, 1 << 32)),
        ])
        .unwrap();
    header.extend(noise(random, 4 * options));
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    header
}

/// An IPv6 datagram with extension headers, or a solicitation.
fn ipv6(random: &mut Random, depth: u32) -> Vec<u8> {
    if depth == 0 && random.chance(0.3) {
        return solicitation(random);
    }
    let (mut next, mut bytes) = upper(random, false, depth);
    let headers = if random.chance(0.5) { random.below(9) } else { 0 };
    for _ in 0..headers {
        let kind = pick(random, &[0, 43, 60, 44]);
        let mut header = if kind == 44 {
            let fragment_offset = if random.chance(0.3) { pick(random, &[1, 2, 3, 8191, 4096]) } else { 0 };
            IPV6_FRAGMENT
                .pack(&[
                    ("next_header", next),
                    ("reserved", below(random, 256)),
                    ("fragment_offset", fragment_offset),
                    ("more_fragments", below(random, 2)),
                    ("identification", below(random, 1 << 32)),
                ])
                .unwrap()
        } else {
            let units = pick(random, &[0, 0, 0, 0, 1, 1, 2, 5]);
            let data = below(random, 1 << 48);
            let header = [("next_header", next), ("length", units), ("data", data)];
            let mut header = IPV6_EXTENSION.pack(&header).unwrap();
            header.extend(noise(random, 8 * u64::try_from(units).unwrap()));
            header
        };
        header.extend(bytes);
        (next, bytes) = (kind, header);
    }
    let mut header = IPV6
        .pack(&[
            ("version", 6),
            ("traffic_class", below(random, 256)),
            ("flow_label", below(random, 1 << 20)),
            ("payload_length", length(&bytes)),
            ("next_header", next),
            ("hop_limit", below(random, 256)),
            ("src", wide(random)),
            ("dst", wide(random)),
        ])
        .unwrap();
    header.extend(bytes);
    header
}

/// A neighbour or router solicitation; about half of them are sound.
fn solicitation(random: &mut Random) -> Vec<u8> {
    let fault = 0.07;
    let neighbour = random.chance(0.7);
    let source = if random.chance(0.3) { 0 } else { wide(random) };
    let target = if random.chance(fault) { 0xff02 << 112 } else { wide(random) >> 1 };
    let destination = if random.chance(0.7) {
        0xff02_0000_0000_0000_0000_0001_ff00_0000 | (target & 0xff_ffff)
    } else {
        wide(random)
    };
    let code = u128::from(random.chance(fault));
    let header = [("icmp_type", if neighbour { 135 } else { 133 }), ("code", code), ("target", target)];
    let mut message = ND_SOLICITATION.pack(&header).unwrap();
    if !neighbour {
        message.truncate(8);
    }
    for _ in 0..random.below(4) {
        let units = if random.chance(fault) { random.below(3) } else { 1 + random.below(2) };
        let kind = pick(random, &[1, 2, 14, 14, 0]);
        let mut option = noise(random, (8 * units).max(8));
        option[0] = u8::try_from(kind).unwrap();
        option[1] = u8::try_from(units).unwrap();
        message.extend(option);
    }
    if random.chance(fault) {
        message.truncate(message.len() - 1);
    }
    if random.chance(fault) {
        let more = 8 * random.below(10);
        message.extend(noise(random, more));
    }
    let sum = !icmpv6_sum(source, destination, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    if random.chance(fault) {
        message[3] ^= 1;
    }
    let hop_limit = if random.chance(fault) { 254 } else { 255 };
    let mut bytes = IPV6
        .pack(&[
            ("version", 6),
            ("payload_length", length(&message)),
            ("next_header", 58),
            ("hop_limit", hop_limit),
            ("src", source),
            ("dst", destination),
        ])
        .unwrap();
    bytes.extend(message);
    bytes
}

fn arp(random: &mut Random) -> Vec<u8> {
    let mut value = |right: u128| if random.chance(0.05) { below(random, 256) } else { right };
    let (hardware_type, protocol_type) = (value(1), value(0x0800));
    let (hardware_length, protocol_length, operation) = (value(6), value(4), value(1));
    ARP.pack(&[
        ("hardware_type", hardware_type),
        ("protocol_type", protocol_type),
        ("hardware_length", hardware_length),
        ("protocol_length", protocol_length),
        ("operation", operation + below(random, 2)),
        ("sender_mac", below(random, 1 << 48)),
        ("sender_ip", below(random, 1 << 32)),
        ("target_mac", below(random, 1 << 48)),
        ("target_ip", below(random, 1 << 32)),
    ])
    .unwrap()
}

/// Sets the IPv4 header's checksum right, if there is a whole header.
pub fn mend(frame: &mut [u8]) {
    let start = if frame.get(12..14) == Some(&[0x81, 0]) { 18 } else { 14 };
    if frame.get(start - 2..start) != Some(&[8, 0]) || frame.len() < start + 20 {
        return;
    }
    let end = start + 4 * usize::from(frame[start] & 0xf);
    if end < start + 20 || end > frame.len() {
        return;
    }
    frame[start + 10..start + 12].fill(0);
    let sum = checksum(&frame[start..end]);
    frame[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
}

/// A sound frame.
pub fn sound(random: &mut Random) -> Vec<u8> {
    let (ethertype, payload) = match random.below(20) {
        0 | 1 => (0x0806, arp(random)),
        2..=10 => (0x0800, ipv4(random, 0)),
        11..=18 => (0x86dd, ipv6(random, 0)),
        _ => {
            let bytes = random.below(80);
            (pick(random, &[0x8100, 0x88a8, 0x05dc, 0x88cc, 0]), noise(random, bytes))
        }
    };
    let tagged = random.chance(0.4);
    let outer_ethertype = if tagged { 0x8100 } else { ethertype };
    let (dst, src) = (below(random, 1 << 48), below(random, 1 << 48));
    let mut frame = ETHERNET.pack(&[("dst", dst), ("src", src), ("ethertype", outer_ethertype)]).unwrap();
    if tagged {
        frame.extend(VLAN_TAG.pack(&[("tci", below(random, 65_536)), ("ethertype", ethertype)]).unwrap());
    }
    frame.extend(payload);
    if random.chance(0.3) {
        // Padding that is not zero, so that it does not pass for anything.
        let bytes = random.below(50);
        frame.extend(noise(random, bytes));
    }
    frame
}

/// A frame, in half of all cases with a fault or two.
pub fn frame(random: &mut Random) -> Vec<u8> {
    let mut frame = sound(random);
    if random.chance(0.5) {
        damage(random, &mut frame);
    }
    frame
}

/// A fault or two, mostly with a checksum that does not show them.
pub fn damage(random: &mut Random, frame: &mut Vec<u8>) {
    for _ in 0..=random.below(2) {
        let place = usize::try_from(random.below(frame.len().min(130) as u64)).unwrap();
        match random.below(8) {
            0 => frame.truncate(place.max(1)),
            1 => frame[place] ^= 1 << random.below(8),
            2 => frame[place] = u8::try_from(random.below(256)).unwrap(),
            3 => frame[place] = 0,
            // The length fields of IP, and the version.
            4..=6 => {
                let start = if frame.get(12..14) == Some(&[0x81, 0]) { 18 } else { 14 };
                let field = start + usize::try_from(pick(random, &[0, 3, 3, 5, 5, 6])).unwrap();
                if let Some(byte) = frame.get_mut(field) {
                    *byte = byte.wrapping_add_signed(i8::try_from(random.below(17)).unwrap() - 8);
                }
            }
            _ => {
                let bytes = random.below(200);
                frame.extend(noise(random, bytes));
            }
        }
    }
    if random.chance(0.8) {
        mend(frame);
    }
}
