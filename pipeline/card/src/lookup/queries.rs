//! Questions to the mapping service: one a key, however many packets wait for it.
//!
//! Ports: `ask`, `full` (packets that need a mapping); `query`, `reply` (to and from the service); `op`, `done` (the [cache](super::cache)); `wake`; `now`.
//!
//! A packet that asks for a key that is asked for already waits with the others. What the service replies is installed in the cache, a negative reply for
//! a short time ([`NEGATIVE_SECONDS`]); then whoever waits for the key is woken, one a clock. A query that has no reply after
//! [`QUERY_SECONDS`] ends, and those who wait are woken without an answer. A reply that nobody waits for is installed all the same.
//!
//! Drop reasons: those of whoever is woken. Source: the card's contract, section 5.

use nitro_components::hash_table::HashResult;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, StreamRx, StreamTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::MappingKind;
use nitro_wire::policy::{MAX_MAPPING_SECONDS, NEGATIVE_SECONDS, QUERY_SECONDS, TICKS_PER_SECOND};
use nitro_wire::tables::MAPPING_EXPIRES;
use rust_hdl::prelude::*;

use super::cache::CacheOp;
use crate::format::MappingValue;
use crate::reason::kind;
use crate::table::MAPPING_KEY;
use crate::waiting_room::slots::Turn;

/// A packet that needs a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct MappingAsk {
    /// It is of the rx path.
    pub rx: Bit,
    /// Whose turn it is there.
    pub turn: Turn,
    /// The mapping's key.
    pub key: Bits<MAPPING_KEY>,
}

/// A packet that may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Wake {
    /// It is of the rx path.
    pub rx: Bit,
    /// Whose turn it is there.
    pub turn: Turn,
    /// The cache has the answer; else there was none in time.
    pub answered: Bit,
}

/// What the service says of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct MappingReply {
    /// Nothing has the address; the value does not count.
    pub negative: Bit,
    /// The key.
    pub key: Bits<MAPPING_KEY>,
    /// The mapping; its expiry is in seconds from now, at most [`MAX_MAPPING_SECONDS`], 0 for never.
    pub value: MappingValue,
}

/// Nothing to be done.
const IDLE: u64 = 0;
/// A reply goes to the cache.
const INSTALL: u64 = 1;
/// It is being installed.
const INSTALLING: u64 = 2;
/// Who waits for it is woken.
const WAKE: u64 = 3;

/// `2^QA` queries under way, for which `2^WA` packets wait.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct MappingQueries<const QA: usize, const WA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// Packets that need a mapping; taken only while not `full`.
    pub ask: StreamRx<MappingAsk>,
    /// There is no place for the packet that is offered, and it would be taken otherwise.
    pub full: Signal<Out, Bit>,
    /// Keys to the mapping service.
    pub query: StreamTx<Bits<MAPPING_KEY>>,
    /// Its replies.
    pub reply: StreamRx<MappingReply>,
    /// To the cache.
    pub op: StreamTx<CacheOp>,
    /// The operation is done.
    pub done: FlowRx<HashResult<MappingValue>>,
    /// Packets that may go on.
    pub wake: StreamTx<Wake>,

    used: Vec<Register<Bit>>,
    sent: Vec<Register<Bit>>,
    keys: Vec<DFF<Bits<MAPPING_KEY>>>,
    deadlines: Vec<DFF<Bits<24>>>,
    waits: Vec<Register<Bit>>,
    waits_for: Vec<DFF<Bits<8>>>,
    waiters: Vec<DFF<MappingWaiter>>,
    asking: DFF<Bits<MAPPING_KEY>>,
    asking_valid: Register<Bit>,
    state: Register<Bits<2>>,
    replied: DFF<MappingReply>,
    resolves: DFF<Bits<8>>,
    resolves_any: DFF<Bit>,
    answered: DFF<Bit>,

    number: Vec<Constant<Bits<8>>>,
    any_match: Signal<Local, Bit>,
    match_entry: Signal<Local, Bits<8>>,
    any_free: Signal<Local, Bit>,
    free_entry: Signal<Local, Bits<8>>,
    any_place: Signal<Local, Bit>,
    place: Signal<Local, Bits<8>>,
    no_room: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    entry: Signal<Local, Bits<8>>,
    any_unsent: Signal<Local, Bit>,
    unsent: Signal<Local, Bits<8>>,
    sends: Signal<Local, Bit>,
    unsent_key: Signal<Local, Bits<MAPPING_KEY>>,
    any_late: Signal<Local, Bit>,
    late: Signal<Local, Bits<8>>,
    reply_match: Signal<Local, Bit>,
    reply_entry: Signal<Local, Bits<8>>,
    left: Signal<Local, Bits<24>>,
    any_waiter: Signal<Local, Bit>,
    waiter_place: Signal<Local, Bits<8>>,
    waiter: Signal<Local, MappingWaiter>,
    ends: Signal<Local, Bit>,
    value: Signal<Local, MappingValue>,
    seconds: Signal<Local, Bits<32>>,

    idle: Constant<Bits<2>>,
    install: Constant<Bits<2>>,
    installing: Constant<Bits<2>>,
    wakes: Constant<Bits<2>>,
    query_ticks: Constant<Bits<24>>,
    negative_ticks: Constant<Bits<24>>,
    tick_bits: Constant<Bits<8>>,
    expires: Constant<Bits<32>>,
    longest: Constant<Bits<32>>,
    longest_ticks: Constant<Bits<24>>,
    negative: Constant<Bits<3>>,
    no_op: Constant<CacheOp>,
    no_value: Constant<MappingValue>,
    no_waiter: Constant<MappingWaiter>,
}

