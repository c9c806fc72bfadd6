//! Merge: both streams complete and in order, each offer kept, turns fair.

use nitro_components::bench::{Sink, Source, edge, get, settle};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, patience, traffic};

const SAMPLE: &[&str] = &["kind", "flag", "number"];

fn merge(engine: &mut dyn Engine, counts: [usize; 2], idle: [f64; 2], traffic: Traffic) -> Outcome {
    let mut a = Source::new(engine, "a", SAMPLE, idle[0], traffic.seed)?;
    let mut b = Source::new(engine, "b", SAMPLE, idle[1], traffic.seed ^ 1)?;
    let mut sink = Sink::new(engine, "tx", SAMPLE, traffic.backpressure, traffic.seed ^ 2)?;
    sink.check_independence(true);
    let item = |side: u64, number: u64| vec![vec![side], vec![number & 1], vec![number]];
    (0..counts[0] as u64).for_each(|number| a.push(item(0, number)));
    (0..counts[1] as u64).for_each(|number| b.push(item(1, number)));
    let (mut received, mut sides) = ([0_usize; 2], Vec::new());
    let mut clocks = 0;
    while received != counts && clocks < patience(counts[0] + counts[1]) {
        settle(engine, &mut [&mut a, &mut b], &mut [&mut sink])?;
        let offers = [a.offered().is_some(), b.offered().is_some()];
        let from_b = get(engine, "from_b")? == [1];
        assert_eq!(get(engine, "tx_tvalid")? == [1], offers[0] || offers[1]);
        edge(engine, &mut [&mut a, &mut b], &mut [&mut sink])?;
        clocks += 1;
        if let Some((_, found)) = sink.pop() {
            let side = usize::from(from_b);
            assert_eq!(found, item(side as u64, received[side] as u64));
            received[side] += 1;
            sides.push((offers == [true; 2], side));
        }
        assert_eq!([a.sent() as usize, b.sent() as usize], received);
    }
    assert_eq!(received, counts);
    // Two items of one side follow each other only if the other did not offer, or came while the second was offered already.
    if traffic.backpressure == 0.0 {
        assert!(sides.windows(2).all(|pair| !pair[1].0 || pair[0].1 != pair[1].1), "{sides:?}");
        if idle == [0.0; 2] {
            assert_eq!(clocks, counts[0] + counts[1]);
        }
    }
    Ok(())
}

#[test]
fn both_streams_arrive_by_turns() {
    let block = Block::named("merge");
    let rate = || prop::sample::select(vec![0.0, 0.3, 0.9]);
    let strategy = (0..40_usize, 0..40_usize, rate(), rate(), traffic());
    block.check(150, &strategy, move |engine, (a, b, idle_a, idle_b, traffic)| {
        merge(engine, [a, b], [idle_a, idle_b], traffic)
    });
}
