//! The named configurations of the card. There are no other knobs: each is one line of the table below.

use std::fmt;
use std::str::FromStr;

use nitro_simulator::BlockEntry;

use crate::allowances;
use crate::card::Card;
use crate::catalogue;
use crate::conntrack::FlowTable;
use crate::control::Capabilities;
use crate::security_group;

/// Makes the configurations from their table: the type of each card, and its dimensions as data.
macro_rules! configurations {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident = $card:ident($name:literal):
            data $width:literal / $keep:literal, cells 2^$cells:literal of 2^$beats:literal beats (2^$payload:literal), ENIs 2^$enis:literal,
            local 2^$local:literal, mapping 2^$mapping:literal,
            NACL fold 2^$fold:literal, rules 2^$rule_rows:literal rows of 2^$row_rules:literal,
            connections 2^$connections:literal in 4 ways of 2^$ways:literal rows and a stash of 2^$stash:literal,
            waiting 2^$waiting:literal packets of 2^$flows:literal flows;
    )*) => {
        /// A named configuration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Config {
            $( $(#[doc = $doc])* $variant, )*
        }

        $(
            $(#[doc = $doc])*
            pub type $card = Card<
                $width, $keep, $cells, $beats, $payload, $enis, $local, $mapping, { $enis + 1 + $fold },
                $waiting, $flows, $row_rules, $rule_rows, $ways, $stash, $connections, { $enis + 3 },
            >;

            const _: () = assert!($width == 8 * $keep, "a byte enable for each byte");
        )*

        impl Config {
            /// All configurations.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The configuration's numbers.
            #[must_use]
            pub const fn dimensions(self) -> Dimensions {
                match self {
                    $( Self::$variant => Dimensions {
                        name: $name,
                        data_width: $width,
                        cells_log2: $cells,
                        cell_beats_log2: $beats,
                        enis_log2: $enis,
                        local_rows_log2: $local,
                        mapping_rows_log2: $mapping,
                        nacl_fold_log2: $fold,
                        connections_log2: $connections,
                        rules_per_row_log2: $row_rules,
                        rule_rows_log2: $rule_rows,
                    }, )*
                }
            }

            /// The blocks whose types depend on the configuration, the card last.
            pub(crate) fn sized_entries(self) -> Vec<BlockEntry> {
                match self {
                    $( Self::$variant => {
                        let mut entries = catalogue::sized_entries::<
                            $width, $keep, $cells, $beats, $payload, $enis, $local, $mapping, { $enis + 1 + $fold },
                            $waiting, $flows, $row_rules, $rule_rows,
                        >();
                        entries.extend(security_group::entries::<$row_rules, $rule_rows, $enis>());
                        entries.extend(allowances::entries::<$enis, { $enis + 3 }>());
                        entries.push(BlockEntry::of("conntrack_flows", FlowTable::<$ways, $stash, $connections>::default));
                        entries.push(self.card_entry());
                        entries
                    } )*
                }
            }

            /// The whole card.
            #[must_use]
            pub fn card_entry(self) -> BlockEntry {
                match self {
                    $( Self::$variant => {
                        BlockEntry::of("card", || $card::new(Self::$variant.dimensions().capabilities()))
                    } )*
                }
            }
        }
    };
}

configurations! {
    /// A big FPGA or an ASIC, 100G class.
    Line = LineCard("line"): data 512 / 64, cells 2^11 of 2^0 beats (2^11), ENIs 2^4, local 2^6, mapping 2^12,
        NACL fold 2^0, rules 2^9 rows of 2^6,
        connections 2^16 in 4 ways of 2^15 rows and a stash of 2^3,
        waiting 2^7 packets of 2^5 flows;
    /// An ECP5 LFE5U-85, 10G class.
    Edge = EdgeCard("edge"): data 64 / 8, cells 2^9 of 2^3 beats (2^12), ENIs 2^1, local 2^3, mapping 2^7,
        NACL fold 2^3, rules 2^9 rows of 2^3,
        connections 2^11 in 4 ways of 2^10 rows and a stash of 2^3,
        waiting 2^5 packets of 2^5 flows;
    /// Proofs and quick tests.
    Tiny = TinyCard("tiny"): data 64 / 8, cells 2^8 of 2^3 beats (2^11), ENIs 2^1, local 2^3, mapping 2^4,
        NACL fold 2^3, rules 2^5 rows of 2^2,
        connections 2^4 in 4 ways of 2^3 rows and a stash of 2^2,
        waiting 2^5 packets of 2^5 flows;
}

/// The numbers of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Its name.
    pub name: &'static str,
    /// Width of the packet ports in bits.
    pub data_width: usize,
    /// Cells for the frames of each path, as a power of two.
    pub cells_log2: usize,
    /// Beats of a cell, as a power of two.
    pub cell_beats_log2: usize,
    /// ENIs, as a power of two.
    pub enis_log2: usize,
    /// Rows in one of the four ways of the local address table, as a power of two.
    pub local_rows_log2: usize,
    /// Rows in one of the four ways of the mapping cache, as a power of two.
    pub mapping_rows_log2: usize,
    /// Clocks that a packet takes in the comparators of the ACLs, as a power of two: at least so many clocks are packets apart.
    pub nacl_fold_log2: usize,
    /// Connections tracked at one time, as a power of two.
    pub connections_log2: usize,
    /// Security group rules compared in a clock, as a power of two.
    pub rules_per_row_log2: usize,
    /// Rows of a direction's security group rule memory, as a power of two.
    pub rule_rows_log2: usize,
}

