//! Stage `eni`: the identity of virtual interfaces.
//!
//! tx: a frame's source must be its interface's own; broadcast and multicast that no responder takes do not exist.
//! rx: the interface that has the inner destination address.
//!
//! Drop reasons: `spoofed_mac`, `spoofed_ip`, `no_broadcast`, `no_such_eni`.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use nitro_wire::DropReason;
use nitro_wire::constants::{icmpv6, protocol};
use nitro_wire::control::{Eni, ip_bits, mac_bits, mask4, mask6};
use nitro_wire::policy::EniPolicy;

use crate::bytes::{unmap_v4, v4_mapped};
use crate::parser::Parsed;

/// The card's interfaces and their addresses.
#[derive(Clone, Debug, Default)]
pub struct Enis {
    by_number: BTreeMap<u8, Arc<Eni>>,
    /// Interface by (VNI, address).
    by_address: HashMap<(u32, u128), u8>,
}

impl Enis {
    /// The tables of these interfaces.
    #[must_use]
    pub fn new(enis: &[Eni]) -> Self {
        let by_number = enis.iter().map(|eni| (eni.number, Arc::new(eni.clone()))).collect();
        let addresses = |eni: &Eni| {
            let (vni, number) = (eni.vni, eni.number);
            eni.ips.iter().map(move |ip| ((vni, ip_bits(*ip)), number)).collect::<Vec<_>>()
        };
        Self { by_number, by_address: enis.iter().flat_map(addresses).collect() }
    }

    /// The interface of a number.
    #[must_use]
    pub fn get(&self, number: u8) -> Option<&Arc<Eni>> {
        self.by_number.get(&number)
    }

    /// Gives an interface another policy.
    pub(crate) fn set_policy(&mut self, number: u8, policy: EniPolicy) {
        if let Some(eni) = self.by_number.get_mut(&number) {
            Arc::make_mut(eni).policy = policy;
        }
    }

    /// The number of the interface that has an address.
    #[must_use]
    pub fn by_address(&self, vni: u32, address: u128) -> Option<u8> {
        self.by_address.get(&(vni, address)).copied()
    }
}

/// Checks a guest's frame; the interface that it comes from.
pub fn tx<'a>(enis: &'a Enis, number: u8, parsed: &Parsed) -> Result<&'a Arc<Eni>, DropReason> {
    let eni = enis.get(number).ok_or(DropReason::NoSuchEni)?;
    if eni.source_dest_check {
        let own = mac_bits(eni.mac);
        if parsed.src_mac != own || (parsed.is_arp && parsed.arp_sender_mac != own) {
            return Err(DropReason::SpoofedMac);
        }
        if enis.by_address(eni.vni, parsed.src_ip) != Some(number) && !may_be_foreign(parsed) {
            return Err(DropReason::SpoofedIp);
        }
    }
    let to_group = has_group_bit(parsed.dst_mac) || is_to_group(parsed) || is_directed_broadcast(eni, parsed);
    if to_group && !solicits(parsed) && !seeks_dhcp(eni, parsed) {
        return Err(DropReason::NoBroadcast);
    }
    Ok(eni)
}

/// The interface that an inner frame from the network goes to.
pub fn rx<'a>(enis: &'a Enis, vni: u32, parsed: &Parsed) -> Result<&'a Arc<Eni>, DropReason> {
    // Nobody in the network answers ARP for a guest: its own card does.
    if parsed.is_arp || has_group_bit(parsed.dst_mac) || is_to_group(parsed) {
        return Err(DropReason::NoBroadcast);
    }
    enis.by_address(vni, parsed.dst_ip).and_then(|number| enis.get(number)).ok_or(DropReason::NoSuchEni)
}

/// Frames that the responder takes: ARP, router and neighbour solicitations.
#[must_use]
pub fn solicits(parsed: &Parsed) -> bool {
    let types = [icmpv6::ROUTER_SOLICITATION, icmpv6::NEIGHBOUR_SOLICITATION];
    parsed.is_arp || (is_icmpv6(parsed) && types.contains(&parsed.icmp_type))
}

/// A DHCP message of a client to all or to the interface's gateway: the responder takes it. Which of them get an answer only
/// their options tell.
#[must_use]
pub fn seeks_dhcp(eni: &Eni, parsed: &Parsed) -> bool {
    is_dhcp(parsed) && (is_limited_broadcast(parsed) || is_subnet_gateway(eni, parsed, parsed.dst_ip))
}

fn is_limited_broadcast(parsed: &Parsed) -> bool {
    parsed.dst_ip == v4_mapped(u32::MAX)
}

