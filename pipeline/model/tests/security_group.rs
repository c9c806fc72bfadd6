//! The published examples of security group rules.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

use std::net::IpAddr;

use nitro_model::security_group::judge;
use nitro_model::{Admission, Facts};
use nitro_wire::control::ip_bits;
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};

use Admission::{Refused, Tracked, Untracked};
use Direction::{Egress, Ingress};

const TCP: u8 = 6;
const UDP: u8 = 17;

fn rule(protocol: Protocol, peer: &str) -> SecurityRule {
    let (address, length) = peer.split_once('/').unwrap();
    let prefix = Prefix { address: address.parse::<IpAddr>().unwrap(), length: length.parse().unwrap() };
    SecurityRule { protocol, peer: Peer::Prefix(prefix) }
}

fn policy(ingress: Vec<SecurityRule>, egress: Vec<SecurityRule>) -> EniPolicy {
    EniPolicy { ingress, egress, ..EniPolicy::closed() }
}

fn packet(protocol: u8, peer: &str, source_port: u16, destination_port: u16) -> Facts {
    let peer: IpAddr = peer.parse().unwrap();
    Facts { ipv6: peer.is_ipv6(), protocol, peer: ip_bits(peer), source_port, destination_port, icmp: None }
}

fn icmp(peer: &str, kind: u8, code: u8) -> Facts {
    let ipv6 = peer.contains(':');
    Facts { icmp: Some((kind, code)), ..packet(if ipv6 { 58 } else { 1 }, peer, 0, 0) }
}

fn all() -> Vec<SecurityRule> {
    vec![rule(Protocol::All, "0.0.0.0/0"), rule(Protocol::All, "::/0")]
}

/// EC2 user guide, "Security group connection tracking", the table of its example.
fn tracking_example() -> EniPolicy {
    policy(
        vec![
            rule(Protocol::Tcp(22, 22), "203.0.113.1/32"),
            rule(Protocol::Tcp(80, 80), "0.0.0.0/0"),
            rule(Protocol::Tcp(80, 80), "::/0"),
            rule(Protocol::Icmp(None), "0.0.0.0/0"),
        ],
        all(),
    )
}

#[test]
fn connection_tracking_example() {
    let policy = tracking_example();
    let at = |direction, facts: Facts| judge(&policy, direction, &facts, 0);
    // "TCP traffic on port 22 to and from the instance is tracked".
    assert_eq!(at(Ingress, packet(TCP, "203.0.113.1", 50_000, 22)), Tracked);
    assert_eq!(at(Egress, packet(TCP, "203.0.113.1", 22, 50_000)), Tracked);
    assert_eq!(at(Ingress, packet(TCP, "203.0.113.2", 50_000, 22)), Refused);
    // "TCP traffic on port 80 to and from the instance is not tracked".
    for peer in ["203.0.113.1", "198.51.100.7", "2001:db8::1"] {
        assert_eq!(at(Ingress, packet(TCP, peer, 50_000, 80)), Untracked);
        assert_eq!(at(Egress, packet(TCP, peer, 80, 50_000)), Untracked);
        // What the instance begins itself is.
        assert_eq!(at(Egress, packet(TCP, peer, 50_000, 80)), Tracked);
    }
    // "ICMP traffic is always tracked, regardless of rules".
    assert_eq!(at(Ingress, icmp("198.51.100.7", 8, 0)), Tracked);
    assert_eq!(at(Egress, icmp("198.51.100.7", 0, 0)), Tracked);
    assert_eq!(at(Ingress, icmp("2001:db8::1", 128, 0)), Refused);
}

/// "If you remove the outbound rule from the security group, all traffic to and from the instance is tracked, including traffic on port 80".
#[test]
fn without_the_outbound_rule_all_is_tracked() {
    let policy = EniPolicy { egress: Vec::new(), ..tracking_example() };
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 50_000, 80), 0), Tracked);
    assert_eq!(judge(&policy, Egress, &packet(TCP, "198.51.100.7", 80, 50_000), 0), Refused);
    // A family by itself.
    let policy = EniPolicy { egress: vec![rule(Protocol::All, "::/0")], ..tracking_example() };
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 50_000, 80), 0), Tracked);
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "2001:db8::1", 50_000, 80), 0), Untracked);
}

/// "For all ports (0-65535)": of the flow's protocol, and nothing less.
#[test]
fn responses_need_all_ports() {
    let web = vec![rule(Protocol::Tcp(443, 443), "0.0.0.0/0"), rule(Protocol::Udp(443, 443), "0.0.0.0/0")];
    for (response, tcp, udp) in [
        (Protocol::Tcp(0, 65535), Untracked, Tracked),
        (Protocol::Udp(0, 65535), Tracked, Untracked),
        (Protocol::Tcp(1, 65535), Tracked, Tracked),
        (Protocol::Tcp(0, 65534), Tracked, Tracked),
        (Protocol::All, Untracked, Untracked),
    ] {
        let policy = policy(web.clone(), vec![rule(response, "0.0.0.0/0")]);
        assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 50_000, 443), 0), tcp, "{response:?}");
        assert_eq!(judge(&policy, Ingress, &packet(UDP, "198.51.100.7", 50_000, 443), 0), udp, "{response:?}");
    }
    // Two halves are no rule for all ports, nor are two halves of the addresses one for all of them.
    let halves = [Protocol::Tcp(0, 1000), Protocol::Tcp(1001, 65535)].map(|half| rule(half, "0.0.0.0/0"));
    let policy = policy(web.clone(), halves.to_vec());
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 50_000, 443), 0), Tracked);
    let halves = ["0.0.0.0/1", "128.0.0.0/1"].map(|half| rule(Protocol::All, half)).to_vec();
    let policy = EniPolicy { egress: halves, ..policy };
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 50_000, 443), 0), Tracked);
}

