//! The hash-consed expression graph: equal expressions are one node, and every node is simplified as it is made.

use std::collections::HashMap;

use crate::netlist::{Node, NodeId, Op};
use crate::words;

/// Builds nodes in topological order. Operands must be nodes of the same graph and of the widths that [`Op`] states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    index: HashMap<Node, NodeId>,
}

impl Graph {
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(crate) fn op(&self, id: NodeId) -> &Op {
        &self.node(id).op
    }

    pub(crate) fn width(&self, id: NodeId) -> u32 {
        self.node(id).width
    }

    /// Adds a node as it is, without simplification.
    pub(crate) fn leaf(&mut self, op: Op, width: u32) -> NodeId {
        let node = Node { op, width };
        if let Some(&id) = self.index.get(&node) {
            return id;
        }
        #[allow(clippy::cast_possible_truncation, reason = "memory ends long before 2^32 nodes")]
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node.clone());
        self.index.insert(node, id);
        id
    }

    pub(crate) fn constant(&mut self, width: u32, value: Vec<u64>) -> NodeId {
        self.leaf(Op::Constant(words::fit(value, width)), width)
    }

    pub(crate) fn zero(&mut self, width: u32) -> NodeId {
        self.constant(width, Vec::new())
    }

    pub(crate) fn ones(&mut self, width: u32) -> NodeId {
        self.constant(width, words::ones(width))
    }

    pub(crate) fn bool(&mut self, value: bool) -> NodeId {
        self.constant(1, vec![u64::from(value)])
    }

    pub(crate) fn value(&self, id: NodeId) -> Option<&[u64]> {
        match self.op(id) {
            Op::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn is_zero(&self, id: NodeId) -> bool {
        self.value(id).is_some_and(words::is_zero)
    }

    fn is_ones(&self, id: NodeId) -> bool {
        self.value(id).is_some_and(|value| value == words::ones(self.width(id)))
    }

    /// Whether one is the complement of the other.
    fn complementary(&self, left: NodeId, right: NodeId) -> bool {
        *self.op(left) == Op::Not(right) || *self.op(right) == Op::Not(left)
    }

    pub(crate) fn not(&mut self, of: NodeId) -> NodeId {
        let width = self.width(of);
        match self.op(of) {
            Op::Constant(value) => {
                let value = words::not(value, width);
                self.constant(width, value)
            }
            Op::Not(inner) => *inner,
            _ => self.leaf(Op::Not(of), width),
        }
    }

    pub(crate) fn and(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let value = words::zip(a, b, width, |a, b| a & b);
            return self.constant(width, value);
        }
        for (a, b) in [(left, right), (right, left)] {
            if self.is_zero(a) || self.is_ones(b) || a == b {
                return a;
            }
            match *self.op(b) {
                Op::And(c, d) if c == a || d == a => return b,
                Op::Or(c, d) if c == a || d == a => return a,
                Op::Or(c, d) if self.complementary(c, a) => return self.and(a, d),
                Op::Or(c, d) if self.complementary(d, a) => return self.and(a, c),
                _ => {}
            }
        }
        if self.complementary(left, right) {
            return self.zero(width);
        }
        self.leaf(Op::And(left.min(right), left.max(right)), width)
    }

    pub(crate) fn or(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let value = words::zip(a, b, width, |a, b| a | b);
            return self.constant(width, value);
        }
        for (a, b) in [(left, right), (right, left)] {
            if self.is_ones(a) || self.is_zero(b) || a == b {
                return a;
            }
            match *self.op(b) {
                Op::Or(c, d) if c == a || d == a => return b,
                Op::And(c, d) if c == a || d == a => return a,
                Op::And(c, d) if self.complementary(c, a) => return self.or(a, d),
                Op::And(c, d) if self.complementary(d, a) => return self.or(a, c),
                _ => {}
            }
        }
        if self.complementary(left, right) {
            return self.ones(width);
        }
        self.leaf(Op::Or(left.min(right), left.max(right)), width)
    }

    pub(crate) fn xor(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let value = words::zip(a, b, width, |a, b| a ^ b);
            return self.constant(width, value);
        }
        if left == right {
            return self.zero(width);
        }
        for (a, b) in [(left, right), (right, left)] {
            if self.is_zero(a) {
                return b;
            }
            if self.is_ones(a) {
                return self.not(b);
            }
        }
        self.leaf(Op::Xor(left.min(right), left.max(right)), width)
    }

    pub(crate) fn add(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let value = words::add(a, b, width);
            return self.constant(width, value);
        }
        if self.is_zero(left) {
            return right;
        }
        if self.is_zero(right) {
            return left;
        }
        self.leaf(Op::Add(left.min(right), left.max(right)), width)
    }

    pub(crate) fn sub(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let value = words::sub(a, b, width);
            return self.constant(width, value);
        }
        if left == right {
            return self.zero(width);
        }
        if self.is_zero(right) {
            return left;
        }
        self.leaf(Op::Sub(left, right), width)
    }

    pub(crate) fn mul(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let value = words::mul(a, b, width);
            return self.constant(width, value);
        }
        for (a, b) in [(left, right), (right, left)] {
            if self.is_zero(a) {
                return a;
            }
            let power = self.value(a).map(|value| (value.iter().map(|w| w.count_ones()).sum::<u32>(), value));
            if let Some((1, value)) = power {
                let shift = words::significant_bits(value) - 1;
                return self.shift_left(b, shift);
            }
        }
        self.leaf(Op::Mul(left.min(right), left.max(right)), width)
    }

    pub(crate) fn eq(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let width = self.width(left);
        if left == right {
            return self.bool(true);
        }
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let equal = a == b;
            return self.bool(equal);
        }
        if self.complementary(left, right) {
            return self.bool(false);
        }
        for (a, b) in [(left, right), (right, left)] {
            let Some(value) = self.value(a) else { continue };
            if width == 1 {
                return if words::bit(value, 0) { b } else { self.not(b) };
            }
            // A value that is extended with constants equals a constant only if the extension does.
            if let Op::Concat(parts) = self.op(b)
                && parts.iter().any(|&part| self.value(part).is_some())
            {
                let (value, parts) = (value.to_vec(), parts.clone());
                return self.eq_parts(&parts, &value);
            }
        }
        self.leaf(Op::Eq(left.min(right), left.max(right)), 1)
    }

    fn eq_parts(&mut self, parts: &[NodeId], value: &[u64]) -> NodeId {
        let (mut offset, mut open, mut wanted) = (0, Vec::new(), Vec::new());
        for &part in parts {
            let width = self.width(part);
            let expected = words::slice(value, offset, width);
            offset += width;
            match self.value(part) {
                Some(constant) if constant != expected => return self.bool(false),
                Some(_) => {}
                None => {
                    open.push(part);
                    wanted.push(self.constant(width, expected));
                }
            }
        }
        if open.is_empty() {
            return self.bool(true);
        }
        let (open, wanted) = (self.concat(open), self.concat(wanted));
        self.eq(open, wanted)
    }

    pub(crate) fn lt(&mut self, left: NodeId, right: NodeId) -> NodeId {
        if left == right || self.is_zero(right) || self.is_ones(left) {
            return self.bool(false);
        }
        if let (Some(a), Some(b)) = (self.value(left), self.value(right)) {
            let less = words::less(a, b);
            return self.bool(less);
        }
        if self.is_zero(left) {
            return self.reduce_or(right);
        }
        self.leaf(Op::Lt(left, right), 1)
    }

    /// Left shift by a constant.
    pub(crate) fn shift_left(&mut self, of: NodeId, amount: u32) -> NodeId {
        let width = self.width(of);
        if amount == 0 {
            return of;
        }
        if amount >= width {
            return self.zero(width);
        }
        let (low, high) = (self.zero(amount), self.slice(of, 0, width - amount));
        self.concat(vec![low, high])
    }

    /// Right shift by a constant.
    pub(crate) fn shift_right(&mut self, of: NodeId, amount: u32) -> NodeId {
        let width = self.width(of);
        if amount >= width {
            return self.zero(width);
        }
        let low = self.slice(of, amount, width - amount);
        self.resize(low, width)
    }

    /// The amount without leading zeros, and its value if it is constant (saturated).
    fn shift_amount(&mut self, amount: NodeId) -> (NodeId, Option<u32>) {
        if let Some(value) = self.value(amount) {
            let fits = words::significant_bits(value) <= 32;
            let low = value.first().and_then(|&low| u32::try_from(low).ok());
            let known = low.filter(|_| fits).unwrap_or(u32::MAX);
            return (amount, Some(known));
        }
        if let Op::Concat(parts) = self.op(amount)
            && let Some(&top) = parts.last()
            && self.is_zero(top)
        {
            let rest = parts[..parts.len() - 1].to_vec();
            return (self.concat(rest), None);
        }
        (amount, None)
    }

    pub(crate) fn shl(&mut self, of: NodeId, amount: NodeId) -> NodeId {
        self.shift(of, amount, Self::shift_left, Op::Shl)
    }

    pub(crate) fn shr(&mut self, of: NodeId, amount: NodeId) -> NodeId {
        self.shift(of, amount, Self::shift_right, Op::Shr)
    }

    fn shift(
        &mut self,
        of: NodeId,
        amount: NodeId,
        by_constant: fn(&mut Self, NodeId, u32) -> NodeId,
        op: fn(NodeId, NodeId) -> Op,
    ) -> NodeId {
        let (amount, known) = self.shift_amount(amount);
        if let Some(known) = known {
            return by_constant(self, of, known);
        }
        if self.is_zero(of) {
            return of;
        }
        let (width, amount_width) = (self.width(of), self.width(amount));
        // Verilog tools take amounts of at most 32 bits.
        if amount_width > 32 {
            let (low, high) = (self.slice(amount, 0, 32), self.slice(amount, 32, amount_width - 32));
            let (too_large, zero) = (self.reduce_or(high), self.zero(width));
            let shifted = self.shift(of, low, by_constant, op);
            return self.mux(too_large, zero, shifted);
        }
        self.leaf(op(of, amount), width)
    }

    pub(crate) fn mux(&mut self, select: NodeId, then: NodeId, otherwise: NodeId) -> NodeId {
        if let Some(value) = self.value(select) {
            return if words::bit(value, 0) { then } else { otherwise };
        }
        if then == otherwise {
            return then;
        }
        if let Op::Not(inner) = *self.op(select) {
            return self.mux(inner, otherwise, then);
        }
        let width = self.width(then);
        if width == 1
            && let Some(simple) = self.mux_bit(select, then, otherwise)
        {
            return simple;
        }
        if let Op::Mux { select: inner, then: a, otherwise: b } = *self.op(then) {
            if inner == select {
                return self.mux(select, a, otherwise);
            }
            if b == otherwise {
                let both = self.and(select, inner);
                return self.mux(both, a, otherwise);
            }
        }
        if let Op::Mux { select: inner, then: a, otherwise: b } = *self.op(otherwise) {
            if inner == select {
                return self.mux(select, then, b);
            }
            if a == then {
                let either = self.or(select, inner);
                return self.mux(either, then, b);
            }
        }
        self.leaf(Op::Mux { select, then, otherwise }, width)
    }

    /// A one-bit multiplexer with a constant or the select itself as an arm is a gate.
    fn mux_bit(&mut self, select: NodeId, then: NodeId, otherwise: NodeId) -> Option<NodeId> {
        if self.is_ones(then) || then == select {
            return Some(self.or(select, otherwise));
        }
        if self.is_zero(otherwise) || otherwise == select {
            return Some(self.and(select, then));
        }
        if self.is_zero(then) {
            let unselected = self.not(select);
            return Some(self.and(unselected, otherwise));
        }
        if self.is_ones(otherwise) {
            let unselected = self.not(select);
            return Some(self.or(unselected, then));
        }
        None
    }

    /// Concatenation, least significant part first.
    pub(crate) fn concat(&mut self, parts: Vec<NodeId>) -> NodeId {
        let mut flat: Vec<NodeId> = Vec::with_capacity(parts.len());
        for part in parts {
            if let Op::Concat(inner) = self.op(part) {
                let inner = inner.clone();
                for part in inner {
                    self.append(&mut flat, part);
                }
            } else {
                self.append(&mut flat, part);
            }
        }
        if let [single] = flat[..] {
            return single;
        }
        let width = flat.iter().map(|&part| self.width(part)).sum();
        self.leaf(Op::Concat(flat), width)
    }

    /// Appends a part, merged with the part below it where both are constants or neighbouring slices.
    fn append(&mut self, parts: &mut Vec<NodeId>, part: NodeId) {
        let Some(&below) = parts.last() else {
            parts.push(part);
            return;
        };
        let (low, high) = (self.width(below), self.width(part));
        let merged = match (self.op(below), self.op(part)) {
            (Op::Constant(a), Op::Constant(b)) => {
                let shifted = words::shift_left(b, low, low + high);
                let value = words::zip(&words::fit(a.clone(), low + high), &shifted, low + high, |a, b| a | b);
                Some(self.constant(low + high, value))
            }
            (&Op::Slice { of: a, offset }, &Op::Slice { of: b, offset: next }) if a == b && offset + low == next => {
                Some(self.slice(a, offset, low + high))
            }
            _ => None,
        };
        match merged {
            Some(merged) => {
                parts.pop();
                parts.push(merged);
            }
            None => parts.push(part),
        }
    }

    /// `width` bits from bit `offset` up; they must lie within the operand.
    pub(crate) fn slice(&mut self, of: NodeId, offset: u32, width: u32) -> NodeId {
        if offset == 0 && width == self.width(of) {
            return of;
        }
        match self.op(of) {
            Op::Constant(value) => {
                let value = words::slice(value, offset, width);
                self.constant(width, value)
            }
            &Op::Slice { of: inner, offset: below } => self.slice(inner, offset + below, width),
            Op::Concat(parts) => {
                let (mut base, mut taken) = (0, Vec::new());
                for &part in parts {
                    let end = base + self.width(part);
                    let (from, to) = (offset.max(base), (offset + width).min(end));
                    if from < to {
                        taken.push((part, from - base, to - from));
                    }
                    base = end;
                }
                let taken = taken.into_iter().map(|(part, from, bits)| self.slice(part, from, bits)).collect();
                self.concat(taken)
            }
            _ => self.leaf(Op::Slice { of, offset }, width),
        }
    }

    /// Cuts or extends with zeros.
    pub(crate) fn resize(&mut self, of: NodeId, width: u32) -> NodeId {
        let present = self.width(of);
        if width <= present {
            return self.slice(of, 0, width);
        }
        let zeros = self.zero(width - present);
        self.concat(vec![of, zeros])
    }

    pub(crate) fn reduce_and(&mut self, of: NodeId) -> NodeId {
        if let Some(value) = self.value(of) {
            let all = value == words::ones(self.width(of));
            return self.bool(all);
        }
        if self.width(of) == 1 { of } else { self.leaf(Op::ReduceAnd(of), 1) }
    }

    pub(crate) fn reduce_or(&mut self, of: NodeId) -> NodeId {
        if let Some(value) = self.value(of) {
            let any = !words::is_zero(value);
            return self.bool(any);
        }
        if self.width(of) == 1 { of } else { self.leaf(Op::ReduceOr(of), 1) }
    }

    pub(crate) fn reduce_xor(&mut self, of: NodeId) -> NodeId {
        if let Some(value) = self.value(of) {
            let odd = value.iter().map(|word| word.count_ones()).sum::<u32>() % 2 == 1;
            return self.bool(odd);
        }
        if self.width(of) == 1 { of } else { self.leaf(Op::ReduceXor(of), 1) }
    }

    /// Makes the node of an operation whose operands are already of this graph, simplified.
    pub(crate) fn build(&mut self, op: &Op, width: u32) -> NodeId {
        match op {
            Op::Constant(value) => self.constant(width, value.clone()),
            Op::Not(of) => self.not(*of),
            Op::And(a, b) => self.and(*a, *b),
            Op::Or(a, b) => self.or(*a, *b),
            Op::Xor(a, b) => self.xor(*a, *b),
            Op::Add(a, b) => self.add(*a, *b),
            Op::Sub(a, b) => self.sub(*a, *b),
            Op::Mul(a, b) => self.mul(*a, *b),
            Op::Eq(a, b) => self.eq(*a, *b),
            Op::Lt(a, b) => self.lt(*a, *b),
            Op::Shl(a, b) => self.shl(*a, *b),
            Op::Shr(a, b) => self.shr(*a, *b),
            Op::Mux { select, then, otherwise } => self.mux(*select, *then, *otherwise),
            Op::Concat(parts) => self.concat(parts.clone()),
            Op::Slice { of, offset } => self.slice(*of, *offset, width),
            Op::ReduceAnd(of) => self.reduce_and(*of),
            Op::ReduceOr(of) => self.reduce_or(*of),
            Op::ReduceXor(of) => self.reduce_xor(*of),
            Op::Input(_) | Op::Register(_) | Op::MemoryData { .. } | Op::MemoryRead { .. } => {
                self.leaf(op.clone(), width)
            }
        }
    }
}

