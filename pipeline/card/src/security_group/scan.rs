//! The scan: reads an interface's rows, a row a clock, and combines what their rules say.
//!
//! Ports, latency and clocks per decision: see the stage. From a row's address to the decision:
//!
//! | clock | |
//! |---|---|
//! | 0 | address |
//! | 1 | the row's rules, beside the packet ([`column`]) |
//! | 2, 3, 4 | comparisons ([`compare`](super::compare)) |
//! | 5 | what any rule of the row says, combined with the rows before; the scan goes on or ends |
//!
//! A decision before the last row stops the scan, unless the next one has begun already; rows that were read meanwhile come to the decision
//! with `first` clear and are ignored. Answers go to a FIFO; a scan begins when there is a place for its answer, and does not wait from then on.

use nitro_components::delay::Delay;
use nitro_components::flow_fifo::FlowFifo;
use nitro_components::register::Register;
use nitro_components::spill::Spill;
use nitro_components::stream::{FlowRx, StreamRx, StreamTx};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::Table;
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use super::column::{self, RuleColumn};
use super::compare::{RULE_ROW, StoreRule, StoredRule};
use super::sets::RuleSets;
use super::{ScanAsk, ScanResult};
use crate::table::TableWrite;

/// Clocks from a row's address to the decision: columns, combination.
const DECISION: usize = column::LATENCY + 1;
/// Clocks from an `rx` transfer to its answer at `tx`, for a set of one row: spill register, begin of the scan, decision, FIFO.
pub const LATENCY: usize = 1 + 1 + DECISION + 1;

/// Answers that may wait, as a power of two. Credits come back 8 clocks after a scan began, so half of that would do for scans of two rows.
const ANSWERS_LOG2: usize = 4;

/// What goes along with a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct RowTag {
    /// Number of the scan; the few scans that are under way differ in it.
    pub scan: Bits<3>,
    /// The scan's first row.
    pub first: Bit,
    /// Its last.
    pub last: Bit,
    /// All rows with untracked rules have been looked at, this one included.
    pub checked: Bit,
    /// The set has no rows: this one is none of its.
    pub empty: Bit,
}

/// Scans the rules of one direction: `2^RA` rows of `2^RL` rules, for `2^EA` interfaces.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct SecurityScan<const RL: usize, const RA: usize, const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets.
    pub rx: StreamRx<ScanAsk>,
    /// Their answers, in order.
    pub tx: StreamTx<ScanResult>,
    /// Writes to all tables. Rules show two clocks later. Of a slot's number what exceeds the memory is not looked at.
    pub table: FlowRx<TableWrite>,
    /// Sets that were written in earlier clocks count for scans that begin in later ones.
    pub commit: Signal<In, Bit>,
    /// Rows of a set are still read that a commit has replaced.
    pub busy: Signal<Out, Bit>,
    /// All rules have been cleared after reset, a row a clock.
    pub ready: Signal<Out, Bit>,

    sets: RuleSets<EA>,
    store: StoreRule,
    asked: Spill<ScanAsk>,
    columns: Vec<RuleColumn<RA>>,
    tags: Delay<RowTag>,
    answers: FlowFifo<ScanResult, ANSWERS_LOG2>,

    clearing: Register<Bit>,
    clear_row: Register<Bits<RA>>,
    write_valid: Register<Bit>,
    write_all: Register<Bit>,
    write_place: DFF<Bits<16>>,
    write_row: DFF<Bits<RA>>,
    write_rule: DFF<StoredRule>,

    /// A scan reads a row in this clock.
    active: Register<Bit>,
    /// It began before the last commit.
    outdated: Register<Bit>,
    tag: DFF<RowTag>,
    number: Register<Bits<3>>,
    row: DFF<Bits<RA>>,
    rows_left: DFF<Bits<16>>,
    untracked_left: DFF<Bits<16>>,
    ask: DFF<ScanAsk>,
    read_ask: DFF<ScanAsk>,
    read_selector: DFF<Bits<16>>,
    read_source_port: DFF<Bits<16>>,
    credits: Register<Bits<5>>,

    row_definite: DFF<Bit>,
    row_untracked: DFF<Bit>,
    row_groups: DFF<Bits<64>>,
    definite_before: DFF<Bit>,
    groups_before: DFF<Bits<64>>,
    decided: Register<Bit>,

    any_definite: Signal<Local, Bit>,
    any_untracked: Signal<Local, Bit>,
    any_groups: Signal<Local, Bits<64>>,
    definite: Signal<Local, Bit>,
    untracked: Signal<Local, Bit>,
    groups: Signal<Local, Bits<64>>,
    live: Signal<Local, Bit>,
    decides: Signal<Local, Bit>,
    stops: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    begins: Signal<Local, Bit>,

    place: Vec<Constant<Bits<16>>>,
    place_mask: Constant<Bits<16>>,
    place_bits: Constant<Bits<16>>,
    rule_table: Constant<Bits<4>>,
    is_ingress: Constant<Bits<1>>,
    no_rule: Constant<StoredRule>,
}

