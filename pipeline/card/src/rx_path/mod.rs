//! The rx path: from the underlay, and from other guests of the card, to the guests.
//!
//! ```text
//!     rx ─> entrance ─> split ──────────────> cell memory ───────────────────────────> dispatch ────> join ─> deliver ─> tx
//!  local ─────┘           └─> gate ─> outer ─┬─> parser (outer) ─────────────> outer check ─┐           │
//!                                            ├─> peek ─> token ─────────────────────────────┼─> merge ─> queue
//!                                            └─> parser (inner) ─> eni ─> nacl ─────────────┘
//! ```
//!
//! Outer and inner headers are parsed at the same time, the token is checked and the ENI looked up beside that; `merge` puts the
//! verdicts in the order of the path. Between gate and queue runs a flow of constant latency ([`flow_latency`]), one frame
//! per 2^fold clocks ([`nacl::fold`](crate::nacl::fold)). A frame from another guest of the card takes the same way, and the same
//! clocks, as its own inner frame. On a port where it fills no more than one beat, it takes two clocks: each frame asks for its
//! connection, and the table takes such a question every second clock.
//!
//! The path waits for nothing but `tx`, so the tx path may wait for it: there is no way back.
//!
//! Ports: `rx` (`tuser`: the frame is damaged), `local` (frames from guests of this card, see [`entrance`]), `tx` (`tuser`: the
//! ENI), `event`, `owner` (one per frame, when it is disposed of), `received` (one per frame, when it enters the flow), the settings,
//! `table`, `commit`, `enable`, `ready`. Drop reasons and counters: those of its stages.

pub mod entrance;
pub mod timing;

