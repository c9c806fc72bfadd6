//! Stage `parser`: reads the headers of a frame into a [`Packet`] and refuses what is malformed.
//!
//! Ports: `rx` (the start of a frame and its length), `tx` (the packet, its reason set if it is malformed). Latency:
//! [`LATENCY`] clocks; one frame a clock. `reset` clears the valid bits only.
//!
//! ```text
//! clock      2                3 … 6                  7        8, 9      10
//! rx ─> ethernet ─┬─> extension (IPv6) ──────────────┬─> upper ─────┬─> verdict ─> tx
//!  (tag removed)  ├─> delay ─────┬─> internet ───────┴──────────────┤
//!                 │              └─> quoted ────────────────────────┤
//!                 ├─> checksum ─────────────────────────────────────┤
//!                 └─> neighbour ────────────────────────────────────┘
//! ```
//!
//! Read: Ethernet and one 802.1Q tag; ARP (RFC 826); IPv4 with options (RFC 791) and its checksum; IPv6 (RFC 8200) with
//! hop-by-hop, routing, destination options and fragment headers; TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6
//! (RFC 4443), any other protocol by number; the packets that ICMP errors quote; solicitations (RFC 4861). Fields of
//! headers that are absent are 0. When `reason` is set by this stage, the other fields mean nothing (but `has_payload`,
//! `length`, `port`, `serial`).
//!
//! Drop reasons, in this order: `truncated`, `unknown_ethertype`, `bad_ip_version`, `bad_ip_header_length`,
//! `bad_ip_total_length`, `bad_ip_checksum`, `too_many_headers`, `fragment_overlap`, `truncated_l4`, `bad_l4_header`. A
//! reason that a frame arrives with stays. Counters: by reason, at the join.
//!
//! Limits: the first [`PARSE_WINDOW_BYTES`](crate::record::PARSE_WINDOW_BYTES) bytes; 6 extension headers; quotes and
//! solicitations only without IP options or extension headers before them, solicitations of at most 72 bytes.
//!
//! Nothing wide is shifted by a variable amount: what can be at several places is taken from all of them under a mask
//! that a register's synchronous reset applies, and then ORed, which takes a third of the gates of a
//! multiplexer in 4-input tables.

pub mod checksum;
pub mod delay;
pub mod ethernet;
pub mod extension;
pub mod internet;
pub mod neighbour;
pub mod quoted;
pub mod upper;

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::DropReason;
use rust_hdl::prelude::*;

use crate::reason::{Reason, reason};
use crate::record::{Frame, Packet};
use checksum::Checksum;
use delay::Later;
use ethernet::{EthernetHeader, Network};
use extension::ExtensionWalk;
use internet::{Datagram, InternetHeader};
use neighbour::{Neighbour, Solicitation};
use quoted::QuotedPacket;
use upper::UpperHeader;

/// Clocks in which the Ethernet header is read.
const ETHERNET: usize = 2;
/// Clock at which all has been read.
const READ: usize = ETHERNET + extension::LATENCY + upper::LATENCY;
/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = READ + 1;

// What is not delayed must arrive at the verdict by itself.
const _: () = assert!(ETHERNET + checksum::LATENCY == READ && quoted::LATENCY == upper::LATENCY + 1);

/// Reads the headers of frames.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Parser {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames.
    pub rx: FlowRx<Frame>,
    /// Their headers.
    pub tx: FlowTx<Packet>,
    ethernet: EthernetHeader,
    internet: InternetHeader,
    checksum: Checksum,
    neighbour: Neighbour,
    quoted: QuotedPacket,
    extension: ExtensionWalk,
    upper: UpperHeader,
    network: Later<Network>,
    network_last: Later<Network>,
    reason_last: Later<Bits<6>>,
    datagram: Later<Datagram>,
    target: Later<Bits<128>>,
    solicitation: Later<Solicitation>,
    solicitations: Constant<Bit>,
    packet: DFF<Packet>,
    valid: Vec<Register<Bit>>,
    valid_passed: Signal<Local, Bit>,
    blank: Constant<Packet>,
    bad_ip_checksum: Reason,
    too_many_headers: Reason,
    fragment_overlap: Reason,
    truncated_l4: Reason,
    bad_l4_header: Reason,
}

