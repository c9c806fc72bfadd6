//! A slow and obvious evaluator of netlists, bit by bit, that shares nothing with the engines.

// Each test binary uses its own part of this module.
#![allow(dead_code)]

use bitvec::prelude::{BitVec, Lsb0};
use nitro_netlist::Netlist;
use nitro_netlist::netlist::{NodeId, Op};
use nitro_netlist::primitive::ReadDuringWrite;

pub type Value = BitVec<u64, Lsb0>;

/// The value as bits.
pub fn bits(words: &[u64], width: usize) -> Value {
    let mut value = Value::from_slice(words);
    value.resize(width, false);
    value
}

/// The value as words.
pub fn words(value: &Value) -> Vec<u64> {
    let mut words = vec![0; value.len().div_ceil(64)];
    for (index, bit) in value.iter().by_vals().enumerate() {
        words[index / 64] |= u64::from(bit) << (index % 64);
    }
    words
}

/// One bit.
fn one(bit: bool) -> Value {
    std::iter::once(bit).collect()
}

/// A number, saturated: only comparisons with widths matter.
fn number(value: &Value) -> usize {
    value.iter_ones().map(|bit| if bit < 32 { 1_usize << bit } else { 1 << 40 }).fold(0, usize::saturating_add)
}

fn add(a: &Value, b: &Value, mut carry: bool) -> Value {
    a.iter()
        .by_vals()
        .zip(b.iter().by_vals())
        .map(|(a, b)| {
            let sum = a ^ b ^ carry;
            carry = (a & b) | (carry & (a ^ b));
            sum
        })
        .collect()
}

fn not(a: &Value) -> Value {
    a.iter().by_vals().map(|bit| !bit).collect()
}

fn shl(a: &Value, amount: usize) -> Value {
    (0..a.len()).map(|index| index >= amount && a[index - amount]).collect()
}

/// State and last settled values of one design.
pub struct Reference<'a> {
    netlist: &'a Netlist,
    pub inputs: Vec<Value>,
    pub nodes: Vec<Value>,
    registers: Vec<Value>,
    contents: Vec<Vec<Value>>,
    data: Vec<Vec<Value>>,
}

impl<'a> Reference<'a> {
    pub fn new(netlist: &'a Netlist) -> Self {
        let zero = |width: u32| bits(&[], width as usize);
        Self {
            netlist,
            inputs: netlist.inputs.iter().map(|port| zero(port.width)).collect(),
            nodes: Vec::new(),
            registers: netlist.registers.iter().map(|r| bits(&r.reset_value, r.width as usize)).collect(),
            contents: netlist
                .memories
                .iter()
                .map(|m| {
                    (0..1_usize << m.address_bits)
                        .map(|at| bits(m.contents.get(at).map_or(&[], |word| word), m.width as usize))
                        .collect()
                })
                .collect(),
            data: netlist.memories.iter().map(|m| m.registered_reads.iter().map(|_| zero(m.width)).collect()).collect(),
        }
    }

    pub fn value(&self, node: NodeId) -> &Value {
        &self.nodes[node.0 as usize]
    }

    fn is_set(&self, node: NodeId) -> bool {
        self.value(node)[0]
    }

    pub fn settle(&mut self) {
        self.nodes.clear();
        for node in &self.netlist.nodes {
            let value = self.evaluate(&node.op, node.width as usize);
            assert_eq!(value.len(), node.width as usize, "{:?}", node.op);
            self.nodes.push(value);
        }
    }

    fn evaluate(&self, op: &Op, width: usize) -> Value {
        let v = |node: &NodeId| self.value(*node);
        match op {
            Op::Input(input) => self.inputs[*input as usize].clone(),
            Op::Constant(value) => bits(value, width),
            Op::Register(register) => self.registers[register.0 as usize].clone(),
            Op::MemoryData { memory, port } => self.data[memory.0 as usize][*port as usize].clone(),
            Op::MemoryRead { memory, address } => self.contents[memory.0 as usize][number(v(address))].clone(),
            Op::Not(a) => not(v(a)),
            Op::And(a, b) => v(a).clone() & v(b),
            Op::Or(a, b) => v(a).clone() | v(b),
            Op::Xor(a, b) => v(a).clone() ^ v(b),
            Op::Add(a, b) => add(v(a), v(b), false),
            Op::Sub(a, b) => add(v(a), &not(v(b)), true),
            Op::Mul(a, b) => v(b).iter_ones().fold(bits(&[], width), |sum, bit| add(&sum, &shl(v(a), bit), false)),
            Op::Eq(a, b) => one(v(a) == v(b)),
            Op::Lt(a, b) => one(v(a).iter().by_vals().rev().lt(v(b).iter().by_vals().rev())),
            Op::Shl(a, amount) => shl(v(a), number(v(amount))),
            Op::Shr(a, amount) => {
                let amount = number(v(amount));
                (0..width).map(|index| index + amount < width && v(a)[index + amount]).collect()
            }
            Op::Mux { select, then, otherwise } => v(if self.is_set(*select) { then } else { otherwise }).clone(),
            Op::Concat(parts) => parts.iter().flat_map(|part| v(part).iter().by_vals()).collect(),
            Op::Slice { of, offset } => v(of)[*offset as usize..*offset as usize + width].to_bitvec(),
            Op::ReduceAnd(a) => one(v(a).all()),
            Op::ReduceOr(a) => one(v(a).any()),
            Op::ReduceXor(a) => one(v(a).count_ones() % 2 == 1),
        }
    }

    pub fn edge(&mut self) {
        let registers = self
            .netlist
            .registers
            .iter()
            .map(|register| match register.reset {
                Some(reset) if self.is_set(reset) => bits(&register.reset_value, register.width as usize),
                _ => self.value(register.d).clone(),
            })
            .collect();
        for (index, memory) in self.netlist.memories.iter().enumerate() {
            let before = self.contents[index].clone();
            for write in &memory.writes {
                let at = number(self.value(write.address));
                for group in self.value(write.enable).clone().iter_ones() {
                    for bit in group * write.granularity as usize..(group + 1) * write.granularity as usize {
                        let value = self.value(write.data)[bit];
                        self.contents[index][at].set(bit, value);
                    }
                }
            }
            for (port, read) in memory.registered_reads.iter().enumerate() {
                if self.is_set(read.enable) {
                    let at = number(self.value(read.address));
                    self.data[index][port] = match read.during_write {
                        ReadDuringWrite::Old => before[at].clone(),
                        ReadDuringWrite::New => self.contents[index][at].clone(),
                    };
                }
            }
        }
        self.registers = registers;
    }
}
