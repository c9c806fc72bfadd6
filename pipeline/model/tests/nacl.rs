//! Network ACLs: the borders of what a rule matches, which packets are judged, and the example that Amazon publishes.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use common::*;
use nitro_model::{Model, Sender, wrap};
use nitro_wire::Layout;
use nitro_wire::control::{CardConfig, ip_bits};
use nitro_wire::policy::{Nacl, NaclRule, Prefix, Protocol};
use nitro_wire::{DropReason, MappingKind};

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: address.parse().unwrap(), length: length.parse().unwrap() }
}

fn allow(protocol: Protocol, cidr: &str) -> NaclRule {
    NaclRule { allow: true, protocol, prefix: prefix(cidr) }
}

fn deny(protocol: Protocol, cidr: &str) -> NaclRule {
    NaclRule { allow: false, ..allow(protocol, cidr) }
}

/// The card with a mapping for each address that the tests send to, and this ACL.
fn card(nacl: Option<Nacl>) -> CardConfig {
    let mut card = config();
    let known = card.mappings.len();
    let far =
        ["192.0.2.7", "192.0.3.0", "191.255.255.255", "10.0.1.0", "2001:db8::1", "2001:db8::2", "::ffff:192.0.2.7"];
    let services = ["10.0.0.2", "10.0.0.3", "fd00:10::2", "169.254.169.253", "169.254.169.254", "169.254.169.252"];
    for ip in far.iter().chain(&services) {
        card.mappings.push(mapping(ip.parse().unwrap(), FAR_MAC, MappingKind::GatewayService));
    }
    assert_eq!(card.mappings.len(), known + 13);
    card.subnets = vec![nacl];
    card
}

/// What the frame inside becomes on its way out, with these egress rules and none for ingress.
fn out(egress: &[NaclRule], frame: &[u8]) -> Option<DropReason> {
    let nacl = Nacl { egress: egress.to_vec(), ingress: Vec::new() };
    Model::new(card(Some(nacl))).tx(1, frame, false).verdict.reason()
}

/// And on its way in, with these ingress rules and none for egress.
fn into(ingress: &[NaclRule], frame: &[u8]) -> Option<DropReason> {
    let nacl = Nacl { ingress: ingress.to_vec(), egress: Vec::new() };
    let card = card(Some(nacl));
    let sender = Sender {
        underlay_ip: 0xffff_6440_0002,
        underlay_mac: NEXT_HOP_MAC,
        card_ip: ip_bits(card.underlay_ip),
        card_mac: UNDERLAY_MAC,
        vni: VNI,
        token_epoch: 7,
        token_key: KEY_7,
        flow_key: [9; 16],
        source_eni: 0,
        layout: Layout::Token,
    };
    Model::new(card).rx(&wrap(&sender, frame).unwrap(), false).verdict.reason()
}

/// A segment or datagram to this port: both begin with the ports.
fn to_port(mut upper: Vec<u8>, port: u16) -> Vec<u8> {
    upper[2..4].copy_from_slice(&port.to_be_bytes());
    upper
}

fn octets(ip: &str) -> [u8; 4] {
    ip.parse::<std::net::Ipv4Addr>().unwrap().octets()
}

fn tcp4(dst: &str, port: u16) -> Vec<u8> {
    guest4(&ipv4(OWN4, octets(dst), 6, 0, &to_port(tcp(&[]), port)))
}

fn udp4(dst: &str, port: u16) -> Vec<u8> {
    guest4(&ipv4(OWN4, octets(dst), 17, 0, &to_port(udp(&[]), port)))
}

fn raw4(dst: &str, protocol: u8) -> Vec<u8> {
    guest4(&ipv4(OWN4, octets(dst), protocol, 0, &[0; 8]))
}

fn icmp4(kind: u8, code: u8) -> Vec<u8> {
    guest4(&ipv4(OWN4, octets("192.0.2.7"), 1, 0, &icmp(kind, code, [0; 4], &[])))
}

fn icmp6(kind: u8, code: u8) -> Vec<u8> {
    guest6(&icmpv6(own6(), "2001:db8::1".parse().unwrap(), 64, &icmp(kind, code, [0; 4], &[])))
}

fn tcp6(dst: &str, port: u16) -> Vec<u8> {
    guest6(&ipv6(own6(), dst.parse().unwrap(), 6, 64, &to_port(tcp(&[]), port)))
}

const DENIED: Option<DropReason> = Some(DropReason::Nacl);

