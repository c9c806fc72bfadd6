//! The flows that have packets in the waiting room, and the order of each flow's packets.
//!
//! Ports: `tag`, `hit`, `room`; `append`, `index`; `ready`; `finish`, `finished`, `tried`; `wake`. Latency: 0 clocks for `hit`; a packet
//! is `ready` from the clock after its `append`, or after the `finish` of the one before it.
//!
//! A slot has the packets of one flow, as a list of their places in the room's memory, oldest first. Flows are told apart by the
//! 32-bit tag of their hash: two flows of one tag share a slot, so that they wait for each other and nothing worse. The oldest packet of a slot is
//! offered at `ready` once, and when it has been dealt with, `finish` makes room for the next one. A slot without packets is free.
//! A packet that was not finished, as it has to wait for a reply, is offered again when `wake` names its slot; if without an answer, it is `tried` from then on.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, StreamTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::lookup::queries::Wake;

/// Bits of a slot's number and of a place's.
pub const PLACE: usize = 8;
/// Bits of a tag.
pub const TAG: usize = 32;

/// A packet to be dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Turn {
    /// Its flow's slot.
    pub slot: Bits<PLACE>,
    /// Its place in the memory.
    pub index: Bits<PLACE>,
}

/// `2^SA` flows, and `2^NA` packets in all.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct FlowSlots<const SA: usize, const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The flow of the packet that is looked at.
    pub tag: Signal<In, Bits<TAG>>,
    /// It has packets here, which are older.
    pub hit: Signal<Out, Bit>,
    /// It has packets here, or there is a free slot.
    pub room: Signal<Out, Bit>,
    /// The same in a clock in which the packet that is looked at in `finished` is finished.
    pub room_after: Signal<Out, Bit>,
    /// Put the packet at the end of its flow; only with `room`, or `room_after` and `finish`.
    pub append: Signal<In, Bit>,
    /// Its place in the memory.
    pub index: Signal<In, Bits<PLACE>>,
    /// Packets to be dealt with.
    pub ready: StreamTx<Turn>,
    /// The oldest packet of a slot has been dealt with.
    pub finish: Signal<In, Bit>,
    /// Which one, or one that is looked at.
    pub finished: Signal<In, Turn>,
    /// That one has been tries without an answer.
    pub tried: Signal<Out, Bit>,
    /// The oldest packet of a slot is to be dealt with again.
    pub wake: FlowRx<Wake>,

    used: Vec<Register<Bit>>,
    due: Vec<Register<Bit>>,
    tries: Vec<Register<Bit>>,
    tags: Vec<DFF<Bits<TAG>>>,
    first: Vec<DFF<Bits<PLACE>>>,
    last: Vec<DFF<Bits<PLACE>>>,
    /// What follows a packet in its slot.
    follower: RamDistributed<Bits<PLACE>, NA>,
    /// Where the search for the next packet begins, so that no slot is passed over for ever.
    after: Register<Bits<PLACE>>,

    number: Vec<Constant<Bits<PLACE>>>,
    found: Signal<Local, Bit>,
    vacant: Signal<Local, Bit>,
    match_slot: Signal<Local, Bits<PLACE>>,
    free_slot: Signal<Local, Bits<PLACE>>,
    target: Signal<Local, Bits<PLACE>>,
    tail: Signal<Local, Bits<PLACE>>,
    head: Signal<Local, Bits<PLACE>>,
    only: Signal<Local, Bit>,
    any_due: Signal<Local, Bit>,
    any_after: Signal<Local, Bit>,
    lowest: Signal<Local, Turn>,
    lowest_after: Signal<Local, Turn>,
    turn: Signal<Local, Turn>,
    given: Signal<Local, Bit>,
    joins: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    nothing: Constant<Turn>,
}

impl<const SA: usize, const NA: usize> Default for FlowSlots<SA, NA> {
    /// # Panics
    /// If there are more slots or packets than a place can name.
    fn default() -> Self {
        assert!(SA <= PLACE && NA <= PLACE, "2^{SA} slots and 2^{NA} packets have no numbers of {PLACE} bits");
        let slots = 1 << SA;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            tag: Signal::default(),
            hit: Signal::default(),
            room: Signal::default(),
            room_after: Signal::default(),
            append: Signal::default(),
            index: Signal::default(),
            ready: StreamTx::default(),
            finish: Signal::default(),
            finished: Signal::default(),
            tried: Signal::default(),
            wake: FlowRx::default(),
            used: (0..slots).map(|_| Register::default()).collect(),
            due: (0..slots).map(|_| Register::default()).collect(),
            tries: (0..slots).map(|_| Register::default()).collect(),
            tags: (0..slots).map(|_| DFF::default()).collect(),
            first: (0..slots).map(|_| DFF::default()).collect(),
            last: (0..slots).map(|_| DFF::default()).collect(),
            follower: RamDistributed::default(),
            after: Register::default(),
            number: (0..slots).map(|slot: u64| Constant::new(slot.into())).collect(),
            found: Signal::default(),
            vacant: Signal::default(),
            match_slot: Signal::default(),
            free_slot: Signal::default(),
            target: Signal::default(),
            tail: Signal::default(),
            head: Signal::default(),
            only: Signal::default(),
            any_due: Signal::default(),
            any_after: Signal::default(),
            lowest: Signal::default(),
            lowest_after: Signal::default(),
            turn: Signal::default(),
            given: Signal::default(),
            joins: Signal::default(),
            leaves: Signal::default(),
            nothing: Constant::new(Turn::default()),
        }
    }
}

