//! Stage `lookup`: the mapping cache.
//!
//! * **Purpose.** Finds where a destination of a VPC is: key (VNI, route table, address), value the host's underlay address, the
//!   destination's MAC, its path MTU and its token. In mode `drop` what is not in the cache is not reachable; in mode `query` such a packet
//!   is marked as `missing`, and goes to the waiting room.
//! * **Ports.** `ask`: the packet when its key is known; `rx`: the same packet, a constant number of clocks later; `tx`;
//!   `table`: writes to the cache; `hash_key`: key of its hash; `op`, `done`, `invalidate`, `walking`, `pause`, `now`: those of the
//!   [cache]; `query_on_miss`; `ready`.
//! * **Latency.** [`LATENCY`] from `rx` to `tx`; `rx` follows `ask` by at least [`LEAD`] clocks. One packet per clock.
//! * **Drop reasons.** `cache_miss`, `no_mapping` (a cached negative reply), `mapping_drop`; of packets that waited also `mapping_timeout` and
//!   `miss_buffer_full`. Solicitations are judged by `responder`.
//! * **Counters.** None of its own: drops count where the verdict is final.
//! * **Source.** The card's contract, section 5.
//!
//! | block | does |
//! |---|---|
//! | [`cache::MappingCache`] | one lookup a clock, and changes in the clocks between |
//! | [`queries::MappingQueries`] | one question a key, however many packets wait |
//! | [`service::MappingService`] | who else uses the cache: packets that wait, replies, software |

pub mod cache;
pub mod queries;
pub mod service;

use nitro_components::delay::Delay;
use nitro_components::hash_table::HashResult;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx, StreamRx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::{DropReason, MappingKind};
use rust_hdl::prelude::*;

use crate::format::{MappingKey, MappingValue};
use crate::reason::{Reason, kind, reason};
use crate::record::Packet;
use crate::table::{MAPPING_KEY, TableWrite};
use cache::{CacheOp, Invalidate, MappingCache};

/// Clocks by which `rx` follows `ask`, at least.
pub const LEAD: usize = cache::LATENCY;
/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 1;

/// The blocks of this folder, with a cache of four ways of `2^MA` rows.
#[must_use]
pub fn entries<const MA: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("lookup_queries", queries::MappingQueries::<2, 3>::default),
        BlockEntry::of("lookup_cache", cache::MappingCache::<MA>::default),
        BlockEntry::of("lookup_service", service::MappingService::default),
        BlockEntry::of("lookup", || Lookup::<MA>::new(LEAD + 1)),
    ]
}

/// The mapping cache of four ways of `2^MA` rows.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Lookup<const MA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets with `vni`, `route_table` and `lookup_ip`.
    pub ask: FlowRx<Packet>,
    /// The same packets, later.
    pub rx: FlowRx<Packet>,
    /// With what the mapping says.
    pub tx: FlowTx<Packet>,
    /// Writes to the cache.
    pub table: FlowRx<TableWrite>,
    /// Key of the cache's hash, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// A miss asks the mapping service.
    pub query_on_miss: Signal<In, Bit>,
    /// Operations of the cache.
    pub op: StreamRx<CacheOp>,
    /// The operation is done.
    pub done: FlowTx<HashResult<MappingValue>>,
    /// Entries to end.
    pub invalidate: FlowRx<Invalidate>,
    /// They are being ended.
    pub walking: Signal<Out, Bit>,
    /// A clock without a packet is wanted.
    pub pause: Signal<Out, Bit>,
    /// The cache has been cleared after reset.
    pub ready: Signal<Out, Bit>,
    key: Cast<MappingKey, Bits<MAPPING_KEY>>,
    wait: Delay<Bits<MAPPING_KEY>>,
    cache: MappingCache<MA>,
    concerned: Signal<Local, Bit>,
    found: Signal<Local, MappingValue>,
    packet: DFF<Packet>,
    packet_valid: Register<Bit>,
    no_key: Constant<MappingKey>,
    drop_kind: Constant<Bits<3>>,
    negative_kind: Constant<Bits<3>>,
    cache_miss: Reason,
    no_mapping: Reason,
    mapping_drop: Reason,
}

