//! What the room must do, by a packet after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use nitro_wire::{DropReason, Flow};

use crate::case::{Case, LIFE, Part, REMEMBERED, Rules, Way};

/// What left, in order: packet, reason, kind.
pub type Departure = (usize, u64, u64);

/// What a run showed.
pub struct Outcome {
    pub departures: Vec<Departure>,
    /// Flows whose entries were refreshed.
    pub updates: Vec<u64>,
    /// The clock in which each left.
    pub left: BTreeMap<usize, u64>,
    /// The clock in which each was taken, the tick of the clock before, and its own.
    pub entrances: Vec<[u64; 3]>,
}

/// How often cases of later fragments were met.
#[derive(Debug, Default)]
pub struct Met {
    /// No first one came.
    pub without_first: AtomicU32,
    /// It was forgotten for others.
    pub crowded_out: AtomicU32,
    /// It was too long ago.
    pub expired: AtomicU32,
    /// It passed, as this one did.
    pub passed: AtomicU32,
    /// It passed, this one failed its own checks.
    pub failed: AtomicU32,
    /// It was in the room still, and so this one waited.
    pub waited: AtomicU32,
    /// It was dropped.
    pub dropped: AtomicU32,
    /// There was an older first one of the datagram with another verdict.
    pub renewed: AtomicU32,
    /// No room.
    pub full: AtomicU32,
    /// Packets whose mapping came late, and that passed.
    pub mapped: AtomicU32,
    /// Packets that groups admit, which came late.
    pub grouped: AtomicU32,
    /// Packets without a mapping.
    pub unmapped: AtomicU32,
}

