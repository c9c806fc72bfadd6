//! Rules of security groups as the card takes them: compiled, and put into rows of its memories.
//!
//! [`compile`] makes of an interface's rules in a direction what the card scans. What admits untracked comes first: the card may stop behind
//! it as soon as any rule admits. Rules for addresses come before those for groups, and short prefixes before long ones, since the first that
//! admits ends a scan. What changes nothing is left out: duplicates, and rules that others cover.
//!
//! [`RuleMemory`] is the software's picture of one direction's memory. New rules go to rows that no set has; the sets of all interfaces change
//! at one commit; then the old rows are free. A set's rows are consecutive and may wrap around at the memory's end, so n sets leave
//! at most n gaps: if they have at most m rows each, a memory of 2 · n · m rows always has room for one more. That is why 512 rows do for 16
//! sets of 16 (`line`, 1,000 rules each), and for 2 sets of 125 (`edge`).

use std::collections::HashMap;

use nitro_wire::FormatError;
use nitro_wire::Table;
use nitro_wire::constants::protocol;
use nitro_wire::control::ip_bits;
use nitro_wire::policy::{Direction, EniPolicy, MAX_SECURITY_RULES, Peer, Prefix, Protocol, SecurityRule};

/// Why rules cannot be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityError {
    /// More rules than an interface may have.
    #[error("{rules} {} rules; an interface has at most {MAX_SECURITY_RULES} in a direction", name(.direction))]
    TooManyRules {
        /// Of this direction.
        direction: Direction,
        /// So many.
        rules: usize,
    },
    /// A group that mappings have no bit for.
    #[error("a rule refers to group {0}; mappings have bits for groups 0 to 63")]
    NoSuchGroup(u8),
    /// No consecutive rows.
    #[error(
        "no room for {needed} rows of {} rules: {free} of {rows} are free, at most {longest} of them in one piece",
        name(.direction)
    )]
    NoRoom {
        /// In this direction's memory.
        direction: Direction,
        /// Rows needed.
        needed: usize,
        /// Rows that no set has.
        free: usize,
        /// The most that lie behind each other.
        longest: usize,
        /// All rows.
        rows: usize,
    },
}

fn name(direction: &Direction) -> &'static str {
    match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
}

/// Whom a compiled rule admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Addresses of a prefix, IPv4 as v4-mapped; the length is of 128 bits.
    Prefix(u128, u8),
    /// Members of a group.
    Group(u8),
}

/// A rule as the card keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CompiledRule {
    /// It admits IPv4.
    pub ipv4: bool,
    /// It admits IPv6.
    pub ipv6: bool,
    /// The protocol; none is any.
    pub protocol: Option<u8>,
    /// The selector is the source port.
    pub reply: bool,
    /// What it admits is not tracked.
    pub untracked: bool,
    /// Lowest and highest selector.
    pub selectors: (u16, u16),
    /// The peer.
    pub target: Target,
}

/// All selectors.
const ANY: (u16, u16) = (0, u16::MAX);

impl CompiledRule {
    /// The row that the card takes; none is a place without a rule.
    ///
    /// # Errors
    /// If a value does not fit its field, which none of [`compile`] does.
    pub fn row(rule: Option<&Self>) -> Result<Vec<u32>, FormatError> {
        let Some(rule) = rule else { return Ok(vec![0; Table::SecurityRule.row().words()]) };
        let (address, prefix) = match rule.target {
            Target::Prefix(address, length) => (address, length),
            Target::Group(group) => (u128::from(group), 0),
        };
        Table::SecurityRule.row().pack_words(&[
            ("valid", 1),
            ("ipv4", u128::from(rule.ipv4)),
            ("ipv6", u128::from(rule.ipv6)),
            ("any_protocol", u128::from(rule.protocol.is_none())),
            ("protocol", u128::from(rule.protocol.unwrap_or(0))),
            ("reply", u128::from(rule.reply)),
            ("untracked", u128::from(rule.untracked)),
            ("low", u128::from(rule.selectors.0)),
            ("high", u128::from(rule.selectors.1)),
            ("by_group", u128::from(matches!(rule.target, Target::Group(_)))),
            ("address", address),
            ("prefix", u128::from(prefix)),
        ])
    }

