//! Later fragments follow their first one.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use common::*;
use nitro_model::Model;
use nitro_wire::DropReason::*;
use nitro_wire::Flow::{self, Established, New, Related, Untracked};
use nitro_wire::counters::EniCounter;
use nitro_wire::policy::Direction::{self, *};
use nitro_wire::policy::{EniPolicy, Nacl, Protocol};

const MORE: u16 = 0x2000;

/// A fragment of a UDP datagram from `src` to `dst` with an identification; `place` in units of 8 bytes.
fn part(src: [u8; 4], dst: [u8; 4], identification: u8, place: u16, more: bool) -> Vec<u8> {
    let data = datagram(40_000, 53, &[identification; 56]);
    let flags = place | if more { MORE } else { 0 };
    let mut packet = ipv4(src, dst, 17, flags, if place == 0 { &data } else { &data[8..] });
    packet[5] = identification;
    fix_ipv4_checksum(&mut packet, 0);
    packet
}

/// A fragment that the guest sends or gets.
fn piece(direction: Direction, identification: u8, place: u16, more: bool) -> Vec<u8> {
    let (src, dst) = if direction == Egress { (OWN4, FAR4) } else { (FAR4, OWN4) };
    part(src, dst, identification, place, more)
}

fn whole(direction: Direction, identification: u8) -> [Vec<u8>; 3] {
    [(0, true), (8, true), (16, false)].map(|(place, more)| piece(direction, identification, place, more))
}

#[test]
fn every_order() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
    for direction in Direction::ALL {
        let mut model = Model::new(config());
        for (number, order) in (1..).zip(orders) {
            let pieces = whole(direction, number);
            let mut first_seen = false;
            for index in order {
                let outcome = go(&mut model, direction, &pieces[index]);
                first_seen |= index == 0;
                let expected = match (index, first_seen) {
                    // The first datagram makes the connection.
                    (0, _) => (None, if number == 1 { New } else { Established }),
                    (_, true) => (None, Established),
                    (_, false) => (Some(FragmentWithoutFirst), Flow::None),
                };
                assert_eq!(fate(&outcome), expected, "{direction:?} {order:?}, fragment {index}");
            }
        }
        assert_eq!(model.connections().count(), 1);
        adds_up(&model);
    }
}

#[test]
fn fragments_of_two_datagrams_mixed() {
    let mut model = Model::new(client());
    let (one, two) = (whole(Egress, 1), whole(Egress, 2));
    for (packet, expected) in [
        (&one[0], (None, New)),
        (&two[2], (Some(FragmentWithoutFirst), Flow::None)),
        (&two[0], (None, Established)),
        (&one[2], (None, Established)),
        (&two[1], (None, Established)),
        (&one[1], (None, Established)),
    ] {
        assert_eq!(fate(&send(&mut model, packet)), expected);
    }
    // Another sender, another destination, the other direction.
    for packet in [part(OWN4, PEER4, 1, 8, false), part([10, 0, 0, 8], FAR4, 1, 8, false)] {
        let mut model = model.clone();
        model.replace_policy(1, EniPolicy::open());
        let outcome = model.tx(1, &guest4(&packet), false);
        assert!(matches!(outcome.verdict.reason(), Some(FragmentWithoutFirst | SpoofedIp)));
    }
    assert_eq!(fate(&receive(&mut model, &piece(Ingress, 1, 8, false))), (Some(FragmentWithoutFirst), Flow::None));
}

#[test]
fn thirty_seconds_from_the_first() {
    let mut model = Model::new(config());
    model.set_tick(100);
    send(&mut model, &piece(Egress, 1, 0, true));
    let deadline = 100 + 30 * 16 + 1;
    // What follows keeps nothing: neither the datagram nor the connection.
    for tick in [101, 300, deadline - 1] {
        model.set_tick(tick);
        assert_eq!(fate(&send(&mut model, &piece(Egress, 1, 8, true))), (None, Established), "tick {tick}");
    }
    assert_eq!(model.connections().next().unwrap().1.deadline, deadline);
    model.set_tick(deadline);
    assert_eq!(model.connections().count(), 0);
    assert_eq!(fate(&send(&mut model, &piece(Egress, 1, 8, true))), (Some(FragmentWithoutFirst), Flow::None));
}

