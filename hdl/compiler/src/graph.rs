//! The word graph: every value cut into words of 64 bits, each distinct word expression once, simplified as it is made.
//!
//! A word node knows which of its bits may be set at all ([`Graph::ones`]); masks, concatenations and slices of narrow
//! fields mostly vanish by that.

use std::collections::HashMap;

/// Index of a word node. Operands have smaller indices than their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct W(pub(crate) u32);

/// A storage cell: a register, the data of a memory's read port, or an input. Index into [`Graph::cells`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell(pub(crate) u32);

/// Operations on values of several words that are not worth taking apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WideOp {
    /// Product modulo `2^(64 * words)`.
    Mul,
    /// Left shift; the amount is the last operand.
    Shl,
    /// Right shift; the amount is the last operand.
    Shr,
}

/// What a word node computes. All arithmetic is modulo `2^64`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Const(u64),
    /// The present value of a word of a cell.
    Load(Cell, u32),
    And(W, W),
    Or(W, W),
    Xor(W, W),
    Add(W, W),
    Sub(W, W),
    Mul(W, W),
    /// 1 if equal.
    Eq(W, W),
    /// 1 if less.
    Lt(W, W),
    /// Shift by a constant below 64.
    Shl(W, u32),
    /// Shift by a constant below 64.
    Shr(W, u32),
    /// Shift by a variable amount; 64 or more gives 0.
    ShlBy(W, W),
    /// Shift by a variable amount; 64 or more gives 0.
    ShrBy(W, W),
    /// `select` is 0 or 1.
    Mux(W, W, W),
    /// 1 if the number of set bits is odd.
    Parity(W),
    /// Word of the entry of a memory at an address.
    Read {
        memory: u32,
        word: u32,
        address: W,
    },
    /// Several words at once; used through [`Op::Part`] only.
    Wide {
        op: WideOp,
        words: u32,
        operands: Vec<W>,
    },
    /// A word of a [`Op::Wide`].
    Part(W, u32),
}

/// The widths of a cell.
#[derive(Clone, Debug)]
pub(crate) struct CellInfo {
    pub(crate) width: u32,
}

#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) ops: Vec<Op>,
    ones: Vec<u64>,
    known: HashMap<Op, W>,
    pub(crate) cells: Vec<CellInfo>,
}

/// Calls `visit` with every operand.
pub(crate) fn operands(op: &Op, mut visit: impl FnMut(W)) {
    match op {
        Op::Const(_) | Op::Load(..) => {}
        Op::Shl(a, _) | Op::Shr(a, _) | Op::Parity(a) | Op::Part(a, _) | Op::Read { address: a, .. } => visit(*a),
        Op::And(a, b)
        | Op::Or(a, b)
        | Op::Xor(a, b)
        | Op::Add(a, b)
        | Op::Sub(a, b)
        | Op::Mul(a, b)
        | Op::Eq(a, b)
        | Op::Lt(a, b)
        | Op::ShlBy(a, b)
        | Op::ShrBy(a, b) => {
            visit(*a);
            visit(*b);
        }
        Op::Mux(s, a, b) => {
            visit(*s);
            visit(*a);
            visit(*b);
        }
        Op::Wide { operands, .. } => operands.iter().copied().for_each(visit),
    }
}

