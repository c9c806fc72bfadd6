//! The card's counters: for each path what became of its frames, how many entered, and how many it holds.
//!
//! Those of the interfaces are elsewhere ([`crate::allowances::counters`]), but share the snapshot.
//!
//! Ports: `tx_received`, `rx_received` (a frame enters its path), `tx_event`, `rx_event` (its verdict), `tx_made` (a frame is made besides), `select` (take a snapshot),
//! `eni_select`, `eni_value` (of a counter of an interface), `snapshot`, `tx_held`, `rx_held`, `ready`. A snapshot is there 2 clocks after it was asked for. Packets and bytes of one counter are read
//! at once, so they belong together. `received = passed + replied + drops + held`, always.

use nitro_components::counter_bank::{CounterBank, CounterValue};
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::Verdict;
use nitro_wire::counters::{MADE, PASSED, RECEIVED, REPLIED};
use rust_hdl::prelude::*;

use crate::allowances::counters::EniCounterSelect;
use crate::record::Event;

/// Bits of a counter's index.
pub const INDEX: usize = 6;
/// Bits of the count of frames under way.
pub const HELD: usize = 12;

/// Names a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct CounterSelect {
    /// An interface's counter, not a path's.
    pub of_eni: Bit,
    /// That interface.
    pub eni: Bits<8>,
    /// 0 tx, 1 rx.
    pub bank: Bit,
    /// Index (`nitro_wire::counters`).
    pub index: Bits<INDEX>,
}

/// Counters of one path.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct PathCounters {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// A frame of so many bytes enters the path.
    pub received: FlowRx<Bits<14>>,
    /// What became of a frame.
    pub event: FlowRx<Event>,
    /// A frame of so many bytes was made for one that was dropped.
    pub made: FlowRx<Bits<14>>,
    /// Index of a counter to read.
    pub read: FlowRx<Bits<INDEX>>,
    /// Its value, 1 clock later.
    pub value: FlowTx<CounterValue>,
    /// Frames that entered and have no verdict yet.
    pub held: Signal<Out, Bits<HELD>>,
    /// The counters have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    verdicts: CounterBank<INDEX, 14>,
    entries: CounterBank<1, 14>,
    answers: CounterBank<1, 14>,
    read_entries_q: DFF<Bit>,
    read_answers_q: DFF<Bit>,
    held_q: Register<Bits<HELD>>,
    passed_index: Constant<Bits<INDEX>>,
    replied_index: Constant<Bits<INDEX>>,
    received_index: Constant<Bits<INDEX>>,
    made_index: Constant<Bits<INDEX>>,
    passed: Constant<Bits<2>>,
    replied: Constant<Bits<2>>,
}

impl Default for PathCounters {
    fn default() -> Self {
        let index = |index: u8| Constant::new(u64::from(index).to_bits());
        let verdict = |verdict: Verdict| Constant::new(u64::from(verdict.code()).to_bits());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            received: FlowRx::default(),
            event: FlowRx::default(),
            made: FlowRx::default(),
            read: FlowRx::default(),
            value: FlowTx::default(),
            held: Signal::default(),
            ready: Signal::default(),
            verdicts: CounterBank::default(),
            entries: CounterBank::default(),
            answers: CounterBank::default(),
            read_entries_q: DFF::default(),
            read_answers_q: DFF::default(),
            held_q: Register::default(),
            passed_index: index(PASSED),
            replied_index: index(REPLIED),
            received_index: index(RECEIVED),
            made_index: index(MADE),
            passed: verdict(Verdict::Pass),
            replied: verdict(Verdict::Reply),
        }
    }
}

impl Logic for PathCounters {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, verdicts, entries, answers);
        dff_setup!(self, clock, read_entries_q, read_answers_q, held_q);
        self.answers.reset.next = self.reset.val();
        self.verdicts.reset.next = self.reset.val();
        self.entries.reset.next = self.reset.val();
        self.held_q.reset.next = self.reset.val();
        self.ready.next = self.verdicts.ready.val() && self.entries.ready.val() && self.answers.ready.val();

        self.verdicts.rx.tvalid.next = self.event.tvalid.val();
        self.verdicts.rx.payload.next.amount = self.event.payload.val().length;
        self.verdicts.rx.payload.next.index = self.event.payload.val().reason;
        if self.event.payload.val().verdict == self.passed.val() {
            self.verdicts.rx.payload.next.index = self.passed_index.val();
        } else if self.event.payload.val().verdict == self.replied.val() {
            self.verdicts.rx.payload.next.index = self.replied_index.val();
        }
        self.entries.rx.tvalid.next = self.received.tvalid.val();
        self.entries.rx.payload.next.index = bits::<1>(0);
        self.entries.rx.payload.next.amount = self.received.payload.val();
        self.answers.rx.tvalid.next = self.made.tvalid.val();
        self.answers.rx.payload.next.index = bits::<1>(0);
        self.answers.rx.payload.next.amount = self.made.payload.val();

        if self.received.tvalid.val() && !self.event.tvalid.val() {
            self.held_q.d.next = self.held_q.q.val() + 1;
        } else if self.event.tvalid.val() && !self.received.tvalid.val() {
            self.held_q.d.next = self.held_q.q.val() - 1;
        }
        self.held.next = self.held_q.q.val();

        self.verdicts.read.tvalid.next = self.read.tvalid.val();
        self.verdicts.read.payload.next = self.read.payload.val();
        self.entries.read.tvalid.next = self.read.tvalid.val();
        self.entries.read.payload.next = bits::<1>(0);
        self.answers.read.tvalid.next = self.read.tvalid.val();
        self.answers.read.payload.next = bits::<1>(0);
        if self.read.tvalid.val() {
            self.read_entries_q.d.next = self.read.payload.val() == self.received_index.val();
            self.read_answers_q.d.next = self.read.payload.val() == self.made_index.val();
        }
        self.value.tvalid.next = self.verdicts.value.tvalid.val();
        self.value.payload.next = self.verdicts.value.payload.val();
        if self.read_entries_q.q.val() {
            self.value.payload.next = self.entries.value.payload.val();
        } else if self.read_answers_q.q.val() {
            self.value.payload.next = self.answers.value.payload.val();
        }
    }
}

