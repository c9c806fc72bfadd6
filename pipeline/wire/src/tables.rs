//! Rows of the card's tables, once.
//!
//! [`tables!`](crate::tables) works as [`formats!`](crate::formats) does. Rows of the hash tables are written as
//! [`LOCAL_ROW`] and [`MAPPING_ROW`]: a valid bit, the key, the value, from the most significant to the least.

use crate::format::{Format, layout};
use crate::formats::constants;
use crate::policy::Direction;

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
                /// It has an IPv4 address.
                ip4_valid: 1,
                /// The first one, which DHCP tells.
                ip4: 32,
                /// Its subnet has an IPv6 range.
                subnet6_valid: 1,
                /// Base address of that range.
                subnet6: 128,
                /// Mask of that range, ones for the prefix.
                subnet6_mask: 128,
                /// Length of its prefix in bits, as router advertisements tell it.
                subnet6_length: 8,
                /// Number of its subnet, which has the network ACL.
                subnet: 8,
            }
            /// A rule of a network ACL. It matches packets of its family whose protocol, selector and outside address all fit.
            NaclRuleRow = NACL_RULE_ROW {
                /// The rule exists.
                valid: 1,
                /// Allow, else deny.
                allow: 1,
                /// It is for IPv6, else for IPv4.
                ipv6: 1,
                /// Any protocol.
                any_protocol: 1,
                /// The protocol.
                protocol: 8,
                /// Lowest selector: TCP and UDP the destination port; ICMP and ICMPv6 256 · type + code; other protocols 0.
                low: 16,
                /// Highest selector.
                high: 16,
                /// Outside address, IPv4 as v4-mapped.
                address: 128,
                /// Length of its prefix, of the 128 bits.
                prefix: 8,
            }
            /// Which rules of a network ACL count. Takes effect with the next commit.
            NaclSetRow = NACL_SET_ROW {
                /// There is an ACL; without one everything passes.
                enabled: 1,
                /// Bank of the rules.
                bank: 1,
            }
            /// A security group rule. It admits packets of its families whose protocol, selector and peer all fit.
            SecurityRuleRow = SECURITY_RULE_ROW {
                /// The rule exists.
                valid: 1,
                /// It admits IPv4.
                ipv4: 1,
                /// It admits IPv6.
                ipv6: 1,
                /// Any protocol.
                any_protocol: 1,
                /// The protocol.
                protocol: 8,
                /// The selector of TCP and UDP is the source port, not the destination port: the rule admits replies, untracked. Not with
                /// `any_protocol`.
                reply: 1,
                /// What it admits is not tracked. Not with `any_protocol`, nor with `by_group`.
                untracked: 1,
                /// Lowest selector: TCP and UDP a port; ICMP and ICMPv6 256 · type + code; other protocols 0.
                low: 16,
                /// Highest selector.
                high: 16,
                /// The peer is a group, whose number is `address`.
                by_group: 1,
                /// The peer's address, IPv4 as v4-mapped.
                address: 128,
                /// Length of its prefix, of the 128 bits.
                prefix: 8,
            }
            /// Which security group rules count for an interface in a direction. Takes effect with the next commit.
            SecuritySetRow = SECURITY_SET_ROW {
                /// First row of the rule memory. A row holds as many rules as the card compares in a clock.
                first: 16,
                /// Rows, behind each other; the memory's first row comes behind its last.
                rows: 16,
                /// Of these, the first ones that have untracked rules.
                untracked_rows: 16,
            }
            /// Limits of an interface's connections. Timeouts are in ticks.
            ConntrackRow = CONNTRACK_ROW {
                /// Connections tracked, at most.
                max_connections: 24,
                /// TCP established.
                tcp_established: 24,
                /// TCP opening and closing.
                tcp_transient: 24,
                /// UDP seen in one direction.
                udp: 24,
                /// UDP seen in both directions.
                udp_stream: 24,
                /// ICMP.
                icmp: 24,
                /// Any other protocol.
                other: 24,
            }
            /// Allowances of an interface. Writing them fills its buckets.
            AllowanceRow = ALLOWANCE_ROW {
                /// Packets a second to link-local services.
                linklocal: 32,
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
                /// 0: the entry serves for ever. Else `MAPPING_EXPIRES`, and in the low 24 bits the tick from which on it does not serve.
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

/// Bit of a mapping's expiry that tells the tick 0 from no expiry. Ticks are compared modulo 2^24.
pub const MAPPING_EXPIRES: u32 = 1 << 24;

/// Expiry of a mapping that is installed at a tick and serves for some seconds (0 for ever, at most
/// [`MAX_MAPPING_SECONDS`](crate::policy::MAX_MAPPING_SECONDS)).
#[must_use]
pub const fn mapping_expiry(tick: u32, seconds: u32) -> u32 {
    use crate::policy::{MAX_MAPPING_SECONDS, TICKS_PER_SECOND};
    if seconds == 0 {
        return 0;
    }
    let seconds = if seconds > MAX_MAPPING_SECONDS { MAX_MAPPING_SECONDS } else { seconds };
    MAPPING_EXPIRES | (tick + seconds * TICKS_PER_SECOND + 1) & (MAPPING_EXPIRES - 1)
}

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
    /// Rules of network ACLs; the index is [`nacl_rule_index`].
    NaclRule = 4,
    /// Which of them count; the index is [`set_index`] of the subnet.
    NaclSet = 5,
    /// Security group rules; the index is [`security_rule_index`].
    SecurityRule = 6,
    /// Which of them count; the index is [`set_index`] of the interface.
    SecuritySet = 7,
    /// Limits of connection tracking; the index is the interface's number.
    Conntrack = 8,
    /// Allowances; the index is the interface's number.
    Allowance = 9,
}