impl Dimensions {
    /// Bytes in a beat.
    #[must_use]
    pub const fn beat_bytes(&self) -> usize {
        self.data_width / 8
    }

    /// Number of ENIs.
    #[must_use]
    pub const fn enis(&self) -> usize {
        1 << self.enis_log2
    }

    /// Rows in one way of the local address table.
    #[must_use]
    pub const fn local_rows(&self) -> usize {
        1 << self.local_rows_log2
    }

    /// Rows in one way of the mapping cache.
    #[must_use]
    pub const fn mapping_rows(&self) -> usize {
        1 << self.mapping_rows_log2
    }

    /// Security group rules in a row.
    #[must_use]
    pub const fn rules_per_row(&self) -> usize {
        1 << self.rules_per_row_log2
    }

    /// Rows of a direction's security group rules.
    #[must_use]
    pub const fn rule_rows(&self) -> usize {
        1 << self.rule_rows_log2
    }

    /// What the card says of itself.
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        Capabilities {
            data_width: self.data_width,
            enis: self.enis(),
            local_rows_log2: self.local_rows_log2,
            mapping_rows_log2: self.mapping_rows_log2,
            connections_log2: self.connections_log2,
            rules_per_row_log2: self.rules_per_row_log2,
            rule_rows_log2: self.rule_rows_log2,
        }
    }
}

impl Config {
    /// The configuration's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.dimensions().name
    }

    /// The configuration of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|config| config.name() == name)
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no configuration of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownConfig(pub String);

impl fmt::Display for UnknownConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Config::ALL.iter().map(|config| config.name()).collect();
        write!(f, "there is no configuration `{}`; there are {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownConfig {}

impl FromStr for Config {
    type Err = UnknownConfig;

    fn from_str(name: &str) -> Result<Self, UnknownConfig> {
        Self::from_name(name).ok_or_else(|| UnknownConfig(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]
    use super::*;

    #[test]
    fn names_lead_back() {
        for config in Config::ALL {
            assert_eq!(config.name().parse::<Config>().unwrap(), *config);
        }
        let error = "huge".parse::<Config>().unwrap_err();
        assert_eq!(error.to_string(), "there is no configuration `huge`; there are line, edge, tiny");
    }

    #[test]
    fn cells_hold_the_longest_frame() {
        for config in Config::ALL {
            let dimensions = config.dimensions();
            let cell = dimensions.beat_bytes() << dimensions.cell_beats_log2;
            assert_eq!(cell, 64, "{config}");
            let bytes = cell * ((1 << dimensions.cells_log2) - 1);
            assert!(bytes >= nitro_wire::constants::MAX_FRAME_BYTES, "{config}: {bytes} bytes");
        }
    }

    /// The gate in front of a path keeps packets that far apart, which must not be farther than packets of the smallest size are.
    #[test]
    fn the_fold_costs_no_packet_of_the_smallest_size() {
        for config in Config::ALL {
            let dimensions = config.dimensions();
            let beats = 64_usize.div_ceil(dimensions.beat_bytes());
            assert!(1 << dimensions.nacl_fold_log2 <= beats, "{config}: {beats} beats");
        }
    }

    #[test]
    fn capabilities_read_back() {
        use nitro_wire::registers::{CAPABILITIES, POLICY_CAPABILITIES};
        for config in Config::ALL {
            let word = config.dimensions().capabilities().word();
            let field = |name| CAPABILITIES.field(name).unwrap().get(word) as usize;
            assert_eq!(field("data_width"), config.dimensions().data_width);
            assert_eq!(field("enis"), config.dimensions().enis());
            assert_eq!(1 << field("local_rows_log2"), config.dimensions().local_rows());
            assert_eq!(1 << field("mapping_rows_log2"), config.dimensions().mapping_rows());
            let word = config.dimensions().capabilities().policy_word();
            let field = |name| POLICY_CAPABILITIES.field(name).unwrap().get(word) as usize;
            assert_eq!(field("connections_log2"), config.dimensions().connections_log2);
            assert_eq!(field("rules_per_row_log2"), config.dimensions().rules_per_row_log2);
            assert_eq!(field("rule_rows_log2"), config.dimensions().rule_rows_log2);
        }
    }
}
