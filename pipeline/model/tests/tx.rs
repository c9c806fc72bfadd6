//! The tx path behind the parser: `eni`, `responder`, `lookup`, `encap`.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::*;
use etherparse::icmpv6::{PrefixInformation, RouterAdvertisementHeader};
use etherparse::{Icmpv6Type, PacketBuilder};
use nitro_model::{Model, Outcome, Verdict, checksum, parse};
use nitro_wire::DropReason::{self, *};
use nitro_wire::Flow;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{Bank, PASSED, RECEIVED, REPLIED};
use nitro_wire::formats::{GENEVE, GENEVE_OPTION, TOKEN_OPTION, UDP};

fn tx(config: CardConfig, frame: &[u8]) -> Outcome {
    Model::new(config).tx(1, frame, false)
}

fn check(cases: &[(&str, Vec<u8>, Option<DropReason>)]) {
    for (name, frame, reason) in cases {
        assert_eq!(tx(config(), frame).verdict.reason(), *reason, "{name}");
    }
}

fn udp4(src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    ipv4(src, dst, 17, 0, &udp(b"data"))
}

fn ask4(target: [u8; 4]) -> Vec<u8> {
    ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, target))
}

fn ask6(source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let body = solicitation(target, if source.is_unspecified() { &[] } else { &[1, 1, 0x0a, 0x10, 0, 0, 0, 5] });
    guest6(&icmpv6(source, solicited_node(target), 255, &body))
}

#[test]
fn identity() {
    let foreign = [10, 0, 0, 9];
    check(&[
        ("own", guest4(&udp4(OWN4, FAR4)), None),
        ("own, IPv6", guest6(&ipv6(own6(), far6(), 17, 64, &udp(&[]))), None),
        ("foreign MAC", ethernet(GATEWAY_MAC, PEER_MAC, 0x0800, &udp4(OWN4, FAR4)), Some(SpoofedMac)),
        ("foreign address", guest4(&udp4(foreign, FAR4)), Some(SpoofedIp)),
        ("foreign IPv6 address", guest6(&ipv6(peer6(), far6(), 17, 64, &udp(&[]))), Some(SpoofedIp)),
        ("both", ethernet(GATEWAY_MAC, PEER_MAC, 0x0800, &udp4(foreign, FAR4)), Some(SpoofedMac)),
        ("spoofed to broadcast", ethernet(BROADCAST, ENI_MAC, 0x0800, &udp4(foreign, FAR4)), Some(SpoofedIp)),
        (
            "ARP for a foreign MAC",
            ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, PEER_MAC, OWN4, PEER4)),
            Some(SpoofedMac),
        ),
        (
            "ARP for a foreign address",
            ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, foreign, PEER4)),
            Some(SpoofedIp),
        ),
        ("ARP probe", ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, [0; 4], PEER4)), None),
        (
            "DHCP before there is an address",
            ethernet(BROADCAST, ENI_MAC, 0x0800, &udp4([0; 4], [255; 4])),
            Some(SpoofedIp),
        ),
        (
            "link-local source of UDP",
            guest6(&ipv6("fe80::5".parse().unwrap(), far6(), 17, 64, &udp(&[]))),
            Some(SpoofedIp),
        ),
        ("link-local source of a solicitation", ask6("fe80::5".parse().unwrap(), peer6()), None),
        ("link-local ends at febf", ask6("fec0::5".parse().unwrap(), peer6()), Some(SpoofedIp)),
        ("solicitation of nobody", ask6(Ipv6Addr::UNSPECIFIED, peer6()), None),
        ("malformed before all", guest4(&udp4(OWN4, FAR4)[..19]), Some(Truncated)),
    ]);
    let mut unchecked = config();
    unchecked.enis[0].source_dest_check = false;
    let frame = ethernet(GATEWAY_MAC, PEER_MAC, 0x0800, &udp4(foreign, FAR4));
    assert_eq!(tx(unchecked.clone(), &frame).verdict.reason(), None);
    let frame = ethernet(BROADCAST, PEER_MAC, 0x0800, &udp4(foreign, FAR4));
    assert_eq!(tx(unchecked, &frame).verdict.reason(), Some(NoBroadcast));

    let outcome = Model::new(config()).tx(0, &guest4(&udp4(OWN4, FAR4)), false);
    assert_eq!(outcome, Outcome { verdict: Verdict::Drop(NoSuchEni), eni: None, flow: Flow::None, local: None });
    let outcome = Model::new(config()).tx(1, &[0; 3], false);
    assert_eq!(outcome, Outcome { verdict: Verdict::Drop(Truncated), eni: Some(1), flow: Flow::None, local: None });
    let outcome = Model::new(config()).tx(1, &guest4(&udp4(OWN4, FAR4)), true);
    assert_eq!(outcome.verdict, Verdict::Drop(StreamError));
}