use nitro_components::cell_memory::{Chain, Fetch};
use nitro_components::credit_gate::CreditGate;
use nitro_components::delay::{Delay, DelayRam};
use nitro_components::dispatch::Dispatch;
use nitro_components::fifo::Fifo;
use nitro_components::flow_fifo::FlowFifo;
use nitro_components::join::Join;
use nitro_components::register::Register;
use nitro_components::split::{FrameHead, Split};
use nitro_components::stream::{Beat, FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::{MAX_FRAME_BYTES, MIN_FRAME_BYTES};
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use crate::conntrack;
use crate::conntrack::facts::ReadFacts;
use crate::conntrack::record::{ConntrackAsk, ConntrackHit, ConntrackInsert, ConntrackInserted, ConntrackUpdate};
use crate::decap::check::OuterCheck;
use crate::decap::deliver::Deliver;
use crate::decap::merge::{self, Merge};
use crate::decap::outer::{self, Outer};
use crate::decap::peek::Peek;
use crate::decap::{Checked, Delivery, Peeked, RX_WINDOW, Tunnel};
use crate::encap::flow_hash::{self, FlowHash};
use crate::eni::rx::EniRx;
use crate::lookup::queries::Wake;
use crate::lookup::service::{MappingFound, MappingNeed};
use crate::nacl::{self, Nacl};
use crate::parser::Parser;
use crate::record::{Event, Packet};
use crate::table::TableWrite;
use crate::token::{TokenCheck, TokenKey};
use crate::waiting_room::admission::Admission;
use crate::waiting_room::{self, Completing, Decided, FlowFacts};
use entrance::{Entrance, PASSAGE};
use timing::{CHECKED, ENI_KNOWN, INNER_PARSED, OUTER_PARSED, PEEKED, TOKEN_CHECKED, known};
pub use timing::{flow_latency, latency, local_latency};

/// Shortest frame.
#[allow(clippy::cast_possible_truncation, reason = "a constant of 14")]
const MIN_BYTES: u16 = MIN_FRAME_BYTES as u16;
/// Longest frame.
#[allow(clippy::cast_possible_truncation, reason = "a constant of 9,216")]
const MAX_BYTES: u16 = MAX_FRAME_BYTES as u16;
/// Log2 of the frames that may be between gate and join.
const QUEUE: usize = 6;
/// Frames that may be between gate and join.
pub const CREDITS: usize = 1 << QUEUE;

/// The rx path with `W` data bits, frames in `2^CA` cells of `2^CB` beats, together `2^PA` beats, `2^EA` ENIs with 4 · `2^LA` local addresses, and `2^NA` rules in each
/// comparator of the ACLs; `2^NQ` packets of `2^SQ` flows wait for their connections, `2^RA` rows of `2^RL` security group rules.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RxPath<
    const W: usize,
    const K: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames from the underlay.
    pub rx: StreamRx<Beat<W, K, 1>>,
    /// Frames from guests of this card.
    pub local: StreamRx<Beat<W, K, PASSAGE>>,
    /// Frames to the guests.
    pub tx: StreamTx<Beat<W, K, 8>>,
    /// What became of each frame.
    pub event: FlowTx<Event>,
    /// The interface that it was for, dropped or not, if connections concern it.
    pub owner: Signal<Out, Bits<8>>,
    /// A frame of so many bytes entered.
    pub received: FlowTx<Bits<14>>,
    /// Frames from the underlay are taken in.
    pub enable: Signal<In, Bit>,
    /// The card's underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The card's underlay MAC.
    pub underlay_mac: Signal<In, Bits<48>>,
    /// Token key slot 0.
    pub key_0: Signal<In, TokenKey>,
    /// Token key slot 1.
    pub key_1: Signal<In, TokenKey>,
    /// Key of the hash tables, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// Rows for the tables.
    pub table: FlowRx<TableWrite>,
    /// Rule sets that have been written count from now on.
    pub commit: Signal<In, Bit>,
    /// TCP packets that begin no connection need an entry.
    pub strict_tcp: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// Key of the flow hash, its first byte lowest.
    pub flow_key: Signal<In, Bits<128>>,
    /// Questions to the connection table, not in two clocks running.
    pub connection: FlowTx<ConntrackAsk>,
    /// Its answers.
    pub hit: FlowRx<ConntrackHit>,
    /// Questions of packets that waited.
    pub find: StreamTx<ConntrackAsk>,
    /// Their answers, in order.
    pub found: FlowRx<ConntrackHit>,
    /// Connections to be entered.
    pub insert: StreamTx<ConntrackInsert>,
    /// What became of that, in order.
    pub inserted: FlowRx<ConntrackInserted>,
    /// Packets of connections that passed.
    pub update: StreamTx<ConntrackUpdate>,
    /// A packet whose mapping is asked for.
    pub need: StreamTx<MappingNeed>,
    /// What came of it.
    pub mapping: FlowRx<MappingFound>,
    /// Packets that may ask again.
    pub wake: FlowRx<Wake>,
    /// Packets in the room have found their senders' mappings before now.
    pub mark: Signal<In, Bit>,
    /// The one whose turn it is has found its before the last mark.
    pub draining: Signal<Out, Bit>,
    /// Rules of replaced sets are still being read.
    pub busy: Signal<Out, Bit>,
    /// The tables have been cleared after reset.
    pub ready: Signal<Out, Bit>,

    entrance: Entrance<W, K>,
    split: Split<W, K, 1, RX_WINDOW, CA, CB, PA>,
    gate: CreditGate<FrameHead<RX_WINDOW, 1>, CREDITS>,
    outer: Outer,
    outer_parser: Parser,
    tunnel_delay: DelayRam<Tunnel, 6>,
    outer_check: OuterCheck,
    checked_delay: DelayRam<Checked, 6>,
    peek: Peek,
    peeked_delay: DelayRam<Peeked, 6>,
    token: TokenCheck,
    token_delay: Delay<Bit>,
    inner_parser: Parser,
    eni: EniRx<EA, LA>,
    eni_delay: DelayRam<Packet, 6>,
    nacl: Nacl<EA, NA>,
    merge: Merge,
    queue: FlowFifo<Delivery, QUEUE>,
    /// Where the frames are whose records are between gate and dispatch.
    chains: Fifo<Chain, QUEUE>,
    /// What is known of the flows of the packets in `queue`.
    facts: FlowFifo<FlowFacts, QUEUE>,
    flow_hash: FlowHash,
    tag_wait: Delay<Bits<32>>,
    question: ReadFacts,
    read_facts: ReadFacts,
    hit_wait: Delay<ConntrackHit>,
    known: DFF<FlowFacts>,
    spared: DFF<Bit>,
    long: Signal<Local, Bit>,
    long_before: Register<Bit>,
    held: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    admission: Admission<Delivery, NQ, SQ, RL, RA, EA>,
    dispatch: Dispatch<Decided<Delivery>>,
    decided: Signal<Local, Decided<Delivery>>,
    completing: Signal<Local, Completing<Delivery>>,
    beat_bytes: Constant<Bits<14>>,
    join: Join<Decided<Delivery>, W, K, 1>,
    deliver: Deliver<W, K>,
    event_q: DFF<Event>,
    owner_q: DFF<Bits<8>>,
    event_valid: Register<Bit>,
}

