//! The datagrams that are arriving in fragments, and what became of their first fragments.
//!
//! Ports: `now`, `datagram`, `known`, `remembered`; `enter`, `entered`; `link`, `linked`; `decide`, `decided`. Latency: 0
//! clocks for `known`; changes show in the next clock. Not more than one of `enter`, `link` and `decide` in a clock.
//!
//! A datagram is compared with all that tells it from others, not with a hash of that: 304 bits in each of a few entries are
//! less than a pipeline that hashes them would be, they travel with the packet anyway, and no one can make two datagrams look
//! the same. Entries stand in the order in which they were made, youngest first: a new one moves the others on, up to the one
//! that it renews, or the oldest, which is forgotten. As all live equally long, those that end are the last ones.
//!
//! As long as packets of the datagram are in the room, its entry only knows the last one of them. That one is told the
//! verdict by the one before it, as the [room](super::room) does it, so it stays true even if the entry has been renewed or
//! forgotten in between; and when it leaves, the entry gets the verdict.
//!
//! Source: RFC 791 and RFC 8200, section 4.5 (what identifies a datagram).

use nitro_components::register::Register;
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::policy::{FRAGMENT_SECONDS, TICKS_PER_SECOND};
use rust_hdl::prelude::*;

use super::slots::{PLACE, TAG};

/// Width of a [`Datagram`].
const DATAGRAM: usize = 304;
/// Ticks that an entry lives: one more than the seconds have, as the tick of its first packet has passed in part.
const LIFE: u64 = FRAGMENT_SECONDS as u64 * TICKS_PER_SECOND as u64 + 1;

/// What tells the fragments of one datagram from others of the same path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Datagram {
    /// The interface.
    pub eni: Bits<8>,
    /// Its own address in the packet.
    pub own_ip: Bits<128>,
    /// The other one.
    pub peer_ip: Bits<128>,
    /// Protocol number.
    pub protocol: Bits<8>,
    /// Identification.
    pub identification: Bits<32>,
}

/// What a first fragment leaves to those that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Inherited {
    /// Drop reason, 0 for none.
    pub reason: Bits<6>,
    /// Kind of the followers' flow.
    pub kind: Bits<3>,
}

/// What is known of a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Remembered {
    /// Tag of the first fragment's flow.
    pub tag: Bits<TAG>,
    /// Its verdict is not known yet.
    pub waiting: Bit,
    /// While it is not: the last packet of the datagram in the room.
    pub last: Bits<PLACE>,
    /// The verdict; while it is not known, only its kind, as it was at first.
    pub inherited: Inherited,
}

/// Remembers some datagrams.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Fragments {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// The datagram of the packet that is looked at.
    pub datagram: Signal<In, Datagram>,
    /// It is remembered.
    pub known: Signal<Out, Bit>,
    /// As this.
    pub remembered: Signal<Out, Remembered>,
    /// The packet is a first fragment: remember its datagram.
    pub enter: Signal<In, Bit>,
    /// As this.
    pub entered: Signal<In, Remembered>,
    /// The packet is a later fragment, and goes to the room.
    pub link: Signal<In, Bit>,
    /// To this place.
    pub linked: Signal<In, Bits<PLACE>>,
    /// A packet leaves the room.
    pub decide: Signal<In, Bit>,
    /// This place.
    pub left: Signal<In, Bits<PLACE>>,
    /// With this verdict.
    pub decided: Signal<In, Inherited>,

    flat: Cast<Datagram, Bits<DATAGRAM>>,
    valid: Vec<Register<Bit>>,
    keys: Vec<DFF<Bits<DATAGRAM>>>,
    deadlines: Vec<DFF<Bits<24>>>,
    entries: Vec<DFF<Remembered>>,

    found: Signal<Local, Bit>,
    entry: Signal<Local, Remembered>,
    past: Signal<Local, Bits<24>>,
    alive: Signal<Local, Bit>,
    same: Signal<Local, Bit>,
    this: Signal<Local, Remembered>,
    // What moves into the next entry.
    moves: Signal<Local, Bit>,
    next_valid: Signal<Local, Bit>,
    next_key: Signal<Local, Bits<DATAGRAM>>,
    next_deadline: Signal<Local, Bits<24>>,
    next_entry: Signal<Local, Remembered>,
    life: Constant<Bits<24>>,
    nothing: Constant<Remembered>,
}

