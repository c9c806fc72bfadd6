//! The part of an advertisement's checksum that is known before its MAC is.
//!
//! Ports: `rx`, `tx`, `gateway_mac`. Latency: [`LATENCY`]. Runs beside the lookups. (RFC 4443, section 2.3; RFC 1071.)

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::{GUEST_MTU, icmpv6, protocol};
use rust_hdl::prelude::*;

use crate::record::Packet;
use crate::responder::link_local::LinkLocal;
use crate::responder::reply::{HOP_LIMIT, LIFETIME, NEIGHBOUR_MESSAGE, ROUTER_MESSAGE};

/// Clocks from `rx` to `tx` of [`ReplySum`].
pub const LATENCY: usize = 4;

/// The sum of an address's eight 16-bit words, 2 clocks later.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct AddressSum {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// An address.
    pub ip: Signal<In, Bits<128>>,
    /// The sum of its words, of 2 clocks ago.
    pub sum: Signal<Out, Bits<24>>,
    a: DFF<Bits<24>>,
    b: DFF<Bits<24>>,
    c: DFF<Bits<24>>,
    d: DFF<Bits<24>>,
    all: DFF<Bits<24>>,
}

impl Logic for AddressSum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, a, b, c, d, all);
        self.a.d.next =
            bit_cast::<24, 16>(self.ip.val().get_bits::<16>(0)) + bit_cast::<24, 16>(self.ip.val().get_bits::<16>(16));
        self.b.d.next =
            bit_cast::<24, 16>(self.ip.val().get_bits::<16>(32)) + bit_cast::<24, 16>(self.ip.val().get_bits::<16>(48));
        self.c.d.next =
            bit_cast::<24, 16>(self.ip.val().get_bits::<16>(64)) + bit_cast::<24, 16>(self.ip.val().get_bits::<16>(80));
        self.d.d.next = bit_cast::<24, 16>(self.ip.val().get_bits::<16>(96))
            + bit_cast::<24, 16>(self.ip.val().get_bits::<16>(112));
        self.all.d.next = (self.a.q.val() + self.b.q.val()) + (self.c.q.val() + self.d.q.val());
        self.sum.next = self.all.q.val();
    }
}

/// Adds up everything but the MAC in the option: pseudo-header, message, options. Ones' complement, not yet inverted.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ReplySum {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets with `lookup_ip`, `src_ip`, `is_gateway`, `solicits_router` and `prefix_length`.
    pub rx: FlowRx<Packet>,
    /// The sum, folded into 17 bits.
    pub tx: FlowTx<Bits<24>>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    link_local: LinkLocal,
    gateway: AddressSum,
    target: AddressSum,
    asker: AddressSum,
    from_nobody: DFF<Bit>,
    is_gateway: DFF<Bit>,
    is_router: DFF<Bit>,
    from_link_local: DFF<Bit>,
    prefix_length: DFF<Bits<8>>,
    fixed: DFF<Bits<24>>,
    total: DFF<Bits<24>>,
    folded: DFF<Bits<24>>,
    valid: Vec<Register<Bit>>,
    passed_valid: Signal<Local, Bit>,
    constants: Signal<Local, Bits<24>>,
    added: Signal<Local, Bits<24>>,
    source: Signal<Local, Bits<24>>,
    routes: Constant<Bits<24>>,
    answers_one: Constant<Bits<24>>,
    answers_all: Constant<Bits<24>>,
    routes_one: Constant<Bits<24>>,
    routes_all: Constant<Bits<24>>,
}