impl Parser {
    /// A parser that checks solicitations, or does not: `nd_valid` is never set then, and the logic for it is saved.
    /// The receiving side needs none.
    #[must_use]
    pub fn new(solicitations: bool) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            ethernet: EthernetHeader::default(),
            internet: InternetHeader::default(),
            checksum: Checksum::new(solicitations),
            neighbour: Neighbour::default(),
            quoted: QuotedPacket::default(),
            extension: ExtensionWalk::default(),
            upper: UpperHeader::default(),
            network: Later::new(extension::LATENCY - 1),
            network_last: Later::new(1),
            reason_last: Later::new(extension::LATENCY - 1),
            datagram: Later::new(upper::LATENCY - 1),
            target: Later::new(upper::LATENCY),
            solicitation: Later::new(READ - ETHERNET - neighbour::LATENCY),
            solicitations: Constant::new(solicitations),
            packet: DFF::default(),
            valid: (0..LATENCY).map(|_| Register::default()).collect(),
            valid_passed: Signal::default(),
            blank: Constant::new(Packet::default()),
            bad_ip_checksum: reason(DropReason::BadIpChecksum),
            too_many_headers: reason(DropReason::TooManyHeaders),
            fragment_overlap: reason(DropReason::FragmentOverlap),
            truncated_l4: reason(DropReason::TruncatedL4),
            bad_l4_header: reason(DropReason::BadL4Header),
        }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Logic for Parser {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, packet);
        clock!(self, clock, ethernet, internet, checksum, neighbour, quoted, extension, upper);
        clock!(self, clock, network, network_last, reason_last, datagram, target, solicitation);

        self.valid_passed.next = self.rx.tvalid.val();
        for i in 0..self.valid.len() {
            self.valid[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.valid[i].d.next = self.valid_passed.val();
            self.valid_passed.next = self.valid[i].q.val();
        }
        self.tx.tvalid.next = self.valid_passed.val();

        self.ethernet.enable.next = self.rx.tvalid.val();
        self.ethernet.rx.next = self.rx.payload.val();
        self.checksum.rx.next = self.ethernet.tx.val();
        self.extension.rx.next = self.ethernet.tx.val();
        self.neighbour.network.next = self.ethernet.tx.val();
        self.network.rx.next = self.ethernet.tx.val();
        self.network_last.rx.next = self.network.tx.val();
        self.reason_last.rx.next = self.ethernet.reason.val();
        self.internet.rx.next = self.network_last.tx.val();
        self.internet.reason.next = self.reason_last.tx.val();
        self.quoted.network.next = self.network.tx.val();
        self.upper.walk.next = self.extension.tx.val();
        self.upper.network.next = self.network_last.tx.val();
        self.upper.datagram.next = self.internet.tx.val();
        self.datagram.rx.next = self.internet.tx.val();
        // The target of a neighbour solicitation: bytes 8 to 23 after the IPv6 header.
        self.target.rx.next = self.network_last.tx.val().window.get_bits::<128>(624);
        self.solicitation.rx.next = self.neighbour.tx.val();

        self.packet.d.next = self.blank.val();
        self.packet.d.next.has_payload = self.datagram.tx.val().has_payload;
        self.packet.d.next.length = self.datagram.tx.val().length;
        self.packet.d.next.port = self.datagram.tx.val().port;
        self.packet.d.next.serial = self.datagram.tx.val().serial;
        self.packet.d.next.dst_mac = self.datagram.tx.val().dst_mac;
        self.packet.d.next.src_mac = self.datagram.tx.val().src_mac;
        self.packet.d.next.tagged = self.datagram.tx.val().tagged;
        self.packet.d.next.vlan = self.datagram.tx.val().vlan;
        self.packet.d.next.is_arp = self.datagram.tx.val().is_arp;
        self.packet.d.next.is_ipv4 = self.datagram.tx.val().is_ipv4;
        self.packet.d.next.is_ipv6 = self.datagram.tx.val().is_ipv6;
        self.packet.d.next.ip_options = self.upper.tx.val().ip_options;
        self.packet.d.next.traffic_class = self.datagram.tx.val().traffic_class;
        self.packet.d.next.ip_length = self.datagram.tx.val().ip_length;
        self.packet.d.next.hop_limit = self.datagram.tx.val().hop_limit;
        self.packet.d.next.protocol = self.upper.tx.val().protocol;
        self.packet.d.next.ip_checksum = self.datagram.tx.val().ip_checksum;
        self.packet.d.next.dont_fragment = self.datagram.tx.val().dont_fragment;
        self.packet.d.next.more_fragments = self.upper.tx.val().more_fragments;
        self.packet.d.next.fragment_offset = self.upper.tx.val().fragment_offset;
        self.packet.d.next.fragment_id = self.upper.tx.val().fragment_id;
        self.packet.d.next.src_ip = self.datagram.tx.val().src_ip;
        self.packet.d.next.dst_ip = self.datagram.tx.val().dst_ip;
        self.packet.d.next.has_ports = self.upper.tx.val().has_ports;
        self.packet.d.next.src_port = self.upper.tx.val().src_port;
        self.packet.d.next.dst_port = self.upper.tx.val().dst_port;
        self.packet.d.next.tcp_flags = self.upper.tx.val().tcp_flags;
        self.packet.d.next.udp_length = self.upper.tx.val().udp_length;
        self.packet.d.next.is_icmp = self.upper.tx.val().is_icmp;
        self.packet.d.next.icmp_type = self.upper.tx.val().icmp_type;
        self.packet.d.next.icmp_code = self.upper.tx.val().icmp_code;
        self.packet.d.next.icmp_checksum = self.upper.tx.val().icmp_checksum;
        self.packet.d.next.icmp_identifier = self.upper.tx.val().icmp_identifier;
        self.packet.d.next.quoted_valid = self.quoted.tx.val().valid;
        self.packet.d.next.quoted_protocol = self.quoted.tx.val().protocol;
        self.packet.d.next.quoted_src_ip = self.quoted.tx.val().src_ip;
        self.packet.d.next.quoted_dst_ip = self.quoted.tx.val().dst_ip;
        self.packet.d.next.quoted_src_port = self.quoted.tx.val().src_port;
        self.packet.d.next.quoted_dst_port = self.quoted.tx.val().dst_port;
        self.packet.d.next.arp_valid = self.datagram.tx.val().arp_valid;
        self.packet.d.next.arp_request = self.datagram.tx.val().arp_request;
        self.packet.d.next.arp_sender_mac = self.datagram.tx.val().arp_sender_mac;
        if self.solicitations.val() && self.solicitation.tx.val().sound && self.checksum.good.val() {
            self.packet.d.next.nd_valid = true;
            if self.solicitation.tx.val().has_target {
                self.packet.d.next.nd_target = self.target.tx.val();
            }
        }

        // The verdict: the reasons before the checksum's are in the datagram already.
        self.packet.d.next.reason = self.datagram.tx.val().reason;
        if !self.datagram.tx.val().reason.any() {
            if self.datagram.tx.val().is_ipv4 && !self.checksum.good.val() {
                self.packet.d.next.reason = self.bad_ip_checksum.val();
            } else if self.upper.tx.val().too_many_headers {
                self.packet.d.next.reason = self.too_many_headers.val();
            } else if self.upper.tx.val().fragment_overlap {
                self.packet.d.next.reason = self.fragment_overlap.val();
            } else if self.upper.tx.val().truncated_l4 {
                self.packet.d.next.reason = self.truncated_l4.val();
            } else if self.upper.tx.val().bad_l4_header {
                self.packet.d.next.reason = self.bad_l4_header.val();
            }
        }
        self.tx.payload.next = self.packet.q.val();
    }
}

/// The blocks of this stage.
#[must_use]
pub fn parser_entries() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("parser", Parser::default),
        BlockEntry::of("parser_no_solicitations", || Parser::new(false)),
        BlockEntry::of("parser_ethernet", EthernetHeader::default),
        BlockEntry::of("parser_internet", InternetHeader::default),
        BlockEntry::of("parser_checksum", Checksum::default),
        BlockEntry::of("parser_neighbour", Neighbour::default),
        BlockEntry::of("parser_quoted", QuotedPacket::default),
        BlockEntry::of("parser_extension", ExtensionWalk::default),
        BlockEntry::of("parser_upper", UpperHeader::default),
    ]
}
