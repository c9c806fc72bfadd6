//! Stage `token`: the proof that the mapping service allowed a sender to reach a destination.
//!
//! SipHash-2-4 (Aumasson and Bernstein, 2012) under the destination host's key of the epoch.
//!
//! Drop reason: `bad_token`.

use std::hash::Hasher as _;

use nitro_wire::DropReason;
use nitro_wire::constants::ethertype;
use siphasher::sip::SipHasher24;

use crate::bytes;

/// The token of a sender and a destination; addresses as 128 bits, IPv4 as v4-mapped.
#[must_use]
pub fn compute(key: &[u8; 16], vni: u32, epoch: u8, source_underlay: u128, destination: u128) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(&vni.to_be_bytes());
    hasher.write(&u32::from(epoch).to_be_bytes());
    hasher.write(&source_underlay.to_be_bytes());
    hasher.write(&destination.to_be_bytes());
    hasher.finish()
}

/// Checks a received token.
pub fn check(
    keys: &[(u8, [u8; 16])],
    vni: u32,
    epoch: u8,
    source_underlay: u128,
    destination: u128,
    token: u64,
) -> Result<(), DropReason> {
    let mut live = keys.iter().filter(|(key_epoch, _)| *key_epoch == epoch);
    let matches = |key| compute(key, vni, epoch, source_underlay, destination) == token;
    live.any(|(_, key)| matches(key)).then_some(()).ok_or(DropReason::BadToken)
}

/// What an inner frame has at the places of its IP header, by its EtherType alone: no check of the header is made before
/// the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerIp {
    /// Place of the IP header in the frame.
    pub place: usize,
    /// The EtherType is IPv4's.
    pub is_ipv4: bool,
    /// TOS or traffic class.
    pub traffic_class: u8,
    /// Destination address.
    pub destination: u128,
}

/// The inner IP header, none if the frame is neither IPv4 nor IPv6 or too short for the fixed header.
#[must_use]
pub fn inner_ip(frame: &[u8]) -> Option<InnerIp> {
    let tagged = bytes::be16(frame, 12)? == ethertype::VLAN;
    let place = if tagged { 18 } else { 14 };
    let packet = frame.get(place..)?;
    match bytes::be16(frame, place - 2)? {
        ethertype::IPV4 if packet.len() >= 20 => {
            Some(InnerIp { place, is_ipv4: true, traffic_class: packet[1], destination: bytes::ipv4(packet, 16)? })
        }
        ethertype::IPV6 if packet.len() >= 40 => Some(InnerIp {
            place,
            is_ipv4: false,
            traffic_class: packet[0] << 4 | packet[1] >> 4,
            destination: bytes::ipv6(packet, 24)?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::v4_mapped;

    #[test]
    fn example_of_the_contract() {
        let key = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let (source, destination) = (v4_mapped(0x6440_0001), v4_mapped(0x0a00_0114));
        assert_eq!(compute(&key, 4432, 7, source, destination), 0x35a0_35b7_0a11_4d54);
        let keys = [(8, [0; 16]), (7, key)];
        assert_eq!(check(&keys, 4432, 7, source, destination, 0x35a0_35b7_0a11_4d54), Ok(()));
        for (vni, epoch, source, destination, token) in [
            (4433, 7, source, destination, 0x35a0_35b7_0a11_4d54),
            (4432, 8, source, destination, 0x35a0_35b7_0a11_4d54),
            (4432, 9, source, destination, 0x35a0_35b7_0a11_4d54),
            (4432, 7, source ^ 1, destination, 0x35a0_35b7_0a11_4d54),
            (4432, 7, source, destination ^ 1, 0x35a0_35b7_0a11_4d54),
            (4432, 7, source, destination, 0x35a0_35b7_0a11_4d55),
        ] {
            assert_eq!(check(&keys, vni, epoch, source, destination, token), Err(DropReason::BadToken));
        }
    }
}
