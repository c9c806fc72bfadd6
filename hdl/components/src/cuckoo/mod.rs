//! Keyed exact-match table that places its keys itself: cuckoo hashing with four ways, a stash, and a mover behind both.
//!
//! Ports: `a_rx`, `a_tx` (lookups, one a clock), `b_rx`, `b_tx` (lookups, at most every second clock), `op`, `found`,
//! `decide` (operations), `hash_key`, `ready`. Latency: [`Cuckoo::LATENCY`] from a key to its result at each of them.
//!
//! A key has one place in each way: its row in way `w` is bits `16 w ..` of its [`KeyHash`]. New keys go to a slot of the
//! stash, and from there the mover brings them to their places: to a free one, or to one whose key it takes into the slot
//! instead, each time of the next way. **At every clock a key that is in the table is there once**, in a place or a slot:
//! a move writes both at one edge, and a lookup sees both as they are after one edge.
//!
//! **Operations.** A key taken at `op` shows at `found` with what is there, and `DECIDE` clocks later `decide` says
//! what becomes of it: `put` makes an entry (if there is none, and `room`), `remove` ends one. Nothing else changes
//! between the two, so an operation is atomic, and they happen in the order of `op`. One that is a `walk` visits a place
//! instead: its key is the number of the place, way · 2^A + row, behind them the slots of the stash. Moves show at `found`
//! too (`moved`, not in answer to `op`): to `remove` the key ends it in place of moving it. Therefore a walk over all places
//! in ascending order, together with the moves since its start, has seen every entry that was there all the time.
//! A decision shows in the results of lookups from 2 clocks later on, a removal after 3 at the latest.
//!
//! An operation or a move starts [`SPACING`] clocks after the one before, in a clock without a key at `b_rx`; they take
//! turns. A key at `b_rx` in the clock after another one is not looked up. A chain of
//! moves rests after [`MOST_MOVES`](stash::MOST_MOVES), until a place becomes free or [`REST`] clocks begin anew.
//! After reset all entries are cleared, a row a clock; `ready` says that this is done. Lookups before do not count.

pub mod stash;

use nitro_netlist::{Pack, Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::delay::Delay;
use crate::hash_table::{HashEntry, HashResult};
use crate::key_hash::{KeyHash, WAYS};
use crate::ram_true_dual::RamTrueDual;
use crate::register::Register;
use crate::stream::{FlowRx, FlowTx, StreamRx};
use stash::{Stash, StashCandidate};

/// Clocks from `found` to `decide`.
pub const DECIDE: usize = 2;
/// Clocks between operations and moves, at least: read, compare, [`DECIDE`], write, and one for a lookup in the way.
pub const SPACING: usize = DECIDE + 4;
/// Bits of a place's number.
pub const PLACE: usize = 20;
/// Clocks after which chains of moves that rest try again.
pub const REST: usize = 1 << 14;

/// An operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CuckooOp<C: Pack, const K: usize> {
    /// Visit the place whose number is `key`.
    pub walk: Bit,
    /// The key.
    pub key: Bits<K>,
    /// Comes back with what was found.
    pub context: C,
}

/// What an operation, or a move, has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CuckooFound<T: Pack, C: Pack> {
    /// A move; else an operation.
    pub moved: Bit,
    /// The key is in the table; the place that is visited is taken; the entry is about to be moved.
    pub hit: Bit,
    /// The entry's value; zero without a hit.
    pub value: T,
    /// The stash has room for an entry of the key; clear for walks and moves.
    pub room: Bit,
    /// Of the operation; of a move nothing meaningful.
    pub context: C,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CuckooDecision<T: Pack> {
    /// Make an entry of the key; ignored after a hit, without room, and for walks and moves.
    pub put: Bit,
    /// End the entry; ignored without a hit.
    pub remove: Bit,
    /// Value of a new entry.
    pub value: T,
}

/// What is under way on side `b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Job<C: Pack, const K: usize, const SA: usize> {
    lookup: Bit,
    moves: Bit,
    walk: Bit,
    slot: Bits<SA>,
    key: Bits<K>,
    context: C,
}

