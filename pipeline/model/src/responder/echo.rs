//! Echo to the gateway: answered from the request itself.
//!
//! The reply is the request with addresses exchanged and the type changed, so it may be as long as any frame, and its checksum
//! is right if the request's was. Sources: RFC 792, RFC 4443 section 4, RFC 1624 (checksum update).

use nitro_wire::constants::{icmp, icmpv6};
use nitro_wire::control::{Eni, mac_from_bits};

use crate::checksum;
use crate::eni::is_subnet_gateway;
use crate::parser::Parsed;

/// TTL or hop limit of a reply.
const HOP_LIMIT: u8 = 64;

/// The reply to a frame that is an echo request to the gateway of its interface's subnet, in one piece, without IP options or
/// extension headers, with code 0. None for any other frame.
#[must_use]
pub fn reply(eni: &Eni, gateway_mac: [u8; 6], parsed: &Parsed, frame: &[u8]) -> Option<Vec<u8>> {
    let types = if parsed.is_ipv6 {
        (icmpv6::ECHO_REQUEST, icmpv6::ECHO_REPLY)
    } else {
        (icmp::ECHO_REQUEST, icmp::ECHO_REPLY)
    };
    let is_request = parsed.is_icmp && (parsed.icmp_type, parsed.icmp_code) == (types.0, 0);
    let plain = !parsed.ip_options && !parsed.is_fragment();
    if !is_request || !plain || !is_subnet_gateway(eni, parsed, parsed.dst_ip) {
        return None;
    }
    let mut reply = [&mac_from_bits(parsed.src_mac), &gateway_mac, frame.get(12..)?].concat();
    let packet = reply.get_mut(parsed.ethernet_bytes()..)?;
    let message = if parsed.is_ipv6 {
        let (header, message) = packet.split_at_mut_checked(40)?;
        header[7] = HOP_LIMIT;
        header[8..24].copy_from_slice(&parsed.dst_ip.to_be_bytes());
        header[24..40].copy_from_slice(&parsed.src_ip.to_be_bytes());
        message
    } else {
        let (header, message) = packet.split_at_mut_checked(20)?;
        // The sum does not depend on the order of the addresses.
        let (source, destination) = header[12..20].split_at_mut(4);
        source.swap_with_slice(destination);
        let old = u16::from_be_bytes([header[8], header[9]]);
        header[8] = HOP_LIMIT;
        let new = u16::from_be_bytes([header[8], header[9]]);
        let sum = checksum::update(parsed.ip_checksum, old, new);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        message
    };
    let message = message.get_mut(..8)?;
    message[0] = types.1;
    let sum = u16::from_be_bytes([message[2], message[3]]);
    let sum = checksum::update(sum, u16::from(types.0) << 8, u16::from(types.1) << 8);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    Some(reply)
}
