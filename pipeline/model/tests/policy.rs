//! Rules, ACLs, exemptions, mappings and local delivery, as the paths put them in order.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use nitro_model::{Model, Query, Reply, Service, Verdict};
use nitro_wire::DropReason::*;
use nitro_wire::Flow::{self, Established, New, Untracked};
use nitro_wire::control::{CardConfig, Mapping};
use nitro_wire::counters::{Bank, EniCounter, PASSED, RECEIVED};
use nitro_wire::policy::Direction::{self, *};
use nitro_wire::policy::{EniPolicy, Nacl, Protocol};
use nitro_wire::{DropReason, MappingKind};

const SYN: u8 = 2;
const ACK: u8 = 16;

fn tcp4(src: ([u8; 4], u16), dst: ([u8; 4], u16), flags: u8) -> Vec<u8> {
    ipv4(src.0, dst.0, 6, 0, &segment(src.1, dst.1, flags, b""))
}

fn udp4(src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    ipv4(src, dst, 17, 0, &datagram(40_000, 53, b"data"))
}

#[test]
fn untracked_both_ways() {
    // A web server: anyone to port 443, anything to anyone.
    let server = || {
        let mut egress = everything();
        egress.push(rule(Protocol::Icmp(None), "0.0.0.0/0"));
        with_rules(egress, vec![rule(Protocol::Tcp(443, 443), "0.0.0.0/0"), rule(Protocol::Udp(443, 443), "::/0")])
    };
    let mut model = Model::new(server());
    assert_eq!(fate(&receive(&mut model, &tcp4((FAR4, 5000), (OWN4, 443), SYN))), (None, Untracked));
    assert_eq!(fate(&send(&mut model, &tcp4((OWN4, 443), (FAR4, 5000), SYN | ACK))), (None, Untracked));
    assert_eq!(fate(&receive(&mut model, &tcp4((FAR4, 5000), (OWN4, 443), ACK))), (None, Untracked));
    assert_eq!(model.connections().count(), 0);
    // Its own connections are tracked: their answers pass no rule.
    assert_eq!(fate(&send(&mut model, &tcp4((OWN4, 6000), (FAR4, 80), SYN))), (None, New));
    assert_eq!(fate(&receive(&mut model, &tcp4((FAR4, 80), (OWN4, 6000), SYN | ACK))), (None, Established));
    // The world rule of IPv6 is for UDP only, and of IPv4 there is none for UDP.
    let [there, back] = [(far6(), own6(), 9, 443), (own6(), far6(), 443, 9)]
        .map(|(src, dst, from, to)| ipv6(src, dst, 17, 64, &datagram(from, to, b"")));
    assert_eq!(fate(&receive(&mut model, &there)), (None, Untracked));
    assert_eq!(fate(&send(&mut model, &back)), (None, Untracked));
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, FAR4))), (None, New));
    // Untracked flows are cut with their rule, tracked ones go on.
    model.replace_policy(1, EniPolicy { ingress: Vec::new(), ..server().enis[0].policy.clone() });
    assert_eq!(fate(&receive(&mut model, &tcp4((FAR4, 5000), (OWN4, 443), ACK))), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &there)), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &tcp4((FAR4, 80), (OWN4, 6000), ACK))), (None, Established));
    model.replace_policy(1, EniPolicy::closed());
    assert_eq!(fate(&send(&mut model, &tcp4((OWN4, 443), (FAR4, 5000), ACK))), (Some(SecurityGroup), New));
    assert_eq!(fate(&send(&mut model, &tcp4((OWN4, 6000), (FAR4, 80), ACK))), (None, Established));
}

