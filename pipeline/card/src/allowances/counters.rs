//! Counters of the interfaces: what each lost because of its allowances, and how many connections it may yet have.
//!
//! Ports: `tx_event`, `rx_event` (verdicts), `rx_eni` (whom the packet of `rx_event` was for, dropped or not), `read`, `value`; `allowance_rx`,
//! `allowance_tx` (to connection tracking, which knows the gauge); `ready`. Latency: a verdict counts 2 clocks after it; `value` comes
//! 1 clock after `read`. The two paths count apart, so that both may in one clock; they are read at once and added up, so a value
//! is never torn. After reset all counters are cleared, one a clock. Counters wrap. What is not there reads as 0.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::Verdict;
use nitro_wire::counters::EniCounter;
use rust_hdl::prelude::*;

use crate::conntrack::record::ConntrackAllowance;
use crate::reason::{Reason, reason};
use crate::record::Event;

/// Bits of a counter's index within an interface.
const INDEX: usize = 3;

/// Names a counter of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct EniCounterSelect {
    /// The interface.
    pub eni: Bits<8>,
    /// Index (`nitro_wire::counters::EniCounter`).
    pub index: Bits<6>,
}

/// Counters of the interfaces for one path.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct PathEniCounters<const EC: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// What became of a packet.
    pub event: FlowRx<Event>,
    /// Its interface, if the reason is that of an allowance.
    pub eni: Signal<In, Bits<8>>,
    /// Row to read: interface, index.
    pub row: Signal<In, Bits<EC>>,
    /// Its value, within the clock.
    pub value: Signal<Out, Bits<64>>,
    /// The counters have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    counts: RamDistributed<Bits<64>, EC>,
    /// A copy to look at.
    copy: RamDistributed<Bits<64>, EC>,
    counted: Register<Bit>,
    counted_row: DFF<Bits<EC>>,
    clearing: Register<Bit>,
    clear: Register<Bits<EC>>,
    write_enable: Signal<Local, Bit>,
    write_row: Signal<Local, Bits<EC>>,
    count: Signal<Local, Bits<64>>,
    reasons: Vec<Reason>,
    indexes: Vec<Constant<Bits<EC>>>,
    dropped: Constant<Bits<2>>,
    first: Constant<Bits<64>>,
}

impl<const EC: usize> PathEniCounters<EC> {
    /// Counters that begin with this number.
    #[must_use]
    pub fn beginning_with(first: u64) -> Self {
        let counters = || EniCounter::ALL.into_iter().filter_map(|counter| Some((counter, counter.reason()?)));
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            event: FlowRx::default(),
            eni: Signal::default(),
            row: Signal::default(),
            value: Signal::default(),
            ready: Signal::default(),
            counts: RamDistributed::default(),
            copy: RamDistributed::default(),
            counted: Register::default(),
            counted_row: DFF::default(),
            clearing: Register::new(true),
            clear: Register::default(),
            write_enable: Signal::default(),
            write_row: Signal::default(),
            count: Signal::default(),
            reasons: counters().map(|(_, of)| reason(of)).collect(),
            indexes: counters().map(|(counter, _)| Constant::new(u64::from(counter.index()).to_bits())).collect(),
            dropped: Constant::new(u64::from(Verdict::Drop.code()).to_bits()),
            first: Constant::new(first.to_bits()),
        }
    }
}

impl<const EC: usize> Logic for PathEniCounters<EC> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, counts, copy);
        dff_setup!(self, clock, counted, counted_row, clearing, clear);
        self.counted.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.clear.reset.next = self.reset.val();

        // First clock: which one.
        self.counted.d.next = false;
        for i in 0..self.reasons.len() {
            if self.event.tvalid.val()
                && (self.event.payload.val().verdict == self.dropped.val())
                && (self.event.payload.val().reason == self.reasons[i].val())
            {
                self.counted.d.next = true;
                self.counted_row.d.next = (bit_cast::<EC, 8>(self.eni.val()) << 3) | self.indexes[i].val();
            }
        }

        // Second clock: one more.
        self.counts.read_address.next = self.counted_row.q.val();
        self.count.next = self.counts.read_data.val() + 1;
        self.write_enable.next = self.counted.q.val();
        self.write_row.next = self.counted_row.q.val();
        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.count.next = self.first.val();
            self.write_enable.next = true;
            self.write_row.next = self.clear.q.val();
            self.clear.d.next = self.clear.q.val() + 1;
            if self.clear.q.val().all() {
                self.clearing.d.next = false;
            }
        }
        self.counts.write_address.next = self.write_row.val();
        self.counts.write_data.next = self.count.val();
        self.counts.write_enable.next = self.write_enable.val();
        self.copy.write_address.next = self.write_row.val();
        self.copy.write_data.next = self.count.val();
        self.copy.write_enable.next = self.write_enable.val();
        self.copy.read_address.next = self.row.val();
        self.value.next = self.copy.read_data.val();
    }
}