#[test]
fn groups() {
    let to = |dst: [u8; 4]| guest4(&udp4(OWN4, dst));
    let to6 = |dst: &str| guest6(&ipv6(own6(), dst.parse().unwrap(), 17, 64, &udp(&[])));
    let advertisement = icmpv6(own6(), "ff02::1".parse().unwrap(), 255, &[136; 24]);
    check(&[
        ("broadcast MAC", ethernet(BROADCAST, ENI_MAC, 0x0800, &udp4(OWN4, FAR4)), Some(NoBroadcast)),
        ("multicast MAC", ethernet([1, 0, 0x5e, 0, 0, 1], ENI_MAC, 0x0800, &udp4(OWN4, FAR4)), Some(NoBroadcast)),
        ("limited broadcast", to([255; 4]), Some(NoBroadcast)),
        ("224.0.0.1", to([224, 0, 0, 1]), Some(NoBroadcast)),
        ("239.255.255.255", to([239, 255, 255, 255]), Some(NoBroadcast)),
        ("240.0.0.1", to([240, 0, 0, 1]), Some(CacheMiss)),
        ("the subnet's broadcast", to([10, 0, 0, 255]), Some(NoBroadcast)),
        ("another subnet's broadcast", to([10, 0, 1, 255]), Some(CacheMiss)),
        ("ff02::1", to6("ff02::1"), Some(NoBroadcast)),
        ("fe00::1", to6("fe00::1"), Some(CacheMiss)),
        ("unsolicited advertisement", guest6(&advertisement), Some(NoBroadcast)),
        (
            "router solicitation",
            guest6(&icmpv6(own6(), "ff02::2".parse().unwrap(), 255, &[133, 0, 0, 0, 0, 0, 0, 0])),
            None,
        ),
    ]);
}

#[test]
fn arp_answers() {
    check(&[
        ("gateway", ask4(GATEWAY4), None),
        ("peer", ask4(PEER4), None),
        ("no mapping", ask4([10, 0, 0, 7]), Some(ArpUnanswered)),
        ("negative mapping", ask4([10, 0, 0, 66]), Some(ArpUnanswered)),
        ("drop mapping", ask4([10, 0, 0, 67]), Some(ArpUnanswered)),
        ("outside of the subnet", ask4(FAR4), Some(ArpUnanswered)),
        ("own address", ask4(OWN4), Some(ArpUnanswered)),
        (
            "probe for the own address",
            ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, [0; 4], OWN4)),
            Some(ArpUnanswered),
        ),
        ("reply", ethernet(GATEWAY_MAC, ENI_MAC, 0x0806, &arp(2, ENI_MAC, OWN4, GATEWAY4)), Some(ArpUnanswered)),
        ("operation 3", ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(3, ENI_MAC, OWN4, PEER4)), Some(BadArp)),
        ("unicast request", ethernet(GATEWAY_MAC, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, GATEWAY4)), None),
    ]);
    let Verdict::Reply { eni: 1, frame } = tx(config(), &ask4(PEER4)).verdict else { panic!("no reply") };
    let mut expected = ethernet(ENI_MAC, PEER_MAC, 0x0806, &[0, 1, 8, 0, 6, 4, 0, 2]);
    expected.extend(PEER_MAC.iter().chain(&PEER4).chain(&ENI_MAC).chain(&OWN4));
    expected.resize(60, 0);
    assert_eq!(frame, expected);

    let request = tagged(BROADCAST, ENI_MAC, 0x2005, 0x0806, &arp(1, ENI_MAC, OWN4, GATEWAY4));
    let frame = tx(config(), &request).verdict.frame().unwrap().to_vec();
    assert_eq!(frame.len(), 60);
    assert_eq!(frame[..18], tagged(ENI_MAC, GATEWAY_MAC, 0x2005, 0x0806, &[]));
    assert_eq!(frame[26..32], GATEWAY_MAC);
}

