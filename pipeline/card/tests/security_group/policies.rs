//! Random policies, and packets that lie close to their rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_components::bench::Random;
use nitro_model::Facts;
use nitro_wire::constants::protocol::{ICMP, ICMPV6, TCP, UDP};
use nitro_wire::control::{ip_bits, ip_from_bits};
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};

/// Few addresses, so that rules overlap and packets meet them.
const NEAR4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(10, 0, 1, 20), Ipv4Addr::new(10, 0, 1, 21), Ipv4Addr::new(192, 168, 255, 255)];
const NEAR6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0x20),
    Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0x21),
    // An IPv6 address for which an IPv4 rule could be taken.
    Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0114),
];
const PORTS: [u16; 12] = [0, 1, 22, 79, 80, 81, 443, 1023, 1024, 5000, 65534, 65535];

pub fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[usize::try_from(random.below(of.len() as u64)).unwrap()]
}

fn number(random: &mut Random, limit: u16) -> u16 {
    u16::try_from(random.below(u64::from(limit))).unwrap()
}

fn byte(random: &mut Random, limit: u16) -> u8 {
    u8::try_from(number(random, limit)).unwrap()
}

fn wide(random: &mut Random) -> u128 {
    u128::from(random.bits()) << 64 | u128::from(random.bits())
}

/// An address of few, perhaps with one bit changed.
fn address(random: &mut Random, ipv6: bool) -> IpAddr {
    let flip = random.chance(0.5);
    if ipv6 {
        let bit = 1_u128 << random.below(128);
        Ipv6Addr::from_bits(pick(random, &NEAR6).to_bits() ^ if flip { bit } else { 0 }).into()
    } else {
        let bit = 1_u32 << random.below(32);
        Ipv4Addr::from_bits(pick(random, &NEAR4).to_bits() ^ if flip { bit } else { 0 }).into()
    }
}

fn ports(random: &mut Random) -> (u16, u16) {
    match random.below(8) {
        0 => (0, u16::MAX),
        // Now and then an empty range.
        1 => (pick(random, &PORTS), pick(random, &PORTS)),
        2..5 => {
            let port = pick(random, &PORTS);
            (port, port)
        }
        _ => {
            let (one, other) = (pick(random, &PORTS), pick(random, &PORTS));
            (one.min(other), one.max(other))
        }
    }
}

fn message(random: &mut Random) -> Option<(u8, Option<u8>)> {
    let code = random.chance(0.5).then(|| byte(random, 3));
    random.chance(0.7).then(|| (pick(random, &[0, 1, 3, 8, 128, 129, 255]), code))
}

fn protocol(random: &mut Random) -> Protocol {
    match random.below(12) {
        0 => Protocol::All,
        1..5 => {
            let (low, high) = ports(random);
            Protocol::Tcp(low, high)
        }
        5..9 => {
            let (low, high) = ports(random);
            Protocol::Udp(low, high)
        }
        9 => Protocol::Icmp(message(random)),
        10 => Protocol::Icmpv6(message(random)),
        _ => Protocol::Number(pick(random, &[0, 1, 6, 17, 47, 58, 255])),
    }
}

fn peer(random: &mut Random) -> Peer {
    if random.chance(0.15) {
        return Peer::Group(pick(random, &[0, 1, 7, 8, 9, 31, 32, 63]));
    }
    let ipv6 = random.chance(0.4);
    let length = if random.chance(0.35) { 0 } else { byte(random, if ipv6 { 129 } else { 33 }) };
    Peer::Prefix(Prefix { address: address(random, ipv6), length })
}

/// Rules of one direction; often one that opens it.
pub fn rules(random: &mut Random, most: u64) -> Vec<SecurityRule> {
    let count = random.below(most + 1);
    let mut rules: Vec<_> =
        (0..count).map(|_| SecurityRule { protocol: protocol(random), peer: peer(random) }).collect();
    for _ in 0..2 {
        if random.chance(0.35) {
            let all = pick(random, &[Protocol::All, Protocol::Tcp(0, u16::MAX), Protocol::Udp(0, u16::MAX)]);
            let whole = pick(random, &[IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()]);
            let at = usize::try_from(random.below(rules.len() as u64 + 1)).unwrap();
            rules.insert(at, SecurityRule { protocol: all, peer: Peer::Prefix(Prefix { address: whole, length: 0 }) });
        }
    }
    rules
}

