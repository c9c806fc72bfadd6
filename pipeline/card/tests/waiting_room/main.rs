//! The waiting room by itself, with a connection table and rules that answer when they like: every packet leaves once, flows
//! keep their order, each verdict is what it would be if packets came one after the other, and later fragments get that of
//! their first one.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise; numbers are small"
)]

mod case;
mod datagrams;
mod reference;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use nitro_agreement::Batch;
use nitro_card::waiting_room;
use nitro_components::bench::{BenchError, Item, Sink, Source, clock, get, reset, set};
use nitro_netlist::Netlist;
use nitro_simulator::{BlockEntry, Engine};

use case::{Case, Part, Rules, Way, case, datagram};
use reference::{Met, Outcome, check};

fn netlist(name: &str) -> Netlist {
    let entry: Option<BlockEntry> = waiting_room::entries().into_iter().find(|entry| entry.name == name);
    entry.unwrap().netlist().unwrap()
}

const RX: &[&str] = &[
    "record",
    "reason",
    "flow_concerned",
    "flow_routed",
    "flow_missing",
    "flow_vni",
    "flow_hit_hit",
    "flow_hit_id",
    "flow_tag",
    "flow_has_key",
    "flow_key_eni",
    "flow_tracks",
    "flow_mid_stream",
    "flow_ask_source_port",
    "flow_groups",
    "flow_is_error",
    "flow_is_first",
    "flow_is_later",
    "flow_ask_eni",
    "flow_own_ip",
    "flow_ask_peer",
    "flow_ask_protocol",
    "flow_identification",
    "chain_cells",
];
const TX: &[&str] = &["record", "reason", "kind", "chain_cells"];

/// Random cases.
const CASES: u32 = 320;

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
    need: Sink,
    mapping: Source,
    wake: Source,
}

/// Bit of a record that says that it has been completed.
const COMPLETED: u64 = 1 << 15;
/// Clocks between two marks.
const MARKS: u64 = 150;

impl Bench {
    fn new(engine: &dyn Engine, case: &Case) -> Result<Self, BenchError> {
        let [idle, back, slow, slower] = case.rates;
        let seed = case.seed;
        Ok(Self {
            rx: Source::new(engine, "rx", RX, idle, seed)?,
            tx: Sink::new(engine, "tx", TX, back, seed ^ 1)?,
            find: Sink::new(engine, "find", &["key_eni"], slow, seed ^ 2)?,
            found: Source::new(engine, "found", &["hit", "id"], slower, seed ^ 3)?,
            scan: Sink::new(engine, "scan", &["source_port"], slow, seed ^ 4)?,
            scanned: Source::new(engine, "scanned", &["admitted", "untracked", "groups"], slower, seed ^ 5)?,
            insert: Sink::new(engine, "insert", &["key_eni"], slow, seed ^ 6)?,
            inserted: Source::new(engine, "inserted", &["allowance_exceeded", "made"], slower, seed ^ 7)?,
            update: Sink::new(engine, "update", &["id"], back, seed ^ 8)?,
            need: Sink::new(engine, "need", &["turn_slot", "turn_index", "tried", "key"], slow, seed ^ 9)?,
            mapping: Source::new(engine, "mapping", &["hit", "parked", "full", "value_groups"], slower, seed ^ 10)?,
            wake: Source::new(engine, "wake", &["turn_slot", "turn_index", "answered"], 0.0, 0)?,
        })
    }

    fn clock(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        // Who completes records marks them; it does so within the clock.
        engine.settle();
        let applies = get(engine, "completing_applies")? == [1];
        let missed = applies && get(engine, "completing_hit")? == [0];
        let reason = get(engine, if missed { "completing_reason_of_miss" } else { "completing_reason" })?;
        let record = get(engine, "completing_record")?[0] | if applies { COMPLETED } else { 0 };
        set(engine, "completed_reason", &reason)?;
        set(engine, "completed_record", &[record])?;
        let sources = &mut [
            &mut self.rx,
            &mut self.found,
            &mut self.scanned,
            &mut self.inserted,
            &mut self.mapping,
            &mut self.wake,
        ];
        let sinks =
            &mut [&mut self.tx, &mut self.find, &mut self.scan, &mut self.insert, &mut self.update, &mut self.need];
        clock(engine, sources, sinks)
    }
}

fn number(item: &Item, field: usize) -> u64 {
    item[field][0]
}

