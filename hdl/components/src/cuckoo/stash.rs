//! The stash of a cuckoo table: a few entries that any lookup compares with, waiting for a place in the table.
//!
//! Ports: `a_*`, `b_*` (lookups), `at_*` (one slot), `write_*`, `room`, `free`, `candidate`, `wake`. Latency: lookups and
//! `at_entry` 0 clocks; a write shows in the next clock.
//!
//! `candidate` offers an entry that may be moved, one at a time, and each again only after its slot has been written: the
//! mover answers every candidate by writing the slot, unless the slot has changed meanwhile. An entry that took the place
//! of the one in its slot (`write_moved`) goes on its predecessor's chain of moves; a chain that has
//! [`MOST_MOVES`] rests until `wake`.

use nitro_netlist::{Pack, Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::hash_table::{HashEntry, HashResult};
use crate::register::Register;
use crate::stream::StreamTx;

/// Moves of a chain before it rests.
pub const MOST_MOVES: usize = (1 << 8) - 1;

/// An entry that may be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct StashCandidate<const K: usize, const SA: usize> {
    /// Its slot.
    pub slot: Bits<SA>,
    /// Its key.
    pub key: Bits<K>,
}

/// `2^SA` slots of keys of `K` bits with values of `T`.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Stash<T: Pack, const K: usize, const SA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Key that requester `a` looks for.
    pub a_key: Signal<In, Bits<K>>,
    /// What there is.
    pub a_found: Signal<Out, HashResult<T>>,
    /// Key that requester `b` looks for.
    pub b_key: Signal<In, Bits<K>>,
    /// What there is.
    pub b_found: Signal<Out, HashResult<T>>,
    /// The slot that has it; 0 without a hit.
    pub b_slot: Signal<Out, Bits<SA>>,
    /// A slot.
    pub at: Signal<In, Bits<SA>>,
    /// What is in it.
    pub at_entry: Signal<Out, HashEntry<T, K>>,
    /// Write a slot.
    pub write_enable: Signal<In, Bit>,
    /// Which one.
    pub write_slot: Signal<In, Bits<SA>>,
    /// Its new entry; not valid: the slot becomes free.
    pub write_entry: Signal<In, HashEntry<T, K>>,
    /// The entry is what the slot's last one displaced.
    pub write_moved: Signal<In, Bit>,
    /// A slot is free.
    pub room: Signal<Out, Bit>,
    /// Which one; 0 if none is.
    pub free: Signal<Out, Bits<SA>>,
    /// An entry to move.
    pub candidate: StreamTx<StashCandidate<K, SA>>,
    /// Chains that rest may go on.
    pub wake: Signal<In, Bit>,
    entry: Vec<DFF<HashEntry<T, K>>>,
    valid: Vec<Register<Bit>>,
    /// Has been a candidate.
    asked: Vec<Register<Bit>>,
    moves: Vec<Register<Bits<8>>>,
    chosen: DFF<StashCandidate<K, SA>>,
    chosen_valid: Register<Bit>,
    present: Signal<Local, HashEntry<T, K>>,
    choose: Signal<Local, Bit>,
    slot: Vec<Constant<Bits<SA>>>,
    nothing: Constant<HashEntry<T, K>>,
    miss: Constant<HashResult<T>>,
}

impl<T: Pack, const K: usize, const SA: usize> Default for Stash<T, K, SA> {
    fn default() -> Self {
        let slots = 0..1_usize << SA;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            a_key: Signal::default(),
            a_found: Signal::default(),
            b_key: Signal::default(),
            b_found: Signal::default(),
            b_slot: Signal::default(),
            at: Signal::default(),
            at_entry: Signal::default(),
            write_enable: Signal::default(),
            write_slot: Signal::default(),
            write_entry: Signal::default(),
            write_moved: Signal::default(),
            room: Signal::default(),
            free: Signal::default(),
            candidate: StreamTx::default(),
            wake: Signal::default(),
            entry: slots.clone().map(|_| DFF::default()).collect(),
            valid: slots.clone().map(|_| Register::default()).collect(),
            asked: slots.clone().map(|_| Register::default()).collect(),
            moves: slots.clone().map(|_| Register::default()).collect(),
            chosen: DFF::default(),
            chosen_valid: Register::default(),
            present: Signal::default(),
            choose: Signal::default(),
            slot: slots.map(|slot| Constant::new(slot.to_bits())).collect(),
            nothing: Constant::new(HashEntry::default()),
            miss: Constant::new(HashResult::default()),
        }
    }
}

impl<T: Pack, const K: usize, const SA: usize> Logic for Stash<T, K, SA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, chosen, chosen_valid);
        self.chosen_valid.reset.next = self.reset.val();

        self.a_found.next = self.miss.val();
        self.b_found.next = self.miss.val();
        self.b_slot.next = bits::<SA>(0);
        self.at_entry.next = self.nothing.val();
        self.room.next = false;
        self.free.next = bits::<SA>(0);
        // The candidate leaves before the next one is chosen, so that `choose` depends on registers only.
        self.choose.next = !self.chosen_valid.q.val();
        if self.candidate.tready.val() {
            self.chosen_valid.d.next = false;
        }
        for i in 0..self.entry.len() {
            self.entry[i].clock.next = self.clock.val();
            self.valid[i].clock.next = self.clock.val();
            self.asked[i].clock.next = self.clock.val();
            self.moves[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.asked[i].reset.next = self.reset.val();
            self.moves[i].reset.next = self.reset.val();
            self.entry[i].d.next = self.entry[i].q.val();
            self.valid[i].d.next = self.valid[i].q.val();
            self.asked[i].d.next = self.asked[i].q.val();
            self.moves[i].d.next = self.moves[i].q.val();

            self.present.next = self.entry[i].q.val();
            self.present.next.valid = self.valid[i].q.val();
            if self.present.val().valid && (self.present.val().key == self.a_key.val()) {
                self.a_found.next.hit = true;
                self.a_found.next.value = self.present.val().value;
            }
            if self.present.val().valid && (self.present.val().key == self.b_key.val()) {
                self.b_found.next.hit = true;
                self.b_found.next.value = self.present.val().value;
                self.b_slot.next = self.slot[i].val();
            }
            if self.at.val() == self.slot[i].val() {
                self.at_entry.next = self.present.val();
            }
            if !self.present.val().valid {
                self.room.next = true;
                self.free.next = self.slot[i].val();
            }

            if self.choose.val() && self.present.val().valid && !self.asked[i].q.val() && !self.moves[i].q.val().all() {
                self.choose.next = false;
                self.chosen_valid.d.next = true;
                self.chosen.d.next.slot = self.slot[i].val();
                self.chosen.d.next.key = self.present.val().key;
                self.asked[i].d.next = true;
            }
            if self.wake.val() {
                self.moves[i].d.next = bits::<8>(0);
            }
            if self.write_enable.val() && (self.write_slot.val() == self.slot[i].val()) {
                self.entry[i].d.next = self.write_entry.val();
                self.valid[i].d.next = self.write_entry.val().valid;
                self.asked[i].d.next = false;
                self.moves[i].d.next = bits::<8>(0);
                if self.write_moved.val() {
                    self.moves[i].d.next = self.moves[i].q.val() + 1;
                }
            }
        }
        self.candidate.payload.next = self.chosen.q.val();
        self.candidate.tvalid.next = self.chosen_valid.q.val();
    }
}
