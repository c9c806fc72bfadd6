//! Stage `encap`: the outer headers.
//!
//! Ethernet, IPv4 or IPv6, UDP, Geneve (RFC 8926) with the overlay's options, then the guest's frame with the MACs of
//! its next hop. Sources: RFC 8926 section 3.3 (path entropy in the source port), RFC 6935 (zero UDP checksum over IPv6),
//! RFC 6040 (ECN copied out).
//!
//! Drop reason: `too_big`.

use std::hash::Hasher as _;

use etherparse::{
    EtherType, Ethernet2Header, IpDscp, IpEcn, IpFragOffset, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, UdpHeader,
};
use nitro_wire::constants::{GUEST_MTU, MAX_FRAME_BYTES, OUTER_TTL, ethertype, geneve};
use nitro_wire::control::{CardConfig, Eni, Mapping, ip_bits};
use nitro_wire::{DropReason, Layout};
use siphasher::sip::SipHasher13;

use crate::bytes::unmap_v4;
use crate::eni::in_subnet;
use crate::parser::Parsed;

/// What outer headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Source MAC.
    pub src_mac: [u8; 6],
    /// Destination MAC.
    pub dst_mac: [u8; 6],
    /// Source address.
    pub src_ip: u128,
    /// Destination address; its family is that of the outer header.
    pub dst_ip: u128,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Path entropy, 14 bits.
    pub flow_hash: u16,
    /// Virtual network identifier, 24 bits.
    pub vni: u32,
    /// Which options there are.
    pub layout: Layout,
    /// Epoch of the token.
    pub token_epoch: u8,
    /// Token.
    pub token: u64,
    /// Number of the sending interface at its card.
    pub source_eni: u16,
}

/// Low 14 bits of SipHash-1-3 over addresses, ports and protocol. Fragments take ports 0, the first one too, so that one
/// datagram keeps one path.
#[must_use]
pub fn flow_hash(key: &[u8; 16], parsed: &Parsed) -> u16 {
    let ports = if parsed.is_fragment() { (0, 0) } else { (parsed.src_port, parsed.dst_port) };
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(&parsed.src_ip.to_be_bytes());
    hasher.write(&parsed.dst_ip.to_be_bytes());
    hasher.write(&ports.0.to_be_bytes());
    hasher.write(&ports.1.to_be_bytes());
    hasher.write(&[parsed.protocol, 0, 0, 0]);
    u16::try_from(hasher.finish() & ((1 << geneve::FLOW_HASH_BITS) - 1)).unwrap_or(0)
}

/// Largest IP datagram on the way to a destination.
#[must_use]
pub fn mtu(mapping: &Mapping) -> u16 {
    mapping.path_mtu.min(GUEST_MTU)
}

/// Refuses what is too long for its way. Padding may make a frame too long for the underlay although its datagram is not.
pub fn check_length(mapping: &Mapping, parsed: &Parsed) -> Result<(), DropReason> {
    let whole = parsed.length + Layout::Token.outer_bytes(mapping.underlay_ip.is_ipv6());
    if parsed.ip_length > mtu(mapping) || whole > MAX_FRAME_BYTES { Err(DropReason::TooBig) } else { Ok(()) }
}

/// The guest's frame with the MACs of its next hop.
#[must_use]
pub fn inner_frame(config: &CardConfig, eni: &Eni, mapping: &Mapping, parsed: &Parsed, frame: &[u8]) -> Vec<u8> {
    let source = if in_subnet(eni, parsed, parsed.dst_ip) { eni.mac } else { config.gateway_mac };
    let macs = mapping.mac.iter().chain(&source);
    macs.chain(frame.get(12..).unwrap_or_default()).copied().collect()
}

/// An inner frame as it goes to the underlay.
pub fn encap(
    config: &CardConfig,
    eni: &Eni,
    mapping: &Mapping,
    parsed: &Parsed,
    inner: &[u8],
) -> Result<Vec<u8>, DropReason> {
    let outer = Outer {
        src_mac: config.underlay_mac,
        dst_mac: config.next_hop_mac,
        src_ip: ip_bits(config.underlay_ip),
        dst_ip: ip_bits(mapping.underlay_ip),
        traffic_class: parsed.traffic_class,
        flow_hash: flow_hash(&config.flow_key, parsed),
        vni: eni.vni,
        layout: Layout::Token,
        token_epoch: mapping.token_epoch,
        token: mapping.token,
        source_eni: u16::from(eni.number),
    };
    prepend(&outer, inner).ok_or(DropReason::TooBig)
}

