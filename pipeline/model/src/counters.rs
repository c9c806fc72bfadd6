//! Counters with the hardware's names and indexes.

use std::collections::HashMap;

use nitro_wire::DropReason;
use nitro_wire::counters::{Bank, COUNT, EniCounter, MADE, MAX_COUNTED_BYTES, PASSED, RECEIVED, REPLIED, all};

use crate::model::Verdict;

/// A counter's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes, of the frames as they entered (`made`: as they left); at most [`MAX_COUNTED_BYTES`] each.
    pub bytes: u64,
}

/// All counters of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    banks: [[Count; COUNT]; 2],
    /// Packets that interfaces lost because of their allowances, if there were any.
    enis: HashMap<(u8, EniCounter), u64>,
}

impl Default for Counters {
    fn default() -> Self {
        Self { banks: [[Count::default(); COUNT]; 2], enis: HashMap::new() }
    }
}

impl Counters {
    /// A counter's value; 0 for indexes not in use.
    #[must_use]
    pub fn get(&self, bank: Bank, index: u8) -> Count {
        self.banks[bank as usize].get(usize::from(index)).copied().unwrap_or_default()
    }

    /// All counters in use: bank, name, value.
    pub fn iter(&self) -> impl Iterator<Item = (Bank, &'static str, Count)> + '_ {
        Bank::ALL.into_iter().flat_map(move |bank| all().map(move |(index, name)| (bank, name, self.get(bank, index))))
    }

    /// A counter of an interface; 0 for the gauge, which [`Model::eni_counter`](crate::Model::eni_counter) knows.
    #[must_use]
    pub fn of_eni(&self, eni: u8, counter: EniCounter) -> u64 {
        self.enis.get(&(eni, counter)).copied().unwrap_or(0)
    }

    /// Counts a packet that an interface lost, if it is one of its allowances that it was over.
    pub(crate) fn lose(&mut self, eni: u8, reason: DropReason) {
        if let Some(counter) = EniCounter::of(reason) {
            *self.enis.entry((eni, counter)).or_default() += 1;
        }
    }

    /// Counts a frame of `length` bytes and what became of it.
    pub(crate) fn count(&mut self, bank: Bank, verdict: &Verdict, length: usize) {
        let index = match verdict {
            Verdict::Forward(_) | Verdict::Local | Verdict::Deliver { .. } => PASSED,
            Verdict::Reply { .. } => REPLIED,
            Verdict::Drop(reason) | Verdict::Bounce { reason, .. } => reason.code(),
        };
        self.add(bank, RECEIVED, length);
        self.add(bank, index, length);
        if let Verdict::Bounce { frame, .. } = verdict {
            self.add(bank, MADE, frame.len());
        }
    }

    fn add(&mut self, bank: Bank, index: u8, length: usize) {
        let counter = &mut self.banks[bank as usize][usize::from(index)];
        counter.packets += 1;
        counter.bytes += u64::try_from(length).map_or(MAX_COUNTED_BYTES, |length| length.min(MAX_COUNTED_BYTES));
    }
}