    /// A rule that admits nothing may be left out.
    fn exists(&self) -> bool {
        (self.ipv4 || self.ipv6) && self.selectors.0 <= self.selectors.1
    }

    fn admits(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.ipv4,
            Family::V6 => self.ipv6,
        }
    }

    /// Whatever `other` admits of the family, so does this rule, and untracked if that does.
    fn covers(&self, other: &Self, family: Family) -> bool {
        let selectors = self.selectors == ANY
            || (self.reply == other.reply
                && self.selectors.0 <= other.selectors.0
                && other.selectors.1 <= self.selectors.1);
        let peer = match (self.target, other.target) {
            (Target::Prefix(own, length), Target::Prefix(others, longer)) => {
                length <= longer && (own ^ others).checked_shr(128 - u32::from(length)).unwrap_or(0) == 0
            }
            (Target::Prefix(_, length), Target::Group(_)) => length == family.whole().1,
            (own, others) => own == others,
        };
        self.admits(family)
            && (self.untracked || !other.untracked)
            && (self.protocol.is_none() || self.protocol == other.protocol)
            && selectors
            && peer
    }
}

/// The rules of a direction as the card scans them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// The rules, those that admit untracked first.
    pub rules: Vec<CompiledRule>,
    /// How many do.
    pub untracked: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// All addresses: the prefix and its length.
    fn whole(self) -> (u128, u8) {
        match self {
            Self::V4 => (0xffff << 32, 96),
            Self::V6 => (0, 0),
        }
    }

    fn of(prefix: Prefix) -> Self {
        if prefix.address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// Compiles the rules of an interface in a direction.
///
/// # Errors
/// If there are too many, or one refers to a group without a bit.
pub fn compile(policy: &EniPolicy, direction: Direction) -> Result<Compiled, SecurityError> {
    let (own, opposite) = (policy.rules(direction), policy.rules(direction.opposite()));
    if own.len() > MAX_SECURITY_RULES {
        return Err(SecurityError::TooManyRules { direction, rules: own.len() });
    }
    if let Some(group) = own.iter().find_map(|rule| match rule.peer {
        Peer::Group(group @ 64..) => Some(group),
        _ => None,
    }) {
        return Err(SecurityError::NoSuchGroup(group));
    }
    let mut rules: Vec<CompiledRule> = own.iter().filter(|rule| world(rule).is_none()).map(translate).collect();
    for family in Family::ALL {
        for protocol in [protocol::TCP, protocol::UDP] {
            let (address, length) = family.whole();
            let rule = |reply, untracked, selectors| CompiledRule {
                ipv4: family == Family::V4,
                ipv6: family == Family::V6,
                protocol: Some(protocol),
                reply,
                untracked,
                selectors,
                target: Target::Prefix(address, length),
            };
            let untracked = is_open(opposite, family, protocol);
            rules.extend(world_ports(own, family, protocol).into_iter().map(|ports| rule(false, untracked, ports)));
            if is_open(own, family, protocol) {
                // Replies to what the other direction's rules admit untracked.
                rules.extend(world_ports(opposite, family, protocol).into_iter().map(|ports| rule(true, true, ports)));
            }
        }
    }
    let mut rules = without_covered(&rules);
    rules.sort_by_key(|rule| match rule.target {
        Target::Prefix(_, length) => (!rule.untracked, false, length),
        Target::Group(_) => (!rule.untracked, true, 0),
    });
    let untracked = rules.iter().filter(|rule| rule.untracked).count();
    Ok(Compiled { rules, untracked })
}

/// One rule by itself.
fn translate(rule: &SecurityRule) -> CompiledRule {
    // Type and code are those of ICMP over IPv4 and of ICMPv6 over IPv6 only.
    let message = |message: Option<(u8, Option<u8>)>| {
        message.map(|(kind, code)| {
            let first = u16::from(kind) << 8;
            code.map_or((first, first | 0xff), |code| (first | u16::from(code), first | u16::from(code)))
        })
    };
    let (protocol, selectors, only) = match rule.protocol {
        Protocol::All => (None, ANY, None),
        Protocol::Tcp(low, high) => (Some(protocol::TCP), (low, high), None),
        Protocol::Udp(low, high) => (Some(protocol::UDP), (low, high), None),
        Protocol::Icmp(kind) => (Some(protocol::ICMP), message(kind).unwrap_or(ANY), kind.map(|_| Family::V4)),
        Protocol::Icmpv6(kind) => (Some(protocol::ICMPV6), message(kind).unwrap_or(ANY), kind.map(|_| Family::V6)),
        Protocol::Number(number) => (Some(number), ANY, None),
    };
    let (family, target) = match rule.peer {
        Peer::Prefix(prefix) => {
            let family = Family::of(prefix);
            let length = prefix.length.min(if family == Family::V4 { 32 } else { 128 }) + family.whole().1;
            (Some(family), Target::Prefix(ip_bits(prefix.address), length))
        }
        Peer::Group(group) => (None, Target::Group(group)),
    };
    let admits = |wanted| [family, only].iter().flatten().all(|is| *is == wanted);
    CompiledRule {
        ipv4: admits(Family::V4),
        ipv6: admits(Family::V6),
        protocol,
        reply: false,
        untracked: false,
        selectors,
        target,
    }
}

/// The family, protocol and ports of a TCP or UDP rule for a whole family.
fn world(rule: &SecurityRule) -> Option<(Family, u8, (u16, u16))> {
    let Peer::Prefix(prefix @ Prefix { length: 0, .. }) = rule.peer else { return None };
    match rule.protocol {
        Protocol::Tcp(low, high) => Some((Family::of(prefix), protocol::TCP, (low, high))),
        Protocol::Udp(low, high) => Some((Family::of(prefix), protocol::UDP, (low, high))),
        _ => None,
    }
}

/// The ports that the rules admit for a whole family, as ranges with gaps between them.
fn world_ports(rules: &[SecurityRule], family: Family, protocol: u8) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = rules
        .iter()
        .filter_map(world)
        .filter(|&(is, number, (low, high))| is == family && number == protocol && low <= high)
        .map(|(_, _, ports)| ports)
        .collect();
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    merged
}