impl Fragments {
    /// Remembers so many datagrams.
    #[must_use]
    pub fn new(datagrams: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            now: Signal::default(),
            datagram: Signal::default(),
            known: Signal::default(),
            remembered: Signal::default(),
            enter: Signal::default(),
            entered: Signal::default(),
            link: Signal::default(),
            linked: Signal::default(),
            decide: Signal::default(),
            left: Signal::default(),
            decided: Signal::default(),
            flat: Cast::default(),
            valid: (0..datagrams).map(|_| Register::default()).collect(),
            keys: (0..datagrams).map(|_| DFF::default()).collect(),
            deadlines: (0..datagrams).map(|_| DFF::default()).collect(),
            entries: (0..datagrams).map(|_| DFF::default()).collect(),
            found: Signal::default(),
            entry: Signal::default(),
            past: Signal::default(),
            alive: Signal::default(),
            same: Signal::default(),
            this: Signal::default(),
            moves: Signal::default(),
            next_valid: Signal::default(),
            next_key: Signal::default(),
            next_deadline: Signal::default(),
            next_entry: Signal::default(),
            life: Constant::new(LIFE.into()),
            nothing: Constant::new(Remembered::default()),
        }
    }
}

impl Logic for Fragments {
    #[hdl_gen]
    fn update(&mut self) {
        self.flat.i.next = self.datagram.val();
        self.found.next = false;
        self.entry.next = self.nothing.val();
        self.moves.next = self.enter.val();
        self.next_valid.next = true;
        self.next_key.next = self.flat.o.val();
        self.next_deadline.next = self.now.val() + self.life.val();
        self.next_entry.next = self.entered.val();
        for i in 0..self.valid.len() {
            self.valid[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.keys[i].clock.next = self.clock.val();
            self.deadlines[i].clock.next = self.clock.val();
            self.entries[i].clock.next = self.clock.val();

            // Ticks wrap: a deadline lies ahead if it is less than half a turn away. What has ended is cleared at once, long
            // before it could seem to lie ahead again.
            self.past.next = self.now.val() - self.deadlines[i].q.val();
            self.alive.next = self.valid[i].q.val() && self.past.val().get_bit(23);
            self.same.next = self.alive.val() && (self.keys[i].q.val() == self.flat.o.val());
            self.this.next = self.entries[i].q.val();
            if self.same.val() {
                self.found.next = true;
                self.entry.next = self.this.val();
            }
            if self.same.val() && self.link.val() {
                self.this.next.last = self.linked.val();
            }
            if self.decide.val() && self.this.val().waiting && (self.this.val().last == self.left.val()) {
                self.this.next.waiting = false;
                self.this.next.inherited = self.decided.val();
            }

            self.valid[i].d.next = self.alive.val();
            self.keys[i].d.next = self.keys[i].q.val();
            self.deadlines[i].d.next = self.deadlines[i].q.val();
            self.entries[i].d.next = self.this.val();
            if self.moves.val() {
                self.valid[i].d.next = self.next_valid.val();
                self.keys[i].d.next = self.next_key.val();
                self.deadlines[i].d.next = self.next_deadline.val();
                self.entries[i].d.next = self.next_entry.val();
            }
            if self.same.val() {
                self.moves.next = false;
            }
            self.next_valid.next = self.alive.val();
            self.next_key.next = self.keys[i].q.val();
            self.next_deadline.next = self.deadlines[i].q.val();
            self.next_entry.next = self.this.val();
        }
        self.known.next = self.found.val();
        self.remembered.next = self.entry.val();
    }
}