#[test]
fn groups_come_from_mappings() {
    let mut config = with_rules(
        vec![group_rule(Protocol::Udp(53, 53), 3)],
        vec![group_rule(Protocol::Tcp(443, 443), 63), rule(Protocol::Tcp(22, 22), "10.0.1.0/24")],
    );
    for mapping in &mut config.mappings {
        mapping.groups = match mapping.ip {
            ip if ip == IpAddr::from(FAR4) => 1 << 3 | 1 << 63,
            ip if ip == IpAddr::from(PEER4) => 1 << 2,
            // A negative reply is about nobody, who is in no group.
            ip if ip == IpAddr::from([10, 0, 0, 66]) => 1 << 3,
            _ => 0,
        };
    }
    let mut model = Model::new(config);
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, FAR4))), (None, New));
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, PEER4))), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &tcp4((FAR4, 1), (OWN4, 443), SYN))), (None, New));
    assert_eq!(fate(&receive(&mut model, &tcp4((PEER4, 1), (OWN4, 443), SYN))), (Some(SecurityGroup), New));
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, [10, 0, 0, 66]))), (Some(SecurityGroup), New));
    // Whoever is not in the cache is in no group; it may still have the right address.
    assert_eq!(fate(&receive(&mut model, &tcp4(([10, 0, 1, 9], 1), (OWN4, 443), SYN))), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &tcp4(([10, 0, 1, 9], 1), (OWN4, 22), SYN))), (None, New));
    // The rules are asked before the mapping is missed.
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, [10, 0, 0, 7]))), (Some(SecurityGroup), New));
}

#[test]
fn the_first_stage_that_fails_names_the_reason() {
    // Everything is wrong with this packet but what an earlier line has put right.
    let denied = Some(Nacl::default());
    let mut config = with_rules(Vec::new(), Vec::new());
    (config.strict_tcp, config.subnets) = (true, vec![denied.clone()]);
    config.mappings.retain(|mapping| mapping.ip != IpAddr::from(FAR4));
    config.enis[0].policy.max_connections = 0;
    let mut model = Model::new(config);
    let packet = |flags, data: usize| ipv4(OWN4, FAR4, 6, 0, &segment(1, 2, flags, &vec![0; data]));
    let expect = |model: &mut Model, packet: &[u8], reason| assert_eq!(fate(&send(model, packet)), (reason, New));
    expect(&mut model, &packet(ACK, 9000), Some(StrictTcp));
    expect(&mut model, &packet(SYN, 9000), Some(SecurityGroup));
    model.replace_policy(1, EniPolicy { max_connections: 0, ..EniPolicy::open() });
    expect(&mut model, &packet(SYN, 9000), Some(CacheMiss));
    model.install_mapping(mapping(FAR4.into(), FAR_MAC, MappingKind::Negative));
    expect(&mut model, &packet(SYN, 9000), Some(NoMapping));
    model.install_mapping(mapping(FAR4.into(), FAR_MAC, MappingKind::Drop));
    expect(&mut model, &packet(SYN, 9000), Some(MappingDrop));
    model.install_mapping(mapping(FAR4.into(), FAR_MAC, MappingKind::Instance));
    expect(&mut model, &packet(SYN, 9000), Some(Nacl));
    model.replace_nacl(0, None);
    expect(&mut model, &packet(SYN, 9000), Some(TooBig));
    expect(&mut model, &packet(SYN, 0), Some(ConntrackAllowanceExceeded));
    model.replace_policy(1, EniPolicy::open());
    expect(&mut model, &packet(SYN, 0), None);

    // rx: the ACL comes first, and connection tracking has not looked then.
    let mut config = with_rules(Vec::new(), Vec::new());
    (config.strict_tcp, config.subnets) = (true, vec![denied]);
    let mut model = Model::new(config);
    let packet = |flags| tcp4((FAR4, 2), (OWN4, 1), flags);
    assert_eq!(fate(&receive(&mut model, &packet(ACK))), (Some(Nacl), Flow::None));
    model.replace_nacl(0, None);
    assert_eq!(fate(&receive(&mut model, &packet(ACK))), (Some(StrictTcp), New));
    assert_eq!(fate(&receive(&mut model, &packet(SYN))), (Some(SecurityGroup), New));
    model.replace_policy(1, EniPolicy { max_connections: 0, ..EniPolicy::open() });
    assert_eq!(fate(&receive(&mut model, &packet(SYN))), (Some(ConntrackAllowanceExceeded), New));
    model.replace_policy(1, EniPolicy::open());
    assert_eq!(fate(&receive(&mut model, &packet(SYN))), (None, New));
    adds_up(&model);
}

