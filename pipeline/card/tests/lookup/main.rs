//! The mapping cache by itself: lookups in every clock, operations and invalidations between them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, VecDeque};

use nitro_agreement::Batch;
use nitro_card::lookup::{self, cache};
use nitro_components::bench::{BenchError, Sink, Source, clock, get, reset, set};
use nitro_netlist::Netlist;
use nitro_simulator::Engine;
use nitro_wire::tables::MAPPING_KEY;
use proptest::prelude::*;

fn netlist() -> Netlist {
    let entry = lookup::entries::<2>().into_iter().find(|entry| entry.name == "lookup_cache");
    entry.unwrap().netlist().unwrap()
}

/// The words of the n-th key: its VPC is `n / 4`, its address `n`.
fn key(number: u64) -> Vec<u64> {
    let values = [("vni", u128::from(number / 4)), ("ip", u128::from(number) * 0x0123_4567_89ab_cdef_1111)];
    let words = MAPPING_KEY.pack_words(&values).unwrap();
    words.chunks(2).map(|pair| u64::from(pair[0]) | u64::from(*pair.get(1).unwrap_or(&0)) << 32).collect()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Install { key: u64, version: u64, expiry: u64 },
    Remove { key: u64 },
    Find { key: u64 },
    EndVni { vni: u64 },
    EndVersion { version: u64 },
    Tick { ticks: u64 },
    Wait { clocks: u64 },
}

#[derive(Clone, Debug)]
struct Case {
    /// Keys that there are: four always find a place, more displace each other.
    keys: u64,
    steps: Vec<Step>,
    /// Probability of a clock without a lookup.
    idle: f64,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    prop_oneof![Just(4_u64), Just(40)].prop_flat_map(|keys| {
        let step = prop_oneof![
            6 => (0..keys, 0..4_u64, 0..6_u64).prop_map(|(key, version, expiry)| Step::Install { key, version, expiry }),
            2 => (0..keys).prop_map(|key| Step::Remove { key }),
            2 => (0..keys).prop_map(|key| Step::Find { key }),
            1 => (0..keys.div_ceil(4)).prop_map(|vni| Step::EndVni { vni }),
            1 => (0..5_u64).prop_map(|version| Step::EndVersion { version }),
            2 => (1..3_u64).prop_map(|ticks| Step::Tick { ticks }),
            2 => (1..60_u64).prop_map(|clocks| Step::Wait { clocks }),
        ];
        let idle = prop::sample::select(vec![0.0, 0.1, 0.9]);
        (prop::collection::vec(step, 1..40), idle, any::<u64>()).prop_map(move |(steps, idle, seed)| Case {
            keys,
            steps,
            idle,
            seed,
        })
    })
}

/// An entry as the reference has it: its MAC is a number of its own.
#[derive(Clone, Copy, Debug)]
struct Entry {
    mac: u64,
    version: u64,
    expiry: u64,
}

struct Bench {
    ask: Source,
    found: Sink,
    op: Source,
    done: Sink,
    invalidate: Source,
    /// What each lookup under way may find: that of the reference when it entered and whatever came since, and whether it must find it.
    asked: VecDeque<(u64, Vec<Option<u64>>)>,
    entries: BTreeMap<u64, Entry>,
    now: u64,
    turn: u64,
    keys: u64,
}

impl Bench {
    fn live(&self, key: u64) -> Option<u64> {
        self.entries.get(&key).filter(|entry| entry.expiry == 0 || self.now < entry.expiry).map(|entry| entry.mac)
    }

    /// The reference changed: lookups under way may see either.
    fn changed(&mut self) {
        let now: Vec<_> = self.asked.iter().map(|(key, _)| self.live(*key)).collect();
        for ((_, possible), now) in self.asked.iter_mut().zip(now) {
            possible.push(now);
        }
    }

    fn clock(&mut self, engine: &mut dyn Engine) -> Result<(), BenchError> {
        let before = self.ask.sent();
        if self.ask.waiting() == 0 {
            self.turn += 1;
            self.ask.push(vec![key(self.turn * 7 % self.keys)]);
        }
        let asking = self.turn * 7 % self.keys;
        // Who asks for a clock gets it.
        engine.settle();
        let pause = get(engine, "pause")? == [1];
        if pause {
            self.ask.set_idle(1.0);
        }
        clock(
            engine,
            &mut [&mut self.ask, &mut self.op, &mut self.invalidate],
            &mut [&mut self.found, &mut self.done],
        )?;
        if self.ask.sent() > before {
            self.asked.push_back((asking, vec![self.live(asking)]));
        }
        while let Some((_, item)) = self.found.pop() {
            let (key, possible) = self.asked.pop_front().unwrap();
            let found = (item[0][0] == 1).then_some(item[1][0]);
            let displaced = self.keys > 4 && found.is_none();
            assert!(displaced || possible.contains(&found), "key {key}: {found:?}, expected one of {possible:?}");
        }
        Ok(())
    }
}

