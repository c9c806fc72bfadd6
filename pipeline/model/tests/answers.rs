//! What the card answers in the gateway's place: echo, DHCP, and packets that are too big.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use common::*;
use nitro_model::{Model, Verdict, checksum, parse};
use nitro_wire::DropReason::{self, *};
use nitro_wire::Flow::{self, New, Untracked};
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{Bank, MADE};

fn gateway6() -> Ipv6Addr {
    "fd00:10::1".parse().unwrap()
}

/// A card that lets nothing pass: the responder needs no rule.
fn closed() -> CardConfig {
    let mut config = with_rules(Vec::new(), Vec::new());
    config.subnets = vec![Some(nitro_wire::policy::Nacl::default())];
    config
}

fn reply(frame: &[u8]) -> Result<Vec<u8>, Option<DropReason>> {
    let outcome = Model::new(closed()).tx(1, frame, false);
    assert!(outcome.verdict.reason().is_some() || outcome.flow == Flow::None);
    match outcome.verdict {
        Verdict::Reply { eni: 1, frame } => Ok(frame),
        other => Err(other.reason()),
    }
}

/// An echo request with so many bytes of data, its checksum right.
fn request4(data: usize) -> Vec<u8> {
    let mut message = icmp(8, 0, [0x12, 0x34, 0, 9], &(0..=250).cycle().take(data).collect::<Vec<u8>>());
    let sum = checksum::checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(OWN4, GATEWAY4, 1, 0x4000, &message)
}

fn request6(data: usize) -> Vec<u8> {
    icmpv6(own6(), gateway6(), 3, &icmp(128, 0, [0x12, 0x34, 0, 9], &vec![0xa5; data]))
}

#[test]
fn echo_to_the_gateway() {
    for data in [0, 1, 55, 56, 100, 1472, 8973, 9100] {
        let mut packet = request4(data);
        (packet[1], packet[8]) = (0xb8, 3);
        fix_ipv4_checksum(&mut packet, 0);
        let frame = [guest4(&packet), vec![0xee; 7]].concat();
        let answer = reply(&frame).unwrap();
        // As a host would write it: everything but addresses, TTL, type and checksums as it was.
        let mut message = packet[20..].to_vec();
        (message[0], message[2], message[3]) = (0, 0, 0);
        let sum = checksum::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut expected = ipv4(GATEWAY4, OWN4, 1, 0x4000, &message);
        expected[1] = 0xb8;
        fix_ipv4_checksum(&mut expected, 0);
        let expected = [ethernet(ENI_MAC, GATEWAY_MAC, 0x0800, &expected), vec![0xee; 7]].concat();
        assert_eq!(answer, expected, "{data} bytes");
    }
    for data in [0, 1, 56, 8953, 9100] {
        let packet = request6(data);
        let answer = reply(&tagged(GATEWAY_MAC, ENI_MAC, 0x2007, 0x86dd, &packet)).unwrap();
        let message = [&[129, 0, 0, 0], &packet[44..]].concat();
        let expected = icmpv6(gateway6(), own6(), 64, &message);
        assert_eq!(answer, tagged(ENI_MAC, GATEWAY_MAC, 0x2007, 0x86dd, &expected), "{data} bytes");
    }
}

#[test]
fn wrong_checksums_stay_wrong_in_echoes() {
    for error in [1_u16, 0x8000, 0xfffe] {
        let mut packet = request4(10);
        let sum = u16::from_be_bytes([packet[22], packet[23]]) ^ error;
        packet[22..24].copy_from_slice(&sum.to_be_bytes());
        let answer = reply(&guest4(&packet)).unwrap();
        assert_ne!(checksum::sum(&answer[34..]), 0xffff);
    }
}

