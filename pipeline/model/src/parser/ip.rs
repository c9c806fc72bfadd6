//! IPv4, IPv6 and the walk over IPv6's extension headers.

use etherparse::{Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice};
use nitro_wire::DropReason;
use nitro_wire::constants::{HEADER_REACH_BYTES, MAX_EXTENSION_HEADERS, PARSE_WINDOW_BYTES, protocol};

use super::{Parsed, upper};
use crate::bytes::v4_mapped;
use crate::checksum;

/// Reads an IPv4 datagram that starts at `start` of the frame.
pub(super) fn ipv4(frame: &[u8], start: usize, parsed: &mut Parsed) -> Result<(), DropReason> {
    let packet = frame.get(start..).filter(|packet| packet.len() >= 20).ok_or(DropReason::Truncated)?;
    if packet[0] >> 4 != 4 {
        return Err(DropReason::BadIpVersion);
    }
    let header_length = 4 * usize::from(packet[0] & 0xf);
    if header_length < 20 {
        return Err(DropReason::BadIpHeaderLength);
    }
    let total_length = u16::from_be_bytes([packet[2], packet[3]]);
    parsed.ip_length = total_length;
    if usize::from(total_length) < header_length || usize::from(total_length) > packet.len() {
        return Err(DropReason::BadIpTotalLength);
    }
    if checksum::sum(&packet[..header_length]) != 0xffff {
        return Err(DropReason::BadIpChecksum);
    }
    // Version and lengths were checked above, with our own reasons.
    let header = Ipv4HeaderSlice::from_slice(packet).map_err(|_| DropReason::BadIpHeaderLength)?;
    parsed.ip_options = header_length > 20;
    parsed.traffic_class = packet[1];
    parsed.hop_limit = header.ttl();
    parsed.protocol = header.protocol().0;
    parsed.ip_checksum = header.header_checksum();
    parsed.dont_fragment = header.dont_fragment();
    parsed.more_fragments = header.more_fragments();
    parsed.fragment_offset = header.fragments_offset().value();
    parsed.fragment_id = u32::from(header.identification());
    parsed.src_ip = v4_mapped(u32::from_be_bytes(header.source()));
    parsed.dst_ip = v4_mapped(u32::from_be_bytes(header.destination()));
    let end = start + usize::from(total_length);
    upper::read(frame, start + header_length, end, parsed)
}

/// Reads an IPv6 datagram that starts at `start` of the frame.
pub(super) fn ipv6(frame: &[u8], start: usize, parsed: &mut Parsed) -> Result<(), DropReason> {
    let packet = frame.get(start..).filter(|packet| packet.len() >= 40).ok_or(DropReason::Truncated)?;
    if packet[0] >> 4 != 6 {
        return Err(DropReason::BadIpVersion);
    }
    // Only the version can be wrong, and it is not.
    let header = Ipv6HeaderSlice::from_slice(packet).map_err(|_| DropReason::BadIpVersion)?;
    parsed.ip_length = header
        .payload_length()
        .checked_add(40)
        .filter(|length| usize::from(*length) <= packet.len())
        .ok_or(DropReason::BadIpTotalLength)?;
    parsed.traffic_class = header.traffic_class();
    parsed.hop_limit = header.hop_limit();
    parsed.dont_fragment = true;
    parsed.src_ip = u128::from_be_bytes(header.source());
    parsed.dst_ip = u128::from_be_bytes(header.destination());
    parsed.protocol = header.next_header().0;
    let end = start + usize::from(parsed.ip_length);
    let upper_layer = walk(frame, start + 40, end, parsed)?;
    upper::read(frame, upper_layer, end, parsed)
}

/// Follows the extension headers; the place of the upper-layer header, or of a later fragment's data.
fn walk(frame: &[u8], start: usize, end: usize, parsed: &mut Parsed) -> Result<usize, DropReason> {
    let mut place = start;
    let mut headers = 0;
    while matches!(
        parsed.protocol,
        protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS | protocol::FRAGMENT
    ) {
        let first_bytes = frame[..end].get(place..place + 8).ok_or(DropReason::TruncatedL4)?;
        headers += 1;
        parsed.ip_options = true;
        if headers > MAX_EXTENSION_HEADERS || is_out_of_reach(place) {
            return Err(DropReason::TooManyHeaders);
        }
        let is_fragment = parsed.protocol == protocol::FRAGMENT;
        let length = if is_fragment { 8 } else { 8 * (usize::from(first_bytes[1]) + 1) };
        if place + length > end {
            return Err(DropReason::TruncatedL4);
        }
        if is_fragment {
            let header = Ipv6FragmentHeaderSlice::from_slice(first_bytes).map_err(|_| DropReason::TruncatedL4)?;
            parsed.fragment_offset = header.fragment_offset().value();
            parsed.more_fragments = header.more_fragments();
            parsed.fragment_id = header.identification();
        }
        parsed.protocol = first_bytes[0];
        place += length;
        if parsed.fragment_offset != 0 {
            // What follows is the middle of the datagram's data, not a header.
            return Ok(place);
        }
    }
    // Less than 8 bytes are no header of any upper layer.
    if place + 8 <= end && is_out_of_reach(place) {
        return Err(DropReason::TooManyHeaders);
    }
    Ok(place)
}

/// A header that begins here is not wholly within the parser's window.
fn is_out_of_reach(place: usize) -> bool {
    place + HEADER_REACH_BYTES > PARSE_WINDOW_BYTES
}
