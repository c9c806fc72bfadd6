//! The outer headers, from the record that the join releases.
//!
//! Ports: `rx` (the record), the card's addresses, `header`, `layout`. Latency: 0 clocks.
//!
//! Ethernet, IPv4 or IPv6, UDP, Geneve and the token option; which of the two underlays is the peer's address' choice.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::Layout;
use nitro_wire::constants::{OUTER_TTL, ethertype, geneve, protocol};
use rust_hdl::prelude::*;

use super::outgoing::Outgoing;
use crate::format::{Ethernet, Geneve, GeneveOption, Ipv4, Ipv6, TokenOption, Udp};

/// Width of the widest header: over IPv6, with the token option alone.
pub const HEADER: usize = 8 * LENGTHS[1];
/// Lengths in bytes over IPv4 and IPv6, by the number at `layout`.
pub const LENGTHS: [usize; 2] = [Layout::Token.outer_bytes(false), Layout::Token.outer_bytes(true)];

/// Bytes of UDP, Geneve and token option: what an IP header of the underlay carries besides the frame.
const UDP_TO_FRAME: u64 = 8 + 8 + 20;

/// The outer headers over IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct OverIpv4 {
    /// Ethernet header.
    pub ethernet: Bits<112>,
    /// IPv4 header.
    pub ip: Bits<160>,
    /// UDP, Geneve and the token option.
    pub tunnel: Bits<288>,
    /// Not part of the header.
    pub unused: Bits<160>,
}

/// The outer headers over IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct OverIpv6 {
    /// Ethernet header.
    pub ethernet: Bits<112>,
    /// IPv6 header.
    pub ip: Bits<320>,
    /// UDP, Geneve and the token option.
    pub tunnel: Bits<288>,
}

/// UDP, Geneve and the token option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Tunnel {
    /// UDP header.
    pub udp: Bits<64>,
    /// Geneve base header.
    pub geneve: Bits<64>,
    /// Head of the token option.
    pub option: Bits<32>,
    /// Its data.
    pub token: Bits<128>,
}

/// Lays out the outer headers.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct OuterHeader {
    /// The record of the packet.
    pub rx: Signal<In, Outgoing>,
    /// The card's own underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The card's own underlay MAC.
    pub underlay_mac: Signal<In, Bits<48>>,
    /// MAC of the underlay's next hop.
    pub next_hop_mac: Signal<In, Bits<48>>,
    /// The headers, the first byte most significant.
    pub header: Signal<Out, Bits<HEADER>>,
    /// Which of [`LENGTHS`].
    pub layout: Signal<Out, Bits<2>>,
    ethernet: Cast<Ethernet, Bits<112>>,
    ipv4: Cast<Ipv4, Bits<160>>,
    ipv6: Cast<Ipv6, Bits<320>>,
    udp: Cast<Udp, Bits<64>>,
    geneve: Cast<Geneve, Bits<64>>,
    option: Cast<GeneveOption, Bits<32>>,
    token: Cast<TokenOption, Bits<128>>,
    tunnel: Cast<Tunnel, Bits<288>>,
    over_ipv4: Cast<OverIpv4, Bits<HEADER>>,
    over_ipv6: Cast<OverIpv6, Bits<HEADER>>,
    udp_length: Signal<Local, Bits<16>>,
    blank_ethernet: Constant<Ethernet>,
    blank_ipv4: Constant<Ipv4>,
    blank_ipv6: Constant<Ipv6>,
    blank_udp: Constant<Udp>,
    blank_geneve: Constant<Geneve>,
    blank_option: Constant<GeneveOption>,
    blank_token: Constant<TokenOption>,
    blank_tunnel: Constant<Tunnel>,
    blank_over_ipv4: Constant<OverIpv4>,
    blank_over_ipv6: Constant<OverIpv6>,
    ethertype_ipv6: Constant<Bits<16>>,
    udp_to_frame: Constant<Bits<16>>,
    ipv4_bytes: Constant<Bits<16>>,
    port_base: Constant<Bits<16>>,
}

