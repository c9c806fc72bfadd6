//! What the tests of all catalogues share.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::path::Path;

use nitro_agreement::{BlockReport, Budget, Subject, agree_all, stored_for};
use nitro_simulator::BlockEntry;

/// Bits of ports and registers that all clocks of a block's test may move, roughly: what `rust_hdl` does in some seconds.
const WORK: u64 = 100_000_000;

/// Small blocks get many clocks, large ones fewer.
fn budget(subject: &Subject<'_>) -> Budget {
    let netlist = subject.netlist();
    let ports = netlist.inputs.iter().chain(&netlist.outputs).map(|port| u64::from(port.width));
    let registers = netlist.registers.iter().map(|register| u64::from(register.width));
    let bits: u64 = ports.chain(registers).sum();
    let lanes = 8;
    // On average a case has half the clocks, and a group half the lanes.
    let clocks = WORK / (bits + 1) / 8;
    Budget { groups: 8, lanes, clocks: u32::try_from(clocks).unwrap_or(u32::MAX).clamp(100, 400) }
}

/// Fails with every block that does not pass.
pub fn passes(entries: &[BlockEntry]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/agreement");
    let stored = stored_for(entries, &folder).unwrap();
    let failed: Vec<String> = agree_all(entries, &stored, budget)
        .into_iter()
        .filter_map(|BlockReport { block, outcome }| outcome.err().map(|error| format!("{block}: {error}")))
        .collect();
    assert!(failed.is_empty(), "{} of {} blocks:\n{}", failed.len(), entries.len(), failed.join("\n\n"));
}
