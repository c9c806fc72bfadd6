//! Random policies for a card with two interfaces, in two VPCs or in one: security groups, network ACLs, limits, timeouts.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_components::bench::Random;
use nitro_wire::MappingKind;
use nitro_wire::control::{CardConfig, Eni, Mapping};
use nitro_wire::policy::{EniPolicy, Nacl, NaclRule, Peer, Prefix, Protocol, SecurityRule, Timeouts};

use crate::setup;

/// Ports of the conversations; rules are about them.
pub const PORTS: [u16; 6] = [22, 53, 80, 443, 40_000, 40_001];
/// The longest timeout.
pub const LONGEST_SECONDS: u32 = 4;
/// Groups that peers are in and rules name.
const GROUPS: u64 = 5;

/// One of the values.
pub fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

/// The peers of both interfaces, in the subnet and out of it. Not all have mappings.
pub fn peers(ipv6: bool) -> Vec<IpAddr> {
    if ipv6 {
        let v6 = |subnet, host| IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0, subnet, 0, 0, 0, host));
        let outside = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
        vec![v6(0, 0x20), v6(0, 0x21), v6(7, 0x20), v6(7, 0x21), v6(9, 0x99), v6(0, 2), outside]
    } else {
        let v4 = |subnet, host| IpAddr::V4(Ipv4Addr::new(10, 0, subnet, host));
        let outside = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        let service = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
        vec![v4(0, 20), v4(0, 21), v4(7, 20), v4(7, 21), v4(9, 99), v4(0, 2), outside, service]
    }
}

fn ports(random: &mut Random) -> (u16, u16) {
    match random.below(6) {
        0 => (0, u16::MAX),
        1 => (1024, u16::MAX),
        2 | 3 => {
            let port = pick(random, &PORTS);
            (port, port)
        }
        _ => {
            let (a, b) = (pick(random, &PORTS), pick(random, &PORTS));
            (a.min(b), a.max(b))
        }
    }
}

fn protocol(random: &mut Random) -> Protocol {
    let (low, high) = ports(random);
    let message = |random: &mut Random, types: &[u8]| {
        random.chance(0.6).then(|| (pick(random, types), random.chance(0.4).then(|| pick(random, &[0, 1, 4]))))
    };
    match random.below(12) {
        0..=2 => Protocol::All,
        3..=5 => Protocol::Tcp(low, high),
        6..=8 => Protocol::Udp(low, high),
        9 => Protocol::Icmp(message(random, &[8, 0, 3])),
        10 => Protocol::Icmpv6(message(random, &[128, 129, 1])),
        _ => Protocol::Number(pick(random, &[47, 50, 6, 17, 1, 58])),
    }
}

fn prefix(random: &mut Random) -> Prefix {
    let ipv6 = random.chance(0.4);
    let address = pick(random, &peers(ipv6));
    let lengths: &[u8] = if ipv6 { &[0, 0, 32, 64, 127, 128] } else { &[0, 0, 8, 24, 31, 32] };
    Prefix { address, length: pick(random, lengths) }
}

fn rules(random: &mut Random) -> Vec<SecurityRule> {
    if random.chance(0.25) {
        return EniPolicy::open().egress;
    }
    let count = random.below(8);
    let mut rule = || {
        let group = random.chance(0.3).then(|| u8::try_from(random.below(GROUPS)).unwrap());
        let peer = group.map_or_else(|| Peer::Prefix(prefix(random)), Peer::Group);
        SecurityRule { protocol: protocol(random), peer }
    };
    (0..count).map(|_| rule()).collect()
}

/// A security group policy, and few packets to link-local services. `few`: few connections are allowed. `ordered`: packets to these
/// services leave in their order; else, who finds the allowance used up is open.
pub fn policy(random: &mut Random, few: bool, ordered: bool) -> EniPolicy {
    let mut seconds = || 1 + u32::try_from(random.below(LONGEST_SECONDS.into())).unwrap();
    let timeouts = Timeouts {
        tcp_established: seconds(),
        tcp_transient: seconds(),
        udp: seconds(),
        udp_stream: seconds(),
        icmp: seconds(),
        other: seconds(),
    };
    let max_connections = if few && random.chance(0.7) { u32::try_from(random.below(6)).unwrap() } else { u32::MAX };
    let linklocal_allowance = if ordered { pick(random, &[0, 1, 2, 5, 17, 1024]) } else { 1024 };
    let (egress, ingress) = (rules(random), rules(random));
    EniPolicy { egress, ingress, max_connections, timeouts, linklocal_allowance }
}

/// A network ACL, most of which allow what no rule before denies.
pub fn nacl(random: &mut Random) -> Nacl {
    let mut rules = || {
        let count = random.below(6);
        let mut rules: Vec<_> = (0..count)
            .map(|_| NaclRule { allow: random.chance(0.6), protocol: protocol(random), prefix: prefix(random) })
            .collect();
        if random.chance(0.8) {
            for address in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
                let prefix = Prefix { address, length: 0 };
                rules.push(NaclRule { allow: true, protocol: Protocol::All, prefix });
            }
        }
        rules
    };
    Nacl { egress: rules(), ingress: rules() }
}

/// A mapping for an address, in all else as the template.
pub fn mapping(random: &mut Random, vni: u32, ip: IpAddr, template: &Mapping) -> Mapping {
    let kind = if random.chance(0.92) { MappingKind::Instance } else { MappingKind::Drop };
    let groups = random.bits() & random.bits() & ((1 << GROUPS) - 1);
    let path_mtu = if random.chance(0.1) { 80 } else { 9001 };
    let [.., last, before] = random.bits().to_le_bytes();
    let mac = [0x0a, 0x10, 0, 1, last, before];
    Mapping { vni, ip, kind, groups, path_mtu, mac, expiry: 0, ..template.clone() }
}

/// Where peers and the interfaces themselves are, if there is a mapping.
fn mappings(random: &mut Random, card: &CardConfig) -> Vec<Mapping> {
    let template = card.mappings[0].clone();
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut install = |random: &mut Random, eni: &Eni, ip, mapping: &Mapping| {
        if random.chance(0.87) && !mappings.iter().any(|known| (known.vni, known.ip) == (eni.vni, ip)) {
            mappings.push(self::mapping(random, eni.vni, ip, mapping));
        }
    };
    for eni in &card.enis {
        let here = Mapping { underlay_ip: card.underlay_ip, mac: eni.mac, ..template.clone() };
        for ip in peers(false).into_iter().chain(peers(true)) {
            // Some peers are said to be here, and are not.
            let place = if random.chance(0.05) { &here } else { &template };
            install(random, eni, ip, place);
        }
        eni.ips.iter().for_each(|&ip| install(random, eni, ip, &here));
    }
    mappings
}

/// A random card. `few`, `ordered`: as of [`policy`].
pub fn card(random: &mut Random, few: bool, ordered: bool) -> CardConfig {
    let mut card = setup::config();
    // The second one has an address of IPv6 as well.
    card.enis[1].ips.push(setup::v6(9));
    card.enis[1].subnet6 = Some((Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0), 64));
    if random.chance(0.7) {
        card.enis[1].vni = card.enis[0].vni;
    }
    card.enis.iter_mut().for_each(|eni| eni.policy = policy(random, few, ordered));
    card.mappings = mappings(random, &card);
    card.subnets = (0..2).map(|_| random.chance(0.5).then(|| nacl(random))).collect();
    card.strict_tcp = random.chance(0.4);
    card.token_keys = vec![(7, *b"0123456789abcdef")];
    card.conntrack_key = std::array::from_fn(|_| random.bits().to_le_bytes()[0]);
    card
}
