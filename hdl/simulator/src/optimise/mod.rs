//! A netlist in, a smaller netlist out, equal at every port on every clock.
//!
//! One pass folds constants, forwards copies, applies local identities and merges equal nodes; a second drops everything
//! that reaches no output. Registers that never leave their reset value become constants. The ports and their order stay;
//! nodes stay in topological order; names in the trace stay if asked for.

mod build;
mod evaluate;
mod simplify;
mod sweep;

use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Node, NodeId, Op, Register};

pub(crate) use build::Builder;
pub(crate) use sweep::{operands, with_operands};

/// How often a netlist is looked through for registers that turned out constant.
const ROUNDS: usize = 4;

/// Simplifies a well-formed netlist. With `keep_trace` every signal of [`Netlist::trace`] stays alive, else the trace is
/// emptied.
#[must_use]
pub fn optimise(netlist: &Netlist, keep_trace: bool) -> Netlist {
    let mut stuck = vec![false; netlist.registers.len()];
    let mut result = rebuild(netlist, &stuck);
    for _ in 0..ROUNDS {
        if !find_stuck(&result, &mut stuck) {
            break;
        }
        result = rebuild(netlist, &stuck);
    }
    if !keep_trace {
        result.trace.clear();
    }
    sweep::sweep(&result)
}

/// Builds every node anew through the simplifier; registers keep their numbers.
fn rebuild(netlist: &Netlist, stuck: &[bool]) -> Netlist {
    let mut builder = Builder::with_capacity(netlist.nodes.len());
    let mut new: Vec<NodeId> = Vec::with_capacity(netlist.nodes.len());
    for Node { op, width } in &netlist.nodes {
        let op = match op {
            Op::Register(register) if stuck[register.0 as usize] => {
                let value = &netlist.registers[register.0 as usize].reset_value;
                Op::Constant(crate::words::normalise(value, *width))
            }
            Op::Constant(value) => Op::Constant(crate::words::normalise(value, *width)),
            op => sweep::with_operands(op, |node| new[node.0 as usize]),
        };
        new.push(builder.add(op, *width));
    }
    let mut result = Netlist {
        name: netlist.name.clone(),
        nodes: Vec::new(),
        inputs: netlist.inputs.clone(),
        outputs: netlist.outputs.clone(),
        registers: netlist.registers.clone(),
        memories: netlist.memories.clone(),
        trace: netlist.trace.clone(),
    };
    sweep::rename_roots(&mut result, |node| new[node.0 as usize]);
    result.nodes = builder.into_nodes();
    result
}

/// Finds registers that hold their reset value for ever; whether there are new ones.
fn find_stuck(netlist: &Netlist, stuck: &mut [bool]) -> bool {
    let mut found = false;
    for (index, register) in netlist.registers.iter().enumerate() {
        if !stuck[index] && holds_reset_value(netlist, index, register) {
            stuck[index] = true;
            found = true;
        }
    }
    found
}

fn holds_reset_value(netlist: &Netlist, index: usize, register: &Register) -> bool {
    match &netlist.nodes[register.d.0 as usize].op {
        Op::Register(own) => own.0 as usize == index,
        Op::Constant(value) => *value == crate::words::normalise(&register.reset_value, register.width),
        _ => false,
    }
}
