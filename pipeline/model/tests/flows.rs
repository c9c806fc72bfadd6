//! What holds for any traffic under any policy: nothing panics, the books balance, and an answer to what passed passes.

#![allow(clippy::unwrap_used)] // A test stops at the first surprise.

mod common;

use std::collections::HashMap;

use common::*;
use nitro_model::conntrack::{Connection, Key, State};
use nitro_model::{Model, Outcome, Verdict};
use nitro_wire::Flow::{self, Established, New, Untracked};
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{Bank, MADE, PASSED, RECEIVED, REPLIED};
use nitro_wire::policy::Direction::{self, *};
use nitro_wire::policy::{EniPolicy, Nacl, Protocol, SecurityRule, Timeouts};
use proptest::collection::vec;
use proptest::prelude::*;

/// A packet between the guest and another host, put together of few values, so that they meet each other.
#[derive(Clone, Debug)]
struct Packet {
    direction: Direction,
    ipv6: bool,
    remote: u8,
    kind: u8,
    ports: (u16, u16),
    flags: u8,
    fragment: u8,
    length: usize,
}

fn packets() -> impl Strategy<Value = Packet> {
    let ends = (any::<bool>(), any::<bool>(), 0_u8..4);
    let what = (0_u8..6, (0_u16..3, 0_u16..3), any::<u8>(), 0_u8..8, prop::sample::select(vec![0, 8, 40, 600, 9300]));
    (ends, what).prop_map(|((sent, ipv6, remote), (kind, ports, flags, fragment, length))| Packet {
        direction: if sent { Egress } else { Ingress },
        ipv6,
        remote,
        kind,
        ports,
        flags,
        // Half of the packets are whole.
        fragment: fragment.saturating_sub(4),
        length,
    })
}

/// Remote hosts: in the subnet, outside of it, a link-local service, one without a mapping.
fn remote4(index: u8) -> [u8; 4] {
    [PEER4, FAR4, [169, 254, 169, 254], [10, 0, 0, 66]][usize::from(index)]
}

impl Packet {
    fn upper(&self) -> (u8, Vec<u8>) {
        let data = vec![0; self.length.min(9000)];
        let (local, remote) = self.ports;
        let (source, destination) = if self.direction == Egress { (local, remote) } else { (remote, local) };
        let [high, low] = local.to_be_bytes();
        let (request, reply, icmp_number) = if self.ipv6 { (128, 129, 58) } else { (8, 0, 1) };
        match self.kind {
            0 => (6, segment(source, destination, self.flags, &data)),
            1 => (17, datagram(source, destination, &data)),
            2 => (icmp_number, icmp(request, 0, [high, low, 0, 0], &data)),
            3 => (icmp_number, icmp(reply, 0, [high, low, 0, 0], &data)),
            4 => (icmp_number, icmp(if self.ipv6 { 1 } else { 3 }, 0, [0; 4], &self.quoted())),
            _ => (50, [vec![0; 8], data].concat()),
        }
    }

    /// What the other side may have sent.
    fn quoted(&self) -> Vec<u8> {
        let other = Packet {
            direction: self.direction.opposite(),
            kind: self.flags % 3,
            fragment: 0,
            length: 0,
            ..self.clone()
        };
        other.bytes()
    }

    fn bytes(&self) -> Vec<u8> {
        let (protocol, upper) = self.upper();
        let (place, more) = [(0, false), (0, true), (1, true), (3, false)][usize::from(self.fragment)];
        if self.ipv6 {
            let remote = [peer6(), far6(), far6(), "fd00:10::66".parse().unwrap()][usize::from(self.remote)];
            let (src, dst) = if self.direction == Egress { (own6(), remote) } else { (remote, own6()) };
            if self.fragment == 0 {
                ipv6(src, dst, protocol, 64, &upper)
            } else {
                ipv6(src, dst, 44, 64, &fragment_header(protocol, place, more, &upper))
            }
        } else {
            let remote = remote4(self.remote);
            let (src, dst) = if self.direction == Egress { (OWN4, remote) } else { (remote, OWN4) };
            let flags = place | if more { 0x2000 } else { 0 } | if self.flags & 1 == 1 { 0x4000 } else { 0 };
            ipv4(src, dst, protocol, flags, &upper)
        }
    }

    /// A packet of the same conversation that goes the other way; none for what is no conversation.
    fn answered(&self) -> Option<Packet> {
        let kind = match self.kind {
            0 | 1 | 5 => self.kind,
            2 => 3,
            _ => return None,
        };
        Some(Packet { direction: self.direction.opposite(), kind, flags: 16, fragment: 0, length: 0, ..self.clone() })
    }
}

