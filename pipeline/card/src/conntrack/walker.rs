//! The ageing sweeper's way: every place of the table, once a tick.
//!
//! Ports: `tx` (stream of places), `tick`, `waiting`, `answered`, `visited_last`, `swept`, `refuses`. Latency: a walk begins in the second
//! clock of a tick, or after the walk before it has ended.
//!
//! `swept` says that a walk has ended that began in the present tick. Then insertions may be refused; and, so that fast ticks keep
//! nobody waiting forever, the insertion that is `waiting` may also be if a walk has ended that began since it does.

use nitro_components::cuckoo::PLACE;
use nitro_components::register::Register;
use nitro_components::stream::StreamTx;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

/// A place to visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Visit {
    /// It is the walk's last one.
    pub last: Bit,
    /// Its number.
    pub place: Bits<PLACE>,
}

/// Walks.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Walker {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Places to visit.
    pub tx: StreamTx<Visit>,
    /// The present tick.
    pub tick: Signal<In, Bits<24>>,
    /// An insertion waits for a walk.
    pub waiting: Signal<In, Bit>,
    /// The oldest insertion has its answer.
    pub answered: Signal<In, Bit>,
    /// The last place has been visited.
    pub visited_last: Signal<In, Bit>,
    /// The table has been swept.
    pub swept: Signal<Out, Bit>,
    /// The next insertion may be refused.
    pub refuses: Signal<Out, Bit>,
    walks: Register<Bit>,
    visits: Register<Bit>,
    place: Register<Bits<PLACE>>,
    began: DFF<Bits<24>>,
    serves: DFF<Bit>,
    is_swept: Register<Bit>,
    served: Register<Bit>,
    last_tick: DFF<Bits<24>>,
    last: Constant<Bits<PLACE>>,
}

impl Walker {
    /// For so many places.
    ///
    /// # Panics
    /// If there are more than numbers.
    #[must_use]
    pub fn new(places: usize) -> Self {
        assert!((1..=1 << PLACE).contains(&places), "{places} places cannot be numbered");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            tx: StreamTx::default(),
            tick: Signal::default(),
            waiting: Signal::default(),
            answered: Signal::default(),
            visited_last: Signal::default(),
            swept: Signal::default(),
            refuses: Signal::default(),
            walks: Register::default(),
            visits: Register::default(),
            place: Register::default(),
            began: DFF::default(),
            serves: DFF::default(),
            is_swept: Register::default(),
            served: Register::default(),
            last_tick: DFF::default(),
            last: Constant::new((places - 1).to_bits()),
        }
    }
}

impl Logic for Walker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, walks, visits, place, began, serves, is_swept, served, last_tick);
        self.walks.reset.next = self.reset.val();
        self.visits.reset.next = self.reset.val();
        self.place.reset.next = self.reset.val();
        self.is_swept.reset.next = self.reset.val();
        self.served.reset.next = self.reset.val();

        self.tx.payload.next.place = self.place.q.val();
        self.tx.payload.next.last = self.place.q.val() == self.last.val();
        self.tx.tvalid.next = self.visits.q.val();
        if self.visits.q.val() && self.tx.tready.val() {
            self.place.d.next = self.place.q.val() + 1;
            if self.place.q.val() == self.last.val() {
                self.visits.d.next = false;
            }
        }
        self.last_tick.d.next = self.tick.val();
        if self.tick.val() != self.last_tick.q.val() {
            self.is_swept.d.next = false;
        }
        if !self.walks.q.val() && !self.is_swept.q.val() {
            self.walks.d.next = true;
            self.visits.d.next = true;
            self.place.d.next = bits::<PLACE>(0);
            self.began.d.next = self.tick.val();
            self.serves.d.next = self.waiting.val();
        }
        if self.answered.val() {
            self.served.d.next = false;
        }
        if self.walks.q.val() && self.visited_last.val() {
            self.walks.d.next = false;
            self.served.d.next = self.serves.q.val();
            if self.began.q.val() == self.tick.val() {
                self.is_swept.d.next = true;
            }
        }
        self.swept.next = self.is_swept.q.val();
        self.refuses.next = self.is_swept.q.val() || self.served.q.val();
    }
}
