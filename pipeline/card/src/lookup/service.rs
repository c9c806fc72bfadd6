//! Who uses the mapping cache besides the packets of the tx path: packets that wait, the mapping service's replies, and software.
//!
//! Ports: `tx_need`, `tx_found`, `tx_wake` and the same of rx (packets that wait for a mapping); `query`, `reply` (the card's ports to the mapping
//! service: `ServiceQuery`, `ServiceReply`, the first byte lowest); `op`, `done`, `invalidate`, `walking` (the [cache](super::cache));
//! `command`, `busy` (software); `in_flight`, `taken`, `mark`, `draining` (the tx path); `query_on_miss`, `now`. Latency: an operation of the cache and
//! 3 clocks for a packet whose mapping is there.
//!
//! **Packets that wait** have it looked up when their turn comes. What is not there is asked for ([`queries`](super::queries)): the packet is
//! `parked`, and woken when there is a reply or none in time, for another look. A packet that was woken for nothing is not parked again; one whose mapping was
//! ended again between reply and look is. If a reply came between the look and the question, the packet looks once more first: so a key that has just been answered is not asked for again. While it does,
//! no further reply is taken, or replies without end could keep it from asking.
//!
//! **Invalidation.** `busy` is set from a command on until its entries are gone, and until no packet is left in the tx path that could have found one
//! before: those between gate and waiting room (`in_flight` when the last entry is gone; they come out in order), then those in the room
//! (`mark`, `draining`). A command while `busy` does nothing. Packets of other flows go on meanwhile.
//!
//! Source: the card's contract, section 5.

use nitro_components::hash_table::HashResult;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_components::wires::{Cast, SwapBytes};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::formats;
use rust_hdl::prelude::*;

use super::cache::{CacheOp, Invalidate};
use super::queries::{MappingQueries, Wake};
use crate::format::{MappingKey, MappingValue, ServiceReply};
use crate::table::MAPPING_KEY;
use crate::waiting_room::slots::Turn;

/// Width of a query.
pub const QUERY: usize = formats::SERVICE_QUERY.bits;
/// Width of a reply.
pub const REPLY: usize = formats::SERVICE_REPLY.bits;

/// Log2 of the keys that may be asked for at one time.
pub const QUERIES: usize = 3;
/// Log2 of the packets that may wait for replies: the first ones of all flows of both waiting rooms.
pub const WAITERS: usize = 6;

const _: () = assert!(QUERY == MAPPING_KEY);

/// A packet whose mapping is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct MappingNeed {
    /// Whose turn it is.
    pub turn: Turn,
    /// It has been woken without an answer.
    pub tried: Bit,
    /// The mapping's key.
    pub key: Bits<MAPPING_KEY>,
}

/// What became of that. None of the three bits: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct MappingFound {
    /// This is it.
    pub hit: Bit,
    /// It has been asked for: the packet will be woken.
    pub parked: Bit,
    /// It cannot be asked for: too many are.
    pub full: Bit,
    /// The mapping.
    pub value: MappingValue,
}

/// Which mappings software wants to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct MappingCommand {
    /// That of the key.
    pub by_key: Bit,
    /// Those of the key's VPC. Neither of both: those before the version.
    pub by_vni: Bit,
    /// The key.
    pub key: Bits<MAPPING_KEY>,
    /// The version.
    pub version: Bits<16>,
}

/// Waits for a packet.
const IDLE: u64 = 0;
/// The cache is to be asked.
const FIND: u64 = 1;
/// It is being asked.
const FINDING: u64 = 2;
/// The service is to be asked.
const ASK: u64 = 3;

/// Nothing to invalidate.
const REST: u64 = 0;
/// An entry is to be removed.
const REMOVE: u64 = 1;
/// It is being removed.
const REMOVING: u64 = 2;
/// A walk begins.
const BEGIN: u64 = 3;
/// The cache is walked over.
const WALK: u64 = 4;
/// Packets between gate and waiting room.
const FLIGHT: u64 = 5;
/// The room is told.
const MARK: u64 = 6;
/// Packets in the waiting room.
const ROOM: u64 = 7;