/// One rule, and which of these frames it allows.
fn check(rule: NaclRule, cases: &[(&str, Vec<u8>, bool)]) {
    for (name, frame, allowed) in cases {
        assert_eq!(out(&[rule], frame), if *allowed { None } else { DENIED }, "{rule:?}: {name}");
        // The same rule, denying, in front of one that allows all.
        let all = [allow(Protocol::All, "0.0.0.0/0"), allow(Protocol::All, "::/0")];
        let rules = [NaclRule { allow: false, ..rule }, all[0], all[1]];
        assert_eq!(out(&rules, frame), if *allowed { DENIED } else { None }, "deny {rule:?}: {name}");
    }
}

#[test]
fn port_ranges_include_their_ends() {
    check(
        allow(Protocol::Tcp(1024, 2048), "0.0.0.0/0"),
        &[
            ("below", tcp4("192.0.2.7", 1023), false),
            ("first", tcp4("192.0.2.7", 1024), true),
            ("last", tcp4("192.0.2.7", 2048), true),
            ("above", tcp4("192.0.2.7", 2049), false),
            ("UDP", udp4("192.0.2.7", 1024), false),
            ("IPv6", tcp6("2001:db8::1", 1024), false),
        ],
    );
    check(
        allow(Protocol::Udp(0, 0), "0.0.0.0/0"),
        &[("port 0", udp4("192.0.2.7", 0), true), ("port 1", udp4("192.0.2.7", 1), false)],
    );
    check(
        allow(Protocol::Tcp(65_535, 65_535), "0.0.0.0/0"),
        &[("port 65,535", tcp4("192.0.2.7", 65_535), true), ("port 65,534", tcp4("192.0.2.7", 65_534), false)],
    );
    check(
        allow(Protocol::Tcp(0, 65_535), "0.0.0.0/0"),
        &[
            ("TCP", tcp4("192.0.2.7", 7), true),
            ("UDP", udp4("192.0.2.7", 7), false),
            ("GRE", raw4("192.0.2.7", 47), false),
        ],
    );
    // A range that is none.
    check(allow(Protocol::Tcp(80, 79), "0.0.0.0/0"), &[("80", tcp4("192.0.2.7", 80), false)]);
}

#[test]
fn prefixes_of_the_ends() {
    let everything = |dst| tcp4(dst, 443);
    check(
        allow(Protocol::All, "0.0.0.0/0"),
        &[("anything", everything("192.0.2.7"), true), ("IPv6", tcp6("2001:db8::1", 443), false)],
    );
    check(
        allow(Protocol::All, "192.0.2.0/24"),
        &[
            ("in it", everything("192.0.2.7"), true),
            ("behind it", everything("192.0.3.0"), false),
            ("before it", everything("191.255.255.255"), false),
        ],
    );
    check(allow(Protocol::All, "192.0.2.7/32"), &[("it", everything("192.0.2.7"), true)]);
    check(allow(Protocol::All, "192.0.2.6/32"), &[("beside it", everything("192.0.2.7"), false)]);
    check(allow(Protocol::All, "192.0.2.6/31"), &[("the pair", everything("192.0.2.7"), true)]);
    check(allow(Protocol::All, "128.0.0.0/1"), &[("upper half", everything("192.0.2.7"), true)]);
    check(allow(Protocol::All, "0.0.0.0/1"), &[("lower half", everything("192.0.2.7"), false)]);
    // Bits behind the prefix do not count (the API clears them).
    check(allow(Protocol::All, "192.0.2.255/24"), &[("host bits", everything("192.0.2.7"), true)]);
    check(
        allow(Protocol::All, "::/0"),
        &[("anything", tcp6("2001:db8::1", 443), true), ("IPv4", everything("192.0.2.7"), false)],
    );
    check(
        allow(Protocol::All, "2001:db8::1/128"),
        &[("it", tcp6("2001:db8::1", 443), true), ("another", tcp6("2001:db8::2", 443), false)],
    );
    check(allow(Protocol::All, "2001:db8::/126"), &[("in it", tcp6("2001:db8::2", 443), true)]);
    // Families stay apart, even where an IPv6 address holds an IPv4 one.
    let mapped = tcp6("::ffff:192.0.2.7", 443);
    check(allow(Protocol::All, "192.0.2.0/24"), &[("v4-mapped", mapped.clone(), false)]);
    check(
        allow(Protocol::All, "::ffff:0:0/96"),
        &[("v4-mapped", mapped, true), ("IPv4", everything("192.0.2.7"), false)],
    );
}

