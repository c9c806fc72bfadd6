//! A replay's trace is the same file from every engine, and what is not asked for is not in it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use nitro_card::config::Config;
use nitro_replay::capture;
use nitro_replay::plan::Timing;
use nitro_replay::runner::Disturbance;
use nitro_replay::session::{EngineKind, Options, ReplayError, Trace, replay};
use nitro_simulator::{TraceError, TraceFile, TraceFormat, TraceOptions};
use nitro_vpc::Vpc;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// Replays a small capture through the `tiny` card and gives the bytes of both traces.
fn trace(engine: EngineKind, options: TraceOptions) -> Result<[Vec<u8>; 2], ReplayError> {
    let folder = tempfile::tempdir().unwrap();
    let names = [("trace.vcd", TraceFormat::Vcd), ("trace.fst", TraceFormat::Fst)];
    let files = names.map(|(name, format)| TraceFile { path: folder.path().join(name), format });
    let vpc = Vpc::read(&vectors().join("vpc/default.toml")).unwrap();
    let frames = capture::read(&vectors().join("captures/arp-nd.pcap")).unwrap();
    let options = Options {
        config: Config::Tiny,
        engine,
        timing: Timing::Dense,
        disturbance: Disturbance { idle: 0.1, backpressure: 0.1, seed: 2 },
        reply_after: 20,
        from: None,
        trace: Some(Trace { files: files.to_vec(), options }),
    };
    let outcome = replay(&vpc, &frames, &options, &mut |_| ());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, if outcome.is_ok() { 2 } else { 0 }, "files are there if they are whole");
    outcome.map(|_| files.map(|file| std::fs::read(file.path).unwrap()))
}

#[test]
fn the_verilog_gives_the_trace_of_the_netlist() {
    let [vcd, fst] = trace(EngineKind::Interpreted, TraceOptions::default()).unwrap();
    let [other_vcd, other_fst] = trace(EngineKind::Verilator, TraceOptions::default()).unwrap();
    assert!(vcd == other_vcd, "VCD");
    assert!(fst == other_fst, "FST");
    let scopes = vec!["tx_path.pipeline.parser".to_owned()];
    let part = TraceOptions { from: 20, to: 60, scopes, ..TraceOptions::default() };
    let [part_vcd, part_fst] = trace(EngineKind::Interpreted, part.clone()).unwrap();
    let [other_vcd, other_fst] = trace(EngineKind::Verilator, part).unwrap();
    assert!(part_vcd == other_vcd && part_fst == other_fst, "window and scope");
    assert!(part_vcd.len() * 4 < vcd.len() && part_fst.len() < fst.len(), "they are smaller");
}

/// rust_hdl's own rules take some milliseconds a clock, so this shows a window.
#[test]
fn rust_hdls_own_rules_give_the_trace_of_the_netlist() {
    let window = TraceOptions { from: 10, to: 60, ..TraceOptions::default() };
    let ours = trace(EngineKind::Interpreted, window.clone()).unwrap();
    assert!(ours == trace(EngineKind::RustHdl, window).unwrap());
}

#[test]
fn what_cannot_be_traced_is_refused() {
    assert!(matches!(trace(EngineKind::Model, TraceOptions::default()), Err(ReplayError::NoTrace)));
    let unknown = TraceOptions { scopes: vec!["tx_path.praser".to_owned()], ..TraceOptions::default() };
    let refused = trace(EngineKind::Interpreted, unknown);
    assert!(matches!(refused, Err(ReplayError::Trace(TraceError::NoSuchScope { .. }))));
}
