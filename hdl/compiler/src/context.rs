//! What a node of the graph means within one region: who uses it, and what it costs.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::graph::{Cell, Graph, Op, W, operands};
use crate::layout::Layout;
use crate::lower::MemoryRoot;
use crate::partition::Source;

/// Operations that only one arm needs from which on a multiplexer becomes a branch.
pub(crate) const HEAVY: u32 = 6;

/// What the scopes of one region share.
pub(crate) struct Context<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) layout: &'a Layout,
    pub(crate) memories: &'a [MemoryRoot],
    /// Kept values of other regions.
    pub(crate) kept: &'a HashMap<W, Cell>,
    /// Values of this region.
    pub(crate) own: HashSet<W>,
    /// The accumulator of changes of each source, if anybody wants to know.
    pub(crate) accumulator: HashMap<Source, usize>,
    /// How often a node is used within the region.
    uses: HashMap<W, u32>,
    /// Operations that vanish with a node that is not evaluated.
    exclusive: HashMap<W, u32>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        graph: &'a Graph,
        layout: &'a Layout,
        memories: &'a [MemoryRoot],
        kept: &'a HashMap<W, Cell>,
        own: HashSet<W>,
        accumulator: HashMap<Source, usize>,
        roots: &[W],
    ) -> Self {
        let mut context =
            Self { graph, layout, memories, kept, own, accumulator, uses: HashMap::new(), exclusive: HashMap::new() };
        context.count(roots);
        context
    }

    fn count(&mut self, roots: &[W]) {
        let mut order: BTreeSet<W> = BTreeSet::new();
        let mut stack: Vec<W> = roots.to_vec();
        for &root in roots {
            *self.uses.entry(root).or_default() += 1;
        }
        while let Some(w) = stack.pop() {
            if self.is_leaf(w) || !order.insert(w) {
                continue;
            }
            operands(self.graph.op(w), |operand| {
                *self.uses.entry(operand).or_default() += 1;
                stack.push(operand);
            });
        }
        for w in order {
            let mut cost = match self.graph.op(w) {
                Op::Read { .. } => 6,
                Op::Wide { words, .. } => 4 * words,
                _ => 1,
            };
            operands(self.graph.op(w), |operand| {
                if self.uses.get(&operand) == Some(&1) {
                    cost += self.exclusive.get(&operand).copied().unwrap_or(0);
                }
            });
            self.exclusive.insert(w, cost.min(10_000));
        }
    }

    /// Constants, loads and values that other regions keep.
    pub(crate) fn is_leaf(&self, w: W) -> bool {
        matches!(self.graph.op(w), Op::Const(_) | Op::Load(..))
            || (self.kept.contains_key(&w) && !self.own.contains(&w))
    }

    /// Operations that vanish if an operand is not evaluated.
    pub(crate) fn exclusive(&self, w: W) -> u32 {
        if self.is_leaf(w) || self.uses.get(&w) != Some(&1) {
            return 0;
        }
        self.exclusive.get(&w).copied().unwrap_or(0)
    }

    /// A multiplexer that is worth a branch.
    pub(crate) fn heavy(&self, w: W) -> bool {
        match *self.graph.op(w) {
            Op::Mux(_, then, otherwise) => self.exclusive(then) + self.exclusive(otherwise) >= HEAVY,
            _ => false,
        }
    }
}
