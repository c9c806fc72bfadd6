//! The receiver's checks of router and neighbour solicitations (RFC 4861, sections 6.1.1 and 7.1.1).
//!
//! Ports: `network`, `tx`. Latency: 4 clocks. All but the checksum ([`super::checksum`]) is checked here. Only
//! solicitations of at most 72 bytes that follow the IPv6 header directly are valid: the options have fixed places then
//! (nobody sends others, and RFC 6980 forbids fragmented ones). Options are walked over as extension headers are.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::ethernet::Network;
use crate::format;

/// Clocks from `network` to `tx`.
pub const LATENCY: usize = 4;
/// Chunks of 8 bytes of a message at which an option or the message's end can be: 1 to 9.
const CHUNKS: usize = 9;
/// Chunks that are visited in a clock.
const CHUNKS_PER_CLOCK: usize = 3;
/// Bits of a decoded chunk.
const CHUNK: usize = 11;
/// Bits of all decoded chunks.
const DECODED: usize = CHUNKS * CHUNK;

/// The verdict on a solicitation; all zero for anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Solicitation {
    /// It passes the checks, if its checksum is right.
    pub sound: Bit,
    /// It is a neighbour solicitation.
    pub has_target: Bit,
}

/// A chunk as if it were the start of an option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Chunk {
    /// The message has this chunk.
    exists: Bit,
    /// The message ends before this chunk.
    is_end: Bit,
    /// The option is a source link-layer address.
    is_source: Bit,
    /// Where the option ends: bit 0 before the next chunk, bit 1 before the one after, …; nowhere if its length is 0.
    ends: Bits<8>,
}

/// How far the walk over the options has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Options {
    /// ICMPv6 directly after the fixed header, hop limit 255.
    pub right_header: Bit,
    /// Whole chunks, not too many.
    pub right_length: Bit,
    /// A router solicitation, code 0.
    pub is_router: Bit,
    /// A neighbour solicitation, code 0.
    pub is_neighbour: Bit,
    /// The target address is not multicast.
    pub unicast_target: Bit,
    /// The destination address is a solicited-node multicast address.
    pub solicited_node: Bit,
    /// The source address is `::`.
    pub unspecified: Bit,
    /// There is a source link-layer address.
    pub has_source: Bit,
    /// The options end where the message ends.
    pub complete: Bit,
    /// Where the next option is: bit 0 in the next chunk, bit 1 in the one after, ….
    pub ahead: Bits<8>,
    /// The decoded chunks that are still to be visited, the next most significant.
    pub chunks: Bits<DECODED>,
}

/// Decodes one chunk; no clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct OptionDecode {
    /// Its first two bytes.
    pub rx: Signal<In, Bits<16>>,
    /// Length of the message in chunks.
    pub message: Signal<In, Bits<4>>,
    /// What it means as an option.
    pub tx: Signal<Out, Bits<CHUNK>>,
    chunk: Cast<Chunk, Bits<CHUNK>>,
    number: Constant<Bits<4>>,
}

impl OptionDecode {
    /// Of chunk `number` of the message.
    #[must_use]
    pub fn new(number: usize) -> Self {
        Self {
            rx: Signal::default(),
            message: Signal::default(),
            tx: Signal::default(),
            chunk: Cast::default(),
            number: Constant::new(number.to_bits()),
        }
    }
}

impl Logic for OptionDecode {
    #[hdl_gen]
    fn update(&mut self) {
        self.chunk.i.next.exists = self.message.val() > self.number.val();
        self.chunk.i.next.is_end = self.message.val() == self.number.val();
        self.chunk.i.next.is_source = self.rx.val().get_bits::<8>(8) == 1;
        if self.rx.val().get_bits::<4>(4).any() || !self.rx.val().get_bits::<4>(0).any() {
            self.chunk.i.next.ends = bits::<8>(0);
        } else {
            self.chunk.i.next.ends = bits::<8>(1) << (self.rx.val().get_bits::<4>(0) - 1);
        }
        self.tx.next = self.chunk.o.val();
    }
}

/// Looks at one chunk; no clock.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct OptionVisit {
    /// The walk so far.
    pub rx: Signal<In, Options>,
    /// The walk after this chunk.
    pub tx: Signal<Out, Options>,
    chunk: Cast<Bits<CHUNK>, Chunk>,
}

