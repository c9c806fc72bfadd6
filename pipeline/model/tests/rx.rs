//! The rx path: outer headers, token, ECN, the inner frame, delivery.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use common::*;
use nitro_model::decap::combine_ecn;
use nitro_model::{Model, Outcome, Sender, Verdict, WrapError, parse, wrap};
use nitro_wire::DropReason::{self, *};
use nitro_wire::control::CardConfig;
use nitro_wire::{Flow, Layout};

fn sender() -> Sender {
    Sender {
        underlay_ip: 0xffff_6440_0002,
        underlay_mac: NEXT_HOP_MAC,
        card_ip: 0xffff_6440_0001,
        card_mac: UNDERLAY_MAC,
        vni: VNI,
        token_epoch: 7,
        token_key: KEY_7,
        flow_key: [9; 16],
        source_eni: 4,
        layout: Layout::Token,
    }
}

fn rx(config: CardConfig, frame: &[u8]) -> Outcome {
    Model::new(config).rx(frame, false)
}

fn reason(frame: &[u8]) -> Option<DropReason> {
    rx(config(), frame).verdict.reason()
}

fn inner4() -> Vec<u8> {
    ethernet(ENI_MAC, GATEWAY_MAC, 0x0800, &ipv4(FAR4, OWN4, 17, 0, &udp(b"data")))
}

fn inner6() -> Vec<u8> {
    ethernet(ENI_MAC, GATEWAY_MAC, 0x86dd, &ipv6(far6(), own6(), 6, 64, &tcp(b"data")))
}

/// Changes a byte of a wrapped frame and makes the outer checksum right again.
fn edit(mut frame: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    frame[at] = value;
    fix_ipv4_checksum(&mut frame, 14);
    frame
}

#[test]
fn delivery() {
    for inner in [inner4(), inner6(), tagged(ENI_MAC, FAR_MAC, 5, 0x0800, &inner4()[14..])] {
        let outcome = rx(config(), &wrapped(&inner));
        let verdict = Verdict::Deliver { eni: 1, frame: inner };
        assert_eq!(outcome, Outcome { verdict, eni: Some(1), flow: Flow::New, local: None });
    }
    let other_epoch = Sender { token_epoch: 8, token_key: KEY_8, ..sender() };
    assert_eq!(reason(&wrap(&other_epoch, &inner4()).unwrap()), None);
    // What follows the outer datagram is Ethernet's.
    let padded = [wrapped(&inner4()), vec![0xaa; 7]].concat();
    assert_eq!(rx(config(), &padded).verdict.frame(), Some(&inner4()[..]));
}

#[test]
fn ipv6_underlay() {
    let mut config = config();
    config.underlay_ip = "2001:db8::1".parse().unwrap();
    let of = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().to_bits();
    let sender = Sender { underlay_ip: of("2001:db8::2"), card_ip: of("2001:db8::1"), ..sender() };
    let frame = wrap(&sender, &inner4()).unwrap();
    assert_eq!(frame.len(), inner4().len() + 90);
    assert_eq!(rx(config.clone(), &frame).verdict.frame(), Some(&inner4()[..]));
    assert_eq!(rx(config, &wrapped(&inner4())).verdict.reason(), Some(NotForThisCard));
}

#[test]
fn outer_headers() {
    let good = wrapped(&inner4());
    let payload = &good[34..];
    let outer = |packet: &[u8]| ethernet(UNDERLAY_MAC, NEXT_HOP_MAC, 0x0800, packet);
    let [source, card] = [[100, 64, 0, 2], [100, 64, 0, 1]];
    let vlan = tagged(UNDERLAY_MAC, NEXT_HOP_MAC, 1, 0x0800, &good[14..]);
    let request = arp(1, NEXT_HOP_MAC, source, card);
    for (name, frame, expected) in [
        ("cut", good[..40].to_vec(), Some(BadIpTotalLength)),
        ("another card's address", edit(good.clone(), 33, 9), Some(NotForThisCard)),
        ("another card's MAC", edit(good.clone(), 5, 9), Some(NotForThisCard)),
        ("broadcast", edit(good.clone(), 0, 0xff), Some(NotForThisCard)),
        ("ARP for the card", ethernet(UNDERLAY_MAC, NEXT_HOP_MAC, 0x0806, &request), Some(NotOverlay)),
        ("ARP to all", ethernet(BROADCAST, NEXT_HOP_MAC, 0x0806, &request), Some(NotForThisCard)),
        ("tagged", vlan, Some(NotOverlay)),
        ("options", outer(&with_options(good[14..].to_vec(), &[1; 4])), Some(NotOverlay)),
        ("first fragment", outer(&ipv4(source, card, 17, 0x2000, payload)), Some(NotOverlay)),
        ("later fragment", outer(&ipv4(source, card, 17, 0x0008, payload)), Some(NotOverlay)),
        ("TCP", outer(&ipv4(source, card, 6, 0, &tcp(payload))), Some(NotOverlay)),
        ("another port", edit(good.clone(), 37, 0xc2), Some(NotOverlay)),
        ("same, built anew", outer(&ipv4(source, card, 17, 0, payload)), None),
    ] {
        assert_eq!(reason(&frame), expected, "{name}");
    }
    assert_eq!(Model::new(config()).rx(&good, true).verdict.reason(), Some(StreamError));
}

