//! Security groups and network ACLs.

use std::collections::BTreeSet;

use nitro_wire::policy::{self as wire, Protocol};

use crate::types::Cidr;

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

impl Nacl {
    /// As a card takes it.
    #[must_use]
    pub fn rows(&self) -> wire::Nacl {
        let rules = |rules: &[NaclRule]| {
            rules
                .iter()
                .map(|rule| wire::NaclRule { allow: rule.allow, protocol: rule.protocol, prefix: rule.cidr.into() })
                .collect()
        };
        wire::Nacl { egress: rules(&self.egress), ingress: rules(&self.ingress) }
    }
}

/// The groups (by index) that rules refer to: the n-th of them has bit n of a mapping's groups.
#[must_use]
pub fn referred_groups(groups: &[SecurityGroup]) -> BTreeSet<usize> {
    let rules = groups.iter().flat_map(|group| group.ingress.iter().chain(&group.egress));
    rules.filter_map(|rule| if let Peer::Group(index) = rule.peer { Some(index) } else { None }).collect()
}

/// The rules of some groups in one direction as a card takes them: a prefix list becomes its entries.
pub(crate) fn rows<'a>(
    rules: impl Iterator<Item = &'a SecurityRule>,
    referred: &BTreeSet<usize>,
) -> Vec<wire::SecurityRule> {
    rules
        .flat_map(|rule| {
            let peers: Vec<wire::Peer> = match &rule.peer {
                Peer::Cidr(cidr) => vec![wire::Peer::Prefix((*cidr).into())],
                Peer::PrefixList { cidrs, .. } => cidrs.iter().map(|&cidr| wire::Peer::Prefix(cidr.into())).collect(),
                Peer::Group(index) => {
                    let bit = referred.iter().position(|group| group == index).and_then(|bit| u8::try_from(bit).ok());
                    bit.map(wire::Peer::Group).into_iter().collect()
                }
            };
            peers.into_iter().map(|peer| wire::SecurityRule { protocol: rule.protocol, peer })
        })
        .collect()
}
