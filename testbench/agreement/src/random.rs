//! The generator behind every stimulus: SplitMix64 (Steele, Lea, Flood 2014), so that a seed means the same everywhere.

/// A seeded source of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The remainder is below a `usize`; the bias does not matter to a stimulus.
        usize::try_from(self.word() % bound as u64).unwrap_or(0)
    }

    /// True in `numerator` of 256 cases.
    pub(crate) fn chance(&mut self, numerator: u64) -> bool {
        self.word() >> 56 < numerator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.word(), 6_457_827_717_110_365_317);
        assert_eq!(random.word(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn chances_are_kept() {
        let mut random = Random::new(7);
        let hits = (0..10_000).filter(|_| random.chance(64)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
        assert!(!random.chance(0) && random.chance(256));
    }
}
