//! How everything grows with the design: chains of copies of one block, up to a million netlist nodes.

use std::ops::Range;
use std::time::Instant;

use nitro_compiler::Options;
use nitro_compiler::program::{self, Program};
use nitro_components::register::Register;
use nitro_components::siphash::SipHash;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::random::Random;
use nitro_simulator::{BlockEntry, Engine, InterpretedEngine, PortInfo, image_words};
use nitro_tools::Effort;
use rust_hdl::prelude::*;

use crate::BenchError;
use crate::clock::{Stopwatch, TimeBase};
use crate::contestant;
use crate::hash::OutputHash;
use crate::report::Finding;

/// Name of the section.
pub const SECTION: &str = "scale";
/// Netlist nodes that chains are made for.
pub const NODES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// The largest chain that Verilator is given, unless it is asked to take them all: beyond, its C++ takes minutes to compile.
pub const VERILATOR_NODES: usize = 100_000;

/// The largest chain that is compiled: beyond, `rustc` takes minutes.
pub const COMPILED_NODES: usize = 100_000;

/// Copies of SipHash-2-4 in a row: the hash of a number is the next one's message.
#[derive(Clone, Debug, LogicBlock, Ports)]
struct Chain {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Numbers.
    pub rx: FlowRx<Bits<64>>,
    /// Key of all copies.
    pub key: Signal<In, Bits<64>>,
    /// Hashes of hashes.
    pub tx: FlowTx<Bits<64>>,
    /// Hashes that left.
    pub count: Signal<Out, Bits<32>>,
    hash: Vec<SipHash<2, 4, 64>>,
    counter: Register<Bits<32>>,
    passed: Signal<Local, Bits<64>>,
    passed_valid: Signal<Local, Bit>,
}

impl Chain {
    fn new(copies: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            key: Signal::default(),
            tx: FlowTx::default(),
            count: Signal::default(),
            hash: (0..copies).map(|_| SipHash::default()).collect(),
            counter: Register::default(),
            passed: Signal::default(),
            passed_valid: Signal::default(),
        }
    }
}

impl Logic for Chain {
    #[hdl_gen]
    fn update(&mut self) {
        self.counter.clock.next = self.clock.val();
        self.counter.reset.next = self.reset.val();
        self.counter.d.next = self.counter.q.val();
        self.passed.next = self.rx.payload.val();
        self.passed_valid.next = self.rx.tvalid.val();
        for i in 0..self.hash.len() {
            self.hash[i].clock.next = self.clock.val();
            self.hash[i].reset.next = self.reset.val();
            self.hash[i].key0.next = self.key.val();
            self.hash[i].key1.next = self.key.val();
            self.hash[i].rx.payload.next = self.passed.val();
            self.hash[i].rx.tvalid.next = self.passed_valid.val();
            self.passed.next = self.hash[i].tx.payload.val();
            self.passed_valid.next = self.hash[i].tx.tvalid.val();
        }
        if self.passed_valid.val() {
            self.counter.d.next = self.counter.q.val() + 1;
        }
        self.tx.payload.next = self.passed.val();
        self.tx.tvalid.next = self.passed_valid.val();
        self.count.next = self.counter.q.val();
    }
}

/// A chain of so many copies, to be elaborated and run like any block.
#[must_use]
pub fn chain(copies: usize) -> BlockEntry {
    BlockEntry::of("chain", move || Chain::new(copies))
}

/// The process's present and largest memory in bytes, where the system tells.
#[derive(Clone, Copy)]
struct Memory {
    present: u64,
    most: u64,
}

