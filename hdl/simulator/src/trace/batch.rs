//! The changes of a number of clocks, on their way to the second thread.

use super::layout::Layout;

/// A batch is handed over with this many words of values: few enough for the second-level cache, enough for the hand-over to cost
/// nothing.
const FULL_WORDS: usize = 16 << 10;
/// And with this many clocks, however little changes in them.
const FULL_CLOCKS: usize = 4 << 10;

/// Changes of values, clock after clock.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each clock, with the number of changes up to its end.
    clocks: Vec<(u64, usize)>,
    /// Indices into [`Layout::values`].
    values: Vec<u32>,
    /// The values one after another.
    words: Vec<u64>,
}

/// What changes at one clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changes<'a> {
    pub(super) clock: u64,
    values: &'a [u32],
    words: &'a [u64],
    layout: &'a Layout,
}

impl Batch {
    /// Adds a change of value number `value` and gives the room for its words.
    pub(super) fn push(&mut self, value: u32, words: usize) -> &mut [u64] {
        self.values.push(value);
        let at = self.words.len();
        self.words.resize(at + words, 0);
        &mut self.words[at..]
    }

    /// Takes the last change back.
    pub(super) fn pop(&mut self, words: usize) {
        self.values.pop();
        self.words.truncate(self.words.len() - words);
    }

    /// Ends a clock: further changes are those of a later one.
    pub(super) fn end_clock(&mut self, clock: u64) {
        self.clocks.push((clock, self.values.len()));
    }

    pub(super) fn is_full(&self) -> bool {
        self.words.len() >= FULL_WORDS || self.clocks.len() >= FULL_CLOCKS
    }

    pub(super) fn clear(&mut self) {
        self.clocks.clear();
        self.values.clear();
        self.words.clear();
    }

    /// The changes clock by clock.
    pub(super) fn clocks<'a>(&'a self, layout: &'a Layout) -> impl Iterator<Item = Changes<'a>> {
        let (mut from, mut words, all) = (0, &self.words[..], &self.values);
        self.clocks.iter().map(move |&(clock, to)| {
            let values = &all[from..to];
            from = to;
            let count = values.iter().map(|&value| layout.values[value as usize].words()).sum();
            let (own, rest) = words.split_at(count);
            words = rest;
            Changes { clock, values, words: own, layout }
        })
    }
}

impl<'a> Changes<'a> {
    /// Each value that changed: its index, its width in bits, its words.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u32, &'a [u64])> {
        let (layout, mut words) = (self.layout, self.words);
        self.values.iter().map(move |&index| {
            let value = layout.values[index as usize];
            let (own, rest) = words.split_at(value.words());
            words = rest;
            (index as usize, value.width, own)
        })
    }
}
