//! Delay lines of a flow.
//!
//! Ports: `rx`, `tx`. Latency: as many clocks as asked for. [`Delay`] is made of registers, [`DelayRam`] keeps the
//! payload in a ring of block RAM and is for long or wide delays.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{FlowRx, FlowTx};

/// A delay line of registers.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Delay<T: Pack> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// In.
    pub rx: FlowRx<T>,
    /// Out.
    pub tx: FlowTx<T>,
    data: Vec<DFF<T>>,
    valid: Vec<Register<Bit>>,
    passed: Signal<Local, T>,
    passed_valid: Signal<Local, Bit>,
}

impl<T: Pack> Delay<T> {
    /// A delay of `clocks`; with 0 of them it is a wire.
    #[must_use]
    pub fn new(clocks: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            data: (0..clocks).map(|_| DFF::default()).collect(),
            valid: (0..clocks).map(|_| Register::default()).collect(),
            passed: Signal::default(),
            passed_valid: Signal::default(),
        }
    }
}

impl<T: Pack> Logic for Delay<T> {
    #[hdl_gen]
    fn update(&mut self) {
        self.passed.next = self.rx.payload.val();
        self.passed_valid.next = self.rx.tvalid.val();
        for i in 0..self.data.len() {
            self.data[i].clock.next = self.clock.val();
            self.data[i].d.next = self.data[i].q.val();
            self.valid[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.valid[i].d.next = self.passed_valid.val();
            // Data move only behind a valid bit: an idle pipeline does not switch.
            if self.passed_valid.val() {
                self.data[i].d.next = self.passed.val();
            }
            self.passed.next = self.data[i].q.val();
            self.passed_valid.next = self.valid[i].q.val();
        }
        self.tx.payload.next = self.passed.val();
        self.tx.tvalid.next = self.passed_valid.val();
    }
}

/// A delay line of at least 2 and at most `2^A + 1` clocks; its payload goes through a RAM.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct DelayRam<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// In.
    pub rx: FlowRx<T>,
    /// Out.
    pub tx: FlowTx<T>,
    ram: Ram<T, A>,
    slot: Register<Bits<A>>,
    last_slot: Constant<Bits<A>>,
    valid: Vec<Register<Bit>>,
    passed_valid: Signal<Local, Bit>,
}

impl<T: Pack, const A: usize> DelayRam<T, A> {
    /// A delay of `clocks`.
    ///
    /// # Panics
    /// If the delay is shorter than 2 or longer than `2^A + 1` clocks.
    #[must_use]
    pub fn new(clocks: usize) -> Self {
        assert!(
            (2..=(1 << A) + 1).contains(&clocks),
            "a ring of 2^{A} words delays by 2 to 2^{A} + 1 clocks, not {clocks}"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            ram: Ram::default(),
            slot: Register::default(),
            last_slot: Constant::new((clocks - 2).to_bits()),
            valid: (0..clocks).map(|_| Register::default()).collect(),
            passed_valid: Signal::default(),
        }
    }
}

impl<T: Pack, const A: usize> Logic for DelayRam<T, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram);
        dff_setup!(self, clock, slot);
        self.slot.reset.next = self.reset.val();
        // Each slot is read just before it is written again, one turn of the ring later.
        self.slot.d.next = self.slot.q.val() + 1;
        if self.slot.q.val() == self.last_slot.val() {
            self.slot.d.next = bits::<A>(0);
        }
        self.ram.read_address.next = self.slot.q.val();
        self.ram.write_address.next = self.slot.q.val();
        self.ram.write_data.next = self.rx.payload.val();
        self.ram.write_enable.next = self.rx.tvalid.val();
        // The last valid bit but one says that the slot's item leaves the ring now.
        self.ram.read_enable.next = false;
        self.passed_valid.next = self.rx.tvalid.val();
        for i in 0..self.valid.len() {
            self.valid[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.valid[i].d.next = self.passed_valid.val();
            self.ram.read_enable.next = self.passed_valid.val();
            self.passed_valid.next = self.valid[i].q.val();
        }
        self.tx.payload.next = self.ram.read_data.val();
        self.tx.tvalid.next = self.passed_valid.val();
    }
}
