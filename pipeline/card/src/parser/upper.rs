//! The upper layer: where its header is, TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443), and the fragment
//! headers of IPv6 (RFC 8200, section 4.5).
//!
//! Ports: `walk`, `datagram`, `window` (all of one frame), `tx`. Latency: 4 clocks: locate the header; take it from each place
//! where it can be, masked by a register's synchronous reset; put the places together; check it. Drop reasons: `too_many_headers`,
//! `fragment_overlap` (RFC 1858, RFC 3128), `truncated_l4`, `bad_l4_header`.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record};
use rust_hdl::prelude::*;

use super::ethernet::NETWORK;
use super::extension::{CHUNKS, Walk};
use super::internet::Datagram;

/// Clocks from the inputs to `tx`.
pub const LATENCY: usize = 4;
/// Places where an upper-layer header can begin, in words of 4 bytes after the Ethernet header: 5 to 15 for IPv4; 10, 12,
/// 14, … for IPv6, of which the first three are places of IPv4 too.
const PLACES: usize = 11 + CHUNKS - 3;

/// What the walk amounts to: where to look, and how much is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Located {
    is_ipv4: Bit,
    is_ipv6: Bit,
    protocol: Bits<8>,
    ip_options: Bit,
    /// Bytes from the start of the upper-layer header to the end of the datagram.
    bytes: Bits<16>,
    /// The headers are more or longer than the parser follows.
    too_many: Bit,
    /// The datagram ends within its extension headers.
    cut: Bit,
    more_fragments: Bit,
    fragment_offset: Bits<13>,
    fragment_id: Bits<32>,
}

/// The upper layer of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Upper {
    /// `too_many_headers`.
    pub too_many_headers: Bit,
    /// `fragment_overlap`.
    pub fragment_overlap: Bit,
    /// `truncated_l4`.
    pub truncated_l4: Bit,
    /// `bad_l4_header`.
    pub bad_l4_header: Bit,
    /// Has IPv4 options or IPv6 extension headers.
    pub ip_options: Bit,
    /// Upper-layer protocol.
    pub protocol: Bits<8>,
    /// More fragments follow.
    pub more_fragments: Bit,
    /// Fragment offset in units of 8 bytes.
    pub fragment_offset: Bits<13>,
    /// Identification for fragments.
    pub fragment_id: Bits<32>,
    /// TCP or UDP ports are present.
    pub has_ports: Bit,
    /// Source port.
    pub src_port: Bits<16>,
    /// Destination port.
    pub dst_port: Bits<16>,
    /// TCP flags.
    pub tcp_flags: Bits<8>,
    /// UDP length.
    pub udp_length: Bits<16>,
    /// An ICMP or ICMPv6 header is present.
    pub is_icmp: Bit,
    /// ICMP type.
    pub icmp_type: Bits<8>,
    /// ICMP code.
    pub icmp_code: Bits<8>,
    /// Identifier of an echo message.
    pub icmp_identifier: Bits<16>,
}

/// Bytes 0 to 5 of an upper-layer header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Head {
    first: Bits<16>,
    second: Bits<16>,
    third: Bits<16>,
}

/// Bytes 2 to 7 of a fragment header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Fragment {
    offset: Bits<13>,
    reserved: Bits<2>,
    more: Bit,
    identification: Bits<32>,
}

/// Finds and reads the upper-layer header.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct UpperHeader {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Where the extension headers end.
    pub walk: Signal<In, Walk>,
    /// The network header.
    pub datagram: Signal<In, Datagram>,
    /// The bytes after the Ethernet header.
    pub window: Signal<In, Bits<NETWORK>>,
    /// The upper-layer header.
    pub tx: Signal<Out, Upper>,
    located: DFF<Located>,
    taken: DFF<Located>,
    gathered: DFF<Located>,
    place: DFF<Bits<PLACES>>,
    fragment_place: DFF<Bits<CHUNKS>>,
    bytes_here: DFF<Bits<NETWORK>>,
    heads: Vec<DFF<Bits<48>>>,
    tails: Vec<DFF<Bits<16>>>,
    fragments: Vec<DFF<Bits<48>>>,
    head: DFF<Bits<48>>,
    tail: DFF<Bits<16>>,
    head_fields: Cast<Bits<48>, Head>,
    fragment_fields: Cast<Bits<48>, Fragment>,
    upper: DFF<Upper>,
    blank: Constant<Upper>,
    blank_located: Constant<Located>,
    limit: Signal<Local, Bits<9>>,
    index: Signal<Local, Bits<5>>,
    available: Signal<Local, Bits<13>>,
    any_head: Signal<Local, Bits<48>>,
    any_tail: Signal<Local, Bits<16>>,
    any_fragment: Signal<Local, Bits<48>>,
    first: Signal<Local, Bit>,
    is_tcp: Signal<Local, Bit>,
    is_udp: Signal<Local, Bit>,
    is_icmp: Signal<Local, Bit>,
    header_bytes: Signal<Local, Bits<16>>,
}

