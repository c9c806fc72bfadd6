//! The connections' states, and the one place where they change.
//!
//! Ports: `found`, `decide` (operations of the table), `tx_update`, `rx_update` (streams), `write` (changes), `find_tx`, `insert_tx` (answers),
//! `epoch`, `done`, `retry`, `swept`, `visited_last`, `tick`, `table`, `allowance_*`, `retimed`, `ready`. Latency: a change leaves at
//! `write` 2 clocks after `found` or after the update was taken; answers 1 clock later.
//!
//! A pipeline of three clocks, one operation or update each: read the state; apply the packet; add the timeout, count, and write. What
//! is read one clock before the word is written is forwarded, so everything happens as if one after the other. Operations
//! of the table go first, they come [`SPACING`](nitro_components::cuckoo::SPACING) clocks apart. The tick of the second clock counts.

use nitro_components::cuckoo::{CuckooDecision, CuckooFound};
use nitro_components::ram::Ram;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx, StreamRx};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::limits::Limits;
use super::pool::IdPool;
use super::record::{
    ConntrackAllowance, ConntrackFound, ConntrackHit, ConntrackInserted, ConntrackUpdate, State, StateWrite,
};
use super::state::{Advance, timeout};
use crate::table::TableWrite;

/// Why an operation of the table was started; neither `find` nor `insert`: a visit of the sweeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Errand {
    /// To answer a packet.
    pub find: Bit,
    /// To make a connection.
    pub insert: Bit,
    /// Who asked.
    pub tag: Bit,
    /// The packet is a SYN without ACK.
    pub is_open: Bit,
    /// The packet's direction.
    pub direction: Bit,
    /// Its TCP flags.
    pub tcp_flags: Bits<8>,
    /// Kind of its protocol.
    pub class: Bits<2>,
    /// Its interface.
    pub eni: Bits<8>,
    /// Epoch of the insertion.
    pub epoch: Bit,
    /// Last visit of a walk.
    pub last: Bit,
}

/// What is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Step<const CA: usize> {
    update: Bit,
    sweep: Bit,
    find: Bit,
    insert: Bit,
    /// The table has the key.
    hit: Bit,
    room: Bit,
    last: Bit,
    tag: Bit,
    is_open: Bit,
    direction: Bit,
    tcp_flags: Bits<8>,
    class: Bits<2>,
    eni: Bits<8>,
    generation: Bits<8>,
    id: Bits<CA>,
}

/// What has been found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Judged<const CA: usize> {
    step: Step<CA>,
    /// An update of the right generation, or an insertion that counts.
    writes: Bit,
    /// There is a live connection.
    live: Bit,
    /// There is none any more, for a whole tick.
    gone: Bit,
    closing: Bit,
    timeout: Bits<3>,
    tick: Bits<24>,
    state: State,
}

