//! Conversations between an interface and a peer, which may be another interface of the card, packet by packet as they pass the
//! card: TCP with losses and resets, UDP, echo, other protocols, and ICMP errors about any of these.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::net::IpAddr;

use nitro_components::bench::Random;
use nitro_model::checksum::checksum;
use nitro_model::{Sender, wrap};
use nitro_wire::Layout;
use nitro_wire::control::{CardConfig, Eni, ip_bits};
use nitro_wire::counters::Bank;
use nitro_wire::policy::Direction;

use crate::rules::{self, PORTS, pick};
use crate::whole::Frame;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// What a datagram carries.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// TCP with these flags.
    Tcp(u8),
    /// UDP.
    Udp,
    /// An echo request, of this identifier.
    Request(u16),
    /// An echo reply, of this identifier.
    Reply(u16),
    /// An ICMP message of this type that is neither.
    Message(u8),
    /// Some other protocol.
    Other(u8),
    /// An error that quotes a datagram of the other side, itself of this content.
    Error(Quoted),
}

/// What an error quotes.
#[derive(Clone, Copy, Debug)]
pub enum Quoted {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// An echo request.
    Request(u16),
    /// An echo reply.
    Reply(u16),
    /// Some other protocol.
    Other(u8),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { direction, eni, local, remote, local_port, remote_port, content, payload, .. } = self;
        let arrow = if *direction == Direction::Egress { "->" } else { "<-" };
        write!(f, "interface {eni} {local} {local_port} {arrow} {remote} {remote_port}: {content:?}, {payload} bytes")
    }
}

/// A datagram of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// From the interface or to it.
    pub direction: Direction,
    /// Index of the interface.
    pub eni: usize,
    /// That of the other one, if the peer is at this card: its datagrams come from there.
    pub peer: Option<usize>,
    local: IpAddr,
    remote: IpAddr,
    local_port: u16,
    remote_port: u16,
    content: Content,
    /// Bytes behind the headers.
    payload: u8,
}

impl Step {
    /// The path that it takes.
    pub fn bank(&self) -> Bank {
        if self.direction == Direction::Egress || self.peer.is_some() { Bank::Tx } else { Bank::Rx }
    }

    /// It goes from one interface of the card to another, from the one with the lesser address or the other one.
    pub fn crosses(&self) -> Option<bool> {
        self.peer.map(|_| (self.direction == Direction::Egress) == (self.local < self.remote))
    }

    /// It is an error about another datagram.
    pub fn is_error(&self) -> bool {
        matches!(self.content, Content::Error(_))
    }

    /// A number that is the same for all that an interface's address and a peer say to each other.
    pub fn pair(&self) -> u64 {
        let fold = |ip| {
            let bits = ip_bits(ip);
            u64::try_from((bits ^ bits >> 64) & u128::from(u64::MAX)).unwrap()
        };
        if self.peer.is_some() {
            let (less, more) = (self.local.min(self.remote), self.local.max(self.remote));
            return fold(less).rotate_left(20) ^ fold(more) ^ 1 << 63;
        }
        fold(self.local).rotate_left(20) ^ fold(self.remote) ^ (self.eni as u64) << 60
    }

    fn ipv6(&self) -> bool {
        self.local.is_ipv6()
    }

    fn ends(&self, direction: Direction) -> [(IpAddr, u16); 2] {
        let (local, remote) = ((self.local, self.local_port), (self.remote, self.remote_port));
        if direction == Direction::Egress { [local, remote] } else { [remote, local] }
    }

