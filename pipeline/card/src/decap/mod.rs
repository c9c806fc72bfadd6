//! `decap`: from the outer frame to the inner one.
//!
//! The inner frame starts at one of eight constant places (IPv4 or IPv6 underlay, four option layouts), so its header window is
//! cut out by an eight-to-one choice and can be parsed in parallel with the outer headers; whether the choice was right is
//! known later and decides only whether the packet lives. A frame from another guest of the card has no outer headers: it *is*
//! the inner frame, nothing of the outer checks concerns it, and nothing is stripped.
//!
//! | block | does | latency (clocks) |
//! |---|---|---|
//! | [`outer::Outer`] | cuts the outer frame, the tunnel header and the inner frame out of the head window | 1 (outer), 2 (inner, tunnel) |
//! | [`peek::Peek`] | reads the inner destination address and ECN at their place, before the inner frame is parsed | 1 |
//! | [`check::OuterCheck`] | judges the parsed outer headers | 1 |
//! | [`merge::Merge`] | puts all verdicts in their order, combines the ECN fields | 1 |
//! | [`deliver::Deliver`] | behind the join: ends the frame with its datagram ([`trim::Trim`]), takes the outer headers off, sets the ECN field | 2 |
//!
//! Drop reasons: `not_for_this_card`, `not_overlay`, `bad_geneve`, `bad_ecn`; until their stages exist also `srd_no_flow` for
//! packets with an SRD option and `bad_endpoint` for those with an endpoint option. `bad_token` is placed between
//! `bad_geneve` and these. Counters: by reason, at the join.
//!
//! Sources: RFC 8926 (Geneve), RFC 6040 section 4.2 and figure 4 (ECN, normal mode), RFC 1624 equation 3 (checksum update).

pub mod check;
pub mod deliver;
pub mod merge;
pub mod outer;
pub mod peek;
pub mod trim;

use nitro_components::wires::Wires;
use nitro_netlist::Record;
use nitro_simulator::BlockEntry;
use nitro_wire::Format;
use rust_hdl::prelude::*;

/// Bytes of the head window of the rx path: the longest outer headers (130) and the parser's window of the inner frame (160)
/// fit, and it is a multiple of the widest beat.
pub const RX_WINDOW_BYTES: usize = 320;
/// [`RX_WINDOW_BYTES`] in bits.
pub const RX_WINDOW: usize = 8 * RX_WINDOW_BYTES;

/// What the tunnel header between outer and inner frame says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Tunnel {
    /// There is none: the frame comes from a guest of this card.
    pub local: Bit,
    /// Geneve as this overlay speaks it, with one of the four option layouts and an inner frame behind it.
    pub good: Bit,
    /// The underlay is IPv6.
    pub underlay_ipv6: Bit,
    /// `nitro_wire::Layout`.
    pub layout: Bits<2>,
    /// Virtual network.
    pub vni: Bits<24>,
    /// Epoch of the token.
    pub epoch: Bits<8>,
    /// The token.
    pub token: Bits<64>,
    /// Source address of the outer header, read at its place.
    pub src_ip: Bits<128>,
    /// UDP length field, read at its place.
    pub udp_length: Bits<16>,
}

/// What is read of the inner frame before it is parsed. All zero if the frame is neither IPv4 nor IPv6, or ends before the end
/// of the plain IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Peeked {
    /// The rest holds.
    pub is_ip: Bit,
    /// IPv6, else IPv4.
    pub is_ipv6: Bit,
    /// The IP header starts at byte 18, behind a tag; else at byte 14.
    pub tagged: Bit,
    /// Second byte of the IP header: IPv4's TOS, or the low half of IPv6's traffic class and the top of its flow label.
    pub second_byte: Bits<8>,
}

/// The verdict on the outer headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Checked {
    /// Drop reason, 0 for none.
    pub reason: Bits<6>,
    /// There are no outer headers: the frame comes from a guest of this card.
    pub local: Bit,
    /// ECN field of the outer header, 0 without one.
    pub ecn: Bits<2>,
    /// The underlay is IPv6.
    pub underlay_ipv6: Bit,
    /// `nitro_wire::Layout`.
    pub layout: Bits<2>,
    /// Virtual network.
    pub vni: Bits<24>,
    /// Length of the outer frame in bytes, as it came.
    pub length: Bits<14>,
    /// Bytes of the outer frame up to the end of its IP datagram; without outer headers all.
    pub frame_end: Bits<14>,
}

/// What the join needs to know of a received packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Delivery {
    /// Drop reason, 0 for none: deliver.
    pub reason: Bits<6>,
    /// The frame waits in the payload ring.
    pub has_payload: Bit,
    /// Number of the frame on the path by which it came to the card.
    pub serial: Bits<16>,
    /// It comes from a guest of this card.
    pub local: Bit,
    /// Length of the outer frame in bytes, as it came.
    pub length: Bits<14>,
    /// The ENI that gets it.
    pub eni: Bits<8>,
    /// Bytes of the outer frame up to the end of its IP datagram; without outer headers all.
    pub frame_end: Bits<14>,
    /// What follows it through strip and overlay, a [`Bound`].
    pub bound: Bits<BOUND>,
}

/// Bits of a [`Bound`].
pub const BOUND: usize = 39;

/// What a delivered frame's beats carry along as `tuser` until the last change is made: where to, and what to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Bound {
    /// The ENI that gets it.
    pub eni: Bits<8>,
    /// Outer headers to strip: 4 for an IPv6 underlay, plus `nitro_wire::Layout`; 8 for none.
    pub headers: Bits<4>,
    /// The ECN field is to be changed.
    pub set_ecn: Bit,
    /// The inner frame is IPv6, so has no header checksum.
    pub is_ipv6: Bit,
    /// Its IP header starts at byte 18, else at byte 14.
    pub tagged: Bit,
    /// New second byte of the IP header.
    pub second_byte: Bits<8>,
    /// New IPv4 header checksum.
    pub checksum: Bits<16>,
}

/// Bits `first ..` of a window, counted from its most significant bit, as RFC header diagrams count.
#[must_use]
pub fn cut<const N: usize, const M: usize>(first: usize) -> Wires<N, M> {
    Wires::new(|bit| N - first - M + bit)
}

/// One field of a header that starts at byte `start` of a window.
///
/// # Panics
/// If the format has no such field, or the field is not `M` bits wide; formats are fixed, so this shows when a block is
/// first made.
#[must_use]
pub fn field<const N: usize, const M: usize>(start: usize, format: &Format, name: &str) -> Wires<N, M> {
    match format.field(name) {
        Ok(field) => {
            assert!(field.width == M, "{}.{name} has {} bits, not {M}", format.name, field.width);
            cut(8 * start + format.bits - field.offset - field.width)
        }
        Err(error) => panic!("{error}"),
    }
}

/// The stage's blocks for the catalogue, those of the data path `W` bits wide.
#[must_use]
pub fn entries<const W: usize, const K: usize>() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("decap_outer", outer::Outer::default),
        BlockEntry::of("decap_peek", peek::Peek::default),
        BlockEntry::of("decap_check", check::OuterCheck::default),
        BlockEntry::of("decap_merge", merge::Merge::default),
        BlockEntry::of("decap_trim", trim::Trim::<W, K, 8>::default),
        BlockEntry::of("decap_deliver", deliver::Deliver::<W, K>::default),
    ]
}