/// Calls `visit` for every operand.
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
        Op::Concat(parts) => parts.iter().for_each(|&part| visit(part)),
    }
}

/// The operation with every operand replaced.
pub(crate) fn map_operands(op: &Op, mut map: impl FnMut(NodeId) -> NodeId) -> Op {
    let mut op = op.clone();
    match &mut op {
        Op::Input(_) | Op::Constant(_) | Op::Register(_) | Op::MemoryData { .. } => {}
        Op::MemoryRead { address: a, .. }
        | Op::Not(a)
        | Op::Slice { of: a, .. }
        | Op::ReduceAnd(a)
        | Op::ReduceOr(a)
        | Op::ReduceXor(a) => *a = map(*a),
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
            *a = map(*a);
            *b = map(*b);
        }
        Op::Mux { select, then, otherwise } => {
            *select = map(*select);
            *then = map(*then);
            *otherwise = map(*otherwise);
        }
        Op::Concat(parts) => parts.iter_mut().for_each(|part| *part = map(*part)),
    }
    op
}

/// Keeps the nodes that `roots` need, in order; gives them and the new number of each old node.
pub(crate) fn prune(nodes: &[Node], roots: impl IntoIterator<Item = NodeId>) -> (Vec<Node>, Vec<Option<NodeId>>) {
    let mut live = vec![false; nodes.len()];
    for root in roots {
        live[root.0 as usize] = true;
    }
    for index in (0..nodes.len()).rev() {
        if live[index] {
            operands(&nodes[index].op, |operand| live[operand.0 as usize] = true);
        }
    }
    let mut renumbered = vec![None; nodes.len()];
    let mut kept = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if live[index] {
            #[allow(clippy::cast_possible_truncation, reason = "memory ends long before 2^32 nodes")]
            let id = NodeId(kept.len() as u32);
            let op = map_operands(&node.op, |operand| renumbered[operand.0 as usize].unwrap_or(operand));
            kept.push(Node { op, width: node.width });
            renumbered[index] = Some(id);
        }
    }
    (kept, renumbered)
}
