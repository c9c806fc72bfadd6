//! The cuckoo table against a map: every lookup in every clock, and how many keys it takes.

use std::collections::{BTreeMap, HashSet, VecDeque};

use nitro_components::bench::{BenchError, Random, input, output, set};
use nitro_components::cuckoo::stash::MOST_MOVES;
use nitro_components::cuckoo::{DECIDE, REST, SPACING};
use nitro_simulator::Engine;
use proptest::prelude::*;

use crate::common::{Block, Outcome};
use crate::hashes::reference;

const HASH_KEY: [u64; 2] = [0x0706_0504_0302_0100, 0xfedc_ba98_7654_3210];

/// A table of the catalogue and its parameters.
#[derive(Clone, Copy, Debug)]
struct Table {
    name: &'static str,
    key_bytes: usize,
    value_bits: u32,
    row_bits: u32,
    slots: usize,
}

const TINY: Table = Table { name: "cuckoo_24", key_bytes: 3, value_bits: 5, row_bits: 2, slots: 2 };
const SMALL: Table = Table { name: "cuckoo_48", key_bytes: 6, value_bits: 16, row_bits: 3, slots: 4 };
const LARGE: Table = Table { name: "cuckoo_48_large", key_bytes: 6, value_bits: 16, row_bits: 8, slots: 8 };

/// Clocks from a key to its result: a message of two words.
const LATENCY: u64 = 12;

impl Table {
    fn memory_places(&self) -> u64 {
        4 << self.row_bits
    }

    fn rows(&self, key: u64) -> [u64; 4] {
        let mut bytes = key.to_be_bytes()[8 - self.key_bytes..].to_vec();
        bytes.resize(8, 0);
        let hash = reference((1, 3), HASH_KEY, &bytes);
        std::array::from_fn(|way| hash >> (16 * way) & ((1 << self.row_bits) - 1))
    }

    fn random_key(&self, random: &mut Random) -> u64 {
        random.bits() & ((1 << (8 * self.key_bytes)) - 1)
    }

    /// Different keys; with `collide` they share all four places.
    fn keys(&self, count: usize, collide: bool, random: &mut Random) -> Vec<u64> {
        let first = self.random_key(random);
        let mut keys = vec![first];
        while keys.len() < count {
            let key = self.random_key(random);
            if !keys.contains(&key) && (!collide || self.rows(key) == self.rows(first)) {
                keys.push(key);
            }
        }
        keys
    }
}

/// The ports by number.
#[derive(Clone, Debug)]
struct Ports {
    a_valid: usize,
    a_key: usize,
    a_result: [usize; 3],
    b_valid: usize,
    b_key: usize,
    b_result: [usize; 3],
    op: [usize; 4],
    op_ready: usize,
    found: [usize; 6],
    decide: [usize; 3],
}

impl Ports {
    fn new(engine: &dyn Engine) -> Result<Self, BenchError> {
        let i = |name: &str| input(engine, name);
        let o = |name: &str| output(engine, name);
        Ok(Self {
            a_valid: i("a_rx_tvalid")?,
            a_key: i("a_rx_tdata")?,
            a_result: [o("a_tx_tvalid")?, o("a_tx_hit")?, o("a_tx_value")?],
            b_valid: i("b_rx_tvalid")?,
            b_key: i("b_rx_tdata")?,
            b_result: [o("b_tx_tvalid")?, o("b_tx_hit")?, o("b_tx_value")?],
            op: [i("op_tvalid")?, i("op_walk")?, i("op_key")?, i("op_context")?],
            op_ready: o("op_tready")?,
            found: [
                o("found_tvalid")?,
                o("found_moved")?,
                o("found_hit")?,
                o("found_value")?,
                o("found_room")?,
                o("found_context")?,
            ],
            decide: [i("decide_put")?, i("decide_remove")?, i("decide_value")?],
        })
    }
}

fn read(engine: &dyn Engine, port: usize) -> u64 {
    let mut value = [0];
    engine.get(port, &mut value);
    value[0]
}

/// What a test wants of a key; the number comes back as the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Find,
    Put,
    Remove,
    /// Both at once: what does not fit is ignored.
    Toggle,
    /// Visit the next place of a walk, and end what is there or not.
    Walk,
    WalkRemove,
}

