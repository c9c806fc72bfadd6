//! Register with synchronous, active-high reset.
//!
//! For control state. Data paths use `rust_hdl`'s `DFF`, which no reset touches.

use nitro_netlist::primitive::{Primitive, describe};
use nitro_netlist::{Pack, Ports};
use rust_hdl::prelude::*;

use crate::words;

/// A register that takes `d` at each rising edge, or its reset value while `reset` is set. Works with `dff_setup!`.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Register<T: Pack> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Next value.
    pub d: Signal<In, T>,
    /// Present value.
    pub q: Signal<Out, T>,
    _reset_value: T,
}

impl<T: Pack> Register<T> {
    /// A register that comes out of power-up and reset with `reset_value`.
    #[must_use]
    pub fn new(reset_value: T) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            d: Signal::default(),
            q: Signal::new_with_default(reset_value),
            _reset_value: reset_value,
        }
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
        describe(Primitive::Register { width: T::BITS, reset_value: words(&self._reset_value) });
        Verilog::Custom("// register with synchronous reset".into())
    }
}
