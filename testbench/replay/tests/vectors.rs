//! The named cases of `vectors/`: what the contract says of a frame is what the model and the card do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nitro_card::config::Config;
use nitro_replay::capture::CapturedFrame;
use nitro_replay::plan::Timing;
use nitro_replay::runner::Disturbance;
use nitro_replay::session::{EngineKind, Options, replay};
use nitro_vpc::Vpc;
use nitro_wire::DropReason;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    path: String,
    frame: String,
    verdict: String,
    reason: Option<String>,
}

const STAGES: [&str; 7] = ["parser", "eni", "responder", "lookup", "encap", "decap", "token"];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn cases() -> Vec<Case> {
    let read = |stage: &str| std::fs::read_to_string(vectors().join(stage).join("cases.json")).unwrap();
    STAGES.iter().flat_map(|stage| serde_json::from_str::<Vec<Case>>(&read(stage)).unwrap()).collect()
}

fn frame(case: &Case) -> CapturedFrame {
    let byte = |at: usize| u8::from_str_radix(&case.frame[at..at + 2], 16).unwrap();
    CapturedFrame { time: Duration::ZERO, bytes: (0..case.frame.len()).step_by(2).map(byte).collect() }
}

fn check(config: Config, engine: EngineKind) {
    let vpc = Vpc::read(&vectors().join("vpc/default.toml")).unwrap();
    for (path, from) in [("tx", Some(0)), ("rx", None)] {
        let cases: Vec<Case> = cases().into_iter().filter(|case| case.path == path).collect();
        let frames: Vec<_> = cases.iter().map(frame).collect();
        let disturbance = Disturbance::default();
        let options = Options { config, engine, timing: Timing::Dense, disturbance, from, trace: None };
        let outcome = replay(&vpc, &frames, &options, &mut |_| ()).unwrap();
        for (case, verdict) in cases.iter().zip(&outcome.verdicts) {
            let found = serde_json::to_value(verdict).unwrap();
            let (fate, reason) = (found["verdict"].as_str().unwrap(), found["reason"].as_str());
            let engine = engine.name();
            assert_eq!((fate, reason), (case.verdict.as_str(), case.reason.as_deref()), "{engine}: {}", case.name);
        }
    }
}

#[test]
fn the_model_does_what_the_contract_says() {
    check(Config::Line, EngineKind::Model);
}

#[test]
fn the_line_card_does_what_the_contract_says() {
    check(Config::Line, EngineKind::Interpreted);
}

#[test]
fn the_edge_card_does_what_the_contract_says() {
    check(Config::Edge, EngineKind::Interpreted);
}

/// Reasons of stages that do not exist yet, and those that no capture can bring about: an error flag, and entries of the
/// mapping cache that the mapping service of a VPC file does not hand out.
#[test]
fn every_reason_of_the_stages_has_a_case() {
    let covered: BTreeSet<String> = cases().into_iter().filter_map(|case| case.reason).collect();
    let stages = ["parser", "eni", "responder", "lookup", "encap", "decap", "token"];
    let elsewhere = ["stream_error", "cache_miss", "mapping_drop", "mapping_timeout", "miss_buffer_full"];
    let wanted = DropReason::ALL.iter().filter(|reason| stages.contains(&reason.stage().name()));
    let missing: Vec<_> = wanted
        .map(|reason| reason.name())
        .filter(|name| !covered.contains(*name) && !elsewhere.contains(name))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