/// A table from keys of `K` bits (a multiple of 8) to values of `T`, of 4 · `2^A` places (`A` at most 16) and `2^SA` slots;
/// operations carry a `C`. `M` is the width of the hashed message: 64 · (words of the key + 1).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Cuckoo<T: Pack, C: Pack, const K: usize, const A: usize, const SA: usize, const M: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Key of the hash, its first byte lowest; constant while the table holds anything.
    pub hash_key: Signal<In, Bits<128>>,
    /// Keys to look up.
    pub a_rx: FlowRx<Bits<K>>,
    /// What was found, in order.
    pub a_tx: FlowTx<HashResult<T>>,
    /// Keys to look up, not in two clocks running.
    pub b_rx: FlowRx<Bits<K>>,
    /// What was found, in order.
    pub b_tx: FlowTx<HashResult<T>>,
    /// Operations.
    pub op: StreamRx<CuckooOp<C, K>>,
    /// What they found, in order, and moves between them.
    pub found: FlowTx<CuckooFound<T, C>>,
    /// What becomes of it, [`DECIDE`] clocks later.
    pub decide: Signal<In, CuckooDecision<T>>,
    /// The table has been cleared.
    pub ready: Signal<Out, Bit>,
    a_hash: KeyHash<K, M>,
    a_key: Delay<Bits<K>>,
    a_found: DFF<HashResult<T>>,
    a_found_valid: Register<Bit>,
    b_hash: KeyHash<K, M>,
    b_job: Delay<Job<C, K, SA>>,
    b_last: Register<Bit>,
    b_take: Signal<Local, Bit>,
    b_found: DFF<HashResult<T>>,
    b_found_valid: Register<Bit>,
    ram: Vec<RamTrueDual<HashEntry<T, K>, A>>,
    stash: Stash<T, K, SA>,
    // Start of operations and moves.
    pause: Register<Bits<3>>,
    move_next: Register<Bit>,
    free: Signal<Local, Bit>,
    start_move: Signal<Local, Bit>,
    start_op: Signal<Local, Bit>,
    candidate: Signal<Local, StashCandidate<K, SA>>,
    operation: Signal<Local, CuckooOp<C, K>>,
    // The clock after the read.
    late: DFF<Job<C, K, SA>>,
    late_valid: Register<Bit>,
    hash: DFF<Bits<64>>,
    rows: Signal<Local, Bits<64>>,
    entry: Signal<Local, HashEntry<T, K>>,
    place: Signal<Local, Bits<PLACE>>,
    seen: Signal<Local, HashResult<T>>,
    here: Signal<Local, Bit>,
    any_free: Signal<Local, Bit>,
    // What an operation or a move found, and where.
    report: DFF<CuckooFound<T, C>>,
    report_valid: Register<Bit>,
    key: DFF<Bits<K>>,
    way: DFF<Bits<2>>,
    row: DFF<Bits<A>>,
    slot: DFF<Bits<SA>>,
    in_stash: DFF<Bit>,
    victim: DFF<HashEntry<T, K>>,
    victim_way: Register<Bits<2>>,
    // Its decision.
    due: Vec<Register<Bit>>,
    waited: Signal<Local, Bit>,
    held: DFF<CuckooDecision<T>>,
    held_valid: Register<Bit>,
    decision: Signal<Local, CuckooDecision<T>>,
    acts: Signal<Local, Bit>,
    writes: Signal<Local, Bit>,
    write_entry: Signal<Local, HashEntry<T, K>>,
    stash_writes: Signal<Local, Bit>,
    clearing: Register<Bit>,
    clear_row: Register<Bits<A>>,
    rest: Register<Bits<14>>,
    spacing: Constant<Bits<3>>,
    row_bits: Constant<Bits<8>>,
    nothing: Constant<HashEntry<T, K>>,
    miss: Constant<HashResult<T>>,
    number: Vec<Constant<Bits<2>>>,
    hash_offset: Vec<Constant<Bits<8>>>,
    no_job: Constant<Job<C, K, SA>>,
}

