//! Computes named signals from others.
//!
//! Emitted Verilog has no name for a signal that is used in one place only: its expression stands there. What is missing follows
//! from what is there, by the netlist's operations between them.

use std::collections::{BTreeSet, HashMap};

use nitro_netlist::Netlist;
use nitro_netlist::netlist::{Node, NodeId, Op, Port, TraceSignal};

use crate::interpreter::{Interpreter, Options};
use crate::optimise::{operands, with_operands};
use crate::words::{to_u32, word_count};

/// Where a signal's value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Signal number `n` is the same, and is given.
    Given(usize),
    /// Traced signal number `n` of the interpreter.
    Computed(usize),
}

/// All signals of a netlist's trace, of which some are given.
#[derive(Clone, Debug)]
pub struct Completion {
    sources: Vec<Source>,
    /// Computes what is not given.
    interpreter: Interpreter,
    /// For each input of the interpreter the given signal and its number of words.
    inputs: Vec<(usize, usize)>,
    value: Vec<u64>,
}

impl Completion {
    /// Works out how to compute what is not given; `given[n]` says whether signal `n` of the netlist's trace is.
    ///
    /// # Errors
    /// With the index of a signal that cannot be computed, because the state that it depends on is not given either.
    pub fn new(netlist: &Netlist, given: &[bool]) -> Result<Self, usize> {
        let mut known: HashMap<NodeId, usize> = HashMap::new();
        for (index, signal) in netlist.trace.iter().enumerate().filter(|&(index, _)| given[index]) {
            known.entry(signal.node).or_insert(index);
        }
        let mut builder = Builder { netlist, fields: fields(netlist, &known), known, needed: BTreeSet::new() };
        let mut sources = Vec::with_capacity(netlist.trace.len());
        let mut computed = Vec::new();
        for (index, signal) in netlist.trace.iter().enumerate() {
            sources.push(match builder.known.get(&signal.node) {
                Some(&given) => Source::Given(given),
                None => {
                    builder.need(signal.node).map_err(|()| index)?;
                    computed.push(signal.node);
                    Source::Computed(computed.len() - 1)
                }
            });
        }
        let (netlist, inputs) = builder.build(&computed);
        let interpreter = Interpreter::with_options(&netlist, Options { trace: true, ..Options::default() });
        Ok(Self { sources, interpreter, inputs, value: Vec::new() })
    }

    /// The given signals that are read, ascending: both to stand for others and to compute them.
    #[must_use]
    pub fn reads(&self) -> Vec<usize> {
        let given = |source: &Source| if let Source::Given(signal) = *source { Some(signal) } else { None };
        let mut reads: Vec<usize> = self.sources.iter().filter_map(given).collect();
        reads.sort_unstable();
        reads.dedup();
        reads
    }

    /// The number of signals that are not given under any name.
    #[must_use]
    pub fn computed(&self) -> usize {
        self.sources.iter().filter(|source| matches!(source, Source::Computed(_))).count()
    }

    /// Computes; `read` gives the present value of a given signal.
    pub fn update(&mut self, read: impl Fn(usize, &mut [u64])) {
        for (input, &(signal, words)) in self.inputs.iter().enumerate() {
            self.value.resize(words, 0);
            read(signal, &mut self.value);
            self.interpreter.set(input, 0, &self.value);
        }
        self.interpreter.settle();
    }

    /// The value of any signal as of the last update, from `read` if it is given.
    pub fn value(&self, index: usize, read: impl Fn(usize, &mut [u64]), value: &mut [u64]) {
        match self.sources[index] {
            Source::Given(signal) => read(signal, value),
            Source::Computed(number) => self.interpreter.trace_value(number, 0, value),
        }
    }
}

/// A node's slices that are given: lowest bit and slice.
type Fields = HashMap<NodeId, Vec<(u32, NodeId)>>;

/// The given fields of every node, in order.
fn fields(netlist: &Netlist, known: &HashMap<NodeId, usize>) -> Fields {
    let mut fields = Fields::new();
    for &node in known.keys() {
        if let Op::Slice { of, offset } = netlist.nodes[node.0 as usize].op {
            fields.entry(of).or_default().push((offset, node));
        }
    }
    fields.values_mut().for_each(|fields| fields.sort_unstable());
    fields
}

struct Builder<'a> {
    netlist: &'a Netlist,
    /// Nodes that a given signal has.
    known: HashMap<NodeId, usize>,
    fields: Fields,
    /// Nodes to compute, and the known ones that they are computed from.
    needed: BTreeSet<NodeId>,
}

impl Builder<'_> {
    fn need(&mut self, node: NodeId) -> Result<(), ()> {
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if !self.needed.insert(node) || self.known.contains_key(&node) {
                continue;
            }
            match &self.netlist.nodes[node.0 as usize].op {
                Op::Input(_) | Op::Register(_) | Op::MemoryData { .. } | Op::MemoryRead { .. } => {
                    pending.extend(self.tiles(node).ok_or(())?);
                }
                op => operands(op, |operand| pending.push(operand)),
            }
        }
        Ok(())
    }

    /// The given fields that make up the whole node: a memory's word may have names by field only.
    fn tiles(&self, node: NodeId) -> Option<Vec<NodeId>> {
        let width = |node: NodeId| self.netlist.nodes[node.0 as usize].width;
        let mut tiles = Vec::new();
        let mut end = 0;
        for &(offset, field) in self.fields.get(&node)? {
            if offset == end {
                tiles.push(field);
                end += width(field);
            }
        }
        (end == width(node)).then_some(tiles)
    }

    /// A netlist of what is needed, whose inputs are what is known; and for each input the given signal and its words.
    fn build(self, computed: &[NodeId]) -> (Netlist, Vec<(usize, usize)>) {
        let mut netlist = Netlist { name: self.netlist.name.clone(), ..Netlist::default() };
        let mut new: HashMap<NodeId, NodeId> = HashMap::new();
        let mut inputs = Vec::new();
        let add = |netlist: &mut Netlist, op: Op, width: u32| {
            netlist.nodes.push(Node { op, width });
            NodeId(to_u32(netlist.nodes.len() - 1))
        };
        for node in &self.needed {
            let Some(&signal) = self.known.get(node) else { continue };
            let width = self.netlist.nodes[node.0 as usize].width;
            let input = add(&mut netlist, Op::Input(to_u32(inputs.len())), width);
            netlist.inputs.push(Port { name: format!("i{}", inputs.len()), width, node: input });
            inputs.push((signal, word_count(width)));
            new.insert(*node, input);
        }
        for node in &self.needed {
            if self.known.contains_key(node) {
                continue;
            }
            let Node { op, width } = &self.netlist.nodes[node.0 as usize];
            let op = match op {
                Op::Input(_) | Op::Register(_) | Op::MemoryData { .. } | Op::MemoryRead { .. } => {
                    Op::Concat(self.tiles(*node).unwrap_or_default().iter().map(|tile| new[tile]).collect())
                }
                op => with_operands(op, |operand| new[&operand]),
            };
            let id = add(&mut netlist, op, *width);
            new.insert(*node, id);
        }
        for (index, node) in computed.iter().enumerate() {
            let (scope, variants) = (Vec::new(), Vec::new());
            netlist.trace.push(TraceSignal { scope, name: format!("t{index}"), variants, node: new[node] });
        }
        (netlist, inputs)
    }
}