#[test]
fn geneve_headers() {
    let good = wrapped(&inner4());
    let short = |bytes: usize| {
        let packet = ipv4([100, 64, 0, 2], [100, 64, 0, 1], 17, 0, &udp(&good[42..][..bytes]));
        let mut frame = ethernet(UNDERLAY_MAC, NEXT_HOP_MAC, 0x0800, &packet);
        frame[34..38].copy_from_slice(&good[34..38]);
        frame
    };
    for (name, frame, expected) in [
        ("version 1", edit(good.clone(), 42, 0x45), Some(BadGeneve)),
        ("four words of options", edit(good.clone(), 42, 4), Some(BadGeneve)),
        ("no options", edit(good.clone(), 42, 0), Some(BadGeneve)),
        ("another layout's length", edit(good.clone(), 42, 11), Some(BadGeneve)),
        ("control", edit(good.clone(), 43, 0xc0), Some(BadGeneve)),
        ("not critical", edit(good.clone(), 43, 0x00), Some(BadGeneve)),
        ("reserved bits are ignored", edit(good.clone(), 43, 0x7f), None),
        ("protocol IPv4", edit(edit(good.clone(), 44, 0x08), 45, 0), Some(BadGeneve)),
        ("reserved byte is ignored", edit(good.clone(), 49, 1), None),
        ("another option class", edit(good.clone(), 50, 0), Some(BadGeneve)),
        ("another option type", edit(good.clone(), 52, 0x82), Some(BadGeneve)),
        ("not a critical option", edit(good.clone(), 52, 0x01), Some(BadGeneve)),
        ("another option length", edit(good.clone(), 53, 3), Some(BadGeneve)),
        ("reserved bits of the option are ignored", edit(good.clone(), 53, 0xe4), None),
        ("token flags are ignored", edit(good.clone(), 55, 0xff), None),
        ("UDP length under IP's", edit(good.clone(), 39, good[39] - 1), Some(BadGeneve)),
        ("7 bytes of Geneve", short(7), Some(BadGeneve)),
        ("27 bytes of Geneve and options", short(27), Some(BadGeneve)),
        ("an inner frame of no bytes", short(28), Some(BadToken)),
    ] {
        assert_eq!(reason(&frame), expected, "{name}");
    }
}

#[test]
fn layouts() {
    for (layout, expected) in [
        (Layout::Token, None),
        (Layout::TokenSrd, Some(SrdNoFlow)),
        (Layout::TokenEndpoint, Some(BadEndpoint)),
        (Layout::All, Some(SrdNoFlow)),
    ] {
        let frame = wrap(&Sender { layout, ..sender() }, &inner4()).unwrap();
        assert_eq!(frame.len(), inner4().len() + layout.outer_bytes(false));
        assert_eq!(reason(&frame), expected, "{layout:?}");
        // The last option's header: 24 bytes for the multipath option, 16 for the endpoint option.
        let last = match layout {
            Layout::Token => 50,
            Layout::TokenSrd => 70,
            Layout::TokenEndpoint => 70,
            Layout::All => 94,
        };
        assert_eq!(reason(&edit(frame, last + 2, 0x99)), Some(BadGeneve), "{layout:?}");
    }
}

#[test]
fn tokens() {
    let with = |change: fn(&mut Sender)| {
        let mut sender = sender();
        change(&mut sender);
        reason(&wrap(&sender, &inner4()).unwrap())
    };
    assert_eq!(with(|_| ()), None);
    assert_eq!(with(|sender| sender.token_key = KEY_8), Some(BadToken));
    assert_eq!(with(|sender| sender.token_epoch = 9), Some(BadToken));
    assert_eq!(with(|sender| sender.token_epoch = 8), Some(BadToken));
    // A token is for one sender, one network, one destination.
    let good = wrapped(&inner4());
    assert_eq!(reason(&edit(good.clone(), 29, 3)), Some(BadToken), "another sender");
    assert_eq!(reason(&edit(good.clone(), 48, 0x51)), Some(BadToken), "another network");
    assert_eq!(reason(&edit(good.clone(), 70 + 14 + 19, 6)), Some(BadToken), "another destination");
    assert_eq!(reason(&edit(good.clone(), 69, good[69] ^ 1)), Some(BadToken), "another token");
    // The token comes before anything inside: a malformed inner frame with a wrong token is `bad_token`.
    assert_eq!(reason(&edit(good, 70 + 14, 0x55)), Some(BadIpVersion));
    let mut forged = wrapped(&inner4());
    forged[69] ^= 1;
    assert_eq!(reason(&edit(forged, 70 + 14, 0x55)), Some(BadToken));
}

