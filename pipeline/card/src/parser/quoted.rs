//! The packet that an ICMP error quotes (RFC 792; RFC 4443, section 2.4): its addresses, ports or echo identifier.
//!
//! Ports: `network`, `tx`. Latency: 4 clocks. A quote that cannot be read is no
//! error. Only errors without IPv4 options or IPv6 extension headers are looked into, so that the quote has one
//! place in each family; routers send no others.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::ethernet::Network;
use crate::format;

/// Clocks from `network` to `tx`.
pub const LATENCY: usize = 4;
/// Places where the quoted upper-layer header can begin: after 5 to 15 words of IPv4, the last of which is that of IPv6
/// too.
const PLACES: usize = 11;

/// What the quote says; all zero without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Quoted {
    /// Its addresses could be read.
    pub valid: Bit,
    /// Its protocol.
    pub protocol: Bits<8>,
    /// Its source.
    pub src_ip: Bits<128>,
    /// Its destination.
    pub dst_ip: Bits<128>,
    /// Its source port or echo identifier.
    pub src_port: Bits<16>,
    /// Its destination port.
    pub dst_port: Bits<16>,
}

/// The quote's network header, of either family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Header {
    /// The packet is an ICMP message right after a plain IP header, and not a later fragment.
    is_icmp: Bit,
    /// Its type is that of an error.
    is_error: Bit,
    /// The quote's version and header length are possible.
    sound: Bit,
    /// Length of the datagram in whole words of 4 bytes, of IPv6 without the fixed header.
    length: Bits<14>,
    /// Of IPv4; otherwise of IPv6.
    is_ipv4: Bit,
    /// Length in words of 4 bytes.
    words: Bits<4>,
    /// Length in words of 4 bytes up to the quote's end, counted as `length` is.
    needed: Bits<5>,
    /// A later fragment, without ports.
    later: Bit,
    protocol: Bits<8>,
    src_ip: Bits<128>,
    dst_ip: Bits<128>,
}

/// How far the datagram reaches, and what there would be to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Reach {
    /// There is a quote.
    sound: Bit,
    /// Its network header is whole.
    has_header: Bit,
    /// There are 4 bytes after it.
    has_ports: Bit,
    /// There are 8 bytes after it.
    has_echo: Bit,
    ports: Bit,
    echo4: Bit,
    echo6: Bit,
}

/// What there is to read of the upper-layer header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Readable {
    valid: Bit,
    ports: Bit,
    echo4: Bit,
    echo6: Bit,
}

/// Reads the quoted packet.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct QuotedPacket {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub network: Signal<In, Network>,
    /// The quoted packet.
    pub tx: Signal<Out, Quoted>,
    outer4: Cast<Bits<160>, format::Ipv4>,
    outer6: Cast<Bits<320>, format::Ipv6>,
    icmp4: Cast<Bits<64>, format::Icmp>,
    icmp6: Cast<Bits<64>, format::Icmp>,
    quote4: Cast<Bits<160>, format::Ipv4>,
    quote6: Cast<Bits<320>, format::Ipv6>,
    header: DFF<Header>,
    /// Bytes 48 to 93, among them the quoted upper-layer header.
    near: DFF<Bits<368>>,
    header_later: DFF<Header>,
    header_last: DFF<Header>,
    reach: DFF<Reach>,
    upper: DFF<Readable>,
    head: DFF<Bits<48>>,
    /// Header length, in words, for which each place is meant.
    places: Vec<Constant<Bits<4>>>,
    heads: Vec<DFF<Bits<48>>>,
    quoted: DFF<Quoted>,
    blank_header: Constant<Header>,
    blank_reach: Constant<Reach>,
    blank_upper: Constant<Readable>,
    blank: Constant<Quoted>,
    mapped_prefix: Constant<Bits<128>>,
    far: Signal<Local, Bit>,
    near_length: Signal<Local, Bits<5>>,
    any: Signal<Local, Bits<48>>,
}