impl<const MA: usize> Lookup<MA> {
    /// A cache whose packets come at `rx` so many clocks after they asked.
    ///
    /// # Panics
    /// If that is before the cache can know: under [`LEAD`].
    #[must_use]
    pub fn new(lead: usize) -> Self {
        assert!(lead >= LEAD, "packets come {lead} clocks after they ask, the cache needs {LEAD}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            ask: FlowRx::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            table: FlowRx::default(),
            hash_key: Signal::default(),
            now: Signal::default(),
            query_on_miss: Signal::default(),
            op: StreamRx::default(),
            done: FlowTx::default(),
            invalidate: FlowRx::default(),
            walking: Signal::default(),
            pause: Signal::default(),
            ready: Signal::default(),
            key: Cast::default(),
            wait: Delay::new(lead - LEAD),
            cache: MappingCache::default(),
            concerned: Signal::default(),
            found: Signal::default(),
            packet: DFF::default(),
            packet_valid: Register::default(),
            no_key: Constant::new(MappingKey::default()),
            drop_kind: kind(MappingKind::Drop),
            negative_kind: kind(MappingKind::Negative),
            cache_miss: reason(DropReason::CacheMiss),
            no_mapping: reason(DropReason::NoMapping),
            mapping_drop: reason(DropReason::MappingDrop),
        }
    }
}

impl<const MA: usize> Logic for Lookup<MA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, wait, cache);
        dff_setup!(self, clock, packet, packet_valid);
        self.wait.reset.next = self.reset.val();
        self.cache.reset.next = self.reset.val();
        self.packet_valid.reset.next = self.reset.val();

        FlowRx::<TableWrite>::link(&mut self.table, &mut self.cache.table);
        StreamRx::<CacheOp>::link(&mut self.op, &mut self.cache.op);
        FlowTx::<HashResult<MappingValue>>::link(&mut self.done, &mut self.cache.done);
        FlowRx::<Invalidate>::link(&mut self.invalidate, &mut self.cache.invalidate);
        self.walking.next = self.cache.busy.val();
        self.pause.next = self.cache.pause.val();
        self.cache.now.next = self.now.val();
        self.cache.hash_key.next = self.hash_key.val();
        self.ready.next = self.cache.ready.val();

        self.key.i.next = self.no_key.val();
        self.key.i.next.vni = self.ask.payload.val().vni;
        self.key.i.next.route_table = self.ask.payload.val().route_table;
        self.key.i.next.ip = self.ask.payload.val().lookup_ip;
        self.wait.rx.payload.next = self.key.o.val();
        self.wait.rx.tvalid.next = self.ask.tvalid.val();
        FlowTx::<Bits<MAPPING_KEY>>::join(&mut self.wait.tx, &mut self.cache.ask);

        self.found.next = self.cache.found.payload.val().value;
        // What the card answers without a mapping needs none.
        self.concerned.next = (self.rx.payload.val().reason == bits::<6>(0))
            && !(self.rx.payload.val().echoes
                || self.rx.payload.val().seeks_dhcp
                || (self.rx.payload.val().solicits && self.rx.payload.val().is_gateway));
        self.packet_valid.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.packet.d.next = self.rx.payload.val();
            self.packet.d.next.mapping_hit = self.cache.found.payload.val().hit;
            self.packet.d.next.mapping_kind = self.found.val().kind;
            self.packet.d.next.mapping_mac = self.found.val().mac;
            self.packet.d.next.underlay_ip = self.found.val().underlay_ip;
            self.packet.d.next.path_mtu = self.found.val().path_mtu;
            self.packet.d.next.token = self.found.val().token;
            self.packet.d.next.token_epoch = self.found.val().token_epoch;
            self.packet.d.next.groups = self.found.val().groups;
            if self.found.val().kind == self.negative_kind.val() {
                self.packet.d.next.groups = bits::<64>(0);
            }
            self.packet.d.next.routed = self.concerned.val();
            self.packet.d.next.missing =
                self.concerned.val() && self.query_on_miss.val() && !self.cache.found.payload.val().hit;
            self.packet.d.next.concerned =
                self.concerned.val() && !self.rx.payload.val().solicits && !self.rx.payload.val().exempt;
            if self.concerned.val() && !self.rx.payload.val().solicits {
                if !self.cache.found.payload.val().hit {
                    if !self.query_on_miss.val() {
                        self.packet.d.next.reason = self.cache_miss.val();
                    }
                } else if self.found.val().kind == self.negative_kind.val() {
                    self.packet.d.next.reason = self.no_mapping.val();
                } else if self.found.val().kind == self.drop_kind.val() {
                    self.packet.d.next.reason = self.mapping_drop.val();
                }
            }
        }
        self.tx.payload.next = self.packet.q.val();
        self.tx.tvalid.next = self.packet_valid.q.val();
    }
}
