//! `security_group`: do the rules of an interface's security groups admit a packet whose connection is not known?
//!
//! The rules lie in `2^RL` block RAMs, so that a clock reads a row of as many. A scan of an interface's rows takes a row a clock, from the
//! one where its set begins, wrapping around at the memory's end, until the answer is known ([`scan`]).
//!
//! Ports: `rx` (packets), `tx` (answers, in order), `table` and `commit`, `busy`, `ready`. Latency: [`LATENCY`] clocks for one row.
//! Drop reason: `security_group`, given by the waiting room, which knows the groups of the packet's peer. Counters: by that reason.
//! Source: VPC user guide, "Security group rules"; EC2 user guide, "Security group connection tracking".
//!
//! # Rules as rows
//!
//! Software compiles the rules (`testbench/driver/src/security.rs`) and puts those that admit untracked first, so that a set's first
//! `untracked_rows` rows have them all. An answer is known
//!
//! * with a rule that admits untracked,
//! * with a rule that admits, whoever the peer's groups are, once the rows with untracked rules have been looked at,
//! * with the last row.
//!
//! Rules that admit members of a group are collected: `groups` of the answer, for which the waiting room asks the peer's mapping.
//!
//! # Clocks per decision
//!
//! Scans follow each other without a gap. The answer comes 5 clocks after the row's address, and until then further rows are read, so a scan of
//! n rows that is decided by row k (the first is 0) takes min(n, k + 6) clocks: 1 at best, 6 if n is large, and n at worst: 16 for 1,000
//! rules in rows of 64, 125 in rows of 8. Rows that were read in vain are ignored.
//!
//! # Changes
//!
//! Sets of rows change at `commit` ([`sets`]); a scan has the set that counted when it began. Software writes new rules to rows that no set
//! has, commits, and may use the old rows again when `busy` is clear: it is set while a scan is under way that began before the last commit.
//! One scan at most is, and it never waits, so that takes as many clocks as the scan has rows.

pub mod column;
pub mod compare;
pub mod scan;
pub mod sets;

use nitro_netlist::Record;
use nitro_simulator::BlockEntry;
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use self::column::RuleColumn;
use self::compare::{CompareRule, StoreRule};
use self::scan::SecurityScan;
use self::sets::RuleSets;

/// Clocks from an `rx` transfer to its answer at `tx`, for a set of one row.
pub const LATENCY: usize = scan::LATENCY;

/// A packet for which rules are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ScanAsk {
    /// Its interface.
    pub eni: Bits<8>,
    /// IPv6, else IPv4.
    pub ipv6: Bit,
    /// Protocol above IP.
    pub protocol: Bits<8>,
    /// The remote address, IPv4 as v4-mapped.
    pub peer: Bits<128>,
    /// TCP and UDP: destination port. ICMP over IPv4 and ICMPv6 over IPv6: 256 · type + code. Else 0.
    pub selector: Bits<16>,
    /// TCP and UDP: source port.
    pub source_port: Bits<16>,
}

/// What the rules say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ScanResult {
    /// A rule admits it, whoever the peer's groups are.
    pub admitted: Bit,
    /// So it does, and makes no connection.
    pub untracked: Bit,
    /// Unless it is admitted: if the peer is a member of one of these groups, it is.
    pub groups: Bits<64>,
}

/// The stage's blocks, with `2^RA` rows of `2^RL` rules for `2^EA` interfaces.
#[must_use]
pub fn entries<const RL: usize, const RA: usize, const EA: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("security_group_store", StoreRule::default),
        BlockEntry::of("security_group_compare", CompareRule::default),
        BlockEntry::of("security_group_column", RuleColumn::<RA>::default),
        BlockEntry::of("security_group_sets", || RuleSets::<EA>::new(Direction::Ingress)),
        BlockEntry::of("security_group_scan", || SecurityScan::<RL, RA, EA>::new(Direction::Egress)),
    ]
}
