//! Connections: their states, timeouts and limits, and what belongs to them.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use common::*;
use nitro_model::conntrack::{Key, State};
use nitro_model::{Model, Outcome};
use nitro_wire::DropReason::{self, *};
use nitro_wire::Flow::{self, Established, New, Untracked};
use nitro_wire::policy::Direction::{self, *};
use nitro_wire::policy::{EniPolicy, Protocol, Timeouts};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// A TCP packet of the guest's connection from port 40000 to port 80.
fn tcp_packet(direction: Direction, flags: u8) -> Vec<u8> {
    match direction {
        Egress => ipv4(OWN4, FAR4, 6, 0, &segment(40_000, 80, flags, b"")),
        Ingress => ipv4(FAR4, OWN4, 6, 0, &segment(80, 40_000, flags, b"")),
    }
}

/// A UDP packet of the guest's exchange from port 40000 to port 53.
fn udp_packet(direction: Direction) -> Vec<u8> {
    match direction {
        Egress => ipv4(OWN4, FAR4, 17, 0, &datagram(40_000, 53, b"")),
        Ingress => ipv4(FAR4, OWN4, 17, 0, &datagram(53, 40_000, b"")),
    }
}

/// The only connection's state.
fn state(model: &Model) -> Option<State> {
    let mut connections = model.connections();
    let first = connections.next().map(|(key, connection)| connection.state(key.protocol));
    assert_eq!(connections.next(), None);
    first
}

fn passed(outcome: &Outcome) -> Flow {
    assert_eq!(outcome.verdict.reason(), None);
    outcome.flow
}

/// A TCP packet: direction and flags; its kind and the connection's state after it.
type Step = (Direction, u8, Flow, State);
/// Packets and their directions.
type Packets = Vec<(Direction, Vec<u8>)>;

#[test]
fn tcp_states() {
    use State::{TcpClosing as Closing, TcpEstablished as Open, TcpNew as Opening};
    let (tx, rx) = (Egress, Ingress);
    let sequences: &[(&str, &[Step])] = &[
        (
            "handshake and orderly end",
            &[
                (tx, SYN, New, Opening),
                (rx, SYN | ACK, Established, Opening),
                (tx, ACK, Established, Open),
                (tx, FIN | ACK, Established, Open),
                (rx, ACK, Established, Open),
                (rx, FIN | ACK, Established, Closing),
                (tx, ACK, Established, Closing),
            ],
        ),
        (
            "from outside",
            &[
                (rx, SYN, New, Opening),
                (tx, SYN | ACK, Established, Opening),
                (rx, ACK, Established, Open),
                (rx, FIN | ACK, Established, Open),
                (tx, FIN | ACK, Established, Closing),
            ],
        ),
        ("refused", &[(tx, SYN, New, Opening), (rx, RST | ACK, Established, Closing), (tx, SYN, New, Opening)]),
        ("reset", &[(tx, ACK, New, Opening), (rx, ACK, Established, Open), (tx, RST, Established, Closing)]),
        (
            "repeated SYN, lost answers",
            &[(tx, SYN, New, Opening), (tx, SYN, Established, Opening), (rx, SYN | ACK, Established, Opening)],
        ),
        (
            "both open at once",
            &[
                (tx, SYN, New, Opening),
                (rx, SYN, Established, Opening),
                (tx, SYN | ACK, Established, Opening),
                (rx, SYN | ACK, Established, Open),
            ],
        ),
        (
            "taken over in the middle",
            &[(rx, ACK, New, Opening), (rx, ACK, Established, Opening), (tx, ACK, Established, Open)],
        ),
        ("a reset out of nowhere", &[(tx, RST, New, Closing), (rx, ACK, Established, Closing)]),
        ("no flags at all", &[(tx, 0, New, Opening), (rx, 0, Established, Opening), (tx, 0, Established, Opening)]),
        (
            "what is left of a closed connection",
            &[
                (tx, SYN | ACK, New, Opening),
                (rx, RST, Established, Closing),
                // Neither an answer nor data begins a connection anew; a SYN of either side does.
                (tx, SYN | ACK, Established, Closing),
                (rx, ACK, Established, Closing),
                (rx, SYN, New, Opening),
                (tx, SYN | ACK, Established, Opening),
            ],
        ),
        ("SYN with RST", &[(tx, RST, New, Closing), (tx, SYN | RST, New, Closing)]),
        (
            "one side's FIN twice is not both",
            &[
                (tx, ACK, New, Opening),
                (rx, ACK, Established, Open),
                (tx, FIN, Established, Open),
                (tx, FIN, Established, Open),
            ],
        ),
    ];
    for (name, packets) in sequences {
        let mut model = Model::new(config());
        for (index, (direction, flags, flow, after)) in packets.iter().enumerate() {
            let outcome = go(&mut model, *direction, &tcp_packet(*direction, *flags));
            assert_eq!((passed(&outcome), state(&model)), (*flow, Some(*after)), "{name}, packet {index}");
        }
    }
}