impl<T: Pack, C: Pack, const K: usize, const A: usize, const SA: usize, const M: usize> Cuckoo<T, C, K, A, SA, M> {
    /// Clocks from a key to its result, from an operation to `found`.
    pub const LATENCY: usize = KeyHash::<K, M>::LATENCY + 2;
    /// Places and slots: a walk visits 0 to this.
    pub const PLACES: usize = (WAYS << A) + (1 << SA);
}

impl<T: Pack, C: Pack, const K: usize, const A: usize, const SA: usize, const M: usize> Default
    for Cuckoo<T, C, K, A, SA, M>
{
    /// # Panics
    /// If the widths do not fit together.
    fn default() -> Self {
        assert!((1..=16).contains(&A), "a way has 2^1 to 2^16 rows, not 2^{A}");
        assert!((1..=A).contains(&SA), "a stash has 2 slots to as many as a way has rows (2^{A}), not 2^{SA}");
        assert!(K >= PLACE, "a key of {K} bits cannot number {} places", Self::PLACES);
        let ways = 0..WAYS;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            hash_key: Signal::default(),
            a_rx: FlowRx::default(),
            a_tx: FlowTx::default(),
            b_rx: FlowRx::default(),
            b_tx: FlowTx::default(),
            op: StreamRx::default(),
            found: FlowTx::default(),
            decide: Signal::default(),
            ready: Signal::default(),
            a_hash: KeyHash::default(),
            a_key: Delay::new(KeyHash::<K, M>::LATENCY + 1),
            a_found: DFF::default(),
            a_found_valid: Register::default(),
            b_hash: KeyHash::default(),
            b_job: Delay::new(KeyHash::<K, M>::LATENCY),
            b_last: Register::default(),
            b_take: Signal::default(),
            b_found: DFF::default(),
            b_found_valid: Register::default(),
            ram: ways.clone().map(|_| RamTrueDual::default()).collect(),
            stash: Stash::default(),
            pause: Register::default(),
            move_next: Register::default(),
            free: Signal::default(),
            start_move: Signal::default(),
            start_op: Signal::default(),
            candidate: Signal::default(),
            operation: Signal::default(),
            late: DFF::default(),
            late_valid: Register::default(),
            hash: DFF::default(),
            rows: Signal::default(),
            entry: Signal::default(),
            place: Signal::default(),
            seen: Signal::default(),
            here: Signal::default(),
            any_free: Signal::default(),
            report: DFF::default(),
            report_valid: Register::default(),
            key: DFF::default(),
            way: DFF::default(),
            row: DFF::default(),
            slot: DFF::default(),
            in_stash: DFF::default(),
            victim: DFF::default(),
            victim_way: Register::default(),
            due: (0..DECIDE).map(|_| Register::default()).collect(),
            waited: Signal::default(),
            held: DFF::default(),
            held_valid: Register::default(),
            decision: Signal::default(),
            acts: Signal::default(),
            writes: Signal::default(),
            write_entry: Signal::default(),
            stash_writes: Signal::default(),
            clearing: Register::new(true),
            clear_row: Register::default(),
            rest: Register::default(),
            spacing: Constant::new((SPACING - 1).to_bits()),
            row_bits: Constant::new(A.to_bits()),
            nothing: Constant::new(HashEntry::default()),
            miss: Constant::new(HashResult::default()),
            number: ways.clone().map(|way| Constant::new(way.to_bits())).collect(),
            hash_offset: ways.map(|way| Constant::new((16 * way).to_bits())).collect(),
            no_job: Constant::new(Job::default()),
        }
    }
}

