//! Values while a netlist is lowered: where each bit of them lies.

use super::program::{Instruction, Operation};

/// A slice of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Place {
    pub(super) buffer: u32,
    pub(super) at: u32,
}

impl Place {
    pub(super) fn plus(self, offset: u32) -> Self {
        Self { at: self.at + offset, ..self }
    }
}

/// Where bits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Zeros,
    Ones,
    /// Slices from this one on.
    At(Place),
}

/// Some neighbouring bits of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) source: Source,
    pub(super) length: u32,
}

impl Run {
    pub(super) fn new(source: Source, length: u32) -> Self {
        Self { source, length }
    }

    /// `length` bits from bit `offset` up.
    pub(super) fn part(self, offset: u32, length: u32) -> Self {
        let source = match self.source {
            Source::At(place) => Source::At(place.plus(offset)),
            constant => constant,
        };
        Self { source, length }
    }
}

/// Adds bits on top of a value.
pub(super) fn push(value: &mut Vec<Run>, run: Run) {
    if run.length == 0 {
        return;
    }
    if let Some(last) = value.last_mut() {
        let continues = match (last.source, run.source) {
            (Source::At(low), Source::At(high)) => low.plus(last.length) == high,
            (low, high) => low == high,
        };
        if continues {
            last.length += run.length;
            return;
        }
    }
    value.push(run);
}

/// `width` bits of a value from bit `offset` up.
pub(super) fn part(value: &[Run], mut offset: u32, mut width: u32) -> Vec<Run> {
    let mut result = Vec::new();
    for run in value {
        if offset >= run.length {
            offset -= run.length;
            continue;
        }
        let length = width.min(run.length - offset);
        push(&mut result, run.part(offset, length));
        (offset, width) = (0, width - length);
        if width == 0 {
            break;
        }
    }
    result
}

/// Cuts values of one width where any of them has a border.
pub(super) fn pieces<const N: usize>(values: [&[Run]; N]) -> Vec<[Run; N]> {
    let mut result = Vec::new();
    let mut rest: [(usize, u32); N] = [(0, 0); N];
    while rest.iter().zip(&values).all(|(&(index, _), value)| index < value.len()) {
        let left = |operand: usize| values[operand][rest[operand].0].length - rest[operand].1;
        let length = (0..N).map(left).min().unwrap_or(0);
        result.push(std::array::from_fn(|operand| values[operand][rest[operand].0].part(rest[operand].1, length)));
        for (value, (index, offset)) in values.iter().zip(&mut rest) {
            *offset += length;
            if *offset == value[*index].length {
                (*index, *offset) = (*index + 1, 0);
            }
        }
    }
    result
}

/// What some bits of a result are.
pub(super) enum Piece {
    /// Bits that exist.
    Same(Source),
    /// The result of an operation on `a`, `b` and `s`.
    New(Operation, Place, Place, Place),
}

impl Piece {
    pub(super) fn unary(operation: Operation, a: Place) -> Self {
        Self::New(operation, a, Place::default(), Place::default())
    }

    pub(super) fn binary(operation: Operation, a: Place, b: Place) -> Self {
        Self::New(operation, a, b, Place::default())
    }

    /// `a` under a condition.
    pub(super) fn each(operation: Operation, a: Place, s: Place) -> Self {
        Self::New(operation, a, Place::default(), s)
    }
}

pub(super) fn not([a]: [Run; 1]) -> Piece {
    match a.source {
        Source::Zeros => Piece::Same(Source::Ones),
        Source::Ones => Piece::Same(Source::Zeros),
        Source::At(a) => Piece::unary(Operation::Not, a),
    }
}

pub(super) fn and([a, b]: [Run; 2]) -> Piece {
    match (a.source, b.source) {
        (Source::Zeros, _) | (_, Source::Zeros) => Piece::Same(Source::Zeros),
        (Source::Ones, other) | (other, Source::Ones) => Piece::Same(other),
        (Source::At(a), Source::At(b)) if a == b => Piece::Same(Source::At(a)),
        (Source::At(a), Source::At(b)) => Piece::binary(Operation::And, a, b),
    }
}

pub(super) fn or([a, b]: [Run; 2]) -> Piece {
    match (a.source, b.source) {
        (Source::Ones, _) | (_, Source::Ones) => Piece::Same(Source::Ones),
        (Source::Zeros, other) | (other, Source::Zeros) => Piece::Same(other),
        (Source::At(a), Source::At(b)) if a == b => Piece::Same(Source::At(a)),
        (Source::At(a), Source::At(b)) => Piece::binary(Operation::Or, a, b),
    }
}

pub(super) fn xor([a, b]: [Run; 2]) -> Piece {
    match (a.source, b.source) {
        (Source::Zeros, other) | (other, Source::Zeros) => Piece::Same(other),
        (Source::Ones, Source::Ones) => Piece::Same(Source::Zeros),
        (Source::Ones, Source::At(a)) | (Source::At(a), Source::Ones) => Piece::unary(Operation::Not, a),
        (Source::At(a), Source::At(b)) if a == b => Piece::Same(Source::Zeros),
        (Source::At(a), Source::At(b)) => Piece::binary(Operation::Xor, a, b),
    }
}

/// `s ? a : b`
pub(super) fn mux(s: Place, [a, b]: [Run; 2]) -> Piece {
    match (a.source, b.source) {
        (same, other) if same == other => Piece::Same(same),
        (Source::Ones, Source::Zeros) if a.length == 1 => Piece::Same(Source::At(s)),
        (Source::Ones, Source::Zeros) => Piece::each(Operation::Spread, s, s),
        (Source::Zeros, Source::Ones) => Piece::each(Operation::SpreadNot, s, s),
        (Source::At(a), Source::Zeros) => Piece::each(Operation::AndEach, a, s),
        (Source::Zeros, Source::At(b)) => Piece::each(Operation::AndNotEach, b, s),
        (Source::Ones, Source::At(b)) => Piece::each(Operation::OrEach, b, s),
        (Source::At(a), Source::Ones) => Piece::each(Operation::OrNotEach, a, s),
        (Source::At(a), Source::At(b)) => Piece::New(Operation::Mux, a, b, s),
        // Equal constants are the same.
        (Source::Zeros, Source::Zeros) | (Source::Ones, Source::Ones) => Piece::Same(a.source),
    }
}

/// The slices that an instruction reads, as (first, number); `memory` and `write` give the address, data and enable
/// widths of a memory and a write port by number.
pub(super) fn reads(
    instruction: &Instruction<Place>,
    address_bits: impl Fn(u32) -> u32,
    write: impl Fn(u32) -> [u32; 3],
    mut visit: impl FnMut(Place, u32),
) {
    use Operation as O;
    let Instruction { operation, count, a, b, s, .. } = *instruction;
    match operation {
        O::Zeros | O::Ones => {}
        O::Spread | O::SpreadNot => visit(s, 1),
        O::Copy | O::Not | O::None | O::Any | O::All | O::Parity => visit(a, count),
        O::AndEach | O::AndNotEach | O::OrEach | O::OrNotEach => {
            visit(a, count);
            visit(s, 1);
        }
        O::Mux => {
            visit(a, count);
            visit(b, count);
            visit(s, 1);
        }
        O::And | O::Or | O::Xor | O::Equal | O::Less | O::Add | O::Subtract | O::Multiply => {
            visit(a, count);
            visit(b, count);
        }
        O::Read => {
            visit(a, address_bits(count));
            visit(s, 1);
        }
        O::Write => {
            let [address, data, enable] = write(count);
            visit(a, address);
            visit(b, data);
            visit(s, enable);
        }
    }
}
