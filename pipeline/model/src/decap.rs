//! Stage `decap`: the checks of the outer headers, and the inner frame.
//!
//! Sources: RFC 8926 (Geneve), RFC 6040 (ECN in tunnels, normal mode), RFC 1624 (checksum update).
//!
//! Drop reasons: `not_for_this_card`, `not_overlay`, `bad_geneve`, `bad_ecn`.

use nitro_wire::constants::{ethertype, geneve, protocol};
use nitro_wire::control::{CardConfig, ip_bits, mac_bits};
use nitro_wire::{DropReason, Layout};

use crate::bytes;
use crate::checksum;
use crate::parser::Parsed;
use crate::token::InnerIp;

/// What the outer headers of an overlay packet say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlay<'a> {
    /// Which options there are.
    pub layout: Layout,
    /// Virtual network identifier.
    pub vni: u32,
    /// Epoch of the token.
    pub token_epoch: u8,
    /// Token.
    pub token: u64,
    /// ECN field of the outer header.
    pub ecn: u8,
    /// The inner frame.
    pub inner: &'a [u8],
}

/// Not-ECN-capable transport.
const NOT_ECT: u8 = 0;
/// ECN-capable transport, codepoint 1.
const ECT_1: u8 = 1;
/// Congestion experienced.
const CE: u8 = 3;

/// Checks the outer headers of a frame from the underlay.
pub fn check<'a>(config: &CardConfig, outer: &Parsed, frame: &'a [u8]) -> Result<Overlay<'a>, DropReason> {
    if outer.dst_ip != ip_bits(config.underlay_ip) || outer.dst_mac != mac_bits(config.underlay_mac) {
        return Err(DropReason::NotForThisCard);
    }
    let plain = !outer.is_arp && !outer.tagged && !outer.ip_options && !outer.is_fragment();
    if !plain || outer.protocol != protocol::UDP || outer.dst_port != geneve::PORT {
        return Err(DropReason::NotOverlay);
    }
    geneve_packet(outer, frame).ok_or(DropReason::BadGeneve)
}

/// Reads UDP's payload; none if it is not in one of the four layouts.
fn geneve_packet<'a>(outer: &Parsed, frame: &'a [u8]) -> Option<Overlay<'a>> {
    let ip_header = if outer.is_ipv4 { 20 } else { 40 };
    let right_length = usize::from(outer.udp_length) + ip_header == usize::from(outer.ip_length);
    // Bytes after the datagram are Ethernet's padding.
    let packet = frame.get(14 + ip_header + 8..14 + usize::from(outer.ip_length))?;
    let version_and_length = bytes::be8(packet, 0)?;
    let [control, critical] = [7, 6].map(|bit| packet.get(1).is_some_and(|flags| flags >> bit & 1 == 1));
    let right_base = version_and_length >> 6 == 0
        && !control
        && critical
        && bytes::be16(packet, 2)? == ethertype::TRANSPARENT_ETHERNET;
    let option_bytes = 4 * usize::from(version_and_length & 0x3f);
    let layout = Layout::ALL.into_iter().find(|layout| layout.option_bytes() == option_bytes)?;
    let options = packet.get(8..8 + option_bytes)?;
    if !right_length || !right_base || !has_options(layout, options) {
        return None;
    }
    Some(Overlay {
        layout,
        vni: bytes::be32(packet, 4)? >> 8,
        token_epoch: bytes::be8(options, 4)?,
        token: bytes::be64(options, 12)?,
        ecn: outer.traffic_class & 3,
        inner: packet.get(8 + option_bytes..)?,
    })
}

/// The reserved bits of an option header are ignored on receipt (RFC 8926, section 3.5).
const OPTION_HEADER_MASK: u32 = 0xffff_ff1f;

/// The option headers are exactly those of the layout, in order.
fn has_options(layout: Layout, options: &[u8]) -> bool {
    let header = |kind: u8, words: u8| u32::from(geneve::OPTION_CLASS) << 16 | u32::from(kind) << 8 | u32::from(words);
    let mut expected = vec![(0, header(geneve::TOKEN, 4))];
    if layout.has_srd() {
        expected.push((20, header(geneve::SRD, 5)));
    }
    if layout.has_endpoint() {
        expected.push((layout.option_bytes() - 16, header(geneve::ENDPOINT, 3)));
    }
    expected
        .into_iter()
        .all(|(place, header)| bytes::be32(options, place).is_some_and(|word| word & OPTION_HEADER_MASK == header))
}

/// The inner ECN field after decapsulation, by figure 4 of RFC 6040.
pub fn combine_ecn(inner: u8, outer: u8) -> Result<u8, DropReason> {
    match (inner, outer) {
        (NOT_ECT, CE) => Err(DropReason::BadEcn),
        (NOT_ECT, _) => Ok(NOT_ECT),
        (_, CE) => Ok(CE),
        // ECT(1) may mean a lesser mark than CE (pre-congestion notification): it travels inwards.
        (CE, ECT_1) => Ok(CE),
        (_, ECT_1) => Ok(ECT_1),
        (inner, _) => Ok(inner),
    }
}

/// The inner frame with this ECN field; IPv4's checksum follows.
#[must_use]
pub fn with_ecn(inner: &[u8], ip: &InnerIp, ecn: u8) -> Vec<u8> {
    let mut frame = inner.to_vec();
    if ip.traffic_class & 3 == ecn {
        return frame;
    }
    let Some(packet) = frame.get_mut(ip.place..ip.place + 20) else { return frame };
    if ip.is_ipv4 {
        let old = u16::from_be_bytes([packet[0], packet[1]]);
        packet[1] = packet[1] & !3 | ecn;
        let new = u16::from_be_bytes([packet[0], packet[1]]);
        let sum = checksum::update(u16::from_be_bytes([packet[10], packet[11]]), old, new);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        // The traffic class lies across the first two bytes: ECN in bits 5 and 4 of the second.
        packet[1] = packet[1] & !0x30 | ecn << 4;
    }
    frame
}
