//! The bytecode over slices.
//!
//! A *slice* is one 64-bit word that holds one bit of a value for 64 lanes; a value of `w` bits is `w` slices one after
//! another. An instruction works on `count` slices from each operand's place on, so that a bitwise operation on 64 lanes
//! costs one word an (essential) bit, whatever the width, and slicing and concatenating cost nothing.

/// What an instruction computes: `d` is the result's first slice, `a` and `b` those of the operands, `s` a single slice
/// (a condition) unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `d = a`
    Copy,
    /// `d = 0`
    Zeros,
    /// `d = !0`
    Ones,
    /// Every slice of `d` is `s`.
    Spread,
    /// Every slice of `d` is `!s`.
    SpreadNot,
    /// `d = !a`
    Not,
    /// `d = a & b`
    And,
    /// `d = a | b`
    Or,
    /// `d = a ^ b`
    Xor,
    /// `d = s ? a : b`
    Mux,
    /// `d = s ? a : 0`
    AndEach,
    /// `d = s ? 0 : a`
    AndNotEach,
    /// `d = s ? !0 : a`
    OrEach,
    /// `d = s ? a : !0`
    OrNotEach,
    /// One slice: `a` equals `b`.
    Equal,
    /// One slice: `a < b`.
    Less,
    /// One slice: no bit of `a` is set.
    None,
    /// One slice: some bit of `a` is set.
    Any,
    /// One slice: every bit of `a` is set.
    All,
    /// One slice: the parity of `a`.
    Parity,
    /// `d = a + b`
    Add,
    /// `d = a - b`
    Subtract,
    /// `d = a * b`
    Multiply,
    /// `d` is the entry at address `a` of memory number `count` in lanes where `s` is set, anything elsewhere.
    Read,
    /// Write port number `count`: address `a`, data `b`, `s` its enables.
    Write,
}

impl Operation {
    /// Whether slice `i` of the result depends on slice `i` of `a` and `b` only, or on lower ones too, so that the result
    /// may take an operand's place.
    pub(super) fn works_in_place(self) -> bool {
        use Operation as O;
        matches!(
            self,
            O::Copy
                | O::Not
                | O::And
                | O::Or
                | O::Xor
                | O::Mux
                | O::AndEach
                | O::AndNotEach
                | O::OrEach
                | O::OrNotEach
                | O::Add
                | O::Subtract
        )
    }

    /// Whether the result is one slice, whatever `count` is.
    pub(super) fn reduces(self) -> bool {
        use Operation as O;
        matches!(self, O::Equal | O::Less | O::None | O::Any | O::All | O::Parity)
    }
}

/// An instruction; places are slices of a buffer while a netlist is lowered, then indices into all slices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction<P> {
    pub(super) operation: Operation,
    pub(super) count: u32,
    pub(super) d: P,
    pub(super) a: P,
    pub(super) b: P,
    pub(super) s: P,
}

/// Where a number of bits of a value lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    /// They are all zero.
    Zeros,
    /// They are all ones.
    Ones,
    /// From this slice on.
    At(u32),
}

/// A value as it is read out: the bits of each stretch, lowest first.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) width: u32,
    pub(super) stretches: Vec<(Bits, u32)>,
}

/// The sizes of a memory.
#[derive(Clone, Debug)]
pub(super) struct MemoryShape {
    pub(super) width: u32,
    pub(super) address_bits: u32,
}

/// The sizes of a write port.
#[derive(Clone, Debug)]
pub(super) struct WriteShape {
    pub(super) memory: u32,
    pub(super) groups: u32,
    pub(super) granularity: u32,
}

/// A compiled netlist.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// From inputs and state to outputs and traced signals; changes no state.
    pub(super) settle: Vec<Instruction<u32>>,
    /// Runs after `settle`, from all of it to the next state, in place.
    pub(super) edge: Vec<Instruction<u32>>,
    /// All slices: constants, inputs, state, and room for what is computed.
    pub(super) slices: usize,
    /// First slice and width of each input.
    pub(super) inputs: Vec<(u32, u32)>,
    pub(super) outputs: Vec<View>,
    pub(super) trace: Vec<View>,
    pub(super) memories: Vec<MemoryShape>,
    pub(super) writes: Vec<WriteShape>,
    /// Slices that are all ones at power-up; all others are zero.
    pub(super) initial: Vec<u32>,
    /// Power-up contents of each memory, one lane, as far as they are given; the rest is zero.
    pub(super) contents: Vec<Vec<u64>>,
}