fn protocols() -> impl Strategy<Value = Protocol> {
    let port = || 0_u16..3;
    prop_oneof![
        Just(Protocol::All),
        Just(Protocol::Tcp(0, 65_535)),
        Just(Protocol::Udp(0, 65_535)),
        (port(), port()).prop_map(|(low, high)| Protocol::Tcp(low, high)),
        (port(), port()).prop_map(|(low, high)| Protocol::Udp(low, high)),
        Just(Protocol::Icmp(None)),
        Just(Protocol::Icmp(Some((8, None)))),
        Just(Protocol::Icmpv6(None)),
        Just(Protocol::Number(50)),
    ]
}

fn prefixes() -> impl Strategy<Value = &'static str> {
    let some = vec!["0.0.0.0/0", "0.0.0.0/0", "::/0", "10.0.0.0/24", "10.0.1.20/32", "fd00:10::/56", "fd00:10::/64"];
    prop::sample::select(some)
}

fn rules() -> impl Strategy<Value = Vec<SecurityRule>> {
    let one = (protocols(), prefixes(), prop::option::weighted(0.2, 0_u8..3));
    let one = one.prop_map(|(protocol, prefix, group)| match group {
        Some(group) => group_rule(protocol, group),
        None => rule(protocol, prefix),
    });
    prop_oneof![2 => vec(one, 0..5), 1 => Just(everything())]
}

fn cards() -> impl Strategy<Value = CardConfig> {
    let acl = || vec((any::<bool>(), protocols(), prefixes()), 0..4);
    let limits = (0_u32..6, prop::sample::select(vec![60_u16, 100, 1500, 9001]), any::<bool>(), any::<bool>());
    let acls = prop::option::weighted(0.4, (acl(), acl()));
    (rules(), rules(), acls, limits).prop_map(|(egress, ingress, acls, (most, path_mtu, strict_tcp, query))| {
        let mut config = with_rules(egress, ingress);
        let timeouts = Timeouts { tcp_established: 5, tcp_transient: 1, udp: 1, udp_stream: 3, icmp: 1, other: 2 };
        config.enis[0].policy.max_connections = if most == 0 { u32::MAX } else { most };
        config.enis[0].policy.timeouts = timeouts;
        config.enis[0].policy.linklocal_allowance = 16;
        (config.strict_tcp, config.query_on_miss) = (strict_tcp, query);
        let acl = |rules: Vec<(bool, Protocol, &str)>| {
            rules.into_iter().map(|(allow, protocol, outside)| nacl_rule(allow, protocol, outside)).collect()
        };
        config.subnets = vec![acls.map(|(egress, ingress)| Nacl { egress: acl(egress), ingress: acl(ingress) })];
        config.mappings.push(mapping([169, 254, 169, 254].into(), FAR_MAC, nitro_wire::MappingKind::GatewayService));
        for (index, mapping) in config.mappings.iter_mut().enumerate() {
            mapping.path_mtu = path_mtu;
            mapping.groups = 1 << (index % 3);
        }
        config
    })
}

/// What goes in, by what the outcomes say, is what the counters say; every frame in or made is out or dropped.
#[derive(Default)]
struct Books {
    packets: [u64; 3],
}

impl Books {
    fn enter(&mut self, outcome: &Outcome) {
        let [entered, left, dropped] = &mut self.packets;
        *entered += 1;
        match outcome.verdict {
            Verdict::Forward(_) | Verdict::Deliver { .. } | Verdict::Reply { .. } => *left += 1,
            Verdict::Local => {}
            Verdict::Drop(_) => *dropped += 1,
            // One is made and leaves.
            Verdict::Bounce { .. } => {
                *dropped += 1;
                *entered += 1;
                *left += 1;
            }
        }
        assert_eq!(outcome.local.is_some(), outcome.verdict == Verdict::Local);
    }

    fn balance(&self, model: &Model) {
        adds_up(model);
        let [entered, left, dropped] = self.packets;
        assert_eq!(entered, left + dropped);
        let sum = |indexes: &[u8]| {
            let all = Bank::ALL.into_iter().flat_map(|bank| indexes.iter().map(move |index| (bank, *index)));
            all.map(|(bank, index)| model.counters().get(bank, index).packets).sum::<u64>()
        };
        assert_eq!(entered, sum(&[RECEIVED, MADE]));
        assert_eq!(left, sum(&[PASSED, REPLIED, MADE]));
    }
}

