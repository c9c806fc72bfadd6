//! What needs whole numbers of each lane rather than slices: memories, and products.

use super::program::{Program, WriteShape};
use super::transpose::transpose;
use crate::words::{to_index, word_count};

/// The contents of all memories for one block of lanes: word `w` of entry `address` of lane `lane` is at
/// `(lane * depth + address) * words + w`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memories {
    /// Lanes in use, one bit each.
    lanes: u64,
    contents: Vec<Vec<u64>>,
}

/// Up to 64 slices as one word a lane; missing slices are zero.
#[inline(always)]
pub(super) fn to_lanes(slices: &[u64]) -> [u64; 64] {
    let mut words = [0; 64];
    words[..slices.len()].copy_from_slice(slices);
    transpose(&mut words);
    words
}

/// The lanes of a mask, lowest first.
#[inline(always)]
fn each(mut mask: u64, mut f: impl FnMut(usize)) {
    while mask != 0 {
        f(mask.trailing_zeros() as usize);
        mask &= mask - 1;
    }
}

impl Memories {
    /// Power-up contents for some lanes (1 to 64).
    pub(super) fn new(program: &Program, lanes: usize) -> Self {
        let contents = program.memories.iter().zip(&program.contents).map(|(memory, given)| {
            let size = word_count(memory.width) << memory.address_bits;
            // Zeroed memory costs nothing until it is touched.
            let mut contents = vec![0; size * lanes];
            if !given.is_empty() {
                contents.chunks_exact_mut(size).for_each(|lane| lane[..given.len()].copy_from_slice(given));
            }
            contents
        });
        Self { lanes: u64::MAX >> (64 - lanes.clamp(1, 64)), contents: contents.collect() }
    }

    /// Makes a lane's contents those of a lane of (perhaps another) block.
    pub(super) fn copy_lane(&mut self, to: usize, other: Option<&Self>, from: usize, program: &Program) {
        for (index, memory) in program.memories.iter().enumerate() {
            let size = word_count(memory.width) << memory.address_bits;
            let (from, to) = (from * size..(from + 1) * size, to * size..(to + 1) * size);
            match other {
                Some(other) => self.contents[index][to].copy_from_slice(&other.contents[index][from]),
                None => self.contents[index].copy_within(from, to.start),
            }
        }
    }

    /// `d` becomes the entries at addresses `a` in the lanes where `s` is set.
    #[inline(always)]
    pub(super) fn read(&self, program: &Program, memory: usize, slices: &mut [u64], [d, a, s]: [usize; 3]) {
        let enabled = slices[s] & self.lanes;
        if enabled == 0 {
            return;
        }
        let (shape, contents) = (&program.memories[memory], &self.contents[memory]);
        let words = word_count(shape.width);
        let mut entries = to_lanes(&slices[a..a + shape.address_bits as usize]);
        for (lane, entry) in (0..).zip(&mut entries) {
            *entry = ((lane << shape.address_bits) + *entry) * words as u64;
        }
        for word in 0..words {
            let mut data = [0; 64];
            each(enabled, |lane| data[lane] = contents[to_index(entries[lane]) + word]);
            transpose(&mut data);
            let (at, count) = (word * 64, (shape.width as usize - word * 64).min(64));
            slices[d + at..d + at + count].copy_from_slice(&data[..count]);
        }
    }

    /// Writes data `b` to addresses `a` under the enables `s`.
    #[inline(always)]
    pub(super) fn write(&mut self, program: &Program, port: usize, slices: &[u64], [a, b, s]: [usize; 3]) {
        let WriteShape { memory, groups, granularity } = program.writes[port];
        let enables = &slices[s..s + groups as usize];
        let enabled = enables.iter().fold(0, |sum, group| sum | group) & self.lanes;
        if enabled == 0 {
            return;
        }
        let (shape, contents) = (&program.memories[memory as usize], &mut self.contents[memory as usize]);
        let words = word_count(shape.width);
        let mut entries = to_lanes(&slices[a..a + shape.address_bits as usize]);
        for (lane, entry) in (0..).zip(&mut entries) {
            *entry = ((lane << shape.address_bits) + *entry) * words as u64;
        }
        for word in 0..words {
            let (at, count) = (word * 64, (shape.width as usize - word * 64).min(64));
            let data = to_lanes(&slices[b + at..b + at + count]);
            if groups == 1 {
                each(enabled, |lane| contents[to_index(entries[lane]) + word] = data[lane]);
                continue;
            }
            // Each bit's enable is that of its group.
            let enables: [u64; 64] =
                std::array::from_fn(|bit| if bit < count { enables[(at + bit) / granularity as usize] } else { 0 });
            let masks = to_lanes(&enables);
            each(enabled, |lane| {
                let slot = &mut contents[to_index(entries[lane]) + word];
                *slot ^= (*slot ^ data[lane]) & masks[lane];
            });
        }
    }
}

/// `d = a * b` modulo `2^count`: schoolbook multiplication, lane by lane.
pub(super) fn multiply(slices: &mut [u64], count: usize, [d, a, b]: [usize; 3]) {
    let words = count.div_ceil(64);
    let lanes = |from: usize| -> Vec<[u64; 64]> { slices[from..from + count].chunks(64).map(to_lanes).collect() };
    let (a, b) = (lanes(a), lanes(b));
    let mut product = vec![[0; 64]; words];
    for lane in 0..64 {
        for low in 0..words {
            let mut carry = 0;
            for high in 0..words - low {
                let slot = &mut product[low + high][lane];
                let sum = u128::from(a[low][lane]) * u128::from(b[high][lane]) + u128::from(*slot) + u128::from(carry);
                (*slot, carry) = halves(sum);
            }
        }
    }
    for (word, mut product) in product.into_iter().enumerate() {
        transpose(&mut product);
        let part = (count - word * 64).min(64);
        slices[d + word * 64..][..part].copy_from_slice(&product[..part]);
    }
}

/// The low and the high half.
#[allow(clippy::cast_possible_truncation, reason = "the halves of 128 bits are 64 bits each")]
fn halves(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}
