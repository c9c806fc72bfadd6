//! Every property is proven, and finds its planted fault.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::HashSet;

use nitro_proofs::proofs;
use nitro_tools::{Proven, Tools};

#[test]
fn every_property_holds() {
    let tools = Tools::locate().unwrap();
    for proof in proofs() {
        let proven = proof.run(&tools).unwrap();
        assert_eq!(proven, Proven::Holds, "{} of {}", proof.property.name(), proof.block);
    }
}

#[test]
fn every_property_finds_its_planted_fault() {
    let tools = Tools::locate().unwrap();
    for proof in proofs() {
        let proven = proof.run_planted(&tools).unwrap();
        assert!(matches!(proven, Proven::Fails { .. }), "{} of {}: {proven:?}", proof.property.name(), proof.block);
    }
}

#[test]
fn nothing_is_proven_twice() {
    let all = proofs();
    let names: HashSet<_> = all.iter().map(|proof| (proof.block, proof.property.name())).collect();
    assert_eq!(names.len(), all.len());
}
