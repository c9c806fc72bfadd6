//! The rx path: from the underlay to the guests.
//!
//! ```text
//!  rx ─> split ──────────────> payload ring ─────────────────────────────────────────> join ─> deliver ─> tx
//!          └─> gate ─> outer ─┬─> parser (outer) ─────────────> outer check ─┐           │
//!                             ├─> peek ─> token ─────────────────────────────┼─> merge ─> queue
//!                             └─> parser (inner) ─> eni ─> nacl ─────────────┘
//! ```
//!
//! Outer and inner headers are parsed at the same time, the token is checked and the ENI looked up beside that; `merge` puts the
//! verdicts in the order of the path. Between gate and queue runs a flow of constant latency ([`flow_latency`]), one frame
//! per 2^fold clocks ([`nacl::fold`](crate::nacl::fold)). Room for step 3: `conntrack` and `security_group` follow `nacl`.
//!
//! Ports: `rx` (`tuser`: the frame is damaged), `tx` (`tuser`: the ENI), `event` (one per frame, when it is disposed
//! of), `received` (one per frame, when it enters the flow), the settings, `table`, `commit`, `enable`, `ready`.
//! Drop reasons and counters: those of its stages.

use nitro_components::credit_gate::CreditGate;
use nitro_components::delay::{Delay, DelayRam};
use nitro_components::flow_fifo::FlowFifo;
use nitro_components::join::Join;
use nitro_components::register::Register;
use nitro_components::split::{FrameHead, Split};
use nitro_components::stream::{Beat, FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::{MAX_FRAME_BYTES, MIN_FRAME_BYTES};
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use crate::decap::check::{self, OuterCheck};
use crate::decap::deliver::Deliver;
use crate::decap::merge::{self, Merge};
use crate::decap::outer::{self, Outer};
use crate::decap::peek::{self, Peek};
use crate::decap::{Checked, Delivery, Peeked, RX_WINDOW, Tunnel};
use crate::eni::rx::{self as eni, EniRx};
use crate::nacl::{self, Nacl};
use crate::parser::{self, Parser};
use crate::record::{Event, Packet};
use crate::table::TableWrite;
use crate::token::{self, TokenCheck, TokenKey};

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

/// Clock at which the outer frame has been parsed, from the gate.
const OUTER_PARSED: usize = outer::OUTER_LATENCY + parser::LATENCY;
/// Clock at which it has been judged.
const CHECKED: usize = OUTER_PARSED + check::LATENCY;
/// Clock at which the inner frame has been parsed.
const INNER_PARSED: usize = outer::INNER_LATENCY + parser::LATENCY;
/// Clock at which the inner addresses have been read ahead of the parser.
const PEEKED: usize = outer::INNER_LATENCY + peek::LATENCY;
/// Clock at which the token has been checked.
const TOKEN_CHECKED: usize = PEEKED + token::LATENCY;
/// Clock at which the ENI is known.
const ENI_KNOWN: usize = INNER_PARSED + eni::LATENCY;

/// Clock at which everything is known, with ACLs of that fold.
const fn known(fold: usize) -> usize {
    let judged = ENI_KNOWN + nacl::lead(fold);
    if judged > TOKEN_CHECKED { judged } else { TOKEN_CHECKED }
}

/// Clocks from the gate to the queue, with ACLs of that fold.
#[must_use]
pub const fn flow_latency(fold: usize) -> usize {
    known(fold) + merge::LATENCY
}

/// Clocks from a frame's last beat to the first beat of what is delivered, if nothing is before it, headers fill one beat, and
/// the next has all of the inner frame's first: split, flow, queue, the beat of the headers, the two registers of the output.
#[must_use]
pub const fn latency(fold: usize) -> usize {
    1 + flow_latency(fold) + 1 + 1 + 2
}

/// The rx path with `W` data bits, `2^PA` beats in the payload ring, `2^EA` ENIs with 4 · `2^LA` local addresses, and `2^NA`
/// rules in each comparator of the ACLs.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RxPath<const W: usize, const K: usize, const PA: usize, const EA: usize, const LA: usize, const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames from the underlay.
    pub rx: StreamRx<Beat<W, K, 1>>,
    /// Frames to the guests.
    pub tx: StreamTx<Beat<W, K, 8>>,
    /// What became of each frame.
    pub event: FlowTx<Event>,
    /// A frame of so many bytes entered.
    pub received: FlowTx<Bits<14>>,
    /// Frames are taken in.
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
    /// The tables have been cleared after reset.
    pub ready: Signal<Out, Bit>,

    split: Split<W, K, 1, RX_WINDOW, PA>,
    gate: CreditGate<FrameHead<RX_WINDOW, 1>, CREDITS>,
    outer: Outer,
    outer_parser: Parser,
    tunnel_delay: DelayRam<Tunnel, 5>,
    outer_check: OuterCheck,
    checked_delay: DelayRam<Checked, 5>,
    peek: Peek,
    peeked_delay: DelayRam<Peeked, 6>,
    token: TokenCheck,
    token_delay: Delay<Bit>,
    inner_parser: Parser,
    eni: EniRx<EA, LA>,
    eni_delay: DelayRam<Packet, 5>,
    nacl: Nacl<EA, NA>,
    merge: Merge,
    queue: FlowFifo<Delivery, QUEUE>,
    join: Join<Delivery, W, K, 1>,
    deliver: Deliver<W, K>,
    event_q: DFF<Event>,
    event_valid: Register<Bit>,
}

