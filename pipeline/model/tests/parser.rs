//! Stage `parser`: each reason at its border, and the fields of each kind of packet.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use common::*;
use nitro_model::{Parsed, parse};
use nitro_wire::DropReason::{self, *};

/// Parses and states what is expected in one line per case.
fn check(cases: &[(&str, Vec<u8>, Option<DropReason>)]) {
    for (name, frame, reason) in cases {
        assert_eq!(parse(frame).reason, *reason, "{name}");
    }
}

fn frame4(packet: &[u8]) -> Vec<u8> {
    guest4(packet)
}

fn edit(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

/// Sets a byte of an IPv4 header within a frame and makes its checksum right again.
fn edit4(frame: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    let mut frame = edit(frame, 14 + at, value);
    fix_ipv4_checksum(&mut frame, 14);
    frame
}

fn cut(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.truncate(length);
    bytes
}

#[test]
fn ethernet_and_lengths() {
    let packet4 = ipv4(OWN4, FAR4, 17, 0, &udp(&[]));
    let packet6 = ipv6(own6(), far6(), 17, 64, &udp(&[]));
    let good = frame4(&packet4);
    let tag4 = tagged(GATEWAY_MAC, ENI_MAC, 5, 0x0800, &packet4);
    let tag6 = tagged(GATEWAY_MAC, ENI_MAC, 5, 0x86dd, &packet6);
    let arp_frame = ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, PEER4));
    check(&[
        ("empty", vec![], Some(Truncated)),
        ("13 bytes", cut(good.clone(), 13), Some(Truncated)),
        ("header alone, IPv4", cut(good.clone(), 14), Some(Truncated)),
        ("19 bytes of IPv4", cut(good.clone(), 14 + 19), Some(Truncated)),
        ("20 bytes of a longer IPv4 datagram", cut(good.clone(), 14 + 20), Some(BadIpTotalLength)),
        ("39 bytes of IPv6", cut(guest6(&packet6), 14 + 39), Some(Truncated)),
        ("27 bytes of ARP", cut(arp_frame.clone(), 14 + 27), Some(Truncated)),
        ("28 bytes of ARP", arp_frame, None),
        ("tag cut", cut(tag4.clone(), 17), Some(Truncated)),
        ("tag with nothing behind it", cut(tag4.clone(), 18), Some(Truncated)),
        ("tag with an unknown type", tagged(BROADCAST, ENI_MAC, 0, 0x88cc, &[]), Some(UnknownEthertype)),
        ("tagged IPv4", tag4, None),
        ("tagged IPv6", tag6, None),
        ("two tags", tagged(BROADCAST, ENI_MAC, 1, 0x8100, &[0; 60]), Some(UnknownEthertype)),
        ("802.1ad", ethernet(BROADCAST, ENI_MAC, 0x88a8, &[0; 60]), Some(UnknownEthertype)),
        ("802.3 length", ethernet(BROADCAST, ENI_MAC, 0x0026, &[0; 60]), Some(UnknownEthertype)),
        ("padding behind the datagram", [good, vec![0; 18]].concat(), None),
        ("9,216 bytes", frame4(&ipv4(OWN4, FAR4, 17, 0, &udp(&vec![0; 9216 - 42]))), None),
        ("9,217 bytes", frame4(&ipv4(OWN4, FAR4, 17, 0, &udp(&vec![0; 9217 - 42]))), Some(Oversize)),
        ("9,217 bytes of nothing", vec![0; 9217], Some(Oversize)),
    ]);
}

#[test]
fn ipv4_header() {
    let good = frame4(&ipv4(OWN4, FAR4, 17, 0, &udp(b"hello")));
    check(&[
        ("version 6 under IPv4's EtherType", edit4(good.clone(), 0, 0x65), Some(BadIpVersion)),
        ("version before header length", edit(good.clone(), 14, 0x02), Some(BadIpVersion)),
        ("IHL 4", edit(good.clone(), 14, 0x44), Some(BadIpHeaderLength)),
        ("total length under the header", edit4(good.clone(), 3, 19), Some(BadIpTotalLength)),
        ("total length beyond the frame", edit4(good.clone(), 3, 34), Some(BadIpTotalLength)),
        ("total length before checksum", edit(good.clone(), 14 + 3, 34), Some(BadIpTotalLength)),
        ("header length beyond total length", edit(good.clone(), 14, 0x4f), Some(BadIpTotalLength)),
        ("one bit wrong", edit(good.clone(), 14 + 8, 65), Some(BadIpChecksum)),
        ("header alone, another protocol", frame4(&ipv4(OWN4, FAR4, 132, 0, &[])), None),
        ("longest options", frame4(&with_options(ipv4(OWN4, FAR4, 6, 0, &tcp(&[])), &[1; 40])), None),
        ("IPv6 extension numbers are protocols here", frame4(&ipv4(OWN4, FAR4, 43, 0, &[])), None),
    ]);
    // The negative zero: a header that sums to 0xffff with checksum field 0xffff is right too (RFC 1071 arithmetic).
    let mut frame = good;
    frame[14 + 4..14 + 6].copy_from_slice(&[0, 0]);
    fix_ipv4_checksum(&mut frame, 14);
    let sum = u16::from_be_bytes([frame[24], frame[25]]);
    frame[14 + 4..14 + 6].copy_from_slice(&sum.to_be_bytes());
    fix_ipv4_checksum(&mut frame, 14);
    assert_eq!(frame[24..26], [0, 0]);
    assert_eq!(parse(&frame).reason, None);
    frame[24..26].fill(0xff);
    assert_eq!(parse(&frame).reason, None);
}

