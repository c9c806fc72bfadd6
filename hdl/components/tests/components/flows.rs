//! Flows: delays, gates, and FIFOs at their end.

use std::collections::VecDeque;

use nitro_components::bench::{Random, Sink, Source, clock, edge, set, settle};
use nitro_simulator::Engine;

use crate::common::{Block, Outcome, Traffic, patience, traffic};

const SAMPLE: &[&str] = &["kind", "flag", "number"];

fn sample(number: u64) -> Vec<Vec<u64>> {
    vec![vec![number % 8], vec![number % 2], vec![number.wrapping_mul(0x9e37_79b9) & ((1 << 44) - 1)]]
}

fn delays(engine: &mut dyn Engine, fields: &[&str], latency: u64, count: usize, traffic: Traffic) -> Outcome {
    let mut source = Source::new(engine, "rx", fields, traffic.idle, traffic.seed)?;
    let mut sink = Sink::new(engine, "tx", fields, 0.0, 1)?;
    let item = |number: u64| if fields.len() == 1 { vec![vec![number % 512]] } else { sample(number) };
    (0..count as u64).for_each(|number| source.push(item(number)));
    let (mut expected, mut received) = (Vec::new(), Vec::new());
    for now in 0..patience(count) as u64 {
        if received.len() == count {
            break;
        }
        let number = source.sent();
        clock(engine, &mut [&mut source], &mut [&mut sink])?;
        if source.sent() > number {
            expected.push((now + latency, item(number)));
        }
        received.extend(sink.pop());
    }
    assert_eq!(received, expected);
    Ok(())
}

#[test]
fn a_delay_takes_exactly_its_clocks() {
    let blocks = [
        ("delay_0", &["tdata"][..], 0),
        ("delay_5", SAMPLE, 5),
        ("delay_ram_2", &["tdata"], 2),
        ("delay_ram_17", SAMPLE, 17),
    ];
    for (name, fields, latency) in blocks {
        let block = Block::named(name);
        block.check(30, &(1..80_usize, traffic()), move |engine, (count, traffic)| {
            delays(engine, fields, latency, count, traffic)
        });
    }
}

/// What a gate has: credits, and clocks between items.
#[derive(Clone, Copy)]
struct Gate {
    credits: usize,
    spacing: usize,
}

fn gate(engine: &mut dyn Engine, fields: &[&str], gate: Gate, count: usize, traffic: Traffic) -> Outcome {
    let mut source = Source::new(engine, "rx", fields, traffic.idle, traffic.seed)?;
    let mut sink = Sink::new(engine, "tx", fields, 0.0, 1)?;
    let item = |number: u64| if fields.len() == 1 { vec![vec![number % 128]] } else { sample(number) };
    (0..count as u64).for_each(|number| source.push(item(number)));
    let mut random = Random::new(traffic.seed ^ 7);
    let (mut inside, mut received) = (0, Vec::new());
    let mut closed = 0_usize;
    for _ in 0..patience(count) {
        let release = inside > 0 && !random.chance(traffic.backpressure);
        // `release` is a word of Verilog.
        set(engine, "release_", &[u64::from(release)])?;
        settle(engine, &mut [&mut source], &mut [&mut sink])?;
        let could = inside < gate.credits && closed == 0 && source.offered().is_some();
        let before = received.len();
        edge(engine, &mut [&mut source], &mut [&mut sink])?;
        received.extend(sink.pop().map(|(_, item)| item));
        // An item passes exactly if there is a credit and the last one is far enough away.
        assert_eq!(received.len() - before, usize::from(could));
        inside = inside + usize::from(could) - usize::from(release);
        closed = if could { gate.spacing - 1 } else { closed.saturating_sub(1) };
        assert_eq!(source.sent() as usize, received.len());
        if received.len() == count && inside == 0 {
            break;
        }
    }
    assert_eq!(received, (0..count as u64).map(item).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_gate_lets_in_as_many_items_as_it_has_credits() {
    for (name, fields, limits) in [
        ("credit_gate_1", &["tdata"][..], Gate { credits: 1, spacing: 1 }),
        ("credit_gate_16", SAMPLE, Gate { credits: 16, spacing: 1 }),
        ("credit_gate_16_spaced", SAMPLE, Gate { credits: 16, spacing: 8 }),
    ] {
        let block = Block::named(name);
        block.check(40, &(1..80_usize, traffic()), move |engine, (count, traffic)| {
            gate(engine, fields, limits, count, traffic)
        });
    }
}

fn flow_fifo(engine: &mut dyn Engine, capacity: usize, latency: u64, count: usize, traffic: Traffic) -> Outcome {
    let mut source = Source::new(engine, "rx", SAMPLE, traffic.idle, traffic.seed)?;
    let mut sink = Sink::new(engine, "tx", SAMPLE, traffic.backpressure, traffic.seed ^ 1)?;
    let (mut waiting, mut received, mut queued) = (VecDeque::new(), 0, 0);
    for now in 0..patience(count) as u64 {
        // As a credit gate would: never more under way than fit.
        if queued < count && queued - received < capacity && source.waiting() == 0 {
            source.push(sample(queued as u64));
            queued += 1;
        }
        let sent = source.sent();
        clock(engine, &mut [&mut source], &mut [&mut sink])?;
        if source.sent() > sent {
            waiting.push_back((now, sample(sent)));
        }
        if let Some((clock, item)) = sink.pop() {
            let (entered, expected) = waiting.pop_front().expect("an item from nowhere");
            assert_eq!(item, expected);
            assert!(clock >= entered + latency);
            received += 1;
        }
        if received == count {
            return Ok(());
        }
    }
    panic!("{received} of {count} items arrived");
}

#[test]
fn a_flow_becomes_a_stream() {
    for (name, latency) in [("flow_fifo", 1), ("flow_fifo_block", 2)] {
        let block = Block::named(name);
        block.check(40, &(1..80_usize, traffic()), move |engine, (count, traffic)| {
            flow_fifo(engine, 8, latency, count, traffic)
        });
    }
}
