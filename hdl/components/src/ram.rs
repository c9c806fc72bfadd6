//! Simple dual-port RAM: one write port, one registered read port.
//!
//! Ports: `read_*`, `write_*`. Latency: 1 clock from address to data, which hold while `read_enable` is low.
//! The contents power up as zero; no reset touches them. Maps to block RAM.

use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

/// `2^A` words of `T`. A read of the word that is written at the same clock edge returns the old word, or the new one
/// if `NEW` (which costs a bypass of comparators and multiplexers where the block RAM cannot do it).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Ram<T: Pack, const A: usize, const NEW: bool = false> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Word to read.
    pub read_address: Signal<In, Bits<A>>,
    /// Read at this clock's edge.
    pub read_enable: Signal<In, Bit>,
    /// The word last read.
    pub read_data: Signal<Out, T>,
    /// Word to write.
    pub write_address: Signal<In, Bits<A>>,
    /// Its new value.
    pub write_data: Signal<In, T>,
    /// Write at this clock's edge.
    pub write_enable: Signal<In, Bit>,
    _words: Vec<T>,
}

impl<T: Pack, const A: usize, const NEW: bool> Default for Ram<T, A, NEW> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            read_address: Signal::default(),
            read_enable: Signal::default(),
            read_data: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            write_enable: Signal::default(),
            _words: vec![T::default(); 1 << A],
        }
    }
}

impl<T: Pack, const A: usize, const NEW: bool> Logic for Ram<T, A, NEW> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let old = self._words[self.read_address.val().index()];
        if self.write_enable.val() {
            self._words[self.write_address.val().index()] = self.write_data.val();
        }
        if self.read_enable.val() {
            self.read_data.next = if NEW { self._words[self.read_address.val().index()] } else { old };
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let during_write = if NEW { ReadDuringWrite::New } else { ReadDuringWrite::Old };
        describe(Primitive::Memory {
            width: T::BITS,
            address_bits: A,
            contents: Vec::new(),
            ports: vec![
                MemoryPort {
                    prefix: "read_",
                    read: Some(ReadTiming::Registered(during_write)),
                    write_granularity: None,
                },
                MemoryPort { prefix: "write_", read: None, write_granularity: Some(T::BITS) },
            ],
        });
        Verilog::Custom("// simple dual-port RAM".into())
    }
}
