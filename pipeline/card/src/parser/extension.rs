//! The walk over IPv6 extension headers (RFC 8200, section 4): hop-by-hop options, routing, fragment, destination
//! options, in any order.
//!
//! Ports: `rx`, `tx`. Latency: 4 clocks. Extension headers are multiples of 8 bytes, so each of the [`CHUNKS`] chunks
//! of 8 bytes after the fixed header is looked at in its own place, and no byte is moved: a chunk is the start of an
//! extension header if the one before ends there and announced one. What a chunk would mean as a header is decoded for
//! all chunks in the first clock; the walk then visits four chunks a clock.
//!
//! The walk does not stop at the seventh header or at the datagram's end; [`super::upper`] judges where it went.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use super::ethernet::Network;
use crate::format;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 4;
/// Chunks of 8 bytes after the fixed header at which a header may begin, so that it is within the parser's reach
/// (`nitro_wire::constants::HEADER_REACH_BYTES`). A tagged frame has one less.
pub const CHUNKS: usize = 12;
/// Chunks that are visited in a clock.
const CHUNKS_PER_CLOCK: usize = 4;
/// Bits of a decoded chunk.
const CHUNK: usize = 15;
/// Bits of all decoded chunks.
const DECODED: usize = CHUNKS * CHUNK;

// One chunk more would not be within reach, behind an Ethernet header of 14 bytes and an IPv6 header of 40.
const _: () = {
    use nitro_wire::constants::{HEADER_REACH_BYTES, PARSE_WINDOW_BYTES};
    assert!(CHUNKS == (PARSE_WINDOW_BYTES - HEADER_REACH_BYTES - 54) / 8 + 1);
    assert!(CHUNKS - 1 == (PARSE_WINDOW_BYTES - HEADER_REACH_BYTES - 58) / 8 + 1);
};

/// A chunk of 8 bytes as if it were the start of an extension header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Chunk {
    /// An extension header follows.
    extension: Bit,
    /// An extension header follows if this is a fragment header: none does in a later fragment.
    extension_of_first: Bit,
    /// A fragment header follows.
    fragment: Bit,
    /// Where it follows, from the length field: bit 0 in the next chunk, bit 1 in the one after, ….
    ends: Bits<CHUNKS>,
}

/// How far the walk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Walk {
    /// The frame is tagged.
    pub tagged: Bit,
    /// The next header is an extension header.
    pub extension: Bit,
    /// The next header is a fragment header.
    pub fragment: Bit,
    /// Where the next header is, if it is ahead: bit 0 in the next chunk, bit 1 in the one after, ….
    pub ahead: Bits<CHUNKS>,
    /// A one for each extension header passed, from the lowest bit on; 7 at most.
    pub count: Bits<7>,
    /// The chunk at which the last extension header begins so far. In this and the next three, the first chunk is the
    /// most significant once all have been visited.
    pub last: Bits<CHUNKS>,
    /// The chunk at which the last fragment header begins so far.
    pub last_fragment: Bits<CHUNKS>,
    /// The chunk at which the seventh extension header begins.
    pub seventh: Bits<CHUNKS>,
    /// The chunk after the extension headers, at which the upper layer begins.
    pub landed: Bits<CHUNKS>,
    /// The decoded chunks that are still to be visited, the next most significant.
    pub chunks: Bits<DECODED>,
}

/// Decodes one chunk; no clock.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct Decode {
    /// Its bytes.
    pub rx: Signal<In, Bits<64>>,
    /// What it means as an extension header.
    pub tx: Signal<Out, Bits<CHUNK>>,
    extension: Cast<Bits<64>, format::Ipv6Extension>,
    fragment: Cast<Bits<64>, format::Ipv6Fragment>,
    chunk: Cast<Chunk, Bits<CHUNK>>,
    is_fragment: Signal<Local, Bit>,
    is_extension: Signal<Local, Bit>,
}

impl Logic for Decode {
    #[hdl_gen]
    fn update(&mut self) {
        self.extension.i.next = self.rx.val();
        self.fragment.i.next = self.rx.val();
        self.is_fragment.next = self.extension.o.val().next_header == 44;
        self.is_extension.next = self.is_fragment.val()
            || self.extension.o.val().next_header == 0
            || self.extension.o.val().next_header == 43
            || self.extension.o.val().next_header == 60;
        self.chunk.i.next.extension = self.is_extension.val();
        self.chunk.i.next.extension_of_first = self.is_extension.val() && !self.fragment.o.val().fragment_offset.any();
        self.chunk.i.next.fragment = self.is_fragment.val();
        if self.extension.o.val().length.get_bits::<4>(4).any() {
            self.chunk.i.next.ends = bits::<CHUNKS>(0);
        } else {
            self.chunk.i.next.ends = bits::<CHUNKS>(1) << self.extension.o.val().length.get_bits::<4>(0);
        }
        self.tx.next = self.chunk.o.val();
    }
}

/// Looks at one chunk; no clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Visit {
    /// The walk so far.
    pub rx: Signal<In, Walk>,
    /// The walk after this chunk.
    pub tx: Signal<Out, Walk>,
    chunk: Cast<Bits<CHUNK>, Chunk>,
    /// The chunk is out of reach in a tagged frame.
    untagged_only: Constant<Bit>,
    here: Signal<Local, Bit>,
    starts: Signal<Local, Bit>,
}

