//! The part of a neighbour advertisement's checksum that is known before its MAC is.
//!
//! Ports: `rx`, `tx`. Latency: [`LATENCY`]. Runs beside the lookups. (RFC 4443, section 2.3; RFC 1071.)

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::Ports;
use rust_hdl::prelude::*;

use crate::record::Packet;

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

/// Adds up everything but the MAC: pseudo-header, type, flags, target, head of the option. Ones' complement, not yet inverted.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ReplySum {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets with `lookup_ip`, `src_ip` and `is_gateway`.
    pub rx: FlowRx<Packet>,
    /// The sum, folded into 17 bits.
    pub tx: FlowTx<Bits<24>>,
    target: AddressSum,
    asker: AddressSum,
    from_nobody: DFF<Bit>,
    router: DFF<Bit>,
    fixed: DFF<Bits<24>>,
    total: DFF<Bits<24>>,
    folded: DFF<Bits<24>>,
    valid: Vec<Register<Bit>>,
    passed_valid: Signal<Local, Bit>,
    everything: Signal<Local, Bits<24>>,
    routes: Constant<Bits<24>>,
    answers_one: Constant<Bits<24>>,
    answers_all: Constant<Bits<24>>,
}

impl Default for ReplySum {
    fn default() -> Self {
        // Pseudo-header: length of the message and next header; type and code; type and length of the option; override.
        let fixed: u64 = 32 + 58 + 0x8800 + 0x0201 + 0x2000;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            target: AddressSum::default(),
            asker: AddressSum::default(),
            from_nobody: DFF::default(),
            router: DFF::default(),
            fixed: DFF::default(),
            total: DFF::default(),
            folded: DFF::default(),
            valid: (0..LATENCY).map(|_| Register::default()).collect(),
            passed_valid: Signal::default(),
            everything: Signal::default(),
            routes: Constant::new(0x8000_u64.into()),
            // An answer to one host is solicited; one to a host without an address goes to all nodes, ff02::1.
            answers_one: Constant::new((fixed + 0x4000).into()),
            answers_all: Constant::new((fixed + 0xff02 + 1).into()),
        }
    }
}

impl Logic for ReplySum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, from_nobody, router, fixed, total, folded);
        clock!(self, clock, target, asker);
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
        self.router.d.next = self.rx.payload.val().is_gateway;
        self.everything.next = self.answers_one.val();
        if self.from_nobody.q.val() {
            self.everything.next = self.answers_all.val();
        }
        self.fixed.d.next = self.everything.val();
        if self.router.q.val() {
            self.fixed.d.next = self.everything.val() + self.routes.val();
        }

        // Clock 3: the target counts twice, as source of the datagram and as target of the message. An unspecified
        // asker adds nothing.
        self.total.d.next = (self.target.sum.val() << 1) + (self.asker.sum.val() + self.fixed.q.val());

        // Clock 4: at most 22 bits, so one end-around carry leaves 17 and a second one is left to whoever adds the MAC.
        self.folded.d.next = (self.total.q.val() & 0xffff) + (self.total.q.val() >> 16);
        self.tx.payload.next = self.folded.q.val();
        self.tx.tvalid.next = self.passed_valid.val();
    }
}