impl Default for QuotedPacket {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            network: Signal::default(),
            tx: Signal::default(),
            outer4: Cast::default(),
            outer6: Cast::default(),
            icmp4: Cast::default(),
            icmp6: Cast::default(),
            quote4: Cast::default(),
            quote6: Cast::default(),
            header: DFF::default(),
            near: DFF::default(),
            header_later: DFF::default(),
            header_last: DFF::default(),
            reach: DFF::default(),
            upper: DFF::default(),
            head: DFF::default(),
            places: (0..PLACES).map(|place| Constant::new((place + 5).to_bits())).collect(),
            heads: (0..PLACES).map(|_| DFF::default()).collect(),
            quoted: DFF::default(),
            blank_header: Constant::new(Header::default()),
            blank_reach: Constant::new(Reach::default()),
            blank_upper: Constant::new(Readable::default()),
            blank: Constant::new(Quoted::default()),
            mapped_prefix: Constant::new(super::internet::mapped_prefix()),
            far: Signal::default(),
            near_length: Signal::default(),
            any: Signal::default(),
        }
    }
}

impl Logic for QuotedPacket {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, header, near, header_later, header_last, reach, upper, head, quoted);
        for i in 0..11 {
            self.heads[i].clock.next = self.clock.val();
        }

        // First clock: the outer header, the ICMP header after it, the quoted header.
        self.outer4.i.next = self.network.val().window.get_bits::<160>(976);
        self.icmp4.i.next = self.network.val().window.get_bits::<64>(912);
        self.quote4.i.next = self.network.val().window.get_bits::<160>(752);
        self.outer6.i.next = self.network.val().window.get_bits::<320>(816);
        self.icmp6.i.next = self.network.val().window.get_bits::<64>(752);
        self.quote6.i.next = self.network.val().window.get_bits::<320>(432);
        self.header.d.next = self.blank_header.val();
        if self.network.val().is_ipv4 {
            self.header.d.next.is_ipv4 = true;
            self.header.d.next.is_icmp = self.outer4.o.val().ihl == 5
                && !self.outer4.o.val().fragment_offset.any()
                && self.outer4.o.val().protocol == 1;
            self.header.d.next.is_error = self.icmp4.o.val().icmp_type == 3
                || self.icmp4.o.val().icmp_type == 4
                || self.icmp4.o.val().icmp_type == 5
                || self.icmp4.o.val().icmp_type == 11
                || self.icmp4.o.val().icmp_type == 12;
            self.header.d.next.sound = self.quote4.o.val().version == 4 && self.quote4.o.val().ihl >= 5;
            self.header.d.next.length = self.outer4.o.val().total_length.get_bits::<14>(2);
            self.header.d.next.words = self.quote4.o.val().ihl;
            // 5 words of IPv4, 2 of ICMP.
            self.header.d.next.needed = bit_cast::<5, 4>(self.quote4.o.val().ihl) + 7;
            self.header.d.next.later = self.quote4.o.val().fragment_offset.any();
            self.header.d.next.protocol = self.quote4.o.val().protocol;
            self.header.d.next.src_ip = self.mapped_prefix.val() | bit_cast::<128, 32>(self.quote4.o.val().src);
            self.header.d.next.dst_ip = self.mapped_prefix.val() | bit_cast::<128, 32>(self.quote4.o.val().dst);
        } else {
            self.header.d.next.is_icmp = self.network.val().is_ipv6 && self.outer6.o.val().next_header == 58;
            self.header.d.next.is_error = self.icmp6.o.val().icmp_type == 1
                || self.icmp6.o.val().icmp_type == 2
                || self.icmp6.o.val().icmp_type == 3
                || self.icmp6.o.val().icmp_type == 4;
            self.header.d.next.sound = self.quote6.o.val().version == 6;
            self.header.d.next.length = self.outer6.o.val().payload_length.get_bits::<14>(2);
            self.header.d.next.words = bits::<4>(10);
            self.header.d.next.needed = bits::<5>(12);
            self.header.d.next.protocol = self.quote6.o.val().next_header;
            self.header.d.next.src_ip = self.quote6.o.val().src;
            self.header.d.next.dst_ip = self.quote6.o.val().dst;
        }

        self.near.d.next = self.network.val().window.get_bits::<368>(384);

        // Second clock: how far the datagram reaches, in whole words, and the upper-layer header from each place.
        self.header_later.d.next = self.header.q.val();
        self.far.next = self.header.q.val().length.get_bits::<9>(5).any();
        self.near_length.next = self.header.q.val().length.get_bits::<5>(0);
        self.reach.d.next = self.blank_reach.val();
        self.reach.d.next.sound =
            self.header.q.val().is_icmp && self.header.q.val().is_error && self.header.q.val().sound;
        self.reach.d.next.has_header = self.far.val() || self.near_length.val() >= self.header.q.val().needed;
        self.reach.d.next.has_ports = self.far.val() || self.near_length.val() > self.header.q.val().needed;
        self.reach.d.next.has_echo = self.far.val() || self.near_length.val() > self.header.q.val().needed + 1;
        if !self.header.q.val().later {
            self.reach.d.next.ports = self.header.q.val().protocol == 6 || self.header.q.val().protocol == 17;
            self.reach.d.next.echo4 = self.header.q.val().is_ipv4 && self.header.q.val().protocol == 1;
            self.reach.d.next.echo6 = !self.header.q.val().is_ipv4 && self.header.q.val().protocol == 58;
        }
        for i in 0..10 {
            if self.header.q.val().is_ipv4 && self.header.q.val().words == self.places[i].val() {
                self.heads[i].d.next = self.near.q.val().get_bits::<48>(320 - 32 * i);
            } else {
                self.heads[i].d.next = bits::<48>(0);
            }
        }
        if !self.header.q.val().is_ipv4 || self.header.q.val().words == 15 {
            self.heads[10].d.next = self.near.q.val().get_bits::<48>(0);
        } else {
            self.heads[10].d.next = bits::<48>(0);
        }

        // Third clock: put the places together.
        self.any.next = bits::<48>(0);
        for i in 0..11 {
            self.any.next = self.any.val() | self.heads[i].q.val();
        }
        self.head.d.next = self.any.val();
        self.upper.d.next = self.blank_upper.val();
        self.upper.d.next.valid = self.reach.q.val().sound && self.reach.q.val().has_header;
        self.upper.d.next.ports = self.reach.q.val().ports && self.reach.q.val().has_ports;
        self.upper.d.next.echo4 = self.reach.q.val().echo4 && self.reach.q.val().has_echo;
        self.upper.d.next.echo6 = self.reach.q.val().echo6 && self.reach.q.val().has_echo;
        self.header_last.d.next = self.header_later.q.val();

        // Fourth clock: choose.
        self.quoted.d.next = self.blank.val();
        if self.upper.q.val().valid {
            self.quoted.d.next.valid = true;
            self.quoted.d.next.protocol = self.header_last.q.val().protocol;
            self.quoted.d.next.src_ip = self.header_last.q.val().src_ip;
            self.quoted.d.next.dst_ip = self.header_last.q.val().dst_ip;
            if self.upper.q.val().ports {
                self.quoted.d.next.src_port = self.head.q.val().get_bits::<16>(32);
                self.quoted.d.next.dst_port = self.head.q.val().get_bits::<16>(16);
            } else if (self.upper.q.val().echo4
                && (self.head.q.val().get_bits::<8>(40) == 0 || self.head.q.val().get_bits::<8>(40) == 8))
                || (self.upper.q.val().echo6
                    && (self.head.q.val().get_bits::<8>(40) == 128 || self.head.q.val().get_bits::<8>(40) == 129))
            {
                self.quoted.d.next.src_port = self.head.q.val().get_bits::<16>(0);
            }
        }
        self.tx.next = self.quoted.q.val();
    }
}
