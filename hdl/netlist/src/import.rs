//! Netlists that no elaborator made: several of them side by side, and one as a design that can be printed.

use std::collections::HashSet;

use crate::design::{
    Design, MemoryCell, Module, ModuleBody, ReadCell, RegisterCell, Role, Signal, SignalId, Source, WriteCell,
};
use crate::expression::{map_operands, operands, prune};
use crate::netlist::{MemoryId, Netlist, Node, NodeId, Op, Port, RegisterId};
use crate::primitive::ReadTiming;

/// A number of things that a design never has too many of.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Netlist {
    /// All netlists as one, without connections between them. Ports of part `n` get `p<n>_` before their names, registers,
    /// memories and traced signals a scope `p<n>`.
    #[must_use]
    pub fn side_by_side(name: &str, parts: &[Self]) -> Self {
        let mut all = Self { name: name.to_owned(), ..Self::default() };
        for (index, part) in parts.iter().enumerate() {
            all.add(&format!("p{index}"), part);
        }
        all
    }

    fn add(&mut self, prefix: &str, part: &Self) {
        let [nodes, inputs, registers, memories] =
            [self.nodes.len(), self.inputs.len(), self.registers.len(), self.memories.len()].map(number);
        let moved = |node: NodeId| NodeId(node.0 + nodes);
        let port =
            |port: &Port| Port { name: format!("{prefix}_{}", port.name), width: port.width, node: moved(port.node) };
        self.nodes.extend(part.nodes.iter().map(|node| {
            let op = match map_operands(&node.op, moved) {
                Op::Input(input) => Op::Input(input + inputs),
                Op::Register(RegisterId(register)) => Op::Register(RegisterId(register + registers)),
                Op::MemoryData { memory, port } => Op::MemoryData { memory: MemoryId(memory.0 + memories), port },
                Op::MemoryRead { memory, address } => Op::MemoryRead { memory: MemoryId(memory.0 + memories), address },
                op => op,
            };
            Node { op, width: node.width }
        }));
        self.inputs.extend(part.inputs.iter().map(port));
        self.outputs.extend(part.outputs.iter().map(port));
        for register in &part.registers {
            let mut register = register.clone();
            register.path = format!("{prefix}.{}", register.path);
            register.d = moved(register.d);
            register.reset = register.reset.map(moved);
            self.registers.push(register);
        }
        for memory in &part.memories {
            let mut memory = memory.clone();
            memory.path = format!("{prefix}.{}", memory.path);
            for read in &mut memory.registered_reads {
                [read.enable, read.address] = [read.enable, read.address].map(moved);
            }
            for write in &mut memory.writes {
                [write.enable, write.address, write.data] = [write.enable, write.address, write.data].map(moved);
            }
            self.memories.push(memory);
        }
        for signal in &part.trace {
            let mut signal = signal.clone();
            signal.scope.insert(0, prefix.to_owned());
            signal.node = moved(signal.node);
            self.trace.push(signal);
        }
    }
}

impl Design {
    /// A netlist as a design of one module, for printing. The names of its ports must be different identifiers of Verilog;
    /// registers and memories are numbered.
    #[must_use]
    pub fn of_netlist(netlist: &Netlist) -> Self {
        let body = Import::new(netlist).body();
        let modules = vec![Module { name: netlist.name.clone(), about: None, body }];
        Self { modules, netlist: netlist.clone(), warnings: Vec::new() }
    }
}

/// Makes the module of a netlist.
struct Import<'a> {
    netlist: &'a Netlist,
    taken: HashSet<&'a str>,
    signals: Vec<Signal>,
    inputs: Vec<SignalId>,
    registers: Vec<SignalId>,
    /// By memory and read port; combinational reads follow.
    reads: Vec<Vec<SignalId>>,
}

impl<'a> Import<'a> {
    fn new(netlist: &'a Netlist) -> Self {
        let ports = netlist.inputs.iter().chain(&netlist.outputs);
        Self {
            netlist,
            taken: ports.map(|port| port.name.as_str()).collect(),
            signals: Vec::new(),
            inputs: Vec::new(),
            registers: Vec::new(),
            reads: Vec::new(),
        }
    }

    fn signal(&mut self, name: String, width: u32, role: Role, source: Source) -> SignalId {
        self.signals.push(Signal { name, width, role, source, variants: Vec::new() });
        SignalId(number(self.signals.len() - 1))
    }

    /// A name that no port has.
    fn fresh(&self, name: String) -> String {
        let mut name = name;
        while self.taken.contains(name.as_str()) {
            name.push('_');
        }
        name
    }