#[test]
fn ipv6_header() {
    let good = guest6(&ipv6(own6(), far6(), 17, 64, &udp(b"hello")));
    check(&[
        ("version 4 under IPv6's EtherType", edit(good.clone(), 14, 0x45), Some(BadIpVersion)),
        ("payload beyond the frame", edit(good.clone(), 19, 14), Some(BadIpTotalLength)),
        ("payload length 65535", edit(edit(good.clone(), 18, 255), 19, 255), Some(BadIpTotalLength)),
        ("payload length 0 and UDP", edit(good.clone(), 19, 0), Some(TruncatedL4)),
        ("no next header, no payload", guest6(&ipv6(own6(), far6(), 59, 64, &[])), None),
        ("no next header with payload", guest6(&ipv6(own6(), far6(), 59, 64, &[0; 50])), None),
        ("ICMP's number is a protocol here", guest6(&ipv6(own6(), far6(), 1, 64, &[])), None),
    ]);
    let parsed = parse(&good);
    assert!(parsed.dont_fragment && !parsed.ip_options && parsed.has_ports);
    assert_eq!((parsed.ip_length, parsed.hop_limit, parsed.protocol), (53, 64, 17));
}

#[test]
fn extension_headers() {
    let chain = |count: usize, upper: u8, payload: &[u8]| {
        let mut packet = payload.to_vec();
        for index in 0..count {
            let next = if index == 0 { upper } else { 60 };
            packet = extension(next, 1, &packet);
        }
        guest6(&ipv6(own6(), far6(), if count == 0 { upper } else { 60 }, 64, &packet))
    };
    let long = |units: u8, payload: &[u8]| guest6(&ipv6(own6(), far6(), 0, 64, &extension(17, units, payload)));
    let in_order = extension(43, 1, &extension(44, 2, &fragment_header(60, 0, false, &extension(6, 1, &tcp(&[])))));
    check(&[
        ("six", chain(6, 17, &udp(&[])), None),
        ("seven", chain(7, 17, &udp(&[])), Some(TooManyHeaders)),
        ("a seventh that is not there", chain(6, 60, &[]), Some(TruncatedL4)),
        ("hop-by-hop, routing, fragment, destination", guest6(&ipv6(own6(), far6(), 0, 64, &in_order)), None),
        ("first header cut", guest6(&ipv6(own6(), far6(), 0, 64, &[17, 0, 0, 0, 0, 0, 0])), Some(TruncatedL4)),
        (
            "length beyond the datagram",
            guest6(&ipv6(own6(), far6(), 0, 64, &[17, 1, 0, 0, 0, 0, 0, 0])),
            Some(TruncatedL4),
        ),
        ("last place in the window", long(11, &udp(b"12345678")), None),
        ("beyond the window", long(12, &udp(b"12345678")), Some(TooManyHeaders)),
        ("beyond the window, but less than 8 bytes", long(12, &[0; 7]), Some(TruncatedL4)),
        ("longest header", long(255, &udp(&[])), Some(TooManyHeaders)),
        (
            "later fragment far behind",
            {
                let far = extension(44, 10, &fragment_header(17, 9, false, &[0; 64]));
                guest6(&ipv6(own6(), far6(), 0, 64, &far))
            },
            None,
        ),
    ]);
    let parsed = parse(&chain(6, 17, &udp(&[])));
    assert!(parsed.ip_options && parsed.has_ports);
    assert_eq!((parsed.protocol, parsed.src_port, parsed.dst_port, parsed.udp_length), (17, 1234, 53, 8));
}

