//! Rules that change while packets are scanned.

use std::collections::VecDeque;

use nitro_components::bench::Random;
use nitro_driver::security::Rows;
use nitro_model::security_group::judge;
use nitro_model::{Admission, Facts};
use nitro_wire::policy::{Direction, EniPolicy};

use crate::policies;
use crate::setup::{Bench, Size, TINY, Write, admission, writes};

/// A packet that was asked for, and when.
struct Asked {
    eni: u8,
    facts: Facts,
    groups: u64,
    /// Clock of its transfer.
    clock: Option<u64>,
}

/// A change under way: what is left to write, and then the commit.
struct Change {
    eni: u8,
    policy: EniPolicy,
    rows: Rows,
    writes: VecDeque<Write>,
    committed: bool,
}

/// The policies of an interface: which were committed when.
type History = Vec<(u64, EniPolicy)>;

/// Indices of the policies that an answer may come from: the scan began after its packet was taken, and before its answer came.
fn possible(history: &History, asked: &Asked, answered: u64) -> impl Iterator<Item = usize> {
    let taken = asked.clock.unwrap();
    (0..history.len()).filter(move |index| {
        let ends = history.get(index + 1).map_or(u64::MAX, |(clock, _)| *clock);
        history[*index].0 < answered && ends > taken
    })
}

/// As many changes as fit, each as early as `busy` allows.
fn change_and_scan(size: Size, direction: Direction, traffic: (f64, f64), seed: u64, clocks: u64) -> [u64; 3] {
    let mut random = Random::new(seed);
    let mut bench = Bench::new(size, direction, traffic.0, traffic.1, seed);
    let mut histories: [History; 2] = [vec![(0, EniPolicy::closed())], vec![(0, EniPolicy::closed())]];
    let mut change: Option<Change> = None;
    let (mut asked, mut next): (VecDeque<Asked>, usize) = (VecDeque::new(), 0);
    let (mut changes, mut answers, mut open, mut oldest) = (0, 0, 0, [0; 2]);
    while bench.clocks < clocks {
        // Packets close to what counts, or is about to.
        while bench.source.waiting() < 3 {
            let eni = policies::pick(&mut random, &[0, 1]);
            let own = &histories[usize::from(eni)].last().unwrap().1;
            let policy = match &change {
                Some(change) if change.eni == eni && random.chance(0.5) => &change.policy,
                _ => own,
            };
            let facts = policies::packet(&mut random, policy, direction);
            bench.ask(eni, &facts);
            asked.push_back(Asked { eni, facts, groups: policies::groups(&mut random), clock: None });
        }
        if change.is_none() {
            let eni = policies::pick(&mut random, &[0, 1]);
            let policy = policies::policy(&mut random, 10);
            if let Ok(plan) = bench.plan(&policy) {
                let writes = writes(direction, eni, &plan).into();
                change = Some(Change { eni, policy, rows: plan.rows, writes, committed: false });
            }
        }
        let now = bench.clocks;
        let (mut write, mut commit) = (None, false);
        if let Some(change) = change.as_mut().filter(|change| !change.committed) {
            if !random.chance(0.2) {
                write = change.writes.pop_front();
                // A commit at once behind the last write, or later.
                commit = write.is_none();
            }
        }
        let taken = bench.clock(write.as_ref(), commit);
        if taken {
            asked[next].clock = Some(now);
            next += 1;
        }
        if let Some(mut done) = change.take() {
            if commit {
                done.committed = true;
                histories[usize::from(done.eni)].push((now, done.policy.clone()));
            }
            if done.committed && bench.get("busy") == 0 {
                // From the next clock on the old rows may be written.
                let old = bench.memory.commit(done.eni, done.rows);
                old.into_iter().for_each(|rows| bench.memory.release(rows));
                changes += 1;
            } else {
                change = Some(done);
            }
        }
        while let Some((_, answer)) = bench.sink.pop() {
            let packet = asked.pop_front().unwrap();
            next -= 1;
            let eni = usize::from(packet.eni);
            let judge = |index: usize| judge(&histories[eni][index].1, direction, &packet.facts, packet.groups);
            // Never back to an older one.
            let judged: Vec<(usize, Admission)> = possible(&histories[eni], &packet, now)
                .filter(|index| *index >= oldest[eni])
                .map(|index| (index, judge(index)))
                .collect();
            let found = admission(&answer, packet.groups);
            let from = judged.iter().find(|(_, admission)| *admission == found);
            assert!(from.is_some(), "clock {now}: {found:?} of {judged:?} for {:?}", packet.facts);
            oldest[eni] = from.unwrap().0;
            answers += 1;
            open += u64::from(judged.iter().any(|(_, other)| *other != judged[0].1));
        }
    }
    [changes, answers, open]
}

#[test]
fn a_packet_sees_the_old_rules_or_the_new_ones() {
    for (traffic, seed) in [((0.0, 0.0), 1), ((0.4, 0.0), 2), ((0.0, 0.8), 3), ((0.3, 0.5), 4)] {
        for direction in Direction::ALL {
            let [changes, answers, open] = change_and_scan(TINY, direction, traffic, seed, 12_000);
            println!("{changes} changes, {answers} answers, {open} of them between policies that differ");
            assert!(changes > 200 && answers > 1_500, "{changes} changes, {answers} answers");
        }
    }
}