/// EC2 user guide, "Security group rules for different use cases".
#[test]
fn web_server() {
    let ports = [80, 443];
    let rules = ports.iter().flat_map(|&port| ["0.0.0.0/0", "::/0"].map(|peer| rule(Protocol::Tcp(port, port), peer)));
    let policy = policy(rules.collect(), all());
    for port in ports {
        assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 40_000, port), 0), Untracked);
        assert_eq!(judge(&policy, Ingress, &packet(TCP, "2001:db8::7", 40_000, port), 0), Untracked);
        assert_eq!(judge(&policy, Ingress, &packet(UDP, "198.51.100.7", 40_000, port), 0), Refused);
    }
    for port in [79, 81, 442, 444] {
        assert_eq!(judge(&policy, Ingress, &packet(TCP, "198.51.100.7", 40_000, port), 0), Refused);
    }
}

#[test]
fn database_server() {
    let egress = ["0.0.0.0/0", "::/0"].map(|peer| rule(Protocol::Tcp(80, 80), peer)).to_vec();
    let group = SecurityRule { protocol: Protocol::Tcp(3306, 3306), peer: Peer::Group(5) };
    let policy = policy(vec![group, rule(Protocol::Tcp(5432, 5432), "10.1.0.0/16")], egress);
    let at = |facts: Facts, groups| judge(&policy, Ingress, &facts, groups);
    assert_eq!(at(packet(TCP, "10.0.0.1", 40_000, 3306), 1 << 5), Tracked);
    assert_eq!(at(packet(TCP, "fd00::1", 40_000, 3306), 1 << 5), Tracked);
    assert_eq!(at(packet(TCP, "10.0.0.1", 40_000, 3306), !(1 << 5)), Refused);
    assert_eq!(at(packet(TCP, "10.1.255.255", 40_000, 5432), 0), Tracked);
    assert_eq!(at(packet(TCP, "10.2.0.0", 40_000, 5432), 0), Refused);
    assert_eq!(judge(&policy, Egress, &packet(TCP, "198.51.100.7", 40_000, 80), 0), Tracked);
    assert_eq!(judge(&policy, Egress, &packet(TCP, "198.51.100.7", 40_000, 443), 0), Refused);
    // A reply needs no rule, but it is conntrack that lets it pass.
    assert_eq!(judge(&policy, Egress, &packet(TCP, "10.1.255.255", 5432, 40_000), 0), Refused);
}

#[test]
fn instances_of_the_same_group() {
    let policy = policy(vec![SecurityRule { protocol: Protocol::All, peer: Peer::Group(63) }], all());
    for facts in [packet(TCP, "10.0.0.9", 1, 2), packet(47, "10.0.0.9", 0, 0), icmp("10.0.0.9", 8, 0)] {
        assert_eq!(judge(&policy, Ingress, &facts, 1 << 63), Tracked);
        assert_eq!(judge(&policy, Ingress, &facts, 0), Refused);
    }
    let unknown = SecurityRule { protocol: Protocol::All, peer: Peer::Group(64) };
    let policy = EniPolicy { ingress: vec![unknown], ..policy };
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "10.0.0.9", 1, 2), u64::MAX), Refused);
}

#[test]
fn ping() {
    let policy = policy(
        vec![
            rule(Protocol::Icmp(Some((8, None))), "203.0.113.0/24"),
            rule(Protocol::Icmpv6(Some((128, Some(0)))), "2001:db8::/32"),
        ],
        Vec::new(),
    );
    let at = |facts: Facts| judge(&policy, Ingress, &facts, 0);
    assert_eq!(at(icmp("203.0.113.255", 8, 0)), Tracked);
    assert_eq!(at(icmp("203.0.113.255", 8, 3)), Tracked);
    assert_eq!(at(icmp("203.0.113.255", 0, 0)), Refused);
    assert_eq!(at(icmp("203.0.114.0", 8, 0)), Refused);
    assert_eq!(at(icmp("2001:db8:ffff::1", 128, 0)), Tracked);
    assert_eq!(at(icmp("2001:db8:ffff::1", 128, 1)), Refused);
    assert_eq!(at(icmp("2001:db9::1", 128, 0)), Refused);
}

#[test]
fn dns_server() {
    let both = [Protocol::Tcp(53, 53), Protocol::Udp(53, 53)].map(|protocol| rule(protocol, "10.0.0.0/8"));
    let policy = policy(both.to_vec(), Vec::new());
    assert_eq!(judge(&policy, Ingress, &packet(UDP, "10.9.8.7", 5353, 53), 0), Tracked);
    assert_eq!(judge(&policy, Ingress, &packet(TCP, "10.9.8.7", 5353, 53), 0), Tracked);
    // An IPv4 prefix is no prefix of IPv6 addresses that look like it.
    assert_eq!(judge(&policy, Ingress, &Facts { ipv6: true, ..packet(UDP, "10.9.8.7", 5353, 53) }, 0), Refused);
}

#[test]
fn no_rule_no_traffic() {
    for facts in [packet(TCP, "10.0.0.9", 1, 2), icmp("fd00::1", 128, 0), packet(50, "fd00::1", 0, 0)] {
        assert_eq!(judge(&EniPolicy::closed(), Egress, &facts, u64::MAX), Refused);
        assert_eq!(judge(&EniPolicy::open(), Egress, &facts, 0), Tracked);
    }
}
