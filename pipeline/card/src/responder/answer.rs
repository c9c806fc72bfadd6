//! Which MAC does the answer tell?
//!
//! Ports: `rx`, `tx`, `gateway_mac`. Latency: [`LATENCY`].

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::{DropReason, MappingKind};
use rust_hdl::prelude::*;

use crate::reason::{Reason, kind, reason};
use crate::record::Packet;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 1;

/// Sets `answer_mac` of solicitations, or their drop reason.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ResponderAnswer {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From `lookup`.
    pub rx: FlowRx<Packet>,
    /// With `answer_mac` and `reason` set.
    pub tx: FlowTx<Packet>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    packet: DFF<Packet>,
    packet_valid: Register<Bit>,
    known: Signal<Local, Bit>,
    drop_kind: Constant<Bits<3>>,
    negative_kind: Constant<Bits<3>>,
    arp_unanswered: Reason,
    nd_unanswered: Reason,
}

impl Default for ResponderAnswer {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            gateway_mac: Signal::default(),
            packet: DFF::default(),
            packet_valid: Register::default(),
            known: Signal::default(),
            drop_kind: kind(MappingKind::Drop),
            negative_kind: kind(MappingKind::Negative),
            arp_unanswered: reason(DropReason::ArpUnanswered),
            nd_unanswered: reason(DropReason::NdUnanswered),
        }
    }
}

impl Logic for ResponderAnswer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, packet, packet_valid);
        self.packet_valid.reset.next = self.reset.val();
        self.packet_valid.d.next = self.rx.tvalid.val();
        self.known.next = self.rx.payload.val().mapping_hit
            && (self.rx.payload.val().mapping_kind != self.drop_kind.val())
            && (self.rx.payload.val().mapping_kind != self.negative_kind.val());
        if self.rx.tvalid.val() {
            self.packet.d.next = self.rx.payload.val();
            self.packet.d.next.answer_mac = self.rx.payload.val().mapping_mac;
            if self.rx.payload.val().is_gateway {
                self.packet.d.next.answer_mac = self.gateway_mac.val();
            } else if self.rx.payload.val().solicits
                && !self.known.val()
                && !self.rx.payload.val().missing
                && (self.rx.payload.val().reason == bits::<6>(0))
            {
                if self.rx.payload.val().is_arp {
                    self.packet.d.next.reason = self.arp_unanswered.val();
                } else {
                    self.packet.d.next.reason = self.nd_unanswered.val();
                }
            }
        }
        self.tx.payload.next = self.packet.q.val();
        self.tx.tvalid.next = self.packet_valid.q.val();
    }
}
