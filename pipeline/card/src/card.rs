//! The card: both paths and the control port.
//!
//! ```text
//!  guest_rx ─> tx path ────────────────────────────> net_tx
//!                 │ └─ frames for other guests ─┐
//!                 └─ answers ─┐                 │
//!  guest_tx <─ arbiter <──────┴─ rx path <──────┴──── net_rx
//!                 control ─> settings, tables, counters
//! ```
//!
//! Ports: `guest_rx`, `guest_tx` (`tuser`: the ENI), `net_rx` (`tuser`: the frame is damaged), `net_tx`, `control` (AXI4-Lite),
//! `query`, `reply` (the mapping service: `ServiceQuery` and `ServiceReply` of `nitro_wire::formats`, a message a beat, its first byte in the lowest bits),
//! `irq` (a level), `tx_event`, `rx_event` (one per frame of that path, when it is disposed of). Latency: that of the paths. Answers and delivered
//! frames share `guest_tx` by turns, a frame at a time. A frame for an ENI of the same card takes both paths without leaving it,
//! with a verdict on either; it shares the way into the rx path with `net_rx` by turns, a frame at a time. The tx path may so
//! wait for the rx path, and both for the guests; nothing waits the other way round. Drop reasons and counters: those of the
//! stages.

use nitro_components::arbiter::Arbiter;
use nitro_components::hash_table::HashResult;
use nitro_components::merge::Merge;
use nitro_components::stream::{Beat, FlowTx, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::allowances::counters::{EniCounterSelect, EniCounters};
use crate::conntrack::Conntrack;
use crate::conntrack::record::{ConntrackAllowance, ConntrackAsk, ConntrackHit, ConntrackInsert, ConntrackUpdate};
use crate::control::axi_lite::AxiLiteSubordinate;
use crate::control::{Capabilities, Control};
use crate::format::MappingValue;
use crate::lookup::cache::{CacheOp, Invalidate};
use crate::lookup::queries::Wake;
use crate::lookup::service::{MappingCommand, MappingFound, MappingNeed, MappingService, QUERY, REPLY};
use crate::record::Event;
use crate::rx_path::RxPath;
use crate::rx_path::entrance::PASSAGE;
use crate::tx_path::TxPath;

/// Bits of the head window of the tx path: the parser's window, rounded up to beats of the widest configuration.
pub const TX_WINDOW: usize = 1536;

/// A card with ports of `W` bits = `K` bytes, `2^CA` cells of `2^CB` beats (together `2^PA` beats) for the frames of each path, `2^EA` ENIs, 4 · `2^LA` local addresses,
/// 4 · `2^MA` mappings, and `2^NA` rules in each comparator of the ACLs; `EC` is `EA` + 3, the bits of the row of an ENI's counter.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Card<
    const W: usize,
    const K: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
    const TA: usize,
    const TS: usize,
    const TC: usize,
    const EC: usize,
> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames from the guests.
    pub guest_rx: StreamRx<Beat<W, K, 8>>,
    /// Frames to the guests.
    pub guest_tx: StreamTx<Beat<W, K, 8>>,
    /// Frames from the underlay.
    pub net_rx: StreamRx<Beat<W, K, 1>>,
    /// Frames to the underlay.
    pub net_tx: StreamTx<Beat<W, K, 1>>,
    /// The register port.
    pub control: AxiLiteSubordinate,
    /// Something has happened that software wants to be told.
    pub irq: Signal<Out, Bit>,
    /// Queries to the mapping service.
    pub query: StreamTx<Bits<QUERY>>,
    /// Its replies.
    pub reply: StreamRx<Bits<REPLY>>,
    /// What became of each frame from the guests.
    pub tx_event: FlowTx<Event>,
    /// What became of each frame from the underlay.
    pub rx_event: FlowTx<Event>,
    registers: Control,
    tx_path: TxPath<W, K, TX_WINDOW, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA>,
    rx_path: RxPath<W, K, CA, CB, PA, EA, LA, NA, NQ, SQ, RL, RA>,
    conntrack: Conntrack<TA, TS, TC, EA>,
    eni_counters: EniCounters<EA, EC>,
    mappings: MappingService,
    finds: Merge<ConntrackAsk>,
    inserts: Merge<ConntrackInsert>,
    arbiter: Arbiter<W, K, 8>,
}

