//! Stage `parser`: reads the headers of a frame and refuses what is malformed, with the first reason in the list's order.
//!
//! Ethernet with at most one 802.1Q tag; ARP; IPv4 (RFC 791) with options; IPv6 (RFC 8200) with hop-by-hop, routing,
//! destination options and fragment headers; TCP, UDP, ICMP, ICMPv6; the packets that ICMP errors quote; the receiver's
//! checks of solicitations (RFC 4861).
//!
//! Drop reasons: `stream_error` and `oversize` (before the headers), `truncated` to `bad_l4_header`.

mod ip;
mod neighbour;
mod quoted;
mod upper;

use nitro_wire::DropReason;
use nitro_wire::constants::{MAX_FRAME_BYTES, ethertype};

use crate::bytes;

/// What the parser reads from a frame. The fields have the names and the meaning of the hardware's record; those of absent
/// headers are 0. When `reason` is set, the other fields hold what was read before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Why the frame is refused.
    pub reason: Option<DropReason>,
    /// Length of the frame in bytes.
    pub length: usize,
    /// Destination MAC.
    pub dst_mac: u64,
    /// Source MAC.
    pub src_mac: u64,
    /// An 802.1Q tag is present.
    pub tagged: bool,
    /// Its tag control information.
    pub vlan: u16,
    /// The frame is ARP.
    pub is_arp: bool,
    /// The frame is IPv4.
    pub is_ipv4: bool,
    /// The frame is IPv6.
    pub is_ipv6: bool,
    /// Has IPv4 options or IPv6 extension headers.
    pub ip_options: bool,
    /// TOS or traffic class: DSCP (6 bits), ECN (2 bits).
    pub traffic_class: u8,
    /// Length of the IP datagram in bytes, its header included.
    pub ip_length: u16,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Upper-layer protocol, after extension headers.
    pub protocol: u8,
    /// IPv4 header checksum as received.
    pub ip_checksum: u16,
    /// IPv4 DF; always set for IPv6.
    pub dont_fragment: bool,
    /// More fragments follow.
    pub more_fragments: bool,
    /// Fragment offset in units of 8 bytes.
    pub fragment_offset: u16,
    /// IPv4 identification, or that of the last IPv6 fragment header.
    pub fragment_id: u32,
    /// Source address, IPv4 as v4-mapped (ARP: sender protocol address).
    pub src_ip: u128,
    /// Destination address, IPv4 as v4-mapped (ARP: target protocol address).
    pub dst_ip: u128,
    /// TCP or UDP ports are present.
    pub has_ports: bool,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// TCP flags CWR ECE URG ACK PSH RST SYN FIN.
    pub tcp_flags: u8,
    /// UDP length field.
    pub udp_length: u16,
    /// An ICMP (in IPv4) or ICMPv6 (in IPv6) header is present.
    pub is_icmp: bool,
    /// ICMP type.
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
    /// Identifier of an echo message.
    pub icmp_identifier: u16,
    /// An ICMP error quotes a packet whose addresses could be read.
    pub quoted_valid: bool,
    /// Protocol of the quoted packet.
    pub quoted_protocol: u8,
    /// Source of the quoted packet.
    pub quoted_src_ip: u128,
    /// Destination of the quoted packet.
    pub quoted_dst_ip: u128,
    /// Source port (or echo identifier) of the quoted packet, 0 if it has none.
    pub quoted_src_port: u16,
    /// Destination port of the quoted packet, 0 if it has none.
    pub quoted_dst_port: u16,
    /// The ARP header is that of IPv4 over Ethernet and the operation is 1 or 2.
    pub arp_valid: bool,
    /// ARP operation 1, a request.
    pub arp_request: bool,
    /// ARP sender hardware address.
    pub arp_sender_mac: u64,
    /// A neighbour or router solicitation that passes the receiver's checks of RFC 4861, sections 6.1.1 and 7.1.1.
    pub nd_valid: bool,
    /// Target of a valid neighbour solicitation.
    pub nd_target: u128,
}

impl Parsed {
    /// Length of the Ethernet header, the tag included.
    #[must_use]
    pub fn ethernet_bytes(&self) -> usize {
        if self.tagged { 18 } else { 14 }
    }

    /// A fragment, the first one or a later one.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }
}

/// Parses a whole frame (without frame check sequence).
#[must_use]
pub fn parse(frame: &[u8]) -> Parsed {
    let mut parsed = Parsed { length: frame.len(), ..Parsed::default() };
    parsed.reason = read(frame, &mut parsed).err();
    parsed
}

/// As [`parse`], for a frame that may have come with its error flag set.
#[must_use]
pub fn receive(frame: &[u8], error: bool) -> Parsed {
    if error {
        return Parsed { reason: Some(DropReason::StreamError), length: frame.len(), ..Parsed::default() };
    }
    parse(frame)
}

fn read(frame: &[u8], parsed: &mut Parsed) -> Result<(), DropReason> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(DropReason::Oversize);
    }
    parsed.dst_mac = bytes::mac(frame, 0).ok_or(DropReason::Truncated)?;
    parsed.src_mac = bytes::mac(frame, 6).ok_or(DropReason::Truncated)?;
    let mut kind = bytes::be16(frame, 12).ok_or(DropReason::Truncated)?;
    if kind == ethertype::VLAN {
        parsed.tagged = true;
        parsed.vlan = bytes::be16(frame, 14).ok_or(DropReason::Truncated)?;
        kind = bytes::be16(frame, 16).ok_or(DropReason::Truncated)?;
    }
    let start = parsed.ethernet_bytes();
    match kind {
        ethertype::ARP => {
            parsed.is_arp = true;
            neighbour::arp(&frame[start..], parsed)
        }
        ethertype::IPV4 => {
            parsed.is_ipv4 = true;
            ip::ipv4(frame, start, parsed)
        }
        ethertype::IPV6 => {
            parsed.is_ipv6 = true;
            ip::ipv6(frame, start, parsed)
        }
        _ => Err(DropReason::UnknownEthertype),
    }
}
