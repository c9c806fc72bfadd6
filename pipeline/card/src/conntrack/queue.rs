//! Insertions that wait for their answer.
//!
//! Ports: `rx`, `tx` (streams), `epoch`, `done`, `retry`, `swept`, `waiting`. Latency: 1 clock.
//!
//! Several insertions are on their way through the table at a time, and are answered in order. One that would be refused is
//! tried again when the table has been swept, and with it those behind it: `retry` takes the stream back to the oldest one
//! without an answer, and the other `epoch` tells that those still under way do not count.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::{StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use super::record::ConntrackInsert;

/// Four insertions.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct InsertQueue {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// New ones.
    pub rx: StreamRx<ConntrackInsert>,
    /// To the table.
    pub tx: StreamTx<ConntrackInsert>,
    /// What those that count carry.
    pub epoch: Signal<Out, Bit>,
    /// The oldest one has its answer.
    pub done: Signal<In, Bit>,
    /// The oldest one must wait for `swept`.
    pub retry: Signal<In, Bit>,
    /// The table has been swept: insertions may be refused.
    pub swept: Signal<In, Bit>,
    /// One waits for it.
    pub waiting: Signal<Out, Bit>,
    ring: RamDistributed<ConntrackInsert, 2>,
    head: Register<Bits<2>>,
    tail: Register<Bits<2>>,
    position: Register<Bits<2>>,
    held: Register<Bits<3>>,
    sent: Register<Bits<3>>,
    round: Register<Bit>,
    waits: Register<Bit>,
    accept: Signal<Local, Bit>,
    send: Signal<Local, Bit>,
}

impl Logic for InsertQueue {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ring);
        dff_setup!(self, clock, head, tail, position, held, sent, round, waits);
        self.head.reset.next = self.reset.val();
        self.tail.reset.next = self.reset.val();
        self.position.reset.next = self.reset.val();
        self.held.reset.next = self.reset.val();
        self.sent.reset.next = self.reset.val();
        self.round.reset.next = self.reset.val();
        self.waits.reset.next = self.reset.val();

        self.rx.tready.next = self.held.q.val() != bits::<3>(4);
        self.accept.next = self.rx.tvalid.val() && self.rx.tready.val();
        self.ring.write_address.next = self.tail.q.val();
        self.ring.write_data.next = self.rx.payload.val();
        self.ring.write_enable.next = self.accept.val();
        if self.accept.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }

        self.ring.read_address.next = self.position.q.val();
        self.tx.payload.next = self.ring.read_data.val();
        self.tx.tvalid.next = (self.sent.q.val() != self.held.q.val()) && !self.waits.q.val();
        self.send.next = self.tx.tvalid.val() && self.tx.tready.val();
        if self.send.val() {
            self.position.d.next = self.position.q.val() + 1;
        }
        if self.done.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.accept.val() && !self.done.val() {
            self.held.d.next = self.held.q.val() + 1;
        } else if !self.accept.val() && self.done.val() {
            self.held.d.next = self.held.q.val() - 1;
        }
        if self.send.val() && !self.done.val() {
            self.sent.d.next = self.sent.q.val() + 1;
        } else if !self.send.val() && self.done.val() {
            self.sent.d.next = self.sent.q.val() - 1;
        }
        if self.waits.q.val() && self.swept.val() {
            self.waits.d.next = false;
        }
        if self.retry.val() {
            self.position.d.next = self.head.q.val();
            self.sent.d.next = bits::<3>(0);
            self.round.d.next = !self.round.q.val();
            self.waits.d.next = true;
        }
        self.epoch.next = self.round.q.val();
        self.waiting.next = self.waits.q.val();
    }
}
