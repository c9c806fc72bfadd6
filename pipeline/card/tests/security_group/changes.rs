//! Rules that change while packets are scanned.

use std::collections::VecDeque;

use nitro_components::bench::Random;
use nitro_driver::security::Rows;
use nitro_model::security_group::judge;
use nitro_model::{Admission, Facts};
use nitro_wire::policy::{Direction, EniPolicy, Peer, Protocol, SecurityRule};

use crate::policies;
use crate::setup::{Bench, NARROW, Size, TINY, Write, admission, writes};

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
fn change_and_scan(
    size: Size,
    rules: u64,
    direction: Direction,
    traffic: (f64, f64),
    seed: u64,
    clocks: u64,
) -> [u64; 3] {
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
            let policy = policies::policy(&mut random, rules);
            if let Ok(plan) = bench.plan(&policy) {
                let mut writes = writes(direction, eni, &plan);
                // Rules may come in any order.
                for rule in (1..writes.len() - 1).rev() {
                    let other = usize::try_from(random.below(rule as u64 + 1)).unwrap();
                    writes.swap(rule, other);
                }
                change = Some(Change { eni, policy, rows: plan.rows, writes: writes.into(), committed: false });
            }
        }
        let now = bench.clocks;
        let (mut write, mut commit) = (None, false);
        if let Some(change) = change.as_mut().filter(|change| !change.committed)
            && !random.chance(0.2)
        {
            write = change.writes.pop_front();
            // A commit at once behind the last write, or later.
            commit = write.is_none();
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
        for (size, rules) in [(TINY, 10), (NARROW, 24)] {
            for direction in Direction::ALL {
                let [changes, answers, open] = change_and_scan(size, rules, direction, traffic, seed, 12_000);
                println!("{changes} changes, {answers} answers, {open} of them between policies that differ");
                assert!(changes > 200 && answers > 400, "{changes} changes, {answers} answers");
            }
        }
    }
}

/// Rules for members of `first` and as many groups behind it: a row each, and no early end.
fn by_group(first: u8, rules: u8) -> EniPolicy {
    let rule = |group| SecurityRule { protocol: Protocol::All, peer: Peer::Group(group) };
    EniPolicy { ingress: (first..first + rules).map(rule).collect(), ..EniPolicy::closed() }
}

const ANY: Facts =
    Facts { ipv6: false, protocol: 6, peer: 0xffff_0a00_0001, source_port: 1, destination_port: 1, icmp: None };

/// The groups that the scan collects for a packet, once its answer has come.
fn groups(bench: &mut Bench) -> u64 {
    for _ in 0..200 {
        if let Some((_, answer)) = bench.sink.pop() {
            assert_eq!(answer[..2], [vec![0], vec![0]]);
            return answer[2][0];
        }
        bench.clock(None, false);
    }
    panic!("no answer");
}

/// A commit in each clock around a scan: `busy` says exactly in which clocks behind it old rows are read.
#[test]
fn busy_ends_with_the_last_row_of_the_old_set() {
    const ROWS: u64 = 20;
    for commit_at in 0..30_u64 {
        let mut bench = Bench::new(NARROW, Direction::Ingress, 0.0, 0.0, 1);
        bench.install(0, &by_group(0, 20));
        let plan = bench.plan(&by_group(40, 3)).unwrap();
        for write in writes(Direction::Ingress, 0, &plan) {
            bench.clock(Some(&write), false);
        }
        for _ in 0..2 {
            bench.ask(0, &ANY);
        }
        // The first packet is taken in clock 0, the scan begins in clock 1, and reads from clock 2 on.
        let begin = 1;
        for clock in 0..60_u64 {
            bench.clock(None, clock == commit_at);
            // As it is in the next clock.
            let reads = (begin + 1..=begin + ROWS).contains(&(clock + 1));
            // The second scan begins with the first one's last row.
            let second = commit_at >= begin + ROWS && (begin + ROWS + 1..=begin + 2 * ROWS).contains(&(clock + 1));
            let old = clock >= commit_at && commit_at >= begin;
            assert_eq!(bench.get("busy") == 1, old && (reads || second), "commit in clock {commit_at}, clock {clock}");
        }
        let (old, new) = ((1 << 20) - 1, 0b111 << 40);
        assert_eq!(groups(&mut bench), if commit_at >= begin { old } else { new });
        assert_eq!(groups(&mut bench), if commit_at >= begin + ROWS { old } else { new });
    }
}

/// A set that is written in the clock of a commit waits for the next, and the one that was written before counts.
#[test]
fn a_write_in_the_clock_of_a_commit_belongs_to_the_next() {
    for before in [false, true] {
        let mut bench = Bench::new(NARROW, Direction::Ingress, 0.0, 0.0, 1);
        for turn in 0..4_u8 {
            let policies = [by_group(4 * turn, 1), by_group(4 * turn + 1, 2)];
            let plans = policies.map(|policy| bench.plan(&policy).unwrap());
            let [mut first, mut second] = plans.map(|plan| writes(Direction::Ingress, 0, &plan));
            let (first_set, second_set) = (first.pop().unwrap(), second.pop().unwrap());
            for write in first.iter().chain(&second) {
                bench.clock(Some(write), false);
            }
            if before {
                bench.clock(Some(&first_set), false);
            }
            bench.clock(Some(&second_set), true);
            bench.ask(0, &ANY);
            let old = if turn > 0 { 0b110 << (4 * turn - 4) } else { 0 };
            assert_eq!(groups(&mut bench), if before { 1 << (4 * turn) } else { old });
            bench.clock(None, true);
            bench.ask(0, &ANY);
            assert_eq!(groups(&mut bench), 0b110 << (4 * turn));
            // Nothing is staged any more.
            bench.clock(None, true);
            bench.ask(0, &ANY);
            assert_eq!(groups(&mut bench), 0b110 << (4 * turn));
        }
    }
}

/// Reset leaves no rules, whatever the memories hold.
#[test]
fn reset_takes_all_rules_away() {
    let mut bench = Bench::new(NARROW, Direction::Ingress, 0.0, 0.0, 1);
    bench.install(0, &by_group(0, 5));
    nitro_components::bench::set(&mut bench.engine, "reset", &[1]).unwrap();
    bench.clock(None, false);
    nitro_components::bench::set(&mut bench.engine, "reset", &[0]).unwrap();
    bench.ask(0, &ANY);
    assert_eq!(groups(&mut bench), 0);
    bench.clock(None, true);
    bench.ask(0, &ANY);
    assert_eq!(groups(&mut bench), 0);
}