#[test]
fn echoes_that_go_on() {
    let mut coded = request4(8);
    coded[21] = 1;
    let mut fragment = request4(64);
    fragment[6] = 0x20;
    fix_ipv4_checksum(&mut fragment, 0);
    let to = |dst| echo4(OWN4, dst, 8, 1);
    for (name, packet) in [
        ("code 1", coded),
        ("first fragment", fragment),
        ("options", with_options(request4(8), &[1; 4])),
        ("reply", echo4(OWN4, GATEWAY4, 0, 1)),
        ("another subnet's gateway", to([10, 0, 1, 1])),
        ("a neighbour", to(PEER4)),
        ("extension header", ipv6(own6(), gateway6(), 60, 64, &extension(58, 1, &request6(0)[40..]))),
    ] {
        let frame = if packet[0] >> 4 == 6 { guest6(&packet) } else { guest4(&packet) };
        assert_eq!(reply(&frame), Err(Some(SecurityGroup)), "{name}");
    }
    assert_eq!(reply(&ethernet(BROADCAST, ENI_MAC, 0x0800, &request4(8))), Err(Some(NoBroadcast)));
    let spoofed = echo4([10, 0, 0, 9], GATEWAY4, 8, 1);
    assert_eq!(reply(&guest4(&spoofed)), Err(Some(SpoofedIp)));
}

/// A client's message: number, options behind it, client address, flags.
#[derive(Clone)]
struct Message {
    kind: u8,
    options: Vec<u8>,
    client: [u8; 4],
    flags: u16,
    src: [u8; 4],
    dst: [u8; 4],
}

const ANY: [u8; 4] = [0; 4];
const ALL: [u8; 4] = [255; 4];

fn message(kind: u8, options: &[u8]) -> Message {
    Message { kind, options: options.to_vec(), client: ANY, flags: 0, src: ANY, dst: ALL }
}

impl Message {
    fn body(&self) -> Vec<u8> {
        let mut body = vec![1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 3];
        body.extend(self.flags.to_be_bytes());
        body.extend(self.client);
        body.resize(28, 0);
        body.extend(ENI_MAC);
        body.resize(236, 0);
        body.extend([0x63, 0x82, 0x53, 0x63, 53, 1, self.kind]);
        body.extend(&self.options);
        body.extend([55, 3, 1, 3, 6, 255]);
        body
    }

    fn frame(&self) -> Vec<u8> {
        let mac = if self.dst == ALL { BROADCAST } else { GATEWAY_MAC };
        ethernet(mac, ENI_MAC, 0x0800, &ipv4(self.src, self.dst, 17, 0, &datagram(68, 67, &self.body())))
    }
}

