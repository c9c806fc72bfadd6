//! Between lanes and slices: the transposition of 64 × 64 bits.

/// Makes bit `i` of word `j` bit `j` of word `i`.
#[inline(always)]
pub(super) fn transpose(words: &mut [u64; 64]) {
    // Blocks of bits beside the diagonal swap: 32 × 32, then 16 × 16 in each quarter, and so on.
    stage::<32>(words, 0x0000_0000_ffff_ffff);
    stage::<16>(words, 0x0000_ffff_0000_ffff);
    stage::<8>(words, 0x00ff_00ff_00ff_00ff);
    for vector in words.as_chunks_mut().0 {
        exchange::<4>(vector, 0x0f0f_0f0f_0f0f_0f0f);
        exchange::<2>(vector, 0x3333_3333_3333_3333);
        exchange::<1>(vector, 0x5555_5555_5555_5555);
    }
}

/// Blocks of at least a vector of words.
#[inline(always)]
fn stage<const SIZE: usize>(words: &mut [u64; 64], mask: u64) {
    for block in words.chunks_exact_mut(2 * SIZE) {
        let (low, high) = block.split_at_mut(SIZE);
        for (low, high) in low.iter_mut().zip(high) {
            let swapped = ((*low >> SIZE) ^ *high) & mask;
            *high ^= swapped;
            *low ^= swapped << SIZE;
        }
    }
}

/// Blocks within a vector of words.
#[inline(always)]
fn exchange<const SIZE: usize>(words: &mut [u64; 8], mask: u64) {
    let old = *words;
    let others: [u64; 8] = std::array::from_fn(|index| old[index ^ SIZE]);
    let low: [u64; 8] = std::array::from_fn(|index| (old[index] & mask) | ((others[index] << SIZE) & !mask));
    let high: [u64; 8] = std::array::from_fn(|index| (old[index] & !mask) | ((others[index] >> SIZE) & mask));
    *words = std::array::from_fn(|index| if index & SIZE == 0 { low[index] } else { high[index] });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn rows_become_columns() {
        let mut random = Random::new(1);
        let words: [u64; 64] = std::array::from_fn(|_| random.word());
        let mut transposed = words;
        transpose(&mut transposed);
        for (row, word) in words.iter().enumerate() {
            for (column, other) in transposed.iter().enumerate() {
                assert_eq!(word >> column & 1, other >> row & 1);
            }
        }
    }
}
