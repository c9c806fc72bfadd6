//! The tx side of the stage: a guest's frame, and whether it may claim to be what it claims.
//!
//! Ports: `rx`, `identified`, `tx`, `table`, `hash_key`, `gateway_mac`, `ready`. Latency: [`LATENCY`]; at `identified` the
//! packet shows [`identify::LATENCY`](super::identify::LATENCY) clocks after `rx` what its ENI's row says, so that other
//! lookups can run beside this stage's own.

use nitro_components::delay::DelayRam;
use nitro_components::hash_table::HashTable;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::{DropReason, Table};
use rust_hdl::prelude::*;

use super::identify::{self, EniIdentify};
use super::rows::EniRows;
use super::subnet::EniSubnet;
use crate::format::{LocalKey, LocalValue};
use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::table::{HashWrite, LOCAL_KEY, LOCAL_MESSAGE, LOCAL_ROW, TableWrite};

/// The local-address table: which ENI has an address of a VPC.
pub type LocalTable<const LA: usize> = HashTable<LocalValue, LOCAL_KEY, LA, LOCAL_MESSAGE>;

/// Clocks from `identified` to `tx`.
pub const CHECK_LATENCY: usize = LocalTable::<1>::LATENCY + 1;
/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = identify::LATENCY + CHECK_LATENCY;

/// The blocks of the tx side and those that it shares with the rx side, for `2^EA` ENIs and a local-address table of four ways
/// of `2^LA` rows.
#[must_use]
pub fn entries<const EA: usize, const LA: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("eni_rows", EniRows::<EA>::default),
        BlockEntry::of("eni_subnet", EniSubnet::default),
        BlockEntry::of("eni_identify", EniIdentify::<EA>::default),
        BlockEntry::of("eni_tx", EniTx::<EA, LA>::default),
    ]
}

/// Identity and source checks for `2^EA` ENIs, with a local-address table of four ways of `2^LA` rows.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EniTx<const EA: usize, const LA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From the parser.
    pub rx: FlowRx<Packet>,
    /// The packet as its ENI's row describes it, before the lookups of this stage.
    pub identified: FlowTx<Packet>,
    /// The packet after all checks, `is_own` set.
    pub tx: FlowTx<Packet>,
    /// Writes to the ENI table and the local-address table.
    pub table: FlowRx<TableWrite>,
    /// Key of the local-address table's hash, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// The tables have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    identify: EniIdentify<EA>,
    write: HashWrite<LocalValue, LOCAL_KEY, LA, LOCAL_ROW>,
    source_key: Cast<LocalKey, Bits<LOCAL_KEY>>,
    source: LocalTable<LA>,
    target_key: Cast<LocalKey, Bits<LOCAL_KEY>>,
    target: LocalTable<LA>,
    delay: DelayRam<Packet, 4>,
    source_of: Signal<Local, LocalValue>,
    target_of: Signal<Local, LocalValue>,
    spoofs: Signal<Local, Bit>,
    checked: DFF<Packet>,
    checked_valid: Register<Bit>,
    no_key: Constant<LocalKey>,
    spoofed_ip: Reason,
    no_broadcast: Reason,
}

impl<const EA: usize, const LA: usize> Default for EniTx<EA, LA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            identified: FlowTx::default(),
            tx: FlowTx::default(),
            table: FlowRx::default(),
            hash_key: Signal::default(),
            gateway_mac: Signal::default(),
            ready: Signal::default(),
            identify: EniIdentify::default(),
            write: HashWrite::new(Table::Local),
            source_key: Cast::default(),
            source: HashTable::default(),
            target_key: Cast::default(),
            target: HashTable::default(),
            delay: DelayRam::new(LocalTable::<LA>::LATENCY),
            source_of: Signal::default(),
            target_of: Signal::default(),
            spoofs: Signal::default(),
            checked: DFF::default(),
            checked_valid: Register::default(),
            no_key: Constant::new(LocalKey::default()),
            spoofed_ip: reason(DropReason::SpoofedIp),
            no_broadcast: reason(DropReason::NoBroadcast),
        }
    }
}

impl<const EA: usize, const LA: usize> Logic for EniTx<EA, LA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, identify, source, target, delay);
        dff_setup!(self, clock, checked, checked_valid);
        self.identify.reset.next = self.reset.val();
        self.source.reset.next = self.reset.val();
        self.target.reset.next = self.reset.val();
        self.delay.reset.next = self.reset.val();
        self.checked_valid.reset.next = self.reset.val();

        FlowRx::<Packet>::link(&mut self.rx, &mut self.identify.rx);
        self.identify.table.payload.next = self.table.payload.val();
        self.identify.table.tvalid.next = self.table.tvalid.val();
        self.identify.gateway_mac.next = self.gateway_mac.val();
        self.identified.payload.next = self.identify.tx.payload.val();
        self.identified.tvalid.next = self.identify.tx.tvalid.val();

        // Two copies of one table: whose is the source, whose the target?
        self.write.rx.payload.next = self.table.payload.val();
        self.write.rx.tvalid.next = self.table.tvalid.val();
        self.source.hash_key.next = self.hash_key.val();
        self.source.write_enable.next = self.write.write_enable.val();
        self.source.write_way.next = self.write.write_way.val();
        self.source.write_row.next = self.write.write_row.val();
        self.source.write_entry.next = self.write.write_entry.val();
        self.target.hash_key.next = self.hash_key.val();
        self.target.write_enable.next = self.write.write_enable.val();
        self.target.write_way.next = self.write.write_way.val();
        self.target.write_row.next = self.write.write_row.val();
        self.target.write_entry.next = self.write.write_entry.val();
        self.ready.next = self.identify.ready.val() && self.source.ready.val() && self.target.ready.val();

        self.source_key.i.next = self.no_key.val();
        self.source_key.i.next.vni = self.identify.tx.payload.val().vni;
        self.source_key.i.next.ip = self.identify.tx.payload.val().src_ip;
        self.source.rx.payload.next = self.source_key.o.val();
        self.source.rx.tvalid.next = self.identify.tx.tvalid.val();
        self.target_key.i.next = self.no_key.val();
        self.target_key.i.next.vni = self.identify.tx.payload.val().vni;
        self.target_key.i.next.ip = self.identify.tx.payload.val().lookup_ip;
        self.target.rx.payload.next = self.target_key.o.val();
        self.target.rx.tvalid.next = self.identify.tx.tvalid.val();
        self.delay.rx.payload.next = self.identify.tx.payload.val();
        self.delay.rx.tvalid.next = self.identify.tx.tvalid.val();

        self.source_of.next = self.source.tx.payload.val().value;
        self.target_of.next = self.target.tx.payload.val().value;
        self.spoofs.next = self.delay.tx.payload.val().source_checked
            && (!self.source.tx.payload.val().hit || (self.source_of.val().eni != self.delay.tx.payload.val().eni));
        self.checked_valid.d.next = self.delay.tx.tvalid.val();
        if self.delay.tx.tvalid.val() {
            self.checked.d.next = self.delay.tx.payload.val();
            self.checked.d.next.is_own =
                self.target.tx.payload.val().hit && (self.target_of.val().eni == self.delay.tx.payload.val().eni);
            if self.delay.tx.payload.val().reason == bits::<6>(0) {
                if self.spoofs.val() {
                    self.checked.d.next.reason = self.spoofed_ip.val();
                } else if self.delay.tx.payload.val().to_group {
                    self.checked.d.next.reason = self.no_broadcast.val();
                }
            }
        }
        self.tx.payload.next = self.checked.q.val();
        self.tx.tvalid.next = self.checked_valid.q.val();
    }
}
