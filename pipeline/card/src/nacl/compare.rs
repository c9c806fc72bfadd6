//! One comparator of the stage: some rules in its memory, and the first of them that fits.
//!
//! Ports: `write_*`; `address` (clock 0: the rule to read), `question` (clock 1), `take` and `first` (clock 2); `hit`, `allow`
//! (clock 3: the first rule taken since `first` that fits). One rule per clock.
//!
//! No clock has more to do than one of these: read a rule; compare the selector with its range; compare the address under its
//! mask.
//!
//! A rule is kept with the length of its prefix. A mask instead would need no decoder here, but 300 bits a rule for 180, and
//! the rules are two thirds of a comparator. The decoder is small, because the mask never stands there as such: of the 16 bytes
//! of an address some are compared whole, at most one in part, so that a bit of the comparison has four inputs (its difference,
//! its byte counts whole, its byte counts in part, its place in that part), a lookup table of the FPGA. Measured with Yosys for
//! the ECP5, 32 rules: 538 lookup tables, 351 flip-flops and 90 blocks of distributed RAM (each takes the place of 4 lookup
//! tables) for 487, 432 and 150 with a mask.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::wires::Wires;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::format::NaclRuleRow;

/// What a packet is compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Question {
    /// The packet is IPv6, else IPv4.
    pub ipv6: Bit,
    /// Its protocol.
    pub protocol: Bits<8>,
    /// Its selector: TCP and UDP the destination port; ICMP and ICMPv6 256 · type + code; else 0.
    pub selector: Bits<16>,
    /// Its address outside of the subnet, IPv4 as v4-mapped.
    pub address: Bits<128>,
}

/// A comparator with `2^NA` rules.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct NaclCompare<const NA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Rule to write.
    pub write_address: Signal<In, Bits<NA>>,
    /// The new rule.
    pub write_row: Signal<In, NaclRuleRow>,
    /// Write at this clock's edge.
    pub write_enable: Signal<In, Bit>,
    /// Rule to compare.
    pub address: Signal<In, Bits<NA>>,
    /// With this packet, a clock later.
    pub question: Signal<In, Question>,
    /// The comparison counts, two clocks later.
    pub take: Signal<In, Bit>,
    /// It is a packet's first one.
    pub first: Signal<In, Bit>,
    /// A rule fits.
    pub hit: Signal<Out, Bit>,
    /// The first that does so allows the packet.
    pub allow: Signal<Out, Bit>,
    rules: RamDistributed<NaclRuleRow, NA>,
    rule: DFF<NaclRuleRow>,
    difference: DFF<Bits<128>>,
    whole: DFF<Bits<16>>,
    partly: DFF<Bits<16>>,
    part: DFF<Bits<8>>,
    rest: DFF<Bit>,
    allows: DFF<Bit>,
    whole_bits: Wires<16, 128>,
    partly_bits: Wires<16, 128>,
    part_bits: Wires<8, 128>,
    mask: Signal<Local, Bits<128>>,
    kept: Signal<Local, Bit>,
    hit_q: DFF<Bit>,
    allow_q: DFF<Bit>,
}

impl<const NA: usize> Default for NaclCompare<NA> {
    fn default() -> Self {
        // The address's first byte is its most significant.
        let byte = |bit: usize| (127 - bit) / 8;
        let place = |bit: usize| (127 - bit) % 8;
        Self {
            clock: Signal::default(),
            write_address: Signal::default(),
            write_row: Signal::default(),
            write_enable: Signal::default(),
            address: Signal::default(),
            question: Signal::default(),
            take: Signal::default(),
            first: Signal::default(),
            hit: Signal::default(),
            allow: Signal::default(),
            rules: RamDistributed::default(),
            rule: DFF::default(),
            difference: DFF::default(),
            whole: DFF::default(),
            partly: DFF::default(),
            part: DFF::default(),
            rest: DFF::default(),
            allows: DFF::default(),
            whole_bits: Wires::new(byte),
            partly_bits: Wires::new(byte),
            part_bits: Wires::new(place),
            mask: Signal::default(),
            kept: Signal::default(),
            hit_q: DFF::default(),
            allow_q: DFF::default(),
        }
    }
}

impl<const NA: usize> Logic for NaclCompare<NA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, rules);
        dff_setup!(self, clock, rule, difference, whole, partly, part, rest, allows, hit_q, allow_q);

        // Clock 0: the rule.
        self.rules.write_address.next = self.write_address.val();
        self.rules.write_data.next = self.write_row.val();
        self.rules.write_enable.next = self.write_enable.val();
        self.rules.read_address.next = self.address.val();
        self.rule.d.next = self.rules.read_data.val();

        // Clock 1: all but the address. A prefix of 8 n + m bits covers n bytes and m bits of the next; over 128 it is 128.
        self.rest.d.next = self.rule.q.val().valid
            && (self.rule.q.val().ipv6 == self.question.val().ipv6)
            && (self.rule.q.val().any_protocol || (self.rule.q.val().protocol == self.question.val().protocol))
            && (self.question.val().selector >= self.rule.q.val().low)
            && (self.question.val().selector <= self.rule.q.val().high);
        self.allows.d.next = self.rule.q.val().allow;
        self.difference.d.next = self.question.val().address ^ self.rule.q.val().address;
        self.whole.d.next = !(bits::<16>(0xffff) << self.rule.q.val().prefix.get_bits::<5>(3));
        self.partly.d.next = bits::<16>(1) << self.rule.q.val().prefix.get_bits::<5>(3);
        self.part.d.next = !(bits::<8>(0xff) << self.rule.q.val().prefix.get_bits::<3>(0));

        // Clock 2: the address; the first rule that fits stays.
        self.whole_bits.i.next = self.whole.q.val();
        self.partly_bits.i.next = self.partly.q.val();
        self.part_bits.i.next = self.part.q.val();
        self.mask.next = self.whole_bits.o.val() | (self.partly_bits.o.val() & self.part_bits.o.val());
        self.kept.next = self.hit_q.q.val() && !self.first.val();
        if self.take.val() && !self.kept.val() {
            self.hit_q.d.next = self.rest.q.val() && !(self.difference.q.val() & self.mask.val()).any();
            self.allow_q.d.next = self.allows.q.val();
        }
        self.hit.next = self.hit_q.q.val();
        self.allow.next = self.allow_q.q.val();
    }
}
