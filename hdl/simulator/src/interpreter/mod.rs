//! The interpreted engine: any netlist, at once, many lanes.
//!
//! A netlist is optimised ([`crate::optimise`]) and compiled to instructions. *Lanes* are independent copies of the design
//! with their own stimulus. There are two machines: [`one`] for one lane, which computes what changes only, and
//! [`sliced`] for more, which computes everything, 64 lanes at a time.

mod one;
mod sliced;

use std::sync::Arc;

use nitro_netlist::Netlist;

use crate::engine::{Engine, PortInfo};
use crate::optimise::optimise;
use crate::trace::TraceSource;
use crate::validate::{NetlistError, validate};
use one::One;
use sliced::Sliced;

/// How an [`Interpreter`] is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Independent copies of the design; at least 1. From 2 on they cost about the same up to 64, then up to 128, and so on.
    pub lanes: usize,
    /// Keeps every named signal of the netlist readable by [`Interpreter::trace_value`], at some cost in speed.
    pub trace: bool,
    /// Simplifies the netlist first.
    pub optimise: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { lanes: 1, trace: false, optimise: true }
    }
}

/// What executes the netlist.
#[derive(Clone, Debug)]
enum Machine {
    One(One),
    Many(Sliced),
}

/// All changing state of a machine.
#[derive(Clone, Debug)]
enum State {
    One(one::State),
    Many(sliced::State),
}

/// The whole state of an interpreter at some moment: registers, memories, inputs and settled logic of every lane.
#[derive(Clone, Debug)]
pub struct Snapshot {
    origin: Arc<()>,
    state: State,
}

/// A snapshot does not belong to the interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is of another interpreter; restore it into the one it was taken of, or into a clone of that")]
pub struct RestoreError;

/// Simulates `lanes` copies of a netlist in lock-step.
///
/// One clock is [`Interpreter::set`] for each lane and input, [`Interpreter::settle`], [`Interpreter::get`], then
/// [`Interpreter::edge`].
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// The same for all clones of an interpreter, which can exchange snapshots.
    origin: Arc<()>,
    inputs: Arc<[PortInfo]>,
    outputs: Arc<[PortInfo]>,
    lanes: usize,
    trace_signals: usize,
    machine: Machine,
}

impl Interpreter {
    /// Compiles a netlist for a number of lanes, optimised and without traces.
    ///
    /// # Panics
    /// On a netlist that [`crate::validate::validate`] rejects; the elaborator makes none.
    #[must_use]
    pub fn new(netlist: &Netlist, lanes: usize) -> Self {
        Self::with_options(netlist, Options { lanes, ..Options::default() })
    }

    /// Compiles a netlist that may have been made by hand.
    ///
    /// # Errors
    /// If the netlist is not well-formed.
    pub fn try_new(netlist: &Netlist, options: Options) -> Result<Self, NetlistError> {
        validate(netlist)?;
        Ok(Self::with_options(netlist, options))
    }

    /// Compiles a netlist.
    ///
    /// # Panics
    /// On a netlist that [`crate::validate::validate`] rejects; the elaborator makes none.
    #[must_use]
    pub fn with_options(netlist: &Netlist, options: Options) -> Self {
        let lanes = options.lanes.max(1);
        let compile = |netlist: &Netlist| match lanes {
            1 => Machine::One(One::new(netlist)),
            _ => Machine::Many(Sliced::new(netlist, lanes)),
        };
        let machine = if options.optimise { compile(&optimise(netlist, options.trace)) } else { compile(netlist) };
        let ports = |ports: &[nitro_netlist::netlist::Port]| -> Arc<[PortInfo]> {
            ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
        };
        Self {
            origin: Arc::new(()),
            inputs: ports(&netlist.inputs),
            outputs: ports(&netlist.outputs),
            lanes,
            trace_signals: if options.optimise && !options.trace { 0 } else { netlist.trace.len() },
            machine,
        }
    }

