//! The DHCPv4 server of the gateway: it gives an interface its own first IPv4 address.
//!
//! * **Purpose.** Messages wait in a [`store::DhcpStore`], are read one after the other by [`message::DhcpMessage`], a byte a
//!   clock, and answered by [`answer::DhcpAnswer`]; the decision is made here. There is nothing to lease, as the address is the
//!   interface's anyway, so no state is kept.
//! * **Ports.** `room`, `reserve`, `length`: place for a message; `rx`, `record`: its frame, whose first [`store::FETCHED`]
//!   bytes are enough; `event`: what became of it; `tx`: answers to the guests, `tuser` the ENI; `table`, `gateway_mac`,
//!   `ready`.
//! * **Latency.** The event comes [`LATENCY`] clocks after the frame's last byte was read. An answer's first beat leaves
//!   [`ANSWER_LATENCY`] clocks and one for each of its bytes (rounded up to beats) after the event.
//! * **Drop reasons.** `no_broadcast`: no answer.
//! * **Counters.** None of its own: the event counts.
//! * **Source.** RFC 2131: sections 4.1 (where answers go), 4.3.1, 4.3.2. RFC 2132 (options), RFC 6842 (client identifier). A
//!   request of another address gets a NAK, whatever the state of the client: there is one server, which knows the client's
//!   address for sure.

pub mod answer;
pub mod message;
pub mod store;

use nitro_components::register::Register;
use nitro_components::stream::{Beat, FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::constants::protocol;
use nitro_wire::{DropReason, Verdict};
use rust_hdl::prelude::*;

use crate::encap::outgoing::Outgoing;
use crate::eni::rows::EniRows;
use crate::format::EniRow;
use crate::reason::{Reason, reason};
use crate::record::Event;
use crate::table::TableWrite;
use answer::{ACK, ANSWER_BYTES, DISCOVER, DhcpAnswer, DhcpLease, MIN_BYTES, NAK, OFFER, REFUSAL_BYTES, REQUEST};
use message::{DhcpFacts, DhcpMessage};
use store::{DhcpClient, DhcpStore, FrameByte};

/// Clocks from a frame's last byte to its event.
pub const LATENCY: usize = 4;
/// Clocks from the event to the answer's first beat, but for the bytes that are written, if nothing is before it.
pub const ANSWER_LATENCY: usize = 5;

/// Words of an answer's IPv4 header that never change: version and header length, DF, TTL and protocol; and the lengths of the
/// headers of IPv4 and UDP.
const FIXED_SUM: u64 = 0x4500 + 0x4000 + (64 << 8 | protocol::UDP as u64) + 20 + 8;

/// The blocks of this folder on ports of `W` bits = `K` bytes, for `2^EA` ENIs.
#[must_use]
pub fn entries<const W: usize, const K: usize, const EA: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("responder_dhcp_store", DhcpStore::<W, K>::default),
        BlockEntry::of("responder_dhcp_message", DhcpMessage::default),
        BlockEntry::of("responder_dhcp_answer", DhcpAnswer::<W, K>::default),
        BlockEntry::of("responder_dhcp", Dhcp::<W, K, EA>::default),
    ]
}

/// Answers DHCP messages on a `W`-bit port, for `2^EA` ENIs.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Dhcp<const W: usize, const K: usize, const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// A message may be reserved for.
    pub room: Signal<Out, Bit>,
    /// A message will come.
    pub reserve: Signal<In, Bit>,
    /// Length of its frame in bytes.
    pub length: Signal<In, Bits<14>>,
    /// Frames, cut to [`store::FETCHED`] bytes; always taken if they were reserved for.
    pub rx: StreamRx<Beat<W, K, 8>>,
    /// The record of the frame at `rx`.
    pub record: Signal<In, Outgoing>,
    /// What became of each message.
    pub event: FlowTx<Event>,
    /// Answers to the guests.
    pub tx: StreamTx<Beat<W, K, 8>>,
    /// Writes to the ENI table.
    pub table: FlowRx<TableWrite>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// The ENI table has been cleared after reset.
    pub ready: Signal<Out, Bit>,
    store: DhcpStore<W, K>,
    message: DhcpMessage,
    answer: DhcpAnswer<W, K>,
    rows: EniRows<EA>,
    /// 0 the message is read, 1 its ENI's row, 2 the decision, 3 the event, 4 to 6 length and checksum, 7 the last answer
    /// leaves, 8 this one is written.
    step: Register<Bits<4>>,
    row: DFF<EniRow>,
    known: DFF<Bit>,
    answers: DFF<Bit>,
    lease: DFF<DhcpLease>,
    sum: DFF<Bits<24>>,
    facts: Signal<Local, DhcpFacts>,
    client: Signal<Local, DhcpClient>,
    server: Signal<Local, Bits<32>>,
    asked: Signal<Local, Bits<32>>,
    discovers: Signal<Local, Bit>,
    requests: Signal<Local, Bit>,
    refuses: Signal<Local, Bit>,
    once: Signal<Local, Bits<24>>,
    released: Signal<Local, Bit>,
    discover: Constant<Bits<8>>,
    offer: Constant<Bits<8>>,
    request: Constant<Bits<8>>,
    ack: Constant<Bits<8>>,
    nak: Constant<Bits<8>>,
    answer_bytes: Constant<Bits<16>>,
    refusal_bytes: Constant<Bits<16>>,
    min_bytes: Constant<Bits<16>>,
    fixed: Constant<Bits<24>>,
    no_event: Constant<Event>,
    no_broadcast: Reason,
    reply_verdict: Constant<Bits<2>>,
    drop_verdict: Constant<Bits<2>>,
}

