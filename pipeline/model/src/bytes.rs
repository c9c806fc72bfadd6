//! Big-endian numbers at places of a packet; none where the packet ends before.

/// `N` bytes from a place on.
#[must_use]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// One byte.
#[must_use]
pub fn be8(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// A 16-bit number.
#[must_use]
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// A 32-bit number.
#[must_use]
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// A 64-bit number.
#[must_use]
pub fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// An IPv6 address.
#[must_use]
pub fn ipv6(bytes: &[u8], at: usize) -> Option<u128> {
    array(bytes, at).map(u128::from_be_bytes)
}

/// An IPv4 address, as v4-mapped IPv6 address.
#[must_use]
pub fn ipv4(bytes: &[u8], at: usize) -> Option<u128> {
    be32(bytes, at).map(v4_mapped)
}

/// A MAC.
#[must_use]
pub fn mac(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(nitro_wire::control::mac_bits)
}

/// An IPv4 address as v4-mapped IPv6 address (RFC 4291, section 2.5.5.2).
#[must_use]
pub fn v4_mapped(address: u32) -> u128 {
    0xffff_0000_0000 | u128::from(address)
}

/// The IPv4 address of a v4-mapped one, none for others.
#[must_use]
pub fn unmap_v4(address: u128) -> Option<u32> {
    let low = u32::try_from(address & 0xffff_ffff).ok()?;
    (address >> 32 == 0xffff).then_some(low)
}
