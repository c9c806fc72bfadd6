//! Little-endian multi-word values: `width.div_ceil(64)` words, excess bits zero.

/// Words that a value of `width` bits takes.
pub(crate) fn word_count(width: u32) -> usize {
    width.div_ceil(64) as usize
}

/// The bits of the top word that a value of `width` bits (at least 1) uses.
pub(crate) fn top_mask(width: u32) -> u64 {
    u64::MAX >> ((64 - width % 64) % 64)
}

/// `bits` (0 to 64) ones.
pub(crate) fn low_mask(bits: u32) -> u64 {
    if bits == 0 { 0 } else { u64::MAX >> (64 - bits.min(64)) }
}

/// Word `index` of a value given with any number of words, cut to `width` bits.
pub(crate) fn word_of(value: &[u64], index: usize, width: u32) -> u64 {
    let word = value.get(index).copied().unwrap_or(0);
    match (index + 1).cmp(&word_count(width)) {
        std::cmp::Ordering::Less => word,
        std::cmp::Ordering::Equal => word & top_mask(width),
        std::cmp::Ordering::Greater => 0,
    }
}

/// The value as exactly `word_count(width)` words, excess bits cleared.
pub(crate) fn normalise(value: &[u64], width: u32) -> Vec<u64> {
    (0..word_count(width)).map(|index| word_of(value, index, width)).collect()
}

/// Up to 64 bits of `value` from bit `offset` up; bits beyond its end read as zero.
pub(crate) fn bits_at(value: &[u64], offset: usize, width: usize) -> u64 {
    let (word, shift) = (offset / 64, offset % 64);
    let low = value.get(word).copied().unwrap_or(0) >> shift;
    let high = if shift == 0 { 0 } else { value.get(word + 1).copied().unwrap_or(0) << (64 - shift) };
    (low | high) & if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Ors the low `width` bits of `source` (excess bits zero) into `target` from bit `offset` up.
pub(crate) fn or_bits(target: &mut [u64], offset: usize, source: &[u64], width: usize) {
    let shift = offset % 64;
    for index in 0..width.div_ceil(64) {
        let word = bits_at(source, index * 64, width - index * 64);
        let at = offset / 64 + index;
        if let Some(slot) = target.get_mut(at) {
            *slot |= word << shift;
        }
        if shift != 0
            && let Some(slot) = target.get_mut(at + 1)
        {
            *slot |= word >> (64 - shift);
        }
    }
}

/// An address or index that is known to fit memory; saturates rather than wraps.
pub(crate) fn to_index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Narrows a count that a design never exceeds (columns, instructions).
pub(crate) fn to_u32(value: usize) -> u32 {
    u32::try_from(value).expect("a netlist has fewer than 2^32 values")
}
