//! Drop reasons and verdicts: one list, shared by hardware, model and tools.
//!
//! Every dropped packet has exactly one reason, named by the first check of its path that fails. Codes ascend in stage
//! order; they are what the 6-bit `reason` fields of the hardware hold, and the indexes of the drop counters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A stage of the card that can drop packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reads the headers; refuses malformed packets.
    Parser,
    /// The identity of the virtual interface.
    Eni,
    /// Answers ARP and neighbour discovery.
    Responder,
    /// Connection tracking.
    Conntrack,
    /// Security group rules.
    SecurityGroup,
    /// Network access control lists.
    Nacl,
    /// Mapping cache.
    Lookup,
    /// Encapsulation.
    Encap,
    /// Decapsulation and the checks of the outer headers.
    Decap,
    /// Token check.
    Token,
    /// Multipath transport.
    Srd,
    /// Address translation of the fleet.
    Nat,
    /// Rate and packet allowances.
    Allowances,
}

impl Stage {
    /// The stage's name: its folder, its scope in waveforms, the prefix of its counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parser => "parser",
            Self::Eni => "eni",
            Self::Responder => "responder",
            Self::Conntrack => "conntrack",
            Self::SecurityGroup => "security_group",
            Self::Nacl => "nacl",
            Self::Lookup => "lookup",
            Self::Encap => "encap",
            Self::Decap => "decap",
            Self::Token => "token",
            Self::Srd => "srd",
            Self::Nat => "nat",
            Self::Allowances => "allowances",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes the enum, its list and its names from one table.
macro_rules! drop_reasons {
    ($( #[doc = $doc:literal] $variant:ident = $code:literal, $name:literal, $stage:ident; )*) => {
        /// Why a packet was dropped. The discriminant is the hardware's code; 0 stands for "no reason".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum DropReason {
            $( #[doc = $doc] $variant = $code, )*
        }

        impl DropReason {
            /// All reasons, in ascending order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason's name in counters, verdicts and documentation.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The stage that drops for this reason.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $(Self::$variant => Stage::$stage,)* }
            }

            /// What the reason means, in one sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $doc.trim_ascii(),)* }
            }
        }
    };
}

drop_reasons! {
    /// The frame arrived with its error flag set, or cut off, or with non-contiguous bytes.
    StreamError = 1, "stream_error", Parser;
    /// The frame is longer than 9,216 bytes.
    Oversize = 2, "oversize", Parser;
    /// The frame ends within its Ethernet, ARP, IPv4 or IPv6 header.
    Truncated = 3, "truncated", Parser;
    /// The EtherType is none of IPv4, ARP and IPv6.
    UnknownEthertype = 4, "unknown_ethertype", Parser;
    /// The version field of the IP header contradicts the EtherType.
    BadIpVersion = 5, "bad_ip_version", Parser;
    /// The IPv4 header length is under 5 words.
    BadIpHeaderLength = 6, "bad_ip_header_length", Parser;
    /// The IP length is under the header's or runs beyond the frame.
    BadIpTotalLength = 7, "bad_ip_total_length", Parser;
    /// The IPv4 header checksum is wrong.
    BadIpChecksum = 8, "bad_ip_checksum", Parser;
    /// The headers are more or longer than the parser follows.
    TooManyHeaders = 9, "too_many_headers", Parser;
    /// A later fragment would overlap the upper-layer header (RFC 1858, RFC 3128).
    FragmentOverlap = 10, "fragment_overlap", Parser;
    /// The datagram ends within its extension or upper-layer header.
    TruncatedL4 = 11, "truncated_l4", Parser;
    /// A length in the TCP or UDP header contradicts the datagram's.
    BadL4Header = 12, "bad_l4_header", Parser;
    /// The source MAC is not the interface's.
    SpoofedMac = 13, "spoofed_mac", Eni;
    /// The source address is none of the interface's.
    SpoofedIp = 14, "spoofed_ip", Eni;
    /// Broadcast, multicast or a DHCP message that no responder answers.
    NoBroadcast = 15, "no_broadcast", Eni;
    /// No interface of this card has this number, or this network identifier and address.
    NoSuchEni = 16, "no_such_eni", Eni;
    /// An ARP frame that gets no answer.
    ArpUnanswered = 17, "arp_unanswered", Responder;
    /// A neighbour or router solicitation that gets no answer.
    NdUnanswered = 18, "nd_unanswered", Responder;
    /// An ARP frame that is not a request or reply of IPv4 over Ethernet.
    BadArp = 19, "bad_arp", Responder;
    /// A solicitation that fails the checks of RFC 4861.
    BadNd = 20, "bad_nd", Responder;
    /// A later fragment of a datagram whose first fragment was not seen.
    FragmentWithoutFirst = 21, "fragment_without_first", Conntrack;
    /// A TCP packet without SYN and without a connection, in strict mode.
    StrictTcp = 22, "strict_tcp", Conntrack;
    /// The connection table is full.
    ConntrackFull = 23, "conntrack_full", Conntrack;
    /// The interface tracks as many connections as it may.
    ConntrackAllowanceExceeded = 24, "conntrack_allowance_exceeded", Conntrack;
    /// No rule of the security groups allows it.
    SecurityGroup = 25, "security_group", SecurityGroup;
    /// Too many new flows wait for their rule scan, or DHCP messages for their answer.
    NewFlowQueueFull = 26, "new_flow_queue_full", SecurityGroup;
    /// The network access control list denies it.
    Nacl = 27, "nacl", Nacl;
    /// The mapping cache has no entry, and misses are drops.
    CacheMiss = 28, "cache_miss", Lookup;
    /// The mapping service knows no such destination.
    NoMapping = 29, "no_mapping", Lookup;
    /// The mapping service did not answer in time.
    MappingTimeout = 30, "mapping_timeout", Lookup;
    /// The mapping says: drop.
    MappingDrop = 31, "mapping_drop", Lookup;
    /// Too many packets wait for mappings.
    MissBufferFull = 32, "miss_buffer_full", Lookup;
    /// The IP datagram is larger than the path's MTU.
    TooBig = 33, "too_big", Encap;
    /// The outer destination address or MAC is not this card's.
    NotForThisCard = 34, "not_for_this_card", Decap;
    /// Addressed to this card, but not the overlay's UDP port in a plain header.
    NotOverlay = 35, "not_overlay", Decap;
    /// The Geneve header or its options are not one of the four layouts.
    BadGeneve = 36, "bad_geneve", Decap;
    /// The token does not belong to this sender, destination, network and epoch.
    BadToken = 37, "bad_token", Token;
    /// Congestion was marked outside of a packet that is not ECN-capable (RFC 6040).
    BadEcn = 38, "bad_ecn", Decap;
    /// The multipath packet number was received before.
    SrdDuplicate = 39, "srd_duplicate", Srd;
    /// The multipath packet number lies outside of the window.
    SrdOutOfWindow = 40, "srd_out_of_window", Srd;
    /// The multipath flow is not known.
    SrdNoFlow = 41, "srd_no_flow", Srd;
    /// The multipath peer does not answer.
    SrdPeerDead = 42, "srd_peer_dead", Srd;
    /// No port is left for the translation.
    ErrorPortAllocation = 43, "error_port_allocation", Nat;
    /// No healthy target.
    NoTarget = 44, "no_target", Nat;
    /// The endpoint option names no endpoint of this node.
    BadEndpoint = 45, "bad_endpoint", Nat;
    /// Over the inbound bandwidth allowance.
    BwInAllowanceExceeded = 46, "bw_in_allowance_exceeded", Allowances;
    /// Over the outbound bandwidth allowance.
    BwOutAllowanceExceeded = 47, "bw_out_allowance_exceeded", Allowances;
    /// Over the packet rate allowance.
    PpsAllowanceExceeded = 48, "pps_allowance_exceeded", Allowances;
    /// Over the packet rate to link-local services.
    LinklocalAllowanceExceeded = 49, "linklocal_allowance_exceeded", Allowances;
}

