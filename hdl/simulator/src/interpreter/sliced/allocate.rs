//! Where each buffer lies: state in place where that is right, intermediate values wherever there is room.

use std::collections::BTreeMap;

use super::lower::Buffer;
use super::program::{Bits, Instruction, MemoryShape, Operation, Program, View, WriteShape};
use super::runs::{Place, Run, Source, reads};
use crate::words::to_u32;

/// Slices of a wide buffer begin where vectors do.
const ALIGNMENT: u32 = 8;

/// State takes the value of a whole buffer at the edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    pub(super) q: Place,
    pub(super) buffer: u32,
}

/// A netlist as instructions over buffers.
pub(super) struct Lowered {
    pub(super) buffers: Vec<Buffer>,
    pub(super) constants: Vec<bool>,
    pub(super) code: Vec<Instruction<Place>>,
    /// The first so many instructions are those of [`Program::settle`].
    pub(super) settled: u32,
    pub(super) commits: Vec<Commit>,
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Vec<Run>>,
    pub(super) trace: Vec<Vec<Run>>,
    pub(super) initial: Vec<Place>,
    pub(super) memories: Vec<MemoryShape>,
    pub(super) writes: Vec<WriteShape>,
}

/// A read of some slices of a permanent buffer.
#[derive(Clone, Copy)]
struct Reading {
    instruction: u32,
    at: u32,
    length: u32,
    /// What the instruction puts in their place, if it may be done there.
    result: Option<Place>,
}

impl Lowered {
    fn visit_reads(&self, instruction: &Instruction<Place>, visit: impl FnMut(Place, u32)) {
        let address_bits = |memory: u32| self.memories[memory as usize].address_bits;
        let write = |port: u32| {
            let WriteShape { memory, groups, .. } = self.writes[port as usize];
            let MemoryShape { width, address_bits } = self.memories[memory as usize];
            [address_bits, width, groups]
        };
        reads(instruction, address_bits, write, visit);
    }

    /// The slices that an instruction writes.
    fn written(&self, instruction: &Instruction<Place>) -> u32 {
        match instruction.operation {
            Operation::Write => 0,
            Operation::Read => self.memories[instruction.count as usize].width,
            operation if operation.reduces() => 1,
            _ => instruction.count,
        }
    }

    /// Reads of each permanent buffer.
    fn readings(&self) -> Vec<Vec<Reading>> {
        let mut readings = vec![Vec::new(); self.buffers.len()];
        for (number, instruction) in (0..).zip(&self.code) {
            self.visit_reads(instruction, |place, length| {
                if self.buffers[place.buffer as usize].permanent {
                    let in_place = instruction.operation.works_in_place() && length == instruction.count;
                    // A condition is needed for all of the result.
                    let in_place =
                        in_place && (place != instruction.s || place == instruction.a || place == instruction.b);
                    let result = in_place.then_some(instruction.d);
                    readings[place.buffer as usize].push(Reading { instruction: number, at: place.at, length, result });
                }
            });
        }
        readings
    }

    /// Where buffers that become state can be state from the beginning.
    fn in_place(&self) -> Vec<Option<Place>> {
        let readings = self.readings();
        let mut places = vec![None; self.buffers.len()];
        for commit in &self.commits {
            let buffer = &self.buffers[commit.buffer as usize];
            let (from, to) = (commit.q.at, commit.q.at + buffer.length);
            let fits = readings[commit.q.buffer as usize].iter().all(|reading| {
                reading.at + reading.length <= from
                    || reading.at >= to
                    || reading.instruction < buffer.defined
                    || reading
                        .result
                        .is_some_and(|result| result.buffer == commit.buffer && commit.q.at + result.at == reading.at)
            });
            if fits {
                places[commit.buffer as usize] = Some(commit.q);
            }
        }
        places
    }
}

/// Free room by size.
#[derive(Default)]
struct Room {
    free: BTreeMap<u32, Vec<u32>>,
    end: u32,
}

/// What a buffer of so many slices takes.
fn size(length: u32) -> u32 {
    if length < ALIGNMENT { length } else { length.next_multiple_of(ALIGNMENT) }
}

impl Room {
    /// New room at the end.
    fn append(&mut self, length: u32) -> u32 {
        if length >= ALIGNMENT {
            self.end = self.end.next_multiple_of(ALIGNMENT);
        }
        let at = self.end;
        self.end += size(length);
        at
    }

