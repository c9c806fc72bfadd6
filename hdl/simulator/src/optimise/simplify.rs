//! Local identities: each rewrites one operation whose operands are already simple.

use nitro_netlist::netlist::{NodeId, Op};

use super::build::Builder;
use super::evaluate::{evaluate, shift_amount};
use super::sweep::operands;
use crate::words::{to_u32, top_mask, word_count};

impl Builder {
    /// An existing node that computes the same, or else the operation in its simplest form.
    pub(super) fn simplify(&mut self, op: Op, width: u32) -> Result<NodeId, Op> {
        if let Some(value) = self.fold(&op, width) {
            return Ok(self.constant(value, width));
        }
        match op {
            Op::Not(a) => match *self.op(a) {
                Op::Not(inner) => Ok(inner),
                _ => Err(op),
            },
            Op::And(a, b) => self.and(a, b, width),
            Op::Or(a, b) => self.or(a, b, width),
            Op::Xor(a, b) => self.xor(a, b, width),
            Op::Add(a, b) => self.add_simple(a, b),
            Op::Sub(a, b) if a == b => Ok(self.zero(width)),
            Op::Sub(a, b) if self.is_zero(b) => Ok(a),
            Op::Mul(a, b) => self.multiply(a, b, width),
            Op::Eq(a, b) => self.equal(a, b),
            Op::Lt(a, b) if a == b || self.is_zero(b) => Ok(self.zero(1)),
            Op::Shl(a, amount) | Op::Shr(a, amount) => self.shift(op, a, amount, width),
            Op::Mux { select, then, otherwise } => self.mux(select, then, otherwise, width),
            Op::Slice { of, offset } => self.slice(of, offset, width),
            Op::Concat(parts) => self.concat(parts, width),
            Op::ReduceAnd(a) | Op::ReduceOr(a) | Op::ReduceXor(a) if self.width(a) == 1 => Ok(a),
            op => Err(op),
        }
    }

    /// The value if all operands are constants.
    fn fold(&self, op: &Op, width: u32) -> Option<Vec<u64>> {
        if matches!(op, Op::Constant(_)) {
            return None;
        }
        let mut values = Vec::new();
        let mut widths = Vec::new();
        let mut constant = true;
        operands(op, |node| {
            match self.value(node) {
                Some(value) if constant => values.push(value),
                _ => constant = false,
            }
            widths.push(self.width(node));
        });
        if !constant || values.is_empty() {
            return None;
        }
        evaluate(op, width, &values, &widths)
    }

    fn is_zero(&self, node: NodeId) -> bool {
        self.value(node).is_some_and(|value| value.iter().all(|&word| word == 0))
    }

    fn is_ones(&self, node: NodeId) -> bool {
        let top = top_mask(self.width(node));
        self.value(node).is_some_and(|value| {
            value.split_last().is_some_and(|(&last, lower)| last == top && lower.iter().all(|&word| word == u64::MAX))
        })
    }

    fn is_one(&self, node: NodeId) -> bool {
        self.value(node).is_some_and(|value| {
            value.split_first().is_some_and(|(&first, higher)| first == 1 && higher.iter().all(|&word| word == 0))
        })
    }

    /// Whether one is the complement of the other.
    fn complementary(&self, a: NodeId, b: NodeId) -> bool {
        *self.op(a) == Op::Not(b) || *self.op(b) == Op::Not(a)
    }

    fn ones(&mut self, width: u32) -> NodeId {
        let mut value = vec![u64::MAX; word_count(width)];
        if let Some(top) = value.last_mut() {
            *top = top_mask(width);
        }
        self.constant(value, width)
    }

    fn and(&mut self, a: NodeId, b: NodeId, width: u32) -> Result<NodeId, Op> {
        if self.is_zero(a) || self.is_zero(b) || self.complementary(a, b) {
            return Ok(self.zero(width));
        }
        if a == b || self.is_ones(b) {
            return Ok(a);
        }
        if self.is_ones(a) {
            return Ok(b);
        }
        Err(Op::And(a.min(b), a.max(b)))
    }

    fn or(&mut self, a: NodeId, b: NodeId, width: u32) -> Result<NodeId, Op> {
        if self.is_ones(a) || self.is_ones(b) || self.complementary(a, b) {
            return Ok(self.ones(width));
        }
        if a == b || self.is_zero(b) {
            return Ok(a);
        }
        if self.is_zero(a) {
            return Ok(b);
        }
        Err(Op::Or(a.min(b), a.max(b)))
    }

    fn xor(&mut self, a: NodeId, b: NodeId, width: u32) -> Result<NodeId, Op> {
        if a == b {
            return Ok(self.zero(width));
        }
        for (one, other) in [(a, b), (b, a)] {
            if self.is_zero(one) {
                return Ok(other);
            }
            if self.is_ones(one) {
                return Ok(self.add(Op::Not(other), width));
            }
        }
        Err(Op::Xor(a.min(b), a.max(b)))
    }

    fn add_simple(&self, a: NodeId, b: NodeId) -> Result<NodeId, Op> {
        if self.is_zero(a) {
            return Ok(b);
        }
        if self.is_zero(b) {
            return Ok(a);
        }
        Err(Op::Add(a.min(b), a.max(b)))
    }

    fn multiply(&mut self, a: NodeId, b: NodeId, width: u32) -> Result<NodeId, Op> {
        for (one, other) in [(a, b), (b, a)] {
            if self.is_zero(one) {
                return Ok(self.zero(width));
            }
            if self.is_one(one) {
                return Ok(other);
            }
        }
        Err(Op::Mul(a.min(b), a.max(b)))
    }

