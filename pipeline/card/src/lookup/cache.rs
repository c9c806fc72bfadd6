//! The mapping cache: what is known of destinations, one lookup a clock, and an engine that changes it in the clocks between.
//!
//! Ports: `ask` (keys), `found` (what the cache has); `op`, `done` (one operation at a time: find, install, remove); `invalidate`, `busy` (all
//! entries of a VPC, or before a version); `table` (rows that software writes); `now`; `pause`; `hash_key`, `ready`. Latency: [`LATENCY`] clocks from a key to
//! its result. An operation takes a clock in which there is no key, [`LATENCY`] clocks more, and a write.
//!
//! A key has one place in each of four ways, at the row that its hash tells. `install` takes the place that has the key, else a free one,
//! else one of the four in turn: this is a cache. An entry whose expiry, a tick, has come is none. Invalidation reads row after row in clocks without a lookup;
//! `busy` is set from the clock after `invalidate` until no entry concerned is left and no lookup is under way that could have seen one.
//!
//! Ticks wrap, and what has expired must not seem to lie ahead again: eight times in a turn of the clock the rows are walked over as well,
//! and each walk ends what has expired. An invalidation begins such a walk anew as its own.
//!
//! Rows that software places itself (`table`) and operations are not for the same time: software then knows nothing of what was installed.
//!
//! If keys come in every clock, `pause` asks now and then for one without, so that the engine gets on.

use nitro_components::delay::Delay;
use nitro_components::hash_table::{HashEntry, HashResult};
use nitro_components::key_hash::{KeyHash, WAYS};
use nitro_components::ram::Ram;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx, StreamRx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::Table;
use rust_hdl::prelude::*;

use crate::format::{MappingKey, MappingValue};
use crate::table::{HashWrite, MAPPING_KEY, MAPPING_MESSAGE, MAPPING_ROW, TableWrite};

/// The hash of a key.
type Hash = KeyHash<MAPPING_KEY, MAPPING_MESSAGE>;
/// Clocks from a key to its result: hash, memory, comparison.
pub const LATENCY: usize = Hash::LATENCY + 2;
/// Clocks without a chance for the engine after which it asks for one.
const PATIENCE: u64 = 31;

/// What to do with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CacheOp {
    /// Install the value.
    pub install: Bit,
    /// Remove what is there. Neither of both: find it.
    pub remove: Bit,
    /// The key.
    pub key: Bits<MAPPING_KEY>,
    /// The value to install.
    pub value: MappingValue,
}

/// Which entries to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Invalidate {
    /// Those of a VPC; else those before a version.
    pub by_vni: Bit,
    /// The VPC.
    pub vni: Bits<24>,
    /// The version. Before it are the 32,767 numbers below it (RFC 1982).
    pub version: Bits<16>,
}

/// A cache of four ways of `2^MA` rows.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct MappingCache<const MA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// Key of the hash, its first byte lowest; constant while there are entries.
    pub hash_key: Signal<In, Bits<128>>,
    /// Keys to look up.
    pub ask: FlowRx<Bits<MAPPING_KEY>>,
    /// What the cache has for them.
    pub found: FlowTx<HashResult<MappingValue>>,
    /// Operations.
    pub op: StreamRx<CacheOp>,
    /// What the cache had before the operation; an installed value is found by lookups that enter from this clock on.
    pub done: FlowTx<HashResult<MappingValue>>,
    /// Entries to end; ignored while `busy`.
    pub invalidate: FlowRx<Invalidate>,
    /// An invalidation is under way.
    pub busy: Signal<Out, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// A clock without a key is wanted.
    pub pause: Signal<Out, Bit>,
    /// The cache has been cleared after reset.
    pub ready: Signal<Out, Bit>,

    hash: Hash,
    key: Delay<Bits<MAPPING_KEY>>,
    /// The hash is that of the engine's key.
    engines: Delay<Bit>,
    /// The rows read are for the engine.
    engine_reads: Register<Bit>,
    ram: Vec<Ram<HashEntry<MappingValue, MAPPING_KEY>, MA, true>>,
    row: Vec<DFF<Bits<MA>>>,
    flat: Vec<Cast<Bits<MAPPING_KEY>, MappingKey>>,
    result: DFF<HashResult<MappingValue>>,
    result_valid: Register<Bit>,
    write: HashWrite<MappingValue, MAPPING_KEY, MA, MAPPING_ROW>,
    clearing: Register<Bit>,
    clear_row: Register<Bits<MA>>,

    // The engine.
    work: DFF<CacheOp>,
    waiting: Register<Bit>,
    working: Register<Bit>,
    writing: Register<Bit>,
    before: DFF<HashResult<MappingValue>>,
    target: DFF<Bits<2>>,
    changes: DFF<Bit>,
    rotate: Register<Bits<2>>,
    finished: Register<Bit>,
    enter: Signal<Local, Bit>,
    patience: Register<Bits<8>>,

    // The walk.
    walking: Register<Bit>,
    /// It only ends what has expired.
    sweeping: Register<Bit>,
    /// Upper bits of the tick of the last sweep.
    swept: Register<Bits<3>>,
    walk: DFF<Invalidate>,
    walk_row: Register<Bits<MA>>,
    walked: Register<Bit>,
    walked_row: DFF<Bits<MA>>,
    settling: Register<Bits<8>>,
    ends: Signal<Local, Bit>,
    looks: Signal<Local, Bit>,

    entry: Signal<Local, HashEntry<MappingValue, MAPPING_KEY>>,
    rows: Signal<Local, Bits<64>>,
    live: Signal<Local, Bit>,
    same: Signal<Local, Bit>,
    any_same: Signal<Local, Bit>,
    any_free: Signal<Local, Bit>,
    same_way: Signal<Local, Bits<2>>,
    free_way: Signal<Local, Bits<2>>,
    hit: Signal<Local, HashResult<MappingValue>>,
    left: Signal<Local, Bits<24>>,
    age: Signal<Local, Bits<16>>,
    engine_writes: Signal<Local, Bit>,
    concerned: Signal<Local, Bit>,
    invalidating: Signal<Local, Bit>,

    nothing: Constant<HashEntry<MappingValue, MAPPING_KEY>>,
    miss: Constant<HashResult<MappingValue>>,
    way: Vec<Constant<Bits<2>>>,
    hash_offset: Vec<Constant<Bits<8>>>,
    most_patience: Constant<Bits<8>>,
    settle_clocks: Constant<Bits<8>>,
}

