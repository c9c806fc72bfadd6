//! A naive evaluator of the flat netlist: a `Vec<bool>` a value, one clock at a time.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by several tests, which may panic")]

pub mod blocks;

use std::collections::HashMap;

use nitro_netlist::netlist::{MemoryId, Netlist, NodeId, Op, RegisterId};
use nitro_netlist::primitive::ReadDuringWrite;
use nitro_netlist::{ElaborateError, elaborate};
use rust_hdl::prelude::Block;

type Value = Vec<bool>;

fn from_words(words: &[u64], width: u32) -> Value {
    (0..width as usize).map(|bit| words.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)).collect()
}

fn number(value: &[bool]) -> u128 {
    value.iter().enumerate().fold(0, |sum, (bit, &set)| if set { sum | 1_u128 << bit } else { sum })
}

fn add(a: &[bool], b: &[bool], mut carry: bool) -> Value {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| {
            let sum = a ^ b ^ carry;
            carry = (a & b) | (carry & (a ^ b));
            sum
        })
        .collect()
}

fn not(value: &[bool]) -> Value {
    value.iter().map(|bit| !bit).collect()
}

/// A netlist with its state.
pub struct Bench {
    pub netlist: Netlist,
    inputs: HashMap<String, Value>,
    registers: Vec<Value>,
    memories: Vec<Vec<Value>>,
    read_data: Vec<Vec<Value>>,
}

impl Bench {
    pub fn new(block: &impl Block) -> Self {
        Self::of(elaborate(block, "top").unwrap_or_else(|error| panic!("{error}")).flatten())
    }

    pub fn of(netlist: Netlist) -> Self {
        for (index, node) in netlist.nodes.iter().enumerate() {
            check_operands(&netlist, index, &node.op);
        }
        let inputs = netlist.inputs.iter().map(|port| (port.name.clone(), vec![false; port.width as usize])).collect();
        let registers = netlist.registers.iter().map(|r| from_words(&r.reset_value, r.width)).collect();
        let memories = netlist.memories.iter().map(|memory| {
            let word = |index: usize| from_words(memory.contents.get(index).map_or(&[], Vec::as_slice), memory.width);
            (0..1 << memory.address_bits).map(word).collect()
        });
        let memories = memories.collect();
        let read_data =
            netlist.memories.iter().map(|m| vec![vec![false; m.width as usize]; m.registered_reads.len()]).collect();
        Self { inputs, registers, memories, read_data, netlist }
    }

    pub fn set(&mut self, name: &str, value: u128) {
        let slot = self.inputs.get_mut(name).unwrap_or_else(|| panic!("no input {name}"));
        let width = slot.len();
        *slot = (0..width).map(|bit| bit < 128 && value >> bit & 1 == 1).collect();
    }

    /// The value of an output, or of a traced signal as `scope.name`.
    pub fn get(&self, name: &str) -> u128 {
        let values = self.values();
        let port = self.netlist.outputs.iter().find(|port| port.name == name).map(|port| port.node);
        let traced = self.netlist.trace.iter().find(|signal| {
            signal.scope.iter().map(String::as_str).chain([signal.name.as_str()]).collect::<Vec<_>>().join(".") == name
        });
        let node = port.or(traced.map(|signal| signal.node)).unwrap_or_else(|| panic!("no signal {name}"));
        number(&values[node.0 as usize])
    }

    /// One clock edge.
    pub fn clock(&mut self) {
        let values = self.values();
        let of = |node: NodeId| &values[node.0 as usize];
        for (register, state) in self.netlist.registers.iter().zip(&mut self.registers) {
            let reset = register.reset.is_some_and(|reset| of(reset)[0]);
            *state = if reset { from_words(&register.reset_value, register.width) } else { of(register.d).clone() };
        }
        for (index, memory) in self.netlist.memories.iter().enumerate() {
            let old = self.memories[index].clone();
            for write in &memory.writes {
                let word = &mut self.memories[index][number(of(write.address)) as usize];
                for (bit, stored) in word.iter_mut().enumerate() {
                    if of(write.enable)[bit / write.granularity as usize] {
                        *stored = of(write.data)[bit];
                    }
                }
            }
            for (read, data) in memory.registered_reads.iter().zip(&mut self.read_data[index]) {
                if of(read.enable)[0] {
                    let address = number(of(read.address)) as usize;
                    let from = if read.during_write == ReadDuringWrite::Old { &old } else { &self.memories[index] };
                    data.clone_from(&from[address]);
                }
            }
        }
    }

    fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::with_capacity(self.netlist.nodes.len());
        for node in &self.netlist.nodes {
            let value = self.evaluate(&node.op, node.width, &values);
            assert_eq!(value.len(), node.width as usize, "{node:?}");
            values.push(value);
        }
        values
    }

    fn evaluate(&self, op: &Op, width: u32, values: &[Value]) -> Value {
        let of = |node: &NodeId| &values[node.0 as usize];
        let zip = |a: &NodeId, b: &NodeId, f: fn(bool, bool) -> bool| {
            assert_eq!(of(a).len(), of(b).len());
            of(a).iter().zip(of(b)).map(|(&a, &b)| f(a, b)).collect::<Value>()
        };
        let amount =
            |node: &NodeId| of(node).iter().rev().fold(0_usize, |sum, &bit| (sum << 1 | usize::from(bit)).min(1 << 40));
        match op {
            Op::Input(index) => self.inputs[&self.netlist.inputs[*index as usize].name].clone(),
            Op::Constant(words) => from_words(words, width),
            Op::Register(RegisterId(id)) => self.registers[*id as usize].clone(),
            Op::MemoryData { memory: MemoryId(id), port } => self.read_data[*id as usize][*port as usize].clone(),
            Op::MemoryRead { memory: MemoryId(id), address } => {
                self.memories[*id as usize][number(of(address)) as usize].clone()
            }
            Op::Not(a) => not(of(a)),
            Op::And(a, b) => zip(a, b, |a, b| a & b),
            Op::Or(a, b) => zip(a, b, |a, b| a | b),
            Op::Xor(a, b) => zip(a, b, |a, b| a ^ b),
            Op::Add(a, b) => add(of(a), of(b), false),
            Op::Sub(a, b) => add(of(a), &not(of(b)), true),
            Op::Mul(a, b) => {
                (0..width as usize).filter(|&bit| of(b)[bit]).fold(vec![false; width as usize], |sum, bit| {
                    let shifted: Value = (0..width as usize).map(|to| to >= bit && of(a)[to - bit]).collect();
                    add(&sum, &shifted, false)
                })
            }
            Op::Eq(a, b) => vec![of(a) == of(b)],
            Op::Lt(a, b) => vec![of(a).iter().rev().lt(of(b).iter().rev())],
            Op::Shl(a, b) => (0..width as usize).map(|to| to >= amount(b) && of(a)[to - amount(b)]).collect(),
            Op::Shr(a, b) => (0..width as usize).map(|to| of(a).get(to + amount(b)) == Some(&true)).collect(),
            Op::Mux { select, then, otherwise } => if of(select)[0] { of(then) } else { of(otherwise) }.clone(),
            Op::Concat(parts) => parts.iter().flat_map(|part| of(part).clone()).collect(),
            Op::Slice { of: a, offset } => of(a)[*offset as usize..(*offset + width) as usize].to_vec(),
            Op::ReduceAnd(a) => vec![of(a).iter().all(|&bit| bit)],
            Op::ReduceOr(a) => vec![of(a).iter().any(|&bit| bit)],
            Op::ReduceXor(a) => vec![of(a).iter().fold(false, |parity, &bit| parity ^ bit)],
        }
    }
}

/// Operands stand before their users.
fn check_operands(netlist: &Netlist, index: usize, op: &Op) {
    let ids: Vec<NodeId> = match op {
        Op::Concat(parts) => parts.clone(),
        Op::Mux { select, then, otherwise } => vec![*select, *then, *otherwise],
        Op::And(a, b) | Op::Or(a, b) | Op::Xor(a, b) | Op::Add(a, b) | Op::Sub(a, b) | Op::Eq(a, b) => vec![*a, *b],
        Op::Not(a) | Op::Slice { of: a, .. } => vec![*a],
        _ => Vec::new(),
    };
    assert!(ids.iter().all(|id| (id.0 as usize) < index), "node {index} of {} uses a later one", netlist.name);
}

/// The error that elaboration gives.
pub fn error(block: &impl Block) -> ElaborateError {
    match elaborate(block, "top") {
        Ok(_) => panic!("no error"),
        Err(error) => error,
    }
}
