//! Later fragments follow their first one: they have no ports to be judged by.
//!
//! The verdict of a first fragment's stages from `conntrack` on is kept for some seconds. A later fragment of the same datagram
//! takes it over, without rules and ACL of its own, and refreshes nothing.
//!
//! Drop reason: `fragment_without_first`, or that of the first fragment. Sources: RFC 791, RFC 8200 section 4.5 (what
//! identifies a datagram), RFC 1858 (why later fragments alone prove nothing).

use std::collections::HashMap;

use nitro_wire::policy::{Direction, FRAGMENT_SECONDS};
use nitro_wire::{DropReason, Flow};

use crate::conntrack::deadline;
use crate::parser::Parsed;

/// A datagram that arrives in fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    eni: u8,
    direction: Direction,
    source: u128,
    destination: u128,
    protocol: u8,
    identification: u32,
}

impl Datagram {
    fn new(eni: u8, direction: Direction, parsed: &Parsed) -> Self {
        let (source, destination) = (parsed.src_ip, parsed.dst_ip);
        Self { eni, direction, source, destination, protocol: parsed.protocol, identification: parsed.fragment_id }
    }
}

/// What became of a first fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    flow: Flow,
    reason: Option<DropReason>,
    deadline: u64,
}

/// Verdicts of first fragments.
#[derive(Clone, Debug, Default)]
pub struct Fragments {
    kept: HashMap<Datagram, Kept>,
    tick: u64,
    next_end: u64,
}

impl Fragments {
    /// It is now this tick: forgets what has ended.
    pub fn set_tick(&mut self, tick: u64) {
        self.tick = tick;
        if tick >= self.next_end {
            self.kept.retain(|_, kept| kept.deadline > tick);
            self.next_end = self.kept.values().map(|kept| kept.deadline).min().unwrap_or(u64::MAX);
        }
    }

    /// Keeps what became of a first fragment; one of the same datagram before it is forgotten.
    pub fn keep(&mut self, eni: u8, direction: Direction, parsed: &Parsed, flow: Flow, reason: Option<DropReason>) {
        let kept = Kept { flow, reason, deadline: deadline(self.tick, FRAGMENT_SECONDS) };
        self.next_end = self.next_end.min(kept.deadline);
        self.kept.insert(Datagram::new(eni, direction, parsed), kept);
    }

    /// Kind and verdict of a later fragment.
    pub fn follow(&self, eni: u8, direction: Direction, parsed: &Parsed) -> (Flow, Result<(), DropReason>) {
        match self.kept.get(&Datagram::new(eni, direction, parsed)) {
            None => (Flow::None, Err(DropReason::FragmentWithoutFirst)),
            Some(Kept { flow, reason: Some(reason), .. }) => (*flow, Err(*reason)),
            Some(Kept { flow: Flow::New, .. }) => (Flow::Established, Ok(())),
            Some(Kept { flow, .. }) => (*flow, Ok(())),
        }
    }
}

/// A first fragment: more of the datagram follow.
#[must_use]
pub fn is_first(parsed: &Parsed) -> bool {
    parsed.fragment_offset == 0 && parsed.more_fragments
}

/// A fragment that is not the first.
#[must_use]
pub fn is_later(parsed: &Parsed) -> bool {
    parsed.fragment_offset != 0
}
