//! One lane: an instruction runs only if one of its operands changed, so logic that is at rest costs nothing.

mod compile;
mod edge;
mod execute;
mod program;

use std::sync::Arc;

use nitro_netlist::Netlist;

use crate::words::{to_u32, word_count, word_of};
use execute::{Contents, Machine};
use program::{Place, Program};

/// All changing state.
#[derive(Clone, Debug)]
pub(super) struct State {
    values: Vec<u64>,
    memories: Vec<Contents>,
    /// One bit a target: it is to be executed.
    due: Vec<u64>,
}

/// A netlist compiled for one lane.
#[derive(Clone, Debug)]
pub(super) struct One {
    program: Arc<Program>,
    pub(super) state: State,
    staging: Vec<u64>,
    scratch: Vec<u64>,
    /// Registers and memories due at the current edge.
    changing: Vec<u32>,
}

impl One {
    pub(super) fn new(netlist: &Netlist) -> Self {
        let program = compile::compile(netlist);
        let mut values = vec![0; program.columns];
        for &(column, word) in &program.initial {
            values[column as usize] = word;
        }
        let mut due = vec![0; program.targets.div_ceil(64)];
        for target in (0..program.instructions.len())
            .chain((0..program.registers.len()).map(|index| program.first_register + index))
            .chain((0..program.memories.len()).map(|index| program.first_memory + index))
        {
            due[target / 64] |= 1 << (target % 64);
        }
        due[program.first_trace / 64..].fill(u64::MAX);
        Self {
            state: State { values, memories: edge::power_up(&program), due },
            staging: vec![0; program.staging],
            scratch: vec![0; program.scratch],
            changing: Vec::new(),
            program: Arc::new(program),
        }
    }

    pub(super) fn instructions(&self) -> usize {
        self.program.instructions.len()
    }

    pub(super) fn set(&mut self, input: usize, value: &[u64]) {
        let place = self.program.inputs[input];
        let mut changed = 0;
        for word in 0..word_count(place.width) {
            let slot = &mut self.state.values[place.column as usize + word];
            let next = word_of(value, word, place.width);
            changed |= *slot ^ next;
            *slot = next;
        }
        if changed != 0 {
            mark(&self.program, &mut self.state.due, place.row);
        }
    }

    pub(super) fn settle(&mut self) {
        let program = &*self.program;
        let due = &mut self.state.due;
        let mut machine = Machine {
            values: &mut self.state.values,
            scratch: &mut self.scratch,
            memories: &self.state.memories,
            parts: &program.parts,
            shifts: &program.shifts,
        };
        for word in 0..program.first_register / 64 {
            while due[word] != 0 {
                // An instruction may make later ones of the same word due.
                let target = word * 64 + due[word].trailing_zeros() as usize;
                due[word] &= due[word] - 1;
                if machine.execute(&program.instructions[target]) {
                    mark(program, due, to_u32(target));
                }
            }
        }
    }

    pub(super) fn get(&self, output: usize, value: &mut [u64]) {
        self.read(self.program.outputs[output], value);
    }

    fn read(&self, place: Place, value: &mut [u64]) {
        let words = word_count(place.width);
        for (word, slot) in value.iter_mut().enumerate() {
            *slot = if word < words { self.state.values[place.column as usize + word] } else { 0 };
        }
    }

    pub(super) fn trace_value(&self, index: usize, value: &mut [u64]) {
        self.read(self.program.trace[index], value);
    }

    pub(super) fn trace_groups(&self) -> usize {
        self.program.targets - self.program.first_trace
    }

    pub(super) fn trace_group(&self, index: usize) -> usize {
        self.program.trace_groups[index] as usize
    }

    /// Everything that is traced may be another now.
    pub(super) fn all_traces_due(&mut self) {
        self.state.due[self.program.first_trace / 64..].fill(u64::MAX);
    }

    /// Tells which groups of traced signals may have changed since the last call.
    pub(super) fn take_changed(&mut self, changed: &mut [u64]) {
        let due = &mut self.state.due[self.program.first_trace / 64..];
        changed.copy_from_slice(due);
        due.fill(0);
        let groups = self.trace_groups();
        if let Some(last) = changed.last_mut().filter(|_| !groups.is_multiple_of(64)) {
            *last &= crate::words::low_mask(to_u32(groups % 64));
        }
    }

    pub(super) fn edge(&mut self) {
        let program = &*self.program;
        let State { values, memories, due } = &mut self.state;
        self.changing.clear();
        take_due(due, program.first_register, program.first_memory, &mut self.changing);
        let registers = self.changing.len();
        take_due(due, program.first_memory, program.first_trace, &mut self.changing);
        let (registers, changed_memories) = self.changing.split_at(registers);

        for &index in registers {
            edge::stage_register(&program.registers[index as usize], values, &mut self.staging);
        }
        for &index in changed_memories {
            let (memory, contents) = (&program.memories[index as usize], &mut memories[index as usize]);
            if edge::update_memory(memory, contents, values, &mut self.staging) {
                // With the same operands another edge may still read or write something else than this one.
                let target = program.first_memory + index as usize;
                due[target / 64] |= 1 << (target % 64);
                mark(program, due, to_u32(target));
            }
        }
        for &index in changed_memories {
            let memory = &program.memories[index as usize];
            edge::commit_reads(memory, values, &self.staging, |row| mark(program, due, row));
        }
        for &index in registers {
            if edge::commit_register(&program.registers[index as usize], values, &self.staging) {
                mark(program, due, to_u32(program.first_register) + index);
            }
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
            taken.push(to_u32(word * 64 - from) + bits.trailing_zeros());
            bits &= bits - 1;
        }
    }
}
