//! The cases of `vectors/check`: those that failed once, and one for each reason to drop that no named case of a stage has.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nitro_check::{Tally, check, stored_cases};
use nitro_wire::DropReason;
use nitro_wire::reason::Stage;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// Runs all cases of a folder: every event, frame and counter is the model's, and the books balance.
fn run(folder: &str) -> Tally {
    let mut tally = Tally::default();
    for (path, case) in stored_cases(&vectors().join(folder)).unwrap() {
        match check(&case) {
            Ok(one) => {
                if let Some(reason) = DropReason::from_name(path.file_stem().unwrap().to_str().unwrap()) {
                    assert!(one.drops(reason) > 0, "{}: nothing is dropped for {reason}", path.display());
                }
                tally.add(&one);
            }
            Err(error) => panic!("{}: {}: {error}", path.display(), case.description),
        }
    }
    tally
}

#[test]
fn cases_that_failed_once_hold() {
    run("check");
}

/// Reasons of what this card has not: the transport of several paths, translation, allowances of bandwidth and packet rates.
const OF_OTHERS: [DropReason; 8] = [
    DropReason::SrdDuplicate,
    DropReason::SrdOutOfWindow,
    DropReason::SrdPeerDead,
    DropReason::ErrorPortAllocation,
    DropReason::NoTarget,
    DropReason::BwInAllowanceExceeded,
    DropReason::BwOutAllowanceExceeded,
    DropReason::PpsAllowanceExceeded,
];
/// Named cases of stages, which `testbench/replay` runs on the model and on cards.
fn named(folder: &Path) -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let Ok(text) = std::fs::read_to_string(entry.unwrap().path().join("cases.json")) else { continue };
        let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        reasons.extend(cases.iter().filter_map(|case| Some(case["reason"].as_str()?.to_owned())));
    }
    reasons
}

#[test]
fn every_reason_of_the_card_is_produced_by_a_vector() {
    let (named, tally) = (named(&vectors()), run("check/reasons"));
    let missing: Vec<_> = DropReason::ALL
        .iter()
        .filter(|reason| !OF_OTHERS.contains(reason))
        .filter(|reason| !named.contains(reason.name()) && tally.drops(**reason) == 0)
        .collect();
    assert!(missing.is_empty(), "no vector for {missing:?}");
    let covered: BTreeSet<Stage> =
        DropReason::ALL.iter().filter(|reason| tally.drops(**reason) > 0).map(|reason| reason.stage()).collect();
    assert!(
        [Stage::Conntrack, Stage::SecurityGroup, Stage::Allowances].iter().all(|stage| covered.contains(stage)),
        "{covered:?}"
    );
}