#[test]
fn a_reopening_that_is_refused_leaves_the_old_connection() {
    let mut model = Model::new(client());
    send(&mut model, &tcp_packet(Egress, SYN));
    receive(&mut model, &tcp_packet(Ingress, RST | ACK));
    assert_eq!(state(&model), Some(State::TcpClosing));
    // Nobody may open a connection to the guest, whatever its ports were used for before.
    let outcome = receive(&mut model, &tcp_packet(Ingress, SYN));
    assert_eq!(fate(&outcome), (Some(SecurityGroup), New));
    assert_eq!(state(&model), Some(State::TcpClosing));
    assert_eq!(passed(&receive(&mut model, &tcp_packet(Ingress, ACK))), Established);
}

#[test]
fn other_states() {
    let mut model = Model::new(config());
    assert_eq!(passed(&send(&mut model, &udp_packet(Egress))), New);
    assert_eq!(state(&model), Some(State::UdpSingle));
    assert_eq!(passed(&send(&mut model, &udp_packet(Egress))), Established);
    assert_eq!(state(&model), Some(State::UdpSingle));
    assert_eq!(passed(&receive(&mut model, &udp_packet(Ingress))), Established);
    assert_eq!(state(&model), Some(State::UdpStream));

    let mut model = Model::new(client());
    let [sent, received] = [(OWN4, FAR4), (FAR4, OWN4)].map(|(src, dst)| ipv4(src, dst, 50, 0, &[7; 32]));
    assert_eq!(passed(&send(&mut model, &sent)), New);
    assert_eq!(passed(&receive(&mut model, &received)), Established);
    assert_eq!(state(&model), Some(State::Other));
    // ICMP's number in the wrong family has no identifiers, but the timeout of ICMP.
    let mut model = Model::new(client());
    assert_eq!(passed(&send(&mut model, &ipv6(own6(), far6(), 1, 64, &[8; 8]))), New);
    assert_eq!(passed(&receive(&mut model, &ipv6(far6(), own6(), 1, 64, &[8; 8]))), Established);
    assert_eq!(state(&model), Some(State::Icmp));
}

/// Seconds of each state that differ from each other and from the defaults.
const TIMEOUTS: Timeouts =
    Timeouts { tcp_established: 61, tcp_transient: 7, udp: 31, udp_stream: 62, icmp: 5, other: 100 };

fn timed(config: nitro_wire::CardConfig) -> nitro_wire::CardConfig {
    let mut config = config;
    config.enis[0].policy.timeouts = TIMEOUTS;
    config
}

