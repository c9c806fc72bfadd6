//! The tx path: guest frames to the underlay, and to the rx path of this card.
//!
//! * **Purpose.** Splits each frame into a head, which runs through the [`pipeline`](pipeline::TxPipeline), and the frame, which waits; when the
//!   verdict is there, sends the frame in its outer headers, or without them to another guest of the card, an answer, or nothing.
//! * **Ports.** `rx`: frames of the guests, `tuser` the ENI's number; `tx`: packets for the underlay; `local`: frames for
//!   the rx path, `tuser` a [`Passage`]; `reply`: answers to the
//!   guests, and messages about packets that are too big, `tuser` the ENI's number; `made`: the length of each such message; `event`: one for each frame, when its verdict is final (that of a DHCP message is later than those behind it); `received`: length of each frame
//!   when its head enters; `table`: writes to the tables; `commit`: rule sets that have been written count; `enable`: while low, no beat is taken; `query_on_miss`, `op`, `done`, `invalidate`, `walking`
//!   (the mapping cache), `need`, `mapping`, `wake` (packets that wait for a mapping), `in_flight`, `taken`, `mark`, `draining` (who has found one before): see
//!   [`lookup::service`](crate::lookup::service); the card's addresses and keys.
//! * **Latency.** [`LATENCY`] from a one-beat frame to its packet's first beat, if nothing is before it. One frame per 2^fold clocks
//!   ([`nacl::fold`](crate::nacl::fold)), less the beats that outer headers add; at most [`CREDITS`] frames between head and verdict.
//! * **Drop reasons.** Those of its stages, `linklocal_allowance_exceeded`, and of what the split finds: `stream_error`, `oversize`, `truncated`.
//! * **Counters.** One event, so one count, for each frame.
//! * **Source.** The card's contract, sections 1 and 2.

pub mod pipeline;

