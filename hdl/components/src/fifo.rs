//! Small FIFO: first-word-fall-through, distributed RAM.
//!
//! Ports: `rx`, `tx`, `level`. Latency: 1 clock. Moves one item per clock; both `tready` and `tvalid` come from
//! registers.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::ram_distributed::RamDistributed;
use crate::register::Register;
use crate::stream::{StreamRx, StreamTx};

/// A FIFO of `2^A` items (`A` at most 15).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Fifo<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: StreamRx<T>,
    /// To downstream.
    pub tx: StreamTx<T>,
    /// Items held.
    pub level: Signal<Out, Bits<16>>,
    ram: RamDistributed<T, A>,
    head: Register<Bits<A>>,
    tail: Register<Bits<A>>,
    count: Register<Bits<16>>,
    depth: Constant<Bits<16>>,
    push: Signal<Local, Bit>,
    pop: Signal<Local, Bit>,
}

impl<T: Pack, const A: usize> Default for Fifo<T, A> {
    /// # Panics
    /// If `A` is over 15.
    fn default() -> Self {
        assert!(A <= 15, "a FIFO of 2^{A} items has more than its level can count");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            level: Signal::default(),
            ram: RamDistributed::default(),
            head: Register::default(),
            tail: Register::default(),
            count: Register::default(),
            depth: Constant::new((1_u64 << A).into()),
            push: Signal::default(),
            pop: Signal::default(),
        }
    }
}

impl<T: Pack, const A: usize> Logic for Fifo<T, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram);
        dff_setup!(self, clock, head, tail, count);
        self.head.reset.next = self.reset.val();
        self.tail.reset.next = self.reset.val();
        self.count.reset.next = self.reset.val();
        self.rx.tready.next = self.count.q.val() != self.depth.val();
        self.tx.tvalid.next = self.count.q.val() != 0;
        self.tx.payload.next = self.ram.read_data.val();
        self.level.next = self.count.q.val();
        self.push.next = self.rx.tvalid.val() && (self.count.q.val() != self.depth.val());
        self.pop.next = self.tx.tready.val() && (self.count.q.val() != 0);
        self.ram.read_address.next = self.head.q.val();
        self.ram.write_address.next = self.tail.q.val();
        self.ram.write_data.next = self.rx.payload.val();
        self.ram.write_enable.next = self.push.val();
        if self.push.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.pop.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.push.val() && !self.pop.val() {
            self.count.d.next = self.count.q.val() + 1;
        } else if self.pop.val() && !self.push.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
    }
}
