//! The waiting room by itself, with a connection table and rules that answer when they like: every packet leaves once, flows keep their order,
//! and each verdict is what it would be if packets came one after the other.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise; numbers are small"
)]

use std::collections::{BTreeMap, BTreeSet};

use nitro_agreement::Batch;
use nitro_card::waiting_room;
use nitro_components::bench::{BenchError, Item, Sink, Source, clock, reset};
use nitro_netlist::Netlist;
use nitro_simulator::{BlockEntry, Engine};
use nitro_wire::{DropReason, Flow};
use proptest::prelude::*;

fn netlist(name: &str) -> Netlist {
    let entry: Option<BlockEntry> = waiting_room::entries().into_iter().find(|entry| entry.name == name);
    entry.unwrap().netlist().unwrap()
}

/// What the rules say of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Admit,
    Refuse,
    Untracked,
    /// Members of this group only.
    Group(u8),
}

/// A flow of the test.
#[derive(Clone, Copy, Debug)]
struct Conversation {
    rules: Rules,
    /// Group bits of its peer.
    groups: u64,
    /// Its tag; several flows may share one.
    tag: u64,
    /// It has an entry from the beginning.
    known: bool,
    /// New entries for it fail.
    unlucky: bool,
    /// It may have a connection, and makes an entry.
    has_key: bool,
}

impl Conversation {
    fn admitted(&self) -> bool {
        match self.rules {
            Rules::Admit | Rules::Untracked => true,
            Rules::Refuse => false,
            Rules::Group(bit) => self.groups >> bit & 1 == 1,
        }
    }
}

/// A packet of the test.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    flow: usize,
    /// Drop reason that the pipeline found: of a stage before conntrack if `concerned` is clear, else of a later one.
    reason: u64,
    concerned: bool,
    mid_stream: bool,
    cells: u64,
}

#[derive(Clone, Debug)]
struct Case {
    flows: Vec<Conversation>,
    arrivals: Vec<Arrival>,
    strict: bool,
    /// Idle clocks and backpressure of packets, and of those that answer.
    rates: [f64; 4],
    /// Clocks between the pipeline's lookup and the room.
    stale: usize,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let rules = prop_oneof![
        3 => Just(Rules::Admit),
        1 => Just(Rules::Refuse),
        1 => Just(Rules::Untracked),
        1 => (0_u8..4).prop_map(Rules::Group)
    ];
    let flow =
        (rules, 0_u64..16, 0_u64..6, prop::bool::weighted(0.3), prop::bool::weighted(0.1), prop::bool::weighted(0.9));
    let flow = flow.prop_map(|(rules, groups, tag, known, unlucky, has_key)| Conversation {
        rules,
        groups,
        tag,
        known: known && has_key,
        unlucky,
        has_key,
    });
    let later = prop::sample::select(vec![0, 0, 0, 27, 33]);
    let arrival = (any::<prop::sample::Index>(), later, prop::bool::weighted(0.9), any::<bool>(), 1_u64..8);
    let rate = || prop::sample::select(vec![0.0, 0.2, 0.6]);
    let arrivals = prop::collection::vec(arrival, 1..60);
    let rates = [rate(), rate(), rate(), rate()];
    (prop::collection::vec(flow, 1..8), arrivals, any::<bool>(), rates, 0..40_usize, any::<u64>()).prop_map(
        |(flows, arrivals, strict, rates, stale, seed)| {
            let arrivals = arrivals.into_iter().map(|(flow, reason, concerned, mid_stream, cells)| Arrival {
                flow: flow.index(flows.len()),
                reason: if concerned { reason } else { 13 },
                concerned,
                mid_stream,
                cells,
            });
            Case { arrivals: arrivals.collect(), flows, strict, rates, stale, seed }
        },
    )
}

const RX: &[&str] = &[
    "record",
    "reason",
    "flow_concerned",
    "flow_hit_hit",
    "flow_hit_id",
    "flow_tag",
    "flow_has_key",
    "flow_key_eni",
    "flow_tracks",
    "flow_mid_stream",
    "flow_ask_eni",
    "flow_groups",
    "chain_cells",
];
const TX: &[&str] = &["record", "reason", "kind", "chain_cells"];