impl<
    const W: usize,
    const K: usize,
    const CA: usize,
    const CB: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
> Default for RxPath<W, K, CA, CB, PA, EA, LA, NA, NQ, SQ, RL, RA>
{
    fn default() -> Self {
        let fold = nacl::fold(EA, NA);
        let known = known(fold);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            local: StreamRx::default(),
            tx: StreamTx::default(),
            event: FlowTx::default(),
            owner: Signal::default(),
            received: FlowTx::default(),
            enable: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            key_0: Signal::default(),
            key_1: Signal::default(),
            hash_key: Signal::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            strict_tcp: Signal::default(),
            now: Signal::default(),
            flow_key: Signal::default(),
            connection: FlowTx::default(),
            hit: FlowRx::default(),
            find: StreamTx::default(),
            found: FlowRx::default(),
            insert: StreamTx::default(),
            inserted: FlowRx::default(),
            update: StreamTx::default(),
            need: StreamTx::default(),
            mapping: FlowRx::default(),
            wake: FlowRx::default(),
            mark: Signal::default(),
            draining: Signal::default(),
            busy: Signal::default(),
            ready: Signal::default(),
            entrance: Entrance::default(),
            split: Split::new(MIN_BYTES, MAX_BYTES, true),
            gate: CreditGate::new(1 << fold),
            outer: Outer::default(),
            outer_parser: Parser::default(),
            tunnel_delay: DelayRam::new(OUTER_PARSED - outer::INNER_LATENCY),
            outer_check: OuterCheck::default(),
            checked_delay: DelayRam::new(known - CHECKED),
            peek: Peek::default(),
            peeked_delay: DelayRam::new(known - PEEKED),
            token: TokenCheck::default(),
            token_delay: Delay::new(known - TOKEN_CHECKED),
            inner_parser: Parser::default(),
            eni: EniRx::default(),
            eni_delay: DelayRam::new(known - ENI_KNOWN),
            nacl: Nacl::new(Direction::Ingress, known - ENI_KNOWN),
            merge: Merge::default(),
            queue: FlowFifo::default(),
            chains: Fifo::default(),
            facts: FlowFifo::default(),
            flow_hash: FlowHash::default(),
            tag_wait: Delay::new(known + merge::LATENCY - INNER_PARSED - flow_hash::LATENCY),
            question: ReadFacts::new(Direction::Ingress),
            read_facts: ReadFacts::new(Direction::Ingress),
            hit_wait: Delay::new(known - ENI_KNOWN - conntrack::LATENCY),
            known: DFF::default(),
            spared: DFF::default(),
            long: Signal::default(),
            long_before: Register::default(),
            held: Signal::default(),
            taken: Signal::default(),
            admission: Admission::new(Direction::Ingress, waiting_room::most_cells(CA, K << CB)),
            dispatch: Dispatch::default(),
            decided: Signal::default(),
            completing: Signal::default(),
            beat_bytes: Constant::new(K.to_bits()),
            join: Join::default(),
            deliver: Deliver::default(),
            event_q: DFF::default(),
            owner_q: DFF::default(),
            event_valid: Register::default(),
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
    const NA: usize,
    const NQ: usize,
    const SQ: usize,
    const RL: usize,
    const RA: usize,
> Logic for RxPath<W, K, CA, CB, PA, EA, LA, NA, NQ, SQ, RL, RA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, entrance, split, gate, outer, outer_parser, tunnel_delay, outer_check, checked_delay, peek);
        clock!(
            self,
            clock,
            peeked_delay,
            token,
            token_delay,
            inner_parser,
            eni,
            eni_delay,
            nacl,
            merge,
            queue,
            chains,
            facts,
            flow_hash,
            tag_wait,
            hit_wait,
            admission,
            dispatch,
            join,
            deliver
        );
        dff_setup!(self, clock, event_q, owner_q, event_valid, known, spared, long_before);
        self.entrance.reset.next = self.reset.val();
        self.split.reset.next = self.reset.val();
        self.gate.reset.next = self.reset.val();
        self.outer.reset.next = self.reset.val();
        self.outer_parser.reset.next = self.reset.val();
        self.tunnel_delay.reset.next = self.reset.val();
        self.outer_check.reset.next = self.reset.val();
        self.checked_delay.reset.next = self.reset.val();
        self.peek.reset.next = self.reset.val();
        self.peeked_delay.reset.next = self.reset.val();
        self.token.reset.next = self.reset.val();
        self.token_delay.reset.next = self.reset.val();
        self.inner_parser.reset.next = self.reset.val();
        self.eni.reset.next = self.reset.val();
        self.eni_delay.reset.next = self.reset.val();
        self.nacl.reset.next = self.reset.val();
        self.merge.reset.next = self.reset.val();
        self.queue.reset.next = self.reset.val();
        self.chains.reset.next = self.reset.val();
        self.facts.reset.next = self.reset.val();
        self.flow_hash.reset.next = self.reset.val();
        self.tag_wait.reset.next = self.reset.val();
        self.hit_wait.reset.next = self.reset.val();
        self.long_before.reset.next = self.reset.val();
        self.admission.reset.next = self.reset.val();
        self.dispatch.reset.next = self.reset.val();
        self.join.reset.next = self.reset.val();
        self.deliver.reset.next = self.reset.val();
        self.event_valid.reset.next = self.reset.val();

        // Settings.
        self.outer_check.underlay_ip.next = self.underlay_ip.val();
        self.outer_check.underlay_mac.next = self.underlay_mac.val();
        self.token.key_0.next = self.key_0.val();
        self.token.key_1.next = self.key_1.val();
        self.eni.hash_key.next = self.hash_key.val();
        self.eni.table.payload.next = self.table.payload.val();
        self.eni.table.tvalid.next = self.table.tvalid.val();
        self.nacl.table.payload.next = self.table.payload.val();
        self.nacl.table.tvalid.next = self.table.tvalid.val();
        self.nacl.commit.next = self.commit.val();
        self.admission.table.payload.next = self.table.payload.val();
        self.admission.table.tvalid.next = self.table.tvalid.val();
        self.admission.commit.next = self.commit.val();
        self.admission.strict_tcp.next = self.strict_tcp.val();
        self.admission.now.next = self.now.val();
        self.flow_hash.flow_key.next = self.flow_key.val();
        self.busy.next = self.admission.busy.val();
        StreamTx::<ConntrackAsk>::link(&mut self.find, &mut self.admission.find);
        FlowRx::<ConntrackHit>::link(&mut self.found, &mut self.admission.found);
        StreamTx::<ConntrackInsert>::link(&mut self.insert, &mut self.admission.insert);
        FlowRx::<ConntrackInserted>::link(&mut self.inserted, &mut self.admission.inserted);
        StreamTx::<ConntrackUpdate>::link(&mut self.update, &mut self.admission.update);
        StreamTx::<MappingNeed>::link(&mut self.need, &mut self.admission.need);
        FlowRx::<MappingFound>::link(&mut self.mapping, &mut self.admission.mapping);
        FlowRx::<Wake>::link(&mut self.wake, &mut self.admission.wake);
        // Of a sender's mapping only the groups count: nothing of a record depends on it, and no packet brings one along.
        self.completing.next = self.admission.completing.val();
        self.admission.completed.next.reason = self.completing.val().reason;
        self.admission.completed.next.record = self.completing.val().record;
        self.admission.mark.next = self.mark.val();
        self.draining.next = self.admission.draining.val();
        self.ready.next =
            self.admission.ready.val() && self.split.ready.val() && self.eni.ready.val() && self.nacl.ready.val();

        // Frames come in.
        self.entrance.enable.next = self.enable.val();
        StreamRx::<Beat<W, K, 1>>::link(&mut self.rx, &mut self.entrance.rx);
        StreamRx::<Beat<W, K, PASSAGE>>::link(&mut self.local, &mut self.entrance.local);
        StreamTx::<Beat<W, K, 1>>::join(&mut self.entrance.tx, &mut self.split.rx);
        // Questions to the connection table are at least two clocks apart: what has a connection has more than a beat, or is of
        // another guest of the card, and of such frames none follows another at once, even if the gate was closed for a while.
        self.long.next =
            self.entrance.origin.val().local || (self.split.head.payload.val().length > self.beat_bytes.val());
        self.held.next = self.long.val() && self.long_before.q.val();
        self.long_before.d.next = self.gate.tx.tvalid.val() && self.long.val();
        self.gate.rx.payload.next = self.split.head.payload.val();
        self.gate.rx.payload.next.serial = self.entrance.origin.val().serial;
        self.outer.origin.next = self.entrance.origin.val();
        self.gate.rx.tvalid.next = self.split.head.tvalid.val() && !self.held.val();
        self.split.head.tready.next = self.gate.rx.tready.val() && !self.held.val();
        self.gate.release.next = self.taken.val();
        self.chains.rx.payload.next = self.split.head.payload.val().chain;
        self.chains.rx.tvalid.next = self.gate.tx.tvalid.val();
        self.received.tvalid.next = self.gate.tx.tvalid.val();
        self.received.payload.next = self.gate.tx.payload.val().length;
        FlowTx::<FrameHead<RX_WINDOW, 1>>::join(&mut self.gate.tx, &mut self.outer.rx);

        // The outer frame.
        self.outer_parser.rx.payload.next = self.outer.outer.payload.val();
        self.outer_parser.rx.tvalid.next = self.outer.outer.tvalid.val();
        self.outer_check.rx.payload.next = self.outer_parser.tx.payload.val();
        self.outer_check.rx.tvalid.next = self.outer_parser.tx.tvalid.val();
        self.tunnel_delay.rx.payload.next = self.outer.tunnel.val();
        self.tunnel_delay.rx.tvalid.next = self.outer.inner.tvalid.val();
        self.outer_check.tunnel.next = self.tunnel_delay.tx.payload.val();
        self.checked_delay.rx.payload.next = self.outer_check.checked.payload.val();
        self.checked_delay.rx.tvalid.next = self.outer_check.checked.tvalid.val();

        // The token.
        self.peek.rx.payload.next = self.outer.inner.payload.val();
        self.peek.rx.tvalid.next = self.outer.inner.tvalid.val();
        self.peek.tunnel.next = self.outer.tunnel.val();
        self.token.rx.payload.next = self.peek.claim.payload.val();
        self.token.rx.tvalid.next = self.peek.claim.tvalid.val();
        self.token_delay.rx.payload.next = self.token.tx.payload.val();
        self.token_delay.rx.tvalid.next = self.token.tx.tvalid.val();
        self.peeked_delay.rx.payload.next = self.peek.peeked.val();
        self.peeked_delay.rx.tvalid.next = self.peek.claim.tvalid.val();

        // The inner frame; the verdict on the outer one is there in the same clock, and with it the virtual network.
        self.inner_parser.rx.payload.next = self.outer.inner.payload.val();
        self.inner_parser.rx.tvalid.next = self.outer.inner.tvalid.val();
        self.eni.rx.payload.next = self.inner_parser.tx.payload.val();
        self.eni.rx.payload.next.vni = self.outer_check.checked.payload.val().vni;
        self.eni.rx.tvalid.next = self.inner_parser.tx.tvalid.val();
        self.eni_delay.rx.payload.next = self.eni.tx.payload.val();
        self.eni_delay.rx.tvalid.next = self.eni.tx.tvalid.val();
        self.nacl.ask.payload.next = self.eni.tx.payload.val();
        self.nacl.ask.tvalid.next = self.eni.tx.tvalid.val();
        FlowTx::<Packet>::join(&mut self.eni_delay.tx, &mut self.nacl.rx);

        // The verdict.
        FlowTx::<Packet>::join(&mut self.nacl.tx, &mut self.merge.rx);
        self.merge.checked.next = self.checked_delay.tx.payload.val();
        self.merge.peeked.next = self.peeked_delay.tx.payload.val();
        self.merge.token_good.next = self.token_delay.tx.payload.val();
        self.queue.rx.payload.next = self.merge.tx.payload.val();
        self.queue.rx.tvalid.next = self.merge.tx.tvalid.val();

        // The connection, of packets that may have one.
        self.question.packet.next = self.eni.tx.payload.val();
        self.question.eni.next = self.eni.tx.payload.val().eni;
        self.connection.payload.next = self.question.ask.val();
        self.connection.tvalid.next = self.eni.tx.tvalid.val() && (self.eni.tx.payload.val().reason == 0);
        FlowRx::<ConntrackHit>::link(&mut self.hit, &mut self.hit_wait.rx);
        self.flow_hash.rx.payload.next = self.inner_parser.tx.payload.val();
        self.flow_hash.rx.tvalid.next = self.inner_parser.tx.tvalid.val();
        FlowTx::<Bits<32>>::join(&mut self.flow_hash.tx, &mut self.tag_wait.rx);
        self.read_facts.packet.next = self.nacl.tx.payload.val();
        self.read_facts.eni.next = self.nacl.tx.payload.val().eni;
        self.known.d.next = self.read_facts.facts.val();
        if self.hit_wait.tx.tvalid.val() {
            self.known.d.next.hit = self.hit_wait.tx.payload.val();
        }
        self.spared.d.next = self.nacl.tx.payload.val().exempt;
        self.facts.rx.payload.next = self.known.q.val();
        self.facts.rx.payload.next.tag = self.tag_wait.tx.payload.val();
        self.facts.rx.payload.next.concerned = (self.merge.tx.payload.val().reason == 0) && !self.spared.q.val();
        self.facts.rx.tvalid.next = self.merge.tx.tvalid.val();

        // Connections and rules. Record, facts and place of a frame come together.
        self.admission.rx.payload.next.flow = self.facts.tx.payload.val();
        self.admission.rx.payload.next.reason = self.queue.tx.payload.val().reason;
        self.admission.rx.payload.next.chain = self.chains.tx.payload.val();
        self.admission.rx.payload.next.record = self.queue.tx.payload.val();
        self.admission.rx.tvalid.next = self.queue.tx.tvalid.val();
        self.taken.next = self.queue.tx.tvalid.val() && self.admission.rx.tready.val();
        self.queue.tx.tready.next = self.admission.rx.tready.val();
        self.facts.tx.tready.next = self.taken.val();
        self.chains.tx.tready.next = self.taken.val();
        StreamTx::<Decided<Delivery>>::join(&mut self.admission.tx, &mut self.dispatch.records);

        // Verdict and frame meet.
        self.decided.next = self.admission.tx.payload.val();
        self.dispatch.hold.next = false;
        self.dispatch.chain.next = self.decided.val().chain;
        self.dispatch.length.next = self.decided.val().record.length;
        self.dispatch.has_payload.next = self.decided.val().record.has_payload;
        self.dispatch.pass.next = self.decided.val().reason == 0;
        StreamTx::<Fetch>::join(&mut self.dispatch.fetch, &mut self.split.fetch);
        StreamTx::<Chain>::join(&mut self.dispatch.discard, &mut self.split.discard);
        StreamTx::<Decided<Delivery>>::join(&mut self.dispatch.passed, &mut self.join.records);
        StreamTx::<Beat<W, K, 1>>::join(&mut self.split.payload, &mut self.join.payload);
        self.join.has_payload.next = true;
        self.join.discard.next = false;
        self.deliver.length.next = self.join.record.val().record.frame_end;
        self.deliver.rx.payload.next.tuser = self.join.record.val().record.bound;
        self.deliver.rx.payload.next.tlast = self.join.tx.payload.val().tlast;
        self.deliver.rx.payload.next.tkeep = self.join.tx.payload.val().tkeep;
        self.deliver.rx.payload.next.tdata = self.join.tx.payload.val().tdata;
        self.deliver.rx.tvalid.next = self.join.tx.tvalid.val();
        self.join.tx.tready.next = self.deliver.rx.tready.val();
        StreamTx::<Beat<W, K, 8>>::link(&mut self.tx, &mut self.deliver.tx);

        self.event_valid.d.next = self.dispatch.done.val();
        if self.dispatch.done.val() {
            self.event_q.d.next.serial = self.decided.val().record.serial;
            self.event_q.d.next.flow = self.decided.val().kind;
            self.event_q.d.next.reason = self.decided.val().reason;
            self.event_q.d.next.length = self.decided.val().record.length;
            self.event_q.d.next.local = self.decided.val().record.local;
            self.event_q.d.next.told = false;
            self.owner_q.d.next = self.decided.val().record.eni;
            if self.decided.val().reason == 0 {
                self.event_q.d.next.verdict = bits::<2>(0);
                self.event_q.d.next.eni = self.decided.val().record.eni;
                self.event_q.d.next.has_eni = true;
            } else {
                self.event_q.d.next.verdict = bits::<2>(1);
                self.event_q.d.next.eni = bits::<8>(0);
                self.event_q.d.next.has_eni = false;
            }
        }
        self.event.tvalid.next = self.event_valid.q.val();
        self.event.payload.next = self.event_q.q.val();
        self.owner.next = self.owner_q.q.val();
    }
}