/// A rule lets all of the family and protocol, TCP or UDP, pass.
fn is_open(rules: &[SecurityRule], family: Family, protocol: u8) -> bool {
    rules.iter().any(|rule| match (rule.peer, rule.protocol) {
        (Peer::Prefix(prefix @ Prefix { length: 0, .. }), Protocol::All) => Family::of(prefix) == family,
        _ => world(rule) == Some((family, protocol, ANY)),
    })
}

/// The rules without those, or those families of them, that others cover. Of equal ones the first stays.
fn without_covered(rules: &[CompiledRule]) -> Vec<CompiledRule> {
    let stays = |index: usize, family: Family| {
        let rule = &rules[index];
        rule.admits(family)
            && !rules.iter().enumerate().any(|(other, cover)| {
                other != index
                    && cover.exists()
                    && cover.covers(rule, family)
                    && (other < index || !rule.covers(cover, family))
            })
    };
    (0..rules.len())
        .map(|index| CompiledRule { ipv4: stays(index, Family::V4), ipv6: stays(index, Family::V6), ..rules[index] })
        .filter(CompiledRule::exists)
        .collect()
}

/// Rows of a set: consecutive, wrapping around at the memory's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The first.
    pub first: usize,
    /// How many.
    pub count: usize,
}

/// What is to be written for a new set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its rows.
    pub rows: Rows,
    /// Of these, the first ones with rules that admit untracked.
    pub untracked_rows: usize,
    /// Slots whose rules change.
    pub writes: Vec<(usize, Option<CompiledRule>)>,
}