/// Who waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct MappingWaiter {
    /// It is of the rx path.
    pub rx: Bit,
    /// Whose turn it is there.
    pub turn: Turn,
}

impl<const QA: usize, const WA: usize> Default for MappingQueries<QA, WA> {
    /// # Panics
    /// If there are more queries or packets than eight bits can name.
    fn default() -> Self {
        assert!(QA <= 7 && WA <= 7, "2^{QA} queries and 2^{WA} packets have no numbers of eight bits");
        let (entries, places) = (1 << QA, 1 << WA);
        let ticks = |seconds: u32| Constant::new(u64::from(seconds * TICKS_PER_SECOND + 1).into());
        let state = |state: u64| Constant::new(state.into());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            now: Signal::default(),
            ask: StreamRx::default(),
            full: Signal::default(),
            query: StreamTx::default(),
            reply: StreamRx::default(),
            op: StreamTx::default(),
            done: FlowRx::default(),
            wake: StreamTx::default(),
            used: (0..entries).map(|_| Register::default()).collect(),
            sent: (0..entries).map(|_| Register::default()).collect(),
            keys: (0..entries).map(|_| DFF::default()).collect(),
            deadlines: (0..entries).map(|_| DFF::default()).collect(),
            waits: (0..places).map(|_| Register::default()).collect(),
            waits_for: (0..places).map(|_| DFF::default()).collect(),
            waiters: (0..places).map(|_| DFF::default()).collect(),
            asking: DFF::default(),
            asking_valid: Register::default(),
            state: Register::default(),
            replied: DFF::default(),
            resolves: DFF::default(),
            resolves_any: DFF::default(),
            answered: DFF::default(),
            number: (0..entries.max(places)).map(|number: u64| Constant::new(number.into())).collect(),
            any_match: Signal::default(),
            match_entry: Signal::default(),
            any_free: Signal::default(),
            free_entry: Signal::default(),
            any_place: Signal::default(),
            place: Signal::default(),
            no_room: Signal::default(),
            taken: Signal::default(),
            entry: Signal::default(),
            any_unsent: Signal::default(),
            unsent: Signal::default(),
            sends: Signal::default(),
            unsent_key: Signal::default(),
            any_late: Signal::default(),
            late: Signal::default(),
            reply_match: Signal::default(),
            reply_entry: Signal::default(),
            left: Signal::default(),
            any_waiter: Signal::default(),
            waiter_place: Signal::default(),
            waiter: Signal::default(),
            ends: Signal::default(),
            value: Signal::default(),
            seconds: Signal::default(),
            idle: state(IDLE),
            install: state(INSTALL),
            installing: state(INSTALLING),
            wakes: state(WAKE),
            query_ticks: ticks(QUERY_SECONDS),
            negative_ticks: ticks(NEGATIVE_SECONDS),
            tick_bits: Constant::new(u64::from(TICKS_PER_SECOND.trailing_zeros()).into()),
            expires: Constant::new(u64::from(MAPPING_EXPIRES).into()),
            longest: Constant::new(u64::from(MAX_MAPPING_SECONDS).into()),
            longest_ticks: ticks(MAX_MAPPING_SECONDS),
            negative: kind(MappingKind::Negative),
            no_op: Constant::new(CacheOp::default()),
            no_value: Constant::new(MappingValue::default()),
            no_waiter: Constant::new(MappingWaiter::default()),
        }
    }
}

