//! Every component: clean Verilog, and agreement of all engines.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use nitro_agreement::EngineKind;

#[test]
fn every_component_passes_lint_and_agrees_on_all_engines() {
    common::passes(&nitro_components::catalogue(), &EngineKind::COMPARED);
}
