//! ARP (RFC 826) and the receiver's checks of solicitations (RFC 4861).

use nitro_wire::DropReason;
use nitro_wire::constants::{MAX_SOLICITATION_BYTES, icmpv6};

use super::Parsed;
use crate::{bytes, checksum};

/// Upper bits of solicited-node multicast addresses, ff02::1:ff00:0/104 (RFC 4291, section 2.7.1).
const SOLICITED_NODE: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;

/// Reads an ARP packet; its addresses are taken from their places whatever its header says.
pub(super) fn arp(packet: &[u8], parsed: &mut Parsed) -> Result<(), DropReason> {
    let packet: &[u8; 28] = packet.first_chunk().ok_or(DropReason::Truncated)?;
    let operation = u16::from_be_bytes([packet[6], packet[7]]);
    // Hardware type 1, protocol type 0x0800, addresses of 6 and 4 bytes.
    parsed.arp_valid = packet[..6] == [0, 1, 8, 0, 6, 4] && matches!(operation, 1 | 2);
    parsed.arp_request = operation == 1;
    parsed.arp_sender_mac = bytes::mac(packet, 8).ok_or(DropReason::Truncated)?;
    parsed.src_ip = bytes::ipv4(packet, 14).ok_or(DropReason::Truncated)?;
    parsed.dst_ip = bytes::ipv4(packet, 24).ok_or(DropReason::Truncated)?;
    Ok(())
}

/// Checks a router or neighbour solicitation whose ICMPv6 header is at `start`, right behind the fixed IPv6 header.
pub(super) fn solicitation(frame: &[u8], start: usize, end: usize, parsed: &mut Parsed) {
    let message = frame[..end].get(start..).unwrap_or(&[]);
    let is_neighbour = parsed.icmp_type == icmpv6::NEIGHBOUR_SOLICITATION;
    let options_start = if is_neighbour { 24 } else { 8 };
    // The second bound is the card's: behind a fixed header so much surely lies within its window.
    if message.len() < options_start || message.len() > MAX_SOLICITATION_BYTES {
        return;
    }
    let target = if is_neighbour { bytes::ipv6(message, 8).unwrap_or(0) } else { 0 };
    let unspecified = parsed.src_ip == 0;
    let Some(has_source_address) = source_link_layer_option(&message[options_start..]) else { return };
    let right_destination = !is_neighbour || !unspecified || parsed.dst_ip >> 24 == SOLICITED_NODE >> 24;
    parsed.nd_valid = parsed.hop_limit == 255
        && parsed.icmp_code == 0
        && checksum::icmpv6_sum(parsed.src_ip, parsed.dst_ip, message) == 0xffff
        && target >> 120 != 0xff
        && right_destination
        && !(unspecified && has_source_address);
    if parsed.nd_valid {
        parsed.nd_target = target;
    }
}

/// Whether the options have a source link-layer address; none if they are not well-formed.
fn source_link_layer_option(mut options: &[u8]) -> Option<bool> {
    let mut found = false;
    while !options.is_empty() {
        let [kind, units, ..] = *options else { return None };
        let length = 8 * usize::from(units);
        if length == 0 {
            return None;
        }
        options = options.get(length..)?;
        found |= kind == 1;
    }
    Some(found)
}
