//! Stage `conntrack`: the connections that are tracked, for both paths.
//!
//! * **Purpose.** Knows connections by their [`FlowKey`], their states and deadlines, and keeps each interface within its allowance.
//! * **Ports.** `tx_lookup`, `tx_hit` and `rx_lookup`, `rx_hit`: packets' questions (flows), tx in any clock, rx not in two clocks running (a
//!   question in the clock after another one gets no answer). `find`, `found`: the same question of packets that waited. `insert`, `inserted`:
//!   packets that passed all checks and have no connection; answers in order. `tx_update`, `rx_update`: packets of connections that
//!   passed all checks. `tick`: the present tick, 24 bits; `table`: writes of limits (`Table::Conntrack`); `hash_key`: of the
//!   table's hash; `allowance_rx`, `allowance_tx`: what interfaces have (1 clock); `swept`; `ready`.
//! * **Latency.** Lookups [`LATENCY`], constant. `find` and `insert` start in turn with the mover and the sweeper,
//!   [`SPACING`](nitro_components::cuckoo::SPACING) clocks apart, and are answered [`LATENCY`] + 1 clocks after that; `find` waits 1 clock for its
//!   start, `insert` 2, if nobody else's turn it is.
//!   An update is taken every clock in the mean of both paths, and of `tx` also beside the `rx` ones as long as most of them change nothing
//!   ([`refresh`]). It shows in lookups that enter after it was taken, or, if others wait at
//!   `tx_update`, a few clocks later. A connection is found by lookups that enter from before its answer on.
//! * **Drop reasons.** None of its own; `inserted` says `conntrack_allowance_exceeded` (`allowance_exceeded`) or `conntrack_full`.
//! * **Counters.** None of its own.
//! * **Source.** The card's contract, section 4; `docs/policy.md`, "States".
//!
//! **Deadlines.** A packet's tick + timeout + 1 is its connection's deadline: at ticks from there on (modulo 2^24, timeouts at least 1 and
//! below 2^23) no lookup finds it. Timeouts are those of the moment of the packet. An update that was under way revives it.
//!
//! **Insertions.** A key that has a live connection, not one that is closing when a SYN without ACK comes, gets that one, and the packet
//! counts for it. A key that the table still holds begins anew in its place, with the next generation. Any other needs an allowance, a
//! number and a slot of the stash.
//!
//! **Ageing and allowances.** Each tick, the sweeper walks over the table and frees what has been expired for a whole tick: tick > deadline.
//! *An entry counts, for its interface and for the table, while tick <= deadline*: one tick longer than it lives. What is not
//! swept yet never leads to a refusal, because an insertion that would be refused waits until the table has been walked over in the
//! present tick (`swept`), and those behind it wait with it: at most [`SPACING`](nitro_components::cuckoo::SPACING) · 4
//! clocks a place, once a tick. If ticks are shorter than that, a walk counts that began while the insertion waited.
//! Entries are freed when their place is visited or moved, so nothing escapes a walk by moving.

pub mod facts;
pub mod judge;
pub mod ledger;
pub mod limits;
pub mod pool;
pub mod queue;
pub mod record;
pub mod refresh;
pub mod state;
pub mod walker;

use nitro_components::cuckoo::{Cuckoo, CuckooOp, PLACE};
use nitro_components::delay::Delay;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx, StreamRx, StreamTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use crate::table::TableWrite;
use facts::ReadFacts;
use judge::Judge;
use ledger::{Errand, Ledger};
use limits::Limits;
use pool::IdPool;
use queue::InsertQueue;
use record::{
    ACK, ConntrackAllowance, ConntrackAsk, ConntrackFind, ConntrackFound, ConntrackHit, ConntrackInsert,
    ConntrackInserted, ConntrackUpdate, FLOW_KEY, FLOW_MESSAGE, FlowKey, SYN,
};
use refresh::Refresh;
use state::Advance;
use walker::{Visit, Walker};

/// The table's memory: numbers of connections by their keys.
pub type FlowTable<const A: usize, const SA: usize, const CA: usize> =
    Cuckoo<Bits<CA>, Errand, FLOW_KEY, A, SA, FLOW_MESSAGE>;

