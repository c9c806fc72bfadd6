//! The frame that answers: an ARP reply, a neighbour advertisement or a router advertisement.
//!
//! Ports: `rx` (stream of records), `tx` (packets to the guest port, `tuser` the ENI). Latency: 1 clock from a record to its first
//! beat. An ARP reply has 60 bytes, padded with zeros, with or without a tag; a neighbour advertisement 86, with a tag 90; a
//! router advertisement 118, with a tag 122.
//! Once `rx.tready` is set, it stays set until a record is taken.

use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamRx, StreamTx};
use nitro_components::wires::{Cast, Wires};
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::constants::{ARP_REPLY_BYTES, GUEST_MTU, ethertype, icmpv6, protocol};
use rust_hdl::prelude::*;

use crate::encap::outgoing::Outgoing;
use crate::format::{
    Arp, Ipv6, NdAdvertisement, NdLinkLayerOption, NdMtuOption, NdPrefixOption, NdRouterAdvertisement,
};
use crate::responder::link_local::LinkLocal;

/// Hop limit that a router advertisement tells hosts to use.
pub const HOP_LIMIT: u8 = 64;
/// Seconds for which the gateway is a default router: three of the longest intervals between advertisements that RFC 4861,
/// section 6.2.1, has by default.
pub const LIFETIME: u16 = 1800;
/// Bytes of a neighbour advertisement: message and option.
pub const NEIGHBOUR_MESSAGE: usize = 24 + 8;
/// Bytes of a router advertisement: message; source link-layer address, MTU, prefix.
pub const ROUTER_MESSAGE: usize = 16 + 8 + 8 + 32;

/// Width of the frame's image: room for the longest answer.
const IMAGE: usize = 1024;
/// Width of what follows the MACs and the tag, at most: EtherType, IPv6 header, router advertisement.
const BODY: usize = 848;
/// Bytes of the headers before an advertisement without tag.
const HEADERS: usize = 14 + 40;
/// Bytes of a tag.
const TAG_BYTES: usize = 4;
/// The answers' lengths in bytes: ARP, neighbour and router advertisement, each without and with a tag.
const LENGTHS: [usize; 6] = [
    ARP_REPLY_BYTES,
    ARP_REPLY_BYTES,
    HEADERS + NEIGHBOUR_MESSAGE,
    HEADERS + NEIGHBOUR_MESSAGE + TAG_BYTES,
    HEADERS + ROUTER_MESSAGE,
    HEADERS + ROUTER_MESSAGE + TAG_BYTES,
];

/// An ARP reply from its EtherType on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ArpBody {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// ARP.
    pub arp: Bits<224>,
    /// Zeros.
    pub padding: Bits<608>,
}

/// A neighbour advertisement from its EtherType on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct AdvertisementBody {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// IPv6 header.
    pub ip: Bits<320>,
    /// Advertisement.
    pub advertisement: Bits<192>,
    /// Target link-layer address option.
    pub option: Bits<64>,
    /// Zeros.
    pub padding: Bits<256>,
}

/// A router advertisement from its EtherType on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct RouterBody {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// IPv6 header.
    pub ip: Bits<320>,
    /// Advertisement.
    pub advertisement: Bits<128>,
    /// Source link-layer address option.
    pub source: Bits<64>,
    /// MTU option.
    pub mtu: Bits<64>,
    /// Prefix information option.
    pub prefix: Bits<256>,
}

/// A frame without tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct PlainFrame {
    /// Destination MAC.
    pub dst: Bits<48>,
    /// Source MAC.
    pub src: Bits<48>,
    /// All from the EtherType on.
    pub body: Bits<BODY>,
    /// Zeros.
    pub padding: Bits<80>,
}

/// A frame with an 802.1Q tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TaggedFrame {
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
    pub padding: Bits<48>,
}