use nitro_components::arbiter::Arbiter;
use nitro_components::cell_memory::{Chain, Fetch};
use nitro_components::credit_gate::CreditGate;
use nitro_components::demux::Demux;
use nitro_components::dispatch::Dispatch;
use nitro_components::fifo::Fifo;
use nitro_components::flow_fifo::FlowFifoBlock;
use nitro_components::hash_table::HashResult;
use nitro_components::join::Join;
use nitro_components::overlay::Overlay;
use nitro_components::prepend::Prepend;
use nitro_components::register::Register;
use nitro_components::spill::Spill;
use nitro_components::split::Split;
use nitro_components::stream::{Beat, FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_components::wires::{Cast, Wires};
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::constants::{MAX_FRAME_BYTES, MIN_FRAME_BYTES};
use nitro_wire::policy::Direction;
use nitro_wire::{DropReason, Verdict};
use rust_hdl::prelude::*;

use crate::allowances::buckets::Buckets;
use crate::conntrack::record::{ConntrackAsk, ConntrackHit, ConntrackInsert, ConntrackInserted, ConntrackUpdate};
use crate::encap;
use crate::encap::header::{HEADER, LENGTHS, OuterHeader};
use crate::encap::late::{self, Complete};
use crate::encap::outgoing::Outgoing;
use crate::eni;
use crate::format::MappingValue;
use crate::lookup;
use crate::lookup::cache::{CacheOp, Invalidate};
use crate::lookup::queries::Wake;
use crate::lookup::service::{MappingFound, MappingNeed};
use crate::nacl;
use crate::reason::{Reason, reason};
use crate::record::{Event, Frame, PARSE_WINDOW};
use crate::responder::dhcp::{Dhcp, store};
use crate::responder::echo::{self, EchoEdit};
use crate::responder::quote::FETCHED;
use crate::responder::reply::Reply;
use crate::responder::{self, too_big::TooBig};
use crate::rx_path::entrance::{PASSAGE, Passage};
use crate::table::TableWrite;
use crate::waiting_room::admission::Admission;
use crate::waiting_room::{self, Completing, Decided, FlowFacts};
use pipeline::TxPipeline;

/// Frames between head and verdict, at most.
pub const CREDITS: usize = 64;
/// Clocks from a frame's last beat to the packet's first: split, pipeline, record FIFO, waiting room, dispatch, output register.
pub const LATENCY: usize = 1 + pipeline::LATENCY + 2 + 1 + 1 + 1;

const _: () = assert!(late::LATENCY as u64 == waiting_room::COMPLETION);

/// The blocks of the tx path and of its stages, but for the parser; the path itself is the last.
#[must_use]
pub fn entries<
    const W: usize,
    const K: usize,
    const RH: usize,
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
>() -> Vec<BlockEntry> {
    let mut entries = eni::tx::entries::<EA, LA>();
    entries.extend(responder::entries::<W, K, EA>());
    entries.extend(lookup::entries::<MA>());
    entries.extend(nacl::entries::<EA, NA>());
    entries.extend(encap::entries());
    entries.push(BlockEntry::of("tx_pipeline", TxPipeline::<EA, LA, MA, NA>::default));
    entries.push(BlockEntry::of("tx_path", TxPath::<W, K, RH, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA>::default));
    entries
}

/// The tx path on ports of `W` bits = `K` bytes: `RH` bits of each frame are kept as its head, frames wait in
/// `2^CA` cells of `2^CB` beats, together `2^PA` beats; `2^EA` ENIs,
/// tables of four ways of `2^LA` local addresses and `2^MA` mappings, `2^NA` rules in each comparator of the ACLs; `2^NQ`
/// packets of `2^SQ` flows wait for their connections, `2^RA` rows of `2^RL` security group rules.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct TxPath<
    const W: usize,
    const K: usize,
    const RH: usize,
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
> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Take frames.
    pub enable: Signal<In, Bit>,
    /// Frames of the guests.
    pub rx: StreamRx<Beat<W, K, 8>>,
    /// Packets for the underlay.
    pub tx: StreamTx<Beat<W, K, 1>>,
    /// Frames for other guests of this card, with their MACs.
    pub local: StreamTx<Beat<W, K, PASSAGE>>,
    /// Answers to the guests.
    pub reply: StreamTx<Beat<W, K, 8>>,
    /// What became of each frame.
    pub event: FlowTx<Event>,
    /// Length in bytes of each frame that has arrived.
    pub received: FlowTx<Bits<14>>,
    /// Length in bytes of each message that the card made for a frame that it dropped.
    pub made: FlowTx<Bits<14>>,
    /// Writes to the tables.
    pub table: FlowRx<TableWrite>,
    /// Rule sets that have been written count from now on.
    pub commit: Signal<In, Bit>,
    /// Key of the tables' hashes, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// Key of the flow hash, its first byte lowest.
    pub flow_key: Signal<In, Bits<128>>,
    /// The card's own underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The card's own underlay MAC.
    pub underlay_mac: Signal<In, Bits<48>>,
    /// MAC of the underlay's next hop.
    pub next_hop_mac: Signal<In, Bits<48>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// TCP packets that begin no connection need an entry.
    pub strict_tcp: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// Questions to the connection table.
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
    /// A miss of the mapping cache asks the mapping service.
    pub query_on_miss: Signal<In, Bit>,
    /// Operations of the mapping cache.
    pub op: StreamRx<CacheOp>,
    /// The operation is done.
    pub done: FlowTx<HashResult<MappingValue>>,
    /// Mappings to end.
    pub invalidate: FlowRx<Invalidate>,
    /// They are being ended.
    pub walking: Signal<Out, Bit>,
    /// A packet whose mapping is asked for.
    pub need: StreamTx<MappingNeed>,
    /// What came of it.
    pub mapping: FlowRx<MappingFound>,
    /// Packets that may ask again.
    pub wake: FlowRx<Wake>,
    /// Packets between gate and waiting room.
    pub in_flight: Signal<Out, Bits<8>>,
    /// One of them comes to the room.
    pub taken: Signal<Out, Bit>,
    /// Mappings that packets in the room have found before now do not count any more.
    pub mark: Signal<In, Bit>,
    /// Packets are in the room that have found one before the last mark.
    pub draining: Signal<Out, Bit>,
    /// Rules of replaced sets are still being read.
    pub busy: Signal<Out, Bit>,
    /// The tables have been cleared after reset.
    pub ready: Signal<Out, Bit>,

    split: Split<W, K, 8, RH, CA, CB, PA>,
    window: Wires<RH, PARSE_WINDOW>,
    gate: CreditGate<Frame, CREDITS>,
    pipeline: TxPipeline<EA, LA, MA, NA>,
    records: FlowFifoBlock<Outgoing, 6>,
    /// Where the frames are whose records are in the pipeline or behind it.
    chains: Fifo<Chain, 6>,
    /// What is known of the flows of the packets in `records`.
    facts: FlowFifoBlock<FlowFacts, 6>,
    admission: Admission<Outgoing, NQ, SQ, RL, RA, EA>,
    buckets: Buckets<EA>,
    complete: Complete,
    flying: Register<Bits<8>>,
    dispatch: Dispatch<Decided<Outgoing>>,
    join: Join<Decided<Outgoing>, W, K, 8>,
    edit: EchoEdit,
    overlay: Overlay<W, K, 8, { echo::BITS }, { echo::BYTES }>,
    /// Out of the memory go packets for the underlay, echoes, the beginnings of frames that are too big, frames for other
    /// guests, and DHCP messages.
    demux: Demux<W, K, 8>,
    header: OuterHeader,
    prepend: Prepend<W, K, 1, HEADER>,
    spill: Spill<Beat<W, K, 1>>,
    passage: Cast<Passage, Bits<PASSAGE>>,
    local_spill: Spill<Beat<W, K, PASSAGE>>,
    answers: Reply<W, K>,
    bounce: TooBig<W, K>,
    dhcp: Dhcp<W, K, EA>,
    outlet: Arbiter<W, K, 8>,
    /// An answer is being made or sent: answers keep the order of what they answer.
    answering: Register<Bit>,
    disposed: DFF<Event>,
    disposed_valid: Register<Bit>,
    replies: Signal<Local, Bit>,
    bounces: Signal<Local, Bit>,
    seeks_dhcp: Signal<Local, Bit>,
    serves: Signal<Local, Bit>,
    reason: Signal<Local, Bits<6>>,
    out: Signal<Local, Beat<W, K, 8>>,
    completing: Signal<Local, Completing<Outgoing>>,
    decided: Signal<Local, Decided<Outgoing>>,
    verdict: Signal<Local, Bits<2>>,
    leaving: Signal<Local, Outgoing>,
    no_frame: Constant<Frame>,
    no_beat: Constant<Beat<W, K, 1>>,
    quoted_bytes: Constant<Bits<14>>,
    dhcp_bytes: Constant<Bits<14>>,
    too_big: Reason,
    queue_full: Reason,
    over_allowance: Reason,
    /// Nothing else holds it back, and it goes to a link-local service.
    pays: Signal<Local, Bit>,
    pass_verdict: Constant<Bits<2>>,
    drop_verdict: Constant<Bits<2>>,
    reply_verdict: Constant<Bits<2>>,
}