impl<const W: usize, const K: usize, const PA: usize, const EA: usize, const LA: usize, const NA: usize> Default
    for RxPath<W, K, PA, EA, LA, NA>
{
    fn default() -> Self {
        let fold = nacl::fold(EA, NA);
        let known = known(fold);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            event: FlowTx::default(),
            received: FlowTx::default(),
            enable: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            key_0: Signal::default(),
            key_1: Signal::default(),
            hash_key: Signal::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            ready: Signal::default(),
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
            join: Join::default(),
            deliver: Deliver::default(),
            event_q: DFF::default(),
            event_valid: Register::default(),
        }
    }
}

impl<const W: usize, const K: usize, const PA: usize, const EA: usize, const LA: usize, const NA: usize> Logic
    for RxPath<W, K, PA, EA, LA, NA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, split, gate, outer, outer_parser, tunnel_delay, outer_check, checked_delay, peek);
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
            join,
            deliver
        );
        dff_setup!(self, clock, event_q, event_valid);
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
        self.ready.next = self.eni.ready.val() && self.nacl.ready.val();

        // Frames come in.
        self.split.rx.payload.next = self.rx.payload.val();
        self.split.rx.tvalid.next = self.rx.tvalid.val() && self.enable.val();
        self.rx.tready.next = self.split.rx.tready.val() && self.enable.val();
        StreamTx::<FrameHead<RX_WINDOW, 1>>::join(&mut self.split.head, &mut self.gate.rx);
        self.gate.release.next = self.join.done.val();
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

        // Record and payload meet again.
        self.join.has_payload.next = self.queue.tx.payload.val().has_payload;
        self.join.discard.next = self.queue.tx.payload.val().reason != 0;
        StreamTx::<Delivery>::join(&mut self.queue.tx, &mut self.join.records);
        StreamTx::<Beat<W, K, 1>>::join(&mut self.split.payload, &mut self.join.payload);
        self.deliver.length.next = self.join.record.val().frame_end;
        self.deliver.rx.payload.next.tuser = self.join.record.val().bound;
        self.deliver.rx.payload.next.tlast = self.join.tx.payload.val().tlast;
        self.deliver.rx.payload.next.tkeep = self.join.tx.payload.val().tkeep;
        self.deliver.rx.payload.next.tdata = self.join.tx.payload.val().tdata;
        self.deliver.rx.tvalid.next = self.join.tx.tvalid.val();
        self.join.tx.tready.next = self.deliver.rx.tready.val();
        StreamTx::<Beat<W, K, 8>>::link(&mut self.tx, &mut self.deliver.tx);

        self.event_valid.d.next = self.join.done.val();
        if self.join.done.val() {
            self.event_q.d.next.serial = self.join.record.val().serial;
            self.event_q.d.next.reason = self.join.record.val().reason;
            self.event_q.d.next.length = self.join.record.val().length;
            if self.join.record.val().reason == 0 {
                self.event_q.d.next.verdict = bits::<2>(0);
                self.event_q.d.next.eni = self.join.record.val().eni;
                self.event_q.d.next.has_eni = true;
            } else {
                self.event_q.d.next.verdict = bits::<2>(1);
                self.event_q.d.next.eni = bits::<8>(0);
                self.event_q.d.next.has_eni = false;
            }
        }
        self.event.tvalid.next = self.event_valid.q.val();
        self.event.payload.next = self.event_q.q.val();
    }
}