#[test]
fn inner_frames() {
    let to = |dst: [u8; 6], packet: &[u8]| reason(&wrapped(&ethernet(dst, GATEWAY_MAC, 0x0800, packet)));
    assert_eq!(to(ENI_MAC, &ipv4(FAR4, PEER4, 17, 0, &udp(&[]))), Some(NoSuchEni));
    assert_eq!(to(BROADCAST, &ipv4(FAR4, OWN4, 17, 0, &udp(&[]))), Some(NoBroadcast));
    assert_eq!(to(ENI_MAC, &ipv4(FAR4, [224, 0, 0, 1], 17, 0, &udp(&[]))), Some(NoBroadcast));
    assert_eq!(to(ENI_MAC, &ipv4(FAR4, [10, 0, 0, 255], 17, 0, &udp(&[]))), Some(NoSuchEni));
    assert_eq!(to(ENI_MAC, &ipv4(FAR4, OWN4, 6, 0, &tcp(&[])[..10])), Some(TruncatedL4));
    let request = ethernet(BROADCAST, FAR_MAC, 0x0806, &arp(1, FAR_MAC, FAR4, OWN4));
    assert_eq!(reason(&wrapped(&request)), Some(NoBroadcast));
    for length in 0..14 + 20 {
        assert_eq!(reason(&wrapped(&inner4()[..length])), Some(Truncated), "{length} bytes");
    }
    assert_eq!(reason(&wrapped(&[0; 60])), Some(UnknownEthertype));
    // The VNI decides: the same address in another network is nobody's.
    let other = wrap(&Sender { vni: VNI + 1, ..sender() }, &inner4()).unwrap();
    assert_eq!(reason(&other), Some(NoSuchEni));
}

#[test]
fn ecn_combines_by_rfc_6040_figure_4() {
    const NOT: u8 = 0;
    const ECT1: u8 = 1;
    const ECT0: u8 = 2;
    const CE: u8 = 3;
    let figure = [
        (NOT, [Some(NOT), Some(NOT), Some(NOT), None]),
        (ECT0, [Some(ECT0), Some(ECT0), Some(ECT1), Some(CE)]),
        (ECT1, [Some(ECT1), Some(ECT1), Some(ECT1), Some(CE)]),
        (CE, [Some(CE), Some(CE), Some(CE), Some(CE)]),
    ];
    for (inner, row) in figure {
        for (outer, expected) in [NOT, ECT0, ECT1, CE].into_iter().zip(row) {
            assert_eq!(combine_ecn(inner, outer), expected.ok_or(BadEcn), "inner {inner}, outer {outer}");
            for dscp in [0, 0x2e] {
                let mut frame4 = inner4();
                frame4[15] = dscp << 2 | inner;
                fix_ipv4_checksum(&mut frame4, 14);
                let mut frame6 = inner6();
                frame6[14] = 0x60 | dscp >> 2;
                frame6[15] = dscp << 6 | inner << 4 | 0xa;
                for frame in [frame4, frame6] {
                    let outside = edit(wrapped(&frame), 15, dscp << 2 | outer);
                    let verdict = rx(config(), &outside).verdict;
                    assert_eq!(verdict.reason(), if expected.is_none() { Some(BadEcn) } else { None });
                    let Some(delivered) = verdict.frame() else { continue };
                    let parsed = parse(delivered);
                    assert_eq!(parsed.reason, None, "the checksum follows");
                    assert_eq!(parsed.traffic_class, dscp << 2 | expected.unwrap());
                    let changed = delivered.iter().zip(&frame).filter(|(a, b)| a != b).count();
                    assert!(changed <= 3 && delivered.len() == frame.len());
                }
            }
        }
    }
    // A mark on what is no IP packet has nothing to be combined with.
    let request = ethernet(BROADCAST, FAR_MAC, 0x0806, &arp(1, FAR_MAC, FAR4, OWN4));
    assert_eq!(reason(&edit(wrapped(&request), 15, 3)), Some(NoBroadcast));
    assert_eq!(reason(&edit(wrapped(&inner4()[..14 + 19]), 15, 3)), Some(Truncated));
    // The mark is judged before the inner header.
    let malformed = wrapped(&ethernet(ENI_MAC, GATEWAY_MAC, 0x0800, &[0; 20]));
    assert_eq!(reason(&edit(malformed, 15, 3)), Some(BadEcn));
}

#[test]
fn wrapping_has_a_limit() {
    let limit = 9216 - 70;
    assert_eq!(wrap(&sender(), &vec![0; limit]).unwrap().len(), 9216);
    let error = wrap(&sender(), &vec![0; limit + 1]).unwrap_err();
    assert_eq!(error, WrapError::TooLong { length: limit + 1, limit });
    assert_eq!(error.to_string(), "a frame of 9147 bytes does not fit the underlay: at most 9146 bytes can be wrapped");
}