#[test]
fn neighbour_answers() {
    let gateway: Ipv6Addr = "fd00:10::1".parse().unwrap();
    // 0a:00:00:00:00:01 with the universal/local bit flipped and ff:fe in the middle.
    let link_local: Ipv6Addr = "fe80::800:ff:fe00:1".parse().unwrap();
    check(&[
        ("gateway", ask6(own6(), gateway), None),
        ("gateway's link-local address", ask6(own6(), link_local), None),
        ("another link-local address", ask6(own6(), "fe80::800:ff:fe00:2".parse().unwrap()), Some(NdUnanswered)),
        ("peer", ask6(own6(), peer6()), None),
        ("no mapping", ask6(own6(), "fd00:10::7".parse().unwrap()), Some(NdUnanswered)),
        ("outside of the subnet", ask6(own6(), far6()), Some(NdUnanswered)),
        ("own address", ask6(own6(), own6()), Some(NdUnanswered)),
        ("detection of the own address", ask6(Ipv6Addr::UNSPECIFIED, own6()), Some(NdUnanswered)),
        ("malformed", guest6(&icmpv6(own6(), peer6(), 64, &solicitation(peer6(), &[]))), Some(BadNd)),
    ]);
    let answer = |source, target| {
        let frame = tx(config(), &ask6(source, target)).verdict.frame().unwrap().to_vec();
        let parsed = parse(&frame);
        assert_eq!((frame.len(), parsed.reason, parsed.icmp_type, parsed.hop_limit), (86, None, 136, 255));
        assert_eq!(checksum::icmpv6_sum(parsed.src_ip, parsed.dst_ip, &frame[54..]), 0xffff);
        assert_eq!((parsed.src_ip, &frame[62..78]), (target.to_bits(), &target.octets()[..]));
        (parsed.dst_ip, frame[..6].to_vec(), frame[6..12].to_vec(), frame[58], frame[78..].to_vec())
    };
    let option = |mac: [u8; 6]| [&[2, 1][..], &mac].concat();
    let own = own6().to_bits();
    assert_eq!(answer(own6(), peer6()), (own, ENI_MAC.into(), PEER_MAC.into(), 0x60, option(PEER_MAC)));
    assert_eq!(answer(own6(), gateway), (own, ENI_MAC.into(), GATEWAY_MAC.into(), 0xe0, option(GATEWAY_MAC)));
    assert_eq!(answer(own6(), link_local).3, 0xe0);
    let all_nodes = "ff02::1".parse::<Ipv6Addr>().unwrap().to_bits();
    let all_nodes_mac = vec![0x33, 0x33, 0, 0, 0, 1];
    let detected = answer(Ipv6Addr::UNSPECIFIED, peer6());
    assert_eq!(detected, (all_nodes, all_nodes_mac, PEER_MAC.into(), 0x20, option(PEER_MAC)));

    let body = icmpv6(own6(), solicited_node(peer6()), 255, &solicitation(peer6(), &[]));
    let request = tagged(BROADCAST, ENI_MAC, 7, 0x86dd, &body);
    let frame = tx(config(), &request).verdict.frame().unwrap().to_vec();
    assert_eq!((frame.len(), &frame[..18]), (90, &tagged(ENI_MAC, PEER_MAC, 7, 0x86dd, &[])[..]));
}

/// A router solicitation; its source link-layer address if it has one to tell.
fn seek(source: Ipv6Addr, hop_limit: u8) -> Vec<u8> {
    let option: &[u8] = if source.is_unspecified() { &[] } else { &[1, 1, 0x0a, 0x10, 0, 0, 0, 5] };
    let message = [&[133, 0, 0, 0, 0, 0, 0, 0], option].concat();
    icmpv6(source, "ff02::2".parse().unwrap(), hop_limit, &message)
}

