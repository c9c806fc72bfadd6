//! Joins the record of a frame, with its verdict, and the frame's payload again.
//!
//! Ports: `records`, `payload`, `has_payload`, `discard`, `tx`, `record`, `first`, `done`. Latency: 0 clocks. Each
//! record takes the clocks of its payload's beats, at least one.
//!
//! `has_payload` and `discard` say what to do with the record that is offered; the parent computes them from it. The
//! frame of a record goes to `tx`, or nowhere if it is to be discarded; a record without payload just goes. `record`
//! shows the record for as long as it is offered, so also in every clock in which its frame is at `tx`.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};

/// Joins records of `T` and frames.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Join<T: Pack, const W: usize, const K: usize, const U: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// One for each frame.
    pub records: StreamRx<T>,
    /// The frames of those records that have one, in the same order.
    pub payload: StreamRx<Beat<W, K, U>>,
    /// The offered record has a frame at `payload`.
    pub has_payload: Signal<In, Bit>,
    /// The offered record's frame goes nowhere.
    pub discard: Signal<In, Bit>,
    /// The frames that go on.
    pub tx: StreamTx<Beat<W, K, U>>,
    /// The offered record.
    pub record: Signal<Out, T>,
    /// The frame's first beat is at `tx`, or would be.
    pub first: Signal<Out, Bit>,
    /// The record, and the last beat of its frame, is disposed of at this clock's edge.
    pub done: Signal<Out, Bit>,
    busy: Register<Bit>,
    moves: Signal<Local, Bit>,
}

impl<T: Pack, const W: usize, const K: usize, const U: usize> Logic for Join<T, W, K, U> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy);
        self.busy.reset.next = self.reset.val();
        self.record.next = self.records.payload.val();
        self.first.next = !self.busy.q.val();
        self.tx.payload.next = self.payload.payload.val();
        self.tx.tvalid.next =
            self.records.tvalid.val() && self.has_payload.val() && !self.discard.val() && self.payload.tvalid.val();
        self.payload.tready.next =
            self.records.tvalid.val() && self.has_payload.val() && (self.discard.val() || self.tx.tready.val());
        self.moves.next = self.records.tvalid.val()
            && self.has_payload.val()
            && self.payload.tvalid.val()
            && (self.discard.val() || self.tx.tready.val());
        if self.moves.val() {
            self.busy.d.next = !self.payload.payload.val().tlast;
        }
        self.done.next = self.records.tvalid.val()
            && (!self.has_payload.val() || (self.moves.val() && self.payload.payload.val().tlast));
        self.records.tready.next = self.done.val();
    }
}
