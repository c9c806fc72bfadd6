//! What holds for all packets: no panic, counters that add up, and what one card sends the other delivers.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use std::net::IpAddr;

use common::*;
use nitro_model::{Model, Sender, Verdict, parse, token, wrap};
use nitro_wire::control::{CardConfig, ip_bits};
use nitro_wire::{DropReason, Layout};
use proptest::prelude::*;
use proptest::sample::Index;

/// Well-formed frames of all kinds that the mutations start from.
fn seeds() -> Vec<Vec<u8>> {
    let quoted4 = ipv4(FAR4, OWN4, 17, 0, &udp(&[1; 16]));
    let quoted6 = ipv6(far6(), own6(), 6, 64, &tcp(&[1; 4]));
    let chain = extension(43, 2, &fragment_header(60, 0, true, &extension(17, 1, &udp(&[7; 30]))));
    let solicit = solicitation(peer6(), &[1, 1, 0x0a, 0x10, 0, 0, 0, 5]);
    vec![
        guest4(&ipv4(OWN4, FAR4, 6, 0, &tcp(b"hello"))),
        guest4(&with_options(ipv4(OWN4, PEER4, 17, 0, &udp(b"hello")), &[1; 12])),
        guest4(&ipv4(OWN4, FAR4, 17, 0x2000, &udp(&[0; 64]))),
        guest4(&ipv4(OWN4, FAR4, 6, 0x0003, &[0; 64])),
        guest4(&ipv4(OWN4, FAR4, 1, 0, &icmp(8, 0, [1, 2, 0, 1], b"ping"))),
        guest4(&ipv4(OWN4, FAR4, 1, 0, &icmp(11, 0, [0; 4], &quoted4))),
        guest6(&ipv6(own6(), far6(), 6, 64, &tcp(b"hello"))),
        guest6(&ipv6(own6(), peer6(), 0, 64, &chain)),
        guest6(&icmpv6(own6(), far6(), 64, &icmp(1, 0, [0; 4], &quoted6))),
        guest6(&icmpv6(own6(), solicited_node(peer6()), 255, &solicit)),
        ethernet(BROADCAST, ENI_MAC, 0x0806, &arp(1, ENI_MAC, OWN4, GATEWAY4)),
        tagged(GATEWAY_MAC, ENI_MAC, 0x2064, 0x0800, &ipv4(OWN4, FAR4, 17, 0, &udp(b"hello"))),
        tagged(GATEWAY_MAC, ENI_MAC, 0x2064, 0x86dd, &ipv6(own6(), far6(), 17, 64, &udp(b"hello"))),
    ]
}

/// A seed with some bytes changed, the end cut off or lengthened; then perhaps with the right IPv4 checksum, so that what
/// lies behind that check is reached.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    let seed = prop::sample::select(seeds());
    let cut = prop::option::weighted(0.2, any::<Index>());
    (seed, changes, cut, 0_usize..20, any::<bool>()).prop_map(|(mut frame, changes, cut, more, fix)| {
        for (at, value) in changes {
            let at = at.index(frame.len());
            frame[at] = value;
        }
        match cut {
            Some(cut) => frame.truncate(cut.index(frame.len() + 1)),
            None => frame.resize(frame.len() + more, 0),
        }
        if fix {
            fix_ipv4_checksum_if_possible(&mut frame);
        }
        frame
    })
}

fn sender(config: &CardConfig, layout: Layout) -> Sender {
    Sender {
        underlay_ip: 0xffff_6440_0002,
        underlay_mac: NEXT_HOP_MAC,
        card_ip: ip_bits(config.underlay_ip),
        card_mac: UNDERLAY_MAC,
        vni: VNI,
        token_epoch: 7,
        token_key: KEY_7,
        flow_key: [9; 16],
        source_eni: 0,
        layout,
    }
}

fn both_paths(frames: &[Vec<u8>]) {
    let mut model = Model::new(config());
    for frame in frames {
        for eni in [0, 1] {
            let outcome = model.tx(eni, frame, false);
            if let Verdict::Forward(sent) = outcome.verdict {
                assert_eq!(parse(&sent).reason, None);
                assert_eq!(sent.len(), frame.len() + 70);
                assert_eq!(sent[70 + 12..], frame[12..]);
            }
        }
        model.rx(frame, false);
        for layout in Layout::ALL {
            let wrapped = wrap(&sender(model.config(), layout), frame).unwrap();
            let outcome = model.rx(&wrapped, false);
            assert_ne!(outcome.verdict.reason(), Some(DropReason::BadToken), "a sender's token is right");
            if let Verdict::Deliver { frame: delivered, .. } = outcome.verdict {
                assert_eq!(&delivered, frame, "the sender copied the ECN field, so nothing changes");
            }
        }
    }
    adds_up(&model);
}

