//! The interpreted engine: any netlist, at once, many lanes.
//!
//! A netlist is optimised ([`crate::optimise`]) and compiled to one instruction a node. An instruction runs only if one
//! of its operands changed, so logic that is at rest costs nothing, and it runs over all lanes (independent
//! copies of the design with their own stimulus).

mod compile;
mod edge;
mod execute;
mod program;

use std::sync::Arc;

use nitro_netlist::Netlist;

use crate::engine::{Engine, PortInfo};
use crate::optimise::optimise;
use crate::trace::TraceSource;
use crate::words::{word_count, word_of};
use execute::{Contents, Machine};
use program::{Place, Program};

/// How an [`Interpreter`] is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Independent copies of the design; at least 1.
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

/// All changing state of an interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// Columns of `lanes` words each.
    values: Vec<u64>,
    memories: Vec<Contents>,
    /// One bit a target: it is to be executed.
    due: Vec<u64>,
}

/// The whole state of an interpreter at some moment: registers, memories, inputs and settled logic of every lane.
#[derive(Clone, Debug)]
pub struct Snapshot {
    program: Arc<Program>,
    state: State,
}

/// A snapshot does not belong to the interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It was taken of an interpreter that was built separately.
    #[error("the snapshot is of another interpreter; restore it into the one it was taken of, or into a clone of that")]
    OtherInterpreter,
    /// It has another number of lanes.
    #[error("the snapshot has {snapshot} lanes, the interpreter {interpreter}")]
    Lanes {
        /// Lanes of the snapshot.
        snapshot: usize,
        /// Lanes of the interpreter.
        interpreter: usize,
    },
}

/// Simulates `lanes` copies of a netlist in lock-step.
///
/// One clock is [`Interpreter::set`] for each lane and input, [`Interpreter::settle`], [`Interpreter::get`], then
/// [`Interpreter::edge`].
#[derive(Clone, Debug)]
pub struct Interpreter {
    program: Arc<Program>,
    inputs: Arc<[PortInfo]>,
    outputs: Arc<[PortInfo]>,
    lanes: usize,
    state: State,
    staging: Vec<u64>,
    scratch: Vec<u64>,
    /// Registers due at the current edge.
    changing: Vec<u32>,
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

    /// Compiles a netlist.
    ///
    /// # Panics
    /// On a netlist that [`crate::validate::validate`] rejects; the elaborator makes none.
    #[must_use]
    pub fn with_options(netlist: &Netlist, options: Options) -> Self {
        let lanes = options.lanes.max(1);
        let program = match (options.optimise, options.trace) {
            (true, trace) => compile::compile(&optimise(netlist, trace)),
            (false, _) => compile::compile(netlist),
        };
        let ports = |ports: &[nitro_netlist::netlist::Port]| -> Arc<[PortInfo]> {
            ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
        };
        let mut values = vec![0; program.columns * lanes];
        for &(column, word) in &program.initial {
            values[column as usize * lanes..][..lanes].fill(word);
        }
        let mut due = vec![0; program.targets.div_ceil(64)];
        for target in (0..program.instructions.len())
            .chain((0..program.registers.len()).map(|index| program.first_register + index))
            .chain((0..program.memories.len()).map(|index| program.first_memory + index))
        {
            due[target / 64] |= 1 << (target % 64);
        }
        due[program.first_trace / 64..].fill(u64::MAX);
        let state = State { values, memories: edge::power_up(&program, lanes), due };
        Self {
            inputs: ports(&netlist.inputs),
            outputs: ports(&netlist.outputs),
            lanes,
            state,
            staging: vec![0; program.staging * lanes],
            scratch: vec![0; program.scratch * lanes],
            changing: Vec::new(),
            program: Arc::new(program),
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
        self.program.instructions.len()
    }

    /// Offers a value at input number `input` of a lane; bits beyond its width are ignored, missing words are zero.
    ///
    /// # Panics
    /// If there is no such input or lane.
    pub fn set(&mut self, input: usize, lane: usize, value: &[u64]) {
        assert!(lane < self.lanes, "lane {lane} of {}", self.lanes);
        let place = self.program.inputs[input];
        let mut changed = 0;
        for word in 0..word_count(place.width) {
            let slot = &mut self.state.values[(place.column as usize + word) * self.lanes + lane];
            let next = word_of(value, word, place.width);
            changed |= *slot ^ next;
            *slot = next;
        }
        if changed != 0 {
            mark(&self.program, &mut self.state.due, place.row);
        }
    }

    /// Lets inputs and state reach the outputs.
    pub fn settle(&mut self) {
        match self.lanes {
            1 => self.settle_lanes::<1>(),
            _ => self.settle_lanes::<0>(),
        }
    }

    fn settle_lanes<const LANES: usize>(&mut self) {
        let program = &*self.program;
        let due = &mut self.state.due;
        let mut machine = Machine {
            values: &mut self.state.values,
            scratch: &mut self.scratch,
            memories: &self.state.memories,
            parts: &program.parts,
            shifts: &program.shifts,
            lanes: self.lanes,
        };
        for word in 0..program.first_register / 64 {
            // An instruction may make later ones of the same word due.
            while due[word] != 0 {
                let target = word * 64 + due[word].trailing_zeros() as usize;
                due[word] &= due[word] - 1;
                if machine.execute::<LANES>(&program.instructions[target]) {
                    mark(program, due, crate::words::to_u32(target));
                }
            }
        }
    }

    /// Reads output number `output` of a lane as of the last [`Interpreter::settle`].
    ///
    /// # Panics
    /// If there is no such output or lane.
    pub fn get(&self, output: usize, lane: usize, value: &mut [u64]) {
        self.read(self.program.outputs[output], lane, value);
    }

    fn read(&self, place: Place, lane: usize, value: &mut [u64]) {
        assert!(lane < self.lanes, "lane {lane} of {}", self.lanes);
        let words = word_count(place.width);
        for (word, slot) in value.iter_mut().enumerate() {
            *slot =
                if word < words { self.state.values[(place.column as usize + word) * self.lanes + lane] } else { 0 };
        }
    }

    /// The number of traced signals: those of the netlist, or none if built without `trace`.
    #[must_use]
    pub fn trace_signals(&self) -> usize {
        self.program.trace.len()
    }

    /// Reads traced signal `index` of a lane; to be called between [`Interpreter::settle`] and [`Interpreter::edge`].
    ///
    /// # Panics
    /// If there is no such signal (for example, if built without `trace`) or lane.
    pub fn trace_value(&self, index: usize, lane: usize, value: &mut [u64]) {
        self.read(self.program.trace[index], lane, value);
    }

    /// The rising clock edge: registers and memories take their next values, from the logic as last settled.
    pub fn edge(&mut self) {
        let program = &*self.program;
        let State { values, memories, due } = &mut self.state;
        let lanes = self.lanes;
        self.changing.clear();
        take_due(due, program.first_register, program.first_memory, &mut self.changing);
        let registers = self.changing.len();
        take_due(due, program.first_memory, program.first_trace, &mut self.changing);
        let (registers, changed_memories) = self.changing.split_at(registers);

        for &index in registers {
            edge::stage_register(&program.registers[index as usize], values, &mut self.staging, lanes);
        }
        for &index in changed_memories {
            let (memory, contents) = (&program.memories[index as usize], &mut memories[index as usize]);
            if edge::update_memory(memory, contents, values, &mut self.staging, lanes) {
                // With the same operands another edge may still read or write something else than this one.
                let target = program.first_memory + index as usize;
                due[target / 64] |= 1 << (target % 64);
                mark(program, due, crate::words::to_u32(target));
            }
        }
        for &index in changed_memories {
            let memory = &program.memories[index as usize];
            edge::commit_reads(memory, values, &self.staging, lanes, |row| mark(program, due, row));
        }
        for &index in registers {
            if edge::commit_register(&program.registers[index as usize], values, &self.staging, lanes) {
                mark(program, due, crate::words::to_u32(program.first_register) + index);
            }
        }
    }

    /// Copies the whole state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { program: Arc::clone(&self.program), state: self.state.clone() }
    }

