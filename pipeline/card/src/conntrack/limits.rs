//! Limits of the interfaces' connections, and how many each has.
//!
//! Ports: `table`, `eni`, `row`, `used`, `add`, `subtract`, `allowance_rx`, `allowance_tx`, `ready`. Latency: `row` and `used`
//! follow `eni` within the clock, and what is added or subtracted shows in the next; `allowance_tx` 1 clock.
//!
//! After reset all rows and counts are cleared: an interface may have no connection until its row is written.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::{Table, tables};
use rust_hdl::prelude::*;

use super::record::ConntrackAllowance;
use crate::format::ConntrackRow;
use crate::table::TableWrite;

/// Width of a [`ConntrackRow`].
const ROW: usize = tables::CONNTRACK_ROW.bits;

/// Limits and counts of `2^EA` interfaces (`EA` at most 8).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Limits<const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// This one is for the limits.
    pub written: Signal<Out, Bit>,
    /// An interface.
    pub eni: Signal<In, Bits<8>>,
    /// Its limits.
    pub row: Signal<Out, ConntrackRow>,
    /// Its connections.
    pub used: Signal<Out, Bits<24>>,
    /// It has one more.
    pub add: Signal<In, Bit>,
    /// It has one less.
    pub subtract: Signal<In, Bit>,
    /// Interfaces to look at.
    pub allowance_rx: FlowRx<Bits<8>>,
    /// What they have.
    pub allowance_tx: FlowTx<ConntrackAllowance>,
    /// Rows and counts are cleared.
    pub ready: Signal<Out, Bit>,
    cast: Cast<Bits<ROW>, ConntrackRow>,
    rows: RamDistributed<ConntrackRow, EA>,
    counts: RamDistributed<Bits<24>, EA>,
    // Copies to look at.
    limits: RamDistributed<Bits<24>, EA>,
    copy: RamDistributed<Bits<24>, EA>,
    allowance: DFF<ConntrackAllowance>,
    allowance_valid: Register<Bit>,
    clearing: Register<Bit>,
    clear: Register<Bits<EA>>,
    write_enable: Signal<Local, Bit>,
    write_eni: Signal<Local, Bits<EA>>,
    write_row: Signal<Local, ConntrackRow>,
    count_enable: Signal<Local, Bit>,
    count_eni: Signal<Local, Bits<EA>>,
    count: Signal<Local, Bits<24>>,
    number: Constant<Bits<4>>,
    nothing: Constant<ConntrackRow>,
}

impl<const EA: usize> Default for Limits<EA> {
    /// # Panics
    /// If there are more interfaces than numbers for them.
    fn default() -> Self {
        assert!((1..=8).contains(&EA), "there are 2^1 to 2^8 interfaces, not 2^{EA}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            table: FlowRx::default(),
            written: Signal::default(),
            eni: Signal::default(),
            row: Signal::default(),
            used: Signal::default(),
            add: Signal::default(),
            subtract: Signal::default(),
            allowance_rx: FlowRx::default(),
            allowance_tx: FlowTx::default(),
            ready: Signal::default(),
            cast: Cast::default(),
            rows: RamDistributed::default(),
            counts: RamDistributed::default(),
            limits: RamDistributed::default(),
            copy: RamDistributed::default(),
            allowance: DFF::default(),
            allowance_valid: Register::default(),
            clearing: Register::new(true),
            clear: Register::default(),
            write_enable: Signal::default(),
            write_eni: Signal::default(),
            write_row: Signal::default(),
            count_enable: Signal::default(),
            count_eni: Signal::default(),
            count: Signal::default(),
            number: Constant::new(Table::Conntrack.code().to_bits()),
            nothing: Constant::new(ConntrackRow::default()),
        }
    }
}

impl<const EA: usize> Logic for Limits<EA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, rows, counts, limits, copy);
        dff_setup!(self, clock, allowance, allowance_valid, clearing, clear);
        self.allowance_valid.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.clear.reset.next = self.reset.val();

        self.written.next = self.table.tvalid.val() && (self.table.payload.val().table == self.number.val());
        self.cast.i.next = self.table.payload.val().data.get_bits::<ROW>(0);
        self.rows.read_address.next = bit_cast::<EA, 8>(self.eni.val());
        self.counts.read_address.next = bit_cast::<EA, 8>(self.eni.val());
        self.row.next = self.rows.read_data.val();
        self.used.next = self.counts.read_data.val();

        self.write_enable.next = self.written.val();
        self.write_eni.next = bit_cast::<EA, 16>(self.table.payload.val().index);
        self.write_row.next = self.cast.o.val();
        self.count_enable.next = self.add.val() || self.subtract.val();
        self.count_eni.next = bit_cast::<EA, 8>(self.eni.val());
        self.count.next = self.counts.read_data.val() + 1;
        if self.subtract.val() {
            self.count.next = self.counts.read_data.val() - 1;
        }
        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.write_enable.next = true;
            self.write_eni.next = self.clear.q.val();
            self.write_row.next = self.nothing.val();
            self.count_enable.next = true;
            self.count_eni.next = self.clear.q.val();
            self.count.next = bits::<24>(0);
            self.clear.d.next = self.clear.q.val() + 1;
            if self.clear.q.val().all() {
                self.clearing.d.next = false;
            }
        }
        self.rows.write_enable.next = self.write_enable.val();
        self.rows.write_address.next = self.write_eni.val();
        self.rows.write_data.next = self.write_row.val();
        self.limits.write_enable.next = self.write_enable.val();
        self.limits.write_address.next = self.write_eni.val();
        self.limits.write_data.next = self.write_row.val().max_connections;
        self.counts.write_enable.next = self.count_enable.val();
        self.counts.write_address.next = self.count_eni.val();
        self.counts.write_data.next = self.count.val();
        self.copy.write_enable.next = self.count_enable.val();
        self.copy.write_address.next = self.count_eni.val();
        self.copy.write_data.next = self.count.val();

        self.limits.read_address.next = bit_cast::<EA, 8>(self.allowance_rx.payload.val());
        self.copy.read_address.next = bit_cast::<EA, 8>(self.allowance_rx.payload.val());
        self.allowance_valid.d.next = self.allowance_rx.tvalid.val();
        if self.allowance_rx.tvalid.val() {
            self.allowance.d.next.used = self.copy.read_data.val();
            self.allowance.d.next.available = bits::<24>(0);
            if self.limits.read_data.val() > self.copy.read_data.val() {
                self.allowance.d.next.available = self.limits.read_data.val() - self.copy.read_data.val();
            }
        }
        self.allowance_tx.payload.next = self.allowance.q.val();
        self.allowance_tx.tvalid.next = self.allowance_valid.q.val();
    }
}
