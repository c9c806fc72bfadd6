//! `nitro synth` as one types it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::process::{Command, Output};

fn synth(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nitro")).args(["synth", "--quiet"]).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn rows_are_a_baseline_for_later_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("baseline.json");
    let block = ["--target", "ecp5,generic", "--block", "spill_8", "--config", "tiny"];
    let output = synth(&[&block[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let targets: Vec<_> = rows.iter().map(|row| row["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["ecp5", "generic"]);
    // Two registers of data, and two that say whether there is some.
    assert!(rows[0]["ff"].as_u64().unwrap() >= 18, "{text}");
    assert!(rows[0]["fmax_mhz"].is_null() && rows[0]["logic_depth"].as_u64() > Some(0), "{text}");

    std::fs::write(&file, &text).unwrap();
    let against = [&block[..], &["--baseline", file.to_str().unwrap()]].concat();
    assert_eq!(synth(&against).status.code(), Some(0));
    let ff = rows[0]["ff"].as_u64().unwrap();
    std::fs::write(&file, text.replacen(&format!("\"ff\": {ff}"), &format!("\"ff\": {}", ff + 20), 1)).unwrap();
    let output = synth(&against);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("spill_8 of `tiny` on ecp5: ff {ff}, in the baseline {}", ff + 20);
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    assert_eq!(synth(&against).status.code(), Some(2));
}

#[test]
fn what_cannot_be_placed_is_bad_usage() {
    for arguments in [
        ["--target", "ice40", "--pnr", "--block", "spill_8"].as_slice(),
        &["--target", "asic"],
        &["--target", "ecp5", "--block", "nothing"],
        &["--target", "ecp5", "--block", "spill_8", "--pnr", "--speed", "9"],
        &["--target", "ecp5", "--block", "spill_8", "--seed", "2"],
        &["--target", "ecp5", "--block", "spill_8", "--baseline", "/nothing/here.json"],
    ] {
        let output = synth(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty());
    }
}
