//! Decides which expressions of a module get a name, and which.

use std::collections::HashSet;

use crate::design::{Module, Role, SignalId, Source};
use crate::expression::operands;
use crate::netlist::{NodeId, Op};

/// Operations that one statement may hold.
const STATEMENT_COST: u32 = 12;

/// The names of a module's expressions.
pub(super) struct Plan {
    /// For each expression the wire that holds it, if it has one.
    pub names: Vec<Option<String>>,
    /// Wires that are no signal of the design.
    pub helpers: Vec<NodeId>,
    /// Signals that are declared and driven under their own name.
    pub driven: Vec<SignalId>,
    taken: HashSet<String>,
}

impl Plan {
    pub fn new(module: &Module) -> Self {
        let body = &module.body;
        let mut taken: HashSet<String> = body.signals.iter().map(|signal| signal.name.clone()).collect();
        taken.extend(body.instances.iter().map(|instance| instance.name.clone()));
        taken.extend(body.memories.iter().map(|memory| memory.name.clone()));
        taken.extend(body.registers.iter().map(|register| register.name.clone()));
        taken.insert(module.name.clone());
        let mut plan = Self { names: vec![None; body.nodes.len()], helpers: Vec::new(), driven: Vec::new(), taken };
        plan.assign(module);
        plan
    }

    /// A name that nothing else has.
    pub fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        for suffix in 2.. {
            if self.taken.insert(name.clone()) {
                break;
            }
            name = format!("{base}_{suffix}");
        }
        name
    }

    fn assign(&mut self, module: &Module) {
        let body = &module.body;
        let uses = uses(module);
        let read = read_signals(module);
        let is_leaf = |node: NodeId| matches!(body.nodes[node.0 as usize].op, Op::Input(_) | Op::Constant(_));
        // Names from the design, the most telling first.
        for role in [Role::Local, Role::Output, Role::ToPrimitive, Role::ToInstance, Role::FromPrimitive] {
            for (id, signal) in (0..).map(SignalId).zip(&body.signals) {
                let Source::Driver(node) = signal.source else { continue };
                if signal.role != role {
                    continue;
                }
                let index = node.0 as usize;
                let free = self.names[index].is_none() && !is_leaf(node);
                let forced = read.contains(&id);
                let wanted = match role {
                    Role::Output => true,
                    Role::Local | Role::FromPrimitive => forced || (free && uses[index] > 0),
                    Role::ToInstance => forced || (free && !is_plain_slice(module, node)),
                    // A register's next value is written in its own block unless something else needs it.
                    _ => forced || (free && uses[index] > 1 && !is_plain_slice(module, node)),
                };
                if !wanted {
                    continue;
                }
                self.driven.push(id);
                if free {
                    self.names[index] = Some(signal.name.clone());
                }
            }
        }
        self.name_helpers(module, &uses);
    }

    /// Names what is shared, sliced or too long to be written in its place.
    fn name_helpers(&mut self, module: &Module, uses: &[u32]) {
        let body = &module.body;
        let nodes = &body.nodes;
        let mut sliced = vec![false; nodes.len()];
        for node in nodes {
            if let Op::Slice { of, .. } = node.op {
                sliced[of.0 as usize] = true;
            }
        }
        for memory in &body.memories {
            let bypassed = memory.reads.iter().any(super::memory::is_bypassed);
            for write in &memory.writes {
                // Each group of bits is written on its own.
                if write.granularity < memory.width || bypassed {
                    sliced[write.enable.0 as usize] = true;
                    sliced[write.data.0 as usize] = true;
                }
            }
        }
        let in_statement = self.statement_muxes(module, uses);
        let owners = owners(module);
        let mut cost = vec![0_u32; nodes.len()];
        for (index, node) in (0..).zip(nodes) {
            let position = index as usize;
            match node.op {
                Op::Input(_) | Op::Constant(_) => continue,
                Op::Slice { .. } => {
                    cost[position] = 1;
                    continue;
                }
                _ => {}
            }
            let mut total = 1_u32;
            operands(&node.op, |operand| total = total.saturating_add(cost[operand.0 as usize]));
            if let Op::Concat(_) = node.op {
                // A long list of parts reads well.
                total = total.min(STATEMENT_COST);
            }
            if self.names[position].is_some() {
                continue;
            }
            cost[position] = if in_statement[position] { 1 } else { total };
            let trivial = matches!(node.op, Op::Not(of) if nodes[of.0 as usize].op.is_input());
            let shared = uses[position] > 1 && !trivial;
            if shared || sliced[position] || (total > STATEMENT_COST && !in_statement[position]) {
                let owner = owners[position].map_or("value", |signal| &body.signal(signal).name);
                let name = self.fresh(&format!("{owner}_{}", suffix(&node.op)));
                self.names[position] = Some(name);
                self.helpers.push(NodeId(index));
                cost[position] = 0;
            }
        }
    }

    /// Multiplexers that are written as `if` and `else`, where length does not matter.
    fn statement_muxes(&self, module: &Module, uses: &[u32]) -> Vec<bool> {
        let nodes = &module.body.nodes;
        let mut position = vec![false; nodes.len()];
        for register in &module.body.registers {
            position[register.d.0 as usize] = true;
        }
        for signal in &module.body.signals {
            if let Source::Driver(node) = signal.source
                && signal.role == Role::Output
            {
                position[node.0 as usize] = true;
            }
        }
        for index in (0..nodes.len()).rev() {
            let Op::Mux { then, otherwise, .. } = nodes[index].op else {
                position[index] = false;
                continue;
            };
            if uses[index] > 1 || self.names[index].is_some() {
                position[index] = true;
            }
            if position[index] {
                for arm in [then, otherwise] {
                    if uses[arm.0 as usize] == 1 {
                        position[arm.0 as usize] = true;
                    }
                }
            }
        }
        position
    }
}