const WISHES: [Wish; 6] = [Wish::Find, Wish::Put, Wish::Remove, Wish::Toggle, Wish::Walk, Wish::WalkRemove];

#[derive(Clone, Copy, Debug)]
struct Decision {
    due: u64,
    put: bool,
    remove: bool,
    value: u64,
    /// Keys of the map that it changes.
    puts: Option<u64>,
    removes: Option<u64>,
}

/// A table under test, and what must be in it.
struct Bench<'a> {
    engine: &'a mut dyn Engine,
    ports: Ports,
    table: Table,
    random: Random,
    now: u64,
    /// As operations see it.
    map: BTreeMap<u64, u64>,
    /// As lookups see it that leave in this clock, and what they may still or no longer see.
    visible: BTreeMap<u64, u64>,
    fading: Option<(u64, u64)>,
    /// Decisions on their way into `visible`.
    decided: VecDeque<Decision>,
    pending: VecDeque<Decision>,
    ops: VecDeque<(Wish, u64)>,
    started: VecDeque<(Wish, u64)>,
    last_start: Option<u64>,
    a: VecDeque<(u64, u64)>,
    b: VecDeque<(u64, u64)>,
    b_last: bool,
    place: u64,
    /// Keys that this walk has not met.
    unmet: HashSet<u64>,
    walks: u32,
    /// Ends of entries that are about to be moved, of 256.
    remove_moves: u64,
    moves: u64,
    refused: u64,
    made: u64,
}

impl<'a> Bench<'a> {
    fn new(engine: &'a mut dyn Engine, table: Table, seed: u64) -> Result<Self, BenchError> {
        set(engine, "hash_key", &HASH_KEY)?;
        let ports = Ports::new(engine)?;
        let ready = output(engine, "ready")?;
        loop {
            engine.settle();
            if read(engine, ready) == 1 {
                break;
            }
            engine.edge();
        }
        Ok(Self {
            engine,
            ports,
            table,
            random: Random::new(seed),
            now: 0,
            map: BTreeMap::new(),
            visible: BTreeMap::new(),
            fading: None,
            decided: VecDeque::new(),
            pending: VecDeque::new(),
            ops: VecDeque::new(),
            started: VecDeque::new(),
            last_start: None,
            a: VecDeque::new(),
            b: VecDeque::new(),
            b_last: false,
            place: 0,
            unmet: HashSet::new(),
            walks: 0,
            remove_moves: 0,
            moves: 0,
            refused: 0,
            made: 0,
        })
    }

    fn key_of(&self, value: u64) -> u64 {
        let owner = self.map.iter().find(|(_, other)| **other == value);
        *owner.unwrap_or_else(|| panic!("value {value} is in the table, but no key has it: {:?}", self.map)).0
    }

    fn unused_value(&mut self) -> u64 {
        loop {
            let value = self.random.below(1 << self.table.value_bits);
            if !self.map.values().any(|other| *other == value) {
                return value;
            }
        }
    }

    /// What is found decides what will be decided.
    fn found(&mut self) {
        let [valid, moved, hit, value, room, context] = self.ports.found.map(|port| read(self.engine, port));
        if valid == 0 {
            return;
        }
        let mut decision = Decision {
            due: self.now + DECIDE as u64,
            put: self.random.chance(0.5),
            remove: self.random.chance(0.5),
            value: self.unused_value(),
            puts: None,
            removes: None,
        };
        let mut met = None;
        if moved == 1 {
            self.moves += hit;
            decision.remove = self.random.below(256) < self.remove_moves;
            if hit == 1 {
                met = Some(self.key_of(value));
                decision.removes = met.filter(|_| decision.remove);
            }
        } else {
            let (wish, key) = self.started.pop_front().expect("found what nobody asked for");
            assert_eq!(WISHES[context as usize], wish, "the context comes back");
            let walks = matches!(wish, Wish::Walk | Wish::WalkRemove);
            if walks {
                met = (hit == 1).then(|| self.key_of(value));
                decision.remove = wish == Wish::WalkRemove;
                decision.removes = met.filter(|_| decision.remove);
            } else {
                let expected = self.map.get(&key).copied();
                assert_eq!((hit == 1).then_some(value), expected, "clock {}: {wish:?} of {key:#x}", self.now);
                decision.put = matches!(wish, Wish::Put | Wish::Toggle);
                decision.remove = matches!(wish, Wish::Remove | Wish::Toggle);
                if expected.is_some() {
                    decision.removes = decision.remove.then_some(key);
                } else if decision.put {
                    decision.puts = (room == 1).then_some(key);
                    self.refused += u64::from(room == 0);
                    self.made += room;
                }
            }
            if walks {
                self.visited(key, met);
            }
        }
        self.unmet.retain(|key| Some(*key) != met);
        self.pending.push_back(decision);
    }

