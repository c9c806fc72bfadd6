//! From a netlist to bytecode.

use std::collections::HashMap;

use nitro_netlist::netlist::{MemoryId, Netlist, NodeId, Op, Port};
use nitro_netlist::primitive::ReadDuringWrite;

use super::program::{
    Column, Instruction, MemoryUpdate, Part, Place, Program, ReadUpdate, RegisterUpdate, ShiftShape, WriteUpdate,
};
use crate::words::{to_u32, top_mask, word_count, word_of};

/// Where a node's value lies and which row changes with it.
#[derive(Clone, Copy)]
struct Location {
    column: Column,
    row: u32,
}

struct Compiler<'a> {
    netlist: &'a Netlist,
    program: Program,
    locations: Vec<Location>,
    /// Uses as (row, target), in ascending order of targets.
    uses: Vec<(u32, u32)>,
    register_columns: Vec<Column>,
    read_columns: Vec<Vec<Location>>,
    first_input_row: usize,
    rows: usize,
}

/// Compiles a well-formed netlist (see [`crate::validate`]).
pub(super) fn compile(netlist: &Netlist) -> Program {
    let combinational = netlist.nodes.iter().filter(|node| !is_state(&node.op)).count() + netlist.outputs.len();
    let mut compiler = Compiler {
        netlist,
        program: Program { scratch: 2, ..Program::default() },
        locations: Vec::with_capacity(netlist.nodes.len()),
        uses: Vec::with_capacity(netlist.nodes.len() * 2),
        register_columns: Vec::new(),
        read_columns: Vec::new(),
        first_input_row: 0,
        rows: 0,
    };
    compiler.allocate_state(combinational);
    for index in 0..netlist.nodes.len() {
        let location = compiler.node(index);
        compiler.locations.push(location);
    }
    compiler.outputs();
    compiler.registers();
    compiler.memories();
    compiler.trace();
    compiler.users();
    compiler.program
}

fn is_state(op: &Op) -> bool {
    matches!(op, Op::Input(_) | Op::Constant(_) | Op::Register(_) | Op::MemoryData { .. })
}

