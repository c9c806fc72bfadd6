//! One rule against one packet.
//!
//! Ports: `rule` and `ask`, both of this clock, and the packet's ports a clock later; `definite`, `untracked`, `groups`. Latency: [`LATENCY`]
//! clocks, a rule a clock.
//!
//! * Clock 1: bits in which addresses and protocols differ; the family. A block RAM takes most of the clock, so there is one level of logic.
//! * Clock 2: bytes that differ within the prefix; the range of ports; the protocol.
//! * Clock 3: the match.
//!
//! The prefix' length is never decoded to a mask of 128 bits: its upper five bits say as a thermometer which bytes count whole, while it is
//! found out whether they differ at all, its lower three which bits of the next byte do (one mask of 8 bits for all bytes). That is two lookup
//! tables a byte where a mask costs one a bit.

use nitro_components::wires::{Cast, Wires};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::tables::SECURITY_RULE_ROW;
use rust_hdl::prelude::*;

use super::ScanAsk;
use crate::format::SecurityRuleRow;

/// Clocks from `rule` and `ask` to the outputs.
pub const LATENCY: usize = 3;

/// Width of a rule as software writes it.
pub const RULE_ROW: usize = SECURITY_RULE_ROW.bits;

/// A rule as the card keeps it: 180 bits, five block RAMs of 512 x 36.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct StoredRule {
    /// It admits IPv4. A rule that admits neither family does not exist.
    pub ipv4: Bit,
    /// It admits IPv6.
    pub ipv6: Bit,
    /// 0 any protocol; else `protocol`: 1 tracked, 2 untracked, 3 untracked with the source port for selector.
    pub mode: Bits<2>,
    /// The protocol.
    pub protocol: Bits<8>,
    /// Lowest selector.
    pub low: Bits<16>,
    /// Highest selector.
    pub high: Bits<16>,
    /// Address, or in its lowest six bits a group.
    pub address: Bits<128>,
    /// Length of the address' prefix, 0 to 128; 129 for a group.
    pub prefix: Bits<8>,
}

/// A rule from software's form to the card's. No clock: combinational.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct StoreRule {
    /// As software writes it.
    pub row: Signal<In, Bits<RULE_ROW>>,
    /// As the card keeps it.
    pub rule: Signal<Out, StoredRule>,
    cast: Cast<Bits<RULE_ROW>, SecurityRuleRow>,
}

impl Logic for StoreRule {
    #[hdl_gen]
    fn update(&mut self) {
        self.cast.i.next = self.row.val();
        self.rule.next.ipv4 = self.cast.o.val().valid && self.cast.o.val().ipv4;
        self.rule.next.ipv6 = self.cast.o.val().valid && self.cast.o.val().ipv6;
        if self.cast.o.val().any_protocol {
            self.rule.next.mode = bits::<2>(0);
        } else if self.cast.o.val().reply {
            self.rule.next.mode = bits::<2>(3);
        } else if self.cast.o.val().untracked {
            self.rule.next.mode = bits::<2>(2);
        } else {
            self.rule.next.mode = bits::<2>(1);
        }
        self.rule.next.protocol = self.cast.o.val().protocol;
        self.rule.next.low = self.cast.o.val().low;
        self.rule.next.high = self.cast.o.val().high;
        self.rule.next.address = self.cast.o.val().address;
        if self.cast.o.val().by_group {
            self.rule.next.prefix = bits::<8>(129);
        } else if self.cast.o.val().prefix.get_bit(7) {
            // Longer than an address is as long as an address.
            self.rule.next.prefix = bits::<8>(128);
        } else {
            self.rule.next.prefix = self.cast.o.val().prefix;
        }
    }
}

/// What of a rule and a packet the second clock compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Facing {
    /// The family fits.
    pub family: Bit,
    /// Any protocol fits.
    pub any_protocol: Bit,
    /// Bits in which the protocols differ.
    pub protocol: Bits<8>,
    /// The rule's peer is a group.
    pub by_group: Bit,
    /// What the rule admits is not tracked.
    pub untracked: Bit,
    /// Bits in which the addresses differ.
    pub differs: Bits<128>,
    /// How many bytes of the address belong to the prefix whole.
    pub whole: Bits<5>,
    /// How many bits of the byte behind them do.
    pub part: Bits<3>,
    /// The group.
    pub group: Bits<6>,
    /// The rule's selector is the source port.
    pub reply: Bit,
    /// Lowest selector.
    pub low: Bits<16>,
    /// Highest selector.
    pub high: Bits<16>,
}

/// What the third clock combines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Compared {
    /// Family, protocol and selector fit.
    pub fits: Bit,
    /// The rule's peer is a group.
    pub by_group: Bit,
    /// What the rule admits is not tracked.
    pub untracked: Bit,
    /// Bytes that differ within the prefix.
    pub differs: Bits<16>,
    /// The group.
    pub group: Bits<6>,
}

/// A match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Match {
    /// The rule admits the packet, whoever the peer's groups are.
    pub definite: Bit,
    /// So it does, and nothing is tracked.
    pub untracked: Bit,
    /// The rule admits the packet if the peer is a member of a group; one of eight times eight.
    pub group_high: Bits<8>,
    /// Lower half of its number; only with `group_high`.
    pub group_low: Bits<8>,
}

