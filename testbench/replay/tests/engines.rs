//! The committed captures give the same packets, verdicts and counters on every engine, and the same clocks on the clocked ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use nitro_card::config::Config;
use nitro_replay::capture;
use nitro_replay::plan::Timing;
use nitro_replay::report::{Fate, FrameVerdict, Outcome, OutputFrame};
use nitro_replay::runner::Disturbance;
use nitro_replay::session::{EngineKind, Options, replay};
use nitro_vpc::Vpc;
use nitro_wire::DropReason;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn captures() -> Vec<PathBuf> {
    let files = std::fs::read_dir(vectors().join("captures")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")).collect();
    files.sort();
    assert!(files.len() >= 9, "the committed captures are there");
    files
}

fn run(capture: &Path, config: Config, engine: EngineKind, disturbance: Disturbance) -> Outcome {
    run_first(usize::MAX, capture, config, engine, disturbance)
}

fn run_first(count: usize, capture: &Path, config: Config, engine: EngineKind, disturbance: Disturbance) -> Outcome {
    let vpc = Vpc::read(&vectors().join("vpc/default.toml")).unwrap();
    let mut frames = capture::read(capture).unwrap();
    frames.truncate(count);
    let options =
        Options { config, engine, timing: Timing::Dense, disturbance, reply_after: 20, from: None, trace: None };
    replay(&vpc, &frames, &options, &mut |_| ()).unwrap_or_else(|error| panic!("{}: {error}", capture.display()))
}

fn without_clocks(verdicts: &[FrameVerdict]) -> Vec<FrameVerdict> {
    verdicts.iter().cloned().map(|verdict| FrameVerdict { clock_in: None, latency_clocks: None, ..verdict }).collect()
}

/// The frames without their order: packets of a known flow overtake those of new ones. Within a flow the tests of the card look at it.
fn frames(outputs: &[OutputFrame]) -> Vec<(Option<u8>, &[u8])> {
    let mut frames: Vec<_> = outputs.iter().map(|output| (output.eni, output.bytes.as_slice())).collect();
    frames.sort_unstable();
    frames
}

fn same_packets(capture: &Path, a: &Outcome, b: &Outcome) {
    let name = capture.display();
    assert_eq!(without_clocks(&a.verdicts), without_clocks(&b.verdicts), "{name}");
    assert_eq!(frames(&a.net), frames(&b.net), "{name}");
    assert_eq!(frames(&a.guest), frames(&b.guest), "{name}");
    assert_eq!(a.counters, b.counters, "{name}");
}

fn same_clocks(capture: &Path, a: &Outcome, b: &Outcome) {
    same_packets(capture, a, b);
    assert_eq!(
        (&a.verdicts, &a.net, &a.guest, a.clocks),
        (&b.verdicts, &b.net, &b.guest, b.clocks),
        "{}",
        capture.display()
    );
}

/// New flows that follow one another closely come to the table of connections in any order, so who is refused by a full one differs.
fn refuses_connections(outcome: &Outcome) -> bool {
    outcome.verdicts.iter().any(|verdict| verdict.reason == Some(DropReason::ConntrackFull))
}

#[test]
fn the_netlist_and_the_model_agree_in_every_configuration() {
    for &config in Config::ALL {
        for capture in captures() {
            let model = run(&capture, config, EngineKind::Model, Disturbance::default());
            let dense = run(&capture, config, EngineKind::Interpreted, Disturbance::default());
            let full = refuses_connections(&model);
            assert_eq!(refuses_connections(&dense), full, "{}", capture.display());
            assert!(!full || config == Config::Tiny, "{}: only `tiny` tracks so few", capture.display());
            if !full {
                same_packets(&capture, &dense, &model);
            }
            same_clocks(&capture, &run(&capture, config, EngineKind::Compiled, Disturbance::default()), &dense);
            let rough = Disturbance { idle: 0.3, backpressure: 0.4, seed: 7 };
            let interpreted = run(&capture, config, EngineKind::Interpreted, rough);
            if !full {
                same_packets(&capture, &interpreted, &model);
            }
            same_clocks(&capture, &run(&capture, config, EngineKind::Compiled, rough), &interpreted);
            assert!(dense.verdicts.iter().any(|verdict| verdict.verdict == Fate::Forward), "{}", capture.display());
            assert!(dense.verdicts.iter().any(|verdict| verdict.verdict == Fate::Deliver), "{}", capture.display());
        }
    }
}

#[test]
fn the_verilog_has_the_clocks_of_the_netlist() {
    for capture in captures() {
        let rough = Disturbance { idle: 0.2, backpressure: 0.2, seed: 3 };
        let interpreted = run(&capture, Config::Tiny, EngineKind::Interpreted, rough);
        same_clocks(&capture, &run(&capture, Config::Tiny, EngineKind::Verilator, rough), &interpreted);
    }
}

/// rust_hdl's own rules take some ten milliseconds a clock, so these are few frames; `nitro replay --engine rust_hdl` runs whole captures.
#[test]
fn rust_hdls_own_rules_have_the_clocks_of_the_netlist() {
    let capture = vectors().join("captures/http-short.pcap");
    let first = |engine| run_first(6, &capture, Config::Tiny, engine, Disturbance::default());
    let interpreted = first(EngineKind::Interpreted);
    assert!(interpreted.net.len() + interpreted.guest.len() >= 4);
    same_clocks(&capture, &first(EngineKind::RustHdl), &interpreted);
}
