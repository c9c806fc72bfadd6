//! The frame that tells a sender that its datagram is too big: ICMP type 3 code 4 (RFC 1191) or ICMPv6 type 2 (RFC 4443, section 3.2).
//!
//! Ports: `rx` (at most the first [`FETCHED`](super::quote::FETCHED) bytes of the datagram's frame), `record` (of that frame, while it is at
//! `rx`), `tx` (packets to the guest port, `tuser` the ENI), `made` (the length of each, when it is ready). Latency:
//! [`LATENCY`] clocks from the last beat at `rx` to the first at `tx`, if all those bytes came; else as many more as beats are missing. One
//! message at a time: `rx` waits until it has left.

use nitro_components::register::Register;
use nitro_components::stream::{Beat, FlowTx, StreamRx, StreamTx};
use nitro_components::wires::{Cast, Wires};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::constants::{ethertype, protocol};
use rust_hdl::prelude::*;

use super::quote::{QUOTE, Quote, STEPS};
use crate::encap::outgoing::Outgoing;
use crate::format::{Icmp, Ipv4, Ipv6};

/// Clocks from the last beat at `rx` to the first at `tx`.
pub const LATENCY: usize = STEPS + 3;
/// TTL or hop limit of a message.
const HOP_LIMIT: u8 = 64;
/// TOS of a message: internetwork control (RFC 1812, section 4.3.2.5).
const TOS: u8 = 0xc0;
/// Destination unreachable, fragmentation needed.
const UNREACHABLE: (u8, u8) = (3, 4);
/// Packet too big.
const TOO_BIG: (u8, u8) = (2, 0);

/// Width of the frame's image.
const IMAGE: usize = 2048;
/// Width of what follows the MACs and the tag, at most: EtherType, IPv6 header, ICMPv6 header, quote.
const BODY: usize = 16 + 320 + 64 + QUOTE;

const _: () = assert!(BODY == 1568);

/// A message over IPv4 from its EtherType on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Body4 {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// IPv4 header.
    pub ip: Bits<160>,
    /// ICMP header.
    pub icmp: Bits<64>,
    /// Quote.
    pub quote: Bits<QUOTE>,
    /// Zeros.
    pub padding: Bits<160>,
}

/// A message over IPv6 from its EtherType on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Body6 {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// IPv6 header.
    pub ip: Bits<320>,
    /// ICMPv6 header.
    pub icmp: Bits<64>,
    /// Quote.
    pub quote: Bits<QUOTE>,
}

/// A frame without tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct PlainMessage {
    /// Destination MAC.
    pub dst: Bits<48>,
    /// Source MAC.
    pub src: Bits<48>,
    /// All from the EtherType on.
    pub body: Bits<BODY>,
    /// Zeros.
    pub padding: Bits<384>,
}

/// A frame with an 802.1Q tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TaggedMessage {
    /// Destination MAC.
    pub dst: Bits<48>,
    /// Source MAC.
    pub src: Bits<48>,
    /// Tag protocol identifier.
    pub tpid: Bits<16>,
    /// Tag control information.
    pub vlan: Bits<16>,
    /// All from the EtherType on.
    pub body: Bits<BODY>,
    /// Zeros.
    pub padding: Bits<352>,
}

/// Makes messages on a `W`-bit port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct TooBig<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Beginnings of frames that are too big.
    pub rx: StreamRx<Beat<W, K, 8>>,
    /// The record of the frame at `rx`.
    pub record: Signal<In, Outgoing>,
    /// The messages.
    pub tx: StreamTx<Beat<W, K, 8>>,
    /// Length of a message in bytes.
    pub made: FlowTx<Bits<14>>,
    quote: Quote<W, K>,
    kept: DFF<Outgoing>,
    added: Register<Bit>,
    folded: Register<Bit>,
    message_sum: DFF<Bits<24>>,
    header_sum: DFF<Bits<24>>,
    message_checksum: DFF<Bits<16>>,
    header_checksum: DFF<Bits<16>>,
    ip4: Cast<Ipv4, Bits<160>>,
    ip6: Cast<Ipv6, Bits<320>>,
    icmp: Cast<Icmp, Bits<64>>,
    body4: Cast<Body4, Bits<BODY>>,
    body6: Cast<Body6, Bits<BODY>>,
    plain: Cast<PlainMessage, Bits<IMAGE>>,
    tagged: Cast<TaggedMessage, Bits<IMAGE>>,
    image: DFF<Bits<IMAGE>>,
    left: Register<Bits<16>>,
    next_beat: Wires<IMAGE, IMAGE>,
    to_stream: Wires<IMAGE, W>,
    quoted: Signal<Local, Bits<16>>,
    length: Signal<Local, Bits<16>>,
    body: Signal<Local, Bits<BODY>>,
    once: Signal<Local, Bits<24>>,
    once_header: Signal<Local, Bits<24>>,
    sent: Signal<Local, Bit>,
    last: Signal<Local, Bit>,
    beat_bytes: Constant<Bits<16>>,
    fixed4: Constant<Bits<24>>,
    fixed6: Constant<Bits<24>>,
    fixed_header: Constant<Bits<24>>,
    blank_ip4: Constant<Ipv4>,
    blank_ip6: Constant<Ipv6>,
    blank_icmp4: Constant<Icmp>,
    blank_icmp6: Constant<Icmp>,
    blank_body4: Constant<Body4>,
    blank_body6: Constant<Body6>,
    blank_plain: Constant<PlainMessage>,
    blank_tagged: Constant<TaggedMessage>,
}

