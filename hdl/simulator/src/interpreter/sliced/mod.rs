//! Many lanes: the netlist bit by bit, 64 lanes in each word.
//!
//! Lanes come in *blocks* of 64. What a bit of the netlist is in the lanes of a block makes one word, a *slice*, so that
//! bitwise logic on all lanes is one operation a bit, whatever the widths are, and wiring is free. Every
//! instruction runs in every clock: with many lanes something is going on everywhere.

mod allocate;
mod compile;
mod lower;
mod machine;
mod memory;
mod order;
mod program;
mod runs;
mod transpose;

use std::sync::Arc;

use nitro_netlist::Netlist;

use crate::words::{word_count, word_of};
use memory::{Memories, to_lanes};
use program::{Bits, Program, View};
use transpose::transpose;

/// Lanes of a block.
const BLOCK: usize = 64;

/// Slices, from a 64-byte boundary on.
#[derive(Debug)]
struct Aligned {
    words: Vec<u64>,
    start: usize,
    length: usize,
}

impl Aligned {
    fn zeroed(length: usize) -> Self {
        let words = vec![0_u64; length + 7];
        let start = words.as_ptr().align_offset(64).min(7);
        Self { words, start, length }
    }

    fn slices(&self) -> &[u64] {
        &self.words[self.start..self.start + self.length]
    }

    fn slices_mut(&mut self) -> &mut [u64] {
        &mut self.words[self.start..self.start + self.length]
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.length);
        copy.slices_mut().copy_from_slice(self.slices());
        copy
    }

    fn clone_from(&mut self, source: &Self) {
        if self.length == source.length {
            self.slices_mut().copy_from_slice(source.slices());
        } else {
            *self = source.clone();
        }
    }
}

/// The state of up to 64 lanes.
#[derive(Clone, Debug)]
struct Block {
    slices: Aligned,
    memories: Memories,
    /// The inputs as they were set: for each word of each input 64 lanes.
    inputs: Vec<[u64; BLOCK]>,
    /// Inputs that have changed since they became slices.
    changed: Vec<bool>,
    /// The outputs as last settled, like the inputs.
    outputs: Vec<[u64; BLOCK]>,
    /// Inputs or state changed since the logic was evaluated.
    stale: bool,
}

/// The state of all lanes.
#[derive(Clone, Debug)]
pub(super) struct State {
    blocks: Vec<Block>,
}

/// A netlist compiled for many lanes.
#[derive(Clone, Debug)]
pub(super) struct Sliced {
    program: Arc<Program>,
    /// First word of each input and each output.
    input_words: Arc<[usize]>,
    output_words: Arc<[usize]>,
    pub(super) state: State,
}

/// The first word of each of some values, then their sum.
fn first_words(widths: impl Iterator<Item = u32>) -> Arc<[usize]> {
    let mut sum = 0;
    let mut firsts: Vec<usize> = widths
        .map(|width| {
            sum += word_count(width);
            sum - word_count(width)
        })
        .collect();
    firsts.push(sum);
    firsts.into()
}

impl Sliced {
    pub(super) fn new(netlist: &Netlist, lanes: usize) -> Self {
        let program = compile::compile(netlist);
        let input_words = first_words(program.inputs.iter().map(|&(_, width)| width));
        let output_words = first_words(program.outputs.iter().map(|view| view.width));
        let blocks = (0..lanes.div_ceil(BLOCK)).map(|block| {
            let mut slices = Aligned::zeroed(program.slices);
            for &slice in &program.initial {
                slices.slices_mut()[slice as usize] = u64::MAX;
            }
            Block {
                slices,
                memories: Memories::new(&program, (lanes - block * BLOCK).min(BLOCK)),
                inputs: vec![[0; BLOCK]; input_words[program.inputs.len()]],
                changed: vec![false; program.inputs.len()],
                outputs: vec![[0; BLOCK]; output_words[program.outputs.len()]],
                stale: true,
            }
        });
        let state = State { blocks: blocks.collect() };
        Self { program: Arc::new(program), input_words, output_words, state }
    }

    pub(super) fn instructions(&self) -> usize {
        self.program.settle.len() + self.program.edge.len()
    }

    pub(super) fn set(&mut self, input: usize, lane: usize, value: &[u64]) {
        let (_, width) = self.program.inputs[input];
        let block = &mut self.state.blocks[lane / BLOCK];
        let mut changed = 0;
        for (index, words) in block.inputs[self.input_words[input]..self.input_words[input + 1]].iter_mut().enumerate()
        {
            let slot = &mut words[lane % BLOCK];
            let next = word_of(value, index, width);
            changed |= *slot ^ next;
            *slot = next;
        }
        block.changed[input] |= changed != 0;
        block.stale |= changed != 0;
    }

    pub(super) fn settle(&mut self) {
        for block in &mut self.state.blocks {
            if block.evaluate(&self.program, &self.input_words) {
                block.read_outputs(&self.program);
            }
        }
    }

