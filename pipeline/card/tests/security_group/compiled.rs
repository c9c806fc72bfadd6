//! Compiled rules by themselves: evaluated one after the other, they say what the model says.

use std::net::IpAddr;

use nitro_components::bench::Random;
use nitro_driver::security::{Compiled, CompiledRule, SecurityError, Target, compile};
use nitro_model::security_group::judge;
use nitro_model::{Admission, Facts};
use nitro_wire::constants::protocol::{TCP, UDP};
use nitro_wire::control::mask6;
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};

use crate::policies;

fn selector(facts: &Facts) -> u16 {
    facts.icmp.map_or(facts.destination_port, |(kind, code)| u16::from(kind) << 8 | u16::from(code))
}

fn admits(rule: &CompiledRule, facts: &Facts, peer_groups: u64) -> bool {
    let selector = if rule.reply { facts.source_port } else { selector(facts) };
    let peer = match rule.target {
        Target::Prefix(address, length) => (address ^ facts.peer) & mask6(length) == 0,
        Target::Group(group) => peer_groups >> group & 1 == 1,
    };
    let family = if facts.ipv6 { rule.ipv6 } else { rule.ipv4 };
    let protocol = rule.protocol.is_none_or(|protocol| protocol == facts.protocol);
    family && protocol && peer && (rule.selectors.0..=rule.selectors.1).contains(&selector)
}

fn evaluate(compiled: &Compiled, facts: &Facts, peer_groups: u64) -> Admission {
    let admitting = || compiled.rules.iter().filter(|rule| admits(rule, facts, peer_groups));
    match (admitting().next(), admitting().any(|rule| rule.untracked)) {
        (None, _) => Admission::Refused,
        (Some(_), true) => Admission::Untracked,
        (Some(_), false) => Admission::Tracked,
    }
}

#[test]
fn compiled_rules_say_what_the_rules_say() {
    let mut random = Random::new(1);
    let mut seen = [0_u32; 3];
    for _ in 0..3_000 {
        let policy = policies::policy(&mut random, 12);
        for direction in Direction::ALL {
            let compiled = compile(&policy, direction).unwrap();
            let first = &compiled.rules[..compiled.untracked];
            assert!(first.iter().all(|rule| rule.untracked));
            assert!(compiled.rules[compiled.untracked..].iter().all(|rule| !rule.untracked));
            for _ in 0..20 {
                let facts = policies::packet(&mut random, &policy, direction);
                let groups = policies::groups(&mut random);
                let expected = judge(&policy, direction, &facts, groups);
                let found = evaluate(&compiled, &facts, groups);
                assert_eq!(found, expected, "{direction:?} {facts:?} {groups:#x} {policy:#?} {compiled:#?}");
                seen[expected as usize] += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 5_000), "refused, tracked and untracked: {seen:?}");
}

fn rule(protocol: Protocol, address: &str, length: u8) -> SecurityRule {
    SecurityRule { protocol, peer: Peer::Prefix(Prefix { address: address.parse::<IpAddr>().unwrap(), length }) }
}

#[test]
fn what_changes_nothing_is_left_out() {
    let world = |protocol| rule(protocol, "0.0.0.0", 0);
    // Adjoining ranges become one; an open direction needs no further rules of its family and protocol.
    let policy = EniPolicy {
        egress: vec![
            world(Protocol::All),
            rule(Protocol::Tcp(25, 25), "10.0.0.0", 8),
            rule(Protocol::All, "10.1.0.0", 16),
        ],
        ingress: vec![
            world(Protocol::Tcp(80, 80)),
            world(Protocol::Tcp(81, 90)),
            world(Protocol::Tcp(85, 443)),
            rule(Protocol::Tcp(22, 22), "203.0.113.1", 32),
            rule(Protocol::Tcp(22, 22), "203.0.113.1", 32),
            rule(Protocol::Tcp(90, 100), "203.0.113.1", 32),
            rule(Protocol::Udp(9, 8), "203.0.113.1", 32),
        ],
        ..EniPolicy::closed()
    };
    let selectors = |direction| {
        let compiled = compile(&policy, direction).unwrap();
        (
            compiled.rules.iter().map(|rule| (rule.protocol, rule.selectors, rule.reply)).collect::<Vec<_>>(),
            compiled.untracked,
        )
    };
    let (all, whole) = (None, (0, u16::MAX));
    assert_eq!(selectors(Direction::Egress), (vec![(Some(TCP), (80, 443), true), (all, whole, false)], 1));
    assert_eq!(selectors(Direction::Ingress), (vec![(Some(TCP), (80, 443), false), (Some(TCP), (22, 22), false)], 1));
    // Without the open direction everything is tracked.
    let closed = EniPolicy { egress: vec![world(Protocol::Udp(0, u16::MAX))], ..policy.clone() };
    assert_eq!(compile(&closed, Direction::Ingress).unwrap().untracked, 0);
    // A group is one rule, or none beside a rule for everybody of both families.
    let group = SecurityRule { protocol: Protocol::Udp(53, 53), peer: Peer::Group(3) };
    let mut everybody = vec![group, world(Protocol::All)];
    let count = |ingress: &[SecurityRule]| {
        let policy = EniPolicy { ingress: ingress.to_vec(), ..EniPolicy::closed() };
        compile(&policy, Direction::Ingress).unwrap().rules
    };
    let rules = count(&everybody);
    assert_eq!((rules.len(), rules[1].ipv4, rules[1].ipv6, rules[1].protocol), (2, false, true, Some(UDP)));
    everybody.push(rule(Protocol::All, "::", 0));
    assert_eq!(count(&everybody).len(), 2);
}

#[test]
fn too_many_rules_and_unknown_groups_are_errors() {
    let one = rule(Protocol::Tcp(1, 1), "10.0.0.1", 32);
    let policy = EniPolicy { ingress: vec![one; 1001], ..EniPolicy::closed() };
    let error = compile(&policy, Direction::Ingress).unwrap_err();
    assert_eq!(error.to_string(), "1001 ingress rules; an interface has at most 1000 in a direction");
    assert!(compile(&policy, Direction::Egress).is_ok());
    let group = SecurityRule { protocol: Protocol::All, peer: Peer::Group(64) };
    let policy = EniPolicy { egress: vec![group], ..EniPolicy::closed() };
    assert_eq!(compile(&policy, Direction::Egress), Err(SecurityError::NoSuchGroup(64)));
}
