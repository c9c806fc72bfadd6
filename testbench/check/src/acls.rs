//! Random network ACLs for the subnets of a card, made of what its traffic looks like, so that rules overlap and are met.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_components::bench::Random;
use nitro_wire::control::CardConfig;
use nitro_wire::policy::{MAX_NACL_RULES, Nacl, NaclRule, Prefix, Protocol};

fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

fn byte(random: &mut Random) -> u8 {
    random.bits().to_le_bytes()[0]
}

/// A range of ports, any or about those of the traffic.
fn ports(random: &mut Random) -> (u16, u16) {
    let mut port = || match random.below(3) {
        0 => pick(random, &[0, 53, 80, 443, 32_768, 65_535]),
        _ => u16::from_le_bytes([byte(random), byte(random)]),
    };
    let (a, b) = (port(), port());
    (a.min(b), a.max(b))
}

fn protocol(random: &mut Random) -> Protocol {
    let ports = ports(random);
    let message = |random: &mut Random, kinds: &[u8]| {
        let code = random.chance(0.5).then(|| pick(random, &[0, 0, 1]));
        random.chance(0.7).then(|| (pick(random, kinds), code))
    };
    match random.below(10) {
        0 | 1 => Protocol::All,
        2..=4 => Protocol::Tcp(ports.0, ports.1),
        5 | 6 => Protocol::Udp(ports.0, ports.1),
        7 => Protocol::Icmp(message(random, &[0, 8, 3, 11])),
        8 => Protocol::Icmpv6(message(random, &[128, 129, 1, 135])),
        _ => Protocol::Number(pick(random, &[47, 50, 132, 6, 17, 1, 58])),
    }
}

fn prefix(random: &mut Random, near: &[IpAddr]) -> Prefix {
    let address = pick(random, near);
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match random.below(4) {
        0 => 0,
        1 => longest,
        _ => u8::try_from(random.below(u64::from(longest) + 1)).unwrap(),
    };
    Prefix { address, length }
}

/// Addresses that the card's frames go to and come from, and some others.
fn near(config: &CardConfig) -> Vec<IpAddr> {
    let mut near: Vec<IpAddr> = config.mappings.iter().map(|mapping| mapping.ip).collect();
    near.extend([
        IpAddr::V4(Ipv4Addr::new(10, 0, 1, 20)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 1, 0x20)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0, 7, 0, 0, 0, 0x20)),
    ]);
    near
}

/// An ACL of few to all rules, with a bias to allow or to deny.
pub fn acl(random: &mut Random, config: &CardConfig) -> Nacl {
    let near = near(config);
    let mut rules = || {
        let bias = pick(random, &[0.3, 0.5, 0.8]);
        let count = if random.chance(0.2) { MAX_NACL_RULES as u64 } else { random.below(12) };
        (0..count)
            .map(|_| NaclRule { allow: random.chance(bias), protocol: protocol(random), prefix: prefix(random, &near) })
            .collect()
    };
    Nacl { egress: rules(), ingress: rules() }
}

/// The same card with random ACLs; at times a subnet has none.
pub fn with_acls(config: CardConfig, seed: u64) -> CardConfig {
    let mut random = Random::new(seed ^ 0xac15);
    let subnets = (0..2).map(|_| random.chance(0.85).then(|| acl(&mut random, &config))).collect();
    CardConfig { subnets, ..config }
}
