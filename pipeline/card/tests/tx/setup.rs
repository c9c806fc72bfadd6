//! A card's configuration, and a path programmed with it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_components::bench::{self, Random};
use nitro_driver::{BusError, Driver, RegisterPort};
use nitro_simulator::Engine;
use nitro_wire::control::{CardConfig, Eni, Mapping, ip_bits, mac_bits};
use nitro_wire::policy::{EniPolicy, TICKS_PER_SECOND, Timeouts};
use nitro_wire::{MappingKind, registers};

pub const GATEWAY_MAC: [u8; 6] = [0x0a, 0, 0, 0, 0, 1];
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

/// What stands for the control port: table writes go straight to the block under test.
struct Tables<'a> {
    engine: &'a mut dyn Engine,
    written: HashMap<u16, u32>,
    local_rows_log2: u32,
    mapping_rows_log2: u32,
}

impl RegisterPort for Tables<'_> {
    fn write(&mut self, offset: u16, value: u32) -> Result<(), BusError> {
        self.written.insert(offset, value);
        if offset == registers::TABLE_COMMAND.offset {
            let words: Vec<u32> = (0..registers::TABLE_DATA.count)
                .map(|index| self.written.get(&registers::TABLE_DATA.at(index)).copied().unwrap_or(0))
                .collect();
            let data: Vec<u64> = words.chunks(2).map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32).collect();
            let index = self.written[&registers::TABLE_INDEX.offset];
            bench::set(self.engine, "table_table", &[u64::from(value)]).unwrap();
            bench::set(self.engine, "table_index", &[u64::from(index)]).unwrap();
            bench::set(self.engine, "table_data", &data).unwrap();
            bench::set(self.engine, "table_tvalid", &[1]).unwrap();
            self.engine.settle();
            self.engine.edge();
            bench::set(self.engine, "table_tvalid", &[0]).unwrap();
        }
        if offset == registers::POLICY_COMMIT.offset && bench::input(self.engine, "commit").is_ok() {
            bench::set(self.engine, "commit", &[1]).unwrap();
            self.engine.settle();
            self.engine.edge();
            bench::set(self.engine, "commit", &[0]).unwrap();
        }
        Ok(())
    }

    fn read(&mut self, offset: u16) -> Result<u32, BusError> {
        Ok(match offset {
            _ if offset == registers::ID.offset => registers::ID_VALUE,
            _ if offset == registers::VERSION.offset => registers::VERSION_VALUE,
            _ => {
                [("enis", 16), ("local_rows_log2", self.local_rows_log2), ("mapping_rows_log2", self.mapping_rows_log2)]
                    .iter()
                    .map(|(name, value)| registers::CAPABILITIES.field(name).unwrap().put(*value))
                    .sum()
            }
        })
    }
}

/// A number as little-endian words.
pub fn words(value: u128) -> [u64; 2] {
    let word = |value: u128| u64::try_from(value & u128::from(u64::MAX)).unwrap();
    [word(value), word(value >> 64)]
}

/// Sets an input if the block has it.
fn offer(engine: &mut dyn Engine, name: &str, value: u128) {
    if bench::input(engine, name).is_ok() {
        bench::set(engine, name, &words(value)).unwrap();
    }
}

/// Resets a path or a block of one, waits for its tables and programs all that it has ports for.
pub fn program(engine: &mut dyn Engine, config: &CardConfig, local_rows_log2: u32, mapping_rows_log2: u32) {
    bench::reset(engine, 3).unwrap();
    offer(engine, "hash_key", u128::from_le_bytes(config.hash_key));
    offer(engine, "flow_key", u128::from_le_bytes(config.flow_key));
    offer(engine, "underlay_ip", ip_bits(config.underlay_ip));
    offer(engine, "underlay_mac", mac_bits(config.underlay_mac).into());
    offer(engine, "next_hop_mac", mac_bits(config.next_hop_mac).into());
    offer(engine, "gateway_mac", mac_bits(config.gateway_mac).into());
    for (slot, (epoch, key)) in config.token_keys.iter().enumerate() {
        offer(engine, &format!("key_{slot}_valid"), 1);
        offer(engine, &format!("key_{slot}_epoch"), u128::from(*epoch));
        offer(engine, &format!("key_{slot}_key"), u128::from_be_bytes(*key));
    }
    let mut patience = 10_000;
    engine.settle();
    while bench::output(engine, "ready").is_ok() && bench::get(engine, "ready").unwrap() == [0] {
        engine.edge();
        engine.settle();
        patience -= 1;
        assert!(patience > 0, "the tables do not become ready");
    }
    let tables = Tables { engine, written: HashMap::new(), local_rows_log2, mapping_rows_log2 };
    Driver::open(tables, config.hash_key).unwrap().configure(config).unwrap();
    offer(engine, "enable", 1);
}