/// Clocks from a question to its answer, for packets that did not wait.
pub const LATENCY: usize = FlowTable::<3, 2, 4>::LATENCY + judge::LATENCY;

/// The blocks of this folder: `2^A` rows in each way, `2^SA` slots, `2^CA` numbers of which `capacity` are used, `2^EA` interfaces.
#[must_use]
pub fn entries<const A: usize, const SA: usize, const CA: usize, const EA: usize>(capacity: usize) -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("conntrack_facts", || ReadFacts::new(Direction::Ingress)),
        BlockEntry::of("conntrack_judge", Judge::<CA>::default),
        BlockEntry::of("conntrack_state", Advance::default),
        BlockEntry::of("conntrack_limits", Limits::<EA>::default),
        BlockEntry::of("conntrack_pool", move || IdPool::<CA>::new(capacity)),
        BlockEntry::of("conntrack_queue", InsertQueue::default),
        BlockEntry::of("conntrack_refresh", Refresh::<CA>::default),
        BlockEntry::of("conntrack_walker", || Walker::new(FlowTable::<A, SA, CA>::PLACES)),
        BlockEntry::of("conntrack_ledger", move || Ledger::<CA, EA>::new(capacity)),
        BlockEntry::of("conntrack", move || Conntrack::<A, SA, CA, EA>::new(capacity)),
    ]
}

/// The connection table: four ways of `2^A` rows, a stash of `2^SA` slots, up to `2^CA` connections, `2^EA` interfaces.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Conntrack<const A: usize, const SA: usize, const CA: usize, const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The present tick.
    pub tick: Signal<In, Bits<24>>,
    /// Key of the table's hash, its first byte lowest; constant out of reset.
    pub hash_key: Signal<In, Bits<128>>,
    /// Writes to the card's tables.
    pub table: FlowRx<TableWrite>,
    /// Packets from the interfaces.
    pub tx_lookup: FlowRx<ConntrackAsk>,
    /// Their answers.
    pub tx_hit: FlowTx<ConntrackHit>,
    /// Packets to the interfaces.
    pub rx_lookup: FlowRx<ConntrackAsk>,
    /// Their answers.
    pub rx_hit: FlowTx<ConntrackHit>,
    /// Packets that have waited.
    pub find: StreamRx<ConntrackFind>,
    /// Their answers, in order.
    pub found: FlowTx<ConntrackFound>,
    /// Packets that make a connection.
    pub insert: StreamRx<ConntrackInsert>,
    /// What came of it, in order.
    pub inserted: FlowTx<ConntrackInserted>,
    /// Packets of connections, from the interfaces.
    pub tx_update: StreamRx<ConntrackUpdate>,
    /// Packets of connections, to the interfaces.
    pub rx_update: StreamRx<ConntrackUpdate>,
    /// Interfaces to look at.
    pub allowance_rx: FlowRx<Bits<8>>,
    /// What they have.
    pub allowance_tx: FlowTx<ConntrackAllowance>,
    /// The table has been walked over in this tick: nothing is counted that has been expired for a whole tick.
    pub swept: Signal<Out, Bit>,
    /// The table has been cleared after reset. Lookups before do not count, streams wait.
    pub ready: Signal<Out, Bit>,
    flows: FlowTable<A, SA, CA>,
    tx_key: Cast<FlowKey, Bits<FLOW_KEY>>,
    rx_key: Cast<FlowKey, Bits<FLOW_KEY>>,
    tx_open: Delay<Bit>,
    rx_open: Delay<Bit>,
    tx_judge: Judge<CA>,
    rx_judge: Judge<CA>,
    ledger: Ledger<CA, EA>,
    refresh: Refresh<CA>,
    queue: InsertQueue,
    walker: Walker,
    // Operations of the table.
    op: DFF<CuckooOp<Errand, FLOW_KEY>>,
    op_valid: Register<Bit>,
    turn: Register<Bits<2>>,
    op_free: Signal<Local, Bit>,
    go_find: Signal<Local, Bit>,
    go_insert: Signal<Local, Bit>,
    go_walk: Signal<Local, Bit>,
    op_key: Cast<FlowKey, Bits<FLOW_KEY>>,
    new: Signal<Local, ConntrackInsert>,
    asks: Signal<Local, ConntrackFind>,
    visit: Signal<Local, Visit>,
    no_op: Constant<CuckooOp<Errand, FLOW_KEY>>,
    tcp_number: Constant<Bits<8>>,
    udp_number: Constant<Bits<8>>,
    icmp_number: Constant<Bits<8>>,
    icmpv6_number: Constant<Bits<8>>,
    tcp: Constant<Bits<2>>,
    udp: Constant<Bits<2>>,
    icmp: Constant<Bits<2>>,
    other: Constant<Bits<2>>,
    syn_ack: Constant<Bits<8>>,
    syn: Constant<Bits<8>>,
}