impl<const W: usize, const K: usize> Default for TooBig<W, K> {
    /// # Panics
    /// If the image is not a whole number of beats.
    fn default() -> Self {
        assert!(W == 8 * K && IMAGE.is_multiple_of(W), "a port of {W} bits with {K} byte enables cannot send messages");
        let head = |(kind, code): (u8, u8)| u64::from(kind) << 8 | u64::from(code);
        let icmp = |(kind, code): (u8, u8)| {
            Constant::new(Icmp { icmp_type: kind.to_bits(), code: code.to_bits(), ..Icmp::default() })
        };
        // Version and header length, TOS; DF; TTL and protocol; length without the quote.
        let header = (0x4500 | u64::from(TOS)) + 0x4000 + (u64::from(HOP_LIMIT) << 8 | u64::from(protocol::ICMP)) + 28;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            record: Signal::default(),
            tx: StreamTx::default(),
            made: FlowTx::default(),
            quote: Quote::default(),
            kept: DFF::default(),
            added: Register::default(),
            folded: Register::default(),
            message_sum: DFF::default(),
            header_sum: DFF::default(),
            message_checksum: DFF::default(),
            header_checksum: DFF::default(),
            ip4: Cast::default(),
            ip6: Cast::default(),
            icmp: Cast::default(),
            body4: Cast::default(),
            body6: Cast::default(),
            plain: Cast::default(),
            tagged: Cast::default(),
            image: DFF::default(),
            left: Register::default(),
            next_beat: Wires::new(|bit| (bit + IMAGE - W) % IMAGE),
            to_stream: Wires::new(|bit| IMAGE - 8 * (bit / 8 + 1) + bit % 8),
            quoted: Signal::default(),
            length: Signal::default(),
            body: Signal::default(),
            once: Signal::default(),
            once_header: Signal::default(),
            sent: Signal::default(),
            last: Signal::default(),
            beat_bytes: Constant::new(K.to_bits()),
            fixed4: Constant::new(head(UNREACHABLE).into()),
            // With the pseudo header (RFC 8200, section 8.1): length without the quote, and next header.
            fixed6: Constant::new((head(TOO_BIG) + 8 + u64::from(protocol::ICMPV6)).into()),
            fixed_header: Constant::new(header.into()),
            blank_ip4: Constant::new(Ipv4 {
                version: 4_u8.to_bits(),
                ihl: 5_u8.to_bits(),
                traffic_class: TOS.to_bits(),
                dont_fragment: true,
                ttl: HOP_LIMIT.to_bits(),
                protocol: protocol::ICMP.to_bits(),
                ..Ipv4::default()
            }),
            blank_ip6: Constant::new(Ipv6 {
                version: 6_u8.to_bits(),
                next_header: protocol::ICMPV6.to_bits(),
                hop_limit: HOP_LIMIT.to_bits(),
                ..Ipv6::default()
            }),
            blank_icmp4: icmp(UNREACHABLE),
            blank_icmp6: icmp(TOO_BIG),
            blank_body4: Constant::new(Body4 { ethertype: ethertype::IPV4.to_bits(), ..Body4::default() }),
            blank_body6: Constant::new(Body6 { ethertype: ethertype::IPV6.to_bits(), ..Body6::default() }),
            blank_plain: Constant::new(PlainMessage::default()),
            blank_tagged: Constant::new(TaggedMessage { tpid: ethertype::VLAN.to_bits(), ..TaggedMessage::default() }),
        }
    }
}