/// UDP from port 68 to port 67, in one piece and without IP options.
#[must_use]
pub fn is_dhcp(parsed: &Parsed) -> bool {
    let whole = parsed.is_ipv4 && !parsed.ip_options && !parsed.is_fragment();
    whole && parsed.protocol == protocol::UDP && (parsed.src_port, parsed.dst_port) == (68, 67)
}

/// The address lies in the interface's subnet of the frame's family.
#[must_use]
pub fn in_subnet(eni: &Eni, parsed: &Parsed, address: u128) -> bool {
    if parsed.is_ipv6 {
        eni.subnet6.is_some_and(|(base, length)| (address ^ base.to_bits()) & mask6(length) == 0)
    } else {
        let within = |(base, length): (Ipv4Addr, u8)| {
            unmap_v4(address).is_some_and(|address| (address ^ base.to_bits()) & mask4(length) == 0)
        };
        eni.subnet4.is_some_and(within)
    }
}

/// The address, of the subnet, is the first after the subnet's base: the gateway's.
#[must_use]
pub fn is_subnet_gateway(eni: &Eni, parsed: &Parsed, address: u128) -> bool {
    in_subnet(eni, parsed, address) && gateway(eni, parsed.is_ipv6) == Some(address)
}

/// The address is one of those that no policy concerns: the resolver's (169.254.169.253, and the second after the base of the
/// subnet of the frame's family) and the metadata service's (169.254.169.254).
#[must_use]
pub fn is_exempt(eni: &Eni, parsed: &Parsed, address: u128) -> bool {
    let services = [[169, 254, 169, 253], [169, 254, 169, 254]].map(|service| v4_mapped(u32::from_be_bytes(service)));
    let is_resolver = in_subnet(eni, parsed, address) && resolver(eni, parsed.is_ipv6) == Some(address);
    is_resolver || (parsed.is_ipv4 && services.contains(&address))
}

/// The gateway's address in the interface's subnet of a family: base + 1.
#[must_use]
pub fn gateway(eni: &Eni, ipv6: bool) -> Option<u128> {
    subnet_base(eni, ipv6)?.checked_add(1)
}

/// The DNS resolver's address in the interface's subnet of a family: base + 2.
#[must_use]
pub fn resolver(eni: &Eni, ipv6: bool) -> Option<u128> {
    subnet_base(eni, ipv6)?.checked_add(2)
}

fn subnet_base(eni: &Eni, ipv6: bool) -> Option<u128> {
    if ipv6 {
        eni.subnet6.map(|(base, _)| base.to_bits())
    } else {
        eni.subnet4.map(|(base, _)| v4_mapped(base.to_bits()))
    }
}

fn is_icmpv6(parsed: &Parsed) -> bool {
    parsed.is_ipv6 && parsed.is_icmp
}

/// Sources that need not be the interface's: an ARP probe's (RFC 5227), that of a DHCP client without an address, and those of
/// neighbour discovery.
fn may_be_foreign(parsed: &Parsed) -> bool {
    let arp_probe = parsed.is_arp && parsed.src_ip == v4_mapped(0);
    let discovery = is_icmpv6(parsed) && (icmpv6::ROUTER_SOLICITATION..=icmpv6::REDIRECT).contains(&parsed.icmp_type);
    let link_local = parsed.src_ip >> 118 == 0xfe80 >> 6;
    let no_address_yet = is_dhcp(parsed) && is_limited_broadcast(parsed) && parsed.src_ip == v4_mapped(0);
    arp_probe || no_address_yet || (discovery && (link_local || parsed.src_ip == 0))
}

fn has_group_bit(mac: u64) -> bool {
    mac >> 40 & 1 == 1
}

/// The destination is 255.255.255.255 or 224.0.0.0/4 in IPv4, ff00::/8 in IPv6.
fn is_to_group(parsed: &Parsed) -> bool {
    let group4 = |address: u32| address == u32::MAX || address >> 28 == 0xe;
    let to_group4 = parsed.is_ipv4 && unmap_v4(parsed.dst_ip).is_some_and(group4);
    to_group4 || (parsed.is_ipv6 && parsed.dst_ip >> 120 == 0xff)
}

/// The destination is the broadcast address of the interface's own IPv4 subnet.
fn is_directed_broadcast(eni: &Eni, parsed: &Parsed) -> bool {
    let broadcast = eni.subnet4.map(|(base, length)| v4_mapped(base.to_bits() | !mask4(length)));
    parsed.is_ipv4 && broadcast == Some(parsed.dst_ip)
}
