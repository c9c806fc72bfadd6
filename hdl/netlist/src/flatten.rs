//! Flattens the hierarchy into one [`Netlist`], on demand from the outputs, registers and named signals back to the inputs.
//!
//! Only the bits that are asked for are followed through concatenations, slices and, where a whole value would close a loop, bitwise
//! operations: a bus whose bits depend on one another is no loop.

use std::collections::HashMap;

use crate::design::{Module, ModuleId, Role, SignalId, Source};
use crate::elaborate::ElaborateError;
use crate::expression::{Graph, map_operands, operands, prune};
use crate::netlist::{
    Memory, MemoryId, Netlist, NodeId, Op, Port, Register, RegisterId, RegisteredRead, TraceSignal, Write,
};
use crate::primitive::ReadTiming;

/// Flattens the design whose top is the last of `modules`.
pub(crate) fn flatten(modules: &[Module]) -> Result<Netlist, ElaborateError> {
    let Some(top) = modules.last() else { return Ok(Netlist::default()) };
    let mut flattener = Flattener::new(modules);
    #[allow(clippy::cast_possible_truncation, reason = "a design has fewer modules")]
    let id = ModuleId(modules.len() as u32 - 1);
    flattener.instantiate(id, None, Vec::new());
    flattener.netlist.name.clone_from(&top.name);
    flattener.ports(top)?;
    flattener.cells()?;
    flattener.trace()?;
    Ok(flattener.finish())
}

/// Progress of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Untouched,
    InProgress,
    Done(NodeId),
}

/// One instance of a module.
struct Context {
    module: ModuleId,
    /// The parent's context and the number of this instance in it.
    parent: Option<(usize, u32)>,
    /// Instance names from below the top down.
    scope: Vec<String>,
    /// Contexts of the children, by instance number.
    children: Vec<usize>,
    nodes: Vec<State>,
    signals: Vec<State>,
    registers: u32,
    memories: u32,
}

/// Some bits of an expression or a signal of a context.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Part {
    context: usize,
    of: Whole,
    offset: u32,
    width: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Whole {
    Node(NodeId),
    Signal(SignalId),
}

struct Flattener<'m> {
    modules: &'m [Module],
    graph: Graph,
    contexts: Vec<Context>,
    netlist: Netlist,
    /// Input node of each of the top's ports.
    inputs: Vec<Option<NodeId>>,
    parts: HashMap<Part, State>,
    /// Signals that are being resolved, for the message about a loop.
    chain: Vec<(usize, SignalId)>,
    registers: u32,
    memories: u32,
}

impl<'m> Flattener<'m> {
    fn new(modules: &'m [Module]) -> Self {
        Self {
            modules,
            graph: Graph::default(),
            contexts: Vec::new(),
            netlist: Netlist::default(),
            inputs: Vec::new(),
            parts: HashMap::new(),
            chain: Vec::new(),
            registers: 0,
            memories: 0,
        }
    }

