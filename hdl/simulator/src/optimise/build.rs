//! Nodes, each distinct one once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use nitro_netlist::netlist::{Node, NodeId, Op};

use crate::words::to_u32;

/// A multiplicative hash: nodes are small and come from no adversary, and building a netlist is dominated by hashing.
#[derive(Default)]
pub(crate) struct NodeHasher(u64);

impl NodeHasher {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for NodeHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }
    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }
    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }
    fn write_isize(&mut self, value: isize) {
        self.mix(value.unsigned_abs() as u64);
    }
}

/// Builds a list of nodes in topological order, simplified and without duplicates.
#[derive(Default)]
pub(crate) struct Builder {
    nodes: Vec<Node>,
    known: HashMap<Node, NodeId, BuildHasherDefault<NodeHasher>>,
}

impl Builder {
    /// A builder with room for so many nodes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(capacity),
            known: HashMap::with_capacity_and_hasher(capacity, BuildHasherDefault::default()),
        }
    }

    /// Gives the node that computes `op`: a simpler, an existing, or a new one.
    pub(crate) fn add(&mut self, op: Op, width: u32) -> NodeId {
        match self.simplify(op, width) {
            Ok(existing) => existing,
            Err(op) => self.intern(op, width),
        }
    }

    /// The node with exactly this operation.
    pub(crate) fn intern(&mut self, op: Op, width: u32) -> NodeId {
        let next = NodeId(to_u32(self.nodes.len()));
        let node = Node { op, width };
        if let Some(&known) = self.known.get(&node) {
            return known;
        }
        self.nodes.push(node.clone());
        self.known.insert(node, next);
        next
    }

    /// A constant, given as normalised words.
    pub(crate) fn constant(&mut self, value: Vec<u64>, width: u32) -> NodeId {
        self.intern(Op::Constant(value), width)
    }

    /// A constant zero.
    pub(crate) fn zero(&mut self, width: u32) -> NodeId {
        self.constant(vec![0; crate::words::word_count(width)], width)
    }

    /// What a node computes.
    pub(crate) fn op(&self, node: NodeId) -> &Op {
        &self.nodes[node.0 as usize].op
    }

    /// A node's width.
    pub(crate) fn width(&self, node: NodeId) -> u32 {
        self.nodes[node.0 as usize].width
    }

    /// The value of a constant node.
    pub(crate) fn value(&self, node: NodeId) -> Option<&[u64]> {
        match self.op(node) {
            Op::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// All nodes.
    pub(crate) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }
}