impl<const MA: usize> Default for MappingCache<MA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            now: Signal::default(),
            hash_key: Signal::default(),
            ask: FlowRx::default(),
            found: FlowTx::default(),
            op: StreamRx::default(),
            done: FlowTx::default(),
            invalidate: FlowRx::default(),
            busy: Signal::default(),
            table: FlowRx::default(),
            pause: Signal::default(),
            ready: Signal::default(),
            hash: Hash::default(),
            key: Delay::new(Hash::LATENCY + 1),
            engines: Delay::new(Hash::LATENCY),
            engine_reads: Register::default(),
            ram: (0..WAYS).map(|_| Ram::default()).collect(),
            row: (0..WAYS).map(|_| DFF::default()).collect(),
            flat: (0..WAYS).map(|_| Cast::default()).collect(),
            result: DFF::default(),
            result_valid: Register::default(),
            write: HashWrite::new(Table::Mapping),
            clearing: Register::new(true),
            clear_row: Register::default(),
            work: DFF::default(),
            waiting: Register::default(),
            working: Register::default(),
            writing: Register::default(),
            before: DFF::default(),
            target: DFF::default(),
            changes: DFF::default(),
            rotate: Register::default(),
            finished: Register::default(),
            enter: Signal::default(),
            patience: Register::default(),
            walking: Register::default(),
            sweeping: Register::default(),
            swept: Register::default(),
            walk: DFF::default(),
            walk_row: Register::default(),
            walked: Register::default(),
            walked_row: DFF::default(),
            settling: Register::default(),
            ends: Signal::default(),
            looks: Signal::default(),
            entry: Signal::default(),
            rows: Signal::default(),
            live: Signal::default(),
            same: Signal::default(),
            any_same: Signal::default(),
            any_free: Signal::default(),
            same_way: Signal::default(),
            free_way: Signal::default(),
            hit: Signal::default(),
            left: Signal::default(),
            age: Signal::default(),
            engine_writes: Signal::default(),
            concerned: Signal::default(),
            invalidating: Signal::default(),
            nothing: Constant::new(HashEntry::default()),
            miss: Constant::new(HashResult::default()),
            way: (0..WAYS).map(|way| Constant::new(way.to_bits())).collect(),
            hash_offset: (0..WAYS).map(|way| Constant::new((16 * way).to_bits())).collect(),
            most_patience: Constant::new(PATIENCE.into()),
            settle_clocks: Constant::new((LATENCY as u64).into()),
        }
    }
}