    fn upper(&self) -> (u8, Vec<u8>) {
        let ipv6 = self.ipv6();
        let ports = |direction| {
            let [(_, source), (_, destination)] = self.ends(direction);
            [source.to_be_bytes(), destination.to_be_bytes()].concat()
        };
        let echo = |request: bool, identifier: u16| {
            let kind = [[0, 8], [129, 128]][usize::from(ipv6)][usize::from(request)];
            let mut bytes = vec![kind, 0, 0, 0];
            bytes.extend(identifier.to_be_bytes());
            bytes.extend([0, 1]);
            (if ipv6 { 58 } else { 1 }, bytes)
        };
        let tcp = |direction, flags| {
            let mut bytes = ports(direction);
            bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0, 99, 0, 0, 0, 0]);
            (6, bytes)
        };
        let udp = |direction| {
            let mut bytes = ports(direction);
            bytes.extend((8 + u16::from(self.payload)).to_be_bytes());
            bytes.extend([0, 0]);
            (17, bytes)
        };
        let (protocol, mut bytes) = match self.content {
            Content::Tcp(flags) => tcp(self.direction, flags),
            Content::Udp => udp(self.direction),
            Content::Request(identifier) => echo(true, identifier),
            Content::Reply(identifier) => echo(false, identifier),
            Content::Message(kind) => (if ipv6 { 58 } else { 1 }, vec![kind, 0, 0, 0, 0, 9, 0, 0]),
            Content::Other(protocol) => (protocol, vec![1, 2, 3, 4]),
            Content::Error(quoted) => {
                let against = self.direction.opposite();
                let (protocol, upper) = match quoted {
                    Quoted::Tcp => tcp(against, ACK),
                    Quoted::Udp => udp(against),
                    Quoted::Request(identifier) => echo(true, identifier),
                    Quoted::Reply(identifier) => echo(false, identifier),
                    Quoted::Other(protocol) => (protocol, vec![1, 2, 3, 4, 5, 6, 7, 8]),
                };
                let kind = if ipv6 { [1, 4] } else { [3, 1] };
                let mut bytes = vec![kind[0], kind[1], 0, 0, 0, 0, 0, 0];
                bytes.extend(self.datagram(against, protocol, &upper));
                (if ipv6 { 58 } else { 1 }, bytes)
            }
        };
        bytes.extend(vec![0x5a; usize::from(self.payload)]);
        (protocol, bytes)
    }

    fn datagram(&self, direction: Direction, protocol: u8, upper: &[u8]) -> Vec<u8> {
        let [(source, _), (destination, _)] = self.ends(direction);
        let length = u16::try_from(upper.len()).unwrap();
        let mut bytes = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = vec![0x45, 0];
                header.extend((20 + length).to_be_bytes());
                header.extend([0, 7, 0, 0, 64, protocol, 0, 0]);
                header.extend(source.octets());
                header.extend(destination.octets());
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                header
            }
            (source, destination) => {
                let mut header = vec![0x60, 0, 0, 0];
                header.extend(length.to_be_bytes());
                header.extend([protocol, 64]);
                header.extend(ip_bits(source).to_be_bytes());
                header.extend(ip_bits(destination).to_be_bytes());
                header
            }
        };
        bytes.extend(upper);
        bytes
    }

    /// The frame that comes to the card.
    pub fn frame(&self, card: &CardConfig) -> Frame {
        let from = self.peer.filter(|_| self.direction == Direction::Ingress);
        let eni = &card.enis[from.unwrap_or(self.eni)];
        let (protocol, upper) = self.upper();
        let datagram = self.datagram(self.direction, protocol, &upper);
        let kind = if self.ipv6() { [0x86, 0xdd] } else { [8, 0] };
        if self.bank() == Bank::Tx {
            return Frame::tx(eni.number, [&card.gateway_mac[..], &eni.mac, &kind, &datagram].concat());
        }
        let inner = [&eni.mac[..], &card.gateway_mac, &kind, &datagram].concat();
        Frame::rx(wrap(&sender(card, eni), &inner).unwrap(), false)
    }
}

/// The host that sends to an interface of a card.
#[must_use]
pub fn sender(card: &CardConfig, eni: &Eni) -> Sender {
    Sender {
        underlay_ip: ip_bits(card.underlay_ip) ^ 2,
        underlay_mac: card.next_hop_mac,
        card_ip: ip_bits(card.underlay_ip),
        card_mac: card.underlay_mac,
        vni: eni.vni,
        token_epoch: card.token_keys[0].0,
        token_key: card.token_keys[0].1,
        flow_key: card.flow_key,
        source_eni: 3,
        layout: Layout::Token,
    }
}