#[test]
fn acls_are_for_the_border() {
    let rules =
        vec![nacl_rule(false, Protocol::Udp(53, 53), "10.0.1.20/32"), nacl_rule(true, Protocol::All, "10.0.0.0/8")];
    let mut config = config();
    config.subnets = vec![None, Some(Nacl { egress: rules.clone(), ingress: rules })];
    config.enis[0].subnet = 1;
    for direction in Direction::ALL {
        let expect = |remote: [u8; 4], reason| {
            let mut model = Model::new(config.clone());
            model.install_mapping(mapping(remote.into(), FAR_MAC, MappingKind::Instance));
            let packet = if direction == Egress { udp4(OWN4, remote) } else { udp4(remote, OWN4) };
            let outcome = go(&mut model, direction, &packet);
            assert_eq!(outcome.verdict.reason(), reason, "{direction:?} {remote:?}");
        };
        expect(FAR4, Some(Nacl));
        expect([10, 0, 1, 21], None);
        expect([11, 0, 0, 1], Some(Nacl));
        // Neighbours do not meet it, and neither does anyone in a subnet without one.
        expect(PEER4, None);
    }
    config.enis[0].subnet = 7;
    assert_eq!(fate(&send(&mut Model::new(config), &udp4(OWN4, FAR4))), (None, New));
}

#[test]
fn link_local_services_are_exempt() {
    let mut config = with_rules(Vec::new(), Vec::new());
    (config.strict_tcp, config.subnets) = (true, vec![Some(Nacl::default())]);
    let services = [[169, 254, 169, 253], [169, 254, 169, 254], [10, 0, 0, 2]];
    for service in services {
        config.mappings.push(mapping(service.into(), FAR_MAC, MappingKind::GatewayService));
    }
    let resolver6: std::net::Ipv6Addr = "fd00:10::2".parse().unwrap();
    config.mappings.push(mapping(resolver6.into(), FAR_MAC, MappingKind::GatewayService));
    let mut model = Model::new(config);
    for service in services {
        assert_eq!(fate(&send(&mut model, &tcp4((OWN4, 1), (service, 80), ACK))), (None, Flow::None));
        assert_eq!(fate(&receive(&mut model, &tcp4((service, 80), (OWN4, 1), ACK))), (None, Flow::None));
        // Fragments need no first one there.
        assert_eq!(fate(&send(&mut model, &ipv4(OWN4, service, 17, 5, &[0; 8]))), (None, Flow::None));
    }
    assert_eq!(fate(&send(&mut model, &ipv6(own6(), resolver6, 17, 64, &udp(b"")))), (None, Flow::None));
    // Nothing else is: not the neighbours of these addresses, nor IPv4's services in the clothes of IPv6.
    let mapped = std::net::Ipv6Addr::from_bits(0xffff_a9fe_a9fe);
    for packet in [
        tcp4((OWN4, 1), ([169, 254, 169, 252], 80), SYN),
        tcp4((OWN4, 1), ([10, 0, 0, 3], 80), SYN),
        tcp4((OWN4, 1), ([10, 0, 1, 2], 80), SYN),
        ipv6(own6(), mapped, 17, 64, &udp(b"")),
    ] {
        assert_eq!(fate(&send(&mut model, &packet)), (Some(SecurityGroup), New));
    }
    assert_eq!(model.connections().count(), 0);
}