impl<const SA: usize, const NA: usize> Logic for FlowSlots<SA, NA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, follower);
        dff_setup!(self, clock, after);
        self.after.reset.next = self.reset.val();

        // Whose packet is it? Of free slots the last one is taken.
        self.found.next = false;
        self.vacant.next = false;
        self.match_slot.next = bits::<PLACE>(0);
        self.free_slot.next = bits::<PLACE>(0);
        self.tail.next = bits::<PLACE>(0);
        self.head.next = bits::<PLACE>(0);
        self.only.next = false;
        self.tried.next = false;
        for i in 0..self.used.len() {
            if self.used[i].q.val() && (self.tags[i].q.val() == self.tag.val()) {
                self.found.next = true;
                self.match_slot.next = self.number[i].val();
                self.tail.next = self.last[i].q.val();
            }
            if !self.used[i].q.val() {
                self.vacant.next = true;
                self.free_slot.next = self.number[i].val();
            }
            if self.finished.val().slot == self.number[i].val() {
                self.head.next = self.first[i].q.val();
                self.only.next = self.first[i].q.val() == self.last[i].q.val();
                self.tried.next = self.tries[i].q.val();
            }
        }
        self.hit.next = self.found.val();
        self.room.next = self.found.val() || self.vacant.val();
        self.room_after.next = self.found.val() || self.vacant.val() || self.only.val();
        self.target.next = self.free_slot.val();
        if !self.vacant.val() {
            self.target.next = self.finished.val().slot;
        }
        if self.found.val() {
            self.target.next = self.match_slot.val();
        }

        // The lists. What is appended follows what was last; what is finished was first.
        self.follower.write_address.next = bit_cast::<NA, PLACE>(self.tail.val());
        self.follower.write_data.next = self.index.val();
        self.follower.write_enable.next = self.append.val() && self.found.val();
        self.follower.read_address.next = bit_cast::<NA, PLACE>(self.head.val());

        // Turns: the first slot from `after` on whose oldest packet waits to be dealt with.
        self.any_due.next = false;
        self.any_after.next = false;
        self.lowest.next = self.nothing.val();
        self.lowest_after.next = self.nothing.val();
        for i in 0..self.used.len() {
            if self.due[i].q.val() && !self.any_due.val() {
                self.lowest.next.slot = self.number[i].val();
                self.lowest.next.index = self.first[i].q.val();
            }
            if self.due[i].q.val() && !self.any_after.val() && (self.number[i].val() >= self.after.q.val()) {
                self.lowest_after.next.slot = self.number[i].val();
                self.lowest_after.next.index = self.first[i].q.val();
            }
            if self.due[i].q.val() {
                self.any_due.next = true;
            }
            if self.due[i].q.val() && (self.number[i].val() >= self.after.q.val()) {
                self.any_after.next = true;
            }
        }
        self.turn.next = self.lowest.val();
        if self.any_after.val() {
            self.turn.next = self.lowest_after.val();
        }
        self.ready.payload.next = self.turn.val();
        self.ready.tvalid.next = self.any_due.val();
        self.given.next = self.any_due.val() && self.ready.tready.val();
        if self.given.val() {
            self.after.d.next = self.turn.val().slot + 1;
        }

        for i in 0..self.used.len() {
            self.used[i].clock.next = self.clock.val();
            self.used[i].reset.next = self.reset.val();
            self.used[i].d.next = self.used[i].q.val();
            self.due[i].clock.next = self.clock.val();
            self.due[i].reset.next = self.reset.val();
            self.due[i].d.next = self.due[i].q.val();
            self.tries[i].clock.next = self.clock.val();
            self.tries[i].reset.next = self.reset.val();
            self.tries[i].d.next = self.tries[i].q.val();
            self.tags[i].clock.next = self.clock.val();
            self.tags[i].d.next = self.tags[i].q.val();
            self.first[i].clock.next = self.clock.val();
            self.first[i].d.next = self.first[i].q.val();
            self.last[i].clock.next = self.clock.val();
            self.last[i].d.next = self.last[i].q.val();
            self.joins.next = self.append.val() && (self.target.val() == self.number[i].val());
            self.leaves.next = self.finish.val() && (self.finished.val().slot == self.number[i].val());
            if self.wake.tvalid.val() && (self.wake.payload.val().turn.slot == self.number[i].val()) {
                self.due[i].d.next = true;
                self.tries[i].d.next = !self.wake.payload.val().answered;
            }
            if self.given.val() && (self.turn.val().slot == self.number[i].val()) {
                self.due[i].d.next = false;
            }
            if self.joins.val() {
                self.last[i].d.next = self.index.val();
            }
            if self.joins.val() && !self.found.val() {
                self.used[i].d.next = true;
                self.due[i].d.next = true;
                self.tries[i].d.next = false;
                self.tags[i].d.next = self.tag.val();
                self.first[i].d.next = self.index.val();
            } else if self.leaves.val() {
                self.tries[i].d.next = false;
                if !self.only.val() {
                    self.first[i].d.next = self.follower.read_data.val();
                    self.due[i].d.next = true;
                } else if self.joins.val() {
                    self.first[i].d.next = self.index.val();
                    self.due[i].d.next = true;
                } else {
                    self.used[i].d.next = false;
                }
            }
        }
    }
}