/// Makes answers of records, on a `W`-bit port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Reply<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Records whose verdict is to reply.
    pub rx: StreamRx<Outgoing>,
    /// The answers.
    pub tx: StreamTx<Beat<W, K, 8>>,
    arp: Cast<Arp, Bits<224>>,
    ip: Cast<Ipv6, Bits<320>>,
    advertisement: Cast<NdAdvertisement, Bits<192>>,
    option: Cast<NdLinkLayerOption, Bits<64>>,
    link_local: LinkLocal,
    router: Cast<NdRouterAdvertisement, Bits<128>>,
    mtu: Cast<NdMtuOption, Bits<64>>,
    prefix: Cast<NdPrefixOption, Bits<256>>,
    router_body: Cast<RouterBody, Bits<BODY>>,
    arp_body: Cast<ArpBody, Bits<BODY>>,
    advertisement_body: Cast<AdvertisementBody, Bits<BODY>>,
    plain: Cast<PlainFrame, Bits<IMAGE>>,
    tagged: Cast<TaggedFrame, Bits<IMAGE>>,
    body: Signal<Local, Bits<BODY>>,
    kind: Signal<Local, Bits<3>>,
    image: DFF<Bits<IMAGE>>,
    next_beat: Wires<IMAGE, IMAGE>,
    to_stream: Wires<IMAGE, W>,
    eni: DFF<Bits<8>>,
    last_keep: DFF<Bits<K>>,
    beats: Register<Bits<8>>,
    kind_number: Vec<Constant<Bits<3>>>,
    kind_beats: Vec<Constant<Bits<8>>>,
    kind_keep: Vec<Constant<Bits<K>>>,
    blank_arp: Constant<Arp>,
    blank_ip: Constant<Ipv6>,
    blank_advertisement: Constant<NdAdvertisement>,
    blank_option: Constant<NdLinkLayerOption>,
    blank_router: Constant<NdRouterAdvertisement>,
    blank_mtu: Constant<NdMtuOption>,
    blank_prefix: Constant<NdPrefixOption>,
    blank_router_body: Constant<RouterBody>,
    source_option: Constant<Bits<8>>,
    router_payload: Constant<Bits<16>>,
    blank_arp_body: Constant<ArpBody>,
    blank_advertisement_body: Constant<AdvertisementBody>,
    blank_plain: Constant<PlainFrame>,
    blank_tagged: Constant<TaggedFrame>,
}

/// `count` ones, from bit 0.
fn ones<const K: usize>(count: usize) -> Bits<K> {
    (0..count).fold(Bits::default(), |keep: Bits<K>, bit| keep.replace_bit(bit, true))
}

