//! Traces are read back with the crate `vcd`.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::HashMap;
use std::io::BufReader;
use std::path::Path;

use nitro_netlist::Netlist;
use nitro_simulator::random::{Random, netlist};
use nitro_simulator::{Engine, InterpretedEngine, TraceError, TraceOptions, TraceSource, VcdWriter};
use vcd::{Command, IdCode, ScopeItem, Value};

/// What a file says: for each signal (path joined with `.`) its value at every change of time.
struct Read {
    names: HashMap<IdCode, Vec<String>>,
    /// Times and the values then, by name.
    samples: Vec<(u64, HashMap<String, String>)>,
    changes: usize,
}

fn names(items: &[ScopeItem], path: &str, names_by_id: &mut HashMap<IdCode, Vec<String>>) {
    for item in items {
        match item {
            ScopeItem::Var(var) => {
                names_by_id.entry(var.code).or_default().push(format!("{path}{}", var.reference));
            }
            ScopeItem::Scope(scope) => names(&scope.items, &format!("{path}{}.", scope.identifier), names_by_id),
            _ => {}
        }
    }
}

fn read(path: &Path) -> Read {
    let mut parser = vcd::Parser::new(BufReader::new(std::fs::File::open(path).unwrap()));
    let header = parser.parse_header().unwrap();
    assert_eq!(header.timescale, Some((1, vcd::TimescaleUnit::NS)));
    let mut result = Read { names: HashMap::new(), samples: Vec::new(), changes: 0 };
    names(&header.items, "", &mut result.names);
    let mut now: HashMap<String, String> = HashMap::new();
    for command in parser {
        let (id, value) = match command.unwrap() {
            Command::Timestamp(time) => {
                if let Some(last) = result.samples.last_mut() {
                    last.1 = now.clone();
                }
                result.samples.push((time, HashMap::new()));
                continue;
            }
            Command::ChangeScalar(id, value) => (id, value.to_string()),
            Command::ChangeVector(id, value) => (id, value.iter().map(|bit: Value| bit.to_string()).collect()),
            Command::ChangeString(id, value) => (id, value),
            _ => continue,
        };
        result.changes += 1;
        for name in &result.names[&id] {
            now.insert(name.clone(), value.clone());
        }
    }
    result
}

fn binary(words: &[u64]) -> String {
    let digits: String = words.iter().rev().map(|word| format!("{word:064b}")).collect();
    let short = digits.trim_start_matches('0');
    if short.is_empty() { "0".into() } else { short.into() }
}

fn trace_value(engine: &InterpretedEngine, netlist: &Netlist, index: usize) -> Vec<u64> {
    let mut value = vec![0; netlist.nodes[netlist.trace[index].node.0 as usize].width.div_ceil(64) as usize];
    engine.value(index, &mut value);
    value
}

fn path_of(netlist: &Netlist, index: usize) -> String {
    let signal = &netlist.trace[index];
    let scope: String = signal.scope.iter().map(|name| format!("{name}.")).collect();
    format!("{}.{scope}{}", netlist.name, signal.name)
}

/// Runs and traces; gives the values of every signal at every clock.
fn run(netlist: &Netlist, path: &Path, options: &TraceOptions, clocks: usize) -> Vec<Vec<Vec<u64>>> {
    let mut engine = InterpretedEngine::traced(netlist);
    let mut writer = VcdWriter::create(path, netlist, options).unwrap();
    let mut random = Random::new(7);
    let mut history = Vec::new();
    for _ in 0..clocks {
        for input in 0..engine.inputs().len() {
            let value = random.value(u32::try_from(engine.inputs()[input].width).unwrap());
            engine.set(input, &value);
        }
        engine.settle();
        writer.sample(&engine).unwrap();
        history.push((0..netlist.trace.len()).map(|index| trace_value(&engine, netlist, index)).collect());
        engine.edge();
    }
    assert!(!path.exists(), "the file appears only when it is whole");
    writer.finish().unwrap();
    history
}

#[test]
fn values_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.vcd");
    let mut netlist = netlist(3, 120);
    netlist.trace[1].variants = vec!["Idle".into(), "Busy".into()];
    let history = run(&netlist, &path, &TraceOptions::default(), 30);
    let file = read(&path);
    assert_eq!(file.samples.len(), 61);
    for (clock, values) in history.iter().enumerate() {
        let (time, sample) = &file.samples[2 * clock];
        assert_eq!(*time, 4 * clock as u64);
        assert_eq!(sample["random.clock"], "1");
        assert_eq!(file.samples[2 * clock + 1].1["random.clock"], "0");
        for (index, value) in values.iter().enumerate() {
            assert_eq!(sample[&path_of(&netlist, index)], binary(value), "clock {clock}");
        }
        let name = match values[1][0] {
            0 => "Idle".to_owned(),
            1 => "Busy".to_owned(),
            other => format!("invalid_{other}"),
        };
        assert_eq!(sample[&format!("{}_text", path_of(&netlist, 1))], name);
    }
    // One value a signal, and then only what changed: far from everything in every clock.
    assert!(file.changes < 30 * netlist.trace.len());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn windows_and_scopes_filter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.vcd");
    let netlist = netlist(4, 60);
    let scopes = vec!["s0.s1".to_owned()];
    let options = TraceOptions { from: 5, to: 9, scopes, clock_nanoseconds: 10 };
    let history = run(&netlist, &path, &options, 20);
    let file = read(&path);
    assert_eq!(file.samples.first().unwrap().0, 50);
    assert_eq!(file.samples.last().unwrap().0, 100);
    let inside = |index: usize| netlist.trace[index].scope.len() == 2;
    assert_eq!(file.names.len(), 1 + (0..netlist.trace.len()).filter(|&index| inside(index)).count());
    for (index, value) in history[5].iter().enumerate().filter(|&(index, _)| inside(index)) {
        assert_eq!(file.samples[0].1[&path_of(&netlist, index)], binary(value));
    }
}

#[test]
fn unsound_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(4, 60);
    let create = |path: &Path, options: TraceOptions| VcdWriter::create(path, &netlist, &options).err();
    let path = folder.path().join("no.vcd");
    let unknown = TraceOptions { scopes: vec!["tx_path".into()], ..TraceOptions::default() };
    assert!(matches!(create(&path, unknown), Some(TraceError::NoSuchScope { .. })));
    let odd = TraceOptions { clock_nanoseconds: 5, ..TraceOptions::default() };
    assert!(matches!(create(&path, odd), Some(TraceError::ClockTime { nanoseconds: 5 })));
    assert!(matches!(create(folder.path(), TraceOptions::default()), Some(TraceError::NotAFile { .. })));
    let nowhere = folder.path().join("missing/folder.vcd");
    assert!(matches!(create(&nowhere, TraceOptions::default()), Some(TraceError::Io { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(4, 60);
    let mut engine = InterpretedEngine::traced(&netlist);
    engine.settle();
    let mut writer = VcdWriter::create(&folder.path().join("x.vcd"), &netlist, &TraceOptions::default()).unwrap();
    writer.sample(&engine).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
