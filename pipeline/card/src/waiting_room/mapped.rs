//! The mapping of the packet whose turn it is, if it had to be asked for.
//!
//! Ports: `ask`, `turn`, `tried`, `key` (the packet, while it waits here), `forget` (between two packets); `need`, `mapping` (the cache and the service behind it);
//! `parked` (the packet's turn is over), `known`, and what is known. Latency: that of the [service](crate::lookup::service), and 3 clocks more, in which the record is
//! completed.
//!
//! Drop reasons: `reason_of_miss` is `miss_buffer_full` (too many keys are asked for), `mapping_timeout` (the packet was woken without an answer), or
//! `cache_miss` (the service is not asked).

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, StreamTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::{DropReason, MappingKind};
use rust_hdl::prelude::*;

use super::COMPLETION;
use super::slots::Turn;
use crate::format::{MappingKey, MappingValue};
use crate::lookup::service::{MappingFound, MappingNeed};
use crate::reason::{Reason, kind, reason};
use crate::table::MAPPING_KEY;

/// Asks for one mapping at a time.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Mapped {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The packet waits for its mapping.
    pub ask: Signal<In, Bit>,
    /// The packet.
    pub turn: Signal<In, Turn>,
    /// It has been woken without an answer.
    pub tried: Signal<In, Bit>,
    /// The mapping's key.
    pub key: Signal<In, MappingKey>,
    /// No packet has its turn.
    pub forget: Signal<In, Bit>,
    /// Questions.
    pub need: StreamTx<MappingNeed>,
    /// Their answers.
    pub mapping: FlowRx<MappingFound>,
    /// The service is asked: the packet will be woken.
    pub parked: Signal<Out, Bit>,
    /// The answer is there, and the record is completed.
    pub known: Signal<Out, Bit>,
    /// There is a mapping.
    pub hit: Signal<Out, Bit>,
    /// It could not be asked for.
    pub full: Signal<Out, Bit>,
    /// Drop reason if there is none.
    pub reason_of_miss: Signal<Out, Bits<6>>,
    /// The mapping.
    pub value: Signal<Out, MappingValue>,
    /// Groups of whom the mapping is of.
    pub groups: Signal<Out, Bits<64>>,
    flat: Cast<MappingKey, Bits<MAPPING_KEY>>,
    asked: Register<Bit>,
    answered: Register<Bit>,
    wait: DFF<Bits<2>>,
    found: DFF<MappingFound>,
    is_known: Signal<Local, Bit>,
    completion: Constant<Bits<2>>,
    negative: Constant<Bits<3>>,
    buffer_full: Reason,
    timeout: Reason,
    cache_miss: Reason,
}

impl Default for Mapped {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            ask: Signal::default(),
            turn: Signal::default(),
            tried: Signal::default(),
            key: Signal::default(),
            forget: Signal::default(),
            need: StreamTx::default(),
            mapping: FlowRx::default(),
            parked: Signal::default(),
            known: Signal::default(),
            hit: Signal::default(),
            full: Signal::default(),
            reason_of_miss: Signal::default(),
            value: Signal::default(),
            groups: Signal::default(),
            flat: Cast::default(),
            asked: Register::default(),
            answered: Register::default(),
            wait: DFF::default(),
            found: DFF::default(),
            is_known: Signal::default(),
            completion: Constant::new(COMPLETION.into()),
            negative: kind(MappingKind::Negative),
            buffer_full: reason(DropReason::MissBufferFull),
            timeout: reason(DropReason::MappingTimeout),
            cache_miss: reason(DropReason::CacheMiss),
        }
    }
}

impl Logic for Mapped {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asked, answered, wait, found);
        self.asked.reset.next = self.reset.val();
        self.answered.reset.next = self.reset.val();
        self.flat.i.next = self.key.val();
        self.need.payload.next.turn = self.turn.val();
        self.need.payload.next.tried = self.tried.val();
        self.need.payload.next.key = self.flat.o.val();
        self.need.tvalid.next = self.ask.val() && !self.asked.q.val();
        self.parked.next = self.mapping.tvalid.val() && self.mapping.payload.val().parked;
        if self.need.tvalid.val() && self.need.tready.val() {
            self.asked.d.next = true;
        }
        if self.wait.q.val() != 0 {
            self.wait.d.next = self.wait.q.val() - 1;
        }
        if self.mapping.tvalid.val() {
            self.answered.d.next = true;
            self.wait.d.next = self.completion.val();
            self.found.d.next = self.mapping.payload.val();
        }
        if self.forget.val() {
            self.asked.d.next = false;
            self.answered.d.next = false;
        }

        self.is_known.next = self.answered.q.val() && (self.wait.q.val() == 0);
        self.known.next = self.is_known.val();
        self.hit.next = self.found.q.val().hit;
        self.full.next = self.found.q.val().full;
        self.value.next = self.found.q.val().value;
        self.reason_of_miss.next = self.cache_miss.val();
        if self.found.q.val().full {
            self.reason_of_miss.next = self.buffer_full.val();
        } else if self.tried.val() {
            self.reason_of_miss.next = self.timeout.val();
        }
        self.groups.next = bits::<64>(0);
        if self.found.q.val().hit && (self.found.q.val().value.kind != self.negative.val()) {
            self.groups.next = self.found.q.val().value.groups;
        }
    }
}
