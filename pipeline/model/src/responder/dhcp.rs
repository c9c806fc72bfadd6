//! DHCPv4 (RFC 2131, RFC 2132): an interface gets its own first IPv4 address, from the gateway of its subnet.
//!
//! There is nothing to lease, since the address is the interface's anyway, so no state is kept. DISCOVER gets an OFFER, REQUEST
//! an ACK, or a NAK if it asks for another address. What gets no answer is dropped: nobody else serves clients. A client's
//! identifier comes back to it (RFC 6842).

use nitro_wire::constants::{GUEST_MTU, ethertype, protocol};
use nitro_wire::control::{Eni, ip_bits, mac_from_bits, mask4};

use super::ethernet;
use crate::bytes::{array, be8, be16, be32, unmap_v4};
use crate::checksum;
use crate::eni::{gateway, resolver, seeks_dhcp};
use crate::parser::Parsed;

/// Seconds for which an address is leased.
const LEASE_SECONDS: u32 = 3600;
/// What the options begin with (RFC 2131, section 3).
const MAGIC: u32 = 0x6382_5363;
/// Bytes of a message before its options, the magic number included.
const FIXED_BYTES: usize = 240;
/// Shortest message (RFC 951: 64 bytes of options).
const MIN_BYTES: usize = 300;
/// Longest datagram of a client that is read.
const MAX_DATAGRAM_BYTES: u16 = 1500;
/// Messages by their number in option 53.
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;

/// What a client's options say.
#[derive(Clone, Copy, Debug, Default)]
struct Options<'a> {
    /// Option 53.
    message: Option<u8>,
    /// Option 50.
    requested: Option<u32>,
    /// Option 54.
    server: Option<u32>,
    /// Option 61.
    client: Option<&'a [u8]>,
}

/// The answer to a frame that is a DHCP message to 255.255.255.255 or to the gateway, if it gets one.
#[must_use]
pub fn reply(eni: &Eni, gateway_mac: [u8; 6], parsed: &Parsed, frame: &[u8]) -> Option<Vec<u8>> {
    if !seeks_dhcp(eni, parsed) || parsed.ip_length > MAX_DATAGRAM_BYTES {
        return None;
    }
    let start = parsed.ethernet_bytes() + 28;
    let message = frame.get(start..start + usize::from(parsed.udp_length).checked_sub(8)?)?;
    // A request of a client, with an Ethernet address, through no relay.
    if message.len() < FIXED_BYTES
        || message[..3] != [1, 1, 6]
        || be32(message, 24)? != 0
        || be32(message, 236)? != MAGIC
    {
        return None;
    }
    let options = read(&message[FIXED_BYTES..])?;
    let server = gateway(eni, false).and_then(unmap_v4)?;
    let own = eni.ips.iter().find_map(|ip| unmap_v4(ip_bits(*ip)))?;
    let client = be32(message, 12)?;
    let kind = match options.message? {
        DISCOVER => OFFER,
        // A client that selected another server tells that one.
        REQUEST if options.server.is_some_and(|selected| selected != server) => return None,
        REQUEST if options.requested.or((client != 0).then_some(client))? == own => ACK,
        REQUEST => NAK,
        _ => return None,
    };

    let refused = kind == NAK;
    let broadcast = be16(message, 10)? & 0x8000 != 0;
    // RFC 2131, section 4.1: where the client can hear the answer.
    let destination = match () {
        () if refused => u32::MAX,
        () if client != 0 => client,
        () if broadcast => u32::MAX,
        () => own,
    };
    let mut answer = vec![2, 1, 6, 0];
    answer.extend(array::<4>(message, 4)?); // Transaction.
    answer.extend([0, 0]);
    answer.extend(array::<2>(message, 10)?); // Flags.
    answer.extend(if kind == ACK { client } else { 0 }.to_be_bytes());
    answer.extend(if refused { 0 } else { own }.to_be_bytes());
    answer.extend([0; 8]); // No next server, no relay.
    answer.extend(array::<16>(message, 28)?); // Hardware address.
    answer.resize(FIXED_BYTES - 4, 0);
    answer.extend(MAGIC.to_be_bytes());
    answer.extend([53, 1, kind]);
    let mut option = |number: u8, value: u32| {
        answer.extend([number, 4]);
        answer.extend(value.to_be_bytes());
    };
    option(54, server);
    if !refused {
        let (base, length) = eni.subnet4?;
        option(51, LEASE_SECONDS);
        option(1, mask4(length));
        option(3, server);
        option(6, resolver(eni, false).and_then(unmap_v4)?);
        option(28, base.to_bits() | !mask4(length));
        answer.extend([26, 2]);
        answer.extend(GUEST_MTU.to_be_bytes());
    }
    if let Some(client) = options.client {
        answer.extend([61, u8::try_from(client.len()).ok()?]);
        answer.extend(client);
    }
    answer.push(255);
    answer.resize(MIN_BYTES.max(answer.len()), 0);

    let mac = if destination == u32::MAX { [0xff; 6] } else { mac_from_bits(parsed.src_mac) };
    let mut reply = ethernet(parsed, mac, gateway_mac, ethertype::IPV4);
    reply.extend(headers(server, destination, answer.len()));
    reply.extend(answer);
    Some(reply)
}

/// Reads the options behind the magic number; none if one is not well-formed. Those in the fields for names (option 52) are not
/// looked for: a client has no need of them.
fn read(mut bytes: &[u8]) -> Option<Options<'_>> {
    let mut options = Options::default();
    loop {
        match *bytes.first()? {
            255 => return Some(options),
            0 => bytes = &bytes[1..],
            number => {
                let length = usize::from(be8(bytes, 1)?);
                let value = bytes.get(2..2 + length)?;
                match (number, length) {
                    (53, 1) => options.message = Some(value[0]),
                    (50, 4) => options.requested = be32(value, 0),
                    (54, 4) => options.server = be32(value, 0),
                    (50 | 53 | 54, _) => return None,
                    (61, _) => options.client = Some(value),
                    _ => {}
                }
                bytes = &bytes[2 + length..];
            }
        }
    }
}

/// IPv4 and UDP headers of an answer. Without a UDP checksum (RFC 768): IPv4's own covers the addresses, Ethernet's the rest.
fn headers(source: u32, destination: u32, length: usize) -> Vec<u8> {
    let udp_length = u16::try_from(length + 8).unwrap_or(u16::MAX);
    let mut header = vec![0x45, 0];
    header.extend(udp_length.saturating_add(20).to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, protocol::UDP, 0, 0]);
    header.extend(source.to_be_bytes());
    header.extend(destination.to_be_bytes());
    let sum = checksum::checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend([0, 67, 0, 68]);
    header.extend(udp_length.to_be_bytes());
    header.extend([0, 0]);
    header
}
