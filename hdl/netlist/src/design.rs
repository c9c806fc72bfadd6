//! The hierarchical design: one [`Module`] a distinct block, each with its own expression graph.

use crate::about::About;
use crate::netlist::{Netlist, Node, NodeId};
use crate::primitive::ReadTiming;
use crate::verilog::{self, VerilogPackage};

/// Index of a signal in [`Module::signals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignalId(pub u32);

/// Index of a module in [`Design::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub u32);

/// What a signal is to its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Clock input.
    Clock,
    /// Input port.
    Input,
    /// Output port.
    Output,
    /// Internal signal.
    Local,
    /// Input of a child instance, driven here.
    ToInstance,
    /// Output of a child instance.
    FromInstance,
    /// Input of a primitive, driven here.
    ToPrimitive,
    /// Output of a primitive.
    FromPrimitive,
}

/// Where a signal's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Port number `n` of the module.
    Port(u32),
    /// An expression of the module.
    Driver(NodeId),
    /// Register number `n` of the module.
    Register(u32),
    /// Bits from `offset` up of the data of read port `port` of memory `memory`.
    MemoryRead {
        /// Index into [`Module::memories`].
        memory: u32,
        /// Index into [`MemoryCell::reads`].
        port: u32,
        /// Lowest bit.
        offset: u32,
    },
    /// Port number `port` of instance `instance`.
    Instance {
        /// Index into [`Module::instances`].
        instance: u32,
        /// Index into the instance's module's [`Module::ports`].
        port: u32,
    },
}

/// A named signal: a leaf field of one of the block's signals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signal {
    /// Its name, unique within the module.
    pub name: String,
    /// Width in bits.
    pub width: u32,
    /// What it is to the module.
    pub role: Role,
    /// Where its value comes from.
    pub source: Source,
    /// For an enum the names of its values, else empty.
    pub variants: Vec<String>,
}

/// A register of a module: at the clock edge `q` takes `reset_value` if `reset` is set, else `d`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegisterCell {
    /// Instance name, with the field's name if it holds a record.
    pub name: String,
    /// Value at power-up and after reset.
    pub reset_value: Vec<u64>,
    /// 1 bit; `None` if it has no reset.
    pub reset: Option<NodeId>,
    /// Next value.
    pub d: NodeId,
    /// Present value.
    pub q: SignalId,
}

/// A read port of a memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadCell {
    /// The port's prefix, for example `read_`.
    pub prefix: String,
    /// The address.
    pub address: NodeId,
    /// 1 bit; `None` for a combinational read.
    pub enable: Option<NodeId>,
    /// When the data come.
    pub timing: ReadTiming,
    /// The data's leaf signals, least significant first.
    pub data: Vec<SignalId>,
}

/// A write port of a memory; see [`crate::netlist::Write`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WriteCell {
    /// One bit for each `granularity` bits of the word.
    pub enable: NodeId,
    /// Bits that one enable bit covers.
    pub granularity: u32,
    /// The address.
    pub address: NodeId,
    /// The word.
    pub data: NodeId,
}

/// A memory of a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemoryCell {
    /// Instance name.
    pub name: String,
    /// Width of a word in bits.
    pub width: u32,
    /// Width of an address in bits.
    pub address_bits: u32,
    /// Power-up contents by word; empty for all zero.
    pub contents: Vec<Vec<u64>>,
    /// Its read ports.
    pub reads: Vec<ReadCell>,
    /// Its write ports; the last one wins.
    pub writes: Vec<WriteCell>,
}

/// A child.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Instance name.
    pub name: String,
    /// Which module.
    pub module: ModuleId,
    /// For each port of that module the signal of this module that it is connected to.
    pub connections: Vec<SignalId>,
}

/// A `Constant` field of a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Width in bits.
    pub width: u32,
    /// Its value.
    pub value: Vec<u64>,
}

/// What distinguishes one module from another. In [`Module::nodes`], [`Op::Input`](crate::netlist::Op::Input)`(n)`
/// reads signal `n`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModuleBody {
    /// Every signal: ports, internal ones, and those at the children's ports.
    pub signals: Vec<Signal>,
    /// The ports in declaration order.
    pub ports: Vec<SignalId>,
    /// The expressions, in topological order.
    pub nodes: Vec<Node>,
    /// Registers.
    pub registers: Vec<RegisterCell>,
    /// Memories.
    pub memories: Vec<MemoryCell>,
    /// Children that are modules.
    pub instances: Vec<Instance>,
    /// `Constant` fields.
    pub parameters: Vec<Parameter>,
}

/// A distinct block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its unique name.
    pub name: String,
    /// What its author says of it, if it is a block of Rust.
    pub about: Option<About>,
    /// The rest.
    pub body: ModuleBody,
}

impl ModuleBody {
    /// The signal of that number.
    #[must_use]
    pub fn signal(&self, id: SignalId) -> &Signal {
        &self.signals[id.0 as usize]
    }
}

/// Something that is legal but probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A cast that keeps the width: superfluous, or no cast at all but a function whose name starts with `bits`, `Bits` or `bit_cast`,
    /// which `rust_hdl` cannot tell from one.
    #[error(
        "{path}: a cast of {width} bits to {width} bits; if it calls a function of your own whose name starts with `bits`, rename it"
    )]
    CastKeepsWidth {
        /// The block.
        path: String,
        /// The width in bits.
        width: u32,
    },
}

/// An elaborated block: the modules below it and the flat netlist.
#[derive(Clone, Debug)]
pub struct Design {
    pub(crate) modules: Vec<Module>,
    pub(crate) netlist: Netlist,
    pub(crate) warnings: Vec<Warning>,
}

impl Design {
    /// The top's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.netlist.name
    }

    /// Every distinct module, children before their parents; the top is the last.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// What is legal but probably not meant.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The flat netlist.
    #[must_use]
    pub fn flatten(&self) -> Netlist {
        self.netlist.clone()
    }

    /// The design as Verilog-2005.
    #[must_use]
    pub fn verilog(&self) -> VerilogPackage {
        verilog::print(self)
    }
}
