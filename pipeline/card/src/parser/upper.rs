//! The upper layer: where its header is, TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443), and the
//! fragment headers of IPv6 (RFC 8200, section 4.5).
//!
//! Ports: `walk`, `network` (of one frame), `datagram` (1 clock later), `tx`. Latency: 3 clocks from `walk`: take the
//! header from each place where it can be, masked by a register's synchronous reset; put the places together; check it.
//! Drop reasons: `too_many_headers`, `fragment_overlap` (RFC 1858, RFC 3128), `truncated_l4`, `bad_l4_header`.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::ethernet::Network;
use super::extension::{CHUNKS, Walk};
use super::internet::Datagram;

/// Clocks from `walk` to `tx`.
pub const LATENCY: usize = 3;
/// Places where an upper-layer header can begin, in words of 4 bytes after the Ethernet header: 5 to 15 for IPv4; 10,
/// 12, 14, … for IPv6, of which the first three are places of IPv4 too.
const PLACES: usize = 11 + CHUNKS - 3;

/// What the walk amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Located {
    is_ipv4: Bit,
    is_ipv6: Bit,
    protocol: Bits<8>,
    ip_options: Bit,
    /// Bytes from the end of the headers walked over to the end of the datagram.
    bytes: Bits<16>,
    /// The datagram ends before the headers walked over do.
    cut: Bit,
    /// An extension header follows that is out of reach.
    extension: Bit,
    /// Whatever follows is out of reach.
    beyond: Bit,
    /// There is a seventh extension header.
    seventh: Bit,
    /// It has at least 8 bytes.
    seventh_fits: Bit,
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
    /// ICMP checksum.
    pub icmp_checksum: Bits<16>,
    /// Identifier of an echo message.
    pub icmp_identifier: Bits<16>,
}

/// What is found of the upper layer, for each protocol that it might be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Checks {
    is_ip: Bit,
    /// Not a later fragment.
    first: Bit,
    /// A fragment that begins within a TCP header.
    overlaps: Bit,
    is_tcp: Bit,
    is_udp: Bit,
    is_icmp: Bit,
    is_echo: Bit,
    /// There are less than 20 bytes.
    under_20: Bit,
    /// There are less than 8 bytes.
    under_8: Bit,
    bad_tcp: Bit,
    short_udp: Bit,
    long_udp: Bit,
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
    /// Where the extension headers are.
    pub walk: Signal<In, Walk>,
    /// The frame after its Ethernet header.
    pub network: Signal<In, Network>,
    /// Its network header, 1 clock later.
    pub datagram: Signal<In, Datagram>,
    /// The upper-layer header.
    pub tx: Signal<Out, Upper>,
    heads: Vec<DFF<Bits<48>>>,
    tails: Vec<DFF<Bits<16>>>,
    fragments: Vec<DFF<Bits<48>>>,
    lengths: Vec<DFF<Bits<8>>>,
    types: Vec<DFF<Bits<8>>>,
    /// Number of each chunk.
    numbers: Vec<Constant<Bits<4>>>,
    /// Chunk after the one at which the last extension header begins, 0 without one.
    after_last: DFF<Bits<4>>,
    /// There are seven extension headers.
    seventh: DFF<Bit>,
    /// Chunk at which the seventh begins.
    seventh_chunk: DFF<Bits<4>>,
    walked: DFF<Bit>,
    extension: DFF<Bit>,
    beyond: DFF<Bit>,
    head: DFF<Bits<48>>,
    tail: DFF<Bits<16>>,
    located: DFF<Located>,
    checks: DFF<Checks>,
    checked: DFF<Located>,
    checked_head: DFF<Bits<48>>,
    checked_flags: DFF<Bits<8>>,
    head_fields: Cast<Bits<48>, Head>,
    fields: Cast<Bits<48>, Head>,
    fragment_fields: Cast<Bits<48>, Fragment>,
    blank: Constant<Upper>,
    blank_located: Constant<Located>,
    blank_checks: Constant<Checks>,
    ihl: Signal<Local, Bits<4>>,
    place: Signal<Local, Bits<PLACES>>,
    after: Signal<Local, Bits<4>>,
    chunk: Signal<Local, Bits<4>>,
    any_head: Signal<Local, Bits<48>>,
    any_tail: Signal<Local, Bits<16>>,
    any_fragment: Signal<Local, Bits<48>>,
    any_length: Signal<Local, Bits<8>>,
    any_type: Signal<Local, Bits<8>>,
    units: Signal<Local, Bits<13>>,
    left: Signal<Local, Bits<14>>,
    more: Signal<Local, Bit>,
    first: Signal<Local, Bit>,
    cut: Signal<Local, Bit>,
    header_bytes: Signal<Local, Bits<16>>,
}