impl Plan {
    /// The set's row.
    ///
    /// # Errors
    /// If a value does not fit its field, which none of [`RuleMemory::plan`] does.
    pub fn set(&self) -> Result<Vec<u32>, FormatError> {
        let number = |value: usize| u128::try_from(value).unwrap_or(u128::MAX);
        Table::SecuritySet.row().pack_words(&[
            ("first", number(self.rows.first)),
            ("rows", number(self.rows.count)),
            ("untracked_rows", number(self.untracked_rows)),
        ])
    }
}

/// The software's picture of one direction's rule memory. After reset it is empty.
#[derive(Clone, Debug)]
pub struct RuleMemory {
    direction: Direction,
    places: usize,
    /// What each slot holds.
    slots: Vec<Option<CompiledRule>>,
    /// Rows that a set has, or has had until all scans of it are over.
    taken: Vec<bool>,
    /// The set of each interface.
    sets: HashMap<u8, Rows>,
}

impl RuleMemory {
    /// An empty memory of `2^rows_log2` rows of `2^places_log2` rules.
    #[must_use]
    pub fn new(direction: Direction, places_log2: u32, rows_log2: u32) -> Self {
        let (places, rows) = (1 << places_log2, 1 << rows_log2);
        Self { direction, places, slots: vec![None; places * rows], taken: vec![false; rows], sets: HashMap::new() }
    }

    /// Rows that no set has.
    #[must_use]
    pub fn free(&self) -> usize {
        self.taken.iter().filter(|taken| !**taken).count()
    }

    /// Takes rows for a new set and tells what is to be written. [`RuleMemory::commit`] or [`RuleMemory::release`] must follow.
    ///
    /// # Errors
    /// If no piece of the memory is long enough.
    pub fn plan(&mut self, compiled: &Compiled) -> Result<Plan, SecurityError> {
        let needed = compiled.rules.len().div_ceil(self.places);
        let rows = self.find(needed)?;
        let mut writes = Vec::new();
        for row in 0..needed {
            let at = (rows.first + row) % self.taken.len();
            self.taken[at] = true;
            for place in 0..self.places {
                let rule = compiled.rules.get(row * self.places + place).copied();
                let slot = at * self.places + place;
                if self.slots[slot] != rule {
                    self.slots[slot] = rule;
                    writes.push((slot, rule));
                }
            }
        }
        Ok(Plan { rows, untracked_rows: compiled.untracked.div_ceil(self.places), writes })
    }

    /// The first piece of free rows that is long enough.
    fn find(&self, needed: usize) -> Result<Rows, SecurityError> {
        let rows = self.taken.len();
        let run = |first: usize| (0..rows).take_while(|row| !self.taken[(first + row) % rows]).count();
        let mut longest = 0;
        for first in 0..rows {
            // A run is looked at from its begin only.
            let begins = first == 0 || self.taken[first - 1];
            let length = if begins { run(first) } else { 0 };
            longest = longest.max(length);
            if length >= needed {
                return Ok(Rows { first, count: needed });
            }
        }
        Err(SecurityError::NoRoom { direction: self.direction, needed, free: self.free(), longest, rows })
    }

    /// The interface has new rows. Those that it had are free once they are [released](RuleMemory::release).
    #[must_use]
    pub fn commit(&mut self, eni: u8, rows: Rows) -> Option<Rows> {
        self.sets.insert(eni, rows)
    }

    /// Nobody reads these rows any more.
    pub fn release(&mut self, rows: Rows) {
        let all = self.taken.len();
        (0..rows.count).for_each(|row| self.taken[(rows.first + row) % all] = false);
    }
}