#[test]
fn link_local_allowance() {
    for allowance in [0_u32, 1, 5, 16, 100, 1024] {
        let mut config = config();
        config.enis[0].policy.linklocal_allowance = allowance;
        config.mappings.push(mapping([169, 254, 169, 253].into(), FAR_MAC, MappingKind::GatewayService));
        let mut model = Model::new(config);
        let query = udp4(OWN4, [169, 254, 169, 253]);
        let spend = |model: &mut Model| (0..).take_while(|_| send(model, &query).verdict.reason().is_none()).count();
        assert_eq!(spend(&mut model), allowance as usize, "a full bucket is a second's worth");
        assert_eq!(fate(&send(&mut model, &query)), (Some(LinklocalAllowanceExceeded), Flow::None));
        // Whatever the ticks are, what has passed is the whole part of what they brought.
        let mut total = 0;
        for tick in [1, 2, 3, 5, 8, 13, 16, 20, 21, 32] {
            model.set_tick(tick);
            total += spend(&mut model);
            assert_eq!(total, (u64::from(allowance) * tick / 16) as usize, "{allowance} a second at tick {tick}");
        }
        // No more than a second's worth is saved up.
        model.set_tick(1_000_000);
        assert_eq!(spend(&mut model), allowance as usize);
        // What is dropped for another reason costs nothing, and answers are not counted.
        model.set_tick(2_000_000);
        for may_fragment in [true, false].repeat(1000) {
            let flags = if may_fragment { 0 } else { 0x4000 };
            let too_big = ipv4(OWN4, [169, 254, 169, 253], 17, flags, &udp(&[0; 9000]));
            assert_eq!(fate(&send(&mut model, &too_big)), (Some(TooBig), Flow::None));
            assert_eq!(fate(&receive(&mut model, &udp4([169, 254, 169, 253], OWN4))), (None, Flow::None));
        }
        assert_eq!(spend(&mut model), allowance as usize);
        adds_up(&model);
    }
}

/// A bucket is full when its allowance is given, whatever was in it before.
#[test]
fn a_new_allowance_fills_its_bucket() {
    let mut config = config();
    config.enis[0].policy.linklocal_allowance = 20;
    config.mappings.push(mapping([169, 254, 169, 253].into(), FAR_MAC, MappingKind::GatewayService));
    let policy = config.enis[0].policy.clone();
    let number = config.enis[0].number;
    let mut model = Model::new(config);
    let query = udp4(OWN4, [169, 254, 169, 253]);
    let spend = |model: &mut Model| (0..).take_while(|_| send(model, &query).verdict.reason().is_none()).count();
    assert_eq!(spend(&mut model), 20);
    for (tick, allowance) in [(1, 3), (2, 0), (2, 7), (1000, 100), (1001, 1)] {
        model.set_tick(tick);
        model.replace_policy(number, EniPolicy { linklocal_allowance: allowance, ..policy.clone() });
        assert_eq!(spend(&mut model), allowance as usize, "from tick {tick} on");
    }
    // Another interface's policy leaves it alone.
    model.replace_policy(number + 1, policy);
    assert_eq!(spend(&mut model), 0);
    adds_up(&model);
}

/// Counters of the interfaces: both paths together, and the gauge as connections come and go.
#[test]
fn interfaces_count_what_their_allowances_cost() {
    use EniCounter::ConntrackAllowanceAvailable;
    let mut config = config();
    config.mappings.push(mapping([169, 254, 169, 253].into(), FAR_MAC, MappingKind::GatewayService));
    let number = config.enis[0].number;
    config.enis[0].policy = EniPolicy { max_connections: 2, linklocal_allowance: 1, ..EniPolicy::open() };
    let mut model = Model::new(config);
    let count = |model: &Model, counter| model.eni_counter(number, counter);
    assert_eq!(count(&model, ConntrackAllowanceAvailable), 2);
    for port in 0..5 {
        receive(&mut model, &tcp4((FAR4, port), (OWN4, 443), SYN));
    }
    send(&mut model, &tcp4((OWN4, 9), (FAR4, 80), SYN));
    for _ in 0..4 {
        send(&mut model, &udp4(OWN4, [169, 254, 169, 253]));
    }
    assert_eq!(count(&model, EniCounter::LinklocalAllowanceExceeded), 3);
    let lost = |bank| model.counters().get(bank, DropReason::ConntrackAllowanceExceeded.code()).packets;
    assert_eq!((count(&model, EniCounter::ConntrackAllowanceExceeded), Bank::ALL.map(lost)), (4, [1, 3]));
    assert_eq!(count(&model, ConntrackAllowanceAvailable), 0);
    model.set_tick(100_000);
    assert_eq!(count(&model, ConntrackAllowanceAvailable), 2);
    // More than a card can count is as much as it can; who does not exist has nothing.
    model.replace_policy(number, EniPolicy::open());
    assert_eq!(count(&model, ConntrackAllowanceAvailable), 0xff_ffff);
    assert_eq!(count(&model, EniCounter::ConntrackAllowanceExceeded), 4);
    for counter in EniCounter::ALL {
        assert_eq!(model.eni_counter(200, counter), 0);
    }
    adds_up(&model);
}

