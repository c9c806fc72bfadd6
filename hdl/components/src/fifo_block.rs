//! Large FIFO: first-word-fall-through, block RAM.
//!
//! Ports: `rx`, `tx`, `level`. Latency: 2 clocks. Moves one item per clock: the RAM's read register is the output, and
//! is refilled in the clock in which it is emptied.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{StreamRx, StreamTx};

/// A FIFO of `2^A` items (`A` at most 15), and one more in its output.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct FifoBlock<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From upstream.
    pub rx: StreamRx<T>,
    /// To downstream.
    pub tx: StreamTx<T>,
    /// Items held, without the one in the output.
    pub level: Signal<Out, Bits<16>>,
    ram: Ram<T, A>,
    head: Register<Bits<A>>,
    tail: Register<Bits<A>>,
    count: Register<Bits<16>>,
    valid: Register<Bit>,
    depth: Constant<Bits<16>>,
    push: Signal<Local, Bit>,
    pop: Signal<Local, Bit>,
}

impl<T: Pack, const A: usize> Default for FifoBlock<T, A> {
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
            ram: Ram::default(),
            head: Register::default(),
            tail: Register::default(),
            count: Register::default(),
            valid: Register::default(),
            depth: Constant::new((1_u64 << A).into()),
            push: Signal::default(),
            pop: Signal::default(),
        }
    }
}

impl<T: Pack, const A: usize> Logic for FifoBlock<T, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram);
        dff_setup!(self, clock, head, tail, count, valid);
        self.head.reset.next = self.reset.val();
        self.tail.reset.next = self.reset.val();
        self.count.reset.next = self.reset.val();
        self.valid.reset.next = self.reset.val();
        self.rx.tready.next = self.count.q.val() != self.depth.val();
        self.tx.tvalid.next = self.valid.q.val();
        self.tx.payload.next = self.ram.read_data.val();
        self.level.next = self.count.q.val();
        self.push.next = self.rx.tvalid.val() && (self.count.q.val() != self.depth.val());
        self.pop.next = (self.count.q.val() != 0) && (self.tx.tready.val() || !self.valid.q.val());
        self.ram.read_address.next = self.head.q.val();
        self.ram.read_enable.next = self.pop.val();
        self.ram.write_address.next = self.tail.q.val();
        self.ram.write_data.next = self.rx.payload.val();
        self.ram.write_enable.next = self.push.val();
        if self.push.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.pop.val() {
            self.head.d.next = self.head.q.val() + 1;
            self.valid.d.next = true;
        } else if self.tx.tready.val() {
            self.valid.d.next = false;
        }
        if self.push.val() && !self.pop.val() {
            self.count.d.next = self.count.q.val() + 1;
        } else if self.pop.val() && !self.push.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
    }
}
