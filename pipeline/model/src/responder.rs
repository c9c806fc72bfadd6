//! Stage `responder`: answers ARP, neighbour and router solicitations in the network's place.
//!
//! The gateway's address gets the gateway's MAC; a peer of the subnet gets the MAC of its mapping. Without one there is no
//! answer. Who looks for a router gets to know the gateway, if the interface's subnet has IPv6. [`echo`] and [`dhcp`] answer
//! for the gateway as well. Sources: RFC 826, RFC 5227 (probes), RFC 4861.
//!
//! Drop reasons: `arp_unanswered`, `nd_unanswered`, `bad_arp`, `bad_nd`.

pub mod dhcp;
pub mod echo;

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv6FlowLabel, Ipv6Header};
use nitro_wire::constants::{ARP_REPLY_BYTES, GUEST_MTU, ethertype, icmpv6};
use nitro_wire::control::{Eni, mac_bits, mac_from_bits, mask6};
use nitro_wire::{DropReason, MappingKind};

use crate::bytes::unmap_v4;
use crate::checksum;
use crate::eni::{Enis, in_subnet, is_subnet_gateway, solicits};
use crate::lookup::MappingCache;
use crate::parser::Parsed;

/// All nodes of the link, ff02::1, and its MAC.
const ALL_NODES: u128 = 0xff02_0000_0000_0000_0000_0000_0000_0001;
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// Seconds for which the gateway is a default router (RFC 4861, section 6.2.1).
const ROUTER_LIFETIME: u16 = 1800;
/// Hop limit that hosts are told to use.
const ADVERTISED_HOP_LIMIT: u8 = 64;

/// A question that the responder takes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which MAC has an address?
    Address {
        /// The address asked for.
        target: u128,
        /// It is the gateway's.
        is_gateway: bool,
    },
    /// Which router has the interface's IPv6 subnet?
    Router {
        /// Base address of the subnet.
        prefix: u128,
        /// Length of its prefix in bits.
        length: u8,
    },
}

/// The gateway's link-local address: the modified EUI-64 of its MAC (RFC 4291, appendix A) under fe80::/64.
#[must_use]
pub fn gateway_link_local(gateway_mac: [u8; 6]) -> u128 {
    let [a, b, c, d, e, f] = gateway_mac;
    let identifier = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    0xfe80 << 112 | u128::from(identifier)
}

/// Takes up a frame that asks for an address; none for frames that go on to the network.
pub fn ask(enis: &Enis, eni: &Eni, gateway_mac: [u8; 6], parsed: &Parsed) -> Result<Option<Question>, DropReason> {
    if !solicits(parsed) {
        return Ok(None);
    }
    if parsed.is_arp { ask_arp(enis, eni, parsed) } else { ask_nd(enis, eni, gateway_mac, parsed) }.map(Some)
}

fn ask_arp(enis: &Enis, eni: &Eni, parsed: &Parsed) -> Result<Question, DropReason> {
    if !parsed.arp_valid {
        return Err(DropReason::BadArp);
    }
    let target = parsed.dst_ip;
    let gratuitous = target == parsed.src_ip;
    let own = enis.by_address(eni.vni, target) == Some(eni.number);
    if !parsed.arp_request || gratuitous || own || !in_subnet(eni, parsed, target) {
        return Err(DropReason::ArpUnanswered);
    }
    Ok(Question::Address { target, is_gateway: is_subnet_gateway(eni, parsed, target) })
}

fn ask_nd(enis: &Enis, eni: &Eni, gateway_mac: [u8; 6], parsed: &Parsed) -> Result<Question, DropReason> {
    if !parsed.nd_valid {
        return Err(DropReason::BadNd);
    }
    if parsed.icmp_type == icmpv6::ROUTER_SOLICITATION {
        let (base, length) = eni.subnet6.ok_or(DropReason::NdUnanswered)?;
        return Ok(Question::Router { prefix: base.to_bits() & mask6(length), length });
    }
    let target = parsed.nd_target;
    let gateway_itself = target == gateway_link_local(gateway_mac);
    let own = enis.by_address(eni.vni, target) == Some(eni.number);
    let reachable = gateway_itself || in_subnet(eni, parsed, target);
    if own || !reachable {
        return Err(DropReason::NdUnanswered);
    }
    Ok(Question::Address { target, is_gateway: gateway_itself || is_subnet_gateway(eni, parsed, target) })
}

