#[inline(always)]
fn add(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}
#[inline(always)]
fn sub(a: u64, b: u64) -> u64 {
    a.wrapping_sub(b)
}
#[inline(always)]
fn mul(a: u64, b: u64) -> u64 {
    a.wrapping_mul(b)
}
#[inline(always)]
fn shl(a: u64, by: u64) -> u64 {
    if by < 64 { a << by } else { 0 }
}
#[inline(always)]
fn shr(a: u64, by: u64) -> u64 {
    if by < 64 { a >> by } else { 0 }
}
#[inline(always)]
fn parity(a: u64) -> u64 {
    (a.count_ones() & 1) as u64
}
fn wide_mul<const N: usize>(a: [u64; N], b: [u64; N]) -> [u64; N] {
    let mut result = [0_u64; N];
    for low in 0..N {
        let mut carry = 0_u64;
        for high in 0..N - low {
            let sum = a[low] as u128 * b[high] as u128 + result[low + high] as u128 + carry as u128;
            result[low + high] = sum as u64;
            carry = (sum >> 64) as u64;
        }
    }
    result
}
fn wide_shl<const N: usize>(a: [u64; N], by: u64) -> [u64; N] {
    let mut result = [0_u64; N];
    if by >= 64 * N as u64 {
        return result;
    }
    let (words, bits) = ((by / 64) as usize, by % 64);
    for index in words..N {
        result[index] = a[index - words] << bits;
        if bits != 0 && index > words {
            result[index] |= a[index - words - 1] >> (64 - bits);
        }
    }
    result
}
fn wide_shr<const N: usize>(a: [u64; N], by: u64) -> [u64; N] {
    let mut result = [0_u64; N];
    if by >= 64 * N as u64 {
        return result;
    }
    let (words, bits) = ((by / 64) as usize, by % 64);
    for index in 0..N - words {
        result[index] = a[index + words] >> bits;
        if bits != 0 && index + words + 1 < N {
            result[index] |= a[index + words + 1] << (64 - bits);
        }
    }
    result
}
/// Writes the groups of bits that `enable` tells.
fn write_groups(entry: &mut [u64], data: &[u64], enable: &[u64], granularity: usize, groups: usize) {
    for group in 0..groups {
        if enable[group / 64] >> (group % 64) & 1 == 0 {
            continue;
        }
        let (mut bit, end) = (group * granularity, (group + 1) * granularity);
        while bit < end {
            let (word, shift) = (bit / 64, bit % 64);
            let count = (64 - shift).min(end - bit);
            let mask = (u64::MAX >> (64 - count)) << shift;
            entry[word] = entry[word] & !mask | data[word] & mask;
            bit += count;
        }
    }
}