fn connections(model: &Model) -> HashMap<Key, Connection> {
    model.connections().map(|(key, connection)| (*key, *connection)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_traffic_under_any_policy(card in cards(), traffic in vec((packets(), 0_u64..20), 1..60), capacity in 1_usize..8) {
        let mut model = Model::with_capacity(card.clone(), capacity);
        let mut books = Books::default();
        let mut tick = 0;
        for (packet, pause) in traffic {
            tick += pause;
            model.set_tick(tick);
            let before = connections(&model);
            let outcome = go(&mut model, packet.direction, &packet.bytes());
            books.enter(&outcome);
            // Limits hold, and whatever is tracked has a future.
            prop_assert!(model.connections().count() <= capacity);
            prop_assert!(model.connections().count() <= card.enis[0].policy.max_connections as usize);
            prop_assert!(model.connections().all(|(_, connection)| connection.deadline > tick));
            // Only what passes as `new` or `established` changes a connection, and one at most.
            let changed = connections(&model).into_iter().filter(|(key, is)| before.get(key) != Some(is)).count();
            let counts = outcome.verdict.reason().is_none() && matches!(outcome.flow, New | Established);
            prop_assert!(changed <= usize::from(counts), "{:?}", outcome);
            if counts && outcome.flow == New {
                prop_assert!(model.connections().count() > 0);
            }
        }
        books.balance(&model);
    }

    /// A reply of a tracked packet that passed passes, whatever the rules and flags are, as long as its connection lasts and no
    /// ACL (which has no memory) is in its way.
    #[test]
    fn replies_pass(card in cards(), traffic in vec(packets(), 1..20), packet in packets(), later in 0_u64..16) {
        let card = CardConfig { subnets: Vec::new(), ..card };
        let mut model = Model::new(card);
        for packet in traffic {
            go(&mut model, packet.direction, &packet.bytes());
        }
        let outcome = go(&mut model, packet.direction, &packet.bytes());
        let tracked = outcome.verdict.reason().is_none() && matches!(outcome.flow, New | Established);
        if let Some(answer) = packet.answered().filter(|_| tracked && packet.fragment < 2) {
            // Rules may go, the connection stays.
            model.replace_policy(1, EniPolicy { timeouts: Timeouts::default(), ..EniPolicy::closed() });
            model.set_tick(later);
            let outcome = go(&mut model, answer.direction, &answer.bytes());
            // On the way out it needs a mapping; it fits the shortest of ways.
            let lost = outcome.verdict.reason().is_some_and(|reason| reason.stage() == nitro_wire::Stage::Lookup);
            let way = answer.direction == Ingress || !lost;
            if way {
                prop_assert_eq!(fate(&outcome), (None, Established));
            }
        }
    }

    /// Replies of untracked packets pass as well, without a connection.
    #[test]
    fn untracked_replies_pass(card in cards(), packet in packets()) {
        let card = CardConfig { subnets: Vec::new(), strict_tcp: false, ..card };
        let mut model = Model::new(card);
        let outcome = go(&mut model, packet.direction, &packet.bytes());
        let untracked = outcome.verdict.reason().is_none() && outcome.flow == Untracked;
        if let Some(answer) = packet.answered().filter(|_| untracked && packet.kind < 2 && packet.fragment < 2) {
            let outcome = go(&mut model, answer.direction, &answer.bytes());
            prop_assert!(outcome.flow == Untracked && model.connections().count() == 0);
        }
    }

    /// The model is a function of what it has seen.
    #[test]
    fn the_same_again(card in cards(), traffic in vec(packets(), 1..40)) {
        let run = |mut model: Model| -> Vec<Outcome> {
            traffic.iter().map(|packet| go(&mut model, packet.direction, &packet.bytes())).collect()
        };
        let model = Model::new(card);
        prop_assert_eq!(run(model.clone()), run(model));
    }

    /// TCP states only ever go forward until a connection begins anew.
    #[test]
    fn tcp_states_go_forward(flags in vec((any::<bool>(), any::<u8>()), 1..30)) {
        let mut model = Model::new(config());
        let mut last = None;
        for (sent, flags) in flags {
            let direction = if sent { Egress } else { Ingress };
            let (src, dst, from, to) = if sent { (OWN4, FAR4, 1, 2) } else { (FAR4, OWN4, 2, 1) };
            let outcome = go(&mut model, direction, &ipv4(src, dst, 6, 0, &segment(from, to, flags, b"")));
            let (key, connection) = model.connections().next().unwrap();
            let state = connection.state(key.protocol);
            let rank = |state| [State::TcpNew, State::TcpEstablished, State::TcpClosing].iter().position(|of| *of == state);
            match outcome.flow {
                New => prop_assert!(last.is_none_or(|last| last == State::TcpClosing) && flags & 16 == 0 || last.is_none()),
                Established => prop_assert!(rank(state) >= last.map_or(Some(0), rank)),
                other => prop_assert_eq!(other, Flow::None, "a kind that cannot be"),
            }
            last = Some(state);
        }
    }
}