impl<const RL: usize, const RA: usize, const EA: usize> SecurityScan<RL, RA, EA> {
    /// The rules of a direction.
    ///
    /// # Panics
    /// If there are more rules than slots have numbers.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        assert!(RL + RA <= 15, "2^{RA} rows of 2^{RL} rules have more slots than 15 bits can number");
        let places = 1_usize << RL;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            busy: Signal::default(),
            ready: Signal::default(),
            sets: RuleSets::new(direction),
            store: StoreRule::default(),
            asked: Spill::default(),
            columns: (0..places).map(|_| RuleColumn::default()).collect(),
            tags: Delay::new(DECISION),
            answers: FlowFifo::default(),
            clearing: Register::new(true),
            clear_row: Register::default(),
            write_valid: Register::default(),
            write_all: Register::default(),
            write_place: DFF::default(),
            write_row: DFF::default(),
            write_rule: DFF::default(),
            active: Register::default(),
            outdated: Register::default(),
            tag: DFF::default(),
            number: Register::default(),
            row: DFF::default(),
            rows_left: DFF::default(),
            untracked_left: DFF::default(),
            ask: DFF::default(),
            read_ask: DFF::default(),
            read_selector: DFF::default(),
            read_source_port: DFF::default(),
            credits: Register::new((1_usize << ANSWERS_LOG2).to_bits()),
            row_definite: DFF::default(),
            row_untracked: DFF::default(),
            row_groups: DFF::default(),
            definite_before: DFF::default(),
            groups_before: DFF::default(),
            decided: Register::default(),
            any_definite: Signal::default(),
            any_untracked: Signal::default(),
            any_groups: Signal::default(),
            definite: Signal::default(),
            untracked: Signal::default(),
            groups: Signal::default(),
            live: Signal::default(),
            decides: Signal::default(),
            stops: Signal::default(),
            free: Signal::default(),
            begins: Signal::default(),
            place: (0..places).map(|place| Constant::new(place.to_bits())).collect(),
            place_mask: Constant::new((places - 1).to_bits()),
            place_bits: Constant::new(RL.to_bits()),
            rule_table: Constant::new(Table::SecurityRule.code().to_bits()),
            is_ingress: Constant::new(direction.code().to_bits()),
            no_rule: Constant::new(StoredRule::default()),
        }
    }
}

