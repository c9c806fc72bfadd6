//! The ENI that a packet from the network goes to.
//!
//! Ports: `rx`, `tx` (the inner packet, with its VNI), `table` (writes to the ENI table and the local address table), `hash_key`,
//! `ready`. Latency: [`LATENCY`] clocks, one packet per clock. Drop reasons: `no_broadcast` (ARP, a group destination MAC or
//! address), `no_such_eni` (no ENI of this card has the destination in this virtual network). Counters: by reason, at the join.

use nitro_components::delay::DelayRam;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::{DropReason, Table};
use rust_hdl::prelude::*;

use super::rows::EniRows;
use super::subnet::EniSubnet;
use super::tx::LocalTable;
use crate::format::{EniRow, LocalKey, LocalValue};
use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::table::{HashWrite, LOCAL_KEY, LOCAL_ROW, TableWrite};

/// Clocks from `rx` to `tx`. The latency of the address table does not depend on its size.
pub const LATENCY: usize = LocalTable::<1>::LATENCY + 2;

/// Finds the ENI among `2^EA` by 4 · `2^LA` local addresses.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EniRx<const EA: usize, const LA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Inner packets.
    pub rx: FlowRx<Packet>,
    /// With `eni`, `has_eni`, `subnet`, `in_subnet`, `exempt` set.
    pub tx: FlowTx<Packet>,
    /// Writes to the ENI table and the local address table.
    pub table: FlowRx<TableWrite>,
    /// Key of the table's hash, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// The tables have been cleared after reset: packets and writes may come.
    pub ready: Signal<Out, Bit>,

    key: Signal<Local, LocalKey>,
    flat_key: Cast<LocalKey, Bits<LOCAL_KEY>>,
    write: HashWrite<LocalValue, LOCAL_KEY, LA, LOCAL_ROW>,
    addresses: LocalTable<LA>,
    delay: DelayRam<Packet, 5>,
    found: Signal<Local, LocalValue>,
    to_group: Signal<Local, Bit>,
    rows: EniRows<EA>,
    bound: DFF<Packet>,
    bound_valid: Register<Bit>,
    row: DFF<EniRow>,
    place: EniSubnet,
    placed: DFF<Packet>,
    placed_valid: Register<Bit>,
    no_broadcast: Reason,
    no_such_eni: Reason,
}

impl<const EA: usize, const LA: usize> Default for EniRx<EA, LA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            table: FlowRx::default(),
            hash_key: Signal::default(),
            ready: Signal::default(),
            key: Signal::default(),
            flat_key: Cast::default(),
            write: HashWrite::new(Table::Local),
            addresses: LocalTable::default(),
            delay: DelayRam::new(LocalTable::<LA>::LATENCY),
            found: Signal::default(),
            to_group: Signal::default(),
            rows: EniRows::default(),
            bound: DFF::default(),
            bound_valid: Register::default(),
            row: DFF::default(),
            place: EniSubnet::default(),
            placed: DFF::default(),
            placed_valid: Register::default(),
            no_broadcast: reason(DropReason::NoBroadcast),
            no_such_eni: reason(DropReason::NoSuchEni),
        }
    }
}

impl<const EA: usize, const LA: usize> Logic for EniRx<EA, LA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, addresses, delay, rows);
        dff_setup!(self, clock, bound, bound_valid, row, placed, placed_valid);
        self.addresses.reset.next = self.reset.val();
        self.delay.reset.next = self.reset.val();
        self.rows.reset.next = self.reset.val();
        self.bound_valid.reset.next = self.reset.val();
        self.placed_valid.reset.next = self.reset.val();
        self.addresses.hash_key.next = self.hash_key.val();
        self.ready.next = self.addresses.ready.val() && self.rows.ready.val();

        self.write.rx.payload.next = self.table.payload.val();
        self.write.rx.tvalid.next = self.table.tvalid.val();
        self.rows.table.payload.next = self.table.payload.val();
        self.rows.table.tvalid.next = self.table.tvalid.val();
        self.addresses.write_entry.next = self.write.write_entry.val();
        self.addresses.write_row.next = self.write.write_row.val();
        self.addresses.write_way.next = self.write.write_way.val();
        self.addresses.write_enable.next = self.write.write_enable.val();

        self.key.next.vni = self.rx.payload.val().vni;
        self.key.next.ip = self.rx.payload.val().dst_ip;
        self.flat_key.i.next = self.key.val();
        self.addresses.rx.payload.next = self.flat_key.o.val();
        self.addresses.rx.tvalid.next = self.rx.tvalid.val();
        self.delay.rx.payload.next = self.rx.payload.val();
        self.delay.rx.tvalid.next = self.rx.tvalid.val();

        self.found.next = self.addresses.tx.payload.val().value;
        self.to_group.next = self.delay.tx.payload.val().is_arp
            || self.delay.tx.payload.val().dst_mac.get_bit(40)
            || (self.delay.tx.payload.val().is_ipv4
                && ((self.delay.tx.payload.val().dst_ip.get_bits::<4>(28) == 0xe)
                    || self.delay.tx.payload.val().dst_ip.get_bits::<32>(0).all()))
            || (self.delay.tx.payload.val().is_ipv6 && self.delay.tx.payload.val().dst_ip.get_bits::<8>(120).all());
        // Whose is it, and what does its row say?
        self.rows.number.next = self.found.val().eni;
        self.bound_valid.d.next = self.delay.tx.tvalid.val();
        if self.delay.tx.tvalid.val() {
            self.row.d.next = self.rows.row.val();
            self.bound.d.next = self.delay.tx.payload.val();
            self.bound.d.next.eni = bits::<8>(0);
            self.bound.d.next.has_eni = false;
            if self.delay.tx.payload.val().reason == 0 {
                if self.to_group.val() {
                    self.bound.d.next.reason = self.no_broadcast.val();
                } else if !self.addresses.tx.payload.val().hit {
                    self.bound.d.next.reason = self.no_such_eni.val();
                } else {
                    self.bound.d.next.eni = self.found.val().eni;
                    self.bound.d.next.has_eni = true;
                }
            }
        }

        // Where does it come from, seen from there?
        self.place.row.next = self.row.q.val();
        self.place.is_ipv4.next = self.bound.q.val().is_ipv4;
        self.place.is_ipv6.next = self.bound.q.val().is_ipv6;
        self.place.address.next = self.bound.q.val().src_ip;
        self.placed_valid.d.next = self.bound_valid.q.val();
        if self.bound_valid.q.val() {
            self.placed.d.next = self.bound.q.val();
            self.placed.d.next.subnet = self.row.q.val().subnet;
            self.placed.d.next.route_table = self.row.q.val().route_table;
            self.placed.d.next.in_subnet = self.place.in_subnet4.val() || self.place.in_subnet6.val();
            self.placed.d.next.exempt = self.place.exempt.val();
        }
        self.tx.payload.next = self.placed.q.val();
        self.tx.tvalid.next = self.placed_valid.q.val();
    }
}
