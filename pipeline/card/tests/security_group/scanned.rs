//! Rows scanned by the card against the model.

use nitro_components::bench::Random;
use nitro_driver::security::{Compiled, CompiledRule, RuleMemory, SecurityError, Target, compile};
use nitro_model::Admission;
use nitro_model::security_group::judge;
use nitro_wire::policy::{Direction, Peer, Protocol, SecurityRule};

use crate::policies;
use crate::setup::{Bench, EDGE, LINE, NARROW, Size, TINY, admission};

/// The driver puts untracked rules first; the card takes them in any order, if it knows where the last one is.
fn shuffle(random: &mut Random, compiled: &mut Compiled) {
    for index in (1..compiled.rules.len()).rev() {
        let other = usize::try_from(random.below(index as u64 + 1)).unwrap();
        compiled.rules.swap(index, other);
    }
    compiled.untracked = compiled.rules.iter().rposition(|rule| rule.untracked).map_or(0, |last| last + 1);
}

/// Random policies for two interfaces, and packets for both of them and for one that has none.
fn agrees(size: Size, policies_of_each: u32, rules: u64, packets: usize, traffic: (f64, f64), seed: u64) {
    let mut random = Random::new(seed);
    for direction in Direction::ALL {
        let mut bench = Bench::new(size, direction, traffic.0, traffic.1, seed);
        for _ in 0..policies_of_each {
            let policies = [policies::policy(&mut random, rules), policies::policy(&mut random, rules)];
            for (eni, policy) in [0, 1].into_iter().zip(&policies) {
                let mut compiled = compile(policy, direction).unwrap();
                if random.chance(0.4) {
                    shuffle(&mut random, &mut compiled);
                }
                bench.install_compiled(eni, &compiled);
            }
            let mut expected = Vec::new();
            for _ in 0..packets {
                let eni = policies::pick(&mut random, &[0, 0, 0, 1, 1, 1, 200]);
                let policy = policies.get(usize::from(eni));
                let facts = policies::packet(&mut random, policy.unwrap_or(&policies[0]), direction);
                let groups = policies::groups(&mut random);
                bench.ask(eni, &facts);
                let admission = policy.map(|policy| judge(policy, direction, &facts, groups));
                expected.push((eni, facts, groups, admission.unwrap_or(Admission::Refused)));
            }
            let most = bench.clocks + 1_000 + packets as u64 * 400;
            for (eni, facts, groups, expected) in expected {
                let answer = loop {
                    if let Some((_, answer)) = bench.sink.pop() {
                        break answer;
                    }
                    bench.clock(None, false);
                    assert!(bench.clocks < most, "answers are missing");
                };
                let found = admission(&answer, groups);
                let policy = policies.get(usize::from(eni));
                assert_eq!(found, expected, "{direction:?} {facts:?} {groups:#x} {answer:?} {policy:#?}");
            }
            for _ in 0..20 {
                bench.clock(None, false);
            }
            assert_eq!((bench.sink.waiting(), bench.source.waiting()), (0, 0), "one answer a packet");
        }
    }
}

#[test]
fn tiny_scans_agree_with_the_model() {
    agrees(TINY, 60, 12, 40, (0.0, 0.0), 1);
    agrees(TINY, 20, 12, 40, (0.3, 0.0), 2);
    agrees(TINY, 20, 12, 40, (0.0, 0.7), 3);
    agrees(TINY, 20, 12, 40, (0.5, 0.5), 4);
}

#[test]
fn narrow_scans_agree_with_the_model() {
    agrees(NARROW, 30, 10, 40, (0.0, 0.0), 5);
    agrees(NARROW, 10, 10, 40, (0.2, 0.6), 6);
}

#[test]
fn edge_scans_agree_with_the_model() {
    agrees(EDGE, 12, 100, 60, (0.0, 0.0), 7);
    agrees(EDGE, 4, 400, 60, (0.2, 0.2), 8);
}

#[test]
fn line_scans_agree_with_the_model() {
    agrees(LINE, 3, 200, 60, (0.0, 0.0), 9);
    agrees(LINE, 1, 900, 60, (0.2, 0.2), 10);
}

#[test]
fn a_full_memory_is_an_error_that_changes_nothing() {
    let mut random = Random::new(11);
    let mut bench = Bench::new(TINY, Direction::Ingress, 0.0, 0.0, 1);
    let mut policy = policies::policy(&mut random, 4);
    bench.install(0, &policy);
    let free = bench.memory.free();
    policy.ingress = (0..200)
        .map(|port| SecurityRule { protocol: Protocol::Tcp(2 * port, 2 * port), peer: Peer::Group(1) })
        .collect();
    policy.egress.clear();
    let error = bench.plan(&policy).unwrap_err();
    assert!(matches!(error, SecurityError::NoRoom { needed: 50, rows: 32, .. }), "{error}");
    assert_eq!(bench.memory.free(), free);
    assert!(error.to_string().starts_with("no room for 50 rows of ingress rules: "), "{error}");
}

/// n sets of at most m rows leave at most n gaps, so that a memory of 2 · n · m rows takes any replacement.
#[test]
fn there_is_always_room_for_a_set_of_a_quarter() {
    let rules = |count: usize| Compiled {
        rules: (0..count)
            .map(|number| CompiledRule {
                ipv4: true,
                ipv6: false,
                protocol: None,
                reply: false,
                untracked: false,
                selectors: (0, u16::MAX),
                target: Target::Prefix(u128::try_from(number).unwrap(), 128),
            })
            .collect(),
        untracked: 0,
    };
    let mut random = Random::new(12);
    // As in `edge`: 2 sets of 1,000 rules in 512 rows of 8.
    let mut memory = RuleMemory::new(Direction::Egress, 3, 9);
    for _ in 0..500 {
        let count = if random.chance(0.5) { 1000 } else { usize::try_from(random.below(1001)).unwrap() };
        let plan = memory.plan(&rules(count)).unwrap();
        let old = memory.commit(policies::pick(&mut random, &[0, 1]), plan.rows);
        old.into_iter().for_each(|rows| memory.release(rows));
    }
}
