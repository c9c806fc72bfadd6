//! Is the solicitation well-formed, and is it one that the card may answer? A DHCP message is judged by its length only.
//!
//! Ports: `rx`, `tx`. Latency: [`LATENCY`].

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::DropReason;
use rust_hdl::prelude::*;

use crate::reason::{Reason, reason};
use crate::record::Packet;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 1;
/// Longest datagram with a DHCP message that is read, in bytes.
pub const DHCP_BYTES: u16 = 1500;

/// Names the drop reason of solicitations that get no answer whatever the mapping says.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ResponderAsk {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From `eni`.
    pub rx: FlowRx<Packet>,
    /// With `reason` set where there is one.
    pub tx: FlowTx<Packet>,
    packet: DFF<Packet>,
    packet_valid: Register<Bit>,
    verdict: Signal<Local, Bits<6>>,
    bad_arp: Reason,
    arp_unanswered: Reason,
    bad_nd: Reason,
    nd_unanswered: Reason,
    no_broadcast: Reason,
    dhcp_bytes: Constant<Bits<16>>,
}

impl Default for ResponderAsk {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            packet: DFF::default(),
            packet_valid: Register::default(),
            verdict: Signal::default(),
            bad_arp: reason(DropReason::BadArp),
            arp_unanswered: reason(DropReason::ArpUnanswered),
            bad_nd: reason(DropReason::BadNd),
            nd_unanswered: reason(DropReason::NdUnanswered),
            no_broadcast: reason(DropReason::NoBroadcast),
            dhcp_bytes: Constant::new(DHCP_BYTES.to_bits()),
        }
    }
}

impl Logic for ResponderAsk {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, packet, packet_valid);
        self.packet_valid.reset.next = self.reset.val();
        self.packet_valid.d.next = self.rx.tvalid.val();
        self.verdict.next = bits::<6>(0);
        if self.rx.payload.val().is_arp {
            if !self.rx.payload.val().arp_valid {
                self.verdict.next = self.bad_arp.val();
            } else if !self.rx.payload.val().arp_request
                || (self.rx.payload.val().dst_ip == self.rx.payload.val().src_ip)
                || self.rx.payload.val().is_own
                || !self.rx.payload.val().in_subnet
            {
                self.verdict.next = self.arp_unanswered.val();
            }
        } else if !self.rx.payload.val().nd_valid {
            self.verdict.next = self.bad_nd.val();
        } else if self.rx.payload.val().solicits_router {
            if !self.rx.payload.val().in_subnet {
                self.verdict.next = self.nd_unanswered.val();
            }
        } else if self.rx.payload.val().is_own
            || (!self.rx.payload.val().in_subnet && !self.rx.payload.val().is_gateway)
        {
            self.verdict.next = self.nd_unanswered.val();
        }
        if self.rx.tvalid.val() {
            self.packet.d.next = self.rx.payload.val();
            if self.rx.payload.val().solicits && (self.rx.payload.val().reason == bits::<6>(0)) {
                self.packet.d.next.reason = self.verdict.val();
            } else if self.rx.payload.val().seeks_dhcp
                && (self.rx.payload.val().reason == bits::<6>(0))
                && (self.rx.payload.val().ip_length > self.dhcp_bytes.val())
            {
                self.packet.d.next.reason = self.no_broadcast.val();
            }
        }
        self.tx.payload.next = self.packet.q.val();
        self.tx.tvalid.next = self.packet_valid.q.val();
    }
}
