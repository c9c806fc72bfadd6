//! Indexes and names of the card's counters.
//!
//! Each path (bank) has 64 counters of packets and bytes, 64 bits each. Always `received = passed + replied + all drops +
//! held`. Frames that the card makes besides (`made`) are in none of these: what enters and what is made is what leaves
//! (`passed + replied + made`), is dropped or held.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let names: Vec<_> = all().collect();
        assert_eq!(names.len(), DropReason::ALL.len() + 4);
        assert_eq!(names[0], (0, "passed"));
        assert!(DropReason::ALL.iter().all(|reason| names.contains(&(reason.code(), reason.name()))));
        assert_eq!(select(Bank::Rx, RECEIVED), 0x13f);
    }
}