/// An operation of the queries, of software, of a packet.
const REPLIES: u64 = 0;
const SOFTWARE: u64 = 1;
const PACKETS: u64 = 2;

/// The cache's other users.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct MappingService {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// A miss asks the mapping service.
    pub query_on_miss: Signal<In, Bit>,
    /// Packets of the tx path that need a mapping, one at a time.
    pub tx_need: StreamRx<MappingNeed>,
    /// What became of each.
    pub tx_found: FlowTx<MappingFound>,
    /// Packets of the tx path that may look again.
    pub tx_wake: FlowTx<Wake>,
    /// Packets of the rx path that need a mapping, one at a time.
    pub rx_need: StreamRx<MappingNeed>,
    /// What became of each.
    pub rx_found: FlowTx<MappingFound>,
    /// Packets of the rx path that may look again.
    pub rx_wake: FlowTx<Wake>,
    /// Queries, the first byte lowest.
    pub query: StreamTx<Bits<QUERY>>,
    /// Replies, the first byte lowest.
    pub reply: StreamRx<Bits<REPLY>>,
    /// To the cache.
    pub op: StreamTx<CacheOp>,
    /// The operation is done.
    pub done: FlowRx<HashResult<MappingValue>>,
    /// Entries to end.
    pub invalidate: FlowTx<Invalidate>,
    /// The cache is ending them.
    pub walking: Signal<In, Bit>,
    /// Commands of software; ignored while `busy`.
    pub command: FlowRx<MappingCommand>,
    /// One is under way.
    pub busy: Signal<Out, Bit>,
    /// Packets between the gate of the tx path and its waiting room.
    pub in_flight: Signal<In, Bits<8>>,
    /// One of them comes to the room.
    pub taken: Signal<In, Bit>,
    /// Packets in the room have found their mappings before now.
    pub mark: Signal<Out, Bit>,
    /// Some of those that were there at the last mark still are.
    pub draining: Signal<In, Bit>,

    queries: MappingQueries<QUERIES, WAITERS>,
    swap_query: SwapBytes<QUERY>,
    swap_reply: SwapBytes<REPLY>,
    read_reply: Cast<Bits<REPLY>, ServiceReply>,
    replied: Signal<Local, ServiceReply>,
    reply_key: Cast<MappingKey, Bits<MAPPING_KEY>>,

    // Packets.
    state: Register<Bits<2>>,
    need: DFF<MappingNeed>,
    of_rx: DFF<Bit>,
    rx_first: Register<Bit>,
    changed: DFF<Bit>,
    again: Register<Bit>,
    answer: DFF<MappingFound>,
    tx_answers: Register<Bit>,
    rx_answers: Register<Bit>,
    takes_rx: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    finished: Signal<Local, Bit>,

    // The cache's operations.
    op_q: DFF<CacheOp>,
    op_valid: Register<Bit>,
    under_way: Register<Bit>,
    owner: DFF<Bits<2>>,
    may_start: Signal<Local, Bit>,
    starts_reply: Signal<Local, Bit>,
    starts_remove: Signal<Local, Bit>,
    starts_find: Signal<Local, Bit>,

    // Software.
    phase: Register<Bits<3>>,
    told: DFF<MappingCommand>,
    told_key: Cast<Bits<MAPPING_KEY>, MappingKey>,
    remaining: DFF<Bits<8>>,

    idle: Constant<Bits<2>>,
    find: Constant<Bits<2>>,
    finding: Constant<Bits<2>>,
    ask: Constant<Bits<2>>,
    rest: Constant<Bits<3>>,
    remove: Constant<Bits<3>>,
    removing: Constant<Bits<3>>,
    begin: Constant<Bits<3>>,
    walk: Constant<Bits<3>>,
    flight: Constant<Bits<3>>,
    marks: Constant<Bits<3>>,
    room: Constant<Bits<3>>,
    replies: Constant<Bits<2>>,
    software: Constant<Bits<2>>,
    packets: Constant<Bits<2>>,
    no_op: Constant<CacheOp>,
    no_answer: Constant<MappingFound>,
}

