//! Stage `encap`: everything that the outer headers need, and the last check of the tx path.
//!
//! * **Purpose.** [`flow_hash::FlowHash`] makes the path entropy of a packet, [`Encap`] checks its size, computes the checksum of its outer IPv4
//!   header (or of its answer) and reduces the packet's record to what the join needs ([`outgoing::Outgoing`]),
//!   [`header::OuterHeader`] lays out the outer headers from that. A packet whose destination's host is this card is told apart
//!   here: it gets none. [`size::Fits`] compares lengths. What the mapping says that a packet has waited for,
//!   [`late::Complete`] enters later.
//! * **Ports.** `rx`: flow of [`Packet`](crate::record::Packet); `hash`: the flow hash of the same packet in the same clock; `sum`: the
//!   part of the answer's checksum that does not depend on its MAC, for the packet that came one clock before; `tx`; the card's addresses.
//! * **Latency.** [`LATENCY`], one packet per clock.
//! * **Drop reasons.** `too_big`.
//! * **Counters.** None of its own: drops count where the verdict is final.
//! * **Source.** Geneve: RFC 8926. Outer IPv4 checksum: RFC 791, RFC 1071. No UDP checksum: RFC 6935. DSCP and ECN copied out: RFC 2983 (uniform
//!   model), RFC 6040.

pub mod flow_hash;
pub mod header;
pub mod late;
pub mod outgoing;
pub mod size;

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::constants::{icmp, icmpv6, protocol};
use nitro_wire::{DropReason, Verdict};
use rust_hdl::prelude::*;

use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::responder::echo;
use outgoing::Outgoing;
use size::Fits;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 3;

/// Words of the outer IPv4 header that never change: version and header length, DF, TTL and protocol; and what the
/// headers add to the frame's length: IPv4, UDP, Geneve, token option.
const FIXED_SUM: u64 = 0x4500 + 0x4000 + 0x4011 + 20 + 8 + 8 + 20;

/// The blocks of this folder.
#[must_use]
pub fn entries() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("encap_flow_hash", flow_hash::FlowHash::default),
        BlockEntry::of("encap_size", size::Fits::default),
        BlockEntry::of("encap_late", late::Complete::default),
        BlockEntry::of("encap", Encap::default),
        BlockEntry::of("encap_header", header::OuterHeader::default),
    ]
}

/// What an ICMP checksum's sum gains when the type changes (RFC 1624, equation 3).
fn type_change(old: u8, new: u8) -> Bits<24> {
    let sum = u64::from(!(u16::from(old) << 8)) + (u64::from(new) << 8);
    ((sum & 0xffff) + (sum >> 16)).into()
}

/// Last check, checksums, and the record for the join.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Encap {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From `responder`.
    pub rx: FlowRx<Packet>,
    /// Flow hash of the same packet.
    pub hash: FlowRx<Bits<14>>,
    /// Sum of the answer without its MAC, 1 clock after its packet.
    pub sum: FlowRx<Bits<24>>,
    /// To the join.
    pub tx: FlowTx<Outgoing>,
    /// The card's own underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    first: DFF<Outgoing>,
    first_valid: Register<Bit>,
    lengths: DFF<Bits<24>>,
    own: DFF<Bits<24>>,
    peer: DFF<Bits<24>>,
    mac: DFF<Bits<24>>,
    second: DFF<Outgoing>,
    second_valid: Register<Bit>,
    total: DFF<Bits<24>>,
    third: DFF<Outgoing>,
    third_valid: Register<Bit>,
    message: DFF<Bits<24>>,
    fits: Fits,
    bounces: Signal<Local, Bit>,
    echoes: Signal<Local, Bit>,
    seeks_dhcp: Signal<Local, Bit>,
    replies: Signal<Local, Bit>,
    from_nobody: Signal<Local, Bit>,
    once: Signal<Local, Bits<24>>,
    twice: Signal<Local, Bits<24>>,
    fixed: Constant<Bits<24>>,
    new_ttl: Constant<Bits<24>>,
    to_reply4: Constant<Bits<24>>,
    to_reply6: Constant<Bits<24>>,
    nothing: Constant<Outgoing>,
    too_big: Reason,
    pass: Constant<Bits<2>>,
    drop: Constant<Bits<2>>,
    reply: Constant<Bits<2>>,
}