/// The test bench around the room.
struct Bench {
    rx: Source,
    tx: Sink,
    find: Sink,
    found: Source,
    scan: Sink,
    scanned: Source,
    insert: Sink,
    inserted: Source,
    update: Sink,
}

impl Bench {
    fn new(engine: &dyn Engine, case: &Case) -> Result<Self, BenchError> {
        let [idle, back, slow, slower] = case.rates;
        let seed = case.seed;
        Ok(Self {
            rx: Source::new(engine, "rx", RX, idle, seed)?,
            tx: Sink::new(engine, "tx", TX, back, seed ^ 1)?,
            find: Sink::new(engine, "find", &["key_eni"], slow, seed ^ 2)?,
            found: Source::new(engine, "found", &["hit", "id"], slower, seed ^ 3)?,
            scan: Sink::new(engine, "scan", &["eni"], slow, seed ^ 4)?,
            scanned: Source::new(engine, "scanned", &["admitted", "untracked", "groups"], slower, seed ^ 5)?,
            insert: Sink::new(engine, "insert", &["key_eni"], slow, seed ^ 6)?,
            inserted: Source::new(engine, "inserted", &["allowance_exceeded", "made"], slower, seed ^ 7)?,
            update: Sink::new(engine, "update", &["id"], back, seed ^ 8)?,
        })
    }

    fn clock(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        let sources = &mut [&mut self.rx, &mut self.found, &mut self.scanned, &mut self.inserted];
        let sinks = &mut [&mut self.tx, &mut self.find, &mut self.scan, &mut self.insert, &mut self.update];
        clock(engine, sources, sinks)
    }
}

fn number(item: &Item, field: usize) -> u64 {
    item[field][0]
}

/// What left, in order: packet, reason, kind.
type Departure = (usize, u64, u64);

fn run(engine: &mut dyn Engine, case: &Case) -> Result<(Vec<Departure>, Vec<u64>), BenchError> {
    let strict = nitro_components::bench::input(engine, "strict_tcp")?;
    engine.set(strict, &[u64::from(case.strict)]);
    let mut bench = Bench::new(engine, case)?;
    let mut table: BTreeSet<usize> = (0..case.flows.len()).filter(|&flow| case.flows[flow].known).collect();
    // What the pipeline saw of the table in earlier clocks.
    let mut seen = vec![table.clone()];
    let (mut departures, mut updates) = (Vec::new(), Vec::new());
    let mut next = 0;
    for _ in 0..100 + 300 * case.arrivals.len() {
        if bench.rx.waiting() == 0
            && let Some(arrival) = case.arrivals.get(next)
        {
            let flow = case.flows[arrival.flow];
            let known = arrival.concerned && seen[seen.len().saturating_sub(1 + case.stale)].contains(&arrival.flow);
            let number = arrival.flow as u64;
            let fields = [
                next as u64,
                arrival.reason,
                u64::from(arrival.concerned),
                u64::from(known),
                number,
                flow.tag,
                u64::from(flow.has_key),
                number,
                u64::from(flow.has_key),
                u64::from(arrival.mid_stream),
                number,
                flow.groups,
                arrival.cells,
            ];
            bench.rx.push(fields.map(|field| vec![field]).to_vec());
            next += 1;
        }
        bench.clock(engine)?;
        while let Some((_, item)) = bench.find.pop() {
            let flow = number(&item, 0);
            bench.found.push(vec![vec![u64::from(table.contains(&(flow as usize)))], vec![flow]]);
        }
        while let Some((_, item)) = bench.scan.pop() {
            let answer = match case.flows[number(&item, 0) as usize].rules {
                Rules::Admit => [1, 0, 0],
                Rules::Untracked => [1, 1, 0],
                Rules::Refuse => [0, 0, 0],
                Rules::Group(bit) => [0, 0, 1 << bit],
            };
            bench.scanned.push(answer.map(|field| vec![field]).to_vec());
        }
        while let Some((_, item)) = bench.insert.pop() {
            let flow = number(&item, 0) as usize;
            if case.flows[flow].unlucky {
                bench.inserted.push(vec![vec![u64::from(flow.is_multiple_of(2))], vec![0]]);
            } else {
                assert!(table.insert(flow), "flow {flow} is entered twice");
                bench.inserted.push(vec![vec![0], vec![1]]);
            }
        }
        updates.extend(std::iter::from_fn(|| bench.update.pop()).map(|(_, item)| number(&item, 0)));
        while let Some((_, item)) = bench.tx.pop() {
            let packet = number(&item, 0) as usize;
            assert_eq!(number(&item, 3), case.arrivals[packet].cells);
            departures.push((packet, number(&item, 1), number(&item, 2)));
        }
        seen.push(table.clone());
    }
    Ok((departures, updates))
}