/// States of `2^CA` connections of `2^EA` interfaces.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Ledger<const CA: usize, const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The present tick.
    pub tick: Signal<In, Bits<24>>,
    /// Writes to the card's tables.
    pub table: FlowRx<TableWrite>,
    /// Operations of the table.
    pub found: FlowRx<CuckooFound<Bits<CA>, Errand>>,
    /// What becomes of them, 2 clocks later.
    pub decide: Signal<Out, CuckooDecision<Bits<CA>>>,
    /// Packets from the interfaces.
    pub tx_update: StreamRx<ConntrackUpdate>,
    /// Packets to the interfaces.
    pub rx_update: StreamRx<ConntrackUpdate>,
    /// Changes of connections.
    pub write: FlowTx<StateWrite<CA>>,
    /// Answers to packets.
    pub find_tx: FlowTx<ConntrackFound>,
    /// Answers to insertions.
    pub insert_tx: FlowTx<ConntrackInserted>,
    /// Insertions of the other epoch do not count.
    pub epoch: Signal<In, Bit>,
    /// The oldest insertion has its answer.
    pub done: Signal<Out, Bit>,
    /// It gets none before the table has been swept.
    pub retry: Signal<Out, Bit>,
    /// The table has been swept: insertions may be refused.
    pub swept: Signal<In, Bit>,
    /// The last place of a walk has been visited.
    pub visited_last: Signal<Out, Bit>,
    /// Interfaces to look at.
    pub allowance_rx: FlowRx<Bits<8>>,
    /// What they have.
    pub allowance_tx: FlowTx<ConntrackAllowance>,
    /// Timeouts have been changed in this tick.
    pub retimed: Signal<Out, Bit>,
    /// States and limits are cleared.
    pub ready: Signal<Out, Bit>,
    limits: Limits<EA>,
    pool: IdPool<CA>,
    states: Ram<State, CA, true>,
    advance: Advance,
    rx_next: Register<Bit>,
    take_tx: Signal<Local, Bit>,
    take_rx: Signal<Local, Bit>,
    start: Signal<Local, Step<CA>>,
    step: DFF<Step<CA>>,
    step_valid: Register<Bit>,
    present: Signal<Local, State>,
    forwarded: Signal<Local, Bit>,
    elapsed: Signal<Local, Bits<24>>,
    /// From the one that an update's packet found to the present one.
    generations: Signal<Local, Bits<8>>,
    expired: Signal<Local, Bit>,
    live: Signal<Local, Bit>,
    judged: DFF<Judged<CA>>,
    judged_valid: Register<Bit>,
    was: Signal<Local, Step<CA>>,
    timeout: Signal<Local, Bits<24>>,
    exceeds: Signal<Local, Bit>,
    has_place: Signal<Local, Bit>,
    made: Signal<Local, Bit>,
    is_final: Signal<Local, Bit>,
    removes: Signal<Local, Bit>,
    writes: Signal<Local, Bit>,
    find_answer: DFF<ConntrackFound>,
    find_valid: Register<Bit>,
    insert_answer: DFF<ConntrackInserted>,
    insert_valid: Register<Bit>,
    last_tick: DFF<Bits<24>>,
    is_retimed: Register<Bit>,
    no_step: Constant<Step<CA>>,
    no_hit: Constant<ConntrackHit>,
    no_insert: Constant<ConntrackInserted>,
    no_write: Constant<StateWrite<CA>>,
    tcp_established: Constant<Bits<3>>,
    udp: Constant<Bits<3>>,
    udp_stream: Constant<Bits<3>>,
    icmp: Constant<Bits<3>>,
    other: Constant<Bits<3>>,
}

impl<const CA: usize, const EA: usize> Ledger<CA, EA> {
    /// For at most `capacity` connections.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let code = |code: u64| Constant::new(code.to_bits());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            tick: Signal::default(),
            table: FlowRx::default(),
            found: FlowRx::default(),
            decide: Signal::default(),
            tx_update: StreamRx::default(),
            rx_update: StreamRx::default(),
            write: FlowTx::default(),
            find_tx: FlowTx::default(),
            insert_tx: FlowTx::default(),
            epoch: Signal::default(),
            done: Signal::default(),
            retry: Signal::default(),
            swept: Signal::default(),
            visited_last: Signal::default(),
            allowance_rx: FlowRx::default(),
            allowance_tx: FlowTx::default(),
            retimed: Signal::default(),
            ready: Signal::default(),
            limits: Limits::default(),
            pool: IdPool::new(capacity),
            states: Ram::default(),
            advance: Advance::default(),
            rx_next: Register::default(),
            take_tx: Signal::default(),
            take_rx: Signal::default(),
            start: Signal::default(),
            step: DFF::default(),
            step_valid: Register::default(),
            present: Signal::default(),
            forwarded: Signal::default(),
            elapsed: Signal::default(),
            generations: Signal::default(),
            expired: Signal::default(),
            live: Signal::default(),
            judged: DFF::default(),
            judged_valid: Register::default(),
            was: Signal::default(),
            timeout: Signal::default(),
            exceeds: Signal::default(),
            has_place: Signal::default(),
            made: Signal::default(),
            is_final: Signal::default(),
            removes: Signal::default(),
            writes: Signal::default(),
            find_answer: DFF::default(),
            find_valid: Register::default(),
            insert_answer: DFF::default(),
            insert_valid: Register::default(),
            last_tick: DFF::default(),
            is_retimed: Register::default(),
            no_step: Constant::new(Step::default()),
            no_hit: Constant::new(ConntrackHit::default()),
            no_insert: Constant::new(ConntrackInserted::default()),
            no_write: Constant::new(StateWrite::default()),
            tcp_established: code(timeout::TCP_ESTABLISHED),
            udp: code(timeout::UDP),
            udp_stream: code(timeout::UDP_STREAM),
            icmp: code(timeout::ICMP),
            other: code(timeout::OTHER),
        }
    }
}

