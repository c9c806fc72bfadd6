//! Stored cases run with the blocks that they name; one that names no block would never run again.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::path::Path;

use nitro_agreement::all_known;
use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;

#[test]
fn every_stored_case_names_a_block_of_a_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/agreement");
    let components = nitro_components::catalogue();
    let card = Config::ALL.iter().flat_map(|&config| catalogue(config)).collect::<Vec<_>>();
    let blocks: Vec<&str> = components.iter().chain(&card).map(|entry| entry.name).collect();
    all_known(&folder, &blocks).unwrap();
}

#[test]
fn a_case_of_an_unknown_block_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"block":"removed","description":"a","cases":[]}"#;
    std::fs::write(folder.path().join("removed.json"), text).unwrap();
    let error = all_known(folder.path(), &["spill"]).unwrap_err().to_string();
    assert!(error.contains("names block `removed`"), "{error}");
    all_known(folder.path(), &["removed"]).unwrap();
}
