//! A card's configuration.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_components::bench::Random;
use nitro_wire::MappingKind;
use nitro_wire::control::{CardConfig, Eni, Mapping};
use nitro_wire::policy::{EniPolicy, TICKS_PER_SECOND, Timeouts};

/// The MAC that guests see for their gateway.
pub const GATEWAY_MAC: [u8; 6] = [0x0a, 0, 0, 0, 0, 1];
/// VNI of the first ENI's VPC.
pub const VNI: u32 = 4432;

/// An address of the first ENI's IPv4 subnet.
pub fn v4(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, host))
}

/// An address of the first ENI's IPv6 subnet.
pub fn v6(host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, host))
}

fn far4(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 7, host))
}

fn far6(host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0, 7, 0, 0, 0, host))
}

/// A card with two ENIs (the second one unchecked, without IPv6) and mappings of every kind.
pub fn config() -> CardConfig {
    let mut random = Random::new(99);
    let mapping = |vni, ip, kind, path_mtu, underlay_ip: IpAddr, random: &mut Random| Mapping {
        vni,
        route_table: 0,
        ip,
        kind,
        srd: false,
        path_mtu,
        underlay_ip,
        mac: [0x0a, 0x10, 0, 0, random.bits().to_le_bytes()[0], random.bits().to_le_bytes()[3]],
        token_epoch: random.bits().to_le_bytes()[2],
        token: random.bits(),
        groups: random.bits(),
        version: 3,
        expiry: 77,
    };
    let underlay4 = |host| IpAddr::V4(Ipv4Addr::new(100, 64, 255, host));
    let underlay6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 1, 2, 3, 4, 0xfffe));
    let mut mappings = Vec::new();
    for (host, kind, mtu) in [
        (20, MappingKind::Instance, 9001),
        (21, MappingKind::Instance, 600),
        (22, MappingKind::Drop, 9001),
        (23, MappingKind::Negative, 9001),
        (24, MappingKind::GatewayService, 1500),
        (25, MappingKind::EndpointService, 16_383),
    ] {
        let peer = if host == 24 { underlay6 } else { underlay4(host) };
        for ip in [v4(host), v6(host.into()), far4(host), far6(host.into())] {
            mappings.push(mapping(VNI, ip, kind, mtu, peer, &mut random));
        }
        mappings.push(mapping(77, v4(host), kind, mtu, peer, &mut random));
        mappings.push(mapping(77, far4(host), kind, mtu, peer, &mut random));
    }
    // Resolver and metadata service, which no policy concerns, and a neighbour that is neither.
    let service = |host| IpAddr::V4(Ipv4Addr::new(169, 254, 169, host));
    for ip in [service(252), service(253), service(254), v4(2), v6(2)] {
        mappings.push(mapping(VNI, ip, MappingKind::GatewayService, 9001, underlay4(2), &mut random));
    }
    CardConfig {
        underlay_ip: IpAddr::V4(Ipv4Addr::new(100, 64, 0, 1)),
        underlay_mac: [2, 0, 0x64, 0x40, 0, 1],
        next_hop_mac: [2, 0, 0x64, 0x40, 0xff, 0xfe],
        gateway_mac: GATEWAY_MAC,
        token_keys: Vec::new(),
        hash_key: *b"where tables sit",
        flow_key: [251, 7, 99, 3, 0, 255, 18, 77, 129, 200, 31, 4, 64, 5, 240, 13],
        enis: vec![
            Eni {
                number: 0,
                subnet: 0,
                policy: EniPolicy::open(),
                name: "checked".into(),
                mac: [0x0a, 0x10, 0, 0, 0, 5],
                vni: VNI,
                route_table: 0,
                source_dest_check: true,
                ips: vec![v4(5), v4(6), v6(5), v6(6)],
                subnet4: Some((Ipv4Addr::new(10, 0, 0, 0), 24)),
                subnet6: Some((Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0), 64)),
            },
            Eni {
                number: 1,
                subnet: 1,
                policy: EniPolicy::open(),
                name: "unchecked".into(),
                mac: [0x0a, 0x10, 0, 0, 1, 9],
                vni: 77,
                route_table: 0,
                source_dest_check: false,
                ips: vec![v4(9)],
                subnet4: Some((Ipv4Addr::new(10, 0, 0, 16), 28)),
                subnet6: None,
            },
        ],
        mappings,
        ..CardConfig::default()
    }
}

/// Ticks in which all connections of a [`short_lived`] card end.
pub const LIFE: u32 = TICKS_PER_SECOND + 2;

/// The same card with connections that end after a second, and mappings that do not end.
pub fn short_lived(mut card: CardConfig) -> CardConfig {
    card.mappings.iter_mut().for_each(|mapping| mapping.expiry = 0);
    for eni in &mut card.enis {
        eni.policy.timeouts =
            Timeouts { tcp_established: 1, tcp_transient: 1, udp: 1, udp_stream: 1, icmp: 1, other: 1 };
    }
    card
}

/// A number as little-endian words.
pub fn words(value: u128) -> [u64; 2] {
    let word = |value: u128| u64::try_from(value & u128::from(u64::MAX)).unwrap();
    [word(value), word(value >> 64)]
}
