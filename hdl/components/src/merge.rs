//! Two streams become one; each item says which one it came from.
//!
//! Ports: `a`, `b`, `tx`, `from_b`. Latency: 0 clocks. The stream that sent last lets the other go first, and what is offered at `tx` stays
//! until it is taken.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{StreamRx, StreamTx};

/// Merges streams of `T`.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Merge<T: Pack> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// One stream.
    pub a: StreamRx<T>,
    /// The other.
    pub b: StreamRx<T>,
    /// Both.
    pub tx: StreamTx<T>,
    /// The item at `tx` is one of `b`.
    pub from_b: Signal<Out, Bit>,
    /// `b` goes first.
    b_first: Register<Bit>,
    takes_b: Signal<Local, Bit>,
}

impl<T: Pack> Logic for Merge<T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, b_first);
        self.b_first.reset.next = self.reset.val();
        self.takes_b.next = self.b.tvalid.val() && (self.b_first.q.val() || !self.a.tvalid.val());
        self.from_b.next = self.takes_b.val();
        self.tx.tvalid.next = self.a.tvalid.val() || self.b.tvalid.val();
        self.tx.payload.next = self.a.payload.val();
        self.a.tready.next = self.tx.tready.val() && !self.takes_b.val();
        self.b.tready.next = self.tx.tready.val() && self.takes_b.val();
        if self.takes_b.val() {
            self.tx.payload.next = self.b.payload.val();
        }
        if self.tx.tready.val() {
            if self.a.tvalid.val() || self.b.tvalid.val() {
                self.b_first.d.next = !self.takes_b.val();
            }
        } else {
            // Who is offered keeps its turn.
            self.b_first.d.next = self.takes_b.val();
        }
    }
}
