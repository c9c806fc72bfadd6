//! `waiting_room`: where packets wait for what the pipeline could not know, without holding up others.
//!
//! * **Purpose.** Records come in the order of their frames. Those that are decided go on; those of unknown connections wait until the
//!   connection table was asked again, the rules of the security groups have been scanned and an entry is made; those without a mapping
//!   wait for it; and so do all packets
//!   that follow one of these in the same flow. SYNs without ACK wait too: whether they find their connection depends on packets just
//!   before them. Two packets of a new flow, one behind the other, behave as if the first had been
//!   finished before the second came.
//!   Later fragments follow their datagram's first one, and behave as if they had come when that was finished.
//! * **Ports.** `rx`: records of the path; `tx`: the same, decided; `find`, `found`: the connection table, asked for packets that waited;
//!   `scan`, `scanned`: the rules; `insert`, `inserted`: new entries; `update`: packets of entries that passed; `need`, `mapping`, `wake`: the
//!   mapping cache and the service behind it; `completing`, `completed`: a record and the mapping that has come for it; `mark`,
//!   `draining`: mappings that are known no more; `strict_tcp`; `now`: the tick.
//! * **Latency.** 1 clock for records that are decided when they come; 1 more for later fragments, which are compared with the
//!   datagrams before anything else, so that no clock holds both comparisons. They take 2 clocks each: no more than their
//!   beats, unless they are of the smallest size on the widest port.
//! * **Order.** `tx` is the order in which the path's packets leave: within a flow that of `rx`. A packet of a flow that has packets in the room
//!   ([`slots`]) waits behind them even if it is decided. A later fragment is of the flow of its first one.
//! * **Mappings.** A packet asks for its mapping when its turn has come and everything before `lookup` lets it pass: one that the rules refuse asks
//!   nothing. On the rx path, and if its mapping is missing on the tx path, it asks when only groups of its peer can admit it. If the service has to be asked, its
//!   turn is over; when it is woken, all begins anew, connection and rules included, so that nothing it knows is old.
//! * **Drop reasons.** `new_flow_queue_full`, `strict_tcp`, `security_group`, `conntrack_full`, `conntrack_allowance_exceeded`,
//!   `fragment_without_first`, `miss_buffer_full`, `mapping_timeout`; of completed records those of
//!   [`Complete`](crate::encap::late::Complete). A packet that fails later stages' checks as well gets their reason only if it passes these.
//! * **Source.** The card's contract, sections 2 to 4.
//!
//! | block | does |
//! |---|---|
//! | [`slots::FlowSlots`] | flows with packets in the room, and whose turn it is |
//! | [`fragments::Fragments`] | datagrams that arrive in fragments, with the verdicts of their first ones |
//! | [`mapped::Mapped`] | asks for the mapping of the packet whose turn it is |
//! | [`drain::Drain`] | whether packets are there whose mappings were found before an invalidation |
//! | [`heirs::Heirs`] | those verdicts, handed on from packet to packet in the room |
//! | [`inquiry::Inquiry`] | asks the connection table and the rules for the packet whose turn it is |
//! | [`room::WaitingRoom`] | keeps the records, makes entries, and lets decided packets go |
//! | [`admission::Admission`] | the room with the rules of its path |

pub mod admission;
pub mod drain;
pub mod fragments;
pub mod heirs;
pub mod inquiry;
pub mod mapped;
pub mod room;
pub mod slots;

use nitro_components::cell_memory::Chain;
use nitro_netlist::{Pack, Record};
use nitro_simulator::BlockEntry;
use nitro_wire::constants::MAX_FRAME_BYTES;
use nitro_wire::policy::Direction;
use rust_hdl::prelude::*;

use crate::conntrack::record::{ConntrackAsk, ConntrackHit, FlowKey};
use crate::format::MappingValue;
use crate::security_group::ScanAsk;
use slots::{TAG, Turn};

/// What the policy stages know of a packet's flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FlowFacts {
    /// The packet passed the stages before, and connection tracking concerns it.
    pub concerned: Bit,
    /// It needs a mapping, so it keeps the order of its flow even if it is not `concerned`.
    pub routed: Bit,
    /// That mapping is missing.
    pub missing: Bit,
    /// Its VPC.
    pub vni: Bits<24>,
    /// Its interface's route table.
    pub route_table: Bits<8>,
    /// Its connection.
    pub hit: ConntrackHit,
    /// Bits of the hash of the key.
    pub tag: Bits<TAG>,
    /// It may have a connection: it is no ICMP but echo, or an error with a quote.
    pub has_key: Bit,
    /// That connection's key.
    pub key: FlowKey,
    /// It is an ICMP error about that connection.
    pub is_error: Bit,
    /// It makes an entry if the rules admit it.
    pub tracks: Bit,
    /// It is TCP.
    pub is_tcp: Bit,
    /// TCP: SYN without ACK.
    pub opens: Bit,
    /// TCP: SYN is clear, or RST is set: no beginning of a connection.
    pub mid_stream: Bit,
    /// TCP flags CWR ECE URG ACK PSH RST SYN FIN, 0 for others.
    pub tcp_flags: Bits<8>,
    /// What the rules are asked. The peer is the address whose mapping is meant.
    pub ask: ScanAsk,
    /// Security groups of the packet's peer, 0 while its mapping is not known.
    pub groups: Bits<64>,
    /// It is the first fragment of a datagram.
    pub is_first: Bit,
    /// It is a fragment, but not the first.
    pub is_later: Bit,
    /// The interface's address in the packet itself.
    pub own_ip: Bits<128>,
    /// Identification of the datagram.
    pub identification: Bits<32>,
}