    /// A place of the walk was visited; the last one must have completed the census.
    fn visited(&mut self, place: u64, met: Option<u64>) {
        if place == 0 {
            self.unmet = self.map.keys().copied().filter(|key| Some(*key) != met).collect();
        }
        if place + 1 == self.table.memory_places() + self.table.slots as u64 {
            self.unmet.retain(|key| Some(*key) != met);
            assert!(self.unmet.is_empty(), "clock {}: the walk did not meet {:x?}", self.now, self.unmet);
            self.walks += 1;
        }
    }

    fn result(&mut self, side: char) {
        let (ports, queue) = match side {
            'a' => (self.ports.a_result, &mut self.a),
            _ => (self.ports.b_result, &mut self.b),
        };
        let [valid, hit, value] = ports.map(|port| read(self.engine, port));
        let due = queue.front().is_some_and(|(due, _)| *due == self.now);
        assert_eq!(valid == 1, due, "clock {}: a result at {side}", self.now);
        if !due {
            return;
        }
        let key = queue.pop_front().map_or(0, |(_, key)| key);
        let (found, expected) = ((hit == 1).then_some(value), self.visible.get(&key).copied());
        let fades = self.fading.filter(|fading| fading.0 == key).map(|fading| fading.1);
        assert!(
            found == expected || (fades.is_some() && found == fades),
            "clock {}: side {side} found {found:?} for {key:#x}, there is {expected:?}",
            self.now
        );
    }

    /// One clock, with these lookups.
    fn clock(&mut self, a: Option<u64>, b: Option<u64>) {
        let noise = self.random.bits();
        let mask = (1 << (8 * self.table.key_bytes)) - 1;
        self.engine.set(self.ports.a_valid, &[u64::from(a.is_some())]);
        self.engine.set(self.ports.a_key, &[a.unwrap_or(noise & mask)]);
        self.engine.set(self.ports.b_valid, &[u64::from(b.is_some())]);
        self.engine.set(self.ports.b_key, &[b.unwrap_or(noise >> 8 & mask)]);
        let op = self.ops.front().copied();
        let walk = op.is_some_and(|(wish, _)| matches!(wish, Wish::Walk | Wish::WalkRemove));
        let context = op.map_or(0, |(wish, _)| WISHES.iter().position(|other| *other == wish).unwrap_or(0));
        let key = op.map_or(noise & mask, |(_, key)| if walk { self.place } else { key });
        for (port, value) in
            self.ports.op.into_iter().zip([u64::from(op.is_some()), u64::from(walk), key, context as u64])
        {
            self.engine.set(port, &[value]);
        }
        let decision = self.pending.front().copied().filter(|decision| decision.due == self.now);
        let (put, remove, value) = match decision {
            Some(decision) => (decision.put, decision.remove, decision.value),
            // Nobody may look at it.
            None => (noise & 1 == 1, noise & 2 == 2, noise >> 2 & ((1 << self.table.value_bits) - 1)),
        };
        for (port, value) in self.ports.decide.into_iter().zip([u64::from(put), u64::from(remove), value]) {
            self.engine.set(port, &[value]);
        }
        self.engine.settle();

        // What was decided two clocks ago shows now.
        self.fading = None;
        if let Some(decision) = self.decided.pop_front_if(|decision| decision.due + 2 == self.now) {
            if let Some(key) = decision.removes {
                self.fading = self.visible.remove_entry(&key);
            }
            if let Some(key) = decision.puts {
                self.visible.insert(key, decision.value);
            }
        }
        self.result('a');
        self.result('b');
        if let Some(decision) = decision {
            self.pending.pop_front();
            if let Some(key) = decision.removes {
                self.map.remove(&key);
                self.unmet.remove(&key);
            }
            if let Some(key) = decision.puts {
                self.map.insert(key, decision.value);
            }
            self.decided.push_back(decision);
        }
        self.found();

        self.a.extend(a.map(|key| (self.now + LATENCY, key)));
        let b_taken = b.filter(|_| !self.b_last);
        self.b_last = b_taken.is_some();
        self.b.extend(b_taken.map(|key| (self.now + LATENCY, key)));
        if op.is_some() && read(self.engine, self.ports.op_ready) == 1 {
            if let Some(last) = self.last_start.replace(self.now) {
                assert!(self.now - last >= SPACING as u64, "operations start {SPACING} clocks apart");
            }
            self.ops.pop_front();
            self.started.extend(op.map(|(wish, _)| (wish, key)));
            if walk {
                self.place = (self.place + 1) % (self.table.memory_places() + self.table.slots as u64);
            }
        }
        self.engine.edge();
        self.now += 1;
    }