#[test]
fn fragments() {
    let more = 0x2000;
    let v6 = |offset: u16, more: bool, next: u8, payload: &[u8]| {
        guest6(&ipv6(own6(), far6(), 44, 64, &fragment_header(next, offset, more, payload)))
    };
    check(&[
        ("tiny first fragment of TCP (RFC 1858)", frame4(&ipv4(OWN4, FAR4, 6, more, &[0; 16])), Some(TruncatedL4)),
        ("overlap at 8 bytes", frame4(&ipv4(OWN4, FAR4, 6, 1, &[0; 64])), Some(FragmentOverlap)),
        ("overlap at 16 bytes", frame4(&ipv4(OWN4, FAR4, 6, more | 2, &[0; 64])), Some(FragmentOverlap)),
        ("24 bytes", frame4(&ipv4(OWN4, FAR4, 6, 3, &[0; 64])), None),
        ("UDP at 8 bytes", frame4(&ipv4(OWN4, FAR4, 17, 1, &[0; 64])), None),
        ("first of UDP, length of the whole", frame4(&ipv4(OWN4, FAR4, 17, more, &udp(&[0; 64])[..40])), None),
        ("UDP cut without MF", frame4(&ipv4(OWN4, FAR4, 17, 0, &udp(&[0; 64])[..40])), Some(BadL4Header)),
        ("later fragment, empty", frame4(&ipv4(OWN4, FAR4, 17, 100, &[])), None),
        ("IPv6 overlap", v6(1, false, 6, &[0; 32]), Some(FragmentOverlap)),
        ("IPv6 later", v6(3, false, 6, &[0; 32]), None),
        ("IPv6 later, an extension's number is data's", v6(3, false, 60, &[255; 32]), None),
        ("IPv6 first, tiny", v6(0, true, 6, &[0; 8]), Some(TruncatedL4)),
        ("IPv6 first of UDP", v6(0, true, 17, &udp(&[0; 64])[..40]), None),
    ]);
    let parsed = parse(&frame4(&ipv4(OWN4, FAR4, 17, more | 185, &[0; 8])));
    assert!(parsed.more_fragments && !parsed.has_ports);
    assert_eq!((parsed.fragment_offset, parsed.fragment_id, parsed.src_port), (185, 0x1234, 0));
    let parsed = parse(&v6(0, true, 17, &udp(&[0; 64])[..40]));
    assert!(parsed.more_fragments && parsed.has_ports && parsed.ip_options);
    assert_eq!((parsed.fragment_offset, parsed.fragment_id, parsed.protocol), (0, 0xdead_beef, 17));
    // Two fragment headers: the last decides.
    let twice = fragment_header(44, 0, true, &fragment_header(6, 7, false, &[0; 8]));
    let parsed = parse(&guest6(&ipv6(own6(), far6(), 44, 64, &twice)));
    assert_eq!((parsed.reason, parsed.fragment_offset, parsed.more_fragments), (None, 7, false));
}

#[test]
fn upper_layers() {
    let v4 = |protocol, payload: &[u8]| frame4(&ipv4(OWN4, FAR4, protocol, 0, payload));
    let offset = |words: u8, length: usize| {
        let mut segment = tcp(&[0; 40]);
        segment[12] = words << 4;
        segment.truncate(length);
        v4(6, &segment)
    };
    let udp_length = |length: u16, bytes: usize| {
        let mut datagram = udp(&[0; 16]);
        datagram[4..6].copy_from_slice(&length.to_be_bytes());
        datagram.truncate(bytes);
        v4(17, &datagram)
    };
    check(&[
        ("TCP, 19 bytes", v4(6, &tcp(&[])[..19]), Some(TruncatedL4)),
        ("TCP, data offset 4", offset(4, 60), Some(BadL4Header)),
        ("TCP, data offset 15", offset(15, 60), None),
        ("TCP, data offset beyond", offset(15, 59), Some(BadL4Header)),
        ("truncated before the data offset is looked at", offset(4, 12), Some(TruncatedL4)),
        ("UDP, 7 bytes", v4(17, &udp(&[])[..7]), Some(TruncatedL4)),
        ("UDP, length 7", udp_length(7, 24), Some(BadL4Header)),
        ("UDP, length under the datagram's", udp_length(8, 24), None),
        ("UDP, length beyond", udp_length(25, 24), Some(BadL4Header)),
        ("ICMP, 7 bytes", v4(1, &[8, 0, 0, 0, 0, 0, 0]), Some(TruncatedL4)),
        ("ICMPv6, 7 bytes", guest6(&ipv6(own6(), far6(), 58, 64, &[128, 0, 0, 0, 0, 0, 0])), Some(TruncatedL4)),
        ("ICMPv6's number in IPv4", v4(58, &[]), None),
        ("ESP", v4(50, &[0; 4]), None),
    ]);
    let parsed = parse(&v4(6, &tcp(b"x")));
    assert!(parsed.has_ports && !parsed.is_icmp);
    assert_eq!((parsed.src_port, parsed.dst_port, parsed.tcp_flags), (40000, 443, 2));
    let parsed = parse(&v4(1, &icmp(8, 0, [0xab, 0xcd, 0, 1], b"ping")));
    assert!(parsed.is_icmp && !parsed.has_ports);
    assert_eq!((parsed.icmp_type, parsed.icmp_code, parsed.icmp_identifier), (8, 0, 0xabcd));
    let parsed = parse(&guest6(&icmpv6(own6(), far6(), 64, &icmp(129, 0, [0xab, 0xcd, 0, 1], &[]))));
    assert_eq!((parsed.reason, parsed.icmp_identifier), (None, 0xabcd));
    // Timestamp requests have an identifier too, but are not tracked by it.
    assert_eq!(parse(&v4(1, &icmp(13, 0, [0xab, 0xcd, 0, 1], &[0; 12]))).icmp_identifier, 0);
}