fn code(reason: DropReason) -> u64 {
    u64::from(reason.code())
}

/// What one packet after the other would get, given that some found the room full.
fn check(case: &Case, departures: &[Departure], updates: &[u64]) {
    let mut packets: Vec<usize> = departures.iter().map(|departure| departure.0).collect();
    let mut last_of_tag = BTreeMap::new();
    for &packet in &packets {
        let arrival = case.arrivals[packet];
        // What is dropped at the entrance overtakes.
        let entrance =
            departures.iter().find(|departure| departure.0 == packet).unwrap().1 == code(DropReason::NewFlowQueueFull);
        if arrival.concerned && !entrance {
            let last = last_of_tag.insert(arrival.flow, packet);
            assert!(last.is_none_or(|last| last < packet), "{packet} left after {last:?}");
        }
    }
    packets.sort_unstable();
    assert_eq!(packets, (0..case.arrivals.len()).collect::<Vec<_>>(), "every packet leaves once");

    let mut table: BTreeSet<usize> = (0..case.flows.len()).filter(|&flow| case.flows[flow].known).collect();
    let mut refreshed = Vec::new();
    let mut sorted = departures.to_vec();
    sorted.sort_unstable();
    for (packet, reason, kind) in sorted {
        let arrival = case.arrivals[packet];
        let flow = case.flows[arrival.flow];
        if arrival.concerned && reason == code(DropReason::NewFlowQueueFull) {
            continue;
        }
        let expected = if !arrival.concerned {
            (arrival.reason, Flow::None)
        } else if table.contains(&arrival.flow) {
            if arrival.reason == 0 {
                refreshed.push(arrival.flow as u64);
            }
            (arrival.reason, Flow::Established)
        } else if case.strict && arrival.mid_stream {
            (code(DropReason::StrictTcp), Flow::New)
        } else if !flow.admitted() {
            (code(DropReason::SecurityGroup), Flow::New)
        } else if flow.rules == Rules::Untracked || !flow.has_key {
            (arrival.reason, Flow::Untracked)
        } else if arrival.reason != 0 {
            (arrival.reason, Flow::New)
        } else if flow.unlucky {
            let allowance = arrival.flow.is_multiple_of(2);
            let reason = if allowance { DropReason::ConntrackAllowanceExceeded } else { DropReason::ConntrackFull };
            (code(reason), Flow::New)
        } else {
            table.insert(arrival.flow);
            (0, Flow::New)
        };
        assert_eq!((reason, kind), (expected.0, u64::from(expected.1.code())), "packet {packet}: {arrival:?} {flow:?}");
    }
    let mut updates = updates.to_vec();
    updates.sort_unstable();
    refreshed.sort_unstable();
    assert_eq!(updates, refreshed, "entries that packets refresh");
}

#[test]
fn packets_wait_without_being_seen_to() {
    let batch = Batch::prepared(&netlist("waiting_room"), |engine| reset(engine, 2)).unwrap();
    let result = batch.check(300, &case(), |engine, case| {
        let (departures, updates) = run(engine, &case)?;
        check(&case, &departures, &updates);
        Ok::<_, BenchError>(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
