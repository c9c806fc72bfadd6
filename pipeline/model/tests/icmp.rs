//! ICMP and connections: echo by its identifier, errors by what they quote.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use common::*;
use nitro_model::{Model, Outcome};
use nitro_wire::DropReason::*;
use nitro_wire::Flow::{self, Established, New, Related, Untracked};
use nitro_wire::policy::Direction::{self, *};
use nitro_wire::policy::EniPolicy;

const SYN: u8 = 2;

/// A SYN of the connection from the guest's port 40000 to port 80.
fn tcp_packet(direction: Direction) -> Vec<u8> {
    match direction {
        Egress => ipv4(OWN4, FAR4, 6, 0, &segment(40_000, 80, SYN, b"")),
        Ingress => ipv4(FAR4, OWN4, 6, 0, &segment(80, 40_000, SYN, b"")),
    }
}

/// A UDP packet of the guest's exchange from port 40000 to port 53.
fn udp_packet(direction: Direction) -> Vec<u8> {
    match direction {
        Egress => ipv4(OWN4, FAR4, 17, 0, &datagram(40_000, 53, b"")),
        Ingress => ipv4(FAR4, OWN4, 17, 0, &datagram(53, 40_000, b"")),
    }
}

fn passed(outcome: &Outcome) -> Flow {
    assert_eq!(outcome.verdict.reason(), None);
    outcome.flow
}

#[test]
fn echo_both_ways_with_the_same_identifier() {
    let mut model = Model::new(config());
    assert_eq!(passed(&send(&mut model, &echo4(OWN4, FAR4, 8, 7))), New);
    assert_eq!(passed(&receive(&mut model, &echo4(FAR4, OWN4, 0, 7))), Established);
    assert_eq!(passed(&receive(&mut model, &echo4(FAR4, OWN4, 8, 7))), New);
    assert_eq!(passed(&send(&mut model, &echo4(OWN4, FAR4, 0, 7))), Established);
    let mut keys: Vec<(u16, u16)> = model.connections().map(|(key, _)| (key.local_port, key.remote_port)).collect();
    keys.sort_unstable();
    assert_eq!(keys, [(0, 7), (7, 0)]);
    // The same in IPv6.
    assert_eq!(passed(&send(&mut model, &echo6(own6(), far6(), 128, 7))), New);
    assert_eq!(passed(&receive(&mut model, &echo6(far6(), own6(), 129, 7))), Established);
    assert_eq!(passed(&receive(&mut model, &echo6(far6(), own6(), 128, 7))), New);
    assert_eq!(passed(&send(&mut model, &echo6(own6(), far6(), 129, 7))), Established);
    assert_eq!(model.connections().count(), 4);

    // A reply belongs to the request of its own identifier and direction, and makes no entry.
    for (own_rules, reply_reason, reply_flow) in [(client(), Some(SecurityGroup), New), (config(), None, Untracked)] {
        let mut model = Model::new(own_rules);
        assert_eq!(passed(&send(&mut model, &echo4(OWN4, FAR4, 8, 7))), New);
        assert_eq!(fate(&receive(&mut model, &echo4(FAR4, OWN4, 0, 8))), (reply_reason, reply_flow));
        assert_eq!(fate(&receive(&mut model, &echo4(PEER4, OWN4, 0, 7))), (reply_reason, reply_flow));
        assert_eq!(model.connections().count(), 1);
    }
    let mut model = Model::new(server());
    assert_eq!(fate(&send(&mut model, &echo4(OWN4, FAR4, 0, 7))), (Some(SecurityGroup), New));
}

#[test]
fn other_icmp_has_no_connection() {
    // A timestamp message (RFC 792) passes by rules alone, even if an echo of identifier 0 is tracked.
    let timestamp = |src, dst, kind| ipv4(src, dst, 1, 0, &icmp(kind, 0, [0; 4], &[0; 12]));
    let mut model = Model::new(client());
    assert_eq!(passed(&send(&mut model, &echo4(OWN4, FAR4, 8, 0))), New);
    assert_eq!(passed(&send(&mut model, &timestamp(OWN4, FAR4, 13))), Untracked);
    assert_eq!(fate(&receive(&mut model, &timestamp(FAR4, OWN4, 14))), (Some(SecurityGroup), New));
    assert_eq!(model.connections().count(), 1);
}

