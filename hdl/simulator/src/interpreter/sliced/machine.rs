//! Executes instructions over slices, with the widest vectors that the processor has.

use multiversion::multiversion;

use super::memory::Memories;
use super::program::{Instruction, Operation, Program};

/// Slices worked on at once: 512 bits.
const VECTOR: usize = 8;

/// Runs a program's instructions on the slices of one block of lanes.
// The macro checks the processor's features before it calls code that was compiled for them.
#[allow(unsafe_code)]
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2+popcnt",
    "x86_64+avx2+bmi1+bmi2+popcnt"
))]
pub(super) fn run(program: &Program, code: &[Instruction<u32>], slices: &mut [u64], memories: &mut Memories) {
    for instruction in code {
        execute(program, instruction, slices, memories);
    }
}

#[inline(always)]
fn load<const N: usize>(slices: &[u64], at: usize) -> [u64; N] {
    let source = &slices[at..at + N];
    std::array::from_fn(|index| source[index])
}

#[inline(always)]
fn step<const N: usize>(slices: &mut [u64], [d, a, b]: [usize; 3], f: impl Fn(u64, u64) -> u64) {
    // All operands are loaded before anything is stored: the result may lie where an operand lies.
    let (x, y) = (load::<N>(slices, a), load::<N>(slices, b));
    let value: [u64; N] = std::array::from_fn(|index| f(x[index], y[index]));
    slices[d..d + N].copy_from_slice(&value);
}

/// `d = f(a, b)`, slice by slice.
#[inline(always)]
fn zip(slices: &mut [u64], count: usize, [mut d, mut a, mut b]: [usize; 3], f: impl Fn(u64, u64) -> u64) {
    if count == 1 {
        slices[d] = f(slices[a], slices[b]);
        return;
    }
    let mut advance = |step: usize| {
        (d, a, b) = (d + step, a + step, b + step);
        [d - step, a - step, b - step]
    };
    for _ in 0..count / VECTOR {
        step::<VECTOR>(slices, advance(VECTOR), &f);
    }
    if count & 4 != 0 {
        step::<4>(slices, advance(4), &f);
    }
    if count & 2 != 0 {
        step::<2>(slices, advance(2), &f);
    }
    if count & 1 != 0 {
        step::<1>(slices, advance(1), &f);
    }
}

/// `d = f(a)`, slice by slice.
#[inline(always)]
fn map(slices: &mut [u64], count: usize, d: usize, a: usize, f: impl Fn(u64) -> u64) {
    zip(slices, count, [d, a, a], |a, _| f(a));
}

/// Combines `f` of all slices by `join`, which has the identity `none`.
#[inline(always)]
fn fold(
    slices: &[u64],
    count: usize,
    [a, b]: [usize; 2],
    none: u64,
    f: impl Fn(u64, u64) -> u64,
    join: impl Fn(u64, u64) -> u64,
) -> u64 {
    let (a, b) = (&slices[a..a + count], &slices[b..b + count]);
    let mut sums = [none; VECTOR];
    let (a_vectors, a_rest) = a.as_chunks::<VECTOR>();
    let (b_vectors, b_rest) = b.as_chunks::<VECTOR>();
    for (a, b) in a_vectors.iter().zip(b_vectors) {
        for index in 0..VECTOR {
            sums[index] = join(sums[index], f(a[index], b[index]));
        }
    }
    let mut sum = none;
    if count >= VECTOR {
        sum = sums.into_iter().fold(none, &join);
    }
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum = join(sum, f(a, b));
    }
    sum
}

/// `d = a ^ b ^ carry`, slice by slice, the carry of each going to the next one.
#[inline(always)]
fn ripple(slices: &mut [u64], count: usize, [d, a, b]: [usize; 3], next: impl Fn(u64, u64, u64) -> u64) {
    let mut carry = 0;
    let vectors = count / VECTOR * VECTOR;
    for at in (0..vectors).step_by(VECTOR) {
        let (x, y) = (load::<VECTOR>(slices, a + at), load::<VECTOR>(slices, b + at));
        let sums: [u64; VECTOR] = std::array::from_fn(|index| {
            let sum = x[index] ^ y[index] ^ carry;
            carry = next(x[index], y[index], carry);
            sum
        });
        slices[d + at..d + at + VECTOR].copy_from_slice(&sums);
    }
    for at in vectors..count {
        let (x, y) = (slices[a + at], slices[b + at]);
        slices[d + at] = x ^ y ^ carry;
        carry = next(x, y, carry);
    }
}

#[inline(always)]
fn execute(program: &Program, instruction: &Instruction<u32>, slices: &mut [u64], memories: &mut Memories) {
    use Operation as O;
    let Instruction { operation, count, d, a, b, s } = *instruction;
    let [n, d, a, b, s] = [count, d, a, b, s].map(|number| number as usize);
    match operation {
        O::Copy => map(slices, n, d, a, |a| a),
        O::Zeros => slices[d..d + n].fill(0),
        O::Ones => slices[d..d + n].fill(u64::MAX),
        O::Spread => {
            let s = slices[s];
            slices[d..d + n].fill(s);
        }
        O::SpreadNot => {
            let s = slices[s];
            slices[d..d + n].fill(!s);
        }
        O::Not => map(slices, n, d, a, |a| !a),
        O::And => zip(slices, n, [d, a, b], |a, b| a & b),
        O::Or => zip(slices, n, [d, a, b], |a, b| a | b),
        O::Xor => zip(slices, n, [d, a, b], |a, b| a ^ b),
        O::Mux => {
            let s = slices[s];
            // State that no lane changes.
            if s == 0 && d == b {
                return;
            }
            zip(slices, n, [d, a, b], |a, b| (a & s) | (b & !s));
        }
        O::AndEach => {
            let s = slices[s];
            map(slices, n, d, a, |a| a & s);
        }
        O::AndNotEach => {
            let s = slices[s];
            map(slices, n, d, a, |a| a & !s);
        }
        O::OrEach => {
            let s = slices[s];
            map(slices, n, d, a, |a| a | s);
        }
        O::OrNotEach => {
            let s = slices[s];
            map(slices, n, d, a, |a| a | !s);
        }
        O::Equal => slices[d] = !fold(slices, n, [a, b], 0, |a, b| a ^ b, |x, y| x | y),
        O::None => slices[d] = !fold(slices, n, [a, a], 0, |a, _| a, |x, y| x | y),
        O::Any => slices[d] = fold(slices, n, [a, a], 0, |a, _| a, |x, y| x | y),
        O::All => slices[d] = fold(slices, n, [a, a], u64::MAX, |a, _| a, |x, y| x & y),
        O::Parity => slices[d] = fold(slices, n, [a, a], 0, |a, _| a, |x, y| x ^ y),
        O::Less => {
            let mut borrow = 0;
            for index in 0..n {
                let (a, b) = (slices[a + index], slices[b + index]);
                borrow = (!a & b) | (!(a ^ b) & borrow);
            }
            slices[d] = borrow;
        }
        O::Add => ripple(slices, n, [d, a, b], |a, b, carry| (a & b) | ((a | b) & carry)),
        O::Subtract => ripple(slices, n, [d, a, b], |a, b, borrow| (!a & b) | ((!a | b) & borrow)),
        O::Multiply => super::memory::multiply(slices, n, [d, a, b]),
        O::Read => memories.read(program, n, slices, [d, a, s]),
        O::Write => memories.write(program, n, slices, [a, b, s]),
    }
}
