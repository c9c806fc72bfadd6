//! A column of the rule memory: the rules at one place of all rows, and their comparison.
//!
//! Ports: `row` and `read`, a clock later `ask`, and another clock later its ports; `definite`, `untracked`, `groups`; `write`, `write_row`, `write_rule`. Latency:
//! [`LATENCY`] clocks from `row`, a rule a clock.
//!
//! A block of its own with its memory, so that tools look at one column only, of however many a row has.

use nitro_components::ram::Ram;
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use super::ScanAsk;
use super::compare::{self, CompareRule, StoredRule};

/// Clocks from a row's number to what its rule says.
pub const LATENCY: usize = 1 + compare::LATENCY;

/// `2^RA` rules, one of which is compared in a clock.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct RuleColumn<const RA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Row of the rule to compare.
    pub row: Signal<In, Bits<RA>>,
    /// Compare it.
    pub read: Signal<In, Bit>,
    /// The packet, in the clock behind that of `row`.
    pub ask: Signal<In, ScanAsk>,
    /// Its selector, another clock later.
    pub selector: Signal<In, Bits<16>>,
    /// Its source port, likewise.
    pub source_port: Signal<In, Bits<16>>,
    /// The rule admits the packet, whoever the peer's groups are.
    pub definite: Signal<Out, Bit>,
    /// So it does, and nothing is tracked.
    pub untracked: Signal<Out, Bit>,
    /// The group whose members the rule admits, if that is what it does.
    pub groups: Signal<Out, Bits<64>>,
    /// Write a rule.
    pub write: Signal<In, Bit>,
    /// Its row.
    pub write_row: Signal<In, Bits<RA>>,
    /// The rule.
    pub write_rule: Signal<In, StoredRule>,
    rules: Ram<StoredRule, RA>,
    compare: CompareRule,
}

impl<const RA: usize> Logic for RuleColumn<RA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, rules, compare);
        self.rules.read_address.next = self.row.val();
        self.rules.read_enable.next = self.read.val();
        self.rules.write_address.next = self.write_row.val();
        self.rules.write_data.next = self.write_rule.val();
        self.rules.write_enable.next = self.write.val();
        self.compare.rule.next = self.rules.read_data.val();
        self.compare.ask.next = self.ask.val();
        self.compare.selector.next = self.selector.val();
        self.compare.source_port.next = self.source_port.val();
        self.definite.next = self.compare.definite.val();
        self.untracked.next = self.compare.untracked.val();
        self.groups.next = self.compare.groups.val();
    }
}