impl<const W: usize, const K: usize, const EA: usize> Default for Dhcp<W, K, EA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            room: Signal::default(),
            reserve: Signal::default(),
            length: Signal::default(),
            rx: StreamRx::default(),
            record: Signal::default(),
            event: FlowTx::default(),
            tx: StreamTx::default(),
            table: FlowRx::default(),
            gateway_mac: Signal::default(),
            ready: Signal::default(),
            store: DhcpStore::default(),
            message: DhcpMessage::default(),
            answer: DhcpAnswer::default(),
            rows: EniRows::default(),
            step: Register::default(),
            row: DFF::default(),
            known: DFF::default(),
            answers: DFF::default(),
            lease: DFF::default(),
            sum: DFF::default(),
            facts: Signal::default(),
            client: Signal::default(),
            server: Signal::default(),
            asked: Signal::default(),
            discovers: Signal::default(),
            requests: Signal::default(),
            refuses: Signal::default(),
            once: Signal::default(),
            released: Signal::default(),
            discover: Constant::new(DISCOVER.to_bits()),
            offer: Constant::new(OFFER.to_bits()),
            request: Constant::new(REQUEST.to_bits()),
            ack: Constant::new(ACK.to_bits()),
            nak: Constant::new(NAK.to_bits()),
            answer_bytes: Constant::new(ANSWER_BYTES.to_bits()),
            refusal_bytes: Constant::new(REFUSAL_BYTES.to_bits()),
            min_bytes: Constant::new(MIN_BYTES.to_bits()),
            fixed: Constant::new(FIXED_SUM.into()),
            no_event: Constant::new(Event::default()),
            no_broadcast: reason(DropReason::NoBroadcast),
            reply_verdict: Constant::new(Verdict::Reply.code().to_bits()),
            drop_verdict: Constant::new(Verdict::Drop.code().to_bits()),
        }
    }
}