    fn module(&self, context: usize) -> &'m Module {
        &self.modules[self.contexts[context].module.0 as usize]
    }

    #[allow(clippy::cast_possible_truncation, reason = "counts stay far below 2^32")]
    fn instantiate(&mut self, module: ModuleId, parent: Option<(usize, u32)>, scope: Vec<String>) -> usize {
        let context = self.contexts.len();
        let body = &self.modules[module.0 as usize].body;
        self.contexts.push(Context {
            module,
            parent,
            scope: scope.clone(),
            children: Vec::new(),
            nodes: vec![State::Untouched; body.nodes.len()],
            signals: vec![State::Untouched; body.signals.len()],
            registers: self.registers,
            memories: self.memories,
        });
        self.registers += body.registers.len() as u32;
        self.memories += body.memories.len() as u32;
        for (number, instance) in (0..).zip(&body.instances) {
            let mut path = scope.clone();
            path.push(instance.name.clone());
            let child = self.instantiate(instance.module, Some((context, number)), path);
            self.contexts[context].children.push(child);
        }
        context
    }

    #[allow(clippy::cast_possible_truncation, reason = "a block has fewer ports")]
    fn ports(&mut self, top: &Module) -> Result<(), ElaborateError> {
        for &port in &top.body.ports {
            let signal = top.body.signal(port);
            let node = (signal.role == Role::Input).then(|| {
                let node = self.graph.leaf(Op::Input(self.netlist.inputs.len() as u32), signal.width);
                self.netlist.inputs.push(Port { name: signal.name.clone(), width: signal.width, node });
                node
            });
            self.inputs.push(node);
        }
        for &port in &top.body.ports {
            let signal = top.body.signal(port);
            if signal.role == Role::Output {
                let node = self.signal(0, port)?;
                self.netlist.outputs.push(Port { name: signal.name.clone(), width: signal.width, node });
            }
        }
        Ok(())
    }

    fn cells(&mut self) -> Result<(), ElaborateError> {
        for context in 0..self.contexts.len() {
            let body = &self.module(context).body;
            let path = |name: &str, flattener: &Self| {
                let mut path = flattener.contexts[context].scope.clone();
                path.push(name.to_owned());
                path.join(".")
            };
            for cell in &body.registers {
                let register = Register {
                    path: path(&cell.name, self),
                    width: body.signal(cell.q).width,
                    reset_value: cell.reset_value.clone(),
                    reset: cell.reset.map(|reset| self.node(context, reset)).transpose()?,
                    d: self.node(context, cell.d)?,
                };
                self.netlist.registers.push(register);
            }
            for cell in &body.memories {
                let mut memory = Memory {
                    path: path(&cell.name, self),
                    width: cell.width,
                    address_bits: cell.address_bits,
                    contents: cell.contents.clone(),
                    registered_reads: Vec::new(),
                    writes: Vec::new(),
                };
                for read in &cell.reads {
                    if let (ReadTiming::Registered(during_write), Some(enable)) = (read.timing, read.enable) {
                        let (enable, address) = (self.node(context, enable)?, self.node(context, read.address)?);
                        memory.registered_reads.push(RegisteredRead { enable, address, during_write });
                    }
                }
                for write in &cell.writes {
                    memory.writes.push(Write {
                        enable: self.node(context, write.enable)?,
                        granularity: write.granularity,
                        address: self.node(context, write.address)?,
                        data: self.node(context, write.data)?,
                    });
                }
                self.netlist.memories.push(memory);
            }
        }
        Ok(())
    }

    fn trace(&mut self) -> Result<(), ElaborateError> {
        for context in 0..self.contexts.len() {
            let body = &self.module(context).body;
            for (id, signal) in (0..).map(SignalId).zip(&body.signals) {
                if matches!(signal.role, Role::Clock | Role::ToInstance | Role::FromInstance) {
                    continue;
                }
                let node = self.signal(context, id)?;
                let (name, variants) = (signal.name.clone(), signal.variants.clone());
                let scope = self.contexts[context].scope.clone();
                self.netlist.trace.push(TraceSignal { scope, name, variants, node });
            }
        }
        Ok(())
    }

    fn loop_error(&self, context: usize, signal: SignalId) -> ElaborateError {
        let start = self.chain.iter().rposition(|&link| link == (context, signal)).unwrap_or(0);
        let name = |&(context, signal): &(usize, SignalId)| {
            let mut path = vec![self.modules.last().map_or("", |top| &top.name)];
            path.extend(self.contexts[context].scope.iter().map(String::as_str));
            path.push(&self.module(context).body.signal(signal).name);
            path.join(".")
        };
        let mut signals: Vec<String> = self.chain[start..].iter().map(name).collect();
        signals.push(name(&(context, signal)));
        ElaborateError::CombinationalLoop { signals }
    }

    /// The flat node of a whole signal.
    fn signal(&mut self, context: usize, signal: SignalId) -> Result<NodeId, ElaborateError> {
        match self.contexts[context].signals[signal.0 as usize] {
            State::Done(node) => return Ok(node),
            State::InProgress => return Err(self.loop_error(context, signal)),
            State::Untouched => {}
        }
        self.contexts[context].signals[signal.0 as usize] = State::InProgress;
        self.chain.push((context, signal));
        let width = self.module(context).body.signal(signal).width;
        let node = self.source(context, signal, 0, width)?;
        self.chain.pop();
        self.contexts[context].signals[signal.0 as usize] = State::Done(node);
        Ok(node)
    }

    /// Some bits of a signal, from where it comes.
    fn source(&mut self, context: usize, signal: SignalId, offset: u32, width: u32) -> Result<NodeId, ElaborateError> {
        let body = &self.module(context).body;
        let whole = body.signal(signal).width;
        let everything = offset == 0 && width == whole;
        let node = match body.signal(signal).source {
            Source::Driver(node) if everything => return self.node(context, node),
            Source::Driver(node) => return self.node_bits(context, node, offset, width),
            Source::Port(port) => match self.contexts[context].parent {
                Some((parent, instance)) => {
                    let outer = self.module(parent).body.instances[instance as usize].connections[port as usize];
                    return self.signal_bits(parent, outer, offset, width);
                }
                // A clock has no node; nothing but clock ports reads it.
                None => match self.inputs[port as usize] {
                    Some(node) => node,
                    None => self.graph.zero(whole),
                },
            },
            Source::Instance { instance, port } => {
                let child = self.contexts[context].children[instance as usize];
                let inner = self.module(child).body.ports[port as usize];
                return self.signal_bits(child, inner, offset, width);
            }
            Source::Register(number) => {
                let id = RegisterId(self.contexts[context].registers + number);
                self.graph.leaf(Op::Register(id), whole)
            }
            Source::MemoryRead { memory, port, offset: field } => {
                let cell = &body.memories[memory as usize];
                let id = MemoryId(self.contexts[context].memories + memory);
                let read = &cell.reads[port as usize];
                let op = if read.timing == ReadTiming::Combinational {
                    Op::MemoryRead { memory: id, address: self.node(context, read.address)? }
                } else {
                    let earlier = cell.reads[..port as usize].iter();
                    let registered = (0..).zip(earlier.filter(|read| read.timing != ReadTiming::Combinational));
                    let port = registered.last().map_or(0, |(last, _): (u32, _)| last + 1);
                    Op::MemoryData { memory: id, port }
                };
                let data = self.graph.leaf(op, cell.width);
                self.graph.slice(data, field, whole)
            }
        };
        Ok(self.graph.slice(node, offset, width))
    }

    /// Some bits of a signal.
    fn signal_bits(
        &mut self,
        context: usize,
        signal: SignalId,
        offset: u32,
        width: u32,
    ) -> Result<NodeId, ElaborateError> {
        if offset == 0 && width == self.module(context).body.signal(signal).width {
            return self.signal(context, signal);
        }
        if let State::Done(node) = self.contexts[context].signals[signal.0 as usize] {
            return Ok(self.graph.slice(node, offset, width));
        }
        let part = Part { context, of: Whole::Signal(signal), offset, width };
        match self.parts.insert(part, State::InProgress) {
            Some(State::Done(node)) => {
                self.parts.insert(part, State::Done(node));
                return Ok(node);
            }
            Some(State::InProgress) => return Err(self.loop_error(context, signal)),
            _ => {}
        }
        self.chain.push((context, signal));
        let node = self.source(context, signal, offset, width)?;
        self.chain.pop();
        self.parts.insert(part, State::Done(node));
        Ok(node)
    }

    /// The flat node of an expression.
    fn node(&mut self, context: usize, id: NodeId) -> Result<NodeId, ElaborateError> {
        if let State::Done(node) = self.contexts[context].nodes[id.0 as usize] {
            return Ok(node);
        }
        self.contexts[context].nodes[id.0 as usize] = State::InProgress;
        let node = &self.module(context).body.nodes[id.0 as usize];
        let flat = match &node.op {
            Op::Input(signal) => self.signal(context, SignalId(*signal))?,
            Op::Slice { of, offset } => self.node_bits(context, *of, *offset, node.width)?,
            op => {
                let mut mapped = Vec::new();
                operands(op, |operand| mapped.push(operand));
                for operand in &mut mapped {
                    *operand = self.node(context, *operand)?;
                }
                let mut mapped = mapped.into_iter();
                let op = map_operands(op, |operand| mapped.next().unwrap_or(operand));
                self.graph.build(&op, node.width)
            }
        };
        self.contexts[context].nodes[id.0 as usize] = State::Done(flat);
        Ok(flat)
    }

    /// Some bits of an expression.
    fn node_bits(&mut self, context: usize, id: NodeId, offset: u32, width: u32) -> Result<NodeId, ElaborateError> {
        let node = &self.module(context).body.nodes[id.0 as usize];
        if offset == 0 && width == node.width {
            return self.node(context, id);
        }
        let state = self.contexts[context].nodes[id.0 as usize];
        if let State::Done(flat) = state {
            return Ok(self.graph.slice(flat, offset, width));
        }
        match &node.op {
            Op::Input(signal) => self.signal_bits(context, SignalId(*signal), offset, width),
            Op::Slice { of, offset: below } => self.node_bits(context, *of, offset + below, width),
            Op::Concat(parts) => {
                let (mut base, mut taken) = (0, Vec::new());
                for &part in parts {
                    let end = base + self.module(context).body.nodes[part.0 as usize].width;
                    let (from, to) = (offset.max(base), (offset + width).min(end));
                    if from < to {
                        taken.push(self.node_bits(context, part, from - base, to - from)?);
                    }
                    base = end;
                }
                Ok(self.graph.concat(taken))
            }
            op @ (Op::Not(_) | Op::And(..) | Op::Or(..) | Op::Xor(..) | Op::Mux { .. })
                if state == State::InProgress =>
            {
                self.bitwise(context, id, op, offset, width)
            }
            _ => {
                let flat = self.node(context, id)?;
                Ok(self.graph.slice(flat, offset, width))
            }
        }
    }

    /// Some bits of a bitwise operation that is itself being resolved: only those bits of its operands matter.
    fn bitwise(
        &mut self,
        context: usize,
        id: NodeId,
        op: &Op,
        offset: u32,
        width: u32,
    ) -> Result<NodeId, ElaborateError> {
        let part = Part { context, of: Whole::Node(id), offset, width };
        match self.parts.insert(part, State::InProgress) {
            Some(State::Done(node)) => {
                self.parts.insert(part, State::Done(node));
                return Ok(node);
            }
            Some(State::InProgress) => {
                return match self.chain.last() {
                    Some(&(context, signal)) => Err(self.loop_error(context, signal)),
                    None => Err(ElaborateError::CombinationalLoop { signals: Vec::new() }),
                };
            }
            _ => {}
        }
        let mut mapped = Vec::new();
        operands(op, |operand| mapped.push(operand));
        for (position, operand) in mapped.iter_mut().enumerate() {
            // The select of a multiplexer is needed whole.
            let whole = position == 0 && matches!(op, Op::Mux { .. });
            *operand =
                if whole { self.node(context, *operand)? } else { self.node_bits(context, *operand, offset, width)? };
        }
        let mut mapped = mapped.into_iter();
        let op = map_operands(op, |operand| mapped.next().unwrap_or(operand));
        let node = self.graph.build(&op, width);
        self.parts.insert(part, State::Done(node));
        Ok(node)
    }

    /// Drops what nothing uses and renumbers the rest.
    fn finish(self) -> Netlist {
        let mut netlist = self.netlist;
        let mut roots = Vec::new();
        visit(&mut netlist, &mut |node| roots.push(*node));
        let (nodes, renumbered) = prune(self.graph.nodes(), roots);
        netlist.nodes = nodes;
        visit(&mut netlist, &mut |node| {
            if let Some(new) = renumbered[node.0 as usize] {
                *node = new;
            }
        });
        netlist
    }
}

/// Visits every reference to a node.
fn visit(netlist: &mut Netlist, visit: &mut dyn FnMut(&mut NodeId)) {
    netlist.inputs.iter_mut().chain(&mut netlist.outputs).for_each(|port| visit(&mut port.node));
    netlist.trace.iter_mut().for_each(|signal| visit(&mut signal.node));
    for register in &mut netlist.registers {
        visit(&mut register.d);
        register.reset.iter_mut().for_each(&mut *visit);
    }
    for memory in &mut netlist.memories {
        for read in &mut memory.registered_reads {
            visit(&mut read.enable);
            visit(&mut read.address);
        }
        for write in &mut memory.writes {
            visit(&mut write.enable);
            visit(&mut write.address);
            visit(&mut write.data);
        }
    }
}
