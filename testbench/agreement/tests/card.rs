//! Every block of the card in every configuration: clean Verilog, and agreement of all engines.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use std::collections::HashSet;

use nitro_agreement::EngineKind;
use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;

/// A block that is the same in several configurations is tried once.
#[test]
fn every_block_of_every_card_passes_lint_and_agrees_on_all_engines() {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for &config in Config::ALL {
        let own =
            catalogue(config).into_iter().filter(|entry| seen.insert(entry.elaborate().unwrap().verilog().text()));
        entries.extend(own);
    }
    assert!(entries.len() > catalogue(Config::Line).len(), "the configurations differ in some blocks");
    common::passes(&entries, &EngineKind::COMPARED);
}
