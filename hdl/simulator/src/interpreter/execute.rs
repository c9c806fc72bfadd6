//! Executes one instruction over all lanes; tells whether its result changed.
//!
//! `LANES` is the number of lanes if it is known at compile time, else 0: with one lane all column arithmetic folds away.

use super::program::{Column, Instruction, Part, ShiftShape};

/// A memory's contents: word `w` of entry `address` of lane `lane` is at `(lane * depth + address) * words + w`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) words: usize,
    pub(crate) depth: usize,
    pub(crate) data: Vec<u64>,
}

impl Contents {
    /// The word at `address` (taken modulo the depth) of a lane.
    pub(crate) fn entry(&self, lane: usize, address: u64) -> &[u64] {
        let at = self.position(lane, address);
        &self.data[at..at + self.words]
    }

    /// Where that word begins in `data`.
    pub(crate) fn position(&self, lane: usize, address: u64) -> usize {
        // The depth is a power of two, so the mask keeps the address in range whatever it is.
        let address = crate::words::to_index(address & (self.depth as u64 - 1));
        (lane * self.depth + address) * self.words
    }
}

/// What an instruction works on.
pub(crate) struct Machine<'a> {
    pub(crate) values: &'a mut [u64],
    pub(crate) scratch: &'a mut [u64],
    pub(crate) memories: &'a [Contents],
    pub(crate) parts: &'a [Part],
    pub(crate) shifts: &'a [ShiftShape],
    pub(crate) lanes: usize,
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
pub(crate) fn put_all(target: &mut [u64], source: &[u64]) -> bool {
    let mut changed = 0;
    for (slot, &value) in target.iter_mut().zip(source) {
        changed |= put(slot, value);
    }
    changed != 0
}

/// All ones for a set bit, else zero.
#[inline(always)]
fn mask_of(bit: u64) -> u64 {
    0_u64.wrapping_sub(bit)
}

