//! Dropping what reaches no output, and renaming nodes.

use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Memory, MemoryId, Node, NodeId, Op, Register, RegisterId};

use crate::words::to_u32;

/// Visits the operands of an operation in order.
pub(crate) fn operands(op: &Op, mut visit: impl FnMut(NodeId)) {
    match op {
        Op::Input(_) | Op::Constant(_) | Op::Register(_) | Op::MemoryData { .. } => {}
        Op::MemoryRead { address: a, .. }
        | Op::Not(a)
        | Op::Slice { of: a, .. }
        | Op::ReduceAnd(a)
        | Op::ReduceOr(a)
        | Op::ReduceXor(a) => visit(*a),
        Op::And(a, b)
        | Op::Or(a, b)
        | Op::Xor(a, b)
        | Op::Add(a, b)
        | Op::Sub(a, b)
        | Op::Mul(a, b)
        | Op::Eq(a, b)
        | Op::Lt(a, b)
        | Op::Shl(a, b)
        | Op::Shr(a, b) => {
            visit(*a);
            visit(*b);
        }
        Op::Mux { select, then, otherwise } => {
            visit(*select);
            visit(*then);
            visit(*otherwise);
        }
        Op::Concat(parts) => parts.iter().copied().for_each(visit),
    }
}

/// The same operation on other operands.
pub(crate) fn with_operands(op: &Op, rename: impl Fn(NodeId) -> NodeId) -> Op {
    let r = rename;
    match op {
        Op::Input(_) | Op::Constant(_) | Op::Register(_) | Op::MemoryData { .. } => op.clone(),
        Op::MemoryRead { memory, address } => Op::MemoryRead { memory: *memory, address: r(*address) },
        Op::Not(a) => Op::Not(r(*a)),
        Op::Slice { of, offset } => Op::Slice { of: r(*of), offset: *offset },
        Op::ReduceAnd(a) => Op::ReduceAnd(r(*a)),
        Op::ReduceOr(a) => Op::ReduceOr(r(*a)),
        Op::ReduceXor(a) => Op::ReduceXor(r(*a)),
        Op::And(a, b) => Op::And(r(*a), r(*b)),
        Op::Or(a, b) => Op::Or(r(*a), r(*b)),
        Op::Xor(a, b) => Op::Xor(r(*a), r(*b)),
        Op::Add(a, b) => Op::Add(r(*a), r(*b)),
        Op::Sub(a, b) => Op::Sub(r(*a), r(*b)),
        Op::Mul(a, b) => Op::Mul(r(*a), r(*b)),
        Op::Eq(a, b) => Op::Eq(r(*a), r(*b)),
        Op::Lt(a, b) => Op::Lt(r(*a), r(*b)),
        Op::Shl(a, b) => Op::Shl(r(*a), r(*b)),
        Op::Shr(a, b) => Op::Shr(r(*a), r(*b)),
        Op::Mux { select, then, otherwise } => Op::Mux { select: r(*select), then: r(*then), otherwise: r(*otherwise) },
        Op::Concat(parts) => Op::Concat(parts.iter().map(|&part| r(part)).collect()),
    }
}

/// Visits the nodes that a register needs.
fn register_operands(register: &Register, mut visit: impl FnMut(NodeId)) {
    visit(register.d);
    register.reset.into_iter().for_each(visit);
}

/// Visits the nodes that a memory's write ports need.
fn write_operands(memory: &Memory, mut visit: impl FnMut(NodeId)) {
    for write in &memory.writes {
        visit(write.enable);
        visit(write.address);
        visit(write.data);
    }
}

/// Renames every node that ports, registers, memories and the trace name.
pub(crate) fn rename_roots(netlist: &mut Netlist, rename: impl Fn(NodeId) -> NodeId) {
    for port in netlist.inputs.iter_mut().chain(&mut netlist.outputs) {
        port.node = rename(port.node);
    }
    for register in &mut netlist.registers {
        register.d = rename(register.d);
        register.reset = register.reset.map(&rename);
    }
    for memory in &mut netlist.memories {
        for read in &mut memory.registered_reads {
            read.enable = rename(read.enable);
            read.address = rename(read.address);
        }
        for write in &mut memory.writes {
            write.enable = rename(write.enable);
            write.address = rename(write.address);
            write.data = rename(write.data);
        }
    }
    for signal in &mut netlist.trace {
        signal.node = rename(signal.node);
    }
}

