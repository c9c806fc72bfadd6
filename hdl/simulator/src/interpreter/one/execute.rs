//! Executes one instruction; tells whether its result changed.

use super::program::{Column, Instruction, Part, ShiftShape};

/// A memory's contents: word `w` of entry `address` is at `address * words + w`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) words: usize,
    pub(super) data: Vec<u64>,
    /// The depth, a power of two, less one.
    pub(super) last: u64,
}

impl Contents {
    /// The word at `address` (taken modulo the depth).
    pub(super) fn entry(&self, address: u64) -> &[u64] {
        let at = self.position(address);
        &self.data[at..at + self.words]
    }

    /// Where that word begins in `data`.
    pub(super) fn position(&self, address: u64) -> usize {
        crate::words::to_index(address & self.last) * self.words
    }
}

/// What an instruction works on.
pub(super) struct Machine<'a> {
    pub(super) values: &'a mut [u64],
    pub(super) scratch: &'a mut [u64],
    pub(super) memories: &'a [Contents],
    pub(super) parts: &'a [Part],
    pub(super) shifts: &'a [ShiftShape],
}

/// Writes `value` and gives the bits that changed.
#[inline(always)]
fn put(slot: &mut u64, value: u64) -> u64 {
    let changed = *slot ^ value;
    *slot = value;
    changed
}

/// Copies and tells whether anything changed.
#[inline(always)]
pub(super) fn put_all(target: &mut [u64], source: &[u64]) -> bool {
    let mut changed = 0;
    for (slot, &value) in target.iter_mut().zip(source) {
        changed |= put(slot, value);
    }
    changed != 0
}

