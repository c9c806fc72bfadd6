//! Puts the verdicts on a received packet in order, and combines its ECN fields.
//!
//! Ports: `rx` (inner packet, behind the stage `nacl`), and in the same clock `checked`, `peeked` and `token_good`; `tx`. Latency: 1
//! clock.
//! Drop reasons, in order: those of `checked`; `bad_token`; `srd_no_flow`, `bad_endpoint` (options whose stages do not exist
//! yet); `bad_ecn`; those of the inner packet. A frame from a guest of this card has only the last.
//!
//! ECN (RFC 6040, figure 4, normal mode), inner against outer:
//!
//! | | Not-ECT | ECT(0) | ECT(1) | CE |
//! |---|---|---|---|---|
//! | Not-ECT | Not-ECT | Not-ECT | Not-ECT | drop |
//! | ECT(0) | ECT(0) | ECT(0) | ECT(1) | CE |
//! | ECT(1) | ECT(1) | ECT(1) | ECT(1) | CE |
//! | CE | CE | CE | CE | CE |
//!
//! So a field changes in three ways: ECT(0) to ECT(1) (the number falls by 1), ECT(0) to CE (rises by 1), ECT(1) to CE (rises by
//! 2). With RFC 1624's equation 3, HC' = ~(~HC + ~m + m'), the term ~m + m' is that difference modulo 0xffff. It is never zero
//! there, so neither is the sum, and HC' is never 0xffff, the zero that a sum of a non-zero header cannot give.

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::DropReason;
use rust_hdl::prelude::*;

use super::{BOUND, Bound, Checked, Delivery, Peeked};
use crate::reason::{Reason, reason};
use crate::record::Packet;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 1;

/// The last step before the join.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Merge {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The inner packet.
    pub rx: FlowRx<Packet>,
    /// The verdict on its outer headers.
    pub checked: Signal<In, Checked>,
    /// What was read of the inner frame ahead of its parser.
    pub peeked: Signal<In, Peeked>,
    /// The token is right.
    pub token_good: Signal<In, Bit>,
    /// What the join needs.
    pub tx: FlowTx<Delivery>,

    bad_token: Reason,
    srd_no_flow: Reason,
    bad_endpoint: Reason,
    bad_ecn: Reason,
    /// ECN of the inner header.
    inner: Signal<Local, Bits<2>>,
    combined: Signal<Local, Bits<2>>,
    set_ecn: Signal<Local, Bit>,
    /// The change of the field's value, modulo 0xffff.
    difference: Signal<Local, Bits<16>>,
    sum: Signal<Local, Bits<17>>,
    checksum: Signal<Local, Bits<16>>,
    bound: Signal<Local, Bound>,
    flat: Cast<Bound, Bits<BOUND>>,
    valid_q: Register<Bit>,
    delivery_q: DFF<Delivery>,
}

impl Default for Merge {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            checked: Signal::default(),
            peeked: Signal::default(),
            token_good: Signal::default(),
            tx: FlowTx::default(),
            bad_token: reason(DropReason::BadToken),
            srd_no_flow: reason(DropReason::SrdNoFlow),
            bad_endpoint: reason(DropReason::BadEndpoint),
            bad_ecn: reason(DropReason::BadEcn),
            inner: Signal::default(),
            combined: Signal::default(),
            set_ecn: Signal::default(),
            difference: Signal::default(),
            sum: Signal::default(),
            checksum: Signal::default(),
            bound: Signal::default(),
            flat: Cast::default(),
            valid_q: Register::default(),
            delivery_q: DFF::default(),
        }
    }
}

impl Logic for Merge {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid_q, delivery_q);
        self.valid_q.reset.next = self.reset.val();

        // Codepoints: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
        self.inner.next = self.peeked.val().second_byte.get_bits::<2>(0);
        if self.peeked.val().is_ipv6 {
            self.inner.next = self.peeked.val().second_byte.get_bits::<2>(4);
        }
        self.combined.next = self.inner.val();
        self.set_ecn.next = false;
        self.difference.next = bits::<16>(0);
        if (self.inner.val() == 2) && (self.checked.val().ecn == 1) {
            self.combined.next = bits::<2>(1);
            self.set_ecn.next = true;
            self.difference.next = bits::<16>(0xfffe);
        } else if (self.inner.val() == 2) && (self.checked.val().ecn == 3) {
            self.combined.next = bits::<2>(3);
            self.set_ecn.next = true;
            self.difference.next = bits::<16>(1);
        } else if (self.inner.val() == 1) && (self.checked.val().ecn == 3) {
            self.combined.next = bits::<2>(3);
            self.set_ecn.next = true;
            self.difference.next = bits::<16>(2);
        }
        self.sum.next =
            bit_cast::<17, 16>(!self.rx.payload.val().ip_checksum) + bit_cast::<17, 16>(self.difference.val());
        self.checksum.next =
            !(bit_cast::<16, 17>(self.sum.val()) + bit_cast::<16, 1>(self.sum.val().get_bits::<1>(16)));

        self.bound.next.eni = self.rx.payload.val().eni;
        self.bound.next.headers = bit_cast::<4, 2>(self.checked.val().layout);
        if self.checked.val().local {
            self.bound.next.headers = bits::<4>(8);
        } else if self.checked.val().underlay_ipv6 {
            self.bound.next.headers = bit_cast::<4, 2>(self.checked.val().layout) | 4;
        }
        self.bound.next.set_ecn = self.set_ecn.val() && self.peeked.val().is_ip;
        self.bound.next.is_ipv6 = self.peeked.val().is_ipv6;
        self.bound.next.tagged = self.peeked.val().tagged;
        self.bound.next.checksum = self.checksum.val();
        self.bound.next.second_byte = (self.peeked.val().second_byte & 0xfc) | bit_cast::<8, 2>(self.combined.val());
        if self.peeked.val().is_ipv6 {
            self.bound.next.second_byte =
                (self.peeked.val().second_byte & 0xcf) | (bit_cast::<8, 2>(self.combined.val()) << 4);
        }
        self.flat.i.next = self.bound.val();

        self.valid_q.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.delivery_q.d.next.has_payload = self.rx.payload.val().has_payload;
            self.delivery_q.d.next.serial = self.rx.payload.val().serial;
            self.delivery_q.d.next.local = self.checked.val().local;
            self.delivery_q.d.next.length = self.checked.val().length;
            self.delivery_q.d.next.eni = self.rx.payload.val().eni;
            self.delivery_q.d.next.frame_end = self.checked.val().frame_end;
            self.delivery_q.d.next.bound = self.flat.o.val();
            self.delivery_q.d.next.reason = self.rx.payload.val().reason;
            if self.checked.val().local {
                self.delivery_q.d.next.reason = self.rx.payload.val().reason;
            } else if self.checked.val().reason != 0 {
                self.delivery_q.d.next.reason = self.checked.val().reason;
            } else if !self.token_good.val() {
                self.delivery_q.d.next.reason = self.bad_token.val();
            } else if self.checked.val().layout.get_bit(0) {
                self.delivery_q.d.next.reason = self.srd_no_flow.val();
            } else if self.checked.val().layout.get_bit(1) {
                self.delivery_q.d.next.reason = self.bad_endpoint.val();
            } else if self.peeked.val().is_ip && (self.inner.val() == 0) && (self.checked.val().ecn == 3) {
                self.delivery_q.d.next.reason = self.bad_ecn.val();
            }
        }
        self.tx.tvalid.next = self.valid_q.q.val();
        self.tx.payload.next = self.delivery_q.q.val();
    }
}