/// A packet with its record `T`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Undecided<T: Pack> {
    /// Its flow.
    pub flow: FlowFacts,
    /// Drop reason of the stages before conntrack if it is not concerned, else of those that follow the rules; 0 for none.
    pub reason: Bits<6>,
    /// Where its frame is.
    pub chain: Chain,
    /// The rest.
    pub record: T,
}

/// A packet that is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Decided<T: Pack> {
    /// Drop reason, 0 for none.
    pub reason: Bits<6>,
    /// That reason is of the first fragment of its datagram.
    pub inherits: Bit,
    /// Kind of its flow (`nitro_wire::Flow`).
    pub kind: Bits<3>,
    /// Where its frame is.
    pub chain: Chain,
    /// The rest.
    pub record: T,
}

/// A packet about which the connection table and the rules are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Question {
    /// Whose turn it is.
    pub turn: Turn,
    /// It may have a connection.
    pub has_key: Bit,
    /// That connection.
    pub find: ConntrackAsk,
    /// It is no beginning of a TCP connection.
    pub mid_stream: Bit,
    /// What the rules are asked.
    pub ask: ScanAsk,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Answer {
    /// Whose turn it was.
    pub turn: Turn,
    /// Drop reason, 0 for none.
    pub reason: Bits<6>,
    /// Its connection; without one the rules were asked.
    pub hit: ConntrackHit,
    /// A rule admits it.
    pub admitted: Bit,
    /// A rule admits it untracked.
    pub untracked: Bit,
    /// Members of these groups are admitted.
    pub groups: Bits<64>,
}

/// A record and the mapping that has come for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Completing<T: Pack> {
    /// It has come for this record; else the record stays as it is.
    pub applies: Bit,
    /// There is one.
    pub hit: Bit,
    /// The packet's drop reason if there is none.
    pub reason_of_miss: Bits<6>,
    /// Drop reason of the stages that follow, 0 for none.
    pub reason: Bits<6>,
    /// The mapping.
    pub mapping: MappingValue,
    /// The record.
    pub record: T,
}

/// The record with its mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Completed<T: Pack> {
    /// Drop reason of the stages from `lookup` on, 0 for none.
    pub reason: Bits<6>,
    /// The record.
    pub record: T,
}

/// Clocks that the room waits for a record to be completed.
pub const COMPLETION: u64 = 2;

/// Cells of a memory of `2^cells_log2` of so many bytes that packets may hold while they wait: half of it, so that others find room,
/// but no less than the longest frame takes, which could not begin a flow otherwise.
///
/// # Panics
/// If the longest frame has more cells than can be counted.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "asserted")]
pub const fn most_cells(cells_log2: usize, cell_bytes: usize) -> u16 {
    let (half, longest) = (1 << (cells_log2 - 1), MAX_FRAME_BYTES.div_ceil(cell_bytes));
    let most = if half > longest { half } else { longest };
    assert!(most <= u16::MAX as usize);
    most as u16
}

/// Datagrams that a room of `2^waiting_log2` packets remembers while they arrive in fragments: about the root of that.
#[must_use]
pub const fn datagrams(waiting_log2: usize) -> usize {
    1 << waiting_log2.div_ceil(2)
}

/// The blocks of this folder, the room for records that are numbers.
#[must_use]
pub fn entries() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("waiting_room_slots", slots::FlowSlots::<2, 4>::default),
        BlockEntry::of("waiting_room_fragments", || fragments::Fragments::new(4)),
        BlockEntry::of("waiting_room_heirs", heirs::Heirs::<4>::default),
        BlockEntry::of("waiting_room_mapped", mapped::Mapped::default),
        BlockEntry::of("waiting_room_drain", drain::Drain::<4>::default),
        BlockEntry::of("waiting_room_inquiry", inquiry::Inquiry::default),
        BlockEntry::of("waiting_room", || room::WaitingRoom::<Bits<16>, 4, 2>::new(Direction::Egress, 40, 4)),
    ]
}