impl<const W: usize, const K: usize, const EA: usize> Logic for Dhcp<W, K, EA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, store, message, answer, rows);
        dff_setup!(self, clock, step, row, known, answers, lease, sum);
        self.store.reset.next = self.reset.val();
        self.message.reset.next = self.reset.val();
        self.answer.reset.next = self.reset.val();
        self.rows.reset.next = self.reset.val();
        self.step.reset.next = self.reset.val();
        FlowRx::<TableWrite>::link(&mut self.table, &mut self.rows.table);
        self.ready.next = self.rows.ready.val();

        StreamRx::<Beat<W, K, 8>>::link(&mut self.rx, &mut self.store.rx);
        self.store.record.next = self.record.val();
        self.store.reserve.next = self.reserve.val();
        self.store.length.next = self.length.val();
        self.room.next = self.store.room.val();
        StreamTx::<FrameByte>::join(&mut self.store.bytes, &mut self.message.rx);
        self.client.next = self.store.client.val();
        self.message.tagged.next = self.client.val().tagged;
        self.facts.next = self.message.facts.val();
        self.answer.client.next = self.client.val();
        self.answer.facts.next = self.facts.val();
        self.answer.lease.next = self.lease.q.val();
        self.answer.gateway_mac.next = self.gateway_mac.val();
        self.message.id_index.next = self.answer.id_index.val();
        self.answer.id_byte.next = self.message.id_byte.val();
        StreamTx::<Beat<W, K, 8>>::link(&mut self.tx, &mut self.answer.tx);

        // What the interface has.
        self.rows.number.next = self.client.val().eni;
        if (self.step.q.val() == bits::<4>(0)) && self.message.done.val() {
            self.step.d.next = bits::<4>(1);
        }
        if self.step.q.val() == bits::<4>(1) {
            self.row.d.next = self.rows.row.val();
            self.known.d.next = self.rows.in_range.val();
            self.step.d.next = bits::<4>(2);
        }

        // What it gets.
        self.server.next = self.row.q.val().subnet4 + 1;
        self.asked.next = self.facts.val().client_ip;
        if self.facts.val().has_requested {
            self.asked.next = self.facts.val().requested;
        }
        self.discovers.next = self.facts.val().number == self.discover.val();
        // A client that selected another server tells that one; and it asks for an address, by name or by having it.
        self.requests.next = (self.facts.val().number == self.request.val())
            && !(self.facts.val().has_server && (self.facts.val().server != self.server.val()))
            && (self.facts.val().has_requested || self.facts.val().client_ip.any());
        self.refuses.next = self.requests.val() && (self.asked.val() != self.row.q.val().ip4);
        if self.step.q.val() == bits::<4>(2) {
            self.answers.d.next = self.known.q.val()
                && self.row.q.val().valid
                && self.row.q.val().subnet4_valid
                && self.row.q.val().ip4_valid
                && self.facts.val().sound
                && (self.discovers.val() || self.requests.val());
            self.lease.d.next.number = self.offer.val();
            if self.refuses.val() {
                self.lease.d.next.number = self.nak.val();
            } else if self.requests.val() {
                self.lease.d.next.number = self.ack.val();
            }
            self.lease.d.next.refused = self.refuses.val();
            self.lease.d.next.own = self.row.q.val().ip4;
            self.lease.d.next.server = self.server.val();
            self.lease.d.next.mask = self.row.q.val().subnet4_mask;
            self.lease.d.next.resolver = self.row.q.val().subnet4 + 2;
            self.lease.d.next.broadcast = self.row.q.val().subnet4 | !self.row.q.val().subnet4_mask;
            // RFC 2131, section 4.1: where the client can hear the answer.
            self.lease.d.next.destination = self.row.q.val().ip4;
            if self.refuses.val() {
                self.lease.d.next.destination = !bits::<32>(0);
            } else if self.facts.val().client_ip.any() {
                self.lease.d.next.destination = self.facts.val().client_ip;
            } else if self.facts.val().flags.get_bit(15) {
                self.lease.d.next.destination = !bits::<32>(0);
            }
            self.lease.d.next.length = self.answer_bytes.val();
            if self.refuses.val() {
                self.lease.d.next.length = self.refusal_bytes.val();
            }
            self.step.d.next = bits::<4>(3);
        }

        // Step 3: it is final.
        self.event.tvalid.next = self.step.q.val() == bits::<4>(3);
        self.event.payload.next = self.no_event.val();
        self.event.payload.next.serial = self.client.val().serial;
        self.event.payload.next.eni = self.client.val().eni;
        self.event.payload.next.has_eni = self.client.val().has_eni;
        self.event.payload.next.length = self.client.val().length;
        self.event.payload.next.verdict = self.reply_verdict.val();
        if !self.answers.q.val() {
            self.event.payload.next.verdict = self.drop_verdict.val();
            self.event.payload.next.reason = self.no_broadcast.val();
        }
        if self.step.q.val() == bits::<4>(3) {
            self.step.d.next = bits::<4>(0);
            if self.answers.q.val() {
                self.step.d.next = bits::<4>(4);
            }
            if self.facts.val().has_id {
                self.lease.d.next.length =
                    self.lease.q.val().length + (bit_cast::<16, 8>(self.facts.val().id_bytes) + 2);
            }
        }

        // Steps 4 to 6: length and checksum.
        if self.step.q.val() == bits::<4>(4) {
            if self.lease.q.val().length < self.min_bytes.val() {
                self.lease.d.next.length = self.min_bytes.val();
            }
            self.sum.d.next = (self.fixed.val()
                + (bit_cast::<24, 16>(self.lease.q.val().server.get_bits::<16>(0))
                    + bit_cast::<24, 16>(self.lease.q.val().server.get_bits::<16>(16))))
                + (bit_cast::<24, 16>(self.lease.q.val().destination.get_bits::<16>(0))
                    + bit_cast::<24, 16>(self.lease.q.val().destination.get_bits::<16>(16)));
            self.step.d.next = bits::<4>(5);
        }
        self.once.next = (self.sum.q.val() & 0xffff) + (self.sum.q.val() >> 16);
        if self.step.q.val() == bits::<4>(5) {
            self.sum.d.next = self.once.val() + bit_cast::<24, 16>(self.lease.q.val().length);
            self.step.d.next = bits::<4>(6);
        }

        if self.step.q.val() == bits::<4>(6) {
            self.lease.d.next.checksum = !bit_cast::<16, 24>(self.once.val() + (self.once.val() >> 16));
            self.step.d.next = bits::<4>(7);
        }

        // Step 7: the last answer leaves first. Step 8: all that the answer needs stays until it is written.
        self.answer.start.next = (self.step.q.val() == bits::<4>(7)) && self.answer.idle.val();
        if (self.step.q.val() == bits::<4>(7)) && self.answer.idle.val() {
            self.step.d.next = bits::<4>(8);
        }
        if (self.step.q.val() == bits::<4>(8)) && self.answer.done.val() {
            self.step.d.next = bits::<4>(0);
        }
        self.released.next = ((self.step.q.val() == bits::<4>(3)) && !self.answers.q.val())
            || ((self.step.q.val() == bits::<4>(8)) && self.answer.done.val());
        self.message.release.next = self.released.val();
        self.store.release.next = self.released.val();
    }
}
