//! What becomes of a packet when its mapping has come after it had passed `encap`.
//!
//! Ports: `applies` (the mapping is for the record), `hit` (there is one), `reason_of_miss` (what the packet is dropped for without one), `reason` (what the stages behind
//! `lookup` have found), `mapping`, `record`; `completed`, `reason_out`; the card's addresses. Latency: [`LATENCY`] clocks for which its inputs must
//! be stable; 0 if the mapping does not apply, and the record stays as it is.
//!
//! The packet does not go through the pipeline again: of all that it has found, only what is here depends on the mapping. It has the same
//! checks in the same order as `lookup`, `responder` and `encap` have: no mapping, its kind, the ACL's verdict, the size. Until then the record has its
//! source's addresses where those of its way will be ([`Outgoing`]).
//!
//! Drop reasons: `mapping_timeout`, `cache_miss`, `miss_buffer_full` (as `reason_of_miss`), `no_mapping`, `mapping_drop`, `too_big`; solicitations `arp_unanswered`,
//! `nd_unanswered`. Source: the card's contract, section 5.

use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::{DropReason, MappingKind, Verdict};
use rust_hdl::prelude::*;

use super::FIXED_SUM;
use super::outgoing::Outgoing;
use super::size::Fits;
use crate::format::MappingValue;
use crate::reason::{Reason, kind, reason};

/// Clocks from the inputs to the outputs.
pub const LATENCY: usize = 2;

/// Completes a record.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Complete {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The record waits for the mapping.
    pub applies: Signal<In, Bit>,
    /// There is a mapping.
    pub hit: Signal<In, Bit>,
    /// Drop reason if there is none.
    pub reason_of_miss: Signal<In, Bits<6>>,
    /// Drop reason of the stages that follow, 0 for none.
    pub reason: Signal<In, Bits<6>>,
    /// The mapping.
    pub mapping: Signal<In, MappingValue>,
    /// The record.
    pub record: Signal<In, Outgoing>,
    /// The card's own underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// The record with its mapping.
    pub completed: Signal<Out, Outgoing>,
    /// The packet's drop reason.
    pub reason_out: Signal<Out, Bits<6>>,
    fits: Fits,
    words: DFF<Bits<24>>,
    more_words: DFF<Bits<24>>,
    total: DFF<Bits<24>>,
    answers: Signal<Local, Bit>,
    unusable: Signal<Local, Bit>,
    once: Signal<Local, Bits<24>>,
    twice: Signal<Local, Bits<24>>,
    fixed: Constant<Bits<24>>,
    reply: Constant<Bits<2>>,
    drop_kind: Constant<Bits<3>>,
    negative_kind: Constant<Bits<3>>,
    no_mapping: Reason,
    mapping_drop: Reason,
    too_big: Reason,
    full: Reason,
    arp_unanswered: Reason,
    nd_unanswered: Reason,
}

impl Default for Complete {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            applies: Signal::default(),
            hit: Signal::default(),
            reason_of_miss: Signal::default(),
            reason: Signal::default(),
            mapping: Signal::default(),
            record: Signal::default(),
            underlay_ip: Signal::default(),
            gateway_mac: Signal::default(),
            completed: Signal::default(),
            reason_out: Signal::default(),
            fits: Fits::default(),
            words: DFF::default(),
            more_words: DFF::default(),
            total: DFF::default(),
            answers: Signal::default(),
            unusable: Signal::default(),
            once: Signal::default(),
            twice: Signal::default(),
            fixed: Constant::new(FIXED_SUM.into()),
            reply: Constant::new(Verdict::Reply.code().to_bits()),
            drop_kind: kind(MappingKind::Drop),
            negative_kind: kind(MappingKind::Negative),
            no_mapping: reason(DropReason::NoMapping),
            mapping_drop: reason(DropReason::MappingDrop),
            too_big: reason(DropReason::TooBig),
            full: reason(DropReason::MissBufferFull),
            arp_unanswered: reason(DropReason::ArpUnanswered),
            nd_unanswered: reason(DropReason::NdUnanswered),
        }
    }
}