impl<
    const W: usize,
    const K: usize,
    const RH: usize,
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
> Default for TxPath<W, K, RH, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA>
{
    /// # Panics
    /// If the widths do not fit together.
    fn default() -> Self {
        assert!(RH >= PARSE_WINDOW, "a head of {RH} bits is less than the {PARSE_WINDOW} that the parser looks at");
        let bytes = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            enable: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            local: StreamTx::default(),
            reply: StreamTx::default(),
            event: FlowTx::default(),
            received: FlowTx::default(),
            made: FlowTx::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            hash_key: Signal::default(),
            flow_key: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            next_hop_mac: Signal::default(),
            gateway_mac: Signal::default(),
            strict_tcp: Signal::default(),
            now: Signal::default(),
            connection: FlowTx::default(),
            hit: FlowRx::default(),
            find: StreamTx::default(),
            found: FlowRx::default(),
            insert: StreamTx::default(),
            inserted: FlowRx::default(),
            update: StreamTx::default(),
            query_on_miss: Signal::default(),
            op: StreamRx::default(),
            done: FlowTx::default(),
            invalidate: FlowRx::default(),
            walking: Signal::default(),
            need: StreamTx::default(),
            mapping: FlowRx::default(),
            wake: FlowRx::default(),
            in_flight: Signal::default(),
            taken: Signal::default(),
            mark: Signal::default(),
            draining: Signal::default(),
            busy: Signal::default(),
            ready: Signal::default(),
            split: Split::new(bytes(MIN_FRAME_BYTES), bytes(MAX_FRAME_BYTES), false),
            window: Wires::new(|bit| bit + RH - PARSE_WINDOW),
            gate: CreditGate::new(1 << nacl::fold(EA, NA)),
            pipeline: TxPipeline::default(),
            records: FlowFifoBlock::default(),
            chains: Fifo::default(),
            facts: FlowFifoBlock::default(),
            admission: Admission::new(Direction::Egress, waiting_room::most_cells(CA, K << CB)),
            buckets: Buckets::default(),
            complete: Complete::default(),
            flying: Register::default(),
            dispatch: Dispatch::default(),
            join: Join::default(),
            edit: EchoEdit::default(),
            overlay: Overlay::default(),
            demux: Demux::new(5),
            header: OuterHeader::default(),
            prepend: Prepend::new(&LENGTHS),
            spill: Spill::default(),
            passage: Cast::default(),
            local_spill: Spill::default(),
            answers: Reply::default(),
            bounce: TooBig::default(),
            dhcp: Dhcp::default(),
            outlet: Arbiter::new(4),
            answering: Register::default(),
            disposed: DFF::default(),
            disposed_valid: Register::default(),
            replies: Signal::default(),
            bounces: Signal::default(),
            seeks_dhcp: Signal::default(),
            serves: Signal::default(),
            reason: Signal::default(),
            out: Signal::default(),
            completing: Signal::default(),
            decided: Signal::default(),
            verdict: Signal::default(),
            leaving: Signal::default(),
            no_frame: Constant::new(Frame::default()),
            no_beat: Constant::new(Beat::default()),
            quoted_bytes: Constant::new(FETCHED.to_bits()),
            dhcp_bytes: Constant::new(store::FETCHED.to_bits()),
            too_big: reason(DropReason::TooBig),
            queue_full: reason(DropReason::NewFlowQueueFull),
            over_allowance: reason(DropReason::LinklocalAllowanceExceeded),
            pays: Signal::default(),
            pass_verdict: Constant::new(Verdict::Pass.code().to_bits()),
            drop_verdict: Constant::new(Verdict::Drop.code().to_bits()),
            reply_verdict: Constant::new(Verdict::Reply.code().to_bits()),
        }
    }
}

