//! Security groups and network ACLs.

use crate::types::Cidr;

/// What a rule matches above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Whom a security group rule admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A prefix.
    Cidr(Cidr),
    /// A prefix list: its entries, and the size that it counts as.
    PrefixList {
        /// Its entries.
        cidrs: Vec<Cidr>,
        /// The size that it counts as.
        max_entries: usize,
    },
    /// The private addresses of the members of a group (by index).
    Group(usize),
}

impl Peer {
    /// How many rules it counts as.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Cidr(_) | Self::Group(_) => 1,
            Self::PrefixList { max_entries, .. } => *max_entries,
        }
    }
}

/// A rule of a security group: it can only allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityRule {
    /// What it matches above IP.
    pub protocol: Protocol,
    /// Whom it admits.
    pub peer: Peer,
}

/// A security group.
#[derive(Clone, Debug)]
pub struct SecurityGroup {
    /// Its name.
    pub name: String,
    /// Index of its VPC.
    pub vpc: usize,
    /// Rules for packets to the ENI.
    pub ingress: Vec<SecurityRule>,
    /// Rules for packets from the ENI.
    pub egress: Vec<SecurityRule>,
}

/// A rule of a network ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NaclRule {
    /// Its number, 1–32766: the lowest that matches decides.
    pub rule: u16,
    /// Allow or deny.
    pub allow: bool,
    /// What it matches above IP.
    pub protocol: Protocol,
    /// The remote prefix.
    pub cidr: Cidr,
}

/// A network ACL, its rules in ascending order.
#[derive(Clone, Debug)]
pub struct Nacl {
    /// Its name.
    pub name: String,
    /// Rules for packets into the subnet.
    pub ingress: Vec<NaclRule>,
    /// Rules for packets out of the subnet.
    pub egress: Vec<NaclRule>,
}
