//! The walk over IPv6 extension headers (RFC 8200, section 4): hop-by-hop options, routing, fragment, destination options, in
//! any order, at most [`HEADERS`] of them.
//!
//! Ports: `rx`, `tx`. Latency: 7 clocks. Extension headers are multiples of 8 bytes, so each of the [`CHUNKS`] chunks
//! of 8 bytes after the fixed header is looked at in its own place, two a clock, and no byte is moved: a chunk is the start of an
//! extension header if the one before ends there and announced one. What a chunk would mean as a header is
//! decoded for all chunks in the first clock.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record};
use rust_hdl::prelude::*;

use super::ethernet::Network;
use crate::format;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 7;
/// Extension headers that are followed.
pub const HEADERS: usize = 6;
/// Chunks of 8 bytes after the fixed header at which a header may begin: 16 bytes from there lie within the parse window. A tagged frame
/// has one less.
pub const CHUNKS: usize = 12;
/// Bits of a decoded chunk.
const CHUNK: usize = 20;

/// A chunk of 8 bytes as if it were the start of an extension header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Chunk {
    /// Type of the next header.
    upper: Bits<8>,
    /// That is an extension header.
    extension: Bit,
    /// That is a fragment header.
    fragment: Bit,
    /// As a fragment header: its offset is not 0.
    later: Bit,
    /// Chunk after the header, from its length field.
    end: Bits<9>,
}

/// How far the walk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Walk {
    /// The frame is tagged.
    pub tagged: Bit,
    /// Type of the header at `end`.
    pub upper: Bits<8>,
    /// That is an extension header, still to be walked over.
    pub extension: Bit,
    /// That is a fragment header.
    pub fragment: Bit,
    /// Where that header begins, in units of 8 bytes after the fixed header.
    pub end: Bits<9>,
    /// Extension headers passed.
    pub count: Bits<3>,
    /// A fragment header was passed.
    pub fragmented: Bit,
    /// The chunk of the last one.
    pub fragment_chunk: Bits<4>,
    /// Its offset is not 0: what follows is not a header, the walk has ended.
    pub later: Bit,
    /// The decoded chunks that are still to be visited, the next most significant.
    pub chunks: Bits<240>,
}

/// Looks at one chunk; no clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Visit {
    /// The walk so far.
    pub rx: Signal<In, Walk>,
    /// The walk after this chunk.
    pub tx: Signal<Out, Walk>,
    chunk: Cast<Bits<CHUNK>, Chunk>,
    number: Constant<Bits<9>>,
    after: Constant<Bits<9>>,
    /// The chunk lies beyond the window of a tagged frame.
    untagged_only: Constant<Bit>,
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
            number: Constant::new(number.to_bits()),
            after: Constant::new((number + 1).to_bits()),
            untagged_only: Constant::new(number + 1 == CHUNKS),
            starts: Signal::default(),
        }
    }
}

impl Logic for Visit {
    #[hdl_gen]
    fn update(&mut self) {
        self.chunk.i.next = self.rx.val().chunks.get_bits::<CHUNK>(220);
        self.starts.next = self.rx.val().extension
            && self.rx.val().end == self.number.val()
            && self.rx.val().count != 6
            && !(self.rx.val().tagged && self.untagged_only.val());
        self.tx.next = self.rx.val();
        self.tx.next.chunks = self.rx.val().chunks << 20;
        if self.starts.val() {
            self.tx.next.upper = self.chunk.o.val().upper;
            self.tx.next.extension =
                self.chunk.o.val().extension && !(self.rx.val().fragment && self.chunk.o.val().later);
            self.tx.next.fragment = self.chunk.o.val().fragment;
            self.tx.next.count = self.rx.val().count + 1;
            self.tx.next.end = self.chunk.o.val().end;
            if self.rx.val().fragment {
                // A fragment header has no length field.
                self.tx.next.end = self.after.val();
                self.tx.next.fragmented = true;
                self.tx.next.fragment_chunk = self.number.val().get_bits::<4>(0);
                self.tx.next.later = self.chunk.o.val().later;
            }
        }
    }
}