impl Memory {
    /// As of now.
    fn read() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self { present: 1024 * field("VmRSS")?, most: 1024 * field("VmHWM")? })
    }

    /// Forgets the largest so far.
    fn reset() {
        // Where it is not there, the largest stays that of the whole run, and nothing is reported.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

/// A chain's inputs, by the names of its ports.
struct Stimulus {
    image: Vec<u64>,
    random: Random,
    places: Vec<(String, usize)>,
}

impl Stimulus {
    fn new(inputs: &[PortInfo]) -> Self {
        let mut at = 0;
        let place = |port: &PortInfo| {
            let place = (port.name.clone(), at);
            at += port.words();
            place
        };
        let places = inputs.iter().map(place).collect();
        Self { image: vec![0; image_words(inputs)], random: Random::new(1), places }
    }

    /// The image of a clock: reset for two clocks, then a number in every clock.
    fn next(&mut self, clock: usize) -> &[u64] {
        for (name, at) in &self.places {
            self.image[*at] = match name.as_str() {
                "reset" => u64::from(clock < 2),
                "key" => 0x0706_0504_0302_0100,
                name if name.ends_with("tvalid") => u64::from(clock >= 2),
                _ => self.random.word(),
            };
        }
        &self.image
    }
}

/// Clocks that fill the whole chain, as far as that can be afforded, before anything is timed.
fn filling(copies: usize) -> usize {
    copies * SipHash::<2, 4, 64>::LATENCY + 2
}

/// Seconds a clock in steady state, and the hash over all outputs of these clocks. `run` takes the images of some clocks' inputs and appends those of
/// the outputs; making and hashing them is not timed, on any engine.
fn time_clocks(
    ports: (&[PortInfo], &[PortInfo]),
    (filling, clocks): (usize, usize),
    time: TimeBase,
    mut run: impl FnMut(&[u64], &mut Vec<u64>),
) -> (f64, u64) {
    let (inputs, outputs) = ports;
    let mut stimulus = Stimulus::new(inputs);
    let mut images = |clocks: Range<usize>| clocks.flat_map(|clock| stimulus.next(clock).to_vec()).collect::<Vec<_>>();
    let (first, timed) = (images(0..filling), images(filling..filling + clocks));
    let mut answers = Vec::new();
    run(&first, &mut answers);
    answers.clear();
    answers.reserve(clocks * image_words(outputs));
    let watch = Stopwatch::start();
    run(&timed, &mut answers);
    #[expect(clippy::cast_precision_loss, reason = "clocks are far below 2^52")]
    let seconds = watch.elapsed().seconds(time) / clocks as f64;
    let mut hash = OutputHash::default();
    answers.chunks_exact(image_words(outputs)).for_each(|image| hash.add(image));
    (seconds, hash.value())
}

/// [`time_clocks`] of an engine of this process.
fn time_engine(engine: &mut dyn Engine, clocks: (usize, usize), time: TimeBase) -> (f64, u64) {
    let ports = (engine.inputs().to_vec(), engine.outputs().to_vec());
    let (taken, given) = (image_words(&ports.0), image_words(&ports.1));
    time_clocks((&ports.0, &ports.1), clocks, time, |inputs, outputs| {
        for image in inputs.chunks_exact(taken) {
            let at = outputs.len();
            outputs.resize(at + given, 0);
            engine.clock(image, &mut outputs[at..]);
        }
    })
}

/// [`time_clocks`] of a compiled program, many clocks an exchange. On the wall always: the time is that of another process.
fn time_program(program: &Program, clocks: (usize, usize)) -> Result<(f64, u64), BenchError> {
    let mut engine = program.start()?;
    let ports = (engine.inputs().to_vec(), engine.outputs().to_vec());
    let run = |inputs: &[u64], outputs: &mut Vec<u64>| engine.clocks(inputs, outputs);
    let timed = time_clocks((&ports.0, &ports.1), clocks, TimeBase::Wall, run);
    engine.fault().map_or(Ok(timed), |fault| Err(fault.clone().into()))
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Chains of at most so many nodes.
    pub nodes: usize,
    /// Verilator gets chains of at most so many nodes.
    pub verilator_nodes: usize,
    /// Compare with Verilator.
    pub verilator: bool,
    /// What times are measured against.
    pub time: TimeBase,
}

/// Clocks of the steady state for about as much work at any size: enough that the fastest engine takes a tenth of a second.
fn timed_clocks(nodes: usize) -> usize {
    (1_000_000_000 / nodes.max(1)).clamp(1_000, 500_000)
}

/// Measures chains of all sizes up to the limit.
///
/// # Errors
/// If one cannot be elaborated, or Verilator fails or differs.
pub fn measure(limits: Limits, progress: &mut dyn FnMut(&str)) -> Result<Vec<Finding>, BenchError> {
    let one = chain(1).netlist()?.nodes.len();
    let each = chain(2).netlist()?.nodes.len() - one;
    let mut findings = Vec::new();
    for nodes in NODES.into_iter().filter(|nodes| *nodes <= limits.nodes) {
        measure_one(nodes.saturating_sub(one) / each.max(1) + 1, nodes, limits, progress, &mut findings)?;
    }
    Ok(findings)
}

fn measure_one(
    copies: usize,
    nodes: usize,
    limits: Limits,
    progress: &mut dyn FnMut(&str),
    findings: &mut Vec<Finding>,
) -> Result<(), BenchError> {
    let design = format!("chain of {copies}");
    progress(&format!("{design}: elaborating"));
    let entry = chain(copies);
    Memory::reset();
    let before = Memory::read();
    let started = Instant::now();
    let elaborated = entry.elaborate()?;
    let netlist = elaborated.flatten();
    let elaborating = started.elapsed().as_secs_f64();
    let after = Memory::read();
    progress(&format!("{design}: interpreting"));
    let watch = Stopwatch::start();
    let mut engine = InterpretedEngine::new(&netlist);
    let first = vec![0; image_words(engine.inputs())];
    let mut outputs = vec![0; image_words(engine.outputs())];
    engine.clock(&first, &mut outputs);
    let starting = watch.elapsed().seconds(limits.time);
    // A pristine engine again: the first clock above was one of the design's, too.
    let mut engine = InterpretedEngine::new(&netlist);
    let clocks = (filling(copies), timed_clocks(nodes));
    let (seconds, expected) = time_engine(&mut engine, clocks, limits.time);
    drop(engine);
    let mut add = |engine: &str, quantity: &str, unit: &str, value: f64| {
        findings.push(Finding::new(SECTION, &design, engine, quantity, unit, vec![value]));
    };
    #[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^52")]
    {
        add("netlist", "size", "nodes", netlist.nodes.len() as f64);
        add("netlist", "elaboration", "s", elaborating);
        if let (Some(before), Some(after)) = (before, after) {
            add("netlist", "most memory in elaboration", "bytes", after.most.saturating_sub(before.present) as f64);
        }
    }
    add("interpreted", "netlist to first clock", "s", starting);
    add("interpreted", "speed", "clocks/s", 1.0 / seconds);
    if nodes <= COMPILED_NODES {
        progress(&format!("{design}: compiling"));
        let started = Instant::now();
        let program = Program::build(&netlist, Options::default(), program::Goal::Speed)?;
        add("compiled", "generate and build", "s", started.elapsed().as_secs_f64());
        let (seconds, found) = time_program(&program, clocks)?;
        if found != expected {
            let engine = "compiled".to_owned();
            return Err(BenchError::Unequal { design, workload: "saturated".into(), engine, found, expected });
        }
        add("compiled", "speed", "clocks/s", 1.0 / seconds);
    }
    if limits.verilator && nodes <= limits.verilator_nodes {
        let tools = nitro_tools::Tools::locate()?;
        let cache = tempfile::tempdir().map_err(|source| BenchError::Io {
            action: "create a folder in",
            path: std::env::temp_dir().display().to_string(),
            source,
        })?;
        // A cache of its own: the build is to be seen. The runtime is built with a design of no size first.
        let (verilator, release) = contestant::pinned_verilator(&tools);
        let verilators = [(verilator.with_cache(cache.path()), release)];
        let small = chain(1);
        let (elaborated_small, netlist_small) = (small.elaborate()?, small.netlist()?);
        let mut build = |design: &nitro_netlist::Design, netlist: &nitro_netlist::Netlist| {
            contestant::verilated(design, netlist, &verilators, &[Effort::Speed], progress)
        };
        build(&elaborated_small, &netlist_small)?;
        let started = Instant::now();
        let contestants = build(&elaborated, &netlist)?;
        add("verilator", "generate and build", "s", started.elapsed().as_secs_f64());
        for contestant in &contestants {
            if let crate::machine::Machine::One(mut engine) = contestant.start()? {
                let (seconds, found) = time_engine(engine.as_mut(), clocks, limits.time);
                if found != expected {
                    let engine = contestant.title();
                    return Err(BenchError::Unequal { design, workload: "saturated".into(), engine, found, expected });
                }
                add("verilator", "speed", "clocks/s", 1.0 / seconds);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn copies_add_nodes_evenly_and_the_sizes_are_met() {
        let nodes = |copies| chain(copies).netlist().unwrap().nodes.len();
        let (one, two, five) = (nodes(1), nodes(2), nodes(5));
        let each = two - one;
        assert!(five.abs_diff(one + 4 * each) <= one / 10, "{one}, {two}, {five}");
        let limits = Limits { nodes: 1_000, verilator_nodes: 0, verilator: false, time: TimeBase::Wall };
        let findings = measure(limits, &mut |_| ()).unwrap();
        let size = findings.iter().find(|finding| finding.quantity == "size").unwrap().value;
        assert!((500.0..2000.0).contains(&size), "{size}");
        assert!(findings.iter().any(|finding| finding.quantity == "speed" && finding.value > 0.0));
    }
}