#[test]
fn the_first_ones_verdict_is_all_theirs() {
    let acl = |egress, ingress| nitro_wire::CardConfig { subnets: vec![Some(Nacl { egress, ingress })], ..config() };
    let dns = || vec![nacl_rule(true, Protocol::Udp(53, 53), "0.0.0.0/0")];
    let mut nothing_tracked = config();
    nothing_tracked.enis[0].policy.max_connections = 0;
    for (name, config, direction, first, later) in [
        ("refused", server(), Egress, (Some(SecurityGroup), New), (Some(SecurityGroup), New)),
        ("refused", client(), Ingress, (Some(SecurityGroup), New), (Some(SecurityGroup), New)),
        ("denied", acl(Vec::new(), Vec::new()), Egress, (Some(Nacl), New), (Some(Nacl), New)),
        // There the ACL comes before anything that is kept.
        (
            "denied",
            acl(Vec::new(), Vec::new()),
            Ingress,
            (Some(Nacl), Flow::None),
            (Some(FragmentWithoutFirst), Flow::None),
        ),
        // An ACL of ports lets fragments without ports pass with their first one.
        ("allowed", acl(dns(), dns()), Egress, (None, New), (None, Established)),
        ("allowed", acl(dns(), dns()), Ingress, (None, New), (None, Established)),
        (
            "too many",
            nothing_tracked,
            Egress,
            (Some(ConntrackAllowanceExceeded), New),
            (Some(ConntrackAllowanceExceeded), New),
        ),
    ] {
        let mut model = Model::new(config);
        assert_eq!(fate(&go(&mut model, direction, &piece(direction, 9, 0, true))), first, "{name} {direction:?}");
        assert_eq!(fate(&go(&mut model, direction, &piece(direction, 9, 8, false))), later, "{name} {direction:?}");
        let lost = [first.0, later.0].iter().filter(|reason| **reason == Some(ConntrackAllowanceExceeded)).count();
        assert_eq!(model.eni_counter(1, EniCounter::ConntrackAllowanceExceeded), lost as u64, "{name} {direction:?}");
    }
}

#[test]
fn kinds_that_stay() {
    // Untracked stays untracked, in both directions.
    let world = || vec![rule(Protocol::Udp(0, 65_535), "0.0.0.0/0")];
    let mut model = Model::new(with_rules(world(), world()));
    for direction in Direction::ALL {
        for packet in whole(direction, 5) {
            assert_eq!(fate(&go(&mut model, direction, &packet)), (None, Untracked));
        }
    }
    assert_eq!(model.connections().count(), 0);
    // Related stays related: an error may be fragmented too.
    let mut model = Model::new(client());
    let sent = ipv4(OWN4, FAR4, 17, 0, &datagram(1, 2, b""));
    send(&mut model, &sent);
    let first = ipv4(FAR4, OWN4, 1, MORE, &icmp(3, 3, [0; 4], &[&sent[..], &[0; 4]].concat()));
    assert_eq!(fate(&receive(&mut model, &first)), (None, Related));
    assert_eq!(fate(&receive(&mut model, &ipv4(FAR4, OWN4, 1, 5, &[0; 16]))), (None, Related));
}

#[test]
fn a_datagram_of_the_same_identification_replaces_the_old_one() {
    let mut model = Model::new(client());
    send(&mut model, &piece(Egress, 1, 0, true));
    assert_eq!(fate(&send(&mut model, &piece(Egress, 1, 8, false))), (None, Established));
    model.set_tick(30 * 16);
    model.replace_policy(1, EniPolicy::closed());
    let other = {
        let mut packet = ipv4(OWN4, FAR4, 17, MORE, &datagram(9, 9, &[0; 56]));
        packet[5] = 1;
        fix_ipv4_checksum(&mut packet, 0);
        packet
    };
    assert_eq!(fate(&send(&mut model, &other)), (Some(SecurityGroup), New));
    assert_eq!(fate(&send(&mut model, &piece(Egress, 1, 8, false))), (Some(SecurityGroup), New));
    // And it lasts from its own first fragment on.
    model.set_tick(60 * 16);
    assert_eq!(fate(&send(&mut model, &piece(Egress, 1, 8, false))), (Some(SecurityGroup), New));
    model.set_tick(60 * 16 + 1);
    assert_eq!(fate(&send(&mut model, &piece(Egress, 1, 8, false))), (Some(FragmentWithoutFirst), Flow::None));
}

#[test]
fn later_fragments_find_their_own_way() {
    // The mapping is looked up for each, and each has its own length.
    let mut config = config();
    config.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = 70);
    let mut model = Model::new(config);
    let short = ipv4(OWN4, FAR4, 17, MORE, &datagram(40_000, 53, &[0; 40]));
    assert_eq!(fate(&send(&mut model, &short)), (None, New));
    let later = |length: usize| ipv4(OWN4, FAR4, 17, 6, &vec![0; length]);
    assert_eq!(fate(&send(&mut model, &later(50))), (None, Established));
    assert_eq!(fate(&send(&mut model, &later(51))), (Some(TooBig), Established));
    model.invalidate_vni(VNI);
    assert_eq!(fate(&send(&mut model, &later(50))), (Some(CacheMiss), Established));
}

#[test]
fn in_ipv6() {
    let far =
        |next, offset, more, data: &[u8]| ipv6(own6(), far6(), 44, 64, &fragment_header(next, offset, more, data));
    let mut model = Model::new(client());
    let data = datagram(40_000, 53, &[0; 24]);
    assert_eq!(fate(&send(&mut model, &far(17, 4, false, &[0; 8]))), (Some(FragmentWithoutFirst), Flow::None));
    assert_eq!(fate(&send(&mut model, &far(17, 0, true, &data))), (None, New));
    assert_eq!(fate(&send(&mut model, &far(17, 4, false, &[0; 8]))), (None, Established));
    // The protocol is a part of what identifies a datagram.
    assert_eq!(fate(&send(&mut model, &far(6, 4, false, &[0; 8]))), (Some(FragmentWithoutFirst), Flow::None));
    // A fragment that is the whole datagram (RFC 6946) is none.
    assert_eq!(fate(&send(&mut model, &far(17, 0, false, &data))), (None, Established));
}