impl<const CA: usize, const EA: usize> Logic for Ledger<CA, EA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, limits, pool, states);
        dff_setup!(self, clock, rx_next, step, step_valid, judged, judged_valid);
        dff_setup!(self, clock, find_answer, find_valid, insert_answer, insert_valid, last_tick, is_retimed);
        self.limits.reset.next = self.reset.val();
        self.pool.reset.next = self.reset.val();
        self.rx_next.reset.next = self.reset.val();
        self.step_valid.reset.next = self.reset.val();
        self.judged_valid.reset.next = self.reset.val();
        self.find_valid.reset.next = self.reset.val();
        self.insert_valid.reset.next = self.reset.val();
        self.is_retimed.reset.next = self.reset.val();
        FlowRx::<TableWrite>::link(&mut self.table, &mut self.limits.table);
        FlowRx::<Bits<8>>::link(&mut self.allowance_rx, &mut self.limits.allowance_rx);
        FlowTx::<ConntrackAllowance>::link(&mut self.allowance_tx, &mut self.limits.allowance_tx);
        self.ready.next = self.limits.ready.val() && self.pool.ready.val();

        // --- first clock: who comes, and the read ---
        self.take_tx.next = !self.found.tvalid.val()
            && self.ready.val()
            && self.tx_update.tvalid.val()
            && !(self.rx_update.tvalid.val() && self.rx_next.q.val());
        self.take_rx.next = !self.found.tvalid.val()
            && self.ready.val()
            && self.rx_update.tvalid.val()
            && (self.rx_next.q.val() || !self.tx_update.tvalid.val());
        self.tx_update.tready.next = self.take_tx.val();
        self.rx_update.tready.next = self.take_rx.val();
        self.start.next = self.no_step.val();
        if self.found.tvalid.val() {
            self.start.next.hit = self.found.payload.val().hit;
            self.start.next.room = self.found.payload.val().room;
            self.start.next.id = self.pool.id.val();
            if self.found.payload.val().hit {
                self.start.next.id = self.found.payload.val().value;
            }
            if self.found.payload.val().moved {
                self.start.next.sweep = true;
            } else {
                self.start.next.find = self.found.payload.val().context.find;
                self.start.next.insert = self.found.payload.val().context.insert
                    && (self.found.payload.val().context.epoch == self.epoch.val());
                self.start.next.sweep =
                    !self.found.payload.val().context.find && !self.found.payload.val().context.insert;
                self.start.next.last = self.found.payload.val().context.last && self.start.val().sweep;
            }
            self.start.next.tag = self.found.payload.val().context.tag;
            self.start.next.is_open = self.found.payload.val().context.is_open;
            self.start.next.direction = self.found.payload.val().context.direction;
            self.start.next.tcp_flags = self.found.payload.val().context.tcp_flags;
            self.start.next.class = self.found.payload.val().context.class;
            self.start.next.eni = self.found.payload.val().context.eni;
        } else if self.take_tx.val() {
            self.start.next.update = true;
            self.start.next.id = bit_cast::<CA, 16>(self.tx_update.payload.val().id);
            self.start.next.generation = self.tx_update.payload.val().generation;
            self.start.next.tcp_flags = self.tx_update.payload.val().tcp_flags;
            self.start.next.direction = self.tx_update.payload.val().direction;
            self.rx_next.d.next = true;
        } else if self.take_rx.val() {
            self.start.next.update = true;
            self.start.next.id = bit_cast::<CA, 16>(self.rx_update.payload.val().id);
            self.start.next.generation = self.rx_update.payload.val().generation;
            self.start.next.tcp_flags = self.rx_update.payload.val().tcp_flags;
            self.start.next.direction = self.rx_update.payload.val().direction;
            self.rx_next.d.next = false;
        }
        self.step_valid.d.next = self.found.tvalid.val() || self.take_tx.val() || self.take_rx.val();
        self.step.d.next = self.start.val();
        self.states.read_address.next = self.start.val().id;
        self.states.read_enable.next = self.step_valid.d.val();

        // --- second clock: apply the packet ---
        self.forwarded.next = self.judged_valid.q.val()
            && self.judged.q.val().writes
            && (self.judged.q.val().step.id == self.step.q.val().id);
        self.present.next = self.states.read_data.val();
        if self.forwarded.val() {
            self.present.next = self.judged.q.val().state;
        }
        if self.step.q.val().insert {
            self.present.next.class = self.step.q.val().class;
            self.present.next.eni = self.step.q.val().eni;
        }
        // Modulo arithmetic. What is being written has a deadline ahead, timeouts being at least 1.
        self.elapsed.next = self.tick.val() - self.present.val().deadline;
        self.expired.next = !self.elapsed.val().get_bit(23) && !self.forwarded.val();
        self.advance.state.next = self.present.val();
        self.live.next =
            self.step.q.val().hit && !self.expired.val() && !(self.advance.closing.val() && self.step.q.val().is_open);
        self.advance.anew.next = self.step.q.val().insert && !self.live.val();
        self.advance.direction.next = self.step.q.val().direction;
        self.advance.tcp_flags.next = self.step.q.val().tcp_flags;
        self.judged_valid.d.next = self.step_valid.q.val();
        self.judged.d.next.step = self.step.q.val();
        self.generations.next = self.present.val().generation - self.step.q.val().generation;
        self.judged.d.next.writes = self.step.q.val().insert
            || (self.step.q.val().update
                && !self.generations.val().get_bits::<4>(4).any()
                && self.generations.val().get_bits::<4>(0) <= self.present.val().renewals);
        self.judged.d.next.live = self.live.val();
        self.judged.d.next.gone = self.expired.val() && self.elapsed.val().any();
        self.judged.d.next.closing = self.advance.after_closing.val();
        self.judged.d.next.timeout = self.advance.timeout.val();
        self.judged.d.next.tick = self.tick.val();
        self.judged.d.next.state = self.advance.after.val();
        if self.step.q.val().insert && !self.live.val() {
            self.judged.d.next.state.generation = self.present.val().generation + 1;
            if !self.step.q.val().hit {
                self.judged.d.next.state.renewals = bits::<4>(0);
            } else if !self.present.val().renewals.all() {
                self.judged.d.next.state.renewals = self.present.val().renewals + 1;
            }
        }

        // --- third clock: limits, the new deadline, and what follows ---
        self.was.next = self.judged.q.val().step;
        self.limits.eni.next = self.judged.q.val().state.eni;
        self.timeout.next = self.limits.row.val().tcp_transient;
        if self.judged.q.val().timeout == self.tcp_established.val() {
            self.timeout.next = self.limits.row.val().tcp_established;
        } else if self.judged.q.val().timeout == self.udp.val() {
            self.timeout.next = self.limits.row.val().udp;
        } else if self.judged.q.val().timeout == self.udp_stream.val() {
            self.timeout.next = self.limits.row.val().udp_stream;
        } else if self.judged.q.val().timeout == self.icmp.val() {
            self.timeout.next = self.limits.row.val().icmp;
        } else if self.judged.q.val().timeout == self.other.val() {
            self.timeout.next = self.limits.row.val().other;
        }
        // What the table holds begins anew in its place. If that ceased to count, it is counted still: one too many.
        self.exceeds.next = self.limits.used.val() >= self.limits.row.val().max_connections;
        self.has_place.next = self.was.val().room && self.pool.available.val();
        if self.was.val().hit {
            self.exceeds.next =
                self.judged.q.val().gone && (self.limits.used.val() > self.limits.row.val().max_connections);
            self.has_place.next = true;
        }
        self.made.next = self.was.val().insert && !self.exceeds.val() && self.has_place.val();
        self.is_final.next = self.made.val() || self.swept.val();
        self.removes.next =
            self.judged_valid.q.val() && self.was.val().sweep && self.was.val().hit && self.judged.q.val().gone;
        self.done.next = self.judged_valid.q.val() && self.was.val().insert && self.is_final.val();
        self.retry.next = self.judged_valid.q.val() && self.was.val().insert && !self.is_final.val();
        self.visited_last.next = self.judged_valid.q.val() && self.was.val().last;
        self.decide.next.put = self.judged_valid.q.val() && self.made.val() && !self.was.val().hit;
        self.decide.next.remove = self.removes.val();
        self.decide.next.value = self.was.val().id;
        self.pool.take.next = self.decide.val().put;
        self.pool.give.payload.next = self.was.val().id;
        self.pool.give.tvalid.next = self.removes.val();
        self.limits.add.next = self.decide.val().put;
        self.limits.subtract.next = self.removes.val();

        self.writes.next =
            self.judged_valid.q.val() && ((self.was.val().update && self.judged.q.val().writes) || self.made.val());
        self.write.payload.next.id = self.was.val().id;
        self.write.payload.next.state = self.judged.q.val().state;
        self.write.payload.next.state.deadline = self.judged.q.val().tick + self.timeout.val() + 1;
        self.write.payload.next.closing = self.judged.q.val().closing;
        self.write.payload.next.tick = self.judged.q.val().tick;
        self.write.tvalid.next = self.writes.val();
        if self.pool.filling.tvalid.val() {
            self.write.payload.next = self.no_write.val();
            self.write.payload.next.id = self.pool.filling.payload.val();
            self.write.tvalid.next = true;
        }
        self.states.write_address.next = self.write.payload.val().id;
        self.states.write_data.next = self.write.payload.val().state;
        self.states.write_enable.next = self.write.tvalid.val();

        self.find_valid.d.next = self.judged_valid.q.val() && self.was.val().find;
        self.find_answer.d.next.tag = self.was.val().tag;
        self.find_answer.d.next.hit = self.no_hit.val();
        if self.judged.q.val().live {
            self.find_answer.d.next.hit.hit = true;
            self.find_answer.d.next.hit.id = bit_cast::<16, CA>(self.was.val().id);
            self.find_answer.d.next.hit.generation = self.judged.q.val().state.generation;
        }
        self.find_tx.payload.next = self.find_answer.q.val();
        self.find_tx.tvalid.next = self.find_valid.q.val();
        self.insert_valid.d.next = self.done.val();
        self.insert_answer.d.next = self.no_insert.val();
        self.insert_answer.d.next.tag = self.was.val().tag;
        self.insert_answer.d.next.made = self.made.val();
        if self.made.val() {
            self.insert_answer.d.next.id = bit_cast::<16, CA>(self.was.val().id);
            self.insert_answer.d.next.generation = self.judged.q.val().state.generation;
        } else {
            self.insert_answer.d.next.allowance_exceeded = self.exceeds.val();
        }
        self.insert_tx.payload.next = self.insert_answer.q.val();
        self.insert_tx.tvalid.next = self.insert_valid.q.val();

        // --- changed timeouts ---
        self.last_tick.d.next = self.tick.val();
        if self.tick.val() != self.last_tick.q.val() {
            self.is_retimed.d.next = false;
        }
        if self.limits.written.val() {
            self.is_retimed.d.next = true;
        }
        self.retimed.next = self.is_retimed.q.val();
    }
}