    fn take(&mut self, length: u32) -> u32 {
        let found = self.free.range_mut(size(length)..=size(length)).find_map(|(_, places)| places.pop());
        found.unwrap_or_else(|| self.append(length))
    }

    fn give(&mut self, at: u32, length: u32) {
        self.free.entry(size(length)).or_default().push(at);
    }
}

/// Gives every buffer its place.
pub(super) fn allocate(mut lowered: Lowered) -> Program {
    let in_place = lowered.in_place();
    // What could not be state from the beginning is copied at the end.
    for commit in std::mem::take(&mut lowered.commits) {
        if in_place[commit.buffer as usize].is_none() {
            let (count, none) = (lowered.buffers[commit.buffer as usize].length, Place::default());
            let a = Place { buffer: commit.buffer, at: 0 };
            lowered.code.push(Instruction { operation: Operation::Copy, count, d: commit.q, a, b: none, s: none });
        }
    }
    let resolve = |place: Place| in_place[place.buffer as usize].map_or(place, |q| q.plus(place.at));

    let ends = ends(&lowered, &resolve);
    let mut room = Room::default();
    let mut places: Vec<Option<u32>> = vec![None; lowered.buffers.len()];
    for (place, buffer) in places.iter_mut().zip(&lowered.buffers) {
        if buffer.permanent {
            *place = Some(room.append(buffer.length));
        }
    }
    let mut code = Vec::with_capacity(lowered.code.len());
    let mut ending = vec![Vec::new(); lowered.code.len() + 1];
    for (buffer, &end) in ends.iter().enumerate() {
        if let Some(end) = end {
            ending[end as usize].push(buffer);
        }
    }
    for (number, instruction) in lowered.code.iter().enumerate() {
        let d = resolve(instruction.d).buffer as usize;
        if places[d].is_none() {
            places[d] = Some(room.take(lowered.buffers[d].length));
        }
        let at = |place: Place| {
            let place = resolve(place);
            places[place.buffer as usize].unwrap_or(0) + place.at
        };
        let Instruction { operation, count, d, a, b, s } = *instruction;
        code.push(Instruction { operation, count, d: at(d), a: at(a), b: at(b), s: at(s) });
        for &buffer in &ending[number] {
            if let Some(at) = places[buffer] {
                room.give(at, lowered.buffers[buffer].length);
            }
        }
    }
    let at = |place: Place| {
        let place = resolve(place);
        places[place.buffer as usize].unwrap_or(0) + place.at
    };
    let view = |runs: &Vec<Run>| View {
        width: runs.iter().map(|run| run.length).sum(),
        stretches: runs
            .iter()
            .map(|run| match run.source {
                Source::Zeros => (Bits::Zeros, run.length),
                Source::Ones => (Bits::Ones, run.length),
                Source::At(place) => (Bits::At(at(place)), run.length),
            })
            .collect(),
    };
    let constants = (0..).zip(&lowered.constants).filter(|&(_, &bit)| bit);
    let constants = constants.map(|(offset, _)| at(Place { buffer: 0, at: offset }));
    let edge = code.split_off(lowered.settled as usize);
    Program {
        settle: code,
        edge,
        slices: room.end as usize,
        inputs: lowered.inputs.iter().map(|&place| (at(place), 0)).collect(),
        outputs: lowered.outputs.iter().map(view).collect(),
        trace: lowered.trace.iter().map(view).collect(),
        initial: constants.chain(lowered.initial.iter().map(|&place| at(place))).collect(),
        memories: lowered.memories,
        writes: lowered.writes,
        contents: Vec::new(),
    }
}

/// The last instruction that needs each intermediate buffer.
fn ends(lowered: &Lowered, resolve: &impl Fn(Place) -> Place) -> Vec<Option<u32>> {
    let mut ends = vec![None; lowered.buffers.len()];
    let mut note = |place: Place, number: u32| {
        let buffer = resolve(place).buffer as usize;
        if !lowered.buffers[buffer].permanent {
            ends[buffer] = Some(ends[buffer].map_or(number, |end: u32| end.max(number)));
        }
    };
    for (number, instruction) in (0..).zip(&lowered.code) {
        if lowered.written(instruction) > 0 {
            note(instruction.d, number);
        }
        lowered.visit_reads(instruction, |place, _| note(place, number));
    }
    // Ports and traced signals are read when everything has settled.
    for run in lowered.outputs.iter().chain(&lowered.trace).flatten() {
        if let Source::At(place) = run.source {
            note(place, to_u32(lowered.code.len()).min(lowered.settled));
        }
    }
    ends
}
