//! Clocks per decision: what the contract asks for, and what the scan takes.

use std::net::{IpAddr, Ipv4Addr};

use nitro_card::security_group::LATENCY;
use nitro_components::bench::Random;
use nitro_model::Facts;
use nitro_wire::constants::protocol::TCP;
use nitro_wire::control::ip_bits;
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};

use crate::setup::{Bench, EDGE, LINE, Size, TINY};

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 | number).into()
}

/// Rules for so many single addresses; what is compiled keeps their order.
fn policy(rules: u32) -> EniPolicy {
    let rule = |number| SecurityRule {
        protocol: Protocol::Tcp(443, 443),
        peer: Peer::Prefix(Prefix { address: address(number), length: 32 }),
    };
    EniPolicy { egress: (0..rules).map(rule).collect(), ..EniPolicy::closed() }
}

fn packet(number: u32) -> Facts {
    Facts {
        ipv6: false,
        protocol: TCP,
        peer: ip_bits(address(number)),
        source_port: 40_000,
        destination_port: 443,
        icmp: None,
    }
}

/// Clocks from the first answer to the last by the number of answers between, for packets of which each is admitted by a given rule.
fn clocks(bench: &mut Bench, admitting: &[u32]) -> f64 {
    for rule in admitting {
        bench.ask(0, &packet(*rule));
    }
    let mut received = Vec::new();
    let most = bench.clocks + 130 * (admitting.len() as u64 + 10);
    while received.len() < admitting.len() {
        bench.clock(None, false);
        assert!(bench.clocks < most, "answers are missing");
        while let Some((clock, _)) = bench.sink.pop() {
            received.push(clock);
        }
    }
    let span = u32::try_from(received[received.len() - 1] - received[0]).unwrap();
    f64::from(span) / f64::from(u32::try_from(received.len() - 1).unwrap())
}

/// Best, random, worst, and refused, with 1,000 rules.
fn thousand(size: Size) -> [f64; 4] {
    let mut bench = Bench::new(size, Direction::Egress, 0.0, 0.0, 1);
    let rows = bench.install(0, &policy(1000));
    assert_eq!(rows.count, 1000_usize.div_ceil(1 << size.places_log2));
    let mut random = Random::new(1);
    let anywhere: Vec<u32> = (0..200).map(|_| u32::try_from(random.below(1000)).unwrap()).collect();
    let found = [&[0; 60][..], &anywhere, &[999; 60], &[5000; 60]].map(|packets| clocks(&mut bench, packets));
    println!(
        "{} rules a row, {} rows: best {:.1}, random {:.1}, worst {:.1}, refused {:.1} clocks a decision",
        1 << size.places_log2,
        rows.count,
        found[0],
        found[1],
        found[2],
        found[3]
    );
    found
}

fn is(found: f64, expected: u32) {
    assert!((found - f64::from(expected)).abs() < 1e-9, "{found} clocks a decision, expected {expected}");
}

#[test]
fn line_decides_in_16_clocks() {
    let [best, random, worst, refused] = thousand(LINE);
    is(best, 6);
    assert!((6.0..16.0).contains(&random));
    is(worst, 16);
    is(refused, 16);
}

#[test]
fn edge_decides_in_125_clocks() {
    let [best, random, worst, refused] = thousand(EDGE);
    is(best, 6);
    assert!((6.0..125.0).contains(&random));
    is(worst, 125);
    is(refused, 125);
}

/// Rows of one rule, no rule, and the answer of the first packet.
#[test]
fn short_sets_decide_every_clock() {
    for rules in [0, 1, 4] {
        let mut bench = Bench::new(TINY, Direction::Egress, 0.0, 0.0, 1);
        bench.install(0, &policy(rules));
        is(clocks(&mut bench, &[0; 100]), 1);
        bench.ask(0, &packet(0));
        let mut sent = None;
        while sent.is_none() {
            let clock = bench.clocks;
            sent = bench.clock(None, false).then_some(clock);
        }
        let mut left = None;
        while left.is_none() {
            let clock = bench.clocks;
            bench.clock(None, false);
            left = bench.sink.pop().map(|_| clock);
        }
        assert_eq!(left.unwrap() - sent.unwrap(), LATENCY as u64);
    }
}
