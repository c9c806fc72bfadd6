//! Whether packets are in the room whose mappings were found before some moment.
//!
//! Ports: `mark` (that moment), `draining`; `store`, `place` (a packet that has its mapping comes), `leave`, `left` (a packet leaves), `finds` (the packet whose
//! turn it is has found its mapping now), `ends` (its turn is over). Latency: 0 clocks from the clock after `mark`.
//!
//! Packets are of one of two colours, which changes with each mark, and those of each are counted. A mark must not come while packets of the one before
//! are there.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::slots::PLACE;

/// How a packet is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Colour {
    /// It is.
    pub counted: Bit,
    /// Under this colour.
    pub colour: Bit,
}

/// Packets at `2^NA` places.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Drain<const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From the next clock on packets are of the other colour.
    pub mark: Signal<In, Bit>,
    /// Packets from before the last mark are there.
    pub draining: Signal<Out, Bit>,
    /// A packet is stored.
    pub store: Signal<In, Bit>,
    /// It has its mapping.
    pub has_mapping: Signal<In, Bit>,
    /// Where.
    pub place: Signal<In, Bits<PLACE>>,
    /// A packet leaves.
    pub leave: Signal<In, Bit>,
    /// Where from.
    pub left: Signal<In, Bits<PLACE>>,
    /// The packet whose turn it is finds its mapping.
    pub finds: Signal<In, Bit>,
    /// No packet has its turn.
    pub ends: Signal<In, Bit>,
    colours: RamDistributed<Colour, NA>,
    colour: Register<Bit>,
    plain: Register<Bits<16>>,
    other: Register<Bits<16>>,
    found: Register<Bit>,
    found_colour: DFF<Bit>,
    comes: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    gone: Signal<Local, Colour>,
    up: Signal<Local, Bit>,
    down: Signal<Local, Bit>,
}

impl<const NA: usize> Logic for Drain<NA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, colours);
        dff_setup!(self, clock, colour, plain, other, found, found_colour);
        self.colour.reset.next = self.reset.val();
        self.plain.reset.next = self.reset.val();
        self.other.reset.next = self.reset.val();
        self.found.reset.next = self.reset.val();
        if self.mark.val() {
            self.colour.d.next = !self.colour.q.val();
        }
        self.comes.next = self.store.val() && self.has_mapping.val();
        self.colours.write_address.next = bit_cast::<NA, PLACE>(self.place.val());
        self.colours.write_data.next.counted = self.has_mapping.val();
        self.colours.write_data.next.colour = self.colour.q.val();
        self.colours.write_enable.next = self.store.val();
        self.colours.read_address.next = bit_cast::<NA, PLACE>(self.left.val());
        self.gone.next = self.colours.read_data.val();
        self.goes.next = self.leave.val() && self.gone.val().counted;

        self.up.next = self.comes.val() && !self.colour.q.val();
        self.down.next = self.goes.val() && !self.gone.val().colour;
        if self.up.val() && !self.down.val() {
            self.plain.d.next = self.plain.q.val() + 1;
        } else if self.down.val() && !self.up.val() {
            self.plain.d.next = self.plain.q.val() - 1;
        }
        self.up.next = self.comes.val() && self.colour.q.val();
        self.down.next = self.goes.val() && self.gone.val().colour;
        if self.up.val() && !self.down.val() {
            self.other.d.next = self.other.q.val() + 1;
        } else if self.down.val() && !self.up.val() {
            self.other.d.next = self.other.q.val() - 1;
        }

        if self.finds.val() {
            self.found.d.next = true;
            self.found_colour.d.next = self.colour.q.val();
        } else if self.ends.val() {
            self.found.d.next = false;
        }
        self.draining.next = self.found.q.val() && (self.found_colour.q.val() != self.colour.q.val());
        if self.colour.q.val() {
            if self.plain.q.val() != 0 {
                self.draining.next = true;
            }
        } else if self.other.q.val() != 0 {
            self.draining.next = true;
        }
    }
}
