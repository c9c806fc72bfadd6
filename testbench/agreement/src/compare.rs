//! Several engines of one block in lockstep, over several lanes at once.

use std::fmt;

use nitro_simulator::engine::EngineFault;
use nitro_simulator::{Engine, Interpreter, PortInfo};
use serde::{Deserialize, Serialize};

use crate::stimulus::Stimulus;

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// `rust_hdl`'s own update rules: the reference.
    RustHdl,
    /// The netlist, interpreted, a lane by itself.
    Interpreted,
    /// The netlist, interpreted in many lanes.
    ManyLanes,
    /// The netlist as it is, interpreted without having been simplified.
    Unoptimised,
    /// The netlist, compiled by `rustc`.
    Compiled,
    /// The emitted Verilog, in Verilator.
    Verilator,
    /// The emitted Verilog after Yosys made gates of it, in Verilator.
    Gates,
}

impl EngineKind {
    /// One of each sort, the reference first.
    pub const ALL: [Self; 3] = [Self::RustHdl, Self::Interpreted, Self::Verilator];
    /// What the blocks of a catalogue are compared on, the reference first.
    pub const COMPARED: [Self; 4] = [Self::RustHdl, Self::Interpreted, Self::ManyLanes, Self::Verilator];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RustHdl => "rust_hdl",
            Self::Interpreted => "interpreted",
            Self::ManyLanes => "many_lanes",
            Self::Unoptimised => "unoptimised",
            Self::Compiled => "compiled",
            Self::Verilator => "verilator",
            Self::Gates => "gates",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An engine over several lanes: one of many lanes, or many of one lane.
pub enum Lanes {
    /// The interpreter has lanes of its own.
    Interpreter(Box<Interpreter>),
    /// One engine a lane.
    Engines(Vec<Box<dyn Engine>>),
}

impl Lanes {
    fn inputs(&self) -> &[PortInfo] {
        match self {
            Self::Interpreter(interpreter) => interpreter.inputs(),
            Self::Engines(engines) => engines.first().map_or(&[], |engine| engine.inputs()),
        }
    }

    fn outputs(&self) -> &[PortInfo] {
        match self {
            Self::Interpreter(interpreter) => interpreter.outputs(),
            Self::Engines(engines) => engines.first().map_or(&[], |engine| engine.outputs()),
        }
    }

    fn set(&mut self, lane: usize, input: usize, value: &[u64]) {
        match self {
            Self::Interpreter(interpreter) => interpreter.set(input, lane, value),
            Self::Engines(engines) => engines[lane].set(input, value),
        }
    }

    fn settle(&mut self) {
        match self {
            Self::Interpreter(interpreter) => interpreter.settle(),
            Self::Engines(engines) => engines.iter_mut().for_each(|engine| engine.settle()),
        }
    }

    fn get(&self, lane: usize, output: usize, value: &mut [u64]) {
        match self {
            Self::Interpreter(interpreter) => interpreter.get(output, lane, value),
            Self::Engines(engines) => engines[lane].get(output, value),
        }
    }

    fn edge(&mut self) {
        match self {
            Self::Interpreter(interpreter) => interpreter.edge(),
            Self::Engines(engines) => engines.iter_mut().for_each(|engine| engine.edge()),
        }
    }

    fn fault(&self) -> Option<&EngineFault> {
        match self {
            Self::Interpreter(_) => None,
            Self::Engines(engines) => engines.iter().find_map(|engine| engine.fault()),
        }
    }
}

/// Two engines give different values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The block.
    pub block: String,
    /// The clock, counted from 0.
    pub clock: u32,
    /// Which of the stimuli.
    pub lane: usize,
    /// The output.
    pub port: String,
    /// What each engine gives for it, little-endian words.
    pub values: Vec<(EngineKind, Vec<u64>)>,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "block `{}`, clock {}, output `{}`:", self.block, self.clock, self.port)?;
        for (index, (kind, value)) in self.values.iter().enumerate() {
            write!(formatter, "{} {kind} {}", if index == 0 { "" } else { "," }, hexadecimal(value))?;
        }
        Ok(())
    }
}

/// `0x…` of a little-endian value.
fn hexadecimal(value: &[u64]) -> String {
    let text: String = value.iter().rev().map(|word| format!("{word:016x}")).collect();
    let digits = text.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}

