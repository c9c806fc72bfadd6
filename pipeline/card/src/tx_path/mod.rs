//! The tx path: guest frames to the underlay.
//!
//! * **Purpose.** Splits each frame into a head, which runs through the [`pipeline`](pipeline::TxPipeline), and a payload,
//!   which waits; joins both when the verdict is there, and sends the frame in its outer headers, an answer, or nothing.
//! * **Ports.** `rx`: frames of the guests, `tuser` the ENI's number; `tx`: packets for the underlay; `reply`: answers to the
//!   guests, `tuser` the ENI's number; `event`: one for each frame, in order, when it is disposed of; `received`: length of
//!   each frame when its head enters; `table`: writes to the tables; `commit`: rule sets that have been written count;
//!   `enable`: while low, no beat is taken; the card's addresses and keys.
//! * **Latency.** [`LATENCY`] from a one-beat frame to its packet's first beat, if nothing is before it. One frame per 2^fold
//!   clocks ([`nacl::fold`](crate::nacl::fold)), less the beats that outer headers add; at most [`CREDITS`] frames between head
//!   and verdict.
//! * **Drop reasons.** Those of its stages, and of what the split finds: `stream_error`, `oversize`, `truncated`.
//! * **Counters.** One event, so one count, for each frame.
//! * **Source.** The card's contract, sections 1 and 2.

pub mod pipeline;

use nitro_components::credit_gate::CreditGate;
use nitro_components::flow_fifo::FlowFifoBlock;
use nitro_components::join::Join;
use nitro_components::overlay::Overlay;
use nitro_components::prepend::Prepend;
use nitro_components::register::Register;
use nitro_components::spill::Spill;
use nitro_components::split::Split;
use nitro_components::stream::{Beat, FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_components::wires::{Cast, Wires};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::Verdict;
use nitro_wire::constants::{MAX_FRAME_BYTES, MIN_FRAME_BYTES};
use rust_hdl::prelude::*;

use crate::encap;
use crate::encap::header::{HEADER, LENGTHS, OuterHeader};
use crate::encap::outgoing::Outgoing;
use crate::eni;
use crate::lookup;
use crate::nacl;
use crate::record::{Event, Frame, PARSE_WINDOW};
use crate::responder::{self, reply::Reply};
use crate::table::TableWrite;
use pipeline::TxPipeline;

/// Frames between head and verdict, at most.
pub const CREDITS: usize = 64;
/// Clocks from a frame's last beat to the packet's first: split, pipeline, record FIFO, its register, output register.
pub const LATENCY: usize = 1 + pipeline::LATENCY + 2 + 1 + 1;

/// The blocks of the tx path and of its stages, but for the parser; the path itself is the last.
#[must_use]
pub fn entries<
    const W: usize,
    const K: usize,
    const RH: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
>() -> Vec<BlockEntry> {
    let mut entries = eni::tx::entries::<EA, LA>();
    entries.extend(responder::entries::<W, K>());
    entries.extend(lookup::entries::<MA>());
    entries.extend(nacl::entries::<EA, NA>());
    entries.extend(encap::entries());
    entries.push(BlockEntry::of("tx_pipeline", TxPipeline::<EA, LA, MA, NA>::default));
    entries.push(BlockEntry::of("tx_path", TxPath::<W, K, RH, PA, EA, LA, MA, NA>::default));
    entries
}

/// The MACs at the start of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Macs {
    /// Destination.
    pub dst: Bits<48>,
    /// Source.
    pub src: Bits<48>,
}

