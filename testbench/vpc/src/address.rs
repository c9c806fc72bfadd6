//! Parsing of addresses, prefixes, keys and port ranges.

use std::net::IpAddr;
use std::str::FromStr;

use crate::error::Problem;
use crate::types::{Cidr, Mac};

fn malformed(what: &'static str, value: &str, expected: &'static str) -> Problem {
    Problem::Malformed { what, value: value.to_owned(), expected }
}

/// Parses a unicast MAC address.
pub(crate) fn mac(text: &str) -> Result<Mac, Problem> {
    const EXPECTED: &str = "six hexadecimal bytes with colons, unicast and not zero, such as 0a:10:00:00:00:05";
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part =
            parts.next().filter(|part| part.len() == 2).ok_or_else(|| malformed("MAC address", text, EXPECTED))?;
        *byte = u8::from_str_radix(part, 16).map_err(|_| malformed("MAC address", text, EXPECTED))?;
    }
    if parts.next().is_some() || bytes[0] & 1 == 1 || bytes == [0; 6] {
        return Err(malformed("MAC address", text, EXPECTED));
    }
    Ok(bytes)
}

/// Parses an IP address.
pub(crate) fn ip(text: &str) -> Result<IpAddr, Problem> {
    IpAddr::from_str(text)
        .map_err(|_| malformed("IP address", text, "an IPv4 or IPv6 address such as 10.0.0.5 or fd00:10::5"))
}

/// Parses a unicast IP address that a host can have.
pub(crate) fn host_ip(text: &str) -> Result<IpAddr, Problem> {
    let address = ip(text)?;
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if mapped || broadcast || address.is_multicast() || address.is_unspecified() || address.is_loopback() {
        return Err(malformed("host's address", text, "a unicast IPv4 or IPv6 address (IPv4 not as ::ffff:…)"));
    }
    Ok(address)
}

/// Parses a prefix; bits beyond its length must be zero.
pub(crate) fn cidr(text: &str) -> Result<Cidr, Problem> {
    const EXPECTED: &str = "a prefix such as 10.0.0.0/16 or fd00:10::/56 with no bit set beyond its length";
    let error = || malformed("CIDR", text, EXPECTED);
    let (address, length) = text.split_once('/').ok_or_else(error)?;
    let address = IpAddr::from_str(address).map_err(|_| error())?;
    let length = length.parse::<u8>().map_err(|_| error())?;
    Cidr::new(address, length).ok_or_else(error)
}

/// Parses a 128-bit key.
pub(crate) fn key(text: &str) -> Result<[u8; 16], Problem> {
    const EXPECTED: &str = "32 hexadecimal digits";
    let error = || malformed("token key", text, EXPECTED);
    if text.len() != 32 || !text.is_ascii() {
        return Err(error());
    }
    let mut key = [0; 16];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| error())?;
    }
    Ok(key)
}

/// Parses `443` or `1024-65535`.
pub(crate) fn ports(text: &str) -> Result<(u16, u16), Problem> {
    let error = || {
        malformed("port range", text, "a port or a range from the lower to the higher port, such as 443 or 1024-65535")
    };
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let low = low.trim().parse::<u16>().map_err(|_| error())?;
    let high = high.trim().parse::<u16>().map_err(|_| error())?;
    if low > high { Err(error()) } else { Ok((low, high)) }
}
