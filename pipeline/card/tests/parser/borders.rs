//! Frames at the borders of what the parser accepts, with the reason that the contract gives them.

use nitro_model::checksum::{checksum, icmpv6_sum};
use nitro_wire::DropReason::{self, *};

const TCP: u8 = 6;
const UDP: u8 = 17;
const NO_NEXT: u8 = 59;

fn ethernet(tagged: bool, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if tagged {
        frame.extend([0x81, 0, 0x20, 0x05]);
    }
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 datagram with a right checksum.
fn ipv4(options: &[u8], protocol: u8, flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + options.len() + payload.len()).unwrap();
    let ihl = 0x45 + u8::try_from(options.len() / 4).unwrap();
    let mut bytes = vec![ihl, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0xab, 0xcd]);
    bytes.extend(flags_and_offset.to_be_bytes());
    bytes.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(options);
    let sum = checksum(&bytes);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// An IPv6 datagram: what follows the fixed header, and how much of that the length field owns to.
fn ipv6(next_header: u8, payload: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
    bytes.extend([next_header, 255]);
    bytes.extend([0x20; 16]);
    bytes.extend([0x30; 16]);
    bytes.extend(payload);
    bytes
}

/// Destination options headers of so many units of 8 bytes each, then the payload.
fn extensions(units: &[u8], upper: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, &unit) in units.iter().enumerate() {
        bytes.extend([if index + 1 == units.len() { upper } else { 60 }, unit - 1]);
        bytes.extend(vec![1; 8 * usize::from(unit) - 2]);
    }
    bytes.extend(payload);
    bytes
}

fn walked(tagged: bool, units: &[u8], upper: u8, payload: &[u8]) -> Vec<u8> {
    let bytes = extensions(units, upper, payload);
    ethernet(tagged, 0x86dd, &ipv6(60, &bytes, bytes.len()))
}

fn tcp(data_offset: u8, bytes: usize) -> Vec<u8> {
    let mut segment = vec![0; bytes];
    segment[..4].copy_from_slice(&[0x12, 0x34, 0, 80]);
    if let Some(byte) = segment.get_mut(12) {
        *byte = data_offset << 4;
    }
    if let Some(byte) = segment.get_mut(13) {
        *byte = 0x12;
    }
    segment
}

fn udp(length: u16, bytes: usize) -> Vec<u8> {
    let mut datagram = vec![0x11; bytes];
    datagram[4..6].copy_from_slice(&length.to_be_bytes());
    datagram
}