/// Whether the expression is some bits of a signal.
fn is_plain_slice(module: &Module, node: NodeId) -> bool {
    let nodes = &module.body.nodes;
    matches!(nodes[node.0 as usize].op, Op::Slice { of, .. } if nodes[of.0 as usize].op.is_input())
}

/// How often each expression is written down: by other expressions, and by what is printed of signals and cells.
fn uses(module: &Module) -> Vec<u32> {
    let body = &module.body;
    let mut uses = vec![0_u32; body.nodes.len()];
    let mut count = |node: NodeId| uses[node.0 as usize] += 1;
    for node in &body.nodes {
        operands(&node.op, &mut count);
    }
    for signal in &body.signals {
        if let Source::Driver(node) = signal.source
            && matches!(signal.role, Role::Output | Role::ToInstance)
        {
            count(node);
        }
    }
    for register in &body.registers {
        count(register.d);
        register.reset.map(&mut count);
    }
    for memory in &body.memories {
        for read in &memory.reads {
            count(read.address);
            read.enable.map(&mut count);
        }
        for write in &memory.writes {
            // Each group of bits has an `if` of its own.
            for node in [write.enable, write.enable, write.address, write.data, write.data] {
                count(node);
            }
            if memory.width != write.granularity || memory.reads.iter().any(super::memory::is_bypassed) {
                count(write.address);
            }
        }
    }
    uses
}

/// Signals that expressions read although this module drives them: reads of a child's input, or before the assignment.
fn read_signals(module: &Module) -> HashSet<SignalId> {
    let read = module.body.nodes.iter().filter_map(|node| match node.op {
        Op::Input(signal) => Some(SignalId(signal)),
        _ => None,
    });
    read.filter(|&signal| matches!(module.body.signal(signal).source, Source::Driver(_))).collect()
}

/// For each expression the first signal that needs it.
fn owners(module: &Module) -> Vec<Option<SignalId>> {
    let body = &module.body;
    let mut owners = vec![None; body.nodes.len()];
    for role in [Role::Output, Role::Local, Role::ToPrimitive, Role::ToInstance, Role::FromPrimitive] {
        for (id, signal) in (0..).map(SignalId).zip(&body.signals) {
            if let Source::Driver(node) = signal.source
                && signal.role == role
            {
                owners[node.0 as usize].get_or_insert(id);
            }
        }
    }
    for index in (0..body.nodes.len()).rev() {
        if let Some(owner) = owners[index] {
            operands(&body.nodes[index].op, |operand| {
                owners[operand.0 as usize].get_or_insert(owner);
            });
        }
    }
    owners
}

fn suffix(op: &Op) -> &'static str {
    match op {
        Op::Not(_) => "inverted",
        Op::And(..) => "and",
        Op::Or(..) => "or",
        Op::Xor(..) => "xor",
        Op::Add(..) => "sum",
        Op::Sub(..) => "difference",
        Op::Mul(..) => "product",
        Op::Eq(..) => "equal",
        Op::Lt(..) => "less",
        Op::Shl(..) | Op::Shr(..) => "shifted",
        Op::Mux { .. } => "choice",
        Op::Concat(_) => "joined",
        Op::ReduceAnd(_) => "all",
        Op::ReduceOr(_) => "any",
        Op::ReduceXor(_) => "parity",
        Op::Slice { .. }
        | Op::Input(_)
        | Op::Constant(_)
        | Op::Register(_)
        | Op::MemoryData { .. }
        | Op::MemoryRead { .. } => "value",
    }
}

impl Op {
    fn is_input(&self) -> bool {
        matches!(self, Self::Input(_))
    }
}
