//! What a card is configured with, as plain data: the driver writes it into a card, the model takes it as it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::constants::MappingKind;
use crate::policy::{EniPolicy, Nacl};

/// Everything that one card knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardConfig {
    /// The card's own underlay address.
    pub underlay_ip: IpAddr,
    /// The card's own underlay MAC.
    pub underlay_mac: [u8; 6],
    /// MAC of the underlay's next hop.
    pub next_hop_mac: [u8; 6],
    /// MAC that guests see for their gateway.
    pub gateway_mac: [u8; 6],
    /// Keys of the tokens that the card accepts, by epoch; at most two.
    pub token_keys: Vec<(u8, [u8; 16])>,
    /// Seed of the hash tables.
    pub hash_key: [u8; 16],
    /// Key of the flow hash.
    pub flow_key: [u8; 16],
    /// Seed of connection tracking's hash.
    pub conntrack_key: [u8; 16],
    /// Clocks in a tick, at least 1 ([`TICKS_PER_SECOND`](crate::policy::TICKS_PER_SECOND)).
    pub clocks_per_tick: u32,
    /// Mode of a miss of the mapping cache: ask the mapping service, or drop.
    pub query_on_miss: bool,
    /// TCP packets without SYN and without a connection are dropped.
    pub strict_tcp: bool,
    /// Network ACLs of the interfaces' subnets, by number; none allows all.
    pub subnets: Vec<Option<Nacl>>,
    /// The interfaces.
    pub enis: Vec<Eni>,
    /// The mapping cache's entries.
    pub mappings: Vec<Mapping>,
}

/// Clocks in a tick of a card at 250 MHz.
pub const DEFAULT_CLOCKS_PER_TICK: u32 = 250_000_000 / crate::policy::TICKS_PER_SECOND;

impl Default for CardConfig {
    /// A card without address, keys, interfaces and mappings.
    fn default() -> Self {
        Self {
            underlay_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            underlay_mac: [0; 6],
            next_hop_mac: [0; 6],
            gateway_mac: [0; 6],
            token_keys: Vec::new(),
            hash_key: [0; 16],
            flow_key: [0; 16],
            conntrack_key: [0; 16],
            clocks_per_tick: DEFAULT_CLOCKS_PER_TICK,
            query_on_miss: false,
            strict_tcp: false,
            subnets: Vec::new(),
            enis: Vec::new(),
            mappings: Vec::new(),
        }
    }
}

/// A virtual interface of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eni {
    /// Number at the card: `tuser` of the guest port.
    pub number: u8,
    /// Name in configuration and verdicts.
    pub name: String,
    /// MAC.
    pub mac: [u8; 6],
    /// VNI of its VPC, 24 bits.
    pub vni: u32,
    /// Route table of its subnet.
    pub route_table: u8,
    /// Source MAC and address of its packets are checked.
    pub source_dest_check: bool,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
    /// IPv4 range of its subnet: base address and prefix length.
    pub subnet4: Option<(Ipv4Addr, u8)>,
    /// IPv6 range of its subnet: base address and prefix length.
    pub subnet6: Option<(Ipv6Addr, u8)>,
    /// Number of its subnet, an index of [`CardConfig::subnets`]; a number without an entry has no ACL.
    pub subnet: u8,
    /// What its packets may do.
    pub policy: EniPolicy,
}

/// An entry of the mapping cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// VNI of the VPC, 24 bits.
    pub vni: u32,
    /// Route table.
    pub route_table: u8,
    /// Destination.
    pub ip: IpAddr,
    /// Kind of destination.
    pub kind: MappingKind,
    /// The host speaks the multipath transport.
    pub srd: bool,
    /// Largest IP datagram of the guests on the path, in bytes (14 bits).
    pub path_mtu: u16,
    /// Underlay address of the host.
    pub underlay_ip: IpAddr,
    /// MAC of the destination.
    pub mac: [u8; 6],
    /// Epoch of the token.
    pub token_epoch: u8,
    /// Token to send.
    pub token: u64,
    /// Security groups of the destination, a bitmap.
    pub groups: u64,
    /// Version of the mapping.
    pub version: u16,
    /// Seconds for which the entry serves from its installation on (the deadline is as those of connections), 0 for ever.
    pub expiry: u32,
}

/// An address as the hardware's 128 bits: IPv4 as v4-mapped (RFC 4291, section 2.5.5.2).
#[must_use]
pub fn ip_bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The address of 128 bits, v4-mapped as IPv4.
#[must_use]
pub fn ip_from_bits(bits: u128) -> IpAddr {
    let ip = Ipv6Addr::from_bits(bits);
    ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
}

/// A MAC as a 48-bit number, the first byte the most significant.
#[must_use]
pub fn mac_bits(mac: [u8; 6]) -> u64 {
    mac.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// The MAC of a 48-bit number; the upper 16 bits are not looked at.
#[must_use]
pub fn mac_from_bits(bits: u64) -> [u8; 6] {
    let [_, _, mac @ ..] = bits.to_be_bytes();
    mac
}

/// The mask of an IPv4 prefix length, ones for the prefix; lengths over 32 as 32.
#[must_use]
pub fn mask4(length: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

/// The mask of an IPv6 prefix length, ones for the prefix; lengths over 128 as 128.
#[must_use]
pub fn mask6(length: u8) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

/// A 16-byte key as the four words of its registers: word 0 holds the first four bytes, big-endian.
#[must_use]
pub fn key_words(key: [u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(key.chunks(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_keep_their_value() {
        let v4 = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 20));
        assert_eq!(ip_bits(v4), 0xffff_0a00_0114);
        assert_eq!(ip_from_bits(ip_bits(v4)), v4);
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert_eq!(ip_from_bits(ip_bits(v6)), v6);
        assert_eq!(mac_from_bits(mac_bits([1, 2, 3, 4, 5, 6])), [1, 2, 3, 4, 5, 6]);
        assert_eq!(mac_bits([1, 2, 3, 4, 5, 6]), 0x0102_0304_0506);
    }

    #[test]
    fn masks_at_their_ends() {
        assert_eq!([mask4(0), mask4(24), mask4(32), mask4(99)], [0, 0xffff_ff00, u32::MAX, u32::MAX]);
        assert_eq!([mask6(0), mask6(128), mask6(200)], [0, u128::MAX, u128::MAX]);
        assert_eq!(mask6(64), u128::from(u64::MAX) << 64);
    }

    #[test]
    fn key_words_are_big_endian() {
        assert_eq!(key_words([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])[1], 0x0405_0607);
    }
}