    fn idle(&self) -> bool {
        self.ops.is_empty() && self.started.is_empty() && self.pending.is_empty()
    }

    /// Does what is to be done, without lookups.
    fn finish(&mut self) {
        let end = self.now + 100_000;
        while !self.idle() {
            assert!(self.now < end, "operations do not come through");
            self.clock(None, None);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    wish: Wish,
    key: usize,
    /// Clocks since the step before.
    wait: u8,
}

#[derive(Clone, Debug)]
struct Plan {
    steps: Vec<Step>,
    keys: usize,
    collide: bool,
    a_rate: f64,
    b_rate: f64,
    remove_moves: u64,
    seed: u64,
}

fn plan(most_keys: usize, steps: usize) -> impl Strategy<Value = Plan> {
    let wish = prop::sample::select(vec![
        Wish::Put,
        Wish::Put,
        Wish::Find,
        Wish::Remove,
        Wish::Toggle,
        Wish::Walk,
        Wish::Walk,
        Wish::WalkRemove,
    ]);
    let wait = prop_oneof![Just(0_u8), 0..30_u8];
    let step = (wish, any::<prop::sample::Index>(), wait).prop_map(|(wish, key, wait)| Step {
        wish,
        key: key.index(1 << 16),
        wait,
    });
    let rate = || prop::sample::select(vec![0.0, 0.3, 1.0]);
    (
        prop::collection::vec(step, 1..steps),
        (1..=most_keys, any::<bool>()),
        (rate(), rate()),
        prop::sample::select(vec![0, 20]),
        any::<u64>(),
    )
        .prop_map(|(steps, (keys, collide), (a_rate, b_rate), remove_moves, seed)| Plan {
            steps,
            keys,
            // As many keys as there are places with one hash; more of them would be long to find.
            collide: collide && keys <= 12,
            a_rate,
            b_rate,
            remove_moves,
            seed,
        })
}

fn run(engine: &mut dyn Engine, table: Table, plan: &Plan) -> Outcome {
    let mut random = Random::new(plan.seed);
    let keys = table.keys(plan.keys, plan.collide, &mut random);
    let mut bench = Bench::new(engine, table, plan.seed ^ 1)?;
    bench.remove_moves = plan.remove_moves;
    let mut pick = |rate: f64| random.chance(rate).then(|| keys[random.below(keys.len() as u64) as usize]);
    for step in &plan.steps {
        bench.ops.push_back((step.wish, keys[step.key % keys.len()]));
        for _ in 0..step.wait {
            let (a, b) = (pick(plan.a_rate), pick(plan.b_rate));
            bench.clock(a, b);
        }
    }
    let end = bench.now + 20_000;
    while !bench.idle() {
        assert!(bench.now < end, "operations do not come through");
        let (a, b) = (pick(plan.a_rate), pick(plan.b_rate));
        bench.clock(a, b);
    }
    for round in 0..2 {
        for key in &keys {
            bench.clock(Some(*key), Some(*key));
            bench.clock(None, None);
        }
        for _ in 0..=LATENCY * (1 - round) + 400 {
            bench.clock(None, None);
        }
    }
    Ok(())
}

#[test]
fn a_cuckoo_table_is_a_map_at_every_clock() {
    for (table, most_keys) in [(TINY, 24), (SMALL, 40)] {
        let block = Block::named(table.name);
        block.check(256, &plan(most_keys, 120), move |engine, plan| run(engine, table, &plan));
    }
}

/// More keys of one hash than the ways have places: the stash takes some, and refuses the rest.
#[test]
fn keys_of_the_same_four_places_fill_those_and_the_stash() {
    let mut engine = Block::named(SMALL.name).engine();
    let keys = SMALL.keys(12, true, &mut Random::new(5));
    let mut bench = Bench::new(&mut engine, SMALL, 1).unwrap();
    for key in &keys {
        bench.ops.push_back((Wish::Put, *key));
        (0..200).for_each(|_| bench.clock(Some(keys[0]), None));
    }
    bench.finish();
    assert_eq!((bench.made, bench.refused), (4 + SMALL.slots as u64, 12 - 4 - SMALL.slots as u64));
    // Chains rest in the end, and try again now and then.
    for _ in 0..3 {
        let moves = bench.moves;
        (0..REST).for_each(|_| bench.clock(None, None));
        assert!(bench.moves - moves <= (2 * MOST_MOVES * SMALL.slots) as u64, "moves without end");
    }
    let gone = *bench.map.keys().next().unwrap();
    bench.ops.push_back((Wish::Remove, gone));
    (0..200).for_each(|_| bench.clock(None, None));
    bench.ops.push_back((Wish::Put, gone));
    bench.finish();
    assert_eq!(bench.map.len(), 4 + SMALL.slots);
}

/// What filling the table and living at a load costs.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    percent: u64,
    attempts: u64,
    failures: u64,
    moves: u64,
    most_moves: u64,
}

/// Goes up to each load, and stays there with a removal for each insertion, one every `pace` clocks.
fn loads(pace: u64, percents: &[u64], seed: u64) -> Vec<Load> {
    let mut engine = Block::named(LARGE.name).engine();
    let mut bench = Bench::new(&mut engine, LARGE, seed).unwrap();
    let mut random = Random::new(seed);
    let mut loads = Vec::new();
    for &percent in percents {
        let target = LARGE.memory_places() * percent / 100;
        let mut load = Load { percent, ..Load::default() };
        let mut exchanged = 0;
        while exchanged < 300 {
            if bench.map.len() as u64 >= target {
                let victim = random.below(bench.map.len() as u64) as usize;
                let victim = bench.map.keys().nth(victim).copied();
                bench.ops.extend(victim.map(|key| (Wish::Remove, key)));
                exchanged += 1;
            }
            let key = loop {
                let key = LARGE.random_key(&mut random);
                if !bench.map.contains_key(&key) {
                    break key;
                }
            };
            let (moves, refused) = (bench.moves, bench.refused);
            bench.ops.push_back((Wish::Put, key));
            (0..pace).for_each(|_| bench.clock(None, None));
            load.attempts += 1;
            load.failures += bench.refused - refused;
            load.moves += bench.moves - moves;
            load.most_moves = load.most_moves.max(bench.moves - moves);
            if load.attempts > 1_000 {
                break;
            }
        }
        loads.push(load);
    }
    loads
}

#[test]
fn a_cuckoo_table_takes_ninety_percent_without_a_failure() {
    let percents = [50, 70, 80, 90, 95, 97, 99];
    for pace in [48, 128, 512] {
        println!("an insertion every {pace} clocks\n load  attempts  failures  moves/insertion  most in {pace} clocks");
        for load in loads(pace, &percents, 11) {
            println!(
                "{:4}%  {:8}  {:8}  {:15.2}  {:10}",
                load.percent,
                load.attempts,
                load.failures,
                load.moves as f64 / load.attempts as f64,
                load.most_moves
            );
            if load.percent <= 90 && pace >= 128 {
                assert_eq!(load.failures, 0, "at {}%", load.percent);
            }
        }
    }
}
