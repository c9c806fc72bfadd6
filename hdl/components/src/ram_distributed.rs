//! Distributed RAM: one write port, one combinational read port.
//!
//! Ports: `read_*`, `write_*`. Latency: 0 clocks from address to data; a written word is seen from the next clock on.
//! The contents power up as zero; no reset touches them. Maps to LUT RAM; for small memories.

use nitro_netlist::primitive::{MemoryPort, Primitive, ReadTiming, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

/// `2^A` words of `T`, read within the clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RamDistributed<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Word to read.
    pub read_address: Signal<In, Bits<A>>,
    /// Its present value.
    pub read_data: Signal<Out, T>,
    /// Word to write.
    pub write_address: Signal<In, Bits<A>>,
    /// Its new value.
    pub write_data: Signal<In, T>,
    /// Write at this clock's edge.
    pub write_enable: Signal<In, Bit>,
    _words: Vec<T>,
}

impl<T: Pack, const A: usize> Default for RamDistributed<T, A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            write_enable: Signal::default(),
            _words: vec![T::default(); 1 << A],
        }
    }
}

impl<T: Pack, const A: usize> Logic for RamDistributed<T, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._words[self.write_address.val().index()] = self.write_data.val();
        }
        self.read_data.next = self._words[self.read_address.val().index()];
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Memory {
            width: T::BITS,
            address_bits: A,
            contents: Vec::new(),
            ports: vec![
                MemoryPort { prefix: "read_", read: Some(ReadTiming::Combinational), write_granularity: None },
                MemoryPort { prefix: "write_", read: None, write_granularity: Some(T::BITS) },
            ],
        });
        Verilog::Custom("// distributed RAM".into())
    }
}