#[test]
fn messages_and_numbers() {
    let any = |which| allow(Protocol::Icmp(which), "0.0.0.0/0");
    check(
        any(None),
        &[("echo", icmp4(8, 0), true), ("unreachable", icmp4(3, 4), true), ("UDP", udp4("192.0.2.7", 0), false)],
    );
    check(
        any(Some((3, None))),
        &[
            ("3/0", icmp4(3, 0), true),
            ("3/255", icmp4(3, 255), true),
            ("2/255", icmp4(2, 255), false),
            ("4/0", icmp4(4, 0), false),
        ],
    );
    check(
        any(Some((3, Some(4)))),
        &[
            ("3/4", icmp4(3, 4), true),
            ("3/3", icmp4(3, 3), false),
            ("3/5", icmp4(3, 5), false),
            ("4/3", icmp4(4, 3), false),
        ],
    );
    check(any(Some((255, None))), &[("255/255", icmp4(255, 255), true), ("254/255", icmp4(254, 255), false)]);
    let any6 = |which| allow(Protocol::Icmpv6(which), "::/0");
    check(any6(None), &[("echo", icmp6(128, 0), true), ("TCP", tcp6("2001:db8::1", 0), false)]);
    check(
        any6(Some((1, Some(0)))),
        &[("1/0", icmp6(1, 0), true), ("1/1", icmp6(1, 1), false), ("0/0", icmp6(0, 0), false)],
    );
    check(allow(Protocol::Icmp(None), "::/0"), &[("ICMPv6", icmp6(128, 0), false)]);
    for number in [0, 47, 50, 255] {
        let other = number ^ 1;
        check(
            allow(Protocol::Number(number), "0.0.0.0/0"),
            &[("it", raw4("192.0.2.7", number), true), ("another", raw4("192.0.2.7", other), false)],
        );
    }
    check(
        allow(Protocol::Number(6), "0.0.0.0/0"),
        &[("TCP by number, any port", tcp4("192.0.2.7", 9999), true), ("UDP", udp4("192.0.2.7", 9999), false)],
    );
    check(
        allow(Protocol::Number(1), "0.0.0.0/0"),
        &[("ICMP by number, any type", icmp4(200, 3), true), ("GRE", raw4("192.0.2.7", 47), false)],
    );
}

#[test]
fn the_first_match_decides() {
    let web = allow(Protocol::Tcp(80, 80), "0.0.0.0/0");
    let bad = deny(Protocol::All, "192.0.2.0/24");
    assert_eq!(out(&[web, bad], &tcp4("192.0.2.7", 80)), None);
    assert_eq!(out(&[bad, web], &tcp4("192.0.2.7", 80)), DENIED);
    assert_eq!(out(&[bad, web], &tcp4("192.0.3.0", 80)), None);
    assert_eq!(out(&[bad, web], &tcp4("192.0.3.0", 81)), DENIED, "none matches");
    // The last of forty counts as the first does.
    let mut forty = vec![deny(Protocol::Tcp(1, 1), "0.0.0.0/0"); 39];
    forty.push(web);
    assert_eq!(out(&forty, &tcp4("192.0.2.7", 80)), None);
}

#[test]
fn what_is_judged() {
    let far = tcp4("192.0.2.7", 443);
    assert_eq!(Model::new(card(None)).tx(1, &far, false).verdict.reason(), None, "no ACL");
    let none = CardConfig { subnets: Vec::new(), ..card(None) };
    assert_eq!(Model::new(none).tx(1, &far, false).verdict.reason(), None, "no such subnet");
    for (name, frame, expected) in [
        ("no rule", far, DENIED),
        ("within the subnet", udp4("10.0.0.6", 53), None),
        ("within the IPv6 subnet", tcp6("fd00:10::6", 53), None),
        ("the subnet beside", udp4("10.0.1.20", 53), DENIED),
        ("the IPv6 subnet beside", tcp6("fd00:10:0:1::20", 53), DENIED),
        ("resolver", udp4("169.254.169.253", 53), None),
        ("metadata", tcp4("169.254.169.254", 80), None),
        ("beside them", tcp4("169.254.169.252", 80), DENIED),
        ("the subnet's resolver", udp4("10.0.0.2", 53), None),
        (
            "a later fragment",
            guest4(&ipv4(OWN4, octets("192.0.2.7"), 17, 3, &[0; 8])),
            Some(DropReason::FragmentWithoutFirst),
        ),
        ("a first fragment", guest4(&ipv4(OWN4, octets("192.0.2.7"), 17, 0x2000, &udp(&[]))), DENIED),
        ("ARP", ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, GATEWAY4)), None),
        // Stages before and behind.
        ("no mapping is found first", udp4("192.0.2.99", 53), Some(DropReason::CacheMiss)),
    ] {
        assert_eq!(out(&[], &frame), expected, "{name}");
    }
    let mut large = card(Some(Nacl::default()));
    large.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = 30);
    let mut model = Model::new(large);
    assert_eq!(model.tx(1, &udp4("192.0.2.7", 53), false).verdict.reason(), DENIED, "before the MTU");
    model.replace_nacl(0, None);
    assert_eq!(model.tx(1, &tcp4("192.0.2.7", 53), false).verdict.reason(), Some(DropReason::TooBig));
}