impl Default for UpperHeader {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            walk: Signal::default(),
            network: Signal::default(),
            datagram: Signal::default(),
            tx: Signal::default(),
            heads: (0..PLACES).map(|_| DFF::default()).collect(),
            tails: (0..PLACES).map(|_| DFF::default()).collect(),
            fragments: (0..CHUNKS).map(|_| DFF::default()).collect(),
            lengths: (0..CHUNKS).map(|_| DFF::default()).collect(),
            types: (0..CHUNKS).map(|_| DFF::default()).collect(),
            numbers: (0..=CHUNKS).map(|number| Constant::new(number.to_bits())).collect(),
            after_last: DFF::default(),
            seventh: DFF::default(),
            seventh_chunk: DFF::default(),
            walked: DFF::default(),
            extension: DFF::default(),
            beyond: DFF::default(),
            head: DFF::default(),
            tail: DFF::default(),
            located: DFF::default(),
            checks: DFF::default(),
            checked: DFF::default(),
            checked_head: DFF::default(),
            checked_flags: DFF::default(),
            head_fields: Cast::default(),
            fields: Cast::default(),
            fragment_fields: Cast::default(),
            blank: Constant::new(Upper::default()),
            blank_located: Constant::new(Located::default()),
            blank_checks: Constant::new(Checks::default()),
            ihl: Signal::default(),
            place: Signal::default(),
            after: Signal::default(),
            chunk: Signal::default(),
            any_head: Signal::default(),
            any_tail: Signal::default(),
            any_fragment: Signal::default(),
            any_length: Signal::default(),
            any_type: Signal::default(),
            units: Signal::default(),
            left: Signal::default(),
            more: Signal::default(),
            first: Signal::default(),
            cut: Signal::default(),
            header_bytes: Signal::default(),
        }
    }
}