/// Checks headers and fixed fields of an answer; its destination, the assigned address, and its options.
fn read(answer: &[u8]) -> ([u8; 4], [u8; 4], BTreeMap<u8, Vec<u8>>) {
    let parsed = parse(answer);
    assert_eq!((parsed.reason, parsed.src_port, parsed.dst_port, parsed.hop_limit), (None, 67, 68, 64));
    assert_eq!((&answer[6..12], &answer[26..30]), (&GATEWAY_MAC[..], &GATEWAY4[..]));
    assert_eq!(usize::from(parsed.ip_length), answer.len() - 14);
    assert_eq!(usize::from(parsed.udp_length), answer.len() - 34);
    assert_eq!(answer[..6] == BROADCAST, answer[30..34] == ALL);
    let body = &answer[42..];
    assert_eq!(body[..8], [2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
    assert_eq!((&body[28..34], &body[236..240]), (&ENI_MAC[..], &[0x63, 0x82, 0x53, 0x63][..]));
    assert!(body.len() >= 300 && body[34..236].iter().all(|byte| *byte == 0));
    let mut options = BTreeMap::new();
    let mut rest = &body[240..];
    while rest[0] != 255 {
        options.insert(rest[0], rest[2..2 + usize::from(rest[1])].to_vec());
        rest = &rest[2 + usize::from(rest[1])..];
    }
    assert!(rest[1..].iter().all(|byte| *byte == 0));
    (answer[30..34].try_into().unwrap(), body[16..20].try_into().unwrap(), options)
}

fn lease(kind: u8) -> BTreeMap<u8, Vec<u8>> {
    BTreeMap::from([
        (53, vec![kind]),
        (54, GATEWAY4.to_vec()),
        (51, vec![0, 0, 0x0e, 0x10]),
        (1, vec![255, 255, 255, 0]),
        (3, GATEWAY4.to_vec()),
        (6, vec![10, 0, 0, 2]),
        (28, vec![10, 0, 0, 255]),
        (26, vec![0x23, 0x29]),
    ])
}

#[test]
fn dhcp_gives_the_interface_its_own_address() {
    let answer = |message: &Message| read(&reply(&message.frame()).unwrap());
    assert_eq!(answer(&message(1, &[])), (OWN4, OWN4, lease(2)));
    let heard_by_all = Message { flags: 0x8000, ..message(1, &[]) };
    assert_eq!(answer(&heard_by_all), (ALL, OWN4, lease(2)));
    let selects = message(3, &[54, 4, 10, 0, 0, 1, 50, 4, 10, 0, 0, 5]);
    assert_eq!(answer(&selects), (OWN4, OWN4, lease(5)));
    let remembers = message(3, &[0, 0, 50, 4, 10, 0, 0, 5, 12, 2, b'h', b'i']);
    assert_eq!(answer(&remembers), (OWN4, OWN4, lease(5)));
    let renews = Message { client: OWN4, src: OWN4, dst: GATEWAY4, ..message(3, &[]) };
    assert_eq!(answer(&renews), (OWN4, OWN4, lease(5)));
    assert_eq!(reply(&renews.frame()).unwrap()[42 + 12..42 + 16], OWN4, "the client's address comes back");
    let rebinds = Message { dst: ALL, ..renews };
    assert_eq!(answer(&rebinds), (OWN4, OWN4, lease(5)));
    // A client that has an address hears what is sent to it, even if it asks for another one or for all to hear.
    let elsewhere = Message { client: PEER4, flags: 0x8000, ..message(3, &[50, 4, 10, 0, 0, 5]) };
    assert_eq!(answer(&elsewhere), (PEER4, OWN4, lease(5)));
    // The tag comes back.
    let frame = tagged(BROADCAST, ENI_MAC, 0x2009, 0x0800, &message(1, &[]).frame()[14..]);
    let tagged_answer = reply(&frame).unwrap();
    assert_eq!(tagged_answer[..18], tagged(ENI_MAC, GATEWAY_MAC, 0x2009, 0x0800, &[]));
    assert_eq!(tagged_answer[18..], reply(&message(1, &[]).frame()).unwrap()[14..]);
}

#[test]
fn dhcp_returns_the_identifier_of_the_client() {
    for length in [0, 7, 14, 15, 255_u8] {
        let id: Vec<u8> = (0..length).map(|index| index ^ 0x5a).collect();
        let option = [&[61, length][..], &id].concat();
        let answer = reply(&message(1, &option).frame()).unwrap();
        assert_eq!(answer.len(), 42 + (286 + usize::from(length)).max(300));
        let mut wanted = lease(2);
        wanted.insert(61, id.clone());
        assert_eq!(read(&answer).2, wanted);
        let other = [&[50, 4, 10, 0, 0, 6, 61, 1, 9][..], &option].concat();
        let refusal = BTreeMap::from([(53, vec![6]), (54, GATEWAY4.to_vec()), (61, id)]);
        assert_eq!(read(&reply(&message(3, &other).frame()).unwrap()).2, refusal);
    }
}

#[test]
fn dhcp_of_1500_bytes_is_read_and_no_longer_one() {
    let frame = |bytes: usize| {
        let mut body = message(1, &[]).body();
        body.resize(bytes - 28, 0x77);
        ethernet(BROADCAST, ENI_MAC, 0x0800, &ipv4(ANY, ALL, 17, 0, &datagram(68, 67, &body)))
    };
    assert_eq!(read(&reply(&frame(1500)).unwrap()).2, lease(2));
    assert_eq!(reply(&frame(1501)), Err(Some(NoBroadcast)));
    // Padding behind the datagram is none of its bytes.
    let padded = [frame(600), vec![0; 3000]].concat();
    assert_eq!(read(&reply(&padded).unwrap()).2, lease(2));
    // To the gateway's address the MAC does not matter.
    let renews = Message { client: OWN4, src: OWN4, dst: GATEWAY4, ..message(3, &[]) };
    let mut all = renews.frame();
    all[..6].copy_from_slice(&BROADCAST);
    assert_eq!(read(&reply(&all).unwrap()), (OWN4, OWN4, lease(5)));
}

#[test]
fn dhcp_refuses_other_addresses() {
    let refusal = BTreeMap::from([(53, vec![6]), (54, GATEWAY4.to_vec())]);
    let other = [50, 4, 10, 0, 0, 6];
    for (name, message) in [
        ("remembers another", message(3, &other)),
        ("selects another", message(3, &[&[54, 4, 10, 0, 0, 1], &other[..]].concat())),
        ("renews another", Message { client: PEER4, ..message(3, &[]) }),
    ] {
        assert_eq!(read(&reply(&message.frame()).unwrap()), (ALL, ANY, refusal.clone()), "{name}");
    }
    // The second address of an interface is not what DHCP hands out.
    let mut config = closed();
    config.enis[0].ips.push(std::net::IpAddr::from([10, 0, 0, 8]));
    let outcome = Model::new(config).tx(1, &message(3, &[50, 4, 10, 0, 0, 8]).frame(), false);
    assert_eq!(read(outcome.verdict.frame().unwrap()).2, refusal);
}

#[test]
fn dhcp_that_gets_no_answer() {
    let edit = |at: usize, value: u8| {
        let mut frame = message(1, &[]).frame();
        frame[42 + at] = value;
        frame
    };
    let mut cut = ipv4(ANY, ALL, 17, 0, &datagram(68, 67, &message(1, &[]).body()[..239]));
    fix_ipv4_checksum(&mut cut, 0);
    let body = message(1, &[]).body();
    let ports = |from, to| ethernet(BROADCAST, ENI_MAC, 0x0800, &ipv4(OWN4, ALL, 17, 0, &datagram(from, to, &body)));
    for (name, frame) in [
        ("DECLINE", message(4, &[]).frame()),
        ("RELEASE", message(7, &[]).frame()),
        ("INFORM", message(8, &[]).frame()),
        ("an OFFER", message(2, &[]).frame()),
        ("REQUEST of no address", message(3, &[]).frame()),
        ("another server's", message(3, &[54, 4, 10, 0, 0, 3, 50, 4, 10, 0, 0, 5]).frame()),
        ("a reply", edit(0, 2)),
        ("another kind of address", edit(1, 6)),
        ("an address of 7 bytes", edit(2, 7)),
        ("a relay's", edit(27, 1)),
        ("no options", edit(236, 0)),
        ("no message number", edit(240, 12)),
        ("a message number of 2 bytes", edit(241, 2)),
        ("an option beyond the end", edit(244, 200)),
        ("no end", edit(body.len() - 1, 0)),
        ("cut", ethernet(BROADCAST, ENI_MAC, 0x0800, &cut)),
        ("another client port", ports(69, 67)),
        ("another server port", ports(68, 68)),
    ] {
        assert_eq!(reply(&frame), Err(Some(NoBroadcast)), "{name}");
    }
    // Whether to all or to the gateway alone; to others it goes on as anything does; from no address only to all.
    let released = Message { client: OWN4, src: OWN4, dst: GATEWAY4, ..message(7, &[]) };
    assert_eq!(reply(&released.frame()), Err(Some(NoBroadcast)));
    let elsewhere = Message { dst: PEER4, ..released };
    assert_eq!(reply(&elsewhere.frame()), Err(Some(SecurityGroup)));
    let homeless = Message { dst: GATEWAY4, ..message(1, &[]) };
    assert_eq!(reply(&homeless.frame()), Err(Some(SpoofedIp)));
    let foreign = Message { src: PEER4, ..message(1, &[]) };
    assert_eq!(reply(&foreign.frame()), Err(Some(SpoofedIp)));
    // Interfaces without IPv4 have nothing to hand out.
    for change in [
        |eni: &mut nitro_wire::control::Eni| eni.subnet4 = None,
        |eni: &mut nitro_wire::control::Eni| eni.ips.retain(|ip| ip.is_ipv6()),
    ] {
        let mut config = closed();
        change(&mut config.enis[0]);
        let outcome = Model::new(config).tx(1, &message(1, &[]).frame(), false);
        assert_eq!(outcome.verdict.reason(), Some(NoBroadcast));
    }
}

/// What the guest is told of a packet on a way with this MTU, and whether the packet was dropped as too big at all.
fn bounce(mtu: u16, frame: &[u8]) -> (bool, Option<Vec<u8>>) {
    let mut config = config();
    config.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = mtu);
    config.enis[0].source_dest_check = false;
    let mut model = Model::new(config);
    let outcome = model.tx(1, frame, false);
    adds_up(&model);
    let made = model.counters().get(Bank::Tx, MADE);
    let answer = match outcome.verdict {
        Verdict::Bounce { reason, eni, frame } => {
            assert_eq!((reason, eni, outcome.local), (TooBig, 1, None));
            assert!(matches!(outcome.flow, New | Untracked));
            assert_eq!((made.packets, made.bytes), (1, frame.len() as u64));
            Some(frame)
        }
        other => {
            assert_eq!(made.packets, 0);
            return (other.reason() == Some(TooBig), None);
        }
    };
    (true, answer)
}

#[test]
fn too_big_in_ipv4() {
    let of = |length: usize, flags| ipv4(OWN4, FAR4, 17, flags, &udp(&vec![0x5a; length - 28]));
    assert_eq!(bounce(1500, &guest4(&of(1500, 0x4000))), (false, None));
    assert_eq!(bounce(1500, &guest4(&of(1501, 0))), (true, None), "without DF it is only dropped");
    for packet in [of(1501, 0x4000), with_options(of(1501, 0x4000), &[1; 40])] {
        let header = 4 * usize::from(packet[0] & 15);
        let (_, answer) = bounce(1500, &guest4(&packet));
        let mut expected = icmp(3, 4, [0, 0, 0x05, 0xdc], &packet[..header + 8]);
        let sum = checksum::checksum(&expected);
        expected[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut expected = ipv4(GATEWAY4, OWN4, 1, 0x4000, &expected);
        (expected[1], expected[4], expected[5]) = (0xc0, 0, 0);
        fix_ipv4_checksum(&mut expected, 0);
        assert_eq!(answer.unwrap(), ethernet(ENI_MAC, GATEWAY_MAC, 0x0800, &expected));
    }
    // The tag comes back, and the guests' own MTU is the most there is.
    let frame = tagged(GATEWAY_MAC, ENI_MAC, 0x2003, 0x0800, &of(9002, 0x4000));
    let answer = bounce(16_000, &frame).1.unwrap();
    assert_eq!(answer[..18], tagged(ENI_MAC, GATEWAY_MAC, 0x2003, 0x0800, &[]));
    assert_eq!(answer[18 + 26..18 + 28], 9001_u16.to_be_bytes());
    // It is about the packet, as a sender's stack would see it.
    let parsed = parse(&answer);
    assert_eq!((parsed.reason, parsed.quoted_valid, parsed.quoted_dst_port), (None, true, 0x35));
}

#[test]
fn too_big_in_ipv6() {
    let of = |length: usize| ipv6(own6(), far6(), 17, 64, &udp(&vec![0x5a; length - 48]));
    assert_eq!(bounce(1500, &guest6(&of(1500))), (false, None));
    for (tag, quoted) in [(None, 146), (Some(0x2003), 142)] {
        let frame = |dst, src, packet: &[u8]| match tag {
            None => ethernet(dst, src, 0x86dd, packet),
            Some(tag) => tagged(dst, src, tag, 0x86dd, packet),
        };
        let (_, answer) = bounce(1500, &frame(GATEWAY_MAC, ENI_MAC, &of(1501)));
        let expected = icmpv6(gateway6(), own6(), 64, &icmp(2, 0, [0, 0, 0x05, 0xdc], &of(1501)[..quoted]));
        assert_eq!(answer.unwrap(), frame(ENI_MAC, GATEWAY_MAC, &expected));
    }
}

#[test]
fn too_big_without_a_word() {
    let data = [0x5a; 1500];
    let from = |src| guest4(&ipv4(src, FAR4, 17, 0x4000, &udp(&data)));
    let quoted = ipv4(FAR4, OWN4, 17, 0, &udp(&data));
    let icmp4 = |kind| guest4(&ipv4(OWN4, FAR4, 1, 0x4000, &icmp(kind, 0, [0; 4], &quoted)));
    let icmp6 = |kind| guest6(&ipv6(own6(), far6(), 58, 64, &icmp(kind, 0, [0; 4], &data)));
    for (name, told, frame) in [
        ("own", true, from(OWN4)),
        ("another host's", true, from([10, 0, 0, 9])),
        ("nobody's", false, from([0, 0, 0, 1])),
        ("loopback", false, from([127, 0, 0, 1])),
        ("multicast", false, from([224, 0, 0, 1])),
        ("class E", false, from([240, 0, 0, 1])),
        ("to all", false, from([255; 4])),
        ("echo", true, icmp4(8)),
        ("unreachable", false, icmp4(3)),
        ("time exceeded", false, icmp4(11)),
        ("echo", true, icmp6(128)),
        ("unknown message", true, icmp6(200)),
        ("unknown error", false, icmp6(127)),
        ("unreachable", false, icmp6(1)),
        ("redirect", false, icmp6(137)),
        ("from ::", false, guest6(&ipv6(Ipv6Addr::UNSPECIFIED, far6(), 17, 64, &udp(&data)))),
        ("from ::1", false, guest6(&ipv6(Ipv6Addr::LOCALHOST, far6(), 17, 64, &udp(&data)))),
        ("from ff02::1", false, guest6(&ipv6("ff02::1".parse().unwrap(), far6(), 17, 64, &udp(&data)))),
    ] {
        let (dropped, answer) = bounce(1500, &frame);
        assert_eq!((dropped, answer.is_some()), (true, told), "{name}");
    }
    // Padding is no fault of the datagram's.
    let padded = [guest4(&ipv4(OWN4, FAR4, 17, 0x4000, &udp(b""))), vec![0; 9150]].concat();
    assert_eq!(bounce(1500, &padded), (true, None));
    // Without a subnet there is no gateway that could speak.
    let mut config = config();
    config.enis[0].subnet4 = None;
    config.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = 1500);
    assert_eq!(Model::new(config).tx(1, &from(OWN4), false).verdict, Verdict::Drop(TooBig));
}

#[test]
fn later_fragments_that_are_too_big() {
    // IPv4 (RFC 1812): in silence.
    let mut config = config();
    config.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = 100);
    let mut model = Model::new(config);
    let part = |flags, length| ipv4(OWN4, FAR4, 17, flags, &udp(&vec![0; length]));
    assert_eq!(send(&mut model, &part(0x6000, 40)).verdict.reason(), None);
    assert_eq!(send(&mut model, &part(0x4005, 400)).verdict, Verdict::Drop(TooBig));
    // The first one's fate is theirs, its message is not.
    assert!(matches!(send(&mut model, &part(0x6000, 400)).verdict, Verdict::Bounce { .. }));
    assert_eq!(send(&mut model, &part(0x4005, 8)).verdict, Verdict::Drop(TooBig));
    // IPv6 (RFC 4443) makes no exception for them.
    let part = |offset, length| {
        ipv6(own6(), far6(), 44, 64, &fragment_header(17, offset, true, &datagram(1, 2, &vec![0; length])))
    };
    assert_eq!(send(&mut model, &part(0, 8)).verdict.reason(), None);
    let Verdict::Bounce { reason: TooBig, frame, .. } = send(&mut model, &part(2, 400)).verdict else {
        panic!("no message")
    };
    assert_eq!(frame[62..], part(2, 400)[..146]);
}
