//! The bytecode: one instruction a combinational node, in topological order.
//!
//! A *column* holds one 64-bit word of a value; a value of `w` words is `w` columns one after another. Columns of
//! operands always lie below those of the result.

/// A column index.
pub(super) type Column = u32;

/// What to compute; `d` is the result's first column, `a` and `b` those of the operands.
///
/// The names end in `1` where operands and result are one word, in `N` where they are `words` words (`mask` then applies
/// to the top word). Excess bits of every value are zero.
#[derive(Clone, Debug)]
pub(super) enum Instruction {
    Copy {
        d: Column,
        a: Column,
        words: u32,
    },
    Not {
        d: Column,
        a: Column,
        words: u32,
        mask: u64,
    },
    And {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
    },
    Or {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
    },
    Xor {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
    },
    Not1 {
        d: Column,
        a: Column,
        mask: u64,
    },
    And1 {
        d: Column,
        a: Column,
        b: Column,
    },
    Or1 {
        d: Column,
        a: Column,
        b: Column,
    },
    Xor1 {
        d: Column,
        a: Column,
        b: Column,
    },
    Add1 {
        d: Column,
        a: Column,
        b: Column,
        mask: u64,
    },
    Sub1 {
        d: Column,
        a: Column,
        b: Column,
        mask: u64,
    },
    Mul1 {
        d: Column,
        a: Column,
        b: Column,
        mask: u64,
    },
    Eq1 {
        d: Column,
        a: Column,
        b: Column,
    },
    Lt1 {
        d: Column,
        a: Column,
        b: Column,
    },
    Mux1 {
        d: Column,
        select: Column,
        a: Column,
        b: Column,
    },
    /// Bits of one word.
    Slice1 {
        d: Column,
        a: Column,
        shift: u32,
        mask: u64,
    },
    /// Bits of two neighbouring words.
    Straddle1 {
        d: Column,
        a: Column,
        shift: u32,
        mask: u64,
    },
    /// `a | b << shift` in one word.
    Join1 {
        d: Column,
        a: Column,
        b: Column,
        shift: u32,
    },
    All1 {
        d: Column,
        a: Column,
        mask: u64,
    },
    Any1 {
        d: Column,
        a: Column,
    },
    Parity1 {
        d: Column,
        a: Column,
    },
    AddN {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
        mask: u64,
    },
    SubN {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
        mask: u64,
    },
    MulN {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
        mask: u64,
    },
    EqN {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
    },
    LtN {
        d: Column,
        a: Column,
        b: Column,
        words: u32,
    },
    MuxN {
        d: Column,
        select: Column,
        a: Column,
        b: Column,
        words: u32,
    },
    /// `words` words of the result from `words` (+ 1 if `more`) words of the operand.
    SliceN {
        d: Column,
        a: Column,
        words: u32,
        shift: u32,
        more: bool,
        mask: u64,
    },
    /// Parts `first ..` of [`Program::parts`], `count` of them.
    Concat {
        d: Column,
        words: u32,
        first: u32,
        count: u32,
    },
    AllN {
        d: Column,
        a: Column,
        words: u32,
        mask: u64,
    },
    AnyN {
        d: Column,
        a: Column,
        words: u32,
    },
    ParityN {
        d: Column,
        a: Column,
        words: u32,
    },
    Shift {
        d: Column,
        a: Column,
        amount: Column,
        shape: u32,
    },
    MemoryRead {
        d: Column,
        memory: u32,
        address: Column,
    },
}

/// One operand of a concatenation.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) a: Column,
    pub(super) words: u32,
    /// Word of the result that the part begins in.
    pub(super) word: u32,
    /// Bit of that word that the part begins at.
    pub(super) shift: u32,
}

/// The sizes of a shift by a variable amount.
#[derive(Clone, Debug)]
pub(super) struct ShiftShape {
    pub(super) left: bool,
    pub(super) width: u32,
    pub(super) amount_words: u32,
}

/// What a register does at the edge.
#[derive(Clone, Debug)]
pub(super) struct RegisterUpdate {
    pub(super) q: Column,
    pub(super) d: Column,
    pub(super) words: u32,
    /// The reset's column and that of the reset value.
    pub(super) reset: Option<(Column, Column)>,
    /// Where to keep the next value meanwhile if `d` or the reset change at the same edge.
    pub(super) staging: Option<Column>,
}

/// What a memory does at the edge.
#[derive(Clone, Debug)]
pub(super) struct MemoryUpdate {
    pub(super) words: u32,
    pub(super) depth: usize,
    pub(super) reads: Vec<ReadUpdate>,
    pub(super) writes: Vec<WriteUpdate>,
}

/// A registered read port.
#[derive(Clone, Debug)]
pub(super) struct ReadUpdate {
    pub(super) enable: Column,
    pub(super) address: Column,
    pub(super) data: Column,
    pub(super) staging: Column,
    /// Reads what is written at the same edge.
    pub(super) new: bool,
    /// Row of the data's users.
    pub(super) row: u32,
}

/// A write port.
#[derive(Clone, Debug)]
pub(super) struct WriteUpdate {
    pub(super) enable: Column,
    pub(super) enable_bits: u32,
    pub(super) granularity: u32,
    pub(super) address: Column,
    pub(super) data: Column,
}

/// Where a port's or a traced signal's value lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) column: Column,
    pub(super) width: u32,
    /// Row of its users.
    pub(super) row: u32,
}

/// A compiled netlist; shared by all interpreters of it.
///
/// *Targets* are what can be due: instruction `i` is target `i`, register `r` is `first_register + r`, memory `m` is
/// `first_memory + m`. Group `g` of the traced signals is target `first_trace + g`, and due when it is to be looked at.
/// *Rows* are what can change: row `t` is the value of target `t` (for a memory its contents), further rows are read ports
/// and inputs. `users` lists each row's targets.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) parts: Vec<Part>,
    pub(super) shifts: Vec<ShiftShape>,
    pub(super) registers: Vec<RegisterUpdate>,
    pub(super) memories: Vec<MemoryUpdate>,
    pub(super) first_register: usize,
    pub(super) first_memory: usize,
    /// A multiple of 64.
    pub(super) first_trace: usize,
    pub(super) targets: usize,
    pub(super) users_start: Vec<u32>,
    pub(super) users: Vec<u32>,
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Place>,
    pub(super) trace: Vec<Place>,
    /// The group of each traced signal: one a row.
    pub(super) trace_groups: Vec<u32>,
    /// Columns of values.
    pub(super) columns: usize,
    /// Columns of staged next values.
    pub(super) staging: usize,
    /// Columns of scratch that the widest instruction needs.
    pub(super) scratch: usize,
    /// Power-up words by column; all other columns are zero.
    pub(super) initial: Vec<(Column, u64)>,
    /// Power-up contents of each memory, as far as they are given; the rest is zero.
    pub(super) contents: Vec<Vec<u64>>,
}
