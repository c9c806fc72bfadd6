//! Dispatch: each record ends once, as its verdict says, and what passes stays in step with its fetch.

use nitro_components::bench::{Random, Sink, Source, edge, get, set, settle};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome, Traffic, patience, traffic};

/// What a record says of its frame.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    has_payload: bool,
    pass: bool,
}

fn verdict() -> impl Strategy<Value = Verdict> {
    (prop::bool::weighted(0.8), any::<bool>())
        .prop_map(|(has_payload, pass)| Verdict { has_payload, pass: pass && has_payload })
}

fn item(number: usize) -> Vec<Vec<u64>> {
    vec![vec![number as u64 % 8], vec![number as u64 % 2], vec![number as u64]]
}

/// Where the frame of a record is: anything that tells frames apart.
fn chain(number: usize) -> [u64; 3] {
    [number as u64, number as u64 + 7, 1 + number as u64 % 5]
}

fn dispatch(engine: &mut dyn Engine, list: &[Verdict], held: f64, traffic: Traffic) -> Outcome {
    let sample = ["kind", "flag", "number"];
    let mut records = Source::new(engine, "records", &sample, traffic.idle, traffic.seed)?;
    let mut passed = Sink::new(engine, "passed", &sample, traffic.backpressure, traffic.seed ^ 1)?;
    (0..list.len()).for_each(|number| records.push(item(number)));
    let mut random = Random::new(traffic.seed ^ 2);
    let (mut fetched, mut left, mut forgotten, mut done, mut clocks) = (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    let passing = list.iter().filter(|verdict| verdict.pass).count();
    while (done < list.len() || left.len() < passing) && clocks < patience(list.len()) {
        // The parent's part; for records that are not there it does not matter.
        let verdict = list.get(done).copied().unwrap_or(Verdict { has_payload: true, pass: true });
        for (port, value) in ["chain_first", "chain_last", "chain_cells"].into_iter().zip(chain(done)) {
            set(engine, port, &[value])?;
        }
        set(engine, "length", &[60 + done as u64])?;
        set(engine, "has_payload", &[u64::from(verdict.has_payload)])?;
        set(engine, "pass", &[u64::from(verdict.pass)])?;
        let hold = random.chance(held);
        set(engine, "hold", &[u64::from(hold)])?;
        // The memory takes what it is asked in the clock in which it is asked, or not.
        let takes = [random.chance(1.0 - traffic.backpressure), random.chance(1.0 - traffic.backpressure)];
        set(engine, "fetch_tready", &[u64::from(takes[0])])?;
        set(engine, "discard_tready", &[u64::from(takes[1])])?;
        settle(engine, &mut [&mut records], &mut [&mut passed])?;
        let finished = get(engine, "done")? == [1];
        let offered = records.offered().is_some();
        let asked = [get(engine, "fetch_tvalid")? == [1], get(engine, "discard_tvalid")? == [1]];
        assert!(!(asked[0] && asked[1]) && (offered && !hold || !(asked[0] || asked[1] || finished)));
        if asked[0] && takes[0] {
            assert!(verdict.pass && finished);
            assert_eq!(get(engine, "fetch_length")?, [60 + done as u64]);
            assert_eq!(get(engine, "fetch_chain_first")?, [chain(done)[0]]);
            assert_eq!(get(engine, "fetch_chain_cells")?, [chain(done)[2]]);
            fetched.push(done);
        }
        if asked[1] && takes[1] {
            assert!(!verdict.pass && verdict.has_payload && finished);
            assert_eq!(get(engine, "discard_last")?, [chain(done)[1]]);
            forgotten.push(done);
        }
        // Drops wait for nobody but the memory.
        if offered && !hold && !verdict.pass {
            assert_eq!(finished, takes[1] || !verdict.has_payload);
        }
        edge(engine, &mut [&mut records], &mut [&mut passed])?;
        done += usize::from(finished);
        assert_eq!(records.sent() as usize, done);
        left.extend(passed.pop().map(|(_, item)| item));
        clocks += 1;
    }
    let of = |wanted: fn(&Verdict) -> bool| (0..list.len()).filter(|number| wanted(&list[*number])).collect::<Vec<_>>();
    assert_eq!(fetched, of(|verdict| verdict.pass));
    assert_eq!(forgotten, of(|verdict| verdict.has_payload && !verdict.pass));
    assert_eq!(left, fetched.into_iter().map(item).collect::<Vec<_>>());
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 && held == 0.0 {
        assert!(clocks <= list.len() + 1, "{clocks} clocks for {} records", list.len());
    }
    Ok(())
}

#[test]
fn every_record_ends_as_its_verdict_says() {
    let block = Block::named("dispatch");
    let list = prop::collection::vec(verdict(), 1..60);
    let held = prop::sample::select(vec![0.0, 0.3]);
    block.check(150, &(list, held, traffic()), move |engine, (list, held, traffic)| {
        dispatch(engine, &list, held, traffic)
    });
}
