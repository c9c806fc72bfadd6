//! The clock edge: registers and memories take their next values, all at once.
//!
//! Registers whose next value or reset is itself state of another register or memory are staged: their next values are
//! taken before anything changes. All other operands of the edge are settled logic or inputs, which it leaves alone.

use super::execute::{Contents, put_all};
use super::program::{MemoryUpdate, Program, RegisterUpdate, WriteUpdate};
use crate::words::low_mask;

/// The next value of one word of a register.
#[inline(always)]
fn next(d: u64, reset: u64, reset_value: u64) -> u64 {
    d ^ ((d ^ reset_value) & 0_u64.wrapping_sub(reset))
}

/// Takes the next value of a staged register.
pub(crate) fn stage_register(register: &RegisterUpdate, values: &[u64], staging: &mut [u64], lanes: usize) {
    let Some(slot) = register.staging else { return };
    for index in 0..register.words as usize * lanes {
        let d = values[register.d as usize * lanes + index];
        staging[slot as usize * lanes + index] = match register.reset {
            None => d,
            Some((reset, value)) => {
                next(d, values[reset as usize * lanes + index % lanes], values[value as usize * lanes + index])
            }
        };
    }
}

/// Gives a register its next value; whether it changed.
pub(crate) fn commit_register(register: &RegisterUpdate, values: &mut [u64], staging: &[u64], lanes: usize) -> bool {
    let count = register.words as usize * lanes;
    let q = register.q as usize * lanes;
    if let Some(slot) = register.staging {
        return put_all(&mut values[q..q + count], &staging[slot as usize * lanes..][..count]);
    }
    // Registers lie below everything that an unstaged one takes its value from.
    let above = q + count;
    let (targets, sources) = values.split_at_mut(above);
    let target = &mut targets[q..];
    let source = |column: u32, count: usize| &sources[column as usize * lanes - above..][..count];
    let Some((reset, value)) = register.reset else { return put_all(target, source(register.d, count)) };
    let reset = source(reset, lanes);
    match reset {
        [0] => put_all(target, source(register.d, count)),
        [_] => put_all(target, source(value, count)),
        _ => {
            let columns = target.chunks_exact_mut(lanes);
            let mut changed = false;
            for ((target, d), value) in
                columns.zip(source(register.d, count).chunks_exact(lanes)).zip(source(value, count).chunks_exact(lanes))
            {
                for (((slot, &d), &reset), &value) in target.iter_mut().zip(d).zip(reset).zip(value) {
                    let next = next(d, reset, value);
                    changed |= *slot != next;
                    *slot = next;
                }
            }
            changed
        }
    }
}

/// Does a memory's writes and stages its reads; whether its contents changed.
pub(crate) fn update_memory(
    memory: &MemoryUpdate,
    contents: &mut Contents,
    values: &[u64],
    staging: &mut [u64],
    lanes: usize,
) -> bool {
    let mut changed = false;
    stage_reads(memory, contents, values, staging, lanes, false);
    for write in &memory.writes {
        for lane in 0..lanes {
            changed |= write_lane(write, contents, values, lanes, lane);
        }
    }
    stage_reads(memory, contents, values, staging, lanes, true);
    changed
}

fn stage_reads(
    memory: &MemoryUpdate,
    contents: &Contents,
    values: &[u64],
    staging: &mut [u64],
    lanes: usize,
    new: bool,
) {
    for read in memory.reads.iter().filter(|read| read.new == new) {
        for lane in 0..lanes {
            let at = |column: u32, word: usize| (column as usize + word) * lanes + lane;
            if values[at(read.enable, 0)] == 0 {
                for word in 0..memory.words as usize {
                    staging[at(read.staging, word)] = values[at(read.data, word)];
                }
                continue;
            }
            let entry = contents.entry(lane, values[at(read.address, 0)]);
            for (word, &value) in entry.iter().enumerate() {
                staging[at(read.staging, word)] = value;
            }
        }
    }
}

fn write_lane(write: &WriteUpdate, contents: &mut Contents, values: &[u64], lanes: usize, lane: usize) -> bool {
    let at = |column: u32, word: usize| (column as usize + word) * lanes + lane;
    let position = contents.position(lane, values[at(write.address, 0)]);
    let enabled = |group: u32| values[at(write.enable, group as usize / 64)] >> (group % 64) & 1 == 1;
    let mut changed = 0;
    for group in (0..write.enable_bits).filter(|&group| enabled(group)) {
        let (mut bit, end) = (group * write.granularity, (group + 1) * write.granularity);
        while bit < end {
            let (word, shift) = (bit as usize / 64, bit % 64);
            let count = (64 - shift).min(end - bit);
            let mask = low_mask(count) << shift;
            let slot = &mut contents.data[position + word];
            let difference = (*slot ^ values[at(write.data, word)]) & mask;
            *slot ^= difference;
            changed |= difference;
            bit += count;
        }
    }
    changed != 0
}

/// Moves staged read data to their columns, reporting each row that changed.
pub(crate) fn commit_reads(
    memory: &MemoryUpdate,
    values: &mut [u64],
    staging: &[u64],
    lanes: usize,
    mut changed_row: impl FnMut(u32),
) {
    let count = memory.words as usize * lanes;
    for read in &memory.reads {
        let target = &mut values[read.data as usize * lanes..][..count];
        let source = &staging[read.staging as usize * lanes..][..count];
        if target != source {
            target.copy_from_slice(source);
            changed_row(read.row);
        }
    }
}

/// Power-up contents of every memory for all lanes.
pub(crate) fn power_up(program: &Program, lanes: usize) -> Vec<Contents> {
    program
        .memories
        .iter()
        .zip(&program.contents)
        .map(|(memory, given)| {
            let words = memory.words as usize;
            // Zeroed memory costs nothing until it is touched.
            let mut data = vec![0; memory.depth * words * lanes];
            if !given.is_empty() {
                for lane in data.chunks_exact_mut(memory.depth * words) {
                    lane[..given.len()].copy_from_slice(given);
                }
            }
            Contents { words, depth: memory.depth, data }
        })
        .collect()
}
