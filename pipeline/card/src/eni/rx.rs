//! The ENI that a packet from the network goes to.
//!
//! Ports: `rx`, `tx` (the inner packet, with its VNI), `table` (writes to the local address table), `hash_key`, `ready`.
//! Latency: [`EniRx::LATENCY`] clocks, one packet per clock. Drop reasons: `no_broadcast` (ARP, a group destination MAC or
//! address), `no_such_eni` (no ENI of this card has the destination in this virtual network). Counters: by reason, at the join.

use nitro_components::delay::DelayRam;
use nitro_components::hash_table::{HashEntry, HashTable};
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::Ports;
use nitro_wire::{DropReason, Table};
use rust_hdl::prelude::*;

use crate::format::{LocalKey, LocalValue};
use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::table::{LOCAL_KEY, LOCAL_VALUE, TableWrite};

/// Bits of a row: valid, key, value.
const ROW: usize = 1 + LOCAL_KEY + LOCAL_VALUE;
/// Bits of the hashed message: the key in 64-bit words, and one word more.
pub const LOCAL_MESSAGE: usize = 64 * (LOCAL_KEY.div_ceil(64) + 1);

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
    image: Cast<Bits<ROW>, HashEntry<LocalValue, LOCAL_KEY>>,
    addresses: HashTable<LocalValue, LOCAL_KEY, LA, LOCAL_MESSAGE>,
    delay: DelayRam<Packet, 5>,
    found: Signal<Local, LocalValue>,
    to_group: Signal<Local, Bit>,
    packet_q: DFF<Packet>,
    valid_q: Register<Bit>,
    local_table: Constant<Bits<4>>,
    way: Constant<Bits<5>>,
    no_broadcast: Reason,
    no_such_eni: Reason,
}

impl<const LA: usize> EniRx<LA> {
    /// Clocks from `rx` to `tx`.
    pub const LATENCY: usize = HashTable::<LocalValue, LOCAL_KEY, LA, LOCAL_MESSAGE>::LATENCY + 1;
}

impl<const LA: usize> Default for EniRx<LA> {
    /// # Panics
    /// If a way has over 2^14 rows, more than a table write's index can tell apart.
    fn default() -> Self {
        assert!(LA <= 14, "a way of 2^{LA} rows is too large for a 16-bit index: at most 2^14");
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
            image: Cast::default(),
            addresses: HashTable::default(),
            delay: DelayRam::new(Self::LATENCY - 1),
            found: Signal::default(),
            to_group: Signal::default(),
            packet_q: DFF::default(),
            valid_q: Register::default(),
            local_table: Constant::new(Table::Local.code().to_bits()),
            way: Constant::new(LA.to_bits()),
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

        self.image.i.next = self.table.payload.val().data.get_bits::<ROW>(0);
        self.addresses.write_entry.next = self.image.o.val();
        self.addresses.write_row.next = bit_cast::<LA, 16>(self.table.payload.val().index);
        self.addresses.write_way.next = bit_cast::<2, 16>(self.table.payload.val().index >> self.way.val());
        self.addresses.write_enable.next =
            self.table.tvalid.val() && (self.table.payload.val().table == self.local_table.val());

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