impl Default for MappingService {
    fn default() -> Self {
        let state = |state: u64| Constant::new(state.into());
        let phase = |phase: u64| Constant::new(phase.into());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            now: Signal::default(),
            query_on_miss: Signal::default(),
            tx_need: StreamRx::default(),
            tx_found: FlowTx::default(),
            tx_wake: FlowTx::default(),
            rx_need: StreamRx::default(),
            rx_found: FlowTx::default(),
            rx_wake: FlowTx::default(),
            query: StreamTx::default(),
            reply: StreamRx::default(),
            op: StreamTx::default(),
            done: FlowRx::default(),
            invalidate: FlowTx::default(),
            walking: Signal::default(),
            command: FlowRx::default(),
            busy: Signal::default(),
            in_flight: Signal::default(),
            taken: Signal::default(),
            mark: Signal::default(),
            draining: Signal::default(),
            queries: MappingQueries::default(),
            swap_query: SwapBytes::default(),
            swap_reply: SwapBytes::default(),
            read_reply: Cast::default(),
            replied: Signal::default(),
            reply_key: Cast::default(),
            state: Register::default(),
            need: DFF::default(),
            of_rx: DFF::default(),
            rx_first: Register::default(),
            changed: DFF::default(),
            again: Register::default(),
            answer: DFF::default(),
            tx_answers: Register::default(),
            rx_answers: Register::default(),
            takes_rx: Signal::default(),
            takes: Signal::default(),
            finished: Signal::default(),
            op_q: DFF::default(),
            op_valid: Register::default(),
            under_way: Register::default(),
            owner: DFF::default(),
            may_start: Signal::default(),
            starts_reply: Signal::default(),
            starts_remove: Signal::default(),
            starts_find: Signal::default(),
            phase: Register::default(),
            told: DFF::default(),
            told_key: Cast::default(),
            remaining: DFF::default(),
            idle: state(IDLE),
            find: state(FIND),
            finding: state(FINDING),
            ask: state(ASK),
            rest: phase(REST),
            remove: phase(REMOVE),
            removing: phase(REMOVING),
            begin: phase(BEGIN),
            walk: phase(WALK),
            flight: phase(FLIGHT),
            marks: phase(MARK),
            room: phase(ROOM),
            replies: state(REPLIES),
            software: state(SOFTWARE),
            packets: state(PACKETS),
            no_op: Constant::new(CacheOp::default()),
            no_answer: Constant::new(MappingFound::default()),
        }
    }
}