/// A router advertisement as etherparse writes it.
fn advertised(dst_mac: [u8; 6], tag: Option<u16>, destination: Ipv6Addr, prefix: Ipv6Addr, length: u8) -> Vec<u8> {
    let mut options = vec![1, 1];
    options.extend(GATEWAY_MAC);
    options.extend([5, 1, 0, 0, 0, 0, 0x23, 0x29]);
    let information = PrefixInformation {
        prefix_length: length,
        on_link: true,
        autonomous_address_configuration: false,
        valid_lifetime: u32::MAX,
        preferred_lifetime: u32::MAX,
        prefix: prefix.octets(),
    };
    options.extend(information.to_bytes());
    let header = RouterAdvertisementHeader {
        cur_hop_limit: 64,
        managed_address_config: true,
        other_config: false,
        router_lifetime: 1800,
    };
    let payload = [&[0; 8], &options[..]].concat();
    let link_local: Ipv6Addr = "fe80::800:ff:fe00:1".parse().unwrap();
    let ethernet = PacketBuilder::ethernet2(GATEWAY_MAC, dst_mac);
    let addresses = (link_local.octets(), destination.octets());
    let ip = match tag {
        Some(tag) => ethernet.single_vlan(tag.try_into().unwrap()).ipv6(addresses.0, addresses.1, 255),
        None => ethernet.ipv6(addresses.0, addresses.1, 255),
    };
    let mut frame = Vec::new();
    ip.icmpv6(Icmpv6Type::RouterAdvertisement(header)).write(&mut frame, &payload).unwrap();
    frame
}

#[test]
fn router_answers() {
    let (prefix, host): (Ipv6Addr, Ipv6Addr) = ("fd00:10::".parse().unwrap(), "fe80::5".parse().unwrap());
    let answer = |config, frame: &[u8]| tx(config, frame).verdict.frame().unwrap().to_vec();
    for source in [own6(), host] {
        let frame = answer(config(), &guest6(&seek(source, 255)));
        assert_eq!(frame.len(), 118);
        assert_eq!(frame, advertised(ENI_MAC, None, source, prefix, 64));
    }
    // From no address: to all nodes.
    let all_nodes = ([0x33, 0x33, 0, 0, 0, 1], "ff02::1".parse().unwrap());
    let frame = answer(config(), &guest6(&seek(Ipv6Addr::UNSPECIFIED, 255)));
    assert_eq!(frame, advertised(all_nodes.0, None, all_nodes.1, prefix, 64));
    // The tag comes back.
    let frame = answer(config(), &tagged(BROADCAST, ENI_MAC, 7, 0x86dd, &seek(host, 255)));
    assert_eq!(frame.len(), 122);
    assert_eq!(frame, advertised(ENI_MAC, Some(7), host, prefix, 64));
    // Bits behind the prefix are not told.
    let mut narrow = config();
    narrow.enis[0].subnet6 = Some(("fd00:10::ff05".parse().unwrap(), 122));
    let frame = answer(narrow, &guest6(&seek(host, 255)));
    assert_eq!(frame, advertised(ENI_MAC, None, host, "fd00:10::ff00".parse().unwrap(), 122));

    assert_eq!(tx(config(), &guest6(&seek(host, 64))).verdict.reason(), Some(BadNd));
    let mut without = config();
    without.enis[0].subnet6 = None;
    assert_eq!(tx(without, &guest6(&seek(host, 255))).verdict.reason(), Some(NdUnanswered));
}

#[test]
fn lookups() {
    check(&[
        ("hit", guest4(&udp4(OWN4, PEER4)), None),
        ("miss", guest4(&udp4(OWN4, [10, 0, 0, 7])), Some(CacheMiss)),
        ("negative", guest4(&udp4(OWN4, [10, 0, 0, 66])), Some(NoMapping)),
        ("drop", guest4(&udp4(OWN4, [10, 0, 0, 67])), Some(MappingDrop)),
    ]);
    let mut other_network = config();
    for mapping in &mut other_network.mappings {
        mapping.vni += 1;
    }
    assert_eq!(tx(other_network, &guest4(&udp4(OWN4, PEER4))).verdict.reason(), Some(CacheMiss));
}

