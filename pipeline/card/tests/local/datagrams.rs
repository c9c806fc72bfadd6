//! A card with two interfaces in one VPC, and datagrams between these and a peer elsewhere.

use std::net::IpAddr;

use nitro_model::checksum::checksum;
use nitro_model::{Sender, wrap};
use nitro_wire::control::{CardConfig, Mapping, ip_bits, mac_bits};
use nitro_wire::formats::{ETHERNET, ICMP, IPV4, IPV6, IPV6_FRAGMENT, TCP, UDP, VLAN_TAG};
use nitro_wire::{Layout, MappingKind};

use crate::setup::{self, v4, v6};
use crate::whole::Frame;

/// A peer that is elsewhere, the gateway, and a peer behind a small MTU; before them come interfaces 0 and 1.
pub const ELSEWHERE: usize = 2;
pub const GATEWAY: usize = 3;
pub const NARROW: usize = 4;

/// Addresses of these places in each family.
pub fn address(place: usize, ipv6: bool) -> IpAddr {
    let host = [5, 9, 20, 1, 21][place];
    if ipv6 { v6(host.into()) } else { v4(host) }
}

/// The card: interfaces 0 and 1 in one VPC, mappings of both, and of peers.
pub fn card() -> CardConfig {
    let mut card = setup::short_lived(setup::config());
    card.token_keys = vec![(7, *b"0123456789abcdef")];
    card.enis[1].vni = card.enis[0].vni;
    card.enis[1].ips.push(address(1, true));
    card.enis[1].subnet4 = card.enis[0].subnet4;
    card.enis[1].subnet6 = card.enis[0].subnet6;
    for eni in &card.enis {
        let template = Mapping {
            kind: MappingKind::Instance,
            path_mtu: 9001,
            underlay_ip: card.underlay_ip,
            mac: eni.mac,
            expiry: 0,
            ..card.mappings[0].clone()
        };
        let here = eni.ips.iter().map(|&ip| Mapping { ip, ..template.clone() });
        card.mappings.extend(here);
    }
    card
}

/// What a datagram carries.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// UDP with this port at both ends.
    Udp(u16),
    /// TCP with these flags, ports 40,000 at the lower place and 443.
    Tcp(u8),
    /// An echo request of this identifier.
    Echo(u16),
    /// Unreachable: port, about the UDP datagram of this port that went the other way.
    Unreachable(u16),
}

/// A datagram from one place to another, places as in [`address`].
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    pub from: usize,
    pub to: usize,
    pub ipv6: bool,
    pub content: Content,
    /// Bytes behind the headers.
    pub payload: usize,
    /// Identification, offset in units of 8 bytes, and whether more follow, of a fragment.
    pub fragment: Option<(u32, u16, bool)>,
    pub tag: Option<u16>,
    /// Bytes behind the datagram.
    pub padding: usize,
    pub traffic_class: u8,
}

impl Datagram {
    /// IPv4, in one piece.
    pub fn new(from: usize, to: usize, content: Content, payload: usize) -> Self {
        Self { from, to, ipv6: false, content, payload, fragment: None, tag: None, padding: 0, traffic_class: 0 }
    }

    fn upper(&self) -> (u8, Vec<u8>) {
        let (protocol, mut bytes) = match self.content {
            Content::Udp(port) => {
                let length = 8 + self.payload as u128;
                let ports = [("src_port", port.into()), ("dst_port", port.into()), ("length", length)];
                (17, UDP.pack(&ports).unwrap())
            }
            Content::Tcp(flags) => {
                let [source, destination] = if self.from < self.to { [40_000, 443] } else { [443, 40_000] };
                let ports = [("src_port", source), ("dst_port", destination)];
                (6, TCP.pack(&[ports[0], ports[1], ("data_offset", 5), ("flags", flags.into())]).unwrap())
            }
            Content::Echo(identifier) => {
                let kind = if self.ipv6 { 128 } else { 8 };
                let bytes = ICMP.pack(&[("icmp_type", kind), ("rest", u128::from(identifier) << 16)]).unwrap();
                (if self.ipv6 { 58 } else { 1 }, bytes)
            }
            Content::Unreachable(port) => {
                let about = Self::new(self.to, self.from, Content::Udp(port), 20);
                let kind = if self.ipv6 { [("icmp_type", 1), ("code", 4)] } else { [("icmp_type", 3), ("code", 3)] };
                let mut bytes = ICMP.pack(&kind).unwrap();
                bytes.extend(Self { ipv6: self.ipv6, ..about }.ip());
                (if self.ipv6 { 58 } else { 1 }, bytes)
            }
        };
        // Of a later fragment only the place of the payload counts, not what stands there.
        bytes.extend((0..self.payload).map(|byte| byte.to_le_bytes()[0] ^ 0x5a));
        (protocol, bytes)
    }