impl Logic for MappingService {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, queries);
        dff_setup!(self, clock, state, need, of_rx, rx_first, changed, again, answer, tx_answers, rx_answers);
        dff_setup!(self, clock, op_q, op_valid, under_way, owner, phase, told, remaining);
        self.queries.reset.next = self.reset.val();
        self.state.reset.next = self.reset.val();
        self.rx_first.reset.next = self.reset.val();
        self.again.reset.next = self.reset.val();
        self.tx_answers.reset.next = self.reset.val();
        self.rx_answers.reset.next = self.reset.val();
        self.op_valid.reset.next = self.reset.val();
        self.under_way.reset.next = self.reset.val();
        self.phase.reset.next = self.reset.val();

        // The mapping service.
        self.queries.now.next = self.now.val();
        self.swap_query.i.next = self.queries.query.payload.val();
        self.query.payload.next = self.swap_query.o.val();
        self.query.tvalid.next = self.queries.query.tvalid.val();
        self.queries.query.tready.next = self.query.tready.val();
        self.swap_reply.i.next = self.reply.payload.val();
        self.read_reply.i.next = self.swap_reply.o.val();
        self.replied.next = self.read_reply.o.val();
        self.reply_key.i.next.vni = self.replied.val().vni;
        self.reply_key.i.next.route_table = self.replied.val().route_table;
        self.reply_key.i.next.ip = self.replied.val().ip;
        self.queries.reply.payload.next.negative = self.replied.val().negative;
        self.queries.reply.payload.next.key = self.reply_key.o.val();
        self.queries.reply.payload.next.value.kind = self.replied.val().kind;
        self.queries.reply.payload.next.value.srd = self.replied.val().srd;
        self.queries.reply.payload.next.value.path_mtu = self.replied.val().path_mtu;
        self.queries.reply.payload.next.value.underlay_ip = self.replied.val().underlay_ip;
        self.queries.reply.payload.next.value.mac = self.replied.val().mac;
        self.queries.reply.payload.next.value.token_epoch = self.replied.val().token_epoch;
        self.queries.reply.payload.next.value.token = self.replied.val().token;
        self.queries.reply.payload.next.value.groups = self.replied.val().groups;
        self.queries.reply.payload.next.value.version = self.replied.val().version;
        self.queries.reply.payload.next.value.expiry = self.replied.val().expiry;
        self.queries.reply.tvalid.next = self.reply.tvalid.val() && !self.again.q.val();
        self.reply.tready.next = self.queries.reply.tready.val() && !self.again.q.val();
        self.queries.wake.tready.next = true;
        self.tx_wake.payload.next = self.queries.wake.payload.val();
        self.tx_wake.tvalid.next = self.queries.wake.tvalid.val() && !self.queries.wake.payload.val().rx;
        self.rx_wake.payload.next = self.queries.wake.payload.val();
        self.rx_wake.tvalid.next = self.queries.wake.tvalid.val() && self.queries.wake.payload.val().rx;

        // Packets, one at a time; both paths by turns.
        self.takes_rx.next = self.rx_need.tvalid.val() && (self.rx_first.q.val() || !self.tx_need.tvalid.val());
        self.takes.next =
            (self.state.q.val() == self.idle.val()) && (self.tx_need.tvalid.val() || self.rx_need.tvalid.val());
        self.tx_need.tready.next = (self.state.q.val() == self.idle.val()) && !self.takes_rx.val();
        self.rx_need.tready.next = (self.state.q.val() == self.idle.val()) && self.takes_rx.val();
        self.queries.ask.payload.next.rx = self.of_rx.q.val();
        self.queries.ask.payload.next.turn = self.need.q.val().turn;
        self.queries.ask.payload.next.key = self.need.q.val().key;
        self.queries.ask.tvalid.next = (self.state.q.val() == self.ask.val()) && !self.changed.q.val();
        self.finished.next = false;
        if self.takes.val() {
            self.state.d.next = self.find.val();
            self.again.d.next = false;
            self.of_rx.d.next = self.takes_rx.val();
            self.rx_first.d.next = !self.takes_rx.val();
            self.need.d.next = self.tx_need.payload.val();
            if self.takes_rx.val() {
                self.need.d.next = self.rx_need.payload.val();
            }
        } else if self.state.q.val() == self.find.val() {
            self.changed.d.next = false;
            if self.starts_find.val() {
                self.state.d.next = self.finding.val();
            }
        } else if self.state.q.val() == self.finding.val() {
            if self.done.tvalid.val() && (self.owner.q.val() == self.packets.val()) {
                self.answer.d.next = self.no_answer.val();
                self.answer.d.next.hit = self.done.payload.val().hit;
                self.answer.d.next.value = self.done.payload.val().value;
                if self.done.payload.val().hit || self.need.q.val().tried || !self.query_on_miss.val() {
                    self.finished.next = true;
                } else {
                    self.state.d.next = self.ask.val();
                }
            }
        } else if self.state.q.val() == self.ask.val() {
            if self.changed.q.val() {
                self.state.d.next = self.find.val();
                self.again.d.next = true;
            } else if self.queries.ask.tready.val() {
                self.answer.d.next.parked = true;
                self.finished.next = true;
            } else if self.queries.full.val() {
                self.answer.d.next.full = true;
                self.finished.next = true;
            }
            if self.done.tvalid.val() && (self.owner.q.val() == self.replies.val()) {
                self.changed.d.next = true;
            }
        }
        if self.finished.val() {
            self.state.d.next = self.idle.val();
            self.again.d.next = false;
        }
        self.tx_answers.d.next = self.finished.val() && !self.of_rx.q.val();
        self.rx_answers.d.next = self.finished.val() && self.of_rx.q.val();
        self.tx_found.payload.next = self.answer.q.val();
        self.tx_found.tvalid.next = self.tx_answers.q.val();
        self.rx_found.payload.next = self.answer.q.val();
        self.rx_found.tvalid.next = self.rx_answers.q.val();

        // The cache does one thing at a time. Each of the three leaves it to the others before it comes again.
        self.may_start.next = !self.op_valid.q.val() && !self.under_way.q.val();
        self.starts_reply.next = self.may_start.val() && self.queries.op.tvalid.val();
        self.starts_remove.next =
            self.may_start.val() && !self.queries.op.tvalid.val() && (self.phase.q.val() == self.remove.val());
        self.starts_find.next = self.may_start.val()
            && !self.queries.op.tvalid.val()
            && (self.phase.q.val() != self.remove.val())
            && (self.state.q.val() == self.find.val());
        self.queries.op.tready.next = self.may_start.val();
        self.queries.done.payload.next = self.done.payload.val();
        self.queries.done.tvalid.next = self.done.tvalid.val() && (self.owner.q.val() == self.replies.val());
        self.op.payload.next = self.op_q.q.val();
        self.op.tvalid.next = self.op_valid.q.val();
        if self.op_valid.q.val() && self.op.tready.val() {
            self.op_valid.d.next = false;
            self.under_way.d.next = true;
        }
        if self.done.tvalid.val() {
            self.under_way.d.next = false;
        }
        if self.starts_reply.val() {
            self.op_valid.d.next = true;
            self.op_q.d.next = self.queries.op.payload.val();
            self.owner.d.next = self.replies.val();
        } else if self.starts_remove.val() {
            self.op_valid.d.next = true;
            self.op_q.d.next = self.no_op.val();
            self.op_q.d.next.remove = true;
            self.op_q.d.next.key = self.told.q.val().key;
            self.owner.d.next = self.software.val();
        } else if self.starts_find.val() {
            self.op_valid.d.next = true;
            self.op_q.d.next = self.no_op.val();
            self.op_q.d.next.key = self.need.q.val().key;
            self.owner.d.next = self.packets.val();
        }

        // Software. Rows that it has written itself may have a key twice: it is removed until it is not found.
        self.told_key.i.next = self.told.q.val().key;
        self.invalidate.payload.next.by_vni = self.told.q.val().by_vni;
        self.invalidate.payload.next.vni = self.told_key.o.val().vni;
        self.invalidate.payload.next.version = self.told.q.val().version;
        self.invalidate.tvalid.next = self.phase.q.val() == self.begin.val();
        self.busy.next = self.phase.q.val() != self.rest.val();
        self.mark.next = self.phase.q.val() == self.marks.val();
        if self.phase.q.val() == self.rest.val() {
            if self.command.tvalid.val() {
                self.told.d.next = self.command.payload.val();
                self.phase.d.next = self.begin.val();
                if self.command.payload.val().by_key {
                    self.phase.d.next = self.remove.val();
                }
            }
        } else if self.phase.q.val() == self.remove.val() {
            if self.starts_remove.val() {
                self.phase.d.next = self.removing.val();
            }
        } else if self.phase.q.val() == self.removing.val() {
            if self.done.tvalid.val() && (self.owner.q.val() == self.software.val()) {
                self.phase.d.next = self.flight.val();
                if self.done.payload.val().hit {
                    self.phase.d.next = self.remove.val();
                }
            }
        } else if self.phase.q.val() == self.begin.val() {
            self.phase.d.next = self.walk.val();
        } else if self.phase.q.val() == self.walk.val() {
            if !self.walking.val() {
                self.phase.d.next = self.flight.val();
            }
        } else if self.phase.q.val() == self.flight.val() {
            if self.remaining.q.val() == 0 {
                self.phase.d.next = self.marks.val();
            }
        } else if self.phase.q.val() == self.marks.val() {
            self.phase.d.next = self.room.val();
        } else if !self.draining.val() {
            self.phase.d.next = self.rest.val();
        }
        // Until the entries are gone all that are under way count, then one less with each that comes to the room.
        if self.phase.q.val() != self.flight.val() {
            self.remaining.d.next = self.in_flight.val();
            if self.taken.val() {
                self.remaining.d.next = self.in_flight.val() - 1;
            }
        } else if self.taken.val() && (self.remaining.q.val() != 0) {
            self.remaining.d.next = self.remaining.q.val() - 1;
        }
    }
}