impl Logic for Complete {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, words, more_words, total);
        self.fits.ip_length.next = self.record.val().ip_length;
        self.fits.length.next = self.record.val().length;
        self.fits.path_mtu.next = self.mapping.val().path_mtu;
        self.fits.underlay_ip.next = self.mapping.val().underlay_ip;

        // The checksum: of the outer IPv4 header, or of an advertisement, to which only the MAC has to be added.
        self.answers.next = self.record.val().verdict == self.reply.val();
        self.words.d.next = self.fixed.val()
            + (bit_cast::<24, 8>(self.record.val().traffic_class)
                + (bit_cast::<24, 14>(self.record.val().length)
                    + (bit_cast::<24, 16>(self.underlay_ip.val().get_bits::<16>(0))
                        + bit_cast::<24, 16>(self.underlay_ip.val().get_bits::<16>(16)))));
        self.more_words.d.next = bit_cast::<24, 16>(self.mapping.val().underlay_ip.get_bits::<16>(0))
            + bit_cast::<24, 16>(self.mapping.val().underlay_ip.get_bits::<16>(16));
        if self.answers.val() {
            self.words.d.next = bit_cast::<24, 16>(!self.record.val().checksum);
            self.more_words.d.next = bit_cast::<24, 16>(self.mapping.val().mac.get_bits::<16>(0))
                + (bit_cast::<24, 16>(self.mapping.val().mac.get_bits::<16>(16))
                    + bit_cast::<24, 16>(self.mapping.val().mac.get_bits::<16>(32)));
        }
        self.total.d.next = self.words.q.val() + self.more_words.q.val();
        self.once.next = (self.total.q.val() & 0xffff) + (self.total.q.val() >> 16);
        self.twice.next = self.once.val() + (self.once.val() >> 16);

        self.completed.next = self.record.val();
        self.reason_out.next = self.reason.val();
        self.unusable.next = !self.hit.val()
            || (self.mapping.val().kind == self.negative_kind.val())
            || (self.mapping.val().kind == self.drop_kind.val());
        if self.applies.val() {
            self.completed.next.checksum = !bit_cast::<16, 24>(self.twice.val());
            if self.answers.val() {
                self.completed.next.src_mac = self.mapping.val().mac;
                if !self.hit.val() && (self.reason_of_miss.val() == self.full.val()) {
                    self.reason_out.next = self.full.val();
                } else if self.unusable.val() {
                    self.reason_out.next = self.nd_unanswered.val();
                    if self.record.val().is_arp {
                        self.reason_out.next = self.arp_unanswered.val();
                    }
                }
            } else {
                if !self.hit.val() {
                    self.reason_out.next = self.reason_of_miss.val();
                } else if self.mapping.val().kind == self.negative_kind.val() {
                    self.reason_out.next = self.no_mapping.val();
                } else if self.mapping.val().kind == self.drop_kind.val() {
                    self.reason_out.next = self.mapping_drop.val();
                } else if (self.reason.val() == 0) && self.fits.too_long.val() {
                    self.reason_out.next = self.too_big.val();
                }
                self.completed.next.mtu = self.fits.mtu.val();
                if self.fits.over_mtu.val() && self.record.val().told {
                    // Back to its source, whose addresses are where they have to be.
                    self.completed.next.bounces = true;
                    self.completed.next.src_mac = self.gateway_mac.val();
                } else {
                    self.completed.next.dst_mac = self.mapping.val().mac;
                    self.completed.next.peer_ip = self.mapping.val().underlay_ip;
                    self.completed.next.peer_is_ipv4 = self.fits.peer_is_ipv4.val();
                    self.completed.next.local = self.mapping.val().underlay_ip == self.underlay_ip.val();
                    self.completed.next.token = self.mapping.val().token;
                    self.completed.next.token_epoch = self.mapping.val().token_epoch;
                }
            }
        }
    }
}
