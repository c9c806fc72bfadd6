//! Traces are read back with a viewer's library, `wellen`, and compared with what the engine had.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nitro_netlist::Netlist;
use nitro_simulator::random::{Random, netlist};
use nitro_simulator::{
    Engine, InterpretedEngine, Interpreter, Lane, Options, TraceError, TraceFile, TraceFormat, TraceOptions,
    TraceSource, TraceWriter,
};
use proptest::prelude::*;

/// Changes of a signal: times in nanoseconds and values, binary without leading zeros, or text.
type Changes = Vec<(u64, String)>;

/// What a file says.
#[derive(Debug, PartialEq, Eq)]
struct Wave {
    /// Changes by name (path joined with `.`).
    signals: BTreeMap<String, Changes>,
    /// The tables of enums by name of the signal: value in binary and name.
    enums: BTreeMap<String, Vec<(String, String)>>,
    times: Vec<u64>,
}

fn read(path: &Path) -> Wave {
    let mut file = wellen::simple::read(path).unwrap();
    let all: Vec<_> = file.hierarchy().signals().collect();
    file.load_signals(&all);
    let times = file.time_table().to_vec();
    let (mut signals, mut enums) = (BTreeMap::new(), BTreeMap::new());
    let hierarchy = file.hierarchy();
    for var in hierarchy.all_vars() {
        let var = &hierarchy[var];
        let name = var.full_name(hierarchy);
        let changes = file.get_signal(var.signal_ref()).unwrap().iter_changes();
        let changes = changes.map(|(time, value)| (times[time as usize], short(&value.to_string())));
        // Before the window nothing is known.
        let changes = changes.filter(|(_, value)| !value.starts_with('x'));
        assert!(signals.insert(name.clone(), changes.collect()).is_none(), "{name} is declared once");
        if let Some((_, table)) = var.enum_type(hierarchy) {
            let table = table.into_iter().map(|(value, name)| (value.to_owned(), name.to_owned()));
            enums.insert(name, table.collect());
        }
    }
    Wave { signals, enums, times }
}

fn short(digits: &str) -> String {
    if !digits.bytes().all(|digit| matches!(digit, b'0' | b'1')) {
        return digits.to_owned();
    }
    let short = digits.trim_start_matches('0');
    if short.is_empty() { "0".to_owned() } else { short.to_owned() }
}

fn binary(words: &[u64]) -> String {
    short(&words.iter().rev().map(|word| format!("{word:064b}")).collect::<String>())
}

/// Values of every signal, clock after clock.
type History = Vec<Vec<Vec<u64>>>;

fn values(source: &dyn TraceSource, netlist: &Netlist) -> Vec<Vec<u64>> {
    let width = |index: usize| netlist.nodes[netlist.trace[index].node.0 as usize].width;
    let value = |index| {
        let mut value = vec![0; width(index).div_ceil(64) as usize];
        source.value(index, &mut value);
        value
    };
    (0..netlist.trace.len()).map(value).collect()
}

fn path_of(netlist: &Netlist, index: usize) -> String {
    let signal = &netlist.trace[index];
    let scope: String = signal.scope.iter().map(|name| format!("{name}.")).collect();
    format!("{}.{scope}{}", netlist.name, signal.name)
}

/// What a file should say of a signal that had these values from clock `from` on.
fn expected<'a>(values: impl Iterator<Item = &'a Vec<u64>>, from: u64, nanoseconds: u64) -> Changes {
    let mut changes = Changes::new();
    for (clock, value) in (from..).zip(values) {
        let value = binary(value);
        if changes.last().is_none_or(|(_, last)| *last != value) {
            changes.push((clock * nanoseconds, value));
        }
    }
    changes
}

fn file(folder: &Path, name: &str) -> TraceFile {
    let format = if name.ends_with(".fst") { TraceFormat::Fst } else { TraceFormat::Vcd };
    TraceFile { path: folder.join(name), format }
}

/// Inputs change only now and then, so that much of the netlist is at rest.
fn stimulate(engine: &mut dyn Engine, random: &mut Random) {
    for input in 0..engine.inputs().len() {
        if random.word().is_multiple_of(4) {
            let value = random.value(u32::try_from(engine.inputs()[input].width).unwrap());
            engine.set(input, &value);
        }
    }
    engine.settle();
}

/// Runs and traces.
fn run(netlist: &Netlist, files: &[TraceFile], options: &TraceOptions, clocks: usize) -> History {
    let mut engine = InterpretedEngine::traced(netlist);
    let mut writer = TraceWriter::create(files, netlist, options).unwrap();
    let mut random = Random::new(7);
    let mut history = Vec::new();
    for _ in 0..clocks {
        stimulate(&mut engine, &mut random);
        writer.sample(&mut engine).unwrap();
        history.push(values(&engine, netlist));
        engine.edge();
    }
    assert!(files.iter().all(|file| !file.path.exists()), "a file appears only when it is whole");
    writer.finish().unwrap();
    history
}