impl Default for UpperHeader {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            walk: Signal::default(),
            datagram: Signal::default(),
            window: Signal::default(),
            tx: Signal::default(),
            located: DFF::default(),
            taken: DFF::default(),
            gathered: DFF::default(),
            place: DFF::default(),
            fragment_place: DFF::default(),
            bytes_here: DFF::default(),
            heads: (0..PLACES).map(|_| DFF::default()).collect(),
            tails: (0..PLACES).map(|_| DFF::default()).collect(),
            fragments: (0..CHUNKS).map(|_| DFF::default()).collect(),
            head: DFF::default(),
            tail: DFF::default(),
            head_fields: Cast::default(),
            fragment_fields: Cast::default(),
            upper: DFF::default(),
            blank: Constant::new(Upper::default()),
            blank_located: Constant::new(Located::default()),
            limit: Signal::default(),
            index: Signal::default(),
            available: Signal::default(),
            any_head: Signal::default(),
            any_tail: Signal::default(),
            any_fragment: Signal::default(),
            first: Signal::default(),
            is_tcp: Signal::default(),
            is_udp: Signal::default(),
            is_icmp: Signal::default(),
            header_bytes: Signal::default(),
        }
    }
}

impl Logic for UpperHeader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, located, taken, gathered, place, fragment_place, bytes_here, head, tail, upper);
        for i in 0..20 {
            self.heads[i].clock.next = self.clock.val();
            self.tails[i].clock.next = self.clock.val();
        }
        for i in 0..12 {
            self.fragments[i].clock.next = self.clock.val();
        }

        // First clock: where the header is, and how many bytes there are from there to the datagram's end.
        self.bytes_here.d.next = self.window.val();
        self.limit.next = bits::<9>(11);
        if self.walk.val().tagged {
            self.limit.next = bits::<9>(10);
        }
        if self.walk.val().end.get_bits::<4>(0) <= 2 {
            self.index.next = (bit_cast::<5, 4>(self.walk.val().end.get_bits::<4>(0)) << 1) + 5;
        } else {
            self.index.next = bit_cast::<5, 4>(self.walk.val().end.get_bits::<4>(0)) + 8;
        }
        if self.datagram.val().is_ipv4 {
            self.index.next = bit_cast::<5, 4>(self.datagram.val().ihl) - 5;
        }
        self.place.d.next = bits::<PLACES>(1) << self.index.val();
        self.fragment_place.d.next = bits::<CHUNKS>(0);
        if self.walk.val().fragmented {
            self.fragment_place.d.next = bits::<CHUNKS>(1) << self.walk.val().fragment_chunk;
        }
        // In units of 8 bytes, so that the last, broken unit does not count.
        self.available.next = self.datagram.val().payload.get_bits::<13>(3) - bit_cast::<13, 9>(self.walk.val().end);
        self.located.d.next = self.blank_located.val();
        self.located.d.next.is_ipv4 = self.datagram.val().is_ipv4;
        self.located.d.next.is_ipv6 = self.datagram.val().is_ipv6;
        self.located.d.next.protocol = self.walk.val().upper;
        self.located.d.next.bytes = (bit_cast::<16, 13>(self.available.val()) << 3)
            | bit_cast::<16, 3>(self.datagram.val().payload.get_bits::<3>(0));
        self.located.d.next.more_fragments = self.datagram.val().more_fragments;
        self.located.d.next.fragment_offset = self.datagram.val().fragment_offset;
        if self.datagram.val().is_ipv4 {
            self.located.d.next.ip_options = self.datagram.val().ihl != 5;
            self.located.d.next.fragment_id = bit_cast::<32, 16>(self.datagram.val().identification);
        } else if self.datagram.val().is_ipv6 {
            self.located.d.next.ip_options = self.walk.val().end.any();
            if self.datagram.val().payload.get_bits::<13>(3) < bit_cast::<13, 9>(self.walk.val().end) {
                self.located.d.next.cut = true;
            } else if self.walk.val().extension || (self.walk.val().end > self.limit.val() && !self.walk.val().later) {
                // The header at the end is out of reach, if the datagram has it at all.
                self.located.d.next.too_many = self.available.val().any();
                self.located.d.next.cut = self.walk.val().extension && !self.available.val().any();
            }
        }

        // Second clock: take the header from every place where it could be; all but one give zero.
        self.taken.d.next = self.located.q.val();
        for i in 0..20 {
            self.heads[i].d.next = bits::<48>(0);
            self.tails[i].d.next = bits::<16>(0);
        }
        for i in 0..11 {
            if self.place.q.val().get_bit(i) {
                self.heads[i].d.next = self.bytes_here.q.val().get_bits::<48>(928 - 32 * i);
                self.tails[i].d.next = self.bytes_here.q.val().get_bits::<16>(864 - 32 * i);
            }
        }
        for i in 11..20 {
            if self.place.q.val().get_bit(i) {
                self.heads[i].d.next = self.bytes_here.q.val().get_bits::<48>(1280 - 64 * i);
                self.tails[i].d.next = self.bytes_here.q.val().get_bits::<16>(1216 - 64 * i);
            }
        }
        for i in 0..12 {
            if self.fragment_place.q.val().get_bit(i) {
                self.fragments[i].d.next = self.bytes_here.q.val().get_bits::<48>(752 - 64 * i);
            } else {
                self.fragments[i].d.next = bits::<48>(0);
            }
        }

        // Third clock: put the places together.
        self.any_head.next = bits::<48>(0);
        self.any_tail.next = bits::<16>(0);
        for i in 0..20 {
            self.any_head.next = self.any_head.val() | self.heads[i].q.val();
            self.any_tail.next = self.any_tail.val() | self.tails[i].q.val();
        }
        self.head.d.next = self.any_head.val();
        self.tail.d.next = self.any_tail.val();
        self.any_fragment.next = bits::<48>(0);
        for i in 0..12 {
            self.any_fragment.next = self.any_fragment.val() | self.fragments[i].q.val();
        }
        self.fragment_fields.i.next = self.any_fragment.val();
        self.gathered.d.next = self.taken.q.val();
        if self.taken.q.val().is_ipv6 {
            self.gathered.d.next.more_fragments = self.fragment_fields.o.val().more;
            self.gathered.d.next.fragment_offset = self.fragment_fields.o.val().offset;
            self.gathered.d.next.fragment_id = self.fragment_fields.o.val().identification;
        }

        // Fourth clock: check.
        self.head_fields.i.next = self.head.q.val();
        self.header_bytes.next = bit_cast::<16, 4>(self.tail.q.val().get_bits::<4>(12)) << 2;
        self.first.next = !self.gathered.q.val().fragment_offset.any();
        self.is_tcp.next = self.gathered.q.val().protocol == 6;
        self.is_udp.next = self.gathered.q.val().protocol == 17;
        self.is_icmp.next = (self.gathered.q.val().is_ipv4 && self.gathered.q.val().protocol == 1)
            || (self.gathered.q.val().is_ipv6 && self.gathered.q.val().protocol == 58);
        self.upper.d.next = self.blank.val();
        if self.gathered.q.val().is_ipv4 || self.gathered.q.val().is_ipv6 {
            self.upper.d.next.too_many_headers = self.gathered.q.val().too_many;
            self.upper.d.next.truncated_l4 = self.gathered.q.val().cut;
            self.upper.d.next.ip_options = self.gathered.q.val().ip_options;
            self.upper.d.next.protocol = self.gathered.q.val().protocol;
            self.upper.d.next.more_fragments = self.gathered.q.val().more_fragments;
            self.upper.d.next.fragment_offset = self.gathered.q.val().fragment_offset;
            self.upper.d.next.fragment_id = self.gathered.q.val().fragment_id;
            if !self.first.val() {
                // 20 bytes of TCP end within the fragments at 0, 8 and 16.
                self.upper.d.next.fragment_overlap =
                    self.is_tcp.val() && !self.gathered.q.val().cut && self.gathered.q.val().fragment_offset < 3;
            } else if self.is_tcp.val() {
                self.upper.d.next.has_ports = true;
                self.upper.d.next.src_port = self.head_fields.o.val().first;
                self.upper.d.next.dst_port = self.head_fields.o.val().second;
                self.upper.d.next.tcp_flags = self.tail.q.val().get_bits::<8>(0);
                self.upper.d.next.truncated_l4 = self.gathered.q.val().cut || self.gathered.q.val().bytes < 20;
                self.upper.d.next.bad_l4_header =
                    self.header_bytes.val() < 20 || self.header_bytes.val() > self.gathered.q.val().bytes;
            } else if self.is_udp.val() {
                self.upper.d.next.has_ports = true;
                self.upper.d.next.src_port = self.head_fields.o.val().first;
                self.upper.d.next.dst_port = self.head_fields.o.val().second;
                self.upper.d.next.udp_length = self.head_fields.o.val().third;
                self.upper.d.next.truncated_l4 = self.gathered.q.val().cut || self.gathered.q.val().bytes < 8;
                self.upper.d.next.bad_l4_header = self.head_fields.o.val().third < 8
                    || (self.head_fields.o.val().third > self.gathered.q.val().bytes
                        && !self.gathered.q.val().more_fragments);
            } else if self.is_icmp.val() {
                self.upper.d.next.is_icmp = true;
                self.upper.d.next.icmp_type = self.head_fields.o.val().first.get_bits::<8>(8);
                self.upper.d.next.icmp_code = self.head_fields.o.val().first.get_bits::<8>(0);
                self.upper.d.next.truncated_l4 = self.gathered.q.val().cut || self.gathered.q.val().bytes < 8;
                if (self.gathered.q.val().is_ipv4
                    && (self.head_fields.o.val().first.get_bits::<8>(8) == 0
                        || self.head_fields.o.val().first.get_bits::<8>(8) == 8))
                    || (self.gathered.q.val().is_ipv6
                        && (self.head_fields.o.val().first.get_bits::<8>(8) == 128
                            || self.head_fields.o.val().first.get_bits::<8>(8) == 129))
                {
                    self.upper.d.next.icmp_identifier = self.head_fields.o.val().third;
                }
            }
        }
        self.tx.next = self.upper.q.val();
    }
}