proptest! {
    #[test]
    fn random_bytes(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        both_paths(&frames);
    }

    #[test]
    fn mutated_packets(frames in prop::collection::vec(mutated(), 1..8)) {
        both_paths(&frames);
    }

    #[test]
    fn mutated_overlay_packets(inner in mutated(), at in any::<Index>(), value: u8, layout in 0_usize..4) {
        let mut model = Model::new(config());
        let mut frame = wrap(&sender(model.config(), Layout::ALL[layout]), &inner).unwrap();
        let at = at.index(frame.len());
        frame[at] = value;
        model.rx(&frame, false);
        fix_ipv4_checksum_if_possible(&mut frame);
        model.rx(&frame, false);
        adds_up(&model);
    }

    #[test]
    fn fields_of_absent_headers_are_zero(frame in mutated()) {
        let parsed = parse(&frame);
        prop_assert!(usize::from(parsed.is_arp) + usize::from(parsed.is_ipv4) + usize::from(parsed.is_ipv6) <= 1);
        if !parsed.has_ports {
            prop_assert_eq!((parsed.src_port, parsed.dst_port, parsed.tcp_flags, parsed.udp_length), (0, 0, 0, 0));
        }
        if !parsed.is_icmp {
            prop_assert!(!parsed.quoted_valid && !parsed.nd_valid && parsed.icmp_type == 0);
        }
        if !parsed.quoted_valid {
            prop_assert_eq!((parsed.quoted_src_ip, parsed.quoted_dst_ip, parsed.quoted_protocol), (0, 0, 0));
        }
        if !parsed.is_arp {
            prop_assert!(!parsed.arp_valid && !parsed.arp_request && parsed.arp_sender_mac == 0);
        }
    }

    /// What one card sends, the other one delivers: only the MACs and no other byte of the guest's frame change.
    #[test]
    fn between_two_cards(data in prop::collection::vec(any::<u8>(), 0..1500), ipv6_inside: bool, tos: u8) {
        let (mut near, mut far) = (config(), config());
        let destination = if ipv6_inside { IpAddr::V6(far6()) } else { IpAddr::V4(FAR4.into()) };
        far.underlay_ip = "100.64.0.2".parse().unwrap();
        far.enis[0].mac = FAR_MAC;
        far.enis[0].ips = vec![destination];
        for mapping in &mut near.mappings {
            (mapping.token_epoch, mapping.token) =
                (8, token::compute(&KEY_8, VNI, 8, ip_bits(near.underlay_ip), ip_bits(mapping.ip)));
        }
        let frame = if ipv6_inside {
            let mut packet = ipv6(own6(), far6(), 17, 3, &udp(&data));
            packet[0] |= tos >> 4;
            packet[1] |= tos << 4;
            guest6(&packet)
        } else {
            let mut packet = ipv4(OWN4, FAR4, 17, 0, &udp(&data));
            packet[1] = tos;
            fix_ipv4_checksum(&mut packet, 0);
            guest4(&packet)
        };
        let sent = Model::new(near).tx(1, &frame, false);
        let mut sent = sent.verdict.frame().unwrap().to_vec();
        prop_assert_eq!(&sent[..6], &NEXT_HOP_MAC);
        // The underlay's last hop writes the card's MAC.
        sent[..6].copy_from_slice(&UNDERLAY_MAC);
        let received = Model::new(far).rx(&sent, false);
        prop_assert_eq!(received.eni, Some(1));
        let delivered = received.verdict.frame().unwrap();
        prop_assert_eq!(&delivered[..12], &[FAR_MAC, GATEWAY_MAC].concat()[..]);
        prop_assert_eq!(&delivered[12..], &frame[12..]);
    }
}

/// Makes the checksum of an untagged frame's IPv4 header right, if there is a whole one.
fn fix_ipv4_checksum_if_possible(frame: &mut [u8]) {
    if frame.len() < 34 || frame[12..14] != [8, 0] {
        return;
    }
    let length = 4 * usize::from(frame[14] & 0xf);
    if length >= 20 && frame.len() >= 14 + length {
        fix_ipv4_checksum(frame, 14);
    }
}
