//! The corpus of the fuzz targets (`vectors/fuzz`): what was found once holds.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::{Path, PathBuf};

use nitro_check::fuzz::{self, FuzzError};

/// Calls a target on all of its corpus; the seeds of the capture and VPC targets are those of `vectors` themselves.
fn run(target: &str, others: &[&str], call: fn(&[u8]) -> Result<(), FuzzError>) {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let files = |folder: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(vectors.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    };
    let own = format!("fuzz/{target}");
    let folders = std::iter::once(own.as_str()).chain(others.iter().copied());
    let mut paths: Vec<PathBuf> = folders.flat_map(files).collect();
    paths.sort();
    assert!(paths.len() > 3, "{target}: only {paths:?}");
    for path in paths {
        call(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn captures() {
    run("capture", &["captures"], fuzz::capture);
}

#[test]
fn vpc_files() {
    run("vpc", &["vpc", "vpc/strict"], fuzz::vpc);
}

#[test]
fn packets() {
    run("packets", &[], fuzz::packets);
}
