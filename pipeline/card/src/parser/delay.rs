//! A value some clocks later. Ports: `rx`, `tx`. Latency: as many clocks as asked for, at least one.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

/// A chain of registers that runs every clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Later<T: Pack> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Now.
    pub rx: Signal<In, T>,
    /// Then.
    pub tx: Signal<Out, T>,
    stages: Vec<DFF<T>>,
    passed: Signal<Local, T>,
}

impl<T: Pack> Later<T> {
    /// A delay of `clocks`.
    #[must_use]
    pub fn new(clocks: usize) -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            stages: (0..clocks).map(|_| DFF::default()).collect(),
            passed: Signal::default(),
        }
    }
}

impl<T: Pack> Logic for Later<T> {
    #[hdl_gen]
    fn update(&mut self) {
        self.passed.next = self.rx.val();
        for i in 0..self.stages.len() {
            self.stages[i].clock.next = self.clock.val();
            self.stages[i].d.next = self.passed.val();
            self.passed.next = self.stages[i].q.val();
        }
        self.tx.next = self.passed.val();
    }
}
