//! Policies of interfaces and subnets, as plain data: rules of security groups and network ACLs, limits of connection tracking.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Ticks in a second: the unit of the card's clock of timeouts. A timeout of `s` seconds ends `s` · this many ticks after the tick of the
/// connection's last packet.
pub const TICKS_PER_SECOND: u32 = 16;

/// Seconds for which the card remembers that the mapping service knows no such destination.
pub const NEGATIVE_SECONDS: u32 = 5;
/// Longest time for which a mapping serves, in seconds; what shall serve for longer serves for so long, or for ever.
pub const MAX_MAPPING_SECONDS: u32 = (1 << 19) - 1;
/// Seconds that the mapping service has for its reply to a query.
pub const QUERY_SECONDS: u32 = 1;
/// Seconds for which the verdict of a datagram's first fragment serves the later ones.
pub const FRAGMENT_SECONDS: u32 = 30;

/// Security group rules of an interface in one direction, at most (VPC quotas, "Security groups").
pub const MAX_SECURITY_RULES: usize = 1000;
/// Rules of a network ACL in one direction, at most (VPC quotas, "Network ACLs").
pub const MAX_NACL_RULES: usize = 40;

/// Connections of an interface, at most: a card holds larger allowances as this one, which it cannot use up.
pub const MAX_CONNECTIONS: u32 = 0xff_ffff;

/// The way of a packet, as an interface sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Direction {
    /// From the interface: the tx path.
    Egress = 0,
    /// To the interface: the rx path.
    Ingress = 1,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Egress, Self::Ingress];

    /// The hardware's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Egress => Self::Ingress,
            Self::Ingress => Self::Egress,
        }
    }
}

/// What a rule matches above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Everything.
    All,
    /// TCP with a range of destination ports.
    Tcp(u16, u16),
    /// UDP with a range of destination ports.
    Udp(u16, u16),
    /// ICMP, all or one type and possibly code.
    Icmp(Option<(u8, Option<u8>)>),
    /// ICMPv6, all or one type and possibly code.
    Icmpv6(Option<(u8, Option<u8>)>),
    /// Any other protocol by its number.
    Number(u8),
}

/// An address prefix of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// Lowest address.
    pub address: IpAddr,
    /// Length in bits, at most 32 or 128.
    pub length: u8,
}

/// Whom a security group rule admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// Addresses of a prefix.
    Prefix(Prefix),
    /// Addresses whose mapping has this bit, 0 to 63, of its groups set.
    Group(u8),
}

/// A rule of a security group: it can only allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityRule {
    /// What it matches above IP.
    pub protocol: Protocol,
    /// Whom it admits.
    pub peer: Peer,
}

/// A rule of a network ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NaclRule {
    /// Allow or deny.
    pub allow: bool,
    /// What it matches above IP.
    pub protocol: Protocol,
    /// The address outside of the subnet: destination of egress, source of ingress.
    pub prefix: Prefix,
}

/// A network ACL. The first rule that matches decides; none denies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nacl {
    /// Rules for packets out of the subnet, in ascending order of their numbers.
    pub egress: Vec<NaclRule>,
    /// Rules for packets into the subnet.
    pub ingress: Vec<NaclRule>,
}

impl Nacl {
    /// The rules of one direction.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[NaclRule] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

/// Idle timeouts of tracked connections in seconds (EC2 API, `ConnectionTrackingConfiguration`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// TCP established, 60–432,000.
    pub tcp_established: u32,
    /// TCP opening and closing.
    pub tcp_transient: u32,
    /// UDP seen in one direction, 30–60.
    pub udp: u32,
    /// UDP seen in both directions, 60–180.
    pub udp_stream: u32,
    /// ICMP.
    pub icmp: u32,
    /// Any other protocol.
    pub other: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { tcp_established: 350, tcp_transient: 30, udp: 30, udp_stream: 180, icmp: 30, other: 600 }
    }
}

/// What an interface's packets may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EniPolicy {
    /// The union of its security groups, for packets from it.
    pub egress: Vec<SecurityRule>,
    /// For packets to it.
    pub ingress: Vec<SecurityRule>,
    /// Connections tracked for it, at most; more than [`MAX_CONNECTIONS`] as that.
    pub max_connections: u32,
    /// Idle timeouts.
    pub timeouts: Timeouts,
    /// Packets a second to link-local services.
    pub linklocal_allowance: u32,
}

impl EniPolicy {
    /// Everything may pass, in both directions.
    #[must_use]
    pub fn open() -> Self {
        let world = |address: IpAddr| SecurityRule {
            protocol: Protocol::All,
            peer: Peer::Prefix(Prefix { address, length: 0 }),
        };
        let rules = vec![
            world(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
            world(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)),
        ];
        Self { ingress: rules.clone(), egress: rules, ..Self::closed() }
    }

    /// Nothing may pass.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            egress: Vec::new(),
            ingress: Vec::new(),
            max_connections: u32::MAX,
            timeouts: Timeouts::default(),
            linklocal_allowance: 1024,
        }
    }

    /// The rules of one direction.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[SecurityRule] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}