fn run(engine: &mut dyn Engine, case: &Case) -> Result<Outcome, BenchError> {
    let strict = nitro_components::bench::input(engine, "strict_tcp")?;
    engine.set(strict, &[u64::from(case.strict)]);
    let now = nitro_components::bench::input(engine, "now")?;
    let mut bench = Bench::new(engine, case)?;
    let mut table: BTreeSet<usize> = (0..case.flows.len()).filter(|&flow| case.flows[flow].known).collect();
    // What the pipeline saw of the table in earlier clocks.
    let mut seen = vec![table.clone()];
    let (mut departures, mut updates) = (Vec::new(), Vec::new());
    let mut next = 0;
    // Ticks wrap within many a test.
    let mut tick = (1 << 24) - 300;
    let mut tick_before = tick;
    let (mut entrances, mut left) = (Vec::new(), BTreeMap::new());
    let mut pause = 0_usize;
    // Mappings that replies have brought, and packets that wait for one.
    let (mut installed, mut parked) = (BTreeSet::new(), VecDeque::new());
    // Packets with mappings that were there at the last mark.
    let mut marked: BTreeSet<usize> = BTreeSet::new();
    for clock in 0..100 + 300 * case.arrivals.len() as u64 {
        pause = pause.saturating_sub(1);
        if bench.rx.waiting() == 0
            && pause == 0
            && let Some(arrival) = case.arrivals.get(next)
        {
            let flow = case.flows[arrival.flow];
            let known = arrival.concerned && seen[seen.len().saturating_sub(1 + case.stale)].contains(&arrival.flow);
            let number = arrival.flow as u64;
            let tag = if arrival.concerned && arrival.part == Part::Later { 99 } else { flow.tag };
            let [eni, own_ip, peer, protocol, identification] = datagram(arrival.datagram);
            let fields = [
                next as u64,
                arrival.reason,
                u64::from(arrival.concerned),
                u64::from(arrival.routed),
                u64::from(arrival.missing),
                number,
                u64::from(known),
                number,
                tag,
                u64::from(flow.has_key),
                number,
                u64::from(flow.has_key && !flow.is_error),
                u64::from(arrival.mid_stream),
                number,
                if arrival.missing { 0 } else { flow.groups },
                u64::from(flow.is_error),
                u64::from(arrival.part == Part::First),
                u64::from(arrival.part == Part::Later),
            ];
            let mut item = fields.map(|field| vec![field]).to_vec();
            item.extend([eni, own_ip, peer, protocol, identification, vec![arrival.cells]]);
            bench.rx.push(item);
            next += 1;
            pause = case.arrivals.get(next).map_or(0, |arrival| arrival.pause);
        }
        engine.set(now, &[tick & 0xff_ffff]);
        bench.clock(engine)?;
        if entrances.len() < next && bench.rx.waiting() == 0 {
            entrances.push([clock, tick_before, tick]);
        }
        tick_before = tick;
        if (clock + 1).is_multiple_of(case.pace[1]) {
            tick += case.pace[0];
        }
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
        while let Some((_, item)) = bench.need.pop() {
            let flow = (item[3][2] >> 8) as usize;
            let (tried, groups) = (item[2][0] == 1, case.flows[flow].groups);
            let answer = match case.flows[flow].way {
                Way::Full => [0, 0, 1, 0],
                Way::Cached => [1, 0, 0, groups],
                Way::Asked if installed.contains(&flow) => [1, 0, 0, groups],
                Way::Silent if tried => [0; 4],
                Way::Asked | Way::Silent => {
                    assert!(!tried, "flow {flow} is woken before there is a reply");
                    parked.push_back((clock + 40, item[0].clone(), item[1].clone(), flow));
                    [0, 1, 0, 0]
                }
            };
            bench.mapping.push(answer.map(|field| vec![field]).to_vec());
        }
        if bench.mapping.waiting() == 0
            && let Some((_, slot, index, flow)) = parked.pop_front_if(|(due, ..)| *due <= clock)
        {
            if case.flows[flow].way == Way::Asked {
                installed.insert(flow);
            }
            bench.wake.push(vec![slot, index, vec![u64::from(case.flows[flow].way == Way::Asked)]]);
        }
        updates.extend(std::iter::from_fn(|| bench.update.pop()).map(|(_, item)| number(&item, 0)));
        while let Some((clock, item)) = bench.tx.pop() {
            let completed = number(&item, 0) & COMPLETED != 0;
            let packet = (number(&item, 0) & !COMPLETED) as usize;
            let missing = case.arrivals[packet].missing;
            assert!(
                if number(&item, 1) == 0 { completed == missing } else { missing || !completed },
                "packet {packet}"
            );
            assert_eq!(number(&item, 3), case.arrivals[packet].cells);
            left.insert(packet, clock);
            departures.push((packet, number(&item, 1), number(&item, 2)));
        }
        seen.push(table.clone());

        engine.settle();
        if get(engine, "draining")? == [0] {
            // One may be in the output register.
            let there = marked.iter().filter(|packet| !left.contains_key(packet)).count();
            assert!(there <= 1, "clock {clock}: {there} packets are there from before the last mark");
            marked.clear();
            if clock.is_multiple_of(MARKS) {
                let entered = (0..entrances.len()).filter(|packet| !left.contains_key(packet));
                marked = entered.filter(|&packet| !case.arrivals[packet].missing).collect();
                set(engine, "mark", &[1])?;
                continue;
            }
        }
        set(engine, "mark", &[0])?;
    }
    Ok(Outcome { departures, updates, left, entrances })
}

#[test]
fn packets_wait_without_being_seen_to() {
    let batch = Batch::prepared(&netlist("waiting_room"), |engine| reset(engine, 2)).unwrap();
    let met = Arc::new(Met::default());
    let counters = Arc::clone(&met);
    let result = batch.check(CASES, &case(), move |engine, case| {
        let outcome = run(engine, &case)?;
        check(&case, &outcome, &counters);
        Ok::<_, BenchError>(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{met:?}");
    for (name, count) in met.counts() {
        assert!(count > 0, "{name}: in no case");
    }
}