#[test]
fn connections_end_at_their_tick() {
    let both =
        |packets: &[(Direction, u8)]| packets.iter().map(|(way, flags)| (*way, tcp_packet(*way, *flags))).collect();
    let protocol50 = |way| match way {
        Egress => ipv4(OWN4, FAR4, 50, 0, &[0; 8]),
        Ingress => ipv4(FAR4, OWN4, 50, 0, &[0; 8]),
    };
    let ways: Vec<(State, u32, Packets)> = vec![
        (State::TcpNew, 7, both(&[(Egress, SYN)])),
        (State::TcpEstablished, 61, both(&[(Egress, SYN), (Ingress, SYN | ACK), (Egress, ACK)])),
        (State::TcpClosing, 7, both(&[(Egress, ACK), (Ingress, ACK), (Ingress, RST)])),
        (State::UdpSingle, 31, vec![(Egress, udp_packet(Egress))]),
        (State::UdpStream, 62, vec![(Egress, udp_packet(Egress)), (Ingress, udp_packet(Ingress))]),
        (State::Icmp, 5, vec![(Egress, echo4(OWN4, FAR4, 8, 1)), (Ingress, echo4(FAR4, OWN4, 0, 1))]),
        (State::Other, 100, vec![(Egress, protocol50(Egress))]),
    ];
    for (wanted, seconds, packets) in ways {
        let mut model = Model::new(timed(config()));
        // Each packet some ticks after the one before: only the last one's tick counts.
        for (index, (direction, packet)) in packets.iter().enumerate() {
            model.set_tick(1000 + 10 * index as u64);
            passed(&go(&mut model, *direction, packet));
        }
        assert_eq!(state(&model), Some(wanted));
        let deadline = model.tick() + u64::from(seconds) * 16 + 1;
        let again = |tick| {
            let mut model = model.clone();
            model.set_tick(tick);
            let gone = model.connections().next().is_none();
            (gone, passed(&go(&mut model, packets[0].0, &packets[0].1)))
        };
        assert_eq!(again(deadline - 1), (false, Established), "{wanted:?}");
        assert_eq!(again(deadline), (true, New), "{wanted:?}");
        assert_eq!(again(deadline + 1_000_000), (true, New), "{wanted:?}");
    }
}

#[test]
fn every_passing_packet_refreshes() {
    let mut model = Model::new(timed(config()));
    send(&mut model, &udp_packet(Egress));
    for tick in (1..20).map(|step| step * 31 * 16) {
        model.set_tick(tick);
        assert_eq!(passed(&send(&mut model, &udp_packet(Egress))), Established, "tick {tick}");
    }
    // Time does not run backwards.
    model.set_tick(0);
    assert_eq!(model.tick(), 19 * 31 * 16);
}

#[test]
fn only_packets_that_pass_count() {
    let mut config = timed(client());
    let allow_udp = nacl_rule(true, Protocol::Udp(0, 65_535), "0.0.0.0/0");
    let small = |data| ipv4(OWN4, FAR4, 17, 0x4000, &datagram(40_000, 53, &vec![0; data]));
    config.mappings.iter_mut().for_each(|mapping| mapping.path_mtu = 100);
    let mut model = Model::new(config);
    send(&mut model, &small(0));
    let deadline = 31 * 16 + 1;
    // Neither what is too big, nor what an ACL denies, nor a fragment that follows keeps it alive.
    model.set_tick(100);
    assert_eq!(fate(&send(&mut model, &small(500))), (Some(TooBig), Established));
    model.replace_nacl(0, Some(nitro_wire::policy::Nacl::default()));
    assert_eq!(fate(&send(&mut model, &small(0))), (Some(Nacl), Established));
    assert_eq!(fate(&receive(&mut model, &udp_packet(Ingress))), (Some(Nacl), Flow::None));
    model.replace_nacl(0, Some(nitro_wire::policy::Nacl { egress: vec![allow_udp], ingress: Vec::new() }));
    model.set_tick(deadline - 1);
    assert_eq!(state(&model), Some(State::UdpSingle), "what the ACL denied made no stream of it");
    model.set_tick(deadline);
    assert_eq!(state(&model), None);
    // A reset that does not pass closes nothing.
    let mut model = Model::new(client());
    send(&mut model, &tcp_packet(Egress, ACK));
    receive(&mut model, &tcp_packet(Ingress, ACK));
    model.replace_nacl(0, Some(nitro_wire::policy::Nacl::default()));
    assert_eq!(fate(&receive(&mut model, &tcp_packet(Ingress, RST))), (Some(Nacl), Flow::None));
    assert_eq!(fate(&send(&mut model, &tcp_packet(Egress, RST))), (Some(Nacl), Established));
    assert_eq!(state(&model), Some(State::TcpEstablished));
}

