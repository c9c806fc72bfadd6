//! The fixed headers of IPv4 (RFC 791), IPv6 (RFC 8200, section 3) and ARP (RFC 826).
//!
//! Ports: `rx`, `reason`, `tx`. Latency: 1 clock. Drop reasons: `bad_ip_version`, `bad_ip_header_length`,
//! `bad_ip_total_length`.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::DropReason;
use rust_hdl::prelude::*;

use super::ethernet::Network;
use crate::format;
use crate::reason::{Reason, reason};

/// A frame whose network header has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Datagram {
    /// Drop reason so far, 0 for none.
    pub reason: Bits<6>,
    /// The frame waits in the payload ring.
    pub has_payload: Bit,
    /// Length of the frame in bytes.
    pub length: Bits<14>,
    /// `tuser` of the port.
    pub port: Bits<8>,
    /// Number of the frame on its path.
    pub serial: Bits<16>,
    /// Destination MAC.
    pub dst_mac: Bits<48>,
    /// Source MAC.
    pub src_mac: Bits<48>,
    /// A tag is present.
    pub tagged: Bit,
    /// Its tag control information.
    pub vlan: Bits<16>,
    /// The frame is ARP.
    pub is_arp: Bit,
    /// The frame is IPv4.
    pub is_ipv4: Bit,
    /// The frame is IPv6.
    pub is_ipv6: Bit,
    /// TOS or traffic class.
    pub traffic_class: Bits<8>,
    /// Length of the datagram in bytes, its header included.
    pub ip_length: Bits<16>,
    /// TTL or hop limit.
    pub hop_limit: Bits<8>,
    /// Header checksum (IPv4).
    pub ip_checksum: Bits<16>,
    /// DF (IPv6: set).
    pub dont_fragment: Bit,
    /// MF (IPv4).
    pub more_fragments: Bit,
    /// Fragment offset in units of 8 bytes (IPv4).
    pub fragment_offset: Bits<13>,
    /// Identification (IPv4).
    pub identification: Bits<16>,
    /// Source address, or ARP's sender.
    pub src_ip: Bits<128>,
    /// Destination address, or ARP's target.
    pub dst_ip: Bits<128>,
    /// Type of what follows the fixed header.
    pub next_header: Bits<8>,
    /// Words of 4 bytes in the header (IPv4).
    pub ihl: Bits<4>,
    /// Bytes of the datagram after the IPv4 header with its options, or after the fixed IPv6 header.
    pub payload: Bits<16>,
    /// ARP for IPv4 over Ethernet with operation 1 or 2.
    pub arp_valid: Bit,
    /// ARP operation 1.
    pub arp_request: Bit,
    /// ARP sender hardware address.
    pub arp_sender_mac: Bits<48>,
}

/// Reads the network header.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct InternetHeader {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub rx: Signal<In, Network>,
    /// Its drop reason so far, 0 for none.
    pub reason: Signal<In, Bits<6>>,
    /// Its network header.
    pub tx: Signal<Out, Datagram>,
    ipv4: Cast<Bits<160>, format::Ipv4>,
    ipv6: Cast<Bits<320>, format::Ipv6>,
    arp: Cast<Bits<224>, format::Arp>,
    datagram: DFF<Datagram>,
    blank: Constant<Datagram>,
    header_length: Signal<Local, Bits<16>>,
    datagram_end: Signal<Local, Bits<17>>,
    bad_version: Signal<Local, Bit>,
    bad_header_length: Signal<Local, Bit>,
    bad_total_length: Signal<Local, Bit>,
    bad_ip_version: Reason,
    bad_ip_header_length: Reason,
    bad_ip_total_length: Reason,
    mapped_prefix: Constant<Bits<128>>,
}

/// `::ffff:0:0`, the prefix of IPv4-mapped addresses (RFC 4291, section 2.5.5.2).
pub(super) fn mapped_prefix() -> Bits<128> {
    bits::<128>(0xffff) << 32
}

impl Default for InternetHeader {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            reason: Signal::default(),
            tx: Signal::default(),
            ipv4: Cast::default(),
            ipv6: Cast::default(),
            arp: Cast::default(),
            datagram: DFF::default(),
            blank: Constant::new(Datagram::default()),
            header_length: Signal::default(),
            datagram_end: Signal::default(),
            bad_version: Signal::default(),
            bad_header_length: Signal::default(),
            bad_total_length: Signal::default(),
            bad_ip_version: reason(DropReason::BadIpVersion),
            bad_ip_header_length: reason(DropReason::BadIpHeaderLength),
            bad_ip_total_length: reason(DropReason::BadIpTotalLength),
            mapped_prefix: Constant::new(mapped_prefix()),
        }
    }
}