/// The file says of every signal what the engine had, at every change.
fn check(wave: &Wave, netlist: &Netlist, history: &History, options: &TraceOptions) {
    let (from, nanoseconds) = (options.from, u64::from(options.clock_nanoseconds));
    let end = usize::try_from(options.to.saturating_add(1)).unwrap();
    let window = usize::try_from(from).unwrap()..history.len().min(end);
    for index in 0..netlist.trace.len() {
        let values = history[window.clone()].iter().map(|clock| &clock[index]);
        assert_eq!(wave.signals[&path_of(netlist, index)], expected(values, from, nanoseconds));
    }
    let clock = &wave.signals[&format!("{}.clock", netlist.name)];
    let edges = window.clone().flat_map(|clock| {
        let time = clock as u64 * nanoseconds;
        [(time, "1".to_owned()), (time + nanoseconds / 2, "0".to_owned())]
    });
    assert_eq!(*clock, edges.collect::<Changes>());
    assert_eq!(*wave.times.last().unwrap(), window.end as u64 * nanoseconds, "the last clock has its whole length");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_formats_say_what_the_engine_had(seed in any::<u64>(), size in 10_usize..200, from in 0_u64..5) {
        let folder = tempfile::tempdir().unwrap();
        let netlist = netlist(seed, size);
        let files = [file(folder.path(), "a.vcd"), file(folder.path(), "a.fst")];
        let options = TraceOptions { from, ..TraceOptions::default() };
        let history = run(&netlist, &files, &options, 30);
        for file in &files {
            check(&read(&file.path), &netlist, &history, &options);
        }
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }
}

#[test]
fn values_of_enums_have_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut netlist = netlist(3, 120);
    let narrow = |index: &usize| netlist.nodes[netlist.trace[*index].node.0 as usize].width == 2;
    let index = (0..netlist.trace.len()).find(narrow).unwrap();
    let names = ["Idle", "Busy", "Done"].map(str::to_owned);
    netlist.trace[index].variants = names.to_vec();
    let files = [file(folder.path(), "a.vcd"), file(folder.path(), "a.fst")];
    let history = run(&netlist, &files, &TraceOptions::default(), 60);
    let path = path_of(&netlist, index);
    let (vcd, fst) = (read(&files[0].path), read(&files[1].path));
    let mut texts = Changes::new();
    for (clock, values) in (0..).zip(&history) {
        let name =
            names.get(usize::try_from(values[index][0]).unwrap()).cloned().unwrap_or_else(|| "invalid_3".to_owned());
        if texts.last().is_none_or(|(_, last)| *last != name) {
            texts.push((4 * clock, name));
        }
    }
    assert_eq!(vcd.signals[&format!("{path}_text")], texts);
    let table = [("00", "Idle"), ("01", "Busy"), ("10", "Done")].map(|(value, name)| (value.into(), name.into()));
    assert_eq!(fst.enums, BTreeMap::from([(path, table.to_vec())]));
}

#[test]
fn windows_and_scopes_filter() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(4, 60);
    let options = TraceOptions { from: 5, to: 9, scopes: vec!["s0.s1".to_owned()], clock_nanoseconds: 10 };
    let files = [file(folder.path(), "a.vcd"), file(folder.path(), "a.fst")];
    let history = run(&netlist, &files, &options, 20);
    let mut inside = netlist.clone();
    inside.trace.retain(|signal| signal.scope.len() == 2);
    let kept = |index: &usize| netlist.trace[*index].scope.len() == 2;
    let kept: Vec<usize> = (0..netlist.trace.len()).filter(kept).collect();
    let history = history.iter().map(|clock| kept.iter().map(|&index| clock[index].clone()).collect()).collect();
    for file in &files {
        let wave = read(&file.path);
        check(&wave, &inside, &history, &options);
        assert_eq!(wave.signals.len(), 1 + kept.len());
    }
}

#[test]
fn clocks_that_are_passed_over_take_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(5, 60);
    let files = [file(folder.path(), "a.vcd"), file(folder.path(), "a.fst")];
    let mut engine = InterpretedEngine::traced(&netlist);
    let mut writer = TraceWriter::create(&files, &netlist, &TraceOptions::default()).unwrap();
    for _ in 0..2 {
        engine.settle();
        writer.sample(&mut engine).unwrap();
        engine.edge();
        writer.skip(10);
    }
    writer.finish().unwrap();
    for file in &files {
        assert_eq!(read(&file.path).times, [0, 2, 44, 46, 48]);
    }
}

/// Quiet signals are not looked at, but a restored snapshot or a forked lane may change any of them.
#[test]
fn restoring_and_forking_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(6, 150);
    let files = [file(folder.path(), "a.vcd")];
    let mut engine = InterpretedEngine::traced(&netlist);
    let mut writer = TraceWriter::create(&files, &netlist, &TraceOptions::default()).unwrap();
    let mut random = Random::new(9);
    let mut history = Vec::new();
    let snapshot = engine.interpreter.snapshot();
    for clock in 0..40 {
        if clock % 7 == 3 {
            engine.interpreter.restore(&snapshot).unwrap();
            engine.settle();
        } else {
            stimulate(&mut engine, &mut random);
        }
        writer.sample(&mut engine).unwrap();
        history.push(values(&engine, &netlist));
        engine.edge();
    }
    writer.finish().unwrap();
    check(&read(&files[0].path), &netlist, &history, &TraceOptions::default());
}

