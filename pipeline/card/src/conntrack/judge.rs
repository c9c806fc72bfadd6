//! The end of a lookup: is the connection that the table has still there?
//!
//! Ports: `rx` (what the table has), `is_open`, `tick`, `write`, `tx`. Latency: [`LATENCY`]; one lookup per clock. The tick counts as
//! of the clock before the answer, changes of the state as of two clocks before.

use nitro_components::hash_table::HashResult;
use nitro_components::ram::Ram;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::record::{ConntrackHit, StateWrite};

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 2;

/// The part of a connection's state that a lookup needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Brief {
    generation: Bits<8>,
    closing: Bit,
    deadline: Bits<24>,
}

/// Judges lookups among `2^CA` connections.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Judge<const CA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// What the table has for a key: a connection's number.
    pub rx: FlowRx<HashResult<Bits<CA>>>,
    /// The key's packet is a SYN without ACK.
    pub is_open: Signal<In, Bit>,
    /// The present tick.
    pub tick: Signal<In, Bits<24>>,
    /// Changes of connections.
    pub write: FlowRx<StateWrite<CA>>,
    /// Answers.
    pub tx: FlowTx<ConntrackHit>,
    brief: Ram<Brief, CA, true>,
    asked: DFF<HashResult<Bits<CA>>>,
    opens: DFF<Bit>,
    asked_valid: Register<Bit>,
    present: Signal<Local, Brief>,
    elapsed: Signal<Local, Bits<24>>,
    answer: DFF<ConntrackHit>,
    answer_valid: Register<Bit>,
    none: Constant<ConntrackHit>,
}

impl<const CA: usize> Default for Judge<CA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            is_open: Signal::default(),
            tick: Signal::default(),
            write: FlowRx::default(),
            tx: FlowTx::default(),
            brief: Ram::default(),
            asked: DFF::default(),
            opens: DFF::default(),
            asked_valid: Register::default(),
            present: Signal::default(),
            elapsed: Signal::default(),
            answer: DFF::default(),
            answer_valid: Register::default(),
            none: Constant::new(ConntrackHit::default()),
        }
    }
}

impl<const CA: usize> Logic for Judge<CA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, brief);
        dff_setup!(self, clock, asked, opens, asked_valid, answer, answer_valid);
        self.asked_valid.reset.next = self.reset.val();
        self.answer_valid.reset.next = self.reset.val();

        self.brief.read_address.next = self.rx.payload.val().value;
        self.brief.read_enable.next = self.rx.tvalid.val();
        self.brief.write_address.next = self.write.payload.val().id;
        self.brief.write_data.next.generation = self.write.payload.val().state.generation;
        self.brief.write_data.next.closing = self.write.payload.val().closing;
        self.brief.write_data.next.deadline = self.write.payload.val().state.deadline;
        self.brief.write_enable.next = self.write.tvalid.val();
        self.asked_valid.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.asked.d.next = self.rx.payload.val();
            self.opens.d.next = self.is_open.val();
        }

        self.present.next = self.brief.read_data.val();
        self.elapsed.next = self.tick.val() - self.present.val().deadline;
        self.answer_valid.d.next = self.asked_valid.q.val();
        if self.asked_valid.q.val() {
            self.answer.d.next = self.none.val();
            // The deadline lies ahead: modulo arithmetic.
            if self.asked.q.val().hit
                && self.elapsed.val().get_bit(23)
                && !(self.present.val().closing && self.opens.q.val())
            {
                self.answer.d.next.hit = true;
                self.answer.d.next.id = bit_cast::<16, CA>(self.asked.q.val().value);
                self.answer.d.next.generation = self.present.val().generation;
            }
        }
        self.tx.payload.next = self.answer.q.val();
        self.tx.tvalid.next = self.answer_valid.q.val();
    }
}