/// Counters of both paths, and the snapshot.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Counters {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// A frame of so many bytes enters the tx path.
    pub tx_received: FlowRx<Bits<14>>,
    /// A frame of so many bytes enters the rx path.
    pub rx_received: FlowRx<Bits<14>>,
    /// Verdicts of the tx path.
    pub tx_event: FlowRx<Event>,
    /// Verdicts of the rx path.
    pub rx_event: FlowRx<Event>,
    /// A frame of so many bytes was made by the tx path.
    pub tx_made: FlowRx<Bits<14>>,
    /// Take a snapshot of a counter.
    pub select: FlowRx<CounterSelect>,
    /// It is an interface's: read it.
    pub eni_select: FlowTx<EniCounterSelect>,
    /// Its value, 1 clock later.
    pub eni_value: FlowRx<Bits<64>>,
    /// The last snapshot.
    pub snapshot: Signal<Out, CounterValue>,
    /// The snapshot asked for is not there yet.
    pub busy: Signal<Out, Bit>,
    /// Frames that the tx path holds.
    pub tx_held: Signal<Out, Bits<HELD>>,
    /// Frames that the rx path holds.
    pub rx_held: Signal<Out, Bits<HELD>>,
    /// The counters have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    tx_counters: PathCounters,
    rx_counters: PathCounters,
    of_eni_q: DFF<Bit>,
    bank_q: DFF<Bit>,
    busy_q: Register<Bit>,
    snapshot_q: DFF<CounterValue>,
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, tx_counters, rx_counters);
        dff_setup!(self, clock, of_eni_q, bank_q, busy_q, snapshot_q);
        self.tx_counters.reset.next = self.reset.val();
        self.rx_counters.reset.next = self.reset.val();
        self.busy_q.reset.next = self.reset.val();
        FlowRx::<Bits<14>>::link(&mut self.tx_received, &mut self.tx_counters.received);
        FlowRx::<Bits<14>>::link(&mut self.rx_received, &mut self.rx_counters.received);
        FlowRx::<Event>::link(&mut self.tx_event, &mut self.tx_counters.event);
        FlowRx::<Bits<14>>::link(&mut self.tx_made, &mut self.tx_counters.made);
        self.rx_counters.made.payload.next = bits::<14>(0);
        self.rx_counters.made.tvalid.next = false;
        FlowRx::<Event>::link(&mut self.rx_event, &mut self.rx_counters.event);
        self.tx_held.next = self.tx_counters.held.val();
        self.rx_held.next = self.rx_counters.held.val();
        self.ready.next = self.tx_counters.ready.val() && self.rx_counters.ready.val();

        self.tx_counters.read.tvalid.next = self.select.tvalid.val();
        self.tx_counters.read.payload.next = self.select.payload.val().index;
        self.rx_counters.read.tvalid.next = self.select.tvalid.val();
        self.rx_counters.read.payload.next = self.select.payload.val().index;
        self.eni_select.tvalid.next = self.select.tvalid.val() && self.select.payload.val().of_eni;
        self.eni_select.payload.next.eni = self.select.payload.val().eni;
        self.eni_select.payload.next.index = self.select.payload.val().index;
        if self.eni_value.tvalid.val() && self.of_eni_q.q.val() {
            self.busy_q.d.next = false;
            self.snapshot_q.d.next.events = self.eni_value.payload.val();
            self.snapshot_q.d.next.amount = bits::<64>(0);
        } else if self.tx_counters.value.tvalid.val() && !self.of_eni_q.q.val() {
            self.busy_q.d.next = false;
            if self.bank_q.q.val() {
                self.snapshot_q.d.next = self.rx_counters.value.payload.val();
            } else {
                self.snapshot_q.d.next = self.tx_counters.value.payload.val();
            }
        }
        if self.select.tvalid.val() {
            self.busy_q.d.next = true;
            self.of_eni_q.d.next = self.select.payload.val().of_eni;
            self.bank_q.d.next = self.select.payload.val().bank;
        }
        self.snapshot.next = self.snapshot_q.q.val();
        self.busy.next = self.busy_q.q.val();
    }
}
