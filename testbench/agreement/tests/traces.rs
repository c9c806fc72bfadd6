//! Every named signal has the same value in every clock on every engine, and the trace files are the same byte by byte.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::path::Path;

use nitro_agreement::{Case, EngineKind, RandomStimulus, Stimulus, Style, Subject};
use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_netlist::Netlist;
use nitro_simulator::{BlockEntry, TraceFile, TraceFormat, TraceOptions, TraceSource, TraceWriter, TracedEngine};

/// Signal number `index`.
fn value(source: &dyn TraceSource, netlist: &Netlist, index: usize) -> Vec<u64> {
    let width = netlist.nodes[netlist.trace[index].node.0 as usize].width;
    let mut value = vec![0; width.div_ceil(64) as usize];
    source.value(index, &mut value);
    value
}

/// The first signals, if any, of which two engines have different values, with those values.
fn differences(engines: &mut [(EngineKind, Box<dyn TracedEngine>)], netlist: &Netlist) -> Vec<String> {
    for (_, engine) in &mut *engines {
        let mut changed = vec![0; engine.groups().div_ceil(64)];
        engine.take_changed(&mut changed);
    }
    let mut differences = Vec::new();
    for (index, signal) in netlist.trace.iter().enumerate() {
        let values = engines.iter().map(|(kind, engine)| (*kind, value(&**engine, netlist, index)));
        let values: Vec<(EngineKind, Vec<u64>)> = values.collect();
        if values.windows(2).any(|pair| pair[0].1 != pair[1].1) {
            differences.push(format!("{}.{}: {values:x?}", signal.scope.join("."), signal.name));
        }
        if differences.len() >= 10 {
            break;
        }
    }
    differences
}

fn case(style: Style, clocks: u32) -> Case {
    Case { seed: 5, clocks, style }
}

/// Runs all engines side by side and compares every signal in every clock.
fn same_values(entry: &BlockEntry, kinds: &[EngineKind], case: &Case) {
    let subject = Subject::new(entry, kinds).unwrap();
    let mut engines: Vec<(EngineKind, Box<dyn TracedEngine>)> =
        kinds.iter().map(|&kind| (kind, subject.traced(kind).unwrap())).collect();
    let mut stimulus = RandomStimulus::new(case, subject.inputs());
    let mut inputs: Vec<Vec<u64>> = subject.inputs().iter().map(|port| vec![0; port.words()]).collect();
    for clock in 0.. {
        if !stimulus.next(&mut inputs) {
            break;
        }
        for (_, engine) in &mut engines {
            inputs.iter().enumerate().for_each(|(index, value)| engine.set(index, value));
            engine.settle();
            assert!(engine.fault().is_none(), "{}: {:?}", entry.name, engine.fault());
        }
        let differences = differences(&mut engines, subject.netlist());
        assert!(differences.is_empty(), "{} clock {clock}:\n{}", entry.name, differences.join("\n"));
        engines.iter_mut().for_each(|(_, engine)| engine.edge());
    }
}

/// Runs one engine and gives the bytes of its traces.
fn files(subject: &Subject<'_>, kind: EngineKind, case: &Case, folder: &Path) -> [Vec<u8>; 2] {
    let names = [("vcd", TraceFormat::Vcd), ("fst", TraceFormat::Fst)];
    let files = names.map(|(name, format)| TraceFile { path: folder.join(format!("{}.{name}", kind.name())), format });
    let mut writer = TraceWriter::create(&files, subject.netlist(), &TraceOptions::default()).unwrap();
    let mut engine = subject.traced(kind).unwrap();
    let mut stimulus = RandomStimulus::new(case, subject.inputs());
    let mut inputs: Vec<Vec<u64>> = subject.inputs().iter().map(|port| vec![0; port.words()]).collect();
    while stimulus.next(&mut inputs) {
        inputs.iter().enumerate().for_each(|(index, value)| engine.set(index, value));
        engine.settle();
        writer.sample(&mut *engine).unwrap();
        engine.edge();
    }
    writer.finish().unwrap();
    files.map(|file| std::fs::read(file.path).unwrap())
}

fn same_files(entry: &BlockEntry, case: &Case) {
    let subject = Subject::new(entry, &EngineKind::ALL).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [vcd, fst] = files(&subject, EngineKind::Interpreted, case, folder.path());
    for kind in [EngineKind::RustHdl, EngineKind::Verilator] {
        let [other_vcd, other_fst] = files(&subject, kind, case, folder.path());
        assert!(vcd == other_vcd, "{}: VCD of {kind}", entry.name);
        assert!(fst == other_fst, "{}: FST of {kind}", entry.name);
    }
}

#[test]
fn components_have_the_same_signals_in_the_netlist_and_the_live_block() {
    for entry in nitro_components::catalogue() {
        same_values(&entry, &[EngineKind::RustHdl, EngineKind::Interpreted], &case(Style::Mixed, 60));
    }
}

/// Each a build of the C++ compiler: some of the components.
#[test]
fn components_have_the_same_signals_in_the_verilog() {
    for entry in nitro_components::catalogue().into_iter().step_by(4) {
        same_values(&entry, &[EngineKind::Interpreted, EngineKind::Verilator], &case(Style::Mixed, 300));
        same_files(&entry, &case(Style::Held, 40));
    }
}

#[test]
fn the_card_has_the_same_signals_on_all_engines() {
    let entry = card_entry(Config::Tiny);
    same_values(&entry, &[EngineKind::Interpreted, EngineKind::Verilator], &case(Style::Mixed, 400));
    same_values(&entry, &EngineKind::ALL, &case(Style::Mixed, 12));
    same_files(&entry, &case(Style::Held, 12));
}