impl<const MA: usize> Logic for MappingCache<MA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, hash, key, engines);
        dff_setup!(self, clock, result, result_valid, clearing, clear_row, work, waiting, working, writing, before);
        dff_setup!(self, clock, target, changes, rotate, finished, patience, walking, walk, walk_row, walked);
        dff_setup!(self, clock, walked_row, settling, engine_reads, sweeping, swept);
        self.sweeping.reset.next = self.reset.val();
        self.swept.reset.next = self.reset.val();
        self.engine_reads.reset.next = self.reset.val();
        self.hash.reset.next = self.reset.val();
        self.key.reset.next = self.reset.val();
        self.engines.reset.next = self.reset.val();
        self.result_valid.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.clear_row.reset.next = self.reset.val();
        self.waiting.reset.next = self.reset.val();
        self.working.reset.next = self.reset.val();
        self.writing.reset.next = self.reset.val();
        self.rotate.reset.next = self.reset.val();
        self.finished.reset.next = self.reset.val();
        self.patience.reset.next = self.reset.val();
        self.walking.reset.next = self.reset.val();
        self.walk_row.reset.next = self.reset.val();
        self.walked.reset.next = self.reset.val();
        self.settling.reset.next = self.reset.val();
        self.ready.next = !self.clearing.q.val();

        // Lookups, and in a clock without one the engine's.
        self.enter.next = self.waiting.q.val() && !self.ask.tvalid.val();
        self.hash.hash_key.next = self.hash_key.val();
        self.hash.rx.payload.next = self.ask.payload.val();
        if self.enter.val() {
            self.hash.rx.payload.next = self.work.q.val().key;
        }
        self.hash.rx.tvalid.next = self.ask.tvalid.val() || self.enter.val();
        self.key.rx.payload.next = self.hash.rx.payload.val();
        self.key.rx.tvalid.next = self.ask.tvalid.val() || self.enter.val();
        self.engines.rx.payload.next = self.enter.val();
        self.engines.rx.tvalid.next = self.ask.tvalid.val() || self.enter.val();

        // The walk looks at rows when nobody else does.
        self.looks.next = self.walking.q.val() && !self.hash.tx.tvalid.val() && !self.walked.q.val();

        // Software's rows come first, then the walk's, then the engine's.
        FlowRx::<TableWrite>::link(&mut self.table, &mut self.write.rx);
        self.engine_writes.next =
            self.writing.q.val() && !self.write.write_enable.val() && !self.walked.q.val() && !self.clearing.q.val();

        self.any_same.next = false;
        self.any_free.next = false;
        self.same_way.next = bits::<2>(0);
        self.free_way.next = self.rotate.q.val();
        self.hit.next = self.miss.val();
        for i in 0..self.ram.len() {
            self.ram[i].clock.next = self.clock.val();
            self.row[i].clock.next = self.clock.val();
            self.row[i].d.next = self.row[i].q.val();
            self.rows.next = self.hash.tx.payload.val() >> self.hash_offset[i].val();
            self.ram[i].read_address.next = bit_cast::<MA, 64>(self.rows.val());
            if self.looks.val() {
                self.ram[i].read_address.next = self.walk_row.q.val();
            }
            self.ram[i].read_enable.next = self.hash.tx.tvalid.val() || self.looks.val();

            self.entry.next = self.ram[i].read_data.val();
            self.flat[i].i.next = self.entry.val().key;
            // Modulo 2^24: half of all ticks lie before a deadline.
            self.left.next = bit_cast::<24, 32>(self.entry.val().value.expiry) - self.now.val();
            self.live.next = self.entry.val().valid
                && (!self.entry.val().value.expiry.any() || ((self.left.val() != 0) && !self.left.val().get_bit(23)));
            self.same.next = self.entry.val().valid && (self.entry.val().key == self.key.tx.payload.val());
            if self.same.val() {
                self.any_same.next = true;
                self.same_way.next = self.way[i].val();
                if self.live.val() {
                    self.hit.next.hit = true;
                    self.hit.next.value = self.entry.val().value;
                }
            }
            if !self.live.val() {
                self.any_free.next = true;
                self.free_way.next = self.way[i].val();
            }
            // Where the engine's key would be.
            if self.engines.tx.tvalid.val() && self.engines.tx.payload.val() {
                self.row[i].d.next = bit_cast::<MA, 64>(self.rows.val());
            }

            // What the walk read: does the entry end?
            self.age.next = self.walk.q.val().version - self.entry.val().value.version;
            if self.sweeping.q.val() || !self.live.val() {
                self.concerned.next = !self.live.val();
            } else if self.walk.q.val().by_vni {
                self.concerned.next = self.flat[i].o.val().vni == self.walk.q.val().vni;
            } else {
                self.concerned.next = (self.age.val() != 0) && !self.age.val().get_bit(15);
            }
            self.ram[i].write_address.next = self.row[i].q.val();
            self.ram[i].write_data.next = self.nothing.val();
            self.ram[i].write_enable.next =
                self.engine_writes.val() && self.changes.q.val() && (self.target.q.val() == self.way[i].val());
            if self.work.q.val().install {
                self.ram[i].write_data.next.valid = true;
                self.ram[i].write_data.next.key = self.work.q.val().key;
                self.ram[i].write_data.next.value = self.work.q.val().value;
            }
            if self.walked.q.val() {
                self.ram[i].write_address.next = self.walked_row.q.val();
                self.ram[i].write_data.next = self.nothing.val();
                self.ram[i].write_enable.next = self.entry.val().valid && self.concerned.val();
            }
            if self.write.write_enable.val() {
                self.ram[i].write_address.next = self.write.write_row.val();
                self.ram[i].write_data.next = self.write.write_entry.val();
                self.ram[i].write_enable.next = self.write.write_way.val() == self.way[i].val();
            }
            if self.clearing.q.val() {
                self.ram[i].write_address.next = self.clear_row.q.val();
                self.ram[i].write_data.next = self.nothing.val();
                self.ram[i].write_enable.next = true;
            }
        }
        self.engine_reads.d.next = self.engines.tx.tvalid.val() && self.engines.tx.payload.val();
        self.result_valid.d.next = self.key.tx.tvalid.val() && !self.engine_reads.q.val();
        self.result.d.next = self.hit.val();
        self.found.payload.next = self.result.q.val();
        self.found.tvalid.next = self.result_valid.q.val();

        // The engine: wait for a clock, look, write.
        self.op.tready.next = !self.waiting.q.val()
            && !self.working.q.val()
            && !self.writing.q.val()
            && !self.finished.q.val()
            && !self.clearing.q.val();
        self.finished.d.next = false;
        if self.op.tready.val() {
            if self.op.tvalid.val() {
                self.work.d.next = self.op.payload.val();
                self.waiting.d.next = true;
            }
        } else if self.enter.val() {
            self.waiting.d.next = false;
            self.working.d.next = true;
        } else if self.working.q.val() {
            if self.engine_reads.q.val() {
                self.working.d.next = false;
                self.writing.d.next = true;
                self.before.d.next = self.hit.val();
                self.changes.d.next = self.work.q.val().install || (self.work.q.val().remove && self.any_same.val());
                self.target.d.next = self.free_way.val();
                if self.any_same.val() {
                    self.target.d.next = self.same_way.val();
                } else if !self.any_free.val() && self.work.q.val().install {
                    self.rotate.d.next = self.rotate.q.val() + 1;
                }
            }
        } else if self.engine_writes.val() {
            self.writing.d.next = false;
            self.finished.d.next = true;
        }
        self.done.payload.next = self.before.q.val();
        self.done.tvalid.next = self.finished.q.val();

        // The walk: a row is read, and its entries end a clock later. If software wrote meanwhile, it is read again.
        self.walked.d.next = self.looks.val();
        if self.looks.val() {
            self.walked_row.d.next = self.walk_row.q.val();
        }
        self.ends.next = self.walked.q.val() && !self.write.write_enable.val();
        self.invalidating.next = !self.sweeping.q.val() && (self.walking.q.val() || self.walked.q.val());
        if self.invalidate.tvalid.val() && !self.busy.val() {
            self.walking.d.next = true;
            self.sweeping.d.next = false;
            self.walk.d.next = self.invalidate.payload.val();
            self.walk_row.d.next = bits::<MA>(0);
        } else if self.ends.val() {
            self.walk_row.d.next = self.walk_row.q.val() + 1;
            if self.walk_row.q.val().all() {
                self.walking.d.next = false;
                self.sweeping.d.next = false;
                if !self.sweeping.q.val() {
                    self.settling.d.next = self.settle_clocks.val();
                }
            }
        } else if self.settling.q.val() != 0 {
            self.settling.d.next = self.settling.q.val() - 1;
        } else if !self.walking.q.val()
            && !self.walked.q.val()
            && !self.clearing.q.val()
            && (self.swept.q.val() != self.now.val().get_bits::<3>(21))
        {
            self.walking.d.next = true;
            self.sweeping.d.next = true;
            self.swept.d.next = self.now.val().get_bits::<3>(21);
            self.walk_row.d.next = bits::<MA>(0);
        }
        self.busy.next = self.invalidating.val() || (self.settling.q.val() != 0);

        // Patience counts clocks with a key while the engine has something to do.
        self.pause.next = self.patience.q.val() == self.most_patience.val();
        if self.enter.val() || self.looks.val() || self.pause.val() || !(self.waiting.q.val() || self.walking.q.val()) {
            self.patience.d.next = bits::<8>(0);
        } else {
            self.patience.d.next = self.patience.q.val() + 1;
        }

        if self.clearing.q.val() {
            self.clear_row.d.next = self.clear_row.q.val() + 1;
            if self.clear_row.q.val().all() {
                self.clearing.d.next = false;
            }
        }
    }
}
