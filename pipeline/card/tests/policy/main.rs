//! Random policies and conversations: the whole card against the golden model, every verdict, reason, kind, frame and counter.
//!
//! The cards here have tables that no VPC file can say: short timeouts, rules that overlap in odd ways. Cards of random VPC files are checked in
//! `testbench/check`. A failing case is cut short before it is shown. `NITRO_POLICY_CARDS` is how many random cards a test takes, for longer runs.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use nitro_card::config::Config;
use nitro_check::traffic::{acts_on_tables, asking};
use nitro_check::whole::Rates;
use nitro_check::{Case, Manner, Tally, World, check, rules, shrink};
use nitro_components::bench::Random;

const SINGLY: Manner = Manner::SINGLY;
const BURSTS: Manner = Manner::BURSTS;
const JUNK: Manner = Manner::JUNK;

/// A random card, with its own policies and conversations.
fn case(config: Config, manner: &Manner, seed: u64, datagrams: usize) -> Case {
    let mut random = Random::new(seed + 100);
    let card = rules::card(&mut random, manner.few, manner.ordered());
    let acts = acts_on_tables(&mut random, &card, manner, datagrams);
    let (card, service) = asking(card, manner.query);
    Case {
        description: format!("seed {seed}: {manner:?}"),
        config: config.name().to_owned(),
        world: World::Card(Box::new(card)),
        service,
        strictness: manner.strictness(),
        rates: Rates { idle: manner.idle, pressure: manner.pressure, seed: 3 },
        independence: true,
        acts,
    }
}

/// Random cards, each with its own policies and conversations.
fn check_many(config: Config, manner: &Manner, cards: u64, datagrams: usize, expected: &[&str]) {
    let mut tally = Tally::default();
    let cards = std::env::var("NITRO_POLICY_CARDS").map_or(cards, |number| number.parse().unwrap());
    for seed in 0..cards {
        let case = case(config, manner, seed, datagrams);
        match check(&case) {
            Ok(one) => tally.add(&one),
            Err(error) => {
                let (few, last) = shrink(&case, 120, |case| check(case).err()).unwrap();
                panic!(
                    "{config}, {}: {error}\ncut short: {last}\n{}",
                    case.description,
                    serde_json::to_string(&few).unwrap()
                );
            }
        }
    }
    let missing: Vec<_> = expected.iter().filter(|name| !tally.shown.contains_key(**name)).collect();
    assert!(missing.is_empty(), "{config}, {manner:?}: {tally:?} lacks {missing:?}");
    println!("{config}, {manner:?}: {tally:?}");
}

/// What must come up wherever policies are met.
const POLICY: [&str; 14] = [
    "Pass",
    "linklocal_allowance_exceeded",
    "security_group",
    "nacl",
    "strict_tcp",
    "Tx new",
    "Rx established",
    "Tx established",
    "Rx untracked",
    "Tx untracked",
    "Local Pass",
    "Local new",
    "Local established",
    "Local security_group",
];

#[test]
fn single_datagrams_on_a_tiny_card() {
    let expected =
        [&POLICY[..], &["conntrack_allowance_exceeded", "Tx related", "Rx related", "Local related"]].concat();
    check_many(Config::Tiny, &SINGLY, 12, 150, &expected);
}

#[test]
fn single_datagrams_and_a_table_that_overflows() {
    check_many(
        Config::Tiny,
        &Manner { few: false, pauses: 0.0, ..SINGLY },
        6,
        150,
        &["Pass", "conntrack_full", "Tx established"],
    );
}

#[test]
fn bursts_on_a_tiny_card() {
    check_many(Config::Tiny, &Manner { burst: 6, talks: 9, ..BURSTS }, 8, 150, &POLICY);
}

#[test]
fn bursts_on_a_line_card() {
    check_many(Config::Line, &BURSTS, 4, 200, &POLICY);
}

#[test]
fn bursts_at_both_sides_of_a_line_card() {
    check_many(Config::Line, &Manner { both: true, idle: 0.1, pressure: 0.1, ..BURSTS }, 4, 200, &POLICY);
}

#[test]
fn bursts_with_junk_on_a_line_card() {
    check_many(Config::Line, &JUNK, 3, 200, &["Pass", "security_group", "fragment_without_first", "OFFER", "ACK"]);
}

#[test]
fn bursts_with_junk_on_an_edge_card() {
    check_many(
        Config::Edge,
        &Manner { burst: 15, ..JUNK },
        3,
        150,
        &["Pass", "security_group", "fragment_without_first", "OFFER", "ACK"],
    );
}

/// What must come up wherever a mapping service is asked.
const QUERIES: [&str; 6] = ["Pass", "security_group", "nacl", "no_mapping", "Tx established", "Rx established"];

#[test]
fn single_datagrams_and_a_mapping_service() {
    check_many(Config::Tiny, &Manner { query: Some(200), ..SINGLY }, 10, 150, &QUERIES);
}

#[test]
fn bursts_and_a_mapping_service_on_a_tiny_card() {
    let manner = Manner { burst: 6, talks: 9, query: Some(700), ..BURSTS };
    check_many(Config::Tiny, &manner, 8, 150, &QUERIES);
}

#[test]
fn bursts_and_a_mapping_service_on_a_line_card() {
    check_many(Config::Line, &Manner { query: Some(1500), idle: 0.1, pressure: 0.1, ..BURSTS }, 4, 200, &QUERIES);
}

#[test]
fn bursts_at_both_sides_and_a_mapping_service() {
    check_many(Config::Line, &Manner { both: true, query: Some(300), ..BURSTS }, 3, 200, &QUERIES);
}

#[test]
fn junk_and_a_mapping_service_on_an_edge_card() {
    check_many(
        Config::Edge,
        &Manner { burst: 15, query: Some(100), ..JUNK },
        3,
        150,
        &["Pass", "security_group", "fragment_without_first"],
    );
}
