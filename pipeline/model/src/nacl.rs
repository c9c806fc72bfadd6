//! Stage `nacl`: the network ACL of an interface's subnet.
//!
//! Stateless: each packet across the subnet's border is judged by the first rule that matches it; none denies it. Packets
//! within the subnet, later fragments, and those to and from the resolver and the metadata service are not judged. (Amazon VPC
//! user guide, "Control traffic to subnets using network ACLs".)
//!
//! Drop reason: `nacl`.

use std::net::IpAddr;

use nitro_wire::DropReason;
use nitro_wire::control::{Eni, mask4, mask6};
use nitro_wire::policy::{Direction, Nacl, NaclRule, Prefix, Protocol};

use crate::bytes::unmap_v4;
use crate::eni::{in_subnet, is_exempt};
use crate::parser::Parsed;

/// Protocol numbers (IANA) that rules know by name.
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Judges a packet of the interface, by the ACLs of all subnets.
pub fn judge(acls: &[Option<Nacl>], eni: &Eni, direction: Direction, parsed: &Parsed) -> Result<(), DropReason> {
    let outside = match direction {
        Direction::Egress => parsed.dst_ip,
        Direction::Ingress => parsed.src_ip,
    };
    if in_subnet(eni, parsed, outside) || is_exempt(eni, parsed, outside) || parsed.fragment_offset != 0 {
        return Ok(());
    }
    let Some(acl) = acls.get(usize::from(eni.subnet)).and_then(Option::as_ref) else { return Ok(()) };
    match acl.rules(direction).iter().find(|rule| matches(rule, parsed, outside)) {
        Some(NaclRule { allow: true, .. }) => Ok(()),
        _ => Err(DropReason::Nacl),
    }
}

fn matches(rule: &NaclRule, parsed: &Parsed, outside: u128) -> bool {
    contains(&rule.prefix, parsed.is_ipv6, outside) && is_of(rule.protocol, parsed)
}

/// The address, of that family, has the prefix. Bits of the prefix's address behind its length do not count.
fn contains(prefix: &Prefix, is_ipv6: bool, address: u128) -> bool {
    match prefix.address {
        IpAddr::V4(base) => {
            let same = |address: u32| (address ^ base.to_bits()) & mask4(prefix.length) == 0;
            !is_ipv6 && unmap_v4(address).is_some_and(same)
        }
        IpAddr::V6(base) => is_ipv6 && (address ^ base.to_bits()) & mask6(prefix.length) == 0,
    }
}

fn is_of(protocol: Protocol, parsed: &Parsed) -> bool {
    let ports = |number, first, last| parsed.protocol == number && (first..=last).contains(&parsed.dst_port);
    let message = |number, which: Option<(u8, Option<u8>)>| {
        let is_one = |(kind, code): (u8, Option<u8>)| {
            parsed.icmp_type == kind && code.is_none_or(|code| parsed.icmp_code == code)
        };
        parsed.protocol == number && which.is_none_or(is_one)
    };
    match protocol {
        Protocol::All => true,
        Protocol::Tcp(first, last) => ports(TCP, first, last),
        Protocol::Udp(first, last) => ports(UDP, first, last),
        Protocol::Icmp(which) => message(ICMP, which),
        Protocol::Icmpv6(which) => message(ICMPV6, which),
        Protocol::Number(number) => parsed.protocol == number,
    }
}
