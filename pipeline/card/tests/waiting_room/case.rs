//! What a test of the room sends.

use nitro_wire::policy::{FRAGMENT_SECONDS, TICKS_PER_SECOND};
use proptest::prelude::*;

/// What the rules say of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    Admit,
    Refuse,
    Untracked,
    /// Members of this group only.
    Group(u8),
}

/// Where the mapping of a flow's packets comes from, if they do not bring it along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The cache has it by then.
    Cached,
    /// The service has it.
    Asked,
    /// The service says nothing.
    Silent,
    /// The service cannot be asked.
    Full,
}

/// A flow of the test.
#[derive(Clone, Copy, Debug)]
pub struct Conversation {
    pub rules: Rules,
    /// Group bits of its peer.
    pub groups: u64,
    /// Its tag; several flows may share one.
    pub tag: u64,
    /// It has an entry from the beginning.
    pub known: bool,
    /// New entries for it fail.
    pub unlucky: bool,
    /// It may have a connection, and makes an entry.
    pub has_key: bool,
    /// Its packets are errors about that connection, and make none.
    pub is_error: bool,
    pub way: Way,
}

/// What a packet is of its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    First,
    Later,
}

/// Datagrams of the test.
pub const DATAGRAMS: usize = 7;
/// Datagrams that the room remembers.
pub const REMEMBERED: usize = 4;
/// Ticks for which it does.
pub const LIFE: u64 = (FRAGMENT_SECONDS * TICKS_PER_SECOND) as u64 + 1;

/// Interface, own address, other address, protocol, identification of a datagram: all that tells them apart does so once.
pub fn datagram(number: usize) -> [Vec<u64>; 5] {
    let mut fields = [vec![3], vec![7, 0x20], vec![9, 0x40], vec![17], vec![0x8000_0001]];
    match number {
        0 => {}
        1 => fields[0][0] ^= 1 << 7,
        2 => fields[1][1] ^= 1 << 63,
        3 => fields[2][0] ^= 1,
        4 => fields[3][0] ^= 1 << 7,
        5 => fields[4][0] ^= 1 << 31,
        _ => fields[4][0] ^= 1,
    }
    fields
}

impl Conversation {
    /// A packet is admitted, whose mapping may be missing.
    pub fn admitted(&self, missing: bool) -> bool {
        let known = !missing || matches!(self.way, Way::Cached | Way::Asked);
        match self.rules {
            Rules::Admit | Rules::Untracked => true,
            Rules::Refuse => false,
            Rules::Group(bit) => known && self.groups >> bit & 1 == 1,
        }
    }
}

/// A packet of the test.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub flow: usize,
    /// Drop reason that the pipeline found: of a stage before conntrack if `concerned` is clear, else of a later one.
    pub reason: u64,
    pub concerned: bool,
    /// It needs a mapping, though policies may not concern it.
    pub routed: bool,
    /// It does not bring it along.
    pub missing: bool,
    pub mid_stream: bool,
    pub cells: u64,
    pub part: Part,
    pub datagram: usize,
    /// Clocks without packets before it.
    pub pause: usize,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub flows: Vec<Conversation>,
    pub arrivals: Vec<Arrival>,
    pub strict: bool,
    /// Idle clocks and backpressure of packets, and of those that answer.
    pub rates: [f64; 4],
    /// By so many ticks the time goes on, after so many clocks.
    pub pace: [u64; 2],
    /// Clocks between the pipeline's lookup and the room.
    pub stale: usize,
    pub seed: u64,
}

pub fn case() -> impl Strategy<Value = Case> {
    let rules = prop_oneof![
        3 => Just(Rules::Admit),
        1 => Just(Rules::Refuse),
        1 => Just(Rules::Untracked),
        1 => (0_u8..4).prop_map(Rules::Group)
    ];
    let way = prop_oneof![3 => Just(Way::Cached), 3 => Just(Way::Asked), 1 => Just(Way::Silent), 1 => Just(Way::Full)];
    let flow = (
        rules,
        way,
        0_u64..16,
        0_u64..6,
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.1),
    );
    let flow = flow.prop_map(|(rules, way, groups, tag, known, unlucky, has_key, is_error)| Conversation {
        rules,
        way,
        groups,
        tag,
        known: known && has_key,
        unlucky,
        has_key,
        is_error,
    });
    let later = prop::sample::select(vec![0, 0, 0, 27, 33]);
    let part = prop::sample::select(vec![Part::Whole, Part::First, Part::First, Part::Later, Part::Later, Part::Later]);
    let pause = prop_oneof![15 => Just(0_usize), 2 => 1_usize..30, 1 => Just(170)];
    let arrival = (
        any::<prop::sample::Index>(),
        later,
        (prop::bool::weighted(0.85), prop::bool::weighted(0.5), prop::bool::weighted(0.3)),
        any::<bool>(),
        1_u64..8,
        part,
        any::<prop::sample::Index>(),
        pause,
    );
    let rate = || prop::sample::select(vec![0.0, 0.2, 0.6]);
    let arrivals = (prop::collection::vec(arrival, 1..60), 1..=DATAGRAMS);
    let rates = [rate(), rate(), rate(), rate()];
    let pace = prop::sample::select(vec![[1, 1], [3, 1], [1, 16]]);
    (prop::collection::vec(flow, 1..8), arrivals, any::<bool>(), rates, pace, 0..40_usize, any::<u64>()).prop_map(
        |(flows, arrivals, strict, rates, pace, stale, seed)| {
            let (arrivals, datagrams) = arrivals;
            let arrivals =
                arrivals.into_iter().map(|(flow, reason, kind, mid_stream, cells, part, datagram, pause)| {
                    let (concerned, routed, missing) = kind;
                    Arrival {
                        flow: flow.index(flows.len()),
                        reason: if concerned || routed { reason } else { 13 },
                        concerned,
                        routed: concerned || routed,
                        missing: (concerned || routed) && missing,
                        mid_stream,
                        cells,
                        part,
                        datagram: datagram.index(datagrams),
                        pause,
                    }
                });
            Case { arrivals: arrivals.collect(), flows, strict, rates, pace, stale, seed }
        },
    )
}
