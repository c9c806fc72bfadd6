//! The checked and resolved VPC file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_wire::policy::{Prefix, Timeouts};

use crate::policy::{Nacl, SecurityGroup};

/// A MAC address.
pub type Mac = [u8; 6];

/// Token keys by epoch.
pub type TokenKeys = BTreeMap<u8, [u8; 16]>;

/// An address prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    /// Lowest address.
    pub address: IpAddr,
    /// Prefix length in bits.
    pub length: u8,
}

impl Cidr {
    /// A prefix, unless the length is too large or a bit beyond it is set.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let cidr = Self { address, length };
        (length <= cidr.family_bits() && cidr.mask(address) == address).then_some(cidr)
    }

    fn family_bits(self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn mask(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
            }
        }
    }

    /// The address lies in the prefix (and is of its family).
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && self.mask(address) == self.address
    }

    /// Every address of `other` lies in this prefix.
    #[must_use]
    pub fn contains_all(self, other: Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// The two share an address.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains_all(other) || other.contains_all(self)
    }

    /// Position of an address in the prefix, counted from its lowest address.
    #[must_use]
    pub fn offset(self, address: IpAddr) -> u128 {
        match (self.address, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => u128::from(u32::from(address).wrapping_sub(u32::from(base))),
            (IpAddr::V6(base), IpAddr::V6(address)) => u128::from(address).wrapping_sub(u128::from(base)),
            _ => u128::MAX,
        }
    }

    /// An address that the subnet keeps: the first four, and the last one of an IPv4 subnet
    /// (VPC user guide, "Subnet CIDR blocks").
    #[must_use]
    pub fn reserves(self, address: IpAddr) -> bool {
        let last = u128::MAX.checked_shr(128 - u32::from(self.family_bits() - self.length)).unwrap_or(0);
        self.contains(address) && (self.offset(address) < 4 || (address.is_ipv4() && self.offset(address) == last))
    }
}

impl From<Cidr> for Prefix {
    fn from(cidr: Cidr) -> Self {
        Self { address: cidr.address, length: cidr.length }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

/// The card itself.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its underlay address.
    pub underlay_ip: IpAddr,
    /// Its underlay MAC.
    pub underlay_mac: Mac,
    /// MAC of the next hop in the underlay.
    pub next_hop_mac: Mac,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Mac,
    /// Its live token keys: one or two epochs.
    pub token_keys: TokenKeys,
    /// Mode of a mapping-cache miss: query the mapping service, or drop.
    pub query_on_miss: bool,
    /// Non-SYN TCP packets without a connection are dropped.
    pub strict_tcp: bool,
}

/// A VPC.
#[derive(Clone, Debug)]
pub struct VpcNetwork {
    /// Its name.
    pub name: String,
    /// Its 24-bit network identifier.
    pub vni: u32,
    /// Its prefixes.
    pub cidrs: Vec<Cidr>,
}

/// A subnet: at most one prefix a family.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// Its name.
    pub name: String,
    /// Index of its VPC.
    pub vpc: usize,
    /// Its prefixes.
    pub cidrs: Vec<Cidr>,
    /// Index of its NACL; none allows all.
    pub nacl: Option<usize>,
}

/// A guest's interface on this card. Its number is its index in [`Vpc::enis`].
#[derive(Clone, Debug)]
pub struct Eni {
    /// Its name.
    pub name: String,
    /// Index of its subnet.
    pub subnet: usize,
    /// Its MAC.
    pub mac: Mac,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
    /// Indexes of its security groups.
    pub groups: Vec<usize>,
    /// Frames must carry the ENI's own source addresses.
    pub source_dest_check: bool,
    /// Most connections tracked for it.
    pub max_connections: u32,
    /// Its idle timeouts.
    pub timeouts: Timeouts,
}

/// Another host of the underlay.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its underlay address.
    pub underlay_ip: IpAddr,
    /// Its token keys.
    pub token_keys: TokenKeys,
}

/// What a mapping is for: one address, or a route target that answers for each address of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MappingKey {
    /// One address.
    Address(IpAddr),
    /// Every address of a prefix; the longest prefix answers.
    Prefix(Cidr),
}

/// Something that the mapping service knows.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Index of its VPC.
    pub vpc: usize,
    /// The address or prefix.
    pub key: MappingKey,
    /// MAC of the destination.
    pub mac: Mac,
    /// Underlay address of its host.
    pub host: IpAddr,
    /// Indexes of its security groups.
    pub groups: Vec<usize>,
    /// Its host speaks SRD.
    pub srd: bool,
}

/// A whole VPC file, checked and with every name resolved to an index.
#[derive(Clone, Debug)]
pub struct Vpc {
    /// The card.
    pub card: Card,
    /// VPCs.
    pub vpcs: Vec<VpcNetwork>,
    /// NACLs.
    pub nacls: Vec<Nacl>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Security groups.
    pub groups: Vec<SecurityGroup>,
    /// ENIs of this card.
    pub enis: Vec<Eni>,
    /// Other hosts.
    pub hosts: Vec<Host>,
    /// What the mapping service knows beyond the ENIs.
    pub mappings: Vec<Mapping>,
}

impl Vpc {
    /// The VPC of an ENI.
    #[must_use]
    pub fn vpc_of(&self, eni: &Eni) -> &VpcNetwork {
        &self.vpcs[self.subnets[eni.subnet].vpc]
    }
}
