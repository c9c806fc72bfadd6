//! What the guest is told of a datagram that is too big for its way and must not be fragmented.
//!
//! The gateway would be the one to find out, so the message comes from it. IPv4: destination unreachable, fragmentation needed
//! (type 3, code 4), with the next hop's MTU (RFC 1191) and a quote of the IP header and 8 bytes (RFC 792). IPv6: packet too
//! big (type 2, RFC 4443 section 3.2, RFC 8201). It shall quote as much as is possible; for the card these are the bytes that
//! its parser looked at. They hold all headers up to the ports, since a packet whose headers do not end there has another drop
//! reason, and that is what a host needs to find whom to tell.
//!
//! No message is about a message that reports an error, about a later fragment in IPv4, or to what is no host's address (RFC
//! 1812 section 4.3.2.7, RFC 4443 section 2.4). There is no other limit to their rate: each goes to the interface whose own
//! packet brought it about.

use nitro_wire::constants::{PARSE_WINDOW_BYTES, ethertype, icmp, icmpv6, protocol};
use nitro_wire::control::{Eni, mac_from_bits};

use crate::bytes::unmap_v4;
use crate::checksum;
use crate::eni::gateway;
use crate::parser::Parsed;
use crate::responder::ethernet;

/// TTL or hop limit of a message.
const HOP_LIMIT: u8 = 64;
/// TOS of a message: internetwork control (RFC 1812, section 4.3.2.5).
const TOS: u8 = 0xc0;
/// Bytes behind the IP header that IPv4 quotes.
const QUOTED_BYTES: usize = 8;

/// The message about a datagram that is larger than `mtu`; none if it gets none.
#[must_use]
pub fn message(eni: &Eni, gateway_mac: [u8; 6], parsed: &Parsed, frame: &[u8], mtu: u16) -> Option<Vec<u8>> {
    if parsed.ip_length <= mtu || !parsed.dont_fragment {
        return None;
    }
    let start = parsed.ethernet_bytes();
    let datagram = frame.get(start..start + usize::from(parsed.ip_length))?;
    let source = gateway(eni, parsed.is_ipv6)?;
    let (kind, packet) = if parsed.is_ipv6 {
        (ethertype::IPV6, ipv6(parsed, source, &datagram[..datagram.len().min(PARSE_WINDOW_BYTES - start)], mtu)?)
    } else {
        (ethertype::IPV4, ipv4(parsed, unmap_v4(source)?, datagram, mtu)?)
    };
    let mut message = ethernet(parsed, mac_from_bits(parsed.src_mac), gateway_mac, kind);
    message.extend(packet);
    Some(message)
}

fn ipv4(parsed: &Parsed, source: u32, datagram: &[u8], mtu: u16) -> Option<Vec<u8>> {
    let destination = unmap_v4(parsed.src_ip)?;
    let is_host = matches!(destination >> 24, 1..=126 | 128..=223);
    let reports_error = parsed.is_icmp && icmp::ERRORS.contains(&parsed.icmp_type);
    if !is_host || reports_error || parsed.fragment_offset != 0 {
        return None;
    }
    let header_length = 4 * usize::from(datagram.first()? & 0xf);
    let quote = &datagram[..datagram.len().min(header_length + QUOTED_BYTES)];
    let mut body = vec![3, 4, 0, 0, 0, 0];
    body.extend(mtu.to_be_bytes());
    body.extend(quote);
    let sum = checksum::checksum(&body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut packet = vec![0x45, TOS];
    packet.extend(u16::try_from(20 + body.len()).ok()?.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, HOP_LIMIT, protocol::ICMP, 0, 0]);
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    let sum = checksum::checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(body);
    Some(packet)
}

fn ipv6(parsed: &Parsed, source: u128, quote: &[u8], mtu: u16) -> Option<Vec<u8>> {
    let destination = parsed.src_ip;
    let is_host = destination > 1 && destination >> 120 != 0xff;
    // Errors have types below 128 (RFC 4443, section 2.1); a redirect is not answered either.
    let reports_error = parsed.is_icmp && (parsed.icmp_type < 128 || parsed.icmp_type == icmpv6::REDIRECT);
    if !is_host || reports_error {
        return None;
    }
    let mut body = vec![2, 0, 0, 0];
    body.extend(u32::from(mtu).to_be_bytes());
    body.extend(quote);
    let sum = !checksum::icmpv6_sum(source, destination, &body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(body.len()).ok()?.to_be_bytes());
    packet.extend([protocol::ICMPV6, HOP_LIMIT]);
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    packet.extend(body);
    Some(packet)
}