impl Met {
    /// All counts with their names.
    pub fn counts(&self) -> [(&'static str, u32); 12] {
        let get = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        [
            ("without first", get(&self.without_first)),
            ("crowded out", get(&self.crowded_out)),
            ("expired", get(&self.expired)),
            ("passed", get(&self.passed)),
            ("failed", get(&self.failed)),
            ("waited", get(&self.waited)),
            ("dropped", get(&self.dropped)),
            ("renewed", get(&self.renewed)),
            ("full", get(&self.full)),
            ("mapped", get(&self.mapped)),
            ("grouped", get(&self.grouped)),
            ("unmapped", get(&self.unmapped)),
        ]
    }
}

/// Counts one.
fn count(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn code(reason: DropReason) -> u64 {
    u64::from(reason.code())
}

/// A datagram's first fragment.
#[derive(Clone, Copy)]
struct First {
    datagram: usize,
    packet: usize,
    deadline: u64,
}

/// What one packet after the other would get, given that some found the room full.
pub fn check(case: &Case, outcome: &Outcome, met: &Met) {
    let mut sorted = outcome.departures.clone();
    sorted.sort_unstable();
    let packets: Vec<usize> = sorted.iter().map(|departure| departure.0).collect();
    assert_eq!(packets, (0..case.arrivals.len()).collect::<Vec<_>>(), "every packet leaves once");
    let queue_full = code(DropReason::NewFlowQueueFull);
    let miss_full = code(DropReason::MissBufferFull);

    let mut table: BTreeSet<usize> = (0..case.flows.len()).filter(|&flow| case.flows[flow].known).collect();
    let mut refreshed = Vec::new();
    // First fragments, the youngest first, with and without the card's limits.
    let mut firsts: Vec<First> = Vec::new();
    let mut all: Vec<First> = Vec::new();
    // The flow behind whose packets a packet must stay.
    let mut flow_of = BTreeMap::new();
    for &(packet, reason, kind) in &sorted {
        let arrival = case.arrivals[packet];
        let flow = case.flows[arrival.flow];
        let found = (reason, kind);
        let is = |reason: u64, kind: Flow| (reason, u64::from(kind.code()));
        let [taken, looked, entered] = outcome.entrances[packet];
        // What the stages from lookup on say.
        let behind = match flow.way {
            Way::Silent if arrival.missing => code(DropReason::MappingTimeout),
            Way::Full if arrival.missing => miss_full,
            _ => arrival.reason,
        };
        if arrival.missing && reason == 0 {
            count(&met.mapped);
        }
        if reason == code(DropReason::MappingTimeout) {
            count(&met.unmapped);
        }
        if arrival.concerned && arrival.part == Part::Later {
            let first = firsts.iter().find(|first| first.datagram == arrival.datagram && looked < first.deadline);
            let Some(first) = first else {
                assert_eq!(
                    found,
                    is(code(DropReason::FragmentWithoutFirst), Flow::None),
                    "packet {packet}: {arrival:?}"
                );
                match all.iter().find(|first| first.datagram == arrival.datagram) {
                    None => count(&met.without_first),
                    Some(first) if looked < first.deadline => count(&met.crowded_out),
                    Some(_) => count(&met.expired),
                }
                continue;
            };
            let (_, first_reason, first_kind) = sorted[first.packet];
            if reason == queue_full {
                count(if first_reason == queue_full { &met.dropped } else { &met.full });
                continue;
            }
            let (new, established) = (u64::from(Flow::New.code()), u64::from(Flow::Established.code()));
            let expected = match first_reason {
                // At the entrance.
                0 if reason == miss_full && arrival.missing => {
                    count(&met.full);
                    continue;
                }
                0 if first_kind == new => (behind, established),
                0 => (behind, first_kind),
                _ => (first_reason, first_kind),
            };
            assert_eq!(found, expected, "packet {packet} follows {}: {arrival:?}", first.packet);
            flow_of.insert(packet, case.arrivals[first.packet].flow);
            if taken < outcome.left[&first.packet] {
                count(&met.waited);
            }
            count(match (first_reason, reason) {
                (0, 0) => &met.passed,
                (0, _) => &met.failed,
                _ => &met.dropped,
            });
            let older = all.iter().filter(|other| other.datagram == arrival.datagram && other.packet != first.packet);
            if older.map(|other| sorted[other.packet]).any(|other| (other.1, other.2) != (first_reason, first_kind)) {
                count(&met.renewed);
            }
            continue;
        }
        if arrival.concerned && arrival.part == Part::First {
            let first = First { datagram: arrival.datagram, packet, deadline: entered + LIFE };
            firsts.retain(|other| other.datagram != first.datagram);
            firsts.insert(0, first);
            firsts.truncate(REMEMBERED);
            all.insert(0, first);
        }
        // What is dropped at the entrance overtakes.
        if arrival.concerned && reason == queue_full || arrival.routed && reason == miss_full {
            assert!(reason == queue_full || arrival.missing || !arrival.concerned, "packet {packet}: {arrival:?}");
            count(&met.full);
            continue;
        }
        if arrival.routed {
            flow_of.insert(packet, arrival.flow);
        }
        let expected = if !arrival.concerned {
            (behind, Flow::None)
        } else if table.contains(&arrival.flow) && flow.is_error {
            (behind, Flow::Related)
        } else if table.contains(&arrival.flow) {
            if behind == 0 {
                refreshed.push(arrival.flow as u64);
            }
            (behind, Flow::Established)
        } else if case.strict && arrival.mid_stream {
            (code(DropReason::StrictTcp), Flow::New)
        } else if !flow.admitted(arrival.missing) {
            (code(DropReason::SecurityGroup), Flow::New)
        } else if flow.rules == Rules::Untracked || !flow.has_key || flow.is_error {
            (behind, Flow::Untracked)
        } else if behind != 0 {
            (behind, Flow::New)
        } else if flow.unlucky {
            let allowance = arrival.flow.is_multiple_of(2);
            let reason = if allowance { DropReason::ConntrackAllowanceExceeded } else { DropReason::ConntrackFull };
            (code(reason), Flow::New)
        } else {
            table.insert(arrival.flow);
            if arrival.missing && matches!(flow.rules, Rules::Group(_)) {
                count(&met.grouped);
            }
            (0, Flow::New)
        };
        assert_eq!(found, is(expected.0, expected.1), "packet {packet}: {arrival:?} {flow:?}");
    }

    let mut last_of_flow = BTreeMap::new();
    for &(packet, ..) in &outcome.departures {
        if let Some(flow) = flow_of.get(&packet) {
            let last = last_of_flow.insert(flow, packet);
            assert!(last.is_none_or(|last| last < packet), "{packet} left after {last:?}");
        }
    }
    let mut updates = outcome.updates.clone();
    updates.sort_unstable();
    refreshed.sort_unstable();
    assert_eq!(updates, refreshed, "entries that packets refresh");
}