#[test]
fn an_entry_needs_every_check_to_pass() {
    let drops: [(DropReason, nitro_wire::CardConfig, [u8; 4]); 5] = [
        (SecurityGroup, server(), FAR4),
        (NoMapping, client(), [10, 0, 0, 66]),
        (MappingDrop, client(), [10, 0, 0, 67]),
        (CacheMiss, client(), [10, 0, 0, 7]),
        (Nacl, nitro_wire::CardConfig { subnets: vec![Some(nitro_wire::policy::Nacl::default())], ..client() }, FAR4),
    ];
    for (reason, config, destination) in drops {
        let mut model = Model::new(config);
        let outcome = send(&mut model, &ipv4(OWN4, destination, 17, 0, &udp(b"")));
        assert_eq!(fate(&outcome), (Some(reason), New));
        assert_eq!(state(&model), None, "{reason}");
    }
}

/// Sends the first packet of the guest's connection number `port`.
fn open(model: &mut Model, port: u16) -> (Option<DropReason>, Flow) {
    fate(&send(model, &ipv4(OWN4, FAR4, 6, 0, &segment(port, 80, SYN, b""))))
}

#[test]
fn allowance() {
    let mut config = timed(config());
    config.enis[0].policy.max_connections = 3;
    let mut model = Model::new(config);
    for port in 0..3 {
        assert_eq!(open(&mut model, port), (None, New));
    }
    for port in 3..100 {
        assert_eq!(open(&mut model, port), (Some(ConntrackAllowanceExceeded), New));
    }
    // Those that are there go on, and may even begin anew.
    assert_eq!(open(&mut model, 1), (None, Established));
    receive(&mut model, &ipv4(FAR4, OWN4, 6, 0, &segment(80, 1, RST, b"")));
    assert_eq!(open(&mut model, 1), (None, New));
    assert_eq!(model.connections().count(), 3);
    // From outside as well.
    let outside = ipv4(FAR4, OWN4, 6, 0, &segment(9, 22, SYN, b""));
    assert_eq!(fate(&receive(&mut model, &outside)), (Some(ConntrackAllowanceExceeded), New));
    // Place again when they have been ended for a tick; those that have ended may begin anew in their place before.
    model.set_tick(7 * 16 + 1);
    assert_eq!(model.connections().count(), 0);
    assert_eq!(open(&mut model, 200), (Some(ConntrackAllowanceExceeded), New));
    assert_eq!(open(&mut model, 2), (None, New));
    model.set_tick(7 * 16 + 2);
    assert_eq!(open(&mut model, 200), (None, New));
    adds_up(&model);
}

#[test]
fn capacity() {
    let mut model = Model::with_capacity(config(), 2);
    assert_eq!(open(&mut model, 1), (None, New));
    assert_eq!(open(&mut model, 2), (None, New));
    assert_eq!(open(&mut model, 3), (Some(ConntrackFull), New));
    assert_eq!(open(&mut model, 2), (None, Established));
    // An interface at its own limit is told that first; a refused packet that it is refused.
    let mut both = config();
    both.enis[0].policy.max_connections = 2;
    let mut model = Model::with_capacity(both, 2);
    open(&mut model, 1);
    open(&mut model, 2);
    assert_eq!(open(&mut model, 3), (Some(ConntrackAllowanceExceeded), New));
    model.replace_policy(1, EniPolicy { max_connections: 2, ..EniPolicy::closed() });
    assert_eq!(open(&mut model, 3), (Some(SecurityGroup), New));
}

