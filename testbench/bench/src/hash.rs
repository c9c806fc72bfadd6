//! The hash over all outputs in every clock.
//!
//! Four chains of folded 64 × 64 bit products (the step of wyhash, Wang Yi 2019), one for every fourth word, so that it
//! costs about a clock of the machine a word and much less than any engine takes. It is no cryptographic hash: it
//! finds engines that differ, not adversaries.

const KEYS: [u64; 4] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];

/// A running hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputHash([u64; 4]);

impl Default for OutputHash {
    fn default() -> Self {
        Self(KEYS)
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are used")]
fn fold(state: u64, word: u64, key: u64) -> u64 {
    let product = u128::from(state ^ word) * u128::from(key);
    // The key again: a state that a word cancels must not stay zero.
    (product as u64 ^ (product >> 64) as u64).wrapping_add(key)
}

impl OutputHash {
    /// Takes the outputs of one clock.
    #[inline(always)]
    pub fn add(&mut self, outputs: &[u64]) {
        let (groups, rest) = outputs.as_chunks::<4>();
        for group in groups {
            for ((state, word), key) in self.0.iter_mut().zip(group).zip(KEYS) {
                *state = fold(*state, *word, key);
            }
        }
        for ((state, word), key) in self.0.iter_mut().zip(rest).zip(KEYS) {
            *state = fold(*state, *word, key);
        }
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.iter().zip(KEYS).fold(0, |sum, (state, key)| fold(sum.rotate_left(17), *state, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(clocks: &[&[u64]]) -> u64 {
        let mut hash = OutputHash::default();
        clocks.iter().for_each(|clock| hash.add(clock));
        hash.value()
    }

    #[test]
    fn any_bit_at_any_place_changes_it() {
        let base: Vec<u64> = (0..11).collect();
        let mut seen = std::collections::BTreeSet::from([hash(&[&base, &base])]);
        for word in 0..base.len() {
            for bit in 0..64 {
                let mut other = base.clone();
                other[word] ^= 1 << bit;
                assert!(seen.insert(hash(&[&other, &base])), "word {word} bit {bit} in the first clock");
                assert!(seen.insert(hash(&[&base, &other])), "word {word} bit {bit} in the second clock");
            }
        }
    }

    #[test]
    fn order_and_number_of_clocks_count() {
        assert_ne!(hash(&[&[1], &[2]]), hash(&[&[2], &[1]]));
        assert_ne!(hash(&[&[0]]), hash(&[&[0], &[0]]));
        assert_ne!(hash(&[&[1, 2]]), hash(&[&[2, 1]]));
    }
}