    pub(super) fn get(&self, output: usize, lane: usize, value: &mut [u64]) {
        let words = &self.state.blocks[lane / BLOCK].outputs[self.output_words[output]..self.output_words[output + 1]];
        for (word, slot) in value.iter_mut().enumerate() {
            *slot = words.get(word).map_or(0, |lanes| lanes[lane % BLOCK]);
        }
    }

    pub(super) fn get_all(&self, lane: usize, image: &mut [u64]) {
        let words = &self.state.blocks[lane / BLOCK].outputs;
        for (slot, lanes) in image[..words.len()].iter_mut().zip(words) {
            *slot = lanes[lane % BLOCK];
        }
    }

    pub(super) fn trace_value(&self, index: usize, lane: usize, value: &mut [u64]) {
        value.fill(0);
        let slices = self.state.blocks[lane / BLOCK].slices.slices();
        let mut bit = 0;
        for &(bits, length) in &self.program.trace[index].stretches {
            for offset in 0..length {
                let slice = match bits {
                    Bits::Zeros => 0,
                    Bits::Ones => u64::MAX,
                    Bits::At(at) => slices[(at + offset) as usize],
                };
                if let Some(word) = value.get_mut(bit / 64) {
                    *word |= (slice >> (lane % BLOCK) & 1) << (bit % 64);
                }
                bit += 1;
            }
        }
    }

    pub(super) fn edge(&mut self) {
        for block in &mut self.state.blocks {
            block.evaluate(&self.program, &self.input_words);
            machine::run(&self.program, &self.program.edge, block.slices.slices_mut(), &mut block.memories);
            block.stale = true;
        }
    }

    pub(super) fn fork(&mut self, from: usize, to: usize) {
        let (from_block, from, to_block, to) = (from / BLOCK, from % BLOCK, to / BLOCK, to % BLOCK);
        if from_block == to_block {
            let block = &mut self.state.blocks[to_block];
            for slice in block.slices.slices_mut() {
                *slice = *slice & !(1 << to) | (*slice >> from & 1) << to;
            }
            for words in block.inputs.iter_mut().chain(&mut block.outputs) {
                words[to] = words[from];
            }
            block.memories.copy_lane(to, None, from, &self.program);
            return;
        }
        let Ok([source, target]) = self.state.blocks.get_disjoint_mut([from_block, to_block]) else { return };
        for (slice, other) in target.slices.slices_mut().iter_mut().zip(source.slices.slices()) {
            *slice = *slice & !(1 << to) | (*other >> from & 1) << to;
        }
        for (words, other) in target.inputs.iter_mut().zip(&source.inputs) {
            words[to] = other[from];
        }
        for (words, other) in target.outputs.iter_mut().zip(&source.outputs) {
            words[to] = other[from];
        }
        target.memories.copy_lane(to, Some(&source.memories), from, &self.program);
        // What has not become slices yet in the one block has not in the other.
        for (changed, &other) in target.changed.iter_mut().zip(&source.changed) {
            *changed |= other;
        }
        target.stale |= source.stale;
    }
}

impl Block {
    /// Evaluates the logic if anything changed; whether it did.
    fn evaluate(&mut self, program: &Program, input_words: &[usize]) -> bool {
        if !std::mem::take(&mut self.stale) {
            return false;
        }
        let slices = self.slices.slices_mut();
        for (input, changed) in self.changed.iter_mut().enumerate() {
            if !std::mem::take(changed) {
                continue;
            }
            let (at, width) = program.inputs[input];
            let target = &mut slices[at as usize..][..width as usize];
            for (target, lanes) in target.chunks_mut(64).zip(&self.inputs[input_words[input]..]) {
                let mut words = *lanes;
                transpose(&mut words);
                target.copy_from_slice(&words[..target.len()]);
            }
        }
        machine::run(program, &program.settle, slices, &mut self.memories);
        true
    }

    fn read_outputs(&mut self, program: &Program) {
        let slices = self.slices.slices();
        let mut outputs = self.outputs.iter_mut();
        for View { width, stretches } in &program.outputs {
            let mut stretches = stretches.iter().copied();
            let mut current = (Bits::Zeros, 0);
            let mut left = *width as usize;
            while left > 0 {
                let mut rows = [0; 64];
                let mut filled = 0;
                while filled < left.min(64) {
                    if current.1 == 0 {
                        let Some(next) = stretches.next() else { break };
                        current = next;
                    }
                    let count = (current.1 as usize).min(64 - filled);
                    let target = &mut rows[filled..filled + count];
                    match &mut current.0 {
                        Bits::Zeros => target.fill(0),
                        Bits::Ones => target.fill(u64::MAX),
                        Bits::At(at) => {
                            target.copy_from_slice(&slices[*at as usize..][..count]);
                            *at += crate::words::to_u32(count);
                        }
                    }
                    current.1 -= crate::words::to_u32(count);
                    filled += count;
                }
                left -= left.min(64);
                if let Some(output) = outputs.next() {
                    *output = to_lanes(&rows);
                }
            }
        }
    }
}
