//! The Internet checksum (RFC 1071), computed anew and incrementally (RFC 1624).

/// Ones' complement sum of 16-bit big-endian words; an odd last byte is padded with zero.
#[must_use]
pub fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |&low| u32::from(low)));
    words.fold(0, |sum, word| {
        let sum = u32::from(sum) + word;
        fold(sum)
    })
}

/// Adds the carry above 16 bits back in.
fn fold(sum: u32) -> u16 {
    let [high, low] = [sum >> 16, sum & 0xffff];
    let folded = high + low;
    // A second carry is possible only when `high` is not 0.
    u16::try_from((folded >> 16) + (folded & 0xffff)).unwrap_or(u16::MAX)
}

/// Ones' complement sum of two numbers.
#[must_use]
pub fn add(a: u16, b: u16) -> u16 {
    fold(u32::from(a) + u32::from(b))
}

/// The checksum of a header whose checksum field is 0.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    !sum(bytes)
}

/// The ones' complement sum of an ICMPv6 message and its pseudo header (RFC 8200, section 8.1), 0xffff if the message's
/// checksum is right.
#[must_use]
pub fn icmpv6_sum(source: u128, destination: u128, message: &[u8]) -> u16 {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut pseudo = Vec::with_capacity(40);
    pseudo.extend(source.to_be_bytes());
    pseudo.extend(destination.to_be_bytes());
    pseudo.extend(length.to_be_bytes());
    pseudo.extend(u32::from(nitro_wire::constants::protocol::ICMPV6).to_be_bytes());
    add(sum(&pseudo), sum(message))
}

/// The checksum after a 16-bit word of the header changed (RFC 1624, equation 3).
#[must_use]
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !add(add(!checksum, !old), new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1071_example() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    #[test]
    fn rfc_1624_example() {
        // Section 4: the header word 0x5555 becomes 0x3285 and the checksum 0xdd2f becomes 0x0000, not 0xffff.
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn carries_are_folded_in_full() {
        assert_eq!(sum(&[0xff; 4096]), 0xffff);
        assert_eq!(fold(0x0002_fffd), 0xffff);
        assert_eq!(fold(0x0001_ffff), 0x0001);
    }

    #[test]
    fn incremental_equals_anew_for_every_word() {
        // All values of the changed word against one header; the other words make every sum reachable.
        for new in 0..=u16::MAX {
            let mut header = [0x45, 0x00, 0x00, 0x54, 0x12, 0x34, 0x40, 0x00, 0x40, 0x01];
            let before = checksum(&header);
            let after = update(before, 0x4500, new);
            header[..2].copy_from_slice(&new.to_be_bytes());
            assert_eq!(after, checksum(&header), "{new:#06x}");
        }
    }
}
