//! TCP, UDP, ICMP and ICMPv6.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};
use nitro_wire::DropReason;
use nitro_wire::constants::{icmp, icmpv6, protocol};

use super::{Parsed, neighbour, quoted};
use crate::bytes;

/// Reads the upper-layer header at `start`, in a datagram that ends at `end` of the frame.
pub(super) fn read(frame: &[u8], start: usize, end: usize, parsed: &mut Parsed) -> Result<(), DropReason> {
    // RFC 1858 and RFC 3128: a later fragment must not write over the header that was checked in the first one.
    let offset_bytes = 8 * usize::from(parsed.fragment_offset);
    if offset_bytes != 0 {
        let overlaps = parsed.protocol == protocol::TCP && offset_bytes < 20;
        return if overlaps { Err(DropReason::FragmentOverlap) } else { Ok(()) };
    }
    let message = frame[..end].get(start..).unwrap_or(&[]);
    match parsed.protocol {
        protocol::TCP => tcp(message, parsed),
        protocol::UDP => udp(message, parsed),
        protocol::ICMP if parsed.is_ipv4 => icmp_message(frame, start, end, parsed),
        protocol::ICMPV6 if parsed.is_ipv6 => icmp_message(frame, start, end, parsed),
        _ => Ok(()),
    }
}

fn tcp(message: &[u8], parsed: &mut Parsed) -> Result<(), DropReason> {
    if message.len() < 20 {
        return Err(DropReason::TruncatedL4);
    }
    // Refuses a data offset under 5 and one beyond the message.
    let header = TcpHeaderSlice::from_slice(message).map_err(|_| DropReason::BadL4Header)?;
    parsed.has_ports = true;
    parsed.src_port = header.source_port();
    parsed.dst_port = header.destination_port();
    parsed.tcp_flags = message[13];
    Ok(())
}

fn udp(message: &[u8], parsed: &mut Parsed) -> Result<(), DropReason> {
    let header = UdpHeaderSlice::from_slice(message).map_err(|_| DropReason::TruncatedL4)?;
    let length = usize::from(header.length());
    // The length field counts the whole datagram, of which a first fragment holds a part.
    if length < 8 || (length > message.len() && !parsed.more_fragments) {
        return Err(DropReason::BadL4Header);
    }
    parsed.has_ports = true;
    parsed.src_port = header.source_port();
    parsed.dst_port = header.destination_port();
    parsed.udp_length = header.length();
    Ok(())
}

fn icmp_message(frame: &[u8], start: usize, end: usize, parsed: &mut Parsed) -> Result<(), DropReason> {
    let message = frame[..end].get(start..).filter(|message| message.len() >= 8).ok_or(DropReason::TruncatedL4)?;
    parsed.is_icmp = true;
    parsed.icmp_type = message[0];
    parsed.icmp_code = message[1];
    let (echo, error) = if parsed.is_ipv4 {
        (is_echo4(message[0]), icmp::ERRORS.contains(&message[0]))
    } else {
        (is_echo6(message[0]), icmpv6::ERRORS.contains(&message[0]))
    };
    if echo {
        parsed.icmp_identifier = bytes::be16(message, 4).unwrap_or(0);
    }
    // The hardware looks for quotes and solicitations in one place of each family only: right after the fixed IP header.
    if error && !parsed.ip_options {
        quoted::read(frame, start + 8, end, parsed);
    }
    let solicits = matches!(message[0], icmpv6::ROUTER_SOLICITATION | icmpv6::NEIGHBOUR_SOLICITATION);
    if parsed.is_ipv6 && solicits && !parsed.ip_options {
        neighbour::solicitation(frame, start, end, parsed);
    }
    Ok(())
}

/// ICMP echo request or reply.
pub(super) fn is_echo4(kind: u8) -> bool {
    matches!(kind, icmp::ECHO_REQUEST | icmp::ECHO_REPLY)
}

/// ICMPv6 echo request or reply.
pub(super) fn is_echo6(kind: u8) -> bool {
    matches!(kind, icmpv6::ECHO_REQUEST | icmpv6::ECHO_REPLY)
}
