//! The bytecode: one instruction a combinational node, in topological order.
//!
//! A *column* holds one 64-bit word of a value for every lane, lanes side by side; a value of `w` words is `w` columns
//! one after another. Columns of operands always lie below those of the result.

/// A column index.
pub(crate) type Column = u32;

/// What to compute; `d` is the result's first column, `a` and `b` those of the operands.
///
/// The names end in `1` where operands and result are one word, in `N` where they are `words` words (`mask` then applies
/// to the top word). Excess bits of every value are zero.
#[derive(Clone, Debug)]
pub(crate) enum Instruction {
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
pub(crate) struct Part {
    pub(crate) a: Column,
    pub(crate) words: u32,
    /// Word of the result that the part begins in.
    pub(crate) word: u32,
    /// Bit of that word that the part begins at.
    pub(crate) shift: u32,
}

/// The sizes of a shift by a variable amount.
#[derive(Clone, Debug)]
pub(crate) struct ShiftShape {
    pub(crate) left: bool,
    pub(crate) width: u32,
    pub(crate) amount_words: u32,
}

/// What a register does at the edge.
#[derive(Clone, Debug)]
pub(crate) struct RegisterUpdate {
    pub(crate) q: Column,
    pub(crate) d: Column,
    pub(crate) words: u32,
    /// The reset's column and that of the reset value.
    pub(crate) reset: Option<(Column, Column)>,
    /// Where to keep the next value meanwhile if `d` or the reset change at the same edge.
    pub(crate) staging: Option<Column>,
}

/// What a memory does at the edge.
#[derive(Clone, Debug)]
pub(crate) struct MemoryUpdate {
    pub(crate) words: u32,
    pub(crate) depth: usize,
    pub(crate) reads: Vec<ReadUpdate>,
    pub(crate) writes: Vec<WriteUpdate>,
}

/// A registered read port.
#[derive(Clone, Debug)]
pub(crate) struct ReadUpdate {
    pub(crate) enable: Column,
    pub(crate) address: Column,
    pub(crate) data: Column,
    pub(crate) staging: Column,
    /// Reads what is written at the same edge.
    pub(crate) new: bool,
    /// Row of the data's users.
    pub(crate) row: u32,
}

/// A write port.
#[derive(Clone, Debug)]
pub(crate) struct WriteUpdate {
    pub(crate) enable: Column,
    pub(crate) enable_bits: u32,
    pub(crate) granularity: u32,
    pub(crate) address: Column,
    pub(crate) data: Column,
}

/// Where a port's or a traced signal's value lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) column: Column,
    pub(crate) width: u32,
    /// Row of its users.
    pub(crate) row: u32,
}

/// A compiled netlist; shared by all interpreters of it.
///
/// *Targets* are what can be due: instruction `i` is target `i`, register `r` is `first_register + r`, memory `m` is
/// `first_memory + m`. Group `g` of the traced signals is target `first_trace + g`, and due when it is to be looked at.
/// *Rows* are what can change: row `t` is the value of target `t` (for a memory its contents), further rows are read ports
/// and inputs. `users` lists each row's targets.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) parts: Vec<Part>,
    pub(crate) shifts: Vec<ShiftShape>,
    pub(crate) registers: Vec<RegisterUpdate>,
    pub(crate) memories: Vec<MemoryUpdate>,
    pub(crate) first_register: usize,
    pub(crate) first_memory: usize,
    /// A multiple of 64.
    pub(crate) first_trace: usize,
    pub(crate) targets: usize,
    pub(crate) users_start: Vec<u32>,
    pub(crate) users: Vec<u32>,
    pub(crate) inputs: Vec<Place>,
    pub(crate) outputs: Vec<Place>,
    pub(crate) trace: Vec<Place>,
    /// The group of each traced signal: one a row.
    pub(crate) trace_groups: Vec<u32>,
    /// Columns of values.
    pub(crate) columns: usize,
    /// Columns of staged next values.
    pub(crate) staging: usize,
    /// Columns of scratch that the widest instruction needs.
    pub(crate) scratch: usize,
    /// Power-up words by column; all other columns are zero.
    pub(crate) initial: Vec<(Column, u64)>,
    /// Power-up contents of each memory, one lane, as far as they are given; the rest is zero.
    pub(crate) contents: Vec<Vec<u64>>,
}