impl<const W: usize, const K: usize> Default for Reply<W, K> {
    /// # Panics
    /// If `K` does not fit `W`, or the longest answer is not a whole number of beats.
    fn default() -> Self {
        assert!(W == 8 * K && IMAGE.is_multiple_of(W), "a port of {W} bits with {K} byte enables cannot send answers");
        let last = |length: usize| (length - 1) % K + 1;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tx: StreamTx::default(),
            arp: Cast::default(),
            ip: Cast::default(),
            advertisement: Cast::default(),
            option: Cast::default(),
            link_local: LinkLocal::default(),
            router: Cast::default(),
            mtu: Cast::default(),
            prefix: Cast::default(),
            router_body: Cast::default(),
            arp_body: Cast::default(),
            advertisement_body: Cast::default(),
            plain: Cast::default(),
            tagged: Cast::default(),
            body: Signal::default(),
            kind: Signal::default(),
            image: DFF::default(),
            next_beat: Wires::new(|bit| (bit + IMAGE - W) % IMAGE),
            to_stream: Wires::new(|bit| IMAGE - 8 * (bit / 8 + 1) + bit % 8),
            eni: DFF::default(),
            last_keep: DFF::default(),
            beats: Register::default(),
            kind_number: (0..LENGTHS.len()).map(|kind| Constant::new(kind.to_bits())).collect(),
            kind_beats: LENGTHS.iter().map(|length| Constant::new(length.div_ceil(K).to_bits())).collect(),
            kind_keep: LENGTHS.iter().map(|length| Constant::new(ones(last(*length)))).collect(),
            blank_arp: Constant::new(Arp {
                hardware_type: 1_u8.to_bits(),
                protocol_type: ethertype::IPV4.to_bits(),
                hardware_length: 6_u8.to_bits(),
                protocol_length: 4_u8.to_bits(),
                operation: 2_u8.to_bits(),
                ..Arp::default()
            }),
            blank_ip: Constant::new(Ipv6 {
                version: 6_u8.to_bits(),
                payload_length: NEIGHBOUR_MESSAGE.to_bits(),
                next_header: protocol::ICMPV6.to_bits(),
                hop_limit: 255_u8.to_bits(),
                ..Ipv6::default()
            }),
            blank_advertisement: Constant::new(NdAdvertisement {
                icmp_type: icmpv6::NEIGHBOUR_ADVERTISEMENT.to_bits(),
                override_flag: true,
                ..NdAdvertisement::default()
            }),
            blank_option: Constant::new(NdLinkLayerOption {
                option_type: 2_u8.to_bits(),
                length: 1_u8.to_bits(),
                ..NdLinkLayerOption::default()
            }),
            blank_router: Constant::new(NdRouterAdvertisement {
                icmp_type: icmpv6::ROUTER_ADVERTISEMENT.to_bits(),
                hop_limit: HOP_LIMIT.to_bits(),
                managed: true,
                lifetime: LIFETIME.to_bits(),
                ..NdRouterAdvertisement::default()
            }),
            blank_mtu: Constant::new(NdMtuOption {
                option_type: 5_u8.to_bits(),
                length: 1_u8.to_bits(),
                mtu: GUEST_MTU.to_bits(),
                ..NdMtuOption::default()
            }),
            // On the link, but not for hosts to form addresses of; for ever.
            blank_prefix: Constant::new(NdPrefixOption {
                option_type: 3_u8.to_bits(),
                length: 4_u8.to_bits(),
                on_link: true,
                valid_lifetime: u32::MAX.to_bits(),
                preferred_lifetime: u32::MAX.to_bits(),
                ..NdPrefixOption::default()
            }),
            blank_router_body: Constant::new(RouterBody {
                ethertype: ethertype::IPV6.to_bits(),
                ..RouterBody::default()
            }),
            source_option: Constant::new(1_u8.to_bits()),
            router_payload: Constant::new(ROUTER_MESSAGE.to_bits()),
            blank_arp_body: Constant::new(ArpBody { ethertype: ethertype::ARP.to_bits(), ..ArpBody::default() }),
            blank_advertisement_body: Constant::new(AdvertisementBody {
                ethertype: ethertype::IPV6.to_bits(),
                ..AdvertisementBody::default()
            }),
            blank_plain: Constant::new(PlainFrame::default()),
            blank_tagged: Constant::new(TaggedFrame { tpid: ethertype::VLAN.to_bits(), ..TaggedFrame::default() }),
        }
    }
}

