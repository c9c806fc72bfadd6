//! Simple dual-port RAM with write enables for parts of a word.
//!
//! Ports: `read_*`, `write_*`. Latency: 1 clock from address to data, which hold while `read_enable` is low. A read of
//! the word that is written at the same clock edge returns the old word. The contents power up as zero; no reset
//! touches them. Maps to block RAM.

use nitro_netlist::Ports;
use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use rust_hdl::prelude::*;

/// `2^A` words of `W` bits, written in `K` parts of `W / K` bits each.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RamByteEnable<const W: usize, const K: usize, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Word to read.
    pub read_address: Signal<In, Bits<A>>,
    /// Read at this clock's edge.
    pub read_enable: Signal<In, Bit>,
    /// The word last read.
    pub read_data: Signal<Out, Bits<W>>,
    /// Word to write.
    pub write_address: Signal<In, Bits<A>>,
    /// Its new value.
    pub write_data: Signal<In, Bits<W>>,
    /// Which parts to write at this clock's edge, bit 0 for the lowest.
    pub write_enable: Signal<In, Bits<K>>,
    _words: Vec<Bits<W>>,
}

impl<const W: usize, const K: usize, const A: usize> Default for RamByteEnable<W, K, A> {
    /// # Panics
    /// If `K` does not divide `W`.
    fn default() -> Self {
        assert!(K > 0 && W.is_multiple_of(K), "{K} write enables do not divide a word of {W} bits");
        Self {
            clock: Signal::default(),
            read_address: Signal::default(),
            read_enable: Signal::default(),
            read_data: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            write_enable: Signal::default(),
            _words: vec![Bits::default(); 1 << A],
        }
    }
}

impl<const W: usize, const K: usize, const A: usize> Logic for RamByteEnable<W, K, A> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if self.read_enable.val() {
            self.read_data.next = self._words[self.read_address.val().index()];
        }
        let (data, enable) = (self.write_data.val(), self.write_enable.val());
        let word = &mut self._words[self.write_address.val().index()];
        for bit in (0..W).filter(|bit| enable.get_bit(bit / (W / K))) {
            *word = word.replace_bit(bit, data.get_bit(bit));
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Memory {
            width: W,
            address_bits: A,
            contents: Vec::new(),
            ports: vec![
                MemoryPort {
                    prefix: "read_",
                    read: Some(ReadTiming::Registered(ReadDuringWrite::Old)),
                    write_granularity: None,
                },
                MemoryPort { prefix: "write_", read: None, write_granularity: Some(W / K) },
            ],
        });
        Verilog::Custom("// simple dual-port RAM with byte enables".into())
    }
}
