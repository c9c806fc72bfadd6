//! The named cases of `vectors/security_group`: what the model and the card say of a packet.

use std::net::IpAddr;
use std::path::Path;

use nitro_model::security_group::judge;
use nitro_model::{Admission, Facts};
use nitro_wire::constants::protocol::{ICMP, ICMPV6, TCP, UDP};
use nitro_wire::control::ip_bits;
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};
use serde_json::Value;

use crate::setup::{Bench, TINY, admission};

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// `tcp 80-90 10.0.0.0/8`, `icmp 8 0.0.0.0/0`, `icmpv6 128/0 ::/0`, `47 fd00::/8`, `all group:5`.
fn rule(text: &str) -> SecurityRule {
    let words: Vec<&str> = text.split(' ').collect();
    let (name, of, peer) = match words[..] {
        [name, peer] => (name, None, peer),
        [name, of, peer] => (name, Some(of), peer),
        _ => panic!("{text}"),
    };
    let ports = || {
        let (low, high) = of.map_or(("0", "65535"), |of| of.split_once('-').unwrap_or((of, of)));
        (low.parse().unwrap(), high.parse().unwrap())
    };
    let message = || {
        of.map(|of| match of.split_once('/') {
            Some((kind, code)) => (kind.parse().unwrap(), Some(code.parse().unwrap())),
            None => (of.parse().unwrap(), None),
        })
    };
    let protocol = match name {
        "all" => Protocol::All,
        "tcp" => Protocol::Tcp(ports().0, ports().1),
        "udp" => Protocol::Udp(ports().0, ports().1),
        "icmp" => Protocol::Icmp(message()),
        "icmpv6" => Protocol::Icmpv6(message()),
        number => Protocol::Number(number.parse().unwrap()),
    };
    let peer = match peer.strip_prefix("group:") {
        Some(group) => Peer::Group(group.parse().unwrap()),
        None => {
            let (address, length) = peer.split_once('/').unwrap();
            let address = address.parse::<IpAddr>().unwrap();
            Peer::Prefix(Prefix { address, length: length.parse().unwrap() })
        }
    };
    SecurityRule { protocol, peer }
}

/// `ingress tcp 10.0.0.9 50000 80`: direction, protocol, peer, source and destination port; `egress icmp 10.0.0.9 8 0`: type and code.
fn packet(text: &str) -> (Direction, Facts) {
    let words: Vec<&str> = text.split(' ').collect();
    let direction = if words[0] == "egress" { Direction::Egress } else { Direction::Ingress };
    let number = |word: usize| words[word].parse::<u16>().unwrap();
    let peer: IpAddr = words[2].parse().unwrap();
    let protocol = match words[1] {
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" => ICMP,
        "icmpv6" => ICMPV6,
        number => number.parse().unwrap(),
    };
    let (source_port, destination_port) = if matches!(protocol, TCP | UDP) { (number(3), number(4)) } else { (0, 0) };
    let byte = |word| u8::try_from(number(word)).unwrap();
    let icmp = matches!(protocol, ICMP | ICMPV6).then(|| (byte(3), byte(4)));
    let facts = Facts { ipv6: peer.is_ipv6(), protocol, peer: ip_bits(peer), source_port, destination_port, icmp };
    (direction, facts)
}

#[test]
fn the_model_and_the_card_say_what_the_cases_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/security_group/judgements.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut benches = Direction::ALL.map(|direction| Bench::new(TINY, direction, 0.0, 0.0, 1));
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let rules = |direction: &str| texts(&case[direction]).into_iter().map(rule).collect();
        let policy = EniPolicy { ingress: rules("ingress"), egress: rules("egress"), ..EniPolicy::closed() };
        let groups = case["groups"]
            .as_array()
            .unwrap()
            .iter()
            .fold(0, |groups, group| groups | 1_u64 << group.as_u64().unwrap());
        let (direction, facts) = packet(case["packet"].as_str().unwrap());
        let expected = match case["admission"].as_str().unwrap() {
            "refused" => Admission::Refused,
            "tracked" => Admission::Tracked,
            "untracked" => Admission::Untracked,
            other => panic!("{name}: {other}"),
        };
        assert_eq!(judge(&policy, direction, &facts, groups), expected, "model: {name}");
        let bench = &mut benches[usize::from(direction.code())];
        bench.install(0, &policy);
        bench.ask(0, &facts);
        let answer = loop {
            if let Some((_, answer)) = bench.sink.pop() {
                break answer;
            }
            bench.clock(None, false);
            assert!(bench.clocks < 100_000, "{name}: no answer");
        };
        assert_eq!(admission(&answer, groups), expected, "card: {name}");
    }
}
