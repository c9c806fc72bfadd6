//! What the model does and the hardware does not yet: such frames are left out of random traffic. To be removed with the last of them.

use nitro_model::{Parsed, decap, encap, eni, parse};
use nitro_wire::control::{CardConfig, Eni, ip_bits};
use nitro_wire::counters::Bank;

use super::Frame;

/// The rx path knows the groups of a packet's sender: rules for groups serve at ingress.
pub const GROUPS_OF_SENDERS: bool = false;

/// The frame needs what is not in hardware yet: echo to the gateway, answers to what is too big, fragments that follow.
pub fn is_left_out(card: &CardConfig, frame: &Frame) -> bool {
    match frame.bank {
        Bank::Tx => {
            let parsed = parse(&frame.bytes);
            let answered = |eni: &Eni| eni::gateway(eni, parsed.is_ipv6) == Some(parsed.dst_ip) && parsed.is_icmp;
            parsed.is_fragment() || card.enis.iter().any(answered) || is_told_of(card, &parsed)
        }
        Bank::Rx => {
            let outer = parse(&frame.bytes);
            outer.reason.is_none()
                && decap::check(card, &outer, &frame.bytes).is_ok_and(|overlay| parse(overlay.inner).is_fragment())
        }
    }
}

/// The datagram is too big for a mapping of its destination, and its sender would be told.
fn is_told_of(card: &CardConfig, parsed: &Parsed) -> bool {
    let small = |mapping| parsed.ip_length > encap::mtu(mapping);
    parsed.dont_fragment && card.mappings.iter().any(|mapping| ip_bits(mapping.ip) == parsed.dst_ip && small(mapping))
}