impl<
    const W: usize,
    const K: usize,
    const RH: usize,
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
> Logic for TxPath<W, K, RH, CA, CB, PA, EA, LA, MA, NA, NQ, SQ, RL, RA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            split,
            gate,
            pipeline,
            records,
            chains,
            facts,
            admission,
            buckets,
            dispatch,
            join,
            overlay,
            demux,
            prepend,
            spill,
            local_spill,
            answers,
            bounce,
            dhcp,
            outlet,
            complete
        );
        dff_setup!(self, clock, answering, disposed, disposed_valid, flying);
        self.flying.reset.next = self.reset.val();
        self.split.reset.next = self.reset.val();
        self.gate.reset.next = self.reset.val();
        self.pipeline.reset.next = self.reset.val();
        self.records.reset.next = self.reset.val();
        self.chains.reset.next = self.reset.val();
        self.facts.reset.next = self.reset.val();
        self.admission.reset.next = self.reset.val();
        self.buckets.reset.next = self.reset.val();
        self.dispatch.reset.next = self.reset.val();
        self.join.reset.next = self.reset.val();
        self.overlay.reset.next = self.reset.val();
        self.prepend.reset.next = self.reset.val();
        self.spill.reset.next = self.reset.val();
        self.local_spill.reset.next = self.reset.val();
        self.answers.reset.next = self.reset.val();
        self.demux.reset.next = self.reset.val();
        self.bounce.reset.next = self.reset.val();
        self.dhcp.reset.next = self.reset.val();
        self.outlet.reset.next = self.reset.val();
        self.answering.reset.next = self.reset.val();
        self.disposed_valid.reset.next = self.reset.val();

        self.pipeline.table.payload.next = self.table.payload.val();
        self.pipeline.table.tvalid.next = self.table.tvalid.val();
        self.admission.table.payload.next = self.table.payload.val();
        self.admission.table.tvalid.next = self.table.tvalid.val();
        self.dhcp.table.payload.next = self.table.payload.val();
        self.dhcp.table.tvalid.next = self.table.tvalid.val();
        self.pipeline.commit.next = self.commit.val();
        self.admission.commit.next = self.commit.val();
        self.admission.strict_tcp.next = self.strict_tcp.val();
        self.admission.now.next = self.now.val();
        self.buckets.table.payload.next = self.table.payload.val();
        self.buckets.table.tvalid.next = self.table.tvalid.val();
        self.buckets.now.next = self.now.val();
        self.busy.next = self.admission.busy.val();
        FlowTx::<ConntrackAsk>::link(&mut self.connection, &mut self.pipeline.connection);
        FlowRx::<ConntrackHit>::link(&mut self.hit, &mut self.pipeline.hit);
        StreamTx::<ConntrackAsk>::link(&mut self.find, &mut self.admission.find);
        FlowRx::<ConntrackHit>::link(&mut self.found, &mut self.admission.found);
        StreamTx::<ConntrackInsert>::link(&mut self.insert, &mut self.admission.insert);
        FlowRx::<ConntrackInserted>::link(&mut self.inserted, &mut self.admission.inserted);
        StreamTx::<ConntrackUpdate>::link(&mut self.update, &mut self.admission.update);
        self.pipeline.now.next = self.now.val();
        self.pipeline.query_on_miss.next = self.query_on_miss.val();
        StreamRx::<CacheOp>::link(&mut self.op, &mut self.pipeline.op);
        FlowTx::<HashResult<MappingValue>>::link(&mut self.done, &mut self.pipeline.done);
        FlowRx::<Invalidate>::link(&mut self.invalidate, &mut self.pipeline.invalidate);
        self.walking.next = self.pipeline.walking.val();
        StreamTx::<MappingNeed>::link(&mut self.need, &mut self.admission.need);
        FlowRx::<MappingFound>::link(&mut self.mapping, &mut self.admission.mapping);
        FlowRx::<Wake>::link(&mut self.wake, &mut self.admission.wake);
        self.admission.mark.next = self.mark.val();
        self.draining.next = self.admission.draining.val();
        self.completing.next = self.admission.completing.val();
        self.complete.applies.next = self.completing.val().applies;
        self.complete.hit.next = self.completing.val().hit;
        self.complete.reason_of_miss.next = self.completing.val().reason_of_miss;
        self.complete.reason.next = self.completing.val().reason;
        self.complete.mapping.next = self.completing.val().mapping;
        self.complete.record.next = self.completing.val().record;
        self.complete.underlay_ip.next = self.underlay_ip.val();
        self.complete.gateway_mac.next = self.gateway_mac.val();
        self.admission.completed.next.reason = self.complete.reason_out.val();
        self.admission.completed.next.record = self.complete.completed.val();
        self.pipeline.hash_key.next = self.hash_key.val();
        self.pipeline.flow_key.next = self.flow_key.val();
        self.pipeline.underlay_ip.next = self.underlay_ip.val();
        self.pipeline.gateway_mac.next = self.gateway_mac.val();
        self.dhcp.gateway_mac.next = self.gateway_mac.val();
        self.header.underlay_ip.next = self.underlay_ip.val();
        self.header.underlay_mac.next = self.underlay_mac.val();
        self.header.next_hop_mac.next = self.next_hop_mac.val();
        self.ready.next =
            self.pipeline.ready.val() && self.split.ready.val() && self.admission.ready.val() && self.dhcp.ready.val();

        // In: head and payload part.
        self.split.rx.payload.next = self.rx.payload.val();
        self.split.rx.tvalid.next = self.rx.tvalid.val() && self.enable.val();
        self.rx.tready.next = self.split.rx.tready.val() && self.enable.val();
        self.window.i.next = self.split.head.payload.val().window;
        self.gate.rx.payload.next = self.no_frame.val();
        // The split's codes are those of the drop reasons.
        self.gate.rx.payload.next.reason = bit_cast::<6, 2>(self.split.head.payload.val().reason);
        self.gate.rx.payload.next.has_payload = self.split.head.payload.val().has_payload;
        self.gate.rx.payload.next.length = self.split.head.payload.val().length;
        self.gate.rx.payload.next.port = self.split.head.payload.val().tuser;
        self.gate.rx.payload.next.serial = self.split.head.payload.val().serial;
        self.gate.rx.payload.next.window = self.window.o.val();
        self.gate.rx.tvalid.next = self.split.head.tvalid.val() && !self.pipeline.pause.val();
        self.split.head.tready.next = self.gate.rx.tready.val() && !self.pipeline.pause.val();
        self.received.payload.next = self.split.head.payload.val().length;
        self.received.tvalid.next = self.gate.tx.tvalid.val();
        // There are as many places as credits.
        self.chains.rx.payload.next = self.split.head.payload.val().chain;
        self.chains.rx.tvalid.next = self.gate.tx.tvalid.val();
        FlowTx::<Frame>::join(&mut self.gate.tx, &mut self.pipeline.rx);
        self.facts.rx.payload.next = self.pipeline.facts.val();
        self.facts.rx.tvalid.next = self.pipeline.tx.tvalid.val();
        FlowTx::<Outgoing>::join(&mut self.pipeline.tx, &mut self.records.rx);

        // Connections and rules. Record, facts and place of a frame come together.
        self.admission.rx.payload.next.flow = self.facts.tx.payload.val();
        self.admission.rx.payload.next.reason = self.records.tx.payload.val().reason;
        self.admission.rx.payload.next.chain = self.chains.tx.payload.val();
        self.admission.rx.payload.next.record = self.records.tx.payload.val();
        self.admission.rx.tvalid.next = self.records.tx.tvalid.val();
        self.taken.next = self.records.tx.tvalid.val() && self.admission.rx.tready.val();
        self.records.tx.tready.next = self.admission.rx.tready.val();
        self.facts.tx.tready.next = self.taken.val();
        self.chains.tx.tready.next = self.taken.val();
        self.gate.release.next = self.taken.val();
        self.in_flight.next = self.flying.q.val();
        if self.gate.tx.tvalid.val() && !self.taken.val() {
            self.flying.d.next = self.flying.q.val() + 1;
        } else if self.taken.val() && !self.gate.tx.tvalid.val() {
            self.flying.d.next = self.flying.q.val() - 1;
        }
        StreamTx::<Decided<Outgoing>>::join(&mut self.admission.tx, &mut self.dispatch.records);

        // Verdict and frame meet. An answer waits until the last one has left. A DHCP message goes beside the path to be read, if there
        // is room, and has its verdict and its answer later.
        self.decided.next = self.admission.tx.payload.val();
        self.buckets.eni.next = self.decided.val().record.eni;
        self.pays.next = self.decided.val().record.exempt
            && (self.decided.val().record.verdict == self.pass_verdict.val())
            && (self.decided.val().reason == 0);
        self.buckets.take.next = self.dispatch.done.val() && self.pays.val() && self.buckets.filled.val();
        self.verdict.next = self.decided.val().record.verdict;
        self.reason.next = self.decided.val().reason;
        self.seeks_dhcp.next = self.decided.val().record.seeks_dhcp && (self.decided.val().reason == 0);
        self.serves.next = self.seeks_dhcp.val() && self.dhcp.room.val();
        if self.seeks_dhcp.val() && !self.dhcp.room.val() {
            self.reason.next = self.queue_full.val();
        }
        if self.pays.val() && !self.buckets.filled.val() {
            self.reason.next = self.over_allowance.val();
        }
        if self.reason.val() != 0 {
            self.verdict.next = self.drop_verdict.val();
        }
        self.replies.next = self.verdict.val() == self.reply_verdict.val();
        self.bounces.next = self.decided.val().record.bounces
            && (self.decided.val().reason == self.too_big.val())
            && !self.decided.val().inherits;
        // There is one event a clock.
        self.dispatch.hold.next =
            ((self.replies.val() || self.bounces.val()) && self.answering.q.val()) || self.dhcp.event.tvalid.val();
        self.dispatch.chain.next = self.decided.val().chain;
        self.dispatch.length.next = self.decided.val().record.length;
        self.dispatch.has_payload.next = self.decided.val().record.has_payload;
        if self.bounces.val() && (self.decided.val().record.length > self.quoted_bytes.val()) {
            self.dispatch.length.next = self.quoted_bytes.val();
        } else if self.serves.val() && (self.decided.val().record.length > self.dhcp_bytes.val()) {
            self.dispatch.length.next = self.dhcp_bytes.val();
        }
        self.dhcp.length.next = self.decided.val().record.length;
        self.dhcp.reserve.next = self.dispatch.done.val() && self.serves.val();
        self.dispatch.pass.next = (self.verdict.val() == self.pass_verdict.val())
            || (self.replies.val() && self.decided.val().record.echoes)
            || self.bounces.val();
        StreamTx::<Fetch>::join(&mut self.dispatch.fetch, &mut self.split.fetch);
        StreamTx::<Chain>::join(&mut self.dispatch.discard, &mut self.split.discard);
        StreamTx::<Decided<Outgoing>>::join(&mut self.dispatch.passed, &mut self.join.records);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.split.payload, &mut self.join.payload);
        self.join.has_payload.next = true;
        self.join.discard.next = false;

        // Out: new MACs, and what else an echo has of its own.
        self.leaving.next = self.join.record.val().record;
        self.edit.rx.next = self.leaving.val();
        self.overlay.data.next = self.edit.data.val();
        self.overlay.mask.next = self.edit.mask.val();
        StreamTx::<Beat<W, K, 8>>::join(&mut self.join.tx, &mut self.overlay.rx);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.overlay.tx, &mut self.demux.rx);
        self.demux.select.next = bits::<8>(0);
        if self.leaving.val().seeks_dhcp {
            self.demux.select.next = bits::<8>(4);
        } else if self.leaving.val().bounces {
            self.demux.select.next = bits::<8>(2);
        } else if self.leaving.val().echoes {
            self.demux.select.next = bits::<8>(1);
        } else if self.leaving.val().local {
            self.demux.select.next = bits::<8>(3);
        }

        // Out: outer headers.
        self.out.next = self.demux.tx[0].payload.val();
        self.prepend.rx.payload.next = self.no_beat.val();
        self.prepend.rx.payload.next.tlast = self.out.val().tlast;
        self.prepend.rx.payload.next.tkeep = self.out.val().tkeep;
        self.prepend.rx.payload.next.tdata = self.out.val().tdata;
        self.prepend.rx.tvalid.next = self.demux.tx[0].tvalid.val();
        self.demux.tx[0].tready.next = self.prepend.rx.tready.val();
        self.header.rx.next = self.leaving.val();
        self.prepend.header.next = self.header.header.val();
        self.prepend.layout.next = self.header.layout.val();
        StreamTx::<Beat<W, K, 1>>::join(&mut self.prepend.tx, &mut self.spill.rx);
        StreamTx::<Beat<W, K, 1>>::link(&mut self.tx, &mut self.spill.tx);

        // Out: to the rx path.
        self.passage.i.next.vni = self.leaving.val().vni;
        self.passage.i.next.serial = self.leaving.val().serial;
        self.local_spill.rx.payload.next.tuser = self.passage.o.val();
        self.local_spill.rx.payload.next.tlast = self.demux.tx[3].payload.val().tlast;
        self.local_spill.rx.payload.next.tkeep = self.demux.tx[3].payload.val().tkeep;
        self.local_spill.rx.payload.next.tdata = self.demux.tx[3].payload.val().tdata;
        self.local_spill.rx.tvalid.next = self.demux.tx[3].tvalid.val();
        self.demux.tx[3].tready.next = self.local_spill.rx.tready.val();
        StreamTx::<Beat<W, K, PASSAGE>>::link(&mut self.local, &mut self.local_spill.tx);

        // Out: answers, one at a time.
        self.answers.rx.payload.next = self.decided.val().record;
        self.answers.rx.tvalid.next =
            self.dispatch.done.val() && self.replies.val() && !self.decided.val().record.echoes;
        self.bounce.record.next = self.leaving.val();
        StreamTx::<Beat<W, K, 8>>::join(&mut self.demux.tx[2], &mut self.bounce.rx);
        self.dhcp.record.next = self.leaving.val();
        StreamTx::<Beat<W, K, 8>>::join(&mut self.demux.tx[4], &mut self.dhcp.rx);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.answers.tx, &mut self.outlet.rx[0]);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.demux.tx[1], &mut self.outlet.rx[1]);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.bounce.tx, &mut self.outlet.rx[2]);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.dhcp.tx, &mut self.outlet.rx[3]);
        StreamTx::<Beat<W, K, 8>>::link(&mut self.reply, &mut self.outlet.tx);
        FlowTx::<Bits<14>>::link(&mut self.made, &mut self.bounce.made);
        if self.outlet.tx.tvalid.val()
            && self.reply.tready.val()
            && self.outlet.tx.payload.val().tlast
            && (self.outlet.source.val() != bits::<8>(3))
        {
            self.answering.d.next = false;
        }
        if self.dispatch.done.val() && (self.replies.val() || self.bounces.val()) {
            self.answering.d.next = true;
        }

        self.disposed_valid.d.next = (self.dispatch.done.val() && !self.serves.val()) || self.dhcp.event.tvalid.val();
        if self.dispatch.done.val() {
            self.disposed.d.next.serial = self.decided.val().record.serial;
            self.disposed.d.next.verdict = self.verdict.val();
            self.disposed.d.next.reason = self.reason.val();
            self.disposed.d.next.flow = self.decided.val().kind;
            self.disposed.d.next.eni = self.decided.val().record.eni;
            self.disposed.d.next.has_eni = self.decided.val().record.has_eni;
            self.disposed.d.next.length = self.decided.val().record.length;
            self.disposed.d.next.told = self.bounces.val();
            self.disposed.d.next.local =
                self.decided.val().record.local && (self.verdict.val() == self.pass_verdict.val());
        }
        if self.dhcp.event.tvalid.val() {
            self.disposed.d.next = self.dhcp.event.payload.val();
        }
        self.event.payload.next = self.disposed.q.val();
        self.event.tvalid.next = self.disposed_valid.q.val();
    }
}
