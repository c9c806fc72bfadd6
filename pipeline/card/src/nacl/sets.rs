//! Which bank of rules counts for each subnet, in one direction.
//!
//! Ports: `table` (writes to all tables), `commit`, `subnet`, `enabled`, `bank`. Latency: 0 clocks from a subnet to its set. A
//! write goes to a staged copy; `commit` makes all staged copies count at once, from the next clock on. After reset no subnet
//! has an ACL.

use nitro_components::register::Register;
use nitro_components::stream::FlowRx;
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::Table;
use nitro_wire::policy::Direction;
use nitro_wire::tables::{self, set_index};
use rust_hdl::prelude::*;

use crate::format::NaclSetRow;
use crate::table::TableWrite;

/// Width of [`NaclSetRow`].
const NACL_SET_ROW: usize = tables::NACL_SET_ROW.bits;

/// Sets of `2^EA` subnets; a subnet beyond them has no ACL.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct NaclSets<const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// What is staged counts from the next clock on.
    pub commit: Signal<In, Bit>,
    /// Number of a subnet.
    pub subnet: Signal<In, Bits<8>>,
    /// It has an ACL.
    pub enabled: Signal<Out, Bit>,
    /// The bank of its rules.
    pub bank: Signal<Out, Bit>,
    staged: Vec<Register<NaclSetRow>>,
    active: Vec<Register<NaclSetRow>>,
    image: Cast<Bits<NACL_SET_ROW>, NaclSetRow>,
    set: Signal<Local, NaclSetRow>,
    written: Signal<Local, Bit>,
    set_table: Constant<Bits<4>>,
    number: Vec<Constant<Bits<8>>>,
    index: Vec<Constant<Bits<16>>>,
    no_set: Constant<NaclSetRow>,
}

impl<const EA: usize> NaclSets<EA> {
    /// The sets of one direction.
    ///
    /// # Panics
    /// If there are more subnets than numbers of 8 bits.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        assert!(EA <= 8, "2^{EA} subnets have no numbers of 8 bits");
        let numbers = || (0..=u8::MAX).take(1 << EA);
        let index = |number| Constant::new(u64::from(set_index(direction, number)).to_bits());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            subnet: Signal::default(),
            enabled: Signal::default(),
            bank: Signal::default(),
            staged: numbers().map(|_| Register::default()).collect(),
            active: numbers().map(|_| Register::default()).collect(),
            image: Cast::default(),
            set: Signal::default(),
            written: Signal::default(),
            set_table: Constant::new(Table::NaclSet.code().to_bits()),
            number: numbers().map(|number| Constant::new(u64::from(number).to_bits())).collect(),
            index: numbers().map(index).collect(),
            no_set: Constant::new(NaclSetRow::default()),
        }
    }
}

impl<const EA: usize> Logic for NaclSets<EA> {
    #[hdl_gen]
    fn update(&mut self) {
        self.image.i.next = self.table.payload.val().data.get_bits::<NACL_SET_ROW>(0);
        self.written.next = self.table.tvalid.val() && (self.table.payload.val().table == self.set_table.val());
        self.set.next = self.no_set.val();
        for i in 0..self.number.len() {
            self.staged[i].clock.next = self.clock.val();
            self.staged[i].reset.next = self.reset.val();
            self.active[i].clock.next = self.clock.val();
            self.active[i].reset.next = self.reset.val();
            self.staged[i].d.next = self.staged[i].q.val();
            if self.written.val() && (self.table.payload.val().index == self.index[i].val()) {
                self.staged[i].d.next = self.image.o.val();
            }
            self.active[i].d.next = self.active[i].q.val();
            if self.commit.val() {
                self.active[i].d.next = self.staged[i].q.val();
            }
            if self.subnet.val() == self.number[i].val() {
                self.set.next = self.active[i].q.val();
            }
        }
        self.enabled.next = self.set.val().enabled;
        self.bank.next = self.set.val().bank;
    }
}