/// The inner frame behind outer headers; none if it is too long for their length fields.
#[must_use]
pub fn prepend(outer: &Outer, inner: &[u8]) -> Option<Vec<u8>> {
    let udp_length = u16::try_from(8 + 8 + outer.layout.option_bytes() + inner.len()).ok()?;
    let is_ipv4 = unmap_v4(outer.dst_ip).is_some();
    let kind = if is_ipv4 { ethertype::IPV4 } else { ethertype::IPV6 };
    let ethernet = Ethernet2Header { source: outer.src_mac, destination: outer.dst_mac, ether_type: EtherType(kind) };
    let mut frame = ethernet.to_bytes().to_vec();
    if is_ipv4 {
        frame.extend(ipv4(outer, udp_length)?);
    } else {
        frame.extend(ipv6(outer, udp_length));
    }
    let udp = UdpHeader {
        source_port: geneve::SOURCE_PORT_BASE | outer.flow_hash,
        destination_port: geneve::PORT,
        length: udp_length,
        checksum: 0,
    };
    frame.extend(udp.to_bytes());
    frame.extend(geneve_header(outer));
    frame.extend(inner);
    Some(frame)
}

fn ipv4(outer: &Outer, udp_length: u16) -> Option<Vec<u8>> {
    let [.., a, b, c, d] = outer.src_ip.to_be_bytes();
    let mut header = Ipv4Header {
        dscp: IpDscp::try_new(outer.traffic_class >> 2).ok()?,
        ecn: IpEcn::try_new(outer.traffic_class & 3).ok()?,
        total_len: udp_length.checked_add(20)?,
        identification: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: IpFragOffset::ZERO,
        time_to_live: OUTER_TTL,
        protocol: IpNumber::UDP,
        header_checksum: 0,
        source: [a, b, c, d],
        destination: unmap_v4(outer.dst_ip)?.to_be_bytes(),
        options: etherparse::Ipv4Options::new(),
    };
    header.header_checksum = header.calc_header_checksum();
    Some(header.to_bytes().to_vec())
}

fn ipv6(outer: &Outer, udp_length: u16) -> [u8; 40] {
    Ipv6Header {
        traffic_class: outer.traffic_class,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: udp_length,
        next_header: IpNumber::UDP,
        hop_limit: OUTER_TTL,
        source: outer.src_ip.to_be_bytes(),
        destination: outer.dst_ip.to_be_bytes(),
    }
    .to_bytes()
}

/// Geneve's base header and the options of the layout; those other than the token with zero data.
fn geneve_header(outer: &Outer) -> Vec<u8> {
    let option_words = u8::try_from(outer.layout.option_bytes() / 4).unwrap_or(0);
    let [_, vni @ ..] = outer.vni.to_be_bytes();
    let mut header = vec![option_words, 0x40]; // Version 0; control 0, critical 1.
    header.extend(ethertype::TRANSPARENT_ETHERNET.to_be_bytes());
    header.extend(vni);
    header.push(0);
    let option = |header: &mut Vec<u8>, kind: u8, words: u8| {
        header.extend(geneve::OPTION_CLASS.to_be_bytes());
        header.extend([kind, words]);
    };
    option(&mut header, geneve::TOKEN, 4);
    header.extend([outer.token_epoch, 0]);
    header.extend(outer.source_eni.to_be_bytes());
    header.extend([0; 4]);
    header.extend(outer.token.to_be_bytes());
    if outer.layout.has_srd() {
        option(&mut header, geneve::SRD, 5);
        header.extend([0; 20]);
    }
    if outer.layout.has_endpoint() {
        option(&mut header, geneve::ENDPOINT, 3);
        header.extend([0; 12]);
    }
    header
}
