//! Operations on constants.

use nitro_netlist::netlist::Op;

use crate::words::{bits_at, or_bits, to_index, top_mask, word_count};

/// The value of an operation on constant operands (in the order of [`super::sweep::operands`]), or nothing if it depends on
/// state or inputs. `widths` are those of the operands.
pub(crate) fn evaluate(op: &Op, width: u32, operands: &[&[u64]], widths: &[u32]) -> Option<Vec<u64>> {
    let words = word_count(width);
    let each = |f: &dyn Fn(u64, u64) -> u64| -> Vec<u64> {
        (0..words).map(|index| f(operands[0][index], operands[1 % operands.len()][index])).collect()
    };
    let bit = |value: bool| vec![u64::from(value)];
    let mut value = match op {
        Op::Input(_) | Op::Register(_) | Op::MemoryData { .. } | Op::MemoryRead { .. } => return None,
        Op::Constant(value) => value.clone(),
        Op::Not(_) => each(&|a, _| !a),
        Op::And(..) => each(&|a, b| a & b),
        Op::Or(..) => each(&|a, b| a | b),
        Op::Xor(..) => each(&|a, b| a ^ b),
        Op::Add(..) => sum(operands[0], operands[1], 0, 0),
        Op::Sub(..) => sum(operands[0], operands[1], u64::MAX, 1),
        Op::Mul(..) => product(operands[0], operands[1]),
        Op::Eq(..) => bit(operands[0] == operands[1]),
        Op::Lt(..) => bit(operands[0].iter().rev().lt(operands[1].iter().rev())),
        Op::Shl(..) => match shift_amount(operands[1], width) {
            None => vec![0; words],
            Some(amount) => {
                let mut value = vec![0; words];
                or_bits(&mut value, amount, operands[0], width as usize - amount);
                value
            }
        },
        Op::Shr(..) => match shift_amount(operands[1], width) {
            None => vec![0; words],
            Some(amount) => (0..words).map(|index| bits_at(operands[0], amount + index * 64, 64)).collect(),
        },
        Op::Mux { .. } => operands[if operands[0][0] & 1 == 1 { 1 } else { 2 }].to_vec(),
        Op::Concat(_) => {
            let mut value = vec![0; words];
            let mut offset = 0;
            for (part, &width) in operands.iter().zip(widths) {
                or_bits(&mut value, offset, part, width as usize);
                offset += width as usize;
            }
            value
        }
        Op::Slice { offset, .. } => {
            (0..words).map(|index| bits_at(operands[0], *offset as usize + index * 64, 64)).collect()
        }
        Op::ReduceAnd(_) => {
            bit(operands[0].iter().map(|word| word.count_ones()).sum::<u32>() == widths.first().copied().unwrap_or(0))
        }
        Op::ReduceOr(_) => bit(operands[0].iter().any(|&word| word != 0)),
        Op::ReduceXor(_) => bit(operands[0].iter().map(|word| word.count_ones()).sum::<u32>() % 2 == 1),
    };
    if let Some(top) = value.last_mut() {
        *top &= top_mask(width);
    }
    Some(value)
}

/// The amount if it leaves anything of a value of `width` bits.
pub(crate) fn shift_amount(amount: &[u64], width: u32) -> Option<usize> {
    let low = amount.first().copied().unwrap_or(0);
    let fits = low < u64::from(width) && amount.iter().skip(1).all(|&word| word == 0);
    fits.then(|| to_index(low))
}

fn sum(a: &[u64], b: &[u64], invert: u64, mut carry: u64) -> Vec<u64> {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| {
            let (partial, over) = a.overflowing_add(b ^ invert);
            let (total, over_again) = partial.overflowing_add(carry);
            carry = u64::from(over | over_again);
            total
        })
        .collect()
}

#[allow(clippy::cast_possible_truncation, reason = "a 128-bit sum is split into its two halves")]
fn product(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut result = vec![0_u64; a.len()];
    for (low, &factor) in a.iter().enumerate() {
        let mut carry = 0_u64;
        for (high, &other) in b.iter().enumerate().take(a.len() - low) {
            let sum = u128::from(factor) * u128::from(other) + u128::from(result[low + high]) + u128::from(carry);
            result[low + high] = sum as u64;
            carry = (sum >> 64) as u64;
        }
    }
    result
}
