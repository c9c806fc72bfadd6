//! ROM with a registered read port.
//!
//! Ports: `read_*`. Latency: 1 clock from address to data, which hold while `read_enable` is low.

use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

use crate::words;

/// `2^A` constant words of `T`.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Rom<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Word to read.
    pub read_address: Signal<In, Bits<A>>,
    /// Read at this clock's edge.
    pub read_enable: Signal<In, Bit>,
    /// The word last read.
    pub read_data: Signal<Out, T>,
    _words: Vec<T>,
}

impl<T: Pack, const A: usize> Rom<T, A> {
    /// A ROM of these words; missing ones are `T`'s default.
    ///
    /// # Panics
    /// If there are more than `2^A` words.
    #[must_use]
    pub fn new(mut contents: Vec<T>) -> Self {
        assert!(contents.len() <= 1 << A, "{} words do not fit a ROM of 2^{A}", contents.len());
        contents.resize(1 << A, T::default());
        Self {
            clock: Signal::default(),
            read_address: Signal::default(),
            read_enable: Signal::default(),
            read_data: Signal::default(),
            _words: contents,
        }
    }
}

impl<T: Pack, const A: usize> Logic for Rom<T, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.read_enable.val() {
            self.read_data.next = self._words[self.read_address.val().index()];
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        describe(Primitive::Memory {
            width: T::BITS,
            address_bits: A,
            contents: self._words.iter().map(words).collect(),
            ports: vec![MemoryPort {
                prefix: "read_",
                read: Some(ReadTiming::Registered(ReadDuringWrite::Old)),
                write_granularity: None,
            }],
        });
        Verilog::Custom("// ROM".into())
    }
}
