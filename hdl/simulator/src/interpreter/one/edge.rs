//! The clock edge: registers and memories take their next values, all at once.
//!
//! Registers whose next value or reset is itself state of another register or memory are staged: their next values are
//! taken before anything changes. All other operands of the edge are settled logic or inputs, which it leaves alone.

use super::execute::{Contents, put_all};
use super::program::{Column, MemoryUpdate, Program, RegisterUpdate, WriteUpdate};
use crate::words::low_mask;

/// Where a register's next value lies: `d`, or the reset value.
fn next(register: &RegisterUpdate, values: &[u64]) -> Column {
    match register.reset {
        Some((reset, value)) if values[reset as usize] != 0 => value,
        _ => register.d,
    }
}

/// Takes the next value of a staged register.
pub(super) fn stage_register(register: &RegisterUpdate, values: &[u64], staging: &mut [u64]) {
    if let Some(slot) = register.staging {
        let count = register.words as usize;
        staging[slot as usize..][..count].copy_from_slice(&values[next(register, values) as usize..][..count]);
    }
}

/// Gives a register its next value; whether it changed.
pub(super) fn commit_register(register: &RegisterUpdate, values: &mut [u64], staging: &[u64]) -> bool {
    let (q, count) = (register.q as usize, register.words as usize);
    if let Some(slot) = register.staging {
        return put_all(&mut values[q..q + count], &staging[slot as usize..][..count]);
    }
    // Registers lie below everything that an unstaged one takes its value from.
    let from = next(register, values) as usize;
    let (targets, sources) = values.split_at_mut(q + count);
    put_all(&mut targets[q..], &sources[from - q - count..][..count])
}

/// Does a memory's writes and stages its reads; whether its contents changed.
pub(super) fn update_memory(
    memory: &MemoryUpdate,
    contents: &mut Contents,
    values: &[u64],
    staging: &mut [u64],
) -> bool {
    let mut changed = false;
    stage_reads(memory, contents, values, staging, false);
    for port in &memory.writes {
        changed |= write(port, contents, values);
    }
    stage_reads(memory, contents, values, staging, true);
    changed
}

fn stage_reads(memory: &MemoryUpdate, contents: &Contents, values: &[u64], staging: &mut [u64], new: bool) {
    for read in memory.reads.iter().filter(|read| read.new == new) {
        let count = memory.words as usize;
        let entry = if values[read.enable as usize] == 0 {
            &values[read.data as usize..][..count]
        } else {
            contents.entry(values[read.address as usize])
        };
        staging[read.staging as usize..][..count].copy_from_slice(entry);
    }
}

fn write(write: &WriteUpdate, contents: &mut Contents, values: &[u64]) -> bool {
    let position = contents.position(values[write.address as usize]);
    let enabled = |group: u32| values[write.enable as usize + group as usize / 64] >> (group % 64) & 1 == 1;
    let mut changed = 0;
    for group in (0..write.enable_bits).filter(|&group| enabled(group)) {
        let (mut bit, end) = (group * write.granularity, (group + 1) * write.granularity);
        while bit < end {
            let (word, shift) = (bit as usize / 64, bit % 64);
            let count = (64 - shift).min(end - bit);
            let mask = low_mask(count) << shift;
            let slot = &mut contents.data[position + word];
            let difference = (*slot ^ values[write.data as usize + word]) & mask;
            *slot ^= difference;
            changed |= difference;
            bit += count;
        }
    }
    changed != 0
}

/// Moves staged read data to their columns, reporting each row that changed.
pub(super) fn commit_reads(
    memory: &MemoryUpdate,
    values: &mut [u64],
    staging: &[u64],
    mut changed_row: impl FnMut(u32),
) {
    let count = memory.words as usize;
    for read in &memory.reads {
        let target = &mut values[read.data as usize..][..count];
        let source = &staging[read.staging as usize..][..count];
        if target != source {
            target.copy_from_slice(source);
            changed_row(read.row);
        }
    }
}

/// Power-up contents of every memory.
pub(super) fn power_up(program: &Program) -> Vec<Contents> {
    program
        .memories
        .iter()
        .zip(&program.contents)
        .map(|(memory, given)| {
            let words = memory.words as usize;
            // Zeroed memory costs nothing until it is touched.
            let mut data = vec![0; memory.depth * words];
            data[..given.len()].copy_from_slice(given);
            Contents { words, data, last: memory.depth as u64 - 1 }
        })
        .collect()
}