/// A service that counts its queries and answers for 10.0.2.0/24 only; 10.0.3.0/24 it is silent about.
fn service(expiry: u32, asked: &Arc<AtomicUsize>) -> Service {
    let asked = Arc::clone(asked);
    Service::new(move |query: Query| {
        asked.fetch_add(1, Ordering::Relaxed);
        match query.ip {
            IpAddr::V4(ip) if ip.octets()[..3] == [10, 0, 2] || ip.octets() == [10, 0, 0, 77] => {
                Reply::Found(Box::new(Mapping {
                    expiry,
                    groups: 1 << 5,
                    ..mapping(query.ip, FAR_MAC, MappingKind::Instance)
                }))
            }
            IpAddr::V4(ip) if ip.octets()[..3] == [10, 0, 3] => Reply::Silence,
            _ => Reply::Negative,
        }
    })
}

fn asking(config: CardConfig) -> CardConfig {
    CardConfig { query_on_miss: true, ..config }
}

#[test]
fn a_miss_asks_the_service() {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut model = Model::new(asking(config())).with_service(service(10, &asked));
    let mut expect = |tick, destination, reason, queries| {
        model.set_tick(tick);
        assert_eq!(send(&mut model, &udp4(OWN4, destination)).verdict.reason(), reason, "tick {tick}");
        assert_eq!(asked.swap(0, Ordering::Relaxed), queries, "tick {tick}");
    };
    // What is found serves until it expires.
    expect(50, [10, 0, 2, 1], None, 1);
    expect(51, [10, 0, 2, 1], None, 0);
    expect(50 + 160, [10, 0, 2, 1], None, 0);
    expect(50 + 161, [10, 0, 2, 1], None, 1);
    // That there is nothing is known for five seconds.
    expect(1000, [10, 0, 0, 7], Some(NoMapping), 1);
    expect(1000 + 80, [10, 0, 0, 7], Some(NoMapping), 0);
    expect(1000 + 81, [10, 0, 0, 7], Some(NoMapping), 1);
    // Silence is not remembered.
    expect(1081, [10, 0, 3, 1], Some(MappingTimeout), 1);
    expect(1081, [10, 0, 3, 1], Some(MappingTimeout), 1);
    // What the configuration put into the cache has no end.
    expect(100_000, FAR4, None, 0);
    // Without a service nobody answers; in mode drop nobody is asked.
    let mut alone = Model::new(asking(config()));
    assert_eq!(send(&mut alone, &udp4(OWN4, [10, 0, 2, 1])).verdict.reason(), Some(MappingTimeout));
    let mut dropping = Model::new(config()).with_service(service(0, &asked));
    assert_eq!(send(&mut dropping, &udp4(OWN4, [10, 0, 2, 1])).verdict.reason(), Some(CacheMiss));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn the_service_answers_for_groups_and_neighbours_too() {
    let asked = Arc::new(AtomicUsize::new(0));
    let rules = with_rules(Vec::new(), vec![group_rule(Protocol::All, 5)]);
    let mut model = Model::new(asking(rules)).with_service(service(0, &asked));
    assert_eq!(fate(&receive(&mut model, &udp4([10, 0, 2, 1], OWN4))), (None, New));
    assert_eq!(fate(&receive(&mut model, &udp4([10, 0, 2, 1], OWN4))), (None, Established));
    assert_eq!(fate(&receive(&mut model, &udp4([10, 0, 3, 1], OWN4))), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &udp4([10, 0, 4, 1], OWN4))), (Some(SecurityGroup), New));
    assert_eq!(asked.load(Ordering::Relaxed), 3, "a known flow needs no groups");
    // ARP is answered as soon as the mapping is there.
    let ask = |target| ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, target));
    assert!(matches!(model.tx(1, &ask([10, 0, 0, 77]), false).verdict, Verdict::Reply { eni: 1, .. }));
    assert_eq!(model.tx(1, &ask([10, 0, 0, 78]), false).verdict.reason(), Some(ArpUnanswered));
}