pub fn policy(random: &mut Random, most: u64) -> EniPolicy {
    EniPolicy { egress: rules(random, most), ingress: rules(random, most), ..EniPolicy::closed() }
}

/// A packet for a rule, or just beside it.
fn beside(random: &mut Random, rule: &SecurityRule) -> Facts {
    let peer = match rule.peer {
        Peer::Prefix(prefix) => {
            let width = if prefix.address.is_ipv6() { 128 } else { 32 };
            let length = prefix.length.min(width);
            // The last bit of the prefix, the first behind it, or any of the address.
            let any = byte(random, u16::from(width));
            let place = pick(random, &[length.saturating_sub(1), length, any]);
            let bit = 1_u128 << (width - 1 - place.min(width - 1));
            let behind = u128::MAX.checked_shr(128 - u32::from(width - length)).unwrap_or(0);
            let inside = ip_bits(prefix.address) ^ (wide(random) & behind);
            inside ^ if random.chance(0.5) { bit } else { 0 }
        }
        Peer::Group(_) => {
            let ipv6 = random.chance(0.5);
            ip_bits(address(random, ipv6))
        }
    };
    // What looks like IPv4 may be IPv6 as well.
    let ipv6 = ip_from_bits(peer).is_ipv6() || random.chance(0.1);
    let beside_range = |random: &mut Random, low: u16, high: u16| {
        pick(random, &[low, high, low.wrapping_sub(1), high.wrapping_add(1), low.midpoint(high)])
    };
    let mut facts = Facts {
        ipv6,
        protocol: 0,
        peer,
        source_port: pick(random, &PORTS),
        destination_port: pick(random, &PORTS),
        icmp: None,
    };
    let mut kind = None;
    match rule.protocol {
        Protocol::Tcp(low, high) => {
            facts.protocol = TCP;
            facts.destination_port = beside_range(random, low, high);
        }
        Protocol::Udp(low, high) => {
            facts.protocol = UDP;
            facts.destination_port = beside_range(random, low, high);
        }
        Protocol::Icmp(message) => (facts.protocol, kind) = (ICMP, message),
        Protocol::Icmpv6(message) => (facts.protocol, kind) = (ICMPV6, message),
        Protocol::Number(number) => facts.protocol = number,
        Protocol::All => facts.protocol = pick(random, &[TCP, UDP, ICMP, ICMPV6, 47]),
    }
    if random.chance(0.1) {
        facts.protocol = pick(random, &[TCP, UDP, ICMP, ICMPV6, facts.protocol ^ 1]);
    }
    if !matches!(facts.protocol, TCP | UDP) {
        (facts.source_port, facts.destination_port) = (0, 0);
    }
    if facts.protocol == if ipv6 { ICMPV6 } else { ICMP } {
        let (message, code) = kind.unwrap_or((8, None));
        let code = code.unwrap_or(byte(random, 256));
        facts.icmp = Some(pick(
            random,
            &[(message, code), (message.wrapping_add(1), code), (message.wrapping_sub(1), code), (message, code ^ 1)],
        ));
    }
    facts
}

/// A packet close to the rules of either direction, for packets of `direction`.
pub fn packet(random: &mut Random, policy: &EniPolicy, direction: Direction) -> Facts {
    let opposite = random.chance(0.4);
    let rules = policy.rules(if opposite { direction.opposite() } else { direction });
    let any = SecurityRule { protocol: protocol(random), peer: peer(random) };
    let rule = if rules.is_empty() || random.chance(0.1) { any } else { pick(random, rules) };
    let facts = beside(random, &rule);
    // A reply to what the opposite direction admits.
    let (source_port, destination_port) = (facts.destination_port, facts.source_port);
    if opposite { Facts { source_port, destination_port, ..facts } } else { facts }
}

/// Groups of a peer.
pub fn groups(random: &mut Random) -> u64 {
    let one = 1 << pick(random, &[0, 1, 7, 8, 9, 31, 32, 63, 40]);
    pick(random, &[0, u64::MAX, one, !one])
}
