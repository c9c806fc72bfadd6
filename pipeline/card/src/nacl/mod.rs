//! Stage `nacl`: the network ACL of the ENI's subnet.
//!
//! * **Purpose.** Judges each packet that crosses the border of the ENI's subnet by the rules of one direction, at most
//!   [`RULES`]: the first one that fits decides, none denies, a subnet without an ACL allows all. Stateless.
//! * **Ports.** `ask`: the packet when its ENI's row is known, with `subnet`, `in_subnet`, `exempt`, `solicits`, `echoes`, `seeks_dhcp`; `rx`: the same
//!   packet, a constant number of clocks later, where its verdict belongs; `tx`; `table`: writes to rules and sets; `commit`:
//!   all sets that have been written count from the next clock on, between two packets; `ready`.
//! * **Latency.** 0 clocks from `rx` to `tx`: a multiplexer of the reason. `rx` follows `ask` by at least [`lead`] clocks. One
//!   packet per 2^fold clocks; the gate in front of the pipeline keeps packets that far apart.
//! * **Drop reasons.** `nacl`.
//! * **Counters.** None of its own: drops count where the verdict is final.
//! * **Source.** Amazon VPC user guide, "Control traffic to subnets using network ACLs": numbered rules, first match, last
//!   deny, not within a subnet, neither resolver nor metadata. Not published, so decided here: later fragments are not judged.
//!
//! The rules stand side by side in comparators ([`compare::NaclCompare`]), 2^fold of them in each, of which a packet sees one a
//! clock: rule `r` is number `r mod 2^fold` of comparator `r / 2^fold`, so that the first hit of the first comparator that has
//! one is the first hit of all. Each comparator has the rules of two banks for every subnet. Software writes the bank that does
//! not count, then the sets ([`sets::NaclSets`]) of all that changes, then commits. A packet reads its set once, and then that
//! bank for 2^fold clocks; the control port takes no write for longer than that after a commit, so the bank left behind is not
//! written under a packet's eyes.

pub mod compare;
pub mod sets;

use nitro_components::delay::Delay;
use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::policy::{Direction, MAX_NACL_RULES};
use nitro_wire::{DropReason, Table, tables};
use rust_hdl::prelude::*;

use crate::control::COMMIT_CLOCKS;
use crate::format::NaclRuleRow;
use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::table::TableWrite;
use compare::{NaclCompare, Question};
use sets::NaclSets;

/// Rules of a subnet in one direction.
pub const RULES: usize = MAX_NACL_RULES;
/// Width of [`NaclRuleRow`].
const NACL_RULE_ROW: usize = tables::NACL_RULE_ROW.bits;

/// Clocks by which `rx` follows `ask`, at least: the set, then a rule of each comparator per clock, each of which takes 3, then
/// the priority.
#[must_use]
pub const fn lead(fold: usize) -> usize {
    1 + (1 << fold) - 1 + 3 + 1
}

/// Log2 of the fold of comparators that have `2^na` rules: those of two banks of `2^ea` subnets.
#[must_use]
pub const fn fold(ea: usize, na: usize) -> usize {
    assert!(na > ea, "a comparator has two rules for each subnet, at least");
    na - ea - 1
}

/// The blocks of this folder, for `2^EA` subnets and `2^NA` rules in each comparator.
#[must_use]
pub fn entries<const EA: usize, const NA: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("nacl_compare", NaclCompare::<NA>::default),
        BlockEntry::of("nacl_sets", || NaclSets::<EA>::new(Direction::Egress)),
        BlockEntry::of("nacl_egress", || Nacl::<EA, NA>::new(Direction::Egress, lead(fold(EA, NA)))),
        BlockEntry::of("nacl_ingress", || Nacl::<EA, NA>::new(Direction::Ingress, lead(fold(EA, NA)) + 2)),
    ]
}

/// The ACLs of `2^EA` subnets in one direction, in comparators of `2^NA` rules each.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Nacl<const EA: usize, const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets whose ENI is known, at least 2^fold clocks apart.
    pub ask: FlowRx<Packet>,
    /// The same packets, later.
    pub rx: FlowRx<Packet>,
    /// With the reason, if they are denied.
    pub tx: FlowTx<Packet>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// The sets that have been written count from the next clock on.
    pub commit: Signal<In, Bit>,
    /// The rules have been cleared after reset.
    pub ready: Signal<Out, Bit>,
    clearing: Register<Bit>,
    clear_row: Register<Bits<NA>>,
    sets: NaclSets<EA>,
    comparators: Vec<NaclCompare<NA>>,

    // Writes.
    image: Cast<Bits<NACL_RULE_ROW>, NaclRuleRow>,
    write_row: Signal<Local, NaclRuleRow>,
    write_address: Signal<Local, Bits<NA>>,
    write_subnet: Signal<Local, Bits<8>>,
    write_rule: Signal<Local, Bits<6>>,
    write_comparator: Signal<Local, Bits<6>>,
    writes: Signal<Local, Bit>,

    // The packet's way.
    question: Signal<Local, Question>,
    judged: Signal<Local, Bit>,
    asked: DFF<Question>,
    base: DFF<Bits<NA>>,
    step: DFF<Bits<8>>,
    reading: Register<Bit>,
    reads_first: Signal<Local, Bit>,
    compared: DFF<Question>,
    compares: Register<Bit>,
    compares_first: DFF<Bit>,
    takes: Register<Bit>,
    takes_first: DFF<Bit>,
    judging: Delay<Bit>,
    hits: Signal<Local, Bits<RULES>>,
    allows: Signal<Local, Bits<RULES>>,
    winner: Signal<Local, Bits<RULES>>,
    denied: DFF<Bit>,
    denied_valid: Register<Bit>,
    wait: Delay<Bit>,

    ingress: Constant<Bit>,
    folded: Constant<Bit>,
    rule_table: Constant<Bits<4>>,
    direction: Constant<Bits<1>>,
    fold_bits: Constant<Bits<8>>,
    fold_mask: Constant<Bits<6>>,
    bank_place: Constant<Bits<8>>,
    last_step: Constant<Bits<8>>,
    number: Vec<Constant<Bits<6>>>,
    no_rule: Constant<NaclRuleRow>,
    nacl: Reason,
}