impl Logic for UpperHeader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, after_last, seventh, seventh_chunk, walked, extension, beyond, head, tail, located);
        dff_setup!(self, clock, checks, checked, checked_head, checked_flags);
        for i in 0..20 {
            self.heads[i].clock.next = self.clock.val();
            self.tails[i].clock.next = self.clock.val();
        }
        for i in 0..12 {
            self.fragments[i].clock.next = self.clock.val();
            self.lengths[i].clock.next = self.clock.val();
            self.types[i].clock.next = self.clock.val();
        }

        // First clock: take every header from every place where it could be; all but one give zero.
        self.ihl.next = self.network.val().window.get_bits::<4>(1128);
        self.place.next = bits::<PLACES>(0);
        if self.network.val().is_ipv4 {
            // An impossible header length shifts the one to a place that means nothing; it has its own drop reason.
            self.place.next = bits::<PLACES>(1) << (self.ihl.val() - 5);
        } else {
            for i in 0..3 {
                self.place.next = self.place.val().replace_bit(5 + 2 * i, self.walk.val().landed.get_bit(11 - i));
            }
            for i in 3..12 {
                self.place.next = self.place.val().replace_bit(8 + i, self.walk.val().landed.get_bit(11 - i));
            }
        }
        for i in 0..11 {
            if self.place.val().get_bit(i) {
                self.heads[i].d.next = self.network.val().window.get_bits::<48>(928 - 32 * i);
                self.tails[i].d.next = self.network.val().window.get_bits::<16>(864 - 32 * i);
            } else {
                self.heads[i].d.next = bits::<48>(0);
                self.tails[i].d.next = bits::<16>(0);
            }
        }
        for i in 11..20 {
            if self.place.val().get_bit(i) {
                self.heads[i].d.next = self.network.val().window.get_bits::<48>(1280 - 64 * i);
                self.tails[i].d.next = self.network.val().window.get_bits::<16>(1216 - 64 * i);
            } else {
                self.heads[i].d.next = bits::<48>(0);
                self.tails[i].d.next = bits::<16>(0);
            }
        }
        for i in 0..12 {
            if self.walk.val().last_fragment.get_bit(11 - i) {
                self.fragments[i].d.next = self.network.val().window.get_bits::<48>(752 - 64 * i);
            } else {
                self.fragments[i].d.next = bits::<48>(0);
            }
            if self.walk.val().last.get_bit(11 - i) {
                self.types[i].d.next = self.network.val().window.get_bits::<8>(808 - 64 * i);
            } else {
                self.types[i].d.next = bits::<8>(0);
            }
            // A fragment header has no length field.
            if self.walk.val().last.get_bit(11 - i) && !self.walk.val().last_fragment.get_bit(11 - i) {
                self.lengths[i].d.next = self.network.val().window.get_bits::<8>(800 - 64 * i);
            } else {
                self.lengths[i].d.next = bits::<8>(0);
            }
        }
        self.after.next = bits::<4>(0);
        self.chunk.next = bits::<4>(0);
        for i in 0..12 {
            if self.walk.val().last.get_bit(11 - i) {
                self.after.next = self.after.val() | self.numbers[i + 1].val();
            }
            if self.walk.val().seventh.get_bit(11 - i) {
                self.chunk.next = self.chunk.val() | self.numbers[i].val();
            }
        }
        self.after_last.d.next = self.after.val();
        self.seventh_chunk.d.next = self.chunk.val();
        self.seventh.d.next = self.walk.val().seventh.any();
        self.walked.d.next = self.walk.val().last.any();
        self.extension.d.next = self.walk.val().extension;
        self.beyond.d.next = !self.walk.val().landed.any();

        // Second clock: put the places together, and count what is left of the datagram.
        self.any_head.next = bits::<48>(0);
        self.any_tail.next = bits::<16>(0);
        for i in 0..20 {
            self.any_head.next = self.any_head.val() | self.heads[i].q.val();
            self.any_tail.next = self.any_tail.val() | self.tails[i].q.val();
        }
        self.head.d.next = self.any_head.val();
        self.tail.d.next = self.any_tail.val();
        self.any_fragment.next = bits::<48>(0);
        self.any_length.next = bits::<8>(0);
        self.any_type.next = bits::<8>(0);
        for i in 0..12 {
            self.any_fragment.next = self.any_fragment.val() | self.fragments[i].q.val();
            self.any_length.next = self.any_length.val() | self.lengths[i].q.val();
            self.any_type.next = self.any_type.val() | self.types[i].q.val();
        }
        self.fragment_fields.i.next = self.any_fragment.val();
        // In units of 8 bytes, so that the last, broken unit does not count.
        self.units.next = self.datagram.val().payload.get_bits::<13>(3);
        // The 14th bit says that the headers are longer than the datagram.
        self.left.next = (bit_cast::<14, 13>(self.units.val()) - bit_cast::<14, 4>(self.after_last.q.val()))
            - bit_cast::<14, 8>(self.any_length.val());
        self.located.d.next = self.blank_located.val();
        self.located.d.next.is_ipv4 = self.datagram.val().is_ipv4;
        self.located.d.next.is_ipv6 = self.datagram.val().is_ipv6;
        self.located.d.next.protocol = self.any_type.val();
        if !self.walked.q.val() {
            self.located.d.next.protocol = self.datagram.val().next_header;
        }
        self.located.d.next.bytes = (bit_cast::<16, 14>(self.left.val()) << 3)
            | bit_cast::<16, 3>(self.datagram.val().payload.get_bits::<3>(0));
        if self.datagram.val().is_ipv4 {
            self.located.d.next.ip_options = self.datagram.val().ihl != 5;
            self.located.d.next.more_fragments = self.datagram.val().more_fragments;
            self.located.d.next.fragment_offset = self.datagram.val().fragment_offset;
            self.located.d.next.fragment_id = bit_cast::<32, 16>(self.datagram.val().identification);
        } else {
            self.located.d.next.ip_options = self.walked.q.val();
            self.located.d.next.more_fragments = self.fragment_fields.o.val().more;
            self.located.d.next.fragment_offset = self.fragment_fields.o.val().offset;
            self.located.d.next.fragment_id = self.fragment_fields.o.val().identification;
            self.located.d.next.cut = self.left.val().get_bit(13);
            self.located.d.next.extension = self.extension.q.val();
            self.located.d.next.beyond = self.beyond.q.val();
            self.located.d.next.seventh = self.seventh.q.val();
            self.located.d.next.seventh_fits = self.units.val() > bit_cast::<13, 4>(self.seventh_chunk.q.val());
        }

        // Third clock: check, as if the protocol were each of those known.
        self.head_fields.i.next = self.head.q.val();
        self.header_bytes.next = bit_cast::<16, 4>(self.tail.q.val().get_bits::<4>(12)) << 2;
        self.checks.d.next = self.blank_checks.val();
        self.checks.d.next.first = !self.located.q.val().fragment_offset.any();
        self.checks.d.next.overlaps = self.located.q.val().fragment_offset < 3;
        self.checks.d.next.is_ip = self.located.q.val().is_ipv4 || self.located.q.val().is_ipv6;
        self.checks.d.next.is_tcp = self.located.q.val().protocol == 6;
        self.checks.d.next.is_udp = self.located.q.val().protocol == 17;
        self.checks.d.next.is_icmp = (self.located.q.val().is_ipv4 && self.located.q.val().protocol == 1)
            || (self.located.q.val().is_ipv6 && self.located.q.val().protocol == 58);
        self.checks.d.next.under_20 = self.located.q.val().bytes < 20;
        self.checks.d.next.under_8 = !self.located.q.val().bytes.get_bits::<13>(3).any();
        self.checks.d.next.bad_tcp =
            self.header_bytes.val() < 20 || self.header_bytes.val() > self.located.q.val().bytes;
        self.checks.d.next.short_udp = self.head_fields.o.val().third < 8;
        self.checks.d.next.long_udp =
            self.head_fields.o.val().third > self.located.q.val().bytes && !self.located.q.val().more_fragments;
        self.checks.d.next.is_echo = (self.located.q.val().is_ipv4
            && (self.head_fields.o.val().first.get_bits::<8>(8) == 0
                || self.head_fields.o.val().first.get_bits::<8>(8) == 8))
            || (self.located.q.val().is_ipv6
                && (self.head_fields.o.val().first.get_bits::<8>(8) == 128
                    || self.head_fields.o.val().first.get_bits::<8>(8) == 129));
        self.checked.d.next = self.located.q.val();
        self.checked_head.d.next = self.head.q.val();
        self.checked_flags.d.next = self.tail.q.val().get_bits::<8>(0);

        // What follows comes from registers, for the verdict to take.
        self.fields.i.next = self.checked_head.q.val();
        self.first.next = self.checks.q.val().first && self.checks.q.val().is_ip;
        self.tx.next = self.blank.val();
        // At least 8 bytes follow the headers walked over.
        self.more.next = !self.checks.q.val().under_8 && !self.checked.q.val().cut;
        if self.checked.q.val().seventh {
            self.cut.next = !self.checked.q.val().seventh_fits;
            self.tx.next.too_many_headers = self.checked.q.val().seventh_fits;
        } else {
            self.cut.next = self.checked.q.val().cut || (self.checked.q.val().extension && !self.more.val());
            // What follows is out of reach, but the datagram has it. After a later fragment's header follows no header.
            self.tx.next.too_many_headers = self.more.val()
                && (self.checked.q.val().extension || (self.checked.q.val().beyond && self.checks.q.val().first));
        }
        // 20 bytes of TCP end within the fragments at 0, 8 and 16.
        self.tx.next.fragment_overlap = self.checks.q.val().is_tcp
            && self.checks.q.val().is_ip
            && !self.checks.q.val().first
            && self.checks.q.val().overlaps
            && !self.cut.val();
        self.tx.next.truncated_l4 = self.cut.val()
            || (self.first.val()
                && ((self.checks.q.val().is_tcp && self.checks.q.val().under_20)
                    || ((self.checks.q.val().is_udp || self.checks.q.val().is_icmp) && self.checks.q.val().under_8)));
        self.tx.next.bad_l4_header = self.first.val()
            && ((self.checks.q.val().is_tcp && self.checks.q.val().bad_tcp)
                || (self.checks.q.val().is_udp && (self.checks.q.val().short_udp || self.checks.q.val().long_udp)));
        if self.checks.q.val().is_ip {
            self.tx.next.ip_options = self.checked.q.val().ip_options;
            self.tx.next.protocol = self.checked.q.val().protocol;
            self.tx.next.more_fragments = self.checked.q.val().more_fragments;
            self.tx.next.fragment_offset = self.checked.q.val().fragment_offset;
            self.tx.next.fragment_id = self.checked.q.val().fragment_id;
        }
        if self.first.val() && (self.checks.q.val().is_tcp || self.checks.q.val().is_udp) {
            self.tx.next.has_ports = true;
            self.tx.next.src_port = self.fields.o.val().first;
            self.tx.next.dst_port = self.fields.o.val().second;
        }
        if self.first.val() && self.checks.q.val().is_tcp {
            self.tx.next.tcp_flags = self.checked_flags.q.val();
        }
        if self.first.val() && self.checks.q.val().is_udp {
            self.tx.next.udp_length = self.fields.o.val().third;
        }
        if self.first.val() && self.checks.q.val().is_icmp {
            self.tx.next.is_icmp = true;
            self.tx.next.icmp_type = self.fields.o.val().first.get_bits::<8>(8);
            self.tx.next.icmp_code = self.fields.o.val().first.get_bits::<8>(0);
            self.tx.next.icmp_checksum = self.fields.o.val().second;
        }
        if self.first.val() && self.checks.q.val().is_icmp && self.checks.q.val().is_echo {
            self.tx.next.icmp_identifier = self.fields.o.val().third;
        }
    }
}