#[test]
fn on_the_way_in_the_source_counts() {
    let from = |src: &str, port| {
        ethernet(ENI_MAC, GATEWAY_MAC, 0x0800, &ipv4(octets(src), OWN4, 6, 0, &to_port(tcp(&[]), port)))
    };
    let rules = [deny(Protocol::All, "192.0.2.7/32"), allow(Protocol::Tcp(443, 443), "0.0.0.0/0")];
    assert_eq!(into(&rules, &from("192.0.2.7", 443)), DENIED);
    assert_eq!(into(&rules, &from("192.0.2.8", 443)), None);
    assert_eq!(into(&rules, &from("192.0.2.8", 444)), DENIED, "the destination port, not the source port");
    assert_eq!(into(&[], &from("10.0.0.6", 443)), None, "within the subnet");
    assert_eq!(into(&[], &from("10.0.1.6", 443)), DENIED);
    for service in ["10.0.0.2", "169.254.169.253", "169.254.169.254"] {
        assert_eq!(into(&[], &from(service, 443)), None, "{service}");
    }
    let from6 = |src: &str| {
        ethernet(ENI_MAC, GATEWAY_MAC, 0x86dd, &ipv6(src.parse().unwrap(), own6(), 6, 64, &to_port(tcp(&[]), 443)))
    };
    let rules = [allow(Protocol::Tcp(443, 443), "2001:db8::/127")];
    assert_eq!(into(&rules, &from6("2001:db8::1")), None);
    assert_eq!(into(&rules, &from6("2001:db8::2")), DENIED);
    assert_eq!(into(&rules, &from6("fd00:10::2")), None, "the subnet's resolver");
}

/// The custom network ACL of the Amazon VPC user guide, "Control traffic to subnets using network ACLs": port 443 meets rule
/// 110, port 139 meets none.
#[test]
fn the_published_example() {
    let home = "192.0.2.0/24";
    let world = "0.0.0.0/0";
    let ingress = [
        allow(Protocol::Tcp(80, 80), world),
        allow(Protocol::Tcp(443, 443), world),
        allow(Protocol::Tcp(22, 22), home),
        allow(Protocol::Tcp(3389, 3389), home),
        allow(Protocol::Tcp(32_768, 65_535), world),
    ];
    let segment = |src: &str, protocol, upper: &[u8]| {
        ethernet(ENI_MAC, GATEWAY_MAC, 0x0800, &ipv4(octets(src), OWN4, protocol, 0, upper))
    };
    for (src, port, allowed) in [
        ("198.51.100.9", 80, true),
        ("198.51.100.9", 443, true),
        ("198.51.100.9", 139, false),
        ("192.0.2.1", 139, false),
        ("192.0.2.0", 22, true),
        ("192.0.2.255", 22, true),
        ("192.0.3.0", 22, false),
        ("192.0.1.255", 22, false),
        ("192.0.2.77", 3389, true),
        ("198.51.100.9", 3389, false),
        ("198.51.100.9", 32_767, false),
        ("198.51.100.9", 32_768, true),
        ("198.51.100.9", 65_535, true),
    ] {
        let expected = if allowed { None } else { DENIED };
        assert_eq!(into(&ingress, &segment(src, 6, &to_port(tcp(&[]), port))), expected, "TCP {port} from {src}");
        let datagram = segment(src, 17, &to_port(udp(&[]), port));
        assert_eq!(into(&ingress, &datagram), DENIED, "UDP {port} from {src}");
    }
    let egress = [
        allow(Protocol::Tcp(80, 80), world),
        allow(Protocol::Tcp(443, 443), world),
        allow(Protocol::Tcp(1024, 65_535), home),
        allow(Protocol::Tcp(32_768, 65_535), world),
    ];
    for (dst, port, allowed) in [
        ("10.0.1.20", 443, true),
        ("10.0.1.20", 1024, false),
        ("192.0.2.7", 1023, false),
        ("192.0.2.7", 1024, true),
        ("192.0.3.0", 1024, false),
        ("10.0.1.20", 32_767, false),
        ("10.0.1.20", 32_768, true),
    ] {
        let expected = if allowed { None } else { DENIED };
        assert_eq!(out(&egress, &tcp4(dst, port)), expected, "TCP {port} to {dst}");
    }
}