/// A router solicitation with options of nonce type, so many bytes in all.
fn solicitation(bytes: usize) -> Vec<u8> {
    let mut message = vec![133, 0, 0, 0, 0, 0, 0, 0];
    while message.len() < bytes {
        message.extend([14, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    }
    let sum = !icmpv6_sum(u128::from_be_bytes([0x20; 16]), u128::from_be_bytes([0x30; 16]), &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ethernet(false, 0x86dd, &ipv6(58, &message, message.len()))
}

/// Name, frame, reason.
pub type Border = (&'static str, Vec<u8>, Option<DropReason>);

/// Frames whose verdict the reason alone tells.
pub fn borders() -> Vec<Border> {
    let v4 = |datagram: &[u8]| ethernet(false, 0x0800, datagram);
    let cut = |mut frame: Vec<u8>, bytes: usize| {
        frame.truncate(bytes);
        frame
    };
    let mut bad_sum = v4(&ipv4(&[], UDP, 0, &udp(8, 8)));
    bad_sum[24] ^= 0x80;
    let fragment = |offset: u16, payload: &[u8]| v4(&ipv4(&[], TCP, offset, payload));
    // The fragment header of IPv6: offset 1, in the datagram's last 8 bytes.
    let mut later_fragment_at_end = extensions(&[11], 44, &[NO_NEXT, 0, 0, 8, 0, 0, 0, 9]);
    later_fragment_at_end[0] = 44;
    let later_fragment = ipv6(60, &later_fragment_at_end, later_fragment_at_end.len());
    let overrun = extensions(&[2], TCP, &[]);
    vec![
        ("ethernet header cut", cut(v4(&[]), 13), Some(Truncated)),
        ("ethernet header alone", v4(&[]), Some(Truncated)),
        ("tag cut", cut(ethernet(true, 0x0800, &[]), 17), Some(Truncated)),
        ("unknown type and no tag needs 14 bytes", ethernet(false, 0x88cc, &[]), Some(UnknownEthertype)),
        ("two tags", ethernet(true, 0x8100, &[0; 40]), Some(UnknownEthertype)),
        ("802.3 length", ethernet(false, 46, &[0; 46]), Some(UnknownEthertype)),
        ("ARP of 27 bytes", ethernet(false, 0x0806, &[0; 27]), Some(Truncated)),
        ("ARP of 28 bytes", ethernet(true, 0x0806, &[0; 28]), None),
        ("IPv4 of 19 bytes", cut(v4(&ipv4(&[], NO_NEXT, 0, &[])), 33), Some(Truncated)),
        ("IPv4 of 20 bytes", v4(&ipv4(&[], NO_NEXT, 0, &[])), None),
        ("IPv6 of 39 bytes", cut(ethernet(false, 0x86dd, &ipv6(NO_NEXT, &[], 0)), 53), Some(Truncated)),
        ("IPv6 of 40 bytes", ethernet(false, 0x86dd, &ipv6(NO_NEXT, &[], 0)), None),
        ("IPv6 under the type of IPv4", v4(&ipv6(NO_NEXT, &[], 0)), Some(BadIpVersion)),
        ("IPv6 longer than its frame", ethernet(false, 0x86dd, &ipv6(NO_NEXT, &[], 1)), Some(BadIpTotalLength)),
        ("the longest IPv6 length", ethernet(false, 0x86dd, &ipv6(NO_NEXT, &[], 0xffff)), Some(BadIpTotalLength)),
        ("IPv4 checksum of one bit less", bad_sum, Some(BadIpChecksum)),
        // The sum of 30 words of ones carries more than once.
        ("IPv4 options of all ones", v4(&ipv4(&[0xff; 40], NO_NEXT, 0, &[])), None),
        ("IPv4 options of zeros", v4(&ipv4(&[0; 40], NO_NEXT, 0, &[])), None),
        ("6 extension headers", walked(false, &[1; 6], TCP, &tcp(5, 20)), None),
        ("7 extension headers", walked(false, &[1; 7], TCP, &tcp(5, 20)), Some(TooManyHeaders)),
        (
            "7 extension headers, the last of 7 bytes",
            {
                let bytes = extensions(&[1; 7], TCP, &[]);
                ethernet(false, 0x86dd, &ipv6(60, &bytes, 55))
            },
            Some(TruncatedL4),
        ),
        ("upper layer at the last place", walked(false, &[11], TCP, &tcp(5, 20)), None),
        ("upper layer beyond the last place", walked(false, &[12], TCP, &tcp(5, 20)), Some(TooManyHeaders)),
        ("upper layer at the last place, tagged", walked(true, &[4, 6], UDP, &udp(8, 8)), None),
        ("upper layer beyond the last place, tagged", walked(true, &[4, 7], UDP, &udp(8, 8)), Some(TooManyHeaders)),
        ("7 bytes beyond the last place", walked(false, &[12], NO_NEXT, &[0; 7]), None),
        ("extension header beyond the last place", walked(false, &[12, 1], NO_NEXT, &[]), Some(TooManyHeaders)),
        ("extension header of 256 units", walked(false, &[255, 1], NO_NEXT, &[]), Some(TooManyHeaders)),
        ("extension header announced at the end", walked(false, &[1], 60, &[]), Some(TruncatedL4)),
        (
            "extension header longer than the datagram",
            ethernet(false, 0x86dd, &ipv6(60, &overrun, 15)),
            Some(TruncatedL4),
        ),
        ("later fragment at the last place", ethernet(false, 0x86dd, &later_fragment), None),
        ("fragment at 8 bytes", fragment(1, &[0; 24]), Some(FragmentOverlap)),
        ("fragment at 16 bytes", fragment(2, &[0; 24]), Some(FragmentOverlap)),
        ("fragment at 24 bytes", fragment(3, &[0; 24]), None),
        ("first fragment of 16 bytes", fragment(0x2000, &tcp(5, 16)), Some(TruncatedL4)),
        ("TCP of 19 bytes", fragment(0, &tcp(5, 19)), Some(TruncatedL4)),
        ("TCP with a header of 4 words", fragment(0, &tcp(4, 20)), Some(BadL4Header)),
        ("TCP header longer than the datagram", fragment(0, &tcp(6, 23)), Some(BadL4Header)),
        ("TCP header as long as the datagram", fragment(0, &tcp(15, 60)), None),
        ("UDP of 7 bytes", v4(&ipv4(&[], UDP, 0, &udp(7, 7))), Some(TruncatedL4)),
        ("UDP length of 7", v4(&ipv4(&[], UDP, 0, &udp(7, 8))), Some(BadL4Header)),
        ("UDP longer than the datagram", v4(&ipv4(&[], UDP, 0, &udp(9, 8))), Some(BadL4Header)),
        ("UDP shorter than the datagram", v4(&ipv4(&[], UDP, 0, &udp(8, 9))), None),
        ("first fragment of longer UDP", v4(&ipv4(&[], UDP, 0x2000, &udp(0xffff, 8))), None),
        ("ICMP of 7 bytes", v4(&ipv4(&[], 1, 0, &[8; 7])), Some(TruncatedL4)),
        ("ICMPv6 in IPv4 is any protocol", v4(&ipv4(&[], 58, 0, &[])), None),
        ("solicitation of 72 bytes", solicitation(72), None),
        ("solicitation of 80 bytes", solicitation(80), None),
    ]
}
