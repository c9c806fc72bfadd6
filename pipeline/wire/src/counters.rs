//! Indexes and names of the card's counters.
//!
//! Each path (bank) has 64 counters of packets and bytes, 64 bits each. Always `received = passed + replied + all drops +
//! held`. Frames that the card makes besides (`made`) are in none of these: what enters and what is made is what leaves
//! (`passed + replied + made`), is dropped or held.
//!
//! Each interface has the counters of [`EniCounter`] besides, 64 bits each: what it lost because of its allowances, on both paths.

use serde::{Deserialize, Serialize};

use crate::reason::DropReason;

/// Counters in a bank.
pub const COUNT: usize = 64;
/// Index of the frames that were forwarded (tx) or delivered (rx). Drops are counted at their reason's code.
pub const PASSED: u8 = 0;
/// Index of the frames that the card made for a frame that it dropped; their own bytes are counted.
pub const MADE: u8 = 61;
/// Index of the frames that the card answered.
pub const REPLIED: u8 = 62;
/// Index of the frames that entered.
pub const RECEIVED: u8 = 63;

/// Largest number of bytes that one frame counts for; longer ones (which are dropped as `oversize`) count as this.
pub const MAX_COUNTED_BYTES: u64 = 16_383;

/// A path's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Bank {
    /// From guests to the underlay.
    Tx = 0,
    /// From the underlay to guests.
    Rx = 1,
}

impl Bank {
    /// Both banks.
    pub const ALL: [Self; 2] = [Self::Tx, Self::Rx];

    /// The bank's name, first part of its counters' names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Rx => "rx",
        }
    }
}

/// Name of the counter at an index; none for indexes not in use.
#[must_use]
pub fn name(index: u8) -> Option<&'static str> {
    match index {
        PASSED => Some("passed"),
        MADE => Some("made"),
        REPLIED => Some("replied"),
        RECEIVED => Some("received"),
        code => DropReason::from_code(code).map(DropReason::name),
    }
}

/// All counters in use: index and name, in ascending order.
pub fn all() -> impl Iterator<Item = (u8, &'static str)> {
    (0..=RECEIVED).filter_map(|index| name(index).map(|name| (index, name)))
}

/// Value of the register `COUNTER_SELECT` that takes a snapshot of this counter.
#[must_use]
pub const fn select(bank: Bank, index: u8) -> u32 {
    (bank as u32) << 8 | (index & 0x3f) as u32
}

/// A counter of an interface, under the name that the public driver of such cards has for it (`ethtool -S`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EniCounter {
    /// Packets dropped over the inbound bandwidth allowance.
    BwInAllowanceExceeded = 0,
    /// Packets dropped over the outbound bandwidth allowance.
    BwOutAllowanceExceeded = 1,
    /// Packets dropped over the packet rate allowance.
    PpsAllowanceExceeded = 2,
    /// Packets dropped because the interface tracks as many connections as it may.
    ConntrackAllowanceExceeded = 3,
    /// Packets dropped over the packet rate to link-local services.
    LinklocalAllowanceExceeded = 4,
    /// Connections that may yet be tracked: a gauge.
    ConntrackAllowanceAvailable = 5,
}

impl EniCounter {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BwInAllowanceExceeded,
        Self::BwOutAllowanceExceeded,
        Self::PpsAllowanceExceeded,
        Self::ConntrackAllowanceExceeded,
        Self::LinklocalAllowanceExceeded,
        Self::ConntrackAllowanceAvailable,
    ];

    /// Its index in `COUNTER_SELECT`.
    #[must_use]
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The drop reason whose packets it counts; none for the gauge.
    #[must_use]
    pub const fn reason(self) -> Option<DropReason> {
        match self {
            Self::BwInAllowanceExceeded => Some(DropReason::BwInAllowanceExceeded),
            Self::BwOutAllowanceExceeded => Some(DropReason::BwOutAllowanceExceeded),
            Self::PpsAllowanceExceeded => Some(DropReason::PpsAllowanceExceeded),
            Self::ConntrackAllowanceExceeded => Some(DropReason::ConntrackAllowanceExceeded),
            Self::LinklocalAllowanceExceeded => Some(DropReason::LinklocalAllowanceExceeded),
            Self::ConntrackAllowanceAvailable => None,
        }
    }

    /// The counter of a drop reason, if there is one.
    #[must_use]
    pub fn of(reason: DropReason) -> Option<Self> {
        Self::ALL.into_iter().find(|counter| counter.reason() == Some(reason))
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.reason() {
            Some(reason) => reason.name(),
            None => "conntrack_allowance_available",
        }
    }
}

/// Value of the register `COUNTER_SELECT` that takes a snapshot of this counter of an interface.
#[must_use]
pub const fn select_eni(eni: u8, counter: EniCounter) -> u32 {
    (eni as u32) << 16 | 1 << 9 | counter.index() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::COUNTER_SELECT;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let names: Vec<_> = all().collect();
        assert_eq!(names.len(), DropReason::ALL.len() + 4);
        assert_eq!(names[0], (0, "passed"));
        assert!(DropReason::ALL.iter().all(|reason| names.contains(&(reason.code(), reason.name()))));
        assert_eq!(select(Bank::Rx, RECEIVED), 0x13f);
    }

    #[test]
    fn counters_of_interfaces_are_those_of_their_reasons() {
        for (index, counter) in (0..).zip(EniCounter::ALL) {
            assert_eq!(counter.index(), index);
            assert_eq!(counter.reason().map_or(Some(counter), EniCounter::of), Some(counter));
        }
        assert_eq!(EniCounter::of(DropReason::ConntrackFull), None);
        let field = |name, value| COUNTER_SELECT.field(name).map_or(0, |field| field.put(value));
        let word = field("eni", 3) | field("of_eni", 1) | field("index", 5);
        assert_eq!(select_eni(3, EniCounter::ConntrackAllowanceAvailable), word);
    }
}