fn check(engine: &mut dyn Engine, case: &Case) -> Result<(), BenchError> {
    let mut bench = Bench {
        ask: Source::new(engine, "ask", &["tdata"], case.idle, case.seed)?,
        found: Sink::new(engine, "found", &["hit", "value_mac"], 0.0, 0)?,
        op: Source::new(
            engine,
            "op",
            &["install", "remove", "key", "value_mac", "value_version", "value_expiry"],
            0.0,
            0,
        )?,
        done: Sink::new(engine, "done", &["hit", "value_mac"], 0.0, 0)?,
        invalidate: Source::new(engine, "invalidate", &["by_vni", "vni", "version"], 0.0, 0)?,
        asked: VecDeque::new(),
        entries: BTreeMap::new(),
        now: 1000,
        turn: 0,
        keys: case.keys,
    };
    set(engine, "now", &[bench.now])?;
    for (number, step) in case.steps.iter().enumerate() {
        let mac = number as u64 + 1;
        match *step {
            Step::Install { key: at, version, expiry } => {
                let expiry = if expiry == 0 { 0 } else { bench.now + expiry - 1 };
                operate(engine, &mut bench, case, [1, 0], at, [mac, version, expiry])?;
                bench.entries.insert(at, Entry { mac, version, expiry });
            }
            Step::Remove { key } => {
                operate(engine, &mut bench, case, [0, 1], key, [0; 3])?;
                bench.entries.remove(&key);
            }
            Step::Find { key } => operate(engine, &mut bench, case, [0, 0], key, [0; 3])?,
            Step::EndVni { vni } => {
                bench.invalidate.push(vec![vec![1], vec![vni], vec![0]]);
                invalidated(engine, &mut bench, case, |key, _| key / 4 == vni)?;
            }
            Step::EndVersion { version } => {
                bench.invalidate.push(vec![vec![0], vec![0], vec![version]]);
                invalidated(engine, &mut bench, case, |_, entry| entry.version < version)?;
            }
            Step::Tick { ticks } => {
                bench.now += ticks;
                set(engine, "now", &[bench.now])?;
            }
            Step::Wait { clocks } => {
                for _ in 0..clocks {
                    bench.ask.set_idle(case.idle);
                    bench.clock(engine)?;
                }
            }
        }
        bench.changed();
    }
    for _ in 0..2 * cache::LATENCY {
        bench.ask.set_idle(case.idle);
        bench.clock(engine)?;
    }
    Ok(())
}

/// An operation from its offer to its end. What it had before it must be what the reference has.
fn operate(
    engine: &mut dyn Engine,
    bench: &mut Bench,
    case: &Case,
    kind: [u64; 2],
    at: u64,
    value: [u64; 3],
) -> Result<(), BenchError> {
    let [install, remove] = kind.map(|bit| vec![bit]);
    bench.op.push(vec![install, remove, key(at), vec![value[0]], vec![value[1]], vec![value[2]]]);
    // Lookups under way may see the change as soon as it is made.
    let after = if kind[0] == 1 { Some(value[0]).filter(|_| value[2] == 0 || bench.now < value[2]) } else { None };
    for _ in 0..400 {
        bench.ask.set_idle(case.idle);
        bench.clock(engine)?;
        if kind != [0, 0] {
            for (_, possible) in bench.asked.iter_mut().filter(|(key, _)| *key == at) {
                possible.push(after);
            }
        }
        if let Some((_, item)) = bench.done.pop() {
            let found = (item[0][0] == 1).then_some(item[1][0]);
            let displaced = bench.keys > 4 && found.is_none();
            assert!(displaced || found == bench.live(at), "key {at}: {found:?} before, expected {:?}", bench.live(at));
            return Ok(());
        }
    }
    panic!("an operation does not end");
}

/// An invalidation from its pulse to its end.
fn invalidated(
    engine: &mut dyn Engine,
    bench: &mut Bench,
    case: &Case,
    ends: impl Fn(u64, &Entry) -> bool,
) -> Result<(), BenchError> {
    for round in 0..600 {
        bench.ask.set_idle(case.idle);
        bench.clock(engine)?;
        for (_, possible) in &mut bench.asked {
            possible.push(None);
        }
        engine.settle();
        if round > 1 && get(engine, "busy")? == [0] {
            // Acknowledged: no lookup that is still to be answered may see one of them.
            bench.entries.retain(|key, entry| !ends(*key, entry));
            let live: Vec<_> = bench.asked.iter().map(|(key, _)| bench.live(*key)).collect();
            for ((_, possible), live) in bench.asked.iter_mut().zip(live) {
                *possible = vec![live];
            }
            return Ok(());
        }
    }
    panic!("an invalidation does not end");
}

#[test]
fn the_cache_has_what_was_installed_and_nothing_else() {
    let prepare = |engine: &mut dyn Engine| {
        reset(engine, 2)?;
        for _ in 0..8 {
            clock(engine, &mut [], &mut [])?;
        }
        Ok::<_, BenchError>(())
    };
    let batch = Batch::prepared(&netlist(), prepare).unwrap();
    if let Err(error) = batch.check(200, &case(), |engine, case| check(engine, &case)) {
        panic!("{error}");
    }
}

