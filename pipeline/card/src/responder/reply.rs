//! The frame that answers: an ARP reply or a neighbour advertisement.
//!
//! Ports: `rx` (stream of records), `tx` (packets to the guest port, `tuser` the ENI). Latency: 1 clock from a record to its first
//! beat. An ARP reply has 60 bytes, padded with zeros, with or without a tag; an advertisement 86, with a tag 90.
//! Once `rx.tready` is set, it stays set until a record is taken.

use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamRx, StreamTx};
use nitro_components::wires::{Cast, Wires};
use nitro_netlist::{Ports, Record};
use nitro_wire::constants::{ARP_REPLY_BYTES, ethertype, icmpv6, protocol};
use rust_hdl::prelude::*;

use crate::encap::outgoing::Outgoing;
use crate::format::{Arp, Ipv6, NdAdvertisement, NdLinkLayerOption};

/// Width of the frame's image: room for the longest answer.
const IMAGE: usize = 1024;
/// Width of what follows the addresses and the tag: EtherType, IPv6 header, advertisement, option.
const BODY: usize = 592;
/// Bytes of an advertisement without tag.
const ADVERTISEMENT_BYTES: usize = 12 + BODY / 8;
/// Bytes of a tag.
const TAG_BYTES: usize = 4;
/// The answers' lengths in bytes: ARP, tagged ARP, advertisement, tagged advertisement.
const LENGTHS: [usize; 4] = [ARP_REPLY_BYTES, ARP_REPLY_BYTES, ADVERTISEMENT_BYTES, ADVERTISEMENT_BYTES + TAG_BYTES];

/// An ARP reply from its EtherType on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct ArpBody {
    /// EtherType.
    pub ethertype: Bits<16>,
    /// ARP.
    pub arp: Bits<224>,
    /// Zeros.
    pub padding: Bits<352>,
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
    pub padding: Bits<336>,
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
    pub padding: Bits<304>,
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
    arp_body: Cast<ArpBody, Bits<BODY>>,
    advertisement_body: Cast<AdvertisementBody, Bits<BODY>>,
    plain: Cast<PlainFrame, Bits<IMAGE>>,
    tagged: Cast<TaggedFrame, Bits<IMAGE>>,
    body: Signal<Local, Bits<BODY>>,
    kind: Signal<Local, Bits<2>>,
    image: DFF<Bits<IMAGE>>,
    next_beat: Wires<IMAGE, IMAGE>,
    to_stream: Wires<IMAGE, W>,
    eni: DFF<Bits<8>>,
    last_keep: DFF<Bits<K>>,
    beats: Register<Bits<8>>,
    kind_number: Vec<Constant<Bits<2>>>,
    kind_beats: Vec<Constant<Bits<8>>>,
    kind_keep: Vec<Constant<Bits<K>>>,
    blank_arp: Constant<Arp>,
    blank_ip: Constant<Ipv6>,
    blank_advertisement: Constant<NdAdvertisement>,
    blank_option: Constant<NdLinkLayerOption>,
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
                payload_length: 32_u8.to_bits(),
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
        self.advertisement.i.next = self.blank_advertisement.val();
        self.advertisement.i.next.checksum = self.rx.payload.val().checksum;
        self.advertisement.i.next.router = self.rx.payload.val().is_gateway;
        self.advertisement.i.next.solicited = !self.rx.payload.val().to_all;
        self.advertisement.i.next.target = self.rx.payload.val().target;
        self.option.i.next = self.blank_option.val();
        self.option.i.next.mac = self.rx.payload.val().src_mac;
        self.advertisement_body.i.next = self.blank_advertisement_body.val();
        self.advertisement_body.i.next.ip = self.ip.o.val();
        self.advertisement_body.i.next.advertisement = self.advertisement.o.val();
        self.advertisement_body.i.next.option = self.option.o.val();

        self.body.next = self.advertisement_body.o.val();
        self.kind.next = bits::<2>(2);
        if self.rx.payload.val().is_arp {
            self.body.next = self.arp_body.o.val();
            self.kind.next = bits::<2>(0);
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
            for i in 0..4 {
                if self.kind.val() == self.kind_number[i].val() {
                    self.beats.d.next = self.kind_beats[i].val();
                    self.last_keep.d.next = self.kind_keep[i].val();
                }
            }
        }
    }
}