#[test]
fn interfaces_do_not_share_connections() {
    let mut config = client();
    let mut second = config.enis[0].clone();
    (second.number, second.mac) = (2, [0x0a, 0x10, 0, 0, 0, 9]);
    second.vni = VNI + 1;
    config.enis.push(second);
    let mut mapping = mapping(FAR4.into(), FAR_MAC, nitro_wire::MappingKind::Instance);
    mapping.vni = VNI + 1;
    config.mappings.push(mapping);
    let mut model = Model::new(config);
    assert_eq!(open(&mut model, 1), (None, New));
    // Same addresses and ports in another VPC.
    let packet = ipv4(OWN4, FAR4, 6, 0, &segment(1, 80, SYN, b""));
    let frame = ethernet(GATEWAY_MAC, [0x0a, 0x10, 0, 0, 0, 9], 0x0800, &packet);
    assert_eq!(fate(&model.tx(2, &frame, false)), (None, New));
    assert_eq!(model.connections().count(), 2);
}

#[test]
fn strict_tcp() {
    let mut config = config();
    config.strict_tcp = true;
    for flags in 0..=u8::MAX {
        for direction in Direction::ALL {
            let mut model = Model::new(config.clone());
            let outcome = go(&mut model, direction, &tcp_packet(direction, flags));
            let begins = flags & SYN != 0 && flags & RST == 0;
            assert_eq!(fate(&outcome), (if begins { None } else { Some(StrictTcp) }, New), "flags {flags:08b}");
            // Other protocols do not care.
            assert_eq!(passed(&go(&mut model, direction, &udp_packet(direction))), New);
        }
    }
    // With a connection everything passes.
    let mut model = Model::new(config.clone());
    send(&mut model, &tcp_packet(Egress, SYN));
    assert_eq!(passed(&receive(&mut model, &tcp_packet(Ingress, RST))), Established);
    assert_eq!(passed(&send(&mut model, &tcp_packet(Egress, ACK))), Established);
    // It comes before the rules.
    config.enis[0].policy = EniPolicy::closed();
    assert_eq!(fate(&send(&mut Model::new(config.clone()), &tcp_packet(Egress, ACK))), (Some(StrictTcp), New));
    assert_eq!(fate(&send(&mut Model::new(config), &tcp_packet(Egress, SYN))), (Some(SecurityGroup), New));
}

#[test]
fn strict_tcp_tracks_what_rules_would_not() {
    let world = vec![rule(Protocol::Tcp(0, 65_535), "0.0.0.0/0"), rule(Protocol::Udp(0, 65_535), "0.0.0.0/0")];
    let mut config = with_rules(world.clone(), world);
    let mut model = Model::new(config.clone());
    assert_eq!(passed(&send(&mut model, &tcp_packet(Egress, SYN))), Untracked);
    config.strict_tcp = true;
    let mut model = Model::new(config);
    assert_eq!(passed(&send(&mut model, &tcp_packet(Egress, SYN))), New);
    assert_eq!(passed(&receive(&mut model, &tcp_packet(Ingress, SYN | ACK))), Established);
    assert_eq!(passed(&send(&mut model, &tcp_packet(Egress, ACK))), Established);
    assert_eq!(passed(&send(&mut model, &udp_packet(Egress))), Untracked);
}

#[test]
fn keys_are_the_same_from_both_sides() {
    let (there, back) = (tcp_packet(Egress, SYN), tcp_packet(Ingress, SYN));
    let key = |direction, packet: &[u8]| {
        nitro_model::conntrack::key(3, direction, &nitro_model::parse(&guest4(packet))).unwrap()
    };
    let expected = Key {
        eni: 3,
        local_ip: 0xffff_0a00_0005,
        remote_ip: 0xffff_0a00_0114,
        local_port: 40_000,
        remote_port: 80,
        protocol: 6,
    };
    assert_eq!(key(Egress, &there), expected);
    assert_eq!(key(Ingress, &back), expected);
}