impl Default for OuterHeader {
    fn default() -> Self {
        Self {
            rx: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            next_hop_mac: Signal::default(),
            header: Signal::default(),
            layout: Signal::default(),
            ethernet: Cast::default(),
            ipv4: Cast::default(),
            ipv6: Cast::default(),
            udp: Cast::default(),
            geneve: Cast::default(),
            option: Cast::default(),
            token: Cast::default(),
            tunnel: Cast::default(),
            over_ipv4: Cast::default(),
            over_ipv6: Cast::default(),
            udp_length: Signal::default(),
            blank_ethernet: Constant::new(Ethernet { ethertype: ethertype::IPV4.to_bits(), ..Ethernet::default() }),
            blank_ipv4: Constant::new(Ipv4 {
                version: 4_u8.to_bits(),
                ihl: 5_u8.to_bits(),
                dont_fragment: true,
                ttl: OUTER_TTL.to_bits(),
                protocol: protocol::UDP.to_bits(),
                ..Ipv4::default()
            }),
            blank_ipv6: Constant::new(Ipv6 {
                version: 6_u8.to_bits(),
                next_header: protocol::UDP.to_bits(),
                hop_limit: OUTER_TTL.to_bits(),
                ..Ipv6::default()
            }),
            blank_udp: Constant::new(Udp { dst_port: geneve::PORT.to_bits(), ..Udp::default() }),
            blank_geneve: Constant::new(Geneve {
                option_length: 5_u8.to_bits(),
                critical: true,
                protocol: ethertype::TRANSPARENT_ETHERNET.to_bits(),
                ..Geneve::default()
            }),
            blank_option: Constant::new(GeneveOption {
                class: geneve::OPTION_CLASS.to_bits(),
                option_type: geneve::TOKEN.to_bits(),
                length: 4_u8.to_bits(),
                ..GeneveOption::default()
            }),
            blank_token: Constant::new(TokenOption::default()),
            blank_tunnel: Constant::new(Tunnel::default()),
            blank_over_ipv4: Constant::new(OverIpv4::default()),
            blank_over_ipv6: Constant::new(OverIpv6::default()),
            ethertype_ipv6: Constant::new(ethertype::IPV6.to_bits()),
            udp_to_frame: Constant::new(UDP_TO_FRAME.into()),
            ipv4_bytes: Constant::new(20_u8.to_bits()),
            port_base: Constant::new(geneve::SOURCE_PORT_BASE.to_bits()),
        }
    }
}

impl Logic for OuterHeader {
    #[hdl_gen]
    fn update(&mut self) {
        self.udp_length.next = bit_cast::<16, 14>(self.rx.val().length) + self.udp_to_frame.val();

        self.ethernet.i.next = self.blank_ethernet.val();
        self.ethernet.i.next.dst = self.next_hop_mac.val();
        self.ethernet.i.next.src = self.underlay_mac.val();

        self.ipv4.i.next = self.blank_ipv4.val();
        self.ipv4.i.next.traffic_class = self.rx.val().traffic_class;
        self.ipv4.i.next.total_length = self.udp_length.val() + self.ipv4_bytes.val();
        self.ipv4.i.next.checksum = self.rx.val().checksum;
        self.ipv4.i.next.src = self.underlay_ip.val().get_bits::<32>(0);
        self.ipv4.i.next.dst = self.rx.val().peer_ip.get_bits::<32>(0);

        self.ipv6.i.next = self.blank_ipv6.val();
        self.ipv6.i.next.traffic_class = self.rx.val().traffic_class;
        self.ipv6.i.next.payload_length = self.udp_length.val();
        self.ipv6.i.next.src = self.underlay_ip.val();
        self.ipv6.i.next.dst = self.rx.val().peer_ip;

        self.udp.i.next = self.blank_udp.val();
        self.udp.i.next.src_port = bit_cast::<16, 14>(self.rx.val().flow_hash) | self.port_base.val();
        self.udp.i.next.length = self.udp_length.val();

        self.geneve.i.next = self.blank_geneve.val();
        self.geneve.i.next.vni = self.rx.val().vni;
        self.option.i.next = self.blank_option.val();
        self.token.i.next = self.blank_token.val();
        self.token.i.next.epoch = self.rx.val().token_epoch;
        self.token.i.next.source_eni = bit_cast::<16, 8>(self.rx.val().eni);
        self.token.i.next.token = self.rx.val().token;

        self.tunnel.i.next = self.blank_tunnel.val();
        self.tunnel.i.next.udp = self.udp.o.val();
        self.tunnel.i.next.geneve = self.geneve.o.val();
        self.tunnel.i.next.option = self.option.o.val();
        self.tunnel.i.next.token = self.token.o.val();

        self.over_ipv4.i.next = self.blank_over_ipv4.val();
        self.over_ipv4.i.next.ethernet = self.ethernet.o.val();
        self.over_ipv4.i.next.ip = self.ipv4.o.val();
        self.over_ipv4.i.next.tunnel = self.tunnel.o.val();
        self.over_ipv6.i.next = self.blank_over_ipv6.val();
        self.over_ipv6.i.next.ethernet = self.ethernet.o.val();
        self.over_ipv6.i.next.ip = self.ipv6.o.val();
        self.over_ipv6.i.next.tunnel = self.tunnel.o.val();
        if self.rx.val().peer_is_ipv4 {
            self.header.next = self.over_ipv4.o.val();
            self.layout.next = bits::<2>(0);
        } else {
            self.ethernet.i.next.ethertype = self.ethertype_ipv6.val();
            self.header.next = self.over_ipv6.o.val();
            self.layout.next = bits::<2>(1);
        }
    }
}