/// Why a comparison did not end well.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CompareError {
    /// Two engines give different values.
    #[error("engines disagree: {0}")]
    Disagreement(Box<Disagreement>),
    /// Two engines have different ports.
    #[error("block `{block}`: {engine} has port {found}, {reference} has {expected}")]
    Ports {
        /// The block.
        block: String,
        /// The first engine.
        reference: EngineKind,
        /// The other one.
        engine: EngineKind,
        /// The first engine's port.
        expected: String,
        /// The other one's port in its place.
        found: String,
    },
    /// An engine gave up.
    #[error("block `{block}`, clock {clock}: {engine} failed: {fault}")]
    Fault {
        /// The block.
        block: String,
        /// The clock, counted from 0.
        clock: u32,
        /// Which engine.
        engine: EngineKind,
        /// What it says.
        fault: EngineFault,
    },
}

/// Checks that all engines have the same ports in the same order.
fn compare_ports(block: &str, engines: &[(EngineKind, Lanes)]) -> Result<(), CompareError> {
    let list = |lanes: &Lanes| -> Vec<String> {
        let describe = |direction: &str, port: &PortInfo| format!("`{}` ({} bits, {direction})", port.name, port.width);
        let inputs = lanes.inputs().iter().map(|port| describe("input", port));
        inputs.chain(lanes.outputs().iter().map(|port| describe("output", port))).collect()
    };
    let Some(((reference, first), others)) = engines.split_first() else { return Ok(()) };
    let expected = list(first);
    for (engine, lanes) in others {
        let found = list(lanes);
        for index in 0..expected.len().max(found.len()) {
            let [expected, found] = [&expected, &found].map(|ports| ports.get(index));
            if expected != found {
                let none = || "nothing in its place".to_owned();
                return Err(CompareError::Ports {
                    block: block.to_owned(),
                    reference: *reference,
                    engine: *engine,
                    expected: expected.cloned().unwrap_or_else(none),
                    found: found.cloned().unwrap_or_else(none),
                });
            }
        }
    }
    Ok(())
}

/// Runs all engines under one stimulus a lane until every stimulus has ended, and compares every output in every clock.
/// Returns the number of clocks, summed over the lanes.
///
/// # Errors
/// At the first difference or failure.
pub fn compare(
    block: &str,
    engines: &mut [(EngineKind, Lanes)],
    stimuli: &mut [Box<dyn Stimulus + '_>],
) -> Result<u64, CompareError> {
    compare_ports(block, engines)?;
    let Some((_, reference)) = engines.first() else { return Ok(0) };
    let outputs = reference.outputs().to_vec();
    let blank: Vec<Vec<u64>> = reference.inputs().iter().map(|port| vec![0; port.width.div_ceil(64)]).collect();
    let mut values = vec![blank; stimuli.len()];
    let mut running = vec![true; stimuli.len()];
    let mut total = 0;
    for clock in 0.. {
        for (lane, stimulus) in stimuli.iter_mut().enumerate() {
            running[lane] = running[lane] && stimulus.next(&mut values[lane]);
            if running[lane] {
                total += 1;
                for (input, value) in values[lane].iter().enumerate() {
                    engines.iter_mut().for_each(|(_, engine)| engine.set(lane, input, value));
                }
            }
        }
        if !running.contains(&true) {
            break;
        }
        for (engine, lanes) in engines.iter_mut() {
            lanes.settle();
            if let Some(fault) = lanes.fault() {
                let (block, fault) = (block.to_owned(), fault.clone());
                return Err(CompareError::Fault { block, clock, engine: *engine, fault });
            }
        }
        for lane in (0..stimuli.len()).filter(|&lane| running[lane]) {
            compare_outputs(block, clock, lane, engines, &outputs)?;
        }
        engines.iter_mut().for_each(|(_, engine)| engine.edge());
    }
    Ok(total)
}

fn compare_outputs(
    block: &str,
    clock: u32,
    lane: usize,
    engines: &[(EngineKind, Lanes)],
    outputs: &[PortInfo],
) -> Result<(), CompareError> {
    let mut found: Vec<Vec<u64>> = vec![Vec::new(); engines.len()];
    for (output, port) in outputs.iter().enumerate() {
        for ((_, engine), value) in engines.iter().zip(&mut found) {
            value.clear();
            value.resize(port.width.div_ceil(64), 0);
            engine.get(lane, output, value);
        }
        if found.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(CompareError::Disagreement(Box::new(Disagreement {
                block: block.to_owned(),
                clock,
                lane,
                port: port.name.clone(),
                values: engines.iter().map(|(kind, _)| *kind).zip(found).collect(),
            })));
        }
    }
    Ok(())
}
