//! The ENI that a packet from the network goes to.
//!
//! Ports: `rx`, `tx` (the inner packet, with its VNI), `table` (writes to the local address table), `hash_key`, `ready`.
//! Latency: [`EniRx::LATENCY`] clocks, one packet per clock. Drop reasons: `no_broadcast` (ARP, a group destination MAC or
//! address), `no_such_eni` (no ENI of this card has the destination in this virtual network). Counters: by reason, at the join.

use nitro_components::delay::DelayRam;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::{DropReason, Table};
use rust_hdl::prelude::*;

use super::tx::LocalTable;
use crate::format::{LocalKey, LocalValue};
use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::table::{HashWrite, LOCAL_KEY, LOCAL_ROW, TableWrite};

/// Finds the ENI among 4 · `2^LA` local addresses.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EniRx<const LA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Inner packets.
    pub rx: FlowRx<Packet>,
    /// With `eni` and `has_eni` set.
    pub tx: FlowTx<Packet>,
    /// Writes to the local address table.
    pub table: FlowRx<TableWrite>,
    /// Key of the table's hash, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// The table has been cleared after reset: packets and writes may come.
    pub ready: Signal<Out, Bit>,

    key: Signal<Local, LocalKey>,
    flat_key: Cast<LocalKey, Bits<LOCAL_KEY>>,
    write: HashWrite<LocalValue, LOCAL_KEY, LA, LOCAL_ROW>,
    addresses: LocalTable<LA>,
    delay: DelayRam<Packet, 5>,
    found: Signal<Local, LocalValue>,
    to_group: Signal<Local, Bit>,
    packet_q: DFF<Packet>,
    valid_q: Register<Bit>,
    no_broadcast: Reason,
    no_such_eni: Reason,
}

impl<const LA: usize> EniRx<LA> {
    /// Clocks from `rx` to `tx`.
    pub const LATENCY: usize = LocalTable::<LA>::LATENCY + 1;
}

impl<const LA: usize> Default for EniRx<LA> {
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
            delay: DelayRam::new(Self::LATENCY - 1),
            found: Signal::default(),
            to_group: Signal::default(),
            packet_q: DFF::default(),
            valid_q: Register::default(),
            no_broadcast: reason(DropReason::NoBroadcast),
            no_such_eni: reason(DropReason::NoSuchEni),
        }
    }
}

impl<const LA: usize> Logic for EniRx<LA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, addresses, delay);
        dff_setup!(self, clock, packet_q, valid_q);
        self.addresses.reset.next = self.reset.val();
        self.delay.reset.next = self.reset.val();
        self.valid_q.reset.next = self.reset.val();
        self.addresses.hash_key.next = self.hash_key.val();
        self.ready.next = self.addresses.ready.val();

        FlowRx::<TableWrite>::link(&mut self.table, &mut self.write.rx);
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
        self.valid_q.d.next = self.delay.tx.tvalid.val();
        if self.delay.tx.tvalid.val() {
            self.packet_q.d.next = self.delay.tx.payload.val();
            self.packet_q.d.next.eni = bits::<8>(0);
            self.packet_q.d.next.has_eni = false;
            if self.delay.tx.payload.val().reason == 0 {
                if self.to_group.val() {
                    self.packet_q.d.next.reason = self.no_broadcast.val();
                } else if !self.addresses.tx.payload.val().hit {
                    self.packet_q.d.next.reason = self.no_such_eni.val();
                } else {
                    self.packet_q.d.next.eni = self.found.val().eni;
                    self.packet_q.d.next.has_eni = true;
                }
            }
        }
        self.tx.payload.next = self.packet_q.q.val();
        self.tx.tvalid.next = self.valid_q.q.val();
    }
}
