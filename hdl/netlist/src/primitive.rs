//! The closed set of leaf blocks, and how a leaf tells the elaborator which one it is.
//!
//! A `rust_hdl` leaf carries nothing but Verilog text, and a probe sees neither its type nor its fields.
//! So a leaf of this project leaves a typed [`Primitive`] in a thread-local from inside its `hdl()`
//! ([`describe`]); the elaborator clears it before that call and takes it after ([`take`]). The
//! port names of each primitive are fixed here. `rust_hdl`'s own `DFF` is recognised as well (by its timing).

use std::cell::RefCell;

/// What a synchronous read returns for a word that is written in the same clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadDuringWrite {
    /// The word as it was before the clock edge.
    Old,
    /// The word as it is after the clock edge.
    New,
}

/// When a read port delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadTiming {
    /// Data follow the address within the clock (distributed RAM).
    Combinational,
    /// Data appear after the clock edge at which the address was given, and hold while the read enable is low (block RAM).
    Registered(ReadDuringWrite),
}

/// One port of a memory. Signal names of port `p` are prefixed as given in `prefix`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemoryPort {
    /// Prefix of the port's signals, for example `read_` gives `read_address`.
    pub prefix: &'static str,
    /// Present if the port reads: uses `{prefix}address`, `{prefix}data` (out) and, if registered, `{prefix}enable`
    /// (a read-write port calls its read data `{prefix}read_data`).
    pub read: Option<ReadTiming>,
    /// Present if the port writes: bits a write-enable bit covers (the word's width without byte enables). Uses
    /// `{prefix}address`, `{prefix}data` (a read-write port: `{prefix}write_data`), and `{prefix}enable` (a
    /// read-write port: `{prefix}write`), one bit per covered group.
    pub write_granularity: Option<usize>,
}

/// A leaf block's meaning. `width` is in bits, `address_bits` gives `2^address_bits` words unless `depth` says fewer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// Register with synchronous, active-high reset. Ports `clock`, `reset`, `d`, `q`.
    Register {
        /// Width in bits.
        width: usize,
        /// Value after reset (and at power-up), least significant word first.
        reset_value: Vec<u64>,
    },
    /// Random-access memory. Port `clock` and those of [`MemoryPort`]; writes happen in port order, so the last port wins.
    Memory {
        /// Width of a word in bits.
        width: usize,
        /// Width of the address in bits; the memory has `2^address_bits` words.
        address_bits: usize,
        /// Power-up contents, least significant word first, one entry a memory word; empty for all zero.
        contents: Vec<Vec<u64>>,
        /// Its ports.
        ports: Vec<MemoryPort>,
    },
    /// Pure wiring from port `i` to port `o`: output bit `n` is input bit `map[n]`.
    Wires {
        /// Width of `i` in bits.
        input_width: usize,
        /// For each output bit the input bit that drives it.
        map: Vec<usize>,
    },
}

thread_local! {
    static DESCRIBED: RefCell<Option<Primitive>> = const { RefCell::new(None) };
}

/// Called by a leaf from within its `hdl()`.
pub fn describe(primitive: Primitive) {
    DESCRIBED.with(|slot| *slot.borrow_mut() = Some(primitive));
}

/// Takes what the last `hdl()` call described, leaving nothing.
#[must_use]
pub fn take() -> Option<Primitive> {
    DESCRIBED.with(|slot| slot.borrow_mut().take())
}