impl<const A: usize, const SA: usize, const CA: usize, const EA: usize> Conntrack<A, SA, CA, EA> {
    /// For at most `capacity` connections: up to 2^`CA`, and to be sure of a place for each not more than 90 % of 4 · 2^`A`.
    ///
    /// # Panics
    /// If there are not so many numbers.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let number = |number: u8| Constant::new(u64::from(number).to_bits());
        let class = |class: u64| Constant::new(class.to_bits());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            tick: Signal::default(),
            hash_key: Signal::default(),
            table: FlowRx::default(),
            tx_lookup: FlowRx::default(),
            tx_hit: FlowTx::default(),
            rx_lookup: FlowRx::default(),
            rx_hit: FlowTx::default(),
            find: StreamRx::default(),
            found: FlowTx::default(),
            insert: StreamRx::default(),
            inserted: FlowTx::default(),
            tx_update: StreamRx::default(),
            rx_update: StreamRx::default(),
            allowance_rx: FlowRx::default(),
            allowance_tx: FlowTx::default(),
            swept: Signal::default(),
            ready: Signal::default(),
            flows: FlowTable::<A, SA, CA>::default(),
            tx_key: Cast::default(),
            rx_key: Cast::default(),
            tx_open: Delay::new(FlowTable::<A, SA, CA>::LATENCY),
            rx_open: Delay::new(FlowTable::<A, SA, CA>::LATENCY),
            tx_judge: Judge::default(),
            rx_judge: Judge::default(),
            ledger: Ledger::new(capacity),
            refresh: Refresh::default(),
            queue: InsertQueue::default(),
            walker: Walker::new(FlowTable::<A, SA, CA>::PLACES),
            op: DFF::default(),
            op_valid: Register::default(),
            turn: Register::default(),
            op_free: Signal::default(),
            go_find: Signal::default(),
            go_insert: Signal::default(),
            go_walk: Signal::default(),
            op_key: Cast::default(),
            new: Signal::default(),
            asks: Signal::default(),
            visit: Signal::default(),
            no_op: Constant::new(CuckooOp::default()),
            tcp_number: number(6),
            udp_number: number(17),
            icmp_number: number(1),
            icmpv6_number: number(58),
            tcp: class(state::TCP),
            udp: class(state::UDP),
            icmp: class(state::ICMP),
            other: class(state::OTHER),
            syn_ack: number(SYN | ACK),
            syn: number(SYN),
        }
    }
}