impl<const W: usize, const K: usize> Logic for TooBig<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, quote);
        dff_setup!(self, clock, kept, added, folded, message_sum, header_sum, message_checksum, header_checksum);
        dff_setup!(self, clock, image, left);
        self.quote.reset.next = self.reset.val();
        self.added.reset.next = self.reset.val();
        self.folded.reset.next = self.reset.val();
        self.left.reset.next = self.reset.val();

        StreamRx::<Beat<W, K, 8>>::link(&mut self.rx, &mut self.quote.rx);
        if self.rx.tvalid.val() && self.quote.rx.tready.val() {
            self.kept.d.next = self.record.val();
        }
        self.quote.tagged.next = self.kept.q.val().tagged;
        self.quote.source.next = self.kept.q.val().target;
        self.quote.destination.next = self.kept.q.val().peer_ip;

        // The sums; v4-mapped addresses have two more words than IPv4 ones, which are all ones and add nothing.
        self.quoted.next = bit_cast::<16, 8>(self.quote.quoted.val());
        self.added.d.next = self.quote.done.val();
        self.message_sum.d.next = self.quote.sum.val() + self.fixed4.val() + bit_cast::<24, 14>(self.kept.q.val().mtu);
        if self.quote.is_ipv6.val() {
            self.message_sum.d.next = (self.quote.sum.val() + bit_cast::<24, 14>(self.kept.q.val().mtu))
                + (self.quote.addresses.val() + self.fixed6.val())
                + bit_cast::<24, 16>(self.quoted.val());
        }
        self.header_sum.d.next =
            self.quote.addresses.val() + self.fixed_header.val() + bit_cast::<24, 16>(self.quoted.val());
        self.folded.d.next = self.added.q.val();
        self.once.next = (self.message_sum.q.val() & 0xffff) + (self.message_sum.q.val() >> 16);
        self.message_checksum.d.next = !bit_cast::<16, 24>(self.once.val() + (self.once.val() >> 16));
        self.once_header.next = (self.header_sum.q.val() & 0xffff) + (self.header_sum.q.val() >> 16);
        self.header_checksum.d.next = !bit_cast::<16, 24>(self.once_header.val() + (self.once_header.val() >> 16));

        // The frame.
        self.ip4.i.next = self.blank_ip4.val();
        self.ip4.i.next.total_length = self.quoted.val() + 28;
        self.ip4.i.next.checksum = self.header_checksum.q.val();
        self.ip4.i.next.src = self.kept.q.val().target.get_bits::<32>(0);
        self.ip4.i.next.dst = self.kept.q.val().peer_ip.get_bits::<32>(0);
        self.ip6.i.next = self.blank_ip6.val();
        self.ip6.i.next.payload_length = self.quoted.val() + 8;
        self.ip6.i.next.src = self.kept.q.val().target;
        self.ip6.i.next.dst = self.kept.q.val().peer_ip;
        self.icmp.i.next = self.blank_icmp4.val();
        if self.quote.is_ipv6.val() {
            self.icmp.i.next = self.blank_icmp6.val();
        }
        self.icmp.i.next.checksum = self.message_checksum.q.val();
        self.icmp.i.next.rest = bit_cast::<32, 14>(self.kept.q.val().mtu);
        self.body4.i.next = self.blank_body4.val();
        self.body4.i.next.ip = self.ip4.o.val();
        self.body4.i.next.icmp = self.icmp.o.val();
        self.body4.i.next.quote = self.quote.quote.val();
        self.body6.i.next = self.blank_body6.val();
        self.body6.i.next.ip = self.ip6.o.val();
        self.body6.i.next.icmp = self.icmp.o.val();
        self.body6.i.next.quote = self.quote.quote.val();
        self.body.next = self.body4.o.val();
        self.length.next = self.quoted.val() + 42;
        if self.quote.is_ipv6.val() {
            self.body.next = self.body6.o.val();
            self.length.next = self.quoted.val() + 62;
        }
        if self.kept.q.val().tagged {
            self.length.next = self.length.val() + 4;
        }
        self.plain.i.next = self.blank_plain.val();
        self.plain.i.next.dst = self.kept.q.val().dst_mac;
        self.plain.i.next.src = self.kept.q.val().src_mac;
        self.plain.i.next.body = self.body.val();
        self.tagged.i.next = self.blank_tagged.val();
        self.tagged.i.next.dst = self.kept.q.val().dst_mac;
        self.tagged.i.next.src = self.kept.q.val().src_mac;
        self.tagged.i.next.vlan = self.kept.q.val().vlan;
        self.tagged.i.next.body = self.body.val();

        // Out, beat by beat.
        self.next_beat.i.next = self.image.q.val();
        self.to_stream.i.next = self.image.q.val();
        self.last.next = self.left.q.val() <= self.beat_bytes.val();
        self.tx.tvalid.next = self.left.q.val().any();
        self.tx.payload.next.tuser = self.kept.q.val().eni;
        self.tx.payload.next.tlast = self.last.val();
        self.tx.payload.next.tkeep = !bits::<K>(0);
        if self.last.val() {
            self.tx.payload.next.tkeep = !((!bits::<K>(0)) << self.left.q.val());
        }
        self.tx.payload.next.tdata = self.to_stream.o.val();
        self.sent.next = self.left.q.val().any() && self.tx.tready.val();
        if self.sent.val() {
            self.image.d.next = self.next_beat.o.val();
            self.left.d.next = self.left.q.val() - self.beat_bytes.val();
            if self.last.val() {
                self.left.d.next = bits::<16>(0);
            }
        }
        self.quote.release.next = self.sent.val() && self.last.val();
        if self.folded.q.val() {
            self.image.d.next = self.plain.o.val();
            if self.kept.q.val().tagged {
                self.image.d.next = self.tagged.o.val();
            }
            self.left.d.next = self.length.val();
        }
        self.made.tvalid.next = self.folded.q.val();
        self.made.payload.next = bit_cast::<14, 16>(self.length.val());
    }
}
