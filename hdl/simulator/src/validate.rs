//! The rules of a well-formed netlist.

use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Memory, NodeId, Op};

use crate::optimise::operands;

/// Memories of more address bits than this would not fit a simulator.
const MAX_ADDRESS_BITS: u32 = 28;

/// What is wrong with a netlist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetlistError {
    /// A node without bits.
    #[error("node {node} has no bits; every width is at least 1")]
    NoBits {
        /// Its index.
        node: usize,
    },
    /// An operand that does not stand before its user.
    #[error("{user} uses node {operand}, which does not stand before it; nodes are in topological order")]
    Order {
        /// Who uses it.
        user: String,
        /// The operand's index.
        operand: usize,
    },
    /// A width that does not fit its use.
    #[error("{what} is {actual} bits wide; {expected} would be right")]
    Width {
        /// Which value.
        what: String,
        /// Its width.
        actual: u32,
        /// The width it must have.
        expected: u32,
    },
    /// A number of an input, register, memory or port that does not exist.
    #[error("node {node} names a {what} that does not exist")]
    Missing {
        /// The node's index.
        node: usize,
        /// What it names.
        what: &'static str,
    },
    /// A memory too large to simulate, or a granularity that does not divide its width.
    #[error("memory {path}: {reason}")]
    Memory {
        /// Its path.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// Checks everything that the engines rely on.
///
/// # Errors
/// The first rule that is broken.
pub fn validate(netlist: &Netlist) -> Result<(), NetlistError> {
    for (index, node) in netlist.nodes.iter().enumerate() {
        if node.width == 0 {
            return Err(NetlistError::NoBits { node: index });
        }
        let mut order = Ok(());
        operands(&node.op, |operand| {
            if operand.0 as usize >= index {
                order = Err(NetlistError::Order { user: format!("node {index}"), operand: operand.0 as usize });
            }
        });
        order?;
        Check { netlist, index, width: node.width }.op(&node.op)?;
    }
    for (port, is_input) in
        netlist.inputs.iter().map(|port| (port, true)).chain(netlist.outputs.iter().map(|port| (port, false)))
    {
        expect(netlist, port.node, port.width, || format!("port {}", port.name))?;
        if is_input && !matches!(netlist.nodes[port.node.0 as usize].op, Op::Input(_)) {
            return Err(NetlistError::Missing { node: port.node.0 as usize, what: "input" });
        }
    }
    for register in &netlist.registers {
        expect(netlist, register.d, register.width, || format!("the next value of register {}", register.path))?;
        if let Some(reset) = register.reset {
            expect(netlist, reset, 1, || format!("the reset of register {}", register.path))?;
        }
    }
    netlist.memories.iter().try_for_each(|memory| check_memory(netlist, memory))?;
    netlist.trace.iter().try_for_each(|signal| {
        let width = netlist.nodes.get(signal.node.0 as usize).map_or(0, |node| node.width);
        expect(netlist, signal.node, width, || format!("traced signal {}", signal.name))
    })
}

fn expect(netlist: &Netlist, node: NodeId, width: u32, what: impl Fn() -> String) -> Result<(), NetlistError> {
    match netlist.nodes.get(node.0 as usize) {
        None => Err(NetlistError::Order { user: what(), operand: node.0 as usize }),
        Some(node) if node.width != width => {
            Err(NetlistError::Width { what: what(), actual: node.width, expected: width })
        }
        Some(_) => Ok(()),
    }
}

fn check_memory(netlist: &Netlist, memory: &Memory) -> Result<(), NetlistError> {
    let fault = |reason: String| NetlistError::Memory { path: memory.path.clone(), reason };
    if memory.width == 0 || memory.address_bits == 0 || memory.address_bits > MAX_ADDRESS_BITS {
        return Err(fault(format!(
            "{} bits × 2^{} words; at least 1 bit and 1 to {MAX_ADDRESS_BITS} address bits would be right",
            memory.width, memory.address_bits
        )));
    }
    let name = |what: &str| format!("{what} of memory {}", memory.path);
    for read in &memory.registered_reads {
        expect(netlist, read.enable, 1, || name("a read enable"))?;
        expect(netlist, read.address, memory.address_bits, || name("a read address"))?;
    }
    for write in &memory.writes {
        if write.granularity == 0 || !memory.width.is_multiple_of(write.granularity) {
            return Err(fault(format!("granularity {} does not divide its width {}", write.granularity, memory.width)));
        }
        expect(netlist, write.enable, memory.width / write.granularity, || name("a write enable"))?;
        expect(netlist, write.address, memory.address_bits, || name("a write address"))?;
        expect(netlist, write.data, memory.width, || name("write data"))?;
    }
    Ok(())
}

/// Checks the widths of one node.
struct Check<'a> {
    netlist: &'a Netlist,
    index: usize,
    width: u32,
}

