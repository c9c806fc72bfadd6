//! The start of a fixed-latency pipeline: a stream becomes a flow of at most `C` items at a time.
//!
//! Ports: `rx` (stream), `tx` (flow), `release`. Latency: 0 clocks. An item takes a credit when it enters; whoever
//! disposes of it behind the pipeline returns the credit with a pulse on `release`, which counts from the next clock
//! on.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{FlowTx, StreamRx};

/// A gate of `C` credits (at most 65,535).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct CreditGate<T: Pack, const C: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: StreamRx<T>,
    /// Into the pipeline.
    pub tx: FlowTx<T>,
    /// One credit comes back.
    pub release: Signal<In, Bit>,
    credits: Register<Bits<16>>,
    open: Signal<Local, Bit>,
}

impl<T: Pack, const C: usize> Default for CreditGate<T, C> {
    /// # Panics
    /// If `C` is 0 or over 65,535.
    fn default() -> Self {
        assert!((1..=65_535).contains(&C), "a credit gate has 1 to 65,535 credits, not {C}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: FlowTx::default(),
            release: Signal::default(),
            credits: Register::new(C.to_bits()),
            open: Signal::default(),
        }
    }
}

impl<T: Pack, const C: usize> Logic for CreditGate<T, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, credits);
        self.credits.reset.next = self.reset.val();
        self.open.next = self.credits.q.val() != 0;
        self.rx.tready.next = self.open.val();
        self.tx.tvalid.next = self.rx.tvalid.val() && self.open.val();
        self.tx.payload.next = self.rx.payload.val();
        if self.rx.tvalid.val() && self.open.val() {
            if !self.release.val() {
                self.credits.d.next = self.credits.q.val() - 1;
            }
        } else if self.release.val() {
            self.credits.d.next = self.credits.q.val() + 1;
        }
    }
}