impl<
    const W: usize,
    const K: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
    const TA: usize,
    const TS: usize,
    const TC: usize,
    const EC: usize,
> Card<W, K, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA, TA, TS, TC, EC>
{
    /// A card that says of itself what is in `capabilities`.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            guest_rx: StreamRx::default(),
            guest_tx: StreamTx::default(),
            net_rx: StreamRx::default(),
            net_tx: StreamTx::default(),
            control: AxiLiteSubordinate::default(),
            irq: Signal::default(),
            query: StreamTx::default(),
            reply: StreamRx::default(),
            tx_event: FlowTx::default(),
            rx_event: FlowTx::default(),
            registers: Control::new(capabilities),
            tx_path: TxPath::default(),
            rx_path: RxPath::default(),
            conntrack: Conntrack::new(1 << TC),
            eni_counters: EniCounters::default(),
            mappings: MappingService::default(),
            finds: Merge::default(),
            inserts: Merge::default(),
            arbiter: Arbiter::new(2),
        }
    }
}

impl<
    const W: usize,
    const K: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
    const TA: usize,
    const TS: usize,
    const TC: usize,
    const EC: usize,
> Logic for Card<W, K, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA, TA, TS, TC, EC>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, registers, tx_path, rx_path, conntrack, eni_counters, mappings, finds, inserts, arbiter);
        self.registers.reset.next = self.reset.val();
        self.tx_path.reset.next = self.reset.val();
        self.rx_path.reset.next = self.reset.val();
        self.conntrack.reset.next = self.reset.val();
        self.eni_counters.reset.next = self.reset.val();
        self.mappings.reset.next = self.reset.val();
        self.finds.reset.next = self.reset.val();
        self.inserts.reset.next = self.reset.val();
        self.arbiter.reset.next = self.reset.val();

        // Packets.
        StreamRx::<Beat<W, K, 8>>::link(&mut self.guest_rx, &mut self.tx_path.rx);
        StreamTx::<Beat<W, K, 1>>::link(&mut self.net_tx, &mut self.tx_path.tx);
        StreamRx::<Beat<W, K, 1>>::link(&mut self.net_rx, &mut self.rx_path.rx);
        StreamTx::<Beat<W, K, PASSAGE>>::join(&mut self.tx_path.local, &mut self.rx_path.local);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.rx_path.tx, &mut self.arbiter.rx[0]);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.tx_path.reply, &mut self.arbiter.rx[1]);
        StreamTx::<Beat<W, K, 8>>::link(&mut self.guest_tx, &mut self.arbiter.tx);

        // Connections. Answers to packets that waited go to the path that asked.
        self.conntrack.tick.next = self.registers.now.val();
        self.registers.policy_busy.next = self.tx_path.busy.val() || self.rx_path.busy.val();
        self.conntrack.hash_key.next = self.registers.conntrack_key.val();
        self.conntrack.table.payload.next = self.registers.table.payload.val();
        self.conntrack.table.tvalid.next = self.registers.table.tvalid.val();
        FlowTx::<Bits<8>>::join(&mut self.eni_counters.allowance_rx, &mut self.conntrack.allowance_rx);
        FlowTx::<ConntrackAllowance>::join(&mut self.conntrack.allowance_tx, &mut self.eni_counters.allowance_tx);
        FlowTx::<ConntrackAsk>::join(&mut self.tx_path.connection, &mut self.conntrack.tx_lookup);
        FlowTx::<ConntrackHit>::join(&mut self.conntrack.tx_hit, &mut self.tx_path.hit);
        FlowTx::<ConntrackAsk>::join(&mut self.rx_path.connection, &mut self.conntrack.rx_lookup);
        FlowTx::<ConntrackHit>::join(&mut self.conntrack.rx_hit, &mut self.rx_path.hit);
        StreamTx::<ConntrackAsk>::join(&mut self.tx_path.find, &mut self.finds.a);
        StreamTx::<ConntrackAsk>::join(&mut self.rx_path.find, &mut self.finds.b);
        self.conntrack.find.payload.next.tag = self.finds.from_b.val();
        self.conntrack.find.payload.next.ask = self.finds.tx.payload.val();
        self.conntrack.find.tvalid.next = self.finds.tx.tvalid.val();
        self.finds.tx.tready.next = self.conntrack.find.tready.val();
        self.tx_path.found.payload.next = self.conntrack.found.payload.val().hit;
        self.tx_path.found.tvalid.next = self.conntrack.found.tvalid.val() && !self.conntrack.found.payload.val().tag;
        self.rx_path.found.payload.next = self.conntrack.found.payload.val().hit;
        self.rx_path.found.tvalid.next = self.conntrack.found.tvalid.val() && self.conntrack.found.payload.val().tag;
        StreamTx::<ConntrackInsert>::join(&mut self.tx_path.insert, &mut self.inserts.a);
        StreamTx::<ConntrackInsert>::join(&mut self.rx_path.insert, &mut self.inserts.b);
        StreamTx::<ConntrackInsert>::join(&mut self.inserts.tx, &mut self.conntrack.insert);
        self.tx_path.inserted.payload.next = self.conntrack.inserted.payload.val();
        self.tx_path.inserted.tvalid.next =
            self.conntrack.inserted.tvalid.val() && !self.conntrack.inserted.payload.val().tag;
        self.rx_path.inserted.payload.next = self.conntrack.inserted.payload.val();
        self.rx_path.inserted.tvalid.next =
            self.conntrack.inserted.tvalid.val() && self.conntrack.inserted.payload.val().tag;
        StreamTx::<ConntrackUpdate>::join(&mut self.tx_path.update, &mut self.conntrack.tx_update);
        StreamTx::<ConntrackUpdate>::join(&mut self.rx_path.update, &mut self.conntrack.rx_update);

        // Mappings.
        StreamTx::<Bits<QUERY>>::link(&mut self.query, &mut self.mappings.query);
        StreamRx::<Bits<REPLY>>::link(&mut self.reply, &mut self.mappings.reply);
        StreamTx::<MappingNeed>::join(&mut self.tx_path.need, &mut self.mappings.tx_need);
        FlowTx::<MappingFound>::join(&mut self.mappings.tx_found, &mut self.tx_path.mapping);
        FlowTx::<Wake>::join(&mut self.mappings.tx_wake, &mut self.tx_path.wake);
        StreamTx::<MappingNeed>::join(&mut self.rx_path.need, &mut self.mappings.rx_need);
        FlowTx::<MappingFound>::join(&mut self.mappings.rx_found, &mut self.rx_path.mapping);
        FlowTx::<Wake>::join(&mut self.mappings.rx_wake, &mut self.rx_path.wake);
        StreamTx::<CacheOp>::join(&mut self.mappings.op, &mut self.tx_path.op);
        FlowTx::<HashResult<MappingValue>>::join(&mut self.tx_path.done, &mut self.mappings.done);
        FlowTx::<Invalidate>::join(&mut self.mappings.invalidate, &mut self.tx_path.invalidate);
        FlowTx::<MappingCommand>::join(&mut self.registers.mapping, &mut self.mappings.command);
        self.mappings.walking.next = self.tx_path.walking.val();
        self.mappings.in_flight.next = self.tx_path.in_flight.val();
        self.mappings.taken.next = self.tx_path.taken.val();
        self.mappings.draining.next = self.tx_path.draining.val() || self.rx_path.draining.val();
        self.tx_path.mark.next = self.mappings.mark.val();
        self.rx_path.mark.next = self.mappings.mark.val();
        self.mappings.now.next = self.registers.now.val();
        self.mappings.query_on_miss.next = self.registers.query_on_miss.val();
        self.tx_path.query_on_miss.next = self.registers.query_on_miss.val();
        self.registers.mapping_busy.next = self.mappings.busy.val();

        // Registers.
        AxiLiteSubordinate::link(&mut self.control, &mut self.registers.bus);
        self.irq.next = self.registers.irq.val();
        self.registers.ready.next = self.tx_path.ready.val()
            && self.rx_path.ready.val()
            && self.conntrack.ready.val()
            && self.eni_counters.ready.val();
        self.tx_path.strict_tcp.next = self.registers.strict_tcp.val();
        self.rx_path.strict_tcp.next = self.registers.strict_tcp.val();
        self.tx_path.now.next = self.registers.now.val();
        self.rx_path.now.next = self.registers.now.val();
        self.rx_path.flow_key.next = self.registers.flow_key.val();
        self.tx_path.enable.next = self.registers.enable.val();
        self.tx_path.underlay_ip.next = self.registers.underlay_ip.val();
        self.tx_path.underlay_mac.next = self.registers.underlay_mac.val();
        self.tx_path.next_hop_mac.next = self.registers.next_hop_mac.val();
        self.tx_path.gateway_mac.next = self.registers.gateway_mac.val();
        self.tx_path.hash_key.next = self.registers.hash_key.val();
        self.tx_path.flow_key.next = self.registers.flow_key.val();
        self.tx_path.table.payload.next = self.registers.table.payload.val();
        self.tx_path.table.tvalid.next = self.registers.table.tvalid.val();
        self.tx_path.commit.next = self.registers.commit.val();
        self.rx_path.enable.next = self.registers.enable.val();
        self.rx_path.underlay_ip.next = self.registers.underlay_ip.val();
        self.rx_path.underlay_mac.next = self.registers.underlay_mac.val();
        self.rx_path.key_0.next = self.registers.key_0.val();
        self.rx_path.key_1.next = self.registers.key_1.val();
        self.rx_path.hash_key.next = self.registers.hash_key.val();
        self.rx_path.table.payload.next = self.registers.table.payload.val();
        self.rx_path.table.tvalid.next = self.registers.table.tvalid.val();
        self.rx_path.commit.next = self.registers.commit.val();

        // What is counted, and told.
        FlowTx::<Bits<14>>::join(&mut self.tx_path.received, &mut self.registers.tx_received);
        FlowTx::<Bits<14>>::join(&mut self.rx_path.received, &mut self.registers.rx_received);
        FlowTx::<Bits<14>>::join(&mut self.tx_path.made, &mut self.registers.tx_made);
        self.registers.tx_event.payload.next = self.tx_path.event.payload.val();
        self.registers.tx_event.tvalid.next = self.tx_path.event.tvalid.val();
        self.registers.rx_event.payload.next = self.rx_path.event.payload.val();
        self.registers.rx_event.tvalid.next = self.rx_path.event.tvalid.val();
        self.eni_counters.tx_event.payload.next = self.tx_path.event.payload.val();
        self.eni_counters.tx_event.tvalid.next = self.tx_path.event.tvalid.val();
        self.eni_counters.rx_event.payload.next = self.rx_path.event.payload.val();
        self.eni_counters.rx_event.tvalid.next = self.rx_path.event.tvalid.val();
        self.eni_counters.rx_eni.next = self.rx_path.owner.val();
        FlowTx::<EniCounterSelect>::join(&mut self.registers.eni_select, &mut self.eni_counters.read);
        FlowTx::<Bits<64>>::join(&mut self.eni_counters.value, &mut self.registers.eni_value);
        self.tx_event.payload.next = self.tx_path.event.payload.val();
        self.tx_event.tvalid.next = self.tx_path.event.tvalid.val();
        self.rx_event.payload.next = self.rx_path.event.payload.val();
        self.rx_event.tvalid.next = self.rx_path.event.tvalid.val();
    }
}
