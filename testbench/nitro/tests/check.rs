//! `nitro check --cards` and `--rerun` as one types them.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nitro")).args(["check", "--quiet", "--json"]).args(arguments).output().unwrap()
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_stored_case_runs_again_on_other_engines() {
    let case = vectors().join("check/reasons/strict_tcp.json");
    for engine in ["interpreted", "verilator"] {
        let output = check(&["--rerun", case.to_str().unwrap(), "--engine", engine]);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(0), "{report}");
        assert!(report["shown"]["strict_tcp"].as_u64() > Some(0), "{report}");
    }
}

#[test]
fn what_is_no_case_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(vectors().join("check/reasons/strict_tcp.json")).unwrap();
    let bad = [
        ("half.json", text[..text.len() / 2].to_owned()),
        ("config.json", text.replacen("\"tiny\"", "\"huge\"", 1)),
        ("key.json", text.replacen("\"strictness\"", "\"strength\"", 1)),
    ];
    for (name, content) in bad {
        assert_ne!(content, text, "{name}");
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let output = check(&["--rerun", path.to_str().unwrap()]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {message}");
        assert!(message.contains(name), "{message}");
    }
    let missing = folder.path().join("missing.json");
    assert_eq!(check(&["--rerun", missing.to_str().unwrap()]).status.code(), Some(2));
}

#[test]
fn random_cards_are_the_models() {
    let output = check(&["--cards", "4", "--packets", "200", "--config", "tiny", "--seed", "9"]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report["vpc_files"].as_u64() >= Some(4) && report["packets"].as_u64() >= Some(200), "{report}");
}
