//! Single-port RAM: one port that reads and writes.
//!
//! Ports: `address`, `enable`, `read_data`, `write`, `write_data`. Latency: 1 clock from address to data, which hold
//! while `enable` is low. A clock that reads and writes returns the old word. The contents power up as zero; no reset
//! touches them. Maps to block RAM.

use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

/// `2^A` words of `T` behind one port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RamSingle<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Word to read and to write.
    pub address: Signal<In, Bits<A>>,
    /// Read at this clock's edge.
    pub enable: Signal<In, Bit>,
    /// The word last read.
    pub read_data: Signal<Out, T>,
    /// Write at this clock's edge, whatever `enable` is.
    pub write: Signal<In, Bit>,
    /// The new value.
    pub write_data: Signal<In, T>,
    _words: Vec<T>,
}

impl<T: Pack, const A: usize> Default for RamSingle<T, A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            address: Signal::default(),
            enable: Signal::default(),
            read_data: Signal::default(),
            write: Signal::default(),
            write_data: Signal::default(),
            _words: vec![T::default(); 1 << A],
        }
    }
}

impl<T: Pack, const A: usize> Logic for RamSingle<T, A> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let word = &mut self._words[self.address.val().index()];
        if self.enable.val() {
            self.read_data.next = *word;
        }
        if self.write.val() {
            *word = self.write_data.val();
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Memory {
            width: T::BITS,
            address_bits: A,
            contents: Vec::new(),
            ports: vec![MemoryPort {
                prefix: "",
                read: Some(ReadTiming::Registered(ReadDuringWrite::Old)),
                write_granularity: Some(T::BITS),
            }],
        });
        Verilog::Custom("// single-port RAM".into())
    }
}