#[test]
fn quoted_packets() {
    let quote = |inner: &[u8]| parse(&frame4(&ipv4(OWN4, FAR4, 1, 0, &icmp(3, 3, [0; 4], inner))));
    let inner = ipv4(FAR4, OWN4, 17, 0, &udp(b"payload"));
    let parsed = quote(&inner[..28]);
    assert!(parsed.quoted_valid && parsed.reason.is_none());
    assert_eq!((parsed.quoted_protocol, parsed.quoted_src_port, parsed.quoted_dst_port), (17, 1234, 53));
    assert_eq!((parsed.quoted_src_ip, parsed.quoted_dst_ip), (0xffff_0a00_0114, 0xffff_0a00_0005));

    let ports = |parsed: Parsed| (parsed.quoted_valid, parsed.quoted_src_port, parsed.quoted_dst_port);
    assert_eq!(ports(quote(&inner[..24])), (true, 1234, 53));
    assert_eq!(ports(quote(&inner[..23])), (true, 0, 0));
    assert_eq!(ports(quote(&inner[..20])), (true, 0, 0));
    assert_eq!(ports(quote(&inner[..19])), (false, 0, 0));
    assert_eq!(ports(quote(&[])), (false, 0, 0));
    assert_eq!(ports(quote(&edit(inner.clone(), 0, 0x65))), (false, 0, 0));
    assert_eq!(ports(quote(&edit(inner.clone(), 0, 0x44))), (false, 0, 0));
    assert_eq!(ports(quote(&edit(inner.clone(), 0, 0x4f))), (false, 0, 0));
    assert_eq!(ports(quote(&edit(inner.clone(), 7, 1))), (true, 0, 0));
    assert_eq!(ports(quote(&edit(inner.clone(), 6, 0x20))), (true, 1234, 53));
    let options = with_options(inner.clone(), &[1; 40]);
    assert_eq!(ports(quote(&options)), (true, 1234, 53));
    let echo = ipv4(FAR4, OWN4, 1, 0, &icmp(8, 0, [0xab, 0xcd, 0, 1], &[]));
    assert_eq!(ports(quote(&echo)), (true, 0xabcd, 0));
    assert_eq!(ports(quote(&echo[..27])), (true, 0, 0));

    // Only errors quote: an echo's data is not read.
    let echo_data = parse(&frame4(&ipv4(OWN4, FAR4, 1, 0, &icmp(8, 0, [0; 4], &inner))));
    assert!(!echo_data.quoted_valid);
    for kind in [3, 4, 5, 11, 12] {
        let parsed = parse(&frame4(&ipv4(OWN4, FAR4, 1, 0, &icmp(kind, 0, [0; 4], &inner))));
        assert!(parsed.quoted_valid, "type {kind}");
    }

    let inner6 = ipv6(far6(), own6(), 6, 64, &tcp(&[]));
    for (kind, valid) in [(0, false), (1, true), (2, true), (3, true), (4, true), (5, false), (128, false)] {
        let parsed = parse(&guest6(&icmpv6(own6(), far6(), 64, &icmp(kind, 0, [0; 4], &inner6))));
        assert_eq!(parsed.quoted_valid, valid, "type {kind}");
        assert_eq!(parsed.quoted_dst_port, if valid { 443 } else { 0 });
    }
    // Behind options or extension headers nothing is read: quotes are sought at one place only.
    let behind = guest6(&ipv6(own6(), far6(), 0, 64, &extension(58, 1, &icmp(1, 0, [0; 4], &inner6))));
    assert_eq!(ports(parse(&behind)), (false, 0, 0));
    let behind = with_options(ipv4(OWN4, FAR4, 1, 0, &icmp(3, 3, [0; 4], &inner)), &[1; 4]);
    assert_eq!(ports(parse(&frame4(&behind))), (false, 0, 0));
}

