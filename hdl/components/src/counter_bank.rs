//! A bank of pairs of 64-bit counters: events, and an amount (bytes, say) that each event brings.
//!
//! Ports: `rx` (flow of updates), `read` (flow of indexes), `value` (flow of values), `ready`. Latency: a read takes 1
//! clock and counts every update of the clocks before it. One update and one read per clock, of any indexes. Both
//! counters of a pair are read at once, so the value is never torn. After reset all counters are cleared, a pair a
//! clock; `ready` says that this is done. Counters wrap.

use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{FlowRx, FlowTx};

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CounterUpdate<const A: usize, const B: usize> {
    /// Which pair counts it.
    pub index: Bits<A>,
    /// What it adds to the amount.
    pub amount: Bits<B>,
}

/// The values of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CounterValue {
    /// Events counted.
    pub events: Bits<64>,
    /// Sum of their amounts.
    pub amount: Bits<64>,
}

/// `2^A` pairs; an event's amount has `B` bits (at most 64).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct CounterBank<const A: usize, const B: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Events.
    pub rx: FlowRx<CounterUpdate<A, B>>,
    /// Pairs to read.
    pub read: FlowRx<Bits<A>>,
    /// Their values, in order.
    pub value: FlowTx<CounterValue>,
    /// The counters have been cleared. Events before that are not counted, reads give anything.
    pub ready: Signal<Out, Bit>,
    update_ram: Ram<CounterValue, A, true>,
    read_ram: Ram<CounterValue, A, true>,
    event: DFF<CounterUpdate<A, B>>,
    event_valid: Register<Bit>,
    value_valid: Register<Bit>,
    clearing: Register<Bit>,
    row: Register<Bits<A>>,
    sum: Signal<Local, CounterValue>,
    write_address: Signal<Local, Bits<A>>,
    write_enable: Signal<Local, Bit>,
    zero: Constant<CounterValue>,
}

impl<const A: usize, const B: usize> Default for CounterBank<A, B> {
    /// # Panics
    /// If `B` is over 64.
    fn default() -> Self {
        assert!(B <= 64, "an amount of {B} bits does not fit a 64-bit counter");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            read: FlowRx::default(),
            value: FlowTx::default(),
            ready: Signal::default(),
            update_ram: Ram::default(),
            read_ram: Ram::default(),
            event: DFF::default(),
            event_valid: Register::default(),
            value_valid: Register::default(),
            clearing: Register::new(true),
            row: Register::default(),
            sum: Signal::default(),
            write_address: Signal::default(),
            write_enable: Signal::default(),
            zero: Constant::new(CounterValue::default()),
        }
    }
}

impl<const A: usize, const B: usize> Logic for CounterBank<A, B> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, update_ram, read_ram);
        dff_setup!(self, clock, event, event_valid, value_valid, clearing, row);
        self.event_valid.reset.next = self.reset.val();
        self.value_valid.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.row.reset.next = self.reset.val();

        // Read, then add and write. The RAM returns new words, so an event sees the one just before it.
        self.event_valid.d.next = self.rx.tvalid.val() && !self.clearing.q.val();
        if self.rx.tvalid.val() {
            self.event.d.next = self.rx.payload.val();
        }
        self.update_ram.read_address.next = self.rx.payload.val().index;
        self.update_ram.read_enable.next = self.rx.tvalid.val();
        self.sum.next.events = self.update_ram.read_data.val().events + 1;
        self.sum.next.amount = self.update_ram.read_data.val().amount + bit_cast::<64, B>(self.event.q.val().amount);
        self.write_address.next = self.event.q.val().index;
        self.write_enable.next = self.event_valid.q.val();
        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.sum.next = self.zero.val();
            self.write_address.next = self.row.q.val();
            self.write_enable.next = true;
            self.row.d.next = self.row.q.val() + 1;
            if self.row.q.val().all() {
                self.clearing.d.next = false;
            }
        }
        self.update_ram.write_address.next = self.write_address.val();
        self.update_ram.write_data.next = self.sum.val();
        self.update_ram.write_enable.next = self.write_enable.val();
        self.read_ram.write_address.next = self.write_address.val();
        self.read_ram.write_data.next = self.sum.val();
        self.read_ram.write_enable.next = self.write_enable.val();

        self.read_ram.read_address.next = self.read.payload.val();
        self.read_ram.read_enable.next = self.read.tvalid.val();
        self.value_valid.d.next = self.read.tvalid.val();
        self.value.payload.next = self.read_ram.read_data.val();
        self.value.tvalid.next = self.value_valid.q.val();
    }
}