/// Decodes one chunk; no clock.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Decode {
    /// Its bytes.
    pub rx: Signal<In, Bits<64>>,
    /// What it means as an extension header.
    pub tx: Signal<Out, Bits<CHUNK>>,
    extension: Cast<Bits<64>, format::Ipv6Extension>,
    fragment: Cast<Bits<64>, format::Ipv6Fragment>,
    chunk: Cast<Chunk, Bits<CHUNK>>,
    after: Constant<Bits<9>>,
    is_fragment: Signal<Local, Bit>,
}

impl Decode {
    /// Of chunk `number`.
    #[must_use]
    pub fn new(number: usize) -> Self {
        Self {
            rx: Signal::default(),
            tx: Signal::default(),
            extension: Cast::default(),
            fragment: Cast::default(),
            chunk: Cast::default(),
            after: Constant::new((number + 1).to_bits()),
            is_fragment: Signal::default(),
        }
    }
}

impl Logic for Decode {
    #[hdl_gen]
    fn update(&mut self) {
        self.extension.i.next = self.rx.val();
        self.fragment.i.next = self.rx.val();
        self.is_fragment.next = self.extension.o.val().next_header == 44;
        self.chunk.i.next.upper = self.extension.o.val().next_header;
        self.chunk.i.next.fragment = self.is_fragment.val();
        self.chunk.i.next.extension = self.is_fragment.val()
            || self.extension.o.val().next_header == 0
            || self.extension.o.val().next_header == 43
            || self.extension.o.val().next_header == 60;
        self.chunk.i.next.later = self.fragment.o.val().fragment_offset.any();
        self.chunk.i.next.end = bit_cast::<9, 8>(self.extension.o.val().length) + self.after.val();
        self.tx.next = self.chunk.o.val();
    }
}

/// Walks over the extension headers.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct ExtensionWalk {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// The frame after its Ethernet header.
    pub rx: Signal<In, Network>,
    /// Where the walk ended; of IPv4 the protocol, at `end` 0.
    pub tx: Signal<Out, Walk>,
    decodes: Vec<Decode>,
    visits: Vec<Visit>,
    stages: Vec<DFF<Walk>>,
    blank: Constant<Walk>,
    next_header: Signal<Local, Bits<8>>,
    chunk: Signal<Local, Bits<CHUNK>>,
    chunks: Signal<Local, Bits<240>>,
}

impl Default for ExtensionWalk {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            decodes: (0..CHUNKS).map(Decode::new).collect(),
            visits: (0..CHUNKS).map(Visit::new).collect(),
            stages: (0..=CHUNKS / 2).map(|_| DFF::default()).collect(),
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
        self.chunks.next = bits::<240>(0);
        for i in 0..12 {
            self.decodes[i].rx.next = self.rx.val().window.get_bits::<64>(752 - 64 * i);
            self.chunk.next = self.decodes[i].tx.val();
            self.chunks.next = (self.chunks.val() << 20) | bit_cast::<240, 20>(self.chunk.val());
        }
        self.stages[0].clock.next = self.clock.val();
        self.stages[0].d.next = self.blank.val();
        self.stages[0].d.next.tagged = self.rx.val().tagged;
        self.stages[0].d.next.chunks = self.chunks.val();
        if self.rx.val().is_ipv6 {
            self.next_header.next = self.rx.val().window.get_bits::<8>(1080);
            self.stages[0].d.next.fragment = self.next_header.val() == 44;
            self.stages[0].d.next.extension = self.next_header.val() == 44
                || self.next_header.val() == 0
                || self.next_header.val() == 43
                || self.next_header.val() == 60;
        } else {
            self.next_header.next = self.rx.val().window.get_bits::<8>(1056);
        }
        self.stages[0].d.next.upper = self.next_header.val();

        // Then two chunks a clock.
        for i in 0..6 {
            self.visits[2 * i].rx.next = self.stages[i].q.val();
            self.visits[2 * i + 1].rx.next = self.visits[2 * i].tx.val();
            self.stages[i + 1].clock.next = self.clock.val();
            self.stages[i + 1].d.next = self.visits[2 * i + 1].tx.val();
        }
        self.tx.next = self.stages[6].q.val();
    }
}