#[test]
fn arp_and_solicitations() {
    let parsed = parse(&ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, PEER4)));
    assert!(parsed.is_arp && parsed.arp_valid && parsed.arp_request);
    assert_eq!(parsed.arp_sender_mac, 0x0a10_0000_0005);
    assert_eq!((parsed.src_ip, parsed.dst_ip), (0xffff_0a00_0005, 0xffff_0a00_0006));
    for (at, value) in [(1, 6), (2, 9), (4, 8), (5, 16), (7, 3), (7, 0), (6, 1)] {
        let parsed = parse(&ethernet(BROADCAST, ENI_MAC, 0x0806, &edit(arp(1, ENI_MAC, OWN4, PEER4), at, value)));
        assert!(parsed.reason.is_none() && !parsed.arp_valid, "byte {at} = {value}");
    }

    let own_address = [1, 1, 0x0a, 0x10, 0, 0, 0, 5];
    let nobody = "::".parse().unwrap();
    let group = solicited_node(peer6());
    let valid = |src, dst, hop_limit, body: &[u8]| parse(&guest6(&icmpv6(src, dst, hop_limit, body))).nd_valid;
    let good = solicitation(peer6(), &own_address);
    assert!(valid(own6(), group, 255, &good));
    assert!(valid(own6(), peer6(), 255, &solicitation(peer6(), &[])), "reachability probe");
    assert!(valid(nobody, group, 255, &solicitation(peer6(), &[])), "duplicate address detection");
    assert!(valid(nobody, group, 255, &solicitation(peer6(), &[14, 1, 1, 2, 3, 4, 5, 6])), "nonce (RFC 3971)");
    assert!(!valid(nobody, group, 255, &good), "source address of nobody");
    assert!(!valid(nobody, peer6(), 255, &solicitation(peer6(), &[])), "detection must be to the group");
    assert!(!valid(own6(), group, 254, &good), "came through a router");
    assert!(!valid(own6(), group, 255, &edit(good.clone(), 1, 1)), "code");
    assert!(!valid(own6(), group, 255, &good[..23]), "short");
    assert!(!valid(own6(), group, 255, &solicitation(group, &own_address)), "multicast target");
    assert!(!valid(own6(), group, 255, &solicitation(peer6(), &[1, 0, 0, 0, 0, 0, 0, 0])), "option of length 0");
    assert!(!valid(own6(), group, 255, &solicitation(peer6(), &[1, 2, 0, 0, 0, 0, 0, 0])), "option too long");
    assert!(!valid(own6(), group, 255, &solicitation(peer6(), &[1])), "option cut");
    assert!(valid(own6(), group, 255, &solicitation(peer6(), &[[14, 1, 0, 0, 0, 0, 0, 0]; 6].concat())), "72 bytes");
    assert!(!valid(own6(), group, 255, &solicitation(peer6(), &[[14, 1, 0, 0, 0, 0, 0, 0]; 7].concat())), "80 bytes");
    let behind = extension(58, 1, &icmpv6(own6(), group, 255, &good)[40..]);
    assert!(!parse(&guest6(&ipv6(own6(), group, 0, 255, &behind))).nd_valid, "behind an extension header");
    let mut wrong = guest6(&icmpv6(own6(), group, 255, &good));
    wrong[14 + 40 + 3] ^= 1;
    assert!(!parse(&wrong).nd_valid, "checksum");
    assert_eq!(parse(&guest6(&icmpv6(own6(), group, 255, &good))).nd_target, peer6().to_bits());

    let routers = "ff02::2".parse().unwrap();
    assert!(valid(own6(), routers, 255, &[133, 0, 0, 0, 0, 0, 0, 0]));
    assert!(valid(nobody, routers, 255, &[133, 0, 0, 0, 0, 0, 0, 0]));
    assert!(!valid(nobody, routers, 255, &[&[133, 0, 0, 0, 0, 0, 0, 0][..], &own_address].concat()));
    assert!(!valid(own6(), routers, 255, &[136, 0, 0, 0, 0, 0, 0, 0]), "not a solicitation");
}