impl Logic for OptionVisit {
    #[hdl_gen]
    fn update(&mut self) {
        self.chunk.i.next = self.rx.val().chunks.get_bits::<CHUNK>(88);
        self.tx.next = self.rx.val();
        self.tx.next.chunks = self.rx.val().chunks << 11;
        self.tx.next.ahead = self.rx.val().ahead >> 1;
        if self.rx.val().ahead.get_bit(0) {
            if self.chunk.o.val().exists {
                self.tx.next.ahead = self.chunk.o.val().ends;
                if self.chunk.o.val().is_source {
                    self.tx.next.has_source = true;
                }
            } else if self.chunk.o.val().is_end {
                self.tx.next.complete = true;
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
    /// The verdict.
    pub tx: Signal<Out, Solicitation>,
    header: Cast<Bits<320>, format::Ipv6>,
    message: Cast<Bits<192>, format::NdSolicitation>,
    decodes: Vec<OptionDecode>,
    visits: Vec<OptionVisit>,
    stages: Vec<DFF<Options>>,
    blank: Constant<Options>,
    solicited_node_prefix: Constant<Bits<104>>,
    length: Signal<Local, Bits<4>>,
    chunk: Signal<Local, Bits<CHUNK>>,
    chunks: Signal<Local, Bits<DECODED>>,
}

impl Default for Neighbour {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            network: Signal::default(),
            tx: Signal::default(),
            header: Cast::default(),
            message: Cast::default(),
            decodes: (1..=CHUNKS).map(OptionDecode::new).collect(),
            visits: (0..CHUNKS).map(|_| OptionVisit::default()).collect(),
            stages: (0..=CHUNKS / CHUNKS_PER_CLOCK).map(|_| DFF::default()).collect(),
            blank: Constant::new(Options::default()),
            // ff02::1:ff00:0/104 (RFC 4291, section 2.7.1).
            solicited_node_prefix: Constant::new((bits::<104>(0xff02) << 88) | bits::<104>(0x1ff)),
            length: Signal::default(),
            chunk: Signal::default(),
            chunks: Signal::default(),
        }
    }
}

impl Logic for Neighbour {
    #[hdl_gen]
    fn update(&mut self) {
        // First clock: all but the options, which are decoded.
        self.header.i.next = self.network.val().window.get_bits::<320>(816);
        self.message.i.next = self.network.val().window.get_bits::<192>(624);
        self.length.next = self.header.o.val().payload_length.get_bits::<4>(3);
        self.chunks.next = bits::<DECODED>(0);
        for i in 0..9 {
            self.decodes[i].message.next = self.length.val();
            self.decodes[i].rx.next = self.network.val().window.get_bits::<16>(736 - 64 * i);
            self.chunk.next = self.decodes[i].tx.val();
            self.chunks.next = (self.chunks.val() << 11) | bit_cast::<DECODED, CHUNK>(self.chunk.val());
        }
        self.stages[0].clock.next = self.clock.val();
        self.stages[0].d.next = self.blank.val();
        self.stages[0].d.next.chunks = self.chunks.val();
        self.stages[0].d.next.unspecified = !self.header.o.val().src.any();
        self.stages[0].d.next.solicited_node =
            self.header.o.val().dst.get_bits::<104>(24) == self.solicited_node_prefix.val();
        self.stages[0].d.next.unicast_target = self.message.o.val().target.get_bits::<8>(120) != 0xff;
        self.stages[0].d.next.right_header =
            self.network.val().is_ipv6 && self.header.o.val().next_header == 58 && self.header.o.val().hop_limit == 255;
        self.stages[0].d.next.right_length = !self.header.o.val().payload_length.get_bits::<3>(0).any()
            && !self.header.o.val().payload_length.get_bits::<9>(7).any()
            && self.length.val() <= 9;
        self.stages[0].d.next.is_router = self.message.o.val().icmp_type == 133 && !self.message.o.val().code.any();
        self.stages[0].d.next.is_neighbour = self.message.o.val().icmp_type == 135 && !self.message.o.val().code.any();
        if self.message.o.val().icmp_type == 135 {
            // Options begin at chunk 3 of a neighbour solicitation, at chunk 1 of a router solicitation.
            self.stages[0].d.next.ahead = bits::<8>(4);
        } else {
            self.stages[0].d.next.ahead = bits::<8>(1);
        }

        // Then three chunks a clock.
        for i in 0..3 {
            self.visits[3 * i].rx.next = self.stages[i].q.val();
            self.visits[3 * i + 1].rx.next = self.visits[3 * i].tx.val();
            self.visits[3 * i + 2].rx.next = self.visits[3 * i + 1].tx.val();
            self.stages[i + 1].clock.next = self.clock.val();
            self.stages[i + 1].d.next = self.visits[3 * i + 2].tx.val();
        }
        self.tx.next.sound = self.stages[3].q.val().right_header
            && self.stages[3].q.val().right_length
            && self.stages[3].q.val().complete
            && !(self.stages[3].q.val().unspecified && self.stages[3].q.val().has_source)
            && (self.stages[3].q.val().is_router
                || (self.stages[3].q.val().is_neighbour
                    && self.stages[3].q.val().unicast_target
                    && (self.stages[3].q.val().solicited_node || !self.stages[3].q.val().unspecified)));
        self.tx.next.has_target = self.stages[3].q.val().is_neighbour;
    }
}
