//! Decides, one record a clock, what becomes of the frames in a [`CellMemory`](crate::cell_memory).
//!
//! Ports: `records`, `chain`, `length`, `has_payload`, `pass`, `hold`, `done`; `fetch`, `passed`, `discard`. Latency: 1 clock from a record to
//! `passed`, whose frame's first beat leaves the memory in the same clock if nothing is before it.
//!
//! `chain`, `length`, `has_payload` and `pass` say what to do with the record that is offered; the parent computes them from it. A record
//! that passes goes to `passed`, and its frame is fetched, in the same order; any other record ends here, and its frame is discarded.
//! So frames that wait for their way out do not hold up the verdicts behind them, until four that pass wait: a few frames that pass in clocks running
//! cost no clock, though each is longer on its way out. While `hold` is set, no record is taken.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::cell_memory::{Chain, Fetch};
use crate::fifo::Fifo;
use crate::stream::{StreamRx, StreamTx};

/// Dispatches records of `T`.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Dispatch<T: Pack> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// One for each frame, with its verdict.
    pub records: StreamRx<T>,
    /// Where the frame of the offered record is.
    pub chain: Signal<In, Chain>,
    /// Its length in bytes.
    pub length: Signal<In, Bits<14>>,
    /// It has one.
    pub has_payload: Signal<In, Bit>,
    /// It passes; only if it has a frame.
    pub pass: Signal<In, Bit>,
    /// Take no record now.
    pub hold: Signal<In, Bit>,
    /// The offered record is taken at this clock's edge.
    pub done: Signal<Out, Bit>,
    /// Frames to take out of the memory.
    pub fetch: StreamTx<Fetch>,
    /// The records of these frames.
    pub passed: StreamTx<T>,
    /// Frames to forget.
    pub discard: StreamTx<Chain>,
    queue: Fifo<T, 2>,
    /// Fetches that the memory could not take at once; never more than records in `queue`.
    fetches: Fifo<Fetch, 2>,
    /// The memory forgets no frame in a clock in which one has been read.
    discards: Fifo<Chain, 2>,
    passes: Signal<Local, Bit>,
    able: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
}

impl<T: Pack> Logic for Dispatch<T> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, queue, fetches, discards);
        self.queue.reset.next = self.reset.val();
        self.fetches.reset.next = self.reset.val();
        self.discards.reset.next = self.reset.val();
        self.able.next = self.records.tvalid.val() && !self.hold.val();

        // A fetch goes to the memory in the clock in which the queue takes the record, if none is before it.
        self.passes.next =
            self.able.val() && self.pass.val() && self.queue.rx.tready.val() && self.fetches.rx.tready.val();
        self.queue.rx.payload.next = self.records.payload.val();
        self.queue.rx.tvalid.next = self.passes.val();
        StreamTx::<T>::link(&mut self.passed, &mut self.queue.tx);
        self.fetches.rx.payload.next.chain = self.chain.val();
        self.fetches.rx.payload.next.length = self.length.val();
        self.fetches.rx.tvalid.next = self.passes.val() && (self.fetches.tx.tvalid.val() || !self.fetch.tready.val());
        self.fetches.tx.tready.next = self.fetch.tready.val();
        self.fetch.payload.next.chain = self.chain.val();
        self.fetch.payload.next.length = self.length.val();
        self.fetch.tvalid.next = self.passes.val() || self.fetches.tx.tvalid.val();
        if self.fetches.tx.tvalid.val() {
            self.fetch.payload.next = self.fetches.tx.payload.val();
        }

        self.discards.rx.payload.next = self.chain.val();
        self.discards.rx.tvalid.next = self.able.val() && !self.pass.val() && self.has_payload.val();
        StreamTx::<Chain>::link(&mut self.discard, &mut self.discards.tx);

        self.taken.next = self.able.val();
        if self.pass.val() {
            self.taken.next = self.passes.val();
        } else if self.has_payload.val() {
            self.taken.next = self.able.val() && self.discards.rx.tready.val();
        }
        self.done.next = self.taken.val();
        self.records.tready.next = self.taken.val();
    }
}