impl Check<'_> {
    fn operand_width(&self, node: NodeId) -> u32 {
        self.netlist.nodes[node.0 as usize].width
    }

    fn is(&self, actual: u32, expected: u32) -> Result<(), NetlistError> {
        if actual == expected {
            return Ok(());
        }
        Err(NetlistError::Width { what: format!("node {} or an operand of it", self.index), actual, expected })
    }

    fn exists(&self, present: bool, what: &'static str) -> Result<(), NetlistError> {
        if present { Ok(()) } else { Err(NetlistError::Missing { node: self.index, what }) }
    }

    fn op(&self, op: &Op) -> Result<(), NetlistError> {
        let netlist = self.netlist;
        match op {
            Op::Input(input) => {
                let port = netlist.inputs.get(*input as usize);
                self.exists(port.is_some(), "input")?;
                self.is(self.width, port.map_or(0, |port| port.width))
            }
            Op::Constant(value) => {
                self.exists(value.len() == crate::words::word_count(self.width), "constant of its number of words")
            }
            Op::Register(register) => {
                let register = netlist.registers.get(register.0 as usize);
                self.exists(register.is_some(), "register")?;
                self.is(self.width, register.map_or(0, |register| register.width))
            }
            Op::MemoryData { memory, port } => {
                let memory = netlist.memories.get(memory.0 as usize);
                let port = memory.and_then(|memory| memory.registered_reads.get(*port as usize));
                self.exists(port.is_some(), "read port")?;
                self.is(self.width, memory.map_or(0, |memory| memory.width))
            }
            Op::MemoryRead { memory, address } => {
                let memory = netlist.memories.get(memory.0 as usize);
                self.exists(memory.is_some(), "memory")?;
                self.is(self.width, memory.map_or(0, |memory| memory.width))?;
                self.is(self.operand_width(*address), memory.map_or(0, |memory| memory.address_bits))
            }
            Op::Not(a) | Op::Shl(a, _) | Op::Shr(a, _) => self.is(self.operand_width(*a), self.width),
            Op::And(a, b) | Op::Or(a, b) | Op::Xor(a, b) | Op::Add(a, b) | Op::Sub(a, b) | Op::Mul(a, b) => {
                self.is(self.operand_width(*a), self.width)?;
                self.is(self.operand_width(*b), self.width)
            }
            Op::Eq(a, b) | Op::Lt(a, b) => {
                self.is(self.width, 1)?;
                self.is(self.operand_width(*a), self.operand_width(*b))
            }
            Op::Mux { select, then, otherwise } => {
                self.is(self.operand_width(*select), 1)?;
                self.is(self.operand_width(*then), self.width)?;
                self.is(self.operand_width(*otherwise), self.width)
            }
            Op::Concat(parts) => self.is(parts.iter().map(|&part| self.operand_width(part)).sum(), self.width),
            Op::Slice { of, offset } => {
                let end = u64::from(*offset) + u64::from(self.width);
                self.exists(end <= u64::from(self.operand_width(*of)), "range of bits")
            }
            Op::ReduceAnd(_) | Op::ReduceOr(_) | Op::ReduceXor(_) => self.is(self.width, 1),
        }
    }
}
