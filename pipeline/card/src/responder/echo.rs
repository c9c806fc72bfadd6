//! What an echo request to the gateway becomes: the bytes of its first 64 that its answer has otherwise.
//!
//! Ports: `rx` (the record of the frame), `data`, `mask` (for an [`Overlay`](nitro_components::overlay)). No clock. A frame that is
//! forwarded gets new MACs, an echo also its addresses exchanged, the hop limit, the type and the checksums; a frame that only
//! gets quoted nothing. (RFC 792; RFC 4443, section 4; RFC 1624.)

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::constants::{icmp, icmpv6};
use rust_hdl::prelude::*;

use crate::encap::outgoing::Outgoing;

/// TTL or hop limit of an answer.
pub const HOP_LIMIT: u8 = 64;
/// Bytes that may change.
pub const BYTES: usize = 64;
/// [`BYTES`] in bits.
pub const BITS: usize = 8 * BYTES;

/// Bytes of a tag.
const TAG: usize = 4;
/// Where [`Echo4`] begins in a frame without tag: at the TTL.
const START_4: usize = 22;
/// Where [`Echo6`] begins in a frame without tag: at the hop limit.
const START_6: usize = 21;
/// Width of an [`Echo4`].
const ECHO_4: usize = 128;
/// Width of an [`Echo6`].
const ECHO_6: usize = 296;

/// From the TTL of an IPv4 header to the checksum of ICMP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Echo4 {
    /// TTL.
    pub ttl: Bits<8>,
    /// Stays.
    pub protocol: Bits<8>,
    /// Checksum of the header.
    pub checksum: Bits<16>,
    /// Source.
    pub src: Bits<32>,
    /// Destination.
    pub dst: Bits<32>,
    /// ICMP type.
    pub icmp_type: Bits<8>,
    /// Stays.
    pub code: Bits<8>,
    /// ICMP checksum.
    pub icmp_checksum: Bits<16>,
}

/// From the hop limit of an IPv6 header to the checksum of ICMPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Echo6 {
    /// Hop limit.
    pub hop_limit: Bits<8>,
    /// Source.
    pub src: Bits<128>,
    /// Destination.
    pub dst: Bits<128>,
    /// ICMPv6 type.
    pub icmp_type: Bits<8>,
    /// Stays.
    pub code: Bits<8>,
    /// ICMPv6 checksum.
    pub icmp_checksum: Bits<16>,
}

/// New bytes of a frame.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EchoEdit {
    /// The frame's record.
    pub rx: Signal<In, Outgoing>,
    /// The frame's first bytes as they shall be.
    pub data: Signal<Out, Bits<BITS>>,
    /// Which of them to replace.
    pub mask: Signal<Out, Bits<BYTES>>,
    echo4: Cast<Echo4, Bits<ECHO_4>>,
    echo6: Cast<Echo6, Bits<ECHO_6>>,
    macs: Signal<Local, Bits<BITS>>,
    packet: Signal<Local, Bits<BITS>>,
    blank4: Constant<Echo4>,
    blank6: Constant<Echo6>,
    place4: Constant<Bits<16>>,
    place6: Constant<Bits<16>>,
    tag_bits: Constant<Bits<16>>,
    tag_bytes: Constant<Bits<8>>,
    only_macs: Constant<Bits<BYTES>>,
    bytes4: Constant<Bits<BYTES>>,
    bytes6: Constant<Bits<BYTES>>,
}

/// A mask of these bytes, the first most significant.
fn mask(bytes: impl Iterator<Item = usize>) -> Bits<BYTES> {
    bytes.fold(0_u64, |mask, byte| mask | 1 << (BYTES - 1 - byte)).into()
}

impl Default for EchoEdit {
    fn default() -> Self {
        // All but the protocol and the code.
        let bytes4 = (START_4..START_4 + ECHO_4 / 8).filter(|byte| ![START_4 + 1, START_4 + 13].contains(byte));
        let bytes6 = (START_6..START_6 + ECHO_6 / 8).filter(|byte| *byte != START_6 + 34);
        Self {
            rx: Signal::default(),
            data: Signal::default(),
            mask: Signal::default(),
            echo4: Cast::default(),
            echo6: Cast::default(),
            macs: Signal::default(),
            packet: Signal::default(),
            blank4: Constant::new(Echo4 {
                ttl: HOP_LIMIT.to_bits(),
                icmp_type: icmp::ECHO_REPLY.to_bits(),
                ..Echo4::default()
            }),
            blank6: Constant::new(Echo6 {
                hop_limit: HOP_LIMIT.to_bits(),
                icmp_type: icmpv6::ECHO_REPLY.to_bits(),
                ..Echo6::default()
            }),
            place4: Constant::new((BITS - 8 * START_4 - ECHO_4).to_bits()),
            place6: Constant::new((BITS - 8 * START_6 - ECHO_6).to_bits()),
            tag_bits: Constant::new((8 * TAG).to_bits()),
            tag_bytes: Constant::new(TAG.to_bits()),
            only_macs: Constant::new(mask(0..12)),
            bytes4: Constant::new(mask(bytes4)),
            bytes6: Constant::new(mask(bytes6)),
        }
    }
}

impl Logic for EchoEdit {
    #[hdl_gen]
    fn update(&mut self) {
        self.echo4.i.next = self.blank4.val();
        self.echo4.i.next.checksum = self.rx.val().checksum;
        self.echo4.i.next.src = self.rx.val().target.get_bits::<32>(0);
        self.echo4.i.next.dst = self.rx.val().peer_ip.get_bits::<32>(0);
        self.echo4.i.next.icmp_checksum = self.rx.val().message_checksum;
        self.echo6.i.next = self.blank6.val();
        self.echo6.i.next.src = self.rx.val().target;
        self.echo6.i.next.dst = self.rx.val().peer_ip;
        self.echo6.i.next.icmp_checksum = self.rx.val().message_checksum;

        self.macs.next =
            (bit_cast::<BITS, 48>(self.rx.val().dst_mac) << 464) | (bit_cast::<BITS, 48>(self.rx.val().src_mac) << 416);
        self.packet.next = bit_cast::<BITS, ECHO_4>(self.echo4.o.val()) << self.place4.val();
        if self.rx.val().is_ipv6 {
            self.packet.next = bit_cast::<BITS, ECHO_6>(self.echo6.o.val()) << self.place6.val();
        }
        self.data.next = self.macs.val() | self.packet.val();
        if self.rx.val().tagged {
            self.data.next = self.macs.val() | (self.packet.val() >> self.tag_bits.val());
        }

        self.mask.next = self.only_macs.val();
        if self.rx.val().bounces {
            self.mask.next = bits::<BYTES>(0);
        } else if self.rx.val().echoes {
            self.mask.next = self.bytes4.val();
            if self.rx.val().is_ipv6 {
                self.mask.next = self.bytes6.val();
            }
            if self.rx.val().tagged {
                self.mask.next = self.mask.val() >> self.tag_bytes.val();
            }
            self.mask.next = self.mask.val() | self.only_macs.val();
        }
    }
}
