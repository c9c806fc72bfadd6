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

/// The stages that have cases, and the VPC file of each.
const STAGES: [(&str, &str); 8] = [
    ("parser", "default"),
    ("eni", "default"),
    ("responder", "default"),
    ("lookup", "default"),
    ("nacl", "nacl"),
    ("encap", "default"),
    ("decap", "default"),
    ("token", "default"),
];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn cases(vpc: &str) -> Vec<Case> {
    let read = |stage: &str| std::fs::read_to_string(vectors().join(stage).join("cases.json")).unwrap();
    let stages = STAGES.iter().filter(|(_, file)| *file == vpc);
    stages.flat_map(|(stage, _)| serde_json::from_str::<Vec<Case>>(&read(stage)).unwrap()).collect()
}

fn frame(case: &Case) -> CapturedFrame {
    let byte = |at: usize| u8::from_str_radix(&case.frame[at..at + 2], 16).unwrap();
    CapturedFrame { time: Duration::ZERO, bytes: (0..case.frame.len()).step_by(2).map(byte).collect() }
}

/// The paths, and the ENI that frames come from.
const PATHS: [(&str, Option<u8>); 2] = [("tx", Some(0)), ("rx", None)];

fn check(config: Config, engine: EngineKind) {
    for (file, (path, from)) in ["default", "nacl"].into_iter().flat_map(|file| PATHS.map(|path| (file, path))) {
        let vpc = Vpc::read(&vectors().join(format!("vpc/{file}.toml"))).unwrap();
        let cases: Vec<Case> = cases(file).into_iter().filter(|case| case.path == path).collect();
        let frames: Vec<_> = cases.iter().map(frame).collect();
        let disturbance = Disturbance::default();
        let options =
            Options { config, engine, timing: Timing::Dense, disturbance, reply_after: 20, from, trace: None };
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
    let all = cases("default").into_iter().chain(cases("nacl"));
    let covered: BTreeSet<String> = all.filter_map(|case| case.reason).collect();
    let stages = ["parser", "eni", "responder", "lookup", "nacl", "encap", "decap", "token"];
    let elsewhere = ["stream_error", "cache_miss", "mapping_drop", "mapping_timeout", "miss_buffer_full"];
    let wanted = DropReason::ALL.iter().filter(|reason| stages.contains(&reason.stage().name()));
    let missing: Vec<_> = wanted
        .map(|reason| reason.name())
        .filter(|name| !covered.contains(*name) && !elsewhere.contains(name))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