/// The tx path on ports of `W` bits = `K` bytes: `RH` bits of each frame are kept as its head, `2^PA` beats of payload can
/// wait; `2^EA` ENIs, tables of four ways of `2^LA` local addresses and `2^MA` mappings, `2^NA` rules in each comparator of the
/// ACLs.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct TxPath<
    const W: usize,
    const K: usize,
    const RH: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
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
    /// Answers to the guests.
    pub reply: StreamTx<Beat<W, K, 8>>,
    /// What became of each frame.
    pub event: FlowTx<Event>,
    /// Length in bytes of each frame that has arrived.
    pub received: FlowTx<Bits<14>>,
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
    /// The tables have been cleared after reset.
    pub ready: Signal<Out, Bit>,

    split: Split<W, K, 8, RH, PA>,
    window: Wires<RH, PARSE_WINDOW>,
    gate: CreditGate<Frame, CREDITS>,
    pipeline: TxPipeline<EA, LA, MA, NA>,
    records: FlowFifoBlock<Outgoing, 6>,
    outgoing: Spill<Outgoing>,
    join: Join<Outgoing, W, K, 8>,
    macs: Cast<Macs, Bits<96>>,
    overlay: Overlay<W, K, 1, 96, 12>,
    header: OuterHeader,
    prepend: Prepend<W, K, 1, HEADER>,
    spill: Spill<Beat<W, K, 1>>,
    answers: Reply<W, K>,
    disposed: DFF<Event>,
    disposed_valid: Register<Bit>,
    replies: Signal<Local, Bit>,
    held: Signal<Local, Bit>,
    no_frame: Constant<Frame>,
    no_beat: Constant<Beat<W, K, 1>>,
    no_macs: Constant<Macs>,
    pass_verdict: Constant<Bits<2>>,
    reply_verdict: Constant<Bits<2>>,
}

impl<
    const W: usize,
    const K: usize,
    const RH: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
> Default for TxPath<W, K, RH, PA, EA, LA, MA, NA>
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
            reply: StreamTx::default(),
            event: FlowTx::default(),
            received: FlowTx::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            hash_key: Signal::default(),
            flow_key: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            next_hop_mac: Signal::default(),
            gateway_mac: Signal::default(),
            ready: Signal::default(),
            split: Split::new(bytes(MIN_FRAME_BYTES), bytes(MAX_FRAME_BYTES), false),
            window: Wires::new(|bit| bit + RH - PARSE_WINDOW),
            gate: CreditGate::new(1 << nacl::fold(EA, NA)),
            pipeline: TxPipeline::default(),
            records: FlowFifoBlock::default(),
            outgoing: Spill::default(),
            join: Join::default(),
            macs: Cast::default(),
            overlay: Overlay::default(),
            header: OuterHeader::default(),
            prepend: Prepend::new(&LENGTHS),
            spill: Spill::default(),
            answers: Reply::default(),
            disposed: DFF::default(),
            disposed_valid: Register::default(),
            replies: Signal::default(),
            held: Signal::default(),
            no_frame: Constant::new(Frame::default()),
            no_beat: Constant::new(Beat::default()),
            no_macs: Constant::new(Macs::default()),
            pass_verdict: Constant::new(Verdict::Pass.code().to_bits()),
            reply_verdict: Constant::new(Verdict::Reply.code().to_bits()),
        }
    }
}

impl<
    const W: usize,
    const K: usize,
    const RH: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