#[test]
fn outer_headers() {
    let mut packet = udp4(OWN4, FAR4);
    packet[1] = 0xb9; // EF, ECT(1)
    fix_ipv4_checksum(&mut packet, 0);
    let inner = guest4(&packet);
    let frame = tx(config(), &inner).verdict.frame().unwrap().to_vec();
    assert_eq!(frame.len(), inner.len() + 70);
    assert_eq!(frame[..14], ethernet(NEXT_HOP_MAC, UNDERLAY_MAC, 0x0800, &[]));
    let outer = parse(&frame);
    assert_eq!((outer.reason, outer.traffic_class, outer.hop_limit, outer.protocol), (None, 0xb9, 64, 17));
    assert!(outer.dont_fragment && !outer.ip_options && outer.fragment_id == 0);
    assert_eq!((outer.src_ip, outer.dst_ip), (0xffff_6440_0001, 0xffff_6440_0002));
    assert_eq!(usize::from(outer.ip_length), frame.len() - 14);
    assert_eq!((outer.dst_port, outer.src_port >> 14), (6081, 3));
    assert_eq!(usize::from(outer.udp_length), frame.len() - 34);
    assert_eq!(UDP.get(&frame[34..], "checksum").unwrap(), 0);
    let geneve = |name| GENEVE.get(&frame[42..], name).unwrap();
    assert_eq!([geneve("version"), geneve("oam"), geneve("critical"), geneve("option_length")], [0, 0, 1, 5]);
    assert_eq!([geneve("protocol"), geneve("vni")], [0x6558, u128::from(VNI)]);
    let option = |name| GENEVE_OPTION.get(&frame[50..], name).unwrap();
    assert_eq!([option("class"), option("option_type"), option("length")], [0xff4e, 0x81, 4]);
    let token = |name| TOKEN_OPTION.get(&frame[54..], name).unwrap();
    assert_eq!([token("epoch"), token("flags"), token("source_eni")], [3, 0, 1]);
    assert_eq!(token("token"), 0x0123_4567_89ab_cdef);
    // The destination is not in the subnet: the inner frame comes from the gateway.
    assert_eq!(frame[70..], ethernet(FAR_MAC, GATEWAY_MAC, 0x0800, &packet));
    let frame = tx(config(), &guest4(&udp4(OWN4, PEER4))).verdict.frame().unwrap().to_vec();
    assert_eq!(frame[70..84], ethernet(PEER_MAC, ENI_MAC, 0x0800, &[]));

    // Tag and padding travel unchanged.
    let mut inner = tagged(GATEWAY_MAC, ENI_MAC, 0x6123, 0x86dd, &ipv6(own6(), far6(), 17, 1, &udp(&[])));
    inner.extend([0xaa; 5]);
    let frame = tx(config(), &inner).verdict.frame().unwrap().to_vec();
    assert_eq!(frame[70..82], [FAR_MAC, GATEWAY_MAC].concat());
    assert_eq!(frame[82..], inner[12..]);
}

#[test]
fn ipv6_underlay() {
    let mut config = config();
    config.underlay_ip = "2001:db8::1".parse().unwrap();
    for mapping in &mut config.mappings {
        mapping.underlay_ip = "2001:db8::2".parse().unwrap();
    }
    let mut packet = ipv6(own6(), far6(), 6, 64, &tcp(b"data"));
    packet[0] = 0x6b;
    packet[1] = 0x95; // Traffic class 0xb9, a flow label that stays inside.
    let inner = guest6(&packet);
    let frame = tx(config, &inner).verdict.frame().unwrap().to_vec();
    assert_eq!(frame.len(), inner.len() + 90);
    let outer = parse(&frame);
    assert_eq!((outer.reason, outer.is_ipv6, outer.traffic_class, outer.hop_limit), (None, true, 0xb9, 64));
    assert_eq!(frame[14..18], [0x6b, 0x90, 0, 0]);
    assert_eq!(usize::from(outer.ip_length), frame.len() - 14);
    assert_eq!(outer.dst_ip, "2001:db8::2".parse::<Ipv6Addr>().unwrap().to_bits());
    assert_eq!(frame[90..], ethernet(FAR_MAC, GATEWAY_MAC, 0x86dd, &packet));
}

#[test]
fn sizes() {
    let of = |length: usize| guest4(&ipv4(OWN4, FAR4, 17, 0, &udp(&vec![0; length - 28])));
    let with_mtu = |mtu: u16, frame: &[u8]| {
        let mut config = config();
        config.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = mtu);
        tx(config, frame).verdict.reason()
    };
    assert_eq!(with_mtu(9001, &of(9001)), None);
    assert_eq!(with_mtu(9001, &of(9002)), Some(TooBig));
    assert_eq!(with_mtu(16000, &of(9002)), Some(TooBig));
    assert_eq!(with_mtu(1500, &of(1500)), None);
    assert_eq!(with_mtu(1500, &of(1501)), Some(TooBig));
    // Padding is no part of the datagram.
    assert_eq!(with_mtu(1500, &[of(1500), vec![0; 4]].concat()), None);
}

