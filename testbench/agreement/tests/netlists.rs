//! Random netlists: the optimiser and both machines of the interpreter against the plain interpreter, and our Verilog.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use nitro_agreement::{Compiled, EngineKind, Interpreted, NetlistEngine, Soak, Verilated};

const INTERPRETERS: [Interpreted; 3] =
    [Interpreted(EngineKind::Unoptimised), Interpreted(EngineKind::Interpreted), Interpreted(EngineKind::ManyLanes)];

fn interpreters() -> Vec<&'static dyn NetlistEngine> {
    INTERPRETERS.iter().map(|engine| -> &dyn NetlistEngine { engine }).collect()
}

/// The long form is `nitro check --random-netlists 10000 --clocks 1000`.
#[test]
fn the_optimiser_and_many_lanes_change_nothing() {
    let soak = Soak { netlists: 600, clocks: 100, seed: Some(1), ..Soak::default() };
    let agreed = soak.run(&interpreters(), |_| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((agreed.netlists, agreed.clocks), (600, 600 * 100 * 2));
    // Others every time.
    let soak = Soak { netlists: 200, clocks: 100, seed: None, ..Soak::default() };
    soak.run(&interpreters(), |_| {}).unwrap_or_else(|error| panic!("{error}"));
}

/// The long form is `nitro check --random-netlists 500 --compiled --verilator`.
#[test]
fn random_netlists_mean_the_same_compiled_and_as_verilog() {
    let soak = Soak { netlists: 12, clocks: 200, batch: 12, seed: Some(2), ..Soak::default() };
    let engines: [&dyn NetlistEngine; 3] = [&INTERPRETERS[0], &Compiled, &Verilated];
    let agreed = soak.run(&engines, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(agreed.netlists, 12);
}