impl Visit {
    /// A look at chunk `number`.
    #[must_use]
    pub fn new(number: usize) -> Self {
        Self {
            rx: Signal::default(),
            tx: Signal::default(),
            chunk: Cast::default(),
            untagged_only: Constant::new(number + 1 == CHUNKS),
            here: Signal::default(),
            starts: Signal::default(),
        }
    }
}

impl Logic for Visit {
    #[hdl_gen]
    fn update(&mut self) {
        self.chunk.i.next = self.rx.val().chunks.get_bits::<CHUNK>(165);
        self.here.next = self.rx.val().ahead.get_bit(0) && !(self.rx.val().tagged && self.untagged_only.val());
        self.starts.next = self.here.val() && self.rx.val().extension;
        self.tx.next = self.rx.val();
        self.tx.next.chunks = self.rx.val().chunks << 15;
        self.tx.next.ahead = self.rx.val().ahead >> 1;
        self.tx.next.last = self.rx.val().last << 1;
        self.tx.next.last_fragment = self.rx.val().last_fragment << 1;
        self.tx.next.seventh = self.rx.val().seventh << 1;
        self.tx.next.landed = self.rx.val().landed << 1;
        if self.starts.val() {
            self.tx.next.extension = self.chunk.o.val().extension;
            self.tx.next.fragment = self.chunk.o.val().fragment;
            self.tx.next.ahead = self.chunk.o.val().ends;
            self.tx.next.count = (self.rx.val().count << 1) | 1;
            self.tx.next.last = bits::<CHUNKS>(1);
            if self.rx.val().count.get_bit(5) && !self.rx.val().count.get_bit(6) {
                self.tx.next.seventh = (self.rx.val().seventh << 1) | 1;
            }
            if self.rx.val().fragment {
                // A fragment header has no length field.
                self.tx.next.ahead = bits::<CHUNKS>(1);
                self.tx.next.extension = self.chunk.o.val().extension_of_first;
                self.tx.next.last_fragment = bits::<CHUNKS>(1);
            }
        } else if self.here.val() {
            self.tx.next.landed = (self.rx.val().landed << 1) | 1;
        }
    }
}

/// Walks over the extension headers.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ExtensionWalk {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub rx: Signal<In, Network>,
    /// Where the walk went; nowhere in what is not IPv6.
    pub tx: Signal<Out, Walk>,
    decodes: Vec<Decode>,
    visits: Vec<Visit>,
    stages: Vec<DFF<Walk>>,
    blank: Constant<Walk>,
    next_header: Signal<Local, Bits<8>>,
    chunk: Signal<Local, Bits<CHUNK>>,
    chunks: Signal<Local, Bits<DECODED>>,
}

impl Default for ExtensionWalk {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            decodes: (0..CHUNKS).map(|_| Decode::default()).collect(),
            visits: (0..CHUNKS).map(Visit::new).collect(),
            stages: (0..=CHUNKS / CHUNKS_PER_CLOCK).map(|_| DFF::default()).collect(),
            blank: Constant::new(Walk::default()),
            next_header: Signal::default(),
            chunk: Signal::default(),
            chunks: Signal::default(),
        }
    }
}

impl Logic for ExtensionWalk {
    #[hdl_gen]
    fn update(&mut self) {
        // First clock: decode all chunks, and the fixed header's next header.
        self.chunks.next = bits::<DECODED>(0);
        for i in 0..12 {
            self.decodes[i].rx.next = self.rx.val().window.get_bits::<64>(752 - 64 * i);
            self.chunk.next = self.decodes[i].tx.val();
            self.chunks.next = (self.chunks.val() << 15) | bit_cast::<DECODED, CHUNK>(self.chunk.val());
        }
        self.next_header.next = self.rx.val().window.get_bits::<8>(1080);
        self.stages[0].clock.next = self.clock.val();
        self.stages[0].d.next = self.blank.val();
        self.stages[0].d.next.tagged = self.rx.val().tagged;
        self.stages[0].d.next.chunks = self.chunks.val();
        if self.rx.val().is_ipv6 {
            self.stages[0].d.next.ahead = bits::<CHUNKS>(1);
            self.stages[0].d.next.fragment = self.next_header.val() == 44;
            self.stages[0].d.next.extension = self.next_header.val() == 44
                || self.next_header.val() == 0
                || self.next_header.val() == 43
                || self.next_header.val() == 60;
        }

        // Then four chunks a clock.
        for i in 0..3 {
            self.visits[4 * i].rx.next = self.stages[i].q.val();
            self.visits[4 * i + 1].rx.next = self.visits[4 * i].tx.val();
            self.visits[4 * i + 2].rx.next = self.visits[4 * i + 1].tx.val();
            self.visits[4 * i + 3].rx.next = self.visits[4 * i + 2].tx.val();
            self.stages[i + 1].clock.next = self.clock.val();
            self.stages[i + 1].d.next = self.visits[4 * i + 3].tx.val();
        }
        self.tx.next = self.stages[3].q.val();
    }
}
