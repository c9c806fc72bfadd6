//! The connection table against a map with the rules of `docs/policy.md`: every lookup in every clock, every answer, every count.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test may panic")]
#![allow(clippy::cast_possible_truncation, reason = "test data are small")]

mod bench;
mod reference;

use nitro_agreement::Batch;
use nitro_card::config::Config;
use nitro_card::conntrack::entries;
use nitro_components::bench::{BenchError, Random, reset};
use nitro_netlist::Netlist;
use nitro_simulator::{BlockEntry, Engine, InterpretedEngine};
use proptest::prelude::*;
use proptest::sample::select;

use bench::{Bench, Side, flows};
use reference::{ACK, FIN, Limits, RST, SYN};

/// A size of the table.
#[derive(Clone, Copy, Debug)]
struct Size {
    row_bits: u32,
    slots: usize,
    capacity: usize,
}

const TINY: Size = Size { row_bits: 2, slots: 4, capacity: 14 };
const SMALL: Size = Size { row_bits: 3, slots: 8, capacity: 24 };

impl Size {
    fn netlist(self) -> Netlist {
        let entries = match self.row_bits {
            2 => entries::<2, 2, 4, 1>(self.capacity),
            _ => entries::<3, 3, 5, 1>(self.capacity),
        };
        let entry = entries.into_iter().find(|entry: &BlockEntry| entry.name == "conntrack");
        entry.unwrap().netlist().unwrap_or_else(|error| panic!("{error}"))
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Insert(usize, u64),
    Find(bool),
    Update(usize, u64, bool),
    /// Packets in both directions in one clock, and more behind them.
    Both(u64, u64),
    /// Some ticks on.
    Tick(u64),
    /// To the flow's deadline, or next to it.
    ToDeadline(i64),
    Limit(Limits),
    Sweep,
}

#[derive(Clone, Debug)]
struct Step {
    act: Act,
    /// Modulo the number of flows.
    flow: usize,
    wait: u8,
}

#[derive(Clone, Debug)]
struct Plan {
    steps: Vec<Step>,
    flows: usize,
    collide: bool,
    rates: [f64; 2],
    idle: f64,
    seed: u64,
}

fn limits() -> impl Strategy<Value = Limits> {
    let timeout = || prop_oneof![1..6_u64, 1..40_u64, Just(4_000_000_u64)];
    let most = prop_oneof![Just(0_u64), 1..6_u64, Just(10_000)];
    (most, (timeout(), timeout()), (timeout(), timeout()), (timeout(), timeout())).prop_map(
        |(most, (tcp_established, tcp_transient), (udp, udp_stream), (icmp, other))| Limits {
            most,
            tcp_established,
            tcp_transient,
            udp,
            udp_stream,
            icmp,
            other,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let flags = || select(vec![SYN, SYN, SYN | ACK, ACK, ACK, FIN | ACK, FIN, RST, RST | ACK, 0, 0xff]);
    let direction = || 0..2_usize;
    prop_oneof![
        4 => (direction(), flags()).prop_map(|(direction, flags)| Act::Insert(direction, flags)),
        2 => any::<bool>().prop_map(Act::Find),
        6 => (direction(), flags(), prop::bool::weighted(0.1)).prop_map(|(d, flags, stale)| Act::Update(d, flags, stale)),
        2 => (flags(), flags()).prop_map(|(tx, rx)| Act::Both(tx, rx)),
        1 => (1..4_u64).prop_map(Act::Tick),
        2 => (-1..=2_i64).prop_map(Act::ToDeadline),
        1 => limits().prop_map(Act::Limit),
        1 => Just(Act::Sweep),
    ]
}

fn plan(most_flows: usize, steps: usize) -> impl Strategy<Value = Plan> {
    let wait = prop_oneof![2 => Just(0_u8), 1 => 0..50_u8];
    let step = (act(), any::<usize>(), wait).prop_map(|(act, flow, wait)| Step { act, flow, wait });
    let rate = || select(vec![0.0, 0.5, 1.0]);
    (
        prop::collection::vec(step, 1..steps),
        (1..=most_flows, any::<bool>()),
        (rate(), rate()),
        select(vec![0.0, 0.5]),
        any::<u64>(),
    )
        .prop_map(|(steps, (flows, collide), (tx, rx), idle, seed)| Plan {
            steps,
            flows: if collide { flows.min(10) } else { flows },
            collide,
            rates: [tx, rx],
            idle,
            seed,
        })
}

fn run(engine: &mut dyn Engine, size: Size, plan: &Plan) -> Result<(), BenchError> {
    let mut random = Random::new(plan.seed);
    let flows = flows(plan.flows, plan.collide.then_some(size.row_bits), &mut random);
    let mut bench = Bench::new(engine, flows, size.capacity, plan.idle, plan.seed ^ 1)?;
    // Insertions that follow each other fast fill the stash before the mover empties it, and so does a table that is nearly full.
    bench.crowded = match (plan.collide, size.row_bits) {
        (true, _) => Some((size.slots, 4 + size.slots)),
        (false, 2) => Some((10, usize::MAX)),
        (false, _) => None,
    };
    bench.rates = plan.rates;
    let first = Limits { most: 1_000, tcp_established: 30, tcp_transient: 3, udp: 2, udp_stream: 9, icmp: 4, other: 6 };
    for eni in 0..2 {
        bench.limit(eni, first)?;
    }
    for step in &plan.steps {
        let flow = step.flow % plan.flows;
        for _ in 0..step.wait {
            bench.clock()?;
        }
        match step.act {
            Act::Insert(direction, flags) => {
                while bench.busy(flow) && !bench.inserting(flow) {
                    bench.clock()?;
                }
                bench.insert(flow, direction, flags);
            }
            Act::Find(is_open) => {
                while bench.busy(flow) {
                    bench.clock()?;
                }
                bench.find(flow, is_open);
            }
            Act::Update(direction, flags, stale) => {
                // The number is known from the answer to the insertion only.
                while bench.inserting(flow) {
                    bench.clock()?;
                }
                if !bench.finding(flow) {
                    let side = if direction == 0 { Side::Tx } else { Side::Rx };
                    bench.update(side, flow, direction, flags, stale);
                }
            }
            Act::Both(tx, rx) => {
                while bench.inserting(flow) {
                    bench.clock()?;
                }
                if !bench.finding(flow) {
                    bench.update(Side::Tx, flow, 0, tx, false);
                    bench.update(Side::Rx, flow, 1, rx, false);
                    bench.update(Side::Rx, flow, 0, rx, false);
                    bench.update(Side::Tx, flow, 1, tx, false);
                }
            }
            Act::Tick(ticks) => {
                bench.settle()?;
                bench.reference.tick += ticks;
            }
            Act::ToDeadline(more) => {
                bench.settle()?;
                if let Some(entry) = bench.reference.entries.get(&flow) {
                    let to = entry.deadline.saturating_add_signed(more);
                    let far = to > bench.reference.tick + 1_000;
                    bench.reference.tick = bench.reference.tick.max(to);
                    // A jump is no more than half a turn of the clock if nothing is left behind.
                    if far {
                        bench.swept()?;
                    }
                }
            }
            Act::Limit(limits) => {
                bench.settle()?;
                bench.limit((flow % 2) as u64, limits)?;
            }
            Act::Sweep => bench.swept()?,
        }
    }
    bench.settle()?;
    for _ in 0..200 {
        bench.clock()?;
    }
    bench.swept()
}

fn check(size: Size, cases: u32, strategy: &impl Strategy<Value = Plan>) {
    let batch = Batch::prepared(&size.netlist(), |engine| reset(engine, 2)).unwrap();
    if let Err(error) =
        batch.check(cases, strategy, move |engine: &mut dyn Engine, plan: Plan| run(engine, size, &plan))
    {
        panic!("{error}");
    }
}

#[test]
fn a_tiny_table_is_what_the_policy_says() {
    check(TINY, 192, &plan(20, 120));
}

#[test]
fn a_small_table_is_what_the_policy_says() {
    check(SMALL, 64, &plan(40, 160));
}

/// The sizes of the catalogue elaborate, lookups have one latency in all of them.
#[test]
fn every_configuration_has_the_blocks() {
    for config in Config::ALL {
        let blocks = nitro_card::catalogue::catalogue(*config);
        assert!(blocks.iter().any(|entry| entry.name == "conntrack"), "{config}");
    }
}

const WIDE: Limits = Limits {
    most: 1_000,
    tcp_established: 5_600,
    tcp_transient: 480,
    udp: 480,
    udp_stream: 2_880,
    icmp: 480,
    other: 9_600,
};

fn fresh(engine: &mut InterpretedEngine) {
    reset(engine, 2).unwrap();
}

/// A flood of new flows at a full table: known flows are found at full rate, and their packets counted, without a clock lost.
#[test]
fn known_flows_do_not_notice_a_flood_at_a_full_table() {
    let mut engine = InterpretedEngine::new(&SMALL.netlist());
    fresh(&mut engine);
    let all = flows(200, None, &mut Random::new(3));
    let mut bench = Bench::new(&mut engine, all, SMALL.capacity, 0.0, 1).unwrap();
    (0..2).for_each(|eni| bench.limit(eni, WIDE).unwrap());
    for flow in 0..24 {
        bench.insert(flow, 0, SYN);
    }
    bench.settle().unwrap();
    // In the tick of new limits, every packet is looked at closely.
    bench.reference.tick += 1;
    bench.swept().unwrap();
    assert_eq!(bench.counts[1], 24, "every connection is made");
    bench.rates = [1.0, 1.0];
    let start = bench.now;
    for flow in 24..200 {
        bench.insert(flow, 0, SYN);
    }
    let (mut clocks, mut most) = (0, 0);
    while !bench.insertions_done() {
        // Packets of the known flows in both directions, from the second tick of each on.
        if clocks > 100 {
            let flow = (clocks % 24) as usize;
            bench.update(Side::Tx, flow, 0, ACK, false);
            if clocks % 2 == 0 {
                bench.update(Side::Rx, flow, 1, ACK, false);
            }
        }
        bench.clock().unwrap();
        clocks += 1;
        // The first packets of a tick change states and may wait; those behind them do not, and what waits is not more.
        if clocks == 200 {
            most = bench.backlog();
        }
        assert!(clocks <= 200 || bench.backlog() <= most + 1, "clock {clocks}: updates are not taken at once");
    }
    println!("{most} clocks of updates lost for 24 connections");
    assert!(most <= 24);
    println!("{} refusals, one every {} clocks", bench.counts[4], (bench.now - start) / 176);
    assert_eq!(bench.counts[4], 176);
}

/// Clocks for each new flow, one after the other, as the waiting room makes them.
#[test]
fn a_new_flow_takes_few_clocks() {
    let mut engine = InterpretedEngine::new(&SMALL.netlist());
    fresh(&mut engine);
    let all = flows(24, None, &mut Random::new(4));
    let mut bench = Bench::new(&mut engine, all, SMALL.capacity, 0.0, 1).unwrap();
    (0..2).for_each(|eni| bench.limit(eni, WIDE).unwrap());
    bench.swept().unwrap();
    let start = bench.now;
    for flow in 0..24 {
        bench.find(flow, true);
        bench.insert(flow, 0, SYN);
    }
    while bench.counts[1] < 24 {
        bench.clock().unwrap();
    }
    let clocks = (bench.now - start) / 24;
    println!("{clocks} clocks for each find and insertion");
    assert!(clocks <= 32, "{clocks}");
}

/// Ticks that are shorter than a walk over the table: an insertion over the allowance is refused all the same.
#[test]
fn fast_ticks_keep_no_insertion_waiting() {
    let mut engine = InterpretedEngine::new(&SMALL.netlist());
    fresh(&mut engine);
    let all = flows(20, None, &mut Random::new(5));
    let mut bench = Bench::new(&mut engine, all, SMALL.capacity, 0.0, 1).unwrap();
    (0..2).for_each(|eni| bench.limit(eni, Limits { most: 3, ..WIDE }).unwrap());
    for flow in 0..20 {
        bench.insert(flow, 0, SYN);
        let end = bench.now + 2_000;
        while !bench.insertions_done() {
            assert!(bench.now < end, "an insertion has no answer");
            if bench.now.is_multiple_of(60) {
                bench.reference.tick += 1;
            }
            bench.clock().unwrap();
        }
    }
    assert_eq!((bench.counts[1], bench.counts[3]), (6, 14));
}

/// A connection whose packets come in every tick is found in every clock, though its deadline is never far and the sweeper walks by.
#[test]
fn a_flow_whose_packets_keep_coming_lives_on() {
    let mut engine = InterpretedEngine::new(&SMALL.netlist());
    fresh(&mut engine);
    let all = flows(8, None, &mut Random::new(6));
    let mut bench = Bench::new(&mut engine, all, SMALL.capacity, 0.0, 1).unwrap();
    let short = Limits { most: 100, tcp_established: 1, tcp_transient: 1, udp: 1, udp_stream: 1, icmp: 1, other: 1 };
    (0..2).for_each(|eni| bench.limit(eni, short).unwrap());
    for flow in 0..8 {
        bench.insert(flow, 0, SYN);
    }
    while !bench.insertions_done() {
        bench.clock().unwrap();
    }
    bench.rates = [1.0, 1.0];
    let before = bench.now;
    for clock in 0..6_000_u64 {
        // Every flow has a packet each 80 clocks; ticks come at any moment of its way.
        let flow = (clock / 10 % 8) as usize;
        if clock.is_multiple_of(10) {
            let side = if clock.is_multiple_of(20) { Side::Tx } else { Side::Rx };
            bench.update(side, flow, side as usize, ACK, false);
        }
        if clock % 211 == 210 {
            bench.reference.tick += 1;
        }
        bench.clock().unwrap();
    }
    let lookups = (bench.now - before) * 3 / 2;
    assert!(bench.counts[0] + 60 > lookups, "{} of {lookups} lookups hit", bench.counts[0]);
}

/// A walk that begins at reset, and ends when the ticks have come around to zero. It failed when the bench let the ticks jump while it was under way.
#[test]
fn ticks_that_come_around_end_no_walk() {
    let step = |act, flow, wait| Step { act, flow, wait };
    let plan = Plan {
        steps: vec![
            step(Act::Tick(3), 0, 0),
            step(Act::Insert(0, SYN), 0, 0),
            step(Act::Tick(2), 0, 0),
            step(Act::Tick(2), 0, 0),
            step(Act::Find(true), 22, 27),
            step(Act::Tick(3), 0, 0),
            step(Act::Sweep, 0, 0),
        ],
        flows: 31,
        collide: false,
        rates: [1.0, 0.0],
        idle: 0.0,
        seed: 14_997_499_461_794_983_145,
    };
    let mut engine = InterpretedEngine::new(&SMALL.netlist());
    fresh(&mut engine);
    run(&mut engine, SMALL, &plan).unwrap();
}