/// A text that names no drop reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a drop reason; `nitro regs` lists them")]
pub struct UnknownReason(pub String);

impl DropReason {
    /// The hardware's code, 1 to 63.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason of a code; none for 0 and for codes not in use.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }

    /// The reason of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DropReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_name(text).ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

/// What becomes of a frame; the 2-bit `verdict` of the hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Verdict {
    /// Forwarded to the underlay (tx) or delivered to a guest (rx).
    Pass = 0,
    /// Dropped, for a [`DropReason`].
    Drop = 1,
    /// Answered by the card itself.
    Reply = 2,
}

impl Verdict {
    /// The hardware's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The verdict of a code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Pass),
            1 => Some(Self::Drop),
            2 => Some(Self::Reply),
            _ => None,
        }
    }
}

/// What connection tracking found for a packet; the 3-bit `flow` of the hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Flow {
    /// Not looked up: dropped or answered before, exempt, or a later fragment without a first.
    #[default]
    None = 0,
    /// No entry, also if the packet was then refused.
    New = 1,
    /// An entry.
    Established = 2,
    /// An ICMP error about a packet whose connection has an entry.
    Related = 3,
    /// Passed by rules that make no entry.
    Untracked = 4,
}

impl Flow {
    /// All, in ascending order of their codes.
    pub const ALL: [Self; 5] = [Self::None, Self::New, Self::Established, Self::Related, Self::Untracked];

    /// The name in verdicts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::New => "new",
            Self::Established => "established",
            Self::Related => "related",
            Self::Untracked => "untracked",
        }
    }

    /// The hardware's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.code() == code)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test stops at the first surprise.
    use super::*;

    #[test]
    fn codes_are_dense_and_ascend() {
        for (index, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.code()), index + 1);
            assert_eq!(DropReason::from_code(reason.code()), Some(*reason));
            assert_eq!(reason.name().parse(), Ok(*reason));
            assert!(reason.description().ends_with('.'));
        }
        assert_eq!(DropReason::ALL.len(), 49);
        assert_eq!(DropReason::from_code(0), None);
        assert_eq!(DropReason::from_code(50), None);
        assert!("no_reason".parse::<DropReason>().is_err());
    }

    #[test]
    fn serde_uses_the_same_names() {
        for reason in DropReason::ALL {
            assert_eq!(serde_json::to_string(reason).unwrap(), format!("\"{}\"", reason.name()));
        }
    }

    #[test]
    fn flow_codes_fit_and_names_are_serdes() {
        for flow in Flow::ALL {
            assert!(flow.code() < 8);
            assert_eq!(Flow::from_code(flow.code()), Some(flow));
            assert_eq!(serde_json::to_string(&flow).unwrap(), format!("\"{}\"", flow.name()));
        }
        assert_eq!(Flow::from_code(5), None);
    }

    #[test]
    fn verdict_codes_are_those_of_the_record() {
        for verdict in [Verdict::Pass, Verdict::Drop, Verdict::Reply] {
            assert_eq!(Verdict::from_code(verdict.code()), Some(verdict));
        }
        assert_eq!(Verdict::from_code(3), None);
    }
}