/// Compares a rule with a packet.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct CompareRule {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The rule.
    pub rule: Signal<In, StoredRule>,
    /// The packet.
    pub ask: Signal<In, ScanAsk>,
    /// Selector of the packet of the clock before.
    pub selector: Signal<In, Bits<16>>,
    /// Its source port.
    pub source_port: Signal<In, Bits<16>>,
    /// The rule admits the packet, whoever the peer's groups are.
    pub definite: Signal<Out, Bit>,
    /// So it does, and nothing is tracked.
    pub untracked: Signal<Out, Bit>,
    /// The group whose members the rule admits, if that is what it does.
    pub groups: Signal<Out, Bits<64>>,
    facing: DFF<Facing>,
    compared: DFF<Compared>,
    matched: DFF<Match>,
    byte: Signal<Local, Bits<8>>,
    whole: Signal<Local, Bits<17>>,
    part: Signal<Local, Bits<8>>,
    bytes: Signal<Local, Bits<16>>,
    ruled: Signal<Local, Bits<16>>,
    admits: Signal<Local, Bit>,
    high: Wires<8, 64>,
    low: Wires<8, 64>,
    offset: Vec<Constant<Bits<8>>>,
}

impl Default for CompareRule {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            rule: Signal::default(),
            ask: Signal::default(),
            selector: Signal::default(),
            source_port: Signal::default(),
            definite: Signal::default(),
            untracked: Signal::default(),
            groups: Signal::default(),
            facing: DFF::default(),
            compared: DFF::default(),
            matched: DFF::default(),
            byte: Signal::default(),
            whole: Signal::default(),
            part: Signal::default(),
            bytes: Signal::default(),
            ruled: Signal::default(),
            admits: Signal::default(),
            high: Wires::repeat(),
            low: Wires::new(|bit| bit % 8),
            offset: (0..16_usize).map(|byte| Constant::new((8 * byte).to_bits())).collect(),
        }
    }
}

impl Logic for CompareRule {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, facing, compared, matched);

        // Clock 1.
        if self.ask.val().ipv6 {
            self.facing.d.next.family = self.rule.val().ipv6;
        } else {
            self.facing.d.next.family = self.rule.val().ipv4;
        }
        self.facing.d.next.any_protocol = self.rule.val().mode == bits::<2>(0);
        self.facing.d.next.protocol = self.rule.val().protocol ^ self.ask.val().protocol;
        self.facing.d.next.by_group = self.rule.val().prefix.get_bit(7) && self.rule.val().prefix.get_bit(0);
        self.facing.d.next.untracked = self.rule.val().mode.get_bit(1);
        self.facing.d.next.differs = self.rule.val().address ^ self.ask.val().peer;
        self.facing.d.next.whole = self.rule.val().prefix.get_bits::<5>(3);
        self.facing.d.next.part = self.rule.val().prefix.get_bits::<3>(0);
        self.facing.d.next.group = self.rule.val().address.get_bits::<6>(0);
        self.facing.d.next.reply = self.rule.val().mode == bits::<2>(3);
        self.facing.d.next.low = self.rule.val().low;
        self.facing.d.next.high = self.rule.val().high;

        // Clock 2. The byte behind the last whole one counts in part, be it the first.
        self.whole.next = bit_cast::<17, 64>(bits::<64>(0x1_ffff_0000_u64) >> self.facing.q.val().whole);
        self.part.next = bit_cast::<8, 16>(bits::<16>(0xff00) >> self.facing.q.val().part);
        self.bytes.next = bits::<16>(0);
        for i in 0..16 {
            self.byte.next = bit_cast::<8, 128>(self.facing.q.val().differs >> self.offset[i].val());
            self.bytes.next = self.bytes.val().replace_bit(
                i,
                (self.whole.val().get_bit(i) && self.byte.val().any())
                    || (self.whole.val().get_bit(i + 1) && (self.byte.val() & self.part.val()).any()),
            );
        }
        self.compared.d.next.differs = self.bytes.val();
        self.ruled.next = self.selector.val();
        if self.facing.q.val().reply {
            self.ruled.next = self.source_port.val();
        }
        self.compared.d.next.fits = self.facing.q.val().family
            && (self.facing.q.val().any_protocol || !self.facing.q.val().protocol.any())
            && (self.ruled.val() >= self.facing.q.val().low)
            && (self.ruled.val() <= self.facing.q.val().high);
        self.compared.d.next.by_group = self.facing.q.val().by_group;
        self.compared.d.next.untracked = self.facing.q.val().untracked;
        self.compared.d.next.group = self.facing.q.val().group;

        // Clock 3.
        self.admits.next = self.compared.q.val().fits && !self.compared.q.val().differs.any();
        self.matched.d.next.definite = !self.compared.q.val().by_group && self.admits.val();
        self.matched.d.next.untracked =
            !self.compared.q.val().by_group && self.compared.q.val().untracked && self.admits.val();
        self.matched.d.next.group_high = bits::<8>(0);
        if self.compared.q.val().by_group && self.compared.q.val().fits {
            self.matched.d.next.group_high = bits::<8>(1) << self.compared.q.val().group.get_bits::<3>(3);
        }
        self.matched.d.next.group_low = bits::<8>(1) << self.compared.q.val().group.get_bits::<3>(0);

        self.definite.next = self.matched.q.val().definite;
        self.untracked.next = self.matched.q.val().untracked;
        self.high.i.next = self.matched.q.val().group_high;
        self.low.i.next = self.matched.q.val().group_low;
        self.groups.next = self.high.o.val() & self.low.o.val();
    }
}
