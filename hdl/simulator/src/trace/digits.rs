//! Binary digits as text.

/// The binary digits of every byte: most of a trace is wide values.
const DIGITS: [[u8; 8]; 256] = digits();

const fn digits() -> [[u8; 8]; 256] {
    let mut table = [[b'0'; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> (7 - bit) & 1 == 1 {
                table[byte][bit] = b'1';
            }
            bit += 1;
        }
        byte += 1;
    }
    table
}

/// All 64 digits of a word, the most significant first.
#[inline]
pub(super) fn word(word: u64) -> [u8; 64] {
    let mut text = [0; 64];
    for (digits, byte) in text.chunks_exact_mut(8).zip(word.to_be_bytes()) {
        digits.copy_from_slice(&DIGITS[usize::from(byte)]);
    }
    text
}

/// Appends the value without leading zeros: a reader of VCD extends with zeros on the left.
pub(super) fn short(value: &[u64], text: &mut Vec<u8>) {
    let top = value.iter().rposition(|&word| word != 0).unwrap_or(0);
    let zeros = (value[top].leading_zeros() as usize).min(63);
    text.extend_from_slice(&word(value[top])[zeros..]);
    for &lower in value[..top].iter().rev() {
        text.extend_from_slice(&word(lower));
    }
}

/// Appends exactly `width` digits of the value.
pub(super) fn full(value: &[u64], width: u32, text: &mut Vec<u8>) {
    let Some((&top, lower)) = value.split_last() else { return };
    let digits = ((width - 1) % 64 + 1) as usize;
    text.extend_from_slice(&word(top)[64 - digits..]);
    for &lower in lower.iter().rev() {
        text.extend_from_slice(&word(lower));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        write(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let zeros = |count| "0".repeat(count);
        for value in [0, 1, 2, 0x8000_0000_0000_0000, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(text(|text| short(&[value], text)), format!("{value:b}"));
            assert_eq!(text(|text| full(&[value], 64, text)), format!("{value:064b}"));
            assert_eq!(text(|text| short(&[value, 5, 0], text)), format!("101{value:064b}"));
            assert_eq!(text(|text| full(&[value, 5], 70, text)), format!("000101{value:064b}"));
        }
        assert_eq!(text(|text| short(&[0, 0], text)), "0");
        assert_eq!(text(|text| full(&[0, 0], 100, text)), zeros(100));
        assert_eq!(text(|text| full(&[1], 1, text)), "1");
    }
}