impl Compiler<'_> {
    /// Columns of inputs, registers and read ports come first, so that every operand lies below its users.
    fn allocate_state(&mut self, combinational: usize) {
        let program = &mut self.program;
        program.first_register = combinational.next_multiple_of(64);
        program.first_memory = (program.first_register + self.netlist.registers.len()).next_multiple_of(64);
        program.targets = program.first_memory + self.netlist.memories.len();
        self.rows = program.targets;
        for register in &self.netlist.registers {
            let column = self.columns(register.width);
            self.initial(column, &register.reset_value, register.width);
            self.register_columns.push(column);
        }
        for memory in &self.netlist.memories {
            let ports = (0..memory.registered_reads.len())
                .map(|_| {
                    let column = self.columns(memory.width);
                    self.rows += 1;
                    Location { column, row: to_u32(self.rows - 1) }
                })
                .collect();
            self.read_columns.push(ports);
        }
        self.first_input_row = self.rows;
        self.rows += self.netlist.inputs.len();
        for (index, port) in self.netlist.inputs.iter().enumerate() {
            let place = Place {
                column: self.columns(port.width),
                width: port.width,
                row: to_u32(self.first_input_row + index),
            };
            self.program.inputs.push(place);
        }
        // Constants never change: they share a row without users.
        self.rows += 1;
    }

    fn columns(&mut self, width: u32) -> Column {
        let column = to_u32(self.program.columns);
        self.program.columns += word_count(width);
        column
    }

    fn initial(&mut self, column: Column, value: &[u64], width: u32) {
        for index in 0..word_count(width) {
            let word = word_of(value, index, width);
            if word != 0 {
                self.program.initial.push((column + to_u32(index), word));
            }
        }
    }

    fn at(&self, node: NodeId) -> Location {
        self.locations[node.0 as usize]
    }

    fn width(&self, node: NodeId) -> u32 {
        self.netlist.nodes[node.0 as usize].width
    }

    fn place(&self, node: NodeId) -> Place {
        let Location { column, row } = self.at(node);
        Place { column, width: self.width(node), row }
    }

    /// Reads an operand for the instruction that is emitted next.
    fn operand(&mut self, node: NodeId) -> Column {
        let location = self.at(node);
        self.uses.push((location.row, to_u32(self.program.instructions.len())));
        location.column
    }

    fn emit(&mut self, width: u32, instruction: impl FnOnce(Column) -> Instruction) -> Location {
        let column = self.columns(width);
        let row = to_u32(self.program.instructions.len());
        self.program.instructions.push(instruction(column));
        Location { column, row }
    }

    fn scratch(&mut self, columns: usize) {
        self.program.scratch = self.program.scratch.max(columns);
    }

    fn node(&mut self, index: usize) -> Location {
        let netlist = self.netlist;
        let node = &netlist.nodes[index];
        let width = node.width;
        match &node.op {
            Op::Input(input) => {
                let place = self.program.inputs[*input as usize];
                Location { column: place.column, row: place.row }
            }
            Op::Constant(value) => {
                let column = self.columns(width);
                self.initial(column, value, width);
                Location { column, row: to_u32(self.rows - 1) }
            }
            Op::Register(register) => Location {
                column: self.register_columns[register.0 as usize],
                row: to_u32(self.program.first_register) + register.0,
            },
            Op::MemoryData { memory, port } => self.read_columns[memory.0 as usize][*port as usize],
            Op::MemoryRead { memory, address } => self.memory_read(*memory, *address, width),
            Op::Slice { of, offset } => self.slice(*of, *offset, width),
            Op::Concat(parts) => self.concat(parts, width),
            Op::Shl(value, amount) => self.shift(true, *value, *amount, width),
            Op::Shr(value, amount) => self.shift(false, *value, *amount, width),
            Op::Mux { select, then, otherwise } => {
                let (select, a, b) = (self.operand(*select), self.operand(*then), self.operand(*otherwise));
                let words = to_u32(word_count(width));
                self.emit(width, |d| match words {
                    1 => Instruction::Mux1 { d, select, a, b },
                    _ => Instruction::MuxN { d, select, a, b, words },
                })
            }
            Op::Not(a) | Op::ReduceAnd(a) | Op::ReduceOr(a) | Op::ReduceXor(a) => self.unary(&node.op, *a, width),
            Op::And(a, b)
            | Op::Or(a, b)
            | Op::Xor(a, b)
            | Op::Add(a, b)
            | Op::Sub(a, b)
            | Op::Mul(a, b)
            | Op::Eq(a, b)
            | Op::Lt(a, b) => self.binary(&node.op, *a, *b, width),
        }
    }

    fn unary(&mut self, op: &Op, operand: NodeId, width: u32) -> Location {
        let operand_width = self.width(operand);
        let (words, mask) = (to_u32(word_count(operand_width)), top_mask(operand_width));
        let a = self.operand(operand);
        self.emit(width, |d| match (op, words) {
            (Op::Not(_), 1) => Instruction::Not1 { d, a, mask },
            (Op::Not(_), _) => Instruction::Not { d, a, words, mask },
            (Op::ReduceAnd(_), 1) => Instruction::All1 { d, a, mask },
            (Op::ReduceAnd(_), _) => Instruction::AllN { d, a, words, mask },
            (Op::ReduceOr(_), 1) => Instruction::Any1 { d, a },
            (Op::ReduceOr(_), _) => Instruction::AnyN { d, a, words },
            (_, 1) => Instruction::Parity1 { d, a },
            (_, _) => Instruction::ParityN { d, a, words },
        })
    }

    fn binary(&mut self, op: &Op, left: NodeId, right: NodeId, width: u32) -> Location {
        let operand_width = self.width(left);
        let (words, mask) = (to_u32(word_count(operand_width)), top_mask(operand_width));
        let (a, b) = (self.operand(left), self.operand(right));
        self.scratch(words as usize + 1);
        self.emit(width, |d| match (op, words) {
            (Op::And(..), 1) => Instruction::And1 { d, a, b },
            (Op::And(..), _) => Instruction::And { d, a, b, words },
            (Op::Or(..), 1) => Instruction::Or1 { d, a, b },
            (Op::Or(..), _) => Instruction::Or { d, a, b, words },
            (Op::Xor(..), 1) => Instruction::Xor1 { d, a, b },
            (Op::Xor(..), _) => Instruction::Xor { d, a, b, words },
            (Op::Add(..), 1) => Instruction::Add1 { d, a, b, mask },
            (Op::Add(..), _) => Instruction::AddN { d, a, b, words, mask },
            (Op::Sub(..), 1) => Instruction::Sub1 { d, a, b, mask },
            (Op::Sub(..), _) => Instruction::SubN { d, a, b, words, mask },
            (Op::Mul(..), 1) => Instruction::Mul1 { d, a, b, mask },
            (Op::Mul(..), _) => Instruction::MulN { d, a, b, words, mask },
            (Op::Eq(..), 1) => Instruction::Eq1 { d, a, b },
            (Op::Eq(..), _) => Instruction::EqN { d, a, b, words },
            (_, 1) => Instruction::Lt1 { d, a, b },
            (_, _) => Instruction::LtN { d, a, b, words },
        })
    }

    fn slice(&mut self, of: NodeId, offset: u32, width: u32) -> Location {
        let of_width = self.width(of);
        let (first, shift) = (offset / 64, offset % 64);
        let whole_words = width.is_multiple_of(64) || offset + width == of_width;
        if shift == 0 && whole_words {
            // The operand's own columns serve.
            let location = self.at(of);
            return Location { column: location.column + first, row: location.row };
        }
        let a = self.operand(of) + first;
        let words = to_u32(word_count(width));
        let more = shift + width > words * 64;
        let mask = top_mask(width);
        self.emit(width, |d| match (words, more) {
            (1, false) => Instruction::Slice1 { d, a, shift, mask },
            (1, true) => Instruction::Straddle1 { d, a, shift, mask },
            // The top word may need bits of a further word without `more` only if they are cut off by the mask.
            _ => Instruction::SliceN { d, a, words, shift, more, mask },
        })
    }

    fn concat(&mut self, parts: &[NodeId], width: u32) -> Location {
        if let [only] = parts {
            return self.at(*only);
        }
        let words = to_u32(word_count(width));
        if let ([low, high], 1) = (parts, words) {
            let shift = self.width(*low);
            let (a, b) = (self.operand(*low), self.operand(*high));
            return self.emit(width, |d| Instruction::Join1 { d, a, b, shift });
        }
        let first = to_u32(self.program.parts.len());
        let mut offset = 0;
        for &part in parts {
            let part_width = self.width(part);
            let a = self.operand(part);
            self.program.parts.push(Part {
                a,
                words: to_u32(word_count(part_width)),
                word: offset / 64,
                shift: offset % 64,
            });
            offset += part_width;
        }
        self.scratch(words as usize);
        let count = to_u32(parts.len());
        self.emit(width, |d| Instruction::Concat { d, words, first, count })
    }

    fn shift(&mut self, left: bool, value: NodeId, amount: NodeId, width: u32) -> Location {
        let amount_words = to_u32(word_count(self.width(amount)));
        let (a, amount) = (self.operand(value), self.operand(amount));
        let shape = to_u32(self.program.shifts.len());
        self.scratch(word_count(width));
        self.program.shifts.push(ShiftShape { left, width, amount_words });
        self.emit(width, |d| Instruction::Shift { d, a, amount, shape })
    }

    fn memory_read(&mut self, memory: MemoryId, address: NodeId, width: u32) -> Location {
        let address = self.operand(address);
        let contents_row = to_u32(self.program.first_memory) + memory.0;
        self.uses.push((contents_row, to_u32(self.program.instructions.len())));
        self.emit(width, |d| Instruction::MemoryRead { d, memory: memory.0, address })
    }

    /// Outputs hold the value of the last settling even when state or inputs change after it: an output that is a
    /// register or an input itself is copied.
    fn outputs(&mut self) {
        let netlist = self.netlist;
        for Port { width, node, .. } in &netlist.outputs {
            let mut location = self.at(*node);
            if location.row as usize >= self.program.first_register {
                let (a, words) = (self.operand(*node), to_u32(word_count(*width)));
                location = self.emit(*width, |d| Instruction::Copy { d, a, words });
            }
            self.program.outputs.push(Place { column: location.column, width: *width, row: location.row });
        }
    }

    /// Whether the row changes at the edge itself, rather than when the logic settles.
    fn changes_at_edge(&self, row: u32) -> bool {
        (self.program.first_register..self.first_input_row).contains(&(row as usize))
    }

    fn use_at_edge(&mut self, node: NodeId, target: usize) -> Column {
        let location = self.at(node);
        self.uses.push((location.row, to_u32(target)));
        location.column
    }

    fn registers(&mut self) {
        let netlist = self.netlist;
        for (index, register) in netlist.registers.iter().enumerate() {
            let target = self.program.first_register + index;
            let words = word_count(register.width);
            let mut volatile = self.changes_at_edge(self.at(register.d).row);
            let d = self.use_at_edge(register.d, target);
            let reset = register.reset.map(|reset| {
                volatile |= self.changes_at_edge(self.at(reset).row);
                let value = self.columns(register.width);
                self.initial(value, &register.reset_value, register.width);
                (self.use_at_edge(reset, target), value)
            });
            let staging = volatile.then(|| {
                self.program.staging += words;
                to_u32(self.program.staging - words)
            });
            let q = self.register_columns[index];
            self.program.registers.push(RegisterUpdate { q, d, words: to_u32(words), reset, staging });
        }
    }

    fn memories(&mut self) {
        let netlist = self.netlist;
        for (index, memory) in netlist.memories.iter().enumerate() {
            let target = self.program.first_memory + index;
            let words = word_count(memory.width);
            let mut reads = Vec::new();
            for (port, read) in memory.registered_reads.iter().enumerate() {
                let Location { column: data, row } = self.read_columns[index][port];
                self.program.staging += words;
                reads.push(ReadUpdate {
                    enable: self.use_at_edge(read.enable, target),
                    address: self.use_at_edge(read.address, target),
                    data,
                    staging: to_u32(self.program.staging - words),
                    new: read.during_write == ReadDuringWrite::New,
                    row,
                });
            }
            let mut writes = Vec::new();
            for write in &memory.writes {
                writes.push(WriteUpdate {
                    enable: self.use_at_edge(write.enable, target),
                    enable_bits: self.width(write.enable),
                    granularity: write.granularity,
                    address: self.use_at_edge(write.address, target),
                    data: self.use_at_edge(write.data, target),
                });
            }
            let depth = 1_usize << memory.address_bits;
            let given = memory.contents.len().min(depth);
            let mut contents = vec![0; given * words];
            for (slot, value) in contents.chunks_exact_mut(words).zip(&memory.contents) {
                for (word, target) in slot.iter_mut().enumerate() {
                    *target = word_of(value, word, memory.width);
                }
            }
            self.program.contents.push(contents);
            self.program.memories.push(MemoryUpdate { words: to_u32(words), depth, reads, writes });
        }
    }

    /// Traced signals of one row are a group, which is due when the row changes.
    fn trace(&mut self) {
        self.program.first_trace = self.program.targets.next_multiple_of(64);
        self.program.targets = self.program.first_trace;
        let mut group_of_row = HashMap::new();
        for signal in &self.netlist.trace {
            let place = self.place(signal.node);
            let group = *group_of_row.entry(place.row).or_insert_with(|| {
                self.uses.push((place.row, to_u32(self.program.targets)));
                self.program.targets += 1;
                to_u32(self.program.targets - 1 - self.program.first_trace)
            });
            self.program.trace.push(place);
            self.program.trace_groups.push(group);
        }
    }

    /// Sorts the uses by row (counting sort), each target once a row.
    fn users(&mut self) {
        let mut last = vec![u32::MAX; self.rows];
        self.uses.retain(|&(row, target)| std::mem::replace(&mut last[row as usize], target) != target);
        let mut start = vec![0_u32; self.rows + 1];
        for &(row, _) in &self.uses {
            start[row as usize + 1] += 1;
        }
        for row in 0..self.rows {
            start[row + 1] += start[row];
        }
        let mut next = start.clone();
        let mut users = vec![0; self.uses.len()];
        for &(row, target) in &self.uses {
            users[next[row as usize] as usize] = target;
            next[row as usize] += 1;
        }
        self.program.users_start = start;
        self.program.users = users;
        debug_assert!(self.program.instructions.len() <= self.program.first_register);
    }
}