impl Default for ReplySum {
    fn default() -> Self {
        // Pseudo-header: length of the message and next header; type and code.
        let head = |message: usize, kind: u8| message as u64 + u64::from(protocol::ICMPV6) + (u64::from(kind) << 8);
        // All nodes, ff02::1.
        let all_nodes: u64 = 0xff02 + 1;
        // Type and length of the option; override.
        let neighbour = head(NEIGHBOUR_MESSAGE, icmpv6::NEIGHBOUR_ADVERTISEMENT) + 0x0201 + 0x2000;
        // Hop limit and managed; lifetime; types and lengths of the options; MTU; on link. The lifetimes of the prefix, all
        // ones, add nothing to a ones' complement sum.
        let router = head(ROUTER_MESSAGE, icmpv6::ROUTER_ADVERTISEMENT)
            + (u64::from(HOP_LIMIT) << 8 | 0x80)
            + u64::from(LIFETIME)
            + 0x0101
            + 0x0501
            + u64::from(GUEST_MTU)
            + 0x0304
            + 0x80;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            gateway_mac: Signal::default(),
            link_local: LinkLocal::default(),
            gateway: AddressSum::default(),
            target: AddressSum::default(),
            asker: AddressSum::default(),
            from_nobody: DFF::default(),
            is_gateway: DFF::default(),
            is_router: DFF::default(),
            from_link_local: DFF::default(),
            prefix_length: DFF::default(),
            fixed: DFF::default(),
            total: DFF::default(),
            folded: DFF::default(),
            valid: (0..LATENCY).map(|_| Register::default()).collect(),
            passed_valid: Signal::default(),
            constants: Signal::default(),
            added: Signal::default(),
            source: Signal::default(),
            routes: Constant::new(0x8000_u64.into()),
            // A neighbour's answer to one host is solicited; one to a host without an address goes to all nodes.
            answers_one: Constant::new((neighbour + 0x4000).into()),
            answers_all: Constant::new((neighbour + all_nodes).into()),
            routes_one: Constant::new(router.into()),
            routes_all: Constant::new((router + all_nodes).into()),
        }
    }
}

impl Logic for ReplySum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            from_nobody,
            is_gateway,
            is_router,
            from_link_local,
            prefix_length,
            fixed,
            total,
            folded
        );
        clock!(self, clock, gateway, target, asker);
        self.passed_valid.next = self.rx.tvalid.val();
        for i in 0..self.valid.len() {
            self.valid[i].clock.next = self.clock.val();
            self.valid[i].reset.next = self.reset.val();
            self.valid[i].d.next = self.passed_valid.val();
            self.passed_valid.next = self.valid[i].q.val();
        }

        // Clocks 1 and 2: the addresses, and what does not depend on their words.
        self.target.ip.next = self.rx.payload.val().lookup_ip;
        self.asker.ip.next = self.rx.payload.val().src_ip;
        self.from_nobody.d.next = !self.rx.payload.val().src_ip.any();
        self.is_gateway.d.next = self.rx.payload.val().is_gateway;
        self.is_router.d.next = self.rx.payload.val().solicits_router;
        self.prefix_length.d.next = self.rx.payload.val().prefix_length;
        self.link_local.mac.next = self.gateway_mac.val();
        self.gateway.ip.next = self.link_local.ip.val();
        self.from_link_local.d.next = self.is_router.q.val();
        self.added.next = bits::<24>(0);
        if self.is_router.q.val() {
            self.constants.next = self.routes_one.val();
            if self.from_nobody.q.val() {
                self.constants.next = self.routes_all.val();
            }
            self.added.next = bit_cast::<24, 8>(self.prefix_length.q.val()) << 8;
        } else {
            self.constants.next = self.answers_one.val();
            if self.from_nobody.q.val() {
                self.constants.next = self.answers_all.val();
            }
            if self.is_gateway.q.val() {
                self.added.next = self.routes.val();
            }
        }
        self.fixed.d.next = self.constants.val() + self.added.val();

        // Clock 3: the target of the message is its source too, but a router advertises a prefix from its link-local
        // address. An unspecified asker adds nothing.
        self.source.next = self.target.sum.val();
        if self.from_link_local.q.val() {
            self.source.next = self.gateway.sum.val();
        }
        self.total.d.next = (self.target.sum.val() + self.source.val()) + (self.asker.sum.val() + self.fixed.q.val());

        // Clock 4: at most 22 bits, so one end-around carry leaves 17 and a second one is left to whoever adds the MAC.
        self.folded.d.next = (self.total.q.val() & 0xffff) + (self.total.q.val() >> 16);
        self.tx.payload.next = self.folded.q.val();
        self.tx.tvalid.next = self.passed_valid.val();
    }
}
