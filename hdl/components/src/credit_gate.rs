//! The start of a fixed-latency pipeline: a stream becomes a flow of at most `C` items at a time.
//!
//! Ports: `rx` (stream), `tx` (flow), `release`. Latency: 0 clocks. An item takes a credit when it enters; whoever
//! disposes of it behind the pipeline returns the credit with a pulse on `release`, which counts from the next clock
//! on. A gate with a spacing keeps items at least that many clocks apart, for pipelines with a stage that takes its time
//! for each item; without one an item may follow in each clock.

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
    /// Clocks until the next item may enter.
    pause: Register<Bits<8>>,
    open: Signal<Local, Bit>,
    spaced: Constant<Bit>,
    longest_pause: Constant<Bits<8>>,
}

impl<T: Pack, const C: usize> CreditGate<T, C> {
    /// A gate that lets at most one item in within `spacing` clocks.
    ///
    /// # Panics
    /// If `C` is 0 or over 65,535, or `spacing` is 0 or over 256.
    #[must_use]
    pub fn new(spacing: usize) -> Self {
        assert!((1..=65_535).contains(&C), "a credit gate has 1 to 65,535 credits, not {C}");
        assert!((1..=256).contains(&spacing), "items are 1 to 256 clocks apart, not {spacing}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: FlowTx::default(),
            release: Signal::default(),
            credits: Register::new(C.to_bits()),
            pause: Register::default(),
            open: Signal::default(),
            spaced: Constant::new(spacing > 1),
            longest_pause: Constant::new((spacing - 1).to_bits()),
        }
    }
}

impl<T: Pack, const C: usize> Default for CreditGate<T, C> {
    /// A gate without a spacing.
    ///
    /// # Panics
    /// If `C` is 0 or over 65,535.
    fn default() -> Self {
        Self::new(1)
    }
}

impl<T: Pack, const C: usize> Logic for CreditGate<T, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, credits, pause);
        self.credits.reset.next = self.reset.val();
        self.pause.reset.next = self.reset.val();
        self.open.next = (self.credits.q.val() != 0) && (self.pause.q.val() == 0);
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
        // Without a spacing the register is never anything but 0, and vanishes.
        self.pause.d.next = bits::<8>(0);
        if self.spaced.val() {
            if self.rx.tvalid.val() && self.open.val() {
                self.pause.d.next = self.longest_pause.val();
            } else if self.pause.q.val() != 0 {
                self.pause.d.next = self.pause.q.val() - 1;
            }
        }
    }
}
