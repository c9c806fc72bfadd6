//! What a card and the mapping service say to each other: a message in each beat of the ports `query` and `reply`.
//!
//! Words are 64 bits of the port, the lowest first; the first byte of a message is in the lowest bits.

use std::net::IpAddr;

use nitro_wire::FormatError;
use nitro_wire::control::{Mapping, ip_bits, ip_from_bits, mac_bits};
use nitro_wire::formats::{SERVICE_QUERY, SERVICE_REPLY};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// VNI of the VPC.
    pub vni: u32,
    /// Route table.
    pub route_table: u8,
    /// The address.
    pub ip: IpAddr,
}

impl Key {
    /// The key of a mapping.
    #[must_use]
    pub fn of(mapping: &Mapping) -> Self {
        Self { vni: mapping.vni, route_table: mapping.route_table, ip: mapping.ip }
    }

    /// Its fields in messages and rows.
    pub(crate) fn fields(&self) -> [(&'static str, u128); 3] {
        [("vni", self.vni.into()), ("route_table", self.route_table.into()), ("ip", ip_bits(self.ip))]
    }

    /// Reads a query.
    ///
    /// # Errors
    /// If there are too few words.
    pub fn from_query(words: &[u64]) -> Result<Self, FormatError> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        // Fields of 24 and 8 bits, so nothing is cut off.
        let field = |name| SERVICE_QUERY.get(&bytes, name);
        Ok(Self {
            vni: u32::try_from(field("vni")?).unwrap_or(u32::MAX),
            route_table: u8::try_from(field("route_table")?).unwrap_or(u8::MAX),
            ip: ip_from_bits(field("ip")?),
        })
    }

    /// The reply to its query: a mapping, whose own key does not count, or that there is none.
    ///
    /// # Errors
    /// If a value does not fit its field.
    pub fn reply(&self, mapping: Option<&Mapping>) -> Result<Vec<u64>, FormatError> {
        let mut values = self.fields().to_vec();
        match mapping {
            None => values.push(("negative", 1)),
            Some(mapping) => {
                values.extend(way_of(mapping));
                values.push(("expiry", mapping.expiry.into()));
            }
        }
        let bytes = SERVICE_REPLY.pack(&values)?;
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        Ok(bytes.chunks(8).map(word).collect())
    }
}

/// What messages and rows say of a mapping, but for its key and when it ends.
pub(crate) fn way_of(mapping: &Mapping) -> [(&'static str, u128); 9] {
    [
        ("kind", mapping.kind.code().into()),
        ("srd", mapping.srd.into()),
        ("path_mtu", mapping.path_mtu.into()),
        ("underlay_ip", ip_bits(mapping.underlay_ip)),
        ("mac", mac_bits(mapping.mac).into()),
        ("token_epoch", mapping.token_epoch.into()),
        ("token", mapping.token.into()),
        ("groups", mapping.groups.into()),
        ("version", mapping.version.into()),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn messages_begin_in_the_lowest_bits() {
        let key = Key { vni: 0x0000_1150, route_table: 3, ip: [10, 0, 1, 20].into() };
        let words = key.reply(None).unwrap();
        assert_eq!(words.len(), 9);
        assert_eq!(words[0].to_le_bytes()[..4], [0x00, 0x11, 0x50, 3]);
        assert_eq!(words[2].to_le_bytes()[..5], [10, 0, 1, 20, 0x80]);
        assert_eq!(Key::from_query(&words[..3]).unwrap(), key);
        assert!(Key::from_query(&words[..2]).is_err());
    }
}