#[test]
fn lanes_are_traced_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(8, 100);
    let options = Options { lanes: 3, trace: true, optimise: true };
    let mut interpreter = Interpreter::with_options(&netlist, options);
    let files: Vec<TraceFile> = (0..3).map(|lane| file(folder.path(), &format!("{lane}.fst"))).collect();
    let create =
        |file: &TraceFile| TraceWriter::create(std::slice::from_ref(file), &netlist, &TraceOptions::default()).unwrap();
    let mut writers: Vec<TraceWriter> = files.iter().map(create).collect();
    let mut random = Random::new(1);
    let mut histories = vec![History::new(); 3];
    for clock in 0..20 {
        for lane in 0..3 {
            for input in 0..interpreter.inputs().len() {
                let value = random.value(u32::try_from(interpreter.inputs()[input].width).unwrap());
                interpreter.set(input, lane, &value);
            }
        }
        interpreter.settle();
        if clock == 10 {
            interpreter.fork(0, 2);
        }
        for (lane, writer) in writers.iter_mut().enumerate() {
            let mut source = Lane { interpreter: &interpreter, lane };
            writer.sample(&mut source).unwrap();
            histories[lane].push(values(&source, &netlist));
        }
        interpreter.edge();
    }
    for ((writer, file), history) in writers.into_iter().zip(&files).zip(&histories) {
        writer.finish().unwrap();
        check(&read(&file.path), &netlist, history, &TraceOptions::default());
    }
}

/// More changes than one batch or one section of the file holds.
#[test]
fn long_traces_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(11, 300);
    let files = [file(folder.path(), "a.fst")];
    let options = TraceOptions { scopes: Vec::new(), ..TraceOptions::default() };
    let history = run(&netlist, &files, &options, 6000);
    check(&read(&files[0].path), &netlist, &history, &options);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(12, 100);
    for name in ["vcd", "fst"] {
        let files = ["a", "b"].map(|stem| file(folder.path(), &format!("{stem}.{name}")));
        let bytes = files.map(|file| {
            run(&netlist, std::slice::from_ref(&file), &TraceOptions::default(), 50);
            std::fs::read(file.path).unwrap()
        });
        assert!(bytes[0] == bytes[1], "{name}");
    }
}

#[test]
fn unsound_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(4, 60);
    let create = |paths: &[PathBuf], options: TraceOptions| {
        let files = paths.iter().map(|path| TraceFile { path: path.clone(), format: TraceFormat::Fst });
        TraceWriter::create(&files.collect::<Vec<_>>(), &netlist, &options).err()
    };
    let path = folder.path().join("no.fst");
    let plain = TraceOptions::default;
    let unknown = TraceOptions { scopes: vec!["tx_path".into()], ..plain() };
    assert!(matches!(create(std::slice::from_ref(&path), unknown), Some(TraceError::NoSuchScope { .. })));
    let odd = TraceOptions { clock_nanoseconds: 5, ..plain() };
    assert!(matches!(create(std::slice::from_ref(&path), odd), Some(TraceError::ClockTime { nanoseconds: 5 })));
    let directory = folder.path().to_owned();
    assert!(matches!(create(&[directory], plain()), Some(TraceError::NotAFile { .. })));
    assert!(matches!(create(&[path.clone(), path.clone()], plain()), Some(TraceError::SameFile { .. })));
    let nowhere = folder.path().join("missing/folder.fst");
    assert!(matches!(create(&[path, nowhere], plain()), Some(TraceError::Io { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(4, 60);
    let mut engine = InterpretedEngine::traced(&netlist);
    engine.settle();
    let files = [file(folder.path(), "x.vcd"), file(folder.path(), "x.fst")];
    let mut writer = TraceWriter::create(&files, &netlist, &TraceOptions::default()).unwrap();
    writer.sample(&mut engine).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A disk that is full fails the run, and nothing is left.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    // Writing there always fails for want of space; a link makes it the temporary name's target.
    let folder = tempfile::tempdir().unwrap();
    let netlist = netlist(11, 300);
    for name in ["a.vcd", "a.fst"] {
        let file = file(folder.path(), name);
        let partial = folder.path().join(format!("{name}.{}.partial", std::process::id()));
        std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
        let result = TraceWriter::create(std::slice::from_ref(&file), &netlist, &TraceOptions::default());
        let failed = result.and_then(|mut writer| {
            let mut engine = InterpretedEngine::traced(&netlist);
            let mut random = Random::new(7);
            for _ in 0..3000 {
                stimulate(&mut engine, &mut random);
                writer.sample(&mut engine)?;
                engine.edge();
            }
            writer.finish()
        });
        assert!(matches!(failed, Err(TraceError::Io { .. })), "{name}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