    /// The number of lanes.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// The inputs, without the clock.
    #[must_use]
    pub fn inputs(&self) -> &[PortInfo] {
        &self.inputs
    }

    /// The outputs.
    #[must_use]
    pub fn outputs(&self) -> &[PortInfo] {
        &self.outputs
    }

    /// Instructions that the netlist became.
    #[must_use]
    pub fn instructions(&self) -> usize {
        match &self.machine {
            Machine::One(machine) => machine.instructions(),
            Machine::Many(machine) => machine.instructions(),
        }
    }

    fn check_lane(&self, lane: usize) {
        assert!(lane < self.lanes, "lane {lane} of {}", self.lanes);
    }

    /// Offers a value at input number `input` of a lane; bits beyond its width are ignored, missing words are zero.
    ///
    /// # Panics
    /// If there is no such input or lane.
    pub fn set(&mut self, input: usize, lane: usize, value: &[u64]) {
        self.check_lane(lane);
        match &mut self.machine {
            Machine::One(machine) => machine.set(input, value),
            Machine::Many(machine) => machine.set(input, lane, value),
        }
    }

    /// Offers values at all inputs of a lane: an image, as [`Engine::clock`] takes it.
    ///
    /// # Panics
    /// If there is no such lane or the image is too short.
    pub fn set_all(&mut self, lane: usize, image: &[u64]) {
        self.check_lane(lane);
        let mut at = 0;
        for input in 0..self.inputs.len() {
            let words = self.inputs[input].words();
            self.set(input, lane, &image[at..at + words]);
            at += words;
        }
    }

    /// Lets inputs and state reach the outputs.
    pub fn settle(&mut self) {
        match &mut self.machine {
            Machine::One(machine) => machine.settle(),
            Machine::Many(machine) => machine.settle(),
        }
    }

    /// Reads output number `output` of a lane as of the last [`Interpreter::settle`].
    ///
    /// # Panics
    /// If there is no such output or lane.
    pub fn get(&self, output: usize, lane: usize, value: &mut [u64]) {
        self.check_lane(lane);
        match &self.machine {
            Machine::One(machine) => machine.get(output, value),
            Machine::Many(machine) => machine.get(output, lane, value),
        }
    }

    /// Reads all outputs of a lane: an image, as [`Engine::clock`] gives it.
    ///
    /// # Panics
    /// If there is no such lane or the image is too short.
    pub fn get_all(&self, lane: usize, image: &mut [u64]) {
        self.check_lane(lane);
        if let Machine::Many(machine) = &self.machine {
            return machine.get_all(lane, image);
        }
        let mut at = 0;
        for (output, port) in self.outputs.iter().enumerate() {
            self.get(output, lane, &mut image[at..at + port.words()]);
            at += port.words();
        }
    }

    /// The number of traced signals: those of the netlist, or none if built without `trace`.
    #[must_use]
    pub fn trace_signals(&self) -> usize {
        self.trace_signals
    }

    /// Reads traced signal `index` of a lane; to be called between [`Interpreter::settle`] and [`Interpreter::edge`].
    ///
    /// # Panics
    /// If there is no such signal (for example, if built without `trace`) or lane.
    pub fn trace_value(&self, index: usize, lane: usize, value: &mut [u64]) {
        self.check_lane(lane);
        match &self.machine {
            Machine::One(machine) => machine.trace_value(index, value),
            Machine::Many(machine) => machine.trace_value(index, lane, value),
        }
    }

    /// The rising clock edge: registers and memories take their next values, from the logic as last settled.
    pub fn edge(&mut self) {
        match &mut self.machine {
            Machine::One(machine) => machine.edge(),
            Machine::Many(machine) => machine.edge(),
        }
    }