> Logic for TxPath<W, K, RH, PA, EA, LA, MA, NA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, split, gate, pipeline, records, outgoing, join, overlay, prepend, spill, answers);
        dff_setup!(self, clock, disposed, disposed_valid);
        self.split.reset.next = self.reset.val();
        self.gate.reset.next = self.reset.val();
        self.pipeline.reset.next = self.reset.val();
        self.records.reset.next = self.reset.val();
        self.outgoing.reset.next = self.reset.val();
        self.join.reset.next = self.reset.val();
        self.overlay.reset.next = self.reset.val();
        self.prepend.reset.next = self.reset.val();
        self.spill.reset.next = self.reset.val();
        self.answers.reset.next = self.reset.val();
        self.disposed_valid.reset.next = self.reset.val();

        FlowRx::<TableWrite>::link(&mut self.table, &mut self.pipeline.table);
        self.pipeline.commit.next = self.commit.val();
        self.pipeline.hash_key.next = self.hash_key.val();
        self.pipeline.flow_key.next = self.flow_key.val();
        self.pipeline.underlay_ip.next = self.underlay_ip.val();
        self.pipeline.gateway_mac.next = self.gateway_mac.val();
        self.header.underlay_ip.next = self.underlay_ip.val();
        self.header.underlay_mac.next = self.underlay_mac.val();
        self.header.next_hop_mac.next = self.next_hop_mac.val();
        self.ready.next = self.pipeline.ready.val();

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
        self.gate.rx.tvalid.next = self.split.head.tvalid.val();
        self.split.head.tready.next = self.gate.rx.tready.val();
        self.received.payload.next = self.split.head.payload.val().length;
        self.received.tvalid.next = self.gate.tx.tvalid.val();
        FlowTx::<Frame>::join(&mut self.gate.tx, &mut self.pipeline.rx);
        FlowTx::<Outgoing>::join(&mut self.pipeline.tx, &mut self.records.rx);
        StreamTx::<Outgoing>::join(&mut self.records.tx, &mut self.outgoing.rx);

        // Verdict and payload meet. A reply waits until the last one has left.
        self.replies.next = self.outgoing.tx.payload.val().verdict == self.reply_verdict.val();
        self.held.next = self.replies.val() && !self.answers.rx.tready.val();
        self.join.records.payload.next = self.outgoing.tx.payload.val();
        self.join.records.tvalid.next = self.outgoing.tx.tvalid.val() && !self.held.val();
        self.outgoing.tx.tready.next = self.join.records.tready.val() && !self.held.val();
        self.join.has_payload.next = self.outgoing.tx.payload.val().has_payload;
        self.join.discard.next = self.outgoing.tx.payload.val().verdict != self.pass_verdict.val();
        StreamTx::<Beat<W, K, 8>>::join(&mut self.split.payload, &mut self.join.payload);
        self.gate.release.next = self.join.done.val();

        // Out: new MACs, outer headers.
        self.macs.i.next = self.no_macs.val();
        self.macs.i.next.dst = self.outgoing.tx.payload.val().dst_mac;
        self.macs.i.next.src = self.outgoing.tx.payload.val().src_mac;
        self.overlay.data.next = self.macs.o.val();
        self.overlay.mask.next = bits::<12>(0xfff);
        self.overlay.rx.payload.next = self.no_beat.val();
        self.overlay.rx.payload.next.tlast = self.join.tx.payload.val().tlast;
        self.overlay.rx.payload.next.tkeep = self.join.tx.payload.val().tkeep;
        self.overlay.rx.payload.next.tdata = self.join.tx.payload.val().tdata;
        self.overlay.rx.tvalid.next = self.join.tx.tvalid.val();
        self.join.tx.tready.next = self.overlay.rx.tready.val();
        self.header.rx.next = self.outgoing.tx.payload.val();
        self.prepend.header.next = self.header.header.val();
        self.prepend.layout.next = self.header.layout.val();
        StreamTx::<Beat<W, K, 1>>::join(&mut self.overlay.tx, &mut self.prepend.rx);
        StreamTx::<Beat<W, K, 1>>::join(&mut self.prepend.tx, &mut self.spill.rx);
        StreamTx::<Beat<W, K, 1>>::link(&mut self.tx, &mut self.spill.tx);

        // Out: answers.
        self.answers.rx.payload.next = self.outgoing.tx.payload.val();
        self.answers.rx.tvalid.next = self.join.done.val() && self.replies.val();
        StreamTx::<Beat<W, K, 8>>::link(&mut self.reply, &mut self.answers.tx);

        self.disposed_valid.d.next = self.join.done.val();
        if self.join.done.val() {
            self.disposed.d.next.serial = self.outgoing.tx.payload.val().serial;
            self.disposed.d.next.verdict = self.outgoing.tx.payload.val().verdict;
            self.disposed.d.next.reason = self.outgoing.tx.payload.val().reason;
            self.disposed.d.next.eni = self.outgoing.tx.payload.val().eni;
            self.disposed.d.next.has_eni = self.outgoing.tx.payload.val().has_eni;
            self.disposed.d.next.length = self.outgoing.tx.payload.val().length;
        }
        self.event.payload.next = self.disposed.q.val();
        self.event.tvalid.next = self.disposed_valid.q.val();
    }
}
