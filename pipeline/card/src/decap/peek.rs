//! Reads the inner destination address and ECN field at their place.
//!
//! Ports: `rx` (inner frame, with `tunnel`), `claim` (to the token check), `peeked` (with `claim`). Latency: 1 clock. The token is
//! checked while the inner frame is parsed; what is read here is what the parser will find if the frame is good.

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::Wires;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::ethertype;
use nitro_wire::formats::{ETHERNET, IPV4, IPV6, VLAN_TAG};
use rust_hdl::prelude::*;

use super::{Peeked, Tunnel, cut, field};
use crate::record::{Frame, PARSE_WINDOW};
use crate::token::TokenClaim;

/// Clocks from `rx` to `claim` and `peeked`.
pub const LATENCY: usize = 1;

/// Bits of a plain IPv6 header, the longest that is read.
const IP_WINDOW: usize = IPV6.bits;

/// The reader.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Peek {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The inner frame.
    pub rx: FlowRx<Frame>,
    /// Its tunnel header.
    pub tunnel: Signal<In, Tunnel>,
    /// What the token must be right for.
    pub claim: FlowTx<TokenClaim>,
    /// What was read.
    pub peeked: Signal<Out, Peeked>,

    ethertype_plain: Wires<PARSE_WINDOW, 16>,
    ethertype_tagged: Wires<PARSE_WINDOW, 16>,
    ip_plain: Wires<PARSE_WINDOW, IP_WINDOW>,
    ip_tagged: Wires<PARSE_WINDOW, IP_WINDOW>,
    destination_ipv4: Wires<IP_WINDOW, 32>,
    destination_ipv6: Wires<IP_WINDOW, 128>,
    second_byte: Wires<IP_WINDOW, 8>,
    vlan: Constant<Bits<16>>,
    ipv4: Constant<Bits<16>>,
    ipv6: Constant<Bits<16>>,
    tagged: Signal<Local, Bit>,
    ethertype: Signal<Local, Bits<16>>,
    /// Bytes of the frame behind the Ethernet header and the tag, if there are any.
    rest: Signal<Local, Bits<14>>,
    ip: Signal<Local, Bits<IP_WINDOW>>,
    is_ipv4: Signal<Local, Bit>,
    is_ipv6: Signal<Local, Bit>,
    plain_header: Constant<Bits<14>>,
    tagged_header: Constant<Bits<14>>,
    ipv4_header: Constant<Bits<14>>,
    ipv6_header: Constant<Bits<14>>,

    valid_q: Register<Bit>,
    claim_q: DFF<TokenClaim>,
    peeked_q: DFF<Peeked>,
}

impl Default for Peek {
    fn default() -> Self {
        let tagged = ETHERNET.bytes() + VLAN_TAG.bytes();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tunnel: Signal::default(),
            claim: FlowTx::default(),
            peeked: Signal::default(),
            ethertype_plain: field(0, &ETHERNET, "ethertype"),
            ethertype_tagged: field(ETHERNET.bytes(), &VLAN_TAG, "ethertype"),
            ip_plain: cut(8 * ETHERNET.bytes()),
            ip_tagged: cut(8 * tagged),
            destination_ipv4: field(0, &IPV4, "dst"),
            destination_ipv6: field(0, &IPV6, "dst"),
            second_byte: cut(8),
            vlan: Constant::new(u64::from(ethertype::VLAN).to_bits()),
            ipv4: Constant::new(u64::from(ethertype::IPV4).to_bits()),
            ipv6: Constant::new(u64::from(ethertype::IPV6).to_bits()),
            tagged: Signal::default(),
            ethertype: Signal::default(),
            rest: Signal::default(),
            ip: Signal::default(),
            is_ipv4: Signal::default(),
            is_ipv6: Signal::default(),
            plain_header: Constant::new(ETHERNET.bytes().to_bits()),
            tagged_header: Constant::new(tagged.to_bits()),
            ipv4_header: Constant::new(IPV4.bytes().to_bits()),
            ipv6_header: Constant::new(IPV6.bytes().to_bits()),
            valid_q: Register::default(),
            claim_q: DFF::default(),
            peeked_q: DFF::default(),
        }
    }
}

impl Logic for Peek {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid_q, claim_q, peeked_q);
        self.valid_q.reset.next = self.reset.val();
        self.ethertype_plain.i.next = self.rx.payload.val().window;
        self.ethertype_tagged.i.next = self.rx.payload.val().window;
        self.ip_plain.i.next = self.rx.payload.val().window;
        self.ip_tagged.i.next = self.rx.payload.val().window;

        self.tagged.next = self.ethertype_plain.o.val() == self.vlan.val();
        if self.tagged.val() {
            self.ethertype.next = self.ethertype_tagged.o.val();
            self.ip.next = self.ip_tagged.o.val();
            self.rest.next = self.rx.payload.val().length - self.tagged_header.val();
            if self.rx.payload.val().length < self.tagged_header.val() {
                self.rest.next = bits::<14>(0);
            }
        } else {
            self.ethertype.next = self.ethertype_plain.o.val();
            self.ip.next = self.ip_plain.o.val();
            self.rest.next = self.rx.payload.val().length - self.plain_header.val();
            if self.rx.payload.val().length < self.plain_header.val() {
                self.rest.next = bits::<14>(0);
            }
        }
        self.destination_ipv4.i.next = self.ip.val();
        self.destination_ipv6.i.next = self.ip.val();
        self.second_byte.i.next = self.ip.val();
        self.is_ipv4.next = (self.ethertype.val() == self.ipv4.val()) && (self.rest.val() >= self.ipv4_header.val());
        self.is_ipv6.next = (self.ethertype.val() == self.ipv6.val()) && (self.rest.val() >= self.ipv6_header.val());

        self.valid_q.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.claim_q.d.next.vni = self.tunnel.val().vni;
            self.claim_q.d.next.epoch = self.tunnel.val().epoch;
            self.claim_q.d.next.src_ip = self.tunnel.val().src_ip;
            self.claim_q.d.next.token = self.tunnel.val().token;
            self.claim_q.d.next.dst_ip = bits::<128>(0);
            self.peeked_q.d.next.is_ip = false;
            self.peeked_q.d.next.is_ipv6 = false;
            self.peeked_q.d.next.tagged = false;
            self.peeked_q.d.next.second_byte = bits::<8>(0);
            if self.is_ipv4.val() {
                self.claim_q.d.next.dst_ip = bit_cast::<128, 32>(self.destination_ipv4.o.val()) | 0xffff_0000_0000_u64;
            } else if self.is_ipv6.val() {
                self.claim_q.d.next.dst_ip = self.destination_ipv6.o.val();
            }
            if self.is_ipv4.val() || self.is_ipv6.val() {
                self.peeked_q.d.next.is_ip = true;
                self.peeked_q.d.next.is_ipv6 = self.is_ipv6.val();
                self.peeked_q.d.next.tagged = self.tagged.val();
                self.peeked_q.d.next.second_byte = self.second_byte.o.val();
            }
        }
        self.claim.tvalid.next = self.valid_q.q.val();
        self.claim.payload.next = self.claim_q.q.val();
        self.peeked.next = self.peeked_q.q.val();
    }
}
