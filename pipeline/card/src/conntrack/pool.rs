//! Numbers of connections that are free.
//!
//! Ports: `id`, `available`, `take`, `give`, `filling`, `ready`. Latency: what is given can be taken after 2 clocks; numbers
//! are taken at most every second clock.
//!
//! Numbers wait in a ring, so the one that has been free longest is used next: late packets of its last connection are
//! long gone, and if one is not, the generation differs. After reset all numbers below `capacity` are free.

use nitro_components::ram::Ram;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

/// Numbers of `CA` bits (at most 16).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct IdPool<const CA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// A free number.
    pub id: Signal<Out, Bits<CA>>,
    /// There is one.
    pub available: Signal<Out, Bit>,
    /// It is taken.
    pub take: Signal<In, Bit>,
    /// A number becomes free.
    pub give: FlowRx<Bits<CA>>,
    /// All numbers in turn, after reset: so that others can clear what they keep by number.
    pub filling: FlowTx<Bits<CA>>,
    /// That has ended.
    pub ready: Signal<Out, Bit>,
    ring: Ram<Bits<CA>, CA, true>,
    head: Register<Bits<CA>>,
    tail: Register<Bits<CA>>,
    count: Register<Bits<24>>,
    fills: Register<Bit>,
    fill: Register<Bits<CA>>,
}

impl<const CA: usize> IdPool<CA> {
    /// Of the numbers below `capacity`.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!((1..=16).contains(&CA), "numbers have 1 to 16 bits, not {CA}");
        assert!((1..=1 << CA).contains(&capacity), "{capacity} numbers of {CA} bits");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            id: Signal::default(),
            available: Signal::default(),
            take: Signal::default(),
            give: FlowRx::default(),
            filling: FlowTx::default(),
            ready: Signal::default(),
            ring: Ram::default(),
            head: Register::default(),
            // Behind the last free number; a full ring ends where it begins.
            tail: Register::new((capacity % (1 << CA)).to_bits()),
            count: Register::new(capacity.to_bits()),
            fills: Register::new(true),
            fill: Register::default(),
        }
    }
}

impl<const CA: usize> Logic for IdPool<CA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ring);
        dff_setup!(self, clock, head, tail, count, fills, fill);
        self.head.reset.next = self.reset.val();
        self.tail.reset.next = self.reset.val();
        self.count.reset.next = self.reset.val();
        self.fills.reset.next = self.reset.val();
        self.fill.reset.next = self.reset.val();

        self.ring.read_address.next = self.head.q.val();
        self.ring.read_enable.next = true;
        self.ring.write_address.next = self.tail.q.val();
        self.ring.write_data.next = self.give.payload.val();
        self.ring.write_enable.next = self.give.tvalid.val();
        if self.give.tvalid.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.take.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.give.tvalid.val() && !self.take.val() {
            self.count.d.next = self.count.q.val() + 1;
        }
        if !self.give.tvalid.val() && self.take.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
        self.id.next = self.ring.read_data.val();
        self.available.next = self.count.q.val().any();

        self.filling.payload.next = self.fill.q.val();
        self.filling.tvalid.next = self.fills.q.val();
        self.ready.next = !self.fills.q.val();
        if self.fills.q.val() {
            self.fill.d.next = self.fill.q.val() + 1;
            self.ring.write_address.next = self.fill.q.val();
            self.ring.write_data.next = self.fill.q.val();
            self.ring.write_enable.next = true;
            if self.fill.q.val().all() {
                self.fills.d.next = false;
            }
        }
    }
}