/// Counters of `2^EA` interfaces; `EC` is `EA` + 3, the bits of a counter's row.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EniCounters<const EA: usize, const EC: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Verdicts of the tx path.
    pub tx_event: FlowRx<Event>,
    /// Verdicts of the rx path.
    pub rx_event: FlowRx<Event>,
    /// The interface that the packet of `rx_event` was for.
    pub rx_eni: Signal<In, Bits<8>>,
    /// Counter to read.
    pub read: FlowRx<EniCounterSelect>,
    /// Its value.
    pub value: FlowTx<Bits<64>>,
    /// Interface whose connections are asked for.
    pub allowance_rx: FlowTx<Bits<8>>,
    /// The answer, 1 clock later.
    pub allowance_tx: FlowRx<ConntrackAllowance>,
    /// The counters have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    tx_counts: PathEniCounters<EC>,
    rx_counts: PathEniCounters<EC>,
    tx_value: DFF<Bits<64>>,
    rx_value: DFF<Bits<64>>,
    value_valid: Register<Bit>,
    is_gauge: DFF<Bit>,
    exists: DFF<Bit>,
    row: Signal<Local, Bits<EC>>,
    eni_bits: Constant<Bits<8>>,
    gauge: Constant<Bits<6>>,
}

impl<const EA: usize, const EC: usize> EniCounters<EA, EC> {
    /// Counters that begin with this number on each path.
    ///
    /// # Panics
    /// If the dimensions do not belong together.
    #[must_use]
    pub fn beginning_with(first: u64) -> Self {
        assert!(EA <= 8 && EC == EA + INDEX, "2^{EA} interfaces have no rows of {EC} bits");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            tx_event: FlowRx::default(),
            rx_event: FlowRx::default(),
            rx_eni: Signal::default(),
            read: FlowRx::default(),
            value: FlowTx::default(),
            allowance_rx: FlowTx::default(),
            allowance_tx: FlowRx::default(),
            ready: Signal::default(),
            tx_counts: PathEniCounters::beginning_with(first),
            rx_counts: PathEniCounters::beginning_with(first),
            tx_value: DFF::default(),
            rx_value: DFF::default(),
            value_valid: Register::default(),
            is_gauge: DFF::default(),
            exists: DFF::default(),
            row: Signal::default(),
            eni_bits: Constant::new(EA.to_bits()),
            gauge: Constant::new(u64::from(EniCounter::ConntrackAllowanceAvailable.index()).to_bits()),
        }
    }
}

impl<const EA: usize, const EC: usize> Default for EniCounters<EA, EC> {
    fn default() -> Self {
        Self::beginning_with(0)
    }
}

impl<const EA: usize, const EC: usize> Logic for EniCounters<EA, EC> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, tx_counts, rx_counts);
        dff_setup!(self, clock, tx_value, rx_value, value_valid, is_gauge, exists);
        self.tx_counts.reset.next = self.reset.val();
        self.rx_counts.reset.next = self.reset.val();
        self.value_valid.reset.next = self.reset.val();
        FlowRx::<Event>::link(&mut self.tx_event, &mut self.tx_counts.event);
        self.tx_counts.eni.next = self.tx_event.payload.val().eni;
        FlowRx::<Event>::link(&mut self.rx_event, &mut self.rx_counts.event);
        self.rx_counts.eni.next = self.rx_eni.val();
        self.ready.next = self.tx_counts.ready.val() && self.rx_counts.ready.val();

        self.row.next =
            (bit_cast::<EC, 8>(self.read.payload.val().eni) << 3) | bit_cast::<EC, 6>(self.read.payload.val().index);
        self.tx_counts.row.next = self.row.val();
        self.rx_counts.row.next = self.row.val();
        self.allowance_rx.payload.next = self.read.payload.val().eni;
        self.allowance_rx.tvalid.next = self.read.tvalid.val();
        self.value_valid.d.next = self.read.tvalid.val();
        if self.read.tvalid.val() {
            self.tx_value.d.next = self.tx_counts.value.val();
            self.rx_value.d.next = self.rx_counts.value.val();
            self.is_gauge.d.next = self.read.payload.val().index == self.gauge.val();
            self.exists.d.next =
                (self.read.payload.val().eni >> self.eni_bits.val() == 0) && (self.read.payload.val().index >> 3 == 0);
        }
        self.value.tvalid.next = self.value_valid.q.val();
        self.value.payload.next = bits::<64>(0);
        if self.exists.q.val() && self.is_gauge.q.val() {
            self.value.payload.next = bit_cast::<64, 24>(self.allowance_tx.payload.val().available);
        } else if self.exists.q.val() {
            self.value.payload.next = self.tx_value.q.val() + self.rx_value.q.val();
        }
    }
}
