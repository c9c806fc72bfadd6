//! True dual-port RAM: two ports that read and write.
//!
//! Ports: `a_*`, `b_*`. Latency: 1 clock from address to data, which hold while the port's `enable` is low. Every read
//! returns the word as it is after the clock edge, whichever port writes; if both write one word, `b` wins. (Two ports
//! that read old words fit no block RAM that Yosys knows.) The contents power up as zero; no reset touches them. Maps
//! to block RAM with a bypass.

use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

/// `2^A` words of `T` behind two ports.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RamTrueDual<T: Pack, const A: usize> {
    /// The clock of both ports.
    pub clock: Signal<In, Clock>,
    /// Word that port `a` reads and writes.
    pub a_address: Signal<In, Bits<A>>,
    /// Port `a` reads at this clock's edge.
    pub a_enable: Signal<In, Bit>,
    /// The word that port `a` last read.
    pub a_read_data: Signal<Out, T>,
    /// Port `a` writes at this clock's edge, whatever its enable is.
    pub a_write: Signal<In, Bit>,
    /// The new value.
    pub a_write_data: Signal<In, T>,
    /// Word that port `b` reads and writes.
    pub b_address: Signal<In, Bits<A>>,
    /// Port `b` reads at this clock's edge.
    pub b_enable: Signal<In, Bit>,
    /// The word that port `b` last read.
    pub b_read_data: Signal<Out, T>,
    /// Port `b` writes at this clock's edge, whatever its enable is.
    pub b_write: Signal<In, Bit>,
    /// The new value.
    pub b_write_data: Signal<In, T>,
    _words: Vec<T>,
}

impl<T: Pack, const A: usize> Default for RamTrueDual<T, A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            a_address: Signal::default(),
            a_enable: Signal::default(),
            a_read_data: Signal::default(),
            a_write: Signal::default(),
            a_write_data: Signal::default(),
            b_address: Signal::default(),
            b_enable: Signal::default(),
            b_read_data: Signal::default(),
            b_write: Signal::default(),
            b_write_data: Signal::default(),
            _words: vec![T::default(); 1 << A],
        }
    }
}

impl<T: Pack, const A: usize> Logic for RamTrueDual<T, A> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let (a, b) = (self.a_address.val().index(), self.b_address.val().index());
        if self.a_write.val() {
            self._words[a] = self.a_write_data.val();
        }
        if self.b_write.val() {
            self._words[b] = self.b_write_data.val();
        }
        if self.a_enable.val() {
            self.a_read_data.next = self._words[a];
        }
        if self.b_enable.val() {
            self.b_read_data.next = self._words[b];
        }
    }

    fn connect(&mut self) {
        self.a_read_data.connect();
        self.b_read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let port = |prefix| MemoryPort {
            prefix,
            read: Some(ReadTiming::Registered(ReadDuringWrite::New)),
            write_granularity: Some(T::BITS),
        };
        describe(Primitive::Memory {
            width: T::BITS,
            address_bits: A,
            contents: Vec::new(),
            ports: vec![port("a_"), port("b_")],
        });
        Verilog::Custom("// true dual-port RAM".into())
    }
}