    fn equal(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Op> {
        if a == b {
            return Ok(self.ones(1));
        }
        if self.complementary(a, b) {
            return Ok(self.zero(1));
        }
        if self.width(a) == 1 {
            for (one, other) in [(a, b), (b, a)] {
                if self.is_ones(one) {
                    return Ok(other);
                }
                if self.is_zero(one) {
                    return Ok(self.add(Op::Not(other), 1));
                }
            }
        }
        Err(Op::Eq(a.min(b), a.max(b)))
    }

    /// A shift by a constant is wiring.
    fn shift(&mut self, op: Op, a: NodeId, amount: NodeId, width: u32) -> Result<NodeId, Op> {
        if self.is_zero(a) {
            return Ok(a);
        }
        let Some(amount) = self.value(amount).map(|amount| shift_amount(amount, width)) else { return Err(op) };
        let Some(amount) = amount.map(to_u32) else { return Ok(self.zero(width)) };
        if amount == 0 {
            return Ok(a);
        }
        let zeros = self.zero(amount);
        let left = matches!(op, Op::Shl(..));
        let kept = self.add(Op::Slice { of: a, offset: if left { 0 } else { amount } }, width - amount);
        Err(Op::Concat(if left { vec![zeros, kept] } else { vec![kept, zeros] }))
    }

    fn mux(&mut self, select: NodeId, then: NodeId, otherwise: NodeId, width: u32) -> Result<NodeId, Op> {
        if let Some(value) = self.value(select) {
            return Ok(if value[0] & 1 == 1 { then } else { otherwise });
        }
        if let Op::Not(inverse) = *self.op(select) {
            return Ok(self.add(Op::Mux { select: inverse, then: otherwise, otherwise: then }, width));
        }
        // Below an arm the condition is known.
        let then = match *self.op(then) {
            Op::Mux { select: inner, then, .. } if inner == select => then,
            _ => then,
        };
        let otherwise = match *self.op(otherwise) {
            Op::Mux { select: inner, otherwise, .. } if inner == select => otherwise,
            _ => otherwise,
        };
        if then == otherwise {
            return Ok(then);
        }
        if width == 1 {
            if self.is_ones(then) || then == select {
                return Ok(self.add(Op::Or(select, otherwise), 1));
            }
            if self.is_zero(otherwise) || otherwise == select {
                return Ok(self.add(Op::And(select, then), 1));
            }
            if self.is_zero(then) {
                let inverse = self.add(Op::Not(select), 1);
                return Ok(self.add(Op::And(inverse, otherwise), 1));
            }
            if self.is_ones(otherwise) {
                let inverse = self.add(Op::Not(select), 1);
                return Ok(self.add(Op::Or(inverse, then), 1));
            }
        }
        Err(Op::Mux { select, then, otherwise })
    }

    fn slice(&mut self, of: NodeId, offset: u32, width: u32) -> Result<NodeId, Op> {
        if width == self.width(of) {
            return Ok(of);
        }
        match self.op(of) {
            Op::Slice { of, offset: inner } => {
                let (of, offset) = (*of, offset + inner);
                Ok(self.add(Op::Slice { of, offset }, width))
            }
            Op::Concat(parts) => {
                // Only the parts that the slice touches.
                let mut position = 0;
                let mut first_position = 0;
                let mut touched = Vec::new();
                for &part in parts {
                    let end = position + self.width(part);
                    if end > offset && position < offset + width {
                        if touched.is_empty() {
                            first_position = position;
                        }
                        touched.push(part);
                    }
                    position = end;
                }
                let offset = offset - first_position;
                match touched[..] {
                    [only] => Ok(self.add(Op::Slice { of: only, offset }, width)),
                    _ if touched.len() <= 8 => {
                        let mut position = 0;
                        let mut pieces = Vec::with_capacity(touched.len());
                        for part in touched {
                            let part_width = self.width(part);
                            let from = offset.saturating_sub(position);
                            let to = (offset + width - position).min(part_width);
                            pieces.push(self.add(Op::Slice { of: part, offset: from }, to - from));
                            position += part_width;
                        }
                        Ok(self.add(Op::Concat(pieces), width))
                    }
                    _ => Err(Op::Slice { of, offset: offset + first_position }),
                }
            }
            _ => Err(Op::Slice { of, offset }),
        }
    }

    /// Joins neighbouring constants and neighbouring slices of one value.
    fn concat(&mut self, parts: Vec<NodeId>, width: u32) -> Result<NodeId, Op> {
        let mut joined: Vec<NodeId> = Vec::with_capacity(parts.len());
        for part in parts {
            let merged = joined.last().and_then(|&last| self.join(last, part));
            match merged {
                Some(both) => {
                    joined.pop();
                    joined.push(both);
                }
                None => joined.push(part),
            }
        }
        match joined[..] {
            [only] => Ok(only),
            _ => {
                let op = Op::Concat(joined);
                debug_assert!(width > 1);
                Err(op)
            }
        }
    }

    fn join(&mut self, low: NodeId, high: NodeId) -> Option<NodeId> {
        let (low_width, high_width) = (self.width(low), self.width(high));
        let width = low_width + high_width;
        match (self.op(low), self.op(high)) {
            (Op::Constant(_), Op::Constant(_)) => {
                let op = Op::Concat(vec![low, high]);
                self.fold(&op, width).map(|value| self.constant(value, width))
            }
            (Op::Slice { of: a, offset: from }, Op::Slice { of: b, offset: to })
                if a == b && from + low_width == *to =>
            {
                let (of, offset) = (*a, *from);
                Some(self.add(Op::Slice { of, offset }, width))
            }
            _ => None,
        }
    }
}