impl<const W: usize, const K: usize> Logic for Reply<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, image, eni, last_keep, beats);
        self.beats.reset.next = self.reset.val();

        self.arp.i.next = self.blank_arp.val();
        self.arp.i.next.sender_mac = self.rx.payload.val().src_mac;
        self.arp.i.next.sender_ip = self.rx.payload.val().target.get_bits::<32>(0);
        self.arp.i.next.target_mac = self.rx.payload.val().asker_mac;
        self.arp.i.next.target_ip = self.rx.payload.val().peer_ip.get_bits::<32>(0);
        self.arp_body.i.next = self.blank_arp_body.val();
        self.arp_body.i.next.arp = self.arp.o.val();

        self.ip.i.next = self.blank_ip.val();
        self.ip.i.next.src = self.rx.payload.val().target;
        self.ip.i.next.dst = self.rx.payload.val().peer_ip;
        self.link_local.mac.next = self.rx.payload.val().src_mac;
        if self.rx.payload.val().is_router {
            self.ip.i.next.payload_length = self.router_payload.val();
            self.ip.i.next.src = self.link_local.ip.val();
        }
        self.advertisement.i.next = self.blank_advertisement.val();
        self.advertisement.i.next.checksum = self.rx.payload.val().checksum;
        self.advertisement.i.next.router = self.rx.payload.val().is_gateway;
        self.advertisement.i.next.solicited = !self.rx.payload.val().to_all;
        self.advertisement.i.next.target = self.rx.payload.val().target;
        self.option.i.next = self.blank_option.val();
        self.option.i.next.mac = self.rx.payload.val().src_mac;
        if self.rx.payload.val().is_router {
            self.option.i.next.option_type = self.source_option.val();
        }
        self.advertisement_body.i.next = self.blank_advertisement_body.val();
        self.advertisement_body.i.next.ip = self.ip.o.val();
        self.advertisement_body.i.next.advertisement = self.advertisement.o.val();
        self.advertisement_body.i.next.option = self.option.o.val();

        self.router.i.next = self.blank_router.val();
        self.router.i.next.checksum = self.rx.payload.val().checksum;
        self.mtu.i.next = self.blank_mtu.val();
        self.prefix.i.next = self.blank_prefix.val();
        self.prefix.i.next.prefix_length = self.rx.payload.val().prefix_length;
        self.prefix.i.next.prefix = self.rx.payload.val().target;
        self.router_body.i.next = self.blank_router_body.val();
        self.router_body.i.next.ip = self.ip.o.val();
        self.router_body.i.next.advertisement = self.router.o.val();
        self.router_body.i.next.source = self.option.o.val();
        self.router_body.i.next.mtu = self.mtu.o.val();
        self.router_body.i.next.prefix = self.prefix.o.val();

        self.body.next = self.advertisement_body.o.val();
        self.kind.next = bits::<3>(2);
        if self.rx.payload.val().is_arp {
            self.body.next = self.arp_body.o.val();
            self.kind.next = bits::<3>(0);
        } else if self.rx.payload.val().is_router {
            self.body.next = self.router_body.o.val();
            self.kind.next = bits::<3>(4);
        }
        if self.rx.payload.val().tagged {
            self.kind.next = self.kind.val() | 1;
        }
        self.plain.i.next = self.blank_plain.val();
        self.plain.i.next.dst = self.rx.payload.val().dst_mac;
        self.plain.i.next.src = self.rx.payload.val().src_mac;
        self.plain.i.next.body = self.body.val();
        self.tagged.i.next = self.blank_tagged.val();
        self.tagged.i.next.dst = self.rx.payload.val().dst_mac;
        self.tagged.i.next.src = self.rx.payload.val().src_mac;
        self.tagged.i.next.vlan = self.rx.payload.val().vlan;
        self.tagged.i.next.body = self.body.val();

        self.next_beat.i.next = self.image.q.val();
        self.to_stream.i.next = self.image.q.val();
        self.tx.tvalid.next = self.beats.q.val() != bits::<8>(0);
        self.tx.payload.next.tuser = self.eni.q.val();
        self.tx.payload.next.tlast = self.beats.q.val() == bits::<8>(1);
        self.tx.payload.next.tkeep = !bits::<K>(0);
        if self.beats.q.val() == bits::<8>(1) {
            self.tx.payload.next.tkeep = self.last_keep.q.val();
        }
        self.tx.payload.next.tdata = self.to_stream.o.val();
        if self.tx.tready.val() && (self.beats.q.val() != bits::<8>(0)) {
            self.image.d.next = self.next_beat.o.val();
            self.beats.d.next = self.beats.q.val() - 1;
        }

        self.rx.tready.next = self.beats.q.val() == bits::<8>(0);
        if self.rx.tvalid.val() && (self.beats.q.val() == bits::<8>(0)) {
            self.image.d.next = self.plain.o.val();
            if self.rx.payload.val().tagged {
                self.image.d.next = self.tagged.o.val();
            }
            self.eni.d.next = self.rx.payload.val().eni;
            for i in 0..6 {
                if self.kind.val() == self.kind_number[i].val() {
                    self.beats.d.next = self.kind_beats[i].val();
                    self.last_keep.d.next = self.kind_keep[i].val();
                }
            }
        }
    }
}
