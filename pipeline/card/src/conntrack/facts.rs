//! What connection tracking and the rules want to know of a packet.
//!
//! Ports: `packet`, `eni`, `ask`, `facts`. Latency: 0 clocks. `ask` is the question to the connection table; of `facts`, the answer, the tag and the peer's
//! groups are left to whoever knows them.
//!
//! Source: `docs/policy.md`, "Flow key"; RFC 9293, section 3.1 (TCP flags); RFC 792 and RFC 4443 (echo, and what errors quote).

use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::{icmp, icmpv6, protocol};
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use super::record::{ConntrackAsk, FlowKey};
use crate::record::Packet;
use crate::waiting_room::FlowFacts;

/// Reads the facts of a path's packets.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ReadFacts {
    /// The packet.
    pub packet: Signal<In, Packet>,
    /// Its interface.
    pub eni: Signal<In, Bits<8>>,
    /// The question to the connection table.
    pub ask: Signal<Out, ConntrackAsk>,
    /// What is known of the flow.
    pub facts: Signal<Out, FlowFacts>,
    is_tcp: Signal<Local, Bit>,
    is_request: Signal<Local, Bit>,
    is_reply: Signal<Local, Bit>,
    /// The packet whose connection is meant: itself, or what it quotes. From the interface?
    outward: Signal<Local, Bit>,
    src_ip: Signal<Local, Bits<128>>,
    dst_ip: Signal<Local, Bits<128>>,
    src_port: Signal<Local, Bits<16>>,
    dst_port: Signal<Local, Bits<16>>,
    key: Signal<Local, FlowKey>,
    opens: Signal<Local, Bit>,
    nothing: Constant<FlowFacts>,
    no_key: Constant<FlowKey>,
    egress: Constant<Bit>,
    tcp: Constant<Bits<8>>,
    request4: Constant<Bits<8>>,
    reply4: Constant<Bits<8>>,
    request6: Constant<Bits<8>>,
    reply6: Constant<Bits<8>>,
}

impl ReadFacts {
    /// For packets of this direction.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        let byte = |value: u8| Constant::new(u64::from(value).into());
        Self {
            packet: Signal::default(),
            eni: Signal::default(),
            ask: Signal::default(),
            facts: Signal::default(),
            is_tcp: Signal::default(),
            is_request: Signal::default(),
            is_reply: Signal::default(),
            outward: Signal::default(),
            src_ip: Signal::default(),
            dst_ip: Signal::default(),
            src_port: Signal::default(),
            dst_port: Signal::default(),
            key: Signal::default(),
            opens: Signal::default(),
            nothing: Constant::new(FlowFacts::default()),
            no_key: Constant::new(FlowKey::default()),
            egress: Constant::new(direction == Direction::Egress),
            tcp: byte(protocol::TCP),
            request4: byte(icmp::ECHO_REQUEST),
            reply4: byte(icmp::ECHO_REPLY),
            request6: byte(icmpv6::ECHO_REQUEST),
            reply6: byte(icmpv6::ECHO_REPLY),
        }
    }
}

