//! Rows of the card's tables, once.
//!
//! [`tables!`](crate::tables) works as [`formats!`](crate::formats) does. Rows of the hash tables are written as
//! [`LOCAL_ROW`] and [`MAPPING_ROW`]: a valid bit, the key, the value, from the most significant to the least.

use crate::format::{Format, layout};
use crate::formats::constants;

/// Calls a macro with the rows, keys and values of the card's tables; the entries read as those of
/// [`formats!`](crate::formats).
#[macro_export]
macro_rules! tables {
    ($callback:ident) => {
        $callback! {
            /// An interface (ENI), at the index of its number.
            EniRow = ENI_ROW {
                /// The interface exists.
                valid: 1,
                /// Source MAC and address of its packets are checked.
                source_dest_check: 1,
                /// VNI of its VPC.
                vni: 24,
                /// Route table of its subnet.
                route_table: 8,
                /// Its MAC.
                mac: 48,
                /// Its subnet has an IPv4 range.
                subnet4_valid: 1,
                /// Base address of that range.
                subnet4: 32,
                /// Mask of that range, ones for the prefix.
                subnet4_mask: 32,
                /// Its subnet has an IPv6 range.
                subnet6_valid: 1,
                /// Base address of that range.
                subnet6: 128,
                /// Mask of that range, ones for the prefix.
                subnet6_mask: 128,
                /// Length of its prefix in bits, as router advertisements tell it.
                subnet6_length: 8,
            }
            /// Key of the local address table.
            LocalKey = LOCAL_KEY {
                /// VNI of the VPC.
                vni: 24,
                /// Address, IPv4 as v4-mapped.
                ip: 128,
            }
            /// Value of the local address table.
            LocalValue = LOCAL_VALUE {
                /// The interface that has the address.
                eni: 8,
            }
            /// Key of the mapping cache.
            MappingKey = MAPPING_KEY {
                /// VNI of the VPC.
                vni: 24,
                /// Route table.
                route_table: 8,
                /// Destination address, IPv4 as v4-mapped.
                ip: 128,
            }
            /// Value of the mapping cache.
            MappingValue = MAPPING_VALUE {
                /// Kind of destination (`MappingKind`).
                kind: 3,
                /// The host speaks the multipath transport.
                srd: 1,
                /// Largest IP datagram of the guests on the path, in bytes.
                path_mtu: 14,
                /// Underlay address of the host, IPv4 as v4-mapped.
                underlay_ip: 128,
                /// MAC of the destination.
                mac: 48,
                /// Epoch of the token.
                token_epoch: 8,
                /// Token to send.
                token: 64,
                /// Security groups of the destination, a bitmap of those that rules refer to.
                groups: 64,
                /// Version of the mapping.
                version: 16,
                /// When the entry ends to serve.
                expiry: 32,
            }
        }
    };
}

tables!(constants);

/// A row of the local address table: valid, [`LOCAL_KEY`], [`LOCAL_VALUE`].
pub const LOCAL_ROW: Format = Format::new("LocalRow", &layout([("valid", 1), ("vni", 24), ("ip", 128), ("eni", 8)]));

/// A row of the mapping cache: valid, [`MAPPING_KEY`], [`MAPPING_VALUE`].
pub const MAPPING_ROW: Format = Format::new(
    "MappingRow",
    &layout([
        ("valid", 1),
        ("vni", 24),
        ("route_table", 8),
        ("ip", 128),
        ("kind", 3),
        ("srd", 1),
        ("path_mtu", 14),
        ("underlay_ip", 128),
        ("mac", 48),
        ("token_epoch", 8),
        ("token", 64),
        ("groups", 64),
        ("version", 16),
        ("expiry", 32),
    ]),
);

/// Number of a table in the register `TABLE_COMMAND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Table {
    /// Interfaces; the index is the interface's number.
    Eni = 1,
    /// Local addresses, a hash table; the index is way · rows + row.
    Local = 2,
    /// Mapping cache, a hash table; the index is way · rows + row.
    Mapping = 3,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 3] = [Self::Eni, Self::Local, Self::Mapping];

    /// The number that `TABLE_COMMAND` takes.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Format of a row as written through `TABLE_DATA`.
    #[must_use]
    pub const fn row(self) -> Format {
        match self {
            Self::Eni => ENI_ROW,
            Self::Local => LOCAL_ROW,
            Self::Mapping => MAPPING_ROW,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields of a row that is valid ‖ key ‖ value.
    fn concatenated(parts: &[Format]) -> Vec<(&'static str, usize)> {
        let fields = parts.iter().flat_map(|part| part.fields.iter().map(|field| (field.name, field.width)));
        std::iter::once(("valid", 1)).chain(fields).collect()
    }

    #[test]
    fn hash_rows_are_valid_key_value() {
        let fields = |row: Format| row.fields.iter().map(|field| (field.name, field.width)).collect::<Vec<_>>();
        assert_eq!(fields(LOCAL_ROW), concatenated(&[LOCAL_KEY, LOCAL_VALUE]));
        assert_eq!(fields(MAPPING_ROW), concatenated(&[MAPPING_KEY, MAPPING_VALUE]));
    }

    #[test]
    fn rows_fit_the_table_window() {
        for table in Table::ALL {
            assert!(table.row().words() <= usize::from(crate::registers::TABLE_DATA.count), "{table:?}");
        }
        assert_eq!((ENI_ROW.bits, LOCAL_ROW.bits, MAPPING_ROW.bits), (412, 161, 539));
    }
}