/// An ICMP error that quotes a packet.
fn error4(src: [u8; 4], dst: [u8; 4], quoted: &[u8]) -> Vec<u8> {
    ipv4(src, dst, 1, 0, &icmp(3, 1, [0; 4], quoted))
}

const ROUTER: [u8; 4] = [10, 0, 9, 9];

#[test]
fn related_errors_both_ways() {
    let closed = EniPolicy::closed();
    let sent = [tcp_packet(Egress), udp_packet(Egress), echo4(OWN4, FAR4, 8, 9), ipv4(OWN4, FAR4, 50, 0, &[0; 8])];
    for packet in sent {
        // The guest's own packet comes to nothing somewhere on its way.
        let mut model = Model::new(client());
        let error = error4(ROUTER, OWN4, &packet);
        assert_eq!(fate(&receive(&mut model, &error)), (Some(SecurityGroup), New));
        passed(&send(&mut model, &packet));
        model.replace_policy(1, closed.clone());
        let tick = model.connections().next().unwrap().1.deadline - 1;
        model.set_tick(tick);
        assert_eq!(passed(&receive(&mut model, &error)), Related);
        // It keeps nothing alive and makes nothing.
        assert_eq!(model.connections().count(), 1);
        model.set_tick(tick + 1);
        assert_eq!(fate(&receive(&mut model, &error)), (Some(SecurityGroup), New));
    }
    let received =
        [tcp_packet(Ingress), udp_packet(Ingress), echo4(FAR4, OWN4, 8, 9), ipv4(FAR4, OWN4, 50, 0, &[0; 8])];
    for packet in received {
        // What came to the guest comes to nothing there.
        let mut model = Model::new(server());
        let error = error4(OWN4, FAR4, &packet);
        assert_eq!(fate(&send(&mut model, &error)), (Some(SecurityGroup), New));
        passed(&receive(&mut model, &packet));
        model.replace_policy(1, closed.clone());
        assert_eq!(passed(&send(&mut model, &error)), Related);
    }
}

#[test]
fn related_errors_in_ipv6() {
    let sent = ipv6(own6(), far6(), 6, 64, &segment(40_000, 80, SYN, b""));
    let mut model = Model::new(client());
    passed(&send(&mut model, &sent));
    let too_big = icmpv6(far6(), own6(), 64, &icmp(2, 0, [0, 0, 5, 0], &sent));
    assert_eq!(passed(&receive(&mut model, &too_big)), Related);
    let mut model = Model::new(server());
    let asked = echo6(far6(), own6(), 128, 77);
    passed(&receive(&mut model, &asked));
    let unreachable = icmpv6(own6(), far6(), 64, &icmp(1, 4, [0; 4], &asked));
    assert_eq!(passed(&send(&mut model, &unreachable)), Related);
}

#[test]
fn errors_that_do_not_belong() {
    let mut model = Model::new(client());
    let sent = udp_packet(Egress);
    passed(&send(&mut model, &sent));
    let about = |packet: &[u8]| error4(ROUTER, OWN4, packet);
    let other_port = ipv4(OWN4, FAR4, 17, 0, &datagram(40_001, 53, b""));
    for (name, error) in [
        ("another port", about(&other_port)),
        ("the other direction", about(&udp_packet(Ingress))),
        ("no ports", about(&sent[..22])),
        ("half a header", about(&sent[..12])),
        ("no error", ipv4(ROUTER, OWN4, 1, 0, &icmp(13, 0, [0; 4], &sent))),
    ] {
        assert_eq!(fate(&receive(&mut model, &error)), (Some(SecurityGroup), New), "{name}");
    }
    assert_eq!(passed(&receive(&mut model, &about(&sent))), Related);
    // An ACL has no memory: it looks at errors as at everything.
    model.replace_nacl(0, Some(nitro_wire::policy::Nacl::default()));
    assert_eq!(fate(&receive(&mut model, &about(&sent))), (Some(Nacl), Flow::None));
    // Rules may admit what belongs to nothing; it stays untracked.
    let mut model = Model::new(config());
    assert_eq!(passed(&receive(&mut model, &about(&sent))), Untracked);
    assert_eq!(model.connections().count(), 0);
}