impl<T: Pack, C: Pack, const K: usize, const A: usize, const SA: usize, const M: usize> Logic
    for Cuckoo<T, C, K, A, SA, M>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, a_hash, a_key, b_hash, b_job, stash);
        dff_setup!(
            self,
            clock,
            a_found,
            a_found_valid,
            b_last,
            b_found,
            b_found_valid,
            pause,
            move_next,
            late,
            late_valid
        );
        dff_setup!(self, clock, hash, report, report_valid, key, way, row, slot, in_stash, victim, victim_way);
        dff_setup!(self, clock, held, held_valid, clearing, clear_row, rest);
        self.a_hash.reset.next = self.reset.val();
        self.a_key.reset.next = self.reset.val();
        self.a_found_valid.reset.next = self.reset.val();
        self.b_hash.reset.next = self.reset.val();
        self.b_job.reset.next = self.reset.val();
        self.b_last.reset.next = self.reset.val();
        self.b_found_valid.reset.next = self.reset.val();
        self.stash.reset.next = self.reset.val();
        self.pause.reset.next = self.reset.val();
        self.move_next.reset.next = self.reset.val();
        self.late_valid.reset.next = self.reset.val();
        self.report_valid.reset.next = self.reset.val();
        self.victim_way.reset.next = self.reset.val();
        self.held_valid.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.clear_row.reset.next = self.reset.val();
        self.rest.reset.next = self.reset.val();

        // --- side a: hash, read, compare ---
        self.a_hash.hash_key.next = self.hash_key.val();
        self.a_hash.rx.payload.next = self.a_rx.payload.val();
        self.a_hash.rx.tvalid.next = self.a_rx.tvalid.val();
        self.a_key.rx.payload.next = self.a_rx.payload.val();
        self.a_key.rx.tvalid.next = self.a_rx.tvalid.val();
        self.stash.a_key.next = self.a_key.tx.payload.val();
        self.a_found_valid.d.next = self.a_key.tx.tvalid.val();
        if self.a_key.tx.tvalid.val() {
            self.a_found.d.next = self.stash.a_found.val();
        }
        self.a_tx.payload.next = self.a_found.q.val();
        self.a_tx.tvalid.next = self.a_found_valid.q.val();

        // --- side b: what enters the hash ---
        self.b_take.next = self.b_rx.tvalid.val() && !self.b_last.q.val();
        self.b_last.d.next = self.b_take.val();
        self.free.next = !self.b_take.val() && (self.pause.q.val() == bits::<3>(0)) && !self.clearing.q.val();
        self.start_move.next =
            self.free.val() && self.stash.candidate.tvalid.val() && (self.move_next.q.val() || !self.op.tvalid.val());
        self.start_op.next = self.free.val() && self.op.tvalid.val() && !self.start_move.val();
        self.op.tready.next = self.free.val() && !self.start_move.val();
        self.stash.candidate.tready.next = self.start_move.val();
        if self.pause.q.val().any() {
            self.pause.d.next = self.pause.q.val() - 1;
        }
        self.candidate.next = self.stash.candidate.payload.val();
        self.operation.next = self.op.payload.val();
        self.b_job.rx.payload.next = self.no_job.val();
        self.b_job.rx.payload.next.key = self.b_rx.payload.val();
        self.b_job.rx.payload.next.lookup = self.b_take.val();
        if self.start_move.val() {
            self.b_job.rx.payload.next.moves = true;
            self.b_job.rx.payload.next.slot = self.candidate.val().slot;
            self.b_job.rx.payload.next.key = self.candidate.val().key;
            self.pause.d.next = self.spacing.val();
            self.move_next.d.next = false;
        } else if self.start_op.val() {
            self.b_job.rx.payload.next.walk = self.operation.val().walk;
            self.b_job.rx.payload.next.key = self.operation.val().key;
            self.b_job.rx.payload.next.context = self.operation.val().context;
            self.pause.d.next = self.spacing.val();
            self.move_next.d.next = true;
        }
        self.b_job.rx.tvalid.next = self.b_take.val() || self.start_move.val() || self.start_op.val();
        self.b_hash.hash_key.next = self.hash_key.val();
        self.b_hash.rx.payload.next = self.b_job.rx.payload.val().key;
        self.b_hash.rx.tvalid.next = self.b_job.rx.tvalid.val();

        // --- side b: compare ---
        self.late_valid.d.next = self.b_job.tx.tvalid.val();
        if self.b_job.tx.tvalid.val() {
            self.late.d.next = self.b_job.tx.payload.val();
            self.hash.d.next = self.b_hash.tx.payload.val();
        }
        self.place.next = bit_cast::<PLACE, K>(self.late.q.val().key);
        self.stash.b_key.next = self.late.q.val().key;
        self.stash.at.next = bit_cast::<SA, PLACE>(self.place.val());
        if self.late.q.val().moves {
            self.stash.at.next = self.late.q.val().slot;
        }
        self.here.next = self.stash.at_entry.val().valid;
        self.seen.next = self.stash.b_found.val();
        if self.late_valid.q.val() && !self.late.q.val().lookup {
            self.key.d.next = self.late.q.val().key;
            self.slot.d.next = self.stash.b_slot.val();
            self.in_stash.d.next = true;
            if self.late.q.val().walk {
                self.slot.d.next = self.stash.at.val();
                self.seen.next = self.miss.val();
                self.place.next = self.place.val() >> self.row_bits.val();
                if self.place.val().get_bit(2) && self.here.val() {
                    self.seen.next.hit = true;
                    self.seen.next.value = self.stash.at_entry.val().value;
                }
            }
            if self.late.q.val().moves {
                // The slot may hold another entry by now.
                self.slot.d.next = self.late.q.val().slot;
                self.seen.next.value = self.stash.at_entry.val().value;
                self.seen.next.hit = self.here.val() && (self.stash.at_entry.val().key == self.late.q.val().key);
            }
        }
        self.any_free.next = false;
        for i in 0..self.ram.len() {
            // A place of a hit, or the free one or the victim of a move.
            self.entry.next = self.ram[i].b_read_data.val();
            self.rows.next = self.hash.q.val() >> self.hash_offset[i].val();
            if self.late_valid.q.val() {
                if self.late.q.val().walk {
                    if !self.place.val().get_bit(2) && (bit_cast::<2, PLACE>(self.place.val()) == self.number[i].val())
                    {
                        self.seen.next.hit = self.entry.val().valid;
                        self.seen.next.value = self.entry.val().value;
                        self.in_stash.d.next = false;
                        self.way.d.next = self.number[i].val();
                        self.row.d.next = bit_cast::<A, K>(self.late.q.val().key);
                    }
                } else if self.late.q.val().moves {
                    if (!self.entry.val().valid || (self.victim_way.q.val() == self.number[i].val()))
                        && !self.any_free.val()
                    {
                        self.any_free.next = !self.entry.val().valid;
                        self.victim.d.next = self.entry.val();
                        self.way.d.next = self.number[i].val();
                        self.row.d.next = bit_cast::<A, 64>(self.rows.val());
                    }
                } else if self.entry.val().valid && (self.entry.val().key == self.late.q.val().key) {
                    self.seen.next.hit = true;
                    self.seen.next.value = self.entry.val().value;
                    if !self.late.q.val().lookup {
                        self.in_stash.d.next = false;
                        self.way.d.next = self.number[i].val();
                        self.row.d.next = bit_cast::<A, 64>(self.rows.val());
                    }
                }
            }
            self.entry.next = self.ram[i].a_read_data.val();
            if self.a_key.tx.tvalid.val()
                && self.entry.val().valid
                && (self.entry.val().key == self.a_key.tx.payload.val())
            {
                self.a_found.d.next.hit = true;
                self.a_found.d.next.value = self.entry.val().value;
            }
        }
        self.b_found_valid.d.next = self.late_valid.q.val() && self.late.q.val().lookup;
        self.report_valid.d.next = self.late_valid.q.val() && !self.late.q.val().lookup;
        if self.late_valid.q.val() {
            if self.late.q.val().lookup {
                self.b_found.d.next = self.seen.val();
            } else {
                self.report.d.next.moved = self.late.q.val().moves;
                self.report.d.next.hit = self.seen.val().hit;
                self.report.d.next.value = self.seen.val().value;
                self.report.d.next.room = self.stash.room.val() && !self.late.q.val().walk && !self.late.q.val().moves;
                self.report.d.next.context = self.late.q.val().context;
                if self.late.q.val().moves && !self.any_free.val() {
                    self.victim_way.d.next = self.victim_way.q.val() + 1;
                }
            }
        }
        self.b_tx.payload.next = self.b_found.q.val();
        self.b_tx.tvalid.next = self.b_found_valid.q.val();
        self.found.payload.next = self.report.q.val();
        self.found.tvalid.next = self.report_valid.q.val();

        // --- decision ---
        self.waited.next = self.report_valid.q.val();
        for i in 0..self.due.len() {
            self.due[i].clock.next = self.clock.val();
            self.due[i].reset.next = self.reset.val();
            self.due[i].d.next = self.waited.val();
            self.waited.next = self.due[i].q.val();
        }
        self.acts.next = self.waited.val() || self.held_valid.q.val();
        self.decision.next = self.held.q.val();
        if self.waited.val() {
            self.decision.next = self.decide.val();
        }
        self.writes.next = false;
        self.write_entry.next = self.nothing.val();
        self.stash_writes.next = false;
        self.stash.write_slot.next = self.slot.q.val();
        self.stash.write_entry.next = self.nothing.val();
        self.stash.write_moved.next = false;
        self.stash.wake.next = self.rest.q.val().all();
        self.rest.d.next = self.rest.q.val() + 1;
        if self.acts.val() {
            if self.report.q.val().moved {
                self.stash_writes.next = self.report.q.val().hit;
                if !self.decision.val().remove {
                    self.writes.next = self.report.q.val().hit;
                    self.write_entry.next.valid = true;
                    self.write_entry.next.key = self.key.q.val();
                    self.write_entry.next.value = self.report.q.val().value;
                    self.stash.write_entry.next = self.victim.q.val();
                    self.stash.write_moved.next = true;
                }
            } else if self.report.q.val().hit {
                self.writes.next = self.decision.val().remove && !self.in_stash.q.val();
                self.stash_writes.next = self.decision.val().remove && self.in_stash.q.val();
                if self.decision.val().remove {
                    self.stash.wake.next = true;
                }
            } else if self.decision.val().put && self.report.q.val().room {
                self.stash_writes.next = true;
                self.stash.write_slot.next = self.stash.free.val();
                self.stash.write_entry.next.valid = true;
                self.stash.write_entry.next.key = self.key.q.val();
                self.stash.write_entry.next.value = self.decision.val().value;
            }
        }
        // A lookup goes first, and none comes in the next clock.
        self.held_valid.d.next = false;
        if self.writes.val() && self.b_job.tx.tvalid.val() {
            self.held_valid.d.next = true;
            self.held.d.next = self.decision.val();
            self.writes.next = false;
            self.stash_writes.next = false;
        }
        self.stash.write_enable.next = self.stash_writes.val();

        // --- memory ---
        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.clear_row.d.next = self.clear_row.q.val() + 1;
            if self.clear_row.q.val().all() {
                self.clearing.d.next = false;
            }
        }
        for i in 0..self.ram.len() {
            self.ram[i].clock.next = self.clock.val();
            self.rows.next = self.a_hash.tx.payload.val() >> self.hash_offset[i].val();
            self.ram[i].a_address.next = bit_cast::<A, 64>(self.rows.val());
            self.ram[i].a_enable.next = self.a_hash.tx.tvalid.val();
            self.ram[i].a_write.next = false;
            self.ram[i].a_write_data.next = self.nothing.val();
            self.rows.next = self.b_hash.tx.payload.val() >> self.hash_offset[i].val();
            self.ram[i].b_address.next = bit_cast::<A, 64>(self.rows.val());
            if self.b_job.tx.payload.val().walk {
                self.ram[i].b_address.next = bit_cast::<A, K>(self.b_job.tx.payload.val().key);
            }
            self.ram[i].b_enable.next = self.b_job.tx.tvalid.val();
            self.ram[i].b_write.next = false;
            self.ram[i].b_write_data.next = self.write_entry.val();
            if self.writes.val() {
                self.ram[i].b_address.next = self.row.q.val();
                self.ram[i].b_write.next = self.way.q.val() == self.number[i].val();
            }
            if self.clearing.q.val() {
                self.ram[i].b_address.next = self.clear_row.q.val();
                self.ram[i].b_write.next = true;
                self.ram[i].b_write_data.next = self.nothing.val();
            }
        }
    }
}
