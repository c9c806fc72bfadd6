//! Cards of random VPC files against the model.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use nitro_card::config::Config;
use nitro_check::whole::interpreted;
use nitro_check::{Soak, random_case};

/// What must come up wherever policies are met.
const EXPECTED: [&str; 12] = [
    "Pass",
    "Reply",
    "security_group",
    "nacl",
    "cache_miss",
    "no_mapping",
    "mapping_drop",
    "Tx new",
    "Rx new",
    "Tx established",
    "Rx established",
    "truncated",
];

fn soak(config: Config, cards: u64, packets: u64) {
    let soak = Soak { config, cards, packets, seed: 1 };
    match soak.run(|| Ok(interpreted(config)), |_| ()) {
        Ok(soaked) => {
            let missing: Vec<_> = EXPECTED.iter().filter(|name| !soaked.tally.shown.contains_key(**name)).collect();
            assert!(missing.is_empty(), "{config}: {soaked:?} lacks {missing:?}");
        }
        Err(found) => panic!("{config}: {found}\n{}", serde_json::to_string(&found.case).unwrap()),
    }
}

#[test]
fn tiny_cards_of_random_files_are_the_models() {
    soak(Config::Tiny, 24, 2400);
}

#[test]
fn edge_cards_of_random_files_are_the_models() {
    soak(Config::Edge, 16, 2400);
}

#[test]
fn line_cards_of_random_files_are_the_models() {
    soak(Config::Line, 16, 2400);
}

#[test]
fn a_seed_is_a_case_and_a_case_is_its_text() {
    for seed in 0..20 {
        let case = random_case(Config::Edge, seed, 60).unwrap();
        assert_eq!(case, random_case(Config::Edge, seed, 60).unwrap());
        let text = serde_json::to_string(&case).unwrap();
        assert_eq!(serde_json::from_str::<nitro_check::Case>(&text).unwrap(), case);
        assert!(case.packets() >= 60, "{}", case.packets());
    }
}
