//! The receiver's checks of router and neighbour solicitations (RFC 4861, sections 6.1.1 and 7.1.1).
//!
//! Ports: `network`, `good` (of [`super::checksum`]), `tx`. Latency: 6 clocks from `network`, 1 from `good`. Only solicitations of at most 72 bytes that follow the
//! IPv6 header directly are valid: the options have fixed places then (nobody sends others, and RFC 6980 forbids
//! fragmented ones). Options are walked over as extension headers are.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record};
use rust_hdl::prelude::*;

use super::ethernet::Network;
use crate::format;

/// Clocks from `network` to `tx`.
pub const LATENCY: usize = 6;
/// Chunks of 8 bytes of a message at which an option can begin: 1 to 8.
const CHUNKS: usize = 8;

/// The verdict on a solicitation; all zero for anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Solicitation {
    /// It passes the checks.
    pub valid: Bit,
    /// Target of a neighbour solicitation.
    pub target: Bits<128>,
}

/// How far the walk over the options has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Options {
    /// Everything but options and checksum is right.
    pub sound: Bit,
    /// The source address is `::`.
    pub unspecified: Bit,
    /// There is a source link-layer address.
    pub has_source: Bit,
    /// Chunks in the message.
    pub chunks: Bits<4>,
    /// Chunk at which the next option begins.
    pub place: Bits<9>,
    /// Target of a neighbour solicitation.
    pub target: Bits<128>,
    /// Type and length bytes of the chunks that are still to be visited, the next most significant.
    pub heads: Bits<128>,
}

/// Looks at one chunk; no clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct OptionVisit {
    /// The walk so far.
    pub rx: Signal<In, Options>,
    /// The walk after this chunk.
    pub tx: Signal<Out, Options>,
    number: Constant<Bits<9>>,
    starts: Signal<Local, Bit>,
    length: Signal<Local, Bits<8>>,
}

impl OptionVisit {
    /// A look at chunk `number` of the message.
    #[must_use]
    pub fn new(number: usize) -> Self {
        Self {
            rx: Signal::default(),
            tx: Signal::default(),
            number: Constant::new(number.to_bits()),
            starts: Signal::default(),
            length: Signal::default(),
        }
    }
}

impl Logic for OptionVisit {
    #[hdl_gen]
    fn update(&mut self) {
        self.tx.next = self.rx.val();
        self.tx.next.heads = self.rx.val().heads << 16;
        self.length.next = self.rx.val().heads.get_bits::<8>(112);
        self.starts.next =
            self.rx.val().place == self.number.val() && self.number.val() < bit_cast::<9, 4>(self.rx.val().chunks);
        if self.starts.val() {
            // An option of no length stays where it is, so the walk never gets to the message's end.
            self.tx.next.place = self.number.val() + bit_cast::<9, 8>(self.length.val());
            if self.rx.val().heads.get_bits::<8>(120) == 1 {
                self.tx.next.has_source = true;
            }
        }
    }
}

/// Checks solicitations.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Neighbour {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub network: Signal<In, Network>,
    /// Its checksum is right, 5 clocks later.
    pub good: Signal<In, Bit>,
    /// The verdict.
    pub tx: Signal<Out, Solicitation>,
    header: Cast<Bits<320>, format::Ipv6>,
    message: Cast<Bits<192>, format::NdSolicitation>,
    visits: Vec<OptionVisit>,
    stages: Vec<DFF<Options>>,
    verdict: DFF<Solicitation>,
    blank_options: Constant<Options>,
    blank: Constant<Solicitation>,
    is_neighbour: Signal<Local, Bit>,
    unspecified: Signal<Local, Bit>,
    solicited_node: Signal<Local, Bit>,
    head: Signal<Local, Bits<16>>,
    heads: Signal<Local, Bits<128>>,
    solicited_node_prefix: Constant<Bits<104>>,
}

impl Default for Neighbour {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            network: Signal::default(),
            good: Signal::default(),
            tx: Signal::default(),
            header: Cast::default(),
            message: Cast::default(),
            visits: (1..=CHUNKS).map(OptionVisit::new).collect(),
            stages: (0..=CHUNKS / 2).map(|_| DFF::default()).collect(),
            verdict: DFF::default(),
            blank_options: Constant::new(Options::default()),
            blank: Constant::new(Solicitation::default()),
            is_neighbour: Signal::default(),
            unspecified: Signal::default(),
            solicited_node: Signal::default(),
            head: Signal::default(),
            heads: Signal::default(),
            // ff02::1:ff00:0/104 (RFC 4291, section 2.7.1).
            solicited_node_prefix: Constant::new((bits::<104>(0xff02) << 88) | bits::<104>(0x1ff)),
        }
    }
}

impl Logic for Neighbour {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, verdict);

        // First clock: all but options and checksum.
        self.header.i.next = self.network.val().window.get_bits::<320>(816);
        self.message.i.next = self.network.val().window.get_bits::<192>(624);
        self.heads.next = bits::<128>(0);
        for i in 0..8 {
            self.head.next = self.network.val().window.get_bits::<16>(736 - 64 * i);
            self.heads.next = (self.heads.val() << 16) | bit_cast::<128, 16>(self.head.val());
        }
        self.is_neighbour.next = self.message.o.val().icmp_type == 135;
        self.unspecified.next = !self.header.o.val().src.any();
        self.solicited_node.next = self.header.o.val().dst.get_bits::<104>(24) == self.solicited_node_prefix.val();
        self.stages[0].clock.next = self.clock.val();
        self.stages[0].d.next = self.blank_options.val();
        self.stages[0].d.next.heads = self.heads.val();
        self.stages[0].d.next.unspecified = self.unspecified.val();
        self.stages[0].d.next.chunks = self.header.o.val().payload_length.get_bits::<4>(3);
        self.stages[0].d.next.sound = self.network.val().is_ipv6
            && self.header.o.val().next_header == 58
            && self.header.o.val().hop_limit == 255
            && self.header.o.val().payload_length <= 72
            && !self.header.o.val().payload_length.get_bits::<3>(0).any()
            && self.message.o.val().code == 0
            && (self.message.o.val().icmp_type == 133
                || (self.is_neighbour.val()
                    && self.message.o.val().target.get_bits::<8>(120) != 0xff
                    && (self.solicited_node.val() || !self.unspecified.val())));
        if self.is_neighbour.val() {
            self.stages[0].d.next.place = bits::<9>(3);
            self.stages[0].d.next.target = self.message.o.val().target;
        } else {
            self.stages[0].d.next.place = bits::<9>(1);
        }

        // Then two chunks a clock.
        for i in 0..4 {
            self.visits[2 * i].rx.next = self.stages[i].q.val();
            self.visits[2 * i + 1].rx.next = self.visits[2 * i].tx.val();
            self.stages[i + 1].clock.next = self.clock.val();
            self.stages[i + 1].d.next = self.visits[2 * i + 1].tx.val();
        }

        // Sixth clock: the options end where the message ends.
        self.verdict.d.next = self.blank.val();
        if self.good.val()
            && self.stages[4].q.val().sound
            && self.stages[4].q.val().place == bit_cast::<9, 4>(self.stages[4].q.val().chunks)
            && !(self.stages[4].q.val().unspecified && self.stages[4].q.val().has_source)
        {
            self.verdict.d.next.valid = true;
            self.verdict.d.next.target = self.stages[4].q.val().target;
        }
        self.tx.next = self.verdict.q.val();
    }
}
