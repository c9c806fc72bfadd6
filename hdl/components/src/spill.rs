//! Spill register: a full-throughput register stage that cuts both the forward and the `tready` path of a stream.
//!
//! Ports: `rx`, `tx`. Latency: 1 clock. Holds two payloads: the second catches what arrives in the clock in which `tx`
//! stalls, so that `rx.tready` comes straight from a register.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{StreamRx, StreamTx};

/// A two-entry register stage for a stream of `T`.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Spill<T: Pack> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: StreamRx<T>,
    /// To downstream.
    pub tx: StreamTx<T>,
    front: DFF<T>,
    front_valid: Register<Bit>,
    back: DFF<T>,
    back_valid: Register<Bit>,
}

impl<T: Pack> Logic for Spill<T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, front, front_valid, back, back_valid);
        self.front_valid.reset.next = self.reset.val();
        self.back_valid.reset.next = self.reset.val();
        self.rx.tready.next = !self.back_valid.q.val();
        self.tx.tvalid.next = self.front_valid.q.val();
        self.tx.payload.next = self.front.q.val();
        if self.tx.tready.val() || !self.front_valid.q.val() {
            // The front is free at the edge: refill it from the back, or straight from upstream.
            if self.back_valid.q.val() {
                self.front.d.next = self.back.q.val();
                self.front_valid.d.next = true;
                self.back_valid.d.next = false;
            } else {
                self.front.d.next = self.rx.payload.val();
                self.front_valid.d.next = self.rx.tvalid.val();
            }
        } else if self.rx.tvalid.val() && !self.back_valid.q.val() {
            self.back.d.next = self.rx.payload.val();
            self.back_valid.d.next = true;
        }
    }
}