/// Index of a network ACL's rule: rule 0 to 63 of a bank, a direction and a subnet.
#[must_use]
pub const fn nacl_rule_index(bank: u8, direction: Direction, subnet: u8, rule: u8) -> u16 {
    (bank as u16) << 15 | (direction.code() as u16) << 14 | (subnet as u16) << 6 | rule as u16
}

/// Index of a set of rules: of a subnet or an interface.
#[must_use]
pub const fn set_index(direction: Direction, owner: u8) -> u16 {
    (direction.code() as u16) << 8 | owner as u16
}

/// Index of a security group rule: a slot (0 to 32,767) of a direction's rule memory; slot = row · rules of a row + place.
#[must_use]
pub const fn security_rule_index(direction: Direction, slot: u16) -> u16 {
    (direction.code() as u16) << 15 | slot
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 9] = [
        Self::Eni,
        Self::Local,
        Self::Mapping,
        Self::NaclRule,
        Self::NaclSet,
        Self::SecurityRule,
        Self::SecuritySet,
        Self::Conntrack,
        Self::Allowance,
    ];

    /// The number that `TABLE_COMMAND` takes.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What its rows are, and what `TABLE_INDEX` says.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Eni => "An interface; index: its number.",
            Self::Local => "Interface of a local address. A hash table of the key `vni` ‖ `ip`.",
            Self::Mapping => "Entry of the mapping cache. A hash table of the key `vni` ‖ `route_table` ‖ `ip`.",
            Self::NaclRule => {
                "Rule of a network ACL; index: bank (bit 15), direction (14: 0 egress, 1 ingress), subnet (13:6), place (5:0). The first that matches decides."
            }
            Self::NaclSet => {
                "Which bank of a subnet's ACL counts, from the next `POLICY_COMMIT` on; index: direction (bit 8), subnet (7:0). Not enabled: all passes."
            }
            Self::SecurityRule => {
                "Rule of security groups; index: direction (bit 15: 0 egress, 1 ingress), row and place in the row (14:0; `POLICY_CAPABILITIES` says how many bits are the place)."
            }
            Self::SecuritySet => {
                "Where an interface's rules stand, from the next `POLICY_COMMIT` on: first row, rows, and how many of them, the first ones, hold rules that track nothing; index: direction (bit 8), interface (7:0)."
            }
            Self::Conntrack => "Limits of an interface's connections, timeouts in ticks; index: its number.",
            Self::Allowance => "Allowances of an interface, packets a second; index: its number.",
        }
    }

    /// Format of a row as written through `TABLE_DATA`.
    #[must_use]
    pub const fn row(self) -> Format {
        match self {
            Self::Eni => ENI_ROW,
            Self::Local => LOCAL_ROW,
            Self::Mapping => MAPPING_ROW,
            Self::NaclRule => NACL_RULE_ROW,
            Self::NaclSet => NACL_SET_ROW,
            Self::SecurityRule => SECURITY_RULE_ROW,
            Self::SecuritySet => SECURITY_SET_ROW,
            Self::Conntrack => CONNTRACK_ROW,
            Self::Allowance => ALLOWANCE_ROW,
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
        assert_eq!((ENI_ROW.bits, LOCAL_ROW.bits, MAPPING_ROW.bits), (453, 161, 539));
    }
}
