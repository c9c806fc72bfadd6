//! The flat netlist: one clock, one acyclic combinational graph between registers and memories.
//!
//! All values are unsigned bit vectors. Nodes stand in topological order (every operand's index is smaller than its
//! user's), so a simulator evaluates them front to back, once a clock.
//!
//! One clock of a netlist: inputs are set; every node is evaluated; outputs are read; then, at the edge, every
//! register and memory changes at once.

use crate::primitive::ReadDuringWrite;

/// Index into [`Netlist::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Index into [`Netlist::registers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegisterId(pub u32);

/// Index into [`Netlist::memories`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemoryId(pub u32);

/// An operation. Unless said otherwise operands have the result's width.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Input number `n` of [`Netlist::inputs`].
    Input(u32),
    /// A constant, least significant word first, `width.div_ceil(64)` words, excess bits zero.
    Constant(Vec<u64>),
    /// The present value of a register.
    Register(RegisterId),
    /// The present output of registered read port `port` of a memory.
    MemoryData {
        /// The memory.
        memory: MemoryId,
        /// Index into its [`Memory::registered_reads`].
        port: u32,
    },
    /// A combinational read of the present contents.
    MemoryRead {
        /// The memory.
        memory: MemoryId,
        /// `address_bits` wide.
        address: NodeId,
    },
    /// Bitwise complement.
    Not(NodeId),
    /// Bitwise and.
    And(NodeId, NodeId),
    /// Bitwise or.
    Or(NodeId, NodeId),
    /// Bitwise exclusive or.
    Xor(NodeId, NodeId),
    /// Sum modulo `2^width`.
    Add(NodeId, NodeId),
    /// Difference modulo `2^width`.
    Sub(NodeId, NodeId),
    /// Product modulo `2^width`.
    Mul(NodeId, NodeId),
    /// 1 bit: the operands (of one width) are equal.
    Eq(NodeId, NodeId),
    /// 1 bit: unsigned less than.
    Lt(NodeId, NodeId),
    /// Left shift; the amount has any width, too large an amount gives zero.
    Shl(NodeId, NodeId),
    /// Logical right shift; the amount has any width, too large an amount gives zero.
    Shr(NodeId, NodeId),
    /// `select` is 1 bit: `then` if it is set, else `otherwise`.
    Mux {
        /// The condition, 1 bit.
        select: NodeId,
        /// Taken if the condition is set.
        then: NodeId,
        /// Taken if it is not.
        otherwise: NodeId,
    },
    /// Concatenation, least significant part first; the widths add up to the result's.
    Concat(Vec<NodeId>),
    /// `width` bits of the operand from bit `offset` up.
    Slice {
        /// The operand.
        of: NodeId,
        /// Its lowest bit taken.
        offset: u32,
    },
    /// 1 bit: all bits set.
    ReduceAnd(NodeId),
    /// 1 bit: any bit set.
    ReduceOr(NodeId),
    /// 1 bit: parity.
    ReduceXor(NodeId),
}

/// An operation and the width of its result in bits (at least 1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Width of the result in bits.
    pub width: u32,
}

/// A named port of the whole netlist. Names are joined with `_` and fields of a record are ports of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name, as in the Verilog.
    pub name: String,
    /// Width in bits.
    pub width: u32,
    /// The node: an [`Op::Input`] for an input, the driver for an output.
    pub node: NodeId,
}

/// A register: at the edge it takes `reset_value` if `reset` is set, else `d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Scope path and name, joined with `.`.
    pub path: String,
    /// Width in bits.
    pub width: u32,
    /// Value at power-up and after reset.
    pub reset_value: Vec<u64>,
    /// 1 bit, if the register has a reset.
    pub reset: Option<NodeId>,
    /// Next value.
    pub d: NodeId,
}

/// A registered read port: at the edge, if `enable` is set, its data become the word at `address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredRead {
    /// 1 bit.
    pub enable: NodeId,
    /// `address_bits` wide.
    pub address: NodeId,
    /// What it returns for a word written at the same edge.
    pub during_write: ReadDuringWrite,
}

/// A write port: at the edge, for each set bit `g` of `enable`, bits `g * granularity ..` of the word at `address` take those of `data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// `width / granularity` bits.
    pub enable: NodeId,
    /// Bits that one enable bit covers.
    pub granularity: u32,
    /// `address_bits` wide.
    pub address: NodeId,
    /// `width` bits.
    pub data: NodeId,
}

/// A memory of `2^address_bits` words. Writes of one edge happen in order: the last one wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Scope path, joined with `.`.
    pub path: String,
    /// Width of a word in bits.
    pub width: u32,
    /// Width of an address in bits.
    pub address_bits: u32,
    /// Power-up contents by word; empty for all zero.
    pub contents: Vec<Vec<u64>>,
    /// Its registered read ports (their data power up as zero).
    pub registered_reads: Vec<RegisteredRead>,
    /// Its write ports.
    pub writes: Vec<Write>,
}

/// A named signal for traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSignal {
    /// Instance names from below the top down.
    pub scope: Vec<String>,
    /// The signal's name in its scope (fields of records as `signal_field`).
    pub name: String,
    /// For an enum signal the names of its values in order, else empty.
    pub variants: Vec<String>,
    /// Its value.
    pub node: NodeId,
}

/// A flat, single-clock netlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netlist {
    /// Name of the top block.
    pub name: String,
    /// Operations in topological order.
    pub nodes: Vec<Node>,
    /// Inputs, without the clock.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Registers.
    pub registers: Vec<Register>,
    /// Memories.
    pub memories: Vec<Memory>,
    /// Every named signal of the design.
    pub trace: Vec<TraceSignal>,
}
