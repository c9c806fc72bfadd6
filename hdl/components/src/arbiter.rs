//! Several packet streams become one; a packet is never interleaved with another.
//!
//! Ports: `rx$0` …, `tx`. Latency: 0 clocks. Round-robin: after a packet of one input the next inputs in order come
//! first. The choice is held from the moment a packet is offered at `tx` until its last beat is taken.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};

/// Merges up to 256 streams of packets.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Arbiter<const W: usize, const K: usize, const U: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: Vec<StreamRx<Beat<W, K, U>>>,
    /// To downstream.
    pub tx: StreamTx<Beat<W, K, U>>,
    /// The input whose packet is at `tx`.
    pub source: Signal<Out, Bits<8>>,
    busy: Register<Bit>,
    grant: Register<Bits<8>>,
    number: Vec<Constant<Bits<8>>>,
    chosen: Signal<Local, Bits<8>>,
    found: Signal<Local, Bit>,
    offered: Signal<Local, Bit>,
}

impl<const W: usize, const K: usize, const U: usize> Arbiter<W, K, U> {
    /// An arbiter of so many inputs.
    ///
    /// # Panics
    /// If `inputs` is 0 or over 256.
    #[must_use]
    pub fn new(inputs: usize) -> Self {
        assert!((1..=256).contains(&inputs), "an arbiter has 1 to 256 inputs, not {inputs}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: (0..inputs).map(|_| StreamRx::default()).collect(),
            tx: StreamTx::default(),
            source: Signal::default(),
            busy: Register::default(),
            grant: Register::default(),
            number: (0..inputs).map(|number| Constant::new(number.to_bits())).collect(),
            chosen: Signal::default(),
            found: Signal::default(),
            offered: Signal::default(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize> Logic for Arbiter<W, K, U> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, grant);
        self.busy.reset.next = self.reset.val();
        self.grant.reset.next = self.reset.val();
        self.chosen.next = self.grant.q.val();
        if !self.busy.q.val() {
            // The first offer behind the last winner, else the first offer of all.
            self.found.next = false;
            for i in 0..self.rx.len() {
                if self.rx[i].tvalid.val() && !self.found.val() && (self.number[i].val() > self.grant.q.val()) {
                    self.chosen.next = self.number[i].val();
                    self.found.next = true;
                }
            }
            for i in 0..self.rx.len() {
                if self.rx[i].tvalid.val() && !self.found.val() {
                    self.chosen.next = self.number[i].val();
                    self.found.next = true;
                }
            }
        } else {
            self.found.next = true;
        }
        self.source.next = self.chosen.val();
        self.offered.next = false;
        self.tx.payload.next = self.rx[0].payload.val();
        for i in 0..self.rx.len() {
            self.rx[i].tready.next = false;
            if self.chosen.val() == self.number[i].val() {
                self.offered.next = self.rx[i].tvalid.val();
                self.rx[i].tready.next = self.tx.tready.val();
                self.tx.payload.next = self.rx[i].payload.val();
            }
        }
        self.tx.tvalid.next = self.offered.val();
        if self.offered.val() {
            self.grant.d.next = self.chosen.val();
            self.busy.d.next = !(self.tx.payload.val().tlast && self.tx.tready.val());
        }
    }
}