impl<const A: usize, const SA: usize, const CA: usize, const EA: usize> Logic for Conntrack<A, SA, CA, EA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, flows, tx_open, rx_open, tx_judge, rx_judge, ledger, refresh, queue, walker);
        dff_setup!(self, clock, op, op_valid, turn);
        self.flows.reset.next = self.reset.val();
        self.tx_open.reset.next = self.reset.val();
        self.rx_open.reset.next = self.reset.val();
        self.tx_judge.reset.next = self.reset.val();
        self.rx_judge.reset.next = self.reset.val();
        self.ledger.reset.next = self.reset.val();
        self.refresh.reset.next = self.reset.val();
        self.queue.reset.next = self.reset.val();
        self.walker.reset.next = self.reset.val();
        self.op_valid.reset.next = self.reset.val();
        self.turn.reset.next = self.reset.val();

        // --- lookups ---
        self.flows.hash_key.next = self.hash_key.val();
        self.tx_key.i.next = self.tx_lookup.payload.val().key;
        self.flows.a_rx.payload.next = self.tx_key.o.val();
        self.flows.a_rx.tvalid.next = self.tx_lookup.tvalid.val();
        self.tx_open.rx.payload.next = self.tx_lookup.payload.val().is_open;
        self.tx_open.rx.tvalid.next = self.tx_lookup.tvalid.val();
        self.tx_judge.rx.payload.next = self.flows.a_tx.payload.val();
        self.tx_judge.rx.tvalid.next = self.flows.a_tx.tvalid.val();
        self.tx_judge.is_open.next = self.tx_open.tx.payload.val();
        self.tx_judge.tick.next = self.tick.val();
        self.tx_judge.write.payload.next = self.ledger.write.payload.val();
        self.tx_judge.write.tvalid.next = self.ledger.write.tvalid.val();
        FlowTx::<ConntrackHit>::link(&mut self.tx_hit, &mut self.tx_judge.tx);

        self.rx_key.i.next = self.rx_lookup.payload.val().key;
        self.flows.b_rx.payload.next = self.rx_key.o.val();
        self.flows.b_rx.tvalid.next = self.rx_lookup.tvalid.val();
        self.rx_open.rx.payload.next = self.rx_lookup.payload.val().is_open;
        self.rx_open.rx.tvalid.next = self.rx_lookup.tvalid.val();
        self.rx_judge.rx.payload.next = self.flows.b_tx.payload.val();
        self.rx_judge.rx.tvalid.next = self.flows.b_tx.tvalid.val();
        self.rx_judge.is_open.next = self.rx_open.tx.payload.val();
        self.rx_judge.tick.next = self.tick.val();
        self.rx_judge.write.payload.next = self.ledger.write.payload.val();
        self.rx_judge.write.tvalid.next = self.ledger.write.tvalid.val();
        FlowTx::<ConntrackHit>::link(&mut self.rx_hit, &mut self.rx_judge.tx);

        // --- operations: packets that waited, insertions and the sweeper take turns ---
        self.ready.next = self.flows.ready.val() && self.ledger.ready.val();
        StreamRx::<ConntrackInsert>::link(&mut self.insert, &mut self.queue.rx);
        self.asks.next = self.find.payload.val();
        self.new.next = self.queue.tx.payload.val();
        self.visit.next = self.walker.tx.payload.val();
        self.op_free.next = self.ready.val() && (!self.op_valid.q.val() || self.flows.op.tready.val());
        self.go_find.next = false;
        self.go_insert.next = false;
        self.go_walk.next = false;
        if self.op_free.val() {
            if self.turn.q.val() == bits::<2>(0) {
                if self.find.tvalid.val() {
                    self.go_find.next = true;
                } else if self.queue.tx.tvalid.val() {
                    self.go_insert.next = true;
                } else {
                    self.go_walk.next = self.walker.tx.tvalid.val();
                }
            } else if self.turn.q.val() == bits::<2>(1) {
                if self.queue.tx.tvalid.val() {
                    self.go_insert.next = true;
                } else if self.walker.tx.tvalid.val() {
                    self.go_walk.next = true;
                } else {
                    self.go_find.next = self.find.tvalid.val();
                }
            } else if self.walker.tx.tvalid.val() {
                self.go_walk.next = true;
            } else if self.find.tvalid.val() {
                self.go_find.next = true;
            } else {
                self.go_insert.next = self.queue.tx.tvalid.val();
            }
        }
        self.find.tready.next = self.go_find.val();
        self.queue.tx.tready.next = self.go_insert.val();
        self.walker.tx.tready.next = self.go_walk.val();
        self.op_key.i.next = self.new.val().key;
        if self.go_find.val() {
            self.op_key.i.next = self.asks.val().ask.key;
        }
        if self.flows.op.tready.val() {
            self.op_valid.d.next = false;
        }
        if self.op_free.val() {
            self.op_valid.d.next = self.go_find.val() || self.go_insert.val() || self.go_walk.val();
            self.op.d.next = self.no_op.val();
            self.op.d.next.key = self.op_key.o.val();
            if self.go_find.val() {
                self.turn.d.next = bits::<2>(1);
                self.op.d.next.context.find = true;
                self.op.d.next.context.tag = self.asks.val().tag;
                self.op.d.next.context.is_open = self.asks.val().ask.is_open;
            } else if self.go_insert.val() {
                self.turn.d.next = bits::<2>(2);
                self.op.d.next.context.insert = true;
                self.op.d.next.context.tag = self.new.val().tag;
                self.op.d.next.context.direction = self.new.val().direction;
                self.op.d.next.context.tcp_flags = self.new.val().tcp_flags;
                self.op.d.next.context.eni = self.new.val().key.eni;
                self.op.d.next.context.epoch = self.queue.epoch.val();
                self.op.d.next.context.class = self.other.val();
                if self.new.val().key.protocol == self.tcp_number.val() {
                    self.op.d.next.context.class = self.tcp.val();
                    self.op.d.next.context.is_open = (self.new.val().tcp_flags & self.syn_ack.val()) == self.syn.val();
                } else if self.new.val().key.protocol == self.udp_number.val() {
                    self.op.d.next.context.class = self.udp.val();
                } else if (self.new.val().key.protocol == self.icmp_number.val())
                    || (self.new.val().key.protocol == self.icmpv6_number.val())
                {
                    self.op.d.next.context.class = self.icmp.val();
                }
            } else if self.go_walk.val() {
                self.turn.d.next = bits::<2>(0);
                self.op.d.next.walk = true;
                self.op.d.next.key = bit_cast::<FLOW_KEY, PLACE>(self.visit.val().place);
                self.op.d.next.context.last = self.visit.val().last;
            }
        }
        self.flows.op.payload.next = self.op.q.val();
        self.flows.op.tvalid.next = self.op_valid.q.val();

        // --- states ---
        self.ledger.tick.next = self.tick.val();
        FlowRx::<TableWrite>::link(&mut self.table, &mut self.ledger.table);
        self.ledger.found.payload.next = self.flows.found.payload.val();
        self.ledger.found.tvalid.next = self.flows.found.tvalid.val();
        self.flows.decide.next = self.ledger.decide.val();
        StreamRx::<ConntrackUpdate>::link(&mut self.tx_update, &mut self.refresh.rx);
        StreamTx::<ConntrackUpdate>::join(&mut self.refresh.tx, &mut self.ledger.tx_update);
        StreamRx::<ConntrackUpdate>::link(&mut self.rx_update, &mut self.ledger.rx_update);
        self.refresh.tick.next = self.tick.val();
        self.refresh.retimed.next = self.ledger.retimed.val();
        self.refresh.write.payload.next = self.ledger.write.payload.val();
        self.refresh.write.tvalid.next = self.ledger.write.tvalid.val();
        self.ledger.epoch.next = self.queue.epoch.val();
        self.queue.done.next = self.ledger.done.val();
        self.queue.retry.next = self.ledger.retry.val();
        self.queue.swept.next = self.walker.refuses.val();
        self.ledger.swept.next = self.walker.refuses.val();
        self.walker.answered.next = self.ledger.done.val();
        self.walker.tick.next = self.tick.val();
        self.walker.waiting.next = self.queue.waiting.val();
        self.walker.visited_last.next = self.ledger.visited_last.val();
        self.swept.next = self.walker.swept.val();
        FlowTx::<ConntrackFound>::link(&mut self.found, &mut self.ledger.find_tx);
        FlowTx::<ConntrackInserted>::link(&mut self.inserted, &mut self.ledger.insert_tx);
        FlowRx::<Bits<8>>::link(&mut self.allowance_rx, &mut self.ledger.allowance_rx);
        FlowTx::<ConntrackAllowance>::link(&mut self.allowance_tx, &mut self.ledger.allowance_tx);
    }
}