/// Nobody can make the card ask by packets that it refuses, or admits whoever sends them.
#[test]
fn what_groups_do_not_decide_asks_nothing() {
    let asked = Arc::new(AtomicUsize::new(0));
    let egress = vec![group_rule(Protocol::Tcp(1, 1), 5)];
    let ingress = vec![group_rule(Protocol::Tcp(1, 1), 5), rule(Protocol::Udp(0, u16::MAX), "0.0.0.0/0")];
    let mut model = Model::new(asking(with_rules(egress, ingress))).with_service(service(0, &asked));
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, [10, 0, 2, 1]))), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &echo4([10, 0, 2, 2], OWN4, 8, 1))), (Some(SecurityGroup), New));
    assert_eq!(fate(&receive(&mut model, &udp4([10, 0, 2, 3], OWN4))).0, None);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn invalidation() {
    let mut config = config();
    config.mappings.truncate(2);
    for (version, mapping) in (1..).zip(&mut config.mappings) {
        mapping.version = version;
    }
    let reason = |model: &mut Model, to| send(model, &udp4(OWN4, to)).verdict.reason();
    let key = |vni, ip: [u8; 4]| Query { vni, route_table: 0, ip: ip.into() };
    let fresh = || Model::new(config.clone());
    let after = |change: &dyn Fn(&mut Model)| {
        let mut model = fresh();
        change(&mut model);
        [PEER4, FAR4].map(|to| reason(&mut model, to).is_none())
    };
    assert_eq!(after(&|_| ()), [true, true]);
    assert_eq!(after(&|model| model.invalidate(key(VNI, PEER4))), [false, true]);
    assert_eq!(after(&|model| model.invalidate(key(VNI + 1, PEER4))), [true, true]);
    assert_eq!(after(&|model| model.invalidate(Query { route_table: 1, ..key(VNI, PEER4) })), [true, true]);
    assert_eq!(after(&|model| model.invalidate_vni(VNI + 1)), [true, true]);
    assert_eq!(after(&|model| model.invalidate_vni(VNI)), [false, false]);
    // Versions 1 and 2 are in the cache.
    for (version, left) in [
        (1, [true, true]),
        (2, [false, true]),
        (3, [false, false]),
        (0, [true, true]),
        (0x8000, [false, false]),
        (0x8001, [true, false]),
        (0x8002, [true, true]),
        (0xffff, [true, true]),
    ] {
        assert_eq!(after(&|model| model.invalidate_version(version)), left, "{version:#x}");
    }
    // A connection lives on, but has no way; a mapping that comes again makes one.
    let mut model = fresh();
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, FAR4))), (None, New));
    model.invalidate(key(VNI, FAR4));
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, FAR4))), (Some(CacheMiss), Established));
    model.install_mapping(mapping(FAR4.into(), FAR_MAC, MappingKind::Instance));
    assert_eq!(fate(&send(&mut model, &udp4(OWN4, FAR4))), (None, Established));
}

/// Two interfaces of one subnet on this card.
fn two_guests() -> CardConfig {
    let mut config = client();
    let mut second = config.enis[0].clone();
    (second.number, second.mac, second.ips) = (2, PEER_MAC, vec![PEER4.into()]);
    second.policy = server().enis[0].policy.clone();
    config.enis.push(second);
    for mapping in config.mappings.iter_mut().filter(|mapping| mapping.ip == IpAddr::from(PEER4)) {
        mapping.underlay_ip = config.underlay_ip;
    }
    config
}

