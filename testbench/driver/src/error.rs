//! What can go wrong in programming a card.

use nitro_wire::FormatError;

use crate::BusError;
use crate::placement::Full;
use crate::security::SecurityError;

/// What can go wrong in programming a card.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DriverError {
    /// A register access failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Not a card of this kind.
    #[error("identification {found:#010x}; expected {expected:#010x}, a card of this project")]
    NotACard {
        /// What register ID reads.
        found: u32,
        /// What it should read.
        expected: u32,
    },
    /// A register map of another version.
    #[error("register map version {major}.{minor}; this driver knows {known_major}.{known_minor}")]
    Version {
        /// The card's.
        major: u32,
        /// The card's.
        minor: u32,
        /// The driver's.
        known_major: u32,
        /// The driver's.
        known_minor: u32,
    },
    /// More ENIs than the card has.
    #[error("{enis} ENIs are configured; this card has {most}")]
    TooManyEnis {
        /// Configured.
        enis: usize,
        /// The card's.
        most: u32,
    },
    /// A subnet number that the card does not have.
    #[error("subnet {subnet} is configured; this card has subnets 0 to {last}, one for each ENI")]
    NoSuchSubnet {
        /// Configured.
        subnet: usize,
        /// The card's last one.
        last: u32,
    },
    /// More rules in a network ACL than the card compares.
    #[error("the network ACL of subnet {subnet} has {rules} {direction} rules; a card compares {most} in a direction")]
    TooManyNaclRules {
        /// The subnet.
        subnet: u8,
        /// `egress` or `ingress`.
        direction: &'static str,
        /// Configured.
        rules: usize,
        /// The card's.
        most: usize,
    },
    /// More token keys than the card has.
    #[error("{keys} token keys are configured; a card holds 2 epochs")]
    TooManyKeys {
        /// Configured.
        keys: usize,
    },
    /// A hash table is full.
    #[error("{table}: {full}; use a configuration with a larger table or fewer entries")]
    TableFull {
        /// Which.
        table: &'static str,
        /// How full.
        full: Full,
    },
    /// Security group rules do not fit.
    #[error("interface {eni}: {problem}")]
    Security {
        /// Number of the interface.
        eni: u8,
        /// Why.
        problem: SecurityError,
    },
    /// Scans of replaced rules did not end.
    #[error("the card still reads security group rules that were replaced")]
    PolicyBusy,
    /// An invalidation did not end.
    #[error("the card still ends the mappings that it was told to end")]
    MappingBusy,
    /// A value does not fit its field.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A counter snapshot did not become ready.
    #[error("the card's counter snapshot did not become ready")]
    CounterBusy,
}
