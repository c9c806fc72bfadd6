//! Where software puts the entries of the card's hash tables.
//!
//! A table has four ways of `2^rows_log2` rows; an entry may stand in one row of each way, given by 16-bit slices of the
//! keyed SipHash-1-3 of its key (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). When all
//! four are taken, entries move (cuckoo hashing, Pagh and Rodler 2004): the shortest chain of moves is searched breadth
//! first, and the last entry of the chain moves first, so that no entry is ever missing.

use std::collections::VecDeque;

use siphasher::sip::SipHasher13;

/// Ways of a table.
pub const WAYS: usize = 4;
/// Rows looked at before an insertion is given up.
const MAX_SEARCH: usize = 4096;

/// One row to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowWrite {
    /// Index of the row: `way * rows + row`.
    pub index: u16,
    /// Number of the entry, as given to [`Placement::insert`].
    pub entry: usize,
}

/// The software's picture of one hash table.
#[derive(Clone, Debug)]
pub struct Placement {
    hash_key: [u8; 16],
    rows_log2: u32,
    slots: Vec<Option<usize>>,
    keys: Vec<Vec<u8>>,
}

/// No room for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no row is free for a new entry: the table holds {entries} of {slots}")]
pub struct Full {
    /// Entries in the table.
    pub entries: usize,
    /// Rows of all ways.
    pub slots: usize,
}

impl Placement {
    /// An empty table.
    #[must_use]
    pub fn new(hash_key: [u8; 16], rows_log2: u32) -> Self {
        Self { hash_key, rows_log2, slots: vec![None; WAYS << rows_log2], keys: Vec::new() }
    }

    /// Forgets every entry and gives the rows that held one.
    pub fn clear(&mut self) -> Vec<u16> {
        self.keys.clear();
        let taken = |(slot, entry): (usize, &mut Option<usize>)| entry.take().and_then(|_| u16::try_from(slot).ok());
        self.slots.iter_mut().enumerate().filter_map(taken).collect()
    }

    /// Forgets the entries that `ends` picks, by number; gives how many there are left.
    pub fn forget(&mut self, ends: impl Fn(usize) -> bool) -> usize {
        let mut left = 0;
        for slot in &mut self.slots {
            match slot {
                Some(entry) if ends(*entry) => *slot = None,
                Some(_) => left += 1,
                None => {}
            }
        }
        left
    }

    /// The rows in which a key may stand, one a way. The hardware hashes the key's big-endian bytes, zero-padded at
    /// the end to whole 64-bit words.
    #[must_use]
    pub fn candidates(&self, key: &[u8]) -> [usize; WAYS] {
        let mut message = key.to_vec();
        message.resize(key.len().next_multiple_of(8), 0);
        let hash = SipHasher13::new_with_key(&self.hash_key).hash(&message);
        let mask = (1_u64 << self.rows_log2) - 1;
        std::array::from_fn(|way| {
            let row = usize::try_from(hash >> (16 * way) & mask).unwrap_or(0);
            (way << self.rows_log2) + row
        })
    }

    /// Finds a place for a new key (which must not be in the table yet) and gives it the next entry number.
    /// The writes that make room come first.
    ///
    /// # Errors
    /// If no chain of moves frees a row; the table is as before.
    pub fn insert(&mut self, key: &[u8]) -> Result<Vec<RowWrite>, Full> {
        let entry = self.keys.len();
        // Breadth first over slots: whoever stands in a slot may move to its other three.
        let mut queue: VecDeque<usize> = self.candidates(key).into();
        let mut parents: Vec<(usize, Option<usize>)> = queue.iter().map(|&slot| (slot, None)).collect();
        let mut looked_at = 0;
        while let Some(slot) = queue.pop_front() {
            let this = looked_at;
            looked_at += 1;
            match self.slots[slot] {
                None => {
                    self.keys.push(key.to_vec());
                    return Ok(self.shift(&parents, this, entry));
                }
                Some(occupant) if parents.len() < MAX_SEARCH => {
                    for next in self.candidates(&self.keys[occupant]) {
                        if parents.iter().all(|&(seen, _)| seen != next) {
                            parents.push((next, Some(this)));
                            queue.push_back(next);
                        }
                    }
                }
                Some(_) => {}
            }
        }
        Err(Full { entries: self.keys.len(), slots: self.slots.len() })
    }

    /// Moves each entry on the path to its successor's slot, from the free end back, and puts `entry` at the start.
    fn shift(&mut self, parents: &[(usize, Option<usize>)], free: usize, entry: usize) -> Vec<RowWrite> {
        let mut writes = Vec::new();
        let mut position = free;
        loop {
            let (slot, parent) = parents[position];
            let moved = match parent {
                Some(parent) => self.slots[parents[parent].0],
                None => Some(entry),
            };
            self.slots[slot] = moved;
            if let (Some(moved), Ok(index)) = (moved, u16::try_from(slot)) {
                writes.push(RowWrite { index, entry: moved });
            }
            match parent {
                Some(parent) => position = parent,
                None => return writes,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn fills_to_ninety_percent_and_every_entry_is_always_in_one_of_its_rows() {
        let mut table = Placement::new(*b"0123456789abcdef", 6);
        let mut rows: Vec<Option<usize>> = vec![None; 256];
        let mut keys: Vec<[u8; 8]> = Vec::new();
        for number in 0..230_u64 {
            let key = number.to_be_bytes();
            keys.push(key);
            for write in table.insert(&key).unwrap() {
                rows[usize::from(write.index)] = Some(write.entry);
                for (entry, key) in keys.iter().enumerate().take(keys.len() - 1) {
                    assert!(table.candidates(key).iter().any(|&slot| rows[slot] == Some(entry)), "{entry} was lost");
                }
            }
        }
        for (entry, key) in keys.iter().enumerate() {
            assert_eq!(table.candidates(key).iter().filter(|&&slot| rows[slot] == Some(entry)).count(), 1);
        }
    }

    #[test]
    fn says_when_it_is_full() {
        let mut table = Placement::new([0; 16], 0);
        for number in 0..4_u64 {
            table.insert(&number.to_be_bytes()).unwrap();
        }
        assert_eq!(table.insert(&9_u64.to_be_bytes()), Err(Full { entries: 4, slots: 4 }));
    }
}