impl<const QA: usize, const WA: usize> Logic for MappingQueries<QA, WA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, replied, resolves, resolves_any, answered, asking, asking_valid);
        self.asking_valid.reset.next = self.reset.val();
        self.state.reset.next = self.reset.val();

        // What is there: the last one of each kind counts.
        self.any_match.next = false;
        self.match_entry.next = bits::<8>(0);
        self.any_free.next = false;
        self.free_entry.next = bits::<8>(0);
        self.any_unsent.next = false;
        self.unsent.next = bits::<8>(0);
        self.unsent_key.next = bits::<MAPPING_KEY>(0);
        self.any_late.next = false;
        self.late.next = bits::<8>(0);
        self.reply_match.next = false;
        self.reply_entry.next = bits::<8>(0);
        for i in 0..self.used.len() {
            self.left.next = self.deadlines[i].q.val() - self.now.val();
            if self.used[i].q.val() {
                if self.keys[i].q.val() == self.ask.payload.val().key {
                    self.any_match.next = true;
                    self.match_entry.next = self.number[i].val();
                }
                if self.keys[i].q.val() == self.reply.payload.val().key {
                    self.reply_match.next = true;
                    self.reply_entry.next = self.number[i].val();
                }
                if (self.left.val() == 0) || self.left.val().get_bit(23) {
                    self.any_late.next = true;
                    self.late.next = self.number[i].val();
                }
                if !self.sent[i].q.val() {
                    self.any_unsent.next = true;
                    self.unsent.next = self.number[i].val();
                    self.unsent_key.next = self.keys[i].q.val();
                }
            } else {
                self.any_free.next = true;
                self.free_entry.next = self.number[i].val();
            }
        }
        self.any_place.next = false;
        self.place.next = bits::<8>(0);
        self.any_waiter.next = false;
        self.waiter_place.next = bits::<8>(0);
        self.waiter.next = self.no_waiter.val();
        for i in 0..self.waits.len() {
            if !self.waits[i].q.val() {
                self.any_place.next = true;
                self.place.next = self.number[i].val();
            } else if self.waits_for[i].q.val() == self.resolves.q.val() {
                self.any_waiter.next = true;
                self.waiter_place.next = self.number[i].val();
                self.waiter.next = self.waiters[i].q.val();
            }
        }

        // Packets come. While an entry ends, nobody joins it.
        self.no_room.next = !self.any_place.val() || !(self.any_match.val() || self.any_free.val());
        self.full.next = self.no_room.val() && (self.state.q.val() == self.idle.val());
        self.ask.tready.next = !self.no_room.val() && (self.state.q.val() == self.idle.val());
        self.taken.next = self.ask.tvalid.val() && !self.no_room.val() && (self.state.q.val() == self.idle.val());
        self.entry.next = self.free_entry.val();
        if self.any_match.val() {
            self.entry.next = self.match_entry.val();
        }

        // Queries go.
        self.query.tvalid.next = self.asking_valid.q.val();
        self.query.payload.next = self.asking.q.val();
        self.sends.next = self.any_unsent.val() && (self.query.tready.val() || !self.asking_valid.q.val());
        if self.sends.val() {
            self.asking.d.next = self.unsent_key.val();
            self.asking_valid.d.next = true;
        } else if self.query.tready.val() {
            self.asking_valid.d.next = false;
        }

        // Replies come: to the cache, then to those who wait.
        self.reply.tready.next = (self.state.q.val() == self.idle.val()) && !self.taken.val();
        self.value.next = self.replied.q.val().value;
        self.seconds.next = bits::<32>(0);
        if self.replied.q.val().negative {
            self.value.next = self.no_value.val();
            self.value.next.kind = self.negative.val();
            self.value.next.expiry =
                self.expires.val() | bit_cast::<32, 24>(self.now.val() + self.negative_ticks.val());
        } else if self.replied.q.val().value.expiry.any() {
            self.seconds.next = self.replied.q.val().value.expiry;
            if self.seconds.val() > self.longest.val() {
                self.value.next.expiry =
                    self.expires.val() | bit_cast::<32, 24>(self.now.val() + self.longest_ticks.val());
            } else {
                self.value.next.expiry = self.expires.val()
                    | bit_cast::<32, 24>(
                        self.now.val() + (bit_cast::<24, 32>(self.seconds.val()) << self.tick_bits.val()) + 1,
                    );
            }
        }
        self.op.payload.next = self.no_op.val();
        self.op.payload.next.install = true;
        self.op.payload.next.key = self.replied.q.val().key;
        self.op.payload.next.value = self.value.val();
        self.op.tvalid.next = self.state.q.val() == self.install.val();
        self.wake.payload.next.rx = self.waiter.val().rx;
        self.wake.payload.next.turn = self.waiter.val().turn;
        self.wake.payload.next.answered = self.answered.q.val();
        self.wake.tvalid.next = (self.state.q.val() == self.wakes.val()) && self.any_waiter.val();
        self.ends.next = (self.state.q.val() == self.wakes.val()) && !self.any_waiter.val();
        if self.state.q.val() == self.idle.val() {
            if !self.taken.val() {
                if self.reply.tvalid.val() {
                    self.state.d.next = self.install.val();
                    self.replied.d.next = self.reply.payload.val();
                    self.resolves.d.next = self.reply_entry.val();
                    self.resolves_any.d.next = self.reply_match.val();
                    self.answered.d.next = true;
                } else if self.any_late.val() {
                    self.state.d.next = self.wakes.val();
                    self.resolves.d.next = self.late.val();
                    self.answered.d.next = false;
                }
            }
        } else if self.state.q.val() == self.install.val() {
            if self.op.tready.val() {
                self.state.d.next = self.installing.val();
            }
        } else if self.state.q.val() == self.installing.val() {
            if self.done.tvalid.val() {
                self.state.d.next = self.idle.val();
                if self.resolves_any.q.val() {
                    self.state.d.next = self.wakes.val();
                }
            }
        } else if self.ends.val() {
            self.state.d.next = self.idle.val();
        }

        for i in 0..self.used.len() {
            self.used[i].clock.next = self.clock.val();
            self.used[i].reset.next = self.reset.val();
            self.used[i].d.next = self.used[i].q.val();
            self.sent[i].clock.next = self.clock.val();
            self.sent[i].reset.next = self.reset.val();
            self.sent[i].d.next = self.sent[i].q.val();
            self.keys[i].clock.next = self.clock.val();
            self.keys[i].d.next = self.keys[i].q.val();
            self.deadlines[i].clock.next = self.clock.val();
            self.deadlines[i].d.next = self.deadlines[i].q.val();
            if self.sends.val() && (self.unsent.val() == self.number[i].val()) {
                self.sent[i].d.next = true;
            }
            if self.taken.val() && !self.any_match.val() && (self.free_entry.val() == self.number[i].val()) {
                self.used[i].d.next = true;
                self.sent[i].d.next = false;
                self.keys[i].d.next = self.ask.payload.val().key;
                self.deadlines[i].d.next = self.now.val() + self.query_ticks.val();
            }
            if self.ends.val() && (self.resolves.q.val() == self.number[i].val()) {
                self.used[i].d.next = false;
            }
        }
        for i in 0..self.waits.len() {
            self.waits[i].clock.next = self.clock.val();
            self.waits[i].reset.next = self.reset.val();
            self.waits[i].d.next = self.waits[i].q.val();
            self.waits_for[i].clock.next = self.clock.val();
            self.waits_for[i].d.next = self.waits_for[i].q.val();
            self.waiters[i].clock.next = self.clock.val();
            self.waiters[i].d.next = self.waiters[i].q.val();
            if self.taken.val() && (self.place.val() == self.number[i].val()) {
                self.waits[i].d.next = true;
                self.waits_for[i].d.next = self.entry.val();
                self.waiters[i].d.next.rx = self.ask.payload.val().rx;
                self.waiters[i].d.next.turn = self.ask.payload.val().turn;
            }
            if (self.state.q.val() == self.wakes.val())
                && self.any_waiter.val()
                && self.wake.tready.val()
                && (self.waiter_place.val() == self.number[i].val())
            {
                self.waits[i].d.next = false;
            }
        }
    }
}