impl Default for Encap {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            hash: FlowRx::default(),
            sum: FlowRx::default(),
            tx: FlowTx::default(),
            underlay_ip: Signal::default(),
            gateway_mac: Signal::default(),
            first: DFF::default(),
            first_valid: Register::default(),
            lengths: DFF::default(),
            own: DFF::default(),
            peer: DFF::default(),
            mac: DFF::default(),
            second: DFF::default(),
            second_valid: Register::default(),
            total: DFF::default(),
            third: DFF::default(),
            third_valid: Register::default(),
            message: DFF::default(),
            fits: Fits::default(),
            bounces: Signal::default(),
            echoes: Signal::default(),
            seeks_dhcp: Signal::default(),
            replies: Signal::default(),
            from_nobody: Signal::default(),
            once: Signal::default(),
            twice: Signal::default(),
            fixed: Constant::new(FIXED_SUM.into()),
            new_ttl: Constant::new((u64::from(echo::HOP_LIMIT) << 8 | u64::from(protocol::ICMP)).into()),
            to_reply4: Constant::new(type_change(icmp::ECHO_REQUEST, icmp::ECHO_REPLY)),
            to_reply6: Constant::new(type_change(icmpv6::ECHO_REQUEST, icmpv6::ECHO_REPLY)),
            nothing: Constant::new(Outgoing::default()),
            too_big: reason(DropReason::TooBig),
            pass: Constant::new(Verdict::Pass.code().to_bits()),
            drop: Constant::new(Verdict::Drop.code().to_bits()),
            reply: Constant::new(Verdict::Reply.code().to_bits()),
        }
    }
}

