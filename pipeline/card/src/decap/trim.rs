//! Ends a frame early: what follows the outer IP datagram is no part of the inner frame.
//!
//! Ports: `rx`, `tx`, `length`. Latency: 0 clocks. Beats that lie wholly behind the end are taken and dropped, one a clock.

use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

/// Lets the first `length` bytes of each packet pass. A packet that is shorter passes as it is.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Trim<const W: usize, const K: usize, const U: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// To downstream.
    pub tx: StreamTx<Beat<W, K, U>>,
    /// Bytes to keep, at least 1; read with the packet's first beat.
    pub length: Signal<In, Bits<14>>,
    inside: Register<Bit>,
    swallow: Register<Bit>,
    remaining_q: DFF<Bits<14>>,
    remaining: Signal<Local, Bits<14>>,
    ends: Signal<Local, Bit>,
    beat_bytes: Constant<Bits<14>>,
    position: Vec<Constant<Bits<14>>>,
    keep: Signal<Local, Bits<K>>,
}

impl<const W: usize, const K: usize, const U: usize> Default for Trim<W, K, U> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            length: Signal::default(),
            inside: Register::default(),
            swallow: Register::default(),
            remaining_q: DFF::default(),
            remaining: Signal::default(),
            ends: Signal::default(),
            beat_bytes: Constant::new(K.to_bits()),
            position: (0..K).map(|byte| Constant::new(byte.to_bits())).collect(),
            keep: Signal::default(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize> Logic for Trim<W, K, U> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, inside, swallow, remaining_q);
        self.inside.reset.next = self.reset.val();
        self.swallow.reset.next = self.reset.val();

        self.remaining.next = self.length.val();
        if self.inside.q.val() {
            self.remaining.next = self.remaining_q.q.val();
        }
        self.ends.next = self.remaining.val() <= self.beat_bytes.val();
        self.keep.next = self.rx.payload.val().tkeep;
        for i in 0..K {
            if self.remaining.val() <= self.position[i].val() {
                self.keep.next = self.keep.val().replace_bit(i, false);
            }
        }

        self.tx.payload.next = self.rx.payload.val();
        self.tx.payload.next.tkeep = self.keep.val();
        self.tx.payload.next.tlast = self.rx.payload.val().tlast || self.ends.val();
        self.tx.tvalid.next = self.rx.tvalid.val() && !self.swallow.q.val();
        self.rx.tready.next = self.tx.tready.val() || self.swallow.q.val();

        if self.rx.tvalid.val() && (self.tx.tready.val() || self.swallow.q.val()) {
            self.inside.d.next = !self.rx.payload.val().tlast;
            self.swallow.d.next = !self.rx.payload.val().tlast && (self.swallow.q.val() || self.ends.val());
            self.remaining_q.d.next = self.remaining.val() - self.beat_bytes.val();
        }
    }
}
