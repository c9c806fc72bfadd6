//! What the tests of all catalogues share.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::path::Path;

use nitro_agreement::{BlockReport, Budget, EngineKind, Subject, agree_all, stored_for};
use nitro_simulator::BlockEntry;

/// Nodes of the netlist times clocks that a block's test may take, roughly: what `rust_hdl` does in some seconds.
const WORK: usize = 4_000_000;

/// Small blocks get many clocks, large ones fewer.
fn budget(subject: &Subject<'_>) -> Budget {
    let total = (WORK / (subject.netlist().nodes.len() + 1)).clamp(100, 20_000);
    let lanes = (total / 200).clamp(1, 8);
    let clocks = (total / lanes).clamp(100, 400);
    let groups = (total / lanes / clocks).clamp(1, 8);
    let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
    Budget { groups: number(groups), lanes, clocks: number(clocks), seed: None }
}

/// Fails with every block that does not pass on these engines.
pub fn passes(entries: &[BlockEntry], engines: &[EngineKind]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/agreement");
    let stored = stored_for(entries, &folder).unwrap();
    let failed: Vec<String> = agree_all(entries, engines, &stored, budget)
        .into_iter()
        .filter_map(|BlockReport { block, outcome }| outcome.err().map(|error| format!("{block}: {error}")))
        .collect();
    assert!(failed.is_empty(), "{} of {} blocks:\n{}", failed.len(), entries.len(), failed.join("\n\n"));
}
