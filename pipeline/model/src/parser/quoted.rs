//! The packet that an ICMP error quotes (RFC 792; RFC 4443, section 2.4).

use nitro_wire::constants::{PARSE_WINDOW_BYTES, protocol};

use super::{Parsed, upper};
use crate::bytes;

/// Reads the packet quoted at `start`, as far as the datagram's end and the parser's window reach. One that cannot be read
/// is no error: the ICMP message is then about no connection that is known.
pub(super) fn read(frame: &[u8], start: usize, end: usize, parsed: &mut Parsed) {
    let quote = frame[..end.min(PARSE_WINDOW_BYTES)].get(start..).unwrap_or(&[]);
    let header_length = if parsed.is_ipv4 { ipv4(quote, parsed) } else { ipv6(quote, parsed) };
    let Some(header_length) = header_length else { return };
    parsed.quoted_valid = true;
    let later_fragment =
        parsed.is_ipv4 && bytes::be16(quote, 6).is_some_and(|flags_and_offset| flags_and_offset & 0x1fff != 0);
    if !later_fragment {
        ports(&quote[header_length..], parsed);
    }
}

/// The quoted header's length, if it is whole.
fn ipv4(quote: &[u8], parsed: &mut Parsed) -> Option<usize> {
    let header_length = 4 * usize::from(quote.first()? & 0xf);
    if quote[0] >> 4 != 4 || header_length < 20 || quote.len() < header_length {
        return None;
    }
    parsed.quoted_protocol = quote[9];
    parsed.quoted_src_ip = bytes::ipv4(quote, 12)?;
    parsed.quoted_dst_ip = bytes::ipv4(quote, 16)?;
    Some(header_length)
}

/// The quoted header's length, if it is whole. Extension headers are not followed.
fn ipv6(quote: &[u8], parsed: &mut Parsed) -> Option<usize> {
    if quote.len() < 40 || quote[0] >> 4 != 6 {
        return None;
    }
    parsed.quoted_protocol = quote[6];
    parsed.quoted_src_ip = bytes::ipv6(quote, 8)?;
    parsed.quoted_dst_ip = bytes::ipv6(quote, 24)?;
    Some(40)
}

fn ports(upper_layer: &[u8], parsed: &mut Parsed) {
    match parsed.quoted_protocol {
        protocol::TCP | protocol::UDP => {
            if let (Some(source), Some(destination)) = (bytes::be16(upper_layer, 0), bytes::be16(upper_layer, 2)) {
                parsed.quoted_src_port = source;
                parsed.quoted_dst_port = destination;
            }
        }
        protocol::ICMP if parsed.is_ipv4 => echo_identifier(upper_layer, upper::is_echo4, parsed),
        protocol::ICMPV6 if parsed.is_ipv6 => echo_identifier(upper_layer, upper::is_echo6, parsed),
        _ => {}
    }
}

fn echo_identifier(message: &[u8], is_echo: fn(u8) -> bool, parsed: &mut Parsed) {
    if message.len() >= 8 && is_echo(message[0]) {
        parsed.quoted_src_port = bytes::be16(message, 4).unwrap_or(0);
    }
}
