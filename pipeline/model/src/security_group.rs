//! Stage `security_group`: may the first packet of a flow pass, and is its connection tracked?
//!
//! Evaluated from the rules themselves, one after the other, as the documentation puts it; the card has them compiled to rows. Of an
//! interface's groups only the union counts, so there are only rules here.
//!
//! Drop reason: `security_group`. Source: VPC user guide, "Security group rules"; EC2 user guide, "Security group connection tracking".

use std::net::IpAddr;

use nitro_wire::constants::protocol;
use nitro_wire::control::{ip_bits, mask4, mask6};
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};

/// What rules look at. Ports are 0 for protocols without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// IPv6, else IPv4.
    pub ipv6: bool,
    /// Protocol above IP.
    pub protocol: u8,
    /// The remote address, IPv4 as v4-mapped.
    pub peer: u128,
    /// TCP and UDP source port.
    pub source_port: u16,
    /// TCP and UDP destination port.
    pub destination_port: u16,
    /// ICMP over IPv4 and ICMPv6 over IPv6: type and code.
    pub icmp: Option<(u8, u8)>,
}

/// What the rules say of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// No rule admits it.
    Refused,
    /// It passes, and its connection is tracked.
    Tracked,
    /// It passes without a connection, and so do its replies.
    Untracked,
}

/// Judges a packet of an interface. `peer_groups` are the groups of the remote address' mapping, 0 without a mapping.
#[must_use]
pub fn judge(policy: &EniPolicy, direction: Direction, flow: &Facts, peer_groups: u64) -> Admission {
    let (own, opposite) = (policy.rules(direction), policy.rules(direction.opposite()));
    if !own.iter().any(|rule| admits(rule, flow, peer_groups)) {
        return Admission::Refused;
    }
    let world_admits = |rules: &[SecurityRule], flow: &Facts| {
        rules.iter().any(|rule| is_world_rule(rule) && admits(rule, flow, peer_groups))
    };
    let reply = Facts { source_port: flow.destination_port, destination_port: flow.source_port, ..*flow };
    if (is_open(opposite, flow) && world_admits(own, flow)) || (is_open(own, flow) && world_admits(opposite, &reply)) {
        Admission::Untracked
    } else {
        Admission::Tracked
    }
}

/// The rule matches the packet.
fn admits(rule: &SecurityRule, flow: &Facts, peer_groups: u64) -> bool {
    let from_peer = match rule.peer {
        Peer::Prefix(prefix) => holds(prefix, flow),
        Peer::Group(group) => peer_groups.checked_shr(u32::from(group)).is_some_and(|groups| groups & 1 == 1),
    };
    let port_in = |low, high| (low..=high).contains(&flow.destination_port);
    let message_is = |wanted: Option<(u8, Option<u8>)>| match (wanted, flow.icmp) {
        (None, _) => true,
        (Some((kind, code)), Some(is)) => kind == is.0 && code.is_none_or(|code| code == is.1),
        (Some(_), None) => false,
    };
    from_peer
        && match rule.protocol {
            Protocol::All => true,
            Protocol::Tcp(low, high) => flow.protocol == protocol::TCP && port_in(low, high),
            Protocol::Udp(low, high) => flow.protocol == protocol::UDP && port_in(low, high),
            Protocol::Icmp(message) => flow.protocol == protocol::ICMP && message_is(message),
            Protocol::Icmpv6(message) => flow.protocol == protocol::ICMPV6 && message_is(message),
            Protocol::Number(number) => flow.protocol == number,
        }
}

/// The remote address is of the prefix's family and in it.
fn holds(prefix: Prefix, flow: &Facts) -> bool {
    let beyond = flow.peer ^ ip_bits(prefix.address);
    match prefix.address {
        IpAddr::V4(_) => !flow.ipv6 && beyond & (!u128::from(u32::MAX) | u128::from(mask4(prefix.length))) == 0,
        IpAddr::V6(_) => flow.ipv6 && beyond & mask6(prefix.length) == 0,
    }
}

/// A TCP or UDP rule for all addresses of a family.
fn is_world_rule(rule: &SecurityRule) -> bool {
    let whole_family = matches!(rule.peer, Peer::Prefix(Prefix { length: 0, .. }));
    whole_family && matches!(rule.protocol, Protocol::Tcp(..) | Protocol::Udp(..))
}

/// One of the rules lets everything of the packet's family and protocol, TCP or UDP, pass.
fn is_open(rules: &[SecurityRule], flow: &Facts) -> bool {
    rules.iter().any(|rule| {
        let whole_family =
            matches!(rule.peer, Peer::Prefix(Prefix { length: 0, address }) if address.is_ipv6() == flow.ipv6);
        let whole_protocol = match rule.protocol {
            Protocol::All => matches!(flow.protocol, protocol::TCP | protocol::UDP),
            Protocol::Tcp(0, u16::MAX) => flow.protocol == protocol::TCP,
            Protocol::Udp(0, u16::MAX) => flow.protocol == protocol::UDP,
            _ => false,
        };
        whole_family && whole_protocol
    })
}