#[test]
fn one_flow_one_path() {
    let mut model = Model::new(config());
    let mut port = |packet: &[u8]| parse(model.tx(1, &guest4(packet), false).verdict.frame().unwrap()).src_port;
    let datagram = |source: u8| {
        let mut payload = udp(&[0; 64]);
        payload[1] = source;
        payload
    };
    let whole = |source| ipv4(OWN4, FAR4, 17, 0, &datagram(source));
    assert_eq!(port(&whole(1)), port(&whole(1)));
    let ports: std::collections::HashSet<_> = (0..64).map(|source| port(&whole(source))).collect();
    assert!(ports.len() > 56, "64 flows on {} of 16,384 ports", ports.len());
    let first = ipv4(OWN4, FAR4, 17, 0x2000, &datagram(1)[..32]);
    let later = ipv4(OWN4, FAR4, 17, 4, &datagram(1)[32..]);
    assert_eq!(port(&first), port(&later));
    assert_ne!(port(&first), port(&whole(1)));
}

#[test]
fn flow_hash_is_siphash_1_3_of_forty_bytes() {
    use std::hash::Hasher as _;
    let parsed = parse(&guest4(&udp4(OWN4, FAR4)));
    let mut message = vec![0; 10];
    message.extend([0xff, 0xff, 10, 0, 0, 5]);
    message.extend([0; 10]);
    message.extend([0xff, 0xff, 10, 0, 1, 20, 0x04, 0xd2, 0x00, 0x35, 17, 0, 0, 0]);
    assert_eq!(message.len(), 40);
    let mut hasher = siphasher::sip::SipHasher13::new_with_key(&[2; 16]);
    hasher.write(&message);
    assert_eq!(u64::from(nitro_model::encap::flow_hash(&[2; 16], &parsed)), hasher.finish() & 0x3fff);
}

#[test]
fn counters_change_by_what_happened() {
    let mut model = Model::new(config());
    let (forwarded, asked, dropped) = (guest4(&udp4(OWN4, FAR4)), ask4(PEER4), guest4(&udp4(OWN4, [10, 0, 0, 7])));
    for frame in [&forwarded, &asked, &dropped, &dropped] {
        model.tx(1, frame, false);
    }
    model.rx(&[0; 13], false);
    let expected = [
        (Bank::Tx, PASSED, 1, forwarded.len()),
        (Bank::Tx, REPLIED, 1, asked.len()),
        (Bank::Tx, CacheMiss.code(), 2, 2 * dropped.len()),
        (Bank::Tx, RECEIVED, 4, forwarded.len() + asked.len() + 2 * dropped.len()),
        (Bank::Rx, Truncated.code(), 1, 13),
        (Bank::Rx, RECEIVED, 1, 13),
    ];
    for bank in Bank::ALL {
        for index in 0..64 {
            let count = model.counters().get(bank, index);
            let found = expected.iter().find(|(of, at, ..)| *of == bank && *at == index);
            let (packets, bytes) = found.map_or((0, 0), |(_, _, packets, bytes)| (*packets, *bytes));
            assert_eq!((count.packets, count.bytes), (packets, bytes as u64), "{bank:?} {index}");
        }
    }
    assert_eq!(model.counters().iter().count(), 2 * 53);
}

#[test]
fn giants_count_as_the_most_that_is_counted() {
    let mut model = Model::new(config());
    for length in [9217, 16_383, 16_384, 70_000] {
        assert_eq!(model.tx(1, &vec![0; length], false).verdict.reason(), Some(Oversize));
    }
    assert_eq!(model.counters().get(Bank::Tx, Oversize.code()).bytes, 9217 + 3 * 16_383);
}

#[test]
fn interfaces_without_a_subnet_of_a_family_ask_in_vain() {
    let mut config = config();
    config.enis[0].subnet4 = None;
    config.enis[0].subnet6 = None;
    config.enis[0].ips.push(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 8)));
    assert_eq!(tx(config.clone(), &ask4(GATEWAY4)).verdict.reason(), Some(ArpUnanswered));
    assert_eq!(tx(config.clone(), &ask6(own6(), peer6())).verdict.reason(), Some(NdUnanswered));
    // Everything else is behind the gateway, which still has its link-local address.
    assert_eq!(tx(config.clone(), &ask6(own6(), "fe80::800:ff:fe00:1".parse().unwrap())).verdict.reason(), None);
    let frame = tx(config, &guest4(&udp4([10, 0, 0, 8], PEER4))).verdict.frame().unwrap().to_vec();
    assert_eq!(frame[76..82], GATEWAY_MAC);
}