impl<const EA: usize, const NA: usize> Nacl<EA, NA> {
    /// The rules of one direction; `rx` follows `ask` by `lead` clocks.
    ///
    /// # Panics
    /// If `lead` is too short, or the fold so large that software could write rules that a packet still sees.
    #[must_use]
    pub fn new(direction: Direction, lead: usize) -> Self {
        let fold = fold(EA, NA);
        let shortest = self::lead(fold);
        assert!(1 << fold < COMMIT_CLOCKS, "after a commit packets see the old rules for up to 2^{fold} clocks");
        assert!(lead >= shortest, "packets come {lead} clocks after they ask, the rules need {shortest}");
        let comparators = RULES.div_ceil(1 << fold);
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            ask: FlowRx::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            ready: Signal::default(),
            clearing: Register::new(true),
            clear_row: Register::default(),
            sets: NaclSets::new(direction),
            comparators: (0..comparators).map(|_| NaclCompare::default()).collect(),
            image: Cast::default(),
            write_row: Signal::default(),
            write_address: Signal::default(),
            write_subnet: Signal::default(),
            write_rule: Signal::default(),
            write_comparator: Signal::default(),
            writes: Signal::default(),
            question: Signal::default(),
            judged: Signal::default(),
            asked: DFF::default(),
            base: DFF::default(),
            step: DFF::default(),
            reading: Register::default(),
            reads_first: Signal::default(),
            compared: DFF::default(),
            compares: Register::default(),
            compares_first: DFF::default(),
            takes: Register::default(),
            takes_first: DFF::default(),
            judging: Delay::new(shortest - 1),
            hits: Signal::default(),
            allows: Signal::default(),
            winner: Signal::default(),
            denied: DFF::default(),
            denied_valid: Register::default(),
            wait: Delay::new(lead - shortest),
            ingress: Constant::new(direction == Direction::Ingress),
            folded: Constant::new(fold > 0),
            rule_table: Constant::new(Table::NaclRule.code().to_bits()),
            direction: Constant::new(direction.code().to_bits()),
            fold_bits: Constant::new(fold.to_bits()),
            fold_mask: Constant::new(((1_usize << fold) - 1).to_bits()),
            bank_place: Constant::new((NA - 1).to_bits()),
            last_step: Constant::new(((1_usize << fold) - 1).to_bits()),
            number: (0..comparators).map(|number| Constant::new(number.to_bits())).collect(),
            no_rule: Constant::new(NaclRuleRow::default()),
            nacl: reason(DropReason::Nacl),
        }
    }
}

