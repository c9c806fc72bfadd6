//! Exact-match table: four ways, each row of which is one of four places where a key may be.
//!
//! Ports: `rx` (flow of keys), `hash_key`, `tx` (flow of results), `write_*`, `ready`. Latency: [`HashTable::LATENCY`]
//! clocks, one lookup per clock.
//!
//! A key's row in way `w` is bits `16 w ..` of its [`KeyHash`]. Whoever writes the table decides which of its four places a key takes, and moves other
//! keys to theirs if all four are taken (cuckoo hashing); a key that is in two places meanwhile has the value of the
//! higher way. After reset all entries are cleared, a row a clock; `ready` says that this is done.

use nitro_netlist::{Pack, Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::delay::Delay;
use crate::key_hash::{KeyHash, WAYS};
use crate::ram::Ram;
use crate::register::Register;
use crate::stream::{FlowRx, FlowTx};

/// One place of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct HashEntry<T: Pack, const K: usize> {
    /// The place is taken.
    pub valid: Bit,
    /// By this key.
    pub key: Bits<K>,
    /// With this value.
    pub value: T,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct HashResult<T: Pack> {
    /// The key is in the table.
    pub hit: Bit,
    /// Its value; zero without a hit.
    pub value: T,
}

/// A table from keys of `K` bits (a multiple of 8) to values of `T`, of 4 · `2^A` places (`A` at most 16). `M` is the
/// width of the hashed message: 64 · (words of the key + 1).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct HashTable<T: Pack, const K: usize, const A: usize, const M: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Keys to look up.
    pub rx: FlowRx<Bits<K>>,
    /// Key of the hash, its first byte lowest; constant while the table holds anything.
    pub hash_key: Signal<In, Bits<128>>,
    /// What was found, in order.
    pub tx: FlowTx<HashResult<T>>,
    /// Write an entry; ignored while the table is not ready. Lookups that entered up to `LATENCY - 2` clocks before may
    /// see it.
    pub write_enable: Signal<In, Bit>,
    /// Way to write.
    pub write_way: Signal<In, Bits<2>>,
    /// Row to write.
    pub write_row: Signal<In, Bits<A>>,
    /// The new entry.
    pub write_entry: Signal<In, HashEntry<T, K>>,
    /// The table has been cleared. Lookups that enter before do not count.
    pub ready: Signal<Out, Bit>,
    hash: KeyHash<K, M>,
    key: Delay<Bits<K>>,
    ram: Vec<Ram<HashEntry<T, K>, A>>,
    found: DFF<HashResult<T>>,
    found_valid: Register<Bit>,
    clearing: Register<Bit>,
    row: Register<Bits<A>>,
    entry: Signal<Local, HashEntry<T, K>>,
    rows: Signal<Local, Bits<64>>,
    nothing: Constant<HashEntry<T, K>>,
    miss: Constant<HashResult<T>>,
    way: Vec<Constant<Bits<2>>>,
    hash_offset: Vec<Constant<Bits<8>>>,
}

impl<T: Pack, const K: usize, const A: usize, const M: usize> HashTable<T, K, A, M> {
    /// Clocks from a key to its result.
    pub const LATENCY: usize = KeyHash::<K, M>::LATENCY + 2;
}

impl<T: Pack, const K: usize, const A: usize, const M: usize> Default for HashTable<T, K, A, M> {
    /// # Panics
    /// If the widths do not fit together.
    fn default() -> Self {
        assert!((1..=16).contains(&A), "a way has 2^1 to 2^16 rows, not 2^{A}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            hash_key: Signal::default(),
            tx: FlowTx::default(),
            write_enable: Signal::default(),
            write_way: Signal::default(),
            write_row: Signal::default(),
            write_entry: Signal::default(),
            ready: Signal::default(),
            hash: KeyHash::default(),
            key: Delay::new(KeyHash::<K, M>::LATENCY + 1),
            ram: (0..WAYS).map(|_| Ram::default()).collect(),
            found: DFF::default(),
            found_valid: Register::default(),
            clearing: Register::new(true),
            row: Register::default(),
            entry: Signal::default(),
            rows: Signal::default(),
            nothing: Constant::new(HashEntry::default()),
            miss: Constant::new(HashResult::default()),
            way: (0..WAYS).map(|way| Constant::new(way.to_bits())).collect(),
            hash_offset: (0..WAYS).map(|way| Constant::new((16 * way).to_bits())).collect(),
        }
    }
}

impl<T: Pack, const K: usize, const A: usize, const M: usize> Logic for HashTable<T, K, A, M> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, hash, key);
        dff_setup!(self, clock, found, found_valid, clearing, row);
        self.hash.reset.next = self.reset.val();
        self.key.reset.next = self.reset.val();
        self.found_valid.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.row.reset.next = self.reset.val();

        self.hash.rx.payload.next = self.rx.payload.val();
        self.hash.rx.tvalid.next = self.rx.tvalid.val();
        self.hash.hash_key.next = self.hash_key.val();
        self.key.rx.payload.next = self.rx.payload.val();
        self.key.rx.tvalid.next = self.rx.tvalid.val();

        self.found_valid.d.next = self.key.tx.tvalid.val();
        if self.key.tx.tvalid.val() {
            self.found.d.next = self.miss.val();
        }
        for i in 0..self.ram.len() {
            self.ram[i].clock.next = self.clock.val();
            self.rows.next = self.hash.tx.payload.val() >> self.hash_offset[i].val();
            self.ram[i].read_address.next = bit_cast::<A, 64>(self.rows.val());
            self.ram[i].read_enable.next = self.hash.tx.tvalid.val();
            self.ram[i].write_address.next = self.write_row.val();
            self.ram[i].write_data.next = self.write_entry.val();
            self.ram[i].write_enable.next = self.write_enable.val() && (self.write_way.val() == self.way[i].val());
            if self.clearing.q.val() {
                self.ram[i].write_address.next = self.row.q.val();
                self.ram[i].write_data.next = self.nothing.val();
                self.ram[i].write_enable.next = true;
            }
            self.entry.next = self.ram[i].read_data.val();
            if self.key.tx.tvalid.val() && self.entry.val().valid && (self.entry.val().key == self.key.tx.payload.val())
            {
                self.found.d.next.hit = true;
                self.found.d.next.value = self.entry.val().value;
            }
        }
        self.tx.payload.next = self.found.q.val();
        self.tx.tvalid.next = self.found_valid.q.val();

        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.row.d.next = self.row.q.val() + 1;
            if self.row.q.val().all() {
                self.clearing.d.next = false;
            }
        }
    }
}
