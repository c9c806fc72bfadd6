//! Every block of the card in every configuration: clean Verilog, and agreement of all engines.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use nitro_card::config::Config;

#[test]
fn every_block_of_the_tiny_card_passes_lint_and_agrees_on_all_engines() {
    common::passes(&nitro_card::catalogue::catalogue(Config::Tiny));
}

#[test]
fn every_block_of_the_edge_card_passes_lint_and_agrees_on_all_engines() {
    common::passes(&nitro_card::catalogue::catalogue(Config::Edge));
}

#[test]
fn every_block_of_the_line_card_passes_lint_and_agrees_on_all_engines() {
    common::passes(&nitro_card::catalogue::catalogue(Config::Line));
}