#[test]
fn local_delivery() {
    let mut model = Model::new(two_guests());
    let there = guest4(&tcp4((OWN4, 1), (PEER4, 80), SYN));
    let outcome = model.tx(1, &there, false);
    assert_eq!((&outcome.verdict, outcome.eni, outcome.flow), (&Verdict::Local, Some(1), New));
    assert_eq!((outcome.verdict.frame(), outcome.verdict.reason()), (None, None));
    let local = outcome.local.unwrap();
    let delivered = ethernet(PEER_MAC, ENI_MAC, 0x0800, &there[14..]);
    assert_eq!(local.verdict, Verdict::Deliver { eni: 2, frame: delivered });
    assert_eq!((local.eni, local.flow, local.local), (Some(2), New, None));
    // Each side has its own connection.
    assert_eq!(model.connections().count(), 2);
    let count = |model: &Model, bank, index| model.counters().get(bank, index).packets;
    assert_eq!((count(&model, Bank::Tx, PASSED), count(&model, Bank::Rx, RECEIVED)), (1, 1));
    assert_eq!(model.counters().get(Bank::Rx, RECEIVED).bytes, there.len() as u64);

    // The second interface's own policy decides about what gets to it.
    let mut refusing = two_guests();
    refusing.enis[1].policy = EniPolicy::closed();
    let mut model = Model::new(refusing);
    let outcome = model.tx(1, &there, false);
    assert_eq!(fate(&outcome), (None, New));
    assert_eq!(fate(&outcome.local.unwrap()), (Some(SecurityGroup), New));
    assert_eq!(model.connections().count(), 1);
    adds_up(&model);
    // What the sender's side drops never gets there.
    let mut model = Model::new(CardConfig { strict_tcp: true, ..two_guests() });
    let outcome = model.tx(1, &guest4(&tcp4((OWN4, 1), (PEER4, 80), ACK)), false);
    assert_eq!((fate(&outcome), outcome.local), ((Some(StrictTcp), New), None));
    let mut full = two_guests();
    full.enis[0].policy.max_connections = 0;
    let outcome = Model::new(full).tx(1, &there, false);
    assert_eq!((fate(&outcome), outcome.local), ((Some(ConntrackAllowanceExceeded), New), None));
    let mut idle = two_guests();
    idle.enis[0].policy.linklocal_allowance = 0;
    idle.mappings.push(Mapping {
        underlay_ip: idle.underlay_ip,
        ..mapping([169, 254, 169, 254].into(), FAR_MAC, MappingKind::GatewayService)
    });
    let outcome = Model::new(idle).tx(1, &guest4(&udp4(OWN4, [169, 254, 169, 254])), false);
    assert_eq!((fate(&outcome), outcome.local), ((Some(LinklocalAllowanceExceeded), Flow::None), None));
    // An address that is said to be here but is not.
    let mut moved = two_guests();
    moved.enis.pop();
    let outcome = Model::new(moved).tx(1, &there, false);
    assert_eq!(fate(&outcome.local.unwrap()), (Some(NoSuchEni), Flow::None));
}

#[test]
fn acls_count_twice_between_local_subnets() {
    let mut config = two_guests();
    (config.enis[1].subnet, config.enis[1].subnet4) = (1, Some(("10.0.0.6".parse().unwrap(), 32)));
    config.enis[0].subnet4 = Some(("10.0.0.5".parse().unwrap(), 32));
    let all = vec![nacl_rule(true, Protocol::All, "0.0.0.0/0")];
    let (open, shut) = (Some(Nacl { egress: all.clone(), ingress: all }), Some(Nacl::default()));
    let packet = guest4(&tcp4((OWN4, 1), (PEER4, 80), SYN));
    let reasons = |subnets| {
        let outcome = Model::new(CardConfig { subnets, ..config.clone() }).tx(1, &packet, false);
        (outcome.verdict.reason(), outcome.local.and_then(|local| local.verdict.reason()))
    };
    assert_eq!(reasons(vec![open.clone(), open.clone()]), (None, None));
    assert_eq!(reasons(vec![shut.clone(), open.clone()]), (Some(DropReason::Nacl), None));
    assert_eq!(reasons(vec![open, shut]), (None, Some(DropReason::Nacl)));
}
