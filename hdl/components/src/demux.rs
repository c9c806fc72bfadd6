//! One packet stream becomes several: each packet goes where `select` says.
//!
//! Ports: `rx`, `select`, `tx$0` …. Latency: 0 clocks. `select` belongs to the packet's first beat and is stable while
//! that is offered; it is kept for the rest of the packet. A packet for an output that there is not is discarded.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};

/// Distributes packets to up to 256 streams.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Demux<const W: usize, const K: usize, const U: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// The output of the packet whose first beat is offered.
    pub select: Signal<In, Bits<8>>,
    /// To downstream.
    pub tx: Vec<StreamTx<Beat<W, K, U>>>,
    busy: Register<Bit>,
    kept: DFF<Bits<8>>,
    chosen: Signal<Local, Bits<8>>,
    ready: Signal<Local, Bit>,
    number: Vec<Constant<Bits<8>>>,
}

impl<const W: usize, const K: usize, const U: usize> Demux<W, K, U> {
    /// A demultiplexer of so many outputs.
    ///
    /// # Panics
    /// If `outputs` is 0 or over 256.
    #[must_use]
    pub fn new(outputs: usize) -> Self {
        assert!((1..=256).contains(&outputs), "a demultiplexer has 1 to 256 outputs, not {outputs}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            select: Signal::default(),
            tx: (0..outputs).map(|_| StreamTx::default()).collect(),
            busy: Register::default(),
            kept: DFF::default(),
            chosen: Signal::default(),
            ready: Signal::default(),
            number: (0..outputs).map(|number| Constant::new(number.to_bits())).collect(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize> Logic for Demux<W, K, U> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, kept);
        self.busy.reset.next = self.reset.val();
        self.chosen.next = self.select.val();
        if self.busy.q.val() {
            self.chosen.next = self.kept.q.val();
        }
        self.ready.next = true;
        for i in 0..self.tx.len() {
            self.tx[i].payload.next = self.rx.payload.val();
            self.tx[i].tvalid.next = false;
            if self.chosen.val() == self.number[i].val() {
                self.tx[i].tvalid.next = self.rx.tvalid.val();
                self.ready.next = self.tx[i].tready.val();
            }
        }
        self.rx.tready.next = self.ready.val();
        if self.rx.tvalid.val() && self.ready.val() {
            self.kept.d.next = self.chosen.val();
            self.busy.d.next = !self.rx.payload.val().tlast;
        }
    }
}