impl<const EA: usize, const NA: usize> Logic for Nacl<EA, NA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, sets, judging, wait);
        dff_setup!(self, clock, clearing, clear_row, asked, base, step, reading);
        dff_setup!(self, clock, compared, compares, compares_first, takes, takes_first, denied, denied_valid);
        self.clearing.reset.next = self.reset.val();
        self.clear_row.reset.next = self.reset.val();
        self.sets.reset.next = self.reset.val();
        self.judging.reset.next = self.reset.val();
        self.wait.reset.next = self.reset.val();
        self.reading.reset.next = self.reset.val();
        self.compares.reset.next = self.reset.val();
        self.takes.reset.next = self.reset.val();
        self.denied_valid.reset.next = self.reset.val();

        // Writes: the index is bank, direction, subnet, rule.
        self.sets.table.payload.next = self.table.payload.val();
        self.sets.table.tvalid.next = self.table.tvalid.val();
        self.sets.commit.next = self.commit.val();
        self.image.i.next = self.table.payload.val().data.get_bits::<NACL_RULE_ROW>(0);
        self.write_row.next = self.image.o.val();
        self.write_rule.next = self.table.payload.val().index.get_bits::<6>(0);
        self.write_subnet.next = self.table.payload.val().index.get_bits::<8>(6);
        self.write_comparator.next = self.write_rule.val() >> self.fold_bits.val();
        self.write_address.next = (bit_cast::<NA, 1>(self.table.payload.val().index.get_bits::<1>(15))
            << self.bank_place.val())
            | (bit_cast::<NA, 8>(self.write_subnet.val()) << self.fold_bits.val())
            | bit_cast::<NA, 6>(self.write_rule.val() & self.fold_mask.val());
        self.writes.next = self.table.tvalid.val()
            && (self.table.payload.val().table == self.rule_table.val())
            && (self.table.payload.val().index.get_bits::<1>(14) == self.direction.val())
            && (bit_cast::<8, EA>(bit_cast::<EA, 8>(self.write_subnet.val())) == self.write_subnet.val());
        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.write_row.next = self.no_rule.val();
            self.write_address.next = self.clear_row.q.val();
            self.clear_row.d.next = self.clear_row.q.val() + 1;
            if self.clear_row.q.val().all() {
                self.clearing.d.next = false;
            }
        }

        // Clock 1: is there anything to judge, and by which bank?
        self.question.next.ipv6 = self.ask.payload.val().is_ipv6;
        self.question.next.protocol = self.ask.payload.val().protocol;
        self.question.next.selector = bits::<16>(0);
        if self.ask.payload.val().has_ports {
            self.question.next.selector = self.ask.payload.val().dst_port;
        } else if self.ask.payload.val().is_icmp {
            self.question.next.selector = (bit_cast::<16, 8>(self.ask.payload.val().icmp_type) << 8)
                | bit_cast::<16, 8>(self.ask.payload.val().icmp_code);
        }
        self.question.next.address = self.ask.payload.val().dst_ip;
        if self.ingress.val() {
            self.question.next.address = self.ask.payload.val().src_ip;
        }
        self.sets.subnet.next = self.ask.payload.val().subnet;
        self.judged.next = self.sets.enabled.val()
            && !self.ask.payload.val().in_subnet
            && !self.ask.payload.val().exempt
            && !self.ask.payload.val().solicits
            && !self.ask.payload.val().echoes
            && !self.ask.payload.val().seeks_dhcp
            && !self.ask.payload.val().fragment_offset.any();
        self.judging.rx.payload.next = self.judged.val();
        self.judging.rx.tvalid.next = self.ask.tvalid.val();
        if self.reading.q.val() {
            if self.step.q.val() == self.last_step.val() {
                self.reading.d.next = false;
            } else {
                self.step.d.next = self.step.q.val() + 1;
            }
        }
        if self.ask.tvalid.val() {
            self.asked.d.next = self.question.val();
            self.base.d.next = (bit_cast::<NA, 1>(self.sets.bank.val().into()) << self.bank_place.val())
                | (bit_cast::<NA, 8>(self.ask.payload.val().subnet) << self.fold_bits.val());
            self.step.d.next = bits::<8>(0);
            self.reading.d.next = true;
        }

        // Then for each step 3 clocks: rule, comparison, first hit.
        self.reads_first.next = true;
        if self.folded.val() {
            self.reads_first.next = self.step.q.val() == 0;
        }
        self.compares.d.next = self.reading.q.val();
        self.takes.d.next = self.compares.q.val();
        if self.reading.q.val() {
            self.compared.d.next = self.asked.q.val();
            self.compares_first.d.next = self.reads_first.val();
        }
        self.takes_first.d.next = self.compares_first.q.val();
        self.hits.next = bits::<RULES>(0);
        self.allows.next = bits::<RULES>(0);
        for i in 0..self.comparators.len() {
            self.comparators[i].clock.next = self.clock.val();
            self.comparators[i].write_row.next = self.write_row.val();
            self.comparators[i].write_address.next = self.write_address.val();
            self.comparators[i].write_enable.next =
                self.clearing.q.val() || (self.writes.val() && (self.write_comparator.val() == self.number[i].val()));
            self.comparators[i].address.next = self.base.q.val() | bit_cast::<NA, 8>(self.step.q.val());
            self.comparators[i].question.next = self.compared.q.val();
            self.comparators[i].take.next = self.takes.q.val();
            self.comparators[i].first.next = self.takes_first.q.val();
            self.hits.next = self.hits.val().replace_bit(i, self.comparators[i].hit.val());
            self.allows.next = self.allows.val().replace_bit(i, self.comparators[i].allow.val());
        }

        // Last clock: the lowest comparator that has a hit is the lowest one of these bits.
        self.winner.next = self.hits.val() & (!self.hits.val() + 1);
        self.denied_valid.d.next = self.judging.tx.tvalid.val();
        if self.judging.tx.tvalid.val() {
            self.denied.d.next = self.judging.tx.payload.val() && !(self.winner.val() & self.allows.val()).any();
        }
        self.wait.rx.payload.next = self.denied.q.val();
        self.wait.rx.tvalid.next = self.denied_valid.q.val();

        // The verdict.
        self.tx.payload.next = self.rx.payload.val();
        self.tx.tvalid.next = self.rx.tvalid.val();
        if self.wait.tx.payload.val() && (self.rx.payload.val().reason == bits::<6>(0)) {
            self.tx.payload.next.reason = self.nacl.val();
        }
    }
}
