//! Leaf blocks that several tests use.
#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "shared by several tests, which may panic")]

use nitro_netlist::primitive::{MemoryPort, Primitive, ReadDuringWrite, ReadTiming, describe};
use rust_hdl::prelude::*;

/// A register of the project's kind.
#[derive(Clone, Debug, LogicBlock)]
pub struct Register<T: Synth> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub d: Signal<In, T>,
    pub q: Signal<Out, T>,
    _reset_value: T,
}

impl<T: Synth> Register<T> {
    pub fn new(reset_value: T) -> Self {
        let (clock, reset, d) = (Signal::default(), Signal::default(), Signal::default());
        Self { clock, reset, d, q: Signal::new_with_default(reset_value), _reset_value: reset_value }
    }
}

impl<T: Synth> Default for Register<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Synth> Logic for Register<T> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = if self.reset.val() { self._reset_value } else { self.d.val() };
        }
    }
    fn connect(&mut self) {
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        let value = self._reset_value.verilog();
        let digits = format!("{value:x}");
        let value = u64::from_str_radix(digits.split_once("'h").unwrap().1, 16).unwrap();
        describe(Primitive::Register { width: T::BITS, reset_value: vec![value] });
        Verilog::Custom(String::new())
    }
}

/// A memory with one write port, and one registered and one combinational read port. Only its description matters.
#[derive(Clone, Debug, LogicBlock)]
pub struct Memory<const W: usize, const G: usize, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub write_address: Signal<In, Bits<A>>,
    pub write_data: Signal<In, Bits<W>>,
    pub write_enable: Signal<In, Bits<G>>,
    pub read_address: Signal<In, Bits<A>>,
    pub read_enable: Signal<In, Bit>,
    pub read_data: Signal<Out, Bits<W>>,
    pub look_address: Signal<In, Bits<A>>,
    pub look_data: Signal<Out, Bits<W>>,
    _during_write: ReadDuringWrite,
    _contents: Vec<Vec<u64>>,
}

impl<const W: usize, const G: usize, const A: usize> Memory<W, G, A> {
    pub fn new(during_write: ReadDuringWrite, contents: &[u64]) -> Self {
        Self {
            clock: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            write_enable: Signal::default(),
            read_address: Signal::default(),
            read_enable: Signal::default(),
            read_data: Signal::default(),
            look_address: Signal::default(),
            look_data: Signal::default(),
            _during_write: during_write,
            _contents: contents.iter().map(|&word| vec![word]).collect(),
        }
    }
}

impl<const W: usize, const G: usize, const A: usize> Logic for Memory<W, G, A> {
    fn update(&mut self) {}
    fn connect(&mut self) {
        self.read_data.connect();
        self.look_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let registered = Some(ReadTiming::Registered(self._during_write));
        let ports = vec![
            MemoryPort { prefix: "write_", read: None, write_granularity: Some(W / G) },
            MemoryPort { prefix: "look_", read: Some(ReadTiming::Combinational), write_granularity: None },
            MemoryPort { prefix: "read_", read: registered, write_granularity: None },
        ];
        describe(Primitive::Memory { width: W, address_bits: A, contents: self._contents.clone(), ports });
        Verilog::Custom(String::new())
    }
}

/// Reverses four bits.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Reverse {
    pub i: Signal<In, Bits<4>>,
    pub o: Signal<Out, Bits<4>>,
}

impl Logic for Reverse {
    fn update(&mut self) {}
    fn connect(&mut self) {
        self.o.connect();
    }
    fn hdl(&self) -> Verilog {
        describe(Primitive::Wires { input_width: 4, map: vec![3, 2, 1, 0] });
        Verilog::Custom(String::new())
    }
}