impl<const RL: usize, const RA: usize, const EA: usize> Logic for SecurityScan<RL, RA, EA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, sets, asked, tags, answers);
        dff_setup!(self, clock, clearing, clear_row, write_valid, write_all, write_place, write_row, write_rule);
        dff_setup!(self, clock, active, outdated, tag, number, row, rows_left, untracked_left, ask, credits);
        dff_setup!(self, clock, read_ask, read_selector, read_source_port);
        dff_setup!(self, clock, row_definite, row_untracked, row_groups, definite_before, groups_before, decided);
        self.sets.reset.next = self.reset.val();
        self.asked.reset.next = self.reset.val();
        self.tags.reset.next = self.reset.val();
        self.answers.reset.next = self.reset.val();
        self.clearing.reset.next = self.reset.val();
        self.clear_row.reset.next = self.reset.val();
        self.write_valid.reset.next = self.reset.val();
        self.write_all.reset.next = self.reset.val();
        self.active.reset.next = self.reset.val();
        self.outdated.reset.next = self.reset.val();
        self.number.reset.next = self.reset.val();
        self.credits.reset.next = self.reset.val();
        self.decided.reset.next = self.reset.val();

        // Rules as software writes them. They wait a clock, as the way to all memories is long.
        self.store.row.next = self.table.payload.val().data.get_bits::<RULE_ROW>(0);
        self.write_valid.d.next = self.table.tvalid.val()
            && (self.table.payload.val().table == self.rule_table.val())
            && (self.table.payload.val().index.get_bits::<1>(15) == self.is_ingress.val());
        if self.table.tvalid.val() {
            self.write_place.d.next = self.table.payload.val().index & self.place_mask.val();
            self.write_row.d.next = bit_cast::<RA, 16>(self.table.payload.val().index >> self.place_bits.val());
            self.write_rule.d.next = self.store.rule.val();
        }
        self.ready.next = !self.clearing.q.val();
        self.write_all.d.next = self.clearing.q.val();
        if self.clearing.q.val() {
            self.write_row.d.next = self.clear_row.q.val();
            self.write_rule.d.next = self.no_rule.val();
            self.clear_row.d.next = self.clear_row.q.val() + 1;
            if self.clear_row.q.val().all() {
                self.clearing.d.next = false;
            }
        }

        // What the rules of the row say that comes to its decision next.
        self.any_definite.next = false;
        self.any_untracked.next = false;
        self.any_groups.next = bits::<64>(0);
        for i in 0..self.columns.len() {
            self.columns[i].clock.next = self.clock.val();
            self.columns[i].row.next = self.row.q.val();
            self.columns[i].read.next = self.active.q.val();
            self.columns[i].ask.next = self.read_ask.q.val();
            self.columns[i].selector.next = self.read_selector.q.val();
            self.columns[i].source_port.next = self.read_source_port.q.val();
            self.columns[i].write_row.next = self.write_row.q.val();
            self.columns[i].write_rule.next = self.write_rule.q.val();
            self.columns[i].write.next = self.write_all.q.val()
                || (self.write_valid.q.val() && (self.write_place.q.val() == self.place[i].val()));
            self.any_definite.next = self.any_definite.val() || self.columns[i].definite.val();
            self.any_untracked.next = self.any_untracked.val() || self.columns[i].untracked.val();
            self.any_groups.next = self.any_groups.val() | self.columns[i].groups.val();
        }
        self.row_definite.d.next = self.any_definite.val();
        self.row_untracked.d.next = self.any_untracked.val();
        self.row_groups.d.next = self.any_groups.val();

        // The decision. Rows behind it are of no scan until the first of the next.
        self.tags.rx.payload.next = self.tag.q.val();
        self.tags.rx.tvalid.next = self.active.q.val();
        self.live.next = self.tags.tx.tvalid.val() && (self.tags.tx.payload.val().first || !self.decided.q.val());
        self.definite.next = self.row_definite.q.val();
        self.untracked.next = self.row_untracked.q.val();
        self.groups.next = self.row_groups.q.val();
        if self.tags.tx.payload.val().empty {
            self.definite.next = false;
            self.untracked.next = false;
            self.groups.next = bits::<64>(0);
        } else if !self.tags.tx.payload.val().first {
            self.definite.next = self.row_definite.q.val() || self.definite_before.q.val();
            self.groups.next = self.row_groups.q.val() | self.groups_before.q.val();
        }
        self.decides.next = self.live.val()
            && (self.tags.tx.payload.val().last
                || self.untracked.val()
                || (self.definite.val() && self.tags.tx.payload.val().checked));
        if self.live.val() {
            self.definite_before.d.next = self.definite.val();
            self.groups_before.d.next = self.groups.val();
            self.decided.d.next = self.decides.val();
        }
        self.answers.rx.tvalid.next = self.decides.val();
        self.answers.rx.payload.next.admitted = self.definite.val();
        self.answers.rx.payload.next.untracked = self.untracked.val();
        self.answers.rx.payload.next.groups = self.groups.val();
        StreamTx::<ScanResult>::link(&mut self.tx, &mut self.answers.tx);

        // The next scan begins in the clock behind the last row, or behind the decision.
        self.stops.next = self.decides.val() && (self.tags.tx.payload.val().scan == self.tag.q.val().scan);
        self.free.next = !self.active.q.val() || self.tag.q.val().last || self.stops.val();
        self.begins.next = self.asked.tx.tvalid.val() && self.free.val() && self.credits.q.val().any();
        StreamRx::<ScanAsk>::link(&mut self.rx, &mut self.asked.rx);
        self.asked.tx.tready.next = self.free.val() && self.credits.q.val().any();
        if self.begins.val() {
            if !(self.answers.tx.tvalid.val() && self.tx.tready.val()) {
                self.credits.d.next = self.credits.q.val() - 1;
            }
        } else if self.answers.tx.tvalid.val() && self.tx.tready.val() {
            self.credits.d.next = self.credits.q.val() + 1;
        }

        self.sets.table.payload.next = self.table.payload.val();
        self.sets.table.tvalid.next = self.table.tvalid.val();
        self.sets.commit.next = self.commit.val();
        self.sets.eni.next = self.asked.tx.payload.val().eni;

        self.active.d.next = self.begins.val() || !self.free.val();
        self.outdated.d.next = self.commit.val() || (self.outdated.q.val() && !self.begins.val());
        self.busy.next = self.active.q.val() && self.outdated.q.val();
        if self.begins.val() {
            self.number.d.next = self.number.q.val() + 1;
            self.ask.d.next = self.asked.tx.payload.val();
            self.row.d.next = bit_cast::<RA, 16>(self.sets.set.val().first);
            self.rows_left.d.next = self.sets.set.val().rows;
            self.untracked_left.d.next = self.sets.set.val().untracked_rows;
            self.tag.d.next.scan = self.number.q.val();
            self.tag.d.next.first = true;
            self.tag.d.next.last = self.sets.set.val().rows <= bits::<16>(1);
            self.tag.d.next.checked = self.sets.set.val().untracked_rows <= bits::<16>(1);
            self.tag.d.next.empty = !self.sets.set.val().rows.any();
        } else if self.active.q.val() {
            self.row.d.next = self.row.q.val() + 1;
            self.rows_left.d.next = self.rows_left.q.val() - 1;
            self.untracked_left.d.next = self.untracked_left.q.val() - 1;
            self.tag.d.next.first = false;
            self.tag.d.next.last = self.rows_left.q.val() == bits::<16>(2);
            self.tag.d.next.checked = self.tag.q.val().checked || (self.untracked_left.q.val() == bits::<16>(2));
        }
        self.read_ask.d.next = self.ask.q.val();
        self.read_selector.d.next = self.read_ask.q.val().selector;
        self.read_source_port.d.next = self.read_ask.q.val().source_port;
    }
}