/// A mask of the `bits` lowest bits, at most 64.
pub(crate) fn low(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// The smallest mask of lowest bits that covers a value.
fn fill(value: u64) -> u64 {
    low(64 - value.leading_zeros())
}

impl Graph {
    pub(crate) fn op(&self, w: W) -> &Op {
        &self.ops[w.0 as usize]
    }

    /// The bits that may be set.
    pub(crate) fn ones(&self, w: W) -> u64 {
        self.ones[w.0 as usize]
    }

    pub(crate) fn value(&self, w: W) -> Option<u64> {
        match self.op(w) {
            Op::Const(value) => Some(*value),
            _ => None,
        }
    }

    fn intern(&mut self, op: Op, ones: u64) -> W {
        if let Some(&known) = self.known.get(&op) {
            return known;
        }
        if ones == 0 && op != Op::Const(0) {
            return self.constant(0);
        }
        let w = W(u32::try_from(self.ops.len()).unwrap_or(u32::MAX));
        self.ops.push(op.clone());
        self.ones.push(ones);
        self.known.insert(op, w);
        w
    }

    pub(crate) fn constant(&mut self, value: u64) -> W {
        self.intern(Op::Const(value), value)
    }

    pub(crate) fn load(&mut self, cell: Cell, word: u32) -> W {
        let rest = self.cells[cell.0 as usize].width - 64 * word;
        self.intern(Op::Load(cell, word), low(rest))
    }

    /// The load of a word that is known to exist.
    pub(crate) fn known_load(&self, cell: Cell, word: u32) -> W {
        self.known[&Op::Load(cell, word)]
    }

    pub(crate) fn read(&mut self, memory: u32, word: u32, address: W, width: u32) -> W {
        self.intern(Op::Read { memory, word, address }, low(width - 64 * word))
    }

    pub(crate) fn wide(&mut self, op: WideOp, words: u32, operands: Vec<W>) -> W {
        self.intern(Op::Wide { op, words, operands }, u64::MAX)
    }

    pub(crate) fn part(&mut self, wide: W, word: u32) -> W {
        self.intern(Op::Part(wide, word), u64::MAX)
    }

    pub(crate) fn not(&mut self, a: W, mask: u64) -> W {
        let mask = self.constant(mask);
        self.xor(a, mask)
    }

    pub(crate) fn mask(&mut self, a: W, mask: u64) -> W {
        let mask = self.constant(mask);
        self.and(a, mask)
    }

    /// Whether `b` is the complement of the single bit `a`.
    fn complementary(&self, a: W, b: W) -> bool {
        let is = |x: W, y: W| matches!(*self.op(x), Op::Xor(p, q) if p == y && self.value(q) == Some(1));
        self.ones(a) == 1 && self.ones(b) == 1 && (is(a, b) || is(b, a))
    }

    /// Orders commutative operands, a constant last.
    fn order(&self, a: W, b: W) -> (W, W) {
        match (self.value(a), self.value(b)) {
            (Some(_), None) => (b, a),
            (None, Some(_)) => (a, b),
            _ => (a.min(b), a.max(b)),
        }
    }

    pub(crate) fn and(&mut self, a: W, b: W) -> W {
        let (a, b) = self.order(a, b);
        let ones = self.ones(a) & self.ones(b);
        if a == b {
            return a;
        }
        if ones == 0 || self.complementary(a, b) {
            return self.constant(0);
        }
        if let Some(mask) = self.value(b) {
            if let Some(value) = self.value(a) {
                return self.constant(value & mask);
            }
            if ones == self.ones(a) {
                return a;
            }
            match *self.op(a) {
                Op::And(x, c) if self.value(c).is_some() => {
                    let both = mask & self.ones(c);
                    return self.mask(x, both);
                }
                Op::Or(x, y) if self.ones(x) & mask == 0 => return self.mask(y, mask),
                Op::Or(x, y) if self.ones(y) & mask == 0 => return self.mask(x, mask),
                Op::Or(x, y) if self.ones(x) & mask == self.ones(x) && self.value(x).is_none() => {
                    // One side passes whole; the mask moves inward where it may find something to remove.
                    if matches!(self.op(y), Op::Shl(..) | Op::Or(..) | Op::And(..)) {
                        let y = self.mask(y, mask);
                        return self.or(x, y);
                    }
                }
                Op::Or(x, y) if self.ones(y) & mask == self.ones(y) => {
                    if matches!(self.op(x), Op::Shl(..) | Op::Or(..) | Op::And(..)) {
                        let x = self.mask(x, mask);
                        return self.or(x, y);
                    }
                }
                Op::Shl(x, by) => {
                    let x = self.mask(x, ones >> by);
                    return self.shl(x, by);
                }
                _ => {}
            }
            let mask = self.constant(ones);
            return self.intern(Op::And(a, mask), ones);
        }
        if ones == 1 && self.ones(a) == 1 && self.ones(b) == 1 {
            for (x, y) in [(a, b), (b, a)] {
                match *self.op(y) {
                    Op::And(p, q) if p == x || q == x => return y,
                    Op::Or(p, q) if p == x || q == x => return x,
                    Op::Or(p, q) if self.complementary(p, x) => return self.and(x, q),
                    Op::Or(p, q) if self.complementary(q, x) => return self.and(x, p),
                    _ => {}
                }
            }
        }
        self.intern(Op::And(a, b), ones)
    }

    pub(crate) fn or(&mut self, a: W, b: W) -> W {
        let (a, b) = self.order(a, b);
        let ones = self.ones(a) | self.ones(b);
        if a == b || self.ones(b) == 0 {
            return a;
        }
        if self.ones(a) == 0 {
            return b;
        }
        if let (Some(x), Some(y)) = (self.value(a), self.value(b)) {
            return self.constant(x | y);
        }
        if self.complementary(a, b) {
            return self.constant(1);
        }
        if self.value(b).is_some_and(|value| value == ones && self.ones(a) & !value == 0) {
            return b;
        }
        if ones == 1 {
            for (x, y) in [(a, b), (b, a)] {
                match *self.op(y) {
                    Op::Or(p, q) if p == x || q == x => return y,
                    Op::And(p, q) if p == x || q == x => return x,
                    Op::And(p, q) if self.complementary(p, x) => return self.or(x, q),
                    Op::And(p, q) if self.complementary(q, x) => return self.or(x, p),
                    _ => {}
                }
            }
        }
        self.intern(Op::Or(a, b), ones)
    }

    pub(crate) fn xor(&mut self, a: W, b: W) -> W {
        let (a, b) = self.order(a, b);
        if a == b {
            return self.constant(0);
        }
        if let Some(y) = self.value(b) {
            if let Some(x) = self.value(a) {
                return self.constant(x ^ y);
            }
            if y == 0 {
                return a;
            }
            if let Op::Xor(x, c) = *self.op(a)
                && let Some(c) = self.value(c)
            {
                let both = self.constant(c ^ y);
                return self.xor(x, both);
            }
        }
        self.intern(Op::Xor(a, b), self.ones(a) | self.ones(b))
    }

    pub(crate) fn add(&mut self, a: W, b: W) -> W {
        let (a, b) = self.order(a, b);
        if let (Some(x), Some(y)) = (self.value(a), self.value(b)) {
            return self.constant(x.wrapping_add(y));
        }
        if self.ones(b) == 0 {
            return a;
        }
        let ones = self.ones(a).checked_add(self.ones(b)).map_or(u64::MAX, fill);
        self.intern(Op::Add(a, b), ones)
    }

    pub(crate) fn sub(&mut self, a: W, b: W) -> W {
        if a == b {
            return self.constant(0);
        }
        if let (Some(x), Some(y)) = (self.value(a), self.value(b)) {
            return self.constant(x.wrapping_sub(y));
        }
        if self.ones(b) == 0 {
            return a;
        }
        self.intern(Op::Sub(a, b), u64::MAX)
    }

    pub(crate) fn mul(&mut self, a: W, b: W) -> W {
        let (a, b) = self.order(a, b);
        if let Some(y) = self.value(b) {
            if let Some(x) = self.value(a) {
                return self.constant(x.wrapping_mul(y));
            }
            if y.is_power_of_two() {
                return self.shl(a, y.trailing_zeros());
            }
        }
        let ones = self.ones(a).checked_mul(self.ones(b)).map_or(u64::MAX, fill);
        self.intern(Op::Mul(a, b), ones)
    }

    pub(crate) fn eq(&mut self, a: W, b: W) -> W {
        let (a, b) = self.order(a, b);
        if a == b {
            return self.constant(1);
        }
        if let Some(y) = self.value(b) {
            if let Some(x) = self.value(a) {
                return self.constant(u64::from(x == y));
            }
            if y & !self.ones(a) != 0 {
                return self.constant(0);
            }
            if self.ones(a) == 1 {
                return if y == 1 { a } else { self.not(a, 1) };
            }
            if let Op::Shl(x, by) = *self.op(a) {
                let y = self.constant(y >> by);
                return self.eq(x, y);
            }
        }
        self.intern(Op::Eq(a, b), 1)
    }

    pub(crate) fn lt(&mut self, a: W, b: W) -> W {
        if let (Some(x), Some(y)) = (self.value(a), self.value(b)) {
            return self.constant(u64::from(x < y));
        }
        if a == b || self.ones(b) == 0 {
            return self.constant(0);
        }
        if self.value(b).is_some_and(|y| self.ones(a) < y) {
            return self.constant(1);
        }
        if self.value(a).is_some_and(|x| x >= fill(self.ones(b))) {
            return self.constant(0);
        }
        self.intern(Op::Lt(a, b), 1)
    }

    pub(crate) fn shl(&mut self, a: W, by: u32) -> W {
        if by == 0 {
            return a;
        }
        if by >= 64 || self.ones(a) << by == 0 {
            return self.constant(0);
        }
        match *self.op(a) {
            Op::Const(value) => self.constant(value << by),
            Op::Shl(x, more) => self.shl(x, by + more),
            _ => self.intern(Op::Shl(a, by), self.ones(a) << by),
        }
    }

    pub(crate) fn shr(&mut self, a: W, by: u32) -> W {
        if by == 0 {
            return a;
        }
        if by >= 64 || self.ones(a) >> by == 0 {
            return self.constant(0);
        }
        match *self.op(a) {
            Op::Const(value) => return self.constant(value >> by),
            Op::Shr(x, more) => return self.shr(x, by + more),
            Op::Shl(x, up) if (self.ones(x) << up) >> up == self.ones(x) => {
                return if up >= by { self.shl(x, up - by) } else { self.shr(x, by - up) };
            }
            Op::Or(x, y) => {
                let simple = |graph: &Self, w: W| {
                    graph.ones(w) >> by == 0 || matches!(graph.op(w), Op::Shl(..) | Op::Const(_) | Op::Or(..))
                };
                if simple(self, x) || simple(self, y) {
                    let (x, y) = (self.shr(x, by), self.shr(y, by));
                    return self.or(x, y);
                }
            }
            Op::And(x, mask) => {
                if let Some(mask) = self.value(mask) {
                    let x = self.shr(x, by);
                    return self.mask(x, mask >> by);
                }
            }
            _ => {}
        }
        self.intern(Op::Shr(a, by), self.ones(a) >> by)
    }

    /// Bits `from ..` of a word, `width` of them.
    pub(crate) fn bits(&mut self, a: W, from: u32, width: u32) -> W {
        let shifted = self.shr(a, from);
        self.mask(shifted, low(width))
    }

    pub(crate) fn shl_by(&mut self, a: W, by: W) -> W {
        match self.value(by) {
            Some(by) => self.shl(a, u32::try_from(by).unwrap_or(64)),
            None => self.intern(Op::ShlBy(a, by), u64::MAX << self.ones(a).trailing_zeros().min(63)),
        }
    }

    pub(crate) fn shr_by(&mut self, a: W, by: W) -> W {
        match self.value(by) {
            Some(by) => self.shr(a, u32::try_from(by).unwrap_or(64)),
            None => self.intern(Op::ShrBy(a, by), fill(self.ones(a))),
        }
    }

    pub(crate) fn parity(&mut self, a: W) -> W {
        match self.value(a) {
            Some(value) => self.constant(u64::from(value.count_ones() & 1)),
            None if self.ones(a) == 1 => a,
            None => self.intern(Op::Parity(a), 1),
        }
    }

    pub(crate) fn mux(&mut self, select: W, then: W, otherwise: W) -> W {
        if let Some(select) = self.value(select) {
            return if select == 1 { then } else { otherwise };
        }
        if then == otherwise {
            return then;
        }
        if let Op::Xor(inner, one) = *self.op(select)
            && self.value(one) == Some(1)
        {
            return self.mux(inner, otherwise, then);
        }
        // Arms that ask for the same condition again, or for the other's arm.
        let then = self.under(then, select, true);
        let otherwise = self.under(otherwise, select, false);
        if then == otherwise {
            return then;
        }
        if self.ones(then) <= 1 && self.ones(otherwise) <= 1 {
            match (self.value(then), self.value(otherwise)) {
                (Some(1), _) => return self.or(select, otherwise),
                (Some(_), _) => {
                    let not = self.not(select, 1);
                    return self.and(not, otherwise);
                }
                (_, Some(0)) => return self.and(select, then),
                (_, Some(_)) => {
                    let not = self.not(select, 1);
                    return self.or(not, then);
                }
                _ => {}
            }
        }
        if let Op::Mux(inner, x, y) = *self.op(otherwise)
            && x == then
        {
            let either = self.or(select, inner);
            return self.mux(either, x, y);
        }
        if let Op::Mux(inner, x, y) = *self.op(then)
            && y == otherwise
        {
            let both = self.and(select, inner);
            return self.mux(both, x, y);
        }
        let ones = self.ones(then) | self.ones(otherwise);
        self.intern(Op::Mux(select, then, otherwise), ones)
    }

    /// A value where the condition is known.
    fn under(&self, value: W, select: W, set: bool) -> W {
        match *self.op(value) {
            Op::Mux(inner, then, otherwise) if inner == select => {
                self.under(if set { then } else { otherwise }, select, set)
            }
            _ => value,
        }
    }
}