    fn ip(&self) -> Vec<u8> {
        let (protocol, upper) = self.upper();
        let (source, destination) = (address(self.from, self.ipv6), address(self.to, self.ipv6));
        let (id, offset, more) = self.fragment.unwrap_or((0, 0, false));
        let [source, destination] = [source, destination].map(ip_bits);
        let low = |bits: u128| bits & 0xffff_ffff;
        if self.ipv6 {
            let mut rest = Vec::new();
            if self.fragment.is_some() {
                let fields = [
                    ("next_header", u128::from(protocol)),
                    ("fragment_offset", offset.into()),
                    ("more_fragments", more.into()),
                    ("identification", id.into()),
                ];
                rest = IPV6_FRAGMENT.pack(&fields).unwrap();
            }
            rest.extend(upper);
            let fields = [
                ("version", 6),
                ("traffic_class", self.traffic_class.into()),
                ("payload_length", rest.len() as u128),
                ("next_header", if self.fragment.is_some() { 44 } else { protocol.into() }),
                ("hop_limit", 64),
                ("src", source),
                ("dst", destination),
            ];
            return [IPV6.pack(&fields).unwrap(), rest].concat();
        }
        let mut header = IPV4
            .pack(&[
                ("version", 4),
                ("ihl", 5),
                ("traffic_class", self.traffic_class.into()),
                ("total_length", 20 + upper.len() as u128),
                ("identification", (id & 0xffff).into()),
                ("more_fragments", more.into()),
                ("fragment_offset", offset.into()),
                ("ttl", 64),
                ("protocol", protocol.into()),
                ("src", low(source)),
                ("dst", low(destination)),
            ])
            .unwrap();
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        [header, upper].concat()
    }

    /// As it comes to the card: of an interface at the guests' side, else at the underlay's.
    pub fn frame(&self, card: &CardConfig) -> Frame {
        let gateway = mac_bits(card.gateway_mac);
        let kind = if self.ipv6 { 0x86dd } else { 0x0800 };
        let ethernet = |destination: u64, source: u64| {
            let ends = [("dst", u128::from(destination)), ("src", u128::from(source))];
            match self.tag {
                Some(tag) => {
                    let tag = VLAN_TAG.pack(&[("tci", tag.into()), ("ethertype", kind)]).unwrap();
                    [ETHERNET.pack(&[ends[0], ends[1], ("ethertype", 0x8100)]).unwrap(), tag].concat()
                }
                None => ETHERNET.pack(&[ends[0], ends[1], ("ethertype", kind)]).unwrap(),
            }
        };
        let mut bytes = match card.enis.get(self.from) {
            Some(eni) => ethernet(gateway, mac_bits(eni.mac)),
            None => ethernet(mac_bits(card.enis[self.to].mac), gateway),
        };
        bytes.extend(self.ip());
        bytes.resize(bytes.len() + self.padding, 0xa5);
        match card.enis.get(self.from) {
            Some(eni) => Frame::tx(eni.number, bytes),
            None => Frame::rx(wrap(&sender(card, card.enis[self.to].vni), &bytes).unwrap(), false),
        }
    }
}

fn sender(card: &CardConfig, vni: u32) -> Sender {
    Sender {
        underlay_ip: ip_bits(card.underlay_ip) ^ 2,
        underlay_mac: card.next_hop_mac,
        card_ip: ip_bits(card.underlay_ip),
        card_mac: card.underlay_mac,
        vni,
        token_epoch: card.token_keys[0].0,
        token_key: card.token_keys[0].1,
        flow_key: card.flow_key,
        source_eni: 3,
        layout: Layout::Token,
    }
}