impl Logic for ReadFacts {
    #[hdl_gen]
    fn update(&mut self) {
        self.is_tcp.next = self.packet.val().has_ports && (self.packet.val().protocol == self.tcp.val());
        self.is_request.next = self.packet.val().is_icmp
            && ((self.packet.val().is_ipv4 && (self.packet.val().icmp_type == self.request4.val()))
                || (self.packet.val().is_ipv6 && (self.packet.val().icmp_type == self.request6.val())));
        self.is_reply.next = self.packet.val().is_icmp
            && ((self.packet.val().is_ipv4 && (self.packet.val().icmp_type == self.reply4.val()))
                || (self.packet.val().is_ipv6 && (self.packet.val().icmp_type == self.reply6.val())));
        // TCP flags: FIN 0, SYN 1, RST 2, ACK 4.
        self.opens.next =
            self.is_tcp.val() && self.packet.val().tcp_flags.get_bit(1) && !self.packet.val().tcp_flags.get_bit(4);

        // An error goes against the packet that it is about. Who asks for an echo has its identifier as its port.
        self.outward.next = self.egress.val();
        self.src_ip.next = self.packet.val().src_ip;
        self.dst_ip.next = self.packet.val().dst_ip;
        self.src_port.next = self.packet.val().src_port;
        self.dst_port.next = self.packet.val().dst_port;
        self.key.next = self.no_key.val();
        self.key.next.protocol = self.packet.val().protocol;
        if self.packet.val().quoted_valid {
            self.outward.next = !self.egress.val();
            self.src_ip.next = self.packet.val().quoted_src_ip;
            self.dst_ip.next = self.packet.val().quoted_dst_ip;
            self.src_port.next = self.packet.val().quoted_src_port;
            self.dst_port.next = self.packet.val().quoted_dst_port;
            self.key.next.protocol = self.packet.val().quoted_protocol;
        } else if self.is_request.val() {
            self.src_port.next = self.packet.val().icmp_identifier;
            self.dst_port.next = bits::<16>(0);
        } else if self.is_reply.val() {
            self.src_port.next = bits::<16>(0);
            self.dst_port.next = self.packet.val().icmp_identifier;
        }
        self.key.next.eni = self.eni.val();
        if self.outward.val() {
            self.key.next.local_ip = self.src_ip.val();
            self.key.next.remote_ip = self.dst_ip.val();
            self.key.next.local_port = self.src_port.val();
            self.key.next.remote_port = self.dst_port.val();
        } else {
            self.key.next.local_ip = self.dst_ip.val();
            self.key.next.remote_ip = self.src_ip.val();
            self.key.next.local_port = self.dst_port.val();
            self.key.next.remote_port = self.src_port.val();
        }
        self.ask.next.key = self.key.val();
        self.ask.next.is_open = self.opens.val();

        self.facts.next = self.nothing.val();
        self.facts.next.concerned = self.packet.val().concerned;
        self.facts.next.vni = self.packet.val().vni;
        self.facts.next.route_table = self.packet.val().route_table;
        self.facts.next.key = self.key.val();
        self.facts.next.has_key = !self.packet.val().is_icmp
            || self.packet.val().quoted_valid
            || self.is_request.val()
            || self.is_reply.val();
        self.facts.next.is_error = self.packet.val().quoted_valid;
        self.facts.next.tracks = !self.packet.val().is_icmp || self.is_request.val();
        self.facts.next.opens = self.opens.val();
        self.facts.next.is_tcp = self.is_tcp.val();
        self.facts.next.mid_stream =
            self.is_tcp.val() && (!self.packet.val().tcp_flags.get_bit(1) || self.packet.val().tcp_flags.get_bit(2));
        if self.is_tcp.val() {
            self.facts.next.tcp_flags = self.packet.val().tcp_flags;
        }

        self.facts.next.ask.eni = self.eni.val();
        self.facts.next.ask.ipv6 = self.packet.val().is_ipv6;
        self.facts.next.ask.protocol = self.packet.val().protocol;
        self.facts.next.ask.source_port = self.packet.val().src_port;
        self.facts.next.ask.selector = self.packet.val().dst_port;
        if self.packet.val().is_icmp {
            self.facts.next.ask.selector =
                (bit_cast::<16, 8>(self.packet.val().icmp_type) << 8) | bit_cast::<16, 8>(self.packet.val().icmp_code);
        }
        if self.egress.val() {
            self.facts.next.ask.peer = self.packet.val().dst_ip;
            self.facts.next.own_ip = self.packet.val().src_ip;
        } else {
            self.facts.next.ask.peer = self.packet.val().src_ip;
            self.facts.next.own_ip = self.packet.val().dst_ip;
        }

        self.facts.next.is_first = self.packet.val().more_fragments && !self.packet.val().fragment_offset.any();
        self.facts.next.is_later = self.packet.val().fragment_offset.any();
        self.facts.next.identification = self.packet.val().fragment_id;
    }
}
