//! From a netlist to a program over slices.

use std::collections::HashSet;

use nitro_netlist::netlist::{Memory, MemoryId, Netlist, NodeId, Op};
use nitro_netlist::primitive::ReadDuringWrite;

use super::allocate::{Commit, Lowered, allocate};
use super::lower::Lowering;
use super::order::{Element, consumers_first};
use super::program::{MemoryShape, Operation, Program, WriteShape};
use super::runs::{Place, Run, Source, push};
use crate::words::{to_u32, word_count, word_of};

/// Compiles a well-formed netlist (see [`crate::validate`]).
pub(super) fn compile(netlist: &Netlist) -> Program {
    let mut compiler = Compiler {
        lowering: Lowering::new(netlist),
        readers: vec![Vec::new(); netlist.memories.len()],
        commits: Vec::new(),
        claimed: HashSet::new(),
        writes: Vec::new(),
        settled: 0,
    };
    for (index, node) in netlist.nodes.iter().enumerate() {
        if let Op::MemoryRead { memory, .. } = node.op {
            compiler.readers[memory.0 as usize].push(NodeId(to_u32(index)));
        }
    }
    let ports = netlist.outputs.iter().map(|port| port.node).chain(netlist.trace.iter().map(|signal| signal.node));
    for node in ports {
        compiler.lowering.node(node);
    }
    compiler.settled = to_u32(compiler.lowering.code.len());
    for element in consumers_first(netlist) {
        match element {
            Element::Register(register) => compiler.register(register),
            Element::Memory(memory) => compiler.memory(memory),
        }
    }
    compiler.finish()
}

struct Compiler<'a> {
    lowering: Lowering<'a>,
    /// The combinational reads of each memory.
    readers: Vec<Vec<NodeId>>,
    commits: Vec<Commit>,
    /// Buffers that become state.
    claimed: HashSet<u32>,
    writes: Vec<WriteShape>,
    /// Instructions up to which no state changes.
    settled: u32,
}

impl Compiler<'_> {
    fn register(&mut self, index: usize) {
        let register = &self.lowering.netlist.registers[index];
        self.lowering.node(register.d);
        let mut next = self.lowering.value(register.d).to_vec();
        if let Some(reset) = register.reset {
            self.lowering.node(reset);
            let reset = self.lowering.value(reset);
            let value = self.lowering.constant(&register.reset_value, register.width);
            next = self.lowering.mux(&reset, &value, &next);
        }
        self.state(self.lowering.register(index), next);
    }

    /// Lets state take its next value.
    fn state(&mut self, q: Place, next: Vec<Run>) {
        let mut copied: (u32, Vec<Run>) = (0, Vec::new());
        let mut at = 0;
        for run in next {
            if run.source != Source::At(q.plus(at)) {
                if let Some(buffer) = self.claim(run) {
                    self.commits.push(Commit { q: q.plus(at), buffer });
                } else {
                    if copied.1.is_empty() {
                        copied.0 = at;
                    }
                    push(&mut copied.1, run);
                    at += run.length;
                    continue;
                }
            }
            self.copy(q, &mut copied);
            at += run.length;
        }
        self.copy(q, &mut copied);
    }

    fn copy(&mut self, q: Place, copied: &mut (u32, Vec<Run>)) {
        if !copied.1.is_empty() {
            let buffer = self.lowering.gather(&copied.1).buffer;
            copied.1.clear();
            self.commits.push(Commit { q: q.plus(copied.0), buffer });
        }
    }

    /// A buffer that holds just this and that no other state takes.
    fn claim(&mut self, run: Run) -> Option<u32> {
        let Source::At(Place { buffer, at: 0 }) = run.source else { return None };
        let of = &self.lowering.buffers[buffer as usize];
        if of.permanent || of.length != run.length || of.defined < self.settled {
            return None;
        }
        self.claimed.insert(buffer).then_some(buffer)
    }

    fn memory(&mut self, index: usize) {
        let memory = &self.lowering.netlist.memories[index];
        // All that reads the present contents comes before what changes them.
        for reader in std::mem::take(&mut self.readers[index]) {
            self.lowering.node(reader);
        }
        let reads = memory.registered_reads.iter().flat_map(|read| [read.enable, read.address]);
        let writes = memory.writes.iter().flat_map(|write| [write.enable, write.address, write.data]);
        for node in reads.chain(writes) {
            self.lowering.node(node);
        }
        self.reads(index, memory, ReadDuringWrite::Old);
        for write in &memory.writes {
            let places = [write.address, write.data, write.enable].map(|node| self.lowering.whole(node));
            self.lowering.emit(Operation::Write, to_u32(self.writes.len()), Place::default(), places);
            self.writes.push(WriteShape {
                memory: to_u32(index),
                groups: memory.width / write.granularity,
                granularity: write.granularity,
            });
        }
        self.reads(index, memory, ReadDuringWrite::New);
    }

    fn reads(&mut self, index: usize, memory: &Memory, during_write: ReadDuringWrite) {
        let id = MemoryId(to_u32(index));
        for (port, read) in memory.registered_reads.iter().enumerate() {
            if read.during_write == during_write {
                let q = self.lowering.data(index, port);
                let data = self.lowering.read(id, read.address, Some(read.enable));
                let enable = self.lowering.value(read.enable);
                let held = [Run::new(Source::At(q), memory.width)];
                let next = self.lowering.mux(&enable, &data, &held);
                self.state(q, next);
            }
        }
    }

    fn finish(self) -> Program {
        let netlist = self.lowering.netlist;
        let memories: Vec<MemoryShape> = netlist
            .memories
            .iter()
            .map(|memory| MemoryShape { width: memory.width, address_bits: memory.address_bits })
            .collect();
        let value = |node| self.lowering.value(node).to_vec();
        let initial = netlist.registers.iter().enumerate();
        let initial = initial.flat_map(|(index, register)| {
            let q = self.lowering.register(index);
            let ones = (0..register.width).filter(|&bit| {
                let word = register.reset_value.get(bit as usize / 64).copied().unwrap_or(0);
                word >> (bit % 64) & 1 == 1
            });
            ones.map(move |bit| q.plus(bit))
        });
        let lowered = Lowered {
            inputs: (0..netlist.inputs.len()).map(|input| self.lowering.input(input)).collect(),
            outputs: netlist.outputs.iter().map(|port| value(port.node)).collect(),
            trace: netlist.trace.iter().map(|signal| value(signal.node)).collect(),
            initial: initial.collect(),
            buffers: self.lowering.buffers,
            constants: self.lowering.constants,
            code: self.lowering.code,
            settled: self.settled,
            commits: self.commits,
            memories,
            writes: self.writes,
        };
        let mut program = allocate(lowered);
        for (place, port) in program.inputs.iter_mut().zip(&netlist.inputs) {
            place.1 = port.width;
        }
        program.contents = netlist.memories.iter().map(contents).collect();
        program
    }
}

/// The given entries of a memory, as words.
fn contents(memory: &Memory) -> Vec<u64> {
    let words = word_count(memory.width);
    let given = memory.contents.iter().take(1 << memory.address_bits);
    given.flat_map(|value| (0..words).map(move |word| word_of(value, word, memory.width))).collect()
}
