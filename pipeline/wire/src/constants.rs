//! Numbers of the protocols, and the overlay's fixed layouts.

use serde::{Deserialize, Serialize};

/// EtherTypes (IEEE registry).
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// 802.1Q tag protocol identifier.
    pub const VLAN: u16 = 0x8100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// Ethernet frames inside of a tunnel ("transparent Ethernet bridging").
    pub const TRANSPARENT_ETHERNET: u16 = 0x6558;
}

/// IP protocol numbers (IANA).
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// No next header (RFC 8200, section 4.7).
    pub const NO_NEXT_HEADER: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// ICMP types (RFC 792).
pub mod icmp {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Types of the errors that quote a packet: unreachable, source quench, redirect, time exceeded, parameter problem.
    pub const ERRORS: [u8; 5] = [3, 4, 5, 11, 12];
}

/// ICMPv6 types (RFC 4443, RFC 4861).
pub mod icmpv6 {
    /// Types of the errors that quote a packet: unreachable, too big, time exceeded, parameter problem.
    pub const ERRORS: [u8; 4] = [1, 2, 3, 4];
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Router solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Router advertisement.
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Neighbour solicitation.
    pub const NEIGHBOUR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement.
    pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    /// Redirect.
    pub const REDIRECT: u8 = 137;
}

/// Geneve and the overlay's options (RFC 8926).
pub mod geneve {
    /// UDP destination port.
    pub const PORT: u16 = 6081;
    /// Class of the overlay's options (of the experimental range).
    pub const OPTION_CLASS: u16 = 0xff4e;
    /// Type of the token option, critical.
    pub const TOKEN: u8 = 0x81;
    /// Type of the multipath option, critical.
    pub const SRD: u8 = 0x82;
    /// Type of the endpoint option, critical.
    pub const ENDPOINT: u8 = 0x83;
    /// Upper bits of the outer source port; the low 14 are the flow hash.
    pub const SOURCE_PORT_BASE: u16 = 0xc000;
    /// Bits of the flow hash in the outer source port.
    pub const FLOW_HASH_BITS: u32 = 14;
}

/// TTL or hop limit of outer headers.
pub const OUTER_TTL: u8 = 64;
/// Largest IP datagram of a guest, in bytes.
pub const GUEST_MTU: u16 = 9001;
/// Largest frame at any port, in bytes, without frame check sequence.
pub const MAX_FRAME_BYTES: usize = 9216;
/// Smallest frame at any port, in bytes: an Ethernet header.
pub const MIN_FRAME_BYTES: usize = 14;
/// Bytes of a frame that the parser looks at.
pub const PARSE_WINDOW_BYTES: usize = 160;
/// Bytes from a header's start that must lie within the parser's window for the header to be followed or read (IPv6).
pub const HEADER_REACH_BYTES: usize = 16;
/// IPv6 extension headers that the parser follows.
pub const MAX_EXTENSION_HEADERS: usize = 6;
/// Length of an ARP answer in bytes, padded to Ethernet's minimum without frame check sequence.
pub const ARP_REPLY_BYTES: usize = 60;
/// Longest neighbour solicitation that is answered, in bytes of ICMPv6.
pub const MAX_SOLICITATION_BYTES: usize = 72;

/// Which options an overlay packet carries. There are only these four, always in the order token, srd, endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Layout {
    /// The token alone.
    Token = 0,
    /// Token and multipath.
    TokenSrd = 1,
    /// Token and endpoint.
    TokenEndpoint = 2,
    /// All three.
    All = 3,
}

impl Layout {
    /// All layouts in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Token, Self::TokenSrd, Self::TokenEndpoint, Self::All];

    /// The hardware's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Has the multipath option.
    #[must_use]
    pub const fn has_srd(self) -> bool {
        matches!(self, Self::TokenSrd | Self::All)
    }

    /// Has the endpoint option.
    #[must_use]
    pub const fn has_endpoint(self) -> bool {
        matches!(self, Self::TokenEndpoint | Self::All)
    }

    /// Length of all options in bytes, their headers included.
    #[must_use]
    pub const fn option_bytes(self) -> usize {
        20 + if self.has_srd() { 24 } else { 0 } + if self.has_endpoint() { 16 } else { 0 }
    }

    /// Length of all outer headers in bytes, over an IPv4 underlay or an IPv6 underlay.
    #[must_use]
    pub const fn outer_bytes(self, ipv6: bool) -> usize {
        14 + if ipv6 { 40 } else { 20 } + 8 + 8 + self.option_bytes()
    }
}

/// Kind of destination in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum MappingKind {
    /// An interface on some host.
    #[default]
    Instance = 0,
    /// A gateway of the fleet.
    GatewayService = 1,
    /// An endpoint of a service of another VPC.
    EndpointService = 2,
    /// Packets to it are dropped.
    Drop = 3,
    /// The mapping service knows no such destination (a cached negative reply).
    Negative = 7,
}

impl MappingKind {
    /// The hardware's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a code; 4 to 6 are reserved.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Instance),
            1 => Some(Self::GatewayService),
            2 => Some(Self::EndpointService),
            3 => Some(Self::Drop),
            7 => Some(Self::Negative),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_lengths() {
        assert_eq!(Layout::ALL.map(|layout| layout.outer_bytes(false)), [70, 94, 86, 110]);
        assert_eq!(Layout::ALL.map(|layout| layout.outer_bytes(true)), [90, 114, 106, 130]);
    }

    #[test]
    fn kinds_have_stable_codes() {
        for code in 0..8 {
            assert!(MappingKind::from_code(code).is_none_or(|kind| kind.code() == code));
        }
    }
}
