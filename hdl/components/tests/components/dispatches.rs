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

/// Frames that pass, or are dropped, and are not yet where they go, at most.
const PLACES: usize = 4;

fn passes(verdict: &Verdict) -> bool {
    verdict.pass
}

fn leaves_a_frame(verdict: &Verdict) -> bool {
    verdict.has_payload && !verdict.pass
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

fn length(number: usize) -> u64 {
    60 + number as u64
}

fn dispatch(engine: &mut dyn Engine, list: &[Verdict], held: f64, traffic: Traffic) -> Outcome {
    let sample = ["kind", "flag", "number"];
    let mut records = Source::new(engine, "records", &sample, traffic.idle, traffic.seed)?;
    let mut passed = Sink::new(engine, "passed", &sample, traffic.backpressure, traffic.seed ^ 1)?;
    (0..list.len()).for_each(|number| records.push(item(number)));
    let memory = |port, fields: &[&str], seed| Sink::new(engine, port, fields, traffic.backpressure, seed);
    let mut fetch = memory("fetch", &["chain_first", "chain_cells", "length"], traffic.seed ^ 2)?;
    let mut discard = memory("discard", &["last"], traffic.seed ^ 3)?;
    let mut random = Random::new(traffic.seed ^ 4);
    let (mut fetched, mut left, mut forgotten, mut done, mut clocks) = (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    let count =
        |wanted: fn(&Verdict) -> bool, done: usize| list[..done].iter().filter(|verdict| wanted(verdict)).count();
    let (passing, dropped) = (count(passes, list.len()), count(leaves_a_frame, list.len()));
    while (done < list.len() || left.len() < passing || fetched.len() < passing || forgotten.len() < dropped)
        && clocks < patience(list.len())
    {
        // The parent's part; for records that are not there it does not matter.
        let verdict = list.get(done).copied().unwrap_or(Verdict { has_payload: true, pass: true });
        for (port, value) in ["chain_first", "chain_last", "chain_cells"].into_iter().zip(chain(done)) {
            set(engine, port, &[value])?;
        }
        set(engine, "length", &[length(done)])?;
        set(engine, "has_payload", &[u64::from(verdict.has_payload)])?;
        set(engine, "pass", &[u64::from(verdict.pass)])?;
        let hold = random.chance(held);
        set(engine, "hold", &[u64::from(hold)])?;
        settle(engine, &mut [&mut records], &mut [&mut passed, &mut fetch, &mut discard])?;
        let finished = get(engine, "done")? == [1];
        // Nobody waits but for the fourth before him that is not yet where he goes.
        let waiting = count(passes, done) - left.len().min(fetched.len());
        let full = if verdict.pass {
            waiting >= PLACES
        } else {
            verdict.has_payload && count(leaves_a_frame, done) - forgotten.len() >= PLACES
        };
        assert_eq!(finished, records.offered().is_some() && !hold && !full, "record {done}");
        edge(engine, &mut [&mut records], &mut [&mut passed, &mut fetch, &mut discard])?;
        done += usize::from(finished);
        assert_eq!(records.sent() as usize, done);
        left.extend(passed.pop().map(|(_, item)| item));
        fetched.extend(fetch.pop().map(|(_, item)| item));
        forgotten.extend(discard.pop().map(|(_, item)| item));
        clocks += 1;
    }
    let of = |wanted: fn(&Verdict) -> bool| (0..list.len()).filter(|number| wanted(&list[*number])).collect::<Vec<_>>();
    let one = |value: u64| vec![value];
    let fetches = of(passes).into_iter().map(|n| vec![one(chain(n)[0]), one(chain(n)[2]), one(length(n))]);
    assert_eq!(fetched, fetches.collect::<Vec<_>>());
    assert_eq!(forgotten, of(leaves_a_frame).into_iter().map(|n| vec![one(chain(n)[1])]).collect::<Vec<_>>());
    assert_eq!(left, of(passes).into_iter().map(item).collect::<Vec<_>>());
    if traffic.idle == 0.0 && traffic.backpressure == 0.0 && held == 0.0 {
        assert!(clocks <= list.len() + 2, "{clocks} clocks for {} records", list.len());
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
