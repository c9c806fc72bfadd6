//! Verdicts of first fragments, handed on from packet to packet in the room.
//!
//! Ports: `place`, `link`, `before`, `settle`, `settled`; `leave`, `left`, `is_later`, `own`, `inherited`, `bequest`;
//! `ready`. Latency: 0 clocks for `inherited` and `bequest`; what is stored shows in the next clock. Nothing is linked or
//! settled in the clock of a `leave`.
//!
//! The fragments of a datagram that are in the room are a list, each with the next one's place as its heir. The first one has
//! a verdict when it leaves; every other one has inherited it by then, as it leaves after the one before it: both are in one
//! slot. A later fragment whose first one is decided when it comes, and that only waits for older packets, brings the verdict
//! along.
//!
//! The lists do not depend on what the [datagrams](super::fragments) remember meanwhile.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::Flow;
use rust_hdl::prelude::*;

use super::fragments::Inherited;
use super::slots::PLACE;

/// The later fragment that comes next in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Heir {
    /// There is one.
    pub exists: Bit,
    /// Its place.
    pub place: Bits<PLACE>,
}

/// Heirs of packets at `2^NA` places.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Heirs<const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Nobody has an heir after reset. Until then nothing may be linked.
    pub ready: Signal<Out, Bit>,
    /// The place of a later fragment that is stored.
    pub place: Signal<In, Bits<PLACE>>,
    /// It is the heir of another packet.
    pub link: Signal<In, Bit>,
    /// Of this one.
    pub before: Signal<In, Bits<PLACE>>,
    /// It brings a verdict along.
    pub settle: Signal<In, Bit>,
    /// This one.
    pub settled: Signal<In, Inherited>,
    /// A packet leaves the room.
    pub leave: Signal<In, Bit>,
    /// It, or one that is about to leave: its place.
    pub left: Signal<In, Bits<PLACE>>,
    /// It is a later fragment.
    pub is_later: Signal<In, Bit>,
    /// Its own verdict.
    pub own: Signal<In, Inherited>,
    /// What a later fragment has inherited.
    pub inherited: Signal<Out, Inherited>,
    /// The verdict that others of its datagram get.
    pub bequest: Signal<Out, Inherited>,

    heirs: RamDistributed<Heir, NA>,
    verdicts: RamDistributed<Inherited, NA>,
    clearing: Register<Bit>,
    clear: Register<Bits<NA>>,
    handed: Signal<Local, Inherited>,
    no_heir: Constant<Heir>,
    kind_new: Constant<Bits<3>>,
    kind_established: Constant<Bits<3>>,
}

impl<const NA: usize> Default for Heirs<NA> {
    fn default() -> Self {
        let kind = |flow: Flow| Constant::new(u64::from(flow.code()).into());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            ready: Signal::default(),
            place: Signal::default(),
            link: Signal::default(),
            before: Signal::default(),
            settle: Signal::default(),
            settled: Signal::default(),
            leave: Signal::default(),
            left: Signal::default(),
            is_later: Signal::default(),
            own: Signal::default(),
            inherited: Signal::default(),
            bequest: Signal::default(),
            heirs: RamDistributed::default(),
            verdicts: RamDistributed::default(),
            clearing: Register::new(true),
            clear: Register::default(),
            handed: Signal::default(),
            no_heir: Constant::new(Heir::default()),
            kind_new: kind(Flow::New),
            kind_established: kind(Flow::Established),
        }
    }
}

impl<const NA: usize> Logic for Heirs<NA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, heirs, verdicts);
        dff_setup!(self, clock, clearing, clear);
        self.clearing.reset.next = self.reset.val();
        self.clear.reset.next = self.reset.val();
        self.ready.next = !self.clearing.q.val();

        self.heirs.read_address.next = bit_cast::<NA, PLACE>(self.left.val());
        self.verdicts.read_address.next = bit_cast::<NA, PLACE>(self.left.val());
        self.inherited.next = self.verdicts.read_data.val();
        self.handed.next = self.own.val();
        if self.is_later.val() {
            self.handed.next = self.verdicts.read_data.val();
        } else if (self.own.val().reason == 0) && (self.own.val().kind == self.kind_new.val()) {
            // The first one of a connection made it.
            self.handed.next.kind = self.kind_established.val();
        }
        self.bequest.next = self.handed.val();

        self.verdicts.write_address.next = bit_cast::<NA, PLACE>(self.place.val());
        self.verdicts.write_data.next = self.settled.val();
        self.verdicts.write_enable.next = self.settle.val();
        if self.leave.val() {
            self.verdicts.write_address.next = bit_cast::<NA, PLACE>(self.heirs.read_data.val().place);
            self.verdicts.write_data.next = self.handed.val();
            self.verdicts.write_enable.next = self.heirs.read_data.val().exists;
        }

        // A place that is free has no heir.
        self.heirs.write_address.next = bit_cast::<NA, PLACE>(self.before.val());
        self.heirs.write_data.next.exists = true;
        self.heirs.write_data.next.place = self.place.val();
        self.heirs.write_enable.next = self.link.val();
        if self.clearing.q.val() {
            self.heirs.write_address.next = self.clear.q.val();
            self.heirs.write_data.next = self.no_heir.val();
            self.heirs.write_enable.next = true;
            self.clear.d.next = self.clear.q.val() + 1;
            if self.clear.q.val().all() {
                self.clearing.d.next = false;
            }
        } else if self.leave.val() {
            self.heirs.write_address.next = bit_cast::<NA, PLACE>(self.left.val());
            self.heirs.write_data.next = self.no_heir.val();
            self.heirs.write_enable.next = true;
        }
    }
}
