//! Arithmetic on unsigned bit vectors held as words, least significant word first, excess bits zero.

/// Words that hold `width` bits.
pub(crate) fn count(width: u32) -> usize {
    width.div_ceil(64) as usize
}

/// Brings a value to `width` bits: cuts or extends with zeros.
pub(crate) fn fit(mut value: Vec<u64>, width: u32) -> Vec<u64> {
    value.resize(count(width), 0);
    let excess = width % 64;
    if excess != 0
        && let Some(top) = value.last_mut()
    {
        *top &= (1 << excess) - 1;
    }
    value
}

pub(crate) fn zero(width: u32) -> Vec<u64> {
    vec![0; count(width)]
}

pub(crate) fn ones(width: u32) -> Vec<u64> {
    fit(vec![u64::MAX; count(width)], width)
}

pub(crate) fn is_zero(value: &[u64]) -> bool {
    value.iter().all(|&word| word == 0)
}

/// Bits up to and including the highest one set.
pub(crate) fn significant_bits(value: &[u64]) -> u32 {
    let mut bits = 0;
    for (base, word) in (0_u32..).step_by(64).zip(value) {
        if *word != 0 {
            bits = base + 64 - word.leading_zeros();
        }
    }
    bits
}

pub(crate) fn bit(value: &[u64], index: u32) -> bool {
    value.get((index / 64) as usize).is_some_and(|word| (word >> (index % 64)) & 1 == 1)
}

/// `width` bits from bit `offset` up; zeros beyond the value's end.
pub(crate) fn slice(value: &[u64], offset: u32, width: u32) -> Vec<u64> {
    let (skip, shift) = ((offset / 64) as usize, offset % 64);
    let word = |index: usize| value.get(index).copied().unwrap_or(0);
    let moved = (0..count(width))
        .map(|index| {
            let low = word(skip + index) >> shift;
            if shift == 0 { low } else { low | (word(skip + index + 1) << (64 - shift)) }
        })
        .collect();
    fit(moved, width)
}

/// The value shifted left by `offset`, cut to `width` bits.
pub(crate) fn shift_left(value: &[u64], offset: u32, width: u32) -> Vec<u64> {
    let mut result = zero(width);
    let (skip, shift) = ((offset / 64) as usize, offset % 64);
    for (index, word) in value.iter().enumerate() {
        if let Some(slot) = result.get_mut(index + skip) {
            *slot |= word << shift;
        }
        if shift != 0
            && let Some(slot) = result.get_mut(index + skip + 1)
        {
            *slot |= word >> (64 - shift);
        }
    }
    fit(result, width)
}

/// Applies an operation word by word.
pub(crate) fn zip(left: &[u64], right: &[u64], width: u32, operation: impl Fn(u64, u64) -> u64) -> Vec<u64> {
    fit(left.iter().zip(right).map(|(&a, &b)| operation(a, b)).collect(), width)
}

pub(crate) fn not(value: &[u64], width: u32) -> Vec<u64> {
    fit(value.iter().map(|word| !word).collect(), width)
}

pub(crate) fn add(left: &[u64], right: &[u64], width: u32) -> Vec<u64> {
    let mut carry = false;
    let sum = left.iter().zip(right).map(|(&a, &b)| {
        let (partial, first) = a.overflowing_add(b);
        let (total, second) = partial.overflowing_add(u64::from(carry));
        carry = first | second;
        total
    });
    fit(sum.collect(), width)
}

pub(crate) fn sub(left: &[u64], right: &[u64], width: u32) -> Vec<u64> {
    let mut borrow = false;
    let difference = left.iter().zip(right).map(|(&a, &b)| {
        let (partial, first) = a.overflowing_sub(b);
        let (total, second) = partial.overflowing_sub(u64::from(borrow));
        borrow = first | second;
        total
    });
    fit(difference.collect(), width)
}

pub(crate) fn mul(left: &[u64], right: &[u64], width: u32) -> Vec<u64> {
    (0..width)
        .filter(|&index| bit(right, index))
        .fold(zero(width), |sum, index| add(&sum, &shift_left(left, index, width), width))
}

/// Unsigned less than.
pub(crate) fn less(left: &[u64], right: &[u64]) -> bool {
    left.iter().rev().lt(right.iter().rev())
}

/// Reads hexadecimal digits (no prefix, `_` allowed); `None` for anything else.
pub(crate) fn from_hex(digits: &str) -> Option<Vec<u64>> {
    let digits: Vec<u64> =
        digits.chars().filter(|&c| c != '_').map(|c| c.to_digit(16).map(u64::from)).collect::<Option<_>>()?;
    let word = |chunk: &[u64]| chunk.iter().fold(0, |word, digit| (word << 4) | digit);
    Some(digits.rchunks(16).map(word).collect())
}
