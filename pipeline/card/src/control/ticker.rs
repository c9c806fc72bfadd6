//! The card's clock of timeouts: ticks since reset.
//!
//! Ports: `clocks_per_tick` (0: time stands still), `tick` (a pulse for each tick), `now` (ticks so far, counted from the clock
//! after the pulse on; wraps). Latency: a new length of the tick counts at once, for the tick under way too.

use nitro_components::register::Register;
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

/// Counts clocks into ticks, and ticks.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Ticker {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Clocks in a tick, 0 for none.
    pub clocks_per_tick: Signal<In, Bits<32>>,
    /// A tick ends with this clock.
    pub tick: Signal<Out, Bit>,
    /// Ticks so far.
    pub now: Signal<Out, Bits<24>>,
    /// Clocks of the tick so far.
    elapsed: Register<Bits<32>>,
    ticks: Register<Bits<24>>,
    ends: Signal<Local, Bit>,
}

impl Logic for Ticker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, elapsed, ticks);
        self.elapsed.reset.next = self.reset.val();
        self.ticks.reset.next = self.reset.val();
        // Not only at equality: the tick may have been made shorter. `elapsed` is below the length, or stands still, so it
        // never wraps.
        self.ends.next = self.clocks_per_tick.val().any() && (self.elapsed.q.val() >= (self.clocks_per_tick.val() - 1));
        if self.ends.val() {
            self.elapsed.d.next = bits::<32>(0);
            self.ticks.d.next = self.ticks.q.val() + 1;
        } else if self.clocks_per_tick.val().any() {
            self.elapsed.d.next = self.elapsed.q.val() + 1;
        }
        self.tick.next = self.ends.val();
        self.now.next = self.ticks.q.val();
    }
}