impl Machine<'_> {
    /// Applies `f` to each pair of words of two operands.
    #[inline(always)]
    fn zip(&mut self, d: Column, [a, b]: [Column; 2], words: u32, f: impl Fn(u64, u64) -> u64) -> bool {
        if words == 1 {
            let value = f(self.values[a as usize], self.values[b as usize]);
            return put(&mut self.values[d as usize], value) != 0;
        }
        let count = words as usize;
        let (sources, target) = self.values.split_at_mut(d as usize);
        let (a, b) = (&sources[a as usize..][..count], &sources[b as usize..][..count]);
        let mut changed = 0;
        for ((slot, &a), &b) in target[..count].iter_mut().zip(a).zip(b) {
            changed |= put(slot, f(a, b));
        }
        changed != 0
    }

    /// Applies `f` to each word of an operand.
    #[inline(always)]
    fn map(&mut self, d: Column, a: Column, words: u32, f: impl Fn(u64) -> u64) -> bool {
        self.zip(d, [a, a], words, |a, _| f(a))
    }

    /// The value in the first `words` words of scratch becomes that of `d`.
    #[inline(always)]
    fn commit(&mut self, d: Column, words: usize) -> bool {
        put_all(&mut self.values[d as usize..][..words], &self.scratch[..words])
    }

    /// Applies a mask to the top word of scratch, then commits it.
    #[inline(always)]
    fn commit_masked(&mut self, d: Column, words: u32, mask: u64) -> bool {
        let words = words as usize;
        self.scratch[words - 1] &= mask;
        self.commit(d, words)
    }

    /// Folds all words of two operands into one word, then finishes it.
    #[inline(always)]
    fn reduce(
        &mut self,
        d: Column,
        [a, b]: [Column; 2],
        words: u32,
        step: impl Fn(u64, u64, u64) -> u64,
        finish: impl Fn(u64) -> u64,
    ) -> bool {
        let (a, b) = (&self.values[a as usize..][..words as usize], &self.values[b as usize..][..words as usize]);
        let sum = a.iter().zip(b).fold(0, |sum, (&a, &b)| step(sum, a, b));
        put(&mut self.values[d as usize], finish(sum)) != 0
    }

    /// Executes one instruction; whether its result changed.
    #[inline(always)]
    pub(super) fn execute(&mut self, instruction: &Instruction) -> bool {
        match *instruction {
            Instruction::Copy { d, a, words } => self.map(d, a, words, |a| a),
            Instruction::Not { d, a, words, mask } => self.not(d, a, words, mask),
            Instruction::And { d, a, b, words } => self.zip(d, [a, b], words, |a, b| a & b),
            Instruction::Or { d, a, b, words } => self.zip(d, [a, b], words, |a, b| a | b),
            Instruction::Xor { d, a, b, words } => self.zip(d, [a, b], words, |a, b| a ^ b),
            Instruction::Not1 { d, a, mask } => self.map(d, a, 1, |a| !a & mask),
            Instruction::And1 { d, a, b } => self.zip(d, [a, b], 1, |a, b| a & b),
            Instruction::Or1 { d, a, b } => self.zip(d, [a, b], 1, |a, b| a | b),
            Instruction::Xor1 { d, a, b } => self.zip(d, [a, b], 1, |a, b| a ^ b),
            Instruction::Add1 { d, a, b, mask } => self.zip(d, [a, b], 1, |a, b| a.wrapping_add(b) & mask),
            Instruction::Sub1 { d, a, b, mask } => self.zip(d, [a, b], 1, |a, b| a.wrapping_sub(b) & mask),
            Instruction::Mul1 { d, a, b, mask } => self.zip(d, [a, b], 1, |a, b| a.wrapping_mul(b) & mask),
            Instruction::Eq1 { d, a, b } => self.zip(d, [a, b], 1, |a, b| u64::from(a == b)),
            Instruction::Lt1 { d, a, b } => self.zip(d, [a, b], 1, |a, b| u64::from(a < b)),
            Instruction::Mux1 { d, select, a, b } => self.mux(d, select, [a, b], 1),
            Instruction::Slice1 { d, a, shift, mask } => self.map(d, a, 1, |a| (a >> shift) & mask),
            Instruction::Straddle1 { d, a, shift, mask } => {
                self.zip(d, [a, a + 1], 1, |low, high| ((low >> shift) | (high << (64 - shift))) & mask)
            }
            Instruction::Join1 { d, a, b, shift } => self.zip(d, [a, b], 1, |a, b| a | (b << shift)),
            Instruction::All1 { d, a, mask } => self.map(d, a, 1, |a| u64::from(a == mask)),
            Instruction::Any1 { d, a } => self.map(d, a, 1, |a| u64::from(a != 0)),
            Instruction::Parity1 { d, a } => self.map(d, a, 1, |a| u64::from(a.count_ones() & 1)),
            Instruction::AddN { d, a, b, words, mask } => self.add(d, [a, b], words, mask, false),
            Instruction::SubN { d, a, b, words, mask } => self.add(d, [a, b], words, mask, true),
            Instruction::MulN { d, a, b, words, mask } => self.multiply(d, [a, b], words, mask),
            Instruction::EqN { d, a, b, words } => {
                self.reduce(d, [a, b], words, |sum, a, b| sum | (a ^ b), |sum| u64::from(sum == 0))
            }
            Instruction::LtN { d, a, b, words } => {
                // From the lowest word up, a higher word overrules.
                let step = |less, a, b| u64::from(a < b) | (u64::from(a == b) & less);
                self.reduce(d, [a, b], words, step, |less| less)
            }
            Instruction::MuxN { d, select, a, b, words } => self.mux(d, select, [a, b], words),
            Instruction::SliceN { d, a, words, shift, more, mask } => {
                self.slice(d, a, words, [shift, u32::from(more)], mask)
            }
            Instruction::Concat { d, words, first, count } => self.concat(d, words, first, count),
            Instruction::AllN { d, a, words, mask } => {
                // The top word's missing bits are not looked at.
                let (top, a) = (self.values[(a + words - 1) as usize], [a, a]);
                self.reduce(d, a, words - 1, |sum, a, _| sum | !a, |sum| u64::from(sum == 0 && top == mask))
            }
            Instruction::AnyN { d, a, words } => {
                self.reduce(d, [a, a], words, |sum, a, _| sum | a, |sum| u64::from(sum != 0))
            }
            Instruction::ParityN { d, a, words } => {
                self.reduce(d, [a, a], words, |sum, a, _| sum ^ a, |sum| u64::from(sum.count_ones() & 1))
            }
            Instruction::Shift { d, a, amount, shape } => self.shift(d, a, amount, shape),
            Instruction::MemoryRead { d, memory, address } => self.memory_read(d, memory, address),
        }
    }

    #[inline(always)]
    fn not(&mut self, d: Column, a: Column, words: u32, mask: u64) -> bool {
        let top = words - 1;
        let lower = self.map(d, a, top, |a| !a);
        self.map(d + top, a + top, 1, |a| !a & mask) | lower
    }

    #[inline(always)]
    fn mux(&mut self, d: Column, select: Column, [a, b]: [Column; 2], words: u32) -> bool {
        // A branch: the arm not taken is not touched.
        let arm = if self.values[select as usize] != 0 { a } else { b };
        if words == 1 {
            let value = self.values[arm as usize];
            return put(&mut self.values[d as usize], value) != 0;
        }
        let (sources, target) = self.values.split_at_mut(d as usize);
        put_all(&mut target[..words as usize], &sources[arm as usize..][..words as usize])
    }

    /// `a + b`, or `a - b`.
    #[inline(always)]
    fn add(&mut self, d: Column, [a, b]: [Column; 2], words: u32, mask: u64, subtract: bool) -> bool {
        let invert = if subtract { u64::MAX } else { 0 };
        let mut carry = u64::from(subtract);
        let (a, b) = (&self.values[a as usize..][..words as usize], &self.values[b as usize..][..words as usize]);
        for ((sum, &a), &b) in self.scratch.iter_mut().zip(a).zip(b) {
            let (partial, over) = a.overflowing_add(b ^ invert);
            let (total, over_again) = partial.overflowing_add(carry);
            *sum = total;
            carry = u64::from(over | over_again);
        }
        self.commit_masked(d, words, mask)
    }

    /// Schoolbook multiplication modulo `2^(64 * words)`.
    fn multiply(&mut self, d: Column, [a, b]: [Column; 2], words: u32, mask: u64) -> bool {
        let count = words as usize;
        let (a, b) = (&self.values[a as usize..][..count], &self.values[b as usize..][..count]);
        let product = &mut self.scratch[..count];
        product.fill(0);
        for (low, &factor) in a.iter().enumerate().filter(|&(_, &factor)| factor != 0) {
            let mut carry = 0_u64;
            for (slot, &b) in product[low..].iter_mut().zip(b) {
                let sum = u128::from(factor) * u128::from(b) + u128::from(*slot) + u128::from(carry);
                (*slot, carry) = split(sum);
            }
        }
        self.commit_masked(d, words, mask)
    }

    #[inline(always)]
    fn slice(&mut self, d: Column, a: Column, words: u32, [shift, more]: [u32; 2], mask: u64) -> bool {
        let top = words - 1;
        if shift == 0 {
            let lower = self.map(d, a, top, |a| a);
            return self.map(d + top, a + top, 1, |a| a & mask) | lower;
        }
        let join = |low: u64, high: u64| (low >> shift) | (high << (64 - shift));
        let lower = self.zip(d, [a, a + 1], top, join);
        let highest = if more == 1 {
            self.zip(d + top, [a + top, a + top + 1], 1, |low, high| join(low, high) & mask)
        } else {
            self.map(d + top, a + top, 1, |low| (low >> shift) & mask)
        };
        highest | lower
    }

    #[inline(always)]
    fn concat(&mut self, d: Column, words: u32, first: u32, count: u32) -> bool {
        let words = words as usize;
        self.scratch[..words].fill(0);
        for part in &self.parts[first as usize..][..count as usize] {
            let source = &self.values[part.a as usize..][..part.words as usize];
            let target = &mut self.scratch[part.word as usize..words];
            if part.shift == 0 {
                for (slot, &value) in target.iter_mut().zip(source) {
                    *slot |= value;
                }
                continue;
            }
            for (slot, &value) in target.iter_mut().zip(source) {
                *slot |= value << part.shift;
            }
            // What spills over the top of the result is zero, and so has no slot.
            for (slot, &value) in target[1..].iter_mut().zip(source) {
                *slot |= value >> (64 - part.shift);
            }
        }
        self.commit(d, words)
    }

    /// Shift by a variable amount.
    fn shift(&mut self, d: Column, a: Column, amount: Column, shape: u32) -> bool {
        let ShiftShape { left, width, amount_words } = self.shifts[shape as usize];
        let words = crate::words::word_count(width);
        let amounts = &self.values[amount as usize..][..amount_words as usize];
        let value = &self.values[a as usize..][..words];
        let result = &mut self.scratch[..words];
        result.fill(0);
        if amounts[0] < u64::from(width) && amounts[1..].iter().all(|&word| word == 0) {
            let (far, near) = (crate::words::to_index(amounts[0] / 64), amounts[0] % 64);
            // Words beside the value are zero.
            let word = |index: Option<usize>| index.and_then(|index| value.get(index)).copied().unwrap_or(0);
            let over = |word: u64, up: bool| match (near, up) {
                (0, _) => 0,
                (_, true) => word >> (64 - near),
                (_, false) => word << (64 - near),
            };
            for (index, slot) in result.iter_mut().enumerate() {
                *slot = if left {
                    (word(index.checked_sub(far)) << near) | over(word(index.checked_sub(far + 1)), true)
                } else {
                    (word(Some(index + far)) >> near) | over(word(Some(index + far + 1)), false)
                };
            }
        }
        self.commit_masked(d, crate::words::to_u32(words), crate::words::top_mask(width))
    }

    fn memory_read(&mut self, d: Column, memory: u32, address: Column) -> bool {
        let entry = self.memories[memory as usize].entry(self.values[address as usize]);
        put_all(&mut self.values[d as usize..][..entry.len()], entry)
    }
}

/// The low and the high half.
#[allow(clippy::cast_possible_truncation, reason = "the halves of 128 bits are 64 bits each")]
fn split(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}
