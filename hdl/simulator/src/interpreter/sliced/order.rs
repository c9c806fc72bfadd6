//! In which order the next state is computed.

use nitro_netlist::netlist::{Netlist, NodeId, Op};

use crate::optimise::operands;

/// A register or a memory, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Register(usize),
    Memory(usize),
}

/// All registers and memories, each behind those that read it as far as that is possible: then its present value is no
/// longer needed when its next one comes, which can take its place.
pub(super) fn consumers_first(netlist: &Netlist) -> Vec<Element> {
    let nodes = netlist.nodes.len();
    let registers = netlist.registers.len();
    let graph = Graph::new(netlist);
    // A vertex is done when all that follows from it is.
    let mut order = Vec::new();
    let mut seen = vec![false; graph.starts.len() - 1];
    for start in 0..seen.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut path = vec![(start, graph.starts[start] as usize)];
        while let Some((vertex, next)) = path.last_mut() {
            if *next == graph.starts[*vertex + 1] as usize {
                match *vertex {
                    node if node < nodes => {}
                    register if register < nodes + registers => order.push(Element::Register(register - nodes)),
                    memory => order.push(Element::Memory(memory - nodes - registers)),
                }
                path.pop();
                continue;
            }
            let follower = graph.followers[*next] as usize;
            *next += 1;
            if !std::mem::replace(&mut seen[follower], true) {
                path.push((follower, graph.starts[follower] as usize));
            }
        }
    }
    order
}

/// What depends on what: nodes, then registers, then memories.
struct Graph {
    starts: Vec<u32>,
    followers: Vec<u32>,
}

impl Graph {
    fn new(netlist: &Netlist) -> Self {
        let first_register = netlist.nodes.len();
        let first_memory = first_register + netlist.registers.len();
        let mut edges: Vec<(u32, u32)> = Vec::new();
        let number = crate::words::to_u32;
        for (index, node) in netlist.nodes.iter().enumerate() {
            operands(&node.op, |operand| edges.push((operand.0, number(index))));
            match node.op {
                Op::Register(register) => edges.push((number(first_register) + register.0, number(index))),
                Op::MemoryData { memory, .. } | Op::MemoryRead { memory, .. } => {
                    edges.push((number(first_memory) + memory.0, number(index)));
                }
                _ => {}
            }
        }
        for (index, register) in netlist.registers.iter().enumerate() {
            for node in std::iter::once(register.d).chain(register.reset) {
                edges.push((node.0, number(first_register + index)));
            }
        }
        for (index, memory) in netlist.memories.iter().enumerate() {
            let reads = memory.registered_reads.iter().flat_map(|read| [read.enable, read.address]);
            let writes = memory.writes.iter().flat_map(|write| [write.enable, write.address, write.data]);
            edges.extend(reads.chain(writes).map(|NodeId(node)| (node, number(first_memory + index))));
        }
        let mut starts = vec![0; first_memory + netlist.memories.len() + 1];
        for &(from, _) in &edges {
            starts[from as usize + 1] += 1;
        }
        for vertex in 1..starts.len() {
            starts[vertex] += starts[vertex - 1];
        }
        let mut next = starts.clone();
        let mut followers = vec![0; edges.len()];
        for (from, to) in edges {
            followers[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
        Self { starts, followers }
    }
}