/// What is reachable from the outputs.
struct Live {
    nodes: Vec<bool>,
    registers: Vec<bool>,
    memories: Vec<bool>,
    reads: Vec<Vec<bool>>,
    pending: Vec<NodeId>,
}

impl Live {
    fn node(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.nodes[node.0 as usize], true) {
            self.pending.push(node);
        }
    }

    fn register(&mut self, netlist: &Netlist, id: RegisterId) {
        if !std::mem::replace(&mut self.registers[id.0 as usize], true) {
            register_operands(&netlist.registers[id.0 as usize], |node| self.node(node));
        }
    }

    fn memory(&mut self, netlist: &Netlist, id: MemoryId) {
        if !std::mem::replace(&mut self.memories[id.0 as usize], true) {
            write_operands(&netlist.memories[id.0 as usize], |node| self.node(node));
        }
    }

    fn read(&mut self, netlist: &Netlist, id: MemoryId, port: u32) {
        if !std::mem::replace(&mut self.reads[id.0 as usize][port as usize], true) {
            let read = &netlist.memories[id.0 as usize].registered_reads[port as usize];
            self.node(read.enable);
            self.node(read.address);
        }
    }

    fn of(netlist: &Netlist) -> Self {
        let mut live = Self {
            nodes: vec![false; netlist.nodes.len()],
            registers: vec![false; netlist.registers.len()],
            memories: vec![false; netlist.memories.len()],
            reads: netlist.memories.iter().map(|memory| vec![false; memory.registered_reads.len()]).collect(),
            pending: Vec::new(),
        };
        for port in netlist.inputs.iter().chain(&netlist.outputs) {
            live.node(port.node);
        }
        for signal in &netlist.trace {
            live.node(signal.node);
        }
        while let Some(node) = live.pending.pop() {
            let op = &netlist.nodes[node.0 as usize].op;
            operands(op, |operand| live.node(operand));
            match op {
                Op::Register(register) => live.register(netlist, *register),
                Op::MemoryRead { memory, .. } => live.memory(netlist, *memory),
                Op::MemoryData { memory, port } => {
                    live.memory(netlist, *memory);
                    live.read(netlist, *memory, *port);
                }
                _ => {}
            }
        }
        live
    }
}

/// New numbers of the kept ones.
fn renumber(live: &[bool]) -> Vec<u32> {
    let mut next = 0;
    live.iter()
        .map(|&live| {
            next += u32::from(live);
            next.saturating_sub(1)
        })
        .collect()
}

fn keep<T: Clone>(all: &[T], live: &[bool]) -> Vec<T> {
    all.iter().zip(live).filter(|&(_, &live)| live).map(|(item, _)| item.clone()).collect()
}

/// Drops nodes, registers, memories and read ports that no output (nor traced signal) depends on.
pub(crate) fn sweep(netlist: &Netlist) -> Netlist {
    let live = Live::of(netlist);
    let registers = renumber(&live.registers);
    let memories = renumber(&live.memories);
    let reads: Vec<_> = live.reads.iter().map(|ports| renumber(ports)).collect();
    let mut new = vec![NodeId(0); netlist.nodes.len()];
    let mut nodes = Vec::new();
    for (index, node) in netlist.nodes.iter().enumerate().filter(|&(index, _)| live.nodes[index]) {
        let op = match with_operands(&node.op, |operand| new[operand.0 as usize]) {
            Op::Register(register) => Op::Register(RegisterId(registers[register.0 as usize])),
            Op::MemoryRead { memory, address } => {
                Op::MemoryRead { memory: MemoryId(memories[memory.0 as usize]), address }
            }
            Op::MemoryData { memory, port } => Op::MemoryData {
                memory: MemoryId(memories[memory.0 as usize]),
                port: reads[memory.0 as usize][port as usize],
            },
            op => op,
        };
        new[index] = NodeId(to_u32(nodes.len()));
        nodes.push(Node { op, width: node.width });
    }
    let mut result = Netlist {
        name: netlist.name.clone(),
        nodes,
        inputs: netlist.inputs.clone(),
        outputs: netlist.outputs.clone(),
        registers: keep(&netlist.registers, &live.registers),
        memories: keep(&netlist.memories, &live.memories),
        trace: netlist.trace.clone(),
    };
    for (memory, ports) in result.memories.iter_mut().zip(keep(&live.reads, &live.memories)) {
        memory.registered_reads = keep(&memory.registered_reads, &ports);
    }
    rename_roots(&mut result, |node| new[node.0 as usize]);
    result
}