    fn body(mut self) -> ModuleBody {
        let netlist = self.netlist;
        let clock = self.signal(self.fresh("clock".to_owned()), 1, Role::Clock, Source::Port(0));
        let mut ports = vec![clock];
        for port in &netlist.inputs {
            let id = self.signal(port.name.clone(), port.width, Role::Input, Source::Port(number(ports.len())));
            ports.push(id);
            self.inputs.push(id);
        }
        for (index, register) in (0..).zip(&netlist.registers) {
            let name = self.fresh(format!("register_{index}"));
            let id = self.signal(name, register.width, Role::FromPrimitive, Source::Register(index));
            self.registers.push(id);
        }
        let mut memories = Vec::new();
        for (index, memory) in (0..).zip(&netlist.memories) {
            let reads = memory.registered_reads.iter().map(|read| {
                let timing = ReadTiming::Registered(read.during_write);
                (read.address, Some(read.enable), timing)
            });
            let combinational = netlist.nodes.iter().filter_map(|node| match node.op {
                Op::MemoryRead { memory: MemoryId(memory), address } if memory == index => {
                    Some((address, None, ReadTiming::Combinational))
                }
                _ => None,
            });
            let name = self.fresh(format!("memory_{index}"));
            let (mut cells, mut data) = (Vec::new(), Vec::new());
            for (port, (address, enable, timing)) in (0..).zip(reads.chain(combinational)) {
                let source = Source::MemoryRead { memory: index, port, offset: 0 };
                let id = self.signal(self.fresh(format!("{name}_{port}")), memory.width, Role::FromPrimitive, source);
                cells.push(ReadCell { prefix: format!("read_{port}_"), address, enable, timing, data: vec![id] });
                data.push(id);
            }
            self.reads.push(data);
            let write = |write: &crate::netlist::Write| WriteCell {
                enable: write.enable,
                granularity: write.granularity,
                address: write.address,
                data: write.data,
            };
            memories.push(MemoryCell {
                name,
                width: memory.width,
                address_bits: memory.address_bits,
                contents: memory.contents.clone(),
                reads: cells,
                writes: memory.writes.iter().map(write).collect(),
            });
        }
        for port in &netlist.outputs {
            let id = self.signal(port.name.clone(), port.width, Role::Output, Source::Driver(port.node));
            ports.push(id);
        }
        let registers = netlist.registers.iter().enumerate().map(|(index, register)| RegisterCell {
            name: format!("r{index}"),
            reset_value: crate::words::fit(register.reset_value.clone(), register.width),
            reset: register.reset,
            d: register.d,
            q: self.registers[index],
        });
        let mut body = ModuleBody {
            registers: registers.collect(),
            nodes: self.nodes(),
            signals: self.signals,
            ports,
            memories,
            instances: Vec::new(),
            parameters: Vec::new(),
        };
        drop_unused(&mut body);
        body
    }

    /// The nodes, state and inputs being read through signals.
    fn nodes(&self) -> Vec<Node> {
        let mut combinational: Vec<usize> =
            self.netlist.memories.iter().map(|memory| memory.registered_reads.len()).collect();
        let mut read = |memory: MemoryId| {
            let next = &mut combinational[memory.0 as usize];
            *next += 1;
            self.reads[memory.0 as usize][*next - 1]
        };
        let op = |op: &Op| match op {
            Op::Input(input) => Op::Input(self.inputs[*input as usize].0),
            Op::Register(register) => Op::Input(self.registers[register.0 as usize].0),
            Op::MemoryData { memory, port } => Op::Input(self.reads[memory.0 as usize][*port as usize].0),
            Op::MemoryRead { memory, .. } => Op::Input(read(*memory).0),
            op => op.clone(),
        };
        let mut op = op;
        self.netlist.nodes.iter().map(|node| Node { op: op(&node.op), width: node.width }).collect()
    }
}

/// Drops nodes that nothing needs.
fn drop_unused(body: &mut ModuleBody) {
    let mut roots = Vec::new();
    visit(body, &mut |node| roots.push(*node));
    let (nodes, renumbered) = prune(&body.nodes, roots);
    body.nodes = nodes;
    visit(body, &mut |node| *node = renumbered[node.0 as usize].unwrap_or(*node));
    debug_assert!(body.nodes.iter().zip(0..).all(|(node, index)| {
        let mut before = true;
        operands(&node.op, |operand| before &= operand.0 < index);
        before
    }));
}

/// Visits every reference to a node from outside the nodes.
fn visit(body: &mut ModuleBody, visit: &mut dyn FnMut(&mut NodeId)) {
    for signal in &mut body.signals {
        if let Source::Driver(node) = &mut signal.source {
            visit(node);
        }
    }
    for register in &mut body.registers {
        visit(&mut register.d);
        register.reset.iter_mut().for_each(&mut *visit);
    }
    for memory in &mut body.memories {
        for read in &mut memory.reads {
            visit(&mut read.address);
            read.enable.iter_mut().for_each(&mut *visit);
        }
        for write in &mut memory.writes {
            visit(&mut write.enable);
            visit(&mut write.address);
            visit(&mut write.data);
        }
    }
}