/// Packets that need a mapping, and a service that answers as it likes.
#[derive(Clone, Debug)]
struct Asking {
    /// Keys of the packets, and the clocks before each.
    packets: Vec<(u64, u64)>,
    /// What the service does with a key: silence, negative, found.
    replies: Vec<u8>,
    /// Clocks until it replies.
    delay: u64,
    rates: [f64; 3],
    seed: u64,
}

fn asking() -> impl Strategy<Value = Asking> {
    let rate = || prop::sample::select(vec![0.0, 0.3, 0.8]);
    let packets = prop::collection::vec((0..7_u64, 0..30_u64), 1..40);
    let replies = prop::collection::vec(0..3_u8, 7);
    (packets, replies, 0..120_u64, [rate(), rate(), rate()], any::<u64>())
        .prop_map(|(packets, replies, delay, rates, seed)| Asking { packets, replies, delay, rates, seed })
}

/// Each packet is woken once, with an answer exactly if the service gave one in time; a key is asked for once at a time.
fn inquire(engine: &mut dyn Engine, case: &Asking) -> Result<(), BenchError> {
    let [idle, slow, slower] = case.rates;
    let mut ask = Source::new(engine, "ask", &["turn_index", "key"], idle, case.seed)?;
    let mut query = Sink::new(engine, "query", &["tdata"], slow, case.seed ^ 1)?;
    let mut reply = Source::new(engine, "reply", &["negative", "key", "value_mac"], idle, case.seed ^ 2)?;
    let mut op = Sink::new(engine, "op", &["install", "key", "value_kind"], slower, case.seed ^ 3)?;
    let mut done = Source::new(engine, "done", &["hit"], slower, case.seed ^ 4)?;
    let mut wake = Sink::new(engine, "wake", &["turn_index", "answered"], slow, case.seed ^ 5)?;
    let number = |words: &[u64]| (0..7).find(|candidate| key(*candidate) == words).unwrap();
    let mut offers: VecDeque<(u64, u64)> = VecDeque::new();
    let mut at = 0;
    for (packet, (key, pause)) in case.packets.iter().enumerate() {
        at += pause;
        offers.push_back((at, packet as u64));
        assert!(*key < 7);
    }
    let (mut under_way, mut due, mut woken) = (Vec::new(), VecDeque::new(), BTreeMap::new());
    // A tick is 100 clocks, so that silence lasts 1,700.
    for now in 0..60_000_u64 {
        set(engine, "now", &[(now / 100) & 0xff_ffff])?;
        if let Some((_, packet)) = offers.front().filter(|(at, _)| *at <= now && ask.waiting() == 0) {
            ask.push(vec![vec![*packet], key(case.packets[usize::try_from(*packet).unwrap()].0)]);
            offers.pop_front();
        }
        clock(engine, &mut [&mut ask, &mut reply, &mut done], &mut [&mut query, &mut op, &mut wake])?;
        while let Some((_, item)) = query.pop() {
            let asked = number(&item[0]);
            assert!(!under_way.contains(&asked), "key {asked} is asked for twice");
            under_way.push(asked);
            due.push_back((now + case.delay, asked));
        }
        while let Some((_, asked)) = due.pop_front_if(|(at, _)| *at <= now) {
            match case.replies[usize::try_from(asked).unwrap()] {
                0 => {}
                kind => reply.push(vec![vec![u64::from(kind == 1)], key(asked), vec![5]]),
            }
        }
        while let Some((_, item)) = op.pop() {
            let negative = case.replies[usize::try_from(number(&item[1])).unwrap()] == 1;
            assert_eq!((item[0][0], item[2][0]), (1, if negative { 7 } else { 0 }));
            done.push(vec![vec![0]]);
        }
        while let Some((_, item)) = wake.pop() {
            let packet = item[0][0];
            let asked = case.packets[usize::try_from(packet).unwrap()].0;
            under_way.retain(|other| *other != asked);
            assert!(woken.insert(packet, item[1][0]).is_none(), "packet {packet} is woken twice");
        }
        if woken.len() == case.packets.len() && offers.is_empty() {
            break;
        }
    }
    for (packet, (asked, _)) in case.packets.iter().enumerate() {
        let answered = u64::from(case.replies[usize::try_from(*asked).unwrap()] != 0);
        assert_eq!(woken.get(&(packet as u64)), Some(&answered), "packet {packet}, key {asked}");
    }
    Ok(())
}

#[test]
fn a_key_is_asked_for_once_and_everybody_is_woken() {
    let entry = lookup::entries::<2>().into_iter().find(|entry| entry.name == "lookup_queries");
    let batch = Batch::prepared(&entry.unwrap().netlist().unwrap(), |engine| reset(engine, 2)).unwrap();
    if let Err(error) = batch.check(60, &asking(), |engine, case| inquire(engine, &case)) {
        panic!("{error}");
    }
}