impl Logic for InternetHeader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, datagram);
        self.ipv4.i.next = self.rx.val().window.get_bits::<160>(976);
        self.ipv6.i.next = self.rx.val().window.get_bits::<320>(816);
        self.arp.i.next = self.rx.val().window.get_bits::<224>(912);

        self.datagram.d.next = self.blank.val();
        self.datagram.d.next.has_payload = self.rx.val().has_payload;
        self.datagram.d.next.length = self.rx.val().length;
        self.datagram.d.next.port = self.rx.val().port;
        self.datagram.d.next.serial = self.rx.val().serial;
        self.datagram.d.next.dst_mac = self.rx.val().dst_mac;
        self.datagram.d.next.src_mac = self.rx.val().src_mac;
        self.datagram.d.next.tagged = self.rx.val().tagged;
        self.datagram.d.next.vlan = self.rx.val().vlan;
        self.datagram.d.next.is_arp = self.rx.val().is_arp;
        self.datagram.d.next.is_ipv4 = self.rx.val().is_ipv4;
        self.datagram.d.next.is_ipv6 = self.rx.val().is_ipv6;

        self.header_length.next = bit_cast::<16, 4>(self.ipv4.o.val().ihl) << 2;
        // IPv6 counts without its header of 40 bytes; 17 bits hold the sum.
        self.datagram_end.next = bit_cast::<17, 16>(self.ipv6.o.val().payload_length) + 40;
        self.bad_version.next = false;
        self.bad_header_length.next = false;
        self.bad_total_length.next = false;
        if self.rx.val().is_ipv4 {
            self.datagram_end.next = bit_cast::<17, 16>(self.ipv4.o.val().total_length);
            self.bad_version.next = self.ipv4.o.val().version != 4;
            self.bad_header_length.next = self.ipv4.o.val().ihl < 5;
            self.bad_total_length.next = self.ipv4.o.val().total_length < self.header_length.val();
            self.datagram.d.next.traffic_class = self.ipv4.o.val().traffic_class;
            self.datagram.d.next.hop_limit = self.ipv4.o.val().ttl;
            self.datagram.d.next.ip_checksum = self.ipv4.o.val().checksum;
            self.datagram.d.next.dont_fragment = self.ipv4.o.val().dont_fragment;
            self.datagram.d.next.more_fragments = self.ipv4.o.val().more_fragments;
            self.datagram.d.next.fragment_offset = self.ipv4.o.val().fragment_offset;
            self.datagram.d.next.identification = self.ipv4.o.val().identification;
            self.datagram.d.next.src_ip = self.mapped_prefix.val() | bit_cast::<128, 32>(self.ipv4.o.val().src);
            self.datagram.d.next.dst_ip = self.mapped_prefix.val() | bit_cast::<128, 32>(self.ipv4.o.val().dst);
            self.datagram.d.next.next_header = self.ipv4.o.val().protocol;
            self.datagram.d.next.ihl = self.ipv4.o.val().ihl;
            self.datagram.d.next.payload = self.ipv4.o.val().total_length - self.header_length.val();
        } else if self.rx.val().is_ipv6 {
            self.bad_version.next = self.ipv6.o.val().version != 6;
            self.datagram.d.next.traffic_class = self.ipv6.o.val().traffic_class;
            self.datagram.d.next.hop_limit = self.ipv6.o.val().hop_limit;
            self.datagram.d.next.dont_fragment = true;
            self.datagram.d.next.src_ip = self.ipv6.o.val().src;
            self.datagram.d.next.dst_ip = self.ipv6.o.val().dst;
            self.datagram.d.next.next_header = self.ipv6.o.val().next_header;
            self.datagram.d.next.payload = self.ipv6.o.val().payload_length;
        } else if self.rx.val().is_arp {
            self.datagram.d.next.src_ip = self.mapped_prefix.val() | bit_cast::<128, 32>(self.arp.o.val().sender_ip);
            self.datagram.d.next.dst_ip = self.mapped_prefix.val() | bit_cast::<128, 32>(self.arp.o.val().target_ip);
            self.datagram.d.next.arp_request = self.arp.o.val().operation == 1;
            self.datagram.d.next.arp_sender_mac = self.arp.o.val().sender_mac;
            self.datagram.d.next.arp_valid = self.arp.o.val().hardware_type == 1
                && self.arp.o.val().protocol_type == 0x0800
                && self.arp.o.val().hardware_length == 6
                && self.arp.o.val().protocol_length == 4
                && (self.arp.o.val().operation == 1 || self.arp.o.val().operation == 2);
        }

        self.datagram.d.next.reason = self.reason.val();
        if self.rx.val().is_ipv4 || self.rx.val().is_ipv6 {
            self.datagram.d.next.ip_length = self.datagram_end.val().get_bits::<16>(0);
            self.bad_total_length.next =
                self.bad_total_length.val() || self.datagram_end.val() > bit_cast::<17, 15>(self.rx.val().left);
            if !self.reason.val().any() {
                if self.bad_version.val() {
                    self.datagram.d.next.reason = self.bad_ip_version.val();
                } else if self.bad_header_length.val() {
                    self.datagram.d.next.reason = self.bad_ip_header_length.val();
                } else if self.bad_total_length.val() {
                    self.datagram.d.next.reason = self.bad_ip_total_length.val();
                }
            }
        }
        self.tx.next = self.datagram.q.val();
    }
}
