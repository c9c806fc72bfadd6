//! Judges the outer headers: for this card, the overlay's, and well-formed.
//!
//! Ports: `rx` (the parsed outer frame), `tunnel` (in the same clock), the card's addresses, `checked`. Latency: 1 clock.
//! Drop reasons, in order: the parser's, `not_for_this_card`, `not_overlay`, `bad_geneve`. None for a frame that has no outer
//! headers.

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::DropReason;
use nitro_wire::constants::{geneve, protocol};
use nitro_wire::formats::{ETHERNET, IPV4, IPV6};
use rust_hdl::prelude::*;

use super::{Checked, Tunnel};
use crate::reason::{Reason, reason};
use crate::record::Packet;

/// Clocks from `rx` to `checked`.
pub const LATENCY: usize = 1;

/// The judge.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct OuterCheck {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Headers of the outer frame.
    pub rx: FlowRx<Packet>,
    /// Its tunnel header.
    pub tunnel: Signal<In, Tunnel>,
    /// The card's underlay address.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The card's underlay MAC.
    pub underlay_mac: Signal<In, Bits<48>>,
    /// The verdict.
    pub checked: FlowTx<Checked>,

    udp: Constant<Bits<8>>,
    geneve_port: Constant<Bits<16>>,
    ethernet_bytes: Constant<Bits<16>>,
    ipv4_bytes: Constant<Bits<16>>,
    ipv6_bytes: Constant<Bits<16>>,
    not_for_this_card: Reason,
    not_overlay: Reason,
    bad_geneve: Reason,
    ip_payload: Signal<Local, Bits<16>>,
    valid_q: Register<Bit>,
    checked_q: DFF<Checked>,
}

impl Default for OuterCheck {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tunnel: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            checked: FlowTx::default(),
            udp: Constant::new(u64::from(protocol::UDP).to_bits()),
            geneve_port: Constant::new(u64::from(geneve::PORT).to_bits()),
            ethernet_bytes: Constant::new(ETHERNET.bytes().to_bits()),
            ipv4_bytes: Constant::new(IPV4.bytes().to_bits()),
            ipv6_bytes: Constant::new(IPV6.bytes().to_bits()),
            not_for_this_card: reason(DropReason::NotForThisCard),
            not_overlay: reason(DropReason::NotOverlay),
            bad_geneve: reason(DropReason::BadGeneve),
            ip_payload: Signal::default(),
            valid_q: Register::default(),
            checked_q: DFF::default(),
        }
    }
}

impl Logic for OuterCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid_q, checked_q);
        self.valid_q.reset.next = self.reset.val();
        self.ip_payload.next = self.rx.payload.val().ip_length - self.ipv4_bytes.val();
        if self.rx.payload.val().is_ipv6 {
            self.ip_payload.next = self.rx.payload.val().ip_length - self.ipv6_bytes.val();
        }
        self.valid_q.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.checked_q.d.next.ecn = self.rx.payload.val().traffic_class.get_bits::<2>(0);
            self.checked_q.d.next.underlay_ipv6 = self.tunnel.val().underlay_ipv6;
            self.checked_q.d.next.layout = self.tunnel.val().layout;
            self.checked_q.d.next.vni = self.tunnel.val().vni;
            self.checked_q.d.next.length = self.rx.payload.val().length;
            self.checked_q.d.next.frame_end =
                bit_cast::<14, 16>(self.rx.payload.val().ip_length + self.ethernet_bytes.val());
            self.checked_q.d.next.reason = self.rx.payload.val().reason;
            self.checked_q.d.next.local = self.tunnel.val().local;
            if self.tunnel.val().local {
                // What was parsed as the outer frame is the inner one, which is judged as such.
                self.checked_q.d.next.reason = bits::<6>(0);
                self.checked_q.d.next.ecn = bits::<2>(0);
                self.checked_q.d.next.frame_end = self.rx.payload.val().length;
            } else if self.rx.payload.val().reason == 0 {
                if (self.rx.payload.val().dst_ip != self.underlay_ip.val())
                    || (self.rx.payload.val().dst_mac != self.underlay_mac.val())
                {
                    self.checked_q.d.next.reason = self.not_for_this_card.val();
                } else if self.rx.payload.val().tagged
                    || self.rx.payload.val().is_arp
                    || self.rx.payload.val().ip_options
                    || self.rx.payload.val().more_fragments
                    || (self.rx.payload.val().fragment_offset != 0)
                    || (self.rx.payload.val().protocol != self.udp.val())
                    || (self.rx.payload.val().dst_port != self.geneve_port.val())
                {
                    self.checked_q.d.next.reason = self.not_overlay.val();
                } else if !self.tunnel.val().good || (self.tunnel.val().udp_length != self.ip_payload.val()) {
                    self.checked_q.d.next.reason = self.bad_geneve.val();
                }
            }
        }
        self.checked.tvalid.next = self.valid_q.q.val();
        self.checked.payload.next = self.checked_q.q.val();
    }
}