/// The answer to a question as a frame for the guest.
pub fn answer(
    cache: &MappingCache,
    eni: &Eni,
    gateway_mac: [u8; 6],
    parsed: &Parsed,
    question: Question,
) -> Result<Vec<u8>, DropReason> {
    let (target, is_gateway) = match question {
        Question::Address { target, is_gateway } => (target, is_gateway),
        Question::Router { prefix, length } => return Ok(router_advertisement(parsed, gateway_mac, prefix, length)),
    };
    let mac = if is_gateway {
        gateway_mac
    } else {
        let known = |kind| !matches!(kind, MappingKind::Negative | MappingKind::Drop);
        let unanswered = if parsed.is_arp { DropReason::ArpUnanswered } else { DropReason::NdUnanswered };
        cache.get(eni, target).filter(|mapping| known(mapping.kind)).ok_or(unanswered)?.mac
    };
    Ok(if parsed.is_arp { arp_reply(parsed, mac) } else { neighbour_advertisement(parsed, target, is_gateway, mac) })
}

/// Ethernet header of an answer, with the request's tag.
pub(crate) fn ethernet(parsed: &Parsed, destination: [u8; 6], source: [u8; 6], kind: u16) -> Vec<u8> {
    let first = if parsed.tagged { ethertype::VLAN } else { kind };
    let mut frame = Ethernet2Header { source, destination, ether_type: EtherType(first) }.to_bytes().to_vec();
    if parsed.tagged {
        frame.extend(parsed.vlan.to_be_bytes());
        frame.extend(kind.to_be_bytes());
    }
    frame
}

fn arp_reply(parsed: &Parsed, mac: [u8; 6]) -> Vec<u8> {
    let mut frame = ethernet(parsed, mac_from_bits(parsed.src_mac), mac, ethertype::ARP);
    frame.extend([0, 1, 8, 0, 6, 4, 0, 2]);
    for (mac, ip) in [(mac_bits(mac), parsed.dst_ip), (parsed.arp_sender_mac, parsed.src_ip)] {
        frame.extend(mac_from_bits(mac));
        frame.extend(unmap_v4(ip).unwrap_or(0).to_be_bytes());
    }
    frame.resize(ARP_REPLY_BYTES.max(frame.len()), 0);
    frame
}

fn neighbour_advertisement(parsed: &Parsed, target: u128, is_gateway: bool, mac: [u8; 6]) -> Vec<u8> {
    let unspecified = parsed.src_ip == 0;
    let mut message = vec![icmpv6::NEIGHBOUR_ADVERTISEMENT, 0, 0, 0];
    let flags = u8::from(is_gateway) << 7 | u8::from(!unspecified) << 6 | 1 << 5;
    message.extend([flags, 0, 0, 0]);
    message.extend(target.to_be_bytes());
    message.extend([2, 1]); // Target link-layer address, 8 bytes.
    message.extend(mac);
    answer_discovery(parsed, mac, target, message)
}

/// RFC 4861, sections 4.2 and 6.2.3. Addresses come from DHCPv6: the prefix is on the link, but not for autoconfiguration.
fn router_advertisement(parsed: &Parsed, mac: [u8; 6], prefix: u128, length: u8) -> Vec<u8> {
    let mut message = vec![icmpv6::ROUTER_ADVERTISEMENT, 0, 0, 0];
    message.extend([ADVERTISED_HOP_LIMIT, 1 << 7]);
    message.extend(ROUTER_LIFETIME.to_be_bytes());
    message.extend([0; 8]); // Reachable time and retransmission timer: unspecified.
    message.extend([1, 1]); // Source link-layer address, 8 bytes.
    message.extend(mac);
    message.extend([5, 1, 0, 0]); // MTU, 8 bytes.
    message.extend(u32::from(GUEST_MTU).to_be_bytes());
    message.extend([3, 4, length, 1 << 7]); // Prefix information, 32 bytes, on link.
    message.extend([0xff; 8]); // Valid and preferred for ever.
    message.extend([0; 4]);
    message.extend(prefix.to_be_bytes());
    answer_discovery(parsed, mac, gateway_link_local(mac), message)
}

/// The frame of an ICMPv6 message, its checksum still 0, to who asked, or to all if that has no address yet.
fn answer_discovery(parsed: &Parsed, mac: [u8; 6], source: u128, mut message: Vec<u8>) -> Vec<u8> {
    let unspecified = parsed.src_ip == 0;
    let (destination, destination_mac) =
        if unspecified { (ALL_NODES, ALL_NODES_MAC) } else { (parsed.src_ip, mac_from_bits(parsed.src_mac)) };
    let sum = !checksum::icmpv6_sum(source, destination, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());

    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(message.len()).unwrap_or(u16::MAX),
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: 255,
        source: source.to_be_bytes(),
        destination: destination.to_be_bytes(),
    };
    let mut frame = ethernet(parsed, destination_mac, mac, ethertype::IPV6);
    frame.extend(header.to_bytes());
    frame.extend(message);
    frame
}
