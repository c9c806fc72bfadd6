//! Kernels that are right: what every construct of the language means.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests may panic; the derive of rust_hdl makes undocumented items"
)]

mod common;

use common::Bench;
use nitro_netlist::primitive::{Primitive, describe};
use nitro_netlist::{Pack, elaborate};
use rust_hdl::prelude::*;

/// A register of the project's kind.
#[derive(Clone, Debug, LogicBlock)]
struct Register<T: Pack> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub d: Signal<In, T>,
    pub q: Signal<Out, T>,
    _reset_value: T,
}

impl<T: Pack> Register<T> {
    fn new(reset_value: T) -> Self {
        let (clock, reset, d) = (Signal::default(), Signal::default(), Signal::default());
        Self { clock, reset, d, q: Signal::new_with_default(reset_value), _reset_value: reset_value }
    }
}

impl<T: Pack> Default for Register<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Pack> Logic for Register<T> {
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

#[derive(LogicBlock, Default)]
struct Counter {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub enable: Signal<In, Bit>,
    pub count: Signal<Out, Bits<8>>,
    pub wraps: Signal<Out, Bit>,
    value: Register<Bits<8>>,
    shadow: DFF<Bits<8>>,
}

impl Logic for Counter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, value, shadow);
        self.value.reset.next = self.reset.val();
        if self.enable.val() {
            self.value.d.next = self.value.q.val() + 1;
        }
        self.shadow.d.next = self.value.q.val();
        self.count.next = self.shadow.q.val();
        // The trap of widths: in Rust the sum has 8 bits.
        self.wraps.next = (self.value.q.val() + 1) == 0;
    }
}

#[test]
fn a_counter_counts_wraps_and_resets() {
    let mut bench = Bench::new(&Counter::default());
    assert_eq!(bench.netlist.registers.len(), 2);
    assert_eq!(bench.netlist.inputs.iter().map(|port| port.name.as_str()).collect::<Vec<_>>(), ["reset", "enable"]);
    bench.set("enable", 1);
    for clock in 0..600_u128 {
        assert_eq!(bench.get("value_q"), clock % 256);
        assert_eq!(bench.get("wraps"), u128::from(clock % 256 == 255));
        if clock > 0 {
            assert_eq!(bench.get("count"), (clock - 1) % 256);
        }
        bench.clock();
    }
    bench.set("reset", 1);
    bench.clock();
    assert_eq!(bench.get("value_q"), 0);
}

#[test]
fn equal_blocks_are_one_module() {
    let design = elaborate(&Counter::default(), "counter").unwrap();
    assert_eq!(design.modules().len(), 1);
    assert_eq!(design.name(), "counter");
}