    /// Goes back to a snapshot of this interpreter or of one that either was cloned from.
    ///
    /// # Errors
    /// If the snapshot is of another design or another number of lanes.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), RestoreError> {
        if !Arc::ptr_eq(&self.program, &snapshot.program) {
            return Err(RestoreError::OtherInterpreter);
        }
        if self.state.values.len() != snapshot.state.values.len() {
            let snapshot = snapshot.state.values.len() / self.program.columns.max(1);
            return Err(RestoreError::Lanes { snapshot, interpreter: self.lanes });
        }
        self.state.clone_from(&snapshot.state);
        self.all_traces_due();
        Ok(())
    }

    /// Makes lane `to` a copy of lane `from`: inputs, registers, memories and settled logic.
    ///
    /// # Panics
    /// If there is no such lane.
    pub fn fork(&mut self, from: usize, to: usize) {
        assert!(from < self.lanes && to < self.lanes, "lanes {from} and {to} of {}", self.lanes);
        for column in self.state.values.chunks_exact_mut(self.lanes) {
            column[to] = column[from];
        }
        for memory in &mut self.state.memories {
            let size = memory.depth * memory.words;
            memory.data.copy_within(from * size..(from + 1) * size, to * size);
        }
        // Registers and memories that were at rest in the old lane `to` are so in lane `from`, or are due already.
        self.all_traces_due();
    }

    /// Everything that is traced may be another now.
    fn all_traces_due(&mut self) {
        self.state.due[self.program.first_trace / 64..].fill(u64::MAX);
    }

    /// Tells which groups of traced signals may have changed, in any lane, since the last call.
    fn take_changed(&mut self, changed: &mut [u64]) {
        changed.copy_from_slice(&self.state.due[self.program.first_trace / 64..]);
        self.state.due[self.program.first_trace / 64..].fill(0);
        let groups = self.program.targets - self.program.first_trace;
        if let Some(last) = changed.last_mut().filter(|_| groups % 64 != 0) {
            *last &= crate::words::low_mask(crate::words::to_u32(groups % 64));
        }
    }
}

/// Makes every user of a row due.
#[inline(always)]
fn mark(program: &Program, due: &mut [u64], row: u32) {
    let row = row as usize;
    let range = program.users_start[row] as usize..program.users_start[row + 1] as usize;
    for &target in &program.users[range] {
        due[target as usize / 64] |= 1 << (target % 64);
    }
}

/// Collects the targets due in `[from, to)` (multiples of 64), relative to `from`, and clears them.
fn take_due(due: &mut [u64], from: usize, to: usize, taken: &mut Vec<u32>) {
    for word in from / 64..(to / 64).min(due.len()) {
        let mut bits = std::mem::take(&mut due[word]);
        while bits != 0 {
            taken.push(crate::words::to_u32(word * 64 - from) + bits.trailing_zeros());
            bits &= bits - 1;
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
        self.interpreter.program.targets - self.interpreter.program.first_trace
    }
    fn group(&self, index: usize) -> usize {
        self.interpreter.program.trace_groups[index] as usize
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
