//! What can be wrong with a VPC file.

use std::path::PathBuf;
use std::sync::Arc;

/// A mistake in a VPC file, with its place.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}:{line}: {problem}", file.display())]
pub struct VpcError {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub problem: Arc<Problem>,
}

/// The kinds of mistakes. Every message says what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Not TOML, an unknown key, a missing key or a wrong type.
    #[error("{0}")]
    Toml(String),
    /// A value has the wrong form.
    #[error("`{value}` is no {what}; expected {expected}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What stands there.
        value: String,
        /// The right form.
        expected: &'static str,
    },
    /// A reference to a name that is not defined.
    #[error("no {kind} is called `{name}`; defined are: {known}")]
    UnknownName {
        /// Kind of thing.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Two things of a kind with one name or key.
    #[error("{kind} `{name}` is defined twice; each needs its own")]
    Duplicate {
        /// Kind of thing.
        kind: &'static str,
        /// The name or key.
        name: String,
    },
    /// A number out of its range.
    #[error("{what} is {value}; it must be {range}")]
    OutOfRange {
        /// What it is.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The range in words.
        range: &'static str,
    },
    /// Something is not inside what must contain it.
    #[error("{inner} is not inside {outer}")]
    NotInside {
        /// The inner thing.
        inner: String,
        /// What should contain it.
        outer: String,
    },
    /// Two CIDRs overlap that must not.
    #[error("{a} overlaps {b}; they must be disjoint")]
    Overlap {
        /// One.
        a: String,
        /// The other.
        b: String,
    },
    /// An address that the subnet keeps for itself.
    #[error(
        "{address} is reserved in {subnet}: the first four addresses and the last one of an IPv4 subnet are, of an IPv6 subnet the first four"
    )]
    Reserved {
        /// The address.
        address: String,
        /// The subnet.
        subnet: String,
    },
    /// A key that does not go with another.
    #[error("{what} does not go with {with}; {instead}")]
    Conflict {
        /// The key.
        what: &'static str,
        /// The other.
        with: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// Security groups per ENI × rules per group exceeds 1,000.
    #[error(
        "ENI `{eni}` has {groups} security groups and the largest counts {rules} {direction} rules: {groups} x {rules} is more than 1000; use fewer groups or rules (a prefix list counts as its max_entries)"
    )]
    TooManyRules {
        /// The ENI.
        eni: String,
        /// Its groups.
        groups: usize,
        /// Rules of the largest group in that direction.
        rules: usize,
        /// `ingress` or `egress`.
        direction: &'static str,
    },
    /// Too many of something.
    #[error("{what} has {count} {of}; at most {most} are possible")]
    TooMany {
        /// Whose.
        what: String,
        /// How many.
        count: usize,
        /// Of what.
        of: &'static str,
        /// The limit.
        most: usize,
    },
    /// Things of two VPCs mixed.
    #[error("{a} belongs to VPC `{vpc_a}`, but {b} to VPC `{vpc_b}`; both must be of one VPC")]
    VpcMismatch {
        /// One thing.
        a: String,
        /// Its VPC.
        vpc_a: String,
        /// The other.
        b: String,
        /// Its VPC.
        vpc_b: String,
    },
    /// Underlay addresses of two families.
    #[error("underlay address {a} is not of the same family as the card's {b}; one underlay speaks one family")]
    UnderlayFamily {
        /// The address.
        a: String,
        /// The card's.
        b: String,
    },
}