impl Machine<'_> {
    #[inline(always)]
    fn lanes<const LANES: usize>(&self) -> usize {
        if LANES == 0 { self.lanes } else { LANES }
    }

    /// Applies `f` to each pair of words of two operands.
    #[inline(always)]
    fn zip<const LANES: usize>(
        &mut self,
        d: Column,
        [a, b]: [Column; 2],
        words: u32,
        f: impl Fn(u64, u64) -> u64,
    ) -> bool {
        let lanes = self.lanes::<LANES>();
        if LANES == 1 && words == 1 {
            let value = f(self.values[a as usize], self.values[b as usize]);
            return put(&mut self.values[d as usize], value) != 0;
        }
        let count = words as usize * lanes;
        let (sources, target) = self.values.split_at_mut(d as usize * lanes);
        let (a, b) = (&sources[a as usize * lanes..][..count], &sources[b as usize * lanes..][..count]);
        let mut changed = 0;
        for ((slot, &a), &b) in target[..count].iter_mut().zip(a).zip(b) {
            changed |= put(slot, f(a, b));
        }
        changed != 0
    }

    /// Applies `f` to each word of an operand.
    #[inline(always)]
    fn map<const LANES: usize>(&mut self, d: Column, a: Column, words: u32, f: impl Fn(u64) -> u64) -> bool {
        self.zip::<LANES>(d, [a, a], words, |a, _| f(a))
    }

    /// The value that the first `words` columns of scratch hold becomes that of `d`.
    #[inline(always)]
    fn commit<const LANES: usize>(&mut self, d: Column, words: usize) -> bool {
        let lanes = self.lanes::<LANES>();
        put_all(&mut self.values[d as usize * lanes..][..words * lanes], &self.scratch[..words * lanes])
    }

    /// Applies a mask to the top word of scratch, then commits it.
    #[inline(always)]
    fn commit_masked<const LANES: usize>(&mut self, d: Column, words: u32, mask: u64) -> bool {
        let lanes = self.lanes::<LANES>();
        let words = words as usize;
        for slot in &mut self.scratch[(words - 1) * lanes..words * lanes] {
            *slot &= mask;
        }
        self.commit::<LANES>(d, words)
    }

    /// Folds all words of two operands into one word a lane, then finishes it.
    #[inline(always)]
    fn reduce<const LANES: usize>(
        &mut self,
        d: Column,
        [a, b]: [Column; 2],
        words: u32,
        step: impl Fn(u64, u64, u64) -> u64,
        finish: impl Fn(u64) -> u64,
    ) -> bool {
        let lanes = self.lanes::<LANES>();
        let scratch = &mut self.scratch[..lanes];
        scratch.fill(0);
        for word in 0..words as usize {
            let a = &self.values[(a as usize + word) * lanes..][..lanes];
            let b = &self.values[(b as usize + word) * lanes..][..lanes];
            for ((slot, &a), &b) in scratch.iter_mut().zip(a).zip(b) {
                *slot = step(*slot, a, b);
            }
        }
        for slot in scratch {
            *slot = finish(*slot);
        }
        self.commit::<LANES>(d, 1)
    }

    /// Executes one instruction; whether its result changed.
    #[inline(always)]
    pub(crate) fn execute<const LANES: usize>(&mut self, instruction: &Instruction) -> bool {
        match *instruction {
            Instruction::Copy { d, a, words } => self.map::<LANES>(d, a, words, |a| a),
            Instruction::Not { d, a, words, mask } => self.not::<LANES>(d, a, words, mask),
            Instruction::And { d, a, b, words } => self.zip::<LANES>(d, [a, b], words, |a, b| a & b),
            Instruction::Or { d, a, b, words } => self.zip::<LANES>(d, [a, b], words, |a, b| a | b),
            Instruction::Xor { d, a, b, words } => self.zip::<LANES>(d, [a, b], words, |a, b| a ^ b),
            Instruction::Not1 { d, a, mask } => self.map::<LANES>(d, a, 1, |a| !a & mask),
            Instruction::And1 { d, a, b } => self.zip::<LANES>(d, [a, b], 1, |a, b| a & b),
            Instruction::Or1 { d, a, b } => self.zip::<LANES>(d, [a, b], 1, |a, b| a | b),
            Instruction::Xor1 { d, a, b } => self.zip::<LANES>(d, [a, b], 1, |a, b| a ^ b),
            Instruction::Add1 { d, a, b, mask } => self.zip::<LANES>(d, [a, b], 1, |a, b| a.wrapping_add(b) & mask),
            Instruction::Sub1 { d, a, b, mask } => self.zip::<LANES>(d, [a, b], 1, |a, b| a.wrapping_sub(b) & mask),
            Instruction::Mul1 { d, a, b, mask } => self.zip::<LANES>(d, [a, b], 1, |a, b| a.wrapping_mul(b) & mask),
            Instruction::Eq1 { d, a, b } => self.zip::<LANES>(d, [a, b], 1, |a, b| u64::from(a == b)),
            Instruction::Lt1 { d, a, b } => self.zip::<LANES>(d, [a, b], 1, |a, b| u64::from(a < b)),
            Instruction::Mux1 { d, select, a, b } => self.mux::<LANES>(d, select, [a, b], 1),
            Instruction::Slice1 { d, a, shift, mask } => self.map::<LANES>(d, a, 1, |a| (a >> shift) & mask),
            Instruction::Straddle1 { d, a, shift, mask } => {
                self.zip::<LANES>(d, [a, a + 1], 1, |low, high| ((low >> shift) | (high << (64 - shift))) & mask)
            }
            Instruction::Join1 { d, a, b, shift } => self.zip::<LANES>(d, [a, b], 1, |a, b| a | (b << shift)),
            Instruction::All1 { d, a, mask } => self.map::<LANES>(d, a, 1, |a| u64::from(a == mask)),
            Instruction::Any1 { d, a } => self.map::<LANES>(d, a, 1, |a| u64::from(a != 0)),
            Instruction::Parity1 { d, a } => self.map::<LANES>(d, a, 1, |a| u64::from(a.count_ones() & 1)),
            Instruction::AddN { d, a, b, words, mask } => self.add::<LANES>(d, [a, b], words, mask, false),
            Instruction::SubN { d, a, b, words, mask } => self.add::<LANES>(d, [a, b], words, mask, true),
            Instruction::MulN { d, a, b, words, mask } => self.multiply::<LANES>(d, [a, b], words, mask),
            Instruction::EqN { d, a, b, words } => {
                self.reduce::<LANES>(d, [a, b], words, |sum, a, b| sum | (a ^ b), |sum| u64::from(sum == 0))
            }
            Instruction::LtN { d, a, b, words } => {
                // From the lowest word up, a higher word overrules.
                let step = |less, a, b| u64::from(a < b) | (u64::from(a == b) & less);
                self.reduce::<LANES>(d, [a, b], words, step, |less| less)
            }
            Instruction::MuxN { d, select, a, b, words } => self.mux::<LANES>(d, select, [a, b], words),
            Instruction::SliceN { d, a, words, shift, more, mask } => {
                self.slice::<LANES>(d, a, words, [shift, u32::from(more)], mask)
            }
            Instruction::Concat { d, words, first, count } => self.concat::<LANES>(d, words, first, count),
            Instruction::AllN { d, a, words, mask } => {
                // The bits that are missing, those above the top word's mask being made up.
                let top = a + words - 1;
                let lower = |sum, a: u64, _| sum | !a;
                let missing = self.reduce_to_scratch::<LANES>(a, words - 1, lower);
                let lanes = self.lanes::<LANES>();
                let tops = &self.values[top as usize * lanes..][..lanes];
                for (slot, &top) in self.scratch[..missing].iter_mut().zip(tops) {
                    *slot = u64::from(*slot == 0 && top == mask);
                }
                self.commit::<LANES>(d, 1)
            }
            Instruction::AnyN { d, a, words } => {
                self.reduce::<LANES>(d, [a, a], words, |sum, a, _| sum | a, |sum| u64::from(sum != 0))
            }
            Instruction::ParityN { d, a, words } => {
                self.reduce::<LANES>(d, [a, a], words, |sum, a, _| sum ^ a, |sum| u64::from(sum.count_ones() & 1))
            }
            Instruction::Shift { d, a, amount, shape } => self.shift::<LANES>(d, a, amount, shape),
            Instruction::MemoryRead { d, memory, address } => self.memory_read::<LANES>(d, memory, address),
        }
    }

    /// Folds words into scratch only; gives the number of lanes.
    #[inline(always)]
    fn reduce_to_scratch<const LANES: usize>(
        &mut self,
        a: Column,
        words: u32,
        step: impl Fn(u64, u64, u64) -> u64,
    ) -> usize {
        let lanes = self.lanes::<LANES>();
        self.scratch[..lanes].fill(0);
        for word in 0..words as usize {
            let a = &self.values[(a as usize + word) * lanes..][..lanes];
            for (slot, &a) in self.scratch[..lanes].iter_mut().zip(a) {
                *slot = step(*slot, a, a);
            }
        }
        lanes
    }

    #[inline(always)]
    fn not<const LANES: usize>(&mut self, d: Column, a: Column, words: u32, mask: u64) -> bool {
        let top = words - 1;
        let lower = self.map::<LANES>(d, a, top, |a| !a);
        self.map::<LANES>(d + top, a + top, 1, |a| !a & mask) | lower
    }

    #[inline(always)]
    fn mux<const LANES: usize>(&mut self, d: Column, select: Column, [a, b]: [Column; 2], words: u32) -> bool {
        let lanes = self.lanes::<LANES>();
        if LANES == 1 && words == 1 {
            let arm = if self.values[select as usize] != 0 { a } else { b };
            let value = self.values[arm as usize];
            return put(&mut self.values[d as usize], value) != 0;
        }
        let count = words as usize * lanes;
        let (sources, target) = self.values.split_at_mut(d as usize * lanes);
        let target = &mut target[..count];
        if LANES == 1 {
            // A branch: the arm not taken is not touched.
            let arm = if sources[select as usize] != 0 { a } else { b };
            return put_all(target, &sources[arm as usize..][..count]);
        }
        let select = &sources[select as usize * lanes..][..lanes];
        let mut changed = 0;
        for word in 0..words as usize {
            let a = &sources[(a as usize + word) * lanes..][..lanes];
            let b = &sources[(b as usize + word) * lanes..][..lanes];
            let target = &mut target[word * lanes..][..lanes];
            for (((slot, &select), &a), &b) in target.iter_mut().zip(select).zip(a).zip(b) {
                changed |= put(slot, b ^ ((a ^ b) & mask_of(select)));
            }
        }
        changed != 0
    }

    /// `a + b`, or `a - b`, with the carry of each lane in the last column of scratch.
    #[inline(always)]
    fn add<const LANES: usize>(
        &mut self,
        d: Column,
        [a, b]: [Column; 2],
        words: u32,
        mask: u64,
        subtract: bool,
    ) -> bool {
        let lanes = self.lanes::<LANES>();
        let invert = mask_of(u64::from(subtract));
        let (sums, rest) = self.scratch.split_at_mut(words as usize * lanes);
        let carries = &mut rest[..lanes];
        carries.fill(u64::from(subtract));
        for (word, sums) in sums.chunks_exact_mut(lanes).enumerate() {
            let a = &self.values[(a as usize + word) * lanes..][..lanes];
            let b = &self.values[(b as usize + word) * lanes..][..lanes];
            for (((sum, carry), &a), &b) in sums.iter_mut().zip(carries.iter_mut()).zip(a).zip(b) {
                let (partial, over) = a.overflowing_add(b ^ invert);
                let (total, over_again) = partial.overflowing_add(*carry);
                *sum = total;
                *carry = u64::from(over | over_again);
            }
        }
        self.commit_masked::<LANES>(d, words, mask)
    }

    /// Schoolbook multiplication modulo `2^(64 * words)`, lane by lane.
    fn multiply<const LANES: usize>(&mut self, d: Column, [a, b]: [Column; 2], words: u32, mask: u64) -> bool {
        let lanes = self.lanes::<LANES>();
        let count = words as usize;
        let values = &*self.values;
        let word = |column: Column, index: usize, lane: usize| values[(column as usize + index) * lanes + lane];
        self.scratch[..count * lanes].fill(0);
        for lane in 0..lanes {
            for low in 0..count {
                let factor = u128::from(word(a, low, lane));
                if factor == 0 {
                    continue;
                }
                let mut carry = 0_u64;
                for high in 0..count - low {
                    let slot = &mut self.scratch[(low + high) * lanes + lane];
                    let sum = factor * u128::from(word(b, high, lane)) + u128::from(*slot) + u128::from(carry);
                    (*slot, carry) = split(sum);
                }
            }
        }
        self.commit_masked::<LANES>(d, words, mask)
    }

    #[inline(always)]
    fn slice<const LANES: usize>(
        &mut self,
        d: Column,
        a: Column,
        words: u32,
        [shift, more]: [u32; 2],
        mask: u64,
    ) -> bool {
        let top = words - 1;
        if shift == 0 {
            let lower = self.map::<LANES>(d, a, top, |a| a);
            return self.map::<LANES>(d + top, a + top, 1, |a| a & mask) | lower;
        }
        let join = |low: u64, high: u64| (low >> shift) | (high << (64 - shift));
        let lower = self.zip::<LANES>(d, [a, a + 1], top, join);
        let highest = if more == 1 {
            self.zip::<LANES>(d + top, [a + top, a + top + 1], 1, |low, high| join(low, high) & mask)
        } else {
            self.map::<LANES>(d + top, a + top, 1, |low| (low >> shift) & mask)
        };
        highest | lower
    }

    #[inline(always)]
    fn concat<const LANES: usize>(&mut self, d: Column, words: u32, first: u32, count: u32) -> bool {
        let lanes = self.lanes::<LANES>();
        let words = words as usize;
        self.scratch[..words * lanes].fill(0);
        for part in &self.parts[first as usize..][..count as usize] {
            let size = part.words as usize * lanes;
            let source = &self.values[part.a as usize * lanes..][..size];
            let target = &mut self.scratch[part.word as usize * lanes..words * lanes];
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
            for (slot, &value) in target[lanes..].iter_mut().zip(source) {
                *slot |= value >> (64 - part.shift);
            }
        }
        self.commit::<LANES>(d, words)
    }

    /// Shift by a variable amount, lane by lane.
    fn shift<const LANES: usize>(&mut self, d: Column, a: Column, amount: Column, shape: u32) -> bool {
        let lanes = self.lanes::<LANES>();
        let ShiftShape { left, width, amount_words } = self.shifts[shape as usize];
        let words = crate::words::word_count(width);
        let mask = crate::words::top_mask(width);
        self.scratch[..words * lanes].fill(0);
        for lane in 0..lanes {
            let values = &*self.values;
            let amount_word = |index: u32| values[(amount + index) as usize * lanes + lane];
            let amount = amount_word(0);
            if amount >= u64::from(width) || (1..amount_words).any(|index| amount_word(index) != 0) {
                continue;
            }
            let (far, near) = (crate::words::to_index(amount / 64), amount % 64);
            let word = |index: usize| if index < words { values[(a as usize + index) * lanes + lane] } else { 0 };
            for index in 0..words {
                let value = match (left, near) {
                    (true, _) if index < far => 0,
                    (true, 0) => word(index - far),
                    (true, _) => {
                        let below = if index > far { word(index - far - 1) >> (64 - near) } else { 0 };
                        (word(index - far) << near) | below
                    }
                    (false, 0) => word(index + far),
                    (false, _) => (word(index + far) >> near) | (word(index + far + 1) << (64 - near)),
                };
                self.scratch[index * lanes + lane] = value;
            }
        }
        self.commit_masked::<LANES>(d, crate::words::to_u32(words), mask)
    }

    fn memory_read<const LANES: usize>(&mut self, d: Column, memory: u32, address: Column) -> bool {
        let lanes = self.lanes::<LANES>();
        let memory = &self.memories[memory as usize];
        let (addresses, target) = self.values.split_at_mut(d as usize * lanes);
        let addresses = &addresses[address as usize * lanes..][..lanes];
        let mut changed = 0;
        for (lane, &address) in addresses.iter().enumerate() {
            for (word, &value) in memory.entry(lane, address).iter().enumerate() {
                changed |= put(&mut target[word * lanes + lane], value);
            }
        }
        changed != 0
    }
}

/// The low and the high half.
#[allow(clippy::cast_possible_truncation, reason = "the halves of 128 bits are 64 bits each")]
fn split(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}