/// What both sides send, true: whoever began.
fn script(random: &mut Random) -> Vec<(bool, Content)> {
    let mut script = Vec::new();
    match random.below(20) {
        0..=8 => {
            if random.chance(0.9) {
                script.extend([(true, SYN), (false, SYN | ACK), (true, ACK)]);
            }
            for _ in 0..random.below(5) {
                script.push((random.chance(0.5), ACK));
            }
            match random.below(4) {
                0 => {}
                1 => script.push((random.chance(0.5), pick(random, &[RST, RST | ACK]))),
                _ => script.extend([(true, FIN | ACK), (false, FIN | ACK), (true, ACK)]),
            }
            if random.chance(0.4) {
                // The same ports once more, at times by the other side.
                let by = random.chance(0.7);
                script.extend([(by, SYN), (!by, SYN | ACK), (by, ACK)]);
            }
            if random.chance(0.1) {
                let flags = u8::try_from(random.below(64)).unwrap();
                script.insert(0, (random.chance(0.5), flags));
            }
            script.into_iter().map(|(by, flags)| (by, Content::Tcp(flags))).collect()
        }
        9..=13 => {
            let count = 1 + random.below(5);
            (0..count).map(|_| (random.chance(0.6), Content::Udp)).collect()
        }
        14..=17 => {
            let identifier = pick(random, &[0, 1, 2]);
            let rounds = 1 + random.below(3);
            (0..rounds)
                .flat_map(|_| [(true, Content::Request(identifier)), (false, Content::Reply(identifier))])
                .collect()
        }
        18 => vec![(random.chance(0.5), Content::Message(pick(random, &[13, 17, 200])))],
        _ => {
            let protocol = pick(random, &[47, 50, 132, 1, 58]);
            (0..2).map(|_| (random.chance(0.5), Content::Other(protocol))).collect()
        }
    }
}

/// What an error about a datagram of this content quotes.
fn quote(content: Content) -> Option<Quoted> {
    match content {
        Content::Tcp(_) => Some(Quoted::Tcp),
        Content::Udp => Some(Quoted::Udp),
        Content::Request(identifier) => Some(Quoted::Request(identifier)),
        Content::Reply(identifier) => Some(Quoted::Reply(identifier)),
        Content::Other(protocol) => Some(Quoted::Other(protocol)),
        Content::Message(_) | Content::Error(_) => None,
    }
}

/// A conversation: its datagrams in order, some of them lost, some followed by an error about them.
pub fn conversation(random: &mut Random, card: &CardConfig) -> Vec<Step> {
    let eni = usize::try_from(random.below(card.enis.len() as u64)).unwrap();
    let of = |ipv6| card.enis[eni].ips.iter().copied().filter(|ip| ip.is_ipv6() == ipv6).collect::<Vec<IpAddr>>();
    let ipv6 = random.chance(0.4) && !of(true).is_empty();
    let own = of(ipv6);
    let local = pick(random, &own);
    let own = |peer: usize| card.enis[peer].ips.iter().map(move |&ip| (Some(peer), ip));
    let here: Vec<_> =
        (0..card.enis.len()).filter(|&peer| card.enis[peer].vni == card.enis[eni].vni).flat_map(own).collect();
    let here: Vec<_> = here.into_iter().filter(|&(_, ip)| ip.is_ipv6() == ipv6 && ip != local).collect();
    let (peer, remote) = if !here.is_empty() && random.chance(0.4) {
        pick(random, &here)
    } else {
        (None, pick(random, &rules::peers(ipv6)))
    };
    let by_local = random.chance(0.5);
    let ends = [pick(random, &PORTS), pick(random, &PORTS)];
    let loss = pick(random, &[0.0, 0.0, 0.15]);
    let mut steps = Vec::new();
    for (by_first, content) in script(random) {
        let direction = if by_first == by_local { Direction::Egress } else { Direction::Ingress };
        // A protocol of messages in the wrong family is only a number.
        let content = match content {
            Content::Other(1 | 58) => Content::Other(if ipv6 { 1 } else { 58 }),
            content => content,
        };
        let payload = u8::try_from(random.below(60)).unwrap();
        let step =
            Step { direction, eni, peer, local, remote, local_port: ends[0], remote_port: ends[1], content, payload };
        if !random.chance(loss) {
            steps.push(step);
        }
        if let Some(quoted) = quote(content).filter(|_| random.chance(0.12)) {
            steps.push(Step { direction: direction.opposite(), content: Content::Error(quoted), ..step });
        }
    }
    steps
}