    /// Copies the whole state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = match &self.machine {
            Machine::One(machine) => State::One(machine.state.clone()),
            Machine::Many(machine) => State::Many(machine.state.clone()),
        };
        Snapshot { origin: Arc::clone(&self.origin), state }
    }

    /// Goes back to a snapshot of this interpreter or of one that either was cloned from.
    ///
    /// # Errors
    /// If the snapshot is of another one.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), RestoreError> {
        if !Arc::ptr_eq(&self.origin, &snapshot.origin) {
            return Err(RestoreError);
        }
        match (&mut self.machine, &snapshot.state) {
            (Machine::One(machine), State::One(state)) => {
                machine.state.clone_from(state);
                machine.all_traces_due();
                Ok(())
            }
            (Machine::Many(machine), State::Many(state)) => {
                machine.state.clone_from(state);
                Ok(())
            }
            _ => Err(RestoreError),
        }
    }

    /// Makes lane `to` a copy of lane `from`: inputs, registers, memories and settled logic.
    ///
    /// # Panics
    /// If there is no such lane.
    pub fn fork(&mut self, from: usize, to: usize) {
        self.check_lane(from);
        self.check_lane(to);
        if let (Machine::Many(machine), true) = (&mut self.machine, from != to) {
            machine.fork(from, to);
        }
    }

    /// Groups of traced signals that change together, as far as this is known.
    fn trace_groups(&self) -> usize {
        match &self.machine {
            Machine::One(machine) => machine.trace_groups(),
            Machine::Many(_) => self.trace_signals,
        }
    }

    fn trace_group(&self, index: usize) -> usize {
        match &self.machine {
            Machine::One(machine) => machine.trace_group(index),
            Machine::Many(_) => index,
        }
    }

    /// Tells which groups of traced signals may have changed since the last call.
    fn take_changed(&mut self, changed: &mut [u64]) {
        match &mut self.machine {
            Machine::One(machine) => machine.take_changed(changed),
            Machine::Many(_) => {
                for (index, word) in changed.iter_mut().enumerate() {
                    let left = self.trace_signals.saturating_sub(64 * index).min(64);
                    *word = crate::words::low_mask(crate::words::to_u32(left));
                }
            }
        }
    }
}

/// The interpreter with one lane, as an [`Engine`].
#[derive(Clone, Debug)]
pub struct InterpretedEngine {
    /// The interpreter, for snapshots and traces.
    pub interpreter: Interpreter,
}

impl InterpretedEngine {
    /// Compiles a netlist for one lane.
    #[must_use]
    pub fn new(netlist: &Netlist) -> Self {
        Self { interpreter: Interpreter::new(netlist, 1) }
    }

    /// Compiles a netlist for one lane with every named signal traceable.
    #[must_use]
    pub fn traced(netlist: &Netlist) -> Self {
        Self { interpreter: Interpreter::with_options(netlist, Options { trace: true, ..Options::default() }) }
    }
}

impl Engine for InterpretedEngine {
    fn inputs(&self) -> &[PortInfo] {
        self.interpreter.inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        self.interpreter.outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.interpreter.set(index, 0, value);
    }
    fn settle(&mut self) {
        self.interpreter.settle();
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.interpreter.get(index, 0, value);
    }
    fn edge(&mut self) {
        self.interpreter.edge();
    }
}

impl TraceSource for InterpretedEngine {
    fn value(&self, index: usize, value: &mut [u64]) {
        self.interpreter.trace_value(index, 0, value);
    }
    fn groups(&self) -> usize {
        self.interpreter.trace_groups()
    }
    fn group(&self, index: usize) -> usize {
        self.interpreter.trace_group(index)
    }
    fn take_changed(&mut self, changed: &mut [u64]) {
        self.interpreter.take_changed(changed);
    }
}

/// One lane of an interpreter as a source of traces. All signals are looked at, so that lanes can be traced side by side.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    /// The interpreter.
    pub interpreter: &'a Interpreter,
    /// Which of its lanes.
    pub lane: usize,
}

impl TraceSource for Lane<'_> {
    fn value(&self, index: usize, value: &mut [u64]) {
        self.interpreter.trace_value(index, self.lane, value);
    }
}

/// The number of words that a port takes.
#[must_use]
pub fn port_words(port: &PortInfo) -> usize {
    port.width.div_ceil(64)
}