impl Logic for Encap {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, first, first_valid, lengths, own, peer, mac, message);
        dff_setup!(self, clock, second, second_valid, total, third, third_valid);
        self.first_valid.reset.next = self.reset.val();
        self.second_valid.reset.next = self.reset.val();
        self.third_valid.reset.next = self.reset.val();

        // Clock 1: verdict and addresses; 32 bits of the checksum's words at a time.
        self.fits.ip_length.next = self.rx.payload.val().ip_length;
        self.fits.length.next = self.rx.payload.val().length;
        self.fits.path_mtu.next = self.rx.payload.val().path_mtu;
        self.fits.underlay_ip.next = self.rx.payload.val().underlay_ip;
        self.replies.next = self.rx.payload.val().solicits && (self.rx.payload.val().reason == bits::<6>(0));
        self.echoes.next = self.rx.payload.val().echoes && (self.rx.payload.val().reason == bits::<6>(0));
        self.seeks_dhcp.next = self.rx.payload.val().seeks_dhcp && (self.rx.payload.val().reason == bits::<6>(0));
        self.bounces.next = self.fits.over_mtu.val()
            && self.rx.payload.val().told
            && !self.rx.payload.val().missing
            && !self.rx.payload.val().solicits
            && !self.rx.payload.val().echoes
            && !self.rx.payload.val().seeks_dhcp
            && (self.rx.payload.val().reason == bits::<6>(0));
        self.from_nobody.next = !self.rx.payload.val().src_ip.any();
        self.first_valid.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.first.d.next = self.nothing.val();
            self.first.d.next.reason = self.rx.payload.val().reason;
            self.first.d.next.verdict = self.pass.val();
            if self.rx.payload.val().missing {
                // What is known is not all: whether it passes is seen later.
                if self.rx.payload.val().solicits {
                    self.first.d.next.verdict = self.reply.val();
                }
            } else if self.rx.payload.val().reason != bits::<6>(0) {
                self.first.d.next.verdict = self.drop.val();
            } else if self.rx.payload.val().solicits || self.rx.payload.val().echoes {
                self.first.d.next.verdict = self.reply.val();
            } else if self.fits.too_long.val() && !self.seeks_dhcp.val() {
                self.first.d.next.reason = self.too_big.val();
                self.first.d.next.verdict = self.drop.val();
            }
            self.first.d.next.has_payload = self.rx.payload.val().has_payload;
            self.first.d.next.length = self.rx.payload.val().length;
            self.first.d.next.serial = self.rx.payload.val().serial;
            self.first.d.next.eni = self.rx.payload.val().eni;
            self.first.d.next.has_eni = self.rx.payload.val().has_eni;
            self.first.d.next.exempt = self.rx.payload.val().exempt;
            self.first.d.next.is_arp = self.rx.payload.val().is_arp;
            self.first.d.next.is_router = self.rx.payload.val().solicits_router;
            self.first.d.next.prefix_length = self.rx.payload.val().prefix_length;
            self.first.d.next.echoes = self.echoes.val();
            self.first.d.next.seeks_dhcp = self.seeks_dhcp.val();
            self.first.d.next.is_ipv6 = self.rx.payload.val().is_ipv6;
            self.first.d.next.bounces = self.bounces.val();
            self.first.d.next.mtu = self.fits.mtu.val();
            self.first.d.next.missing = self.rx.payload.val().missing;
            self.first.d.next.told = self.rx.payload.val().told;
            self.first.d.next.ip_length = self.rx.payload.val().ip_length;
            self.first.d.next.tagged = self.rx.payload.val().tagged;
            self.first.d.next.vlan = self.rx.payload.val().vlan;
            self.first.d.next.traffic_class = self.rx.payload.val().traffic_class;
            self.first.d.next.vni = self.rx.payload.val().vni;
            self.first.d.next.token = self.rx.payload.val().token;
            self.first.d.next.token_epoch = self.rx.payload.val().token_epoch;
            self.first.d.next.flow_hash = self.hash.payload.val();
            self.first.d.next.local = self.rx.payload.val().underlay_ip == self.underlay_ip.val();
            self.first.d.next.peer_is_ipv4 = self.fits.peer_is_ipv4.val();
            self.first.d.next.peer_ip = self.rx.payload.val().underlay_ip;
            self.first.d.next.dst_mac = self.rx.payload.val().mapping_mac;
            self.first.d.next.src_mac = self.gateway_mac.val();
            if self.rx.payload.val().in_subnet {
                self.first.d.next.src_mac = self.rx.payload.val().eni_mac;
            }
            self.first.d.next.target = self.rx.payload.val().lookup_ip;
            self.first.d.next.asker_mac = self.rx.payload.val().arp_sender_mac;
            self.first.d.next.is_gateway = self.rx.payload.val().is_gateway;
            self.first.d.next.to_all = self.from_nobody.val();
            if self.rx.payload.val().missing && !self.rx.payload.val().solicits {
                self.first.d.next.dst_mac = self.rx.payload.val().src_mac;
                self.first.d.next.peer_ip = self.rx.payload.val().src_ip;
                self.first.d.next.target = self.rx.payload.val().gateway_ip;
            }
            if self.echoes.val() || self.bounces.val() || self.seeks_dhcp.val() {
                self.first.d.next.src_mac = self.gateway_mac.val();
                self.first.d.next.dst_mac = self.rx.payload.val().src_mac;
                self.first.d.next.peer_ip = self.rx.payload.val().src_ip;
                self.first.d.next.target = self.rx.payload.val().gateway_ip;
            }
            if self.replies.val() {
                self.first.d.next.src_mac = self.rx.payload.val().answer_mac;
                self.first.d.next.dst_mac = self.rx.payload.val().src_mac;
                self.first.d.next.peer_ip = self.rx.payload.val().src_ip;
                if self.from_nobody.val() && !self.rx.payload.val().is_arp {
                    // RFC 4861, sections 6.2.6 and 7.2.4: an asker without an address hears of it with all others (ff02::1).
                    self.first.d.next.dst_mac = bits::<48>(0x3333_0000_0001_u64);
                    self.first.d.next.peer_ip = (bits::<128>(0xff02) << 112) | bits::<128>(1);
                }
            }
        }
        self.lengths.d.next = self.fixed.val()
            + (bit_cast::<24, 8>(self.rx.payload.val().traffic_class)
                + bit_cast::<24, 14>(self.rx.payload.val().length));
        self.own.d.next = bit_cast::<24, 16>(self.underlay_ip.val().get_bits::<16>(0))
            + bit_cast::<24, 16>(self.underlay_ip.val().get_bits::<16>(16));
        self.peer.d.next = bit_cast::<24, 16>(self.rx.payload.val().underlay_ip.get_bits::<16>(0))
            + bit_cast::<24, 16>(self.rx.payload.val().underlay_ip.get_bits::<16>(16));
        if self.echoes.val() {
            // RFC 1624, equation 3: the TTL changes; the addresses change places, which no sum minds.
            self.lengths.d.next = bit_cast::<24, 16>(!self.rx.payload.val().ip_checksum);
            self.own.d.next = bit_cast::<24, 16>(
                !((bit_cast::<16, 8>(self.rx.payload.val().hop_limit) << 8)
                    | bit_cast::<16, 8>(self.rx.payload.val().protocol)),
            );
            self.peer.d.next = self.new_ttl.val();
        }
        self.message.d.next = bit_cast::<24, 16>(!self.rx.payload.val().icmp_checksum) + self.to_reply4.val();
        if self.rx.payload.val().is_ipv6 {
            self.message.d.next = bit_cast::<24, 16>(!self.rx.payload.val().icmp_checksum) + self.to_reply6.val();
        }
        self.mac.d.next = bit_cast::<24, 16>(self.rx.payload.val().answer_mac.get_bits::<16>(0))
            + (bit_cast::<24, 16>(self.rx.payload.val().answer_mac.get_bits::<16>(16))
                + bit_cast::<24, 16>(self.rx.payload.val().answer_mac.get_bits::<16>(32)));
        if self.rx.payload.val().missing {
            self.mac.d.next = bits::<24>(0);
        }

        // Clock 2: the sum.
        self.second_valid.d.next = self.first_valid.q.val();
        if self.first_valid.q.val() {
            self.second.d.next = self.first.q.val();
            self.second.d.next.message_checksum =
                !bit_cast::<16, 24>((self.message.q.val() & 0xffff) + (self.message.q.val() >> 16));
        }
        self.total.d.next = self.lengths.q.val() + (self.own.q.val() + self.peer.q.val());
        if (self.first.q.val().verdict == self.reply.val()) && !self.first.q.val().echoes {
            self.total.d.next = self.mac.q.val() + self.sum.payload.val();
        }

        // Clock 3: its carries.
        self.once.next = (self.total.q.val() & 0xffff) + (self.total.q.val() >> 16);
        self.twice.next = self.once.val() + (self.once.val() >> 16);
        self.third_valid.d.next = self.second_valid.q.val();
        if self.second_valid.q.val() {
            self.third.d.next = self.second.q.val();
            self.third.d.next.checksum = !bit_cast::<16, 24>(self.twice.val());
        }
        self.tx.payload.next = self.third.q.val();
        self.tx.tvalid.next = self.third_valid.q.val();
    }
}
